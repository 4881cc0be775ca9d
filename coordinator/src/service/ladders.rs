//! Ladders: several feerates of one attempt, signed in one sitting and released step by step.
//!
//! Invariant: every rung is an attempt like any other, reviewed by our own review beside all that was issued before and
//! the rungs below it; all spend the same coins and pay the same, so that at most one is ever in a chain. A rung that
//! is held is not handed over for broadcasting here; whoever signed it may, and it is followed then.

mod climbing;

use bitcoin::Txid;
use policies::UnixTime;
use policies::document::format_sat_per_vb;
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};
use utoipa::ToSchema;
use watchtower::store::database::Transaction;

use self::climbing::planned;
use super::attempts::existing;
use super::record::{Cause, append_event};
use super::rehearsal::Rehearsal;
use super::{Actor, FeeError, Right, Service, ServiceError, lock_vault};
use crate::jobs;
use crate::session::attempt::AttemptState;
use crate::store::attempts::{self, AttemptRow};
use crate::store::rungs;

/// Asks for a ladder above an attempt.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MakeLadder {
    /// The feerates of the rungs in sat/vB, lowest first; the fee policy's if none are given. What the attempt pays
    /// already is passed over: it is the lowest rung itself.
    #[serde(default)]
    pub rungs_sat_vb: Vec<String>,
    /// Whether only to say what would be done.
    #[serde(default)]
    pub preview: bool,
}

/// A ladder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct LadderView {
    /// Its lowest rung.
    #[schema(value_type = String)]
    pub ladder: Txid,
    /// Whether this is a preview, and nothing was made.
    pub preview: bool,
    /// The rungs, the lowest first.
    pub rungs: Vec<RungView>,
}

/// A rung.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct RungView {
    /// Its place, from 1.
    pub place: u32,
    /// Its attempt.
    #[schema(value_type = String)]
    pub txid: Txid,
    /// The state of that; `planned` in a preview.
    pub state: String,
    /// Its feerate with the heaviest witnesses, in sat/vB.
    pub feerate_sat_vb: String,
    /// Its fee.
    pub fee_sat: u64,
    /// Whether it is held: handed over for broadcasting only once it is released.
    pub held: bool,
    /// When it was released (unix seconds).
    #[schema(value_type = Option<u64>)]
    pub released_at: Option<UnixTime>,
    /// By whom.
    pub released_by: Option<String>,
}

/// Issues the rungs of a ladder above an attempt, or says what they would be.
///
/// # Errors
/// [`FeeError`] where no ladder can stand there; whatever stands against building a rung. Nothing is done then.
pub async fn make_ladder(
    service: &Service,
    actor: &Actor,
    txid: Txid,
    request: &MakeLadder,
) -> Result<LadderView, ServiceError> {
    actor.require_somewhere(Right::Batch)?;
    let mut rehearsal = Rehearsal::begin(service);
    if request.preview {
        let mut tx = service.database().begin_read().await?;
        let planned = Box::pin(planned(service, &mut tx, actor, txid, request, &rehearsal)).await?;
        return Ok(planned.view());
    }
    rehearsal.is_done();
    let mut tx = service.database().begin_write().await?;
    let planned = Box::pin(planned(service, &mut tx, actor, txid, request, &rehearsal)).await?;
    planned.issue(&mut tx, &actor.name).await?;
    let view = ladder_view(&mut tx, txid).await?;
    tx.commit().await?;
    Ok(view)
}

/// Shows the ladder that an attempt is a rung of.
///
/// # Errors
/// [`FeeError::NoLadder`].
pub async fn show_ladder(
    service: &Service,
    actor: &Actor,
    txid: Txid,
) -> Result<LadderView, ServiceError> {
    actor.require_somewhere(Right::Read)?;
    let mut tx = service.database().begin_read().await?;
    let row = existing(&mut tx, actor, txid).await?;
    actor.require(Right::Read, row.vault)?;
    let ladder = ladder_of(&mut tx, txid).await?;
    ladder_view(&mut tx, ladder).await
}

/// Releases a rung: the one named, or the next one that is held where a released one is named.
///
/// # Errors
/// [`FeeError::NoLadder`], [`FeeError::NothingHeld`].
pub async fn release_rung(
    service: &Service,
    actor: &Actor,
    txid: Txid,
) -> Result<LadderView, ServiceError> {
    released(service, actor, txid, false).await
}

