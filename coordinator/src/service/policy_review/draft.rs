//! A document that somebody gives to be looked at: every mistake at its line, or what it would change.
//!
//! Nothing is stored by looking at it.

use policies::devices::refusals;
use policies::document::{Mistake, Policy, id_of, words_of};
use policies::succession::{SuccessionFile, draft_next};
use policies::{PolicyId, VaultId};

use super::comparing::{Comparison, comparison};
use crate::service::{Actor, Right, Service, ServiceError, VersionError};

/// What a document comes to.
#[derive(Debug, Clone)]
pub enum Draft {
    /// It is no policy.
    Wrong {
        /// Its mistakes, in the order of the lines; those of the whole file first.
        mistakes: Vec<DocumentMistake>,
    },
    /// It is one.
    Right(Box<Proposable>),
}

/// A mistake at its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentMistake {
    /// The line, from 1, where known.
    pub line: Option<usize>,
    /// What stands there.
    pub text: String,
    /// The field; empty for the whole file.
    pub path: String,
    /// The stable code.
    pub code: &'static str,
    /// What is wrong.
    pub says: String,
    /// What to do.
    pub hint: String,
}

/// A document without mistakes, beside the version in force.
#[derive(Debug, Clone)]
pub struct Proposable {
    /// Its id.
    pub id: PolicyId,
    /// The id as words that one person reads out to another.
    pub words: [&'static str; 24],
    /// What differs from the version in force.
    pub comparison: Comparison,
    /// Whether the version in force names who approves a next one.
    pub can_be_approved: bool,
    /// Whether devices cannot sign it that could before: it is proposed only if somebody says so.
    pub devices_cannot: bool,
    /// Its succession file, without any signature.
    pub file: String,
}

impl Proposable {
    /// Whether it can be proposed.
    pub fn is_proposable(&self) -> bool {
        let is_new = self.comparison.before.0 != self.id;
        is_new && self.can_be_approved && self.comparison.mistakes.is_empty()
    }
}

/// A document to begin a next version from: that of the version in force with its head moved on.
///
/// # Errors
/// `VaultError::UnknownVault`.
pub async fn beginning(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
) -> Result<Vec<u8>, ServiceError> {
    actor.require(Right::Read, vault)?;
    let mut tx = service.database().begin_read().await?;
    let (_, in_force) = service.vault(&mut tx, vault).await?;
    Ok(draft_next(&in_force).map_or_else(|| in_force.bytes.clone(), String::into_bytes))
}

/// Looks at a document as a next version of a vault.
///
/// # Errors
/// `VaultError::UnknownVault`.
pub async fn examine(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    document: &[u8],
) -> Result<Draft, ServiceError> {
    actor.require(Right::Read, vault)?;
    let mut tx = service.database().begin_read().await?;
    let (_, in_force) = service.vault(&mut tx, vault).await?;
    let next = match Policy::parse(document) {
        Ok(next) => next,
        Err(found) => {
            let mistakes = told(&String::from_utf8_lossy(document), &found);
            return Ok(Draft::Wrong { mistakes });
        }
    };
    let file = SuccessionFile::of(document)
        .map_err(|_| VersionError::UnknownVersion { policy: next.id })?;
    Ok(Draft::Right(Box::new(Proposable {
        id: id_of(document),
        words: words_of(next.id),
        comparison: comparison(&in_force, &next),
        can_be_approved: in_force.change.is_some(),
        devices_cannot: !refusals(&next, Some(&in_force)).is_empty(),
        file: String::from_utf8_lossy(&file.write()).into_owned(),
    })))
}

fn told(document: &str, found: &[Mistake]) -> Vec<DocumentMistake> {
    let mut mistakes: Vec<DocumentMistake> = (found.iter())
        .map(|mistake| DocumentMistake {
            line: mistake.line,
            text: (mistake.line)
                .and_then(|line| document.lines().nth(line.checked_sub(1)?))
                .map(|text| text.chars().take(200).collect())
                .unwrap_or_default(),
            path: mistake.path.clone(),
            code: mistake.code(),
            says: if mistake.path.is_empty() {
                mistake.problem.to_string()
            } else {
                format!("{}: {}", mistake.path, mistake.problem)
            },
            hint: mistake.hint(),
        })
        .collect();
    mistakes.sort_by_key(|mistake| mistake.line);
    mistakes
}
