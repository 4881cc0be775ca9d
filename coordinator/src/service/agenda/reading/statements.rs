//! Versions, entries of lists, stops and journals that wait for somebody.

use policies::document::Policy;
use policies::rules::{persons_of, stopping};
use policies::succession::Step;
use policies::{Approval, PolicyId, Statement, Subject};
use watchtower::store::database::Transaction;

use super::super::asking::{Eyes, persons_with_keys, still};
use super::super::entry::{Entry as EntryFacts, Listing, entry_line};
use super::super::line::AgendaLine;
use super::super::stop::{Stopped, stop_line};
use super::super::trouble::{Journal, journal_line};
use super::super::version::{Stage, Version, version_line};
use super::{MOST, Ruled};
use crate::service::standing::Entry;
use crate::service::stop_view::MOST_TOLD;
use crate::service::version_view::Judged;
use crate::service::{Service, ServiceError, acks, journals as service_journals, lists};
use crate::store::{proposals, statements, stops as stop_store};

/// The stops in force, each with its line.
pub(in super::super) async fn stops(
    tx: &mut Transaction,
    policy: &Policy,
    eyes: &Eyes<'_>,
) -> Result<Vec<(Subject, AgendaLine)>, ServiceError> {
    let mut lines = Vec::new();
    for row in stop_store::in_force(tx, policy.vault, MOST_TOLD).await? {
        let by = stop_store::approvals_of(tx, &row).await?;
        let Statement::Stop(stop) = &row.statement else {
            continue;
        };
        let statement = Statement::Release { stop: row.subject };
        let known = stop_store::lookup(tx, policy.vault, statement.subject()).await?;
        let signed: Vec<Approval> = match known {
            Some(release) => (stop_store::approvals_of(tx, &release).await?.into_iter())
                .map(|signed| signed.approval)
                .collect(),
            None => Vec::new(),
        };
        let release = stopping(policy, &statement, &signed, eyes.now).map(|(counted, _)| {
            let may = persons_with_keys(policy, counted.group.as_deref(), false);
            let asked = still(counted.needed, &counted.approved_by, may);
            (counted.approved_by, asked)
        });
        let facts = Stopped {
            vault: policy.vault,
            by: by.into_iter().map(|signed| signed.approver).collect(),
            reason: stop.reason.clone(),
            since: row.entitled_at.unwrap_or(row.stored_at),
            release,
        };
        lines.push((row.subject, stop_line(&facts, eyes)));
    }
    Ok(lines)
}

/// The versions proposed to follow the one in force, and that one where not every signer follows it.
pub(super) async fn versions(
    service: &Service,
    tx: &mut Transaction,
    (vault, policy): Ruled<'_>,
    eyes: &Eyes<'_>,
) -> Result<Vec<AgendaLine>, ServiceError> {
    let following = proposals::following(tx, vault.id, vault.policy).await?;
    let mut lines = Vec::new();
    let disputed = (following.iter())
        .filter(|row| row.approved_at.is_some())
        .count()
        > 1;
    for row in following {
        let judged = Judged::of(service, tx, row, eyes.now).await?;
        lines.push(proposed(vault.id, &judged, disputed, eyes));
    }
    lines.extend(in_force(service, tx, policy, eyes).await?);
    Ok(lines)
}

/// The line of one version that was proposed, or is in force.
pub(in super::super) async fn of_version(
    service: &Service,
    tx: &mut Transaction,
    (vault, policy): Ruled<'_>,
    version: PolicyId,
    eyes: &Eyes<'_>,
) -> Result<Option<AgendaLine>, ServiceError> {
    if version == policy.id {
        return in_force(service, tx, policy, eyes).await;
    }
    let following = proposals::following(tx, vault.id, vault.policy).await?;
    let disputed = (following.iter())
        .filter(|row| row.approved_at.is_some())
        .count()
        > 1;
    let Some(row) = following.into_iter().find(|row| row.id == version) else {
        return Ok(None);
    };
    let judged = Judged::of(service, tx, row, eyes.now).await?;
    Ok(Some(proposed(vault.id, &judged, disputed, eyes)))
}

fn proposed(
    vault: policies::VaultId,
    judged: &Judged,
    disputed: bool,
    eyes: &Eyes<'_>,
) -> AgendaLine {
    let approved = &judged.approved;
    let pin: Vec<String> = match judged.step {
        Step::Rules => Vec::new(),
        Step::Keyset => (judged.next.signers.iter())
            .map(|signer| signer.name.clone())
            .collect(),
    };
    let stands = match (judged.ripe, judged.row.approved_at) {
        (_, Some(_)) if disputed => Stage::Disputed,
        (Some(ripe), _) if ripe <= eyes.now => Stage::Ripe {
            keys: judged.step == Step::Keyset,
            pin,
        },
        (Some(until), _) => Stage::Delay { until, pin },
        (None, _) => {
            let may = persons_with_keys(&judged.previous, approved.group.as_deref(), false);
            Stage::Open {
                approved_by: approved.persons.clone(),
                asked: still(approved.needed, &approved.persons, may),
            }
        }
    };
    let version = Version {
        vault,
        policy: judged.row.id,
        number: judged.row.version,
        since: judged.row.approved_at.unwrap_or(judged.row.proposed_at),
        stands,
    };
    version_line(&version, eyes)
}

