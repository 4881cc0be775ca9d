//! The one place that writes to the terminal: data on standard output, talk on standard error.

use std::fmt::Display;

use tracing_subscriber::EnvFilter;

/// Begins logging to standard error, at the level `RUST_LOG` names or at `info`.
pub(crate) fn start_log() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
}

/// Prints data.
#[expect(clippy::print_stdout, reason = "the one place that prints data")]
pub(crate) fn print(text: &str) {
    print!("{text}");
}

/// Prints what went wrong, by its kind and code, and what to do about it.
#[expect(clippy::print_stderr, reason = "the one place that prints errors")]
pub(crate) fn error((word, code): (&str, &str), error: &impl Display, hint: Option<&str>) {
    let said = format!("{word} ({code}): {error}");
    let hint = hint.map(|hint| format!("Hint: {hint}"));
    for line in said.lines().chain(hint.as_deref()) {
        eprintln!("{}", wrapped(line));
    }
}

/// Wraps a line at 80 columns, the rest of it indented; words that are laid out already stay as they are.
pub(crate) fn wrapped(line: &str) -> String {
    const WIDTH: usize = 80;
    if line.starts_with(' ') {
        return line.to_owned();
    }
    let (mut out, mut column) = (String::new(), 0_usize);
    for word in line.split_whitespace() {
        let length = word.chars().count();
        if out.is_empty() {
            column = length;
        } else if column.saturating_add(1).saturating_add(length) > WIDTH {
            out.push_str("\n  ");
            column = length.saturating_add(2);
        } else {
            out.push(' ');
            column = column.saturating_add(1).saturating_add(length);
        }
        out.push_str(word);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_an_error_fits_eighty_columns() {
        let long = wrapped(&"word ".repeat(40));
        assert!(long.lines().count() > 2, "{long}");
        assert!(long.lines().all(|line| line.len() <= 80), "{long}");
        assert!(
            long.lines().skip(1).all(|line| line.starts_with("  word")),
            "{long}"
        );
        assert_eq!(wrapped("short"), "short");
    }
}
