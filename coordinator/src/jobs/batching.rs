//! Batches that are made by themselves, as the queue decides them.
//!
//! One withdrawal that cannot be paid never stops those behind it: what was found to stand in its way is put to the
//! queue, which decides again without it, until a batch is made or nothing is due. Invariant: a batch that was
//! found dearer than those need whom it pays is rolled back, and whatever it reserved with it.

use bitcoin::FeeRate;
use policies::document::format_sat_per_vb;
use policies::{UnixTime, VaultId};
use watchtower::store::database::Transaction;

use super::LOOK_SECONDS;
use crate::queue::{Decision, Obstacle, Wait};
use crate::service::batches::{CreateBatch, create_batch_in, rehearse};
use crate::service::choosing::no_feerate;
use crate::service::queue::{self, Look, Obstacles};
use crate::service::rehearsal::Rehearsal;
use crate::service::stops::is_stopped;
use crate::service::waiting::Waiting;
use crate::service::{BatchError, Service, ServiceError, lock_vault};
use crate::store::jobs::{self, Claim};
use crate::store::vaults;

/// Tells of each vault's queue what was not told yet.
pub(super) async fn tell_of_queues(
    service: &Service,
    tx: &mut Transaction,
) -> Result<(), ServiceError> {
    for vault in vaults::list(tx).await? {
        let (_, policy) = service.vault(tx, vault.id).await?;
        queue::tell(service, tx, vault.id, &policy).await?;
    }
    Ok(())
}

/// Makes a vault's batch if one is due.
pub(super) async fn batch(service: &Service, claim: &Claim) -> Result<(), ServiceError> {
    let now = service.now();
    let rules = service.batch_settings().rules();
    let vault = claim.key.parse::<VaultId>();
    let Some(vault) = vault.ok().filter(|_| rules.is_automatic()) else {
        return unasked(service, claim, now).await;
    };
    let pause = rules
        .interval
        .map_or(LOOK_SECONDS, |interval| interval.min(LOOK_SECONDS));
    let next = now.saturating_add(pause);
    let mut trial = Trial::default();
    loop {
        let mut rehearsal = trial.rehearse(service, vault).await?;
        let mut tx = service.database().begin_write().await?;
        jobs::assert_held(&mut tx, claim).await?;
        match trial.attempt(service, &mut tx, vault, &mut rehearsal).await {
            Ok(Tried::Again) => tx.rollback().await?,
            Ok(Tried::NothingDue) if trial.failed.is_some() => {
                tx.rollback().await?;
                return trial.failed.map_or(Ok(()), Err);
            }
            Ok(Tried::Made | Tried::NothingDue) => {
                jobs::repeat(&mut tx, claim, next).await?;
                return Ok(tx.commit().await?);
            }
            Err(error) => {
                tx.rollback().await?;
                return Err(error);
            }
        }
    }
}

/// Settles a job where no batch is made by itself, or that names no vault.
async fn unasked(service: &Service, claim: &Claim, now: UnixTime) -> Result<(), ServiceError> {
    let mut tx = service.database().begin_write().await?;
    jobs::assert_held(&mut tx, claim).await?;
    if claim.key.parse::<VaultId>().is_ok() {
        jobs::finish(&mut tx, claim, now).await?;
    } else {
        jobs::park(&mut tx, claim, "the key is no vault").await?;
    }
    Ok(tx.commit().await?)
}

/// A batch that is asked for.
#[derive(Debug)]
struct Asked {
    /// How many of those that go, in their order.
    tried: usize,
    feerate: FeeRate,
    request: CreateBatch,
}

/// What one try came to.
#[derive(Debug)]
enum Tried {
    /// A batch is made, in a transaction that is to be committed.
    Made,
    /// Nothing is due, or nothing of it can be paid.
    NothingDue,
    /// Something stands in the way of some: the transaction is to be rolled back, and the rest tried.
    Again,
}

/// What was found out while a batch was tried.
#[derive(Debug, Default)]
struct Trial {
    obstacles: Obstacles,
    /// Whether only one withdrawal is tried at a time, since our own review refused several together.
    is_alone: bool,
    /// The last failure for which an operator may have to look.
    failed: Option<ServiceError>,
}

impl Trial {
    /// Builds what a try would, from a read.
    async fn rehearse(&self, service: &Service, vault: VaultId) -> Result<Rehearsal, ServiceError> {
        let mut tx = service.database().begin_read().await?;
        let (_, policy) = service.vault(&mut tx, vault).await?;
        let decision = Look::at(service, &mut tx, vault, &policy)
            .await?
            .decide(&self.obstacles);
        drop(tx);
        match self.asks(&decision) {
            Some(Asked { request, .. }) => rehearse(service, vault, &request).await,
            None => Ok(Rehearsal::of_nothing(service)),
        }
    }

    /// The batch that a decision asks for.
    fn asks(&self, decision: &Decision) -> Option<Asked> {
        let (tried, feerate) = if self.is_alone {
            let first = decision.going().next();
            (1, first.and_then(|place| place.feerate))
        } else {
            (usize::MAX, decision.feerate)
        };
        let feerate = feerate?;
        let request = CreateBatch {
            feerate_sat_vb: Some(format_sat_per_vb(feerate)),
            among: Some(decision.goes().take(tried).map(queue::name).collect()),
            ..CreateBatch::default()
        };
        Some(Asked {
            tried,
            feerate,
            request,
        })
    }

