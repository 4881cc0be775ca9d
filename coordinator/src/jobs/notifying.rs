//! What is told outside of the pages: gathered from events and agendas, mailed to persons, posted to webhooks.
//!
//! Nothing here waits for others inside of a database transaction, and no slow server keeps money waiting: this work
//! has a round of its own. What was sent before a crash is sent once more.

use watchtower::store::database::Transaction;
use watchtower::store::{cursor, events};

use super::{MAIL, backoff_seconds};
use crate::service::notifying::former;
use crate::service::notifying::gathering::{self, CONSUMER};
use crate::service::notifying::letter::letter;
use crate::service::notifying::shaping::{Shape, parcel};
use crate::service::notifying::webhooks::{send, wants};
use crate::service::proving::proof_of;
use crate::service::{Service, ServiceError};
use crate::store::jobs::{self, Claim};
use crate::store::notices::{self, NoticeRow};
use crate::store::webhooks::{self, WebhookRow};

/// The pause between two looks at what waits on persons.
const LOOK_SECONDS: u64 = 30;
/// The pause between two looks at what is due to a person.
const MAIL_SECONDS: u64 = 5;
/// Events looked through for a webhook at once.
const PAGE: u32 = 200;
/// What a server answers that wants no more.
const GONE: u32 = 410;

/// Writes down what is to be told.
pub(super) async fn gather(service: &Service, claim: &Claim) -> Result<(), ServiceError> {
    let listeners = gathering::listeners(service).await?;
    let now = service.now();
    let mut tx = service.database().begin_write().await?;
    jobs::assert_held(&mut tx, claim).await?;
    let more = gathering::gather(&mut tx, &listeners, now).await?;
    let pause = if more { 0 } else { LOOK_SECONDS };
    jobs::repeat(&mut tx, claim, now.saturating_add(pause)).await?;
    Ok(tx.commit().await?)
}

/// Sends a person what is due.
pub(super) async fn mail(service: &Service, claim: &Claim) -> Result<(), ServiceError> {
    let person = claim.key.as_str();
    let now = service.now();
    let due = {
        let mut tx = service.database().begin_read().await?;
        gathering::due(&mut tx, person, now).await?
    };
    let sent = match (&due, service.mailer()) {
        (Some((to, notices)), Some(mailer)) => {
            let letter = letter(notices, service.public_url().unwrap_or_default());
            Some(mailer.send(to, &letter).await)
        }
        (Some(_), None) | (None, _) => None,
    };
    let mut tx = service.database().begin_write().await?;
    jobs::assert_held(&mut tx, claim).await?;
    let now = service.now();
    match sent {
        Some(Err(fault)) => {
            tracing::warn!(person, %fault, "a mail was not sent and will be tried again");
            let next = now.saturating_add(backoff_seconds(claim.attempts));
            jobs::retry(&mut tx, claim, next, &fault.to_string()).await?;
        }
        Some(Ok(())) => {
            for notice in due.iter().flat_map(|(_, notices)| notices) {
                notices::set_sent(&mut tx, person, &notice.key, now).await?;
            }
            jobs::repeat(&mut tx, claim, now.saturating_add(MAIL_SECONDS)).await?;
        }
        None => jobs::repeat(&mut tx, claim, now.saturating_add(MAIL_SECONDS)).await?,
    }
    Ok(tx.commit().await?)
}

/// Tells a former address that an operator changed what its person is told. It has a job of its own: an address that takes
/// nothing any more holds up no mail to the address that is the person's own.
pub(super) async fn mail_to_former(service: &Service, claim: &Claim) -> Result<(), ServiceError> {
    let person = claim.key.as_str();
    let due = {
        let mut tx = service.database().begin_read().await?;
        former::due(&mut tx, person).await?
    };
    let sent = match (&due, service.mailer()) {
        (Some((to, notice)), Some(mailer)) => {
            let notices = std::slice::from_ref(notice);
            let letter = letter(notices, service.public_url().unwrap_or_default());
            Some(mailer.send(to, &letter).await)
        }
        (Some(_), None) | (None, _) => None,
    };
    let mut tx = service.database().begin_write().await?;
    jobs::assert_held(&mut tx, claim).await?;
    let now = service.now();
    let taken = matches!(sent, Some(Ok(())));
    let is_over = |notice: &NoticeRow| taken || former::is_given_up(notice, now);
    if let Some((_, notice)) = due.as_ref().filter(|(_, notice)| is_over(notice)) {
        notices::set_sent(&mut tx, person, &notice.key, now).await?;
        jobs::repeat(&mut tx, claim, now).await?;
    } else if let Some(Err(fault)) = &sent {
        tracing::warn!(person, %fault, "a former address was not told yet and will be tried again");
        let next = now.saturating_add(backoff_seconds(claim.attempts));
        jobs::retry(&mut tx, claim, next, &fault.to_string()).await?;
    } else {
        jobs::repeat(&mut tx, claim, now.saturating_add(LOOK_SECONDS)).await?;
    }
    Ok(tx.commit().await?)
}

