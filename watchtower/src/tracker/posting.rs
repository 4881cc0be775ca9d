//! Which entries of the ledger a change makes.
//!
//! The cause names the outpoint, the block and how often it happened, so that a coin that goes and
//! returns is booked each time and never twice. A deposit below the minimum is booked when it confirms, and never
//! credited to its reference. What blocks of history did is opening balance: no customer's
//! deposit, no payment of ours.

use bitcoin::OutPoint;

use super::{BlockRef, Change, Coin, Spend};
use crate::ledger::{Account, Posting};

/// The entries of a change; none for what is unconfirmed.
pub fn postings(change: &Change) -> Vec<Posting> {
    let mut postings = match change {
        Change::CoinConfirmed { coin, block } => vec![confirmed(coin, *block)],
        Change::CoinSettled { coin, block } => settled(coin, *block).into_iter().collect(),
        Change::CoinReversed { coin, block } => {
            let settled = if coin.settled {
                settled(coin, *block)
            } else {
                None
            };
            settled
                .into_iter()
                .chain([confirmed(coin, *block)])
                .map(Posting::reversed)
                .collect()
        }
        Change::SpendConfirmed { spend, block } => spent(spend, *block).collect(),
        Change::SpendReorged { spend, block, .. } => {
            spent(spend, *block).map(Posting::reversed).collect()
        }
        Change::CoinSeen { .. }
        | Change::CoinDropped { .. }
        | Change::CoinReplaced { .. }
        | Change::SpendUnknown { .. }
        | Change::SpendSeen { .. }
        | Change::SpendSettled { .. }
        | Change::SpendDropped { .. } => Vec::new(),
    };
    postings.retain(|posting| posting.amount != bitcoin::Amount::ZERO);
    postings
}

fn confirmed(coin: &Coin, block: BlockRef) -> Posting {
    Posting {
        vault: coin.script.vault,
        cause: cause("confirmed", coin.outpoint, block, coin.times_confirmed),
        debit: Account::Coins,
        credit: if coin.script.is_history(block) {
            Account::Opening
        } else if coin.change {
            Account::Clearing
        } else if coin.below_minimum {
            Account::BelowMinimum(coin.script.reference.clone())
        } else {
            Account::DepositsPending
        },
        amount: coin.amount,
    }
}

fn settled(coin: &Coin, block: BlockRef) -> Option<Posting> {
    let is_credited = !coin.change && !coin.below_minimum && !coin.script.is_history(block);
    is_credited.then(|| Posting {
        vault: coin.script.vault,
        cause: cause("settled", coin.outpoint, block, coin.times_confirmed),
        debit: Account::DepositsPending,
        credit: Account::DepositsSettled(coin.script.reference.clone()),
        amount: coin.amount,
    })
}

fn spent(spend: &Spend, block: BlockRef) -> impl Iterator<Item = Posting> {
    spend.coins.iter().map(move |coin| Posting {
        vault: coin.vault,
        cause: cause("spent", coin.outpoint, block, coin.times_spent),
        debit: if coin.is_history(block) {
            Account::Opening
        } else {
            Account::Clearing
        },
        credit: Account::Coins,
        amount: coin.amount,
    })
}

fn cause(what: &str, outpoint: OutPoint, block: BlockRef, times: u32) -> String {
    format!("{what}:{outpoint}:{}:{times}", block.hash)
}
