//! What a policy's reader must know of the devices that it names.

use std::fmt;

use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};

use super::ability::firmware_of;
use super::table::is_known;
use super::{Ability, Demand, Inability, Reason, SeedFact, Version, seed_fact};
use crate::descriptor::VaultDescriptor;
use crate::document::{Policy, Signer};

/// One thing about one signer's device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceFinding {
    /// The signer.
    pub signer: String,
    /// The kind of device.
    pub kind: String,
    /// What it is.
    pub fact: DeviceFact,
}

/// What is to be known of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceFact {
    /// It cannot sign for this policy.
    CannotSign(Inability),
    /// Its seed may be guessed.
    Seed(SeedFact),
    /// It signs from a firmware on, and the document writes none.
    FirmwareUnwritten {
        /// The earliest that signs.
        least: Version,
    },
    /// The firmware that is written is none, or none of this kind.
    FirmwareUnread {
        /// What is written.
        found: String,
    },
    /// The table says nothing of it with this policy.
    Unknown,
}

impl DeviceFact {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::CannotSign(_) => "DEVICE_CANNOT_SIGN",
            Self::Seed(SeedFact::Weak(_) | SeedFact::WeakFirmware(_)) => "DEVICE_SEED_WEAK",
            Self::Seed(SeedFact::DayUnwritten(_) | SeedFact::FirmwareUnwritten(_)) => {
                "DEVICE_SEED_UNWRITTEN"
            }
            Self::FirmwareUnwritten { .. } => "DEVICE_FIRMWARE_UNWRITTEN",
            Self::FirmwareUnread { .. } => "DEVICE_FIRMWARE_UNREAD",
            Self::Unknown => "DEVICE_UNKNOWN",
        }
    }
}

impl DeviceFinding {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        self.fact.code()
    }

    /// Whether a new version with it is refused.
    pub const fn refuses(&self) -> bool {
        matches!(self.fact, DeviceFact::CannotSign(_))
    }

    /// Whether something is to be done, and not only to be written down.
    pub const fn is_grave(&self) -> bool {
        matches!(
            self.fact,
            DeviceFact::CannotSign(_)
                | DeviceFact::Seed(SeedFact::Weak(_) | SeedFact::WeakFirmware(_))
        )
    }

    /// What to do.
    pub fn hint(&self) -> String {
        let kind = &self.kind;
        match &self.fact {
            DeviceFact::CannotSign(Inability {
                reason: Reason::Firmware { least, .. },
                ..
            }) => format!("update it, then write firmware = \">={least}\""),
            DeviceFact::CannotSign(Inability {
                instead: Some(form),
                ..
            }) => format!("write the policy with {form}, or give the key to another device"),
            DeviceFact::CannotSign(_) => {
                "give the key to another device, or change the script".to_owned()
            }
            DeviceFact::Seed(SeedFact::Weak(_) | SeedFact::WeakFirmware(_)) => {
                "make a new seed with later firmware, and replace the key in a next version"
                    .to_owned()
            }
            DeviceFact::Seed(SeedFact::DayUnwritten(_)) => {
                "write seed_created = YYYY-MM-DD, the day on which its seed was made".to_owned()
            }
            DeviceFact::Seed(SeedFact::FirmwareUnwritten(_)) => {
                "write the firmware with which its seed was made".to_owned()
            }
            DeviceFact::FirmwareUnwritten { least } => {
                format!("look at its firmware, and write firmware = \">={least}\"")
            }
            DeviceFact::FirmwareUnread { .. } => {
                format!("write the firmware as the {kind} shows it, such as >=2.4.6")
            }
            DeviceFact::Unknown => {
                "try it with a small amount before the vault holds more".to_owned()
            }
        }
    }

    /// Where it is written; none of what the document itself lacks.
    pub const fn source(&self) -> Option<&'static str> {
        match &self.fact {
            DeviceFact::CannotSign(inability) => Some(inability.source),
            DeviceFact::Seed(
                SeedFact::Weak(advisory)
                | SeedFact::WeakFirmware(advisory)
                | SeedFact::FirmwareUnwritten(advisory)
                | SeedFact::DayUnwritten(advisory),
            ) => Some(advisory.source),
            DeviceFact::FirmwareUnwritten { .. }
            | DeviceFact::FirmwareUnread { .. }
            | DeviceFact::Unknown => None,
        }
    }
}

