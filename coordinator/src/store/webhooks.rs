//! Webhooks, and how each delivery stands.

use policies::{UnixTime, VaultId};
use watchtower::store::database::{DatabaseError, Row, Transaction, Value};

/// A webhook.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookRow {
    /// Its public id.
    pub id: String,
    /// How it is called.
    pub name: String,
    /// `json`, `slack` or `matrix`.
    pub shape: String,
    /// Where it goes. It may hold a secret.
    pub url: String,
    /// What signs its deliveries.
    pub secret: String,
    /// The one vault whose events it gets; all if none.
    pub vault: Option<VaultId>,
    /// What the kinds of its events begin with, with commas between them; all if empty.
    pub kinds: String,
    /// When it was made.
    pub created_at: UnixTime,
    /// By whom.
    pub created_by: String,
    /// The number of the last event that was taken or passed over.
    pub number: u64,
    /// Why it is paused, if it is.
    pub paused: Option<String>,
    /// Since when nothing is taken.
    pub failing_since: Option<UnixTime>,
    /// Whether it is removed.
    pub removed: bool,
}

impl std::fmt::Debug for WebhookRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebhookRow")
            .field("id", &self.id)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// How a delivery stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryRow {
    /// The event's number; 0 for a test.
    pub number: u64,
    /// The event's kind.
    pub kind: String,
    /// How often it was tried.
    pub tries: u32,
    /// When it was tried last.
    pub tried_at: UnixTime,
    /// What the other side answered.
    pub status: Option<u32>,
    /// What went wrong; empty once it was taken.
    pub error: String,
}

/// Stores a webhook.
///
/// # Errors
/// On a failed statement.
pub async fn insert(tx: &mut Transaction, row: &WebhookRow) -> Result<(), DatabaseError> {
    tx.execute_one(
        "INSERT INTO webhook (id, name, shape, url, secret, vault, kinds, created_at, created_by, number)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        &[
            row.id.clone().into(),
            row.name.clone().into(),
            row.shape.clone().into(),
            row.url.clone().into(),
            row.secret.clone().into(),
            row.vault.map(VaultId::to_bytes).into(),
            row.kinds.clone().into(),
            Value::from_u64(row.created_at.as_secs())?,
            row.created_by.clone().into(),
            Value::from_u64(row.number)?,
        ],
    )
    .await
}

/// One webhook, also a removed one.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn lookup(tx: &mut Transaction, id: &str) -> Result<Option<WebhookRow>, DatabaseError> {
    tx.optional_row(
        "SELECT id, name, shape, url, secret, vault, kinds, created_at, created_by, number, paused_why,
             failing_since, removed_at
         FROM webhook WHERE id = $1",
        &[id.into()],
    )
    .await?
    .as_ref()
    .map(read)
    .transpose()
}

/// The webhooks that are not removed, the oldest first.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn list(tx: &mut Transaction) -> Result<Vec<WebhookRow>, DatabaseError> {
    tx.rows(
        "SELECT id, name, shape, url, secret, vault, kinds, created_at, created_by, number, paused_why,
             failing_since, removed_at
         FROM webhook WHERE removed_at IS NULL ORDER BY created_at, id",
        &[],
    )
    .await?
    .iter()
    .map(read)
    .collect()
}

/// Pauses a webhook, or lets it go on.
///
/// # Errors
/// [`DatabaseError::RowsAffected`] if it is removed.
pub async fn set_paused(
    tx: &mut Transaction,
    id: &str,
    why: Option<&str>,
    now: UnixTime,
) -> Result<(), DatabaseError> {
    let since = why.map(|_| Value::from_u64(now.as_secs())).transpose()?;
    tx.execute_one(
        "UPDATE webhook SET paused_at = $2, paused_why = $3 WHERE id = $1 AND removed_at IS NULL",
        &[id.into(), since.into(), why.into()],
    )
    .await
}

