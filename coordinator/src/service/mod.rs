//! What the coordinator can be asked, in the words of the domain.
//!
//! Every operation takes the [`Service`] and the [`Actor`] who asks, checks the right first, and does
//! its work in one database transaction or not at all. Nothing is remembered between calls but
//! policies, which never change under their id, and how many do a thing at the moment.

pub mod access;
pub mod account_books;
mod acks;
pub mod address_book;
pub mod addresses;
pub mod adopting;
pub mod agenda;
pub mod agreed;
pub mod alarms;

pub mod approvals;
pub mod approvers;
pub mod attempt_lines;
pub mod attempt_page;
mod attempt_view;
pub mod attempts;
pub mod balancing;
pub mod batch_lines;
pub mod batch_page;
pub mod batch_preview;
pub mod batches;
mod believing;
pub mod books;
pub mod browsing;
mod building;
pub(crate) mod bumping;
mod cancellations;
mod cancelling;
pub mod carrying;
pub mod ceremonies;
pub(crate) mod choosing;
pub mod coin_marks;
pub mod consolidation;
mod culprits;
pub mod customers;
pub mod deposit_rules;
pub mod devices;
pub(crate) mod draining;
mod error;
pub mod events;
mod excluding;
pub(crate) mod explaining;
pub mod fee_policies;
pub mod feerates;
pub mod figures;
mod free_coins;
pub(crate) mod gate;
pub mod health;
mod inclusion;
mod issuing;
pub mod journal_imports;
pub mod journals;
pub(crate) mod keeping;
pub mod ladders;
mod lines;
mod list_view;
mod list_walk;
pub mod lists;
pub(crate) mod lookout;
pub mod maintenance;
mod manifests;
pub mod metrics;
pub mod misses;
pub mod moving_in;
mod node_fees;
pub mod notifying;
pub(crate) mod opened;
mod own_building;
mod own_coins;
mod own_spend_view;
mod own_spends;
pub mod page_approvals;
pub mod paging;
mod paying_child;
pub mod people;
pub(crate) mod poisoning;
pub mod policy_review;
pub mod previews;
pub mod proving;
mod psbt_size;
pub(crate) mod pulse;
pub mod queue;
pub mod rebuilds;
pub mod receipts;
pub mod reconciliations;
pub(crate) mod record;
pub mod recoveries;
pub(crate) mod rehearsal;
pub(crate) mod remembering;
mod renewal_view;
pub mod renewals;
mod renewing;
mod replanning;
pub(crate) mod reuse;
mod rooms;
pub(crate) mod said_of_vault;
pub mod scans;
pub mod search;
pub mod self_spends;
mod shelves;
pub mod signer_view;
pub mod signers;
mod standing;
mod statement_view;
pub mod status;
pub mod stop_view;
pub mod stops;
pub mod stuck_view;
mod terms;
#[cfg(test)]
pub(crate) mod tests;
pub mod tokens;
pub mod transfers;
pub mod uploads;
pub mod vaults;
mod version_view;
pub mod versions;
pub(crate) mod voiding;
pub mod voids;
pub mod waiting;
pub mod watching;
pub mod withdrawal_history;
pub mod withdrawal_list;
mod withdrawal_view;
pub mod withdrawals;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use bitcoin::{FeeRate, Network, Script, ScriptBuf};
use policies::document::Policy;
use policies::succession::line;
use policies::{PolicyId, UnixTime, VaultId};
use watchtower::store::database::{Database, Transaction};

pub use access::{Actor, Right, Role};
pub use error::{
    AlarmError, ApprovalError, AttemptError, BatchError, BooksError, CeremonyError, ErrorClass,
    FeeError, JournalError, ListError, NotifyError, OwnSpendError, PeopleError, QueueError,
    RebuildError, ServiceError, VaultError, VersionError, WatchError, WithdrawalError,
};

use self::gate::Gate;
use self::notifying::mailing::Mailer;
use self::notifying::posting::Reach;
use self::people::throttling::Tries;
use crate::queue::Rules;
use crate::store::vaults::{self as vault_store, VaultRow};

/// The most rows that a list answers with, and what it answers with unless told.
pub const MAX_LIMIT: u32 = 1000;

