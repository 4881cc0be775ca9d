//! The flow of a transaction: coins on the left, outputs and fee on the right, each as wide as it is worth.
//!
//! Invariant: both sides are equally wide in all, whatever the values, since what leaves is what came in; a value that
//! would not be seen is drawn as a thin line. What a band is stands in words beside it, never in its colour alone.

mod narrow;
mod wide;
mod widths;

use std::cmp::Reverse;
use std::fmt;

use askama::filters::HtmlSafe;
use bitcoin::Amount;

use crate::ui::show::{Money, Unit, escaped};

/// The most bands of a side; the others are drawn as one.
const MOST: usize = 12;
/// The most letters of what stands beside a band.
const LETTERS: usize = 40;

/// A transaction to be drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Flow {
    /// What the drawing is called.
    pub(crate) title: String,
    /// The coins that it spends.
    pub(crate) inputs: Vec<Band>,
    /// Its outputs.
    pub(crate) outputs: Vec<Band>,
    /// Its fee in satoshi.
    pub(crate) fee_sat: u64,
    /// In which unit amounts are written.
    pub(crate) unit: Unit,
}

/// A band: an input, an output, or the fee.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Band {
    /// What it is.
    pub(crate) kind: Kind,
    /// What it is worth, in satoshi.
    pub(crate) sat: u64,
    /// What stands beside it: a short address, an outpoint.
    pub(crate) words: String,
}

/// What a band is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A coin that is spent.
    Coin,
    /// It pays a withdrawal.
    Payment,
    /// It returns to the vault.
    Change,
    /// It pays the pinned address of recoveries.
    Recovery,
    /// Nothing shows whose it is.
    Unknown,
    /// The fee.
    Fee,
    /// Several that are drawn as one.
    More,
    /// What is not known of it.
    Missing,
}

impl Kind {
    /// Its class.
    const fn class(self) -> &'static str {
        match self {
            Self::Coin => "flow-coin",
            Self::Payment => "flow-payment",
            Self::Change => "flow-change",
            Self::Recovery => "flow-recovery",
            Self::Unknown => "flow-unknown",
            Self::Fee => "flow-fee",
            Self::More => "flow-more",
            Self::Missing => "flow-missing",
        }
    }

    /// Its word.
    const fn word(self) -> &'static str {
        match self {
            Self::Coin => "Coin",
            Self::Payment => "Payment",
            Self::Change => "Change",
            Self::Recovery => "Recovery address",
            Self::Unknown => "Unknown output",
            Self::Fee => "Fee",
            Self::More => "More",
            Self::Missing => "Not known",
        }
    }
}

/// What is drawn of a transaction: two sides of one sum.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Sides {
    left: Vec<Band>,
    right: Vec<Band>,
}

impl Flow {
    fn sides(&self) -> Sides {
        let fee = Band {
            kind: Kind::Fee,
            sat: self.fee_sat,
            words: String::new(),
        };
        let (spent, paid) = (sum(&self.inputs), sum(&self.outputs));
        let paid = paid.saturating_add(u128::from(self.fee_sat));
        let mut left = folded(&self.inputs);
        let mut right = folded(&self.outputs);
        right.push(fee);
        // What an attempt spends is not always known; then the rest is told, so that no band lies about its share.
        left.extend(missing(paid.saturating_sub(spent)));
        right.extend(missing(spent.saturating_sub(paid)));
        Sides { left, right }
    }

    /// What it shows, in words.
    fn words(&self) -> String {
        let of = |kind: Kind| {
            let found = self.outputs.iter().filter(|band| band.kind == kind);
            (
                found.clone().count(),
                found.fold(0_u64, |sum, band| sum.saturating_add(band.sat)),
            )
        };
        let mut words = vec![format!(
            "Spends {} of {}.",
            counted(self.inputs.len(), "coin"),
            self.money(u64::try_from(sum(&self.inputs)).unwrap_or(u64::MAX))
        )];
        for (kind, what) in [
            (Kind::Payment, "payment"),
            (Kind::Change, "change output"),
            (Kind::Recovery, "output to the recovery address"),
            (Kind::Unknown, "unknown output"),
        ] {
            let (count, sat) = of(kind);
            if count > 0 {
                words.push(format!("{} of {}.", counted(count, what), self.money(sat)));
            }
        }
        words.push(format!("The fee is {}.", self.money(self.fee_sat)));
        words.join(" ")
    }

    fn money(&self, sat: u64) -> String {
        Money::new(Amount::from_sat(sat), self.unit).text()
    }

    /// What stands beside a band: its word and amount, and what it is more closely.
    fn label(&self, band: &Band) -> (String, String) {
        let mut letters = band.words.chars();
        let mut closer: String = letters.by_ref().take(LETTERS).collect();
        if letters.next().is_some() {
            closer.push('…');
        }
        let amount = self.money(band.sat);
        let first = match band.kind {
            Kind::More => amount,
            Kind::Coin
            | Kind::Payment
            | Kind::Change
            | Kind::Recovery
            | Kind::Unknown
            | Kind::Fee
            | Kind::Missing => format!("{} {amount}", band.kind.word()),
        };
        (escaped(&first), escaped(&closer))
    }
}

/// Both layouts; the style shows the one that fits.
impl fmt::Display for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sides = self.sides();
        write!(
            f,
            "<figure class=\"chart flow\">{}{}</figure>",
            self.wide(&sides),
            self.narrow(&sides)
        )
    }
}

impl HtmlSafe for Flow {}

fn sum(bands: &[Band]) -> u128 {
    bands
        .iter()
        .fold(0, |sum, band| sum.saturating_add(u128::from(band.sat)))
}

fn missing(sat: u128) -> Option<Band> {
    (sat > 0).then(|| Band {
        kind: Kind::Missing,
        sat: u64::try_from(sat).unwrap_or(u64::MAX),
        words: "the coordinator does not know it".to_owned(),
    })
}

/// The bands of a side in their order; beyond the most, the smallest are one, and change never is among those.
fn folded(bands: &[Band]) -> Vec<Band> {
    if bands.len() <= MOST {
        return bands.to_vec();
    }
    let mut ranked: Vec<usize> = (0..bands.len()).collect();
    ranked.sort_by_key(|index| {
        let band = bands.get(*index);
        let is_payment = band.is_none_or(|band| band.kind != Kind::Change);
        (is_payment, Reverse(band.map_or(0, |band| band.sat)), *index)
    });
    let kept: Vec<usize> = ranked.into_iter().take(MOST).collect();
    let is_kept = |index: &usize| kept.contains(index);
    let mut shown = Vec::new();
    let mut rest = Vec::new();
    for (index, band) in bands.iter().enumerate() {
        if is_kept(&index) {
            shown.push(band.clone());
        } else {
            rest.push(band.clone());
        }
    }
    shown.push(Band {
        kind: Kind::More,
        sat: u64::try_from(sum(&rest)).unwrap_or(u64::MAX),
        words: format!("and {} more", rest.len()),
    });
    shown
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 {
        format!("1 {what}")
    } else {
        format!("{count} {what}s")
    }
}

#[cfg(test)]
mod tests;