/// Removes a webhook.
///
/// # Errors
/// [`DatabaseError::RowsAffected`] if it is removed already.
pub async fn remove(
    tx: &mut Transaction,
    id: &str,
    by: &str,
    now: UnixTime,
) -> Result<(), DatabaseError> {
    tx.execute_one(
        "UPDATE webhook SET removed_at = $2, removed_by = $3 WHERE id = $1 AND removed_at IS NULL",
        &[id.into(), Value::from_u64(now.as_secs())?, by.into()],
    )
    .await
}

/// Moves a webhook past an event that was taken or is not for it. It never moves back.
///
/// # Errors
/// On a failed statement.
pub async fn advance(tx: &mut Transaction, id: &str, number: u64) -> Result<(), DatabaseError> {
    tx.execute(
        "UPDATE webhook SET number = $2 WHERE id = $1 AND number < $2",
        &[id.into(), Value::from_u64(number)?],
    )
    .await
    .map(drop)
}

/// Notes since when nothing is taken, or that something was.
///
/// # Errors
/// On a failed statement.
pub async fn set_failing(
    tx: &mut Transaction,
    id: &str,
    since: Option<UnixTime>,
) -> Result<(), DatabaseError> {
    let since = since
        .map(|since| Value::from_u64(since.as_secs()))
        .transpose()?;
    tx.execute(
        "UPDATE webhook SET failing_since = $2 WHERE id = $1",
        &[id.into(), since.into()],
    )
    .await
    .map(drop)
}

/// Notes one try of a delivery.
///
/// # Errors
/// On a failed statement.
pub async fn note(tx: &mut Transaction, id: &str, row: &DeliveryRow) -> Result<(), DatabaseError> {
    tx.execute_one(
        "INSERT INTO webhook_delivery (webhook, number, kind, tries, tried_at, status, error)
         VALUES ($1, $2, $3, 1, $4, $5, $6)
         ON CONFLICT (webhook, number) DO UPDATE SET kind = excluded.kind, tries = webhook_delivery.tries + 1,
             tried_at = excluded.tried_at, status = excluded.status, error = excluded.error",
        &[
            id.into(),
            Value::from_u64(row.number)?,
            row.kind.clone().into(),
            Value::from_u64(row.tried_at.as_secs())?,
            row.status.into(),
            row.error.clone().into(),
        ],
    )
    .await
}

/// The last deliveries of a webhook, the newest first.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn deliveries(
    tx: &mut Transaction,
    id: &str,
    limit: u32,
) -> Result<Vec<DeliveryRow>, DatabaseError> {
    tx.rows(
        "SELECT number, kind, tries, tried_at, status, error FROM webhook_delivery
         WHERE webhook = $1 ORDER BY tried_at DESC, number DESC LIMIT $2",
        &[id.into(), limit.into()],
    )
    .await?
    .iter()
    .map(|row| {
        Ok(DeliveryRow {
            number: row.u64("number")?,
            kind: row.text("kind")?.to_owned(),
            tries: row.u32("tries")?,
            tried_at: UnixTime::from_secs(row.u64("tried_at")?),
            status: row.optional_u32("status")?,
            error: row.text("error")?.to_owned(),
        })
    })
    .collect()
}

fn read(row: &Row) -> Result<WebhookRow, DatabaseError> {
    Ok(WebhookRow {
        id: row.text("id")?.to_owned(),
        name: row.text("name")?.to_owned(),
        shape: row.text("shape")?.to_owned(),
        url: row.text("url")?.to_owned(),
        secret: row.text("secret")?.to_owned(),
        vault: row.optional_array("vault")?.map(VaultId::from_bytes),
        kinds: row.text("kinds")?.to_owned(),
        created_at: UnixTime::from_secs(row.u64("created_at")?),
        created_by: row.text("created_by")?.to_owned(),
        number: row.u64("number")?,
        paused: row.optional_text("paused_why")?.map(str::to_owned),
        failing_since: row.optional_u64("failing_since")?.map(UnixTime::from_secs),
        removed: row.optional_u64("removed_at")?.is_some(),
    })
}
