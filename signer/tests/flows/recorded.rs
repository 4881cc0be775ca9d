//! What a real Ledger app and a real Coldcard gave back is taken, finalizes with a second signature, and is refused
//! once anybody touched it.

use bitcoin::bip32::{Xpriv, Xpub};
use bitcoin::psbt::Psbt;
use bitcoin::secp256k1::Secp256k1;
use bitcoin::sighash::{EcdsaSighashType, TapSighashType};
use bitcoin::{Amount, Network, TxOut};
use miniscript::psbt::PsbtExt;
use policies::Keychain;
use policies::descriptor::VaultDescriptor;
use policies::psbt::{BadReason, Intake, read_intake, to_binary};
use policies::review::ReviewedInput;
use serde_json::Value;
use signer::answering::{Taken, take};
use std::path::Path;

/// Policies, what was asked, and what came back.
const RECORDED: [(&str, &str, &str); 7] = [
    ("policies_ledger.json", "ms", "L2"),
    ("policies_ledger.json", "mini", "L2"),
    ("policies_ledger.json", "trm", "L2"),
    ("policies_ledger.json", "ms10", "L2"),
    ("policies_cc.json", "mscc", "CC"),
    ("policies_cc.json", "minicc", "CC"),
    ("policies_cc.json", "trmcc", "CC"),
];

fn read(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded");
    std::fs::read(folder.join(name)).expect("is recorded")
}

/// One request to a device, and its wallet.
struct Recorded {
    asked: Psbt,
    inputs: Vec<ReviewedInput>,
    device: Xpub,
    second: Xpriv,
}

impl Recorded {
    fn of(policies: &str, name: &str) -> Self {
        let policies: Value = serde_json::from_slice(&read(policies)).expect("is JSON");
        let wallet = ["ms", "mini", "trm"]
            .into_iter()
            .find(|wallet| name.starts_with(wallet));
        let wallet = &policies[wallet.expect("is one of three")];
        let text = wallet["descriptor"].as_str().expect("a text");
        let descriptor = VaultDescriptor::parse(text, Network::Testnet).expect("a vault's");
        let asked = to_binary(&read(&format!("{name}.psbt")))
            .expect("is base64")
            .into_owned();
        let asked = Psbt::deserialize(&asked).expect("a PSBT");
        let inputs = asked.inputs.iter().map(|input| {
            let previous = input.witness_utxo.clone().expect("is there");
            let mut places = Keychain::BOTH
                .into_iter()
                .flat_map(|keychain| (0..100).map(move |index| (keychain, index)));
            let place = places.find(|(keychain, index)| {
                descriptor.script_pubkey(*keychain, *index) == previous.script_pubkey
            });
            let (keychain, index) = place.expect("is ours");
            ReviewedInput {
                previous,
                derived: descriptor.at(keychain, index),
            }
        });
        let inputs = inputs.collect();
        let key = |who: usize| {
            let text = policies["tprv"][who][1].as_str();
            text.expect("a text").parse::<Xpriv>().expect("a key")
        };
        let secp = Secp256k1::new();
        let path = "48h/1h/0h/2h"
            .parse::<bitcoin::bip32::DerivationPath>()
            .expect("a path");
        let account = key(0).derive_priv(&secp, &path).expect("derives");
        Self {
            asked,
            inputs,
            device: Xpub::from_priv(&secp, &account),
            second: key(1),
        }
    }

    fn take(&self, answer: &Intake) -> Taken {
        let answers = std::slice::from_ref(answer);
        let taken = take(&self.asked.unsigned_tx, &self.inputs, &self.device, answers);
        taken.expect("is over the same transaction")
    }
}

fn answer(name: &str) -> Psbt {
    let binary = to_binary(&read(name)).expect("is base64").into_owned();
    Psbt::deserialize(&binary).expect("a PSBT")
}

fn intake(psbt: &Psbt) -> Intake {
    read_intake(&psbt.serialize()).expect("reads")
}

#[test]
fn each_recorded_signature_is_taken_and_finalizes_with_a_second_one() {
    for (policies, name, device) in RECORDED {
        let recorded = Recorded::of(policies, name);
        let given = read(&format!("{name}.{device}.psbt"));
        let taken = recorded.take(&read_intake(&given).expect("reads"));
        assert_eq!(taken.count(), recorded.inputs.len(), "{name}");
        assert_eq!((taken.missing.len(), taken.refused.len()), (0, 0), "{name}");
        let mut whole = recorded.asked.clone();
        for (input, signed) in whole.inputs.iter_mut().zip(taken.signatures) {
            input.partial_sigs = signed.ecdsa;
            input.tap_script_sigs = signed.tap_leaves;
        }
        let secp = Secp256k1::new();
        // What is not the second signer's stays as it is.
        drop(whole.sign(&recorded.second, &secp));
        whole
            .finalize_mut(&secp)
            .unwrap_or_else(|errors| panic!("{name}: {errors:?}"));
    }
}

