//! Webhooks: which there are, how their deliveries stand, and how a receiver checks what it gets.

use askama::Template;
use axum::extract::State as Given;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::Ui;
use super::fault::Fault;
use super::frame::{Frame, Place, page, page_with, see_other_saying};
use super::posted::{Named, Posted, Wrong};
use super::routes::{Needs, Table};
use super::show::{Moment, Outside};
use super::visitor::Visitor;
use crate::service::notifying::shaping::Shape;
use crate::service::notifying::webhook_view::{NewWebhook, WebhookView};
use crate::service::notifying::webhooks::{
    add_webhook, list_webhooks, pause_webhook, remove_webhook, show_webhook, try_webhook,
};
use crate::service::{NotifyError, Right, ServiceError};

/// Where they are.
const HERE: &str = "/webhooks";

pub(super) fn routes(table: Table) -> Table {
    let (read, change) = (Needs::Right(Right::Read), Needs::Right(Right::Tokens));
    table
        .get(HERE, read, list)
        .post(HERE, change, add)
        .get("/webhooks/{id}", read, show)
        .post("/webhooks/{id}/test", change, test)
        .post("/webhooks/{id}/pause", change, pause)
        .post("/webhooks/{id}/resume", change, resume)
        .post("/webhooks/{id}/removal", change, remove)
}

/// The form, as it is typed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Typed {
    name: String,
    shape: String,
    url: String,
    vault: String,
    kinds: String,
}

#[derive(Template)]
#[template(path = "webhooks/list.html")]
struct ListPage {
    frame: Frame,
    hooks: Vec<HookRow>,
    may_change: bool,
    typed: Typed,
    wrong: Wrong,
    vaults: Vec<(String, String)>,
    made: Option<Made>,
}

/// A webhook that was just made, with its secret.
struct Made {
    name: Outside,
    secret: String,
}

struct HookRow {
    href: String,
    name: Outside,
    shape: String,
    host: Outside,
    scope: String,
    kinds: String,
    state: &'static str,
    class: &'static str,
    why: Option<Outside>,
    since: Option<Moment>,
    behind: u64,
    created: Moment,
    created_by: Outside,
}

#[derive(Template)]
#[template(path = "webhooks/show.html")]
struct HookPage {
    frame: Frame,
    hook: HookRow,
    paused: bool,
    may_change: bool,
    deliveries: Vec<DeliveryShown>,
}

struct DeliveryShown {
    event: String,
    kind: Outside,
    tries: u32,
    tried: Moment,
    status: String,
    error: Option<Outside>,
}

async fn list(Given(ui): Given<Ui>, visitor: Visitor) -> Result<Response, Fault> {
    let drawn = draw(&ui, &visitor, Typed::default(), Wrong::default(), None).await?;
    page(&drawn)
}

async fn add(
    Given(ui): Given<Ui>,
    visitor: Visitor,
    Posted(typed): Posted<Typed>,
) -> Result<Response, Fault> {
    let mut wrong = Wrong::default();
    if let Some(new) = read(&typed, &mut wrong) {
        match add_webhook(&ui.service, &visitor.actor, &new).await {
            Ok(created) => {
                let made = Made {
                    name: Outside::new(&created.webhook.name),
                    secret: created.secret,
                };
                let fresh = (Typed::default(), Wrong::default());
                let drawn = draw(&ui, &visitor, fresh.0, fresh.1, Some(made)).await?;
                return page_with(StatusCode::CREATED, &drawn);
            }
            Err(ServiceError::Malformed { field, expected }) => {
                wrong.add(field, format!("This is to be {expected}."));
            }
            Err(ServiceError::Notify(unknown @ NotifyError::UnknownEventKind { .. })) => {
                wrong.add("kinds", super::fault::sentence(&unknown.to_string()));
            }
            Err(ServiceError::Notify(NotifyError::WebhookUrl(fault))) => {
                wrong.add("url", format!("This address cannot be called: {fault}."));
            }
            Err(error) => return Err(error.into()),
        }
    }
    let drawn = draw(&ui, &visitor, typed, wrong, None).await?;
    page_with(StatusCode::UNPROCESSABLE_ENTITY, &drawn)
}

async fn draw(
    ui: &Ui,
    visitor: &Visitor,
    typed: Typed,
    wrong: Wrong,
    made: Option<Made>,
) -> Result<ListPage, Fault> {
    let hooks = list_webhooks(&ui.service, &visitor.actor).await?;
    let vaults = visitor.vaults.iter();
    Ok(ListPage {
        frame: visitor.frame("Webhooks", Place::Webhooks),
        hooks: hooks.iter().map(|hook| row(visitor, hook)).collect(),
        may_change: visitor.may(Right::Tokens),
        typed,
        wrong,
        vaults: vaults
            .map(|(id, name)| (id.to_string(), name.clone()))
            .collect(),
        made,
    })
}

