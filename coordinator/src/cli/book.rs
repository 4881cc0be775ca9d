//! `book`: what the books come to, by account and reference, and statements of a period as files.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use serde_json::Value;

use super::CliError;
use super::answer::{amount, list, number, text};
use super::api::{Api, items, read, segment};
use super::layout::Lines;
use super::output::{Output, say, table};
use crate::account_statement::csv::Csv;
use crate::account_statement::hledger::Hledger;
use crate::account_statement::text::Text;
use crate::account_statement::{AccountStatement, Layout, Movement, Prices, Proof};
use crate::ui::account_statement::Printed;

/// Movements that are asked for at once.
const PAGE: u32 = 1_000;

#[derive(Debug, Subcommand)]
pub(super) enum Book {
    /// Show what the books come to: pending, settled, reserved, in flight, paid.
    #[command(
        after_help = "Example:\n  countersign-coordinator book show --reference 'customer-7'"
    )]
    Show {
        /// Only what bears this external reference.
        #[arg(long, value_name = "TEXT")]
        reference: Option<String>,
    },
    /// Write the statement of a month or of days: opening, movements, closing.
    ///
    /// A period that is over gives the same bytes each time. What is written is added up again before it is kept.
    Statement(Statement),
}

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  countersign-coordinator book statement --from 2026-10 --format csv -o oct.csv"
)]
pub(super) struct Statement {
    /// The first month or day in UTC, such as 2026-10; the month before this one if left out.
    #[arg(long, value_name = "MONTH")]
    from: Option<String>,
    /// The last month or day; the first one if left out.
    #[arg(long, value_name = "MONTH", requires = "from")]
    to: Option<String>,
    /// How it is written.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Prices for columns of values: a CSV file of date,currency,price.
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,
    /// The file to write; standard output if left out.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// To be read in a terminal.
    Text,
    /// For spreadsheets.
    Csv,
    /// A journal of hledger.
    Hledger,
    /// A page to be printed.
    Html,
}

pub(super) fn run(verb: &Book, api: &Api, out: &Output) -> Result<(), CliError> {
    match verb {
        Book::Show { reference } => show(reference.as_deref(), api, out),
        Book::Statement(verb) => statement(verb, api, out),
    }
}

fn show(reference: Option<&str>, api: &Api, out: &Output) -> Result<(), CliError> {
    let mut path = format!("{}/book", api.vault_path()?);
    if let Some(reference) = reference {
        path.push_str(&format!("?reference={}", segment(reference)));
    }
    let book = api.get(&path)?;
    out.told(&book, || told(&book))
}

fn told(book: &Value) -> String {
    let sat = |field: &str| amount(book, field);
    let reversals = match number(book, "reversals").as_str() {
        "0" => String::new(),
        many => format!("{many}, of {}", sat("reversed_sat")),
    };
    let small = match number(book, "below_minimum_sat").as_str() {
        "0" => String::new(),
        _ => sat("below_minimum_sat"),
    };
    let whole = book.get("vault").filter(|vault| vault.is_object());
    let of_vault = |field: &str| whole.map_or_else(String::new, |whole| amount(whole, field));
    let lines = Lines::default()
        .with("reference", text(book, "reference"))
        .with("held in coins", of_vault("held_sat"))
        .with("deposits seen", sat("unconfirmed_sat"))
        .with("deposits pending", sat("pending_sat"))
        .with("deposits settled", sat("settled_sat"))
        .with("below minimum", small)
        .with("paid out", sat("paid_sat"))
        .with("balance", sat("balance_sat"))
        .with("asked for", sat("requested_sat"))
        .with("reserved", sat("reserved_sat"))
        .with("in flight", sat("in_flight_sat"))
        .with("change coming", of_vault("change_sat"))
        .with("fees", of_vault("fees_sat"))
        .with("reversals", reversals);
    let references = whole.map_or(&[][..], |whole| list(whole, "references"));
    if references.is_empty() {
        return lines.text();
    }
    let columns = ["reference", "settled_sat", "paid_sat", "balance_sat"];
    format!("{}\n{}", lines.text(), table(references, &columns))
}

