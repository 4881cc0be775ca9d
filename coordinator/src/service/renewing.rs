//! Plans attempts that pay anew what attempts were issued for, or cancel those: what all the flows share.
//!
//! Invariant: what is planned takes its coins from nobody but the attempts whose place it takes and from the
//! free ones, and two plans from the same books are the same: a preview says what the deed will do.

use std::collections::BTreeSet;
use std::sync::Arc;

use bitcoin::hashes::{Hash as _, HashEngine as _, sha256};
use bitcoin::{FeeRate, OutPoint};
use policies::document::Policy;
use policies::journal::SignedTransaction;
use policies::psbt::AttemptPurpose;
use policies::{Intent, Keychain, Receipt, VaultId};
use watchtower::store::chain;
use watchtower::store::database::Transaction;

use super::building::{Built, Plan};
use super::choosing::{Chosen, Hold, Terms, choose_among, feerate, refuse_in_trouble};
use super::free_coins::{candidates, young};
use super::inclusion;
use super::issuing::{issue, store};
use super::lines::{Issued, spent_fees};
use super::moving_in::refuse_moving_in;
use super::record::Cause;
use super::rehearsal::Rehearsal;
use super::renewal_view::PlanView;
use super::rooms::{Rooms, rooms};
use super::stops::refuse_stopped;
use super::{BatchError, Service, ServiceError, journals, lock_vault};
use crate::exclusion::{Fate, WithdrawalFate};
use crate::session::BatchId;
use crate::store::batches::BatchRow;
use crate::store::vaults::VaultRow;
use crate::store::withdrawals::{WithdrawalKey, WithdrawalRow};
use crate::store::{addresses, attempts, payments};

/// What every plan of one vault rests on.
pub(super) struct Ground {
    pub(super) vault: VaultRow,
    pub(super) policy: Arc<Policy>,
    pub(super) tip: u32,
    pub(super) hold: Hold,
    pub(super) feerate: FeeRate,
    pub(super) change_index: u32,
    pub(super) spent: Vec<SignedTransaction>,
    receipts: Vec<Receipt>,
    rooms: Rooms,
}

impl Ground {
    /// Reads it, under the vault's lock where something is to be done.
    pub(super) async fn read(
        service: &Service,
        tx: &mut Transaction,
        vault: VaultId,
        given: Option<&str>,
        rehearsal: &Rehearsal,
    ) -> Result<Self, ServiceError> {
        if !rehearsal.only {
            lock_vault(tx, vault).await?;
        }
        let now = rehearsal.now;
        let (row, policy) = service.vault(tx, vault).await?;
        refuse_in_trouble(tx, now).await?;
        refuse_moving_in(tx, vault).await?;
        let tip = chain::tip(tx).await?.ok_or(BatchError::NoChain)?;
        Ok(Self {
            tip: tip.height,
            hold: Hold {
                now,
                until: now.saturating_add(service.batch_settings().signing_window),
            },
            feerate: feerate(service, tx, &policy, given).await?,
            change_index: addresses::next_index(tx, row.keychain, Keychain::Internal).await?,
            spent: spent_fees(tx, vault, &policy, now).await?,
            receipts: journals::last_receipts(tx, vault, &policy).await?,
            rooms: rooms(tx, policy.newest_keyset(), now).await?.and_beyond(),
            vault: row,
            policy,
        })
    }

    /// Randomness that nobody outside knows and that is the same for the same question.
    pub(super) fn seed<'a>(&self, of: impl IntoIterator<Item = &'a [u8]>) -> [u8; 32] {
        let mut engine = sha256::Hash::engine();
        engine.input(b"countersign/plan");
        engine.input(&self.change_index.to_be_bytes());
        for part in of {
            engine.input(&sha256::Hash::hash(part).to_byte_array());
        }
        sha256::Hash::from_engine(engine).to_byte_array()
    }
}

/// What is to be paid anew.
pub(super) struct Renewal {
    /// The withdrawals, in the order in which they came in.
    pub(super) pays: Vec<WithdrawalRow>,
    /// The batch whose next attempt it is; a new one if none.
    pub(super) batch: Option<BatchRow>,
}

/// A plan before it is built.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) plan: Plan,
    batch: Option<BatchRow>,
    from: Vec<BatchId>,
    /// What the attempts pay whose place it takes.
    paid_before: BTreeSet<WithdrawalKey>,
}

/// What was built, and where it goes.
#[derive(Debug)]
pub(super) struct Renewed {
    pub(super) built: Built,
    pub(super) batch: Option<BatchRow>,
    pub(super) from: Vec<BatchId>,
    pub(super) fates: Vec<WithdrawalFate>,
}