fn read(typed: &Typed, wrong: &mut Wrong) -> Option<NewWebhook> {
    let shape: Option<Shape> = typed.shape.parse().ok();
    if shape.is_none() {
        wrong.add("shape", "Choose one of these.");
    }
    let vault = match typed.vault.trim() {
        "" => None,
        text => {
            let vault = text.parse().ok();
            if vault.is_none() {
                wrong.add("vault", "Choose one of these.");
            }
            vault
        }
    };
    let kinds = typed.kinds.split([',', ' ', '\n', '\r']).map(str::trim);
    let kinds = kinds
        .filter(|kind| !kind.is_empty())
        .map(str::to_owned)
        .collect();
    if !wrong.is_empty() {
        return None;
    }
    Some(NewWebhook {
        name: typed.name.trim().to_owned(),
        shape: shape?,
        url: typed.url.trim().to_owned(),
        vault,
        kinds,
    })
}

async fn show(Given(ui): Given<Ui>, visitor: Visitor, named: Named) -> Result<Response, Fault> {
    let (hook, deliveries) = show_webhook(&ui.service, &visitor.actor, named.text("id")?).await?;
    let deliveries = deliveries.iter().map(|one| DeliveryShown {
        event: match one.number {
            0 => "test".to_owned(),
            number => number.to_string(),
        },
        kind: Outside::new(&one.kind),
        tries: one.tries,
        tried: Moment::new(one.tried_at),
        status: one
            .status
            .map(|status| status.to_string())
            .unwrap_or_default(),
        error: (!one.error.is_empty()).then(|| Outside::new(&one.error)),
    });
    page(&HookPage {
        frame: visitor.frame("Webhook", Place::Webhooks),
        paused: hook.paused.is_some(),
        hook: row(&visitor, &hook),
        may_change: visitor.may(Right::Tokens),
        deliveries: deliveries.collect(),
    })
}

fn row(visitor: &Visitor, hook: &WebhookView) -> HookRow {
    let (state, class) = match (&hook.paused, hook.failing_since) {
        (Some(_), _) => ("paused", "chip-warn"),
        (None, Some(_)) => ("failing", "chip-bad"),
        (None, None) => ("working", "chip-good"),
    };
    HookRow {
        href: format!("{HERE}/{}", hook.id),
        name: Outside::new(&hook.name),
        shape: hook.shape.clone(),
        host: Outside::new(&hook.host),
        scope: match hook.vault {
            None => "all vaults".to_owned(),
            Some(vault) => visitor.name_of(vault),
        },
        kinds: if hook.kinds.is_empty() {
            "all".to_owned()
        } else {
            hook.kinds.join(", ")
        },
        state,
        class,
        why: hook.paused.as_deref().map(Outside::new),
        since: hook
            .failing_since
            .filter(|_| hook.paused.is_none())
            .map(Moment::new),
        behind: hook.behind,
        created: Moment::new(hook.created_at),
        created_by: Outside::new(&hook.created_by),
    }
}

async fn test(Given(ui): Given<Ui>, visitor: Visitor, named: Named) -> Result<Response, Fault> {
    let id = named.text("id")?;
    let tried = try_webhook(&ui.service, &visitor.actor, id).await?;
    let said = if tried.error.is_empty() {
        "The test was taken.".to_owned()
    } else {
        format!("The test was not taken: {}.", tried.error)
    };
    Ok(see_other_saying(&format!("{HERE}/{id}"), &said))
}

async fn pause(Given(ui): Given<Ui>, visitor: Visitor, named: Named) -> Result<Response, Fault> {
    let id = named.text("id")?;
    pause_webhook(&ui.service, &visitor.actor, id, true).await?;
    Ok(see_other_saying(
        &format!("{HERE}/{id}"),
        "Paused. What happens meanwhile is sent later.",
    ))
}

async fn resume(Given(ui): Given<Ui>, visitor: Visitor, named: Named) -> Result<Response, Fault> {
    let id = named.text("id")?;
    pause_webhook(&ui.service, &visitor.actor, id, false).await?;
    Ok(see_other_saying(
        &format!("{HERE}/{id}"),
        "It goes on where it stopped.",
    ))
}

async fn remove(Given(ui): Given<Ui>, visitor: Visitor, named: Named) -> Result<Response, Fault> {
    remove_webhook(&ui.service, &visitor.actor, named.text("id")?).await?;
    Ok(see_other_saying(HERE, "Removed."))
}

#[cfg(test)]
mod tests;
