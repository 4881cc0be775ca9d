//! Whether what journals and papers say of an attempt can be true, by the coins that are known here.
//!
//! A journal is one signer's word, and one signer may lie. Invariant: nothing becomes an earlier attempt whose
//! coins are not all known (coins of the vault, outputs of attempts that are believed), that does not fit the
//! transaction in the chain, or whose fee those coins cannot pay. Were it true all the same, the signers'
//! own journals hold it, and honest ones sign nothing that does not exclude it (M2).

use std::collections::BTreeSet;

use bitcoin::{Amount, OutPoint, Txid};
use policies::Keyset;
use policies::psbt::read_strict;
use watchtower::store::database::Transaction;
use watchtower::store::{coins, scripts};

use super::ServiceError;
use super::remembering::{Books, record_of};
use crate::rebuilding::Remembered;
use crate::store::attempts;
use crate::store::inputs;

/// Why an attempt is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Doubt {
    /// It spends nothing.
    #[error("it spends nothing")]
    NoCoins,
    /// What it pays is of several keysets.
    #[error("it pays withdrawals of several keysets, which no transaction does")]
    SeveralKeysets,
    /// A coin of it is not known.
    #[error("it spends {coin}: no known coin of the vault, and no known output of an attempt")]
    UnknownCoin {
        /// The coin.
        coin: OutPoint,
    },
    /// The transaction of that id is another.
    #[error("the transaction of that id in the chain spends and pays something else")]
    OtherTransaction,
    /// Its coins are not worth what it pays.
    #[error("its coins are worth {worth}, too little for what it pays and a fee of {fee}")]
    Fee {
        /// What its coins are worth.
        worth: Amount,
        /// The fee.
        fee: Amount,
    },
}

/// What is known of an attempt's coins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Belief {
    /// It can be true.
    Believed {
        /// Its coins with their amounts.
        coins: Vec<(OutPoint, Amount)>,
        /// Its fee: what coins and outputs say, where its outputs are known.
        fee: Amount,
        /// The keychain that its coins are of, where one of them is known by its script.
        keychain: Option<Keyset>,
    },
    /// It cannot, as far as is known.
    Doubted(Doubt),
}

/// Judges what papers say of an attempt.
pub(crate) async fn believe(
    tx: &mut Transaction,
    books: Books<'_>,
    remembered: &Remembered,
) -> Result<Belief, ServiceError> {
    let record = &remembered.record;
    let keysets: BTreeSet<Keyset> = record.intents.iter().map(|intent| intent.keyset).collect();
    if keysets.len() > 1 {
        return Ok(Belief::Doubted(Doubt::SeveralKeysets));
    }
    let mut known = Vec::new();
    let mut worth = Amount::ZERO;
    let mut keychain = None;
    for coin in &record.inputs {
        let Some((amount, of)) = amount_of(tx, books, *coin).await? else {
            return Ok(Belief::Doubted(Doubt::UnknownCoin { coin: *coin }));
        };
        keychain = keychain.or(of);
        worth = worth.checked_add(amount).unwrap_or(Amount::MAX_MONEY);
        known.push((*coin, amount));
    }
    if known.is_empty() {
        return Ok(Belief::Doubted(Doubt::NoCoins));
    }
    let shown = coins::funding_transaction(tx, record.txid).await?;
    if (shown.as_ref()).is_some_and(|transaction| !remembered.fits(transaction)) {
        return Ok(Belief::Doubted(Doubt::OtherTransaction));
    }
    let outputs = shown.or_else(|| transaction_of(remembered.psbt.as_deref()?));
    let fee = match outputs {
        Some(transaction) => {
            let paid = transaction.output.iter().map(|output| output.value);
            sum(paid).and_then(|paid| worth.checked_sub(paid))
        }
        None => sum(record.intents.iter().map(|intent| intent.min))
            .and_then(|paid| worth.checked_sub(paid))
            .filter(|most| record.fee <= *most)
            .map(|_| record.fee),
    };
    let Some(fee) = fee else {
        let fee = record.fee;
        return Ok(Belief::Doubted(Doubt::Fee { worth, fee }));
    };
    Ok(Belief::Believed {
        coins: known,
        fee,
        keychain,
    })
}

fn sum(mut amounts: impl Iterator<Item = Amount>) -> Option<Amount> {
    amounts.try_fold(Amount::ZERO, Amount::checked_add)
}

fn transaction_of(psbt: &[u8]) -> Option<bitcoin::Transaction> {
    let psbt = read_strict(psbt).ok()?;
    Some(psbt.transaction().clone())
}

/// What a coin of the vault is worth, or an output of an attempt that is no coin yet; and its keychain, where its
/// script is known.
async fn amount_of(
    tx: &mut Transaction,
    books: Books<'_>,
    coin: OutPoint,
) -> Result<Option<(Amount, Option<Keyset>)>, ServiceError> {
    let vault = books.vault.id;
    if let Some(known) = coins::coin(tx, coin).await? {
        let keychain = Some(known.script.keyset);
        return Ok((known.script.vault == vault).then_some((known.amount, keychain)));
    }
    let Some(parent) = attempts::lookup(tx, coin.txid).await? else {
        return Ok(None);
    };
    if parent.vault != vault {
        return Ok(None);
    }
    if let Some(transaction) = transaction_of(&parent.psbt) {
        let vout = usize::try_from(coin.vout).unwrap_or(usize::MAX);
        let Some(output) = transaction.output.get(vout) else {
            return Ok(None);
        };
        let watched = scripts::watched_script(tx, &output.script_pubkey).await?;
        let own = watched.filter(|watched| watched.vault == vault);
        return Ok(own.map(|own| (output.value, Some(own.keyset))));
    }
    let change = change_of(tx, parent.txid, coin.vout).await?;
    Ok(change.map(|amount| (amount, None)))
}

/// The change of an attempt whose PSBT nobody kept: all that is left of its coins, where it has one change output.
async fn change_of(
    tx: &mut Transaction,
    txid: Txid,
    vout: u32,
) -> Result<Option<Amount>, ServiceError> {
    let Some(row) = attempts::lookup(tx, txid).await? else {
        return Ok(None);
    };
    let record = record_of(tx, &row).await?;
    let vout = usize::try_from(vout).unwrap_or(usize::MAX);
    let is_fixed = record.intents.iter().all(|one| one.min == one.amount);
    if record.change_indexes.len() != 1 || !is_fixed || vout > record.intents.len() {
        return Ok(None);
    }
    let coins = inputs::of_attempt(tx, txid).await?;
    let paid = sum(record.intents.iter().map(|intent| intent.amount));
    let left = sum(coins.iter().map(|(_, amount)| *amount))
        .and_then(|worth| worth.checked_sub(row.fee))
        .zip(paid)
        .and_then(|(worth, paid)| worth.checked_sub(paid));
    Ok(left.filter(|left| *left > Amount::ZERO))
}
