//! A coordinator that lies. Each lie is told to the real signer with an otherwise genuine PSBT; it is
//! refused by name, nothing is signed, and the journal does not remember it.

use bitcoin::hashes::Hash as _;
use bitcoin::psbt::PsbtSighashType;
use bitcoin::{Amount, EcdsaSighashType, Psbt, ScriptBuf, TxOut, WPubkeyHash};
use harness::{AUTOMATIC_MAX_SAT, Engine, Failure, Outcome, Purse, ScriptKind, Treasury, now};
use policies::intent::SecretKey;
use policies::psbt::Manifest;
use policies::{Intent, RequestSignature};

/// A genuine attempt, and how to lie about it.
struct Genuine<'world> {
    treasury: &'world Treasury,
    psbt: Psbt,
    manifest: Manifest,
    payment: usize,
    change: usize,
}

impl Genuine<'_> {
    /// The PSBT with a lie in its transaction or fields.
    fn with(&self, lie: impl FnOnce(&mut Psbt)) -> Vec<u8> {
        let mut psbt = self.psbt.clone();
        lie(&mut psbt);
        psbt.serialize()
    }

    /// The PSBT with a lie in what travels with it.
    fn with_manifest(&self, lie: impl FnOnce(&mut Manifest)) -> Vec<u8> {
        let mut manifest = self.manifest.clone();
        lie(&mut manifest);
        self.with(|psbt| manifest.write_into(psbt))
    }

    /// The real signer refuses with `code`, signs nothing and remembers nothing.
    #[track_caller]
    fn is_refused(&self, lie: &[u8], code: &str) -> Outcome {
        let alice = &self.treasury.people.alice;
        let before = alice.journal()?;
        let said = alice.sign(lie)?.refused(code)?;
        assert!(said.stdout.is_empty(), "it gave out: {}", said.text());
        alice.review(lie)?.refused(code)?;
        assert_eq!(alice.journal()?, before, "the journal remembers {code}");
        Ok(())
    }
}

fn thief() -> ScriptBuf {
    ScriptBuf::new_p2wpkh(&WPubkeyHash::hash(b"thief"))
}

