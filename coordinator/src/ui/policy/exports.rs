//! Files of a version: its document byte for byte, its descriptor, its analysis, and what signers and approvers take.

use axum::extract::State;
use axum::response::Response;
use policies::{PolicyId, VaultId};

use crate::service::policy_review::{document, review, review_json, succession_file};
use crate::ui::Ui;
use crate::ui::fault::Fault;
use crate::ui::listing::attachment;
use crate::ui::posted::Named;
use crate::ui::visitor::Visitor;

const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";

/// Answers with a file of a version.
pub(super) async fn export(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
) -> Result<Response, Fault> {
    let (vault, version): (VaultId, PolicyId) = (named.vault()?, named.get("id")?);
    let (service, actor) = (&ui.service, &visitor.actor);
    match named.text("what")? {
        "document" => {
            let review = review(service, actor, vault, Some(version)).await?;
            let bytes = document(service, actor, vault, Some(version)).await?;
            let name = format!("policy-{}.toml", review.version);
            Ok(attachment(&name, TEXT, bytes))
        }
        "descriptor" => {
            let review = review(service, actor, vault, Some(version)).await?;
            let name = format!("descriptor-{}.txt", review.version);
            let text = format!("{}\n", review.spending.descriptor);
            Ok(attachment(&name, TEXT, text))
        }
        "analysis" => {
            let told = review_json(service, actor, vault, Some(version)).await?;
            Ok(attachment(
                "policy-analysis.json",
                JSON,
                format!("{told:#}\n"),
            ))
        }
        "succession" => {
            let review = review(service, actor, vault, Some(version)).await?;
            let file = succession_file(service, actor, vault, version).await?;
            let file = file.ok_or_else(Fault::nothing_here)?;
            let name = format!("version-{}.json", review.version);
            Ok(attachment(&name, JSON, format!("{file}\n")))
        }
        _ => Err(Fault::nothing_here()),
    }
}
