//! The demo: the whole way of the money, told on a chain of its own with the real programs.
//!
//! `DEMO_EXIT=1` ends it after the story; otherwise it serves until Ctrl-C. Whatever it started, and
//! every folder it made, goes with it.

mod afterwards;
mod books;
mod deposits;
mod lie;
mod page;
mod signing;
mod story;
mod vault;
mod withdrawals;

use std::process::ExitCode;

use harness::Failure;

use self::page::Page;

/// What a shell expects of a program that Ctrl-C ended.
const INTERRUPTED: u8 = 130;

/// What the demo says of itself.
const USAGE: &str = "\
Tells how Countersign moves money, on a regtest chain of its own, and then
keeps serving until Ctrl-C.

Usage: countersign-demo [--help]

  DEMO_EXIT=1     end after the story
  BITCOIND_EXE    the bitcoind to use";

fn main() -> ExitCode {
    if let Some(argument) = std::env::args().nth(1) {
        let asked = matches!(argument.as_str(), "-h" | "--help");
        return match Page::instead(USAGE) {
            Ok(()) if asked => ExitCode::SUCCESS,
            _ => ExitCode::from(2),
        };
    }
    let Ok(mut page) = Page::open() else {
        return ExitCode::FAILURE;
    };
    let told = story::tell(&mut page, stays());
    let ending = match &told {
        _ if page.is_interrupted() => Page::close("Stopped as asked. Nothing is left running."),
        Ok(()) => Page::close("The end. Nothing is left running."),
        Err(failure) => page.fail(failure),
    };
    match (told, ending) {
        (Ok(()), Ok(())) => ExitCode::SUCCESS,
        _ if page.is_interrupted() => ExitCode::from(INTERRUPTED),
        _ => ExitCode::FAILURE,
    }
}

/// Whether the demo keeps serving after the story.
#[expect(
    clippy::disallowed_methods,
    reason = "the demo's one setting; make passes it on as it came"
)]
fn stays() -> bool {
    std::env::var_os("DEMO_EXIT").is_none_or(|value| value.is_empty() || value == "0")
}

/// A failure that only says that somebody pressed Ctrl-C.
fn interrupted() -> Failure {
    Failure::new("interrupted")
}
