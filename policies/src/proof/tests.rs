//! Proofs of both kinds of vault, and what money could fear of them.

use std::collections::BTreeSet;

use bitcoin::consensus::serialize;
use bitcoin::psbt::{Psbt, PsbtSighashType};
use bitcoin::script::Builder;
use bitcoin::sighash::{EcdsaSighashType, TapSighashType};
use bitcoin::{Amount, Network, OutPoint, ScriptBuf, Transaction, TxOut, Txid, Witness};
use proptest::prelude::*;

use super::{
    Challenge, ChallengeError, Day, DayError, Full, FullError, Place, Proof, Proven, verify_full,
};
use crate::descriptor::{MAX_INDEX, samples};
use crate::document::samples::policy;
use crate::psbt::{Intake, Issued, read_intake, take_signatures};
use crate::witness::{AllowedPaths, WitnessChecker};
use crate::{Keychain, Policy, ScriptKind, UnixTime};

const KINDS: [ScriptKind; 2] = [ScriptKind::Wsh, ScriptKind::Tr];
const FIRST: Place = Place {
    keychain: Keychain::External,
    index: 0,
};

fn day() -> Day {
    "2026-11-27".parse().expect("a day")
}

fn challenge() -> Challenge {
    "audit 7; show me".parse().expect("a challenge")
}

fn proof(policy: &Policy) -> Proof<'_> {
    Proof::of(policy, FIRST, day(), Some(challenge())).expect("an address")
}

/// The PSBT as a device of this name gives it back.
fn signed(proof: &Proof<'_>, name: &str, sighash: Option<PsbtSighashType>) -> Psbt {
    let mut psbt = proof.psbt();
    psbt.inputs[0].sighash_type = sighash;
    let master = samples::xpriv(name, Network::Regtest);
    psbt.sign(&master, &samples::secp()).expect("signs");
    psbt
}

fn intake(psbt: &Psbt) -> Intake {
    read_intake(&psbt.serialize()).expect("reads")
}

fn proven(proof: &Proof<'_>, names: &[&str]) -> Proven {
    let answers: Vec<Intake> = names
        .iter()
        .map(|name| intake(&signed(proof, name, None)))
        .collect();
    proof.take(&answers).expect("of the proof")
}

fn whole(proof: &Proof<'_>, names: &[&str]) -> Option<Full> {
    proof.full(&proven(proof, names).signatures)
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(ToString::to_string).collect()
}

#[test]
fn the_message_names_vault_version_address_day_and_challenge_in_one_line() {
    let policy = policy(ScriptKind::Wsh);
    let proof = proof(&policy);
    let (vault, id) = (policy.vault, policy.id);
    let address = proof.address();
    let expected = format!(
        "Countersign drill, moves no money; vault {vault}; policy version 1 {id}; \
         external address 0 {address}; 2026-11-27; challenge: audit 7; show me"
    );
    assert_eq!(proof.message(), expected);
    assert!(expected.bytes().all(|byte| (0x20..0x7f).contains(&byte)));
}

#[test]
fn everything_in_a_message_changes_what_is_signed() {
    let wsh = policy(ScriptKind::Wsh);
    let tr = policy(ScriptKind::Tr);
    let of = |policy: &Policy, keychain, index, day: &str, challenge: Option<&str>| -> Txid {
        let challenge = challenge.map(|text| text.parse().expect("a challenge"));
        let place = Place { keychain, index };
        Proof::of(policy, place, day.parse().expect("a day"), challenge)
            .expect("an address")
            .txid()
    };
    let ids = [
        of(&wsh, Keychain::External, 0, "2026-11-27", None),
        of(&tr, Keychain::External, 0, "2026-11-27", None),
        of(&wsh, Keychain::Internal, 0, "2026-11-27", None),
        of(&wsh, Keychain::External, 1, "2026-11-27", None),
        of(&wsh, Keychain::External, 0, "2026-11-28", None),
        of(&wsh, Keychain::External, 0, "2026-11-27", Some("a")),
        of(&wsh, Keychain::External, 0, "2026-11-27", Some("b")),
    ];
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
}

/// The height as a block's coinbase must begin with it (BIP 34, as nodes check it).
fn height_push(height: u32) -> ScriptBuf {
    Builder::new().push_int(i64::from(height)).into_script()
}

