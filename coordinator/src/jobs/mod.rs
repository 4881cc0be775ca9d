//! Leased work of our own table: the side effects that outlive a request.
//!
//! Every kill point leaves a state from which the next round goes on: a job is done in the same
//! transaction that stores its result, under the epoch of its claim. What fails is tried again for
//! ever, more and more slowly, or parked where operators see it.

mod batching;
mod bookings;
mod bumping;
mod catching_up;
mod chain_events;
mod finalizing;
mod looking_out;
mod notifying;
mod rivals;
mod variants;

pub(crate) use self::finalizing::settle_depth;

use std::collections::HashMap;
use std::time::Duration;

use bitcoin::Txid;
use policies::{UnixTime, VaultId};
use tokio::task::{Id, JoinSet};
use watchtower::store::database::Transaction;
use watchtower::store::events::{self as event_log, EventError};
use watchtower::store::{cursor, lease};

use crate::service::adopting::adopt_ripe;
use crate::service::balancing::watch_levels;
use crate::service::bumping::has_out;
use crate::service::consolidation;
use crate::service::draining::{drain, has_former};
use crate::service::moving_in;
use crate::service::notifying::{former, gathering};
use crate::service::withdrawals::expire_overdue;
use crate::service::{Service, ServiceError};
use crate::store::jobs::{self, Claim};
use crate::store::moving_in as moving_in_store;
use crate::store::queue as queue_store;
use crate::store::{marks, proposals, vaults, withdrawals};

/// Finalizes an attempt that has a quorum; key: its txid.
pub(crate) const FINALIZE: &str = "finalize";
/// Hands a final transaction over once the mempool test is back; key: its txid.
const BROADCAST: &str = "broadcast";
/// Brings an attempt that was taken in late to where the chain has it; key: its txid.
pub(crate) const CATCH_UP: &str = "catch-up";
/// Makes the batches that are due; key: the vault.
const BATCH: &str = "batch";
/// Looks at attempts that are out and stuck; key: the vault.
const BUMP: &str = "bump";
/// Tells that joining coins is worth it; key: the vault.
const CONSOLIDATE: &str = "consolidate";
/// Takes in what the watchtower saw.
const EVENTS: &str = "events";
/// Brings coins of former keysets home; key: the vault.
const DRAIN: &str = "drain";
/// Puts versions in force whose time has come.
const FOLLOW: &str = "follow";
/// Tells of withdrawals that are held or late.
const QUEUE: &str = "queue";
/// Expires withdrawals.
const EXPIRE: &str = "expire";
/// Tells of vaults that crossed a mark.
const LEVELS: &str = "levels";
/// Goes on with wallets that move in.
const MOVE_IN: &str = "move-in";
/// Looks out for what grows wrong with time.
const LOOKOUT: &str = "lookout";
/// Numbers committed events.
const SEQUENCE: &str = "sequence";
/// Writes down what is to be told to persons.
const NOTIFY: &str = "notify";
/// Sends mail; key: the person.
pub(crate) const MAIL: &str = "mail";
/// Tells a person's former address that mail goes elsewhere; key: the person.
const FORMER_MAIL: &str = "former-mail";
/// Calls a webhook; key: its id.
const WEBHOOK: &str = "webhook";
/// The key of work that is one of its kind.
const ALL: &str = "all";

/// How long a claim holds.
const LEASE_SECONDS: u64 = 60;
/// The longest pause between two looks at a queue.
const LOOK_SECONDS: u64 = 5;
/// So many servers of others are called at once.
const OUTWARD_AT_ONCE: usize = 16;
/// Rows or events taken in one transaction.
const PAGE: u32 = 200;
/// The longest pause between two tries.
const MAX_BACKOFF_SECONDS: u64 = 300;
/// The watchtower's name for the sequencer's lease, shared with its daemon.
const SEQUENCER_LEASE: &str = "sequencer";
/// The pause between two looks at proposed versions, and at former keysets.
const VERSIONS_SECONDS: u64 = 5;
/// The pause between two looks at whether joining coins is worth it.
const CONSOLIDATE_SECONDS: u64 = 600;
/// The pause between two looks at the vaults' marks, and at what grows wrong with time.
const LEVELS_SECONDS: u64 = 60;
/// How long we hold the sequencer's lease when its watchtower does not.
const SEQUENCER_SECONDS: u64 = 5;

