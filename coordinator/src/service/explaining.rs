//! A spend of our coins that no attempt here explains, and that pays what somebody asked for: an attempt that
//! this database forgot, shown by the chain.

use bitcoin::{Amount, Txid};
use policies::journal::{SignedTransaction, SpendMode};
use policies::{Intent, Keychain, UnixTime, VaultId};
use watchtower::store::database::Transaction;
use watchtower::store::{coins, foreign, scripts};

use super::record::Cause;
use super::remembering::{Books, Memory, remember};
use super::{Actor, Service, ServiceError};
use crate::rebuilding::Remembered;
use crate::store::attempts::{self, AttemptRow};
use crate::store::memories::{MemoryRow, Source};
use crate::store::withdrawals;

/// How far the time in a block's header may lie before the signing of what the block holds, in seconds: a header
/// is later than the median of the eleven before it, and nothing more.
const HEADER_LAG: u64 = 4 * 3_600;

/// Whether a transaction may pay an intent: it is in no block yet, or in one from after it was asked for.
pub(super) fn is_of_its_time(intent: &Intent, block_time: Option<UnixTime>) -> bool {
    block_time.is_none_or(|time| time >= earliest(intent))
}

/// The earliest time in the header of a block that may hold what pays an intent.
pub(super) const fn earliest(intent: &Intent) -> UnixTime {
    intent.created.saturating_sub(HEADER_LAG)
}

/// Takes the spend in as an attempt, if each of its outputs that is not ours pays an open withdrawal of the vault.
pub(crate) async fn explain(
    service: &Service,
    tx: &mut Transaction,
    vault: VaultId,
    txid: Txid,
    cause: Cause<'_>,
) -> Result<Option<AttemptRow>, ServiceError> {
    let Some(transaction) = coins::funding_transaction(tx, txid).await? else {
        return Ok(None);
    };
    let mut spent = Amount::ZERO;
    let mut inputs = Vec::new();
    for input in &transaction.input {
        let outpoint = input.previous_output;
        let coin = coins::coin(tx, outpoint).await?;
        let Some(coin) = coin.filter(|coin| coin.script.vault == vault) else {
            return Ok(None);
        };
        spent = spent.checked_add(coin.amount).unwrap_or(Amount::MAX_MONEY);
        inputs.push(outpoint);
    }
    let block_time = foreign::block_time(tx, txid).await?;
    let mut intents: Vec<Intent> = Vec::new();
    let mut change_indexes = Vec::new();
    let mut paid = Amount::ZERO;
    for output in &transaction.output {
        paid = paid.checked_add(output.value).unwrap_or(Amount::MAX_MONEY);
        let watched = scripts::watched_script(tx, &output.script_pubkey).await?;
        if let Some(own) = watched.filter(|watched| watched.vault == vault)
            && own.keychain == Keychain::Internal
        {
            change_indexes.push(own.index);
            continue;
        }
        let asked = withdrawals::open_paid_by(tx, vault, output).await?;
        let mut asked = asked.into_iter().map(|row| row.intent);
        let pays =
            |intent: &Intent| !intents.contains(intent) && is_of_its_time(intent, block_time);
        match asked.find(pays) {
            Some(intent) => intents.push(intent),
            None => return Ok(None),
        }
    }
    let Some(fee) = spent.checked_sub(paid).filter(|_| !intents.is_empty()) else {
        return Ok(None);
    };
    let record = SignedTransaction {
        txid,
        mode: SpendMode::Pay,
        inputs,
        ancestors: Vec::new(),
        rules: vec![String::new(); intents.len()],
        intents,
        replaced: Vec::new(),
        change_indexes,
        fee,
        at: cause.at,
        given: None,
    };
    let mut remembered = Remembered::by_journal(record, "");
    remembered.signed_by.clear();
    let said = MemoryRow {
        source: Source::Chain,
        signer: String::new(),
        record: remembered.record.clone(),
        taken_at: cause.at,
    };
    let (row, _) = service.vault(tx, vault).await?;
    let versions = service.versions(tx, row.policy).await?;
    let actor = Actor::local();
    let books = Books {
        vault: &row,
        versions: &versions,
        actor: &actor,
        cause,
    };
    match remember(tx, books, &remembered, &[said]).await? {
        Memory::Known | Memory::New | Memory::Doubted(_) => Ok(attempts::lookup(tx, txid).await?),
    }
}
