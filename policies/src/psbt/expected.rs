//! Which signatures an input can use, and what each must be over, by our own descriptor alone.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use bitcoin::bip32::Xpub;
use bitcoin::secp256k1::{Message, Secp256k1, VerifyOnly};
use bitcoin::sighash::{Prevouts, SighashCache};
use bitcoin::{EcdsaSighashType, PublicKey, TapSighashType, Transaction, TxOut, XOnlyPublicKey};
use miniscript::descriptor::{DefiniteDescriptorKey, DescriptorPublicKey};
use miniscript::{Descriptor, ForEachKey, ToPublicKey};

use super::signatures::SignatureKey;
use crate::descriptor::DerivedScript;

/// One context for all verification; it holds no secrets, so it needs no randomization.
pub(super) static SECP: LazyLock<Secp256k1<VerifyOnly>> =
    LazyLock::new(Secp256k1::verification_only);

/// One place for a signature in an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExpectedSignature {
    /// The place.
    pub key: SignatureKey,
    /// The sighash for ALL (segwit version 0) or DEFAULT (taproot).
    pub message: Message,
    /// The taproot sighash for an explicit ALL, which is another one.
    pub(super) message_all: Option<Message>,
    /// The key that a taproot signature is verified with.
    pub(super) verifying: Option<XOnlyPublicKey>,
}

/// All places for signatures in one input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedInput {
    /// The places, each once.
    pub signatures: Vec<ExpectedSignature>,
}

impl ExpectedInput {
    /// The places of one input of a transaction that spends these outputs.
    pub fn of(
        cache: &mut SighashCache<&Transaction>,
        input: usize,
        previous_outputs: &[TxOut],
        derived: &DerivedScript,
    ) -> Self {
        let definite = derived.definite.derived_descriptor(&*SECP);
        let signatures = match &definite {
            Descriptor::Tr(tr) => {
                let mut places = vec![(
                    SignatureKey::TapKey,
                    None,
                    tr.spend_info().output_key().to_x_only_public_key(),
                )];
                for leaf in tr.leaves() {
                    let hash = leaf.compute_tap_leaf_hash();
                    for key in leaf.miniscript().iter_pk() {
                        let key = XOnlyPublicKey::from(key.inner);
                        let place = (SignatureKey::TapLeaf(key, hash), Some(hash), key);
                        if !places.contains(&place) {
                            places.push(place);
                        }
                    }
                }
                places
                    .into_iter()
                    .filter_map(|(key, leaf, verifying)| {
                        let leaf = leaf.map(|hash| (hash, 0xffff_ffff));
                        let mut message = |sighash_type| {
                            cache
                                .taproot_signature_hash(
                                    input,
                                    &Prevouts::All(previous_outputs),
                                    None,
                                    leaf,
                                    sighash_type,
                                )
                                .ok()
                                .map(Message::from)
                        };
                        Some(ExpectedSignature {
                            key,
                            message: message(TapSighashType::Default)?,
                            message_all: Some(message(TapSighashType::All)?),
                            verifying: Some(verifying),
                        })
                    })
                    .collect()
            }
            Descriptor::Wsh(_) | Descriptor::Wpkh(_) => {
                segwit_v0_message(cache, input, previous_outputs, &definite)
                    .map(|message| {
                        let mut keys = Vec::new();
                        definite.for_each_key(|key: &PublicKey| {
                            if !keys.contains(key) {
                                keys.push(*key);
                            }
                            true
                        });
                        keys.into_iter()
                            .map(|key| ExpectedSignature {
                                key: SignatureKey::Ecdsa(key),
                                message,
                                message_all: None,
                                verifying: None,
                            })
                            .collect()
                    })
                    .unwrap_or_default()
            }
            Descriptor::Bare(_) | Descriptor::Pkh(_) | Descriptor::Sh(_) => Vec::new(),
        };
        Self { signatures }
    }
}

fn segwit_v0_message(
    cache: &mut SighashCache<&Transaction>,
    input: usize,
    previous_outputs: &[TxOut],
    descriptor: &Descriptor<PublicKey>,
) -> Option<Message> {
    let value = previous_outputs.get(input)?.value;
    let sighash = if let Descriptor::Wsh(wsh) = descriptor {
        cache
            .p2wsh_signature_hash(input, &wsh.inner_script(), value, EcdsaSighashType::All)
            .ok()?
    } else {
        cache
            .p2wpkh_signature_hash(
                input,
                &descriptor.script_pubkey(),
                value,
                EcdsaSighashType::All,
            )
            .ok()?
    };
    Some(Message::from(sighash))
}

/// Where the keys of an account sign in one script of a vault.
pub fn places_of(derived: &DerivedScript, account: &Xpub) -> BTreeSet<SignatureKey> {
    let is_own = |key: &DefiniteDescriptorKey| match key.as_descriptor_public_key() {
        DescriptorPublicKey::XPub(xpub) => xpub.xkey == *account,
        DescriptorPublicKey::Single(_) | DescriptorPublicKey::MultiXPub(_) => false,
    };
    let mut places = BTreeSet::new();
    match &derived.definite {
        Descriptor::Tr(tr) => {
            if is_own(tr.internal_key()) {
                places.insert(SignatureKey::TapKey);
            }
            for leaf in tr.spend_info().leaves() {
                for key in leaf.miniscript().iter_pk().filter(is_own) {
                    let key: XOnlyPublicKey = key.to_x_only_pubkey();
                    places.insert(SignatureKey::TapLeaf(key, leaf.leaf_hash()));
                }
            }
        }
        script @ (Descriptor::Wsh(_) | Descriptor::Wpkh(_)) => {
            script.for_each_key(|key| {
                if is_own(key) {
                    places.insert(SignatureKey::Ecdsa(key.to_public_key()));
                }
                true
            });
        }
        Descriptor::Bare(_) | Descriptor::Pkh(_) | Descriptor::Sh(_) => {}
    }
    places
}