#[test]
fn what_is_spent_can_stand_in_no_block() {
    for kind in KINDS {
        let policy = policy(kind);
        let proof = proof(&policy);
        let psbt = proof.psbt();
        let spent = super::to_spend(&proof.script().script_pubkey, proof.message());
        if let Some(shown) = &psbt.inputs[0].non_witness_utxo {
            assert_eq!(*shown, spent);
        }
        // A null outpoint alone: to a node it is a coinbase, which no pool takes and no block has beside its own.
        assert!(spent.is_coinbase());
        // Nor can it be a block's own: that begins with the block's height.
        let script = &spent.input[0].script_sig;
        assert_eq!(script.as_bytes()[0], 0);
        let heights = (1..70_000).chain([0x7f_ffff, 0x80_0000, 0x00ff_ffff, 500_000_000]);
        for height in heights {
            let push = height_push(height);
            assert!(
                !script.as_bytes().starts_with(push.as_bytes()),
                "height {height}"
            );
        }
        // And had it one, there would be nothing in it.
        let all: Amount = spent.output.iter().map(|output| output.value).sum();
        assert_eq!(all, Amount::ZERO);
    }
}

#[test]
fn what_is_signed_spends_nothing_else_and_pays_nothing() {
    for kind in KINDS {
        let policy = policy(kind);
        let proof = proof(&policy);
        let spent = super::to_spend(&proof.script().script_pubkey, proof.message());
        let Transaction { input, output, .. } = &proof.psbt().unsigned_tx;
        assert_eq!(input.len(), 1);
        assert_eq!(
            input[0].previous_output,
            OutPoint::new(spent.compute_txid(), 0)
        );
        assert_eq!(output.len(), 1);
        assert_eq!(output[0].value, Amount::ZERO);
        assert!(output[0].script_pubkey.is_op_return());
    }
}

/// The signatures of a whole proof over a coin that the address really has: none of them holds there.
#[test]
fn no_signature_of_a_proof_spends_a_coin_of_the_address() {
    for kind in KINDS {
        let policy = policy(kind);
        let proof = proof(&policy);
        let answers = ["alice", "bob"].map(|name| signed(&proof, name, None));
        let full = whole(&proof, &["alice", "bob"]).expect("a quorum");
        let coin = TxOut {
            value: Amount::from_sat(1_000_000),
            script_pubkey: proof.script().script_pubkey.clone(),
        };
        let thief = TxOut {
            value: Amount::from_sat(990_000),
            script_pubkey: ScriptBuf::new_op_return([0; 20]),
        };
        let mut theft = proof.to_sign().clone();
        theft.input[0].previous_output = OutPoint::new("07".repeat(32).parse().expect("a txid"), 0);
        // The value alone, the outpoint alone, and all of it.
        let nothing = proof.to_sign().output[0].clone();
        let free = TxOut {
            value: Amount::ZERO,
            ..coin.clone()
        };
        for (outpoint, prevout, output) in [
            (proof.to_sign().input[0].previous_output, &coin, &nothing),
            (theft.input[0].previous_output, &free, &nothing),
            (theft.input[0].previous_output, &coin, &thief),
        ] {
            let mut spend = theft.clone();
            spend.input[0].previous_output = outpoint;
            spend.output = vec![output.clone()];
            let issued = Issued {
                transaction: &spend,
                previous_outputs: std::slice::from_ref(prevout),
                scripts: std::slice::from_ref(proof.script()),
            };
            for answer in &answers {
                let mut answer = intake(answer);
                answer.txid = spend.compute_txid();
                let taken = take_signatures(&issued, &answer).expect("says it is that");
                assert!(taken.iter().all(Result::is_err), "{kind}");
            }
            let witness: &Witness = &full.transaction().input[0].witness;
            let prevouts = [prevout.clone()];
            let mut checker = WitnessChecker::new(&spend, &prevouts, AllowedPaths::WithRecovery);
            assert!(checker.check(0, witness).is_err(), "{kind}");
        }
    }
}

#[test]
fn each_signer_is_proven_alone_and_a_quorum_proves_the_address() {
    for kind in KINDS {
        let policy = policy(kind);
        let proof = proof(&policy);
        for name in samples::NAMES {
            let alone = proven(&proof, &[name]);
            assert_eq!(alone.signers, names(&[name]), "{kind}");
            assert!(alone.refused.is_empty());
            assert_eq!(proof.full(&alone.signatures), None);
        }
        let alice = names(&["alice"]);
        let missing = [names(&["bob"]), names(&["machine"])];
        assert_eq!(proof.missing(&alice), missing);
        assert_eq!(proof.missing(&BTreeSet::new()).len(), 3);
        for quorum in [["alice", "bob"], ["machine", "alice"], ["bob", "machine"]] {
            let full = whole(&proof, &quorum).expect("a quorum");
            assert!(proof.missing(&names(&quorum)).is_empty());
            let text = full.to_string();
            let script = &proof.script().script_pubkey;
            let read = verify_full(script, proof.message(), &text).expect("holds");
            assert_eq!(read, full);
            // Who signed is seen in the whole proof too.
            let bytes = serialize(full.transaction());
            let seen = proof.take(&[read_intake(&bytes).expect("reads")]);
            assert_eq!(seen.expect("is the proof's").signers, names(&quorum));
        }
        // The key of recovery is no ordinary quorum, however many sign with it.
        assert_eq!(whole(&proof, &["vault-key"]), None);
        assert!(whole(&proof, &["vault-key", "alice", "bob"]).is_some());
    }
}

