//! The PSBT itself: T3 to T6, T8 and T9 where they meet review, inputs, outputs and change.

use bitcoin::absolute::LockTime;
use bitcoin::bip32::ChildNumber;
use bitcoin::psbt::PsbtSighashType;
use bitcoin::transaction::Version;
use bitcoin::{Amount, Network, ScriptBuf, Sequence};

use super::super::world::{Attempt, CHANGE_INDEX, NOW, World, stranger};
use super::refused;
use crate::descriptor::{ScriptKind, samples};
use crate::document::SignerDraft;
use crate::document::samples::public_key;
use crate::ids::{Keychain, PolicyId};
use crate::journal::History;

#[test]
fn only_transaction_version_2_is_signed() {
    for version in [i32::MIN, -1, 0, 1, 3, i32::MAX] {
        refused(&["TRANSACTION_VERSION"], |attempt, _| {
            attempt.psbt.unsigned_tx.version = Version(version);
        });
    }
}

#[test]
fn only_the_one_sequence_is_signed() {
    for sequence in [0, 1, 12_960, 0xffff_fffc, 0xffff_fffe, 0xffff_ffff] {
        refused(&["SEQUENCE"], |attempt, _| {
            attempt.psbt.unsigned_tx.input[1].sequence = Sequence(sequence);
        });
    }
}

#[test]
fn a_locktime_is_a_height_that_can_have_been_reached() {
    // An hour after the head: 101 + 3600 × 105 / 60000 + 144.
    let latest = 251;
    for (locktime, codes) in [
        (0, &[][..]),
        (latest, &[]),
        (latest + 1, &["LOCKTIME_BEYOND_CHAIN"]),
        (499_999_999, &["LOCKTIME_BEYOND_CHAIN"]),
        (500_000_000, &["LOCKTIME_IS_TIME"]),
        (u32::MAX, &["LOCKTIME_IS_TIME"]),
    ] {
        refused(codes, |attempt, _| {
            attempt.psbt.unsigned_tx.lock_time = LockTime::from_consensus(locktime);
        });
    }
}

#[test]
fn a_script_swapped_in_any_payment_is_refused() {
    for output in 0..3 {
        refused(&["PAYMENT_SCRIPT"], |attempt, _| {
            attempt.output(output).script_pubkey = stranger(66);
        });
    }
}

#[test]
fn one_satoshi_more_or_less_in_any_payment_is_refused() {
    for output in 0..3 {
        for value in [1, u64::MAX] {
            refused(&["PAYMENT_AMOUNT"], |attempt, _| {
                let paid = &mut attempt.output(output).value;
                *paid = Amount::from_sat(paid.to_sat().wrapping_add(value));
            });
        }
    }
}

#[test]
fn an_output_that_nobody_asked_for_is_refused() {
    refused(&["OUTPUT_MISMATCH"], |attempt, _| {
        attempt.add_output(5_000, stranger(66));
        attempt.output(3).value -= Amount::from_sat(5_000);
    });
}

#[test]
fn a_payment_taken_out_is_refused() {
    // The outputs move up: every label is wrong, and the change's is of no output.
    for world in World::both() {
        let mut attempt = world.attempt();
        attempt.psbt.unsigned_tx.output.remove(0);
        attempt.psbt.outputs.remove(0);
        let codes = world.refusals(&attempt);
        assert!(codes.contains(&"NO_SUCH_OUTPUT"), "{codes:?}");
        assert!(codes.contains(&"PAYMENT_SCRIPT"), "{codes:?}");
    }
}

#[test]
fn outputs_in_another_order_than_labelled_are_refused() {
    refused(
        &[
            "PAYMENT_SCRIPT",
            "PAYMENT_AMOUNT",
            "PAYMENT_SCRIPT",
            "PAYMENT_AMOUNT",
        ],
        |attempt, _| attempt.psbt.unsigned_tx.output.swap(0, 1),
    );
}

