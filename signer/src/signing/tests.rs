//! Signing against a second implementation: miniscript finalizes and its interpreter judges.

use super::*;
use bitcoin::absolute::LockTime;
use bitcoin::psbt::Psbt;
use bitcoin::transaction::Version;
use bitcoin::{Amount, Network, OutPoint, ScriptBuf, Sequence, TxIn, Txid, Witness};
use miniscript::psbt::PsbtExt;

const NUMS: &str = "50929b74c1a04954b78b4b6035e97a5e078a5a0f28ec96d547bfee9ace803ac0";

fn account(seed: u8) -> Xpriv {
    Xpriv::new_master(Network::Regtest, &[seed; 32]).expect("a seed")
}

fn xpubs(secp: &Secp256k1<All>) -> [String; 3] {
    [1, 2, 3].map(|seed| {
        let key = account(seed);
        format!(
            "[{}]{}/<0;1>/*",
            key.fingerprint(secp),
            Xpub::from_priv(secp, &key)
        )
    })
}

fn descriptor(text: &str, branch: usize, index: u32) -> Descriptor<DefiniteDescriptorKey> {
    let multipath: Descriptor<DescriptorPublicKey> = text.parse().expect("a descriptor");
    multipath.into_single_descriptors().expect("two branches")[branch]
        .at_derivation_index(index)
        .expect("an index")
}

struct World {
    secp: Secp256k1<All>,
    descriptors: Vec<Descriptor<DefiniteDescriptorKey>>,
    prevouts: Vec<TxOut>,
    transaction: Transaction,
}

/// Three coins on both keychains, spent to one output.
fn world(text: &str) -> World {
    let descriptors: Vec<_> = [(0, 0), (1, 7), (0, 9)]
        .map(|(branch, index)| descriptor(text, branch, index))
        .into();
    let prevouts: Vec<_> = descriptors
        .iter()
        .map(|descriptor| TxOut {
            value: Amount::from_sat(100_000),
            script_pubkey: descriptor.script_pubkey(),
        })
        .collect();
    let transaction = Transaction {
        version: Version::TWO,
        lock_time: LockTime::ZERO,
        input: (0..3)
            .map(|vout| TxIn {
                previous_output: OutPoint::new(Txid::from_byte_array([7; 32]), vout),
                script_sig: ScriptBuf::new(),
                sequence: Sequence::ENABLE_RBF_NO_LOCKTIME,
                witness: Witness::new(),
            })
            .collect(),
        output: vec![TxOut {
            value: Amount::from_sat(290_000),
            script_pubkey: descriptors[0].script_pubkey(),
        }],
    };
    World {
        secp: Secp256k1::new(),
        descriptors,
        prevouts,
        transaction,
    }
}

impl World {
    fn sign(&self, seed: u8) -> Result<Vec<InputSignatures>, SigningError> {
        let spending: Vec<_> = self
            .prevouts
            .iter()
            .zip(&self.descriptors)
            .map(|(prevout, descriptor)| Spending {
                prevout,
                descriptor,
            })
            .collect();
        sign(&self.transaction, &spending, &account(seed), &self.secp)
    }

    /// Combines the signatures, finalizes with miniscript and lets its interpreter judge.
    fn finalizes_with(&self, signers: &[u8]) -> bool {
        let mut psbt = Psbt::from_unsigned_tx(self.transaction.clone()).expect("unsigned");
        for (input, (prevout, descriptor)) in
            self.prevouts.iter().zip(&self.descriptors).enumerate()
        {
            psbt.inputs[input].witness_utxo = Some(prevout.clone());
            psbt.update_input_with_descriptor(input, descriptor)
                .expect("the descriptor is the script's");
        }
        for seed in signers {
            let signatures = self.sign(*seed).expect("signs");
            for (input, signatures) in psbt.inputs.iter_mut().zip(signatures) {
                input.partial_sigs.extend(signatures.ecdsa);
                input.tap_script_sigs.extend(signatures.tap_leaves);
                input.tap_key_sig = signatures.tap_key.or(input.tap_key_sig);
            }
        }
        psbt.finalize_mut(&self.secp).is_ok()
    }
}

#[test]
fn every_pairing_of_two_of_three_finalizes_in_wsh_and_tr() {
    let [a, b, c] = xpubs(&Secp256k1::new());
    for text in [
        format!("wsh(multi(2,{a},{b},{c}))"),
        format!("wsh(sortedmulti(2,{a},{b},{c}))"),
        format!("tr({NUMS},multi_a(2,{a},{b},{c}))"),
    ] {
        let world = world(&text);
        for pair in [[1, 2], [1, 3], [2, 3]] {
            assert!(world.finalizes_with(&pair), "{pair:?} of {text}");
        }
        assert!(!world.finalizes_with(&[1]), "one of {text}");
    }
}

#[test]
fn a_lone_key_and_a_taproot_key_path_finalize_alone() {
    let [a, b, _] = xpubs(&Secp256k1::new());
    assert!(world(&format!("wpkh({a})")).finalizes_with(&[1]));
    assert!(world(&format!("tr({a},pk({b}))")).finalizes_with(&[1]));
    assert!(world(&format!("tr({a},pk({b}))")).finalizes_with(&[2]));
    assert!(world(&format!("tr({a})")).finalizes_with(&[1]));
}

#[test]
fn signing_again_gives_the_same_signatures() {
    let [a, b, c] = xpubs(&Secp256k1::new());
    for text in [
        format!("wsh(multi(2,{a},{b},{c}))"),
        format!("tr({NUMS},multi_a(2,{a},{b},{c}))"),
    ] {
        let world = world(&text);
        assert_eq!(world.sign(1), world.sign(1));
    }
}

#[test]
fn a_stranger_signs_nothing() {
    let [a, b, c] = xpubs(&Secp256k1::new());
    let world = world(&format!("wsh(multi(2,{a},{b},{c}))"));
    assert_eq!(world.sign(9), Err(SigningError::NoOwnKey { input: 0 }));
}

#[test]
fn a_script_that_is_not_segwit_is_not_signed() {
    let [a, ..] = xpubs(&Secp256k1::new());
    let world = world(&format!("pkh({a})"));
    assert_eq!(
        world.sign(1),
        Err(SigningError::UnsupportedScript { input: 0 })
    );
}

#[test]
fn a_review_of_fewer_inputs_is_not_signed() {
    let [a, ..] = xpubs(&Secp256k1::new());
    let world = world(&format!("wpkh({a})"));
    let refused = sign(&world.transaction, &[], &account(1), &world.secp);
    assert!(matches!(refused, Err(SigningError::InputCount { .. })));
}
