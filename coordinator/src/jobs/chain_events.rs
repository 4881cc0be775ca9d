//! Takes in what the watchtower saw: attempts and withdrawals follow the chain, payments and fees are
//! booked, coins are released.
//!
//! The cursor moves in the same transaction, so that every event counts once whatever is killed when.

use std::collections::{BTreeMap, BTreeSet};

use bitcoin::{BlockHash, OutPoint, Txid};
use policies::planted::steps::Step;
use policies::{UnixTime, VaultId};
use serde_json::Value;
use watchtower::store::database::Transaction;
use watchtower::store::events::{self, Event};
use watchtower::store::outgoing::add_outgoing;
use watchtower::store::{coins, cursor, ledger};

use super::bookings::postings;
use super::finalizing::settle_depth;
use super::{rivals, variants};
use crate::service::explaining::explain;
use crate::service::keeping::keep_in_step;
use crate::service::record::{Cause, move_attempt};
use crate::service::{Service, ServiceError, customers, lock_vault, poisoning, reuse};
use crate::session::attempt::{AttemptEvent, AttemptState};
use crate::store::attempts::{self, AttemptRow};
use crate::store::settled_spends;

/// Our name among the readers of the event log.
pub(super) const CONSUMER: &str = "coordinator";

/// What a spend event says.
#[derive(Debug)]
pub(super) struct Spend {
    pub(super) txid: Txid,
    pub(super) coins: Vec<OutPoint>,
    height: u32,
    block: Option<BlockHash>,
    was_settled: bool,
}

/// Takes in up to `limit` events.
pub(super) async fn take_in(
    service: &Service,
    tx: &mut Transaction,
    limit: u32,
    now: UnixTime,
) -> Result<(), ServiceError> {
    let seen = cursor::cursor(tx, CONSUMER).await?;
    let page = events::after(tx, seen, limit).await?;
    let Some(last) = page.last().map(|event| event.number) else {
        return Ok(());
    };
    let mut touched: BTreeMap<VaultId, BTreeSet<String>> = BTreeMap::new();
    for event in &page {
        if let Some(vault) = event.vault {
            let references = customers::touched_by(tx, event).await?;
            touched.entry(vault).or_default().extend(references);
            reuse::mark(tx, vault, event, now).await?;
        }
        if let (Some(vault), Some(spend)) = (event.vault, read(event)) {
            lock_vault(tx, vault).await?;
            take_spend(service, tx, vault, &event.kind, &spend, now).await?;
        }
    }
    for (vault, references) in touched {
        lock_vault(tx, vault).await?;
        customers::watch(tx, vault, &references, now).await?;
    }
    poisoning::watch(service, tx, &page, now).await?;
    Ok(cursor::advance(tx, CONSUMER, last).await?)
}

async fn take_spend(
    service: &Service,
    tx: &mut Transaction,
    vault: VaultId,
    kind: &str,
    spend: &Spend,
    now: UnixTime,
) -> Result<(), ServiceError> {
    let cause = Cause {
        actor: "watchtower",
        reason: kind,
        at: now,
    };
    let mut touched = BTreeSet::new();
    let mut known = attempts::lookup(tx, spend.txid).await?;
    if known.is_none() && matches!(kind, "spend.seen" | "spend.confirmed") {
        known = explain(service, tx, vault, spend.txid, cause).await?;
    }
    if let Some(mut row) = known {
        variants::look(tx, &row, kind, cause).await?;
        if matches!(kind, "spend.seen" | "spend.confirmed") {
            hand_over(service, tx, &mut row, now).await?;
        }
        follow(tx, kind, spend, &mut row, cause).await?;
        touched.insert(row.txid);
        keep_in_step(tx, &touched, "settled", cause).await?;
        touched.clear();
    }
    let settles = kind == "spend.settled";
    if settles || kind == "spend.reorged" && spend.was_settled {
        for coin in &spend.coins {
            settled_spends::set(tx, *coin, spend.txid, settles).await?;
        }
        if settles {
            touched.extend(rivals::bury(tx, spend, cause).await?);
        } else {
            touched.extend(rivals::revive(tx, spend, cause).await?);
        }
    }
    keep_in_step(tx, &touched, "an exclusive transaction is settled", cause).await
}

