//! The coins that an attempt may be made of.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bitcoin::{Amount, FeeRate, OutPoint, Transaction as BitcoinTransaction, TxOut, Txid};
use policies::Keyset;
use policies::document::{KeysetView, Policy};
use watchtower::store::coins;
use watchtower::store::database::Transaction;

use super::ServiceError;
use super::manifests::YOUNG;
use crate::coin_selection::Candidate;
use crate::store::vaults::{self, VaultRow};
use crate::store::{coin_marks, reservations};

/// Coins, and the transactions that made them.
pub(super) type Spendable = (Vec<Candidate>, BTreeMap<Txid, BitcoinTransaction>);

/// The transactions of vaults in the youngest blocks.
pub(super) async fn young(
    tx: &mut Transaction,
    tip: u32,
) -> Result<BTreeMap<Txid, BitcoinTransaction>, ServiceError> {
    let lowest = tip.saturating_add(1).saturating_sub(YOUNG);
    Ok(coins::confirmed_since(tx, lowest).await?)
}

/// Whose coins are spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Purse {
    /// The first keyset with the descriptor, to which coins and indexes belong.
    pub(super) keychain: Keyset,
    /// The keyset, where it is a former one: its coins only come back to the newest descriptor.
    pub(super) former: Option<Keyset>,
}

impl Purse {
    /// The coins that pay.
    pub(super) fn newest(vault: &VaultRow) -> Self {
        Self {
            keychain: vault.keychain,
            former: None,
        }
    }

    /// The coins of a keyset of the vault, as the policy knows it by now; nothing if it never had the keyset.
    pub(super) async fn of_keyset(
        tx: &mut Transaction,
        vault: &VaultRow,
        policy: &Policy,
        keyset: Keyset,
    ) -> Result<Option<Self>, ServiceError> {
        let keysets = vaults::keysets(tx, vault.id).await?;
        let keychain_of = |keyset: Keyset| {
            let mut rows = keysets.iter();
            rows.find(|row| row.keyset == keyset)
                .map(|row| row.keychain)
        };
        let Some(keychain) = keychain_of(keyset) else {
            return Ok(None);
        };
        if keychain == vault.keychain {
            return Ok(Some(Self::newest(vault)));
        }
        let mut former = policy.former.iter().map(|former| former.keyset);
        let former = former.find(|former| keychain_of(*former) == Some(keychain));
        Ok(former.map(|former| Self {
            keychain,
            former: Some(former),
        }))
    }

    /// The former keysets' coins, the newest first.
    pub(super) async fn formers(
        tx: &mut Transaction,
        vault: &VaultRow,
        policy: &Policy,
    ) -> Result<Vec<Self>, ServiceError> {
        let mut purses = Vec::new();
        for former in &policy.former {
            purses.extend(Self::of_keyset(tx, vault, policy, former.keyset).await?);
        }
        purses.retain(|purse| purse.former.is_some());
        Ok(purses)
    }

    /// The keyset itself.
    pub(super) fn keyset(self, policy: &Policy) -> KeysetView<'_> {
        keyset_spent(policy, self.former)
    }
}

/// The keyset whose coins are spent: the newest one, or the former one named.
pub(super) fn keyset_spent(policy: &Policy, former: Option<Keyset>) -> KeysetView<'_> {
    let is_it = |view: &KeysetView<'_>| Some(view.keyset) == former && view.is_former;
    policy
        .keysets()
        .find(is_it)
        .unwrap_or_else(|| policy.newest_keyset())
}

/// The settled coins that no open batch holds and nothing spends, and those `freed`: held for attempts whose
/// place is taken, and spent in no block.
///
/// Invariant: a coin that somebody froze is never a free one. One that is `freed` says that it is frozen, so that
/// it is spent only where nothing else makes an attempt exclusive (M2).
pub(super) async fn candidates(
    tx: &mut Transaction,
    vault: &VaultRow,
    tip: u32,
    freed: &BTreeSet<OutPoint>,
) -> Result<Spendable, ServiceError> {
    candidates_of(tx, vault, Purse::newest(vault), tip, freed).await
}

/// The same for new payments of so much at a feerate: a coin of which more than half would go to miners now waits until
/// fees are lower, unless the others do not suffice. Those are passed over in the database, which still looks at each.
pub(super) async fn candidates_paying(
    tx: &mut Transaction,
    vault: &VaultRow,
    policy: &Policy,
    (tip, feerate): (u32, FeeRate),
    paid: Amount,
) -> Result<Spendable, ServiceError> {
    let (purse, freed) = (Purse::newest(vault), BTreeSet::new());
    let input = feerate.fee_wu(policy.descriptor.input_weight());
    let twice = input.and_then(|cost| cost.checked_mul(2));
    let needed = paid.checked_add(policy.limits.fee_max);
    if let Some((worth, needed)) = twice.zip(needed) {
        let found = candidates_at_least(tx, vault, purse, tip, &freed, worth).await?;
        let mut values = found.0.iter().map(|coin| coin.txout.value);
        let sum = values.try_fold(Amount::ZERO, Amount::checked_add);
        if sum.is_some_and(|sum| sum >= needed) {
            return Ok(found);
        }
    }
    candidates_of(tx, vault, purse, tip, &freed).await
}

/// The same of a purse.
pub(super) async fn candidates_of(
    tx: &mut Transaction,
    vault: &VaultRow,
    purse: Purse,
    tip: u32,
    freed: &BTreeSet<OutPoint>,
) -> Result<Spendable, ServiceError> {
    candidates_at_least(tx, vault, purse, tip, freed, Amount::ZERO).await
}

async fn candidates_at_least(
    tx: &mut Transaction,
    vault: &VaultRow,
    purse: Purse,
    tip: u32,
    freed: &BTreeSet<OutPoint>,
    at_least: Amount,
) -> Result<Spendable, ServiceError> {
    let reserved: BTreeSet<_> = reservations::reserved(tx, vault.id)
        .await?
        .into_iter()
        .collect();
    let frozen = coin_marks::frozen(tx, vault.id).await?;
    let mut candidates = Vec::new();
    let mut fundings = BTreeMap::new();
    for spendable in coins::settled_coins(tx, vault.id, purse.keychain, at_least).await? {
        let coin = spendable.coin;
        // A coin that settled stays so while its block stands; after a reorg to a lower tip it may be
        // less deep than the policy demands (M6).
        let height = coin.placement.block().map_or(0, |block| block.height);
        let depth = tip.saturating_sub(height).saturating_add(1);
        let is_frozen = frozen.contains(&coin.outpoint);
        let taken = coin.spent_by.is_some() || is_frozen || reserved.contains(&coin.outpoint);
        if (taken && !freed.contains(&coin.outpoint)) || depth < coin.script.settle_depth {
            continue;
        }
        let funding = fundings.entry(coin.outpoint.txid);
        funding.or_insert_with(|| Arc::unwrap_or_clone(spendable.funding));
        candidates.push(Candidate {
            outpoint: coin.outpoint,
            txout: TxOut {
                value: coin.amount,
                script_pubkey: coin.script.script_pubkey,
            },
            keychain: coin.script.keychain,
            index: coin.script.index,
            height,
            frozen: is_frozen,
        });
    }
    Ok((candidates, fundings))
}
