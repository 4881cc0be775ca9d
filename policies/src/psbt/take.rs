//! Taking signatures: each verified alone, against our own sighash of the transaction that we issued.

use bitcoin::secp256k1::Message;
use bitcoin::sighash::SighashCache;
use bitcoin::{EcdsaSighashType, TapSighashType, Transaction, TxOut, Txid, ecdsa, taproot};

use super::expected::{ExpectedInput, ExpectedSignature, SECP};
use super::intake::{Intake, OfferedSignature, OfferedSlot};
use super::signatures::{SignatureBytes, SignatureKey, VerifiedSignature};
use crate::descriptor::DerivedScript;
use crate::planted::{Bug, planted};

/// The transaction that was issued, with our own scripts of what it spends.
#[derive(Debug, Clone, Copy)]
pub struct Issued<'a> {
    /// The unsigned transaction.
    pub transaction: &'a Transaction,
    /// What each input spends.
    pub previous_outputs: &'a [TxOut],
    /// The vault's script of each input.
    pub scripts: &'a [DerivedScript],
}

/// The signatures are for another transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("signatures for transaction {found}, expected {expected}")]
pub struct OtherTransaction {
    /// The transaction issued.
    pub expected: Txid,
    /// The transaction signed.
    pub found: Txid,
}

/// The most refusals that are told: every one of a hostile file is no news, and each is compared with all before.
const MOST_REFUSED: usize = 100;

/// Keeps a refusal to be told, one of each.
pub fn remember(refused: &mut Vec<BadSignature>, bad: BadSignature) {
    if refused.len() < MOST_REFUSED && !refused.contains(&bad) {
        refused.push(bad);
    }
}

/// Why one signature is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadReason {
    /// The transaction has no such input.
    #[error("there is no such input")]
    NoSuchInput,
    /// The record's key cannot be read.
    #[error("the record's key cannot be read")]
    UnreadableKey,
    /// The key is none that can sign this input.
    #[error("the key cannot sign this input")]
    UnexpectedKey,
    /// An element of a final witness that no key of this input made.
    #[error("no key of this input made it")]
    NoKeyMadeIt,
    /// The bytes are no signature in its one encoding.
    #[error("the bytes are not a signature in its one encoding")]
    Encoding,
    /// The sighash type leaves part of the transaction open.
    #[error("sighash type 0x{found:02x} does not sign the whole transaction")]
    Sighash {
        /// The type found.
        found: u8,
    },
    /// An ECDSA signature with a high S, which relays refuse.
    #[error("the signature has a high S")]
    HighS,
    /// The signature is not the key's signature of this input.
    #[error("it is not the key's signature of this input")]
    Wrong,
}

impl BadReason {
    /// The stable code of the reason.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoSuchInput => "SIGNATURE_NO_SUCH_INPUT",
            Self::UnreadableKey => "SIGNATURE_UNREADABLE_KEY",
            Self::UnexpectedKey | Self::NoKeyMadeIt => "SIGNATURE_UNEXPECTED_KEY",
            Self::Encoding => "SIGNATURE_ENCODING",
            Self::Sighash { .. } => "SIGNATURE_SIGHASH",
            Self::HighS => "SIGNATURE_HIGH_S",
            Self::Wrong => "SIGNATURE_WRONG",
        }
    }
}

/// A signature that is refused, and why; it hurts no other.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("input {input}, {}: {reason}", slot_name(.slot))]
pub struct BadSignature {
    /// The input.
    pub input: usize,
    /// Where it said it belongs.
    pub slot: OfferedSlot,
    /// Why it is refused.
    pub reason: BadReason,
}

fn slot_name(slot: &OfferedSlot) -> String {
    match slot {
        OfferedSlot::Place(key) => key.to_string(),
        OfferedSlot::FinalWitness { position } => format!("witness element {position}"),
        OfferedSlot::Unreadable { key_type } => format!("record of type 0x{key_type:02x}"),
    }
}