/// Hands the final transaction of an attempt over as soon as may be.
///
/// # Errors
/// On a failed statement.
pub(crate) async fn broadcast_soon(
    tx: &mut Transaction,
    attempt: Txid,
    at: UnixTime,
) -> Result<(), ServiceError> {
    Ok(jobs::enqueue(tx, BROADCAST, &attempt.to_string(), at).await?)
}

/// What one run of a job comes to.
#[derive(Debug)]
enum Outcome {
    /// There is nothing more to do.
    Done,
    /// It is to run again after these seconds.
    Again(u64),
    /// A human must look.
    Park(String),
}

/// How the jobs run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobsConfig {
    /// The name of this process among several on one database.
    pub instance: String,
    /// The pause between two looks at the job table.
    pub poll_interval: Duration,
}

/// Runs jobs until `shutdown` resolves. The database must have been migrated.
pub async fn run(service: Service, config: JobsConfig, shutdown: impl Future<Output = ()> + Send) {
    tokio::select! {
        () = keep_books(&service, &config) => {}
        () = tell_outward(&service, &config) => {}
        () = shutdown => {}
    }
}

async fn keep_books(service: &Service, config: &JobsConfig) {
    loop {
        match round_of(service, &config.instance, Side::Books).await {
            Ok(true) => continue,
            Ok(false) => {}
            Err(error) => tracing::error!(%error, "the job table could not be worked on"),
        }
        tokio::time::sleep(config.poll_interval).await;
    }
}

/// Mail and each webhook beside one another: a server that takes its time keeps nobody else waiting.
async fn tell_outward(service: &Service, config: &JobsConfig) {
    let mut busy = HashMap::new();
    // Tasks of their own: each goes on, and gives the database back, while others are claimed.
    let mut working = JoinSet::new();
    loop {
        match outward_claims(service, &config.instance, &busy).await {
            Ok(claims) => {
                for claim in claims {
                    let job = (claim.kind.clone(), claim.key.clone());
                    let (service, instance) = (service.clone(), config.instance.clone());
                    let task = async move { work(&service, &instance, &claim).await };
                    busy.insert(working.spawn(task).id(), job);
                }
            }
            Err(error) => tracing::error!(%error, "the job table could not be worked on"),
        }
        tokio::select! {
            Some(ended) = working.join_next_with_id(), if !working.is_empty() => match ended {
                Ok((id, done)) => {
                    busy.remove(&id);
                    if let Err(error) = done {
                        tracing::error!(%error, "the job table could not be worked on");
                    }
                }
                Err(error) => {
                    busy.remove(&error.id());
                    tracing::error!(%error, "a job broke off and will be tried again");
                }
            },
            () = tokio::time::sleep(config.poll_interval) => {}
        }
    }
}

/// Claims what is to be told and is not being told already, as much as may be told at once.
async fn outward_claims(
    service: &Service,
    instance: &str,
    busy: &HashMap<Id, (String, String)>,
) -> Result<Vec<Claim>, ServiceError> {
    let mut claims = Vec::new();
    for (kind, key) in due(service, instance, Side::Outward).await? {
        if busy.len().saturating_add(claims.len()) >= OUTWARD_AT_ONCE {
            break;
        }
        if !busy.values().any(|job| job.0 == kind && job.1 == key) {
            claims.extend(claim(service, instance, &kind, &key).await?);
        }
    }
    Ok(claims)
}

/// Work that waits for servers of others has a round of its own, so that it keeps nothing else waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    /// Money and books.
    Books,
    /// Mail and webhooks.
    Outward,
}

impl Side {
    fn of(kind: &str) -> Self {
        if matches!(kind, NOTIFY | MAIL | FORMER_MAIL | WEBHOOK) {
            Self::Outward
        } else {
            Self::Books
        }
    }
}

/// Tells what is to be told, as far as it is due; says whether anything was done.
///
/// # Errors
/// As [`round`].
pub async fn outward_round(service: &Service, instance: &str) -> Result<bool, ServiceError> {
    round_of(service, instance, Side::Outward).await
}