fn with_genuine(kind: ScriptKind, lies: impl FnOnce(&Genuine<'_>) -> Outcome) -> Outcome {
    let treasury = Treasury::start(kind, Engine::Sqlite)?;
    treasury.deposit(Amount::ONE_BTC)?;
    let amount = Amount::from_sat(AUTOMATIC_MAX_SAT + 1);
    let intent = treasury.withdraw("w-1", &Purse::stranger(1), amount)?;
    treasury.approve(&[&intent])?;
    let txid = treasury.batch()?;
    let psbt = Psbt::deserialize(&treasury.psbt(txid)?)?;
    let manifest = Manifest::read(&psbt)?;
    let position = |outputs: Option<&u32>| -> Result<usize, Failure> {
        let output = outputs.ok_or_else(|| Failure::new("no such output in the manifest"))?;
        Ok(usize::try_from(*output)?)
    };
    let genuine = Genuine {
        treasury: &treasury,
        payment: position(manifest.payments.keys().next())?,
        change: position(manifest.changes.keys().next())?,
        psbt,
        manifest,
    };
    lies(&genuine)?;
    // After all these lies the truth is still signed, and settles.
    treasury.countersign(&treasury.people.alice, txid)?;
    treasury.countersign(&treasury.people.bob, txid)?;
    treasury.settle(txid, &["w-1"])?;
    treasury.reconcile()?;
    Ok(())
}

/// 1. An approved withdrawal is in an issued attempt.
/// 2. Each output is swapped, raised, lowered, or joined by another; fees are taken.
/// 3. Alice's own signer refuses each by name.
/// 4. She signs the genuine attempt, and it settles.
fn lies_about_outputs_are_refused(kind: ScriptKind) -> Outcome {
    with_genuine(kind, |genuine| {
        let (payment, change) = (genuine.payment, genuine.change);
        let one = Amount::ONE_SAT;
        genuine.is_refused(
            &genuine.with(|psbt| psbt.unsigned_tx.output[payment].script_pubkey = thief()),
            "PAYMENT_SCRIPT",
        )?;
        genuine.is_refused(
            &genuine.with(|psbt| psbt.unsigned_tx.output[payment].value += one),
            "PAYMENT_AMOUNT",
        )?;
        genuine.is_refused(
            &genuine.with(|psbt| psbt.unsigned_tx.output[payment].value -= one),
            "PAYMENT_AMOUNT",
        )?;
        genuine.is_refused(
            &genuine.with(|psbt| psbt.unsigned_tx.output[change].script_pubkey = thief()),
            "CHANGE_NOT_OURS",
        )?;
        genuine.is_refused(
            &genuine.with(|psbt| {
                let stolen = Amount::from_sat(50_000);
                psbt.unsigned_tx.output[change].value -= stolen;
                psbt.unsigned_tx.output.push(TxOut {
                    value: stolen,
                    script_pubkey: thief(),
                });
                psbt.outputs.push(bitcoin::psbt::Output::default());
            }),
            "OUTPUT_MISMATCH",
        )?;
        genuine.is_refused(
            &genuine.with(|psbt| {
                psbt.unsigned_tx.output[change].value -= Amount::from_sat(600_000);
            }),
            "FEE_ABOVE_CAP",
        )?;
        genuine.is_refused(
            &genuine.with(|psbt| psbt.unsigned_tx.output[change].value += Amount::ONE_BTC),
            "OUTPUTS_EXCEED_INPUTS",
        )
    })
}

#[test]
fn lying_coordinator_is_refused_for_outputs_of_wsh() -> Outcome {
    lies_about_outputs_are_refused(ScriptKind::Wsh)
}

#[test]
fn lying_coordinator_is_refused_for_outputs_of_tr() -> Outcome {
    lies_about_outputs_are_refused(ScriptKind::Tr)
}

/// 1. An approved withdrawal is in an issued attempt.
/// 2. The manifest is forged: an intent of the coordinator's own, one without its signature or
///    approval, one signed by a stranger, another policy, a record left out.
/// 3. Alice's own signer refuses each by name.
/// 4. She signs the genuine attempt, and it settles.
#[test]
fn lying_coordinator_is_refused_for_its_manifest() -> Outcome {
    with_genuine(ScriptKind::Wsh, |genuine| {
        let (hash, bytes) = genuine
            .manifest
            .intents
            .first_key_value()
            .map(|(hash, bytes)| (*hash, bytes.clone()))
            .ok_or_else(|| Failure::new("no intent in the manifest"))?;
        // Pays the thief with an intent that nobody signed.
        let mut invented = Intent::decode(&bytes)?;
        invented.script_pubkey = thief();
        invented.created = now();
        let forged = |signature: Option<RequestSignature>| {
            let mut psbt = genuine.psbt.clone();
            psbt.unsigned_tx.output[genuine.payment].script_pubkey = thief();
            let mut manifest = genuine.manifest.clone();
            manifest.intents = [(invented.hash(), invented.encode())].into();
            let output = u32::try_from(genuine.payment).unwrap_or(u32::MAX);
            manifest.payments = [(output, invented.hash())].into();
            manifest.request_signatures.clear();
            manifest.approvals.clear();
            manifest.proofs.clear();
            if let Some(signature) = signature {
                manifest.add_request_signature(invented.hash(), &signature);
            }
            manifest.write_into(&mut psbt);
            psbt.serialize()
        };
        let vault = genuine.treasury.people.policy.vault;
        let sign = |key: &SecretKey, hash| RequestSignature::sign(key, vault, hash);
        let stranger = sign(&SecretKey::from_bytes(&[9; 32]), invented.hash());
        genuine.is_refused(&forged(None), "REQUEST_UNSIGNED")?;
        genuine.is_refused(&forged(Some(stranger)), "REQUEST_FOREIGN")?;
        let genuine_of_another = sign(&harness::requester_key(), hash);
        genuine.is_refused(&forged(Some(genuine_of_another)), "REQUEST_WRONG")?;
        // Even the requester's own signature does not approve.
        let unapproved = sign(&harness::requester_key(), invented.hash());
        genuine.is_refused(&forged(Some(unapproved)), "TOO_FEW_APPROVALS")?;

        genuine.is_refused(
            &genuine.with_manifest(|manifest| {
                manifest.approvals.clear();
                manifest.proofs.clear();
            }),
            "TOO_FEW_APPROVALS",
        )?;
        genuine.is_refused(
            &genuine.with_manifest(|manifest| manifest.request_signatures.clear()),
            "REQUEST_UNSIGNED",
        )?;
        genuine.is_refused(
            &genuine.with_manifest(|manifest| manifest.payments.clear()),
            "OUTPUT_MISMATCH",
        )?;
        genuine.is_refused(
            &genuine.with_manifest(|manifest| manifest.changes.clear()),
            "OUTPUT_MISMATCH",
        )?;
        genuine.is_refused(
            &genuine.with_manifest(|manifest| {
                manifest.policy = policies::PolicyId::from_bytes([7; 32]);
            }),
            "WRONG_POLICY",
        )?;
        genuine.is_refused(&genuine.with(Manifest::strip), "MANIFEST")
    })
}

/// 1. An approved withdrawal is in an issued attempt.
/// 2. The PSBT asks for another kind of signature, hides an amount, changes version, sequence or
///    locktime, spends a coin of somebody else, or is broken as a file.
/// 3. Alice's own signer refuses each by name.
/// 4. She signs the genuine attempt, and it settles.
#[test]
fn lying_coordinator_is_refused_for_the_shape_of_its_psbt() -> Outcome {
    with_genuine(ScriptKind::Wsh, |genuine| {
        use bitcoin::absolute::LockTime;
        use bitcoin::transaction::Version;
        use bitcoin::{OutPoint, Sequence, Txid};
        let none = PsbtSighashType::from(EcdsaSighashType::None);
        let single = PsbtSighashType::from(EcdsaSighashType::SinglePlusAnyoneCanPay);
        for kind in [none, single] {
            genuine.is_refused(
                &genuine.with(|psbt| psbt.inputs[0].sighash_type = Some(kind)),
                "SIGHASH",
            )?;
        }
        genuine.is_refused(
            &genuine.with(|psbt| psbt.inputs[0].non_witness_utxo = None),
            "PREVIOUS_TRANSACTION_MISSING",
        )?;
        genuine.is_refused(
            &genuine.with(|psbt| {
                if let Some(output) = &mut psbt.inputs[0].witness_utxo {
                    output.value += Amount::ONE_SAT;
                }
            }),
            "PREVIOUS_OUTPUT_MISMATCH",
        )?;
        genuine.is_refused(
            &genuine.with(|psbt| {
                let elsewhere = OutPoint::new(Txid::all_zeros(), 0);
                psbt.unsigned_tx.input[0].previous_output = elsewhere;
            }),
            "PREVIOUS_OUTPUT_MISMATCH",
        )?;
        genuine.is_refused(
            &genuine.with(|psbt| psbt.unsigned_tx.version = Version::ONE),
            "TRANSACTION_VERSION",
        )?;
        genuine.is_refused(
            &genuine.with(|psbt| psbt.unsigned_tx.input[0].sequence = Sequence::MAX),
            "SEQUENCE",
        )?;
        genuine.is_refused(
            &genuine
                .with(|psbt| psbt.unsigned_tx.lock_time = LockTime::from_consensus(499_999_999)),
            "LOCKTIME_BEYOND_CHAIN",
        )?;
        genuine.is_refused(
            &genuine
                .with(|psbt| psbt.unsigned_tx.lock_time = LockTime::from_consensus(1_700_000_000)),
            "LOCKTIME_IS_TIME",
        )?;
        genuine.is_refused(
            &genuine.with(|psbt| psbt.inputs[0].witness_script = Some(ScriptBuf::new())),
            "INPUT_FIELD",
        )?;
        genuine.is_refused(
            &genuine.with(|psbt| {
                let twice = psbt.unsigned_tx.input[0].clone();
                psbt.unsigned_tx.input.push(twice);
                psbt.inputs.push(psbt.inputs[0].clone());
            }),
            "INPUT_TWICE",
        )?;
        let bytes = genuine.psbt.serialize();
        genuine.is_refused(&bytes[..bytes.len() - 10], "PSBT_TRUNCATED")?;
        genuine.is_refused(&[&bytes[..], &[0]].concat(), "PSBT_TRAILING_BYTES")?;
        genuine.is_refused(&[&bytes[..], &vec![0; 5 << 20]].concat(), "PSBT_TOO_LARGE")?;
        genuine.is_refused(&[0xa5; 3000], "PSBT_NOT_A_PSBT")?;
        let alice = &genuine.treasury.people.alice;
        for said in [alice.sign(b"")?, alice.review(b"")?] {
            let said = said.ended_with(2)?;
            assert!(said.stderr.contains("EMPTY_FILE"), "{}", said.stderr);
        }
        Ok(())
    })
}
