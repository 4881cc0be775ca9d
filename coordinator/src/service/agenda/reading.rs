//! Reads the facts that lines are made from: only what is open.

mod attempts;
mod statements;
mod withdrawals;

use policies::UnixTime;
use policies::document::Policy;
use watchtower::store::database::Transaction;
use watchtower::store::node;

pub(super) use self::attempts::of_attempt;
pub(super) use self::statements::{of_entry, of_version, stops};
pub(super) use self::withdrawals::of_withdrawal;
use super::asking::Eyes;
use super::line::AgendaLine;
use super::role::{Change, role_line};
use super::trouble::{node_line, parked_line};
use crate::service::{Service, ServiceError};
use crate::store::jobs as job_store;
use crate::store::people::role_changes;
use crate::store::vaults::VaultRow;

/// The most lines of one kind in one vault.
const MOST: u32 = 100;

/// A vault and the policy that rules it.
type Ruled<'a> = (&'a VaultRow, &'a Policy);

/// All lines of a vault.
pub(super) async fn of_vault(
    service: &Service,
    tx: &mut Transaction,
    vault: &VaultRow,
    eyes: &Eyes<'_>,
) -> Result<Vec<AgendaLine>, ServiceError> {
    let policy = service.policy(tx, vault.policy).await?;
    let ruled = (vault, policy.as_ref());
    let mut lines: Vec<AgendaLine> = (stops(tx, &policy, eyes).await?.into_iter())
        .map(|(_, line)| line)
        .collect();
    lines.extend(withdrawals::open(service, tx, ruled, !lines.is_empty(), eyes).await?);
    lines.extend(attempts::open(service, tx, vault.id, eyes).await?);
    lines.extend(statements::versions(service, tx, ruled, eyes).await?);
    lines.extend(statements::entries(tx, &policy, eyes).await?);
    lines.extend(statements::journals(tx, &policy, eyes).await?);
    Ok(lines)
}

/// The nodes in trouble.
pub(super) async fn nodes(
    tx: &mut Transaction,
    eyes: &Eyes<'_>,
) -> Result<Vec<AgendaLine>, ServiceError> {
    let known = node::node_status(tx).await?;
    let lines = known.iter().filter_map(|status| {
        let trouble = status.trouble?;
        let words = if status.detail.is_empty() {
            trouble.code()
        } else {
            &status.detail
        };
        Some(node_line(
            (&status.node, words, trouble.hint()),
            status.checked_at,
            eyes,
        ))
    });
    Ok(lines.collect())
}

/// The jobs that nobody tries any more.
pub(super) async fn jobs(
    tx: &mut Transaction,
    eyes: &Eyes<'_>,
) -> Result<Option<AgendaLine>, ServiceError> {
    let troubled = job_store::troubled(tx).await?;
    let parked: Vec<(String, UnixTime)> = (troubled.into_iter())
        .filter(|job| job.parked_reason.is_some())
        .map(|job| (job.kind, job.run_at))
        .collect();
    Ok(parked_line(&parked, eyes))
}

/// The changes of roles that wait for a second operator.
pub(super) async fn roles(
    tx: &mut Transaction,
    eyes: &Eyes<'_>,
) -> Result<Vec<AgendaLine>, ServiceError> {
    let open = role_changes::open(tx).await?.into_iter();
    let lines = open.map(|row| {
        let change = Change {
            person: row.person,
            from: row.from_role,
            to: row.to_role,
            by: row.proposed_by,
            since: row.proposed_at,
        };
        role_line(&change, eyes)
    });
    Ok(lines.collect())
}
