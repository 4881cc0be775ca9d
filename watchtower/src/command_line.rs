//! What is wrong with a command line, as the programs tell every error: clap's own words, and what to do.

use std::ffi::OsString;

use clap::error::ErrorKind;

/// Whether what the parser says is help or the version, which is shown as it is.
pub fn is_help(error: &clap::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::DisplayHelp
            | ErrorKind::DisplayVersion
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    )
}

/// The parser's words: what is wrong; and as the hint its tips and whose help says more.
pub fn told(
    error: &clap::Error,
    program: &clap::Command,
    arguments: &[OsString],
) -> (String, String) {
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
    let way = way(program, arguments);
    hints.push(format!("`{way} --help` shows what it takes"));
    (wrong.join(" "), hints.join("; "))
}

/// The program with the verbs that the arguments name.
fn way(program: &clap::Command, arguments: &[OsString]) -> String {
    let mut way = program.get_name().to_owned();
    let mut command = program;
    for argument in arguments.iter().skip(1) {
        if let Some(below) = command.find_subcommand(argument) {
            way = format!("{way} {}", below.get_name());
            command = below;
        }
    }
    way
}
