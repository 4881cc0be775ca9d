//! One withdrawal: where it stands, on whom it waits, what happened to it, and what can be done.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use policies::UnixTime;
use serde::Deserialize;

use super::{href, key, root};
use crate::queue::Speed;
use crate::service::agenda::{self, absent_now};
use crate::service::approvers::Needed;
use crate::service::page_approvals::{self, Subject};
use crate::service::queue::{ChangeSpeed, QueuedView, change_speed, show_queue};
use crate::service::receipts;
use crate::service::withdrawal_history::{Happening, withdrawal_history};
use crate::service::withdrawals::{
    ApprovalView, WithdrawalView, cancel_withdrawal, may_cancel, show_withdrawal,
};
use crate::service::{Right, Service};
use crate::store::withdrawals::WithdrawalKey;
use crate::ui::Ui;
use crate::ui::fault::Fault;
use crate::ui::frame::{Frame, Place, Tab, page, see_other_saying};
use crate::ui::posted::{Named, Posted};
use crate::ui::show::{
    self, Address, Ago, Moment, Money, Outside, TxidText, Waiting, waiting_line,
};
use crate::ui::visitor::Visitor;

struct Step {
    at: Moment,
    title: &'static str,
    says: Outside,
    who: Option<Outside>,
    reason: Option<Outside>,
    mood: &'static str,
    txid: Option<(String, TxidText)>,
    height: Option<u32>,
}

struct ApprovalRow {
    purpose: String,
    approver: Outside,
    expires: Moment,
    received: Moment,
    over: bool,
}

