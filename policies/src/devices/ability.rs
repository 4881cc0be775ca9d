//! Whether a device can sign for a vault, and why not.
//!
//! Invariant: a refusal is said only where a row of the table says it. Nothing here keeps a policy from being parsed
//! or a version from being followed: data changes, and money must not freeze for it.

use std::fmt;

use bitcoin::NetworkKind;
use bitcoin::bip32::{ChildNumber, DerivationPath, Fingerprint};

use super::table::{Bounds, Pace, Paths, Row, Said, Verdict, bounding, has_suffix, rows_of, said};
use super::{Firmware, Form, Shape, Version};
use crate::descriptor::{KeyPosition, VaultDescriptor};
use crate::document::Device;

/// The steps of an address behind an extended key.
const ADDRESS_STEPS: usize = 2;

/// Whether a device can sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ability {
    /// It can, as this row says.
    Signs(&'static Row),
    /// The table says nothing of it.
    Unknown,
    /// It cannot.
    Cannot(Inability),
}

/// Why a device cannot sign, and with what it could.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inability {
    /// Why.
    pub reason: Reason,
    /// The nearest form of scripts that it signs, where another form is the way.
    pub instead: Option<Form>,
    /// Where that is written.
    pub source: &'static str,
}

/// Why a device cannot sign for a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// It never signs scripts of this form; why, in words.
    Form {
        /// Why.
        why: &'static str,
    },
    /// Its firmware is too old.
    Firmware {
        /// What the policy pins.
        found: Firmware,
        /// The earliest that signs.
        least: Version,
    },
    /// Something of the descriptor is larger than it takes.
    Above {
        /// What, as `keys`.
        what: &'static str,
        /// How much.
        found: usize,
        /// The most.
        most: usize,
    },
    /// It has no keys at this path.
    Path {
        /// The path.
        path: DerivationPath,
    },
    /// Two keys come from one seed, as their fingerprint says.
    Fingerprint {
        /// The fingerprint.
        fingerprint: Fingerprint,
    },
    /// A key stands in two scripts.
    RepeatedKey,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form { why } => f.write_str(why),
            Self::Firmware { found, least } => {
                write!(f, "firmware {found} is too old, it takes {least}")
            }
            Self::Above { what, found, most } => {
                write!(f, "the policy has {found} {what}, it takes {most}")
            }
            Self::Path { path } => {
                // The alternate form of a path does not reach its steps.
                let steps: Vec<String> = path.into_iter().map(|step| format!("{step:#}")).collect();
                write!(f, "it has no keys at {}", steps.join("/"))
            }
            Self::Fingerprint { fingerprint } => write!(
                f,
                "two keys have the fingerprint {fingerprint}, it takes each once"
            ),
            Self::RepeatedKey => f.write_str("a key stands in two scripts, it takes each once"),
        }
    }
}

/// A descriptor as devices see it: the form, the sizes, the keys.
#[derive(Debug, Clone)]
pub struct Demand<'a> {
    descriptor: &'a VaultDescriptor,
    shape: Shape,
}

impl<'a> Demand<'a> {
    /// What a descriptor asks of devices.
    pub fn of(descriptor: &'a VaultDescriptor) -> Self {
        Self {
            descriptor,
            shape: Shape::of(descriptor),
        }
    }

    /// The form and the sizes.
    pub const fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Whether a device can sign with a key.
    pub fn ability(&self, device: &Device, key: &KeyPosition) -> Ability {
        let firmware = firmware_of(device);
        let row = match said(&device.kind, self.shape.form, firmware) {
            Said::Row(row) => row,
            Said::Nothing => return Ability::Unknown,
            Said::From(row) => {
                let Some(found) = firmware else {
                    return Ability::Unknown;
                };
                let least = row.from;
                return self.cannot(device, row, Reason::Firmware { found, least });
            }
        };
        match row.verdict {
            Verdict::Never(why) => self.cannot(device, row, Reason::Form { why }),
            Verdict::Signs(bounds) => match self.exceeded(&bounds, key) {
                Some(reason) => self.cannot(device, row, reason),
                None => Ability::Signs(row),
            },
        }
    }