/// Runs everything that is due once; says whether anything was done, so that there may be more.
///
/// # Errors
/// On a database failure outside any job; a job's own failure is stored with it.
pub async fn round(service: &Service, instance: &str) -> Result<bool, ServiceError> {
    round_of(service, instance, Side::Books).await
}

async fn round_of(service: &Service, instance: &str, side: Side) -> Result<bool, ServiceError> {
    let mut worked = false;
    for (kind, key) in due(service, instance, side).await? {
        if let Some(claim) = claim(service, instance, &kind, &key).await? {
            worked |= work(service, instance, &claim).await?;
        }
    }
    Ok(worked)
}

/// The kinds and keys of what is due and has anything to do.
async fn due(
    service: &Service,
    instance: &str,
    side: Side,
) -> Result<Vec<(String, String)>, ServiceError> {
    ensure_recurring(service, side).await?;
    let now = service.now();
    let mut tx = service.database().begin_read().await?;
    let mut due = Vec::new();
    let page = usize::try_from(PAGE).unwrap_or(usize::MAX);
    // Recurring work without anything to do stays due: it must not take the page from the rest.
    for (kind, key) in jobs::due(&mut tx, instance, now).await? {
        if due.len() < page
            && Side::of(&kind) == side
            && has_work(&mut tx, &kind, &key, now).await?
        {
            due.push((kind, key));
        }
    }
    Ok(due)
}

async fn claim(
    service: &Service,
    instance: &str,
    kind: &str,
    key: &str,
) -> Result<Option<Claim>, ServiceError> {
    let mut tx = service.database().begin_write().await?;
    let claim = jobs::claim(&mut tx, kind, key, instance, service.now(), LEASE_SECONDS).await?;
    tx.commit().await?;
    Ok(claim)
}

/// Does one claimed job; says whether it got on.
async fn work(service: &Service, instance: &str, claim: &Claim) -> Result<bool, ServiceError> {
    match perform(service, instance, claim).await {
        Ok(()) => Ok(true),
        // Somebody else has it now; whatever they do is right.
        Err(ServiceError::Claim(lost)) => {
            tracing::warn!(%lost, "a job was taken over");
            Ok(false)
        }
        Err(error) => {
            tracing::warn!(kind = claim.kind, key = claim.key, %error, "a job failed and will be tried again");
            let backoff = backoff_seconds(claim.attempts);
            let run_at = service.now().saturating_add(backoff);
            let mut tx = service.database().begin_write().await?;
            jobs::retry(&mut tx, claim, run_at, &error.to_string()).await?;
            tx.commit().await?;
            Ok(false)
        }
    }
}