impl fmt::Display for DeviceFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { signer, kind, fact } = self;
        write!(f, "{signer}'s {kind}")?;
        match fact {
            DeviceFact::CannotSign(Inability {
                reason, instead, ..
            }) => {
                write!(f, " cannot sign this policy: {reason}")?;
                match instead {
                    Some(form) => write!(f, "; with {form} it could"),
                    None => Ok(()),
                }
            }
            DeviceFact::Seed(SeedFact::Weak(advisory)) => write!(
                f,
                " needs a new seed: its maker's firmware made weak ones from {} to {}",
                advisory.first_day, advisory.last_day
            ),
            DeviceFact::Seed(SeedFact::WeakFirmware(advisory)) => write!(
                f,
                " needs a new seed: firmware up to {} makes weak ones, and no later one is written",
                advisory.last_firmware
            ),
            DeviceFact::Seed(SeedFact::DayUnwritten(advisory)) => write!(
                f,
                ": nothing says when its seed was made; those made from {} to {} are weak",
                advisory.first_day, advisory.last_day
            ),
            DeviceFact::Seed(SeedFact::FirmwareUnwritten(advisory)) => write!(
                f,
                ": nothing says with which firmware its seed was made; those of {} and earlier are weak",
                advisory.last_firmware
            ),
            DeviceFact::FirmwareUnwritten { least } => {
                write!(
                    f,
                    " signs this policy from firmware {least} on, and none is written"
                )
            }
            DeviceFact::FirmwareUnread { found } => {
                write!(f, ": {found:?} is no firmware of such a device")
            }
            DeviceFact::Unknown => f.write_str(": nothing is known of it with this policy"),
        }
    }
}

impl Serialize for DeviceFinding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("DeviceFinding", 7)?;
        object.serialize_field("code", self.code())?;
        object.serialize_field("signer", &self.signer)?;
        object.serialize_field("device", &self.kind)?;
        object.serialize_field("refuses", &self.refuses())?;
        object.serialize_field("message", &self.to_string())?;
        object.serialize_field("hint", &self.hint())?;
        object.serialize_field("source", &self.source())?;
        object.end()
    }
}

/// What is to be known of the devices of a keyset, signer by signer.
pub fn findings(descriptor: &VaultDescriptor, signers: &[Signer]) -> Vec<DeviceFinding> {
    if signers.iter().all(|signer| signer.device.is_none()) {
        return Vec::new();
    }
    let demand = Demand::of(descriptor);
    let of = |signer| facts(&demand, signer);
    signers.iter().flat_map(of).collect()
}

/// The findings for which a new version is refused: those that a device cannot sign, where the version before did
/// not have them already.
pub fn refusals(next: &Policy, previous: Option<&Policy>) -> Vec<DeviceFinding> {
    let known = previous.map_or_else(Vec::new, |policy| {
        findings(&policy.descriptor, &policy.signers)
    });
    let mut found = findings(&next.descriptor, &next.signers);
    found.retain(|finding| finding.refuses() && !known.contains(finding));
    found
}

fn facts(demand: &Demand<'_>, signer: &Signer) -> Vec<DeviceFinding> {
    let Some(device) = &signer.device else {
        return Vec::new();
    };
    let mut facts = Vec::new();
    let firmware = firmware_of(device);
    if is_known(&device.kind)
        && firmware.is_none()
        && let Some(found) = &device.firmware
    {
        let found = found.clone();
        facts.push(DeviceFact::FirmwareUnread { found });
    }
    match demand.ability(device, &signer.key.position()) {
        Ability::Cannot(inability) => facts.push(DeviceFact::CannotSign(inability)),
        Ability::Unknown => facts.push(DeviceFact::Unknown),
        Ability::Signs(_) if device.firmware.is_some() => {}
        Ability::Signs(row) => {
            let least = demand.earliest(&device.kind).unwrap_or(row.from);
            if !least.is_any() {
                facts.push(DeviceFact::FirmwareUnwritten { least });
            }
        }
    }
    facts.extend(seed_fact(device).map(DeviceFact::Seed));
    let finding = |fact| DeviceFinding {
        signer: signer.name.clone(),
        kind: device.kind.clone(),
        fact,
    };
    facts.into_iter().map(finding).collect()
}

#[cfg(test)]
#[path = "finding_tests.rs"]
mod tests;
