//! Files of a version: its document byte for byte, its descriptor, its analysis, what other wallets read, and what
//! signers and approvers take.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use policies::exchange::Format;
use policies::{PolicyId, VaultId};

use crate::service::policy_review::{document, exported, review, review_json, succession_file};
use crate::ui::Ui;
use crate::ui::fault::{Fault, sentence};
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
        other => {
            let format: Format = other.parse().map_err(|_| Fault::nothing_here())?;
            match exported(service, actor, vault, Some(version), format).await? {
                Ok((name, text)) => Ok(attachment(&name, format.media_type(), text)),
                Err(refused) => {
                    let words = format!(
                        "{} What to do: {}.",
                        sentence(&refused.to_string()),
                        refused.hint()
                    );
                    Err(Fault::plain(StatusCode::CONFLICT, &words))
                }
            }
        }
    }
}
