//! Withdrawals that no attempt pays: their approvals, the queue, and those that failed.

use std::collections::BTreeMap;

use bitcoin::Amount;
use policies::document::Policy;
use policies::rules::{Decision, Requirement, approving_persons, decide, page_persons};
use policies::{Intent, UnixTime, VaultId};
use watchtower::store::database::Transaction;
use watchtower::store::totals;

use super::super::asking::{Asked, Eyes, persons_with_keys, still};
use super::super::line::{AgendaKind, AgendaLine};
use super::super::withdrawal::{Held, Queue, Stands, Unpaid, line, queue_line};
use super::{MOST, Ruled};
use crate::queue::Queued;
use crate::service::queue::{Look, Obstacles};
use crate::service::standing::Known;
use crate::service::withdrawals::approving_keys;
use crate::service::{MAX_LIMIT, Service, ServiceError, stops};
use crate::session::withdrawal::WithdrawalState;
use crate::store::vaults::VaultRow;
use crate::store::withdrawals::{self, WithdrawalKey, WithdrawalRow};
use crate::store::{approvals, attempts, reservations};

/// The lines of a vault: each withdrawal that waits for persons, and the queue by what it waits for.
pub(super) async fn open(
    service: &Service,
    tx: &mut Transaction,
    (vault, policy): Ruled<'_>,
    stopped: bool,
    eyes: &Eyes<'_>,
) -> Result<Vec<AgendaLine>, ServiceError> {
    let mut lines = Vec::new();
    let mut rows = withdrawals::requested(tx, vault.id, MOST.saturating_add(1)).await?;
    let more = rows.len() > usize::try_from(MOST).unwrap_or(usize::MAX);
    if more {
        rows.pop();
    }
    for (row, stands) in requested(tx, policy, &rows, eyes.now).await? {
        lines.push(line(&unpaid(policy, row, stands), eyes));
    }
    if let Some(last) = rows.last().filter(|_| more) {
        lines.push(beyond(vault.id, last.submitted_at, &lines));
    }
    for row in withdrawals::list(tx, vault.id, Some("failed"), MOST).await? {
        lines.push(line(&unpaid(policy, &row, Stands::Failed), eyes));
    }
    let mut waiting: BTreeMap<Queue, Vec<(Amount, UnixTime)>> = BTreeMap::new();
    for (queued, queue, amount) in queue(service, tx, (vault, policy), stopped).await? {
        waiting
            .entry(queue)
            .or_default()
            .push((amount, queued.since));
    }
    let lined = waiting
        .iter()
        .filter_map(|(queue, all)| queue_line(vault.id, *queue, all, eyes));
    lines.extend(lined);
    Ok(lines)
}

/// What stands for those that are not shown one by one.
fn beyond(vault: VaultId, since: UnixTime, shown: &[AgendaLine]) -> AgendaLine {
    AgendaLine {
        kind: AgendaKind::Withdrawal,
        vault: Some(vault),
        title: "More withdrawals".to_owned(),
        href: format!("/vaults/{vault}/withdrawals?state=requested"),
        amount: None,
        what: "More than a hundred wait for approvals; the oldest are shown here.".to_owned(),
        mine: shown.last().is_some_and(|line| line.mine),
        on: shown.last().map(|line| line.on.clone()).unwrap_or_default(),
        others: Vec::new(),
        since,
        todo: "See all of them in the list, and approve many at once.".to_owned(),
    }
}

/// The line of one withdrawal.
pub(in super::super) async fn of_withdrawal(
    service: &Service,
    tx: &mut Transaction,
    (vault, policy): Ruled<'_>,
    row: &WithdrawalRow,
    eyes: &Eyes<'_>,
) -> Result<Option<AgendaLine>, ServiceError> {
    let stands = match &row.state {
        WithdrawalState::Requested => {
            let rows = std::slice::from_ref(row);
            let found = requested(tx, policy, rows, eyes.now).await?;
            found.into_iter().next().map(|(_, stands)| stands)
        }
        WithdrawalState::Approved { .. } if row.request.is_none() => Some(Stands::NoRequest),
        WithdrawalState::Approved { .. } => {
            let stopped = stops::is_stopped(tx, vault.id).await?;
            let all = queue(service, tx, (vault, policy), stopped).await?;
            let found = all.into_iter().find(|(queued, _, _)| {
                (&queued.requester, &queued.id) == (&row.key.requester, &row.key.id)
            });
            found.map(|(_, queue, _)| Stands::Queued(queue))
        }
        WithdrawalState::Failed { .. } => Some(Stands::Failed),
        WithdrawalState::Signing { txid, .. }
        | WithdrawalState::Broadcast { txid, .. }
        | WithdrawalState::Confirmed { txid, .. } => {
            let attempt = attempts::lookup(tx, *txid).await?;
            return match attempt {
                Some(attempt) => super::of_attempt(service, tx, &attempt, eyes).await,
                None => Ok(None),
            };
        }
        WithdrawalState::Batched { .. }
        | WithdrawalState::Rejected { .. }
        | WithdrawalState::Expired
        | WithdrawalState::Cancelled
        | WithdrawalState::Settled { .. } => None,
    };
    Ok(stands.map(|stands| line(&unpaid(policy, row, stands), eyes)))
}

