//! Takes approvals and refusals in: what a passkey signed in the page, and what a person's own tool wrote to a file.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use bitcoin::hex::FromHex;
use policies::intent::Verdict;
use policies::{IntentHash, UnixTime, VaultId};
use serde::Deserialize;

use super::approve::{intents, show};
use super::{href, root};
use crate::service::ServiceError;
use crate::service::page_approvals::{PageAssertion, record_page_approval, record_signed_approval};
use crate::service::withdrawals::WithdrawalView;
use crate::ui::Ui;
use crate::ui::fault::Fault;
use crate::ui::frame::see_other_saying;
use crate::ui::posted::{Named, Posted, Uploaded};
use crate::ui::visitor::Visitor;

/// What the page's script sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Touched {
    intent: Vec<String>,
    verdict: String,
    expires: String,
    authenticator_data: String,
    client_data_json: String,
    signature: String,
}

/// Records what a passkey signed in the page.
pub(super) async fn touched(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
    Posted(form): Posted<Touched>,
) -> Result<Response, Fault> {
    let vault = named.vault()?;
    let intents = intents(&form.intent)?;
    let Some((verdict, expires, assertion)) = read(&form) else {
        let words = "The browser sent no signature. Touch your passkey again; nothing was changed.";
        return show(&ui, &visitor, vault, &intents, Some(words.to_owned())).await;
    };
    let (service, person) = (&ui.service, visitor.person.as_str());
    let what = (intents.as_slice(), verdict);
    let recorded = record_page_approval(
        service,
        &visitor.actor,
        person,
        vault,
        what,
        expires,
        assertion,
    )
    .await;
    match recorded {
        Ok(views) => Ok(done(vault, &views, verdict)),
        Err(error) => told(&ui, &visitor, vault, &intents, error).await,
    }
}

fn read(form: &Touched) -> Option<(Verdict, UnixTime, PageAssertion)> {
    let verdict = match form.verdict.as_str() {
        "approve" => Verdict::Approve,
        "reject" => Verdict::Reject,
        _ => return None,
    };
    let bytes = |text: &str| {
        Vec::<u8>::from_hex(text)
            .ok()
            .filter(|bytes| !bytes.is_empty())
    };
    let assertion = PageAssertion {
        authenticator_data: bytes(&form.authenticator_data)?,
        client_data_json: bytes(&form.client_data_json)?,
        signature: bytes(&form.signature)?,
    };
    let expires = UnixTime::from_secs(form.expires.parse().ok()?);
    Some((verdict, expires, assertion))
}

/// Records what tools of persons' own wrote, file by file.
pub(super) async fn signed(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
    uploaded: Uploaded,
) -> Result<Response, Fault> {
    let vault = named.vault()?;
    let intents = intents(&uploaded.texts("intent"))?;
    let files = uploaded.files("file");
    if files.is_empty() {
        let words = "Choose the file that `countersign-signer approve` or `reject` wrote.";
        return show(&ui, &visitor, vault, &intents, Some(words.to_owned())).await;
    }
    let mut views = Vec::new();
    for file in files {
        match record_signed_approval(&ui.service, &visitor.actor, vault, &file.bytes).await {
            Ok(found) => views.extend(found),
            Err(error) => return told(&ui, &visitor, vault, &intents, error).await,
        }
    }
    let rejected = views.iter().any(|view| view.state == "rejected");
    let verdict = if rejected {
        Verdict::Reject
    } else {
        Verdict::Approve
    };
    Ok(done(vault, &views, verdict))
}

/// The page again, with what was refused; what is broken goes on as a fault.
async fn told(
    ui: &Ui,
    visitor: &Visitor,
    vault: VaultId,
    intents: &[IntentHash],
    error: ServiceError,
) -> Result<Response, Fault> {
    let fault = Fault::from(error);
    if fault.status().is_server_error() || fault.status() == StatusCode::FORBIDDEN {
        return Err(fault);
    }
    let hint = fault
        .hint()
        .map_or_else(String::new, |hint| format!(" What to do: {hint}."));
    show(
        ui,
        visitor,
        vault,
        intents,
        Some(format!("{}{hint}", fault.words())),
    )
    .await
}

/// Where to look next, and what became of it.
fn done(vault: VaultId, views: &[WithdrawalView], verdict: Verdict) -> Response {
    let next = match views {
        [only] => href(vault, &only.requester, &only.id),
        _ => root(vault),
    };
    let approved = views.iter().filter(|view| view.state == "approved").count();
    let words = match verdict {
        Verdict::Reject => "Refused. It is not paid.".to_owned(),
        Verdict::Approve if approved == views.len() => {
            "Approved: all that the rules ask for is there.".to_owned()
        }
        Verdict::Approve => format!(
            "Your approval is stored. {} of {} have all that the rules ask for.",
            approved,
            views.len()
        ),
    };
    see_other_saying(&next, &words)
}