fn statement(verb: &Statement, api: &Api, out: &Output) -> Result<(), CliError> {
    let prices = match &verb.prices {
        Some(file) => prices(file)?,
        None => Prices::default(),
    };
    let vault = api.vault_path()?;
    let mut period = Vec::new();
    for (name, text) in [("from", &verb.from), ("to", &verb.to)] {
        if let Some(text) = text {
            period.push(format!("{name}={}", segment(text)));
        }
    }
    let answer = api.get(&format!("{vault}/book/statement?{}", period.join("&")))?;
    let head: AccountStatement = understood(answer)?;
    if verb.from.is_none() {
        let first = crate::account_statement::period::day(head.from);
        period = vec![format!("from={}", first.get(..7).unwrap_or(&first))];
    }
    if out.json() {
        return whole_json(api, &vault, &period, &head, out);
    }
    let mut layout: Box<dyn Layout> = match verb.format {
        Format::Text => Box::new(Text::new(prices)),
        Format::Csv => Box::new(Csv::new(prices)),
        Format::Hledger => Box::new(Hledger::new(prices)),
        Format::Html => Box::new(Printed::new(prices)),
    };
    let Some(path) = &verb.output else {
        let mut bytes = Vec::new();
        write(api, &vault, &period, &head, layout.as_mut(), &mut bytes)
            .and_then(|()| out.bytes(&bytes))?;
        return Ok(());
    };
    // What is not whole, or does not add up, never stands under the name that was asked for.
    let unfinished = unfinished(path);
    let failed = |source| CliError::File {
        path: path.clone(),
        source,
    };
    let mut file = BufWriter::new(File::create(&unfinished).map_err(failed)?);
    let written = write(api, &vault, &period, &head, layout.as_mut(), &mut file)
        .and_then(|()| file.flush().map_err(failed))
        .and_then(|()| fs::rename(&unfinished, path).map_err(failed));
    if let Err(error) = written {
        if let Err(left) = fs::remove_file(&unfinished) {
            tracing::debug!(%left, "the unfinished file stays");
        }
        return Err(error);
    }
    let state = if head.provisional {
        "provisional, since the period is not over"
    } else {
        "final"
    };
    say(&format!(
        "Wrote {}: {} movements, {state}; every account adds up.",
        path.display(),
        head.movements
    ));
    Ok(())
}

/// Where a file is written until it is whole.
fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    PathBuf::from(name)
}

/// Writes a statement page by page, and adds it up again meanwhile.
fn write(
    api: &Api,
    vault: &str,
    period: &[String],
    head: &AccountStatement,
    layout: &mut dyn Layout,
    to: &mut dyn Write,
) -> Result<(), CliError> {
    let mut put = |text: String| {
        to.write_all(text.as_bytes())
            .map_err(|source| CliError::File {
                path: PathBuf::from("-"),
                source,
            })
    };
    put(layout.begin(head))?;
    let mut proof = Proof::default();
    each_movement(api, vault, period, |movement| {
        proof.take(&movement).map_err(|error| unproven(&error))?;
        put(layout.movement(&movement))
    })?;
    proof.judge(head).map_err(|error| unproven(&error))?;
    put(layout.end(head))
}

fn whole_json(
    api: &Api,
    vault: &str,
    period: &[String],
    head: &AccountStatement,
    out: &Output,
) -> Result<(), CliError> {
    let (mut all, mut proof) = (Vec::new(), Proof::default());
    each_movement(api, vault, period, |movement| {
        proof.take(&movement).map_err(|error| unproven(&error))?;
        all.push(movement);
        Ok(())
    })?;
    proof.judge(head).map_err(|error| unproven(&error))?;
    out.record(&serde_json::json!({ "statement": head, "movements": all }))
}

fn each_movement(
    api: &Api,
    vault: &str,
    period: &[String],
    mut take: impl FnMut(Movement) -> Result<(), CliError>,
) -> Result<(), CliError> {
    let mut after = 0_u64;
    loop {
        let page = api.get(&format!(
            "{vault}/book/movements?{}&after={after}&limit={PAGE}",
            period.join("&")
        ))?;
        if items(&page).is_empty() {
            return Ok(());
        }
        let movements: Vec<Movement> = understood(page)?;
        for movement in movements {
            after = movement.number;
            take(movement)?;
        }
    }
}

fn understood<T: serde::de::DeserializeOwned>(answer: Value) -> Result<T, CliError> {
    serde_json::from_value(answer).map_err(|error| CliError::Failed {
        part: "the coordinator's answer".to_owned(),
        reason: error.to_string(),
    })
}

fn unproven(error: &crate::account_statement::Unproven) -> CliError {
    CliError::Refused {
        code: "statement_does_not_add_up".to_owned(),
        detail: error.to_string(),
        problem: None,
        hint: Some(
            "if the period is not over, entries came meanwhile: ask again; else compare `event verify`, \
             `reconcile` and a backup: somebody altered the books"
                .to_owned(),
        ),
    }
}

fn prices(path: &Path) -> Result<Prices, CliError> {
    let bytes = read(path)?;
    let text = String::from_utf8(bytes).map_err(|_| CliError::Usage {
        message: format!("{} is not UTF-8", path.display()),
    })?;
    Prices::parse(&text).map_err(|error| CliError::Usage {
        message: format!("{}: {error}", path.display()),
    })
}
