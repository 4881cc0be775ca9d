//! Builds one attempt: coins, transaction, PSBT, manifest, and our own review of the bytes. Pure.
//!
//! The bytes that leave are the bytes that were reviewed, by the check that every signer makes.
#![deny(clippy::arithmetic_side_effects)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bitcoin::{Amount, FeeRate, OutPoint, Transaction, TxOut, Txid, Weight};
use policies::descriptor::DerivedScript;
use policies::devices::Room;
use policies::document::Policy;
use policies::journal::{History, Seen, SignedTransaction};
use policies::psbt::{AttemptPurpose, read_strict};
use policies::review::review;
use policies::rules::Windows;
use policies::{IntentKind, Keychain, Keyset, Receipt, UnixTime};

use super::excluding::{Before, Context, show_earlier};
use super::inclusion::{self, Proofs};
use super::manifests::{carry_young, manifest};
use super::psbt_size::PsbtSize;
use super::rooms::Rooms;
use super::shelves::{Shelf, Shelves};
use super::standing::Entry;
use super::{BatchError, ServiceError, WithdrawalError};
use crate::coin_selection::{
    Bounds, Candidate, ChangePolicy, InputRoom, LoneOutput, Search, Selection, SelectionError,
    Take, Target, gather, select,
};
use crate::exclusion::{Anchors, frozen_among};
use crate::fee_bump::Replacement;
use crate::queue::fill;
use crate::roles::creator::create;
use crate::roles::issued::{IssuedTransaction, SpentCoin};
use crate::roles::updater::update;
use crate::store::approvals::ApprovalRow;
use crate::store::withdrawals::{WithdrawalKey, WithdrawalRow};

/// The feerate at which change is expected to be spent later, 10 sat/vB: only a weight in the choice
/// between coins, never a fee that is paid.
pub(super) const LONG_TERM_FEERATE: FeeRate = FeeRate::from_sat_per_vb_u32(10);

/// A withdrawal with the approvals that count for it now.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Approved {
    pub(super) withdrawal: WithdrawalRow,
    pub(super) approvals: Vec<ApprovalRow>,
    /// The rule that allows it.
    pub(super) rule: String,
    /// The entry of an open list that it pays.
    pub(super) entry: Option<Entry>,
}

/// All that an attempt is built from.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plan {
    pub(super) policy: Arc<Policy>,
    /// In the order in which they came in.
    pub(super) withdrawals: Vec<Approved>,
    /// Whether withdrawals may be left out, latest first, when the coins do not suffice.
    pub(super) may_leave_out: bool,
    /// How large it may be.
    pub(super) rooms: Rooms,
    pub(super) candidates: Vec<Candidate>,
    /// The coins of a fully signed attempt that is to be shown: it grants only where all of them are spent again.
    pub(super) again: BTreeSet<OutPoint>,
    pub(super) fundings: BTreeMap<Txid, Transaction>,
    /// The transactions of vaults in the youngest blocks, which a reorg may undo.
    pub(super) young: BTreeMap<Txid, Transaction>,
    pub(super) feerate: FeeRate,
    pub(super) change_index: u32,
    pub(super) tip: u32,
    pub(super) seed: [u8; 32],
    pub(super) number: u32,
    pub(super) now: UnixTime,
    /// What the fee budget counts already.
    pub(super) spent: Vec<SignedTransaction>,
    /// What the windows count already.
    pub(super) windows: Windows,
    /// What shows coins in the chain, where the policy asks for it.
    pub(super) proofs: Proofs,
    /// The last accepted receipt of each signer's journal.
    pub(super) receipts: Vec<Receipt>,
    /// What was issued before.
    pub(super) before: Before,
}