fn unpaid(policy: &Policy, row: &WithdrawalRow, stands: Stands) -> Unpaid {
    let requester = policy.requester(row.key.requester.as_str());
    Unpaid {
        vault: row.key.vault,
        requester: row.key.requester.clone(),
        id: row.key.id.clone(),
        amount: row.intent.amount,
        since: row.submitted_at,
        person: requester.map_or_else(
            || row.key.requester.to_string(),
            |requester| requester.person.clone(),
        ),
        stands,
    }
}

/// What each requested withdrawal waits for.
async fn requested<'r>(
    tx: &mut Transaction,
    policy: &Policy,
    rows: &'r [WithdrawalRow],
    now: UnixTime,
) -> Result<Vec<(&'r WithdrawalRow, Stands)>, ServiceError> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let intents: Vec<&Intent> = rows.iter().map(|row| &row.intent).collect();
    let known = Known::load(tx, policy.vault, policy, &intents, now, now).await?;
    let mut found = Vec::new();
    for row in rows {
        let stands = match decide(policy, &row.intent, &known.standing()) {
            Decision::Denied(_) => Stands::Denied,
            Decision::Needs(requirement) => {
                let stored = approvals::of_intent(tx, row.hash).await?;
                let keys = approving_keys(&stored, now);
                let own = approving_persons(policy, &requirement, &row.intent, &keys);
                let page = page_persons(policy, &requirement, &row.intent, &keys);
                missing(policy, &requirement, &row.intent, (own, page))
            }
        };
        // Enough have approved, and yet nobody may ask for it.
        let complete = matches!(&stands, Stands::Approvals { own, page, .. } if own.needed == 0 && page.needed == 0);
        let stands = if complete && row.request.is_none() {
            Stands::NoRequest
        } else {
            stands
        };
        found.push((row, stands));
    }
    Ok(found)
}

/// Whose approvals are missing: the requester's person never counts, and who counted once does not count again.
fn missing(
    policy: &Policy,
    requirement: &Requirement,
    intent: &Intent,
    (own, page): (Vec<String>, Vec<String>),
) -> Stands {
    let group = requirement.group.as_deref();
    let requester = policy.requester(intent.requester.as_str());
    let may = |by_page: bool| {
        let mut persons = persons_with_keys(policy, group, by_page);
        persons.retain(|person| requester.is_none_or(|requester| requester.person != *person));
        persons
    };
    let asked_own = still(requirement.count, &own, may(false));
    let approved_by: Vec<String> = own.into_iter().chain(page).collect();
    let all = requirement.count.saturating_add(requirement.page);
    let mut asked_page: Asked = if requirement.page == 0 {
        Asked::default()
    } else {
        still(all, &approved_by, may(true))
    };
    asked_page.needed = asked_page.needed.saturating_sub(asked_own.needed);
    Stands::Approvals {
        approved_by,
        own: asked_own,
        page: asked_page,
    }
}

/// The approved withdrawals with what each waits for, as the queue decides and as far as the free coins reach.
async fn queue(
    service: &Service,
    tx: &mut Transaction,
    (vault, policy): Ruled<'_>,
    stopped: bool,
) -> Result<Vec<(Queued, Queue, Amount)>, ServiceError> {
    let look = Look::at(service, tx, vault.id, policy).await?;
    let decision = look.decide(&Obstacles::new());
    if decision.places.is_empty() {
        return Ok(Vec::new());
    }
    let answered = look
        .question
        .is_some_and(|question| question.allowed.is_some());
    let automatic = service.batch_settings().rules().is_automatic();
    let mut held = Held {
        free: free(tx, vault).await?,
        stopped,
        answered,
    };
    let amounts: BTreeMap<WithdrawalKey, Amount> = (withdrawals::approved(tx, vault.id, MAX_LIMIT)
        .await?
        .into_iter())
    .map(|row| (row.key, row.intent.amount))
    .collect();
    let mut found = Vec::new();
    for place in decision.places {
        let key = WithdrawalKey {
            vault: vault.id,
            requester: place.queued.requester.clone(),
            id: place.queued.id.clone(),
        };
        let Some(amount) = amounts.get(&key).copied() else {
            continue;
        };
        let wait = held.waits(place.wait, amount);
        found.push((place.queued, Queue { wait, automatic }, amount));
    }
    Ok(found)
}

/// What settled coins hold that no batch holds.
async fn free(tx: &mut Transaction, vault: &VaultRow) -> Result<Amount, ServiceError> {
    let settled = totals::settled(tx, vault.id, vault.keychain).await?;
    let reserved = reservations::reserved_settled(tx, vault.id, vault.keychain).await?;
    Ok(settled.checked_sub(reserved).unwrap_or(Amount::ZERO))
}