/// Reads the time; tests pass one of their own.
pub type Clock = Arc<dyn Fn() -> UnixTime + Send + Sync>;
/// Gives 32 random bytes; tests pass a fixed sequence.
pub type Entropy = Arc<dyn Fn() -> [u8; 32] + Send + Sync>;

/// How batches are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchSettings {
    /// Seconds between automatic batches of a vault; none makes them by hand only.
    pub interval: Option<u64>,
    /// Make a batch of so many withdrawals; none for any number.
    pub count: Option<u32>,
    /// Make a batch once the oldest waited so many seconds; none for any age.
    pub age: Option<u64>,
    /// The confirmation target, in blocks, whose estimate gives the feerate.
    pub fee_target: u32,
    /// The target of urgent withdrawals.
    pub urgent_target: u32,
    /// The target of patient withdrawals.
    pub economy_target: u32,
    /// Seconds for which the node's estimates count.
    pub estimate_max_age: u64,
    /// The highest feerate that is paid without asking; none for whatever the policy allows.
    pub fee_cap: Option<FeeRate>,
    /// Seconds that signers are given: an attempt carries only intents and approvals that hold for at
    /// least as long, since one that runs out before the last signature spoils the whole attempt.
    pub signing_window: u64,
}

impl BatchSettings {
    /// The highest feerate that is paid under a policy without asking.
    pub fn cap_under(&self, policy: &Policy) -> FeeRate {
        let most = policy.limits.feerate_max;
        self.fee_cap.map_or(most, |cap| cap.min(most))
    }

    /// As the queue wants them.
    pub fn rules(&self) -> Rules {
        Rules {
            targets: [self.urgent_target, self.fee_target, self.economy_target],
            count: self.count,
            age: self.age,
            interval: self.interval,
        }
    }
}

/// What every operation works with. Cheap to clone.
#[derive(Clone)]
pub struct Service {
    database: Database,
    network: Network,
    signet_challenge: Option<ScriptBuf>,
    public_url: Option<Arc<str>>,
    mailer: Option<Arc<Mailer>>,
    reach: Reach,
    batches: BatchSettings,
    clock: Clock,
    entropy: Entropy,
    policies: Arc<Mutex<HashMap<PolicyId, Arc<Policy>>>>,
    tries: Arc<Tries>,
    verifying: Gate,
    carrying: Gate,
    exporting: Gate,
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service")
            .field("network", &self.network)
            .field("batches", &self.batches)
            .finish_non_exhaustive()
    }
}

impl Service {
    /// A service over a migrated database, with the system's clock and randomness.
    pub fn new(database: Database, network: Network, batches: BatchSettings) -> Self {
        Self {
            database,
            network,
            signet_challenge: None,
            public_url: None,
            mailer: None,
            reach: Reach::default(),
            batches,
            clock: Arc::new(crate::clock::system_time),
            entropy: Arc::new(system_entropy),
            policies: Arc::default(),
            tries: Arc::default(),
            verifying: events::verifying(),
            // Twice at once by each person, and by few at a time: it takes a processor for a while.
            carrying: Gate::new(2, 4),
            exporting: events::exporting(),
        }
    }

    /// The same service on a signet of one's own.
    #[must_use]
    pub fn on_signet(self, signet_challenge: Option<ScriptBuf>) -> Self {
        Self {
            signet_challenge,
            ..self
        }
    }

    /// The same service whose pages people reach at this address.
    #[must_use]
    pub fn at_public_url(self, public_url: Option<&str>) -> Self {
        Self {
            public_url: public_url.map(|url| Arc::from(url.trim_end_matches('/'))),
            ..self
        }
    }

    /// The same service, which sends mail, and calls webhooks as far as they may reach.
    #[must_use]
    pub fn telling(self, mailer: Option<Mailer>, reach: Reach) -> Self {
        Self {
            mailer: mailer.map(Arc::new),
            reach,
            ..self
        }
    }

    /// The same service with another clock and another source of randomness.
    #[must_use]
    pub fn with_sources(self, clock: Clock, entropy: Entropy) -> Self {
        Self {
            clock,
            entropy,
            ..self
        }
    }

    /// Its database.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Its network.
    pub fn network(&self) -> Network {
        self.network
    }

