//! Which event of the log a change makes.

use policies::VaultId;
use serde_json::{Map, Value, json};

use super::{BlockRef, Change, Coin, Spend};

/// An event before it has a version, an actor and a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventDraft {
    /// `deposit`, `change` or `transaction`.
    pub object_kind: &'static str,
    /// The outpoint or the txid.
    pub object_id: String,
    /// What happened.
    pub kind: &'static str,
    /// The vault concerned.
    pub vault: VaultId,
    /// The facts.
    pub body: Map<String, Value>,
}

/// The event of a change.
pub fn event(change: &Change) -> EventDraft {
    match change {
        Change::CoinSeen { coin } => of_coin(coin, "deposit.seen", "change.seen", None),
        Change::CoinConfirmed { coin, block } => {
            let kinds = ["deposit.confirmed", "small.confirmed", "opening.confirmed"];
            let deposit = of_deposit(coin, *block, kinds);
            of_coin(coin, deposit, "change.confirmed", Some(*block))
        }
        Change::CoinSettled { coin, block } => {
            let kinds = ["deposit.settled", "small.settled", "opening.settled"];
            let deposit = of_deposit(coin, *block, kinds);
            of_coin(coin, deposit, "change.settled", Some(*block))
        }
        Change::CoinReversed { coin, block } => {
            let kinds = ["deposit.reversed", "small.reversed", "opening.reversed"];
            let deposit = of_deposit(coin, *block, kinds);
            let mut draft = of_coin(coin, deposit, "change.reversed", Some(*block));
            draft
                .body
                .insert("was_settled".to_owned(), json!(coin.settled));
            draft
        }
        Change::CoinDropped { coin } => of_coin(coin, "deposit.dropped", "change.dropped", None),
        Change::CoinReplaced { coin, by } => {
            let mut draft = of_coin(coin, "deposit.replaced", "change.replaced", None);
            draft.body.insert("by".to_owned(), json!(by.to_string()));
            draft
        }
        Change::SpendUnknown { spend } => of_spend(spend, "spend.unknown", None),
        Change::SpendSeen { spend } => of_spend(spend, "spend.seen", None),
        Change::SpendConfirmed { spend, block } => of_spend(spend, "spend.confirmed", Some(*block)),
        Change::SpendSettled { spend, block } => of_spend(spend, "spend.settled", Some(*block)),
        Change::SpendReorged {
            spend,
            block,
            was_settled,
        } => {
            let mut draft = of_spend(spend, "spend.reorged", Some(*block));
            draft
                .body
                .insert("was_settled".to_owned(), json!(was_settled));
            draft
        }
        Change::SpendDropped { spend, by } => {
            let mut draft = of_spend(spend, "spend.dropped", None);
            if let Some(by) = by {
                draft.body.insert("by".to_owned(), json!(by.to_string()));
            }
            draft
        }
    }
}

/// Which kind it is: whoever credits deposits must take neither history nor what is below the minimum for one.
fn of_deposit(
    coin: &Coin,
    block: BlockRef,
    [deposit, small, history]: [&'static str; 3],
) -> &'static str {
    if coin.script.is_history(block) {
        history
    } else if coin.below_minimum {
        small
    } else {
        deposit
    }
}

fn of_coin(
    coin: &Coin,
    deposit: &'static str,
    change: &'static str,
    block: Option<BlockRef>,
) -> EventDraft {
    let script = &coin.script;
    let mut body = Map::new();
    body.insert("amount_sat".to_owned(), json!(coin.amount.to_sat()));
    if coin.below_minimum {
        body.insert("below_minimum".to_owned(), json!(true));
    }
    body.insert("index".to_owned(), json!(script.index));
    body.insert("keychain".to_owned(), json!(script.keychain.name()));
    body.insert("keyset".to_owned(), json!(script.keyset.to_string()));
    body.insert(
        "script_pubkey".to_owned(),
        json!(script.script_pubkey.to_hex_string()),
    );
    body.insert("txid".to_owned(), json!(coin.outpoint.txid.to_string()));
    body.insert("vout".to_owned(), json!(coin.outpoint.vout));
    if let Some(reference) = &script.reference {
        body.insert("reference".to_owned(), json!(reference));
    }
    add_block(&mut body, block);
    EventDraft {
        object_kind: if coin.change { "change" } else { "deposit" },
        object_id: coin.outpoint.to_string(),
        kind: if coin.change { change } else { deposit },
        vault: script.vault,
        body,
    }
}

fn of_spend(spend: &Spend, kind: &'static str, block: Option<BlockRef>) -> EventDraft {
    let coins: Vec<String> = spend
        .coins
        .iter()
        .map(|coin| coin.outpoint.to_string())
        .collect();
    let mut body = Map::new();
    body.insert("coins".to_owned(), json!(coins));
    body.insert("known".to_owned(), json!(spend.known));
    body.insert("txid".to_owned(), json!(spend.txid.to_string()));
    add_block(&mut body, block);
    EventDraft {
        object_kind: "transaction",
        object_id: spend.txid.to_string(),
        kind,
        vault: spend.vault,
        body,
    }
}

fn add_block(body: &mut Map<String, Value>, block: Option<BlockRef>) {
    if let Some(BlockRef { height, hash }) = block {
        body.insert("block_hash".to_owned(), json!(hash.to_string()));
        body.insert("height".to_owned(), json!(height));
    }
}
