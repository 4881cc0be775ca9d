//! What is wrong with a command line, in the one shape of every failure.

use std::ffi::OsString;

use clap::CommandFactory;
use clap::error::ErrorKind;

use crate::{Arguments, Failure};

/// Whether what the parser says is help or the version, which is shown as it is.
pub(crate) fn is_help(error: &clap::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::DisplayHelp
            | ErrorKind::DisplayVersion
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    )
}

/// The parser's words as a failure: what is wrong; its tips and whose help says more are the hint.
pub(crate) fn failure(error: &clap::Error, arguments: &[OsString]) -> Failure {
    let said = error.render().to_string();
    let (mut wrong, mut hints) = (Vec::new(), Vec::new());
    for line in said.lines().map(str::trim) {
        if line.starts_with("Usage: ") || line.starts_with("For more information") {
            break;
        }
        if let Some(tip) = line.strip_prefix("tip: ") {
            hints.push(tip.to_owned());
        } else if !line.is_empty() {
            wrong.push(line.strip_prefix("error: ").unwrap_or(line));
        }
    }
    hints.push(format!("`{} --help` shows what it takes", way(arguments)));
    Failure::Usage {
        message: wrong.join(" "),
        hint: hints.join("; "),
    }
}

/// The program with the verbs that the arguments name.
fn way(arguments: &[OsString]) -> String {
    let root = Arguments::command();
    let mut way = root.get_name().to_owned();
    let mut command = &root;
    for argument in arguments.iter().skip(1) {
        if let Some(below) = command.find_subcommand(argument) {
            way = format!("{way} {}", below.get_name());
            command = below;
        }
    }
    way
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[test]
    fn a_wrong_command_line_is_told_as_any_other_failure() {
        let arguments = ["countersign-watchtower", "run", "--confg", "w.toml"].map(OsString::from);
        let wrong = Arguments::try_parse_from(&arguments)
            .err()
            .expect("is wrong");
        let told = failure(&wrong, &arguments);
        assert_eq!(told.kind(), ("Error", "usage"));
        assert_eq!(told.to_string(), "unexpected argument '--confg' found");
        assert_eq!(
            told.hint(),
            Some(
                "a similar argument exists: '--config'; `countersign-watchtower run --help` shows what it takes"
            )
        );
    }
}