    /// The challenge of its signet, where that is one's own.
    pub fn signet_challenge(&self) -> Option<&Script> {
        self.signet_challenge.as_deref()
    }

    /// Where people reach its pages, if the configuration says so: without a slash at its end.
    pub fn public_url(&self) -> Option<&str> {
        self.public_url.as_deref()
    }

    /// What sends its mail, if the configuration says how.
    pub(crate) fn mailer(&self) -> Option<Arc<Mailer>> {
        self.mailer.clone()
    }

    /// How far webhooks may reach.
    pub(crate) fn reach(&self) -> Reach {
        self.reach.clone()
    }

    /// How it makes batches.
    pub fn batch_settings(&self) -> BatchSettings {
        self.batches
    }

    /// How often strangers tried to come in.
    pub(crate) fn tries(&self) -> &Tries {
        &self.tries
    }

    /// Where the chain of events is verified.
    pub(crate) fn verifying(&self) -> &Gate {
        &self.verifying
    }

    /// Where files become QR codes, and QR codes files.
    pub(crate) fn carrying(&self) -> &Gate {
        &self.carrying
    }

    /// Where the log of events is exported.
    pub(crate) fn exporting(&self) -> &Gate {
        &self.exporting
    }

    /// The time now.
    pub fn now(&self) -> UnixTime {
        (self.clock)()
    }

    /// 32 random bytes.
    pub(crate) fn random(&self) -> [u8; 32] {
        (self.entropy)()
    }

    /// A vault and the policy that rules it.
    pub(crate) async fn vault(
        &self,
        tx: &mut Transaction,
        id: VaultId,
    ) -> Result<(VaultRow, Arc<Policy>), ServiceError> {
        let vault = vault_store::lookup(tx, id)
            .await?
            .ok_or(VaultError::UnknownVault { vault: id })?;
        let policy = self.policy(tx, vault.policy).await?;
        Ok((vault, policy))
    }

    /// A stored version and all before it, the newest first.
    pub(crate) async fn versions(
        &self,
        tx: &mut Transaction,
        newest: PolicyId,
    ) -> Result<Vec<Arc<Policy>>, ServiceError> {
        let mut versions = Vec::new();
        let mut next = Some(newest);
        while let Some(id) = next {
            let policy = self.policy(tx, id).await?;
            next = policy.previous;
            versions.push(policy);
        }
        Ok(versions)
    }

    /// A stored policy version, which knows those before it.
    pub(crate) async fn policy(
        &self,
        tx: &mut Transaction,
        id: PolicyId,
    ) -> Result<Arc<Policy>, ServiceError> {
        let known = self
            .policies
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&id)
            .cloned();
        if let Some(policy) = known {
            return Ok(policy);
        }
        let unreadable = || ServiceError::Vault(VaultError::StoredPolicy { policy: id });
        let mut versions = Vec::new();
        let mut next = Some(id);
        while let Some(version) = next {
            let bytes = vault_store::policy_document(tx, version)
                .await?
                .ok_or_else(unreadable)?;
            let policy = Policy::parse(&bytes).map_err(|_| unreadable())?;
            if policy.id != version {
                return Err(unreadable());
            }
            next = policy.previous;
            versions.push(policy);
        }
        versions.reverse();
        let policy = Arc::new(line(versions).map_err(|_| unreadable())?);
        self.policies
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id, Arc::clone(&policy));
        Ok(policy)
    }
}

/// Serializes what one vault decides: its money is one resource.
pub(crate) async fn lock_vault(tx: &mut Transaction, vault: VaultId) -> Result<(), ServiceError> {
    Ok(tx.lock(&format!("vault {vault}")).await?)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one source of randomness of this program"
)]
fn system_entropy() -> [u8; 32] {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).expect("the operating system gives randomness");
    bytes
}

/// Refuses to list by a state that no object of the kind ever has.
fn expect_state(state: Option<&str>, known: &'static [&'static str]) -> Result<(), ServiceError> {
    match state.filter(|state| !known.contains(state)) {
        None => Ok(()),
        Some(state) => Err(ServiceError::UnknownState {
            state: state.chars().take(40).collect(),
            known,
        }),
    }
}
