//! The coins that an attempt may be made of.

use std::collections::{BTreeMap, BTreeSet};

use bitcoin::{OutPoint, Transaction as BitcoinTransaction, TxOut, Txid};
use watchtower::store::coins;
use watchtower::store::database::Transaction;

use super::ServiceError;
use crate::coin_selection::Candidate;
use crate::store::reservations;
use crate::store::vaults::VaultRow;

/// Coins, and the transactions that made them.
pub(super) type Spendable = (Vec<Candidate>, BTreeMap<Txid, BitcoinTransaction>);

/// The settled coins that no open batch holds and nothing spends, and those `freed`: held for attempts whose
/// place is taken, and spent in no block.
pub(super) async fn candidates(
    tx: &mut Transaction,
    vault: &VaultRow,
    tip: u32,
    freed: &BTreeSet<OutPoint>,
) -> Result<Spendable, ServiceError> {
    let reserved: BTreeSet<_> = reservations::reserved(tx, vault.id)
        .await?
        .into_iter()
        .collect();
    let mut candidates = Vec::new();
    let mut fundings = BTreeMap::new();
    for spendable in coins::settled_coins(tx, vault.id, vault.keyset).await? {
        let coin = spendable.coin;
        // A coin that settled stays so while its block stands; after a reorg to a lower tip it may be
        // less deep than the policy demands (M6).
        let height = coin.placement.block().map_or(0, |block| block.height);
        let depth = tip.saturating_sub(height).saturating_add(1);
        let taken = coin.spent_by.is_some() || reserved.contains(&coin.outpoint);
        if (taken && !freed.contains(&coin.outpoint)) || depth < coin.script.settle_depth {
            continue;
        }
        fundings.insert(coin.outpoint.txid, spendable.funding);
        candidates.push(Candidate {
            outpoint: coin.outpoint,
            txout: TxOut {
                value: coin.amount,
                script_pubkey: coin.script.script_pubkey,
            },
            keychain: coin.script.keychain,
            index: coin.script.index,
            height,
        });
    }
    Ok((candidates, fundings))
}