#[derive(Template)]
#[template(path = "withdrawals/detail.html")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says whether a part of the page is there"
)]
struct DetailPage {
    frame: Frame,
    root: String,
    href: String,
    csrf: String,
    view: WithdrawalView,
    id: Outside,
    requester: Outside,
    reference: Outside,
    amount: Money,
    address: Address,
    state: show::State,
    kind: &'static str,
    created: Moment,
    expires: Moment,
    expires_in: Ago,
    submitted: Moment,
    waiting: Option<Waiting>,
    needed: Option<Needed>,
    subject: Option<Subject>,
    approvals: Vec<ApprovalRow>,
    steps: Vec<Step>,
    txid: Option<(String, TxidText)>,
    failed_by: Option<TxidText>,
    confirmations: u32,
    settled_at: u32,
    batch: Option<(String, TxidText)>,
    queued: Option<QueuedView>,
    latest: Option<Moment>,
    speeds: [(&'static str, bool); 3],
    may_speed: bool,
    may_cancel: bool,
    may_pay_again: bool,
    may_ask_again: bool,
    may_approve: bool,
    has_receipt: bool,
    file: String,
    command: String,
}

pub(super) async fn detail(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
) -> Result<Response, Fault> {
    let key = key(&named)?;
    let (service, actor) = (&ui.service, &visitor.actor);
    let view = show_withdrawal(service, actor, &key).await?;
    let history = withdrawal_history(service, actor, &key).await?;
    let intents = [view.intent_hash];
    let person = &visitor.person;
    let said = page_approvals::approving(service, actor, person, key.vault, &intents).await?;
    let subject = said.subjects.into_iter().next();
    let needed = subject
        .as_ref()
        .and_then(|subject| subject.line.needs.clone());
    let queued = queued(service, &visitor, &key, &view).await?;
    let has_receipt = receipts::receipt(service, actor, &key).await?.is_some();
    let now = service.now();
    let is_open = matches!(view.state.as_str(), "requested" | "approved");
    let failed = view.state == "failed";
    let absent = absent_now(service).await?;
    let viewer = visitor.viewer(&absent);
    let line = agenda::of_withdrawal(service, &viewer, &key).await?;
    let waiting = line.map(|line| waiting_line(&line).unit(visitor.unit).at(now));
    page(&DetailPage {
        frame: visitor.frame(
            &format!("Withdrawal {}", view.id),
            Place::Vault(key.vault, Tab::Withdrawals),
        ),
        root: root(key.vault),
        href: href(key.vault, &key.requester, &key.id),
        csrf: visitor.csrf.clone(),
        id: Outside::new(view.id.as_str()),
        requester: Outside::new(view.requester.as_str()),
        reference: Outside::new(&view.reference),
        amount: Money::new(bitcoin::Amount::from_sat(view.amount_sat), visitor.unit),
        address: Address::new(view.address.as_deref().unwrap_or(&view.script_pubkey)),
        state: show::State::new(&view.state),
        kind: view.kind.name(),
        created: Moment::new(view.created),
        expires: Moment::new(view.expires),
        expires_in: Ago::new(view.expires, now),
        submitted: Moment::new(view.submitted_at),
        waiting,
        approvals: view
            .approvals
            .iter()
            .map(|row| approval(row, now))
            .collect(),
        steps: history.happenings.iter().map(step).collect(),
        txid: view
            .txid
            .map(|txid| (format!("/attempts/{txid}"), TxidText::new(txid))),
        failed_by: view.failed_by.map(TxidText::new),
        confirmations: history.confirmations,
        settled_at: history.settled_at,
        batch: view.batch.map(|batch| {
            (
                format!("/batches/{batch}"),
                TxidText::of(&batch.to_string()),
            )
        }),
        latest: queued
            .as_ref()
            .and_then(|queued| queued.latest)
            .map(Moment::new),
        speeds: ["urgent", "normal", "economy"].map(|name| {
            (
                name,
                queued
                    .as_ref()
                    .is_some_and(|queued| queued.speed.name() == name),
            )
        }),
        may_speed: queued.is_some() && visitor.may(Right::Batch),
        may_cancel: (is_open || failed) && may_cancel(service, actor, &key).await?,
        may_pay_again: failed && visitor.may(Right::Batch),
        may_ask_again: matches!(
            view.state.as_str(),
            "failed" | "cancelled" | "expired" | "rejected"
        ) && visitor.may(Right::Submit),
        may_approve: is_open && visitor.may(Right::Approve),
        queued,
        needed,
        subject,
        has_receipt,
        command: format!(
            "countersign-signer approve {}",
            super::files::name_of(&view.id)
        ),
        file: super::files::name_of(&view.id),
        view,
    })
}

/// Its place in the queue, while it has one.
async fn queued(
    service: &Service,
    visitor: &Visitor,
    key: &WithdrawalKey,
    view: &WithdrawalView,
) -> Result<Option<QueuedView>, Fault> {
    if !matches!(view.state.as_str(), "requested" | "approved") {
        return Ok(None);
    }
    let queue = show_queue(service, &visitor.actor, key.vault).await?;
    let mut all = queue.withdrawals.into_iter();
    Ok(all.find(|queued| queued.requester == key.requester && queued.id == key.id))
}

fn approval(row: &ApprovalView, now: UnixTime) -> ApprovalRow {
    ApprovalRow {
        purpose: row.purpose.clone(),
        approver: Outside::new(&row.approver),
        expires: Moment::new(row.expires),
        received: Moment::new(row.received_at),
        over: row.expires <= now,
    }
}

fn step(happening: &Happening) -> Step {
    let said = |text: &str| (!text.is_empty()).then(|| Outside::new(text));
    Step {
        at: Moment::new(happening.at),
        title: happening.title,
        says: Outside::new(&happening.says),
        who: said(&happening.who),
        reason: said(&happening.reason),
        mood: happening.mood.name(),
        txid: happening
            .txid
            .map(|txid| (format!("/attempts/{txid}"), TxidText::new(txid))),
        height: happening.height,
    }
}

/// How fast it is to be paid.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct SpeedForm {
    speed: String,
    latest: String,
}

pub(super) async fn speed(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
    Posted(form): Posted<SpeedForm>,
) -> Result<Response, Fault> {
    let key = key(&named)?;
    let back = href(key.vault, &key.requester, &key.id);
    let Ok(speed) = form.speed.parse::<Speed>() else {
        return Ok(see_other_saying(
            &back,
            "Nothing was changed: choose urgent, normal or economy.",
        ));
    };
    let latest = match form.latest.trim() {
        "" => None,
        text => match policies::document::parse_duration(text) {
            Ok(seconds) => Some(ui.service.now().saturating_add(seconds)),
            Err(_) => {
                return Ok(see_other_saying(
                    &back,
                    "Nothing was changed: write a length such as 6h.",
                ));
            }
        },
    };
    change_speed(
        &ui.service,
        &visitor.actor,
        &key,
        ChangeSpeed { speed, latest },
    )
    .await?;
    Ok(see_other_saying(&back, "Its speed is changed."))
}

/// Why it is taken back.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct CancelForm {
    reason: String,
}

pub(super) async fn cancel(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
    Posted(form): Posted<CancelForm>,
) -> Result<Response, Fault> {
    let key = key(&named)?;
    let reason: String = form.reason.trim().chars().take(200).collect();
    cancel_withdrawal(&ui.service, &visitor.actor, &key, &reason).await?;
    let back = href(key.vault, &key.requester, &key.id);
    Ok(see_other_saying(
        &back,
        "It is taken back and will not be paid.",
    ))
}
