//! The queue as it is shown.

use bitcoin::FeeRate;
use policies::document::format_sat_per_vb;
use policies::{RequesterName, UnixTime, VaultId, WithdrawalId};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Look, Obstacles, queued};
use crate::queue::{Circumstances, Late, Offer, Place, Question, Speed, decide};
use crate::service::batches::WithdrawalName;
use crate::service::{Actor, MAX_LIMIT, Right, Service, ServiceError};
use crate::store::queue as store;
use crate::store::withdrawals;

/// The queue of a vault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct QueueView {
    /// When it was looked at (unix seconds).
    #[schema(value_type = u64)]
    pub now: UnixTime,
    /// The feerate of the batch that is due, in sat/vB; none if none is.
    pub due_at_sat_vb: Option<String>,
    /// The feerate in sat/vB for which withdrawals are held, because it is above the cap; none if none are.
    pub held_at_sat_vb: Option<String>,
    /// The highest feerate in sat/vB that the queue pays without asking.
    pub cap_sat_vb: String,
    /// The policy's highest feerate in sat/vB, above which nothing can be allowed.
    pub most_sat_vb: String,
    /// The question that is open, if the queue is held.
    pub question: Option<QuestionView>,
    /// What would go at which feerate, cheapest first; empty while nothing is above what may be paid.
    pub offers: Vec<OfferView>,
    /// Whether batches are made without being asked for.
    pub automatic: bool,
    /// When something changes by itself, at the latest (unix seconds).
    #[schema(value_type = Option<u64>)]
    pub next_at: Option<UnixTime>,
    /// The withdrawals, in the order in which they are to be paid.
    pub withdrawals: Vec<QueuedView>,
}

/// The question of a held queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct QuestionView {
    /// Its number, which an answer names.
    pub question: u64,
    /// The feerate in sat/vB that was asked for.
    pub asked_sat_vb: String,
    /// The feerate in sat/vB that was allowed for one batch, once it is answered.
    pub allowed_sat_vb: Option<String>,
}

/// What would go at a feerate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct OfferView {
    /// The feerate in sat/vB.
    pub feerate_sat_vb: String,
    /// How many would go at it in all.
    pub count: usize,
    /// Those for which it is enough, and no lower one of the offers is.
    pub more: Vec<WithdrawalName>,
    /// Whether the policy allows it at all.
    pub possible: bool,
}

/// A withdrawal in the queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct QueuedView {
    /// The requester's name.
    #[schema(value_type = String)]
    pub requester: RequesterName,
    /// The requester's id.
    #[schema(value_type = String)]
    pub id: WithdrawalId,
    /// What it pays, in satoshis.
    pub amount_sat: u64,
    /// `requested` or `approved`.
    pub state: String,
    /// How fast it was asked to be paid.
    pub speed: Speed,
    /// How fast it has become by its latest time.
    pub becomes: Speed,
    /// Seconds that it waits.
    pub age_s: u64,
    /// The latest time at which it should be paid (unix seconds).
    #[schema(value_type = Option<u64>)]
    pub latest: Option<UnixTime>,
    /// `in_danger` or `passed`, by the latest time.
    pub late: Option<Late>,
    /// The feerate at which it would go, in sat/vB.
    pub feerate_sat_vb: Option<String>,
    /// The stable code of why it waits; `due` if it does not.
    pub code: String,
    /// The same in words.
    pub says: String,
}

/// Shows the queue.
///
/// # Errors
/// `VaultError::UnknownVault`.
pub async fn show_queue(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
) -> Result<QueueView, ServiceError> {
    actor.require(Right::Read, vault)?;
    let mut tx = service.database().begin_read().await?;
    let (_, policy) = service.vault(&mut tx, vault).await?;
    let look = Look::at(service, &mut tx, vault, &policy).await?;
    let decision = look.decide(&Obstacles::new());
    let speeds = store::speeds(&mut tx, vault).await?;
    let requested = withdrawals::requested(&mut tx, vault, MAX_LIMIT).await?;
    let waiting = requested.iter().map(|row| queued(row, &speeds)).collect();
    let nothing = Circumstances {
        now: look.now,
        last_batch: None,
        estimates: &[],
        is_stale: false,
        cap: look.cap,
        allowed: None,
        most: look.most,
    };
    let unapproved = decide(waiting, &look.rules, &nothing);
    let shown = |feerate: Option<FeeRate>| feerate.map(format_sat_per_vb);
    let places = decision.places.iter().map(|place| {
        let due = ("due", "goes with the batch that is due");
        let (code, says) = place.wait.map_or(due, |wait| (wait.code(), wait.says()));
        view(place, "approved", code, says)
    });
    let unapproved = unapproved
        .places
        .iter()
        .map(|place| view(place, "requested", "approvals", "waits for approvals"));
    Ok(QueueView {
        now: look.now,
        due_at_sat_vb: shown(decision.feerate),
        held_at_sat_vb: shown(decision.held),
        cap_sat_vb: format_sat_per_vb(look.cap.min(look.most)),
        most_sat_vb: format_sat_per_vb(look.most),
        question: look.question.as_ref().map(asked),
        offers: decision.offers.iter().map(offered).collect(),
        automatic: look.rules.is_automatic(),
        next_at: decision.next,
        withdrawals: places.chain(unapproved).collect(),
    })
}

fn asked(question: &Question) -> QuestionView {
    QuestionView {
        question: question.number,
        asked_sat_vb: format_sat_per_vb(question.asked),
        allowed_sat_vb: question.allowed.map(format_sat_per_vb),
    }
}

fn offered(offer: &Offer) -> OfferView {
    let more = offer.more.iter().map(|(requester, id)| WithdrawalName {
        requester: requester.clone(),
        id: id.clone(),
    });
    OfferView {
        feerate_sat_vb: format_sat_per_vb(offer.feerate),
        count: offer.count,
        more: more.collect(),
        possible: offer.is_possible,
    }
}

fn view(place: &Place, state: &str, code: &str, says: &str) -> QueuedView {
    QueuedView {
        requester: place.queued.requester.clone(),
        id: place.queued.id.clone(),
        amount_sat: place.queued.amount.to_sat(),
        state: state.to_owned(),
        speed: place.queued.speed,
        becomes: place.speed,
        age_s: place.age,
        latest: place.queued.latest,
        late: place.late,
        feerate_sat_vb: place.feerate.map(format_sat_per_vb),
        code: code.to_owned(),
        says: says.to_owned(),
    }
}
