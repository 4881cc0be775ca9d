//! `policy diff`, `policy standing`, `policy reach` and `policy replace-signer`: from one version to the next, offline.

use std::path::{Path, PathBuf};

use clap::Args;
use policies::analysis::{Gone, UnknownSigner, reach, standing};
use policies::document::Head;
use policies::succession::{ReplacementMistake, draft_replacements};
use policies::{Policy as Document, UnixTime, report};
use serde_json::json;

use super::super::output::Output;
use super::super::{CliError, api};
use super::parse;

/// Show every difference between two versions in plain words.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  countersign-coordinator policy diff policy.toml next.toml")]
pub(in super::super) struct Diff {
    /// The version before.
    old: PathBuf,
    /// The version after.
    new: PathBuf,
}

/// Show who can still spend once some signers are gone, and what to do first.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  countersign-coordinator policy standing policy.toml --stolen bob --away alice"
)]
pub(in super::super) struct Standing {
    /// The document.
    file: PathBuf,
    /// Signers whose keys nobody has any more.
    #[arg(long, value_name = "NAME", num_args = 1..)]
    lost: Vec<String>,
    /// Signers whose keys a thief has.
    #[arg(long, value_name = "NAME", num_args = 1..)]
    stolen: Vec<String>,
    /// Signers who cannot sign now and come back.
    #[arg(long, value_name = "NAME", num_args = 1..)]
    away: Vec<String>,
    /// Signers who can sign now and soon no more.
    #[arg(long, value_name = "NAME", num_args = 1..)]
    leaving: Vec<String>,
}

/// Write the next version with signers' keys, devices and journals replaced.
///
/// Comments and order of the document stay. Nothing is pinned or approved by it.
#[derive(Debug, Args)]
#[command(
    override_usage = "countersign-coordinator policy replace-signer [OPTIONS] --record <FILE>\n       <FILE> <NAME>",
    after_help = "Example:\n  countersign-coordinator policy replace-signer p.toml bob --record bob.toml"
)]
pub(in super::super) struct ReplaceSigner {
    /// The version before.
    file: PathBuf,
    /// The signer, by the name in the document.
    name: String,
    /// What countersign-signer keygen printed, or keygen or xpub with --json.
    #[arg(long, value_name = "FILE")]
    record: PathBuf,
    /// Another signer and its record, for the same version; may be repeated.
    #[arg(long = "and", value_name = "NAME=FILE", value_parser = named_record)]
    others: Vec<(String, PathBuf)>,
    /// The height of a recent block [default: the document's].
    #[arg(long, requires = "time")]
    height: Option<u32>,
    /// The time of that block, such as 2026-11-23T00:00:00Z.
    #[arg(long, requires = "height")]
    time: Option<UnixTime>,
    /// The last moment of signing [default: the document's].
    #[arg(long, value_name = "TIME")]
    valid_until: Option<UnixTime>,
}

/// Show whether what a next version ends is announced or in force yet.
///
/// Name the signers who acknowledged the next version with their journal keys.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  countersign-coordinator policy reach policy.toml --by alice --by bob"
)]
pub(in super::super) struct Reach {
    /// The version before, whose people, rules or keys end.
    file: PathBuf,
    /// A signer of it who acknowledged the next one; may be repeated.
    #[arg(long = "by", value_name = "NAME")]
    acknowledged: Vec<String>,
}

impl Reach {
    pub(super) fn run(&self, out: &Output) -> Result<(), CliError> {
        let document = parse(&self.file)?;
        let unknown = |name: &&String| document.signer(name).is_none();
        if let Some(name) = self.acknowledged.iter().find(unknown) {
            let name = name.clone();
            return Err(refused_replacement(&ReplacementMistake::UnknownSigner {
                name,
            }));
        }
        let acknowledged = self.acknowledged.iter().cloned().collect();
        let found = reach(&document, &acknowledged);
        out.told(&report::reach_json(&found), || report::reach(&found))
    }
}

impl Diff {
    pub(super) fn run(&self, out: &Output) -> Result<(), CliError> {
        let (old, new) = (parse(&self.old)?, parse(&self.new)?);
        out.told(&report::difference_json(&old, &new), || {
            report::difference(&old, &new)
        })
    }
}

impl Standing {
    pub(super) fn run(&self, out: &Output) -> Result<(), CliError> {
        let document = parse(&self.file)?;
        let ways = [
            (&self.lost, Gone::Lost),
            (&self.stolen, Gone::Stolen),
            (&self.away, Gone::Away),
            (&self.leaving, Gone::Leaving),
        ];
        let gone: Vec<(String, Gone)> = ways
            .into_iter()
            .flat_map(|(names, way)| names.iter().map(move |name| (name.clone(), way)))
            .collect();
        let found = standing(&document, &gone).map_err(|UnknownSigner { name }| {
            refused_replacement(&ReplacementMistake::UnknownSigner { name })
        })?;
        out.told(&report::standing_json(&found), || report::standing(&found))
    }
}

impl ReplaceSigner {
    pub(super) fn run(&self, out: &Output) -> Result<(), CliError> {
        let document = parse(&self.file)?;
        let mut records = vec![(self.name.clone(), text(&self.record)?)];
        for (name, record) in &self.others {
            records.push((name.clone(), text(record)?));
        }
        let head = match (self.height, self.time) {
            (Some(height), Some(time)) => Head { height, time },
            (_, None) | (None, _) => document.head,
        };
        let until = self.valid_until.unwrap_or(document.valid_until);
        let draft = draft_replacements(&document, &records, head, until)
            .map_err(|mistake| refused_replacement(&mistake))?;
        if !out.json() {
            return out.bytes(draft.as_bytes());
        }
        let next = Document::parse(draft.as_bytes())
            .map_err(|mistakes| refused_replacement(&ReplacementMistake::Draft { mistakes }))?;
        out.record(&json!({ "id": next.id, "words": next.words(), "document": draft }))
    }
}

fn named_record(text: &str) -> Result<(String, PathBuf), &'static str> {
    let (name, file) = text.split_once('=').ok_or("not NAME=FILE")?;
    Ok((name.to_owned(), PathBuf::from(file)))
}

fn text(file: &Path) -> Result<String, CliError> {
    String::from_utf8(api::read(file)?)
        .map_err(|_| refused_replacement(&ReplacementMistake::NotARecord))
}

fn refused_replacement(mistake: &ReplacementMistake) -> CliError {
    CliError::Refused {
        code: mistake.code().to_owned(),
        detail: mistake.to_string(),
        problem: None,
        hint: Some(mistake.hint()),
    }
}
