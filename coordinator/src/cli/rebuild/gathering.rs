//! Reads the folder with what people kept, and says whether enough of it is there.

use std::path::{Path, PathBuf};

use bitcoin::hashes::{Hash, sha256};
use policies::document::{Policy, name_of_network};
use policies::journal::Export;
use policies::succession::SuccessionFile;
use serde_json::{Value, json};

use super::Rebuild;
use crate::cli::CliError;
use crate::cli::answer::count;
use crate::cli::api;
use crate::cli::layout::item;
use crate::configuration::CoordinatorConfig;
use crate::rebuilding::{Gathered, Line, Mistake, Paper, Taken, read as read_paper};

/// The most bytes of a paper.
const MAX_PAPER: u64 = 1 << 30;

/// What the folder holds.
pub(super) struct Papers {
    pub(super) vaults: Vec<Gathered>,
    pub(super) hashes: Vec<[u8; 32]>,
    pub(super) files: usize,
    pub(super) known: usize,
    /// What signers returned: it is handed in once the coordinator runs.
    pub(super) later: Vec<PathBuf>,
}

pub(super) fn gather(
    verb: &Rebuild,
    config: &CoordinatorConfig,
    policies: &[Policy],
) -> Result<Papers, CliError> {
    for policy in policies {
        if policy.network != config.network {
            let message = format!(
                "the policy {} is of {}, the configuration of {}",
                policy.name,
                name_of_network(policy.network),
                name_of_network(config.network)
            );
            return Err(CliError::Usage { message });
        }
    }
    let mut papers = Papers {
        vaults: Vec::new(),
        hashes: Vec::new(),
        files: 0,
        known: 0,
        later: Vec::new(),
    };
    let mut refused: Vec<Value> = Vec::new();
    let mut refuse = |file: &Path, code: &str, reason: String, hint: &str| {
        let file = file.display().to_string();
        refused.push(json!({ "file": file, "code": code, "detail": reason, "hint": hint }));
    };
    let mut read = Vec::new();
    for file in files_below(&verb.papers)? {
        let bytes = contents(&file)?;
        papers.files = papers.files.saturating_add(1);
        papers
            .hashes
            .push(sha256::Hash::hash(&bytes).to_byte_array());
        match read_paper(&bytes) {
            Ok(found) => read.extend(found.into_iter().map(|paper| (file.clone(), paper))),
            Err(error) => refuse(&file, "paper_unreadable", error.to_string(), error.hint()),
        }
    }
    for policy in policies {
        let mut line = Line::of(policy.clone()).map_err(|mistake| CliError::Usage {
            message: format!(
                "--policy of {}: {mistake}; give its first version, and the later ones as papers",
                policy.name
            ),
        })?;
        if let Err(mistake) = line.follow(&versions(&read), &journals(&read)) {
            refuse(
                &verb.papers,
                mistake.code(),
                mistake.to_string(),
                mistake.hint(),
            );
        }
        papers.vaults.push(Gathered::new(line));
    }
    for (file, paper) in read {
        let of = papers.vaults.iter().position(|vault| vault.is_for(&paper));
        let Some(vault) = of.and_then(|of| papers.vaults.get_mut(of)) else {
            let mistake = Mistake::of_no_vault(&paper);
            refuse(&file, mistake.code(), mistake.to_string(), mistake.hint());
            continue;
        };
        match vault.take(paper) {
            Ok(Taken::New) => {}
            Ok(Taken::Known) => papers.known = papers.known.saturating_add(1),
            Ok(Taken::ForLater) => papers.later.push(file.clone()),
            Err(mistake) => {
                refuse(&file, mistake.code(), mistake.to_string(), mistake.hint());
            }
        }
    }
    papers.hashes.sort_unstable();
    if refused.is_empty() {
        return Ok(papers);
    }
    let mut detail = format!(
        "{} cannot be used; nothing was done",
        count(refused.len(), "paper")
    );
    for one in &refused {
        let say = |key: &str| one[key].as_str().unwrap_or_default().to_owned();
        let line = format!(
            "{}: {} ({}); {}",
            say("file"),
            say("detail"),
            say("code"),
            say("hint")
        );
        detail.push_str(&format!("\n{}", item(&line).trim_end()));
    }
    Err(CliError::Refused {
        code: "papers_refused".to_owned(),
        detail: detail.clone(),
        problem: Some(json!({ "code": "papers_refused", "detail": detail, "papers": refused })),
        hint: Some("mend or move what is named, and begin again".to_owned()),
    })
}

fn versions(read: &[(PathBuf, Paper)]) -> Vec<SuccessionFile> {
    let mut versions = Vec::new();
    for (_, paper) in read {
        if let Paper::Version { file, .. } = paper {
            versions.push(file.clone());
        }
    }
    versions
}

fn journals(read: &[(PathBuf, Paper)]) -> Vec<&Export> {
    let mut journals = Vec::new();
    for (_, paper) in read {
        if let Paper::Journal(export) = paper {
            journals.push(export.as_ref());
        }
    }
    journals
}

/// All files of a folder and those below it, in the order of their names.
fn files_below(folder: &Path) -> Result<Vec<PathBuf>, CliError> {
    let mut open = vec![folder.to_owned()];
    let mut files = Vec::new();
    while let Some(path) = open.pop() {
        let failed = |source| CliError::File {
            path: path.clone(),
            source,
        };
        for entry in std::fs::read_dir(&path).map_err(failed)? {
            let entry = entry.map_err(failed)?.path();
            if entry.is_dir() {
                open.push(entry);
            } else {
                files.push(entry);
            }
        }
    }
    files.sort();
    Ok(files)
}

fn contents(file: &Path) -> Result<Vec<u8>, CliError> {
    let length = std::fs::metadata(file).map(|about| about.len());
    if length.is_ok_and(|length| length > MAX_PAPER) {
        let message = format!("{} has more than {MAX_PAPER} bytes", file.display());
        return Err(CliError::Usage { message });
    }
    api::read(file)
}

/// Refuses to go on without a journal that nobody said is lost; the vaults of which the lost ones are enough
/// for a payment.
pub(super) fn judge_journals(
    verb: &Rebuild,
    vaults: &[Gathered],
) -> Result<Vec<policies::VaultId>, CliError> {
    let mut missing = Vec::new();
    let mut held = Vec::new();
    for vault in vaults {
        let without = vault.without_journal();
        let unsaid = without.iter().filter(|name| !verb.without.contains(name));
        missing.extend(unsaid.map(|name| format!("{} of {}", name, vault.policy().name)));
        if vault.unseen_quorum().is_some() {
            held.push(vault.policy().vault);
        }
    }
    let known = |name: &String| {
        let mut vaults = vaults.iter();
        vaults.any(|vault| {
            vault
                .line()
                .versions()
                .any(|version| version.signer(name).is_some())
        })
    };
    if let Some(stranger) = verb.without.iter().find(|name| !known(name)) {
        let message = format!("--without {stranger}: no policy has such a signer");
        return Err(CliError::Usage { message });
    }
    if missing.is_empty() {
        return Ok(held);
    }
    Err(CliError::Refused {
        code: "journals_missing".to_owned(),
        detail: format!("the journals of these signers are missing: {}", missing.join(", ")),
        problem: None,
        hint: Some(
            "put what `countersign-signer journal export` writes into the folder; name a signer whose journal is lost with --without"
                .to_owned(),
        ),
    })
}
