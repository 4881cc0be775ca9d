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
    eprintln!("{word} ({code}): {error}");
    if let Some(hint) = hint {
        eprintln!("Hint: {hint}");
    }
}
