//! Webhooks: added, tried, paused, removed, and how their deliveries stand.
//!
//! Invariant: the secret is shown once; of the address only the host is shown again, since others put secrets into it.

use bitcoin::hex::DisplayHex as _;
use policies::UnixTime;
use serde_json::{Map, json};
use watchtower::store::database::Transaction;
use watchtower::store::events::{self, Event, NewEvent};

use super::guarding::check_url;
use super::kinds::begins_some_kind;
use super::posting::{PostFault, Reach, post};
use super::shaping::{Parcel, Shape, signature, trial};
use super::webhook_view::{CreatedWebhook, DeliveryView, NewWebhook, WebhookView, host_of};
use crate::service::people;
use crate::service::{Actor, NotifyError, Right, Service, ServiceError, VaultError};
use crate::store::vaults;
use crate::store::webhooks::{self, DeliveryRow, WebhookRow};

/// The most webhooks.
const MAX_WEBHOOKS: usize = 50;
/// The most kinds that one names.
const MAX_KINDS: usize = 20;
/// How many deliveries are shown.
const SHOWN: u32 = 50;

/// Adds a webhook; gives it with its secret, which is shown this once.
///
/// # Errors
/// [`NotifyError`]; [`ServiceError::Malformed`] for a field; [`VaultError::UnknownVault`].
pub async fn add_webhook(
    service: &Service,
    actor: &Actor,
    new: &NewWebhook,
) -> Result<CreatedWebhook, ServiceError> {
    actor.require_everywhere(Right::Tokens)?;
    let printable = new.name.bytes().all(|byte| (0x20..=0x7e).contains(&byte));
    if !printable || !(1..=64).contains(&new.name.trim().len()) {
        return Err(ServiceError::Malformed {
            field: "name",
            expected: "1 to 64 printable ASCII characters",
        });
    }
    let is_kind = |kind: &String| {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte == b'.' || byte == b'-';
        (1..=40).contains(&kind.len()) && kind.bytes().all(fits)
    };
    if new.kinds.len() > MAX_KINDS || !new.kinds.iter().all(is_kind) {
        return Err(ServiceError::Malformed {
            field: "kinds",
            expected: "at most 20 beginnings of kinds of events, such as withdrawal. or policy.adopted",
        });
    }
    if let Some(unknown) = new.kinds.iter().find(|kind| !begins_some_kind(kind)) {
        let beginning = unknown.clone();
        return Err(NotifyError::UnknownEventKind { beginning }.into());
    }
    check_url(&new.url, service.reach().allow_loopback).map_err(NotifyError::WebhookUrl)?;
    let now = service.now();
    let mut tx = service.database().begin_write().await?;
    people::expect_still(&mut tx, actor).await?;
    if webhooks::list(&mut tx).await?.len() >= MAX_WEBHOOKS {
        return Err(NotifyError::TooManyWebhooks { most: MAX_WEBHOOKS }.into());
    }
    if let Some(vault) = new.vault {
        let found = vaults::lookup(&mut tx, vault).await?;
        found.ok_or(VaultError::UnknownVault { vault })?;
    }
    let (head, _) = events::head(&mut tx).await?;
    let id = service.random();
    let (id, _) = id.split_at(8);
    let row = WebhookRow {
        id: id.to_lower_hex_string(),
        name: new.name.trim().to_owned(),
        shape: new.shape.name().to_owned(),
        url: new.url.clone(),
        secret: service.random().to_lower_hex_string(),
        vault: new.vault,
        kinds: new.kinds.join(","),
        created_at: now,
        created_by: actor.name.clone(),
        number: head,
        paused: None,
        failing_since: None,
        removed: false,
    };
    webhooks::insert(&mut tx, &row).await?;
    append(&mut tx, &row, "webhook.added", (&actor.name, ""), now).await?;
    tx.commit().await?;
    Ok(CreatedWebhook {
        webhook: WebhookView::of(&row, head),
        secret: row.secret,
    })
}

