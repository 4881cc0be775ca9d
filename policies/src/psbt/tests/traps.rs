//! The traps that bitcoin 0.32 and miniscript 13 set to whoever signs or combines a PSBT, each by name.

use bitcoin::psbt::PsbtSighashType;
use bitcoin::{Amount, OutPoint};
use miniscript::psbt::PsbtExt;

use super::{IssuedAttempt, refusal, refused};
use crate::descriptor::{ScriptKind, samples};
use crate::psbt::{PsbtRefusal, SignatureKey};
use crate::review::world::World;

#[test]
fn trap_t1_an_output_index_beyond_the_previous_transaction_is_refused_without_panic() {
    let world = World::new(ScriptKind::Wsh);
    for vout in [2, 3, u32::MAX] {
        let mut attempt = world.attempt();
        attempt.psbt.unsigned_tx.input[0].previous_output.vout = vout;
        assert_eq!(refused(&attempt), "PREVIOUS_OUTPUT_MISMATCH");
    }
}

#[test]
fn trap_t2_trailing_bytes_are_refused() {
    for world in World::both() {
        for tail in [&[0][..], &[0, 0], b"psbt", &[0xff; 100]] {
            let bytes = [world.attempt().bytes(), tail.to_vec()].concat();
            let found = tail.len();
            assert_eq!(refusal(&bytes), PsbtRefusal::TrailingBytes { found });
        }
    }
}

#[test]
fn trap_t3_a_claimed_amount_that_the_previous_transaction_contradicts_is_refused() {
    let world = World::new(ScriptKind::Wsh);
    for sat in [1, 59_999_999, 60_000_001] {
        let mut attempt = world.attempt();
        let claimed = attempt.psbt.inputs[0].witness_utxo.as_mut().expect("given");
        claimed.value = Amount::from_sat(sat);
        assert_eq!(refused(&attempt), "PREVIOUS_OUTPUT_MISMATCH");
    }
}

#[test]
fn trap_t3_a_claimed_script_that_the_previous_transaction_contradicts_is_refused() {
    let world = World::new(ScriptKind::Wsh);
    let mut attempt = world.attempt();
    let other = attempt.psbt.inputs[1].witness_utxo.clone().expect("given");
    let claimed = attempt.psbt.inputs[0].witness_utxo.as_mut().expect("given");
    claimed.script_pubkey = other.script_pubkey;
    assert_eq!(refused(&attempt), "PREVIOUS_OUTPUT_MISMATCH");
}

#[test]
fn trap_t4_a_previous_transaction_of_another_txid_is_refused() {
    let world = World::new(ScriptKind::Wsh);
    let mut attempt = world.attempt();
    // Same outputs and claim, another transaction: its fee could be anything.
    let previous = attempt.psbt.inputs[0].non_witness_utxo.as_mut();
    previous.expect("given").input[0].previous_output.vout += 1;
    assert_eq!(refused(&attempt), "PREVIOUS_OUTPUT_MISMATCH");
    assert!(matches!(
        refusal(&attempt.bytes()),
        PsbtRefusal::PreviousTransaction { input: 0, .. }
    ));
}

#[test]
fn an_input_without_any_previous_output_is_refused() {
    for world in World::both() {
        let mut attempt = world.attempt();
        attempt.psbt.inputs[0].witness_utxo = None;
        attempt.psbt.inputs[0].non_witness_utxo = None;
        assert_eq!(refused(&attempt), "PREVIOUS_OUTPUT_MISSING");
    }
}

#[test]
fn trap_t5_every_sighash_but_default_and_all_is_refused_on_every_input() {
    for world in World::both() {
        for sighash in (2..=255).chain([256, 0x0101, u32::MAX]) {
            for input in 0..2 {
                let mut attempt = world.attempt();
                let asked = PsbtSighashType::from_u32(sighash);
                attempt.psbt.inputs[input].sighash_type = Some(asked);
                assert_eq!(refused(&attempt), "SIGHASH", "{sighash:#x}");
            }
        }
    }
}

#[test]
fn trap_t6_a_bad_signature_in_another_signers_place_does_not_overwrite_the_good_one() {
    for world in World::both() {
        let issued = IssuedAttempt::of(&world);
        let good = issued.signatures_of("alice");
        // Mallory returns Alice's places with Bob's signatures in them.
        let mut lying = issued.signed_by("alice");
        let bobs = issued.signed_by("bob");
        for (input, bobs) in lying.inputs.iter_mut().zip(&bobs.inputs) {
            for (place, bobs) in input
                .partial_sigs
                .values_mut()
                .zip(bobs.partial_sigs.values())
            {
                *place = *bobs;
            }
            for (place, bobs) in input
                .tap_script_sigs
                .values_mut()
                .zip(bobs.tap_script_sigs.values())
            {
                *place = *bobs;
            }
        }
        let (taken, bad) = issued.taken(&lying.serialize());
        assert!(taken.is_empty());
        assert_eq!(bad, ["SIGNATURE_WRONG"; 2]);
        let mut all = good.clone();
        all.union(&taken);
        assert_eq!(all, good);
    }
}