/// An attempt that passed our own review.
#[derive(Debug, Clone)]
pub(super) struct Built {
    pub(super) txid: Txid,
    pub(super) psbt: Vec<u8>,
    pub(super) fee: Amount,
    pub(super) weight: Weight,
    pub(super) coins: Vec<(OutPoint, Amount)>,
    pub(super) change: Option<DerivedScript>,
    /// The withdrawals that it pays.
    pub(super) withdrawals: Vec<WithdrawalRow>,
    /// The rule that allows each of them.
    pub(super) rules: Vec<String>,
    /// What it is for.
    pub(super) purpose: AttemptPurpose,
    /// The former keyset whose coins it spends; none for the newest one's.
    pub(super) former: Option<Keyset>,
    /// What makes it exclusive with all that was issued before.
    pub(super) anchors: Anchors,
    /// The frozen coins that it spends, since nothing else makes it exclusive.
    pub(super) frozen: Vec<OutPoint>,
    /// What it takes the place of in mempools, and what that costs at least.
    pub(super) replacing: Option<Replacement>,
    /// The withdrawals that were left out since the devices that are needed take no more at once.
    pub(super) left_for_devices: Vec<WithdrawalKey>,
}

/// Builds and reviews.
pub(super) fn build(mut plan: Plan) -> Result<Built, ServiceError> {
    let mut planned = plan.withdrawals.iter().map(|paid| &paid.withdrawal);
    if let Some(unsigned) = planned.find(|withdrawal| withdrawal.request.is_none()) {
        let (requester, id) = (unsigned.key.requester.clone(), unsigned.key.id.clone());
        return Err(WithdrawalError::RequestMissing { requester, id }.into());
    }
    let context = Context::of(&mut plan)?;
    let Choice {
        selection,
        left_for_devices,
    } = choose_provable(&mut plan, &context)?;
    let policy = &plan.policy;
    let change_script = selection.change.map(|amount| {
        (
            amount,
            policy.descriptor.at(Keychain::Internal, plan.change_index),
        )
    });
    let change_output = change_script.as_ref().map(|(amount, derived)| TxOut {
        value: *amount,
        script_pubkey: derived.script_pubkey.clone(),
    });
    let outpoints: Vec<OutPoint> = selection.inputs.iter().map(|coin| coin.outpoint).collect();
    let payments = paid(&plan.withdrawals, &selection);
    let created =
        create(&outpoints, &payments, change_output, plan.tip, plan.seed).map_err(refused)?;
    let spent: Vec<SpentCoin> = selection
        .inputs
        .iter()
        .map(|coin| SpentCoin {
            outpoint: coin.outpoint,
            prevout: coin.txout.clone(),
            derived: policy.descriptor.at(coin.keychain, coin.index),
        })
        .collect();
    let issued = IssuedTransaction::new(created.transaction, &spent).map_err(refused)?;
    let change = created
        .change
        .zip(change_script.as_ref())
        .map(|(output, (_, derived))| (output, derived));
    let mut psbt = update(&issued, &policy.descriptor, &plan.fundings, change).map_err(refused)?;
    let mut manifest = manifest(&plan, &context, &created.payments, created.change);
    carry_young(&mut manifest, issued.unsigned(), &plan.young);
    show_earlier(&plan, &context, issued.unsigned(), &mut manifest);
    let kind = policy.descriptor.kind();
    let coins = &selection.inputs;
    inclusion::show(&mut manifest, coins, &plan.proofs, &plan.fundings, kind);
    manifest.write_into(&mut psbt);
    let bytes = psbt.serialize();
    let (fee, weight) = review_own(&plan, &bytes)?;
    Ok(Built {
        txid: issued.txid(),
        psbt: bytes,
        fee,
        weight,
        coins: selection
            .inputs
            .iter()
            .map(|coin| (coin.outpoint, coin.txout.value))
            .collect(),
        change: change_script.map(|(_, derived)| derived),
        rules: plan
            .withdrawals
            .iter()
            .map(|approved| approved.rule.clone())
            .collect(),
        withdrawals: plan
            .withdrawals
            .into_iter()
            .map(|approved| approved.withdrawal)
            .collect(),
        purpose: context.purpose,
        former: None,
        frozen: frozen_among(&selection.inputs),
        anchors: context.anchors,
        replacing: context.replacing,
        left_for_devices,
    })
}

/// The coins chosen.
struct Choice {
    selection: Selection,
    left_for_devices: Vec<WithdrawalKey>,
}

