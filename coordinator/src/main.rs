//! The `countersign-coordinator` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    coordinator::cli::main()
}
