//! What differs between two versions: in the words of review, and as text side by side.

use policies::document::Policy;
use policies::report;
use policies::succession::{Direction, Step, diff, follows};
use policies::{PolicyId, VaultId};

use super::devices::DeviceView;
use super::found::Found;
use crate::service::{Actor, Right, Service, ServiceError};

/// Letters beyond which what was and what is stand each on a line.
const LONG: usize = 66;

/// What differs between two versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// The version before: its id and number.
    pub before: (PolicyId, u32),
    /// The version after.
    pub after: (PolicyId, u32),
    /// Whether the one follows the other, and what kind of step it is, in words.
    pub step: String,
    /// Whether it is a step that introduces a keyset: a human pins it at each signer.
    pub is_keyset: bool,
    /// Why the one does not follow the other.
    pub mistakes: Vec<MistakeView>,
    /// The differences, part by part.
    pub parts: Vec<PartView>,
    /// What is to be known of the devices of the one after, and was not of the one before.
    pub devices: Vec<DeviceView>,
    /// The document before.
    pub document_before: String,
    /// The document after.
    pub document_after: String,
}

/// Something wrong, with what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MistakeView {
    /// The stable code.
    pub code: String,
    /// What is wrong.
    pub says: String,
    /// What to do.
    pub hint: String,
}

/// The differences of one part of the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartView {
    /// Its title.
    pub title: &'static str,
    /// What differs in it.
    pub differences: Vec<DifferenceView>,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DifferenceView {
    /// `tightened`, `loosened` or `changed`.
    pub direction: &'static str,
    /// Whether more passes than before.
    pub is_loosened: bool,
    /// What it is about.
    pub about: String,
    /// What it was; none where it is new.
    pub before: Option<String>,
    /// What it is; none where it is gone.
    pub after: Option<String>,
    /// In one sentence.
    pub says: String,
}

impl DifferenceView {
    /// Whether it is too long for one sentence, as keys and descriptors are.
    pub fn is_long(&self) -> bool {
        let long = |text: &Option<String>| text.as_ref().is_some_and(|text| text.len() > LONG);
        long(&self.before) || long(&self.after)
    }
}

/// Compares two versions of a vault.
///
/// # Errors
/// `VaultError::UnknownVault`, `VersionError::UnknownVersion`.
pub async fn compare(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    before: PolicyId,
    after: PolicyId,
) -> Result<Comparison, ServiceError> {
    actor.require(Right::Read, vault)?;
    let mut tx = service.database().begin_read().await?;
    let before = Found::of(service, &mut tx, vault, Some(before)).await?;
    let after = Found::of(service, &mut tx, vault, Some(after)).await?;
    Ok(comparison(&before.policy, &after.policy))
}

/// What differs between two versions.
pub(super) fn comparison(before: &Policy, after: &Policy) -> Comparison {
    let followed = follows(before, after);
    let is_same = before.id == after.id;
    let mut parts: Vec<PartView> = Vec::new();
    for change in diff(before, after) {
        let difference = DifferenceView {
            direction: change.direction.name(),
            is_loosened: change.direction == Direction::Loosened,
            says: report::change_words(&change),
            about: change.about,
            before: change.before,
            after: change.after,
        };
        let title = change.part.title();
        match parts.last_mut().filter(|part| part.title == title) {
            Some(part) => part.differences.push(difference),
            None => parts.push(PartView {
                title,
                differences: vec![difference],
            }),
        }
    }
    let text = |policy: &Policy| String::from_utf8_lossy(&policy.bytes).into_owned();
    Comparison {
        before: (before.id, before.version),
        after: (after.id, after.version),
        step: report::step_words(before, after),
        is_keyset: followed.as_ref().is_ok_and(|step| *step == Step::Keyset),
        mistakes: (followed.err().into_iter().flatten())
            .filter(|_| !is_same)
            .map(|mistake| MistakeView {
                code: mistake.code().to_owned(),
                says: mistake.to_string(),
                hint: mistake.hint(),
            })
            .collect(),
        parts,
        devices: (report::new_findings(before, after).iter())
            .map(DeviceView::of)
            .collect(),
        document_before: text(before),
        document_after: text(after),
    }
}