/// The webhooks: of all vaults, or of the one that the actor sees.
///
/// # Errors
/// On a database failure.
pub async fn list_webhooks(
    service: &Service,
    actor: &Actor,
) -> Result<Vec<WebhookView>, ServiceError> {
    actor.require_somewhere(Right::Read)?;
    let mut tx = service.database().begin_read().await?;
    let (head, _) = events::head(&mut tx).await?;
    let all = webhooks::list(&mut tx).await?;
    let seen = all.iter().filter(|row| sees(actor, row));
    Ok(seen.map(|row| WebhookView::of(row, head)).collect())
}

/// One webhook with its last deliveries.
///
/// # Errors
/// [`NotifyError::UnknownWebhook`].
pub async fn show_webhook(
    service: &Service,
    actor: &Actor,
    id: &str,
) -> Result<(WebhookView, Vec<DeliveryView>), ServiceError> {
    actor.require_somewhere(Right::Read)?;
    let mut tx = service.database().begin_read().await?;
    let (head, _) = events::head(&mut tx).await?;
    let row = existing(&mut tx, id).await?;
    if !sees(actor, &row) {
        return Err(unknown(id).into());
    }
    let deliveries = webhooks::deliveries(&mut tx, id, SHOWN).await?;
    let deliveries = deliveries.into_iter().map(DeliveryView::from);
    Ok((WebhookView::of(&row, head), deliveries.collect()))
}

/// Pauses a webhook, or lets it go on where it stopped.
///
/// # Errors
/// [`NotifyError::UnknownWebhook`].
pub async fn pause_webhook(
    service: &Service,
    actor: &Actor,
    id: &str,
    pause: bool,
) -> Result<WebhookView, ServiceError> {
    actor.require_everywhere(Right::Tokens)?;
    let now = service.now();
    let mut tx = service.database().begin_write().await?;
    people::expect_still(&mut tx, actor).await?;
    let mut row = existing(&mut tx, id).await?;
    if row.paused.is_some() != pause {
        let why = format!("paused by {}", actor.name);
        row.paused = pause.then_some(why);
        webhooks::set_paused(&mut tx, id, row.paused.as_deref(), now).await?;
        let kind = if pause {
            "webhook.paused"
        } else {
            "webhook.resumed"
        };
        append(&mut tx, &row, kind, (&actor.name, ""), now).await?;
    }
    let (head, _) = events::head(&mut tx).await?;
    tx.commit().await?;
    Ok(WebhookView::of(&row, head))
}

/// Pauses the webhooks that somebody added whose role is over: nobody hears of events by way of one. Another operator
/// lets them go on where they are wanted.
pub(in crate::service) async fn pause_those_of(
    tx: &mut Transaction,
    is_own: impl Fn(&String) -> bool,
    why: &str,
    (by, now): (&str, UnixTime),
) -> Result<(), ServiceError> {
    for row in webhooks::list(tx).await? {
        if row.paused.is_none() && is_own(&row.created_by) {
            webhooks::set_paused(tx, &row.id, Some(why), now).await?;
            append(tx, &row, "webhook.paused", (by, why), now).await?;
        }
    }
    Ok(())
}

/// Removes a webhook.
///
/// # Errors
/// [`NotifyError::UnknownWebhook`].
pub async fn remove_webhook(
    service: &Service,
    actor: &Actor,
    id: &str,
) -> Result<WebhookView, ServiceError> {
    actor.require_everywhere(Right::Tokens)?;
    let now = service.now();
    let mut tx = service.database().begin_write().await?;
    let row = existing(&mut tx, id).await?;
    webhooks::remove(&mut tx, id, &actor.name, now).await?;
    append(&mut tx, &row, "webhook.removed", (&actor.name, ""), now).await?;
    let (head, _) = events::head(&mut tx).await?;
    tx.commit().await?;
    Ok(WebhookView::of(&row, head))
}

