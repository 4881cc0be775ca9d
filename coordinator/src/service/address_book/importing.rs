//! Many entries at once: a CSV file becomes drafts, and signed files come back.
//!
//! Invariant: nothing is lost on an error. Good lines become drafts whatever is wrong with others, and every line that
//! is wrong comes back as it was typed, with all that is wrong with it.

use std::collections::BTreeMap;

use csv::{ByteRecord, ReaderBuilder, Trim};
use policies::VaultId;
use serde::Deserialize;
use serde_json::json;

use super::drafting::{Drafting, EntryDraft, EntryFault, EntryWarning, NewEntry, WrongEntry};
use super::labels::{ends, outline};
use crate::service::lists::{
    ApproveStatement, StatementView, SubmitStatement, approve_statement, submit_statement,
};
use crate::service::{Actor, Right, Service, ServiceError};

/// The most bytes of a file.
pub const MAX_BYTES: usize = 1 << 20;
/// The most lines of a file, and the most statements.
pub const MAX_LINES: usize = 1_000;
/// The columns of a file, in their order where it does not name them.
const COLUMNS: [&str; 3] = ["address", "label", "expires"];

/// What became of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Import {
    /// The lines that can be signed.
    pub good: Vec<EntryDraft>,
    /// The lines that cannot.
    pub wrong: Vec<WrongEntry>,
}

impl Import {
    /// The good ones as one file, unsigned, as `countersign-signer list approve` reads it.
    pub fn to_sign(&self) -> String {
        let all = self.good.iter();
        let all = all.map(|draft| json!({ "statement": draft.statement, "approvals": [] }));
        let all: Vec<serde_json::Value> = all.collect();
        format!("{:#}\n", serde_json::Value::from(all))
    }

    /// The wrong ones as they were typed, as CSV: to be mended and read in again.
    pub fn to_mend(&self) -> String {
        let wrong = self.wrong.iter().map(|one| &one.typed);
        csv_of(wrong.map(|typed| [&*typed.address, &typed.label, &typed.expires]))
    }

    /// The good ones as CSV: to be read in again.
    pub fn to_repeat(&self) -> String {
        let ends: Vec<String> = (self.good.iter())
            .map(|draft| draft.add.expires.to_string())
            .collect();
        let good = self.good.iter().zip(&ends);
        csv_of(good.map(|(draft, end)| [&*draft.address, &draft.add.label, end]))
    }
}

fn csv_of<'a>(rows: impl Iterator<Item = [&'a str; 3]>) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for cells in std::iter::once(COLUMNS).chain(rows) {
        let written = writer.write_record(cells);
        written.expect("a vector takes whatever is written");
    }
    let bytes = writer.into_inner();
    let bytes = bytes.expect("a vector is always flushed");
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Reads a CSV file with the columns address, label and, if wanted, expires, in any order under a first line that
/// names them, else in this one; separated by commas, semicolons or tabs.
///
/// # Errors
/// [`ServiceError::Malformed`] for a file that is too large; as `draft_entry` about the list.
pub async fn import(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    list: &str,
    bytes: &[u8],
) -> Result<Import, ServiceError> {
    actor.require(Right::Approve, vault)?;
    let lines = lines_of(bytes)?;
    let mut tx = service.database().begin_read().await?;
    let (row, policy) = service.vault(&mut tx, vault).await?;
    let drafting = Drafting::begin(&mut tx, &row, &policy, list, service.now()).await?;
    let mut import = Import::default();
    let mut first = BTreeMap::new();
    for (line, read) in lines {
        let typed = match read {
            Ok(typed) => typed,
            Err(wrong) => {
                import.wrong.push(wrong);
                continue;
            }
        };
        let draft = match drafting.draft(&mut tx, line, typed.clone()).await? {
            Ok(draft) => draft,
            Err(wrong) => {
                import.wrong.push(wrong);
                continue;
            }
        };
        if let Some(earlier) = first.get(&draft.add.script_pubkey) {
            import.wrong.push(WrongEntry {
                line,
                typed,
                faults: vec![EntryFault::Twice { line: *earlier }],
            });
        } else {
            first.insert(draft.add.script_pubkey.clone(), line);
            import.good.push(draft);
        }
    }
    warn_of_each_other(&mut import.good);
    Ok(import)
}

/// Addresses and labels of one file may look like one another too.
fn warn_of_each_other(drafts: &mut [EntryDraft]) {
    let mut by_ends: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut by_label: BTreeMap<String, usize> = BTreeMap::new();
    for number in 0..drafts.len() {
        let (address, label) = (
            drafts[number].address.clone(),
            drafts[number].add.label.clone(),
        );
        if let Some(ends) = ends(&address)
            && let Some(other) = by_ends.insert(ends, number)
        {
            let other = &drafts[other];
            let warning = EntryWarning::LooksLike {
                address: other.address.clone(),
                label: other.add.label.clone(),
                from: format!("line {}", other.line),
            };
            drafts[number].warnings.insert(0, warning);
        }
        let outline = outline(&label);
        if !outline.is_empty()
            && let Some(other) = by_label.insert(outline, number)
        {
            let other = &drafts[other];
            let warning = EntryWarning::LabelLooksLike {
                label: other.add.label.clone(),
                address: other.address.clone(),
                from: format!("line {}", other.line),
            };
            drafts[number].warnings.push(warning);
        }
    }
}

type Line = (u64, Result<NewEntry, WrongEntry>);

