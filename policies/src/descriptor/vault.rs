//! The parsed descriptor of a vault and its derivation.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, LazyLock, Mutex};

use bitcoin::bip32::{ChildNumber, Xpub};
use bitcoin::secp256k1::{Secp256k1, VerifyOnly};
use bitcoin::{Network, ScriptBuf, Weight};
use miniscript::descriptor::DescriptorPublicKey;
use miniscript::{Descriptor, Translator, translate_hash_clone};

use super::keys::{self, KeyPosition};
use super::own_scripts::ScriptTable;
use super::paths::{self, Effort, KeyPath};
use super::{DerivedScript, DescriptorError, weight};
use crate::Keychain;

/// The highest unhardened index (BIP 32).
pub const MAX_INDEX: u32 = 0x7fff_ffff;
/// How many places of each keychain are compared where two descriptors may be one.
const COMPARED: u32 = 8;

/// One context for all public derivation; it holds no secrets, so it needs no randomization.
static SECP: LazyLock<Secp256k1<VerifyOnly>> = LazyLock::new(Secp256k1::verification_only);

/// The kind of a vault's scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ScriptKind {
    /// P2WSH of a miniscript or `sortedmulti`.
    Wsh,
    /// P2TR with a script tree, a key path, or both.
    Tr,
    /// P2WPKH, a single key.
    Wpkh,
}

impl ScriptKind {
    /// Its fragment name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Wsh => "wsh",
            Self::Tr => "tr",
            Self::Wpkh => "wpkh",
        }
    }
}

impl fmt::Display for ScriptKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The descriptor of a vault: ranged, with one branch for deposits and one for change.
#[derive(Clone)]
pub struct VaultDescriptor {
    text: String,
    network: Network,
    kind: ScriptKind,
    multipath: Descriptor<DescriptorPublicKey>,
    branches: [Branch; 2],
    keys: Vec<KeyPosition>,
    paths: Vec<KeyPath>,
    scripts: Arc<Mutex<ScriptTable>>,
}

/// One single-path descriptor with the extended keys of its branch already derived.
#[derive(Clone)]
struct Branch {
    descriptor: Descriptor<DescriptorPublicKey>,
    xpubs: HashMap<DescriptorPublicKey, Xpub>,
}

impl VaultDescriptor {
    /// Parses a multipath descriptor with checksum and checks all that a vault needs of it.
    pub fn parse(text: &str, network: Network) -> Result<Self, DescriptorError> {
        keys::examine_text(text)?;
        let multipath: Descriptor<DescriptorPublicKey> = text
            .parse()
            .map_err(|error| DescriptorError::syntax(text, error))?;
        let kind = kind_of(&multipath)?;
        let keys = keys::key_positions(text, &multipath, network)?;
        multipath.sanity_check().map_err(DescriptorError::insane)?;
        let singles = multipath
            .clone()
            .into_single_descriptors()
            .map_err(|error| DescriptorError::syntax(text, error))?;
        let Ok([external, internal]) = <[_; 2]>::try_from(singles) else {
            return Err(DescriptorError::NotRanged {
                key: text.to_owned(),
                checksum: None,
            });
        };
        let mut descriptor = Self {
            text: text.to_owned(),
            network,
            kind,
            branches: [Branch::new(external), Branch::new(internal)],
            keys,
            paths: Vec::new(),
            scripts: Arc::default(),
            multipath,
        };
        let sets = paths::minimal_sets(&descriptor.multipath, &descriptor.keys)?;
        descriptor.paths = weight::weigh(&descriptor, sets)?;
        Ok(descriptor)
    }

    /// The exact text of the policy document, with its checksum.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The network of the vault.
    pub fn network(&self) -> Network {
        self.network
    }

    /// The kind of its scripts.
    pub fn kind(&self) -> ScriptKind {
        self.kind
    }

    /// The distinct extended keys, without the NUMS key, in a fixed order that paths refer to.
    pub fn key_positions(&self) -> &[KeyPosition] {
        &self.keys
    }

    /// The parsed descriptor with both branches.
    pub fn multipath(&self) -> &Descriptor<DescriptorPublicKey> {
        &self.multipath
    }

    /// The single-path descriptor of one keychain.
    pub fn branch(&self, keychain: Keychain) -> &Descriptor<DescriptorPublicKey> {
        &self.branch_of(keychain).descriptor
    }

    /// Every minimal set of keys that can spend, ordinary ones first.
    pub fn paths(&self) -> &[KeyPath] {
        &self.paths
    }

    /// The minimal sets of holders without whom nobody can spend a coin of an age, each holder's keys
    /// lost together.
    pub(crate) fn blocking_sets(
        &self,
        age: u16,
        holder_of: &impl Fn(usize) -> usize,
        effort: &mut Effort,
    ) -> Result<Vec<BTreeSet<usize>>, DescriptorError> {
        paths::blocking_sets(&self.multipath, &self.keys, age, holder_of, effort)
    }