#[test]
fn a_signature_over_part_or_for_something_else_proves_nobody() {
    for kind in KINDS {
        let policy = policy(kind);
        let proof = proof(&policy);
        let types: [PsbtSighashType; 3] = match kind {
            ScriptKind::Tr => [
                TapSighashType::None.into(),
                TapSighashType::Single.into(),
                TapSighashType::AllPlusAnyoneCanPay.into(),
            ],
            ScriptKind::Wsh | ScriptKind::Wpkh => [
                EcdsaSighashType::None.into(),
                EcdsaSighashType::Single.into(),
                EcdsaSighashType::AllPlusAnyoneCanPay.into(),
            ],
        };
        for sighash in types {
            let answer = intake(&signed(&proof, "alice", Some(sighash)));
            let taken = proof.take(&[answer]).expect("of the proof");
            assert!(taken.signers.is_empty(), "{kind}");
            let codes: Vec<_> = taken.refused.iter().map(|bad| bad.reason.code()).collect();
            assert!(!codes.is_empty());
            assert!(codes.iter().all(|code| *code == "SIGNATURE_SIGHASH"));
        }
        // Of yesterday's message, under today's transaction.
        let yesterday = "2026-11-26".parse().expect("a day");
        let old = Proof::of(&policy, FIRST, yesterday, Some(challenge())).expect("an address");
        let answer = intake(&signed(&old, "alice", None));
        assert!(proof.take(std::slice::from_ref(&answer)).is_err());
        let claimed = Intake {
            txid: proof.txid(),
            ..answer
        };
        let taken = proof.take(&[claimed]).expect("says it is that");
        assert!(taken.signers.is_empty());
        assert_eq!(taken.refused[0].reason.code(), "SIGNATURE_WRONG");
    }
}

#[test]
fn a_signature_in_anothers_place_proves_neither() {
    let policy = policy(ScriptKind::Wsh);
    let proof = proof(&policy);
    let mut alice = signed(&proof, "alice", None);
    let bob = signed(&proof, "bob", None);
    let (place, _) = alice.inputs[0].partial_sigs.pop_first().expect("signed");
    let (_, stolen) = bob.inputs[0]
        .partial_sigs
        .first_key_value()
        .expect("signed");
    alice.inputs[0].partial_sigs.insert(place, *stolen);
    let taken = proof.take(&[intake(&alice)]).expect("of the proof");
    assert!(taken.signers.is_empty());
    assert_eq!(taken.refused[0].reason.code(), "SIGNATURE_WRONG");
}

#[test]
fn a_whole_proof_holds_for_its_own_address_and_message_only() {
    let wsh = policy(ScriptKind::Wsh);
    let proof = proof(&wsh);
    let full = whole(&proof, &["alice", "bob"]).expect("a quorum");
    let (script, message) = (&proof.script().script_pubkey, proof.message());
    let code = |script: &ScriptBuf, message: &str, text: &str| {
        let refused = verify_full(script, message, text).expect_err("does not hold");
        refused.code()
    };
    let text = full.to_string();
    assert_eq!(code(script, "other", &text), "PROOF_OTHER_MESSAGE");
    let other = wsh.descriptor.script_pubkey(Keychain::External, 1);
    assert_eq!(code(&other, message, &text), "PROOF_OTHER_MESSAGE");
    assert_eq!(code(script, message, "pofAA=="), "PROOF_OF_FUNDS");
    assert_eq!(code(script, message, "ful!"), "PROOF_UNREADABLE");
    assert_eq!(code(script, message, "fulAAAA"), "PROOF_UNREADABLE");
    assert_eq!(code(script, message, "smpAA=="), "PROOF_WRONG");
    let long = "A".repeat(super::full::MAX + 1);
    assert_eq!(code(script, message, &long), "PROOF_TOO_LONG");
    // With one signature twice in place of two.
    let mut one = full.transaction().clone();
    let mut stack = one.input[0].witness.to_vec();
    if let [.., first, second, _] = &mut stack[..] {
        second.clone_from(first);
    }
    one.input[0].witness = Witness::from_slice(&stack);
    let text = Full { transaction: one }.to_string();
    assert_eq!(code(script, message, &text), "PROOF_WRONG");
    // With another output the transaction is another.
    let mut paying = full.transaction().clone();
    paying.output[0].value = Amount::from_sat(1);
    let text = Full {
        transaction: paying,
    }
    .to_string();
    assert!(matches!(
        verify_full(script, message, &text),
        Err(FullError::Other { .. })
    ));
}

