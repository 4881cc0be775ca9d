//! The references in other languages: each checks the same golden files, in the same run as the library.

use std::path::Path;
use std::process::Command;

/// Runs a reference; fails, saying what to install, when its language is missing.
fn agrees(program: &str, script: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    let output = Command::new(program)
        .arg(script)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(folder)
        .output()
        .unwrap_or_else(|error| {
            panic!(
                "there is no {program} ({error}): run `make setup` (Debian's nodejs and python3)"
            )
        });
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{errors}");
    for part in ["intents", "trees", "approvals", "assertions"] {
        assert!(said.contains(part), "{part} in {said}");
    }
}

#[test]
fn the_reference_in_python_agrees_with_the_golden_files() {
    agrees("python3", "reference_check.py");
}

#[test]
fn the_reference_in_javascript_agrees_with_the_golden_files() {
    agrees("node", "reference.mjs");
}
