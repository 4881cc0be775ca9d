//! `event`: the sequenced events and their hash chain.

use clap::Subcommand;
use serde_json::Value;

use super::CliError;
use super::answer::{list, number, text};
use super::api::Api;
use super::layout::{Lines, paragraph};
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
        /// Where there is none yet, wait so many seconds for one.
        #[arg(long, value_name = "SECONDS", default_value_t = 0,
              value_parser = clap::value_parser!(u32).range(..=25))]
        wait: u32,
    },
    /// Show what proves an event in the chain: transaction, Merkle path, header.
    #[command(after_help = "Example:\n  countersign-coordinator event proof 12")]
    Proof {
        /// The event's number.
        number: u64,
    },
    /// Compute the hash chain again over all events and compare.
    #[command(after_help = "Example:\n  countersign-coordinator event verify")]
    Verify,
}

pub(super) fn run(verb: &Event, api: &Api, out: &Output) -> Result<(), CliError> {
    match verb {
        Event::List { after, limit, wait } => {
            let path = format!("/events?after={after}&limit={limit}&wait={wait}");
            let answer = api.get(&path)?;
            out.table_of(
                &answer,
                list(&answer, "events"),
                &["number", "kind", "object_id", "actor"],
                "No events after that number.",
            )
        }
        Event::Proof { number } => {
            let proof = api.get(&format!("/events/{number}/proof"))?;
            out.told(&proof, || proven(&proof))
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

fn proven(proof: &Value) -> String {
    if proof.is_null() {
        let words = "Nothing shows it: it says nothing of the chain, or its block left it.";
        return paragraph(words, 0);
    }
    Lines::default()
        .with("transaction", text(proof, "txid"))
        .with("block", text(proof, "block"))
        .with("height", number(proof, "height"))
        .text()
        + &paragraph(
            "With --json it has the bytes; `bitcoin-cli getblockheader` of your own node says whether the block is \
             in the chain.",
            0,
        )
}
