//! Forms that show what they would do before they do it, and what all of them have around that.
//!
//! Invariant: a form without the mark of a preview only shows; one with it does what that preview said, or nothing.

use std::pin::Pin;

use axum::http::StatusCode;
use policies::VaultId;

use super::fault::Fault;
use super::feerate::FeerateChoice;
use super::posted::Wrong;
use super::preview::{Part, Previewed};
use super::show::Unit;
use crate::service::agreed::Agreed;
use crate::service::renewals::RenewalView;
use crate::service::{Service, ServiceError};

/// What such a form shows beside its own fields.
pub(super) struct Form {
    /// Where it goes.
    pub(super) action: String,
    pub(super) choice: FeerateChoice,
    pub(super) wrong: Wrong,
    pub(super) problem: Option<Fault>,
    pub(super) previewed: Option<Previewed>,
    /// Whether something else was agreed to before.
    pub(super) changed: bool,
}

/// What a form does or shows, once it is asked for; on the heap, since both at once would be much for a stack.
pub(super) type Later<'a, T> = Pin<Box<dyn Future<Output = Result<T, ServiceError>> + Send + 'a>>;

/// What came of a form.
pub(super) enum Step<D, P> {
    /// It was done.
    Done(D),
    /// This would be done; and whether something else was agreed to before.
    Shown(P, bool),
    /// It was refused, which is told above the form.
    Refused(Fault),
}

/// Does what was agreed to, if anything was; else, or if that is not what would be done now, shows what would be.
pub(super) async fn step<D, P>(
    doing: Option<Later<'_, D>>,
    showing: Later<'_, P>,
) -> Result<Step<D, P>, Fault> {
    let mut changed = false;
    if let Some(doing) = doing {
        match doing.await {
            Ok(done) => return Ok(Step::Done(done)),
            Err(error) if error.code() == "preview_changed" => changed = true,
            Err(error) => return Ok(Step::Refused(told(error)?)),
        }
    }
    Ok(match showing.await {
        Ok(planned) => Step::Shown(planned, changed),
        Err(error) => Step::Refused(told(error)?),
    })
}

impl Form {
    /// A form with nothing to show yet.
    pub(super) fn new(action: String, choice: FeerateChoice, wrong: Wrong) -> Self {
        Self {
            action,
            choice,
            wrong,
            problem: None,
            previewed: None,
            changed: false,
        }
    }

    /// The status of its page.
    pub(super) fn status(&self) -> StatusCode {
        match &self.problem {
            _ if !self.wrong.is_empty() => StatusCode::UNPROCESSABLE_ENTITY,
            Some(problem) => problem.status(),
            None if self.changed => StatusCode::CONFLICT,
            None => StatusCode::OK,
        }
    }

    /// Shows what would take the place of earlier attempts.
    pub(super) fn preview(
        &mut self,
        service: &Service,
        (vault, unit): (VaultId, Unit),
        (planned, changed): (&RenewalView, bool),
        (confirm, hidden): (&str, Vec<(&'static str, String)>),
    ) {
        let parts = planned.plans.iter();
        self.changed = changed;
        self.previewed = Some(Previewed {
            parts: parts.map(|plan| Part::of_plan(plan, vault, unit)).collect(),
            action: self.action.clone(),
            hidden,
            agreed: Agreed::to_nothing(service).to(&planned.plans).to_string(),
            confirm: confirm.to_owned(),
            changed,
            waiting: Vec::new(),
        });
    }
}

/// What the service refused, to be told above a form; what is not for the form is a page of its own.
pub(super) fn told(error: ServiceError) -> Result<Fault, Fault> {
    let fault = Fault::from(error);
    let status = fault.status().as_u16();
    if status >= 500 && status != 503 || matches!(status, 401 | 403 | 404) {
        Err(fault)
    } else {
        Ok(fault)
    }
}