#[test]
fn trap_t7_a_garbage_final_witness_yields_no_signature() {
    for world in World::both() {
        let issued = IssuedAttempt::of(&world);
        let mut psbt = issued.psbt.clone();
        for input in &mut psbt.inputs {
            // The shapes of a DER and a Schnorr signature, and a script.
            let der = [&[0x30, 69][..], &[7; 70]].concat();
            let garbage = [&[][..], &der, &[7; 64], &[0x51]];
            input.final_script_witness = Some(bitcoin::Witness::from_slice(&garbage));
        }
        let (taken, bad) = issued.taken(&psbt.serialize());
        assert!(taken.is_empty());
        assert_eq!(bad, ["SIGNATURE_UNEXPECTED_KEY"; 4]);
    }
}

#[test]
fn trap_t8_an_outpoint_spent_twice_is_refused_beside_and_apart() {
    for world in World::both() {
        let mut plan = world.plan();
        let other = world.coin(crate::Keychain::External, 9, 1_000);
        plan.coins.insert(1, plan.coins[0].clone());
        assert_eq!(refused(&world.build(&plan)), "INPUT_TWICE");
        plan.coins.insert(1, other);
        assert!(matches!(
            refusal(&world.build(&plan).bytes()),
            PsbtRefusal::InputTwice {
                first: 0,
                input: 2,
                ..
            }
        ));
    }
}

#[test]
fn two_outputs_of_one_transaction_are_two_coins() {
    // T8's other side: only the whole outpoint counts.
    let world = World::new(ScriptKind::Tr);
    let mut plan = world.plan();
    let mut coin = plan.coins[0].clone();
    let own = coin.output();
    coin.previous.output.push(own);
    plan.coins[0] = coin.clone();
    let mut attempt = world.build(&plan);
    let second = OutPoint::new(coin.previous.compute_txid(), 2);
    attempt.psbt.unsigned_tx.input[1].previous_output = second;
    world.fill(&mut attempt.psbt.inputs[1], &coin);
    assert!(super::read_strict(&attempt.bytes()).is_ok());
}

#[test]
fn trap_t10_one_bad_signer_cannot_keep_the_others_from_finalizing() {
    for world in World::both() {
        let issued = IssuedAttempt::of(&world);
        let mut all = issued.signatures_of("alice");
        // Bob signs another transaction and puts it into this one.
        let mut other = world.plan();
        other.change = Some((9, Amount::from_sat(35_980_000)));
        let elsewhere = IssuedAttempt::build(&world, &other).signed_by("bob");
        let mut lying = issued.psbt.clone();
        for (input, elsewhere) in lying.inputs.iter_mut().zip(elsewhere.inputs) {
            input.partial_sigs = elsewhere.partial_sigs;
            input.tap_script_sigs = elsewhere.tap_script_sigs;
        }
        let (taken, bad) = issued.taken(&lying.serialize());
        assert_eq!(bad, ["SIGNATURE_WRONG"; 2]);
        all.union(&taken);
        all.union(&issued.signatures_of("machine"));
        let mut psbt = issued.psbt.clone();
        all.write_into(&mut psbt);
        psbt.finalize_mut(&samples::secp())
            .expect("two good signers suffice");
    }
}

#[test]
fn trap_t12_a_feerate_that_the_library_would_let_pass_is_refused_by_the_policys_cap() {
    for world in World::both() {
        let mut plan = world.plan();
        let (index, change) = plan.change.expect("there is change");
        let fee = Amount::from_sat(5_000_000);
        plan.change = Some((index, change - fee));
        let attempt = world.build(&plan);
        let weight = attempt.psbt.unsigned_tx.weight();
        assert!(fee / weight < bitcoin::Psbt::DEFAULT_MAX_FEE_RATE);
        let refusals = world.refusals(&attempt);
        assert!(refusals.contains(&"FEERATE_ABOVE_CAP"), "{refusals:?}");
    }
}

#[test]
fn signatures_name_their_place_in_text_that_reads_back() {
    for world in World::both() {
        for verified in IssuedAttempt::of(&world).signatures_of("alice").iter() {
            let key = verified.key();
            assert_eq!(key.to_string().parse(), Ok(key));
        }
    }
    assert_eq!("key-path".parse(), Ok(SignatureKey::TapKey));
    for text in [
        "",
        "ecdsa:",
        "ecdsa:02",
        "leaf:00",
        "leaf:00:11",
        "key-path:",
    ] {
        assert!(text.parse::<SignatureKey>().is_err(), "{text}");
    }
}