#[test]
fn an_output_without_label_is_refused() {
    refused(&["OUTPUT_MISMATCH"], |attempt, _| {
        attempt.manifest.changes.clear();
    });
}

#[test]
fn an_output_called_payment_and_change_is_refused() {
    for world in World::both() {
        let mut attempt = world.attempt();
        let change = (world.policy.id, CHANGE_INDEX);
        attempt.manifest.changes.insert(0, change);
        assert!(world.refusals(&attempt).contains(&"OUTPUT_TWICE"));
    }
}

#[test]
fn two_outputs_equal_in_script_and_amount_are_refused() {
    for world in World::both() {
        let mut plan = world.plan();
        plan.asked[1].intent.script_pubkey = plan.asked[0].intent.script_pubkey.clone();
        plan.asked[1].intent.amount = plan.asked[0].intent.amount;
        plan.asked[1].intent.min = plan.asked[0].intent.min;
        plan.change = Some((CHANGE_INDEX, Amount::from_sat(51_990_000)));
        let attempt = world.build(&plan);
        assert_eq!(world.refusals(&attempt), ["EQUAL_OUTPUTS", "PAID_TWICE"]);
    }
}

#[test]
fn change_to_a_stranger_is_refused_whatever_its_fields_say() {
    refused(&["CHANGE_NOT_OURS"], |attempt, _| {
        attempt.output(3).script_pubkey = stranger(66);
    });
}

#[test]
fn change_to_a_deposit_address_is_refused() {
    refused(&["CHANGE_NOT_OURS"], |attempt, world| {
        let own = world.policy.descriptor.at(Keychain::External, CHANGE_INDEX);
        attempt.output(3).script_pubkey = own.script_pubkey.clone();
        own.update_output(&mut attempt.psbt.outputs[3]);
    });
}

#[test]
fn change_at_another_index_than_labelled_is_refused() {
    refused(&["CHANGE_NOT_OURS"], |attempt, world| {
        attempt
            .manifest
            .changes
            .insert(3, (world.policy.id, CHANGE_INDEX + 1));
    });
}

#[test]
fn true_change_with_fields_of_someone_else_is_refused() {
    for (kind, codes) in [
        (ScriptKind::Wsh, &["OUTPUT_FIELD"; 2][..]),
        (ScriptKind::Tr, &["OUTPUT_FIELD"; 3]),
    ] {
        let world = World::new(kind);
        let mut attempt = world.attempt();
        let other = world.policy.descriptor.at(Keychain::Internal, 9);
        attempt.psbt.outputs[3] = bitcoin::psbt::Output::default();
        other.update_output(&mut attempt.psbt.outputs[3]);
        let found = world.refusals(&attempt);
        assert_eq!(found, codes, "{kind}");
    }
}

#[test]
fn a_payment_that_looks_like_change_is_refused() {
    for world in World::both() {
        let mut attempt = world.attempt();
        let own = world.policy.descriptor.at(Keychain::Internal, 9);
        own.update_output(&mut attempt.psbt.outputs[0]);
        let codes = world.refusals(&attempt);
        assert!(!codes.is_empty());
        assert!(
            codes.iter().all(|code| *code == "OUTPUT_FIELD"),
            "{codes:?}"
        );
    }
}

#[test]
fn change_to_another_policy_version_is_refused() {
    refused(&["CHANGE_VERSION"], |attempt, _| {
        let version = PolicyId::from_bytes([9; 32]);
        attempt.manifest.changes.insert(3, (version, CHANGE_INDEX));
    });
}

#[test]
fn change_is_at_most_a_thousand_indexes_ahead() {
    for world in World::both() {
        for (index, codes) in [
            (1_000, &[][..]),
            (1_001, &["CHANGE_INDEX_TOO_FAR"]),
            (0x7fff_ffff, &["CHANGE_INDEX_TOO_FAR"]),
        ] {
            let mut plan = world.plan();
            plan.change = Some((index, Amount::from_sat(35_990_000)));
            assert_eq!(world.refusals(&world.build(&plan)), codes, "{index}");
        }
    }
}

