//! The page of an attempt.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::carrying::{self, Receiver};
use super::files::file_name;
use super::flowing::flow;
use super::ladder::Ladder;
use super::money::{Fact, fee, size};
use super::rows::{
    InputRow, OtherRow, OutputRow, ReceiptRow, inputs, other_row, outputs, receipts,
};
use super::short;
use super::signatures::{Grid, grid};
use super::told::{awaited, chain, links, manifest, says, title};
use crate::service::Right;
use crate::service::agenda::{AgendaLine, absent_now, of_attempt};
use crate::service::attempt_page::{AttemptPage, attempt_page};
use crate::ui::Ui;
use crate::ui::drawing::flow::Flow;
use crate::ui::fault::Fault;
use crate::ui::frame::{Frame, Place, Tab, page};
use crate::ui::guard::bridged;
use crate::ui::posted::Named;
use crate::ui::show::{Ask, Moment, Outside, State as Chip, TxidText, Waiting, waiting_line};
use crate::ui::visitor::Visitor;

#[derive(Template)]
#[template(path = "attempts/detail.html")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "a template asks each by itself"
)]
pub(super) struct DetailPage {
    frame: Frame,
    title: String,
    txid: TxidText,
    id: String,
    vault_href: String,
    vault_name: String,
    batch_href: String,
    batch_short: String,
    number: u32,
    state: Chip,
    built: Moment,
    waits: Option<Waiting>,
    awaited: String,
    says: Vec<(&'static str, String)>,
    links: Vec<(String, String, String)>,
    flow: Flow,
    fees: Vec<Fact>,
    sizes: Vec<Fact>,
    /// What to know before it is carried by QR codes.
    slow: Vec<String>,
    receiver: Receiver,
    plan: Option<String>,
    own_spend: String,
    chain: Vec<(&'static str, String)>,
    inputs: Vec<InputRow>,
    outputs: Vec<OutputRow>,
    grid: Option<Grid>,
    refused: Vec<String>,
    receipts: Vec<ReceiptRow>,
    maintenance: Vec<(Outside, Moment)>,
    others: Vec<OtherRow>,
    ladder: Option<Ladder>,
    may_release: bool,
    manifest: Vec<(&'static str, String)>,
    policy: TxidText,
    policy_version: u32,
    ancestors: Vec<TxidText>,
    raw: Option<String>,
    file: String,
    upload: String,
    command: String,
    ask: Ask,
    has_psbt: bool,
    may_sign: bool,
    may_replace: bool,
    may_cancel: bool,
}

pub(super) async fn show(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
) -> Result<Response, Fault> {
    let txid = named.txid()?;
    let found = attempt_page(&ui.service, &visitor.actor, txid).await?;
    let absent = absent_now(&ui.service).await?;
    let viewer = visitor.viewer(&absent);
    let waits = of_attempt(&ui.service, &viewer, txid).await?;
    let mut detail = DetailPage::of(&visitor, &found, waits, ui.public.origin());
    detail.ladder = Ladder::of(&ui, &visitor, txid).await?;
    Ok(bridged(page(&detail)?, visitor.bridge))
}

impl DetailPage {
    fn of(visitor: &Visitor, found: &AttemptPage, waits: Option<AgendaLine>, origin: &str) -> Self {
        let attempt = &found.attempt;
        let unit = visitor.unit;
        let vault = attempt.vault;
        let is_live = matches!(
            attempt.state.as_str(),
            "issued" | "signed" | "broadcasting" | "in_mempool"
        );
        let may_batch = visitor.may(Right::Batch);
        let title = title(found);
        let (manifest, ancestors) = manifest(found);
        Self {
            frame: visitor.frame(&title, Place::Vault(vault, Tab::Attempts)),
            txid: TxidText::new(attempt.txid),
            id: attempt.txid.to_string(),
            vault_href: format!("/vaults/{vault}/attempts"),
            vault_name: found.vault_name.clone(),
            batch_href: format!("/batches/{}", attempt.batch),
            batch_short: short(&attempt.batch),
            number: attempt.number,
            state: Chip::new(&attempt.state),
            built: Moment::new(attempt.created_at),
            waits: waits.map(|line| waiting_line(&line).unit(unit).at(found.now)),
            awaited: awaited(found),
            says: says(found),
            links: links(found),
            flow: flow(found, &title, unit),
            fees: fee(&found.fee, unit),
            sizes: found
                .size
                .as_ref()
                .map(size)
                .into_iter()
                .chain(found.carrying.as_ref().map(carrying::facts))
                .flatten()
                .collect(),
            slow: found.carrying.as_ref().map(carrying::warnings).unwrap_or_default(),
            receiver: Receiver::of(found),
            plan: (may_batch && is_live).then(|| format!("/batches/{}/plan", attempt.batch)),
            own_spend: format!("/vaults/{vault}/self-spend"),
            chain: chain(found),
            inputs: inputs(&found.inputs, unit),
            outputs: outputs(found, unit),
            grid: grid(found),
            refused: attempt
                .refused
                .iter()
                .map(|bad| {
                    let whose = bad.refused.signer.as_deref().unwrap_or("nobody we know");
                    format!(
                        "Input {}: a signature in the place of {whose}, handed in by {} at {}, does not count: {}.",
                        bad.refused.input,
                        bad.handed_in_by,
                        Moment::new(bad.at).text(),
                        bad.refused.reason
                    )
                })
                .collect(),
            receipts: receipts(found),
            maintenance: attempt
                .maintenance
                .iter()
                .map(|one| (Outside::new(&one.approver), Moment::new(one.expires)))
                .collect(),
            others: found.others.iter().map(|other| other_row(other, unit)).collect(),
            ladder: None,
            may_release: may_batch,
            policy: TxidText::of(&attempt.policy.to_string()),
            policy_version: found.policy_version,
            manifest,
            ancestors,
            raw: found.raw.clone(),
            upload: format!("/attempts/{}/files", attempt.txid),
            command: format!("countersign-signer review {}.psbt", file_name(attempt.txid)),
            file: file_name(attempt.txid),
            ask: ask(visitor, found, origin),
            has_psbt: attempt.psbt,
            may_sign: visitor.may(Right::Sign) && attempt.psbt && (is_live || attempt.state == "confirmed"),
            may_replace: may_batch
                && is_live
                && matches!(attempt.purpose.as_str(), "pay" | "bump" | "cancel"),
            may_cancel: may_batch && is_live,
            title,
        }
    }
}

/// The form that asks the person's own tool to review and countersign it. The page passes the id of the transaction and
/// nothing else: the tool fetches it, and reviews all of it itself.
fn ask(visitor: &Visitor, found: &AttemptPage, origin: &str) -> Ask {
    let attempt = &found.attempt;
    let txid = attempt.txid.to_string();
    let back = format!("{origin}/attempts/{txid}");
    let button = "Sign on this computer";
    Ask::new(visitor.bridge, attempt.vault, "countersign", back, button).with("hash", &txid)
}
