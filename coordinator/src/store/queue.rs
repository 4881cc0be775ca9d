//! How fast withdrawals are to be paid, and what was told of the queue.

use std::collections::BTreeMap;

use bitcoin::FeeRate;
use policies::{UnixTime, VaultId};
use watchtower::store::database::{DatabaseError, Row, Transaction, Value};

use super::withdrawals::WithdrawalKey;
use crate::queue::{Late, Question, Speed};

/// How fast a withdrawal is to be paid, and by whom that was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpeedRow {
    /// The withdrawal.
    pub key: WithdrawalKey,
    /// How fast.
    pub speed: Speed,
    /// The latest time.
    pub latest: Option<UnixTime>,
    /// What was told of the latest time.
    pub told: Option<Late>,
}

/// Stores or changes how fast a withdrawal is to be paid; of another latest time nothing was told yet.
///
/// # Errors
/// On a failed statement.
pub async fn set_speed(
    tx: &mut Transaction,
    row: &SpeedRow,
    by: &str,
    at: UnixTime,
) -> Result<(), DatabaseError> {
    let latest = row.latest.map(|latest| Value::from_u64(latest.as_secs()));
    tx.execute_one(
        "INSERT INTO withdrawal_speed (vault, requester, id, speed, latest, told, changed_by, changed_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (vault, requester, id) DO UPDATE SET speed = excluded.speed,
             latest = excluded.latest, told = excluded.told, changed_by = excluded.changed_by,
             changed_at = excluded.changed_at",
        &[
            row.key.vault.to_bytes().into(),
            row.key.requester.as_str().into(),
            row.key.id.as_str().into(),
            row.speed.name().into(),
            latest.transpose()?.unwrap_or(Value::Null),
            row.told.map_or("", Late::name).into(),
            by.into(),
            Value::from_u64(at.as_secs())?,
        ],
    )
    .await
}

/// Stores what was told of a withdrawal's latest time.
///
/// # Errors
/// On a failed statement.
pub async fn set_told(
    tx: &mut Transaction,
    key: &WithdrawalKey,
    told: Late,
) -> Result<(), DatabaseError> {
    tx.execute_one(
        "UPDATE withdrawal_speed SET told = $1 WHERE vault = $2 AND requester = $3 AND id = $4",
        &[
            told.name().into(),
            key.vault.to_bytes().into(),
            key.requester.as_str().into(),
            key.id.as_str().into(),
        ],
    )
    .await
}

/// What was said of a withdrawal's speed.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn speed(
    tx: &mut Transaction,
    key: &WithdrawalKey,
) -> Result<Option<SpeedRow>, DatabaseError> {
    tx.optional_row(
        "SELECT vault, requester, id, speed, latest, told FROM withdrawal_speed
         WHERE vault = $1 AND requester = $2 AND id = $3",
        &[
            key.vault.to_bytes().into(),
            key.requester.as_str().into(),
            key.id.as_str().into(),
        ],
    )
    .await?
    .as_ref()
    .map(read)
    .transpose()
}

/// What was said of the speed of a vault's withdrawals that wait to be paid.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn speeds(
    tx: &mut Transaction,
    vault: VaultId,
) -> Result<BTreeMap<WithdrawalKey, SpeedRow>, DatabaseError> {
    let rows = tx
        .rows(
            "SELECT s.vault, s.requester, s.id, s.speed, s.latest, s.told FROM withdrawal_speed s
             JOIN withdrawal w ON w.vault = s.vault AND w.requester = s.requester AND w.id = s.id
             WHERE s.vault = $1 AND w.state IN ('requested', 'approved')",
            &[vault.to_bytes().into()],
        )
        .await?;
    rows.iter()
        .map(|row| read(row).map(|row| (row.key.clone(), row)))
        .collect()
}

/// When a vault's last batch of withdrawals was made.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn last_batch(
    tx: &mut Transaction,
    vault: VaultId,
) -> Result<Option<UnixTime>, DatabaseError> {
    let row = tx
        .one_row(
            "SELECT MAX(created_at) AS made_at FROM batch WHERE vault = $1 AND purpose = 'pay'",
            &[vault.to_bytes().into()],
        )
        .await?;
    Ok(row.optional_u64("made_at")?.map(UnixTime::from_secs))
}

