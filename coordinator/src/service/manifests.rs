//! Writes the manifest of a payment: what it pays, who asked for it and approved it, and the ancestors that it
//! carries. Pure.

use std::collections::btree_map::Entry as Place;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bitcoin::{Transaction, Txid};
use policies::psbt::{MAX_BYTES, Manifest};

use super::building::Plan;
use super::excluding::Context;
use super::standing::Entry;
use crate::exclusion::bare;

/// How many of the youngest blocks a reorg may undo, as whoever carries ancestors reckons.
pub(super) const YOUNG: u32 = 6;

/// The most inputs that a transaction and the ancestors carried because they are young have together: what
/// signers count for each attempt in any case (`SIZE_OF_ATTEMPT` of their journals).
const MAX_INPUTS: usize = 100;

/// The most bytes that ancestors take because they are young.
const MAX_YOUNG_BYTES: usize = MAX_BYTES / 8;

/// The manifest of a plan whose payments and change stand at these outputs.
pub(super) fn manifest(
    plan: &Plan,
    context: &Context,
    outputs: &[u32],
    change: Option<u32>,
) -> Manifest {
    let mut manifest = Manifest::new(plan.policy.id, context.purpose, plan.number);
    manifest.ancestors.clone_from(&context.anchors.carried);
    for (approved, output) in plan.withdrawals.iter().zip(outputs) {
        let withdrawal = &approved.withdrawal;
        manifest
            .intents
            .insert(withdrawal.hash, withdrawal.bytes.clone());
        if let Some(request) = &withdrawal.request {
            manifest.add_request_signature(withdrawal.hash, request);
        }
        manifest.payments.insert(*output, withdrawal.hash);
        for row in &approved.approvals {
            manifest.add_approval(row.approval.clone());
            manifest.proofs.insert(
                (row.approval.subject.to_root(), withdrawal.hash),
                row.proof.clone(),
            );
        }
    }
    let entries = plan
        .withdrawals
        .iter()
        .filter_map(|paid| paid.entry.as_ref());
    for (statement, approvals) in entries.flat_map(Entry::carried) {
        manifest.add_statement(statement);
        for approval in approvals {
            manifest.add_approval(approval);
        }
    }
    for receipt in &plan.receipts {
        manifest
            .receipts
            .insert(receipt.body.journal, receipt.clone());
    }
    if let Some(output) = change {
        manifest
            .changes
            .insert(output, (plan.policy.id, plan.change_index));
    }
    manifest
}

/// Carries the ancestors that a reorg may undo, the nearest first and as many as cost signers nothing. If one of
/// them gives way to a transaction that conflicts with it, coins of that one exclude this attempt: only who was
/// shown what the lost one spent can tell, and without that its withdrawals could never be paid again.
pub(super) fn carry_young(
    manifest: &mut Manifest,
    transaction: &Transaction,
    young: &BTreeMap<Txid, Transaction>,
) {
    let carried = manifest.ancestors.values();
    let mut inputs = carried
        .map(|ancestor| ancestor.input.len())
        .fold(transaction.input.len(), usize::saturating_add);
    let mut bytes = 0_usize;
    let parents = |of: &Transaction| -> Vec<Txid> {
        let inputs = of.input.iter();
        inputs.map(|txin| txin.previous_output.txid).collect()
    };
    let mut open: VecDeque<Txid> = parents(transaction).into();
    let mut seen = BTreeSet::new();
    while let Some(txid) = open.pop_front() {
        let Some(ancestor) = young.get(&txid).filter(|_| seen.insert(txid)) else {
            continue;
        };
        if let Place::Vacant(place) = manifest.ancestors.entry(txid) {
            let more_inputs = inputs.saturating_add(ancestor.input.len());
            let more_bytes = bytes.saturating_add(ancestor.base_size());
            if more_inputs > MAX_INPUTS || more_bytes > MAX_YOUNG_BYTES {
                continue;
            }
            (inputs, bytes) = (more_inputs, more_bytes);
            place.insert(bare(ancestor));
        }
        open.extend(parents(ancestor));
    }
}

#[cfg(test)]
mod tests {
    use bitcoin::OutPoint;
    use policies::PolicyId;
    use policies::psbt::AttemptPurpose;

    use super::*;
    use crate::exclusion::world::{coin, foreign, known, transaction};

    fn carried(spending: &Transaction, young: &[&Transaction]) -> Vec<Txid> {
        let policy = PolicyId::from_bytes([1; 32]);
        let mut manifest = Manifest::new(policy, AttemptPurpose::Pay, 1);
        carry_young(&mut manifest, spending, &known(young));
        manifest.ancestors.into_keys().collect()
    }

    #[test]
    fn young_ancestors_are_carried_without_a_gap_and_old_ones_are_not() {
        let oldest = transaction(1, &[foreign(1)], 1);
        let old = transaction(2, &[coin(&oldest, 0).outpoint], 1);
        let middle = transaction(3, &[coin(&old, 0).outpoint], 1);
        let youngest = transaction(4, &[coin(&middle, 0).outpoint], 1);
        let spending = transaction(5, &[coin(&youngest, 0).outpoint], 1);
        let mut expected = vec![middle.compute_txid(), youngest.compute_txid()];
        expected.sort();
        // The oldest one is young too, but nothing that is carried leads there.
        assert_eq!(carried(&spending, &[&youngest, &middle, &oldest]), expected);
        assert!(carried(&spending, &[&middle, &oldest]).is_empty());
    }

    #[test]
    fn no_more_young_ancestors_are_carried_than_cost_signers_nothing() {
        let inputs = |label: u8, count: u32| -> Vec<OutPoint> {
            let txid = foreign(label).txid;
            (0..count).map(|vout| OutPoint::new(txid, vout)).collect()
        };
        let heavy = transaction(1, &inputs(1, 99), 1);
        let light = transaction(2, &inputs(2, 97), 1);
        let coins = [coin(&heavy, 0).outpoint, coin(&light, 0).outpoint];
        let spending = transaction(3, &coins, 1);
        assert_eq!(
            carried(&spending, &[&heavy, &light]),
            [light.compute_txid()]
        );
    }
}
