//! What a version would have asked of the withdrawals of the last 90 days, beside what the version in force asks.
//!
//! Invariant: decided by the rule-book's replay, each withdrawal at the moment when its last approval came in, entries
//! of open lists as if they had cooled off. Only what was approved once is replayed. Beyond [`REPLAYED`] withdrawals
//! the older ones are left out, and that is said.

use std::collections::HashMap;

use bitcoin::Amount;
use policies::document::Policy;
use policies::hash::Purpose;
use policies::rules::{EntriesShown, Outcome, Past, Replay, Replayed, Said, replay};
use policies::{IntentHash, PolicyId, UnixTime, VaultId, report};
use watchtower::store::database::Transaction;

use super::found::Found;
use crate::service::{Actor, MAX_LIMIT, Right, Service, ServiceError};
use crate::store::approvals::{self, ApprovalRow};
use crate::store::withdrawals::WithdrawalRow;
use crate::store::{statements, withdrawals};

/// How many days back are replayed.
pub const REPLAY_DAYS: u64 = 90;
/// The most withdrawals that are replayed, the newest ones.
pub const REPLAYED: u32 = 1_000;
/// Seconds of a day.
const DAY: u64 = 86_400;

/// A replay of past withdrawals.
#[derive(Debug, Clone)]
pub struct ReplayView {
    /// The version that was tried: its id and number.
    pub version: (PolicyId, u32),
    /// The version in force.
    pub in_force: (PolicyId, u32),
    /// The outcome in one sentence.
    pub summary: String,
    /// Withdrawals that came in since then are replayed.
    pub since: UnixTime,
    /// How many were replayed.
    pub total: usize,
    /// Whether older ones were left out.
    pub is_bounded: bool,
    /// Those of which the version says something else than the one in force, newest first.
    pub differing: Vec<ReplayedView>,
    /// The others, newest first.
    pub alike: Vec<ReplayedView>,
}

/// A withdrawal under a version, and under the one in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayedView {
    /// The requester.
    pub requester: String,
    /// The withdrawal's id.
    pub id: String,
    /// Its amount.
    pub amount: Amount,
    /// When its last approval came in.
    pub paid_at: UnixTime,
    /// `passes`, `short` or `denied`, under the version.
    pub outcome: &'static str,
    /// The same in words.
    pub says: String,
    /// What the version in force says, in words.
    pub said: String,
}

/// Replays the last 90 days under a version.
///
/// # Errors
/// `VaultError::UnknownVault`, `VersionError::UnknownVersion`.
pub async fn replay_version(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    version: PolicyId,
) -> Result<ReplayView, ServiceError> {
    actor.require(Right::Read, vault)?;
    let since = service.now().saturating_sub(REPLAY_DAYS * DAY);
    let mut tx = service.database().begin_read().await?;
    let found = Found::of(service, &mut tx, vault, Some(version)).await?;
    let (past, is_bounded) = past(&mut tx, vault, since).await?;
    let said = said(&mut tx, vault).await?;
    let under = |policy: &Policy| -> Replay {
        // A signature counts from when it was seen: that it ended since takes no payment back.
        let lists = EntriesShown::of(policy, &said, UnixTime::ZERO);
        replay(policy, &past, &lists.into_lists())
    };
    let tried = under(&found.policy);
    let ruled = under(&found.in_force);
    let summary = report::replay_summary(&tried);
    let rows = tried.withdrawals.iter().zip(&ruled.withdrawals).rev();
    let (differing, alike): (Vec<ReplayedView>, Vec<ReplayedView>) = rows
        .map(|(now, before)| row(now, before))
        .partition(|row| row.says != row.said);
    Ok(ReplayView {
        version: (found.policy.id, found.policy.version),
        in_force: (found.in_force.id, found.in_force.version),
        summary,
        since,
        total: tried.withdrawals.len(),
        is_bounded,
        differing,
        alike,
    })
}

fn row(now: &Replayed, before: &Replayed) -> ReplayedView {
    ReplayedView {
        requester: now.requester.clone(),
        id: now.id.clone(),
        amount: now.amount,
        paid_at: now.paid_at,
        outcome: match now.outcome {
            Outcome::Passes { .. } => "passes",
            Outcome::Short { .. } => "short",
            Outcome::Denied { .. } => "denied",
        },
        says: report::outcome_words(&now.outcome),
        said: report::outcome_words(&before.outcome),
    }
}

/// The withdrawals that were approved once, and whether there are older ones that are left out.
async fn past(
    tx: &mut Transaction,
    vault: VaultId,
    since: UnixTime,
) -> Result<(Vec<Past>, bool), ServiceError> {
    let most = REPLAYED.saturating_add(1);
    let mut rows = withdrawals::approved_once(tx, vault, since, most).await?;
    let bound = usize::try_from(REPLAYED).unwrap_or(usize::MAX);
    let is_bounded = rows.len() > bound;
    rows.truncate(bound);
    let mut given: HashMap<IntentHash, Vec<ApprovalRow>> = HashMap::new();
    for approval in approvals::of_withdrawals_since(tx, vault, since).await? {
        if approval.approval.purpose == Purpose::Approve {
            given.entry(approval.intent).or_default().push(approval);
        }
    }
    let past = rows.into_iter().map(|row: WithdrawalRow| {
        let given = given.remove(&row.hash).unwrap_or_default();
        let last = given.iter().map(|one| one.received_at).max();
        Past {
            approving: given.iter().map(|one| one.approval.key).collect(),
            paid_at: last.map_or(row.submitted_at, |last| last.max(row.submitted_at)),
            intent: row.intent,
        }
    });
    Ok((past.collect(), is_bounded))
}

/// What persons said of open lists.
async fn said(tx: &mut Transaction, vault: VaultId) -> Result<Vec<Said>, ServiceError> {
    let mut said = Vec::new();
    for row in statements::entitled(tx, vault, MAX_LIMIT).await? {
        let signed = statements::approvals_of(tx, vault, row.subject).await?;
        said.push(Said {
            statement: row.statement,
            approvals: signed.into_iter().map(|one| one.approval).collect(),
        });
    }
    Ok(said)
}
