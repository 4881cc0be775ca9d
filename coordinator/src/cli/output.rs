//! The only place of the command line that prints: what is told, tables, JSON, errors with their hint.

use std::io::{self, Write};
use std::process::ExitCode;

use policies::UnixTime;
use serde_json::Value;

use super::CliError;
use super::layout::{self, paragraph};

/// What stands below a table of which something is cut.
const CUT: &str = "Long cells lose their middle; --json prints them whole.";

/// How answers are shown.
pub(super) struct Output {
    json: bool,
}

impl Output {
    pub(super) fn new(json: bool) -> Self {
        Self { json }
    }

    /// Tells whether JSON was asked for.
    pub(super) fn json(&self) -> bool {
        self.json
    }

    /// Shows text as it is.
    #[expect(clippy::unused_self, reason = "all that prints is asked of the output")]
    pub(super) fn text(&self, text: &str) -> Result<(), CliError> {
        write(text.trim_end_matches('\n').as_bytes()).and_then(|()| write(b"\n"))
    }

    /// Writes bytes as they are.
    #[expect(clippy::unused_self, reason = "all that prints is asked of the output")]
    pub(super) fn bytes(&self, bytes: &[u8]) -> Result<(), CliError> {
        write(bytes)
    }

    /// Shows an answer as JSON where that was asked for, else as what is told of it.
    pub(super) fn told(
        &self,
        answer: &Value,
        told: impl FnOnce() -> String,
    ) -> Result<(), CliError> {
        if self.json {
            return self.text(&pretty(answer));
        }
        self.text(&told())
    }

    /// Shows an answer as JSON.
    pub(super) fn record(&self, record: &Value) -> Result<(), CliError> {
        self.text(&pretty(record))
    }

    /// Shows a list as a table of the named columns, or JSON with everything.
    pub(super) fn table(
        &self,
        answer: &Value,
        columns: &[&str],
        empty: &str,
    ) -> Result<(), CliError> {
        self.table_of(answer, super::api::items(answer), columns, empty)
    }

    /// Shows these items as a table of the named columns, or the whole answer as JSON.
    pub(super) fn table_of(
        &self,
        answer: &Value,
        items: &[Value],
        columns: &[&str],
        empty: &str,
    ) -> Result<(), CliError> {
        self.told(answer, || {
            if items.is_empty() {
                return paragraph(empty, 0);
            }
            whole_table(items, columns)
        })
    }
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).expect("a JSON value can always be written")
}

/// A table of the named columns, and below it what to do where cells are cut.
pub(super) fn whole_table(items: &[Value], columns: &[&str]) -> String {
    let table = table(items, columns);
    if table.contains('…') {
        format!("{table}{CUT}")
    } else {
        table
    }
}

/// A table of the named columns.
pub(super) fn table(items: &[Value], columns: &[&str]) -> String {
    let head: Vec<String> = columns
        .iter()
        .map(|column| column.replace('_', " "))
        .collect();
    let row = |item: &Value| {
        let cells = columns.iter();
        cells
            .map(|column| field(column, item.get(*column).unwrap_or(&Value::Null)))
            .collect()
    };
    let rows: Vec<Vec<String>> = items.iter().map(row).collect();
    let numbers: Vec<bool> = columns
        .iter()
        .map(|column| {
            column.ends_with("_sat")
                || matches!(*column, "number" | "height" | "confirmations" | "index")
        })
        .collect();
    layout::table(&head, &rows, &numbers)
}

/// Shows a field: a moment as people read it, anything else as it is.
fn field(key: &str, value: &Value) -> String {
    let is_moment = key.ends_with("_at")
        || matches!(
            key,
            "at" | "created" | "expires" | "failing_since" | "first_seen" | "not_before" | "now"
        );
    value
        .as_u64()
        .filter(|_| is_moment)
        .map_or_else(|| cell(value), |secs| UnixTime::from_secs(secs).to_string())
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) if text.is_empty() => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => "-".to_owned(),
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join(", "),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}

fn write(bytes: &[u8]) -> Result<(), CliError> {
    match io::stdout().lock().write_all(bytes) {
        // A reader such as `head` that has seen enough is no error.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(source) => Err(CliError::File {
            path: "standard output".into(),
            source,
        }),
        Ok(()) => Ok(()),
    }
}

/// Shows a line of talk on standard error.
#[expect(
    clippy::print_stderr,
    reason = "talk goes to standard error, and only from here"
)]
pub(super) fn say(text: &str) {
    eprintln!("{text}");
}

