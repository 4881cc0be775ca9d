//! Transactions handed over for broadcast, and what the node said to them.

use std::collections::{BTreeMap, BTreeSet};

use bitcoin::consensus::encode;
use bitcoin::hashes::Hash as _;
use bitcoin::{Transaction as BitcoinTransaction, Txid};
use policies::planted::{Bug, planted};
use policies::{UnixTime, VaultId};

use super::coins;
use super::database::{DatabaseError, Row, Transaction, Value};
use crate::answer::SendAnswer;
use crate::tracker::{Placement, parents_first};

/// What the node said to `sendrawtransaction`. Only the chain decides what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Answer {
    /// The node took it into its mempool.
    Accepted,
    /// The node has it, in its mempool or its chain.
    AlreadyKnown,
    /// Anything else: an error, a time-out, a refusal. It may have been sent.
    Unknown,
}

impl Answer {
    /// Its name, as stored and shown.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::AlreadyKnown => "already known",
            Self::Unknown => "unknown",
        }
    }

    /// What is kept of an answer of this meaning.
    pub fn of(class: SendAnswer) -> Self {
        if class == SendAnswer::Accepted {
            Self::Accepted
        } else if class.is_known() {
            Self::AlreadyKnown
        } else {
            Self::Unknown
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        [Self::Accepted, Self::AlreadyKnown, Self::Unknown]
            .into_iter()
            .find(|answer| answer.name() == name)
    }
}

/// The latest answer to a broadcast.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broadcast {
    /// What the node said.
    pub answer: Answer,
    /// What that means; none where it was said before that was kept.
    pub class: Option<SendAnswer>,
    /// Its error code, if it gave one.
    pub code: Option<i64>,
    /// Its words.
    pub reason: String,
    /// How often it was sent.
    pub attempts: u32,
    /// When it answered last.
    pub at: UnixTime,
    /// When it is to be sent again, unless the chain or the mempool shows it.
    pub next_at: UnixTime,
}

/// A transaction handed over, and how it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Its id.
    pub txid: Txid,
    /// Whose it is.
    pub vault: VaultId,
    /// The whole transaction.
    pub transaction: BitcoinTransaction,
    /// When it was handed over.
    pub created_at: UnixTime,
    /// The latest answer of the node; none before the first.
    pub broadcast: Option<Broadcast>,
    /// Where the chain shows it; none if it was never seen.
    pub placement: Option<Placement>,
    /// Whether it has reached its depth.
    pub settled: bool,
}

/// Hands a final transaction over for broadcast. Call it in the transaction that sets
/// `broadcasting` (M5). Handing the same bytes over again does nothing.
///
/// # Errors
///
/// On a failed statement.
pub async fn add_outgoing(
    tx: &mut Transaction,
    vault: VaultId,
    transaction: &BitcoinTransaction,
    settle_depth: u32,
    now: UnixTime,
) -> Result<(), DatabaseError> {
    tx.execute(
        "INSERT INTO outgoing (txid, vault, raw, settle_depth, created_at)
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (txid) DO NOTHING",
        &[
            transaction.compute_txid().to_byte_array().into(),
            vault.to_bytes().into(),
            encode::serialize(transaction).into(),
            settle_depth.into(),
            Value::from_u64(now.as_secs())?,
        ],
    )
    .await
    .map(drop)
}

