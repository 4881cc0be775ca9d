//! What a spend to ourselves or a recovery is made of, as it is shown before and after.

use bitcoin::{Address, Amount};
use policies::document::{KeysetView, Policy, format_sat_per_vb};
use serde::Serialize;
use utoipa::ToSchema;

use super::batches::BatchView;
use super::carrying::CarryingFacts;
use super::devices::DeviceTimeView;
use super::own_building::OwnBuilt;
use super::own_spends::Wanted;

/// The most sets of signers that are listed.
const MAX_SETS: usize = 100;

/// A spend to ourselves or a recovery: what it is made of, and its batch unless it was only a preview.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct OwnSpendView {
    /// What it is for: `consolidate`, `refresh` or `recover`.
    pub purpose: String,
    /// The blocks that the coins of a recovery must be old.
    pub older: Option<u16>,
    /// The coins spent.
    pub coins: Vec<OwnCoinView>,
    /// What they hold.
    pub spent_sat: u64,
    /// The fee.
    pub fee_sat: u64,
    /// The feerate with the heaviest witnesses, in sat/vB.
    pub feerate_sat_vb: String,
    /// The weight with the heaviest witnesses.
    pub weight_wu: u64,
    /// Where it goes; none if there is nothing to spend.
    pub to: Option<OwnOutputView>,
    /// The budget of spends to ourselves as this coordinator counts it; none for recoveries, and where the
    /// policy has none.
    pub budget: Option<BudgetView>,
    /// The approvals of maintenance that signers will demand.
    pub maintenance: Option<MaintenanceNeedsView>,
    /// Its PSBT as QR codes, without our records; none if there is nothing to spend.
    pub carrying: Option<CarryingFacts>,
    /// How long the signers' devices take, where that was measured.
    pub devices: Vec<DeviceTimeView>,
    /// The sets of signers, any one of which suffices.
    pub signers: Vec<Vec<String>>,
    /// Free coins that are not old enough yet.
    pub waiting: Vec<WaitingCoinView>,
    /// Coins that are frozen and stay where they are, each as txid, colon, output.
    pub frozen: Vec<String>,
    /// The batch that was made; none for a preview.
    pub batch: Option<BatchView>,
}

/// A coin that is spent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct OwnCoinView {
    /// Its outpoint: txid, colon, output.
    pub outpoint: String,
    /// Its amount.
    pub amount_sat: u64,
    /// The height of its block.
    pub height: u32,
}

/// A coin that is not old enough yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct WaitingCoinView {
    /// Its outpoint: txid, colon, output.
    pub outpoint: String,
    /// Its amount.
    pub amount_sat: u64,
    /// The first block that may hold its recovery.
    pub from_height: u32,
}

/// The one output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct OwnOutputView {
    /// Its address.
    pub address: Option<String>,
    /// Its amount.
    pub amount_sat: u64,
    /// The index on the internal keychain; none where it leaves the vault.
    pub index: Option<u32>,
}

/// The budget of spends to ourselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct BudgetView {
    /// The fees that it has left before this spend.
    pub left_sat: u64,
    /// The spends that it has left before this one.
    pub left_count: u32,
    /// Its window in seconds.
    pub window_s: u64,
    /// Whether this spend is within it.
    pub within: bool,
}

/// Approvals of maintenance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct MaintenanceNeedsView {
    /// The group whose persons count.
    pub group: Option<String>,
    /// How many persons.
    pub count: u32,
}

pub(super) fn empty_view(
    keyset: KeysetView<'_>,
    wanted: &Wanted<'_>,
    waiting: Vec<WaitingCoinView>,
) -> OwnSpendView {
    OwnSpendView {
        purpose: wanted.purpose.name().to_owned(),
        older: wanted.older,
        coins: Vec::new(),
        spent_sat: 0,
        fee_sat: 0,
        feerate_sat_vb: "0".to_owned(),
        weight_wu: 0,
        to: None,
        budget: None,
        maintenance: None,
        carrying: None,
        devices: Vec::new(),
        signers: signer_sets(keyset, wanted.older),
        waiting,
        frozen: Vec::new(),
        batch: None,
    }
}

/// The sets of signers, any one of which can spend a coin of an age.
pub(super) fn signer_sets(keyset: KeysetView<'_>, older: Option<u16>) -> Vec<Vec<String>> {
    let positions = keyset.descriptor.key_positions();
    let name_of = |key: &usize| {
        let position = positions.get(*key)?;
        let mut signers = keyset.signers.iter();
        signers
            .find(|signer| signer.key.xpub == position.xpub)
            .map(|signer| signer.name.clone())
    };
    let paths = keyset.descriptor.paths().iter();
    paths
        .filter(|path| path.older == older)
        .take(MAX_SETS)
        .map(|path| path.keys.iter().filter_map(name_of).collect())
        .collect()
}

pub(super) fn show(view: &mut OwnSpendView, own: &OwnBuilt, policy: &Policy) {
    let spent = own.amount.checked_add(own.built.fee);
    view.coins = own
        .inputs
        .iter()
        .map(|coin| OwnCoinView {
            outpoint: coin.outpoint.to_string(),
            amount_sat: coin.txout.value.to_sat(),
            height: coin.height,
        })
        .collect();
    view.spent_sat = spent.unwrap_or(Amount::MAX_MONEY).to_sat();
    view.fee_sat = own.built.fee.to_sat();
    view.feerate_sat_vb = format_sat_per_vb(own.built.fee / own.built.weight);
    view.weight_wu = own.built.weight.to_wu();
    view.carrying = CarryingFacts::for_devices(&own.built.psbt);
    view.to = Some(OwnOutputView {
        address: Address::from_script(&own.script_pubkey, policy.network)
            .ok()
            .map(|address| address.to_string()),
        amount_sat: own.amount.to_sat(),
        index: own.built.change.as_ref().map(|change| change.index),
    });
}