/// Does the work and settles the job in one transaction.
async fn perform(service: &Service, instance: &str, claim: &Claim) -> Result<(), ServiceError> {
    if claim.kind == BATCH {
        return batching::batch(service, claim).await;
    }
    if claim.kind == BUMP {
        return bumping::bump(service, claim).await;
    }
    if claim.kind == LOOKOUT {
        return looking_out::look(service, claim).await;
    }
    match claim.kind.as_str() {
        NOTIFY => return notifying::gather(service, claim).await,
        MAIL => return notifying::mail(service, claim).await,
        FORMER_MAIL => return notifying::mail_to_former(service, claim).await,
        WEBHOOK => return notifying::deliver(service, claim).await,
        _ => {}
    }
    let now = service.now();
    let mut tx = service.database().begin_write().await?;
    jobs::assert_held(&mut tx, claim).await?;
    let outcome = match claim.kind.as_str() {
        FINALIZE => finalizing::finalize(service, &mut tx, &claim.key, now).await?,
        BROADCAST => finalizing::broadcast(service, &mut tx, &claim.key, now).await?,
        CATCH_UP => match claim.key.parse() {
            Ok(txid) => catching_up::catch_up(service, &mut tx, txid, now).await?,
            Err(_) => Outcome::Park("the key is no attempt".to_owned()),
        },
        EVENTS => {
            chain_events::take_in(service, &mut tx, PAGE, now).await?;
            Outcome::Again(0)
        }
        EXPIRE => {
            expire_overdue(&mut tx, now, PAGE).await?;
            Outcome::Again(0)
        }
        FOLLOW => {
            adopt_ripe(service, &mut tx, now).await?;
            Outcome::Again(VERSIONS_SECONDS)
        }
        DRAIN => drain_former(service, &mut tx, &claim.key, now).await?,
        CONSOLIDATE => match claim.key.parse() {
            Ok(vault) => {
                consolidation::tell(service, &mut tx, vault).await?;
                Outcome::Again(CONSOLIDATE_SECONDS)
            }
            Err(_) => Outcome::Park("the key is no vault".to_owned()),
        },
        QUEUE => {
            batching::tell_of_queues(service, &mut tx).await?;
            Outcome::Again(LOOK_SECONDS)
        }
        MOVE_IN => {
            moving_in::go_on(service, &mut tx, now).await?;
            Outcome::Again(1)
        }
        LEVELS => {
            watch_levels(service, &mut tx).await?;
            Outcome::Again(LEVELS_SECONDS)
        }
        SEQUENCE => sequence(&mut tx, instance, now).await?,
        other => Outcome::Park(format!("this program knows no job of kind {other}")),
    };
    match outcome {
        Outcome::Done => jobs::finish(&mut tx, claim, now).await?,
        Outcome::Again(seconds) => {
            jobs::repeat(&mut tx, claim, now.saturating_add(seconds)).await?;
        }
        Outcome::Park(reason) => {
            tracing::error!(
                kind = claim.kind,
                key = claim.key,
                reason,
                "a job is parked"
            );
            jobs::park(&mut tx, claim, &reason).await?;
        }
    }
    tx.commit().await?;
    Ok(())
}

/// Does what a change of keys left to do for a vault, one deed a run.
async fn drain_former(
    service: &Service,
    tx: &mut Transaction,
    key: &str,
    now: UnixTime,
) -> Result<Outcome, ServiceError> {
    let Ok(vault) = key.parse::<VaultId>() else {
        return Ok(Outcome::Park("the key is no vault".to_owned()));
    };
    let did = drain(service, tx, vault, now).await?;
    Ok(Outcome::Again(if did { 0 } else { VERSIONS_SECONDS }))
}

/// Numbers events where no watchtower's daemon does.
async fn sequence(
    tx: &mut Transaction,
    instance: &str,
    now: UnixTime,
) -> Result<Outcome, ServiceError> {
    let holder = format!("{instance} (jobs)");
    let Some(held) = lease::acquire(tx, SEQUENCER_LEASE, &holder, now, SEQUENCER_SECONDS).await?
    else {
        return Ok(Outcome::Again(SEQUENCER_SECONDS));
    };
    match event_log::sequence(tx, &held, PAGE).await {
        Ok(_) => {}
        Err(EventError::Lease(lost)) => {
            tracing::warn!(%lost, "another sequencer took over");
        }
        Err(error) => return Err(error.into()),
    }
    lease::release(tx, &held).await?;
    Ok(Outcome::Again(0))
}

