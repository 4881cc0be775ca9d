//! What of a withdrawal is kept as a file or on paper: the signed request, and the receipt.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use policies::WithdrawalId;
use serde_json::json;

use super::{href, key};
use crate::service::receipts::{self, Receipt};
use crate::service::withdrawals::show_withdrawal;
use crate::store::withdrawals::WithdrawalKey;
use crate::ui::Ui;
use crate::ui::fault::Fault;
use crate::ui::frame::{Frame, Place, Tab, page};
use crate::ui::listing::attachment;
use crate::ui::posted::Named;
use crate::ui::show::{self, Address, Moment, Money, Outside};
use crate::ui::visitor::Visitor;

/// The name of a withdrawal's file, which every system takes.
pub(super) fn name_of(id: &WithdrawalId) -> String {
    format!("{}.json", id.as_str().replace(':', "-"))
}

/// The signed request, as a requester's tool wrote it and an approver's tool reads it.
pub(super) async fn request(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
) -> Result<Response, Fault> {
    let key = key(&named)?;
    let view = show_withdrawal(&ui.service, &visitor.actor, &key).await?;
    let text = match view.request_key {
        None => view.intent,
        Some(signer) => {
            let signed = json!({ "intent": view.intent, "key": signer, "signature": view.request_signature });
            format!("{signed:#}\n")
        }
    };
    Ok(attachment(&name_of(&key.id), "application/json", text))
}

async fn found(ui: &Ui, visitor: &Visitor, key: &WithdrawalKey) -> Result<Receipt, Fault> {
    let receipt = receipts::receipt(&ui.service, &visitor.actor, key).await?;
    receipt.ok_or_else(|| {
        let words = "There is no receipt before the final transaction was handed over.";
        Fault::plain(StatusCode::NOT_FOUND, words)
    })
}

/// The receipt as a file.
pub(super) async fn receipt(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
) -> Result<Response, Fault> {
    let key = key(&named)?;
    let receipt = found(&ui, &visitor, &key).await?;
    let name = format!("receipt-{}", name_of(&key.id));
    Ok(attachment(&name, "application/json", receipt.to_json()))
}

#[derive(Template)]
#[template(path = "withdrawals/receipt.html")]
struct ReceiptPage {
    frame: Frame,
    href: String,
    amount: Money,
    address: Address,
    reference: Outside,
    state: show::State,
    made: Moment,
    approvals: Vec<ApprovalRow>,
    receipt: Receipt,
}

struct ApprovalRow {
    approver: Outside,
    purpose: String,
    tool: &'static str,
    key: String,
    received: Moment,
    expires: Moment,
    signature: String,
    root: String,
    proof: String,
}

/// The receipt as a page to print.
pub(super) async fn printed(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
) -> Result<Response, Fault> {
    let key = key(&named)?;
    let receipt = found(&ui, &visitor, &key).await?;
    let approvals = receipt.approvals.signed.iter().map(|part| ApprovalRow {
        approver: Outside::new(&part.approver),
        purpose: part.purpose.clone(),
        tool: part.tool.unwrap_or("unknown to the policy now"),
        key: part
            .public_key
            .clone()
            .unwrap_or_else(|| part.key.to_string()),
        received: Moment::new(part.received_at),
        expires: Moment::new(part.expires),
        signature: part.signature.clone(),
        root: part.root.to_string(),
        proof: part.proof.clone(),
    });
    page(&ReceiptPage {
        frame: visitor.frame("Receipt", Place::Vault(key.vault, Tab::Withdrawals)),
        href: href(key.vault, &key.requester, &key.id),
        amount: Money::new(
            bitcoin::Amount::from_sat(receipt.payment.amount_sat),
            visitor.unit,
        ),
        address: Address::new(
            receipt
                .payment
                .address
                .as_deref()
                .unwrap_or(&receipt.payment.script_pubkey),
        ),
        reference: Outside::new(&receipt.reference),
        state: show::State::new(receipt.state),
        made: Moment::new(receipt.made_at),
        approvals: approvals.collect(),
        receipt,
    })
}
