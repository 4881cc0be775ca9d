//! What a policy's descriptor allows: every spending path, what it weighs and costs, and how many
//! dishonest signers a double payment needs.

mod paths;
mod tolerance;

pub use paths::{Cost, SpendingPath};
pub use tolerance::double_payment_tolerance;

use bitcoin::FeeRate;
use serde::Serialize;

use crate::descriptor::{ScriptKind, VaultDescriptor};
use crate::document::{Policy, Signer};

/// Timelocks shorter than this many blocks (30 days) are pointed out.
pub const SHORT_TIMELOCK_BLOCKS: u16 = 4_320;

/// Feerates at which costs are shown, in sat/vB.
const SHOWN_SAT_PER_VB: [u64; 3] = [1, 10, 100];

/// The analysis of a policy version; weights in weight units, as JSON numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Analysis {
    /// The kind of scripts.
    pub script_kind: ScriptKind,
    /// Every minimal set of keys that can spend, ordinary ones first.
    pub paths: Vec<SpendingPath>,
    /// The heaviest witness of an ordinary path.
    pub max_satisfaction_weight: u64,
    /// A whole input with it.
    pub input_weight: u64,
    /// An output to the vault.
    pub output_weight: u64,
    /// What an input costs at some feerates.
    pub input_costs: Vec<Cost>,
    /// The most signing persons that may be dishonest before two ordinary sets may share no honest
    /// one; negative when two sets may share nobody.
    pub double_payment_tolerance: i32,
    /// Timelocks under 30 days, in blocks.
    pub short_timelocks: Vec<u16>,
}

impl Analysis {
    /// Analyses a policy.
    pub fn of(policy: &Policy) -> Self {
        let descriptor = &policy.descriptor;
        let paths = paths::spending_paths(descriptor, &policy.signers);
        let mut short_timelocks: Vec<u16> = paths
            .iter()
            .filter_map(|path| path.older)
            .filter(|older| *older < SHORT_TIMELOCK_BLOCKS)
            .collect();
        short_timelocks.dedup();
        let input_weight = descriptor.input_weight();
        Self {
            script_kind: descriptor.kind(),
            max_satisfaction_weight: descriptor.max_satisfaction_weight().to_wu(),
            input_weight: input_weight.to_wu(),
            output_weight: descriptor.output_weight().to_wu(),
            input_costs: SHOWN_SAT_PER_VB
                .into_iter()
                .filter_map(FeeRate::from_sat_per_vb)
                .filter_map(|feerate| Cost::of(input_weight, feerate))
                .collect(),
            double_payment_tolerance: double_payment_tolerance(&ordinary_persons(
                descriptor,
                &policy.signers,
            )),
            short_timelocks,
            paths,
        }
    }

    /// The ordinary paths.
    pub fn ordinary(&self) -> impl Iterator<Item = &SpendingPath> {
        self.paths.iter().filter(|path| path.ordinary)
    }

    /// The paths that wait for a timelock.
    pub fn recovery(&self) -> impl Iterator<Item = &SpendingPath> {
        self.paths.iter().filter(|path| !path.ordinary)
    }
}

/// The persons of every minimal ordinary set; keys that no signer holds count as themselves.
pub(crate) fn ordinary_persons(
    descriptor: &VaultDescriptor,
    signers: &[Signer],
) -> Vec<std::collections::BTreeSet<String>> {
    descriptor
        .paths()
        .iter()
        .filter(|path| path.older.is_none())
        .map(|path| {
            path.keys
                .iter()
                .map(|key| {
                    paths::signer_of(descriptor, signers, *key)
                        .map_or_else(|| format!("key {key}"), |signer| signer.person.clone())
                })
                .collect()
        })
        .collect()
}

#[cfg(test)]
mod tests;
