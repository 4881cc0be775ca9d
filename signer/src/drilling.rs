//! Drills: a signer proves its key by a signature that can move no money (BIP 322).
//!
//! Pure but for the key that signs. A drill grants nothing, so that no journal has it. Invariant: what is signed is
//! a [`Proof`], made from the policy that is pinned here; of a drill's file nothing is believed but which one it
//! means, and its signatures are verified over what is made anew.

mod error;
mod file;

use crate::keystore::VaultKey;
use crate::signing::{Spending, sign};
use bitcoin::bip32::Xpub;
use bitcoin::consensus::serialize;
use bitcoin::psbt::Psbt;
use bitcoin::secp256k1::Secp256k1;
use policies::proof::{Challenge, Day, Place, Proof, Proven, verify_full};
use policies::psbt::{BadSignature, Intake, SignatureSet, places_of, read_intake};
use policies::{Policy, UnixTime};

pub use error::DrillError;
pub use file::{Claim, MAX_BYTES, Read, read, write, write_whole};

/// How many days back a drill that others began is joined.
pub const JOINED: u64 = 30;

/// What a device's answers became.
#[derive(Debug, Clone)]
pub struct Answered {
    /// What leaves: the transaction and our signatures.
    pub psbt: Psbt,
    /// Signatures of others in it, which stay where they are.
    pub others: usize,
    /// What was refused, and why.
    pub refused: Vec<BadSignature>,
}

/// What a verifier demands of every drill.
#[derive(Debug, Clone, Default)]
pub struct Demands {
    /// The first day that still counts.
    pub since: Option<Day>,
    /// The challenge that must be in it.
    pub challenge: Option<Challenge>,
}

/// The day of a drill: today, or an earlier one on which others began it.
///
/// # Errors
/// [`DrillError::DayAhead`], for who signs ahead of time proves nothing on that day; [`DrillError::DayPast`].
pub fn day(begun: Option<Day>, now: UnixTime) -> Result<Day, DrillError> {
    let today = Day::of(now);
    match begun {
        None => Ok(today),
        Some(day) if day > today => Err(DrillError::DayAhead { day, today }),
        Some(day) if today.days_since(day) > JOINED => Err(DrillError::DayPast { day, today }),
        Some(day) => Ok(day),
    }
}

/// What the holder of an account proves.
///
/// # Errors
/// [`DrillError::NoKey`] where the version has no key of that account, and [`DrillError::Index`].
pub fn ask<'a>(
    policy: &'a Policy,
    account: &Xpub,
    place: Place,
    day: Day,
    challenge: Option<Challenge>,
) -> Result<Proof<'a>, DrillError> {
    let keys = policy.descriptor.key_positions();
    if !keys.iter().any(|key| key.xpub == *account) {
        return Err(DrillError::NoKey);
    }
    Ok(Proof::of(policy, place, day, challenge)?)
}

/// Signs with a key that is here.
///
/// # Errors
/// [`DrillError::Signing`]; then nothing is signed.
pub fn sign_here(proof: &Proof<'_>, key: &VaultKey) -> Result<Psbt, DrillError> {
    let mut secp = Secp256k1::new();
    if let Ok(seed) = crate::keystore::fresh::<32>() {
        // Blinds the context against side channels; signatures stay the same.
        secp.seeded_randomize(&seed);
    }
    let spending = Spending {
        prevout: proof.previous_output(),
        descriptor: &proof.script().definite,
    };
    let signed = sign(proof.to_sign(), &[spending], key.account(), &secp)?;
    let mut psbt = bare(proof);
    for (input, signatures) in psbt.inputs.iter_mut().zip(signed) {
        input.partial_sigs = signatures.ecdsa;
        input.tap_script_sigs = signatures.tap_leaves;
        input.tap_key_sig = signatures.tap_key;
    }
    Ok(psbt)
}

/// Takes over what a device signed: the account's signatures alone, each verified.
///
/// # Errors
/// [`DrillError::OtherTransaction`]; [`DrillError::ProvesNobody`] where no signature of the account holds.
pub fn answer(
    proof: &Proof<'_>,
    account: &Xpub,
    answers: &[Intake],
) -> Result<Answered, DrillError> {
    let taken = taken(proof, answers)?;
    let places = places_of(proof.script(), account);
    let own = |one: &policies::psbt::VerifiedSignature| places.contains(&one.key());
    let ours: SignatureSet = taken.signatures.iter().filter(own).collect();
    let others = taken.signatures.len().saturating_sub(ours.len());
    let refused = taken.refused;
    if ours.is_empty() {
        return Err(DrillError::ProvesNobody { others, refused });
    }
    let mut psbt = bare(proof);
    ours.write_into(&mut psbt);
    Ok(Answered {
        psbt,
        others,
        refused,
    })
}

/// Checks a drill or a whole proof that was read: who signed it, and whether it is what is demanded.
///
/// # Errors
/// [`DrillError`] when it proves nobody, or not what is demanded.
pub fn check(read: &Read<'_>, demands: &Demands, now: UnixTime) -> Result<Proven, DrillError> {
    let proof = &read.proof;
    let day = proof.day();
    let latest = Day::of(now.saturating_add(proof.policy().limits.clock_skew));
    if day > latest {
        let today = Day::of(now);
        return Err(DrillError::FromTheFuture { day, today });
    }
    if let Some(since) = demands.since.filter(|since| day < *since) {
        return Err(DrillError::TooOld { day, since });
    }
    if demands.challenge.is_some() && demands.challenge.as_ref() != proof.challenge() {
        let found = proof.challenge().cloned();
        return Err(DrillError::OtherChallenge { found });
    }
    let intake = match &read.claim {
        Claim::Signed(intake) => intake.clone(),
        Claim::Whole(signature) => {
            let script = &proof.script().script_pubkey;
            let full = verify_full(script, proof.message(), signature)?;
            read_intake(&serialize(full.transaction()))?
        }
    };
    let proven = taken(proof, &[intake])?;
    if proven.signers.is_empty() {
        return Err(DrillError::ProvesNobody {
            others: 0,
            refused: proven.refused,
        });
    }
    Ok(proven)
}

fn taken(proof: &Proof<'_>, answers: &[Intake]) -> Result<Proven, DrillError> {
    let other = |other: policies::psbt::OtherTransaction| DrillError::OtherTransaction {
        expected: other.expected,
        found: other.found,
    };
    proof.take(answers).map_err(other)
}

/// The transaction and nothing else.
fn bare(proof: &Proof<'_>) -> Psbt {
    Psbt::from_unsigned_tx(proof.to_sign().clone()).expect("it is built without signatures")
}