/// The question that is open.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn question(
    tx: &mut Transaction,
    vault: VaultId,
) -> Result<Option<Question>, DatabaseError> {
    let row = tx
        .optional_row(
            "SELECT question, asked_sat_kwu, allowed_sat_kwu FROM queue_hold
             WHERE vault = $1 AND asked_sat_kwu IS NOT NULL",
            &[vault.to_bytes().into()],
        )
        .await?;
    row.map(|row| {
        Ok(Question {
            number: row.u64("question")?,
            asked: FeeRate::from_sat_per_kwu(row.u64("asked_sat_kwu")?),
            allowed: row
                .optional_u64("allowed_sat_kwu")?
                .map(FeeRate::from_sat_per_kwu),
        })
    })
    .transpose()
}

/// Asks the next question, in place of one that is open; its number.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn ask(
    tx: &mut Transaction,
    vault: VaultId,
    feerate: FeeRate,
    at: UnixTime,
) -> Result<u64, DatabaseError> {
    tx.execute_one(
        "INSERT INTO queue_hold (vault, question, asked_sat_kwu, allowed_sat_kwu, allowed_by, changed_at)
         VALUES ($1, 1, $2, NULL, '', $3)
         ON CONFLICT (vault) DO UPDATE SET question = queue_hold.question + 1,
             asked_sat_kwu = excluded.asked_sat_kwu, allowed_sat_kwu = NULL, allowed_by = '',
             changed_at = excluded.changed_at",
        &[
            vault.to_bytes().into(),
            Value::from_u64(feerate.to_sat_per_kwu())?,
            Value::from_u64(at.as_secs())?,
        ],
    )
    .await?;
    tx.one_row(
        "SELECT question FROM queue_hold WHERE vault = $1",
        &[vault.to_bytes().into()],
    )
    .await?
    .u64("question")
}

/// Stores the answer to the question that is open.
///
/// # Errors
/// On a failed statement; where another question is open, or none.
pub async fn allow(
    tx: &mut Transaction,
    vault: VaultId,
    question: &Question,
    by: &str,
    at: UnixTime,
) -> Result<(), DatabaseError> {
    let allowed = question.allowed.unwrap_or(FeeRate::ZERO);
    tx.execute_one(
        "UPDATE queue_hold SET allowed_sat_kwu = $1, allowed_by = $2, changed_at = $3
         WHERE vault = $4 AND question = $5 AND asked_sat_kwu IS NOT NULL",
        &[
            Value::from_u64(allowed.to_sat_per_kwu())?,
            by.into(),
            Value::from_u64(at.as_secs())?,
            vault.to_bytes().into(),
            Value::from_u64(question.number)?,
        ],
    )
    .await
}

/// Closes a question with its answer; who answered stays written.
///
/// # Errors
/// On a failed statement; where it is not open as it was read.
pub async fn close(
    tx: &mut Transaction,
    vault: VaultId,
    question: &Question,
    at: UnixTime,
) -> Result<(), DatabaseError> {
    let allowed = question.allowed.unwrap_or(FeeRate::ZERO);
    tx.execute_one(
        "UPDATE queue_hold SET asked_sat_kwu = NULL, allowed_sat_kwu = NULL, changed_at = $1
         WHERE vault = $2 AND question = $3 AND asked_sat_kwu IS NOT NULL
             AND COALESCE(allowed_sat_kwu, 0) = $4",
        &[
            Value::from_u64(at.as_secs())?,
            vault.to_bytes().into(),
            Value::from_u64(question.number)?,
            Value::from_u64(allowed.to_sat_per_kwu())?,
        ],
    )
    .await
}

/// Whether withdrawals wait to be paid, or a question is open.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn is_used(tx: &mut Transaction) -> Result<bool, DatabaseError> {
    let row = tx
        .optional_row(
            "SELECT 1 AS one FROM withdrawal WHERE state = 'approved'
             UNION ALL SELECT 1 AS one FROM queue_hold WHERE asked_sat_kwu IS NOT NULL LIMIT 1",
            &[],
        )
        .await?;
    Ok(row.is_some())
}

fn read(row: &Row) -> Result<SpeedRow, DatabaseError> {
    let told = match row.text("told")? {
        "" => None,
        "in_danger" => Some(Late::InDanger),
        "passed" => Some(Late::Passed),
        other => return Err(row.corrupt("told", "in_danger, passed or nothing", other)),
    };
    Ok(SpeedRow {
        key: WithdrawalKey {
            vault: VaultId::from_bytes(row.array("vault")?),
            requester: row.parse("requester", "a requester's name")?,
            id: row.parse("id", "a withdrawal's id")?,
        },
        speed: row.parse("speed", "urgent, normal or economy")?,
        latest: row.optional_u64("latest")?.map(UnixTime::from_secs),
        told,
    })
}