/// HWI 3.2.0 writes transaction version 1 into a PSBT of version 2, whatever it was asked for: a reason to give
/// tools version 0 alone, and one to compare what comes back.
#[test]
fn a_recorded_answer_of_version_2_is_over_another_transaction_and_refused() {
    let recorded: Value = serde_json::from_slice(&read("msv2.hwi.json")).expect("is JSON");
    let text = recorded["psbt"].as_str().expect("a text");
    let ms = Recorded::of("policies_ledger.json", "ms");
    let asked = read_intake(&read("msv2.psbt")).expect("reads");
    assert_eq!(asked.txid, ms.asked.unsigned_tx.compute_txid());
    let answer = read_intake(text.as_bytes()).expect("reads");
    let refused = take(
        &ms.asked.unsigned_tx,
        &ms.inputs,
        &ms.device,
        std::slice::from_ref(&answer),
    );
    let mut rewritten = ms.asked.unsigned_tx.clone();
    rewritten.version = bitcoin::transaction::Version::ONE;
    assert_eq!(answer.txid, rewritten.compute_txid());
    assert_eq!(refused.expect_err("is another").found, answer.txid);
}

#[test]
fn a_recorded_answer_that_says_it_is_not_signed_holds_nothing() {
    let said: Value = serde_json::from_slice(&read("trm.hwi.json")).expect("is JSON");
    assert_eq!(said["signed"], false);
    let recorded = Recorded::of("policies_ledger.json", "trm");
    let text = said["psbt"].as_str().expect("a text");
    let taken = recorded.take(&read_intake(text.as_bytes()).expect("reads"));
    assert_eq!((taken.count(), taken.refused.len()), (0, 0));
    assert_eq!(taken.missing, [0]);
}

#[test]
fn a_recorded_answer_that_was_touched_is_refused() {
    for (policies, name, device) in RECORDED {
        let recorded = Recorded::of(policies, name);
        let good = answer(&format!("{name}.{device}.psbt"));

        let mut changed = good.clone();
        changed.unsigned_tx.output[0].value = Amount::from_sat(1);
        let answers = [intake(&changed)];
        let other = take(
            &recorded.asked.unsigned_tx,
            &recorded.inputs,
            &recorded.device,
            &answers,
        );
        assert!(other.is_err(), "{name}");

        // Another amount of the coin is another message: the signature is none for it.
        let mut elsewhere = Recorded::of(policies, name);
        for input in &mut elsewhere.inputs {
            input.previous = TxOut {
                value: input.previous.value - Amount::ONE_SAT,
                ..input.previous.clone()
            };
        }
        let taken = elsewhere.take(&intake(&good));
        assert_eq!(taken.count(), 0, "{name}");
        assert!(
            taken
                .refused
                .iter()
                .all(|bad| bad.reason == BadReason::Wrong),
            "{name}"
        );

        // SIGHASH_NONE said of the same signature.
        let mut none = good.clone();
        for input in &mut none.inputs {
            for signature in input.partial_sigs.values_mut() {
                signature.sighash_type = EcdsaSighashType::None;
            }
            for signature in input.tap_script_sigs.values_mut() {
                signature.sighash_type = TapSighashType::None;
            }
        }
        let taken = recorded.take(&intake(&none));
        assert_eq!(taken.count(), 0, "{name}");
        let sighash =
            |bad: &policies::psbt::BadSignature| matches!(bad.reason, BadReason::Sighash { .. });
        assert!(
            !taken.refused.is_empty() && taken.refused.iter().all(sighash),
            "{name}"
        );

        // One bit of one signature.
        let mut flipped = good;
        let input = &mut flipped.inputs[0];
        for signature in input.partial_sigs.values_mut() {
            let mut compact = signature.signature.serialize_compact();
            compact[40] ^= 1;
            signature.signature =
                bitcoin::secp256k1::ecdsa::Signature::from_compact(&compact).expect("is in range");
        }
        for signature in input.tap_script_sigs.values_mut() {
            let mut bytes = signature.signature.serialize();
            bytes[40] ^= 1;
            signature.signature =
                bitcoin::secp256k1::schnorr::Signature::from_slice(&bytes).expect("has its length");
        }
        let taken = recorded.take(&intake(&flipped));
        assert_eq!(taken.missing, [0], "{name}");
        assert_eq!(taken.refused.len(), 1, "{name}");
    }
}
