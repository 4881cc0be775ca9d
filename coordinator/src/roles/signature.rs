//! One signature of one key for one input, verified alone against our own sighash.

use bitcoin::{
    PublicKey, TapLeafHash, Transaction, TxOut, XOnlyPublicKey, ecdsa,
    secp256k1::Message,
    sighash::{EcdsaSighashType, Prevouts, SighashCache, TapSighashType},
    taproot,
};
use miniscript::{Descriptor, ToPublicKey as _};

use super::SECP;

/// The key that signed, and for taproot what it signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SignatureKey {
    /// ECDSA, for `wsh` and `wpkh`.
    Ecdsa(PublicKey),
    /// BIP 340, for one leaf of a script tree.
    TapLeaf(XOnlyPublicKey, TapLeafHash),
    /// BIP 340, for the key path.
    TapKey,
}

/// A signature as it stands in a witness, its sighash byte included.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InputSignature {
    /// The input it is for.
    pub input: usize,
    /// The key that signed.
    pub key: SignatureKey,
    /// The signature and its sighash byte.
    pub bytes: Vec<u8>,
}

/// Why a signature does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadSignature {
    /// The transaction has no such input.
    #[error("there is no such input")]
    NoSuchInput,
    /// The key does not stand in the script, or not as this kind of key.
    #[error("the key is not one of the script")]
    ForeignKey,
    /// The bytes are not a signature.
    #[error("the bytes are not a signature")]
    Malformed,
    /// It signs something else than the whole transaction.
    #[error("the sighash type is not ALL or DEFAULT")]
    SighashType,
    /// It is no signature of this key over this transaction.
    #[error("the signature is not of this key over this transaction")]
    Wrong,
}

/// A signature that was verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verified {
    Ecdsa(PublicKey, ecdsa::Signature),
    TapLeaf(XOnlyPublicKey, TapLeafHash, taproot::Signature),
    TapKey(taproot::Signature),
}

/// The messages that signatures of one transaction are over.
#[derive(Debug)]
pub(crate) struct Sighashes<'a> {
    cache: SighashCache<&'a Transaction>,
    prevouts: &'a [TxOut],
}

impl<'a> Sighashes<'a> {
    pub(crate) fn new(unsigned: &'a Transaction, prevouts: &'a [TxOut]) -> Self {
        Self {
            cache: SighashCache::new(unsigned),
            prevouts,
        }
    }

    /// The message of an ECDSA signature of sighash type ALL (BIP 143).
    pub(crate) fn segwit_v0(
        &mut self,
        input: usize,
        script: &Descriptor<PublicKey>,
    ) -> Option<Message> {
        let prevout = self.prevouts.get(input)?;
        match script {
            Descriptor::Wsh(wsh) => self
                .cache
                .p2wsh_signature_hash(
                    input,
                    &wsh.inner_script(),
                    prevout.value,
                    EcdsaSighashType::All,
                )
                .ok()
                .map(Message::from),
            Descriptor::Wpkh(_) => self
                .cache
                .p2wpkh_signature_hash(
                    input,
                    &prevout.script_pubkey,
                    prevout.value,
                    EcdsaSighashType::All,
                )
                .ok()
                .map(Message::from),
            Descriptor::Tr(_) | Descriptor::Bare(_) | Descriptor::Pkh(_) | Descriptor::Sh(_) => {
                None
            }
        }
    }

    /// The message of a BIP 341 signature for a leaf, or for the key path where `leaf` is none.
    pub(crate) fn taproot(
        &mut self,
        input: usize,
        leaf: Option<TapLeafHash>,
        kind: TapSighashType,
    ) -> Option<Message> {
        let prevouts = Prevouts::All(self.prevouts);
        match leaf {
            Some(leaf) => self
                .cache
                .taproot_script_spend_signature_hash(input, &prevouts, leaf, kind),
            None => self
                .cache
                .taproot_key_spend_signature_hash(input, &prevouts, kind),
        }
        .ok()
        .map(Message::from)
    }

    /// Verifies one signature for an input whose concrete descriptor is `script`.
    pub(crate) fn verify(
        &mut self,
        signature: &InputSignature,
        script: &Descriptor<PublicKey>,
    ) -> Result<Verified, BadSignature> {
        match (signature.key, script) {
            (SignatureKey::Ecdsa(key), Descriptor::Wsh(_) | Descriptor::Wpkh(_)) => {
                if !script.iter_pk().any(|own| own == key) {
                    return Err(BadSignature::ForeignKey);
                }
                let parsed = ecdsa::Signature::from_slice(&signature.bytes)
                    .map_err(|_| BadSignature::Malformed)?;
                if parsed.sighash_type != EcdsaSighashType::All {
                    return Err(BadSignature::SighashType);
                }
                let message = self
                    .segwit_v0(signature.input, script)
                    .ok_or(BadSignature::NoSuchInput)?;
                SECP.verify_ecdsa(&message, &parsed.signature, &key.inner)
                    .map_err(|_| BadSignature::Wrong)?;
                Ok(Verified::Ecdsa(key, parsed))
            }
            (SignatureKey::TapLeaf(key, leaf), Descriptor::Tr(tr)) => {
                let stands_there = tr.spend_info().leaves().any(|own| {
                    own.leaf_hash() == leaf
                        && own
                            .miniscript()
                            .iter_pk()
                            .any(|own| own.to_x_only_pubkey() == key)
                });
                if !stands_there {
                    return Err(BadSignature::ForeignKey);
                }
                let parsed = self.verify_taproot(signature, Some(leaf), &key)?;
                Ok(Verified::TapLeaf(key, leaf, parsed))
            }
            (SignatureKey::TapKey, Descriptor::Tr(tr)) => {
                let output_key = tr.spend_info().output_key().to_x_only_public_key();
                Ok(Verified::TapKey(self.verify_taproot(
                    signature,
                    None,
                    &output_key,
                )?))
            }
            (
                SignatureKey::Ecdsa(_) | SignatureKey::TapLeaf(..) | SignatureKey::TapKey,
                Descriptor::Wsh(_)
                | Descriptor::Wpkh(_)
                | Descriptor::Tr(_)
                | Descriptor::Bare(_)
                | Descriptor::Pkh(_)
                | Descriptor::Sh(_),
            ) => Err(BadSignature::ForeignKey),
        }
    }

    fn verify_taproot(
        &mut self,
        signature: &InputSignature,
        leaf: Option<TapLeafHash>,
        key: &XOnlyPublicKey,
    ) -> Result<taproot::Signature, BadSignature> {
        let parsed = taproot::Signature::from_slice(&signature.bytes)
            .map_err(|_| BadSignature::Malformed)?;
        match parsed.sighash_type {
            TapSighashType::Default | TapSighashType::All => {}
            TapSighashType::None
            | TapSighashType::Single
            | TapSighashType::AllPlusAnyoneCanPay
            | TapSighashType::NonePlusAnyoneCanPay
            | TapSighashType::SinglePlusAnyoneCanPay => return Err(BadSignature::SighashType),
        }
        let message = self
            .taproot(signature.input, leaf, parsed.sighash_type)
            .ok_or(BadSignature::NoSuchInput)?;
        SECP.verify_schnorr(&parsed.signature, &message, key)
            .map_err(|_| BadSignature::Wrong)?;
        Ok(parsed)
    }
}
