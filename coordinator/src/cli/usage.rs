//! What is wrong with a command line, in the one shape of every error.

use std::ffi::OsString;

use clap::CommandFactory;
use clap::error::ErrorKind;

use super::{Cli, CliError};

/// Whether what the parser says is help or the version, which is shown as it is.
pub(super) fn is_help(error: &clap::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::DisplayHelp
            | ErrorKind::DisplayVersion
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    )
}

/// The parser's words as an error: what is wrong; its tips and whose help says more are the hint.
pub(super) fn error(error: &clap::Error, arguments: &[OsString]) -> CliError {
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
    CliError::CommandLine {
        message: wrong.join(" "),
        hint: hints.join("; "),
    }
}

/// The program with the verbs that the arguments name.
fn way(arguments: &[OsString]) -> String {
    let root = Cli::command();
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

    fn told(line: &str) -> (String, String) {
        let arguments: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        let wrong = Cli::try_parse_from(&arguments).expect_err("is wrong");
        assert!(!is_help(&wrong), "{line}");
        let told = error(&wrong, &arguments);
        assert_eq!(
            (told.word(), told.code(), told.exit_status()),
            ("Error", "usage", 2)
        );
        (told.to_string(), told.hint().unwrap_or_default().to_owned())
    }

    #[test]
    fn a_wrong_command_line_is_told_as_any_other_error() {
        let (said, hint) = told("countersign-coordinator batch list --jsonn");
        assert_eq!(said, "unexpected argument '--jsonn' found");
        assert_eq!(
            hint,
            "a similar argument exists: '--json'; `countersign-coordinator batch list --help` shows what it takes"
        );
        let (said, hint) = told("countersign-coordinator attempt submit");
        assert_eq!(
            said,
            "the following required arguments were not provided: <TXID> <FILE>"
        );
        assert_eq!(
            hint,
            "`countersign-coordinator attempt submit --help` shows what it takes"
        );
        let (said, hint) = told("countersign-coordinator token create a --role king");
        assert!(
            said.starts_with("invalid value 'king' for '--role <ROLE>'"),
            "{said}"
        );
        assert!(said.contains("possible values: service, signer"), "{said}");
        assert!(hint.contains("token create --help"), "{hint}");
    }
}
