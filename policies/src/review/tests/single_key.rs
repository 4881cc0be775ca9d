//! A vault of one key, `wpkh`, as hot wallets have it: what is signed, and each lie about it.

use bitcoin::Amount;
use bitcoin::hashes::Hash;
use bitcoin::psbt::{Output, PsbtSighashType};
use bitcoin::{ScriptBuf, Witness};

use super::super::world::{Attempt, CHANGE_INDEX, NOW, World, stranger};
use crate::descriptor::{ScriptKind, samples};
use crate::ids::Keychain;
use crate::journal::History;

/// The same treasury, whose coins the machine's key spends alone.
fn world() -> World {
    World::with(ScriptKind::Wsh, |draft| {
        let key = samples::ranged("machine");
        draft.spending.descriptor = samples::with_checksum(&format!("wpkh({key})"));
        draft.spending.policy = None;
        draft.signers.retain(|signer| signer.name == "machine");
    })
}

#[track_caller]
fn refused(codes: &[&str], lie: impl FnOnce(&mut Attempt, &World)) {
    let world = world();
    let mut attempt = world.attempt();
    lie(&mut attempt, &world);
    assert_eq!(world.refusals(&attempt), codes);
}

#[test]
fn the_honest_attempt_of_a_wpkh_vault_may_be_signed_and_its_signature_finalizes() {
    let world = world();
    assert_eq!(world.policy.descriptor.kind(), ScriptKind::Wpkh);
    let attempt = world.attempt();
    let review = world.reviewed(&attempt);
    assert_eq!(review.transaction, attempt.psbt.unsigned_tx);
    assert_eq!(review.fee.to_sat(), 10_000);
    assert_eq!(review.payments.len(), 3);
    assert_eq!(review.inputs.len(), 2);
    let signed = World::signed(&attempt, &["machine"]);
    assert!(signed.input.iter().all(|txin| txin.witness.len() == 2));
    assert!(
        signed.weight() <= review.weight,
        "the weight holds for any signature"
    );
}

#[test]
fn a_wpkh_vault_needs_every_previous_transaction() {
    refused(&["PREVIOUS_TRANSACTION_MISSING"], |attempt, _| {
        attempt.psbt.inputs[1].non_witness_utxo = None;
    });
}

#[test]
fn an_input_that_is_not_of_the_wpkh_vault_is_refused_with_and_without_our_fields() {
    let world = world();
    for script in [
        stranger(66),
        // Our own key in another kind of script, and of another index.
        own_key_as_p2pkh(&world),
        world
            .policy
            .descriptor
            .script_pubkey(Keychain::External, 99),
    ] {
        let mut foreign = world.coin(Keychain::External, 4, 60_000_000);
        foreign.previous.output[1].script_pubkey = script;
        let mut attempt = world.attempt();
        attempt.psbt.unsigned_tx.input[0] = foreign.spend();
        world.fill(&mut attempt.psbt.inputs[0], &foreign);
        assert_eq!(world.refusals(&attempt), ["INPUT_PATH_MISMATCH"]);
        attempt.psbt.inputs[0].bip32_derivation.clear();
        assert_eq!(world.refusals(&attempt), ["FOREIGN_INPUT"]);
    }
}

/// The key of external index 4, paid in the way of before segwit.
fn own_key_as_p2pkh(world: &World) -> ScriptBuf {
    let own = world.policy.descriptor.script_pubkey(Keychain::External, 4);
    let hash = own.as_bytes()[2..].try_into().expect("20 bytes");
    let hash = bitcoin::PubkeyHash::from_byte_array(hash);
    ScriptBuf::new_p2pkh(&hash)
}

#[test]
fn fields_that_a_wpkh_input_has_not_are_refused() {
    refused(&["INPUT_FIELD"], |attempt, _| {
        attempt.psbt.inputs[0].witness_script = Some(ScriptBuf::from_bytes(vec![0x51]));
    });
    refused(&["INPUT_FIELD"], |attempt, world| {
        let other = world.policy.descriptor.key_positions()[0].xpub.public_key;
        let input = &mut attempt.psbt.inputs[0];
        let origin = input.bip32_derivation.values().next().cloned();
        input
            .bip32_derivation
            .insert(other, origin.expect("one key"));
    });
    refused(&["INPUT_FIELD"], |attempt, _| {
        let key = *attempt.psbt.inputs[0]
            .bip32_derivation
            .keys()
            .next()
            .expect("one key");
        attempt.psbt.inputs[0].tap_internal_key = Some(key.x_only_public_key().0);
    });
    refused(&["SIGHASH"], |attempt, _| {
        attempt.psbt.inputs[0].sighash_type = Some(PsbtSighashType::from_u32(0));
    });
}

#[test]
fn change_of_a_wpkh_vault_that_is_not_ours_is_refused() {
    refused(&["CHANGE_NOT_OURS"], |attempt, _| {
        attempt.output(3).script_pubkey = stranger(66);
    });
    refused(&["CHANGE_NOT_OURS"], |attempt, world| {
        let own = world.policy.descriptor.at(Keychain::External, CHANGE_INDEX);
        attempt.output(3).script_pubkey = own.script_pubkey.clone();
        own.update_output(&mut attempt.psbt.outputs[3]);
    });
    refused(&["OUTPUT_FIELD"], |attempt, world| {
        let other = world.policy.descriptor.at(Keychain::Internal, 9);
        attempt.psbt.outputs[3] = Output::default();
        other.update_output(&mut attempt.psbt.outputs[3]);
    });
}

#[test]
fn a_wpkh_vault_pays_a_withdrawal_once() {
    let world = world();
    let mut history = History::none();
    let review = world.reviewed(&world.attempt());
    history.record(review.signed_transaction(NOW));
    let mut plan = world.plan();
    plan.coins = vec![
        world.coin(Keychain::External, 30, 60_000_000),
        world.coin(Keychain::Internal, 31, 30_000_000),
    ];
    let codes = world.refusals_at(&world.build(&plan), &history, NOW);
    assert_eq!(codes, ["NOT_EXCLUSIVE"]);
}

#[test]
fn a_fee_of_a_wpkh_vault_is_measured_by_its_own_weight() {
    let world = World::with(ScriptKind::Wsh, |draft| {
        let key = samples::ranged("machine");
        draft.spending.descriptor = samples::with_checksum(&format!("wpkh({key})"));
        draft.spending.policy = None;
        draft.signers.retain(|signer| signer.name == "machine");
        "10".clone_into(&mut draft.limits.feerate_max_sat_vb);
    });
    let review = world.review_at(&costing(&world, 1_000), &History::none(), NOW);
    let weight = review.expect("cheap").weight.to_wu();
    // 10 sat/vB are 2,500 sat/kwu.
    let most = weight * 2_500 / 1_000;
    assert!(world.refusals(&costing(&world, most)).is_empty());
    assert_eq!(
        world.refusals(&costing(&world, most + 1)),
        ["FEERATE_ABOVE_CAP"]
    );
    let empty = Witness::new();
    assert!(
        costing(&world, most)
            .psbt
            .unsigned_tx
            .input
            .iter()
            .all(|txin| txin.witness == empty)
    );
}

fn costing(world: &World, fee: u64) -> Attempt {
    let mut plan = world.plan();
    plan.change = Some((CHANGE_INDEX, Amount::from_sat(36_000_000 - fee)));
    world.build(&plan)
}
