//! Health: alarms with what to do, then nodes, fees, jobs, journals, stops, events and database.

#[cfg(test)]
mod tests;

use askama::Template;
use axum::extract::State as Given;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::Ui;
use super::fault::{Fault, sentence};
use super::frame::{Frame, Place, page, page_with, see_other_saying};
use super::posted::{Named, Posted};
use super::routes::{Needs, Table};
use super::show::{Ago, Moment, Outside, TxidText};
use super::visitor::Visitor;
use crate::service::alarms::{EndAlarm, MAX_WHY, end_alarm};
use crate::service::health::{Alarm, Health, show_health};
use crate::service::status::{FeeView, JobView};
use crate::service::{Right, ServiceError};

pub(super) fn routes(table: Table) -> Table {
    table.get("/health", Needs::Right(Right::Read), show).post(
        "/alarms/{alarm}/end",
        Needs::Right(Right::Reconcile),
        end,
    )
}

/// The newest block: its height and hash, and when it was seen.
type Tip = (u32, TxidText, Option<(Ago, Moment)>);

#[derive(Template)]
#[template(path = "health/show.html")]
struct HealthPage {
    frame: Frame,
    alarms: Vec<AlarmRow>,
    wrong: Option<String>,
    nodes: Vec<NodeRow>,
    tip: Option<Tip>,
    fees: Vec<FeeView>,
    jobs: Vec<JobRow>,
    sees_jobs: bool,
    journals: Vec<JournalRow>,
    stops: Vec<StopRow>,
    version: String,
    database: String,
    event_number: u64,
    event_hash: TxidText,
    now: Moment,
    may_verify: bool,
}

struct AlarmRow {
    class: &'static str,
    what: Outside,
    todo: Outside,
    href: Option<String>,
    /// Where somebody who may says that it was looked into.
    ends: Option<String>,
}

struct NodeRow {
    name: Outside,
    chain: String,
    height: u32,
    well: bool,
    detail: Outside,
    checked: Ago,
}

struct JobRow {
    kind: String,
    key: Outside,
    parked: bool,
    attempts: u32,
    why: Outside,
    again: Moment,
}

struct JournalRow {
    signer: Outside,
    reason: Outside,
    hint: Outside,
    at: Moment,
    txid: TxidText,
    href: String,
}

struct StopRow {
    href: String,
    vault: String,
    reason: Outside,
    by: Outside,
    since: Moment,
}

async fn show(Given(ui): Given<Ui>, visitor: Visitor) -> Result<Response, Fault> {
    draw(&ui, &visitor).await
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct EndForm {
    why: String,
}

async fn end(
    Given(ui): Given<Ui>,
    visitor: Visitor,
    named: Named,
    Posted(form): Posted<EndForm>,
) -> Result<Response, Fault> {
    let request = EndAlarm { why: form.why };
    match end_alarm(&ui.service, &visitor.actor, named.get("alarm")?, &request).await {
        Ok(_) => Ok(see_other_saying("/health", "The alarm is over.")),
        Err(ServiceError::Malformed { .. }) => {
            let health = show_health(&ui.service, &visitor.actor).await?;
            let words =
                format!("Say what was found out, in one line of at most {MAX_WHY} characters.");
            let page = HealthPage {
                wrong: Some(words),
                ..shown(&health, &visitor)
            };
            page_with(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
        Err(error) => Err(error.into()),
    }
}

async fn draw(ui: &Ui, visitor: &Visitor) -> Result<Response, Fault> {
    let health = show_health(&ui.service, &visitor.actor).await?;
    page(&shown(&health, visitor))
}

fn shown(health: &Health, visitor: &Visitor) -> HealthPage {
    let status = &health.status;
    let now = status.now;
    HealthPage {
        frame: visitor.frame("Health", Place::Health),
        alarms: (health.alarms.iter())
            .map(|one| alarm(one, visitor))
            .collect(),
        wrong: None,
        nodes: (status.nodes.iter())
            .map(|node| NodeRow {
                name: Outside::new(&node.node),
                chain: node.chain.clone(),
                height: node.height,
                well: node.trouble.is_none(),
                detail: Outside::new(if node.detail.is_empty() {
                    node.trouble.as_deref().unwrap_or_default()
                } else {
                    &node.detail
                }),
                checked: Ago::new(node.checked_at, now),
            })
            .collect(),
        tip: status.height.map(|height| {
            let hash = TxidText::of(status.tip.as_deref().unwrap_or_default());
            let age = health
                .tip_time
                .map(|at| (Ago::new(at.min(now), now), Moment::new(at)));
            (height, hash, age)
        }),
        fees: status.fees.clone(),
        jobs: status.jobs.iter().map(job).collect(),
        sees_jobs: visitor.actor.vault.is_none(),
        journals: (status.journals.iter())
            .map(|journal| JournalRow {
                signer: Outside::new(&journal.signer),
                reason: Outside::new(&sentence(&journal.reason)),
                hint: Outside::new(&sentence(&journal.hint)),
                at: Moment::new(journal.refused_at),
                txid: TxidText::new(journal.txid),
                href: format!("/attempts/{}", journal.txid),
            })
            .collect(),
        stops: (status.stops.iter())
            .map(|stop| StopRow {
                href: format!("/vaults/{}/stops", stop.vault),
                vault: visitor.name_of(stop.vault),
                reason: Outside::new(&stop.reason),
                by: Outside::new(&stop.by.join(", ")),
                since: Moment::new(stop.created),
            })
            .collect(),
        version: status.version.clone(),
        database: status.database.clone(),
        event_number: status.event_number,
        event_hash: TxidText::of(&status.event_hash),
        now: Moment::new(now),
        may_verify: visitor.actor.vault.is_none(),
    }
}

fn alarm(alarm: &Alarm, visitor: &Visitor) -> AlarmRow {
    AlarmRow {
        class: if alarm.grave {
            "notice notice-bad"
        } else {
            "notice notice-warn"
        },
        what: Outside::new(&sentence(&alarm.what)),
        todo: Outside::new(&sentence(&alarm.todo)),
        href: alarm.href.clone(),
        ends: (alarm.ends)
            .filter(|_| visitor.may(Right::Reconcile))
            .map(|id| format!("/alarms/{id}/end")),
    }
}

fn job(job: &JobView) -> JobRow {
    let why = job.parked.as_deref().or(job.last_error.as_deref());
    JobRow {
        kind: job.kind.clone(),
        key: Outside::new(&job.key),
        parked: job.parked.is_some(),
        attempts: job.attempts,
        why: Outside::new(why.unwrap_or_default()),
        again: Moment::new(job.run_at),
    }
}
