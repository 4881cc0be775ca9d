//! `sign --answer`: what a foreign device signed comes back, and leaves as this signer's own.
//!
//! Answers are matched by the transaction that they sign, never by their names: devices put endings to those
//! (`-part`, `-signed`, `-final.txn`), and cards hold other things too.

use super::{MOST_READ, Sign, base64, signed_json};
use crate::command::Context;
use crate::countersign::{Answered, CountersignError, Countersigner};
use crate::failure::{Class, Explained, Failure, Reason, reason};
use crate::home::{Home, HomeError};
use crate::outputs;
use crate::pin::Pinned;
use crate::terminal::{read_bounded, read_input};
use bitcoin::Txid;
use policies::carrier::Stage;
use policies::psbt::{Encoding, Intake, PsbtRefusal, read_intake, read_strict};
use policies::words::count;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The most files of a folder that are looked at.
const MAX_FILES: usize = 10_000;
/// The most answers to one transfer that are looked at: more than a device writes for all signers of a policy.
pub(in crate::command) const MAX_ANSWERS: usize = 64;
/// The most files passed over that are named to a person.
const MOST_TOLD: usize = 10;

/// Answers that are for transfers of this home, and what is for none.
#[derive(Default)]
struct Sorted {
    /// By transaction: the transfer as it was handed over, and the answers to it.
    answers: BTreeMap<Txid, (Vec<u8>, Vec<Intake>)>,
    passed: Vec<(PathBuf, Reason)>,
}

impl Sign {
    pub(super) fn take_answers(&self, context: &mut Context, home: &Home) -> Result<(), Failure> {
        home.device_key()?.ok_or(CountersignError::KeyHere)?;
        let given = self.given()?;
        if let Some(output) = self.output.as_ref().filter(|out| !out.is_dir()) {
            outputs::expect_writable(Some(home), output)?;
        }
        let sorted = self.sorted(home, given.as_ref())?;
        tell_passed(context, &sorted.passed);
        if sorted.answers.is_empty() {
            let reasons = sorted.passed.into_iter().take(MOST_TOLD);
            let reasons: Vec<Reason> = reasons.map(|(_, reason)| reason).collect();
            if reasons.is_empty() {
                return Err(Failure::because(
                    Class::Usage,
                    "NO_ANSWER",
                    "no file is where answers were looked for",
                )
                .hinted("name the file that the device wrote, or the folder of its card"));
            }
            return Err(Failure::of(Class::Refused, reasons));
        }
        if sorted.answers.len() > 1 && self.output.as_ref().is_some_and(|out| !out.is_dir()) {
            let message = format!(
                "{} were answered, and --output is one file",
                count(sorted.answers.len(), "transfer")
            );
            return Err(Failure::because(Class::Usage, "SEVERAL_ANSWERED", message)
                .hinted("give a folder as --output, or name the files of one transfer"));
        }
        let passphrase = context.passphrase()?;
        let mut signer = Countersigner::open(home, &passphrase)?;
        let now = context.now()?;
        let mut lines = Vec::new();
        let mut values = Vec::new();
        let mut refused = Vec::new();
        for (txid, (transfer, answers)) in &sorted.answers {
            let answered = match signer.examine(transfer, now) {
                Ok(examined) => {
                    if let Some(dated) = context.dated(examined.review(), signer.policy())? {
                        context
                            .terminal
                            .talk(&format!("{txid}\n{}", dated.text(now)));
                        context.confirm_far(&dated)?;
                    }
                    signer.answer(&examined, answers, now)
                }
                Err(error) => Err(error),
            };
            match answered {
                Ok(answered) => {
                    context.terminal.talk(&answered.text(txid));
                    let output = self.write(home, txid, transfer, &answered)?;
                    lines.push(line(&answered, output.as_deref()));
                    values.push(value(&answered, output.as_deref()));
                }
                Err(error) => refused.push((*txid, error)),
            }
        }
        if values.is_empty() {
            let class = refused
                .first()
                .map_or(Class::Refused, |(_, one)| one.class());
            let reasons = refused.iter().flat_map(|(_, error)| error.reasons());
            return Err(Failure::of(class, reasons.collect()));
        }
        for (txid, error) in &refused {
            context
                .terminal
                .talk(&format!("{txid} is not answered for: {error}"));
        }
        let passed: Vec<Value> = sorted
            .passed
            .iter()
            .map(|(file, reason)| json!({ "file": file, "reason": reason }))
            .collect();
        let refused: Vec<Value> = refused
            .iter()
            .map(|(txid, error)| json!({ "txid": txid, "reasons": error.reasons() }))
            .collect();
        let value = json!({ "answered": values, "refused": refused, "passed_over": passed });
        context.terminal.answer(&lines.join("\n"), &value)
    }

    /// The transfer given again, by its transaction.
    fn given(&self) -> Result<Option<(Txid, Vec<u8>)>, Failure> {
        let Some(file) = &self.file else {
            return Ok(None);
        };
        let bytes = super::read_transfer(file)?;
        let txid = read_strict(&bytes).map_err(CountersignError::Psbt)?.txid();
        Ok(Some((txid, bytes)))
    }

    /// Reads all answers, and finds the transfer of each.
    fn sorted(&self, home: &Home, given: Option<&(Txid, Vec<u8>)>) -> Result<Sorted, Failure> {
        let mut sorted = Sorted::default();
        for (file, found) in files(&self.answer)? {
            match read_answer(&file, found)? {
                Ok(intake) => sorted.add(home, given, file, intake)?,
                Err(reason) => sorted.passed.push((file, reason)),
            }
        }
        Ok(sorted)
    }

