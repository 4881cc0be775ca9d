//! Writing a descriptor from a policy that people can read, once: descriptors are stored, never
//! recompiled, for a later compiler may choose another script.

use std::collections::BTreeMap;

use bitcoin::NetworkKind;
use bitcoin::secp256k1;
use miniscript::descriptor::DescriptorPublicKey;
use miniscript::policy::{Concrete, Liftable};
use miniscript::{Descriptor, Segwitv0, Terminal, Translator, translate_hash_fail};

use super::paths::minimal_sets_of;
use super::{DescriptorError, KeyPosition, ScriptKind, VaultDescriptor, is_nums, nums_xpub};

/// A key and the name that it has in a policy text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedKey {
    /// The signer's name.
    pub name: String,
    /// The key with its origin.
    pub key: KeyPosition,
}

/// Why a policy text gives no descriptor.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// The text is no policy.
    #[error("not a policy: {0}")]
    Syntax(#[source] miniscript::Error),
    /// A name in the policy belongs to no key.
    #[error("no key is named {name}")]
    UnknownKey {
        /// The name.
        name: String,
    },
    /// The keys are of different networks.
    #[error("the keys belong to different networks")]
    MixedNetworks,
    /// The policy names no key.
    #[error("the policy names no key")]
    NoKeys,
    /// `wpkh` takes one key and nothing else.
    #[error("wpkh takes a policy of one key, pk(name)")]
    NotOneKey,
    /// The compiler found no safe script.
    #[error("the policy cannot be compiled: {0}")]
    Impossible(#[source] miniscript::Error),
    /// The policy or descriptor cannot be analysed.
    #[error(transparent)]
    Descriptor(#[from] DescriptorError),
}

/// Compiles a policy over named keys to a descriptor with checksum, multipath `<0;1>/*`; taproot
/// without a key path of its own gets the NUMS internal key, and a `wsh` of nothing but so many of some keys
/// is a `sortedmulti`.
pub fn compile(policy: &str, kind: ScriptKind, keys: &[NamedKey]) -> Result<String, CompileError> {
    let concrete: Concrete<String> = policy.parse().map_err(CompileError::Syntax)?;
    // Locks that no signer serves are refused before keys are put in.
    let meaning = concrete.lift().map_err(CompileError::Syntax)?;
    minimal_sets_of(&meaning, &|name| {
        keys.iter().position(|named| named.name == *name)
    })?;
    let mut named = Named { keys };
    let concrete = concrete.translate_pk(&mut named)?;
    let used = concrete.keys();
    let Some(network) = used.first().and_then(|key| key.xkey_network()) else {
        return Err(CompileError::NoKeys);
    };
    if used.iter().any(|key| key.xkey_network() != Some(network)) {
        return Err(CompileError::MixedNetworks);
    }
    let descriptor = match kind {
        ScriptKind::Wsh => {
            let script = concrete
                .compile::<Segwitv0>()
                .map_err(|error| CompileError::Impossible(error.into()))?;
            // Of keys alone, sorted (BIP 67): the form that most devices sign.
            if let Terminal::Multi(keys) = script.node {
                Descriptor::new_wsh_sortedmulti(keys)
            } else {
                Descriptor::new_wsh(script)
            }
        }
        ScriptKind::Tr => {
            let nums = internal_key(&used, network);
            Ok(concrete
                .compile_tr(Some(nums))
                .map_err(|error| CompileError::Impossible(error.into()))?)
        }
        ScriptKind::Wpkh => match concrete {
            Concrete::Key(key) => Descriptor::new_wpkh(key),
            Concrete::Unsatisfiable
            | Concrete::Trivial
            | Concrete::After(_)
            | Concrete::Older(_)
            | Concrete::Sha256(_)
            | Concrete::Hash256(_)
            | Concrete::Ripemd160(_)
            | Concrete::Hash160(_)
            | Concrete::And(_)
            | Concrete::Or(_)
            | Concrete::Thresh(_) => return Err(CompileError::NotOneKey),
        },
    }
    .map_err(CompileError::Impossible)?;
    Ok(descriptor.to_string())
}

/// Whether the policy text means the same as the descriptor: the same minimal sets of keys and ages.
pub(crate) fn means_the_same(
    policy: &str,
    descriptor: &VaultDescriptor,
    keys: &BTreeMap<String, usize>,
) -> Result<bool, CompileError> {
    let concrete: Concrete<String> = policy.parse().map_err(CompileError::Syntax)?;
    if let Some(name) = concrete
        .keys()
        .into_iter()
        .find(|name| !keys.contains_key(*name))
    {
        return Err(CompileError::UnknownKey { name: name.clone() });
    }
    let meaning = concrete.lift().map_err(CompileError::Syntax)?;
    let wanted = minimal_sets_of(&meaning, &|name| keys.get(name).copied())?;
    let found = super::paths::minimal_sets(descriptor.multipath(), descriptor.key_positions())?;
    Ok(wanted == found)
}

fn internal_key(used: &[&DescriptorPublicKey], network: NetworkKind) -> DescriptorPublicKey {
    let participants: Vec<secp256k1::PublicKey> = used
        .iter()
        .filter_map(|key| match key {
            DescriptorPublicKey::MultiXPub(xkey) => Some(xkey.xkey),
            DescriptorPublicKey::Single(_) | DescriptorPublicKey::XPub(_) => None,
        })
        .filter(|xpub| !is_nums(xpub))
        .map(|xpub| xpub.public_key)
        .collect();
    ranged(&nums_xpub(&participants, network).to_string())
}

fn ranged(key: &str) -> DescriptorPublicKey {
    format!("{key}/<0;1>/*")
        .parse()
        .expect("an extended key with two branches is a descriptor key")
}

/// Puts keys where the policy has names.
struct Named<'a> {
    keys: &'a [NamedKey],
}

impl Translator<String> for Named<'_> {
    type TargetPk = DescriptorPublicKey;
    type Error = CompileError;

    fn pk(&mut self, name: &String) -> Result<DescriptorPublicKey, CompileError> {
        self.keys
            .iter()
            .find(|named| named.name == *name)
            .map(|named| ranged(&named.key.to_string()))
            .ok_or_else(|| CompileError::UnknownKey { name: name.clone() })
    }

    translate_hash_fail!(String, DescriptorPublicKey, CompileError);
}
