//! Writes back what the tracker decided: rows, ledger entries, events.

use bitcoin::consensus::encode;
use bitcoin::hashes::Hash as _;
use bitcoin::{Amount, Txid};
use policies::UnixTime;
use serde_json::json;

use super::{ChainError, nuisances};
use crate::alarm::AlarmKind;
use crate::store::alarms::{self, NewAlarm};
use crate::store::coins::placement_values;
use crate::store::database::{DatabaseError, Transaction, Value};
use crate::store::events::{self, NewEvent};
use crate::store::ledger;
use crate::tracker::{Change, Coin, Spend, TrackedTransaction, View, deposited, event, postings};

/// Who is named in events that come from the chain.
pub(super) const ACTOR: &str = "watchtower";

pub(super) async fn write(
    tx: &mut Transaction,
    view: &View,
    changes: &[Change],
    now: UnixTime,
) -> Result<(), ChainError> {
    for (txid, tracked) in view.touched_transactions() {
        write_transaction(tx, *txid, tracked).await?;
    }
    for coin in view.touched_coins() {
        write_coin(tx, coin).await?;
    }
    let reused = nuisances::reused(tx, changes).await?;
    for change in changes {
        for posting in postings(change) {
            ledger::post(tx, &posting, now).await?;
        }
        resend_soon(tx, change, now).await?;
        let mut draft = event(change);
        let reuse = deposited(change).and_then(|(coin, _)| reused.get(&coin.outpoint));
        if let Some(reuse) = reuse {
            draft.body.insert("reused".to_owned(), json!(reuse.code()));
        }
        let new = NewEvent {
            object_kind: draft.object_kind,
            object_id: &draft.object_id,
            kind: draft.kind,
            vault: Some(draft.vault),
            body: draft.body,
            actor: ACTOR,
            reason: "",
            at: now,
        };
        events::append(tx, &new).await?;
        alarm(tx, change, now).await?;
    }
    nuisances::tell(tx, changes, &reused, now).await
}

/// A spend that nobody handed over is told at once, and until it is explained or has left the mempool.
async fn alarm(tx: &mut Transaction, change: &Change, now: UnixTime) -> Result<(), ChainError> {
    if let Change::SpendUnknown { spend } = change {
        let subject = spend.txid.to_string();
        let new = NewAlarm {
            kind: AlarmKind::UnknownSpend,
            subject: &subject,
            vault: Some(spend.vault),
            detail: &spent_in_words(spend),
            actor: ACTOR,
            at: now,
        };
        alarms::raise(tx, &new).await?;
    }
    if let Change::SpendDropped { spend, .. } = change {
        let unknown = (AlarmKind::UnknownSpend, spend.txid.to_string());
        let why = "it left the mempool without a confirmation";
        alarms::end(tx, (unknown.0, &unknown.1), ACTOR, why, now).await?;
    }
    Ok(())
}

fn spent_in_words(spend: &Spend) -> String {
    let amounts = spend.coins.iter().map(|coin| coin.amount);
    let sum = amounts.fold(Amount::ZERO, |sum, amount| {
        sum.checked_add(amount).unwrap_or(Amount::MAX_MONEY)
    });
    let (txid, sat) = (spend.txid, sum.to_sat());
    match spend.coins.len() {
        1 => format!("{txid} spends a coin of {sat} sat"),
        many => format!("{txid} spends {many} coins of {sat} sat together"),
    }
}

/// A transaction of ours that fell out of the chain or the mempool is sent again at once.
async fn resend_soon(
    tx: &mut Transaction,
    change: &Change,
    now: UnixTime,
) -> Result<(), DatabaseError> {
    let (Change::SpendReorged { spend, .. } | Change::SpendDropped { spend, .. }) = change else {
        return Ok(());
    };
    tx.execute(
        "UPDATE outgoing_status SET next_at = $1 WHERE txid = $2",
        &[
            Value::from_u64(now.as_secs())?,
            spend.txid.to_byte_array().into(),
        ],
    )
    .await
    .map(drop)
}

async fn write_transaction(
    tx: &mut Transaction,
    txid: Txid,
    tracked: &TrackedTransaction,
) -> Result<(), DatabaseError> {
    let [placement, height, hash] = placement_values(tracked.placement);
    tx.execute_one(
        "INSERT INTO chain_transaction
             (txid, raw, placement, block_height, block_hash, settle_depth, settle_height, settled)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (txid) DO UPDATE SET raw = excluded.raw, placement = excluded.placement,
             block_height = excluded.block_height, block_hash = excluded.block_hash,
             settle_depth = excluded.settle_depth, settle_height = excluded.settle_height,
             settled = excluded.settled",
        &[
            txid.to_byte_array().into(),
            encode::serialize(&tracked.transaction).into(),
            placement,
            height,
            hash,
            tracked.settle_depth.into(),
            tracked.settle_height().into(),
            tracked.settled.into(),
        ],
    )
    .await?;
    for (vin, input) in (0_u32..).zip(&tracked.transaction.input) {
        if input.previous_output.is_null() {
            continue;
        }
        tx.execute(
            "INSERT INTO chain_input (txid, vin, previous_txid, previous_vout)
             VALUES ($1, $2, $3, $4) ON CONFLICT (txid, vin) DO NOTHING",
            &[
                txid.to_byte_array().into(),
                vin.into(),
                input.previous_output.txid.to_byte_array().into(),
                input.previous_output.vout.into(),
            ],
        )
        .await?;
    }
    Ok(())
}

async fn write_coin(tx: &mut Transaction, coin: &Coin) -> Result<(), DatabaseError> {
    let [placement, height, hash] = placement_values(coin.placement);
    tx.execute_one(
        "INSERT INTO coin (txid, vout, script, vault, amount_sat, coinbase, is_change, placement,
             block_height, block_hash, settle_height, settled, spent_by, spent_height, spent_hash,
             times_confirmed, times_spent, below_minimum)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
         ON CONFLICT (txid, vout) DO UPDATE SET placement = excluded.placement,
             block_height = excluded.block_height, block_hash = excluded.block_hash,
             settle_height = excluded.settle_height, settled = excluded.settled,
             spent_by = excluded.spent_by, spent_height = excluded.spent_height,
             spent_hash = excluded.spent_hash, times_confirmed = excluded.times_confirmed,
             times_spent = excluded.times_spent",
        &[
            coin.outpoint.txid.to_byte_array().into(),
            coin.outpoint.vout.into(),
            coin.script.script_pubkey.as_bytes().into(),
            coin.script.vault.to_bytes().into(),
            Value::from_u64(coin.amount.to_sat())?,
            coin.coinbase.into(),
            coin.change.into(),
            placement,
            height,
            hash,
            coin.settle_height().into(),
            coin.settled.into(),
            coin.spent_by.map(Txid::to_byte_array).into(),
            coin.spent_in.map(|block| block.height).into(),
            coin.spent_in.map(|block| block.hash.to_byte_array()).into(),
            coin.times_confirmed.into(),
            coin.times_spent.into(),
            coin.below_minimum.into(),
        ],
    )
    .await
}
