//! Takes in what the watchtower saw: attempts and withdrawals follow the chain, payments and fees are
//! booked, coins are released.
//!
//! The cursor moves in the same transaction, so that every event counts once whatever is killed when.

use bitcoin::{BlockHash, OutPoint, Txid};
use policies::UnixTime;
use serde_json::Value;
use watchtower::store::database::Transaction;
use watchtower::store::events::{self, Event};
use watchtower::store::outgoing::add_outgoing;
use watchtower::store::{coins, cursor, ledger};

use super::bookings::postings;
use super::finalizing::settle_depth;
use crate::service::record::{Cause, move_attempt, move_withdrawal};
use crate::service::{Service, ServiceError, lock_vault};
use crate::session::attempt::{AttemptEvent, AttemptState};
use crate::session::withdrawal::{WithdrawalEvent, WithdrawalState};
use crate::store::attempts::{self, AttemptRow};
use crate::store::withdrawals::WithdrawalRow;
use crate::store::{batches, jobs, windows, withdrawals};

/// Our name among the readers of the event log.
pub(super) const CONSUMER: &str = "coordinator";

/// What a spend event says.
#[derive(Debug)]
struct Spend {
    txid: Txid,
    coins: Vec<OutPoint>,
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
    for event in &page {
        if let (Some(vault), Some(spend)) = (event.vault, read(event)) {
            lock_vault(tx, vault).await?;
            take_spend(service, tx, &event.kind, &spend, now).await?;
        }
    }
    Ok(cursor::advance(tx, CONSUMER, last).await?)
}

async fn take_spend(
    service: &Service,
    tx: &mut Transaction,
    kind: &str,
    spend: &Spend,
    now: UnixTime,
) -> Result<(), ServiceError> {
    let cause = Cause {
        actor: "watchtower",
        reason: kind,
        at: now,
    };
    if let Some(mut row) = attempts::lookup(tx, spend.txid).await? {
        if matches!(kind, "spend.seen" | "spend.confirmed") {
            hand_over(service, tx, &mut row, now).await?;
        }
        follow(tx, kind, spend, &mut row, cause).await?;
    }
    match kind {
        "spend.settled" => bury_rivals(tx, spend, cause).await,
        "spend.reorged" if spend.was_settled => revive_rivals(service, tx, spend, cause).await,
        _ => Ok(()),
    }
}

/// Keeps the bytes of an attempt that the network has and we never broadcast: signers handed it over
/// themselves, and from now on it must be broadcast again whenever it is lost (M5).
async fn hand_over(
    service: &Service,
    tx: &mut Transaction,
    row: &mut AttemptRow,
    now: UnixTime,
) -> Result<(), ServiceError> {
    let unsent = matches!(
        row.state,
        AttemptState::Issued | AttemptState::Signed | AttemptState::Dead { signed: false, .. }
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

/// Moves an attempt of ours and its withdrawals with its own transaction.
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
            if matches!(
                row.state,
                AttemptState::Issued | AttemptState::Signed | AttemptState::Broadcasting
            ) {
                move_attempt(tx, row, &AttemptEvent::SeenInMempool, cause).await?;
                move_payments(tx, row, &WithdrawalEvent::Broadcast, cause).await?;
            }
        }
        ("spend.dropped", _) if row.state == AttemptState::InMempool => {
            move_attempt(tx, row, &AttemptEvent::LeftMempool, cause).await?;
        }
        ("spend.confirmed", Some(block)) => {
            if matches!(row.state, AttemptState::Dead { .. }) {
                move_attempt(tx, row, &AttemptEvent::Revived, cause).await?;
                move_payments(tx, row, &WithdrawalEvent::Revived, cause).await?;
                batches::reserve_again(tx, row.batch).await?;
                batches::set_live(tx, row.batch, true).await?;
                windows::count_again(tx, row.batch).await?;
            }
            move_attempt(tx, row, &AttemptEvent::Confirmed { height, block }, cause).await?;
            let paid =
                move_payments(tx, row, &WithdrawalEvent::Confirmed { height }, cause).await?;
            for posting in postings(tx, row, &paid, block).await? {
                ledger::post(tx, &posting, cause.at).await?;
            }
        }
        ("spend.settled", Some(block)) => {
            move_attempt(tx, row, &AttemptEvent::Settled { height, block }, cause).await?;
            move_payments(tx, row, &WithdrawalEvent::Settled { height }, cause).await?;
            batches::release(tx, row.batch, "settled", cause.at).await?;
            batches::set_live(tx, row.batch, false).await?;
        }
        ("spend.reorged", Some(block)) => {
            if spend.was_settled {
                batches::reserve_again(tx, row.batch).await?;
                batches::set_live(tx, row.batch, true).await?;
            }
            move_attempt(tx, row, &AttemptEvent::Reorged, cause).await?;
            let paid = move_payments(tx, row, &WithdrawalEvent::Reorged, cause).await?;
            for posting in postings(tx, row, &paid, block).await? {
                ledger::post(tx, &posting.reversed(), cause.at).await?;
            }
        }
        _ => {}
    }
    Ok(())
}

