//! Builds one attempt that pays nobody but ourselves, or the policy's recovery destination. Pure.
//!
//! It has one output, which takes all that its coins hold less the fee. The bytes that leave are the bytes
//! that were reviewed by the check that every signer makes, as if within the budget of self-spends: what
//! is beyond it goes out for approvals.
#![deny(clippy::arithmetic_side_effects)]

use std::collections::BTreeMap;
use std::sync::Arc;

use bitcoin::{Amount, FeeRate, OutPoint, ScriptBuf, Sequence, Transaction, TxOut, Txid, Weight};
use policies::descriptor::{DerivedScript, VaultDescriptor};
use policies::devices::Room;
use policies::document::{Policy, Recovery, SelfSpendBudget};
use policies::journal::{History, SignedTransaction};
use policies::psbt::{AttemptPurpose, Manifest, read_strict};
use policies::review::{Refusal, review};
use policies::{Keychain, Keyset, UnixTime};

use super::building::{Built, in_order};
use super::free_coins::keyset_spent;
use super::psbt_size::PsbtSize;
use super::rooms::Rooms;
use super::{BatchError, ServiceError};
use crate::coin_selection::{
    Bounds, Candidate, Gathered, InputRoom, LoneOutput, SelectionError, Take, gather,
};
use crate::exclusion::Anchors;
use crate::fee_bump::Replacement;
use crate::roles::creator::create_lone;
use crate::roles::issued::{IssuedTransaction, SpentCoin};
use crate::roles::updater::update;

/// All that such an attempt is built from.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct OwnPlan {
    pub(super) policy: Arc<Policy>,
    pub(super) purpose: AttemptPurpose,
    /// The former keyset whose coins are spent; none for the newest one's.
    pub(super) former: Option<Keyset>,
    /// The timelock of the recovery path taken, in blocks.
    pub(super) older: Option<u16>,
    /// In the order in which they are taken.
    pub(super) coins: Vec<Candidate>,
    pub(super) take: Take,
    pub(super) max_inputs: usize,
    /// How large it may be.
    pub(super) rooms: Rooms,
    pub(super) fundings: BTreeMap<Txid, Transaction>,
    pub(super) feerate: FeeRate,
    pub(super) change_index: u32,
    pub(super) tip: u32,
    pub(super) seed: [u8; 32],
    pub(super) now: UnixTime,
    /// What the fee budget counts already.
    pub(super) spent: Vec<SignedTransaction>,
    /// The attempt's number.
    pub(super) number: u32,
    /// How many of the coins, from the first on, must be spent.
    pub(super) required: usize,
    /// What it takes the place of, and must pay for.
    pub(super) replacing: Option<Replacement>,
}

impl OwnPlan {
    /// The scripts of the coins that are spent.
    fn spent_descriptor(&self) -> &VaultDescriptor {
        keyset_spent(&self.policy, self.former).descriptor
    }
}

/// An attempt that passed our own review, and what it is made of.
#[derive(Debug, Clone)]
pub(super) struct OwnBuilt {
    pub(super) built: Built,
    pub(super) inputs: Vec<Candidate>,
    pub(super) amount: Amount,
    pub(super) script_pubkey: ScriptBuf,
}

/// Where the one output goes.
enum Destination {
    Ours(Box<DerivedScript>),
    Recovered(ScriptBuf),
}

impl Destination {
    fn script_pubkey(&self) -> &ScriptBuf {
        match self {
            Self::Ours(derived) => &derived.script_pubkey,
            Self::Recovered(script) => script,
        }
    }
}

/// Builds and reviews.
pub(super) fn build(plan: &OwnPlan) -> Result<OwnBuilt, ServiceError> {
    let policy = &plan.policy;
    let destination = destination(plan);
    let gathered = gather_coins(plan, &destination)?;
    let output = TxOut {
        value: gathered.amount,
        script_pubkey: destination.script_pubkey().clone(),
    };
    let outpoints: Vec<OutPoint> = gathered.inputs.iter().map(|coin| coin.outpoint).collect();
    let sequence = plan
        .older
        .map_or(Sequence::ENABLE_RBF_NO_LOCKTIME, Sequence::from_height);
    let transaction =
        create_lone(&outpoints, output, sequence, plan.tip, plan.seed).map_err(refused)?;
    let spent: Vec<SpentCoin> = gathered
        .inputs
        .iter()
        .map(|coin| SpentCoin {
            outpoint: coin.outpoint,
            prevout: coin.txout.clone(),
            derived: plan.spent_descriptor().at(coin.keychain, coin.index),
        })
        .collect();
    let issued = IssuedTransaction::new(transaction, &spent).map_err(refused)?;
    let mut manifest = Manifest::new(policy.id, plan.purpose, plan.number);
    let change = match &destination {
        Destination::Ours(derived) => {
            manifest.changes.insert(0, (policy.id, plan.change_index));
            Some((0, &**derived))
        }
        Destination::Recovered(_) => None,
    };
    let mut psbt =
        update(&issued, plan.spent_descriptor(), &plan.fundings, change).map_err(refused)?;
    manifest.write_into(&mut psbt);
    let bytes = psbt.serialize();
    let (fee, weight) = review_own(policy, &bytes, &plan.spent, plan.now)?;
    Ok(OwnBuilt {
        built: Built {
            txid: issued.txid(),
            psbt: bytes,
            fee,
            weight,
            coins: gathered
                .inputs
                .iter()
                .map(|coin| (coin.outpoint, coin.txout.value))
                .collect(),
            change: match &destination {
                Destination::Ours(derived) => Some((**derived).clone()),
                Destination::Recovered(_) => None,
            },
            withdrawals: Vec::new(),
            rules: Vec::new(),
            purpose: plan.purpose,
            former: plan.former,
            anchors: Anchors::default(),
            frozen: Vec::new(),
            replacing: plan.replacing.clone(),
            left_for_devices: Vec::new(),
        },
        inputs: gathered.inputs,
        amount: gathered.amount,
        script_pubkey: destination.script_pubkey().clone(),
    })
}

