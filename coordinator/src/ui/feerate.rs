//! The feerate of a form.

use super::posted::Wrong;
use crate::service::feerates::{Feerates, is_feerate};

/// The feerate of a form: typed, or one of those that are offered; none lets the node's estimate count.
#[derive(Debug, Clone, Default)]
pub(super) struct FeerateChoice {
    pub(super) offered: Vec<Offered>,
    pub(super) typed: String,
    pub(super) cap: String,
    pub(super) most: String,
    /// Whether the node's estimate can be taken.
    pub(super) has_estimate: bool,
}

/// A feerate that is offered.
#[derive(Debug, Clone)]
pub(super) struct Offered {
    pub(super) value: String,
    pub(super) words: String,
    pub(super) chosen: bool,
    pub(super) too_high: bool,
}

impl FeerateChoice {
    pub(super) fn new(feerates: &Feerates, chosen: &str, typed: &str) -> Self {
        let offered = feerates.suggested.iter().map(|one| Offered {
            value: one.feerate_sat_vb.clone(),
            words: match (one.speed, one.target) {
                (speed, 0) => format!("{speed}: {} sat/vB", one.feerate_sat_vb),
                (speed, target) => format!(
                    "{speed}: {} sat/vB, expected within {}",
                    one.feerate_sat_vb,
                    super::attempts::counted_of(target, "block")
                ),
            },
            chosen: one.feerate_sat_vb == chosen,
            too_high: one.is_above_most,
        });
        Self {
            has_estimate: feerates.suggested.iter().any(|one| one.target > 0),
            offered: offered.collect(),
            typed: typed.to_owned(),
            cap: feerates.cap_sat_vb.clone(),
            most: feerates.most_sat_vb.clone(),
        }
    }
}

/// Reads the feerate of a form.
pub(super) fn feerate(wrong: &mut Wrong, chosen: &str, typed: &str) -> Option<String> {
    let text = if typed.trim().is_empty() {
        chosen
    } else {
        typed
    }
    .trim();
    if text.is_empty() {
        return None;
    }
    if is_feerate(text) {
        return Some(text.to_owned());
    }
    wrong.add("feerate", "A feerate in sat/vB above 0, such as 2.5.");
    None
}
