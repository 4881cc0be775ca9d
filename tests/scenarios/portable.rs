//! What the offline signer is built of stands on no system alone: each use of Unix or Linux is behind a cfg.

use std::fs;
use std::path::{Path, PathBuf};

use harness::{Failure, Outcome};

/// What only Unix or Linux has.
const FOREIGN: [&str; 6] = [
    "std::os::",
    "\"/proc",
    "\"/dev/",
    "libc::",
    "rustix::",
    "\"/sys/",
];

/// What only the features `online` and `devices` build: it runs where a coordinator is reached from, or a device.
const CONNECTED: [&str; 4] = ["online", "bridge", "page", "device"];

fn is_gate(line: &str) -> bool {
    line.starts_with("#[cfg(") && (line.contains("unix") || line.contains("target_os"))
}

/// The lines that begin with one of these words, or contain what only some systems have, and stand behind no
/// cfg of their own.
fn ungated(text: &str, is_meant: impl Fn(&str) -> bool) -> Vec<&str> {
    let mut before = "";
    let mut found = Vec::new();
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with("//") {
            continue;
        }
        if is_meant(line) && !is_gate(before) {
            found.push(line);
        }
        before = line;
    }
    found
}

fn is_foreign(line: &str) -> bool {
    FOREIGN.iter().any(|foreign| line.contains(foreign))
}

/// Whether the module of a file is declared behind a cfg.
fn is_gated_module(file: &Path) -> Result<bool, Failure> {
    let stem = file.file_stem().and_then(|stem| stem.to_str());
    let (Some(stem), Some(folder)) = (stem, file.parent()) else {
        return Ok(false);
    };
    let declared = format!("mod {stem};");
    let parents = [
        folder.with_extension("rs"),
        folder.join("mod.rs"),
        folder.join("lib.rs"),
    ];
    for parent in parents.iter().filter(|parent| parent.is_file()) {
        let text = fs::read_to_string(parent)?;
        let plain = ungated(&text, |line| line.ends_with(&declared));
        if text.contains(&declared) {
            return Ok(plain.is_empty());
        }
    }
    Ok(false)
}

fn sources(folder: &Path, files: &mut Vec<PathBuf>) -> Outcome {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_stem().and_then(|stem| stem.to_str());
        if name.is_some_and(|name| CONNECTED.contains(&name)) {
            continue;
        }
        if path.is_dir() {
            sources(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

#[test]
fn what_only_unix_has_stands_behind_a_cfg_in_the_offline_signer() -> Outcome {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let mut files = Vec::new();
    for folder in ["policies/src", "signer/src"] {
        sources(&root.join(folder), &mut files)?;
    }
    let mut gated = 0;
    for file in &files {
        let text = fs::read_to_string(file)?;
        let found = ungated(&text, is_foreign);
        if found.is_empty() {
            continue;
        }
        assert!(is_gated_module(file)?, "{}: {found:?}", file.display());
        gated += 1;
    }
    assert!(gated > 0, "the very folders of Unix were not looked at");
    Ok(())
}

#[test]
fn a_use_of_unix_counts_as_gated_only_right_behind_its_cfg() {
    let gated = "#[cfg(unix)]\nuse std::os::unix::fs::PermissionsExt;\n";
    assert!(ungated(gated, is_foreign).is_empty());
    for text in [
        "use std::os::unix::fs::PermissionsExt;",
        "#[cfg(unix)]\nuse std::fs;\nuse std::os::unix::fs::PermissionsExt;",
        "#[cfg(test)]\nlet random = File::open(\"/dev/urandom\");",
    ] {
        assert_eq!(ungated(text, is_foreign).len(), 1, "{text}");
    }
}
