//! From what was typed to a signed request: the intent is shown, signed in the requester's own tool, and brought back.
//!
//! Invariant: the page carries the intent's canonical bytes and never a signature of its own; what comes back is
//! verified like anything that the API is given.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use policies::document::format_duration;
use policies::{Intent, IntentKind, UnixTime};
use serde::Deserialize;

use super::new::{Shown, show, shown};
use super::{href, root};
use crate::queue::Speed;
use crate::service::previews::{self, Draft, DraftIntent};
use crate::service::withdrawals::{SubmitWithdrawal, submit_withdrawal};
use crate::ui::Ui;
use crate::ui::fault::Fault;
use crate::ui::frame::{Frame, Place, Tab, page_with, see_other_saying};
use crate::ui::guard::bridged;
use crate::ui::listing::attachment;
use crate::ui::posted::{Named, Posted, Uploaded};
use crate::ui::show::{Address, Ask, Command, Moment, Money, Outside};
use crate::ui::visitor::Visitor;

#[derive(Template)]
#[template(path = "withdrawals/sign.html")]
struct SignPage {
    frame: Frame,
    root: String,
    text: String,
    hash: String,
    command: Command,
    ask: Ask,
    file: String,
    requester: Outside,
    id: Outside,
    reference: Outside,
    address: Address,
    amount: Money,
    kind: &'static str,
    expires: Moment,
    repeats: Option<Outside>,
    speed: String,
    latest: String,
    shown: Option<Shown>,
}

/// Shows the intent that is to be signed; what is wrong comes back in the form.
pub(super) async fn review(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
    Posted(draft): Posted<Draft>,
) -> Result<Response, Fault> {
    let vault = named.vault()?;
    let found =
        previews::preview(&ui.service, &visitor.actor, &visitor.person, vault, &draft).await?;
    let Some(ready) = found.intent.clone().filter(|_| found.denied.is_none()) else {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return show(&ui, &visitor, vault, status, draft, Some(found)).await;
    };
    let latest = previews::latest_of(&draft, found.now);
    let shown = Some(shown(found, visitor.unit));
    let said = (draft.speed, latest);
    let page = sign_page(&ui, &visitor, &ready, said, shown);
    Ok(bridged(page_with(StatusCode::OK, &page)?, visitor.bridge))
}

fn sign_page(
    ui: &Ui,
    visitor: &Visitor,
    DraftIntent { intent, text, hash }: &DraftIntent,
    (speed, latest): (String, Option<UnixTime>),
    shown: Option<Shown>,
) -> SignPage {
    let vault = intent.vault;
    let address = bitcoin::Address::from_script(&intent.script_pubkey, ui.service.network());
    let address = address.map_or_else(
        |_| intent.script_pubkey.to_hex_string(),
        |address| address.to_string(),
    );
    let back = ui.public.url(&href(vault, &intent.requester, &intent.id));
    let latest = latest.map_or_else(String::new, |latest| latest.to_string());
    SignPage {
        frame: visitor.frame("Sign a withdrawal", Place::Vault(vault, Tab::Withdrawals)),
        root: root(vault),
        ask: Ask::new(
            visitor.bridge,
            vault,
            "request",
            back,
            "Open my tool to sign",
        )
        .with("hash", &hash.to_string())
        .with("intent", text),
        hash: hash.to_string(),
        command: command(intent, &address),
        file: format!("{}.json", intent.id),
        requester: Outside::new(intent.requester.as_str()),
        id: Outside::new(intent.id.as_str()),
        reference: Outside::new(&intent.reference),
        address: Address::new(&address),
        amount: Money::new(intent.amount, visitor.unit),
        kind: intent.kind.name(),
        expires: Moment::new(intent.expires),
        repeats: intent.repeats.as_ref().map(|id| Outside::new(id.as_str())),
        text: text.clone(),
        speed,
        latest,
        shown,
    }
}