/// Chooses coins, of which one can be shown in the chain where the policy asks for it and any can be.
fn choose_provable(plan: &mut Plan, context: &Context) -> Result<Choice, ServiceError> {
    let choice = choose(plan, context)?;
    if plan.policy.limits.inclusion.is_none() {
        return Ok(choice);
    }
    let kind = plan.policy.descriptor.kind();
    let provable =
        |coins: &[Candidate]| inclusion::provable(coins, &plan.proofs, &plan.fundings, kind);
    if !provable(&choice.selection.inputs).is_empty() {
        return Ok(choice);
    }
    let others = provable(&plan.candidates);
    if others.is_empty() {
        return Ok(choice);
    }
    plan.candidates = others;
    choose(plan, context)
}

fn choose(plan: &mut Plan, context: &Context) -> Result<Choice, ServiceError> {
    match plan.withdrawals.as_slice() {
        [only] if only.withdrawal.intent.kind == IntentKind::Sweep => {
            let selection = in_rooms(plan, |room| sweep(plan, context, &only.withdrawal, room));
            Ok(Choice {
                selection: selection.map_err(BatchError::CoinSelection)?,
                left_for_devices: Vec::new(),
            })
        }
        _ => choose_coins(plan, context),
    }
}

/// The coins of an attempt by what they weigh in its PSBT.
fn shelves(plan: &Plan) -> Shelves {
    let descriptor = &plan.policy.descriptor;
    let max_inputs = usize::try_from(plan.policy.limits.max_inputs).unwrap_or(usize::MAX);
    let size = PsbtSize::of(descriptor, descriptor);
    Shelves::of(&plan.candidates, &plan.fundings, size, max_inputs)
}

/// Tries one room after another, the smallest first, as long as a larger one may help.
fn in_rooms<T>(
    plan: &Plan,
    mut choose: impl FnMut(Room) -> Result<T, SelectionError>,
) -> Result<T, SelectionError> {
    let mut failed = SelectionError::NothingToPay;
    for room in plan.rooms.iter() {
        match choose(room) {
            Err(error) if may_fit_elsewhere(&error) => failed = error,
            chosen => return chosen,
        }
    }
    Err(failed)
}

/// Chooses coins; where that is allowed and too little is there, leaves out who does not fit: the older go first,
/// and one that cannot be paid holds up nobody.
fn choose_coins(plan: &mut Plan, context: &Context) -> Result<Choice, ServiceError> {
    let shelves = shelves(plan);
    let payments = payments(&plan.withdrawals);
    let fits = |places: &[usize], room: Room| {
        let of = places.iter().filter_map(|place| payments.get(*place));
        let some: Vec<TxOut> = of.cloned().collect();
        choose_for(plan, context, &shelves.within(room, &some)?, &some)
    };
    let is_final = |error: &SelectionError| !plan.may_leave_out || !may_fit_elsewhere(error);
    let chosen = in_rooms(plan, |room| {
        let chosen = fill(payments.len(), |places| fits(places, room), is_final)?;
        // Who waits longest is not passed by for those who fit a smaller room.
        let passed_by = !chosen.taken.contains(&0) && room != plan.rooms.largest();
        if passed_by && fits(&[0], plan.rooms.largest()).is_ok() {
            return Err(SelectionError::BeyondDevices { payments: 1 });
        }
        Ok(chosen)
    });
    let chosen = chosen.map_err(BatchError::CoinSelection)?;
    let mut left_for_devices = Vec::new();
    if plan.rooms.are_several() {
        for (place, left) in plan.withdrawals.iter().enumerate() {
            let with: Vec<usize> = chosen.taken.iter().copied().chain([place]).collect();
            if !chosen.taken.contains(&place) && fits(&with, plan.rooms.largest()).is_ok() {
                left_for_devices.push(left.withdrawal.key.clone());
            }
        }
    }
    let mut place = 0..;
    plan.withdrawals
        .retain(|_| place.next().is_some_and(|at| chosen.taken.contains(&at)));
    Ok(Choice {
        selection: chosen.found,
        left_for_devices,
    })
}

