//! What a window really bounds when some signers are dishonest (promise S3).

use bitcoin::Amount;
use serde::Serialize;

/// The signers of ordinary spends: each keeps a journal and counts windows for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Quorum {
    /// Signers with a key in some ordinary path (n).
    pub signers: usize,
    /// Keys of the smallest ordinary path (k).
    pub least: usize,
}

/// A window and what it bounds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WindowBound {
    /// The rule's name, or the budget's.
    pub of: String,
    /// The amount of the window (L).
    #[serde(rename = "amount_sat", with = "bitcoin::amount::serde::as_sat")]
    pub amount: Amount,
    /// Its length in seconds.
    pub per_s: u64,
    /// At index f, the most satoshi that can move in the window while f signers are dishonest.
    pub bounds_sat: Vec<u64>,
    /// What each journal that is born anew adds once.
    pub reborn_sat: u64,
}

impl WindowBound {
    /// The bounds of a window of `amount` in `per_s` seconds.
    pub(super) fn of(name: &str, amount: Amount, per_s: u64, quorum: Quorum) -> Self {
        Self {
            of: name.to_owned(),
            amount,
            per_s,
            bounds_sat: (0..quorum.least)
                .filter_map(|dishonest| true_bound(amount, quorum, dishonest))
                .collect(),
            reborn_sat: amount.to_sat(),
        }
    }
}

/// ⌊L·(n−f)/(k−f)⌋: every spend is counted by at least k−f honest signers, and n−f of them count up
/// to L each. None where no honest signer is needed.
pub(super) fn true_bound(amount: Amount, quorum: Quorum, dishonest: usize) -> Option<u64> {
    let honest = u128::try_from(quorum.signers.checked_sub(dishonest)?).ok()?;
    let needed = u128::try_from(quorum.least.checked_sub(dishonest)?).ok()?;
    let bound = u128::from(amount.to_sat())
        .checked_mul(honest)?
        .checked_div(needed)?;
    u64::try_from(bound).ok()
}
