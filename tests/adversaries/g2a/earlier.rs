//! Earlier attempts that are none: unsigned, a stranger's, or such as could be mined beside the new one.

use bitcoin::absolute::LockTime;
use bitcoin::secp256k1::{Message, Secp256k1, SecretKey};
use bitcoin::sighash::{EcdsaSighashType, SighashCache};
use bitcoin::{
    Amount, CompressedPublicKey, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Witness, ecdsa,
    transaction,
};
use coordinator::roles::extractor::extract;
use coordinator::roles::finalizer::finalize;
use coordinator::roles::issued::offer_again;
use coordinator::session::collection::Collection;
use miniscript::psbt::PsbtExt as _;
use policies::IntentKind;
use policies::psbt::{AttemptPurpose, read_intake};

use super::super::attempt::{Attempt, Plan, build, build_sweep};
use super::super::vault::{OLDER, Vault, master, seed};
use super::past::with_fundings;
use super::stage::{Attack, DAY, Signer, Stage, attack, pay};
use crate::Failure;

pub(super) const ATTACKS: &[Attack] = &[
    attack(
        "an earlier attempt that lacks signatures",
        "EARLIER_NOT_SIGNED",
        not_signed,
    ),
    attack(
        "a stranger's transaction as an earlier attempt",
        "EARLIER_NOT_REPLACED",
        strangers,
    ),
    attack(
        "an earlier attempt that could be mined beside",
        "EARLIER_NOT_REPLACED",
        mined_beside,
    ),
    attack(
        "an earlier attempt that could be dead",
        "EARLIER_NOT_REPLACED",
        dead,
    ),
    attack(
        "a recovery as an earlier attempt",
        "EARLIER_NOT_SIGNED",
        recovery,
    ),
    attack("a sweep that grew", "INTENT_EXPIRED", sweep_that_grew),
];

/// The withdrawal that everything here is about.
fn plan(vault: &Vault, coins: &[usize]) -> Plan {
    pay(vault, "w-1", 21, 20_000_000, coins)
}

/// The same again with a higher fee, long after everything has expired; nobody approves it again.
fn bump(vault: &Vault) -> Plan {
    let mut plan = plan(vault, &[0]);
    plan.fee += Amount::from_sat(2_000);
    plan.asked[0].approved_by.clear();
    plan
}

fn later_signer(vault: &Vault) -> Signer<'_> {
    let mut alice = Signer::new(vault, "alice");
    alice.now = vault.now.saturating_add(2 * DAY);
    alice
}

fn show(attempt: &mut Attempt, earlier: &Transaction) {
    attempt.manifest.purpose = AttemptPurpose::Bump;
    let txid = earlier.compute_txid();
    attempt.manifest.earlier.insert(txid, earlier.clone());
}

/// The final transaction of an attempt, signed by alice and bob and finalized by the coordinator.
fn fully_signed(
    stage: &mut Stage<'_>,
    vault: &Vault,
    attempt: &Attempt,
) -> Result<Transaction, Failure> {
    let (descriptor, signers) = (&vault.policy.descriptor, &vault.policy.signers);
    let mut collection = Collection::begin(attempt.issued.clone(), descriptor, signers);
    for who in ["alice", "bob"] {
        let signed = stage.signs(&mut Signer::new(vault, who), attempt)?;
        let intake = read_intake(&signed.psbt.serialize())?;
        collection = collection.take(&intake)?.collection;
    }
    let offered: Vec<_> = collection
        .signatures()
        .iter()
        .map(|signature| offer_again(&signature))
        .collect();
    let finalized = finalize(&attempt.issued, offered)?;
    Ok(extract(&attempt.issued, &finalized)?)
}

/// With the genuine earlier attempt, the same again is signed.
fn genuine(stage: &mut Stage<'_>, vault: &Vault) -> Result<Transaction, Failure> {
    let first = fully_signed(stage, vault, &build(vault, &plan(vault, &[0])))?;
    let mut again = build(vault, &bump(vault));
    show(&mut again, &first);
    stage.signs(&mut later_signer(vault), &again)?;
    Ok(first)
}

fn not_signed(stage: &mut Stage<'_>) -> Result<(), Failure> {
    let vault = stage.vault;
    let first = genuine(stage, vault)?;
    let mut unsigned = first.clone();
    unsigned.input[0].witness = Witness::from_slice(&[[7; 64]]);
    // Signed for another amount to its last output.
    let mut moved = first;
    if let Some(output) = moved.output.last_mut() {
        output.value -= Amount::ONE_SAT;
    }
    for lie in [unsigned, moved] {
        let mut again = build(vault, &bump(vault));
        show(&mut again, &lie);
        stage.refuses(&mut later_signer(vault), &again)?;
    }
    Ok(())
}