/// Chooses the coins of a sweep: the largest that fit, so that what they hold, less the fee, is paid in
/// one output between the least and the most of the intent. There is no change.
fn sweep(
    plan: &Plan,
    context: &Context,
    withdrawal: &WithdrawalRow,
    room: Room,
) -> Result<Selection, SelectionError> {
    let (policy, intent) = (&plan.policy, &withdrawal.intent);
    let limits = &policy.limits;
    let script_pubkey = intent.script_pubkey.clone();
    let paid_least = [TxOut {
        value: intent.min,
        script_pubkey,
    }];
    let size = PsbtSize::of(&policy.descriptor, &policy.descriptor);
    let left = room
        .psbt_bytes
        .checked_sub(size.without_inputs(&paid_least));
    let bytes = left.ok_or(SelectionError::BeyondDevices { payments: 1 })?;
    let mut coins = plan.candidates.clone();
    coins.sort_unstable_by(|a, b| {
        (b.txout.value, a.height, a.outpoint).cmp(&(a.txout.value, b.height, b.outpoint))
    });
    let required = &context.anchors.required;
    coins.retain(|coin| !required.contains(coin));
    coins.splice(0..0, required.iter().cloned());
    let taken = size.inputs(&coins, &plan.fundings);
    let max_inputs = usize::try_from(limits.max_inputs).unwrap_or(usize::MAX);
    let output = LoneOutput {
        input_weight: policy.descriptor.input_weight(),
        output_weight: paid_least.iter().map(TxOut::weight).sum(),
        feerate: plan.feerate,
        least: intent.min,
        most: intent.amount,
        bounds: Bounds {
            max_inputs: max_inputs.min(room.inputs),
            fee_max: fee_cap(&paid_least, limits.fee_max, limits.fee_share_max_percent)
                .ok_or(SelectionError::Overflow)?,
            feerate_max: limits.feerate_max,
        },
        required: required.len(),
        replacing: context.replacing.as_ref(),
        room: InputRoom {
            bytes,
            taken: &taken,
        },
    };
    let gathered = gather(&coins, &output, Take::Fitting)?;
    Ok(Selection {
        inputs: gathered.inputs,
        change: None,
        fee: gathered.fee,
        weight: gathered.weight,
        found_by: Search::LargestFirst,
    })
}

/// Whether other withdrawals may be paid where these cannot, or these with more room.
fn may_fit_elsewhere(error: &SelectionError) -> bool {
    match error {
        SelectionError::Shortfall { .. }
        | SelectionError::TooFragmented { .. }
        | SelectionError::BeyondDevices { .. }
        | SelectionError::TooHeavy { .. }
        | SelectionError::TooManyRequired { .. }
        | SelectionError::FeeAboveCap { .. }
        | SelectionError::ChangeBelowMinimum { .. } => true,
        SelectionError::NothingToPay
        | SelectionError::FeerateAboveCap { .. }
        | SelectionError::AboveMost { .. }
        | SelectionError::Overflow => false,
    }
}

