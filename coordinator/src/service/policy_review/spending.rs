//! Who can spend the coins of a version, from which age on, at what cost, and what loss and theft mean.
//!
//! Invariant: every set is a minimal one of the rule-book's analysis. Where there are more than are shown, how many
//! more is said; where there are too many to count, that is said, never some of them.

use bitcoin::{Address, Amount, FeeRate};
use policies::Keychain;
use policies::analysis::{Analysis, Exposure, signer_of};
use policies::document::{Policy, format_duration, format_sat_per_vb};
use policies::report;

use super::bands::{Band, bands};
use crate::queue::estimate_of;

/// Sets beyond this many are counted instead of listed.
const LISTED: usize = 40;
/// Feerates in sat/vB that costs are shown at while the node has no estimate.
const FIXED: [u32; 3] = [1, 10, 50];

/// Who can spend.
#[derive(Debug, Clone)]
pub struct SpendingView {
    /// The kind of script.
    pub script: &'static str,
    /// The descriptor with its checksum.
    pub descriptor: String,
    /// The policy in the document, which means the same; none where the document has none.
    pub policy_text: Option<String>,
    /// What the script means, over the signers' names.
    pub meaning: Option<String>,
    /// The first address of deposits, to check a wallet that takes the descriptor in.
    pub first_address: Option<String>,
    /// Where a recovery pays.
    pub recovery: String,
    /// Every way to spend.
    pub paths: Vec<PathView>,
    /// The feerates of the costs.
    pub costs: Costs,
    /// The same ways for the drawing.
    pub bands: Vec<Band>,
    /// Now, and after each timelock.
    pub stages: Vec<StageView>,
    /// The double-payment tolerance in words.
    pub double_payment: String,
    /// Whether two sets of signers may share nobody.
    pub trusts_coordinator: bool,
    /// What theft of each requester's key moves without a human.
    pub thefts: Vec<TheftView>,
    /// What windows truly bound.
    pub bounds: Vec<BoundView>,
    /// The weight of an input on the heaviest ordinary path, in weight units.
    pub input_weight: u64,
    /// The weight of an output to the vault.
    pub output_weight: u64,
    /// What the script uses of what nodes accept, in words.
    pub resources: Vec<String>,
    /// Persons who hold several keys, or share a host: one for every loss and theft.
    pub together: Vec<String>,
}

/// One way to spend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathView {
    /// The signers' names.
    pub keys: Vec<String>,
    /// Blocks that the coin must be old.
    pub older: Option<u16>,
    /// From when on, in words.
    pub when: String,
    /// The heaviest witness, in weight units.
    pub weight: u64,
    /// What one input costs at each of the feerates; none when it cannot be counted.
    pub costs: Vec<Option<Amount>>,
}

/// The feerates that costs are shown at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Costs {
    /// The feerates, lowest first.
    pub feerates: Vec<FeerateView>,
    /// Whether they are the node's estimates of now.
    pub estimated: bool,
}

/// A feerate with its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeerateView {
    /// Such as `low`; empty for a fixed one.
    pub name: &'static str,
    /// The feerate.
    pub feerate: FeeRate,
    /// In sat/vB, exact.
    pub sat_vb: String,
}

/// Coins of an age: who can spend them, and what loss and theft mean for them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageView {
    /// Blocks that the coins are old; none for any coin.
    pub older: Option<u16>,
    /// In words.
    pub when: String,
    /// Who can spend them: whoever holds all keys of one of these sets, thief or owner.
    pub theft: SetsView,
    /// Those sets that only this age made possible.
    pub newly: SetsView,
    /// If all of one of these sets are lost, nobody can spend them.
    pub loss: SetsView,
}

/// Minimal sets, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetsView {
    /// Each such as `alice + bob`.
    pub listed: Vec<String>,
    /// How many more there are.
    pub more: usize,
    /// Whether there are too many to count; then none is listed.
    pub is_unknown: bool,
}

/// What theft of a requester's key moves without a human.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TheftView {
    /// The requester.
    pub requester: String,
    /// One sentence for each rule; nothing where it moves nothing.
    pub moves: Vec<String>,
    /// Whether one of them has no bound in time.
    pub is_unbounded: bool,
}

/// What a window truly bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoundView {
    /// The rule or budget.
    pub of: String,
    /// The amount of the window.
    pub amount: Amount,
    /// Its length in words.
    pub per: String,
    /// At index f, the most that moves in the window while f signers are dishonest.
    pub bounds: Vec<Amount>,
    /// What each journal that is born anew adds once.
    pub reborn: Amount,
}