/// Takes in all that the watchtower saw until now, where no coordinator runs.
///
/// # Errors
/// On a database failure, or an event that the books cannot follow.
pub async fn take_in_all(service: &Service, instance: &str) -> Result<(), ServiceError> {
    loop {
        let now = service.now();
        let mut tx = service.database().begin_write().await?;
        sequence(&mut tx, instance, now).await?;
        let before = cursor::cursor(&mut tx, chain_events::CONSUMER).await?;
        chain_events::take_in(service, &mut tx, PAGE, now).await?;
        let after = cursor::cursor(&mut tx, chain_events::CONSUMER).await?;
        let waiting = event_log::is_waiting(&mut tx).await?;
        tx.commit().await?;
        if before == after && !waiting {
            return Ok(());
        }
        if before == after {
            // Another process numbers events just now.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

async fn ensure_recurring(service: &Service, side: Side) -> Result<(), ServiceError> {
    let now = service.now();
    let kinds: &[&str] = match side {
        Side::Books => &[
            EVENTS, EXPIRE, FOLLOW, LEVELS, LOOKOUT, MOVE_IN, QUEUE, SEQUENCE,
        ],
        Side::Outward => &[NOTIFY],
    };
    let kinds = kinds.iter().copied();
    let mut wanted: Vec<(&str, String)> = kinds.map(|kind| (kind, ALL.to_owned())).collect();
    let missing = {
        let mut tx = service.database().begin_read().await?;
        if side == Side::Outward {
            wanted.extend(notifying::wanted(&mut tx).await?);
        }
        let vaults = match side {
            Side::Books => vaults::list(&mut tx).await?,
            Side::Outward => Vec::new(),
        };
        for vault in vaults {
            wanted.push((DRAIN, vault.id.to_string()));
            wanted.push((BUMP, vault.id.to_string()));
            wanted.push((CONSOLIDATE, vault.id.to_string()));
            if service.batch_settings().rules().is_automatic() {
                wanted.push((BATCH, vault.id.to_string()));
            }
        }
        let mut missing = Vec::new();
        for (kind, key) in wanted {
            if !jobs::exists(&mut tx, kind, &key).await? {
                missing.push((kind, key));
            }
        }
        missing
    };
    if missing.is_empty() {
        return Ok(());
    }
    let mut tx = service.database().begin_write().await?;
    for (kind, key) in missing {
        jobs::ensure(&mut tx, kind, &key, now).await?;
    }
    Ok(tx.commit().await?)
}

/// Whether recurring work has anything to do: looking costs nothing, claiming costs a write.
async fn has_work(
    tx: &mut Transaction,
    kind: &str,
    key: &str,
    now: UnixTime,
) -> Result<bool, ServiceError> {
    Ok(match kind {
        EVENTS => {
            let seen = cursor::cursor(tx, chain_events::CONSUMER).await?;
            event_log::head(tx).await?.0 > seen
        }
        NOTIFY => notifying::has_gathering(tx).await?,
        MAIL => gathering::due(tx, key, now).await?.is_some(),
        FORMER_MAIL => former::due(tx, key).await?.is_some(),
        WEBHOOK => notifying::is_to_be_called_or_ended(tx, key).await?,
        QUEUE => queue_store::is_used(tx).await?,
        CATCH_UP => catching_up::is_due(tx).await?,
        EXPIRE => !withdrawals::overdue(tx, now, 1).await?.is_empty(),
        LEVELS => !marks::list(tx).await?.is_empty(),
        MOVE_IN => !moving_in_store::open(tx).await?.is_empty(),
        SEQUENCE => event_log::is_waiting(tx).await?,
        FOLLOW => !proposals::waiting(tx).await?.is_empty(),
        DRAIN => match key.parse::<VaultId>() {
            Ok(vault) => has_former(tx, vault).await?,
            Err(_) => true,
        },
        CONSOLIDATE => match key.parse::<VaultId>() {
            Ok(vault) => consolidation::is_wished(tx, vault).await?,
            Err(_) => true,
        },
        BUMP => match key.parse::<VaultId>() {
            Ok(vault) => has_out(tx, vault).await?,
            Err(_) => true,
        },
        BATCH => match key.parse::<VaultId>() {
            Ok(vault) => {
                !withdrawals::approved(tx, vault, 1).await?.is_empty()
                    || !withdrawals::requested(tx, vault, 1).await?.is_empty()
            }
            Err(_) => true,
        },
        _ => true,
    })
}

/// 1, 2, 4, … seconds, at most five minutes.
fn backoff_seconds(attempts: u32) -> u64 {
    1_u64
        .checked_shl(attempts)
        .map_or(MAX_BACKOFF_SECONDS, |seconds| {
            if seconds == 0 {
                MAX_BACKOFF_SECONDS
            } else {
                seconds.min(MAX_BACKOFF_SECONDS)
            }
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_get_slower_up_to_five_minutes() {
        let pauses: Vec<u64> = [0, 1, 2, 8, 9, 63, 64, u32::MAX]
            .map(backoff_seconds)
            .to_vec();
        assert_eq!(pauses, [1, 2, 4, 256, 300, 300, 300, 300]);
    }
}