#[test]
fn a_hardened_change_index_is_refused_without_panic() {
    for index in [0x8000_0000, u32::MAX] {
        refused(
            &["CHANGE_NOT_OURS", "CHANGE_INDEX_TOO_FAR"],
            |attempt, world| {
                attempt.manifest.changes.insert(3, (world.policy.id, index));
            },
        );
    }
}

#[test]
fn change_below_the_policys_least_is_refused() {
    for world in World::both() {
        for (change, codes) in [(100_000, &[][..]), (99_999, &["CHANGE_TOO_SMALL"])] {
            let mut plan = world.plan();
            plan.coins[1] = world.coin(Keychain::Internal, 7, change + 10_000);
            plan.coins[0] = world.coin(Keychain::External, 3, 54_000_000);
            plan.change = Some((CHANGE_INDEX, Amount::from_sat(change)));
            assert_eq!(world.refusals(&world.build(&plan)), codes);
        }
    }
}

#[test]
fn a_second_change_output_is_refused() {
    refused(&["TOO_MUCH_CHANGE"], |attempt, world| {
        let own = world.policy.descriptor.at(Keychain::Internal, 9);
        attempt.add_output(1_000_000, own.script_pubkey.clone());
        own.update_output(&mut attempt.psbt.outputs[4]);
        attempt.output(3).value -= Amount::from_sat(1_000_000);
        attempt.manifest.changes.insert(4, (world.policy.id, 9));
    });
}

#[test]
fn a_foreign_input_is_refused_with_and_without_our_fields() {
    for world in World::both() {
        let mut foreign = world.coin(Keychain::External, 4, 60_000_000);
        foreign.previous.output[1].script_pubkey = stranger(66);
        let mut attempt = world.attempt();
        attempt.psbt.unsigned_tx.input[0] = foreign.spend();
        world.fill(&mut attempt.psbt.inputs[0], &foreign);
        assert_eq!(world.refusals(&attempt), ["INPUT_PATH_MISMATCH"]);
        let input = &mut attempt.psbt.inputs[0];
        input.bip32_derivation.clear();
        input.tap_key_origins.clear();
        assert_eq!(world.refusals(&attempt), ["FOREIGN_INPUT"]);
    }
}

/// Moves the paths of these keys of an input to another index, counted in the order of the keys without
/// the one of nobody.
fn divert(world: &World, which: impl Fn(usize) -> bool) -> Vec<&'static str> {
    let mut attempt = world.attempt();
    let input = &mut attempt.psbt.inputs[0];
    let internal = input.tap_internal_key;
    let plain = input.bip32_derivation.values_mut().map(|(_, path)| path);
    let taproot = input
        .tap_key_origins
        .iter_mut()
        .filter(|(key, _)| Some(**key) != internal)
        .map(|(_, (_, (_, path)))| path);
    for (position, path) in plain.chain(taproot).enumerate() {
        let steps: &[ChildNumber] = path.as_ref();
        let [account @ .., _] = steps else {
            panic!("a path has steps")
        };
        if which(position) {
            let other = ChildNumber::from_normal_idx(99).expect("small");
            *path = [account, &[other]].concat().into();
        }
    }
    world.refusals(&attempt)
}

#[test]
fn trap_t9_a_path_to_another_key_of_ours_is_refused() {
    for world in World::both() {
        // The first key's path says where the script is looked for: it is not there.
        assert_eq!(divert(&world, |key| key == 0), ["INPUT_PATH_MISMATCH"]);
        assert_eq!(divert(&world, |_| true), ["INPUT_PATH_MISMATCH"]);
        // Any other key's: the script is ours, and the path is not that key's.
        for other in 1..4 {
            assert_eq!(
                divert(&world, |key| key == other),
                ["INPUT_FIELD"],
                "{other}"
            );
        }
        assert!(divert(&world, |_| false).is_empty());
    }
}

