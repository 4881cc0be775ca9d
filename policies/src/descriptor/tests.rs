//! What the vault descriptor promises.

use std::str::FromStr;

use bitcoin::absolute::LockTime;
use bitcoin::bip32::Xpriv;
use bitcoin::hashes::Hash;
use bitcoin::transaction::Version;
use bitcoin::{
    Amount, Network, OutPoint, Psbt, Script, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Weight,
    Witness, psbt,
};
use miniscript::psbt::PsbtExt;
use proptest::prelude::*;

use super::samples::{all_named, compiled, ranged, secp, vault, with_checksum, xpriv};
use super::*;
use crate::Keychain;

mod wallets;

const NAMES: [&str; 4] = samples::NAMES;

/// Descriptors of every accepted shape.
fn shapes() -> Vec<String> {
    let [a, b, c, v] = NAMES.map(ranged);
    let nums = format!("{}/<0;1>/*", nums_xpub(&[], bitcoin::NetworkKind::Test));
    vec![
        compiled(ScriptKind::Wsh),
        compiled(ScriptKind::Tr),
        with_checksum(&format!("wsh(sortedmulti(2,{a},{b},{c}))")),
        with_checksum(&format!("wsh(multi(3,{a},{b},{c},{v}))")),
        with_checksum(&format!("wpkh({a})")),
        with_checksum(&format!("tr({a},{{pk({b}),and_v(v:pk({c}),older(144))}})")),
        with_checksum(&format!("tr({a})")),
        with_checksum(&format!("tr({nums},multi_a(2,{a},{b},{c}))")),
    ]
}

/// A spend of the descriptor's first deposit, with the sequence of an age.
fn spend(script: &DerivedScript, older: Option<u16>) -> Psbt {
    let prevout = TxOut {
        value: Amount::from_sat(100_000),
        script_pubkey: script.script_pubkey.clone(),
    };
    let previous = Transaction {
        version: Version::TWO,
        lock_time: LockTime::ZERO,
        input: vec![TxIn::default()],
        output: vec![prevout.clone()],
    };
    let unsigned = Transaction {
        version: Version::TWO,
        lock_time: LockTime::ZERO,
        input: vec![TxIn {
            previous_output: OutPoint::new(previous.compute_txid(), 0),
            script_sig: ScriptBuf::new(),
            sequence: older.map_or(Sequence::ENABLE_RBF_NO_LOCKTIME, Sequence::from_height),
            witness: Witness::new(),
        }],
        output: vec![TxOut {
            value: Amount::from_sat(90_000),
            script_pubkey: script.script_pubkey.clone(),
        }],
    };
    let mut psbt = Psbt::from_unsigned_tx(unsigned).expect("unsigned");
    psbt.inputs[0].witness_utxo = Some(prevout);
    psbt.inputs[0].non_witness_utxo = Some(previous);
    script.update_input(&mut psbt.inputs[0]);
    psbt
}

fn private_keys(descriptor: &VaultDescriptor, path: &KeyPath) -> Vec<Xpriv> {
    let all = all_named();
    path.keys
        .iter()
        .map(|key| {
            let position = &descriptor.key_positions()[*key];
            let name = all
                .iter()
                .find(|named| named.key == *position)
                .expect("ours");
            xpriv(&name.name, Network::Regtest)
        })
        .collect()
}

/// The serialized witness, with every ECDSA signature at its longest (72 bytes).
fn longest_weight(witness: &Witness, ecdsa: bool) -> u64 {
    let mut size = witness.size();
    if ecdsa {
        size += witness
            .iter()
            .filter(|item| bitcoin::ecdsa::Signature::from_slice(item).is_ok())
            .map(|item| 72 - item.len())
            .sum::<usize>();
    }
    u64::try_from(size).expect("small")
}