fn lines_of(bytes: &[u8]) -> Result<Vec<Line>, ServiceError> {
    let too_large = ServiceError::Malformed {
        field: "file",
        expected: "at most 1,000 lines and one megabyte: split it",
    };
    if bytes.len() > MAX_BYTES {
        return Err(too_large);
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let head = bytes
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    let separator = [b',', b';', b'\t']
        .into_iter()
        .find(|one| head.contains(one));
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(separator.unwrap_or(b','))
        .trim(Trim::All)
        .from_reader(bytes);
    let (mut lines, mut named) = (Vec::new(), None);
    let (mut line, mut counted) = (1_u64, 0_usize);
    for (number, record) in reader.byte_records().enumerate() {
        // Bytes in memory are always read, and every number of columns is taken.
        let record = record.map_err(|_| ServiceError::Malformed {
            field: "file",
            expected: "a CSV file",
        })?;
        let begin = record.position().map_or(0, csv::Position::byte);
        let begin = usize::try_from(begin).unwrap_or(usize::MAX);
        line = line.saturating_add(breaks_until(bytes, &mut counted, begin));
        if number == 0 {
            named = columns_of(&record);
            if named.is_some() {
                continue;
            }
        }
        if lines.len() == MAX_LINES {
            return Err(too_large);
        }
        lines.push((line, read(line, &record, named)));
    }
    Ok(lines)
}

/// The ends of lines between what was counted before and where a record begins: behind the ends of lines that the
/// reader's place stands before.
fn breaks_until(bytes: &[u8], counted: &mut usize, begin: usize) -> u64 {
    let rest = bytes.get(begin..).unwrap_or_default();
    let skipped = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
    let begin = begin.saturating_add(skipped.count());
    let between = bytes.get(*counted..begin).unwrap_or_default();
    *counted = begin;
    let pieces = between.split(|byte| *byte == b'\n').count();
    u64::try_from(pieces.saturating_sub(1)).unwrap_or(u64::MAX)
}

/// Where the columns stand, if the record names them.
fn columns_of(record: &ByteRecord) -> Option<[usize; 3]> {
    let place = |name: &str| {
        let mut cells = record.iter();
        cells.position(|cell| cell.eq_ignore_ascii_case(name.as_bytes()))
    };
    let [address, label, expires] = COLUMNS.map(place);
    Some([address?, label?, expires.unwrap_or(usize::MAX)])
}

fn read(line: u64, record: &ByteRecord, named: Option<[usize; 3]>) -> Result<NewEntry, WrongEntry> {
    let places = named.unwrap_or([0, 1, 2]);
    let [address, label, expires] = places.map(|place| {
        let cell = record.get(place).unwrap_or_default();
        String::from_utf8_lossy(cell).into_owned()
    });
    let typed = NewEntry {
        address,
        label,
        expires,
    };
    let found = record.len();
    let mut faults = Vec::new();
    if found < 2 || (named.is_none() && found > COLUMNS.len()) {
        faults.push(EntryFault::Columns { found });
    }
    if record.iter().any(|cell| std::str::from_utf8(cell).is_err()) {
        faults.push(EntryFault::NotText);
    }
    if faults.is_empty() {
        Ok(typed)
    } else {
        Err(WrongEntry {
            line,
            typed,
            faults,
        })
    }
}

/// One statement of a file, and what became of it.
#[derive(Debug)]
pub struct HandedIn {
    /// Which one it was in the file, from 1.
    pub number: usize,
    /// How it stands now, or why it was not taken. Signatures before the wrong one are kept.
    pub outcome: Result<StatementView, ServiceError>,
}

#[derive(Debug, Deserialize)]
struct SignedStatement {
    statement: String,
    #[serde(default)]
    approvals: Vec<ApproveStatement>,
}

/// Takes in a file that `countersign-signer` wrote: one statement or a list of them, each with its signatures. What is
/// wrong with one does not keep the others back.
///
/// # Errors
/// [`ServiceError::Malformed`] for a file that is none, or too large.
pub async fn hand_in(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    bytes: &[u8],
) -> Result<Vec<HandedIn>, ServiceError> {
    actor.require(Right::Approve, vault)?;
    let malformed = |expected| ServiceError::Malformed {
        field: "file",
        expected,
    };
    if bytes.len() > MAX_BYTES {
        return Err(malformed("at most one megabyte: hand in fewer statements"));
    }
    let not_a_file = |_| malformed("a file that `countersign-signer list` or `stop` wrote");
    let all: Vec<SignedStatement> = if bytes.trim_ascii_start().first() == Some(&b'[') {
        serde_json::from_slice(bytes).map_err(not_a_file)?
    } else {
        vec![serde_json::from_slice(bytes).map_err(not_a_file)?]
    };
    if all.len() > MAX_LINES {
        return Err(malformed("at most 1,000 statements: split it"));
    }
    let mut handed_in = Vec::new();
    for (number, one) in (1_usize..).zip(all) {
        let outcome = hand_in_one(service, actor, vault, &one).await;
        handed_in.push(HandedIn { number, outcome });
    }
    Ok(handed_in)
}

async fn hand_in_one(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    one: &SignedStatement,
) -> Result<StatementView, ServiceError> {
    let statement = SubmitStatement {
        statement: one.statement.clone(),
    };
    let (mut view, _) = submit_statement(service, actor, vault, &statement).await?;
    for approval in &one.approvals {
        view = approve_statement(service, actor, vault, view.subject, approval).await?;
    }
    Ok(view)
}
