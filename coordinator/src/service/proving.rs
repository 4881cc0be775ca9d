//! What shows an event in the chain to whoever has a node: the transaction, its Merkle path, and its block's header.
//!
//! Invariant: a proof is of the active chain as the watchtower has it now; an event whose block left the chain has none.
//! Nothing in it is to be believed: `client` checks it, and asks the service's own node for the block.

use bitcoin::Txid;
use bitcoin::consensus::encode;
use bitcoin::hex::DisplayHex as _;
use policies::psbt::read_strict;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use watchtower::store::database::Transaction;
use watchtower::store::events::Event;
use watchtower::store::{coins, inclusion};

use super::ServiceError;
use crate::session::attempt::AttemptState;
use crate::store::attempts::AttemptRow;
use crate::store::payments;
use crate::store::withdrawals::WithdrawalKey;

/// What shows an event in the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ProofView {
    /// The transaction that shows it.
    pub txid: String,
    /// The whole transaction, in hex.
    pub transaction: String,
    /// The height of its block.
    pub height: u32,
    /// Its block.
    pub block: String,
    /// Header, position and Merkle path, in hex, as record 30 of a manifest has them.
    pub inclusion: String,
    /// For a withdrawal that has failed: all that was issued for it. Each spends a coin that the transaction above
    /// spends, or descends from what does.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub excluded: Vec<ExcludedTransaction>,
}

/// A transaction that was issued and that another one excludes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ExcludedTransaction {
    /// The transaction without witnesses, in hex.
    pub transaction: String,
    /// Those that it descends from and that its file carried, in hex.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ancestors: Vec<String>,
}

/// What an event says of the chain.
struct Claim {
    txid: Txid,
    height: Option<u32>,
    excluded: Vec<ExcludedTransaction>,
}

/// What shows an event in the chain; none for one that says nothing of the chain, or whose block left it.
///
/// # Errors
/// On a database failure.
pub(crate) async fn proof_of(
    tx: &mut Transaction,
    event: &Event,
) -> Result<Option<ProofView>, ServiceError> {
    let Some(claim) = claim(tx, event).await? else {
        return Ok(None);
    };
    let shown = inclusion::proof_of(tx, claim.txid, 1).await?;
    let Some((height, proof)) = shown else {
        return Ok(None);
    };
    if claim.height.is_some_and(|said| said != height) {
        return Ok(None);
    }
    let Some(transaction) = coins::funding_transaction(tx, claim.txid).await? else {
        return Ok(None);
    };
    Ok(Some(ProofView {
        txid: claim.txid.to_string(),
        transaction: encode::serialize_hex(&transaction),
        height,
        block: proof.header.block_hash().to_string(),
        inclusion: proof.encode().to_lower_hex_string(),
        excluded: claim.excluded,
    }))
}

async fn claim(tx: &mut Transaction, event: &Event) -> Result<Option<Claim>, ServiceError> {
    let text = |field: &str| event.body.get(field).and_then(Value::as_str);
    let txid = |field: &str| text(field).and_then(|txid| txid.parse::<Txid>().ok());
    let height = event.body.get("height").and_then(Value::as_u64);
    let height = height.and_then(|height| u32::try_from(height).ok());
    let plain = |txid: Option<Txid>| {
        txid.map(|txid| Claim {
            txid,
            height,
            excluded: Vec::new(),
        })
    };
    Ok(match event.kind.as_str() {
        "deposit.confirmed" | "deposit.settled" | "opening.confirmed" | "opening.settled"
        | "small.confirmed" | "small.settled" | "change.confirmed" | "change.settled"
        | "spend.confirmed" | "spend.settled" | "attempt.confirmed" | "attempt.settled" => {
            plain(txid("txid"))
        }
        "withdrawal.confirmed" | "withdrawal.settled" => {
            let paying = paying(tx, event).await?;
            let in_block = paying.into_iter().find(|row| {
                matches!(
                    row.state,
                    AttemptState::Confirmed { .. } | AttemptState::Settled { .. }
                )
            });
            plain(in_block.map(|row| row.txid))
        }
        "withdrawal.failed" => {
            let issued = paying(tx, event).await?;
            txid("by").map(|by| Claim {
                txid: by,
                height: None,
                excluded: issued.iter().filter_map(excluded).collect(),
            })
        }
        _ => None,
    })
}

/// The attempts that pay the withdrawal of an event.
async fn paying(tx: &mut Transaction, event: &Event) -> Result<Vec<AttemptRow>, ServiceError> {
    let text = |field: &str| event.body.get(field).and_then(Value::as_str);
    let requester = text("requester").and_then(|name| name.parse().ok());
    let id = text("id").and_then(|id| id.parse().ok());
    match (event.vault, requester, id) {
        (Some(vault), Some(requester), Some(id)) => {
            let key = WithdrawalKey {
                vault,
                requester,
                id,
            };
            Ok(payments::paying(tx, &key).await?)
        }
        _ => Ok(Vec::new()),
    }
}

/// An attempt as its own file has it; none of which nobody kept the file.
fn excluded(row: &AttemptRow) -> Option<ExcludedTransaction> {
    let strict = read_strict(&row.psbt).ok()?;
    let ancestors = strict.manifest().ancestors.values();
    Some(ExcludedTransaction {
        transaction: encode::serialize_hex(strict.transaction()),
        ancestors: ancestors.map(encode::serialize_hex).collect(),
    })
}
