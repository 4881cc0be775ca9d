//! What a descriptor asks of a device that is to sign for it: the form of its scripts, and how large they are.
//!
//! Forms follow what makers tell apart (BIP 388 templates): `sortedmulti` from `multi`, multisig from miniscript,
//! a tree of plain scripts from one of miniscript.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;

use bitcoin::bip32::{DerivationPath, Xpub};
use bitcoin::hashes::{hash160, ripemd160, sha256};
use miniscript::descriptor::{DescriptorPublicKey, WshInner};
use miniscript::{Descriptor, Miniscript, ScriptContext, Terminal, Translator, hash256};
use serde::Serialize;

use crate::descriptor::VaultDescriptor;

/// The form of a vault's scripts, as devices tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// `wpkh(key)`.
    Wpkh,
    /// `wsh(sortedmulti(…))`.
    WshSorted,
    /// `wsh(multi(…))`: the keys in the order of the document.
    WshMulti,
    /// `wsh` of any other miniscript.
    WshMiniscript,
    /// `tr(key)`, spent by its key alone.
    TrKey,
    /// `tr` whose leaves are `pk` or `multi_a`.
    TrMulti,
    /// `tr` with a leaf of other miniscript.
    TrMiniscript,
}

impl Form {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Wpkh,
        Self::WshSorted,
        Self::WshMulti,
        Self::WshMiniscript,
        Self::TrKey,
        Self::TrMulti,
        Self::TrMiniscript,
    ];

    /// What people call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Wpkh => "wpkh",
            Self::WshSorted => "sortedmulti",
            Self::WshMulti => "multi",
            Self::WshMiniscript => "wsh miniscript",
            Self::TrKey => "tr with a key alone",
            Self::TrMulti => "tr of multi_a",
            Self::TrMiniscript => "tr miniscript",
        }
    }

    /// Other forms that say the same or nearly so, the nearest first.
    pub(super) const fn nearest(self) -> &'static [Self] {
        match self {
            Self::TrMiniscript | Self::TrMulti => &[Self::WshMiniscript, Self::WshSorted],
            Self::WshMiniscript | Self::WshMulti => &[Self::WshSorted],
            Self::TrKey => &[Self::Wpkh],
            Self::Wpkh | Self::WshSorted => &[],
        }
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The form of a descriptor and its sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// The form.
    pub form: Form,
    /// The distinct extended keys, also the one that nobody can spend with.
    pub keys: usize,
    /// The keys of the largest multisig in it; 0 without one.
    pub multi_keys: usize,
    /// The letters of its template (BIP 388), without checksum.
    pub template_chars: usize,
    /// The bytes of the witness script of `wsh`; 0 otherwise.
    pub script_bytes: usize,
    /// How deep the deepest leaf of `tr` lies.
    pub tree_depth: usize,
    /// The leaves of `tr`.
    pub leaves: usize,
    /// Whether a key stands at several places with the same steps behind it.
    pub repeats_key: bool,
}