    /// Tries once. Every try that is to be repeated has found one more in whose way something stands, or goes on
    /// with one at a time, so that they come to an end.
    async fn attempt(
        &mut self,
        service: &Service,
        tx: &mut Transaction,
        vault: VaultId,
        rehearsal: &mut Rehearsal,
    ) -> Result<Tried, ServiceError> {
        lock_vault(tx, vault).await?;
        if is_stopped(tx, vault).await? {
            return Ok(Tried::NothingDue);
        }
        let (_, policy) = service.vault(tx, vault).await?;
        let look = Look::at(service, tx, vault, &policy).await?;
        let decision = look.decide(&self.obstacles);
        let asked = self.asks(&decision);
        let Some(Asked {
            tried,
            feerate,
            request,
        }) = asked
        else {
            // An operator has to look at the node: without an estimate nothing will ever be due.
            let mut waits = decision.places.iter().filter_map(|place| place.wait);
            let is_unknown = |wait| matches!(wait, Wait::NoEstimate | Wait::StaleEstimate);
            if let (true, Some(gap)) = (waits.any(is_unknown), look.gap()) {
                return Err(no_feerate(gap).into());
            }
            return Ok(Tried::NothingDue);
        };
        match create_batch_in(service, tx, "coordinator", vault, &request, rehearsal).await {
            Ok((batch, waiting)) => {
                let met = met(&decision, &waiting);
                if !self.is_alone && self.is_dear(&look, &decision, &met) {
                    self.pass_by(&decision, met);
                    return Ok(Tried::Again);
                }
                if look.is_above_cap(feerate) {
                    queue::use_allowance(tx, &look, vault).await?;
                }
                let waiting = waiting.len();
                tracing::info!(batch = %batch.id, %vault, waiting, "made a batch that was due");
                Ok(Tried::Made)
            }
            Err(error) => self.note(&decision, tried, error),
        }
    }

    /// Whether those paid would go more cheaply, or not yet, without those that were met by obstacles.
    fn is_dear(&self, look: &Look, decision: &Decision, met: &Obstacles) -> bool {
        let mut all = self.obstacles.clone();
        all.extend(met.iter().map(|(name, met)| (name.clone(), *met)));
        look.decide(&all).feerate != decision.feerate
    }

    /// Passes by those met by obstacles that the feerate was for; where it was for none of them, all.
    fn pass_by(&mut self, decision: &Decision, met: Obstacles) {
        let of_the_fee = |place: &&crate::queue::Place| place.feerate == decision.feerate;
        let dearest: Obstacles = decision
            .going()
            .filter(of_the_fee)
            .filter_map(|place| {
                let name = queue::name(&place.queued);
                met.get(&name).map(|met| (name.clone(), *met))
            })
            .collect();
        self.obstacles
            .extend(if dearest.is_empty() { met } else { dearest });
    }

    /// Notes what a failure says of those tried; one that says nothing of withdrawals is handed on.
    fn note(
        &mut self,
        decision: &Decision,
        tried: usize,
        error: ServiceError,
    ) -> Result<Tried, ServiceError> {
        let ServiceError::Batch(refused) = &error else {
            return Err(error);
        };
        let obstacle = match refused {
            BatchError::CoinSelection(_) => Obstacle::Coins,
            BatchError::NothingToBatch { .. }
            | BatchError::CannotBeExclusive(_)
            | BatchError::PaidByUnknown { .. }
            | BatchError::CustomerNegative { .. } => Obstacle::Other,
            BatchError::SelfReview { .. } | BatchError::Build { .. } => {
                if !self.is_alone && decision.goes().nth(1).is_some() {
                    self.is_alone = true;
                    return Ok(Tried::Again);
                }
                Obstacle::Other
            }
            BatchError::UnknownBatch { .. }
            | BatchError::SweepNotAlone
            | BatchError::DecidedByOrder { .. }
            | BatchError::NotApproved { .. }
            | BatchError::ApprovalsRanOut { .. }
            | BatchError::EntryEnds { .. }
            | BatchError::EqualPayments { .. }
            | BatchError::TooManyPayments { .. }
            | BatchError::Stopped { .. }
            | BatchError::MovingIn { .. }
            | BatchError::NoFeerate
            | BatchError::FeesStale { .. }
            | BatchError::FeesAboveCap { .. }
            | BatchError::FeerateAboveCap { .. }
            | BatchError::NodeTrouble { .. }
            | BatchError::NoChain
            | BatchError::NothingShown { .. }
            | BatchError::CannotBeSplit(_)
            | BatchError::PreviewChanged
            | BatchError::NotInBatch { .. }
            | BatchError::NothingLeft { .. }
            | BatchError::NothingToCancel { .. }
            | BatchError::TakenMeanwhile => return Err(error),
        };
        if !matches!(refused, BatchError::NothingToBatch { .. }) {
            self.failed = Some(error);
        }
        let names = decision.goes().take(tried).map(queue::name);
        self.obstacles.extend(names.map(|name| (name, obstacle)));
        Ok(Tried::Again)
    }
}

/// Those of the queue that a batch left to wait, and whether only for lack of coins.
fn met(decision: &Decision, waiting: &[Waiting]) -> Obstacles {
    let met = |queued| {
        let name = queue::name(queued);
        let found = waiting
            .iter()
            .find(|one| one.requester == name.requester && one.id == name.id)?;
        let obstacle = if found.is_for_coins() {
            Obstacle::Coins
        } else {
            Obstacle::Other
        };
        Some((name, obstacle))
    };
    decision.goes().filter_map(met).collect()
}
