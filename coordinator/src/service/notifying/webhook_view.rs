//! Webhooks and their deliveries as the pages and the API show them.
//!
//! Invariant: of the address only the host is shown, since others put secrets into it; of the secret nothing, but for
//! the one time when it is made.

use policies::{UnixTime, VaultId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::guarding::check_url;
use super::shaping::Shape;
use crate::store::webhooks::{DeliveryRow, WebhookRow};

/// Asks for a webhook.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewWebhook {
    /// How it is called: 1 to 64 printable ASCII characters.
    pub name: String,
    /// How events are written.
    pub shape: Shape,
    /// Where they go: an address that begins with https://.
    pub url: String,
    /// The one vault whose events it gets; all if none.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub vault: Option<VaultId>,
    /// What the kinds of its events begin with, such as `withdrawal.`; all if empty.
    #[serde(default)]
    pub kinds: Vec<String>,
}

impl std::fmt::Debug for NewWebhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewWebhook")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// A webhook without its secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct WebhookView {
    /// Its public id.
    pub id: String,
    /// How it is called.
    pub name: String,
    /// How events are written: `json`, `slack` or `matrix`.
    pub shape: String,
    /// The host that it calls.
    pub host: String,
    /// The one vault whose events it gets.
    #[schema(value_type = Option<String>)]
    pub vault: Option<VaultId>,
    /// What the kinds of its events begin with.
    pub kinds: Vec<String>,
    /// When it was made (unix seconds).
    #[schema(value_type = u64)]
    pub created_at: UnixTime,
    /// By whom.
    pub created_by: String,
    /// Why it is paused, if it is.
    pub paused: Option<String>,
    /// Since when nothing is taken (unix seconds).
    #[schema(value_type = Option<u64>)]
    pub failing_since: Option<UnixTime>,
    /// How many events were numbered after the last that it took or passed over.
    pub behind: u64,
}

/// A new webhook with its secret, shown this once.
#[derive(Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct CreatedWebhook {
    /// The webhook.
    pub webhook: WebhookView,
    /// The secret that signs its deliveries: 64 hex digits.
    pub secret: String,
}

impl std::fmt::Debug for CreatedWebhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CreatedWebhook")
            .field("webhook", &self.webhook)
            .finish_non_exhaustive()
    }
}

/// How one delivery stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct DeliveryView {
    /// The event's number; 0 for a test.
    pub number: u64,
    /// The event's kind.
    pub kind: String,
    /// How often it was tried.
    pub tries: u32,
    /// When it was tried last (unix seconds).
    #[schema(value_type = u64)]
    pub tried_at: UnixTime,
    /// The status that the other side answered.
    pub status: Option<u32>,
    /// What went wrong; empty once it was taken.
    pub error: String,
}

impl From<DeliveryRow> for DeliveryView {
    fn from(row: DeliveryRow) -> Self {
        Self {
            number: row.number,
            kind: row.kind,
            tries: row.tries,
            tried_at: row.tried_at,
            status: row.status,
            error: row.error,
        }
    }
}

impl WebhookView {
    /// A webhook as it stands once `head` events are numbered.
    pub(super) fn of(row: &WebhookRow, head: u64) -> Self {
        let kinds = row.kinds.split(',').filter(|kind| !kind.is_empty());
        Self {
            id: row.id.clone(),
            name: row.name.clone(),
            shape: row.shape.clone(),
            host: host_of(&row.url),
            vault: row.vault,
            kinds: kinds.map(str::to_owned).collect(),
            created_at: row.created_at,
            created_by: row.created_by.clone(),
            paused: row.paused.clone(),
            failing_since: row.failing_since,
            behind: head.saturating_sub(row.number),
        }
    }
}

/// The host that a webhook calls.
pub(super) fn host_of(url: &str) -> String {
    let uri = check_url(url, true).ok();
    let host = uri.and_then(|uri| uri.host().map(str::to_owned));
    host.unwrap_or_default()
}