/// Verifies each offered signature alone; the answers are in the order of the offers.
///
/// # Errors
/// [`OtherTransaction`] when what was signed is not what was issued.
pub fn take_signatures(
    issued: &Issued<'_>,
    intake: &Intake,
) -> Result<Vec<Result<VerifiedSignature, BadSignature>>, OtherTransaction> {
    let expected = issued.transaction.compute_txid();
    if intake.txid != expected {
        return Err(OtherTransaction {
            expected,
            found: intake.txid,
        });
    }
    let mut cache = SighashCache::new(issued.transaction);
    let mut places: Option<(usize, ExpectedInput)> = None;
    let mut answers = Vec::with_capacity(intake.signatures.len());
    for offered in &intake.signatures {
        let input = offered.input;
        // Offers come input by input, so one input's places are enough to remember.
        if places.as_ref().is_none_or(|(of, _)| *of != input) {
            places = issued
                .scripts
                .get(input)
                .filter(|_| input < issued.transaction.input.len())
                .map(|derived| {
                    let outputs = issued.previous_outputs;
                    (
                        input,
                        ExpectedInput::of(&mut cache, input, outputs, derived),
                    )
                });
        }
        let taken = match &places {
            Some((_, expected)) => take(offered, expected),
            None => Err(BadReason::NoSuchInput),
        };
        answers.push(taken.map_err(|reason| BadSignature {
            input,
            slot: offered.slot.clone(),
            reason,
        }));
    }
    Ok(answers)
}

fn take(
    offered: &OfferedSignature,
    expected: &ExpectedInput,
) -> Result<VerifiedSignature, BadReason> {
    let (place, signature) = match &offered.slot {
        OfferedSlot::Unreadable { .. } => return Err(BadReason::UnreadableKey),
        OfferedSlot::Place(key) => {
            let place = expected
                .signatures
                .iter()
                .find(|place| place.key == *key)
                .ok_or(BadReason::UnexpectedKey)?;
            (place, verify(&offered.bytes, place)?)
        }
        OfferedSlot::FinalWitness { .. } => expected
            .signatures
            .iter()
            .find_map(|place| Some((place, verify(&offered.bytes, place).ok()?)))
            .ok_or(BadReason::NoKeyMadeIt)?,
    };
    Ok(VerifiedSignature::new(offered.input, place.key, signature))
}

fn verify(bytes: &[u8], place: &ExpectedSignature) -> Result<SignatureBytes, BadReason> {
    match place.key {
        SignatureKey::Ecdsa(key) => verify_ecdsa(bytes, &key, &place.message),
        SignatureKey::TapLeaf(..) | SignatureKey::TapKey => verify_taproot(bytes, place),
    }
}

fn verify_ecdsa(
    bytes: &[u8],
    key: &bitcoin::PublicKey,
    message: &Message,
) -> Result<SignatureBytes, BadReason> {
    let (found, _) = bytes.split_last().ok_or(BadReason::Encoding)?;
    let whole = u32::from(*found) == EcdsaSighashType::All.to_u32();
    if !whole && !planted(Bug::SignatureSighash) {
        return Err(BadReason::Sighash { found: *found });
    }
    let signature = ecdsa::Signature::from_slice(bytes).map_err(|_| BadReason::Encoding)?;
    if signature.to_vec() != bytes {
        return Err(BadReason::Encoding);
    }
    let mut low = signature.signature;
    low.normalize_s();
    if low != signature.signature {
        return Err(BadReason::HighS);
    }
    let holds = SECP.verify_ecdsa(message, &signature.signature, &key.inner);
    if holds.is_err() && !planted(Bug::SignatureVerification) {
        return Err(BadReason::Wrong);
    }
    Ok(SignatureBytes::Ecdsa(signature))
}

fn verify_taproot(bytes: &[u8], place: &ExpectedSignature) -> Result<SignatureBytes, BadReason> {
    let whole = [TapSighashType::Default, TapSighashType::All].map(|whole| whole as u8);
    if let [.., found] = bytes
        && bytes.len() == 65
        && !whole.contains(found)
    {
        return Err(BadReason::Sighash { found: *found });
    }
    // A trailing DEFAULT byte is refused here: its one encoding is without the byte.
    let signature = taproot::Signature::from_slice(bytes).map_err(|_| BadReason::Encoding)?;
    if signature.to_vec() != bytes {
        return Err(BadReason::Encoding);
    }
    let message = match signature.sighash_type {
        TapSighashType::Default => Some(place.message),
        TapSighashType::All => place.message_all,
        other @ (TapSighashType::None
        | TapSighashType::Single
        | TapSighashType::AllPlusAnyoneCanPay
        | TapSighashType::NonePlusAnyoneCanPay
        | TapSighashType::SinglePlusAnyoneCanPay) => {
            return Err(BadReason::Sighash { found: other as u8 });
        }
    };
    let (message, key) = message.zip(place.verifying).ok_or(BadReason::Wrong)?;
    SECP.verify_schnorr(&signature.signature, &message, &key)
        .map_err(|_| BadReason::Wrong)?;
    Ok(SignatureBytes::Taproot(signature))
}
