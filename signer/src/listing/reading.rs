//! Statements in files, with the signatures under them: read, and counted where enough entitled persons signed.
//!
//! Invariant: signatures are those under the very bytes of the statement; nothing that is only claimed counts.

use super::{Draft, ListingError};
use crate::stopping::heard_after_moves;
use policies::journal::Heard;
use policies::rules::{Said, entitlement, heard};
use policies::{Approval, KeyId, ListAdd, Policy, Signature, Statement, Subject, UnixTime};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A statement with the signatures under it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SignedStatement {
    /// The canonical text.
    pub statement: String,
    /// For a removal or confirmation: the text of the statement that added the destination.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
    /// The signatures.
    #[serde(default)]
    pub approvals: Vec<StatementSignature>,
    /// For a stop that a journal says which moved: the certificates of its moves, in lower hex, the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub moves: Vec<String>,
}

/// A person's signature under a statement.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StatementSignature {
    /// What is said: `list-add`, `list-remove` or `list-confirm`.
    pub purpose: String,
    /// When it ends.
    pub expires: UnixTime,
    /// The key that signed.
    pub key: KeyId,
    /// Its signature.
    pub signature: Signature,
}

impl StatementSignature {
    /// A signature as files and calls have it.
    pub fn of(approval: &Approval) -> Self {
        Self {
            purpose: approval.purpose.to_string(),
            expires: approval.expires,
            key: approval.key,
            signature: approval.signature.clone(),
        }
    }
}

/// Reads one file: a statement with its signatures.
///
/// # Errors
/// When the file or the statement in it is none.
pub fn read(bytes: &[u8]) -> Result<Draft, ListingError> {
    draft_of(&serde_json::from_slice(bytes).map_err(ListingError::File)?)
}

/// Reads a file of one statement or of several, as the coordinator's page writes them for signing.
///
/// # Errors
/// When the file or a statement in it is none.
pub fn read_all(bytes: &[u8]) -> Result<Vec<Draft>, ListingError> {
    signed_statements(bytes)?.iter().map(draft_of).collect()
}

fn draft_of(signed: &SignedStatement) -> Result<Draft, ListingError> {
    let statement = Statement::decode(signed.statement.as_bytes())?;
    let add = match &statement {
        Statement::ListAdd(add) => Some(add.clone()),
        Statement::ListRemove { .. } | Statement::ListConfirm { .. } => about(signed)?,
        Statement::Stop(_)
        | Statement::Release { .. }
        | Statement::Go(_)
        | Statement::Ack { .. } => return Err(ListingError::NotAnEntry),
    };
    if add
        .as_ref()
        .is_some_and(|add| Some(add.subject()) != statement.entry())
    {
        return Err(ListingError::OtherEntry);
    }
    let subject = statement.subject();
    let approvals = approvals(signed, &statement, subject);
    Ok(Draft {
        statement,
        add,
        approvals,
    })
}

fn about(signed: &SignedStatement) -> Result<Option<ListAdd>, ListingError> {
    if signed.about.is_empty() {
        return Ok(None);
    }
    match Statement::decode(signed.about.as_bytes())? {
        Statement::ListAdd(add) => Ok(Some(add)),
        Statement::ListRemove { .. }
        | Statement::ListConfirm { .. }
        | Statement::Stop(_)
        | Statement::Release { .. }
        | Statement::Go(_)
        | Statement::Ack { .. } => Err(ListingError::NotAnEntry),
    }
}

fn approvals(signed: &SignedStatement, statement: &Statement, subject: Subject) -> Vec<Approval> {
    signed
        .approvals
        .iter()
        .map(|one| Approval {
            purpose: statement.purpose(),
            subject,
            expires: one.expires,
            key: one.key,
            signature: one.signature.clone(),
        })
        .collect()
}

/// The statements of a file, or of a coordinator's list of them, with the signatures under them; nothing
/// is verified yet.
///
/// # Errors
/// When the bytes are neither.
pub fn said(bytes: &[u8]) -> Result<Vec<Said>, ListingError> {
    said_in(&signed_statements(bytes)?)
}

/// The statements of a file, or of a coordinator's list of them, as they stand there.
pub(crate) fn signed_statements(bytes: &[u8]) -> Result<Vec<SignedStatement>, ListingError> {
    if bytes.trim_ascii_start().first() == Some(&b'[') {
        return serde_json::from_slice(bytes).map_err(ListingError::File);
    }
    let only = serde_json::from_slice(bytes).map_err(ListingError::File)?;
    Ok(vec![only])
}

fn said_in(all: &[SignedStatement]) -> Result<Vec<Said>, ListingError> {
    let mut said = Vec::new();
    for signed in all {
        let statement = Statement::decode(signed.statement.as_bytes())?;
        said.extend(about(signed)?.map(|add| Said {
            statement: Statement::ListAdd(add),
            approvals: Vec::new(),
        }));
        let approvals = approvals(signed, &statement, statement.subject());
        said.push(Said {
            statement,
            approvals,
        });
    }
    Ok(said)
}

/// The statements of a file, or of a coordinator's list of them, that enough entitled persons signed:
/// additions first, each other one with its addition.
///
/// # Errors
/// When the bytes are neither.
pub fn entitled(bytes: &[u8], policy: &Policy, now: UnixTime) -> Result<Vec<Heard>, ListingError> {
    let all = signed_statements(bytes)?;
    let said = said_in(&all)?;
    let mut after_moves = Vec::new();
    for signed in all.iter().filter(|signed| !signed.moves.is_empty()) {
        let one = said_in(std::slice::from_ref(signed))?;
        let heard = one
            .iter()
            .find_map(|one| heard_after_moves(policy, one, &signed.moves));
        after_moves.extend(heard);
    }
    let adds: BTreeMap<Subject, ListAdd> = said
        .iter()
        .filter_map(|one| match &one.statement {
            Statement::ListAdd(add) => Some((add.subject(), add.clone())),
            Statement::ListRemove { .. }
            | Statement::ListConfirm { .. }
            | Statement::Stop(_)
            | Statement::Release { .. }
            | Statement::Go(_)
            | Statement::Ack { .. } => None,
        })
        .collect();
    let counts = |one: Said| {
        let Some(entry) = one.statement.entry() else {
            return heard(policy, &one.statement, &one.approvals, now);
        };
        let counted = entitlement(
            policy,
            &one.statement,
            adds.get(&entry)?,
            &one.approvals,
            now,
        )?;
        let statement = one.statement;
        let by = Vec::new();
        counted.is_met().then_some(Heard { statement, by })
    };
    let mut entitled: Vec<Heard> = said.into_iter().filter_map(counts).collect();
    entitled.extend(after_moves);
    let order = |heard: &Heard| match heard.statement {
        Statement::Stop(_) => 0,
        Statement::Release { .. } => 1,
        Statement::ListAdd(_) => 2,
        Statement::ListRemove { .. }
        | Statement::ListConfirm { .. }
        | Statement::Go(_)
        | Statement::Ack { .. } => 3,
    };
    entitled.sort_by_key(order);
    Ok(entitled)
}