/// Writes over the line of talk that was shown last, on a terminal.
#[expect(
    clippy::print_stderr,
    reason = "talk goes to standard error, and only from here"
)]
pub(super) fn say_over(text: &str) {
    eprint!("\r{text:<width$}", width = layout::WIDTH - 1);
}

/// Sends the log of the running coordinator to standard error; `RUST_LOG` chooses what it holds.
pub(super) fn start_log() {
    let filter = tracing_subscriber::EnvFilter::builder()
        .with_default_directive(tracing_subscriber::filter::LevelFilter::INFO.into())
        .from_env_lossy();
    // A second subscriber is only ever set up by tests, and then the first one serves.
    if let Err(error) = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(false)
        .try_init()
    {
        say(&format!("the log stays as it is: {error}"));
    }
}

/// Shows help and version as clap says them, on standard output where they were asked for.
pub(super) fn help(error: &clap::Error) -> ExitCode {
    match error.print() {
        Ok(()) => ExitCode::from(if error.use_stderr() { 2 } else { 0 }),
        Err(_) => ExitCode::from(255),
    }
}

/// Shows an error with its code and hint, as JSON on standard output too where asked for.
pub(super) fn failure(error: &CliError, json: bool) -> ExitCode {
    if json {
        let shown = match error {
            CliError::Refused {
                problem: Some(problem),
                ..
            } => problem.clone(),
            CliError::WebhookNotTaken { delivery, .. } => {
                let mut shown = delivery.clone();
                shown["code"] = error.code().into();
                shown["detail"] = error.to_string().into();
                shown["hint"] = error.hint().into();
                shown
            }
            CliError::Refused { .. }
            | CliError::Usage { .. }
            | CliError::CommandLine { .. }
            | CliError::NoToken
            | CliError::EmptyToken { .. }
            | CliError::NotAToken { .. }
            | CliError::TokenFileExists { .. }
            | CliError::InvitedAlready { .. }
            | CliError::Configuration { .. }
            | CliError::NoFolder { .. }
            | CliError::DatabaseUrl
            | CliError::DatabaseUnavailable { .. }
            | CliError::File { .. }
            | CliError::Connection { .. }
            | CliError::Waited { .. }
            | CliError::Failed { .. } => {
                let (code, detail, hint) = (error.code(), error.to_string(), error.hint());
                serde_json::json!({ "code": code, "detail": detail, "hint": hint })
            }
        };
        if write(format!("{}\n", pretty(&shown)).as_bytes()).is_err() {
            return ExitCode::from(255);
        }
    }
    say(&in_words(error));
    ExitCode::from(error.exit_status())
}

/// An error as people read it: kind, code and facts, then what to do.
fn in_words(error: &CliError) -> String {
    let said = format!("{} ({}): {error}", error.word(), error.code());
    let hint = error.hint().map(|hint| format!("Hint: {hint}"));
    let lines = said.lines().chain(hint.as_deref());
    lines
        .map(|line| {
            // What is laid out already stays as it is.
            if line.starts_with(' ') {
                line.to_owned()
            } else {
                paragraph(line, 2)
            }
        })
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_moment_is_shown_as_people_read_it_and_an_amount_as_it_is() {
        let items = [json!({ "created_at": 1_795_660_800, "amount_sat": 1_795_660_800 })];
        let text = table(&items, &["created_at", "amount_sat"]);
        assert!(text.contains("created at            amount sat"), "{text}");
        assert!(text.contains("2026-11-26T02:40:00Z  1795660800"), "{text}");
    }

    #[test]
    fn nothing_is_shown_as_a_dash() {
        let items = [json!({ "by": [], "of": null, "is": "" })];
        let text = table(&items, &["by", "of", "is"]);
        assert!(text.ends_with("-   -   -\n"), "{text}");
    }

    #[test]
    fn an_error_says_its_kind_its_code_and_what_to_do() {
        let error = CliError::Refused {
            code: "id_reused".to_owned(),
            detail: format!(
                "exchange has used the id w-1 {}",
                "again and again ".repeat(6)
            ),
            problem: None,
            hint: Some("take another id".to_owned()),
        };
        let said = in_words(&error);
        assert!(
            said.starts_with("Refused (id_reused): exchange has"),
            "{said}"
        );
        assert!(said.ends_with("\nHint: take another id"), "{said}");
        assert!(
            said.lines().all(|line| line.chars().count() <= 80),
            "{said}"
        );
    }
}