/// Posts the next event to a webhook: one after the other, so that each object's events come in order.
pub(super) async fn deliver(service: &Service, claim: &Claim) -> Result<(), ServiceError> {
    let id = claim.key.as_str();
    let (row, page) = {
        let mut tx = service.database().begin_read().await?;
        let row = webhooks::lookup(&mut tx, id).await?;
        match row.filter(|row| !row.removed) {
            None => (None, Vec::new()),
            Some(row) => {
                let page = events::after(&mut tx, row.number, PAGE).await?;
                (Some(row), page)
            }
        }
    };
    let Some(row) = row else {
        return end(service, claim).await;
    };
    if row.paused.is_some() {
        return settle(service, claim, LOOK_SECONDS).await;
    }
    let Some(event) = page.iter().find(|event| wants(&row, event)) else {
        let mut tx = service.database().begin_write().await?;
        jobs::assert_held(&mut tx, claim).await?;
        if let Some(last) = page.last() {
            webhooks::advance(&mut tx, id, last.number).await?;
        }
        jobs::repeat(&mut tx, claim, service.now()).await?;
        return Ok(tx.commit().await?);
    };
    let shape: Shape = row.shape.parse().unwrap_or(Shape::Json);
    let proof = match shape {
        Shape::Json => {
            let mut tx = service.database().begin_read().await?;
            proof_of(&mut tx, event).await?
        }
        Shape::Slack | Shape::Matrix => None,
    };
    let public_url = service.public_url().unwrap_or_default();
    let parcel = parcel(shape, event, proof.as_ref(), public_url);
    let delivery = send(service, &row, parcel, event.number, &event.kind).await;
    let mut tx = service.database().begin_write().await?;
    jobs::assert_held(&mut tx, claim).await?;
    webhooks::note(&mut tx, id, &delivery).await?;
    let now = service.now();
    if is_removed(&mut tx, id).await? {
        // While it was called, somebody removed it: whatever was answered is no alarm.
        jobs::finish(&mut tx, claim, now).await?;
        return Ok(tx.commit().await?);
    }
    if delivery.error.is_empty() {
        webhooks::advance(&mut tx, id, event.number).await?;
        if row.failing_since.is_some() {
            webhooks::set_failing(&mut tx, id, None).await?;
        }
        jobs::repeat(&mut tx, claim, now).await?;
    } else {
        if row.failing_since.is_none() {
            webhooks::set_failing(&mut tx, id, Some(now)).await?;
        }
        if delivery.status == Some(GONE) {
            let why = "its server answered 410: it wants no more";
            webhooks::set_paused(&mut tx, id, Some(why), now).await?;
        }
        let next = now.saturating_add(backoff_seconds(claim.attempts));
        jobs::retry(&mut tx, claim, next, &delivery.error).await?;
    }
    Ok(tx.commit().await?)
}

/// Ends the work for a webhook that was removed, whatever went wrong with it before.
async fn end(service: &Service, claim: &Claim) -> Result<(), ServiceError> {
    let mut tx = service.database().begin_write().await?;
    jobs::assert_held(&mut tx, claim).await?;
    jobs::finish(&mut tx, claim, service.now()).await?;
    Ok(tx.commit().await?)
}

async fn is_removed(tx: &mut Transaction, id: &str) -> Result<bool, ServiceError> {
    let row = webhooks::lookup(tx, id).await?;
    Ok(row.is_none_or(|row| row.removed))
}

async fn settle(service: &Service, claim: &Claim, pause: u64) -> Result<(), ServiceError> {
    let mut tx = service.database().begin_write().await?;
    jobs::assert_held(&mut tx, claim).await?;
    jobs::repeat(&mut tx, claim, service.now().saturating_add(pause)).await?;
    Ok(tx.commit().await?)
}

fn is_active(row: &WebhookRow) -> bool {
    !row.removed && row.paused.is_none()
}

/// The work that there is for persons and webhooks.
pub(super) async fn wanted(
    tx: &mut Transaction,
) -> Result<Vec<(&'static str, String)>, ServiceError> {
    let persons = notices::settings(tx).await?.into_iter();
    let mut wanted: Vec<_> = persons.map(|setting| (MAIL, setting.person)).collect();
    let moved = notices::moved(tx).await?.into_iter();
    wanted.extend(moved.map(|person| (super::FORMER_MAIL, person)));
    let active = webhooks::list(tx).await?.into_iter().filter(is_active);
    wanted.extend(active.map(|row| (super::WEBHOOK, row.id)));
    Ok(wanted)
}

/// Whether there are events that a webhook has not taken, or it was removed and its work is to end.
pub(super) async fn is_to_be_called_or_ended(
    tx: &mut Transaction,
    id: &str,
) -> Result<bool, ServiceError> {
    let row = webhooks::lookup(tx, id).await?;
    let (head, _) = events::head(tx).await?;
    Ok(row.is_none_or(|row| row.removed || (row.paused.is_none() && row.number < head)))
}

/// Whether anything may have to be gathered: events that were not read, or somebody who is told what waits.
pub(super) async fn has_gathering(tx: &mut Transaction) -> Result<bool, ServiceError> {
    let seen = cursor::cursor(tx, CONSUMER).await?;
    Ok(events::head(tx).await?.0 > seen || !notices::settings(tx).await?.is_empty())
}
