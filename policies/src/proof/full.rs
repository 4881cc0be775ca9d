//! The whole proof of an address: the signature of BIP 322 that anybody can verify with address and message alone.
//!
//! Written in the *full* form; read in the full and in the simple one. Invariant: what is read is the transaction
//! that we would have built ourselves, whose witness passes the interpreter by signatures over all of it.

use std::fmt;

use bitcoin::base64::Engine;
use bitcoin::base64::engine::general_purpose::STANDARD;
use bitcoin::consensus::{deserialize, serialize};
use bitcoin::transaction::Version;
use bitcoin::{PublicKey, Script, TapLeafHash, Transaction, Txid, Witness, ecdsa, taproot};
use miniscript::{Satisfier, ToPublicKey as _};

use super::Proof;
use super::transactions::{for_devices, to_sign, to_spend};
use crate::psbt::{SignatureBytes, SignatureKey, SignatureSet};
use crate::witness::{AllowedPaths, WitnessChecker, WitnessError};

/// The most characters of a signature that are read: far above the largest standard witness.
pub(super) const MAX: usize = 512 * 1024;
/// What a signature of each form begins with (BIP 322, types of signatures).
const FULL: &str = "ful";
const SIMPLE: &str = "smp";
const FUNDS: &str = "pof";

/// A whole proof; its text is the signature of BIP 322 in the full form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Full {
    pub(super) transaction: Transaction,
}

/// Why a text is no proof of an address.
#[derive(Debug, thiserror::Error)]
pub enum FullError {
    /// It has more characters than are ever read.
    #[error("{found} characters, too many for a signature")]
    TooLong {
        /// Characters found.
        found: usize,
    },
    /// It claims to prove funds, which takes a node to verify.
    #[error("a proof of funds (pof), not of an address alone")]
    OfFunds,
    /// It is not base64.
    #[error("not base64")]
    NotBase64,
    /// It holds neither a transaction nor a witness, as its beginning says.
    #[error("neither a transaction nor a witness")]
    Unreadable,
    /// It signs something else.
    #[error("it signs transaction {found}; the message is {expected}")]
    Other {
        /// The transaction of the message.
        expected: Txid,
        /// The transaction found.
        found: Txid,
    },
    /// Its witness does not satisfy the address.
    #[error(transparent)]
    Witness(#[from] WitnessError),
}

impl FullError {
    /// The stable code of the reason.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLong { .. } => "PROOF_TOO_LONG",
            Self::OfFunds => "PROOF_OF_FUNDS",
            Self::NotBase64 | Self::Unreadable => "PROOF_UNREADABLE",
            Self::Other { .. } => "PROOF_OTHER_MESSAGE",
            Self::Witness(_) => "PROOF_WRONG",
        }
    }
}

impl Full {
    pub(super) fn of(proof: &Proof<'_>, signatures: &SignatureSet) -> Option<Self> {
        let definite = &proof.script().definite;
        let secp = bitcoin::secp256k1::Secp256k1::verification_only();
        let script = definite.derived_descriptor(&secp);
        let (stack, script_sig) = script.get_satisfaction(Signed(signatures)).ok()?;
        let mut transaction = proof.to_sign().clone();
        transaction.input[0].witness = Witness::from_slice(&stack);
        let prevouts = [proof.previous_output().clone()];
        let holds = check(&transaction, &prevouts).is_ok() && script_sig.is_empty();
        holds.then_some(Self { transaction })
    }

    /// The transaction with its witness.
    pub fn transaction(&self) -> &Transaction {
        &self.transaction
    }
}

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{FULL}{}", STANDARD.encode(serialize(&self.transaction)))
    }
}

/// Verifies a proof of the address that has this script, over a message; gives the transaction that proves it.
///
/// Forms with timelocks are refused: no ordinary quorum of a vault needs one.
///
/// # Errors
/// [`FullError`].
pub fn verify_full(
    script_pubkey: &Script,
    message: &str,
    signature: &str,
) -> Result<Full, FullError> {
    if signature.len() > MAX {
        let found = signature.len();
        return Err(FullError::TooLong { found });
    }
    let to_spend = to_spend(script_pubkey, message);
    let expected = to_sign(&to_spend);
    let transaction = read(signature, &expected)?;
    let expected = if transaction.version == Version::TWO {
        for_devices(expected)
    } else {
        expected
    };
    let (expected, found) = (expected.compute_txid(), transaction.compute_txid());
    if found != expected {
        return Err(FullError::Other { expected, found });
    }
    check(&transaction, &to_spend.output)?;
    Ok(Full { transaction })
}

/// The transaction that a signature stands for. Without a beginning it is of the simple form, as before BIP 322
/// was complete.
fn read(signature: &str, unsigned: &Transaction) -> Result<Transaction, FullError> {
    let decode = |text: &str| STANDARD.decode(text).map_err(|_| FullError::NotBase64);
    if let Some(text) = signature.strip_prefix(FULL) {
        return deserialize(&decode(text)?).map_err(|_| FullError::Unreadable);
    }
    if signature.starts_with(FUNDS) {
        return Err(FullError::OfFunds);
    }
    let text = signature.strip_prefix(SIMPLE).unwrap_or(signature);
    let mut transaction = unsigned.clone();
    transaction.input[0].witness =
        deserialize(&decode(text)?).map_err(|_| FullError::Unreadable)?;
    Ok(transaction)
}

fn check(transaction: &Transaction, prevouts: &[bitcoin::TxOut]) -> Result<(), WitnessError> {
    let witness = &transaction.input[0].witness;
    WitnessChecker::new(transaction, prevouts, AllowedPaths::Ordinary).check(0, witness)
}

/// Signatures of the one input. No age is ever offered (BIP 68): the sequence is one that says none, or zero.
struct Signed<'a>(&'a SignatureSet);

impl Signed<'_> {
    fn of(&self, place: &SignatureKey) -> Option<SignatureBytes> {
        let mut signatures = self.0.iter();
        let found = signatures.find(|one| one.input() == 0 && one.key() == *place)?;
        Some(*found.signature())
    }

    fn taproot(&self, place: &SignatureKey) -> Option<taproot::Signature> {
        match self.of(place)? {
            SignatureBytes::Taproot(signature) => Some(signature),
            SignatureBytes::Ecdsa(_) => None,
        }
    }
}

impl Satisfier<PublicKey> for Signed<'_> {
    fn lookup_ecdsa_sig(&self, key: &PublicKey) -> Option<ecdsa::Signature> {
        match self.of(&SignatureKey::Ecdsa(*key))? {
            SignatureBytes::Ecdsa(signature) => Some(signature),
            SignatureBytes::Taproot(_) => None,
        }
    }

    fn lookup_tap_key_spend_sig(&self, _internal: &PublicKey) -> Option<taproot::Signature> {
        self.taproot(&SignatureKey::TapKey)
    }

    fn lookup_tap_leaf_script_sig(
        &self,
        key: &PublicKey,
        leaf: &TapLeafHash,
    ) -> Option<taproot::Signature> {
        self.taproot(&SignatureKey::TapLeaf(key.to_x_only_pubkey(), *leaf))
    }
}
