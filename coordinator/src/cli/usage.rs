//! What is wrong with a command line, in the one shape of every error.

use std::ffi::OsString;

use clap::CommandFactory;
use watchtower::command_line;

use super::{Cli, CliError};

/// The parser's words as an error.
pub(super) fn error(error: &clap::Error, arguments: &[OsString]) -> CliError {
    let (message, hint) = command_line::told(error, &Cli::command(), arguments);
    CliError::CommandLine { message, hint }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn told(line: &str) -> (String, String) {
        let arguments: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        let wrong = Cli::try_parse_from(&arguments).expect_err("is wrong");
        assert!(!command_line::is_help(&wrong), "{line}");
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
