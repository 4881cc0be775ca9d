//! `event`: the sequenced events and their hash chain.

use clap::Subcommand;
use serde_json::Value;

use super::CliError;
use super::api::Api;
use super::output::Output;

#[derive(Debug, Subcommand)]
pub(super) enum Event {
    /// List events in order.
    List {
        /// Only those after this number.
        #[arg(long, default_value_t = 0)]
        after: u64,
        /// At most this many.
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
    /// Compute the hash chain again over all events and compare.
    Verify,
}

pub(super) fn run(verb: &Event, api: &Api, out: &Output) -> Result<(), CliError> {
    match verb {
        Event::List { after, limit } => {
            let answer = api.get(&format!("/events?after={after}&limit={limit}"))?;
            if out.json() {
                return out.record(&answer);
            }
            let events = answer.get("events").cloned().unwrap_or(Value::Null);
            out.table(
                &events,
                &["number", "kind", "object_id", "actor"],
                "no events",
            )
        }
        Event::Verify => out.record(&api.get("/events/verification")?),
    }
}