/// Sends a test now, and says what was answered.
///
/// # Errors
/// [`NotifyError::UnknownWebhook`].
pub async fn try_webhook(
    service: &Service,
    actor: &Actor,
    id: &str,
) -> Result<DeliveryView, ServiceError> {
    actor.require_everywhere(Right::Tokens)?;
    let row = {
        let mut tx = service.database().begin_read().await?;
        existing(&mut tx, id).await?
    };
    let shape: Shape = row.shape.parse().unwrap_or(Shape::Json);
    let random = service.random();
    let (mark, _) = random.split_at(8);
    let parcel = trial(
        shape,
        &mark.to_lower_hex_string(),
        service.public_url().unwrap_or_default(),
    );
    let delivery = send(service, &row, parcel, 0, "test").await;
    let mut tx = service.database().begin_write().await?;
    webhooks::note(&mut tx, id, &delivery).await?;
    tx.commit().await?;
    Ok(delivery.into())
}

/// Calls a webhook once.
pub(crate) async fn send(
    service: &Service,
    row: &WebhookRow,
    parcel: Parcel,
    number: u64,
    kind: &str,
) -> DeliveryRow {
    let now = service.now();
    let reach = service.reach();
    let headers = vec![
        (
            "countersign-signature",
            signature(&row.secret, now, &parcel),
        ),
        ("countersign-event", parcel.id.clone()),
    ];
    let url = row.url.clone();
    let limit = reach.timeout.saturating_mul(2);
    let posting = tokio::task::spawn_blocking(move || call(&url, &headers, &parcel, &reach));
    let (status, error) = match tokio::time::timeout(limit, posting).await {
        Ok(Ok(Ok(status))) => (Some(u32::from(status)), String::new()),
        Ok(Ok(Err(fault))) => (fault.status().map(u32::from), fault.to_string()),
        Ok(Err(_)) => (None, "the call broke off".to_owned()),
        Err(_) => (None, "no answer in time".to_owned()),
    };
    DeliveryRow {
        number,
        kind: kind.to_owned(),
        tries: 1,
        tried_at: now,
        status,
        error: error.chars().take(300).collect(),
    }
}

fn call(
    url: &str,
    headers: &[(&str, String)],
    parcel: &Parcel,
    reach: &Reach,
) -> Result<u16, PostFault> {
    post(url, headers, &parcel.body, reach)
}

/// Whether an event is one for a webhook.
pub(crate) fn wants(row: &WebhookRow, event: &Event) -> bool {
    let concerns = row.vault.is_none_or(|own| event.vault == Some(own));
    let mut kinds = row
        .kinds
        .split(',')
        .filter(|kind| !kind.is_empty())
        .peekable();
    concerns && (kinds.peek().is_none() || kinds.any(|kind| event.kind.starts_with(kind)))
}

fn sees(actor: &Actor, row: &WebhookRow) -> bool {
    actor.vault.is_none_or(|own| row.vault == Some(own))
}

async fn existing(tx: &mut Transaction, id: &str) -> Result<WebhookRow, ServiceError> {
    let row = webhooks::lookup(tx, id).await?;
    let row = row.filter(|row| !row.removed);
    row.ok_or_else(|| unknown(id).into())
}

fn unknown(id: &str) -> NotifyError {
    NotifyError::UnknownWebhook {
        id: id.chars().take(40).collect(),
    }
}

async fn append(
    tx: &mut Transaction,
    row: &WebhookRow,
    kind: &str,
    (actor, reason): (&str, &str),
    at: UnixTime,
) -> Result<(), ServiceError> {
    let mut body = Map::new();
    body.insert("name".to_owned(), json!(row.name));
    body.insert("host".to_owned(), json!(host_of(&row.url)));
    body.insert("shape".to_owned(), json!(row.shape));
    events::append(
        tx,
        &NewEvent {
            object_kind: "webhook",
            object_id: &row.id,
            kind,
            vault: row.vault,
            body,
            actor,
            reason,
            at,
        },
    )
    .await?;
    Ok(())
}
