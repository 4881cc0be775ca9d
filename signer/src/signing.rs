//! The Signer role of BIP 174, for one software account key.
//!
//! Pure: the transaction and its inputs come from a review that rebuilt them; the same review and
//! key give the same signatures (RFC 6979; BIP 340 without auxiliary randomness). Invariant: every
//! signature given out was verified against the public key of the descriptor, so that a fault
//! while signing shows nothing.

use bitcoin::bip32::{ChildNumber, DerivationPath, Xpriv, Xpub};
use bitcoin::hashes::Hash;
use bitcoin::key::TapTweak;
use bitcoin::secp256k1::{All, Keypair, Message, Secp256k1, SecretKey};
use bitcoin::sighash::{EcdsaSighashType, Prevouts, SighashCache, TapSighashType};
use bitcoin::taproot::TapLeafHash;
use bitcoin::{PublicKey, Script, Transaction, TxOut, XOnlyPublicKey, ecdsa, taproot};
use miniscript::descriptor::{DefiniteDescriptorKey, Descriptor, DescriptorPublicKey, Tr};
use miniscript::{ForEachKey, ToPublicKey};
use policies::words::count;
use std::collections::BTreeMap;

/// One input to sign: the output it spends and the descriptor of its script.
#[derive(Debug, Clone, Copy)]
pub struct Spending<'review> {
    /// The output spent, as the review checked it.
    pub prevout: &'review TxOut,
    /// The vault's descriptor at this script.
    pub descriptor: &'review Descriptor<DefiniteDescriptorKey>,
}

/// Our signatures for one input.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InputSignatures {
    /// Segwit version 0: by public key.
    pub ecdsa: BTreeMap<PublicKey, ecdsa::Signature>,
    /// Taproot script paths: by key and leaf.
    pub tap_leaves: BTreeMap<(XOnlyPublicKey, TapLeafHash), taproot::Signature>,
    /// Taproot key path, where the internal key is ours.
    pub tap_key: Option<taproot::Signature>,
}

impl InputSignatures {
    /// How many signatures these are.
    pub fn count(&self) -> usize {
        self.ecdsa
            .len()
            .saturating_add(self.tap_leaves.len())
            .saturating_add(usize::from(self.tap_key.is_some()))
    }
}

/// Why an input was not signed; then nothing was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SigningError {
    /// The transaction has another number of inputs than the review.
    #[error("the transaction has {}, the review {reviewed}", count(*inputs, "input"))]
    InputCount {
        /// Inputs of the transaction.
        inputs: usize,
        /// Inputs of the review.
        reviewed: usize,
    },
    /// No key of the input's script is ours.
    #[error("input {input} holds no key of this signer")]
    NoOwnKey {
        /// The input's position.
        input: usize,
    },
    /// The input's script is of a kind that this signer does not sign.
    #[error("input {input} is neither segwit version 0 nor taproot")]
    UnsupportedScript {
        /// The input's position.
        input: usize,
    },
    /// The key cannot be derived.
    #[error("cannot derive the key of input {input}")]
    Derivation {
        /// The input's position.
        input: usize,
    },
    /// A fresh signature did not verify: the machine made a mistake.
    #[error("a fresh signature of input {input} does not verify")]
    Fault {
        /// The input's position.
        input: usize,
    },
}

/// Signs every input, with sighash ALL (segwit version 0) or DEFAULT (taproot).
///
/// # Errors
/// When an input holds no key of ours or a fresh signature does not verify; then none is given.
pub fn sign(
    transaction: &Transaction,
    spending: &[Spending<'_>],
    account: &Xpriv,
    secp: &Secp256k1<All>,
) -> Result<Vec<InputSignatures>, SigningError> {
    if spending.len() != transaction.input.len() {
        return Err(SigningError::InputCount {
            inputs: transaction.input.len(),
            reviewed: spending.len(),
        });
    }
    let prevouts: Vec<&TxOut> = spending.iter().map(|input| input.prevout).collect();
    let mut signing = Signing {
        secp,
        keys: OwnKeys::of(account, secp),
        cache: SighashCache::new(transaction),
        prevouts: &prevouts,
    };
    spending
        .iter()
        .enumerate()
        .map(|(input, spending)| signing.input(input, spending))
        .collect()
}

struct Signing<'review, 'secp> {
    secp: &'secp Secp256k1<All>,
    keys: OwnKeys,
    cache: SighashCache<&'review Transaction>,
    prevouts: &'review [&'review TxOut],
}

impl Signing<'_, '_> {
    fn input(
        &mut self,
        input: usize,
        spending: &Spending<'_>,
    ) -> Result<InputSignatures, SigningError> {
        let signatures = match spending.descriptor {
            Descriptor::Wsh(_) | Descriptor::Wpkh(_) => self.segwit_v0(input, spending)?,
            Descriptor::Tr(tr) => self.taproot(input, tr)?,
            Descriptor::Bare(_) | Descriptor::Pkh(_) | Descriptor::Sh(_) => {
                return Err(SigningError::UnsupportedScript { input });
            }
        };
        if signatures.count() == 0 {
            return Err(SigningError::NoOwnKey { input });
        }
        Ok(signatures)
    }

    fn segwit_v0(
        &mut self,
        input: usize,
        spending: &Spending<'_>,
    ) -> Result<InputSignatures, SigningError> {
        let message = self.segwit_v0_message(input, spending)?;
        let mut keys = Vec::new();
        spending.descriptor.for_each_key(|key| {
            keys.push(key.clone());
            true
        });
        let mut signatures = InputSignatures::default();
        for key in keys {
            let Some(secret) = self.keys.secret(input, &key)? else {
                continue;
            };
            let public = key.to_public_key();
            let signature = self.secp.sign_ecdsa(&message, &secret);
            self.secp
                .verify_ecdsa(&message, &signature, &public.inner)
                .map_err(|_| SigningError::Fault { input })?;
            let signature = ecdsa::Signature {
                signature,
                sighash_type: EcdsaSighashType::All,
            };
            signatures.ecdsa.insert(public, signature);
        }
        Ok(signatures)
    }