#[test]
fn a_key_of_someone_else_among_the_origins_is_refused() {
    let world = World::new(ScriptKind::Wsh);
    let mut attempt = world.attempt();
    let input = &mut attempt.psbt.inputs[0];
    let origin = input
        .bip32_derivation
        .values()
        .next()
        .expect("keys")
        .clone();
    let own = world.policy.descriptor.key_positions()[0].xpub.public_key;
    input.bip32_derivation.insert(own, origin);
    assert_eq!(world.refusals(&attempt), ["INPUT_FIELD"]);
}

#[test]
fn a_witness_script_of_another_index_is_refused() {
    let world = World::new(ScriptKind::Wsh);
    let mut attempt = world.attempt();
    attempt.psbt.inputs[0].witness_script = attempt.psbt.inputs[1].witness_script.clone();
    assert_eq!(world.refusals(&attempt), ["INPUT_FIELD"]);
}

#[test]
fn taproot_fields_that_are_not_the_descriptors_are_refused() {
    let world = World::new(ScriptKind::Tr);
    let other = world.attempt().psbt.inputs[1].clone();
    let lies: [fn(&mut bitcoin::psbt::Input, &bitcoin::psbt::Input); 4] = [
        |input, other| input.tap_internal_key = other.tap_internal_key,
        |input, other| input.tap_merkle_root = other.tap_merkle_root,
        |input, other| input.tap_scripts.extend(other.tap_scripts.clone()),
        |input, other| {
            // A key of another index, behind the true ones.
            let (key, origin) = other.tap_key_origins.last_key_value().expect("keys");
            input.tap_key_origins.insert(*key, origin.clone());
        },
    ];
    for lie in lies {
        let mut attempt = world.attempt();
        lie(&mut attempt.psbt.inputs[0], &other);
        assert_eq!(world.refusals(&attempt), ["INPUT_FIELD"]);
    }
}

#[test]
fn segwit_version_0_needs_every_previous_transaction_and_taproot_none() {
    let drop_one = |world: &World| {
        let mut attempt = world.attempt();
        attempt.psbt.inputs[1].non_witness_utxo = None;
        world.refusals(&attempt)
    };
    let [wsh, tr] = World::both();
    assert_eq!(drop_one(&wsh), ["PREVIOUS_TRANSACTION_MISSING"]);
    assert!(drop_one(&tr).is_empty());
}

#[test]
fn trap_t5_a_sighash_field_is_all_or_in_taproot_default() {
    let with = |world: &World, sighash| {
        let mut attempt = world.attempt();
        attempt.psbt.inputs[0].sighash_type = Some(PsbtSighashType::from_u32(sighash));
        world.refusals(&attempt)
    };
    let [wsh, tr] = World::both();
    assert!(with(&wsh, 1).is_empty());
    assert_eq!(with(&wsh, 0), ["SIGHASH"]);
    assert!(with(&tr, 0).is_empty());
    assert!(with(&tr, 1).is_empty());
}

#[test]
fn an_extended_key_that_is_not_the_descriptors_is_refused() {
    refused(&["UNKNOWN_XPUB"], |attempt, _| {
        let (xpub, origin) = attempt.psbt.xpub.pop_first().expect("cosigners");
        let other = xpub.ckd_pub(
            &bitcoin::secp256k1::Secp256k1::verification_only(),
            ChildNumber::from_normal_idx(0).expect("small"),
        );
        attempt.psbt.xpub.insert(other.expect("derives"), origin);
    });
    refused(&["UNKNOWN_XPUB"], |attempt, _| {
        let (_, (fingerprint, _)) = attempt.psbt.xpub.iter_mut().next().expect("cosigners");
        *fingerprint = [0; 4].into();
    });
}

