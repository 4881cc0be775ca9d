//! Takes in attempts that this database does not know: from journals, from papers, or from the chain.
//!
//! Invariant: from then on such an attempt is among the earlier ones of its lines as if it had been issued
//! here. Where nobody kept its PSBT, no signatures are taken for it, and all else about it stays true: it
//! holds its coins, the chain moves it, and what is built next excludes it (M2). What cannot be true by the
//! coins that are known is not taken in ([`super::believing`]).

use std::collections::BTreeSet;
use std::sync::Arc;

use bitcoin::hashes::Hash as _;
use bitcoin::{Amount, OutPoint};
use policies::document::Policy;
use policies::journal::SpendMode;
use policies::psbt::AttemptPurpose;
use policies::rules::{Decision, decide};
use policies::{Intent, Keyset, UnixTime};
use serde_json::{Map, json};
use watchtower::store::database::Transaction;

use super::believing::{Belief, Doubt, believe};
use super::issuing::append_created;
use super::keeping::keep_in_step;
use super::record::{Cause, append_attempt_event, move_attempt, move_withdrawal};
use super::standing::Known;
use super::withdrawals::append_requested;
use super::{Actor, JournalError, ServiceError, VaultError};
use crate::exclusion::Earlier;
use crate::rebuilding::{Remembered, weight_of};
use crate::session::BatchId;
use crate::session::attempt::{AttemptEvent, AttemptState};
use crate::session::withdrawal::{WithdrawalEvent, WithdrawalState};
use crate::store::attempts::{self, AttemptRow};
use crate::store::batches::{self, BatchRow};
use crate::store::memories::{self, MemoryRow, Source};
use crate::store::vaults::VaultRow;
use crate::store::windows::{self, WindowRow};
use crate::store::withdrawals::{self, WithdrawalKey, WithdrawalRow};
use crate::store::{inputs, payments, reservations};

/// Whose books it comes into, by whom and why.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Books<'a> {
    pub(crate) vault: &'a VaultRow,
    /// The version in force and all before it, the newest first.
    pub(crate) versions: &'a [Arc<Policy>],
    pub(crate) actor: &'a Actor,
    pub(crate) cause: Cause<'a>,
}

impl Books<'_> {
    /// The version in force.
    ///
    /// # Errors
    /// When there is none: the books are of no vault.
    pub(crate) fn policy(&self) -> Result<&Policy, ServiceError> {
        let newest = self.versions.first().map(AsRef::as_ref);
        let policy = self.vault.policy;
        newest.ok_or_else(|| VaultError::StoredPolicy { policy }.into())
    }

    /// The keyset whose signers an attempt needs: that of what it pays; where it pays nothing, that of its coins.
    fn keyset_of(&self, remembered: &Remembered, keychain: Option<Keyset>) -> Keyset {
        let paid = remembered.record.intents.first();
        let of_coins = keychain.filter(|keychain| *keychain != self.vault.keychain);
        paid.map(|intent| intent.keyset)
            .or(of_coins)
            .unwrap_or(self.vault.keyset)
    }

    /// The version that an attempt was made under: what its PSBT says; else the newest that pays with its keyset's
    /// coins, or for a spend to ourselves the newest of all.
    fn version_of(&self, remembered: &Remembered, keyset: Keyset) -> Result<&Policy, ServiceError> {
        let mut versions = self.versions.iter().map(AsRef::as_ref);
        let found = match (remembered.policy, remembered.record.mode) {
            (Some(policy), _) => versions.find(|version| version.id == policy),
            (None, SpendMode::SelfSpend) => versions.next(),
            (None, SpendMode::Pay | SpendMode::Recovery) => {
                versions.find(|version| version.keyset == keyset)
            }
        };
        found.map_or_else(|| self.policy(), Ok)
    }

    /// A version whose descriptor a keyset's coins have.
    fn spending(&self, keyset: Keyset) -> Result<&Policy, ServiceError> {
        let mut versions = self.versions.iter().map(AsRef::as_ref);
        let found = versions.find(|version| version.keyset == keyset);
        found.map_or_else(|| self.policy(), Ok)
    }
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Memory {
    /// The attempt was known.
    Known,
    /// It is an earlier attempt from now on.
    New,
    /// It is not believed, and nothing was taken of it.
    Doubted(Doubt),
}

