//! A new withdrawal: the form, and what becomes of what is typed while it is typed.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use policies::document::format_sat_per_vb;
use policies::{RequesterName, VaultId, WithdrawalId};
use serde::Deserialize;

use super::root;
use crate::service::previews::{self, Draft, Preview, fresh_id};
use crate::service::withdrawals::show_withdrawal;
use crate::store::withdrawals::WithdrawalKey;
use crate::ui::Ui;
use crate::ui::fault::Fault;
use crate::ui::frame::{Frame, Place, Tab, page, page_with};
use crate::ui::posted::{Asked, Named, Posted, Wrong};
use crate::ui::show::{Address, Moment, Money, Outside, Unit, duration};
use crate::ui::visitor::Visitor;

/// What the form is opened with.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Begin {
    /// A withdrawal that is asked for again, as `requester/id`.
    again: String,
    /// An address to pay.
    to: String,
}

/// An odd thing, as it is shown.
pub(super) struct OddRow {
    pub(super) says: &'static str,
    pub(super) alarming: bool,
    pub(super) address: Option<Address>,
    pub(super) label: Outside,
    pub(super) list: Option<Outside>,
    pub(super) times: u32,
    pub(super) last: Option<Moment>,
}

/// What it costs at one feerate.
pub(super) struct CostRow {
    pub(super) name: &'static str,
    pub(super) target: u32,
    pub(super) minutes: String,
    pub(super) feerate: String,
    pub(super) output: Money,
    pub(super) alone: Money,
    pub(super) above_cap: bool,
}

/// What becomes of it, as it is shown.
pub(super) struct Shown {
    pub(super) preview: Preview,
    pub(super) address: Option<Address>,
    pub(super) amount: Option<Money>,
    pub(super) odd: Vec<OddRow>,
    pub(super) costs: Vec<CostRow>,
    pub(super) estimated: bool,
    pub(super) out_of_amount: bool,
    pub(super) next: Option<Moment>,
    pub(super) wait: String,
}

#[derive(Template)]
#[template(path = "withdrawals/new.html")]
struct NewPage {
    frame: Frame,
    root: String,
    draft: Draft,
    wrong: Wrong,
    own: Vec<String>,
    all: Vec<String>,
    shown: Option<Shown>,
}

#[derive(Template)]
#[template(path = "withdrawals/preview.html")]
struct PreviewPart {
    shown: Option<Shown>,
}

pub(super) async fn form(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
    Asked(begin): Asked<Begin>,
) -> Result<Response, Fault> {
    let vault = named.vault()?;
    let mut draft = Draft {
        id: fresh_id(&ui.service),
        to: begin.to,
        ..Draft::default()
    };
    if let Some((requester, id)) = begin.again.split_once('/') {
        repeat(&ui, &visitor, vault, (requester, id), &mut draft).await?;
    }
    show(&ui, &visitor, vault, StatusCode::OK, draft, None).await
}

/// Fills the form with a withdrawal that is asked for again.
async fn repeat(
    ui: &Ui,
    visitor: &Visitor,
    vault: VaultId,
    (requester, id): (&str, &str),
    draft: &mut Draft,
) -> Result<(), Fault> {
    let requester: RequesterName = requester.parse().map_err(|_| Fault::nothing_here())?;
    let id: WithdrawalId = id.parse().map_err(|_| Fault::nothing_here())?;
    let key = WithdrawalKey {
        vault,
        requester,
        id,
    };
    let old = show_withdrawal(&ui.service, &visitor.actor, &key).await?;
    // One satoshi less, so that no output could ever satisfy both.
    let amount = old.amount_sat.saturating_sub(1);
    draft.amount = format!("{amount} sat");
    draft.to = old.address.unwrap_or(old.script_pubkey);
    draft.reference = old.reference;
    draft.requester = old.requester.to_string();
    draft.repeats = old.id.to_string();
    Ok(())
}

pub(super) async fn preview(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
    headers: HeaderMap,
    Posted(draft): Posted<Draft>,
) -> Result<Response, Fault> {
    let vault = named.vault()?;
    let found =
        previews::preview(&ui.service, &visitor.actor, &visitor.person, vault, &draft).await?;
    if headers.contains_key("hx-request") {
        let shown = Some(shown(found, visitor.unit));
        return page(&PreviewPart { shown });
    }
    show(&ui, &visitor, vault, StatusCode::OK, draft, Some(found)).await
}

/// The form with what was typed, and what is wrong beside each field.
pub(super) async fn show(
    ui: &Ui,
    visitor: &Visitor,
    vault: VaultId,
    status: StatusCode,
    draft: Draft,
    found: Option<Preview>,
) -> Result<Response, Fault> {
    let (own, all) =
        previews::requesters(&ui.service, &visitor.actor, &visitor.person, vault).await?;
    let mut wrong = Wrong::default();
    if let Some(found) = &found {
        for one in &found.wrong {
            wrong.add(one.field, one.says.clone());
        }
        for (field, text) in [("to", &draft.to), ("amount", &draft.amount)] {
            if text.trim().is_empty() && status != StatusCode::OK {
                wrong.add(field, "This is missing.");
            }
        }
    }
    page_with(
        status,
        &NewPage {
            frame: visitor.frame("New withdrawal", Place::Vault(vault, Tab::Withdrawals)),
            root: root(vault),
            draft,
            wrong,
            own,
            all,
            shown: found.map(|found| shown(found, visitor.unit)),
        },
    )
}

/// A preview as it is shown.
pub(super) fn shown(preview: Preview, unit: Unit) -> Shown {
    let odd = preview.warnings.iter().map(|warning| {
        let known = warning.known.as_ref();
        OddRow {
            says: warning.odd.says(),
            alarming: warning.odd.is_alarming(),
            address: known.map(|known| Address::new(&known.address)),
            label: Outside::new(known.map_or("", |known| known.label.as_str())),
            list: known
                .and_then(|known| known.list.as_deref())
                .map(Outside::new),
            times: known.map_or(0, |known| known.times),
            last: known.and_then(|known| known.last_at).map(Moment::new),
        }
    });
    let costs = preview
        .costs
        .iter()
        .flat_map(|costs| &costs.at)
        .map(|cost| CostRow {
            name: cost.name,
            target: cost.target,
            minutes: blocks(cost.target),
            feerate: format_sat_per_vb(cost.feerate),
            output: Money::new(cost.output, unit),
            alone: Money::new(cost.alone, unit),
            above_cap: cost.above_cap,
        });
    let wait = preview
        .timing
        .as_ref()
        .map_or_else(String::new, |timing| blocks(timing.blocks));
    Shown {
        address: preview.address.as_deref().map(Address::new),
        amount: preview.amount.map(|amount| Money::new(amount, unit)),
        odd: odd.collect(),
        costs: costs.collect(),
        estimated: preview.costs.as_ref().is_some_and(|costs| costs.estimated),
        out_of_amount: preview
            .costs
            .as_ref()
            .is_some_and(|costs| costs.out_of_amount),
        next: preview
            .timing
            .as_ref()
            .and_then(|timing| timing.next)
            .map(Moment::new),
        wait,
        preview,
    }
}

/// How long so many blocks take, as blocks are planned.
fn blocks(blocks: u32) -> String {
    duration(u64::from(blocks).saturating_mul(600))
}
