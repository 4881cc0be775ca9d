//! Files that people bring: each is known by its bytes, goes to its own attempt, and hurts no other.
//!
//! Invariant: a file's name decides nothing. Whatever the bytes are, the answer says what they were and what was
//! taken; nothing counts but signatures that verify for a transaction that was issued here.

use bitcoin::Txid;
use policies::VaultId;
use policies::journal::Void;
use policies::psbt::{Encoding, PsbtRefusal, read_intake, to_binary};

use super::attempts::{SubmittedSignatures, existing, submit_signatures};
use super::voids::submit_void;
use super::{Actor, ErrorClass, Right, Service, ServiceError};

/// The most files that are taken at once.
pub const MAX_FILES: usize = 100;

/// A file as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BroughtFile {
    /// Its name, which is only shown again.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenFile {
    /// Its name, as it came.
    pub name: String,
    /// What it was, by its bytes.
    pub was: &'static str,
    /// The attempt that it belongs to.
    pub attempt: Option<MatchedAttempt>,
    /// What became of it.
    pub outcome: Outcome,
}

/// The attempt of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MatchedAttempt {
    /// Its transaction's id.
    pub txid: Txid,
    /// Its vault.
    pub vault: VaultId,
    /// Whether it is another one than the page was about.
    pub is_other: bool,
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Signatures were looked at, one by one.
    Signatures {
        /// New ones that count: the signers, and for how many inputs each.
        accepted: Vec<(String, usize)>,
        /// Ones that do not: the input, the signer it names, and why.
        refused: Vec<(u32, Option<String>, String)>,
        /// Receipts of journals that came with them.
        receipts: u32,
        /// Whether every input has a quorum now.
        complete: bool,
    },
    /// A journal's word that it never signed, and never will, was taken.
    Void {
        /// The signers who voided the attempt by now.
        voided_by: Vec<String>,
        /// Whether it is dropped by that.
        complete: bool,
    },
    /// Nothing was taken.
    Refused {
        /// The stable code.
        code: String,
        /// Why, in words.
        says: String,
        /// What to do.
        hint: String,
    },
}

/// Takes files, each alone, in the order in which they were signed, since a journal's receipts are taken in that order
/// only. `expected` is the attempt that a page was about; a file for another one goes
/// there, which the answer tells.
///
/// # Errors
/// `ServiceError::Forbidden`. What is wrong with a file is told with it.
pub async fn take_files(
    service: &Service,
    actor: &Actor,
    expected: Option<Txid>,
    files: Vec<BroughtFile>,
) -> Result<Vec<TakenFile>, ServiceError> {
    actor.require_somewhere(Right::Sign)?;
    let mut files: Vec<(usize, BroughtFile)> = files.into_iter().enumerate().collect();
    let signed_at = |file: &BroughtFile| {
        let read = read_intake(&file.bytes).ok();
        read.and_then(|read| read.last_entry())
    };
    files.sort_by_cached_key(|(number, file)| (*number >= MAX_FILES, signed_at(file)));
    let mut taken = Vec::new();
    for (number, file) in files {
        let told = if number < MAX_FILES {
            take(service, actor, expected, file).await
        } else {
            let says = format!("only {MAX_FILES} files are taken at once");
            refused(
                file.name,
                "not looked at",
                "too_many_files",
                &says,
                "bring the rest again",
            )
        };
        taken.push((number, told));
    }
    // Told in the order in which they were brought.
    taken.sort_by_key(|(number, _)| *number);
    Ok(taken.into_iter().map(|(_, told)| told).collect())
}

