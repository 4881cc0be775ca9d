//! Health: alarms with what to do, then nodes, fees, jobs, journals, stops, events and database.

#[cfg(test)]
mod tests;

use askama::Template;
use axum::extract::State as Given;
use axum::response::Response;

use super::Ui;
use super::fault::{Fault, sentence};
use super::frame::{Frame, Place, page};
use super::routes::{Needs, Table};
use super::show::{Ago, Moment, Outside, TxidText};
use super::visitor::Visitor;
use crate::service::Right;
use crate::service::health::{Alarm, Health, show_health};
use crate::service::status::{FeeView, JobView};

pub(super) fn routes(table: Table) -> Table {
    table.get("/health", Needs::Right(Right::Read), show)
}

#[derive(Template)]
#[template(path = "health/show.html")]
struct HealthPage {
    frame: Frame,
    alarms: Vec<AlarmRow>,
    nodes: Vec<NodeRow>,
    tip: Option<(u32, TxidText, Option<(Ago, Moment)>)>,
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

async fn draw(ui: &Ui, visitor: &Visitor) -> Result<Response, Fault> {
    let health = show_health(&ui.service, &visitor.actor).await?;
    page(&shown(&health, visitor))
}

fn shown(health: &Health, visitor: &Visitor) -> HealthPage {
    let status = &health.status;
    let now = status.now;
    HealthPage {
        frame: visitor.frame("Health", Place::Health),
        alarms: health.alarms.iter().map(alarm).collect(),
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

fn alarm(alarm: &Alarm) -> AlarmRow {
    AlarmRow {
        class: if alarm.grave {
            "notice notice-bad"
        } else {
            "notice notice-warn"
        },
        what: Outside::new(&sentence(&alarm.what)),
        todo: Outside::new(&sentence(&alarm.todo)),
        href: alarm.href.clone(),
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
#[cfg(test)]
pub(crate) async fn draw_for_dump(ui: &Ui, v: &Visitor) -> Response { draw(ui, v).await.expect("p") }