#[test]
fn weights_are_those_of_really_signed_witnesses() {
    let secp = secp();
    let mut checked = 0;
    for text in shapes() {
        let descriptor = vault(&text);
        let script = descriptor.at(Keychain::External, 7);
        for path in descriptor.paths() {
            let mut psbt = spend(&script, path.older);
            for key in private_keys(&descriptor, path) {
                psbt.sign(&key, &secp).expect("signs");
            }
            // The interpreter checks the satisfaction here.
            psbt.finalize_mut(&secp).expect("satisfies");
            let witness = psbt.inputs[0].final_script_witness.clone().expect("final");
            let ecdsa = descriptor.kind() != ScriptKind::Tr;
            assert_eq!(
                path.satisfaction_weight.to_wu(),
                longest_weight(&witness, ecdsa),
                "{text} {:?}",
                path.keys
            );
            let mut signed = psbt.unsigned_tx.clone();
            let stripped = signed.weight();
            signed.input[0].witness = witness.clone();
            // Two bytes of segwit marker and flag belong to the transaction, not the input.
            let input = signed.weight() - stripped - Weight::from_wu(2) + TXIN_BASE_WEIGHT;
            let short =
                longest_weight(&witness, ecdsa) - u64::try_from(witness.size()).expect("small");
            assert_eq!(
                TXIN_BASE_WEIGHT + path.satisfaction_weight,
                input + Weight::from_wu(short)
            );
            checked += 1;
        }
        assert_eq!(
            descriptor.output_weight(),
            psbt_output(&script).weight(),
            "{text}"
        );
    }
    assert_eq!(checked, 4 + 4 + 3 + 4 + 1 + 3 + 1 + 3);
}

fn psbt_output(script: &DerivedScript) -> TxOut {
    TxOut {
        value: Amount::from_sat(1),
        script_pubkey: script.script_pubkey.clone(),
    }
}

#[test]
fn the_heaviest_ordinary_path_counts_and_recovery_does_not() {
    let descriptor = vault(&compiled(ScriptKind::Wsh));
    let ordinary = descriptor
        .paths()
        .iter()
        .filter(|path| path.older.is_none());
    assert_eq!(
        Some(descriptor.max_satisfaction_weight()),
        ordinary.map(|path| path.satisfaction_weight).max()
    );
    let recovery = &descriptor.paths()[3];
    assert_eq!(recovery.older, Some(12_960));
    assert_eq!(
        descriptor.input_weight(),
        TXIN_BASE_WEIGHT + descriptor.max_satisfaction_weight()
    );
    let key_path = vault(&with_checksum(&format!("tr({})", ranged("alice"))));
    assert_eq!(key_path.max_satisfaction_weight(), Weight::from_wu(66));
    let wpkh = vault(&with_checksum(&format!("wpkh({})", ranged("alice"))));
    assert_eq!(wpkh.max_satisfaction_weight(), Weight::from_wu(1 + 73 + 34));
}

#[test]
fn paths_are_the_minimal_sets_of_keys() {
    for kind in [ScriptKind::Wsh, ScriptKind::Tr] {
        let descriptor = vault(&compiled(kind));
        let named = |path: &KeyPath| {
            let mut names: Vec<String> = path
                .keys
                .iter()
                .map(|key| {
                    let position = &descriptor.key_positions()[*key];
                    let all = all_named();
                    let named = all.into_iter().find(|named| named.key == *position);
                    named.expect("ours").name
                })
                .collect();
            names.sort();
            (names.join("+"), path.older)
        };
        let mut found: Vec<_> = descriptor.paths().iter().map(named).collect();
        found.sort();
        assert_eq!(
            found,
            [
                ("alice+bob".to_owned(), None),
                ("alice+machine".to_owned(), None),
                ("bob+machine".to_owned(), None),
                ("vault-key".to_owned(), Some(12_960)),
            ]
        );
    }
}

#[test]
fn a_path_that_a_smaller_one_covers_is_not_listed() {
    let [a, b, _, _] = NAMES.map(ranged);
    let text = with_checksum(&format!(
        "tr({a},and_v(v:pk({b}),pk({})))",
        ranged("machine")
    ));
    let descriptor = vault(&text);
    assert_eq!(descriptor.paths().len(), 2);
    let alice = &descriptor.key_positions()[descriptor.paths()[0].keys[0]];
    assert_eq!(*alice, samples::named("alice", Network::Regtest).key);
}