/// Plans to pay withdrawals anew.
pub(super) async fn plan(
    tx: &mut Transaction,
    ground: &Ground,
    renewal: Renewal,
) -> Result<Planned, ServiceError> {
    let Renewal { pays, batch } = renewal;
    let policy = &ground.policy;
    refuse_stopped(tx, ground.vault.id).await?;
    let issued = Issued::for_lines(tx, policy, &pays).await?;
    let intents: Vec<Intent> = pays.iter().map(|row| row.intent.clone()).collect();
    let (candidates, fundings) = candidates(tx, &ground.vault, ground.tip, &issued.freed).await?;
    let shown = issued.before.earlier.iter().rev().find(|earlier| {
        let mut intents = intents.iter();
        let mut coins = earlier.record.inputs.iter();
        earlier.live
            && earlier.complete.is_some()
            && intents.all(|intent| earlier.record.intents.contains(intent))
            && coins.all(|coin| candidates.iter().any(|free| free.outpoint == *coin))
    });
    let again: BTreeSet<OutPoint> = (shown.iter())
        .flat_map(|earlier| earlier.record.inputs.iter().copied())
        .collect();
    let mut paid_before = BTreeSet::new();
    for row in issued.live() {
        paid_before.extend(payments::of_attempt(tx, row.txid).await?);
    }
    let number = next_number(tx, batch.as_ref()).await?;
    let seed = seed(ground, batch.as_ref(), number, &pays);
    let terms = Terms::Anew {
        shown: !again.is_empty(),
    };
    let chosen = choose_among(tx, &ground.vault, policy, pays, terms, ground.hold).await?;
    let Chosen {
        withdrawals, known, ..
    } = chosen;
    Ok(Planned {
        from: issued.batches(),
        plan: Plan {
            policy: Arc::clone(policy),
            withdrawals,
            may_leave_out: false,
            rooms: ground.rooms.clone(),
            candidates,
            again,
            fundings,
            young: young(tx, ground.tip).await?,
            proofs: inclusion::proofs(tx, &ground.vault, policy).await?,
            feerate: ground.feerate,
            change_index: ground.change_index,
            tip: ground.tip,
            seed,
            number,
            now: ground.hold.now,
            spent: ground.spent.clone(),
            windows: known.windows().clone(),
            receipts: ground.receipts.clone(),
            before: issued.before,
        },
        batch,
        paid_before,
    })
}

/// The number of a batch's next attempt.
pub(super) async fn next_number(
    tx: &mut Transaction,
    batch: Option<&BatchRow>,
) -> Result<u32, ServiceError> {
    let Some(batch) = batch else {
        return Ok(1);
    };
    let before = attempts::of_batch(tx, batch.id).await?;
    let last = before.iter().map(|attempt| attempt.number).max();
    Ok(last.unwrap_or_default().saturating_add(1))
}

fn seed(
    ground: &Ground,
    batch: Option<&BatchRow>,
    number: u32,
    pays: &[WithdrawalRow],
) -> [u8; 32] {
    let batch = batch.map(|batch| batch.id.to_bytes()).unwrap_or_default();
    let number = number.to_be_bytes();
    let hashes: Vec<[u8; 32]> = pays.iter().map(|row| row.hash.to_bytes()).collect();
    let pays = hashes.iter().map(<[u8; 32]>::as_slice);
    ground.seed(
        [batch.as_slice(), number.as_slice()]
            .into_iter()
            .chain(pays),
    )
}

impl Planned {
    /// Leaves coins to others.
    pub(super) fn without(mut self, coins: &BTreeSet<OutPoint>) -> Self {
        let candidates = &mut self.plan.candidates;
        candidates.retain(|coin| !coins.contains(&coin.outpoint));
        self
    }

    /// Builds and reviews it, away from other requests.
    pub(super) async fn build(self, rehearsal: &mut Rehearsal) -> Result<Renewed, ServiceError> {
        let built = rehearsal.payment(self.plan).await?;
        let fate = |key: &WithdrawalKey, fate| WithdrawalFate {
            requester: key.requester.clone(),
            id: key.id.clone(),
            fate,
        };
        let paid: BTreeSet<&WithdrawalKey> = built.withdrawals.iter().map(|row| &row.key).collect();
        let left_out = self.paid_before.iter().filter(|key| !paid.contains(key));
        let fates = (paid.iter().map(|key| fate(key, Fate::Paid)))
            .chain(left_out.map(|key| fate(key, Fate::LeftOut)))
            .collect();
        Ok(Renewed {
            built,
            batch: self.batch,
            from: self.from,
            fates,
        })
    }
}

impl Renewed {
    /// What it means and costs.
    pub(super) fn view(&self, policy: &Policy) -> PlanView {
        PlanView::of(&self.built, self.fates.clone(), policy)
    }

    /// Stores and issues it; gives its batch.
    pub(super) async fn issue(
        self,
        service: &Service,
        tx: &mut Transaction,
        ground: &Ground,
        actor: &str,
    ) -> Result<BatchRow, ServiceError> {
        let cause = Cause {
            actor,
            reason: "",
            at: ground.hold.now,
        };
        let (policy, from) = (&ground.policy, self.from.as_slice());
        match self.batch {
            Some(batch) => {
                issue(tx, &batch, policy, self.built, from, cause).await?;
                Ok(batch)
            }
            None => store(service, tx, &ground.vault, policy, self.built, from, cause).await,
        }
    }
}

/// What a batch is for, as far as flows differ by it.
pub(super) const fn pays(purpose: AttemptPurpose) -> bool {
    match purpose {
        AttemptPurpose::Pay | AttemptPurpose::Bump => true,
        AttemptPurpose::Consolidate
        | AttemptPurpose::Refresh
        | AttemptPurpose::Cancel
        | AttemptPurpose::Drain
        | AttemptPurpose::Recover => false,
    }
}