impl SpendingView {
    /// Who can spend the coins of a version. `targets` are the confirmation targets: urgent, normal, economy.
    pub(super) fn of(
        policy: &Policy,
        analysis: &Analysis,
        targets: [u32; 3],
        estimates: &[(u32, FeeRate)],
    ) -> Self {
        let descriptor = &policy.descriptor;
        let costs = Costs::of(targets, estimates);
        let meaning = descriptor.meaning(|key| {
            signer_of(descriptor, &policy.signers, key)
                .map_or_else(|| format!("key {key}"), |signer| signer.name.clone())
        });
        let paths = analysis.paths.iter().map(|path| PathView {
            keys: path.keys.clone(),
            older: path.older,
            when: from_when(path.older),
            weight: path.satisfaction_weight.to_wu(),
            costs: (costs.feerates.iter())
                .map(|one| path.input_cost_at(one.feerate))
                .collect(),
        });
        Self {
            script: analysis.script_kind.name(),
            descriptor: descriptor.text().to_owned(),
            policy_text: policy.policy_text.clone(),
            meaning,
            first_address: first_address(policy),
            recovery: report::recovery_words(policy),
            paths: paths.collect(),
            bands: bands(&analysis.paths),
            stages: analysis.exposures.iter().map(stage).collect(),
            double_payment: report::tolerance_words(analysis.double_payment_tolerance),
            trusts_coordinator: analysis.double_payment_tolerance < 0,
            thefts: thefts(analysis),
            bounds: bounds(analysis),
            input_weight: analysis.input_weight,
            output_weight: analysis.output_weight,
            resources: (analysis.resources.iter())
                .map(|one| format!("{} of {} {}", one.used, one.most, one.name))
                .collect(),
            together: (analysis.holders.iter())
                .filter(|holder| holder.signers.len() > 1)
                .map(|holder| format!("{} holds {}", holder.name, holder.signers.join(" and ")))
                .collect(),
            costs,
        }
    }
}

impl Costs {
    fn of(targets: [u32; 3], estimates: &[(u32, FeeRate)]) -> Self {
        let [urgent, normal, economy] = targets;
        let named = [("low", economy), ("normal", normal), ("high", urgent)];
        let estimated: Option<Vec<FeerateView>> = (named.into_iter())
            .map(|(name, target)| {
                estimate_of(estimates, target).map(|feerate| FeerateView::of(name, feerate))
            })
            .collect();
        let is_estimated = estimated.is_some();
        let feerates = estimated.unwrap_or_else(|| {
            let fixed = FIXED.into_iter().map(FeeRate::from_sat_per_vb_u32);
            fixed.map(|feerate| FeerateView::of("", feerate)).collect()
        });
        Self {
            feerates,
            estimated: is_estimated,
        }
    }
}

impl FeerateView {
    fn of(name: &'static str, feerate: FeeRate) -> Self {
        Self {
            name,
            feerate,
            sat_vb: format_sat_per_vb(feerate),
        }
    }
}

impl SetsView {
    fn of(sets: Option<&Vec<Vec<String>>>) -> Self {
        let listed = sets.into_iter().flatten().take(LISTED);
        Self {
            listed: listed.map(|set| set.join(" + ")).collect(),
            more: sets.map_or(0, |sets| sets.len().saturating_sub(LISTED)),
            is_unknown: sets.is_none(),
        }
    }

    /// Whether there is no such set.
    pub const fn is_empty(&self) -> bool {
        self.listed.is_empty() && !self.is_unknown
    }
}

fn first_address(policy: &Policy) -> Option<String> {
    let script = policy.descriptor.script_pubkey(Keychain::External, 0);
    let address = Address::from_script(&script, policy.network).ok()?;
    Some(address.to_string())
}

/// From when on a path is open, in words.
pub(super) fn from_when(older: Option<u16>) -> String {
    older.map_or_else(
        || "at any time".to_owned(),
        |blocks| {
            let about = report::days(blocks);
            format!("once the coin is {blocks} blocks old, about {about}")
        },
    )
}

fn stage(exposure: &Exposure) -> StageView {
    StageView {
        older: exposure.older,
        when: exposure.older.map_or_else(
            || "Now: coins of any age".to_owned(),
            |blocks| format!("Coins {blocks} blocks old, about {}", report::days(blocks)),
        ),
        theft: SetsView::of(exposure.theft.as_ref()),
        newly: SetsView::of(exposure.newly.as_ref()),
        loss: SetsView::of(exposure.loss.as_ref()),
    }
}

fn thefts(analysis: &Analysis) -> Vec<TheftView> {
    let thefts = analysis.requester_thefts.iter().map(|theft| TheftView {
        requester: theft.requester.clone(),
        moves: theft.moves.iter().map(report::automatic_words).collect(),
        is_unbounded: theft.moves.iter().any(|one| one.window.is_none()),
    });
    thefts.collect()
}

fn bounds(analysis: &Analysis) -> Vec<BoundView> {
    let bounds = analysis.windows.iter().map(|window| BoundView {
        of: window.of.clone(),
        amount: window.amount,
        per: format_duration(window.per_s),
        bounds: window
            .bounds_sat
            .iter()
            .copied()
            .map(Amount::from_sat)
            .collect(),
        reborn: Amount::from_sat(window.reborn_sat),
    });
    bounds.collect()
}