    /// Writes what leaves, as the transfer was written; nowhere without --output.
    pub(super) fn write(
        &self,
        home: &Home,
        txid: &Txid,
        transfer: &[u8],
        answered: &Answered,
    ) -> Result<Option<PathBuf>, Failure> {
        let Some(output) = &self.output else {
            return Ok(None);
        };
        let bytes = Encoding::sniff(transfer).encode(&answered.signed.to_bytes());
        let output = if output.is_dir() {
            let pinned = Pinned::load(home)?;
            let signer = pinned.signer().unwrap_or_default();
            super::place_in(output, txid, Stage::Signed, signer, &bytes)
        } else {
            output.clone()
        };
        outputs::write(Some(home), &output, &bytes)?;
        Ok(Some(output))
    }
}

impl Sorted {
    fn add(
        &mut self,
        home: &Home,
        given: Option<&(Txid, Vec<u8>)>,
        file: PathBuf,
        mut intake: Intake,
    ) -> Result<(), Failure> {
        let txid = intake.txid;
        // Those of other signers, which no device answers with.
        intake.receipts.clear();
        if let Some((_, answers)) = self.answers.get_mut(&txid) {
            if answers.len() < MAX_ANSWERS {
                answers.push(intake);
            } else {
                self.passed.push((file, too_many()));
            }
            return Ok(());
        }
        let transfer = match given {
            Some((of, bytes)) if *of == txid => Some(bytes.clone()),
            Some(_) | None => handed(home, txid)?,
        };
        if let Some(transfer) = transfer {
            self.answers.insert(txid, (transfer, vec![intake]));
        } else {
            let error = CountersignError::NotHandedOver { txid };
            self.passed.push((file, reason(&error)));
        }
        Ok(())
    }
}

/// What was handed over of a transaction, if this home kept it.
fn handed(home: &Home, txid: Txid) -> Result<Option<Vec<u8>>, Failure> {
    let path = home.handed_file(txid);
    match std::fs::read(&path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(cause) if cause.kind() == ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(HomeError::Unreadable { path, cause }.into()),
    }
}

/// The files named, and those of folders in the order of their names; whether each was found in a folder.
pub(in crate::command) fn files(named: &[PathBuf]) -> Result<Vec<(PathBuf, bool)>, Failure> {
    let mut files = Vec::new();
    for path in named {
        if !path.is_dir() {
            files.push((path.clone(), false));
            continue;
        }
        let unreadable = |cause| HomeError::Unreadable {
            path: path.clone(),
            cause,
        };
        let mut inside = BTreeSet::new();
        for entry in std::fs::read_dir(path).map_err(unreadable)?.take(MAX_FILES) {
            let file = entry.map_err(unreadable)?.path();
            if file.is_file() {
                inside.insert(file);
            }
        }
        files.extend(inside.into_iter().map(|file| (file, true)));
    }
    Ok(files)
}

/// Reads one answer; what is none is a reason, and a file of a folder spoils nothing.
pub(in crate::command) fn read_answer(
    file: &Path,
    found: bool,
) -> Result<Result<Intake, Reason>, Failure> {
    let bytes = if found {
        match read_bounded(file, MOST_READ) {
            Ok(bytes) => bytes,
            Err(failure) => {
                let first = failure.reasons().first().cloned();
                return Ok(Err(first.unwrap_or_else(|| no_answer(file))));
            }
        }
    } else {
        read_input(file, MOST_READ)?
    };
    Ok(match read_intake(&bytes) {
        Ok(intake) => Ok(intake),
        Err(PsbtRefusal::NotAPsbt | PsbtRefusal::Encoding(_)) => Err(no_answer(file)),
        Err(refusal) => Err(reason(&CountersignError::Psbt(refusal))),
    })
}

fn no_answer(file: &Path) -> Reason {
    Reason {
        code: PsbtRefusal::NotAPsbt.code(),
        message: format!("{} is neither a PSBT nor a transaction", file.display()),
        hint: "name what the device wrote after signing".to_owned(),
        facts: crate::failure::Facts::new(),
    }
}

pub(in crate::command) fn too_many() -> Reason {
    Reason {
        code: "TOO_MANY_ANSWERS",
        message: format!("more than {MAX_ANSWERS} answers to one transaction"),
        hint: "name the file that the device wrote".to_owned(),
        facts: crate::failure::Facts::new(),
    }
}

fn tell_passed(context: &mut Context, passed: &[(PathBuf, Reason)]) {
    for (file, reason) in passed.iter().take(MOST_TOLD) {
        let line = format!("passed over {}: {}", file.display(), reason.message);
        context.terminal.talk(&line);
    }
    if let Some(more) = passed.len().checked_sub(MOST_TOLD).filter(|more| *more > 0) {
        let line = format!("passed over {} more", count(more, "file"));
        context.terminal.talk(&line);
    }
}

pub(super) fn line(answered: &Answered, output: Option<&Path>) -> String {
    let Some(output) = output else {
        return base64(&answered.signed);
    };
    let signed = answered.inputs.saturating_sub(answered.missing.len());
    format!(
        "Signed: signatures for {} in {}",
        count(signed, "input"),
        output.display()
    )
}

pub(super) fn value(answered: &Answered, output: Option<&Path>) -> Value {
    let refused: Vec<Value> = answered
        .refused
        .iter()
        .map(|bad| {
            json!({
                "input": bad.input,
                "code": bad.reason.code(),
                "message": bad.to_string(),
            })
        })
        .collect();
    let mut value = signed_json(&answered.signed);
    value["inputs"] = json!(answered.inputs);
    value["missing"] = json!(answered.missing);
    value["refused"] = json!(refused);
    value["others"] = json!(answered.others);
    value["output"] = json!(output);
    value
}