#[test]
fn every_key_is_written_into_inputs_and_outputs() {
    for text in shapes() {
        let descriptor = vault(&text);
        let script = descriptor.at(Keychain::Internal, 3);
        let mut input = psbt::Input::default();
        let mut output = psbt::Output::default();
        script.update_input(&mut input);
        script.update_output(&mut output);
        let keys = descriptor.key_positions().len();
        match descriptor.kind() {
            ScriptKind::Tr => {
                assert!(input.tap_internal_key.is_some());
                assert_eq!(output.tap_internal_key, input.tap_internal_key);
                assert!(input.tap_key_origins.len() >= keys);
                assert_eq!(output.tap_key_origins, input.tap_key_origins);
                assert_eq!(output.tap_tree.is_some(), input.tap_merkle_root.is_some());
            }
            ScriptKind::Wsh => {
                assert_eq!(
                    input.witness_script.as_deref().map(Script::to_p2wsh),
                    Some(script.script_pubkey.clone())
                );
                assert_eq!(output.witness_script, input.witness_script);
                assert_eq!(input.bip32_derivation.len(), keys);
                assert_eq!(output.bip32_derivation, input.bip32_derivation);
            }
            ScriptKind::Wpkh => assert_eq!(input.bip32_derivation.len(), keys),
        }
    }
}

#[test]
fn own_scripts_are_found_exactly_within_their_bound() {
    let descriptor = vault(&compiled(ScriptKind::Tr));
    let inside = descriptor.script_pubkey(Keychain::Internal, 20);
    let outside = descriptor.script_pubkey(Keychain::External, 21);
    let own = OwnScripts::new(&descriptor, 20);
    assert_eq!(own.find(&inside), Some((Keychain::Internal, 20)));
    assert!(!own.contains(&outside));
    assert!(OwnScripts::new(&descriptor, 21).contains(&outside));
    // The cache of the wider lookup does not widen the narrower one.
    assert!(!own.contains(&outside));
    let foreign = ScriptBuf::new_p2wsh(&bitcoin::WScriptHash::all_zeros());
    assert!(!own.contains(&foreign));
}

#[test]
fn the_nums_key_is_h_of_bip_341_with_the_participants_in_its_chain_code() {
    let keys: Vec<_> = all_named()
        .iter()
        .map(|named| named.key.xpub.public_key)
        .collect();
    let forwards = nums_xpub(&keys, bitcoin::NetworkKind::Test);
    let backwards: Vec<_> = keys.iter().rev().chain(&keys).copied().collect();
    assert_eq!(nums_xpub(&backwards, bitcoin::NetworkKind::Test), forwards);
    assert_ne!(nums_xpub(&keys[1..], bitcoin::NetworkKind::Test), forwards);
    assert_eq!(
        forwards.public_key.x_only_public_key().0.to_string(),
        "50929b74c1a04954b78b4b6035e97a5e078a5a0f28ec96d547bfee9ace803ac0"
    );
    assert!(is_nums(&forwards));
    assert!(!is_nums(&all_named()[0].key.xpub));
    let tr = compiled(ScriptKind::Tr);
    assert!(tr.starts_with(&format!("tr({forwards}/<0;1>/*,")), "{tr}");
}

#[test]
fn a_policy_compiles_to_descriptors_that_mean_the_same() {
    let keys = all_named();
    for kind in [ScriptKind::Wsh, ScriptKind::Tr] {
        let text = compile(samples::POLICY, kind, &keys).expect("compiles");
        let descriptor = vault(&text);
        let positions = NAMES
            .into_iter()
            .map(|name| {
                let named = keys.iter().find(|named| named.name == name).expect("named");
                let position = descriptor
                    .key_positions()
                    .iter()
                    .position(|key| *key == named.key);
                (name.to_owned(), position.expect("used"))
            })
            .collect();
        assert!(means_the_same(samples::POLICY, &descriptor, &positions).expect("analysed"));
    }
    let plain = "thresh(2,pk(alice),pk(bob),pk(machine))";
    let plain = compile(plain, ScriptKind::Wsh, &keys).expect("compiles");
    assert!(plain.starts_with("wsh(sortedmulti(2,"), "{plain}");
    let hot = compile("pk(machine)", ScriptKind::Wpkh, &keys).expect("compiles");
    assert_eq!(vault(&hot).kind(), ScriptKind::Wpkh);
    let own_key_path = compile(
        "or(9@pk(alice),1@and(pk(bob),older(144)))",
        ScriptKind::Tr,
        &keys,
    );
    assert!(own_key_path.expect("compiles").starts_with("tr(["));
}