/// Attempts that share a coin with a settled transaction can never confirm (M1); their coins are free
/// again (M4).
async fn bury_rivals(
    tx: &mut Transaction,
    spend: &Spend,
    cause: Cause<'_>,
) -> Result<(), ServiceError> {
    for mut rival in rivals(tx, spend).await? {
        let alive = matches!(
            rival.state,
            AttemptState::Issued
                | AttemptState::Signed
                | AttemptState::Broadcasting
                | AttemptState::InMempool
        );
        if alive {
            move_attempt(
                tx,
                &mut rival,
                &AttemptEvent::Died { by: spend.txid },
                cause,
            )
            .await?;
            move_payments(
                tx,
                &rival,
                &WithdrawalEvent::Failed { by: spend.txid },
                cause,
            )
            .await?;
            batches::release(
                tx,
                rival.batch,
                "an exclusive transaction is settled",
                cause.at,
            )
            .await?;
            batches::set_live(tx, rival.batch, false).await?;
            windows::release(tx, rival.batch, cause.at).await?;
        }
    }
    Ok(())
}

/// What died by a transaction that left the chain again is alive again.
async fn revive_rivals(
    service: &Service,
    tx: &mut Transaction,
    spend: &Spend,
    cause: Cause<'_>,
) -> Result<(), ServiceError> {
    for mut rival in rivals(tx, spend).await? {
        if matches!(rival.state, AttemptState::Dead { by, .. } if by == spend.txid) {
            batches::reserve_again(tx, rival.batch).await?;
            batches::set_live(tx, rival.batch, true).await?;
            windows::count_again(tx, rival.batch).await?;
            move_attempt(tx, &mut rival, &AttemptEvent::Revived, cause).await?;
            move_payments(tx, &rival, &WithdrawalEvent::Revived, cause).await?;
            if rival.state == AttemptState::Issued {
                jobs::enqueue(tx, super::FINALIZE, &rival.txid.to_string(), service.now()).await?;
            }
        }
    }
    Ok(())
}

/// The other attempts of batches that ever held one of the coins.
async fn rivals(tx: &mut Transaction, spend: &Spend) -> Result<Vec<AttemptRow>, ServiceError> {
    let mut found: Vec<AttemptRow> = Vec::new();
    for coin in &spend.coins {
        for batch in batches::holders_of(tx, *coin).await? {
            for attempt in attempts::of_batch(tx, batch).await? {
                let known = found.iter().any(|other| other.txid == attempt.txid);
                if attempt.txid != spend.txid && !known {
                    found.push(attempt);
                }
            }
        }
    }
    Ok(found)
}

/// Moves the withdrawals that an attempt pays and that the event concerns; gives them all.
async fn move_payments(
    tx: &mut Transaction,
    row: &AttemptRow,
    event: &WithdrawalEvent,
    cause: Cause<'_>,
) -> Result<Vec<WithdrawalRow>, ServiceError> {
    let mut paid = Vec::new();
    for key in batches::withdrawals_of(tx, row.batch).await? {
        let Some(mut withdrawal) = withdrawals::lookup(tx, &key).await? else {
            continue;
        };
        if withdrawal.state.attempt() == Some(row.txid) {
            // Our own handing over may have said so before the network did.
            let said = matches!(event, WithdrawalEvent::Broadcast)
                && !matches!(withdrawal.state, WithdrawalState::Signing { .. });
            if !said {
                move_withdrawal(tx, &mut withdrawal, event, cause).await?;
            }
            paid.push(withdrawal);
        }
    }
    Ok(paid)
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