#[test]
fn sizes_beyond_the_policys_are_refused() {
    let world = World::with(ScriptKind::Wsh, |draft| {
        draft.limits.transaction.max_inputs = 2;
        draft.limits.transaction.max_outputs = 4;
    });
    let mut plan = world.plan();
    assert!(world.refusals(&world.build(&plan)).is_empty());
    plan.coins.push(world.coin(Keychain::External, 9, 700));
    assert_eq!(world.refusals(&world.build(&plan)), ["TOO_MANY_INPUTS"]);
    let mut attempt = world.attempt();
    attempt.add_output(10_000, stranger(66));
    assert_eq!(
        world.refusals(&attempt),
        ["TOO_MANY_OUTPUTS", "OUTPUT_MISMATCH"]
    );
}

#[test]
fn a_transaction_that_nodes_would_not_relay_is_refused() {
    // 10 of 12 sign each input: 500 of them weigh more than any relayed transaction.
    let names: Vec<String> = (0..12).map(|number| format!("signer-{number}")).collect();
    let world = World::with(ScriptKind::Wsh, |draft| {
        let keys: Vec<_> = names.iter().map(|name| samples::ranged(name)).collect();
        let descriptor = format!("wsh(multi(10,{}))", keys.join(","));
        draft.spending.descriptor = samples::with_checksum(&descriptor);
        draft.spending.policy = None;
        let first = draft.signers[0].clone();
        draft.signers = names
            .iter()
            .map(|name| SignerDraft {
                name: name.clone(),
                person: name.clone(),
                key: samples::named(name, Network::Regtest).key.to_string(),
                journal: public_key(name).to_string(),
                ..first.clone()
            })
            .collect();
        draft.limits.transaction.max_inputs = 500;
    });
    let mut plan = world.plan();
    plan.coins.truncate(1);
    plan.coins[0] = world.coin(Keychain::External, 3, 90_000_000);
    assert!(world.refusals(&world.build(&plan)).is_empty());
    plan.coins
        .extend((10..400).map(|index| world.coin(Keychain::External, index, 1)));
    assert_eq!(world.refusals(&world.build(&plan)), ["TOO_HEAVY"]);
}

#[test]
fn an_attempt_that_pays_nothing_is_refused() {
    for world in World::both() {
        let mut plan = world.plan();
        plan.asked.clear();
        plan.change = Some((CHANGE_INDEX, Amount::from_sat(90_000_000)));
        assert_eq!(world.refusals(&world.build(&plan)), ["PAYS_NOTHING"]);
    }
}

#[test]
fn a_script_without_an_address_is_refused() {
    for world in World::both() {
        for script in [
            ScriptBuf::new_op_return([1, 2, 3]),
            // Pay to anchor: anyone can spend it.
            ScriptBuf::from_bytes(vec![0x51, 0x02, 0x4e, 0x73]),
            ScriptBuf::from_bytes([&[0x52, 0x20][..], &[7; 32]].concat()),
        ] {
            let mut plan = world.plan();
            plan.asked[0].intent.script_pubkey = script;
            assert_eq!(world.refusals(&world.build(&plan)), ["SCRIPT_KIND"]);
        }
    }
}

#[test]
fn the_history_bounds_the_change_index() {
    let world = World::new(ScriptKind::Wsh);
    let mut history = History::none();
    let review = world.reviewed(&world.attempt());
    history.record(review.signed_transaction(NOW));
    let mut attempt: Attempt = world.attempt();
    // The same transaction again may be signed again.
    assert!(world.refusals_at(&attempt, &history, NOW).is_empty());
    attempt
        .manifest
        .changes
        .insert(3, (world.policy.id, CHANGE_INDEX + 1_001));
    assert!(
        world
            .refusals_at(&attempt, &history, NOW)
            .contains(&"CHANGE_INDEX_TOO_FAR")
    );
}
