//! `make demo`: the whole story on a node of its own, told by the programs that an operator runs.
//!
//! With `DEMO_EXIT=1` it ends after the story; else it keeps serving until Ctrl-C.

mod serving;
mod stage;
mod story;

use std::process::ExitCode;

use stage::Stage;

fn main() -> ExitCode {
    let mut stage = Stage::open();
    let told = story::tell(&mut stage).and_then(|treasury| {
        stage.end();
        if exits() {
            return Ok(());
        }
        serving::until_interrupted(&stage, &treasury)
    });
    match told {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            stage.text(&format!("\nThe demo failed: {failure:?}"));
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the demo's one setting")]
fn exits() -> bool {
    std::env::var_os("DEMO_EXIT").is_some_and(|value| !value.is_empty() && value != "0")
}
