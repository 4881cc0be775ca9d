//! Checks a witness as the network will: hashes of scripts, every opcode, every signature.
//!
//! Miniscript's interpreter runs it, on what the witness itself shows; the sighashes are ours, made
//! once a transaction, so that the work grows with the inputs and not with their square. What else than
//! signatures may satisfy it is the caller's word: nothing, or the age of the coin, which holds where the
//! input's own sequence says so (BIP 68). No vault has a path with an absolute locktime or a hash lock.

use std::sync::LazyLock;

use bitcoin::secp256k1::{Secp256k1, VerifyOnly};
use bitcoin::sighash::{EcdsaSighashType, Prevouts, SighashCache, TapSighashType};
use bitcoin::{Script, TapLeafHash, Transaction, TxOut, Witness};
use miniscript::interpreter::{Error, Interpreter, KeySigPair, SatisfiedConstraint};

use crate::planted::{Bug, planted};

/// Verification holds no secrets, so that it needs no randomization.
static SECP: LazyLock<Secp256k1<VerifyOnly>> = LazyLock::new(Secp256k1::verification_only);

/// Which paths of a descriptor a witness may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AllowedPaths {
    /// Ordinary ones alone: signatures and nothing else.
    Ordinary,
    /// Ordinary ones and those of recovery, which the age of the coin opens.
    WithRecovery,
}

/// Why a witness is not valid for its input.
#[derive(Debug, thiserror::Error)]
pub enum WitnessError {
    /// The transaction has no such input, or it is not known what that spends.
    #[error("there is no such input")]
    NoSuchInput,
    /// The network would refuse it.
    #[error("the witness is not valid: {0}")]
    Invalid(#[source] Box<Error>),
    /// It is satisfied by more than the paths allowed ask for.
    #[error("the witness takes a path that is not allowed")]
    PathNotAllowed,
    /// It is satisfied without a signature.
    #[error("the witness needs no signature")]
    NoSignature,
}

/// The interpreter of one transaction's witnesses.
#[derive(Debug)]
pub struct WitnessChecker<'a> {
    transaction: &'a Transaction,
    prevouts: &'a [TxOut],
    allowed: AllowedPaths,
    cache: SighashCache<&'a Transaction>,
}

impl<'a> WitnessChecker<'a> {
    /// Begins checking `transaction`, signed or not, which spends `prevouts` in the order of its inputs.
    pub fn new(transaction: &'a Transaction, prevouts: &'a [TxOut], allowed: AllowedPaths) -> Self {
        Self {
            transaction,
            prevouts,
            allowed,
            cache: SighashCache::new(transaction),
        }
    }

    /// Checks one input's witness.
    ///
    /// # Errors
    /// Returns why the witness is not valid, or takes a path that is not allowed.
    pub fn check(&mut self, input: usize, witness: &Witness) -> Result<(), WitnessError> {
        let (Some(txin), Some(prevout)) =
            (self.transaction.input.get(input), self.prevouts.get(input))
        else {
            return Err(WitnessError::NoSuchInput);
        };
        if planted(Bug::Interpreter) {
            return Ok(());
        }
        let invalid = |error: Error| WitnessError::Invalid(Box::new(error));
        let interpreter = Interpreter::from_txdata(
            &prevout.script_pubkey,
            Script::new(),
            witness,
            txin.sequence,
            self.transaction.lock_time,
        )
        .map_err(invalid)?;
        let cache = &mut self.cache;
        let prevouts = self.prevouts;
        let verify = |pair: &KeySigPair| {
            is_signed(cache, prevouts, input, prevout, witness, pair).unwrap_or(false)
        };
        let mut signatures = 0_usize;
        for satisfied in interpreter.iter_custom(Box::new(verify)) {
            match satisfied.map_err(invalid)? {
                SatisfiedConstraint::PublicKey { .. }
                | SatisfiedConstraint::PublicKeyHash { .. } => {
                    signatures = signatures.saturating_add(1);
                }
                // The interpreter compared it with the input's sequence.
                SatisfiedConstraint::RelativeTimelock { .. }
                    if self.allowed == AllowedPaths::WithRecovery => {}
                SatisfiedConstraint::HashLock { .. }
                | SatisfiedConstraint::RelativeTimelock { .. }
                | SatisfiedConstraint::AbsoluteTimelock { .. } => {
                    return Err(WitnessError::PathNotAllowed);
                }
            }
        }
        if signatures == 0 {
            Err(WitnessError::NoSignature)
        } else {
            Ok(())
        }
    }
}

/// Verifies one signature over what the witness shows as script; none where there is no sighash.
fn is_signed(
    cache: &mut SighashCache<&Transaction>,
    prevouts: &[TxOut],
    input: usize,
    prevout: &TxOut,
    witness: &Witness,
    pair: &KeySigPair,
) -> Option<bool> {
    let script_pubkey = &prevout.script_pubkey;
    match pair {
        KeySigPair::Ecdsa(key, signature) => {
            if signature.sighash_type != EcdsaSighashType::All {
                return Some(false);
            }
            let kind = EcdsaSighashType::All;
            let sighash = if script_pubkey.is_p2wpkh() {
                cache
                    .p2wpkh_signature_hash(input, script_pubkey, prevout.value, kind)
                    .ok()?
            } else {
                let script = Script::from_bytes(witness.last()?);
                cache
                    .p2wsh_signature_hash(input, script, prevout.value, kind)
                    .ok()?
            };
            Some(
                SECP.verify_ecdsa(&sighash.into(), &signature.signature, &key.inner)
                    .is_ok(),
            )
        }
        KeySigPair::Schnorr(key, signature) => {
            if !matches!(
                signature.sighash_type,
                TapSighashType::Default | TapSighashType::All
            ) {
                return Some(false);
            }
            let prevouts = Prevouts::All(prevouts);
            let kind = signature.sighash_type;
            let sighash = if witness.len() == 1 {
                cache
                    .taproot_key_spend_signature_hash(input, &prevouts, kind)
                    .ok()?
            } else {
                let shown = witness.taproot_leaf_script()?;
                let leaf = TapLeafHash::from_script(shown.script, shown.version);
                cache
                    .taproot_script_spend_signature_hash(input, &prevouts, leaf, kind)
                    .ok()?
            };
            Some(
                SECP.verify_schnorr(&signature.signature, &sighash.into(), key)
                    .is_ok(),
            )
        }
    }
}
