//! The queue of a vault: read, shown, told of, and changed. What goes and what waits is decided in [`crate::queue`].

mod answering;
mod speeds;
mod telling;
mod view;

use std::collections::BTreeMap;

use bitcoin::FeeRate;
use policies::document::Policy;
use policies::{UnixTime, VaultId};
use watchtower::store::database::Transaction;

pub(crate) use self::answering::use_allowance;
pub use self::answering::{AllowFeerate, allow_feerate};
pub(super) use self::speeds::say_speed;
pub use self::speeds::{ChangeSpeed, change_speed};
pub(crate) use self::telling::tell;
pub use self::view::{OfferView, QuestionView, QueueView, QueuedView, show_queue};
use super::batches::WithdrawalName;
use super::node_fees;
use super::{MAX_LIMIT, Service, ServiceError};
use crate::fees::{Estimates, Gap};
use crate::queue::{Circumstances, Decision, Obstacle, Question, Queued, Rules, Speed, decide};
use crate::store::queue::{self as store, SpeedRow};
use crate::store::withdrawals::{self, WithdrawalKey, WithdrawalRow};

/// Who tells of the queue.
const ACTOR: &str = "coordinator";

/// What stands in the way of withdrawals, found when they were tried.
pub(crate) type Obstacles = BTreeMap<WithdrawalName, Obstacle>;

/// All that the queue of a vault is decided by, as it is in one database transaction.
#[derive(Debug)]
pub(crate) struct Look {
    queued: Vec<Queued>,
    rules: Rules,
    estimates: Estimates,
    last_batch: Option<UnixTime>,
    now: UnixTime,
    cap: FeeRate,
    most: FeeRate,
    /// The question that is open.
    pub(crate) question: Option<Question>,
}

impl Look {
    /// Looks at the approved withdrawals of a vault.
    pub(crate) async fn at(
        service: &Service,
        tx: &mut Transaction,
        vault: VaultId,
        policy: &Policy,
    ) -> Result<Self, ServiceError> {
        let speeds = store::speeds(tx, vault).await?;
        let approved = withdrawals::approved(tx, vault, MAX_LIMIT).await?;
        let settings = service.batch_settings();
        Ok(Self {
            queued: approved.iter().map(|row| queued(row, &speeds)).collect(),
            rules: settings.rules(),
            estimates: node_fees::estimates(service, tx).await?,
            last_batch: store::last_batch(tx, vault).await?,
            now: service.now(),
            cap: settings.cap_under(policy),
            most: policy.limits.feerate_max,
            question: store::question(tx, vault).await?,
        })
    }

    /// The same if one more waited.
    pub(crate) fn with(mut self, queued: Queued) -> Self {
        self.queued.push(queued);
        self
    }

    /// Why there is no estimate, if there is none.
    pub(crate) const fn gap(&self) -> Option<Gap> {
        self.estimates.gap()
    }

    /// Whether a batch at this feerate needs the answer to the question.
    pub(crate) fn is_above_cap(&self, feerate: FeeRate) -> bool {
        feerate > self.cap.min(self.most)
    }

    /// What the queue comes to when these are in the way.
    pub(crate) fn decide(&self, obstacles: &Obstacles) -> Decision {
        let among = |queued: &Queued| Queued {
            obstacle: obstacles.get(&name(queued)).copied(),
            ..queued.clone()
        };
        let world = Circumstances {
            now: self.now,
            last_batch: self.last_batch,
            estimates: self.estimates.of_targets(),
            is_stale: self.estimates.gap().is_some_and(|gap| gap != Gap::Unknown),
            cap: self.cap,
            allowed: self.question.and_then(|question| question.allowed),
            most: self.most,
        };
        decide(self.queued.iter().map(among).collect(), &self.rules, &world)
    }
}

/// The name of a withdrawal in the queue.
pub(crate) fn name(queued: &Queued) -> WithdrawalName {
    WithdrawalName {
        requester: queued.requester.clone(),
        id: queued.id.clone(),
    }
}

fn queued(row: &WithdrawalRow, speeds: &BTreeMap<WithdrawalKey, SpeedRow>) -> Queued {
    let said = speeds.get(&row.key);
    Queued {
        requester: row.key.requester.clone(),
        id: row.key.id.clone(),
        amount: row.intent.amount,
        speed: said.map_or_else(Speed::default, |said| said.speed),
        latest: said.and_then(|said| said.latest),
        since: row.submitted_at,
        obstacle: None,
    }
}