async fn take(
    service: &Service,
    actor: &Actor,
    expected: Option<Txid>,
    file: BroughtFile,
) -> TakenFile {
    let BroughtFile { name, bytes } = file;
    if bytes.trim_ascii().is_empty() {
        let hint = "choose the file that the signing device wrote";
        return refused(
            name,
            "an empty file",
            "empty_file",
            "there is nothing in it",
            hint,
        );
    }
    let was = kind_of(&bytes);
    let (txid, is_void) = match (read_intake(&bytes), Void::decode(bytes.trim_ascii())) {
        (Ok(intake), _) => (intake.txid, false),
        (Err(_), Ok(void)) => (void.txid, true),
        (Err(refusal), Err(_)) => return unreadable(name, was, &refusal),
    };
    let was = if is_void { "a signer's void" } else { was };
    let attempt = match matched(service, actor, expected, txid).await {
        Ok(attempt) => attempt,
        Err(error) => return of_error(name, was, None, &error),
    };
    let outcome = if is_void {
        submit_void(service, actor, txid, &bytes)
            .await
            .map(|voids| Outcome::Void {
                voided_by: voids.voided_by,
                complete: voids.complete,
            })
    } else {
        let submitted = submit_signatures(service, actor, txid, &bytes).await;
        submitted.map(|submitted| signatures(&submitted))
    };
    match outcome {
        Ok(outcome) => TakenFile {
            name,
            was,
            attempt: Some(attempt),
            outcome,
        },
        Err(error) => of_error(name, was, Some(attempt), &error),
    }
}

/// What the bytes look like.
fn kind_of(bytes: &[u8]) -> &'static str {
    let is_psbt = to_binary(bytes).is_ok_and(|binary| binary.starts_with(b"psbt\xff"));
    match (Encoding::sniff(bytes), is_psbt) {
        (Encoding::Binary, true) => "a PSBT",
        (Encoding::Base64, true) => "a PSBT in base64",
        (Encoding::Hex, true) => "a PSBT in hex",
        (Encoding::Binary, false) if bytes.is_ascii() => "a text",
        (Encoding::Binary, false) => "bytes",
        (Encoding::Base64, false) => "a text",
        (Encoding::Hex, false) => "hex",
    }
}

async fn matched(
    service: &Service,
    actor: &Actor,
    expected: Option<Txid>,
    txid: Txid,
) -> Result<MatchedAttempt, ServiceError> {
    let mut tx = service.database().begin_read().await?;
    let row = existing(&mut tx, actor, txid).await?;
    Ok(MatchedAttempt {
        txid,
        vault: row.vault,
        is_other: expected.is_some_and(|expected| expected != txid),
    })
}

fn signatures(submitted: &SubmittedSignatures) -> Outcome {
    let mut accepted: Vec<(String, usize)> = Vec::new();
    for signature in &submitted.accepted {
        match accepted
            .iter_mut()
            .find(|(signer, _)| *signer == signature.signer)
        {
            Some((_, inputs)) => *inputs = inputs.saturating_add(1),
            None => accepted.push((signature.signer.clone(), 1)),
        }
    }
    let refused = submitted.refused.iter();
    Outcome::Signatures {
        accepted,
        refused: refused
            .map(|bad| (bad.input, bad.signer.clone(), bad.reason.clone()))
            .collect(),
        receipts: submitted.receipts,
        complete: submitted.attempt.complete,
    }
}

fn unreadable(name: String, was: &'static str, refusal: &PsbtRefusal) -> TakenFile {
    let hint =
        "bring the PSBT that the signing device wrote, or the transaction; binary, base64 or hex";
    refused(name, was, refusal.code(), &refusal.to_string(), hint)
}

fn of_error(
    name: String,
    was: &'static str,
    attempt: Option<MatchedAttempt>,
    error: &ServiceError,
) -> TakenFile {
    let answer = if error.class() == ErrorClass::Internal {
        tracing::error!(code = error.code(), %error, "a file was not taken");
        let says = "the coordinator has a fault; its log says more";
        refused(name, was, error.code(), says, "bring it again later")
    } else {
        refused(name, was, error.code(), &error.to_string(), error.hint())
    };
    TakenFile { attempt, ..answer }
}

fn refused(name: String, was: &'static str, code: &str, says: &str, hint: &str) -> TakenFile {
    TakenFile {
        name,
        was,
        attempt: None,
        outcome: Outcome::Refused {
            code: code.to_owned(),
            says: says.to_owned(),
            hint: hint.to_owned(),
        },
    }
}