/// Keeps the bytes of an attempt that the network has and we never broadcast: signers handed it over
/// themselves, and from now on it must be broadcast again whenever it is lost (M5).
pub(super) async fn hand_over(
    service: &Service,
    tx: &mut Transaction,
    row: &mut AttemptRow,
    now: UnixTime,
) -> Result<(), ServiceError> {
    let unsent = matches!(
        row.state,
        AttemptState::Issued
            | AttemptState::Signed
            | AttemptState::Dropped
            | AttemptState::Dead { signed: false, .. }
    );
    if !unsent {
        return Ok(());
    }
    let transaction = match &row.final_transaction {
        Some(known) => known.clone(),
        None => match coins::funding_transaction(tx, row.txid).await? {
            Some(seen) => {
                attempts::set_final(tx, &seen).await?;
                row.final_transaction = Some(seen.clone());
                seen
            }
            None => return Ok(()),
        },
    };
    let policy = service.policy(tx, row.policy).await?;
    let depth = settle_depth(&policy);
    Ok(add_outgoing(tx, row.vault, &transaction, depth, now).await?)
}

/// Moves an attempt of ours with its own transaction, and books what it takes out of the vault.
async fn follow(
    tx: &mut Transaction,
    kind: &str,
    spend: &Spend,
    row: &mut AttemptRow,
    cause: Cause<'_>,
) -> Result<(), ServiceError> {
    let (height, block) = (spend.height, spend.block);
    match (kind, block) {
        ("spend.seen", _) => {
            let unseen = matches!(
                row.state,
                AttemptState::Issued
                    | AttemptState::Signed
                    | AttemptState::Broadcasting
                    | AttemptState::Dropped
            );
            if unseen {
                move_attempt(tx, row, &AttemptEvent::SeenInMempool, cause).await?;
            }
        }
        ("spend.dropped", _) if row.state == AttemptState::InMempool => {
            move_attempt(tx, row, &AttemptEvent::LeftMempool, cause).await?;
        }
        ("spend.confirmed", Some(block)) => {
            if matches!(row.state, AttemptState::Dead { .. }) {
                move_attempt(tx, row, &AttemptEvent::Revived, cause).await?;
            }
            move_attempt(tx, row, &AttemptEvent::Confirmed { height, block }, cause).await?;
            for posting in postings(tx, row, block).await? {
                ledger::post(tx, &posting, cause.at).await?;
            }
        }
        ("spend.settled", Some(block)) => {
            move_attempt(tx, row, &AttemptEvent::Settled { height, block }, cause).await?;
            tx.mark(Step::Settle);
        }
        ("spend.reorged", Some(block)) => {
            move_attempt(tx, row, &AttemptEvent::Reorged, cause).await?;
            for posting in postings(tx, row, block).await? {
                ledger::post(tx, &posting.reversed(), cause.at).await?;
            }
        }
        _ => {}
    }
    Ok(())
}

fn read(event: &Event) -> Option<Spend> {
    if event.object_kind != "transaction" {
        return None;
    }
    let text = |key: &str| event.body.get(key).and_then(Value::as_str);
    let coins = event.body.get("coins").and_then(Value::as_array)?;
    Some(Spend {
        txid: event.object_id.parse().ok()?,
        coins: coins
            .iter()
            .filter_map(Value::as_str)
            .filter_map(|coin| coin.parse().ok())
            .collect(),
        height: event
            .body
            .get("height")
            .and_then(Value::as_u64)
            .and_then(|height| u32::try_from(height).ok())
            .unwrap_or_default(),
        block: text("block_hash").and_then(|hash| hash.parse().ok()),
        was_settled: event
            .body
            .get("was_settled")
            .and_then(Value::as_bool)
            .unwrap_or(false),
    })
}
