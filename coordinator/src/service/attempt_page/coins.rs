//! The coins that an attempt spends, as the watchtower knows them.

use bitcoin::OutPoint;
use policies::Keychain;
use watchtower::store::coins;
use watchtower::store::database::Transaction;

use super::confirmations;
use crate::service::ServiceError;
use crate::service::attempt_view::AttemptView;

/// An input and the coin it spends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputFacts {
    /// The coin: txid, colon, output.
    pub outpoint: String,
    /// Its amount.
    pub amount_sat: u64,
    /// Where it came from; none where the watchtower does not know the coin.
    pub coin: Option<InputCoin>,
    /// Whether the signatures suffice.
    pub quorum: bool,
}

/// A coin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputCoin {
    /// `deposit` or `change`.
    pub from: &'static str,
    /// The keychain of its address.
    pub keychain: &'static str,
    /// The index of its address.
    pub index: u32,
    /// The reference of a deposit.
    pub reference: Option<String>,
    /// The height of its block.
    pub height: Option<u32>,
    /// Its confirmations.
    pub confirmations: u32,
    /// The bytes of the transaction that made it, which devices are given whole.
    pub funding_bytes: usize,
}

pub(super) async fn inputs(
    tx: &mut Transaction,
    attempt: &AttemptView,
    tip: Option<u32>,
) -> Result<Vec<InputFacts>, ServiceError> {
    let mut facts = Vec::new();
    for input in &attempt.inputs {
        let coin = match input.outpoint.parse::<OutPoint>() {
            Ok(outpoint) => coin(tx, outpoint, tip).await?,
            Err(_) => None,
        };
        facts.push(InputFacts {
            outpoint: input.outpoint.clone(),
            amount_sat: input.amount_sat,
            coin,
            quorum: input.quorum,
        });
    }
    Ok(facts)
}

async fn coin(
    tx: &mut Transaction,
    outpoint: OutPoint,
    tip: Option<u32>,
) -> Result<Option<InputCoin>, ServiceError> {
    let Some(coin) = coins::coin(tx, outpoint).await? else {
        return Ok(None);
    };
    let funding = coins::funding_transaction(tx, outpoint.txid).await?;
    let height = coin.placement.block().map(|block| block.height);
    Ok(Some(InputCoin {
        from: if coin.change { "change" } else { "deposit" },
        keychain: match coin.script.keychain {
            Keychain::External => "external",
            Keychain::Internal => "internal",
        },
        index: coin.script.index,
        reference: coin.script.reference,
        height,
        confirmations: confirmations(tip, height),
        funding_bytes: funding.map_or(0, |funding| funding.total_size()),
    }))
}
