//! What attempts that take the place of others mean and cost: asked for and told in one way by all verbs.

use clap::Args;
use serde_json::{Value, json};

use super::CliError;
use super::answer::{list, persons, text};
use super::api::{Api, Body};
use super::batch;
use super::layout::paragraph;
use super::output::Output;

/// At which feerate, and whether only to ask.
#[derive(Debug, Clone, Args)]
pub(super) struct Renewal {
    /// Feerate in sat/vB, at most three decimals; the watchtower's estimate when left out.
    ///
    /// What it takes to be relayed in the place of others is paid in any case.
    #[arg(long, value_name = "N")]
    feerate: Option<String>,
    /// Only say what would be done, and what it costs.
    #[arg(long)]
    preview: bool,
}

impl Renewal {
    /// The request with these fields besides.
    pub(super) fn body(&self, mut fields: Value) -> Value {
        fields["preview"] = self.preview.into();
        if let Some(feerate) = &self.feerate {
            fields["feerate_sat_vb"] = feerate.as_str().into();
        }
        fields
    }

    /// Whether a feerate was given.
    pub(super) const fn has_feerate(&self) -> bool {
        self.feerate.is_some()
    }

    /// Whether nothing is to be done.
    pub(super) const fn is_preview(&self) -> bool {
        self.preview
    }

    /// Asks for it and tells the answer.
    pub(super) fn ask(
        &self,
        api: &Api,
        out: &Output,
        path: &str,
        fields: Value,
    ) -> Result<(), CliError> {
        let answer = api.post(path, Body::Json(self.body(fields)))?;
        out.told(&answer, || told(&answer))
    }
}

/// Withdrawals as the API names them.
pub(super) fn names(withdrawals: &[String]) -> Result<Value, CliError> {
    let name = |text: &String| {
        let (requester, id) = text.split_once('/').ok_or_else(|| CliError::Usage {
            message: format!("{text} is not of the form REQUESTER/ID"),
        })?;
        Ok(json!({ "requester": requester, "id": id }))
    };
    let names: Result<Vec<Value>, CliError> = withdrawals.iter().map(name).collect();
    names.map(Value::from)
}

/// What is planned, and the batches that it went to if it was no preview.
fn told(answer: &Value) -> String {
    let batches = list(answer, "batches");
    let begin = if batches.is_empty() {
        "Nothing is done yet; this is what would be."
    } else {
        "Issued for signing."
    };
    let mut said = format!("{begin}\n");
    for plan in list(answer, "plans") {
        for line in list(plan, "words").iter().filter_map(Value::as_str) {
            said += &format!("{line}\n");
        }
        if let Some(needs) = plan.get("maintenance").filter(|needs| !needs.is_null()) {
            let line = format!("{} must approve it as maintenance.", persons(needs));
            said += &format!("{}\n", paragraph(&line, 2));
        }
    }
    for made in batches {
        let newest = list(made, "attempts")
            .last()
            .map(|attempt| text(attempt, "txid"));
        said += &format!(
            "\nNow to be signed: {}\n{}\n",
            newest.unwrap_or_default(),
            batch::told("Batch", made)
        );
    }
    said.trim_end().to_owned()
}