    /// Derives the script at an index.
    ///
    /// # Panics
    /// Above [`MAX_INDEX`]: indexes come from our own counters or through a bound check.
    pub fn at(&self, keychain: Keychain, index: u32) -> DerivedScript {
        assert!(index <= MAX_INDEX, "address index {index} is hardened");
        let definite = self
            .branch(keychain)
            .at_derivation_index(index)
            .expect("a single-path descriptor derives at an unhardened index");
        DerivedScript {
            keychain,
            index,
            script_pubkey: self.script_pubkey(keychain, index),
            definite,
        }
    }

    /// Whether another descriptor gives the same scripts, compared at the first places of both keychains: equal
    /// there, they are one tree of keys.
    pub fn gives_same_scripts(&self, other: &Self) -> bool {
        Keychain::BOTH.into_iter().all(|keychain| {
            (0..COMPARED).all(|index| {
                self.script_pubkey(keychain, index) == other.script_pubkey(keychain, index)
            })
        })
    }

    /// Derives only the output script at an index; much cheaper than [`Self::at`] in bulk.
    ///
    /// # Panics
    /// Above [`MAX_INDEX`].
    pub fn script_pubkey(&self, keychain: Keychain, index: u32) -> ScriptBuf {
        let child = ChildNumber::from_normal_idx(index).expect("address indexes are unhardened");
        let branch = self.branch_of(keychain);
        branch
            .descriptor
            .translate_pk(&mut AtIndex { branch, child })
            .unwrap_or_else(|error| {
                panic!(
                    "deriving keys changes no script: {}",
                    error.into_outer_err()
                )
            })
            .script_pubkey()
    }

    /// The heaviest witness of an ordinary path, exact: stack count, items and witness script. The
    /// empty scriptSig's length byte belongs to [`super::TXIN_BASE_WEIGHT`].
    pub fn max_satisfaction_weight(&self) -> Weight {
        self.paths
            .iter()
            .filter(|path| path.older.is_none())
            .map(|path| path.satisfaction_weight)
            .max()
            .unwrap_or(Weight::ZERO)
    }

    /// The weight of a whole input spent through the heaviest ordinary path.
    pub fn input_weight(&self) -> Weight {
        super::TXIN_BASE_WEIGHT + self.max_satisfaction_weight()
    }

    /// The weight of an output paying to the vault (amount, script length and script).
    pub fn output_weight(&self) -> Weight {
        let script_bytes: u64 = match self.kind {
            ScriptKind::Wsh | ScriptKind::Tr => 34,
            ScriptKind::Wpkh => 22,
        };
        Weight::from_non_witness_data_size(8 + 1 + script_bytes)
    }

    pub(super) fn scripts(&self) -> &Mutex<ScriptTable> {
        &self.scripts
    }

    fn branch_of(&self, keychain: Keychain) -> &Branch {
        match keychain {
            Keychain::External => &self.branches[0],
            Keychain::Internal => &self.branches[1],
        }
    }
}

impl fmt::Debug for VaultDescriptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VaultDescriptor")
            .field("text", &self.text)
            .field("network", &self.network)
            .finish_non_exhaustive()
    }
}

impl PartialEq for VaultDescriptor {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text && self.network == other.network
    }
}

impl Eq for VaultDescriptor {}

impl Branch {
    fn new(descriptor: Descriptor<DescriptorPublicKey>) -> Self {
        let xpubs = descriptor
            .iter_pk()
            .filter_map(|key| match &key {
                DescriptorPublicKey::XPub(xkey) => {
                    let xpub = xkey
                        .xkey
                        .derive_pub(&*SECP, &xkey.derivation_path)
                        .expect("the branch path was checked to be unhardened");
                    Some((key, xpub))
                }
                DescriptorPublicKey::Single(_) | DescriptorPublicKey::MultiXPub(_) => None,
            })
            .collect();
        Self { descriptor, xpubs }
    }
}

/// Derives each key from its branch's cached extended key: one step a key.
struct AtIndex<'a> {
    branch: &'a Branch,
    child: ChildNumber,
}

impl Translator<DescriptorPublicKey> for AtIndex<'_> {
    type TargetPk = bitcoin::PublicKey;
    type Error = std::convert::Infallible;

    fn pk(&mut self, pk: &DescriptorPublicKey) -> Result<Self::TargetPk, Self::Error> {
        let child = self
            .branch
            .xpubs
            .get(pk)
            .expect("parsing left only extended keys, all of them cached")
            .derive_pub(&*SECP, &[self.child])
            .expect("an unhardened step derives");
        Ok(bitcoin::PublicKey::new(child.public_key))
    }

    translate_hash_clone!(DescriptorPublicKey);
}

fn kind_of(descriptor: &Descriptor<DescriptorPublicKey>) -> Result<ScriptKind, DescriptorError> {
    match descriptor {
        Descriptor::Wsh(_) => Ok(ScriptKind::Wsh),
        Descriptor::Tr(_) => Ok(ScriptKind::Tr),
        Descriptor::Wpkh(_) => Ok(ScriptKind::Wpkh),
        Descriptor::Bare(_) | Descriptor::Pkh(_) | Descriptor::Sh(_) => Err(DescriptorError::Kind),
    }
}
