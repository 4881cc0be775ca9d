//! `event`: the sequenced events and their hash chain.

use clap::Subcommand;

use super::CliError;
use super::answer::{list, number, text};
use super::api::Api;
use super::layout::Lines;
use super::output::Output;

#[derive(Debug, Subcommand)]
pub(super) enum Event {
    /// List events in order.
    #[command(after_help = "Example:\n  countersign-coordinator event list --after 100 --limit 20")]
    List {
        /// Only those after this number.
        #[arg(long, default_value_t = 0)]
        after: u64,
        /// At most this many.
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
    /// Compute the hash chain again over all events and compare.
    #[command(after_help = "Example:\n  countersign-coordinator event verify")]
    Verify,
}

pub(super) fn run(verb: &Event, api: &Api, out: &Output) -> Result<(), CliError> {
    match verb {
        Event::List { after, limit } => {
            let answer = api.get(&format!("/events?after={after}&limit={limit}"))?;
            out.table_of(
                &answer,
                list(&answer, "events"),
                &["number", "kind", "object_id", "actor"],
                "No events after that number.",
            )
        }
        Event::Verify => {
            let head = api.get("/events/verification")?;
            out.told(&head, || {
                let number = number(&head, "number");
                let intact = format!("The chain of all events is intact, up to number {number}.\n");
                intact + &Lines::default().with("head", text(&head, "hash")).text()
            })
        }
    }
}
