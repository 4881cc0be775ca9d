//! Spending paths in the names of the signers.

use bitcoin::{Amount, FeeRate, Weight};
use serde::Serialize;

use crate::descriptor::{TXIN_BASE_WEIGHT, VaultDescriptor};
use crate::document::{Signer, format_sat_per_vb};

/// One minimal set of keys that can spend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SpendingPath {
    /// Such as `alice + bob`, or `vault-key after 12960 blocks`.
    pub name: String,
    /// The signers' names.
    pub keys: Vec<String>,
    /// Blocks that the coin must be old.
    pub older: Option<u16>,
    /// The heaviest witness of this path.
    #[serde(rename = "satisfaction_weight", serialize_with = "as_wu")]
    pub satisfaction_weight: Weight,
    /// What one input costs through it at some feerates.
    pub costs: Vec<Cost>,
    /// Whether it spends without a timelock.
    pub ordinary: bool,
}

/// What one input costs at a feerate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cost {
    /// The feerate in sat/vB, exact.
    pub feerate_sat_vb: String,
    /// The fee in satoshi.
    #[serde(rename = "sat", with = "bitcoin::amount::serde::as_sat")]
    pub amount: Amount,
}

/// Feerates at which costs are shown, in sat/vB.
const SHOWN_SAT_PER_VB: [u64; 3] = [1, 10, 100];

impl Cost {
    /// The fees of a weight at the feerates that are shown.
    pub(super) fn shown(weight: Weight) -> Vec<Self> {
        SHOWN_SAT_PER_VB
            .into_iter()
            .filter_map(FeeRate::from_sat_per_vb)
            .filter_map(|feerate| Self::of(weight, feerate))
            .collect()
    }

    /// The fee of a weight; none when it cannot be counted.
    pub fn of(weight: Weight, feerate: FeeRate) -> Option<Self> {
        Some(Self {
            feerate_sat_vb: format_sat_per_vb(feerate),
            amount: feerate.checked_mul_by_weight(weight)?,
        })
    }
}

impl SpendingPath {
    /// The fee of one input spent through this path; none when it cannot be counted.
    pub fn input_cost_at(&self, feerate: FeeRate) -> Option<Amount> {
        TXIN_BASE_WEIGHT
            .checked_add(self.satisfaction_weight)
            .and_then(|weight| feerate.checked_mul_by_weight(weight))
    }
}

/// The signer who holds a key of the descriptor.
pub fn signer_of<'a>(
    descriptor: &VaultDescriptor,
    signers: &'a [Signer],
    key: usize,
) -> Option<&'a Signer> {
    let position = descriptor.key_positions().get(key)?;
    signers
        .iter()
        .find(|signer| signer.key.xpub == position.xpub)
}

pub(super) fn spending_paths(
    descriptor: &VaultDescriptor,
    signers: &[Signer],
) -> Vec<SpendingPath> {
    descriptor
        .paths()
        .iter()
        .map(|path| {
            let keys: Vec<String> = path
                .keys
                .iter()
                .map(|key| {
                    signer_of(descriptor, signers, *key)
                        .map_or_else(|| format!("key {key}"), |signer| signer.name.clone())
                })
                .collect();
            let when = path
                .older
                .map(|blocks| format!(" after {blocks} blocks"))
                .unwrap_or_default();
            SpendingPath {
                name: format!("{}{when}", keys.join(" + ")),
                keys,
                older: path.older,
                satisfaction_weight: path.satisfaction_weight,
                costs: TXIN_BASE_WEIGHT
                    .checked_add(path.satisfaction_weight)
                    .map(Cost::shown)
                    .unwrap_or_default(),
                ordinary: path.older.is_none(),
            }
        })
        .collect()
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes fields by reference"
)]
fn as_wu<S: serde::Serializer>(weight: &Weight, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(weight.to_wu())
}
