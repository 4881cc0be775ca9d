//! The only place of the command line that prints: records, tables, JSON, errors with their hint.

use std::io::{self, Write};
use std::process::ExitCode;

use policies::UnixTime;
use serde_json::Value;

use super::CliError;

/// The widest a column of a table gets before its middle is cut.
const COLUMN: usize = 20;

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

    /// Shows one record: a line for each field, or JSON.
    pub(super) fn record(&self, record: &Value) -> Result<(), CliError> {
        if self.json {
            return self.text(&pretty(record));
        }
        self.text(&lines(record))
    }

    /// Shows a list as a table of the named columns, or JSON with everything.
    pub(super) fn table(
        &self,
        answer: &Value,
        columns: &[&str],
        empty: &str,
    ) -> Result<(), CliError> {
        if self.json {
            return self.text(&pretty(answer));
        }
        let items = super::api::items(answer);
        if items.is_empty() {
            return self.text(empty);
        }
        self.text(&table(items, columns))
    }
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).expect("a JSON value can always be written")
}

/// Shows a record as text.
pub(super) fn lines(record: &Value) -> String {
    if let Some(items) = record.as_array() {
        return items.iter().map(lines).collect::<Vec<_>>().join("\n\n");
    }
    let Some(fields) = record.as_object() else {
        return cell(record);
    };
    let width = fields.keys().map(String::len).max().unwrap_or(0);
    let mut out = String::new();
    for (key, value) in fields {
        let name = key.replace('_', " ");
        match value {
            Value::Array(items) if items.iter().any(Value::is_object) => {
                out.push_str(&format!("{name}:\n"));
                for item in items {
                    let text = lines(item).replace('\n', "\n    ");
                    out.push_str(&format!("  - {text}\n"));
                }
            }
            Value::Object(_) => {
                out.push_str(&format!(
                    "{name}:\n  {}\n",
                    lines(value).replace('\n', "\n  ")
                ));
            }
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => {
                out.push_str(&format!("{name:width$}  {}\n", field(key, value)));
            }
        }
    }
    out.trim_end().to_owned()
}

fn table(items: &[Value], columns: &[&str]) -> String {
    let mut rows = vec![
        columns
            .iter()
            .map(|column| column.replace('_', " "))
            .collect::<Vec<_>>(),
    ];
    rows.extend(items.iter().map(|item| {
        columns
            .iter()
            .map(|column| short(&field(column, item.get(*column).unwrap_or(&Value::Null))))
            .collect()
    }));
    let widths: Vec<usize> = (0..columns.len())
        .map(|column| {
            rows.iter()
                .map(|row| row[column].chars().count())
                .max()
                .unwrap_or(0)
        })
        .collect();
    let mut out = String::new();
    for row in &rows {
        let mut line = String::new();
        for ((text, width), column) in row.iter().zip(&widths).zip(columns) {
            if column.ends_with("_sat")
                || matches!(*column, "number" | "height" | "confirmations" | "index")
            {
                line.push_str(&format!("{text:>width$}  "));
            } else {
                line.push_str(&format!("{text:width$}  "));
            }
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// Shows a field: a moment as people read it, anything else as it is.
fn field(key: &str, value: &Value) -> String {
    let is_moment = key.ends_with("_at")
        || matches!(
            key,
            "at" | "created" | "expires" | "first_seen" | "not_before" | "now"
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
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join(", "),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}

/// Cuts the middle of a long cell, so that both ends can be compared.
fn short(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    if chars.len() <= COLUMN {
        return text.to_owned();
    }
    let head: String = chars.iter().take(8).collect();
    let tail: String = chars.iter().skip(chars.len().saturating_sub(8)).collect();
    format!("{head}…{tail}")
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

/// Shows what clap says: help and version on standard output, mistakes on standard error.
pub(super) fn usage(error: &clap::Error) -> ExitCode {
    match error.print() {
        Ok(()) => ExitCode::from(if error.use_stderr() { 2 } else { 0 }),
        Err(_) => ExitCode::from(255),
    }
}

/// Shows an error with its hint, as JSON on standard output too where asked for.
pub(super) fn failure(error: &CliError, json: bool) -> ExitCode {
    let status = ExitCode::from(error.exit_status());
    if json {
        let shown = match error {
            CliError::Refused {
                problem: Some(problem),
                ..
            } => problem.clone(),
            CliError::Refused { code, .. } => {
                serde_json::json!({"code": code, "detail": error.to_string()})
            }
            CliError::Usage { .. } => {
                serde_json::json!({"code": "usage", "detail": error.to_string()})
            }
            CliError::File { .. } => {
                serde_json::json!({"code": "file", "detail": error.to_string()})
            }
            CliError::Failed { .. } => {
                serde_json::json!({"code": "failed", "detail": error.to_string()})
            }
            CliError::Connection { .. } => {
                serde_json::json!({"code": "connection", "detail": error.to_string()})
            }
        };
        if write(format!("{}\n", pretty(&shown)).as_bytes()).is_err() {
            return ExitCode::from(255);
        }
    }
    say(&format!("Error: {error}"));
    if let Some(hint) = error.hint() {
        say(&format!("Hint: {hint}"));
    }
    status
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_fits_its_columns_and_keeps_both_ends_of_long_cells() {
        let items = [
            serde_json::json!({"id": "w-1", "amount_sat": 5}),
            serde_json::json!({"id": "0123456789abcdef0123456789abcdef0123456789abcdef", "amount_sat": 12345}),
        ];
        let text = table(&items, &["id", "amount_sat"]);
        assert_eq!(
            text,
            "id                 amount sat\nw-1                         5\n01234567…89abcdef       12345\n"
        );
    }

    #[test]
    fn a_moment_is_shown_as_people_read_it() {
        let record = serde_json::json!({"created_at": 1_795_660_800, "amount_sat": 1_795_660_800});
        let text = lines(&record);
        assert!(text.contains("created at  2026-11-26T02:40:00Z"), "{text}");
        assert!(text.contains("amount sat  1795660800"), "{text}");
    }

    #[test]
    fn a_record_shows_nested_values_below_their_name() {
        let record = serde_json::json!({"name": "a", "inner": {"deep": 1}, "list": [{"x": 1}], "none": null});
        let text = lines(&record);
        assert!(text.contains("inner:\n  deep  1"), "{text}");
        assert!(text.contains("list:\n  - x  1"), "{text}");
        assert!(text.contains("none   -"), "{text}");
    }
}