impl Shape {
    /// What a descriptor asks.
    pub fn of(descriptor: &VaultDescriptor) -> Self {
        let multipath = descriptor.multipath();
        let mut places = Places::default();
        let template = multipath.translate_pk(&mut places);
        let template_chars = template.map_or(0, |template: Descriptor<String>| {
            let text = template.to_string();
            text.split_once('#')
                .map_or(text.len(), |(body, _)| body.len())
        });
        let mut shape = Self {
            form: Form::Wpkh,
            keys: places.keys.len(),
            multi_keys: 0,
            template_chars,
            script_bytes: 0,
            tree_depth: 0,
            leaves: 0,
            repeats_key: places.at.values().any(|times| *times > 1),
        };
        match multipath {
            Descriptor::Wsh(wsh) => {
                let resources = descriptor.resources();
                let mut script = resources.iter().filter(|one| one.name == "script bytes");
                shape.script_bytes = script.next().map_or(0, |bytes| bytes.used);
                match wsh.as_inner() {
                    WshInner::SortedMulti(multi) => {
                        shape.form = Form::WshSorted;
                        shape.multi_keys = multi.n();
                    }
                    WshInner::Ms(script) => {
                        shape.form = if matches!(script.node, Terminal::Multi(_)) {
                            Form::WshMulti
                        } else {
                            Form::WshMiniscript
                        };
                        shape.multi_keys = largest_multi(script);
                    }
                }
            }
            Descriptor::Tr(tr) => {
                shape.form = Form::TrKey;
                for leaf in tr.leaves() {
                    let script = leaf.miniscript();
                    shape.leaves = shape.leaves.saturating_add(1);
                    shape.tree_depth = shape.tree_depth.max(usize::from(leaf.depth()));
                    shape.multi_keys = shape.multi_keys.max(largest_multi(script));
                    shape.form = shape.form.max(if is_plain(script) {
                        Form::TrMulti
                    } else {
                        Form::TrMiniscript
                    });
                }
            }
            Descriptor::Bare(_) | Descriptor::Pkh(_) | Descriptor::Wpkh(_) | Descriptor::Sh(_) => {}
        }
        shape
    }
}

/// Whether a leaf is `pk` or `multi_a`.
fn is_plain<Ctx: ScriptContext>(script: &Miniscript<DescriptorPublicKey, Ctx>) -> bool {
    if let Terminal::Check(inner) = &script.node {
        return matches!(inner.node, Terminal::PkK(_));
    }
    matches!(script.node, Terminal::MultiA(_))
}

fn largest_multi<Ctx: ScriptContext>(script: &Miniscript<DescriptorPublicKey, Ctx>) -> usize {
    let multis = script.iter().filter_map(|part| {
        if let Terminal::Multi(thresh) = &part.node {
            return Some(thresh.n());
        }
        if let Terminal::MultiA(thresh) = &part.node {
            return Some(thresh.n());
        }
        None
    });
    multis.max().unwrap_or(0)
}

/// Puts `@i/**` where a key stands (BIP 388), and counts how often each does.
#[derive(Default)]
struct Places {
    keys: Vec<Xpub>,
    at: BTreeMap<String, usize>,
}

impl Translator<DescriptorPublicKey> for Places {
    type TargetPk = String;
    type Error = Infallible;

    fn pk(&mut self, key: &DescriptorPublicKey) -> Result<String, Infallible> {
        let (xpub, steps) = match key {
            DescriptorPublicKey::MultiXPub(key) => (key.xkey, steps(key.derivation_paths.paths())),
            DescriptorPublicKey::XPub(key) => (key.xkey, "/*".to_owned()),
            // A vault's descriptor has extended keys only.
            DescriptorPublicKey::Single(_) => return Ok(key.to_string()),
        };
        let index = self.keys.iter().position(|known| *known == xpub);
        let index = index.unwrap_or_else(|| {
            self.keys.push(xpub);
            self.keys.len().saturating_sub(1)
        });
        let place = format!("@{index}{steps}");
        let times = self.at.entry(place.clone()).or_default();
        *times = times.saturating_add(1);
        Ok(place)
    }

    fn sha256(&mut self, hash: &sha256::Hash) -> Result<String, Infallible> {
        Ok(hash.to_string())
    }

    fn hash256(&mut self, hash: &hash256::Hash) -> Result<String, Infallible> {
        Ok(hash.to_string())
    }

    fn ripemd160(&mut self, hash: &ripemd160::Hash) -> Result<String, Infallible> {
        Ok(hash.to_string())
    }

    fn hash160(&mut self, hash: &hash160::Hash) -> Result<String, Infallible> {
        Ok(hash.to_string())
    }
}

/// The steps behind a key as templates write them: `/**` for `/<0;1>/*`.
fn steps(paths: &[DerivationPath]) -> String {
    let paths: Vec<String> = paths.iter().map(ToString::to_string).collect();
    match paths.join(";").as_str() {
        "0;1" => "/**".to_owned(),
        other => format!("/<{other}>/*"),
    }
}
