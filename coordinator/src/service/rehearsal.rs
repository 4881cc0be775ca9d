//! Building before the database's only writer is taken.
//!
//! What takes long is planned and built from a read first. Under the vault's lock it is planned again, and what was
//! built counts if the plan is the same to the last bit; else it is built once more. Invariant: nothing is issued
//! that was not built from the books as they stand under the lock.

use policies::UnixTime;
use policies::planted::steps::{Moment, Step, reach};

use super::agreed::Agreed;
use super::building::{Built, Plan, build};
use super::cancelling::cancel;
use super::excluding::Before;
use super::own_building::{OwnBuilt, OwnPlan};
use super::waiting::Waiting;
use super::{BatchError, Service, ServiceError};

/// A batch, and what it leaves to wait.
type Batched = (Built, Vec<Waiting>);

/// What was built so far for one request.
#[derive(Debug)]
pub(crate) struct Rehearsal {
    /// The time of the request.
    pub(super) now: UnixTime,
    /// Its randomness.
    pub(super) seed: [u8; 32],
    /// Whether it is only rehearsed yet, or previewed: nothing is locked then.
    pub(super) only: bool,
    payments: Vec<(Plan, Built)>,
    batches: Vec<(Plan, Batched)>,
    cancellations: Vec<((OwnPlan, Before), OwnBuilt)>,
}

impl Rehearsal {
    /// For one request.
    pub(crate) fn begin(service: &Service) -> Self {
        Self {
            now: service.now(),
            seed: service.random(),
            only: true,
            payments: Vec::new(),
            batches: Vec::new(),
            cancellations: Vec::new(),
        }
    }

    /// For a request whose preview was looked at, with the same randomness.
    pub(super) fn again(service: &Service, agreed: Option<Agreed>) -> Self {
        let begun = Self::begin(service);
        Self {
            seed: agreed.map_or(begun.seed, |agreed| agreed.seed()),
            ..begun
        }
    }

    /// Says that it is rehearsed: what follows is done under the vault's lock.
    pub(crate) const fn is_done(&mut self) {
        self.only = false;
    }

    /// For what nothing was built for yet.
    pub(crate) fn of_nothing(service: &Service) -> Self {
        Self {
            only: false,
            ..Self::begin(service)
        }
    }

    /// Builds a payment.
    pub(super) async fn payment(&mut self, plan: Plan) -> Result<Built, ServiceError> {
        once(&mut self.payments, plan, build).await
    }

    /// Builds a batch in a way of its own.
    pub(super) async fn batch(
        &mut self,
        plan: Plan,
        build: fn(Plan) -> Result<Batched, ServiceError>,
    ) -> Result<Batched, ServiceError> {
        once(&mut self.batches, plan, build).await
    }

    /// Builds a cancellation.
    pub(super) async fn cancellation(
        &mut self,
        own: OwnPlan,
        before: Before,
    ) -> Result<OwnBuilt, ServiceError> {
        let build = |(own, before): (OwnPlan, Before)| cancel(&own, &before);
        once(&mut self.cancellations, (own, before), build).await
    }

    /// How often something was built.
    #[cfg(test)]
    pub(super) const fn builds(&self) -> usize {
        self.payments.len() + self.batches.len() + self.cancellations.len()
    }
}

/// Takes what was built from the same plan before, or builds it.
async fn once<P, B>(
    made: &mut Vec<(P, B)>,
    plan: P,
    build: fn(P) -> Result<B, ServiceError>,
) -> Result<B, ServiceError>
where
    P: Clone + PartialEq + Send + 'static,
    B: Clone + Send + 'static,
{
    if let Some((_, built)) = made.iter().find(|(known, _)| *known == plan) {
        return Ok(built.clone());
    }
    let known = plan.clone();
    let built = aside(move || build(plan)).await?;
    made.push((known, built.clone()));
    Ok(built)
}

/// Does what takes long on a thread of its own.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ServiceError> + Send + 'static,
) -> Result<T, ServiceError> {
    reach(Step::Build, Moment::Before);
    let built = tokio::task::spawn_blocking(work).await.map_err(|error| {
        ServiceError::Batch(BatchError::Build {
            reason: error.to_string(),
        })
    })?;
    reach(Step::Build, Moment::After);
    built
}