/// Takes an attempt in, with what each source says of it.
///
/// # Errors
/// [`JournalError::Disagrees`] where sources cannot both be true.
pub(crate) async fn remember(
    tx: &mut Transaction,
    books: Books<'_>,
    remembered: &Remembered,
    said: &[MemoryRow],
) -> Result<Memory, ServiceError> {
    let record = &remembered.record;
    let txid = record.txid;
    if let Some(row) = attempts::lookup(tx, txid).await? {
        let known = Remembered {
            record: record_of(tx, &row).await?,
            ..remembered.clone()
        };
        known
            .with(remembered.clone())
            .map_err(|_| JournalError::Disagrees { txid })?;
        let mut is_news = false;
        for memory in said {
            is_news |= memories::insert(tx, memory).await?;
        }
        if is_news {
            keep_in_step(tx, &BTreeSet::from([txid]), "", books.cause).await?;
        }
        return Ok(Memory::Known);
    }
    let (coins, fee, keychain) = match believe(tx, books, remembered).await? {
        Belief::Believed {
            coins,
            fee,
            keychain,
        } => (coins, fee, keychain),
        Belief::Doubted(doubt) => return Ok(Memory::Doubted(doubt)),
    };
    let mut paid = Vec::new();
    for (intent, rule) in record.intents.iter().zip(&record.rules) {
        let row = known_withdrawal(tx, books, intent).await?;
        let rule = match rule.as_str() {
            "" => rule_now(tx, books, intent).await?,
            rule => rule.to_owned(),
        };
        paid.push((row, rule));
    }
    let keyset = books.keyset_of(remembered, keychain);
    let batch = batch_for(tx, books, remembered, (&coins, keyset), &paid).await?;
    let mut attempt = insert(tx, books, remembered, &batch, (fee, keyset)).await?;
    for memory in said {
        memories::insert(tx, memory).await?;
    }
    for (coin, amount) in &coins {
        inputs::insert(tx, txid, *coin, *amount).await?;
    }
    for (row, rule) in paid {
        join(tx, books, &attempt, row, rule).await?;
    }
    move_attempt(tx, &mut attempt, &AttemptEvent::Issued, books.cause).await?;
    keep_in_step(tx, &BTreeSet::from([txid]), "", books.cause).await?;
    Ok(Memory::New)
}

/// What a stored attempt spends and pays, also where nobody kept its PSBT.
pub(super) async fn record_of(
    tx: &mut Transaction,
    row: &AttemptRow,
) -> Result<policies::SignedTransaction, ServiceError> {
    if row.is_remembered() {
        return Ok(recall(tx, row).await?.record);
    }
    let earlier = Earlier::read(&row.psbt, row.created_at, row.weight)
        .map_err(|error| super::lines::unreadable(row.txid, &error))?;
    let made = (row.purpose, row.policy);
    let psbt = Remembered::by_transfer(earlier.record, made, row.psbt.clone());
    Ok(psbt.record)
}

/// An attempt whose PSBT nobody kept, as its sources have it together.
pub(super) async fn recall(
    tx: &mut Transaction,
    row: &AttemptRow,
) -> Result<Earlier, ServiceError> {
    let txid = row.txid;
    let mut together: Option<Remembered> = None;
    for memory in memories::of_attempt(tx, txid).await? {
        let next = Remembered::by_journal(memory.record, &memory.signer);
        together = Some(match together {
            None => next,
            Some(before) => before
                .with(next)
                .map_err(|_| JournalError::Disagrees { txid })?,
        });
    }
    let record = together.ok_or(JournalError::Forgotten { txid })?.record;
    Ok(Earlier::remembered(record, row.weight))
}

/// The withdrawal of an intent; stored without its request, where only a journal or a paper knows it until now.
pub(crate) async fn known_withdrawal(
    tx: &mut Transaction,
    books: Books<'_>,
    intent: &Intent,
) -> Result<WithdrawalRow, ServiceError> {
    let key = WithdrawalKey {
        vault: books.vault.id,
        requester: intent.requester.clone(),
        id: intent.id.clone(),
    };
    let bytes = intent.encode();
    if let Some(row) = withdrawals::lookup(tx, &key).await? {
        if row.bytes != bytes {
            let (requester, id) = (key.requester, key.id);
            return Err(JournalError::OtherBody { requester, id }.into());
        }
        return Ok(row);
    }
    let row = WithdrawalRow {
        key,
        hash: intent.hash(),
        bytes,
        intent: intent.clone(),
        request: None,
        state: WithdrawalState::Requested,
        version: 1,
        submitted_at: intent.created,
    };
    withdrawals::insert(tx, &row).await?;
    append_requested(tx, &row, books.actor, books.cause.at).await?;
    Ok(row)
}

/// The rule that decides an intent now; none where no rule does any more.
async fn rule_now(
    tx: &mut Transaction,
    books: Books<'_>,
    intent: &Intent,
) -> Result<String, ServiceError> {
    let at = books.cause.at;
    let policy = books.policy()?;
    let known = Known::load(tx, books.vault.id, policy, &[intent], at, at).await?;
    Ok(match decide(policy, intent, &known.standing()) {
        Decision::Needs(requirement) => requirement.rule,
        Decision::Denied(_) => String::new(),
    })
}