/// The command by which the requester's own tool builds and signs the same.
fn command(intent: &Intent, address: &str) -> Command {
    let holds = format_duration(intent.expires.secs_since(intent.created));
    let (amount, min) = (
        intent.amount.to_sat().to_string(),
        intent.min.to_sat().to_string(),
    );
    let id = intent.id.as_str();
    let mut words = vec!["countersign-signer", "request", "--id", id, "--to", address];
    words.extend([
        "--amount-sat",
        amount.as_str(),
        "--expires-in",
        holds.as_str(),
    ]);
    if intent.kind != IntentKind::Payment {
        words.extend(["--kind", intent.kind.name()]);
    }
    if intent.min != intent.amount {
        words.extend(["--min-sat", min.as_str()]);
    }
    if let Some(repeats) = &intent.repeats {
        words.extend(["--repeats", repeats.as_str()]);
    }
    if !intent.reference.is_empty() {
        words.extend(["--reference", intent.reference.as_str()]);
    }
    Command::new(words)
}

/// An intent that is carried from page to file.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Carried {
    intent: String,
}

/// The canonical intent as a file.
pub(super) async fn intent(
    _: Visitor,
    Posted(carried): Posted<Carried>,
) -> Result<Response, Fault> {
    let intent = Intent::decode(carried.intent.as_bytes()).map_err(|_| {
        let words = "This is no intent. Go back to the form and continue from there.";
        Fault::plain(StatusCode::BAD_REQUEST, words)
    })?;
    let name = format!("{}.json", intent.id);
    Ok(attachment(&name, "application/json", carried.intent))
}

/// What a requester's tool signed, as its file says it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SignedFile {
    intent: String,
    key: policies::KeyId,
    signature: String,
}

/// Takes a signed request in.
pub(super) async fn signed(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
    uploaded: Uploaded,
) -> Result<Response, Fault> {
    let vault = named.vault()?;
    let files = uploaded.files("file");
    let brought = match files.as_slice() {
        [file] => file.bytes.to_vec(),
        [] => uploaded.text("pasted").trim().as_bytes().to_vec(),
        _ => return refused(&visitor, vault, "Choose one file at a time."),
    };
    let Ok(file) = serde_json::from_slice::<SignedFile>(&brought) else {
        let words =
            "That is no signed request. Bring the file that `countersign-signer request` wrote.";
        return refused(&visitor, vault, words);
    };
    let speed: Option<Speed> = uploaded.text("speed").parse().ok();
    let request = SubmitWithdrawal {
        intent: file.intent,
        key: file.key,
        signature: file.signature,
        speed: speed.filter(|speed| *speed != Speed::Normal),
        latest: uploaded.text("latest").parse().ok(),
    };
    match submit_withdrawal(&ui.service, &visitor.actor, vault, &request).await {
        Ok((view, new)) => {
            let said = if new {
                "It is asked for."
            } else {
                "It was asked for before; nothing changed."
            };
            Ok(see_other_saying(
                &href(vault, &view.requester, &view.id),
                said,
            ))
        }
        Err(error) => {
            let fault = Fault::from(error);
            if fault.status().is_server_error() {
                return Err(fault);
            }
            let hint = fault
                .hint()
                .map_or_else(String::new, |hint| format!(" What to do: {hint}."));
            refused(&visitor, vault, &format!("{}{hint}", fault.words()))
        }
    }
}

#[derive(Template)]
#[template(path = "withdrawals/bring.html")]
struct BringPage {
    frame: Frame,
    root: String,
    wrong: String,
}

fn refused(visitor: &Visitor, vault: policies::VaultId, words: &str) -> Result<Response, Fault> {
    let bring = BringPage {
        frame: visitor.frame(
            "Bring a signed request",
            Place::Vault(vault, Tab::Withdrawals),
        ),
        root: root(vault),
        wrong: words.to_owned(),
    };
    page_with(StatusCode::UNPROCESSABLE_ENTITY, &bring)
}
