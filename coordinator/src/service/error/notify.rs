//! What is refused about webhooks.

use serde_json::{Value, json};

use super::{Answer, ErrorClass as Class};
use crate::service::notifying::guarding::UrlFault;
use crate::service::notifying::kinds::families;

/// A refusal about webhooks.
#[derive(Debug, thiserror::Error)]
pub enum NotifyError {
    /// No such webhook.
    #[error("there is no webhook {id}")]
    UnknownWebhook {
        /// The id asked for, at most 40 characters of it.
        id: String,
    },
    /// There are as many as may be.
    #[error("there are {most} webhooks already")]
    TooManyWebhooks {
        /// How many may be.
        most: usize,
    },
    /// No event is of a kind that begins so.
    #[error(
        "no kind of event begins with {beginning}; the families are {}",
        families()
    )]
    UnknownEventKind {
        /// The beginning asked for.
        beginning: String,
    },
    /// The address is none that may be called.
    #[error("the address of a webhook: {0}")]
    WebhookUrl(#[from] UrlFault),
}

impl NotifyError {
    /// The stable code, the class, and what to do.
    pub(super) fn answer(&self) -> Answer {
        match self {
            Self::UnknownWebhook { .. } => (
                "unknown_webhook",
                Class::NotFound,
                "`webhook list` names them: it may have been removed",
            ),
            Self::TooManyWebhooks { .. } => (
                "too_many_webhooks",
                Class::Conflict,
                "remove one that nobody reads any more",
            ),
            Self::UnknownEventKind { .. } => (
                "unknown_event_kind",
                Class::Refused,
                "give a family with its point, such as `withdrawal.`, or one whole kind; none for all events",
            ),
            Self::WebhookUrl(_) => (
                "webhook_url",
                Class::Refused,
                "give an address that begins with https:// and a host that everybody on the Internet can reach",
            ),
        }
    }

    /// The facts by name.
    pub(super) fn facts(&self) -> Value {
        match self {
            Self::UnknownWebhook { id } => json!({ "webhook": id }),
            Self::TooManyWebhooks { most } => json!({ "most": most }),
            Self::UnknownEventKind { beginning } => json!({ "kind": beginning }),
            Self::WebhookUrl(_) => json!({}),
        }
    }
}
