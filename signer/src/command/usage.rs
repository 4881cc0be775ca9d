//! What is wrong with a command line, in the one shape of every failure.

use crate::failure::{Class, Failure};
use clap::error::ErrorKind;

/// Whether what the parser says is help or the version, which is shown as it is.
pub(super) fn is_help(error: &clap::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::DisplayHelp
            | ErrorKind::DisplayVersion
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    )
}

/// The parser's words as a failure: what is wrong, and as the hint its tip, else the usage.
pub(super) fn failure(error: &clap::Error) -> Failure {
    let said = error.render().to_string();
    let (mut wrong, mut tips, mut usage) = (Vec::new(), Vec::new(), Vec::new());
    for line in said.lines() {
        let words = line.trim();
        if let Some(tip) = words.strip_prefix("tip: ") {
            tips.push(tip);
        } else if let Some(first) = words.strip_prefix("Usage: ") {
            usage.push(first);
        } else if words.starts_with("For more information") {
            break;
        } else if !usage.is_empty() && !words.is_empty() {
            usage.push(words);
        } else if !words.is_empty() {
            wrong.push(line.strip_prefix("error: ").unwrap_or(line));
        }
    }
    let hint = match (tips.is_empty(), usage.is_empty()) {
        (false, _) => tips.join("; "),
        (true, false) => usage.join(" "),
        (true, true) => "--help says more".to_owned(),
    };
    Failure::because(Class::Usage, "USAGE", wrong.join("\n")).hinted(hint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::CommandLine;
    use clap::Parser;

    fn told(line: &str) -> String {
        let parsed = CommandLine::try_parse_from(line.split(' '));
        failure(&parsed.expect_err("is wrong")).text()
    }

    #[test]
    fn a_wrong_command_line_is_told_as_any_other_failure() {
        assert_eq!(
            told("countersign-signer sign --yess w1.psbt"),
            "Error (USAGE): unexpected argument '--yess' found\n\
             Hint: a similar argument exists: '--yes'"
        );
        assert_eq!(
            told("countersign-signer review"),
            "Error (USAGE): the following required arguments were not provided:\n  <FILE>\n\
             Hint: countersign-signer review <FILE>"
        );
        let badly = told("countersign-signer approve w1.json --expires-in soon");
        assert!(
            badly.starts_with("Error (USAGE): invalid value 'soon'"),
            "{badly}"
        );
    }
}
