//! Puts the versions of a policy in force again, one after the other, before anything else is put in.

use policies::UnixTime;
use policies::succession::approved_once;
use watchtower::store::database::Transaction;

use super::rebuilder;
use crate::rebuilding::{Followed, Line};
use crate::service::adopting::put_in_force;
use crate::service::vaults::refuse_keys_of_others;
use crate::service::version_view::Judged;
use crate::service::versions::{SubmitSuccession, submit_succession};
use crate::service::{Service, ServiceError, lock_vault};
use crate::store::proposals::{self, ProposalApprovalRow, ProposalRow};

/// Follows a line of versions to its end, and proposes what was proposed. Whatever was done is left as it is.
pub(super) async fn follow(
    service: &Service,
    line: &Line,
    now: UnixTime,
) -> Result<(), ServiceError> {
    let vault = line.first().vault;
    for next in line.followed() {
        let mut tx = service.database().begin_write().await?;
        lock_vault(&mut tx, vault).await?;
        let known = proposals::lookup(&mut tx, next.policy.id).await?;
        if known.is_none_or(|known| known.adopted.is_none()) {
            adopt(service, &mut tx, next, now).await?;
        }
        tx.commit().await?;
    }
    for file in line.proposed() {
        let file = String::from_utf8_lossy(&file.write()).into_owned();
        let request = SubmitSuccession {
            file,
            despite_devices: true,
        };
        submit_succession(service, &rebuilder(), vault, &request).await?;
    }
    Ok(())
}

async fn adopt(
    service: &Service,
    tx: &mut Transaction,
    next: &Followed,
    now: UnixTime,
) -> Result<(), ServiceError> {
    let Followed {
        policy,
        file,
        since,
    } = next;
    // A journal may say what it likes of its time.
    let since = (*since).min(now);
    let actor = rebuilder();
    let (row, previous) = service.vault(tx, policy.vault).await?;
    refuse_keys_of_others(service, tx, policy).await?;
    let proposal = ProposalRow {
        id: policy.id,
        vault: policy.vault,
        previous: previous.id,
        version: policy.version,
        document: policy.bytes.clone(),
        proposed_at: since,
        proposed_by: actor.name.clone(),
        approved_at: None,
        adopted: None,
    };
    proposals::insert(tx, &proposal).await?;
    for approval in file.approvals().values() {
        let counts = approved_once(&previous, policy.id, [approval]);
        let counts = counts.is_some_and(|counts| counts.faults.is_empty());
        if let Some((approver, _)) = previous.approver_of_key(approval.key)
            && counts
        {
            let signed = ProposalApprovalRow {
                approval: approval.clone(),
                approver: approver.name.clone(),
                received_at: since,
            };
            proposals::add_approval(tx, policy.id, &signed).await?;
        }
    }
    proposals::set_approved(tx, policy.id, since).await?;
    let judged = Judged::of(service, tx, proposal, now).await?;
    put_in_force(tx, service, &row, &judged, (&actor.name, since)).await?;
    Ok(())
}