/// Releases a rung that is held, and no other: who says it twice releases one.
///
/// # Errors
/// [`FeeError::NoLadder`], [`FeeError::NothingHeld`].
pub async fn release_this_rung(
    service: &Service,
    actor: &Actor,
    txid: Txid,
) -> Result<LadderView, ServiceError> {
    released(service, actor, txid, true).await
}

async fn released(
    service: &Service,
    actor: &Actor,
    txid: Txid,
    only_this: bool,
) -> Result<LadderView, ServiceError> {
    actor.require_somewhere(Right::Batch)?;
    let now = service.now();
    let mut tx = service.database().begin_write().await?;
    let row = existing(&mut tx, actor, txid).await?;
    actor.require(Right::Batch, row.vault)?;
    lock_vault(&mut tx, row.vault).await?;
    let row = existing(&mut tx, actor, txid).await?;
    let ladder = ladder_of(&mut tx, txid).await?;
    let rung = if rungs::is_held(&mut tx, txid).await? && is_waiting(&row.state) {
        Some(row)
    } else if only_this {
        None
    } else {
        next_rung(&mut tx, &row, is_waiting).await?
    };
    let rung = rung.ok_or(FeeError::NothingHeld { ladder })?;
    release(&mut tx, &rung, Cause::by(&actor.name, now)).await?;
    let view = ladder_view(&mut tx, ladder).await?;
    tx.commit().await?;
    Ok(view)
}

/// Releases a rung in a transaction that the caller commits: it is handed over once a quorum has signed it.
pub(super) async fn release(
    tx: &mut Transaction,
    rung: &AttemptRow,
    cause: Cause<'_>,
) -> Result<(), ServiceError> {
    rungs::release(tx, rung.txid, cause.at, cause.actor).await?;
    // Whatever it was when it was read: a quorum may have signed it since, and what is not signed is not sent.
    jobs::broadcast_soon(tx, rung.txid, cause.at).await?;
    let mut body = Map::new();
    body.insert("fee_sat".to_owned(), json!(rung.fee.to_sat()));
    body.insert("txid".to_owned(), json!(rung.txid));
    let id = rung.batch.to_string();
    append_event(
        tx,
        rung.vault,
        ("batch", &id),
        "attempt.released",
        body,
        cause,
    )
    .await
}

/// The rung that is released next above those of an attempt's ladder that were released, if one is held whose state
/// will do.
pub(super) async fn next_rung(
    tx: &mut Transaction,
    row: &AttemptRow,
    will_do: fn(&AttemptState) -> bool,
) -> Result<Option<AttemptRow>, ServiceError> {
    let Some(own) = rungs::lookup(tx, row.txid).await? else {
        return Ok(None);
    };
    let all = rungs::of_ladder(tx, own.ladder).await?;
    let released = all.iter().filter(|rung| rung.released.is_some());
    let highest = released.map(|rung| rung.place).max().unwrap_or_default();
    for rung in all.iter().filter(|rung| rung.place > highest) {
        let attempt = attempts::lookup(tx, rung.attempt).await?;
        if let Some(attempt) = attempt.filter(|attempt| will_do(&attempt.state)) {
            return Ok(Some(attempt));
        }
    }
    Ok(None)
}

const fn is_waiting(state: &AttemptState) -> bool {
    matches!(state, AttemptState::Issued | AttemptState::Signed)
}

async fn ladder_of(tx: &mut Transaction, txid: Txid) -> Result<Txid, ServiceError> {
    let rung = rungs::lookup(tx, txid).await?;
    Ok(rung.ok_or(FeeError::NoLadder { txid })?.ladder)
}

async fn ladder_view(tx: &mut Transaction, ladder: Txid) -> Result<LadderView, ServiceError> {
    let mut shown = Vec::new();
    for rung in rungs::of_ladder(tx, ladder).await? {
        let Some(row) = attempts::lookup(tx, rung.attempt).await? else {
            continue;
        };
        let held = rung.released.is_none() && is_waiting(&row.state);
        let (released_at, released_by) = rung.released.unzip();
        shown.push(RungView {
            place: rung.place,
            txid: row.txid,
            state: row.state.name().to_owned(),
            feerate_sat_vb: format_sat_per_vb(row.fee / row.weight),
            fee_sat: row.fee.to_sat(),
            held,
            released_at,
            released_by,
        });
    }
    Ok(LadderView {
        ladder,
        preview: false,
        rungs: shown,
    })
}