/// A transaction handed over, if it was.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn outgoing(tx: &mut Transaction, txid: Txid) -> Result<Option<Outgoing>, DatabaseError> {
    let Some(row) = tx
        .optional_row(
            "SELECT o.vault, o.raw, o.created_at, s.answer, s.class, s.code, s.reason, s.attempts,
                 s.answered_at, s.next_at
             FROM outgoing o LEFT JOIN outgoing_status s ON s.txid = o.txid
             WHERE o.txid = $1",
            &[txid.to_byte_array().into()],
        )
        .await?
    else {
        return Ok(None);
    };
    let broadcast = match row.optional_text("answer")? {
        None => None,
        Some(name) => Some(Broadcast {
            answer: Answer::from_name(name)
                .ok_or_else(|| row.corrupt("answer", "an answer", name))?,
            class: read_class(&row)?,
            code: row.optional_int("code")?,
            reason: row.text("reason")?.to_owned(),
            attempts: row.u32("attempts")?,
            at: UnixTime::from_secs(row.u64("answered_at")?),
            next_at: UnixTime::from_secs(row.u64("next_at")?),
        }),
    };
    let placement = coins::transaction_placement(tx, txid).await?;
    Ok(Some(Outgoing {
        txid,
        vault: VaultId::from_bytes(row.array("vault")?),
        transaction: coins::read_transaction(&row, "raw")?,
        created_at: UnixTime::from_secs(row.u64("created_at")?),
        broadcast,
        placement: placement.map(|(placement, _)| placement),
        settled: placement.is_some_and(|(_, settled)| settled),
    }))
}

/// The transactions handed over that are in the mempool, the oldest first, each with its vault.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn in_mempool(
    tx: &mut Transaction,
    most: u32,
) -> Result<Vec<(Txid, VaultId)>, DatabaseError> {
    tx.rows(
        "SELECT t.txid, o.vault FROM chain_transaction t JOIN outgoing o ON o.txid = t.txid
         WHERE t.placement = 'unconfirmed' ORDER BY o.created_at, t.txid LIMIT $1",
        &[most.into()],
    )
    .await?
    .iter()
    .map(|row| {
        let txid = Txid::from_byte_array(row.array("txid")?);
        Ok((txid, VaultId::from_bytes(row.array("vault")?)))
    })
    .collect()
}

/// A transaction that is to be sent now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueBroadcast {
    /// Its id.
    pub txid: Txid,
    /// Whose it is.
    pub vault: VaultId,
    /// The whole transaction.
    pub transaction: BitcoinTransaction,
    /// How often it was sent.
    pub attempts: u32,
    /// The answer before, if there was one.
    pub answer: Option<Answer>,
}

/// The transactions that neither chain nor mempool shows, that no confirmed transaction excludes,
/// and whose turn has come, parents before their children.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn due(tx: &mut Transaction, now: UnixTime) -> Result<Vec<DueBroadcast>, DatabaseError> {
    let rows = tx
        .rows(
            "SELECT o.txid, o.vault, o.raw, s.attempts, s.answer
             FROM outgoing o
             LEFT JOIN outgoing_status s ON s.txid = o.txid
             LEFT JOIN chain_transaction t ON t.txid = o.txid
             WHERE (t.txid IS NULL OR t.placement = 'gone')
                 AND (s.next_at IS NULL OR s.next_at <= $1)
             ORDER BY o.created_at, o.txid",
            &[Value::from_u64(now.as_secs())?],
        )
        .await?;
    let due = read_due(tx, rows).await?;
    let mut by_txid: BTreeMap<Txid, DueBroadcast> =
        due.into_iter().map(|due| (due.txid, due)).collect();
    let transactions = by_txid.values().map(|due| due.transaction.clone());
    let ordered = parents_first(transactions.collect());
    Ok(ordered
        .iter()
        .filter_map(|transaction| by_txid.remove(&transaction.compute_txid()))
        .collect())
}