/// A transaction of a stranger, well signed, that spends what our deposit spends and pays what we would.
fn strangers_transaction(vault: &Vault, pays: &TxOut) -> Result<Transaction, Failure> {
    let secp = Secp256k1::new();
    let secret = SecretKey::from_slice(&seed("an outsider"))?;
    let public = CompressedPublicKey(secret.public_key(&secp));
    let spent = TxOut {
        value: Amount::from_sat(200_000_000),
        script_pubkey: ScriptBuf::new_p2wpkh(&public.wpubkey_hash()),
    };
    let mut transaction = Transaction {
        version: transaction::Version::TWO,
        lock_time: LockTime::ZERO,
        input: vec![TxIn {
            previous_output: vault.coins[0].funding.input[0].previous_output,
            script_sig: ScriptBuf::new(),
            sequence: Sequence::ENABLE_RBF_NO_LOCKTIME,
            witness: Witness::new(),
        }],
        output: vec![pays.clone()],
    };
    let kind = EcdsaSighashType::All;
    let sighash = SighashCache::new(&transaction).p2wpkh_signature_hash(
        0,
        &spent.script_pubkey,
        spent.value,
        kind,
    )?;
    let signature = ecdsa::Signature {
        signature: secp.sign_ecdsa(&Message::from(sighash), &secret),
        sighash_type: kind,
    };
    transaction.input[0].witness = Witness::p2wpkh(&signature, &public.0);
    Ok(transaction)
}

fn strangers(stage: &mut Stage<'_>) -> Result<(), Failure> {
    let vault = stage.vault;
    genuine(stage, vault)?;
    let pays = bump(vault).asked[0].output();
    let transaction = strangers_transaction(vault, &pays)?;
    // Our deposit is carried as an ancestor: the stranger's transaction does exclude it.
    let mut again = with_fundings(vault, &bump(vault));
    show(&mut again, &transaction);
    stage.refuses(&mut later_signer(vault), &again)
}

fn mined_beside(stage: &mut Stage<'_>) -> Result<(), Failure> {
    let vault = stage.vault;
    genuine(stage, vault)?;
    let beside = fully_signed(stage, vault, &build(vault, &plan(vault, &[1])))?;
    let mut again = build(vault, &bump(vault));
    show(&mut again, &beside);
    stage.refuses(&mut later_signer(vault), &again)
}

/// The earlier attempt spent two coins, of which a cancellation may have spent the other one.
fn dead(stage: &mut Stage<'_>) -> Result<(), Failure> {
    let vault = stage.vault;
    let both = fully_signed(stage, vault, &build(vault, &plan(vault, &[0, 1])))?;
    let mut again = build(vault, &bump(vault));
    show(&mut again, &both);
    stage.refuses(&mut later_signer(vault), &again)?;
    // With both coins in its place, it grants nothing new.
    let mut wholly = plan(vault, &[0, 1]);
    wholly.fee += Amount::from_sat(2_000);
    wholly.asked[0].approved_by.clear();
    let mut again = build(vault, &wholly);
    show(&mut again, &both);
    stage.signs(&mut later_signer(vault), &again).map(|_| ())
}

/// All of some coins to one payee, for whatever they come to.
fn sweep(vault: &Vault, coins: &[usize], fee: u64) -> Plan {
    let mut plan = pay(vault, "w-1", 21, 100_000_000, coins);
    plan.asked[0].intent.kind = IntentKind::Sweep;
    plan.asked[0].intent.min = Amount::ONE_SAT;
    plan.fee = Amount::from_sat(fee);
    plan
}

fn sweep_that_grew(stage: &mut Stage<'_>) -> Result<(), Failure> {
    let vault = stage.vault;
    // The first leaves a part of its coin to the miners, as much as it may.
    let first = build_sweep(vault, &sweep(vault, &[0], 20_000));
    let first = fully_signed(stage, vault, &first)?;
    for (fee, honest) in [(25_000, true), (5_000, false)] {
        let mut plan = sweep(vault, &[0], fee);
        plan.asked[0].approved_by.clear();
        let mut again = build_sweep(vault, &plan);
        show(&mut again, &first);
        if honest {
            stage.signs(&mut later_signer(vault), &again)?;
        } else {
            stage.refuses(&mut later_signer(vault), &again)?;
        }
    }
    Ok(())
}

/// A recovery that the ordinary quorum signed, before its path opened, grants no payment to its destination.
fn recovery(stage: &mut Stage<'_>) -> Result<(), Failure> {
    let vault = stage.vault;
    let first = genuine(stage, vault)?;
    let mut signed = build(vault, &plan(vault, &[0]));
    for txin in &mut signed.psbt.unsigned_tx.input {
        txin.sequence = Sequence::from_height(OLDER);
    }
    let mut again = build(vault, &bump(vault));
    show(&mut again, &signed_by_quorum(&signed)?);
    stage.refuses(&mut later_signer(vault), &again)?;
    // Its honest twin is the genuine one.
    let mut again = build(vault, &bump(vault));
    show(&mut again, &first);
    stage.signs(&mut later_signer(vault), &again)?;
    Ok(())
}

/// What alice's and bob's keys make of a transaction that no signer of ours would sign.
fn signed_by_quorum(attempt: &Attempt) -> Result<Transaction, Failure> {
    let secp = Secp256k1::new();
    let mut psbt = attempt.psbt.clone();
    for who in ["alice", "bob"] {
        psbt.sign(&master(who), &secp)
            .map_err(|(_, errors)| Failure::new(format!("{errors:?}")))?;
    }
    psbt.finalize_mut(&secp)
        .map_err(|errors| Failure::new(format!("{errors:?}")))?;
    Ok(psbt.extract(&secp)?)
}