/// The batch that holds one of its coins, or whose attempt one of its withdrawals follows; else a new one.
async fn batch_for(
    tx: &mut Transaction,
    books: Books<'_>,
    remembered: &Remembered,
    (coins, keyset): (&[(OutPoint, Amount)], Keyset),
    paid: &[(WithdrawalRow, String)],
) -> Result<BatchRow, ServiceError> {
    let mut standing = None;
    for (coin, _) in coins {
        let holder = reservations::holder_of(tx, *coin).await?;
        let last = inputs::spenders_of(tx, *coin).await?;
        let of_last = last.last().map(|attempt| attempt.batch);
        standing = standing.or(holder).or(of_last);
    }
    let standing = standing.or_else(|| paid.iter().find_map(|(row, _)| row.state.batch()));
    if let Some(id) = standing
        && let Some(batch) = batches::lookup(tx, id).await?
    {
        return Ok(batch);
    }
    let txid = remembered.record.txid.to_byte_array();
    let id: [u8; 16] =
        std::array::from_fn(|position| txid.get(position).copied().unwrap_or_default());
    let batch = BatchRow {
        id: BatchId::from_bytes(id),
        vault: books.vault.id,
        keyset,
        purpose: match remembered.purpose {
            AttemptPurpose::Bump => AttemptPurpose::Pay,
            AttemptPurpose::Pay
            | AttemptPurpose::Consolidate
            | AttemptPurpose::Refresh
            | AttemptPurpose::Cancel
            | AttemptPurpose::Drain
            | AttemptPurpose::Recover => remembered.purpose,
        },
        created_at: remembered.at(),
        created_by: books.actor.name.clone(),
    };
    batches::insert(tx, &batch).await?;
    let held = (remembered.record.inputs.len(), paid.len());
    append_created(tx, &batch, held, books.cause).await?;
    Ok(batch)
}

async fn insert(
    tx: &mut Transaction,
    books: Books<'_>,
    remembered: &Remembered,
    batch: &BatchRow,
    (fee, keyset): (Amount, Keyset),
) -> Result<AttemptRow, ServiceError> {
    let record = &remembered.record;
    let before = attempts::of_batch(tx, batch.id).await?;
    let last = before.iter().map(|attempt| attempt.number).max();
    // A self-spend in the batch of payments takes their coins back: no journal says so in a word.
    let cancels = remembered.psbt.is_none()
        && remembered.purpose == AttemptPurpose::Consolidate
        && batch.purpose == AttemptPurpose::Pay;
    let attempt = AttemptRow {
        txid: record.txid,
        batch: batch.id,
        number: last.unwrap_or_default().saturating_add(1),
        purpose: if cancels {
            AttemptPurpose::Cancel
        } else {
            remembered.purpose
        },
        vault: batch.vault,
        policy: books.version_of(remembered, keyset)?.id,
        psbt: remembered.psbt.clone().unwrap_or_default(),
        fee,
        weight: weight_of(books.spending(keyset)?, record),
        state: AttemptState::Draft,
        version: 1,
        confirmations: 0,
        final_transaction: None,
        created_at: record.at,
    };
    attempts::insert(tx, &attempt).await?;
    let mut body = Map::new();
    body.insert("fee_sat".to_owned(), json!(attempt.fee.to_sat()));
    body.insert("number".to_owned(), json!(attempt.number));
    body.insert("psbt".to_owned(), json!(remembered.psbt.is_some()));
    body.insert("signed_by".to_owned(), json!(remembered.signed_by));
    append_attempt_event(tx, &attempt, "attempt.remembered", body, books.cause).await?;
    Ok(attempt)
}

/// A withdrawal that the attempt pays comes books its batch, counts in its window, and counts as approved:
/// signers agreed to pay it.
async fn join(
    tx: &mut Transaction,
    books: Books<'_>,
    attempt: &AttemptRow,
    mut row: WithdrawalRow,
    rule: String,
) -> Result<(), ServiceError> {
    payments::insert(tx, attempt.txid, &row.key).await?;
    batches::add_withdrawal(tx, attempt.batch, &row.key).await?;
    if !windows::is_counted(tx, row.hash).await? {
        let counted = WindowRow {
            intent: row.hash,
            batch: attempt.batch,
            vault: attempt.vault,
            rule: rule.clone(),
            amount: row.intent.amount,
            counted_at: attempt.created_at,
        };
        windows::count(tx, &counted).await?;
    }
    if row.state == WithdrawalState::Requested {
        let approved = WithdrawalEvent::Approved { rule };
        move_withdrawal(tx, &mut row, &approved, books.cause).await?;
    }
    if matches!(row.state, WithdrawalState::Approved { .. }) {
        let batched = WithdrawalEvent::Batched {
            batch: attempt.batch,
        };
        move_withdrawal(tx, &mut row, &batched, books.cause).await?;
    }
    Ok(())
}

/// What journals say of an attempt, as it is stored.
pub(crate) fn said_by_journal(
    export: &policies::journal::Export,
    signer: &str,
    txid: bitcoin::Txid,
    now: UnixTime,
) -> Option<MemoryRow> {
    let mut together: Option<Remembered> = None;
    for (_, _, entry) in &export.entries {
        let policies::journal::Entry::Signed(signed) = entry else {
            continue;
        };
        if signed.txid == txid {
            let next = Remembered::by_journal(signed.clone(), signer);
            together = match together {
                None => Some(next),
                Some(before) => before.with(next).ok(),
            };
        }
    }
    Some(MemoryRow {
        source: Source::Journal(export.journal.key()),
        signer: signer.to_owned(),
        record: together?.record,
        taken_at: now,
    })
}