/// The packages in which a transaction that pays too little, or misses its parent, may be sent: each a child of ours,
/// itself or one that spends an output of it, that no block has, with all its parents that were handed over and that
/// nobody shows, the child last.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn packages(
    tx: &mut Transaction,
    member: Txid,
) -> Result<Vec<Vec<DueBroadcast>>, DatabaseError> {
    let rows = tx
        .rows(
            "SELECT o.txid, o.vault, o.raw, s.attempts, s.answer
             FROM outgoing o
             LEFT JOIN outgoing_status s ON s.txid = o.txid
             LEFT JOIN chain_transaction t ON t.txid = o.txid
             WHERE t.txid IS NULL OR t.placement = 'gone'
             ORDER BY o.created_at, o.txid",
            &[],
        )
        .await?;
    let unseen = read_due(tx, rows).await?;
    let parents_of = |child: &DueBroadcast| {
        let inputs = child.transaction.input.iter();
        let spent: BTreeSet<Txid> = inputs.map(|input| input.previous_output.txid).collect();
        unseen
            .iter()
            .filter(|one| spent.contains(&one.txid))
            .cloned()
            .collect::<Vec<_>>()
    };
    Ok(unseen
        .iter()
        .filter_map(|child| {
            let mut package = parents_of(child);
            if package.is_empty() {
                return None;
            }
            package.push(child.clone());
            let has_it = package.iter().any(|one| one.txid == member);
            has_it.then_some(package)
        })
        .collect())
}

/// Has everything that the node does not have sent again now: a block came, or its mempool changed, and either may have
/// changed its mind. Whether there is anything.
///
/// # Errors
///
/// On a failed statement.
pub(crate) async fn send_again(tx: &mut Transaction, now: UnixTime) -> Result<bool, DatabaseError> {
    let changed = tx
        .execute(
            "UPDATE outgoing_status SET next_at = $1 WHERE next_at > $1 AND answer = 'unknown'",
            &[Value::from_u64(now.as_secs())?],
        )
        .await?;
    Ok(changed > 0)
}

async fn read_due(
    tx: &mut Transaction,
    rows: Vec<Row>,
) -> Result<Vec<DueBroadcast>, DatabaseError> {
    let mut due = Vec::with_capacity(rows.len());
    for row in rows {
        let transaction = coins::read_transaction(&row, "raw")?;
        if excluded(tx, &transaction).await? {
            continue;
        }
        let answer = row.optional_text("answer")?;
        if planted(Bug::LostStaysLost) && answer.is_some() {
            continue;
        }
        due.push(DueBroadcast {
            txid: Txid::from_byte_array(row.array("txid")?),
            vault: VaultId::from_bytes(row.array("vault")?),
            transaction,
            attempts: row.optional_u32("attempts")?.unwrap_or(0),
            answer: answer.and_then(Answer::from_name),
        });
    }
    Ok(due)
}

fn read_class(row: &Row) -> Result<Option<SendAnswer>, DatabaseError> {
    let Some(name) = row.optional_text("class")? else {
        return Ok(None);
    };
    let class = SendAnswer::from_name(name);
    class
        .ok_or_else(|| row.corrupt("class", "what an answer means", name))
        .map(Some)
}

/// Whether a confirmed transaction spends an input: sending it again is useless until a reorg.
async fn excluded(
    tx: &mut Transaction,
    transaction: &BitcoinTransaction,
) -> Result<bool, DatabaseError> {
    for input in &transaction.input {
        let coin = coins::coin(tx, input.previous_output).await?;
        if coin.is_some_and(|coin| coin.spent_in.is_some()) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Stores the answer of the node.
///
/// # Errors
///
/// On a failed statement.
pub async fn record_answer(
    tx: &mut Transaction,
    txid: Txid,
    broadcast: &Broadcast,
) -> Result<(), DatabaseError> {
    tx.execute_one(
        "INSERT INTO outgoing_status
             (txid, answer, class, code, reason, attempts, answered_at, next_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (txid) DO UPDATE SET answer = excluded.answer, class = excluded.class,
             code = excluded.code, reason = excluded.reason, attempts = excluded.attempts,
             answered_at = excluded.answered_at, next_at = excluded.next_at",
        &[
            txid.to_byte_array().into(),
            broadcast.answer.name().into(),
            broadcast.class.map(SendAnswer::name).into(),
            broadcast.code.into(),
            broadcast.reason.clone().into(),
            broadcast.attempts.into(),
            Value::from_u64(broadcast.at.as_secs())?,
            Value::from_u64(broadcast.next_at.as_secs())?,
        ],
    )
    .await
}
