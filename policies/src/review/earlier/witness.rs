//! Checks a witness as the network will: hashes of scripts, every opcode, every signature.
//!
//! Miniscript's interpreter runs it, on what the witness itself shows; the sighashes are ours, made
//! once a transaction, so that the work grows with the inputs and not with their square. A witness
//! that used a timelock or a hash lock is not of an ordinary path and is refused.

use std::sync::LazyLock;

use bitcoin::secp256k1::{Secp256k1, VerifyOnly};
use bitcoin::sighash::{EcdsaSighashType, Prevouts, SighashCache, TapSighashType};
use bitcoin::{Script, TapLeafHash, Transaction, TxOut, Witness};
use miniscript::interpreter::{Error, Interpreter, KeySigPair, SatisfiedConstraint};

/// Verification holds no secrets, so that it needs no randomization.
static SECP: LazyLock<Secp256k1<VerifyOnly>> = LazyLock::new(Secp256k1::verification_only);

/// Why a witness is not one of an ordinary path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WitnessFault {
    /// It is not known what the input spends.
    #[error("it is not known what it spends")]
    NoSuchInput,
    /// The network would refuse it.
    #[error("its witness is not valid")]
    Invalid,
    /// It is satisfied by more than signatures.
    #[error("its witness takes a path that is not ordinary")]
    NotOrdinary,
    /// It is satisfied without a signature.
    #[error("its witness needs no signature")]
    NoSignature,
    /// It has a scriptSig, which no segwit input has.
    #[error("it has a scriptSig")]
    ScriptSig,
    /// Another input spends the same coin.
    #[error("it spends a coin twice")]
    SpentTwice,
}

/// The interpreter of one transaction's witnesses.
#[derive(Debug)]
pub(super) struct Checker<'a> {
    transaction: &'a Transaction,
    prevouts: &'a [TxOut],
    cache: SighashCache<&'a Transaction>,
}

impl<'a> Checker<'a> {
    /// Begins checking `transaction`, signed or not, which spends `prevouts` in the order of its inputs.
    pub(super) fn new(transaction: &'a Transaction, prevouts: &'a [TxOut]) -> Self {
        Self {
            transaction,
            prevouts,
            cache: SighashCache::new(transaction),
        }
    }

    /// Checks one input's witness; says why it is not valid, or not of an ordinary path.
    pub(super) fn check(&mut self, input: usize, witness: &Witness) -> Result<(), WitnessFault> {
        let (Some(txin), Some(prevout)) =
            (self.transaction.input.get(input), self.prevouts.get(input))
        else {
            return Err(WitnessFault::NoSuchInput);
        };
        let invalid = |_: Error| WitnessFault::Invalid;
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
                SatisfiedConstraint::HashLock { .. }
                | SatisfiedConstraint::RelativeTimelock { .. }
                | SatisfiedConstraint::AbsoluteTimelock { .. } => {
                    return Err(WitnessFault::NotOrdinary);
                }
            }
        }
        if signatures == 0 {
            Err(WitnessFault::NoSignature)
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