#[test]
fn devices_get_what_they_get_of_a_transfer_and_the_message() {
    for kind in KINDS {
        let policy = policy(kind);
        let proof = proof(&policy);
        let psbt = Psbt::deserialize(&proof.psbt().serialize()).expect("a PSBT");
        assert_eq!(psbt.xpub.len(), 4);
        let input = &psbt.inputs[0];
        assert_eq!(input.witness_utxo.as_ref(), Some(proof.previous_output()));
        assert_eq!(input.sighash_type, None);
        match kind {
            ScriptKind::Tr => {
                assert!(input.tap_internal_key.is_some() && input.tap_merkle_root.is_some());
                assert!(!input.tap_scripts.is_empty() && input.tap_key_origins.len() >= 4);
                assert_eq!(input.non_witness_utxo, None);
            }
            ScriptKind::Wsh | ScriptKind::Wpkh => {
                assert_eq!(input.bip32_derivation.len(), 4);
                assert!(input.witness_script.is_some() && input.non_witness_utxo.is_some());
            }
        }
        let shown: Vec<_> = psbt.unknown.values().collect();
        assert_eq!(shown, [proof.message().as_bytes()]);
    }
}

#[test]
fn an_index_beyond_the_last_is_refused() {
    let policy = policy(ScriptKind::Wsh);
    let at = |index| {
        let place = Place { index, ..FIRST };
        Proof::of(&policy, place, day(), None).map(drop)
    };
    assert_eq!(at(MAX_INDEX), Ok(()));
    assert_eq!(
        at(MAX_INDEX + 1).map_err(|one| one.index),
        Err(MAX_INDEX + 1)
    );
}

#[test]
fn a_challenge_is_short_and_shows_all_of_itself() {
    let read = |text: &str| text.parse::<Challenge>().map(|one| one.to_string());
    assert_eq!(read("a b"), Ok("a b".to_owned()));
    assert_eq!(read(&"x".repeat(200)), Ok("x".repeat(200)));
    assert_eq!(read(""), Err(ChallengeError::Length { found: 0 }));
    let long = "x".repeat(201);
    assert_eq!(read(&long), Err(ChallengeError::Length { found: 201 }));
    for hidden in ["a\nb", "a\tb", "a\u{202e}", "a\u{e9}b", "a\u{7f}"] {
        assert_eq!(
            read(hidden),
            Err(ChallengeError::Character { position: 2 }),
            "{hidden:?}"
        );
    }
    assert_eq!(read(" a"), Err(ChallengeError::Space));
    assert_eq!(read("a "), Err(ChallengeError::Space));
}

#[test]
fn a_day_has_one_text() {
    let midnight = UnixTime::from_secs(1_795_737_600);
    assert_eq!(Day::of(midnight).to_string(), "2026-11-27");
    assert_eq!(
        Day::of(midnight.saturating_sub(1)).to_string(),
        "2026-11-26"
    );
    assert_eq!(day().begins(), midnight);
    assert_eq!(
        Day::of(UnixTime::from_secs(u64::MAX)).to_string(),
        "9999-12-31"
    );
    for text in [
        "",
        "today",
        "27.11.2026",
        "2026-11-31",
        "2026-1-1",
        "2026-11-27 ",
    ] {
        assert_eq!(text.parse::<Day>(), Err(DayError), "{text}");
    }
    let earlier: Day = "2026-10-27".parse().expect("a day");
    assert_eq!(
        (day().days_since(earlier), earlier.days_since(day())),
        (31, 0)
    );
}

proptest! {
    #[test]
    fn every_day_reads_back(secs in 0..253_402_300_800_u64) {
        let day = Day::of(UnixTime::from_secs(secs));
        prop_assert_eq!(day.to_string().parse::<Day>(), Ok(day));
    }

    #[test]
    fn no_text_is_a_proof_or_a_panic(text in "(ful|smp|pof|)[A-Za-z0-9+/]{0,80}={0,2}") {
        let script = ScriptBuf::new_p2wpkh(&bitcoin::hashes::Hash::all_zeros());
        prop_assert!(verify_full(&script, "message", &text).is_err());
    }
}
