//! Seeds that were made by firmware with too little randomness: their keys must be replaced.

use super::table::has_suffix;
use super::{Firmware, Version};
use crate::document::Device;

/// What a maker said of seeds that its firmware made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advisory {
    /// The kind, as policies name it.
    pub kind: &'static str,
    /// The first day of which it is said, as policies write days.
    pub first_day: &'static str,
    /// The last day on which no sound firmware was to be had.
    pub last_day: &'static str,
    /// The last firmware of which it is said.
    pub last_firmware: Version,
    /// Where it is written.
    pub source: &'static str,
}

const COLDCARD: &str = "Coldcard's advisory of July 2026, in its ChangeLog";

const fn coldcard(kind: &'static str, last_firmware: Version) -> Advisory {
    Advisory {
        kind,
        first_day: "2021-01-01",
        last_day: "2026-07-31",
        last_firmware,
        source: COLDCARD,
    }
}

/// The advisories.
pub const ADVISORIES: [Advisory; 4] = [
    coldcard("coldcard", Version::of(5, 6, 0)),
    coldcard("coldcard-q", Version::of(1, 5, 0)),
    coldcard("coldcard-mk3", Version::of(4, 2, 0)),
    coldcard("coldcard-edge", Version::of(6, 6, 0)),
];

/// What is to be said of a device's seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeedFact {
    /// It was made in the days of weak seeds.
    Weak(Advisory),
    /// It was made later, by firmware that makes weak seeds or may be such.
    WeakFirmware(Advisory),
    /// It was made later, and nothing is written of the firmware.
    FirmwareUnwritten(Advisory),
    /// Nothing is written of when it was made.
    DayUnwritten(Advisory),
}

/// What is to be said of a device's seed; none where nothing stands against it.
pub fn seed_fact(device: &Device) -> Option<SeedFact> {
    let mut of_kind = ADVISORIES.into_iter();
    let advisory = of_kind.find(|advisory| advisory.kind == device.kind)?;
    let Some(day) = device.seed_created.as_deref() else {
        return Some(SeedFact::DayUnwritten(advisory));
    };
    // Days are written as 2026-07-31, so that they sort as text.
    if day < advisory.first_day {
        return None;
    }
    if day <= advisory.last_day {
        return Some(SeedFact::Weak(advisory));
    }
    let Some(text) = device.firmware.as_deref() else {
        return Some(SeedFact::FirmwareUnwritten(advisory));
    };
    let is_sound = text.parse().is_ok_and(|firmware: Firmware| {
        has_suffix(&device.kind, firmware.suffix) && firmware.version > advisory.last_firmware
    });
    (!is_sound).then_some(SeedFact::WeakFirmware(advisory))
}