fn choose_for(
    plan: &Plan,
    context: &Context,
    shelves: &[Shelf<'_>],
    payments: &[TxOut],
) -> Result<Selection, SelectionError> {
    let limits = &plan.policy.limits;
    let mut failed = SelectionError::NothingToPay;
    for shelf in shelves {
        let target = Target {
            payments,
            required: &context.anchors.required,
            replacing: context.replacing.as_ref(),
            input_weight: plan.policy.descriptor.input_weight(),
            feerate: plan.feerate,
            long_term_feerate: LONG_TERM_FEERATE,
            change: ChangePolicy {
                min: limits.change_min,
                output_weight: plan.policy.descriptor.output_weight(),
            },
            bounds: Bounds {
                max_inputs: shelf.max_inputs,
                fee_max: fee_cap(payments, limits.fee_max, limits.fee_share_max_percent)
                    .ok_or(SelectionError::Overflow)?,
                feerate_max: limits.feerate_max,
            },
        };
        match select(shelf.coins, &target, plan.seed) {
            Ok(selection) => return Ok(selection),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

/// The lower of the fee cap and its share of what is paid (M7).
fn fee_cap(payments: &[TxOut], fee_max: Amount, share_percent: u8) -> Option<Amount> {
    let paid = payments
        .iter()
        .try_fold(Amount::ZERO, |sum, payment| sum.checked_add(payment.value))?;
    let share = paid
        .checked_mul(u64::from(share_percent))?
        .checked_div(100)?;
    Some(fee_max.min(share))
}

fn payments(withdrawals: &[Approved]) -> Vec<TxOut> {
    withdrawals
        .iter()
        .map(|approved| TxOut {
            value: approved.withdrawal.intent.amount,
            script_pubkey: approved.withdrawal.intent.script_pubkey.clone(),
        })
        .collect()
}

/// The payments as they will stand: a sweep pays all that the coins hold, less the fee.
fn paid(withdrawals: &[Approved], selection: &Selection) -> Vec<TxOut> {
    let mut payments = payments(withdrawals);
    let sweeps = withdrawals
        .iter()
        .any(|approved| approved.withdrawal.intent.kind == IntentKind::Sweep);
    if let ([payment], true) = (payments.as_mut_slice(), sweeps) {
        let spent = selection
            .inputs
            .iter()
            .try_fold(Amount::ZERO, |sum, coin| sum.checked_add(coin.txout.value));
        payment.value = spent
            .and_then(|spent| spent.checked_sub(selection.fee))
            .unwrap_or(Amount::ZERO);
    }
    payments
}

/// Reviews our own bytes as a signer will.
pub(super) fn review_own(plan: &Plan, bytes: &[u8]) -> Result<(Amount, Weight), ServiceError> {
    let strict = read_strict(bytes).map_err(|refusal| {
        ServiceError::Batch(BatchError::SelfReview {
            codes: vec![refusal.code()],
            refusals: vec![refusal.to_string()],
        })
    })?;
    let history = history(plan, &strict.manifest().ancestors)?;
    let review = review(&strict, &plan.policy, &history, plan.now).map_err(|refusals| {
        let unshown = refusals.iter().find_map(|refusal| {
            match (refusal.code(), plan.policy.limits.inclusion) {
                ("INCLUSION_MISSING", Some(demanded)) => Some(demanded.confirmations),
                (_, Some(_) | None) => None,
            }
        });
        if let Some(confirmations) = unshown {
            return ServiceError::Batch(BatchError::NothingShown { confirmations });
        }
        ServiceError::Batch(BatchError::SelfReview {
            codes: refusals
                .iter()
                .map(policies::review::Refusal::code)
                .collect(),
            refusals: refusals.iter().map(ToString::to_string).collect(),
        })
    })?;
    Ok((review.fee, review.weight))
}

/// What the database remembers in place of a journal: windows, when entries of open lists were seen, and all
/// that was issued before, so that our own review judges exclusivity as signers will: which of it is of the lines
/// paid is for the review to say, and not for whoever built.
pub(super) fn history(
    plan: &Plan,
    carried: &BTreeMap<Txid, Transaction>,
) -> Result<History, ServiceError> {
    let mut history = History::that_counted(plan.change_index, plan.windows.clone());
    for entry in plan
        .withdrawals
        .iter()
        .filter_map(|paid| paid.entry.as_ref())
    {
        let at = entry.row.entitled_at.unwrap_or(plan.now);
        let seen = Seen::of(&entry.row.statement.encode(), at).map_err(refused)?;
        history.see(&seen);
    }
    for earlier in &plan.before.earlier {
        history.record(earlier.record.clone());
    }
    for spent in &plan.spent {
        if !history.contains(&spent.txid) {
            history.record(in_order(spent, carried));
        }
    }
    Ok(history)
}

/// What counts in the fee budget, its inputs as the file shows them where it carries the transaction: the store keeps
/// the coins of an attempt as a set, while a transaction has them in an order.
pub(super) fn in_order(
    spent: &SignedTransaction,
    carried: &BTreeMap<Txid, Transaction>,
) -> SignedTransaction {
    let mut spent = spent.clone();
    if let Some(shown) = carried.get(&spent.txid) {
        spent.inputs = shown
            .input
            .iter()
            .map(|txin| txin.previous_output)
            .collect();
    }
    spent
}

fn refused(error: impl std::error::Error) -> ServiceError {
    ServiceError::Batch(BatchError::Build {
        reason: error.to_string(),
    })
}