    fn segwit_v0_message(
        &mut self,
        input: usize,
        spending: &Spending<'_>,
    ) -> Result<Message, SigningError> {
        let unsupported = SigningError::UnsupportedScript { input };
        let value = spending.prevout.value;
        let all = EcdsaSighashType::All;
        let sighash = match spending.descriptor {
            Descriptor::Wsh(wsh) => {
                let script = wsh.inner_script();
                self.cache
                    .p2wsh_signature_hash(input, &script, value, all)
                    .map_err(|_| unsupported)?
            }
            Descriptor::Wpkh(_) => {
                let script: &Script = &spending.prevout.script_pubkey;
                self.cache
                    .p2wpkh_signature_hash(input, script, value, all)
                    .map_err(|_| unsupported)?
            }
            Descriptor::Tr(_) | Descriptor::Bare(_) | Descriptor::Pkh(_) | Descriptor::Sh(_) => {
                return Err(unsupported);
            }
        };
        Ok(Message::from_digest(sighash.to_byte_array()))
    }

    fn taproot(
        &mut self,
        input: usize,
        tr: &Tr<DefiniteDescriptorKey>,
    ) -> Result<InputSignatures, SigningError> {
        let mut signatures = InputSignatures::default();
        let spend = tr.spend_info();
        if let Some(secret) = self.keys.secret(input, tr.internal_key())? {
            let tweaked = Keypair::from_secret_key(self.secp, &secret)
                .tap_tweak(self.secp, spend.merkle_root())
                .to_keypair();
            let output_key = spend.output_key().to_x_only_public_key();
            signatures.tap_key = Some(self.schnorr(input, None, &tweaked, output_key)?);
        }
        for leaf in spend.leaves() {
            for key in leaf.miniscript().iter_pk() {
                let Some(secret) = self.keys.secret(input, &key)? else {
                    continue;
                };
                let pair = Keypair::from_secret_key(self.secp, &secret);
                let public = key.to_x_only_pubkey();
                let hash = leaf.leaf_hash();
                let signature = self.schnorr(input, Some(hash), &pair, public)?;
                signatures.tap_leaves.insert((public, hash), signature);
            }
        }
        Ok(signatures)
    }

    fn schnorr(
        &mut self,
        input: usize,
        leaf: Option<TapLeafHash>,
        pair: &Keypair,
        public: XOnlyPublicKey,
    ) -> Result<taproot::Signature, SigningError> {
        let prevouts = Prevouts::All(self.prevouts);
        let sighash_type = TapSighashType::Default;
        let sighash = match leaf {
            Some(leaf) => {
                self.cache
                    .taproot_script_spend_signature_hash(input, &prevouts, leaf, sighash_type)
            }
            None => self
                .cache
                .taproot_key_spend_signature_hash(input, &prevouts, sighash_type),
        }
        .map_err(|_| SigningError::UnsupportedScript { input })?;
        let message = Message::from_digest(sighash.to_byte_array());
        let signature = self.secp.sign_schnorr_no_aux_rand(&message, pair);
        self.secp
            .verify_schnorr(&signature, &message, &public)
            .map_err(|_| SigningError::Fault { input })?;
        Ok(taproot::Signature {
            signature,
            sighash_type,
        })
    }
}

/// Finds the secrets of an account's keys; keeps the branches, so that an input costs one step.
struct OwnKeys {
    account: Xpriv,
    xpub: Xpub,
    secp: Secp256k1<All>,
    branches: BTreeMap<Vec<ChildNumber>, Xpriv>,
}

impl OwnKeys {
    fn of(account: &Xpriv, secp: &Secp256k1<All>) -> Self {
        Self {
            account: *account,
            xpub: Xpub::from_priv(secp, account),
            secp: secp.clone(),
            branches: BTreeMap::new(),
        }
    }

    /// The secret of a descriptor's key, if it is one of this account's.
    fn secret(
        &mut self,
        input: usize,
        key: &DefiniteDescriptorKey,
    ) -> Result<Option<SecretKey>, SigningError> {
        let path = match key.as_descriptor_public_key() {
            DescriptorPublicKey::XPub(xpub) if xpub.xkey == self.xpub => &xpub.derivation_path,
            DescriptorPublicKey::XPub(_)
            | DescriptorPublicKey::Single(_)
            | DescriptorPublicKey::MultiXPub(_) => return Ok(None),
        };
        self.derive(path)
            .map(Some)
            .map_err(|_| SigningError::Derivation { input })
    }

    fn derive(&mut self, path: &DerivationPath) -> Result<SecretKey, bitcoin::bip32::Error> {
        let steps: &[ChildNumber] = path.as_ref();
        let Some((last, branch)) = steps.split_last() else {
            return Ok(self.account.private_key);
        };
        let known = self.branches.get(branch).copied();
        let parent = known.map_or_else(|| self.account.derive_priv(&self.secp, &branch), Ok)?;
        self.branches.insert(branch.to_vec(), parent);
        Ok(parent.derive_priv(&self.secp, &[*last])?.private_key)
    }
}

impl Drop for OwnKeys {
    fn drop(&mut self) {
        self.account.private_key.non_secure_erase();
        for parent in self.branches.values_mut() {
            parent.private_key.non_secure_erase();
        }
    }
}

#[cfg(test)]
mod tests;