    /// The row whose bounds of one transaction hold for a device; none where nothing is known of it.
    pub fn bounding(&self, device: &Device) -> Option<&'static Row> {
        bounding(&device.kind, self.shape.form, firmware_of(device))
    }

    /// How long a device takes for a transaction, where that was measured.
    pub fn pace(&self, device: &Device) -> Option<Pace> {
        self.bounding(device)?.bounds()?.pace
    }

    /// The earliest firmware with which a kind of device signs scripts of this form.
    pub(super) fn earliest(&self, kind: &str) -> Option<Version> {
        let mut signing = rows_of(kind, self.shape.form).filter(|row| row.bounds().is_some());
        signing.next().map(|row| row.from)
    }

    fn cannot(&self, device: &Device, row: &'static Row, reason: Reason) -> Ability {
        let instead = match reason {
            Reason::Form { .. } => self.nearest(device),
            Reason::Firmware { .. }
            | Reason::Above { .. }
            | Reason::Path { .. }
            | Reason::Fingerprint { .. }
            | Reason::RepeatedKey => None,
        };
        Ability::Cannot(Inability {
            reason,
            instead,
            source: row.source,
        })
    }

    /// The nearest form that a device signs.
    fn nearest(&self, device: &Device) -> Option<Form> {
        let firmware = firmware_of(device);
        let nearest = self.shape.form.nearest().iter().copied();
        let mut signed = nearest.filter(|form| {
            let said = said(&device.kind, *form, firmware);
            matches!(said, Said::Row(row) if row.bounds().is_some())
        });
        signed.next()
    }

    /// What of the descriptor exceeds bounds.
    fn exceeded(&self, bounds: &Bounds, key: &KeyPosition) -> Option<Reason> {
        let shape = &self.shape;
        let sizes = [
            (shape.keys, bounds.keys, "keys"),
            (shape.multi_keys, bounds.multi_keys, "keys in one multisig"),
            (
                shape.template_chars,
                bounds.template_chars,
                "letters in its template",
            ),
            (shape.script_bytes, bounds.script_bytes, "bytes of script"),
            (
                shape.tree_depth,
                bounds.tree_depth,
                "levels in its script tree",
            ),
            (shape.leaves, bounds.leaves, "scripts in its tree"),
        ];
        let above = sizes.into_iter().find_map(|(found, most, what)| {
            let most = most.filter(|most| found > *most)?;
            Some(Reason::Above { what, found, most })
        });
        if above.is_some() {
            return above;
        }
        if bounds.keys_stand_once && shape.repeats_key {
            return Some(Reason::RepeatedKey);
        }
        if bounds.fingerprints_differ
            && let Some(fingerprint) = self.repeated_fingerprint()
        {
            return Some(Reason::Fingerprint { fingerprint });
        }
        let network = NetworkKind::from(self.descriptor.network());
        (!bounds.paths.has(&key.path, network)).then(|| Reason::Path {
            path: key.path.clone(),
        })
    }

    fn repeated_fingerprint(&self) -> Option<Fingerprint> {
        let keys = self.descriptor.key_positions();
        let mut later = keys.iter().enumerate().skip(1);
        later.find_map(|(place, key)| {
            let mut earlier = keys.iter().take(place);
            let repeats = earlier.any(|known| known.fingerprint == key.fingerprint);
            repeats.then_some(key.fingerprint)
        })
    }
}

/// Whether a device can sign for a vault with one of its keys.
pub fn ability(device: &Device, descriptor: &VaultDescriptor, key: &KeyPosition) -> Ability {
    Demand::of(descriptor).ability(device, key)
}

/// The firmware that a policy pins for a device; none where it pins none, or what is none of its kind.
pub(super) fn firmware_of(device: &Device) -> Option<Firmware> {
    let text = device.firmware.as_deref()?;
    let firmware: Firmware = text.parse().ok()?;
    has_suffix(&device.kind, firmware.suffix).then_some(firmware)
}

impl Paths {
    /// Whether a device has keys at a path.
    fn has(self, path: &DerivationPath, network: NetworkKind) -> bool {
        match self {
            Self::Any => true,
            Self::AtMost(steps) => path.len().saturating_add(ADDRESS_STEPS) <= steps,
            Self::OfCoin => {
                let coin = match network {
                    NetworkKind::Main => 0,
                    NetworkKind::Test => 1,
                };
                let hardened = |index| ChildNumber::Hardened { index };
                let steps = <DerivationPath as AsRef<[ChildNumber]>>::as_ref(path);
                steps.first() == Some(&hardened(45)) || steps.get(1) == Some(&hardened(coin))
            }
        }
    }
}

#[cfg(test)]
#[path = "ability_tests.rs"]
mod tests;