#[test]
fn a_policy_that_gives_no_vault_is_not_compiled() {
    let keys = all_named();
    let refused = |policy: &str, kind| compile(policy, kind, &keys).expect_err("refused");
    assert!(matches!(
        refused("pk(", ScriptKind::Wsh),
        CompileError::Syntax(_)
    ));
    assert!(matches!(
        refused("pk(nobody)", ScriptKind::Wsh),
        CompileError::UnknownKey { name } if name == "nobody"
    ));
    assert!(matches!(
        refused("older(144)", ScriptKind::Wsh),
        CompileError::NoKeys
    ));
    assert!(matches!(
        refused(samples::POLICY, ScriptKind::Wpkh),
        CompileError::NotOneKey
    ));
    assert!(matches!(
        refused("or(pk(alice),older(144))", ScriptKind::Wsh),
        CompileError::Impossible(_)
    ));
    assert!(matches!(
        refused("and(pk(alice),after(900000))", ScriptKind::Wsh),
        CompileError::Descriptor(DescriptorError::AbsoluteTimelock)
    ));
    let hash = format!("and(pk(alice),sha256({}))", "00".repeat(32));
    assert!(matches!(
        refused(&hash, ScriptKind::Tr),
        CompileError::Descriptor(DescriptorError::HashLock)
    ));
    let mixed = [keys[0].clone(), samples::named("bob", Network::Bitcoin)];
    assert!(matches!(
        compile("and(pk(alice),pk(bob))", ScriptKind::Wsh, &mixed),
        Err(CompileError::MixedNetworks)
    ));
}

#[test]
fn a_key_that_is_not_ranged_or_has_no_origin_is_refused() {
    let key = ranged("alice");
    let refused = |text: &str| {
        VaultDescriptor::parse(&with_checksum(text), Network::Regtest).expect_err("refused")
    };
    for tail in ["<0;1;2>/*", "<0;1>", "0/*", "<0;1>/5"] {
        let text = format!("wpkh({})", key.replace("<0;1>/*", tail));
        assert!(
            matches!(refused(&text), DescriptorError::NotRanged { .. }),
            "{tail}"
        );
    }
    let bare = key.split_once(']').expect("has an origin").1;
    assert!(matches!(
        refused(&format!("wpkh({bare})")),
        DescriptorError::NoOrigin { .. }
    ));
    let nums = format!("tr({}/<0;1>/*)", nums_xpub(&[], bitcoin::NetworkKind::Test));
    assert!(matches!(
        refused(&nums),
        DescriptorError::NoOrdinaryPath | DescriptorError::NoKey
    ));
    assert!(matches!(
        VaultDescriptor::parse("wpkh(x)", Network::Regtest),
        Err(DescriptorError::NoChecksum { .. })
    ));
    let (a, b) = (ranged("alice"), ranged("bob"));
    let equal = refused(&format!(
        "wsh(multi(2,{a},{}))",
        b.replace("<0;1>", "<0;0>")
    ));
    assert!(
        matches!(equal, DescriptorError::NotRanged { .. }),
        "{equal:?}"
    );
}

#[test]
fn too_many_paths_are_refused_instead_of_analysed() {
    let keys: Vec<String> = (0..18).map(|i| ranged(&format!("signer-{i}"))).collect();
    let text = with_checksum(&format!("wsh(multi(9,{}))", keys.join(",")));
    assert!(matches!(
        VaultDescriptor::parse(&text, Network::Regtest),
        Err(DescriptorError::TooManyPaths)
    ));
}

#[test]
fn a_descriptor_key_reads_back_from_its_text() {
    let position = &all_named()[0].key;
    let read = crate::document::SignerKey::from_str(&position.to_string()).expect("reads");
    assert_eq!(read.position(), *position);
    assert!(position.to_string().contains("/48h/1h/0h/2h]tpub"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn the_cheap_derivation_gives_the_definite_descriptors_script(
        shape in 0..8_usize,
        index in 0..=MAX_INDEX,
        internal: bool,
    ) {
        let descriptor = vault(&shapes()[shape]);
        let keychain = if internal { Keychain::Internal } else { Keychain::External };
        let script = descriptor.at(keychain, index);
        prop_assert_eq!(&script.script_pubkey, &script.definite.script_pubkey());
        prop_assert_eq!(&script.script_pubkey, &descriptor.script_pubkey(keychain, index));
    }
}
