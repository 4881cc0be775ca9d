//! `queue`: what goes, what waits and why, and the answer to a held queue.

use clap::Subcommand;
use serde_json::{Value, json};

use super::CliError;
use super::answer::{list, moment, number, sentence, text};
use super::api::{Api, Body};
use super::layout::{Lines, paragraph};
use super::output::{Output, table};

#[derive(Debug, Subcommand)]
pub(super) enum Queue {
    /// Show which withdrawals go, which wait and why, and at which feerate.
    #[command(after_help = "Example:\n  countersign-coordinator queue show")]
    Show,
    /// Let one batch go above the fee cap, at up to a feerate within the policy's.
    ///
    /// Answers the question that `queue show` prints while withdrawals are held. The answer serves one batch;
    /// it is void once fees fall below the cap.
    #[command(after_help = "Example:\n  countersign-coordinator queue allow --feerate 40")]
    Allow {
        /// The highest feerate in sat/vB, at most three decimals.
        #[arg(long, value_name = "N")]
        feerate: String,
        /// The question that is answered; the one that is open when left out.
        #[arg(long, value_name = "N")]
        question: Option<u64>,
    },
}

pub(super) fn run(verb: &Queue, api: &Api, out: &Output) -> Result<(), CliError> {
    let path = format!("{}/queue", api.vault_path()?);
    let queue = match verb {
        Queue::Show => api.get(&path)?,
        Queue::Allow { feerate, question } => {
            let question = match question {
                Some(question) => json!(question),
                None => open_question(&api.get(&path)?),
            };
            let body = json!({ "feerate_sat_vb": feerate, "question": question });
            api.post(&format!("{path}/allowance"), Body::Json(body))?
        }
    };
    out.told(&queue, || told(&queue))
}

/// The number of the question that is open; 0, which no question has, where none is.
fn open_question(queue: &Value) -> Value {
    let number = queue.pointer("/question/question");
    number.cloned().unwrap_or_else(|| json!(0))
}

/// The queue in 80 columns: a line each, and below what needs a human.
pub(super) fn told(queue: &Value) -> String {
    let waiting = list(queue, "withdrawals");
    if waiting.is_empty() {
        return paragraph("Nothing waits to be paid.", 0);
    }
    let rows: Vec<Value> = waiting.iter().map(row).collect();
    let columns = ["withdrawal", "state", "speed", "age", "sat/vB", "why"];
    let mut said = table(&rows, &columns);
    let lines = Lines::default()
        .with("goes at", with_unit(text(queue, "due_at_sat_vb")))
        .with("next change", moment(queue, "next_at"))
        .text();
    if !lines.is_empty() {
        said += &format!("\n{lines}");
    }
    for late in waiting.iter().filter(|one| !text(one, "late").is_empty()) {
        let latest = moment(late, "latest");
        let says = match text(late, "late") {
            "passed" => "was to be paid by",
            _ => "is in danger of not being paid by",
        };
        let line = format!("{} {says} {latest}.", name(late));
        said += &format!("\n{}", paragraph(&line, 2));
    }
    said += &held(queue);
    if queue.get("automatic") == Some(&Value::Bool(false)) {
        let line = "Batches are made by hand only: `batch create` pays what is approved.";
        said += &format!("\n{}", paragraph(line, 2));
    }
    said
}

/// What a held queue asks, what would go at which feerate, and how to answer.
fn held(queue: &Value) -> String {
    let asked = text(queue, "held_at_sat_vb");
    if asked.is_empty() {
        return String::new();
    }
    let (cap, most) = (text(queue, "cap_sat_vb"), text(queue, "most_sat_vb"));
    let line = format!(
        "Held: the node asks for {asked} sat/vB; the fee cap is {cap}, the policy's {most}."
    );
    let mut said = format!("\n{}", paragraph(&line, 2));
    for offer in list(queue, "offers") {
        let more: Vec<String> = list(offer, "more").iter().map(name).collect();
        let beyond = if offer.get("possible") == Some(&Value::Bool(false)) {
            " (above the policy's)"
        } else {
            ""
        };
        let line = format!(
            "At {} sat/vB{beyond}: {} would go, with {}.",
            text(offer, "feerate_sat_vb"),
            number(offer, "count"),
            first_few(&more),
        );
        said += &format!("\n{}", paragraph(&line, 4));
    }
    let question = queue.get("question").filter(|question| !question.is_null());
    let allowed = question.map_or("", |question| text(question, "allowed_sat_vb"));
    let line = if allowed.is_empty() {
        "Wait, let one batch go with `queue allow --feerate N`, or pay more slowly with `batch create --feerate N`."
            .to_owned()
    } else {
        format!("One batch is allowed up to {allowed} sat/vB.")
    };
    said + &format!("\n{}", paragraph(&line, 2))
}

/// At most three names, and how many there are besides.
fn first_few(names: &[String]) -> String {
    let few: Vec<&str> = names.iter().take(3).map(String::as_str).collect();
    match names.len().saturating_sub(few.len()) {
        0 => sentence(&few),
        more => format!("{} and {more} more", few.join(", ")),
    }
}

fn row(waiting: &Value) -> Value {
    let (speed, becomes) = (text(waiting, "speed"), text(waiting, "becomes"));
    let speed = if speed == becomes {
        speed.to_owned()
    } else {
        format!("{speed} > {becomes}")
    };
    let age = waiting.get("age_s").and_then(Value::as_u64);
    json!({
        "withdrawal": name(waiting),
        "state": text(waiting, "state"),
        "speed": speed,
        "age": coarse(age.unwrap_or_default()),
        "sat/vB": text(waiting, "feerate_sat_vb"),
        "why": text(waiting, "code").replace('_', " "),
    })
}

/// An age in its largest unit.
fn coarse(seconds: u64) -> String {
    let units = [(86_400, 'd'), (3_600, 'h'), (60, 'm')];
    let unit = units.into_iter().find(|(unit, _)| seconds >= *unit);
    unit.map_or_else(
        || format!("{seconds}s"),
        |(unit, letter)| format!("{}{letter}", seconds / unit),
    )
}

fn name(waiting: &Value) -> String {
    format!("{}/{}", text(waiting, "requester"), text(waiting, "id"))
}

fn with_unit(feerate: &str) -> String {
    if feerate.is_empty() {
        String::new()
    } else {
        format!("{feerate} sat/vB")
    }
}
