//! What the slowest device that is needed takes: the bound of one transaction of a vault.
//!
//! A signature is needed of the signers of one ordinary path, and of no others. So a transaction may be as
//! large as that path's weakest device takes whose weakest device takes most; a signer whose device takes
//! less is not needed for it.

use super::{Demand, DeviceLimits, limits_for};
use crate::analysis::signer_of;
use crate::descriptor::VaultDescriptor;
use crate::document::Signer;

/// How large one transaction may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Room {
    /// The most bytes of a PSBT without our records; the first that bounds.
    pub psbt_bytes: usize,
    /// The most inputs.
    pub inputs: usize,
    /// The most outputs.
    pub outputs: usize,
}

/// What the devices of a path take.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Needed {
    /// By the means each device reads with least trouble: by camera, where it has one.
    pub in_a_go: Room,
    /// By whatever means: also as a file.
    pub at_all: Room,
    /// The signers of the path, by name.
    pub signers: Vec<String>,
    /// Of these, the one whose camera reads least, where it is a camera that bounds.
    pub slowest: Option<String>,
}

impl Room {
    /// Room for anything.
    pub const ANY: Self = Self {
        psbt_bytes: usize::MAX,
        inputs: usize::MAX,
        outputs: usize::MAX,
    };

    /// What both have room for.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            psbt_bytes: self.psbt_bytes.min(other.psbt_bytes),
            inputs: self.inputs.min(other.inputs),
            outputs: self.outputs.min(other.outputs),
        }
    }

    fn of(limits: &DeviceLimits) -> Self {
        let any = |most: Option<usize>| most.unwrap_or(usize::MAX);
        Self {
            psbt_bytes: any(limits.psbt_bytes),
            inputs: any(limits.inputs),
            outputs: any(limits.outputs),
        }
    }
}

impl Needed {
    /// What nobody bounds.
    pub const fn nothing() -> Self {
        Self {
            in_a_go: Room::ANY,
            at_all: Room::ANY,
            signers: Vec::new(),
            slowest: None,
        }
    }

    fn of(demand: &Demand<'_>, signers: &[&Signer]) -> Self {
        let mut needed = Self::nothing();
        for signer in signers {
            needed.signers.push(signer.name.clone());
            let limits = signer.device.as_ref();
            let Some(limits) = limits.and_then(|device| limits_for(demand, device)) else {
                continue;
            };
            let at_all = Room::of(&limits);
            let seen = limits.camera.map_or(Room::ANY, |camera| Room {
                psbt_bytes: camera.bytes(),
                ..Room::ANY
            });
            if seen.psbt_bytes < needed.in_a_go.psbt_bytes {
                needed.slowest = Some(signer.name.clone());
            }
            needed.at_all = needed.at_all.and(at_all);
            needed.in_a_go = needed.in_a_go.and(at_all).and(seen);
        }
        if needed.in_a_go == needed.at_all {
            needed.slowest = None;
        }
        needed
    }
}

/// What the devices of a keyset take, where the signers of whom `is_away` says so are passed by as long as
/// the others suffice.
pub fn needed(
    descriptor: &VaultDescriptor,
    signers: &[Signer],
    is_away: impl Fn(&Signer) -> bool,
) -> Needed {
    let demand = Demand::of(descriptor);
    let ordinary = descriptor
        .paths()
        .iter()
        .filter(|path| path.older.is_none());
    let paths = ordinary.map(|path| {
        let held = path.keys.iter();
        let held: Vec<&Signer> = held
            .filter_map(|key| signer_of(descriptor, signers, *key))
            .collect();
        let all_here = !held.iter().any(|signer| is_away(signer));
        (all_here, Needed::of(&demand, &held))
    });
    // The first of equals, so that the answer does not hang on how paths are listed.
    paths
        .reduce(|best, next| {
            let better =
                (next.0, next.1.in_a_go, next.1.at_all) > (best.0, best.1.in_a_go, best.1.at_all);
            if better { next } else { best }
        })
        .map_or_else(Needed::nothing, |(_, needed)| needed)
}
