//! The tool built without `online` has no network code: no crate that could open a socket is in it.

use std::process::Command;

/// Crates by which programs of this workspace reach a network.
const NETWORKED: [&str; 10] = [
    "axum",
    "hyper",
    "mio",
    "native-tls",
    "quinn",
    "reqwest",
    "rustls",
    "socket2",
    "tokio",
    "ureq",
];

fn crates_of(features: &str) -> Vec<String> {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--package",
            "countersign-signer",
            "--no-default-features",
        ])
        .args([
            "--features",
            features,
            "--edges",
            "normal,build",
            "--prefix",
            "none",
        ])
        .args(["--format", "{lib}", "--locked", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let text = String::from_utf8(output.stdout).expect("crate names are text");
    text.lines().map(|line| line.replace('_', "-")).collect()
}

#[test]
fn the_tool_without_online_has_no_network_code() {
    let crates = crates_of("tool");
    assert!(crates.iter().any(|name| name == "policies"), "{crates:?}");
    for name in NETWORKED {
        assert!(!crates.iter().any(|found| found == name), "{name}");
    }
}

#[test]
fn the_same_search_finds_the_network_code_of_online() {
    let crates = crates_of("online");
    for name in ["axum", "rustls", "ureq"] {
        assert!(crates.iter().any(|found| found == name), "{name}");
    }
}