/// The version in force, where signers did not say that they follow it.
async fn in_force(
    service: &Service,
    tx: &mut Transaction,
    policy: &Policy,
    eyes: &Eyes<'_>,
) -> Result<Option<AgendaLine>, ServiceError> {
    let Some(reach) = acks::reach_in_force(service, tx, policy.vault, policy).await? else {
        return Ok(None);
    };
    if reach.state == acks::IN_FORCE || reach.waits_for.is_empty() {
        return Ok(None);
    }
    let Some(previous) = policy.previous else {
        return Ok(None);
    };
    let previous = service.policy(tx, previous).await?;
    let adopted = proposals::lookup(tx, policy.id)
        .await?
        .and_then(|row| row.adopted);
    let person_of = |signer: String| {
        let person = previous.signer(&signer).map(|known| known.person.clone());
        let person = person.unwrap_or_else(|| signer.clone());
        (signer, person)
    };
    let version = Version {
        vault: policy.vault,
        policy: policy.id,
        number: policy.version,
        since: adopted.map_or(eyes.now, |(at, _)| at),
        stands: Stage::Announced {
            waits_for: reach.waits_for.into_iter().map(person_of).collect(),
        },
    };
    Ok(Some(version_line(&version, eyes)))
}

/// The entries of open lists that are not in force yet.
pub(super) async fn entries(
    tx: &mut Transaction,
    policy: &Policy,
    eyes: &Eyes<'_>,
) -> Result<Vec<AgendaLine>, ServiceError> {
    let mut lines = Vec::new();
    for list in &policy.lists {
        let Some(open) = &list.open else {
            continue;
        };
        let since = eyes.now.saturating_sub(open.delay);
        let tested = open.test_first.is_some();
        let rows =
            statements::open_entries(tx, policy.vault, &list.name, (since, tested), MOST).await?;
        for row in rows {
            lines.extend(entry(tx, policy, row, eyes).await?);
        }
    }
    Ok(lines)
}

/// The line of one entry.
pub(in super::super) async fn of_entry(
    tx: &mut Transaction,
    policy: &Policy,
    subject: Subject,
    eyes: &Eyes<'_>,
) -> Result<Option<AgendaLine>, ServiceError> {
    match statements::lookup(tx, policy.vault, subject).await? {
        Some(row) => entry(tx, policy, row, eyes).await,
        None => Ok(None),
    }
}

async fn entry(
    tx: &mut Transaction,
    policy: &Policy,
    row: statements::StatementRow,
    eyes: &Eyes<'_>,
) -> Result<Option<AgendaLine>, ServiceError> {
    let (subject, stored) = (row.subject, row.stored_at);
    let Some(list) = policy.list(&row.list) else {
        return Ok(None);
    };
    let Some(entry) = Entry::read(tx, policy, row, eyes.now).await? else {
        return Ok(None);
    };
    let view = lists::entry_view(tx, policy, list, &entry, eyes.now).await?;
    let Some(open) = &list.open else {
        return Ok(None);
    };
    let first_seen = view.first_seen.unwrap_or(stored);
    let (stands, since) = match view.state.as_str() {
        "waiting_for_approvals" => {
            let asked = &entry.entitlement;
            let may = persons_with_keys(policy, asked.group.as_deref(), false);
            let listing = Listing::Open {
                approved_by: asked.approved_by.clone(),
                asked: still(asked.needed, &asked.approved_by, may),
            };
            (listing, stored)
        }
        "cooling_off" | "not_yet_valid" => {
            let until = first_seen.saturating_add(open.delay).max(view.not_before);
            (Listing::Cooling { until }, first_seen)
        }
        "awaiting_confirmation" => {
            let group = open.test_first.as_ref().map(|test| test.group.as_str());
            let keys: Vec<policies::KeyId> = (entry.confirmations.iter())
                .flat_map(|(_, signed)| signed.iter().map(|approval| approval.key))
                .collect();
            let done = persons_of(policy, group, &keys);
            let may = persons_with_keys(policy, group, false);
            let asked = still(1, &done, may);
            (Listing::Unconfirmed { asked }, first_seen)
        }
        _ => return Ok(None),
    };
    let facts = EntryFacts {
        vault: policy.vault,
        subject,
        list: list.name.clone(),
        label: view.label,
        since,
        stands,
    };
    Ok(Some(entry_line(&facts, eyes)))
}

/// The journals of which a receipt was refused.
pub(super) async fn journals(
    tx: &mut Transaction,
    policy: &Policy,
    eyes: &Eyes<'_>,
) -> Result<Vec<AgendaLine>, ServiceError> {
    let known = service_journals::views(tx, policy.vault, policy).await?;
    let lines = known.into_iter().filter_map(|journal| {
        let refused = journal.refused?;
        let signer = policy.signer(&journal.signer);
        let facts = Journal {
            vault: policy.vault,
            person: signer.map_or_else(|| journal.signer.clone(), |known| known.person.clone()),
            signer: journal.signer,
            reason: refused.reason,
            hint: refused.hint,
            since: refused.refused_at,
        };
        Some(journal_line(&facts, eyes))
    });
    Ok(lines.collect())
}
