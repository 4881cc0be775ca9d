//! What a policy's descriptor and rules allow: every spending path with its weight and cost, whose
//! loss freezes coins and whose theft takes them, how many dishonest signers a double payment needs,
//! what a stolen requester key moves, and what windows really bound.
//!
//! Invariant: exact, and bounded in time for every document that parses.

mod bounded;
mod exposure;
mod holders;
mod pages;
mod paths;
mod reach;
mod requesters;
mod standing;
mod tolerance;
mod warnings;
mod windows;

pub use exposure::Exposure;
pub use holders::Holder;
pub use pages::{PageApprovals, PageKey, PageRule};
pub use paths::{Cost, SpendingPath, signer_of};
pub use reach::{Force, Reach, reach};
pub use requesters::{Automatic, RequesterTheft, Window};
pub use standing::{Advice, Gone, Stage, Standing, UnknownSigner, standing};
pub use warnings::Warning;
pub use windows::{Quorum, WindowBound};

use std::collections::BTreeSet;

use serde::Serialize;

use crate::descriptor::{Resource, ScriptKind, VaultDescriptor};
use crate::devices::{DeviceFinding, findings};
use crate::document::{Policy, Signer};
use holders::Holders;

/// Timelocks shorter than this many blocks (30 days) are pointed out.
pub const SHORT_TIMELOCK_BLOCKS: u16 = 4_320;

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
    /// Whether others can alter a witness: never, since parsing refuses such scripts.
    pub malleable: bool,
    /// What the script uses of what nodes accept.
    pub resources: Vec<Resource>,
    /// Who holds keys together.
    pub holders: Vec<Holder>,
    /// Whose loss and theft count, now and after each timelock.
    pub exposures: Vec<Exposure>,
    /// What each requester's key moves without a human.
    pub requester_thefts: Vec<RequesterTheft>,
    /// Which approvals trust the coordinator's page.
    pub page_approvals: PageApprovals,
    /// The signers of ordinary spends.
    pub quorum: Quorum,
    /// What each window and budget bounds.
    pub windows: Vec<WindowBound>,
    /// The most holders that may be dishonest before two ordinary sets may share no honest signer;
    /// negative when two sets may share no signer.
    pub double_payment_tolerance: i32,
    /// Timelocks under 30 days, in blocks.
    pub short_timelocks: Vec<u16>,
    /// What is to be known of the devices.
    pub devices: Vec<DeviceFinding>,
    /// What a reader should not overlook.
    pub warnings: Vec<Warning>,
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
        let holders = Holders::of(descriptor, &policy.signers);
        let quorum = quorum(descriptor);
        let mut analysis = Self {
            script_kind: descriptor.kind(),
            max_satisfaction_weight: descriptor.max_satisfaction_weight().to_wu(),
            input_weight: input_weight.to_wu(),
            output_weight: descriptor.output_weight().to_wu(),
            input_costs: Cost::shown(input_weight),
            malleable: false,
            resources: descriptor.resources(),
            exposures: exposure::exposures(descriptor, &holders),
            holders: holders.list().to_vec(),
            requester_thefts: requesters::thefts(policy),
            page_approvals: pages::page_approvals(policy),
            quorum,
            windows: bounded::window_bounds(policy, quorum),
            double_payment_tolerance: tolerance_of(descriptor, &policy.signers),
            short_timelocks,
            paths,
            devices: findings(descriptor, &policy.signers),
            warnings: Vec::new(),
        };
        analysis.warnings = warnings::warnings(policy, &analysis);
        analysis
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

/// The double-payment tolerance of a descriptor whose keys these signers hold.
pub(crate) fn tolerance_of(descriptor: &VaultDescriptor, signers: &[Signer]) -> i32 {
    let holders = Holders::of(descriptor, signers);
    let sets: Vec<&[usize]> = ordinary_sets(descriptor).collect();
    tolerance::double_payment_tolerance(&sets, &|key| holders.of_key(key))
}

fn ordinary_sets(descriptor: &VaultDescriptor) -> impl Iterator<Item = &[usize]> {
    descriptor
        .paths()
        .iter()
        .filter(|path| path.older.is_none())
        .map(|path| path.keys.as_slice())
}

fn quorum(descriptor: &VaultDescriptor) -> Quorum {
    let signers: BTreeSet<usize> = ordinary_sets(descriptor).flatten().copied().collect();
    Quorum {
        signers: signers.len(),
        least: ordinary_sets(descriptor)
            .map(<[usize]>::len)
            .min()
            .unwrap_or(0),
    }
}

#[cfg(test)]
mod tests;