/// Reviews bytes that pay nobody, as a signer will whose budget of self-spends is not used up.
/// `spent` counts in the fee budget already.
pub(super) fn review_own(
    policy: &Policy,
    bytes: &[u8],
    spent: &[SignedTransaction],
    now: UnixTime,
) -> Result<(Amount, Weight), ServiceError> {
    let strict = read_strict(bytes).map_err(|refusal| {
        ServiceError::Batch(BatchError::SelfReview {
            codes: vec![refusal.code()],
            refusals: vec![refusal.to_string()],
        })
    })?;
    let changes = strict.manifest().changes.values();
    let highest = changes.map(|(_, index)| *index).max().unwrap_or_default();
    let mut within = policy.clone();
    within.limits.self_spend_budget = Some(SelfSpendBudget {
        amount: Amount::MAX_MONEY,
        count: u32::MAX,
        window: 1,
    });
    let mut history = History::that_changed_up_to(highest);
    for one in spent {
        history.record(in_order(one, &strict.manifest().ancestors));
    }
    let reviewed = review(&strict, &within, &history, now).map_err(|refusals| {
        ServiceError::Batch(BatchError::SelfReview {
            codes: refusals.iter().map(Refusal::code).collect(),
            refusals: refusals.iter().map(ToString::to_string).collect(),
        })
    })?;
    Ok((reviewed.fee, reviewed.weight))
}

fn destination(plan: &OwnPlan) -> Destination {
    match (&plan.policy.recovery, plan.purpose) {
        (Recovery::Address(address), AttemptPurpose::Recover) => {
            Destination::Recovered(address.script_pubkey())
        }
        (Recovery::Newest | Recovery::Address(_), _) => {
            let descriptor = &plan.policy.descriptor;
            let derived = descriptor.at(Keychain::Internal, plan.change_index);
            Destination::Ours(Box::new(derived))
        }
    }
}

/// Gathers within the smallest room in which several coins can be joined, or all that are wanted.
fn gather_coins(plan: &OwnPlan, destination: &Destination) -> Result<Gathered, ServiceError> {
    let mut last = Err(SelectionError::NothingToPay);
    for room in plan.rooms.iter() {
        last = gather_within(plan, destination, room);
        let joins_some = last
            .as_ref()
            .is_ok_and(|gathered| gathered.inputs.len() > 1);
        if joins_some {
            break;
        }
    }
    last.map_err(|error| ServiceError::Batch(BatchError::CoinSelection(error)))
}

fn gather_within(
    plan: &OwnPlan,
    destination: &Destination,
    room: Room,
) -> Result<Gathered, SelectionError> {
    let limits = &plan.policy.limits;
    let script_pubkey = destination.script_pubkey().clone();
    let dust = script_pubkey.minimal_non_dust();
    let size = PsbtSize::of(plan.spent_descriptor(), &plan.policy.descriptor);
    let output = LoneOutput {
        input_weight: input_weight(plan.spent_descriptor(), plan.older),
        output_weight: TxOut {
            value: dust,
            script_pubkey,
        }
        .weight(),
        feerate: plan.feerate,
        least: match destination {
            Destination::Ours(_) => limits.change_min.max(dust),
            Destination::Recovered(_) => dust,
        },
        most: Amount::MAX_MONEY,
        bounds: Bounds {
            max_inputs: plan.max_inputs.min(room.inputs),
            fee_max: limits.fee_max,
            feerate_max: limits.feerate_max,
        },
        required: plan.required,
        replacing: plan.replacing.as_ref(),
        room: InputRoom {
            bytes: room.psbt_bytes.saturating_sub(size.without_inputs(&[])),
            taken: &size.inputs(&plan.coins, &plan.fundings),
        },
    };
    gather(&plan.coins, &output, plan.take)
}

/// The whole weight of one input on an ordinary path, or on the recovery paths of an age.
fn input_weight(descriptor: &VaultDescriptor, older: Option<u16>) -> Weight {
    let base = descriptor
        .input_weight()
        .checked_sub(descriptor.max_satisfaction_weight())
        .unwrap_or(Weight::ZERO);
    let witness = match older {
        None => descriptor.max_satisfaction_weight(),
        Some(_) => descriptor
            .paths()
            .iter()
            .filter(|path| path.older == older)
            .map(|path| path.satisfaction_weight)
            .max()
            .unwrap_or(Weight::ZERO),
    };
    base.checked_add(witness).unwrap_or(Weight::MAX)
}

fn refused(error: impl std::error::Error) -> ServiceError {
    ServiceError::Batch(BatchError::Build {
        reason: error.to_string(),
    })
}
