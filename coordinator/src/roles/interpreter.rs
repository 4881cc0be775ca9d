//! Checks a witness as the network will: hashes of scripts, every opcode, every signature.
//!
//! Miniscript's interpreter runs it, on what the witness itself shows; the sighashes are ours, made
//! once a transaction, so that the work grows with the inputs and not with their square. A relative
//! timelock holds where the input's own sequence says so, which only a transaction made for recovery
//! does; a witness that used an absolute locktime or a hash lock is refused.

use bitcoin::{
    Script, TapLeafHash, Transaction, TxOut, Witness,
    sighash::{EcdsaSighashType, Prevouts, SighashCache, TapSighashType},
};
use miniscript::interpreter::{Error, Interpreter, KeySigPair, SatisfiedConstraint};
use policies::planted::{Bug, planted};

use super::SECP;

/// Why a witness is not valid for its input.
#[derive(Debug, thiserror::Error)]
pub enum WitnessError {
    /// The transaction has no such input, or it is not known what that spends.
    #[error("there is no such input")]
    NoSuchInput,
    /// The network would refuse it.
    #[error("the witness is not valid: {0}")]
    Invalid(#[source] Box<Error>),
    /// It is satisfied by more than signatures and the age of the coin.
    #[error("the witness takes a path that no vault has")]
    UnknownPath,
    /// It is satisfied without a signature.
    #[error("the witness needs no signature")]
    NoSignature,
}

/// The interpreter of one transaction's witnesses.
#[derive(Debug)]
pub struct Checker<'a> {
    transaction: &'a Transaction,
    prevouts: &'a [TxOut],
    cache: SighashCache<&'a Transaction>,
}

impl<'a> Checker<'a> {
    /// Begins checking `transaction`, signed or not, which spends `prevouts` in the order of its inputs.
    pub fn new(transaction: &'a Transaction, prevouts: &'a [TxOut]) -> Self {
        Self {
            transaction,
            prevouts,
            cache: SighashCache::new(transaction),
        }
    }

    /// Checks one input's witness.
    ///
    /// # Errors
    /// Returns why the witness is not valid, or of no path that vaults have.
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
                SatisfiedConstraint::RelativeTimelock { .. } => {}
                SatisfiedConstraint::HashLock { .. }
                | SatisfiedConstraint::AbsoluteTimelock { .. } => {
                    return Err(WitnessError::UnknownPath);
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
