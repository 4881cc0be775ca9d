//! The signers of a vault as pages show them: whose they are, when they were last heard of, how they are marked, and
//! what a mark would mean before it is set.
//!
//! Invariant: the same analysis as `policies::analysis::standing`; nothing is judged here.

use policies::analysis::{Gone, Stage, Standing, standing};
use policies::document::{Device, Policy};
use policies::report::{days, first_steps, next_steps};
use policies::{PolicyId, UnixTime, VaultId};

use super::acks::{ReachView, reach_in_force};
use super::journals::{JournalView, views};
use super::signers::{SignerMark, gone_of};
use super::{Actor, Right, Service, ServiceError, VersionError};
use crate::store::signer_marks::{self, SignerMarkRow};

/// The signers of a vault, and where it stands with them.
#[derive(Debug, Clone, PartialEq)]
pub struct SignersView {
    /// The version in force.
    pub policy: PolicyId,
    /// Its number.
    pub version: u32,
    /// Its signers.
    pub signers: Vec<SignerView>,
    /// What can still be spent, what further loss freezes, and what thieves can do.
    pub standing: Standing,
    /// What to do in words, the most urgent first.
    pub first: Vec<String>,
    /// The command that begins a replacement, line by line; none where nobody is replaced.
    pub next: Vec<String>,
    /// How far the version in force reaches; none for the first one.
    pub reach: Option<ReachView>,
}

/// One signer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignerView {
    /// Its name.
    pub name: String,
    /// The person who holds it.
    pub person: String,
    /// What holds the key.
    pub device: Option<Device>,
    /// The fingerprint of the master key.
    pub fingerprint: String,
    /// The key's origin and the key, as the policy has it.
    pub key: String,
    /// Its journal, as the last receipt showed it.
    pub journal: JournalView,
    /// The mark that it bears.
    pub mark: Option<MarkView>,
}

/// A mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarkView {
    /// `lost`, `stolen`, `away` or `leaving`.
    pub mark: String,
    /// Why.
    pub reason: String,
    /// Since when.
    pub at: UnixTime,
    /// Who set it.
    pub by: String,
}

/// What a mark would mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarkPreview {
    /// The signer.
    pub signer: String,
    /// What it would be marked as.
    pub mark: SignerMark,
    /// Where the vault stands now.
    pub now: Standing,
    /// Where it would stand.
    pub then: Standing,
    /// What changes, in words; empty where nothing does.
    pub changes: Vec<String>,
    /// What would be to be done, in words.
    pub first: Vec<String>,
    /// The command that would begin a replacement.
    pub next: Vec<String>,
}

/// The signers of a vault and where it stands with them.
///
/// # Errors
/// `VaultError::UnknownVault`.
pub async fn show_signers(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
) -> Result<SignersView, ServiceError> {
    actor.require(Right::Read, vault)?;
    let mut tx = service.database().begin_read().await?;
    let (_, policy) = service.vault(&mut tx, vault).await?;
    let marks = signer_marks::list(&mut tx, vault).await?;
    let journals = views(&mut tx, vault, &policy).await?;
    let found = stands(&policy, &gone_of(&policy, &marks))?;
    let signers = policy.signers.iter().zip(journals);
    let signers = signers.map(|(signer, journal)| SignerView {
        name: signer.name.clone(),
        person: signer.person.clone(),
        device: signer.device.clone(),
        fingerprint: signer.key.fingerprint.to_string(),
        key: signer.key.text.clone(),
        journal,
        mark: mark_of(&marks, &signer.name),
    });
    let signers = signers.collect();
    Ok(SignersView {
        policy: policy.id,
        version: policy.version,
        signers,
        first: first_steps(&found),
        next: next_steps(&found),
        standing: found,
        reach: reach_in_force(service, &mut tx, vault, &policy).await?,
    })
}

fn mark_of(marks: &[SignerMarkRow], signer: &str) -> Option<MarkView> {
    let mark = marks.iter().find(|mark| mark.signer == signer)?;
    Some(MarkView {
        mark: mark.mark.clone(),
        reason: mark.reason.clone(),
        at: mark.marked_at,
        by: mark.marked_by.clone(),
    })
}

fn stands(policy: &Policy, gone: &[(String, Gone)]) -> Result<Standing, ServiceError> {
    standing(policy, gone).map_err(|unknown| {
        let signer = unknown.name;
        VersionError::UnknownSigner { signer }.into()
    })
}

/// What a mark would mean, before anybody sets it. Nothing is stored.
///
/// # Errors
/// [`VersionError::UnknownSigner`].
pub async fn preview_mark(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    signer: &str,
    mark: SignerMark,
) -> Result<MarkPreview, ServiceError> {
    actor.require(Right::Read, vault)?;
    let mut tx = service.database().begin_read().await?;
    let (_, policy) = service.vault(&mut tx, vault).await?;
    if policy.signer(signer).is_none() {
        let signer = signer.chars().take(40).collect();
        return Err(VersionError::UnknownSigner { signer }.into());
    }
    let marks = signer_marks::list(&mut tx, vault).await?;
    let mut gone = gone_of(&policy, &marks);
    let now = stands(&policy, &gone)?;
    gone.retain(|(name, _)| name != signer);
    gone.extend(mark.gone().map(|way| (signer.to_owned(), way)));
    let then = stands(&policy, &gone)?;
    Ok(MarkPreview {
        signer: signer.to_owned(),
        mark,
        changes: changes(&now, &then),
        first: first_steps(&then),
        next: next_steps(&then),
        now,
        then,
    })
}

/// What becomes otherwise, age by age.
fn changes(now: &Standing, then: &Standing) -> Vec<String> {
    let mut changes = Vec::new();
    for (before, after) in now.stages.iter().zip(&then.stages) {
        let coins = coins_of(after);
        match (before.spendable, after.spendable) {
            (true, false) if after.spendable_with_away => changes.push(format!(
                "{coins} cannot be spent until those who are away are back."
            )),
            (true, false) => changes.push(format!("{coins} CANNOT BE SPENT any more.")),
            (false, true) => changes.push(format!("{coins} can be spent again.")),
            (true, true) | (false, false) => {}
        }
        match (before.is_frozen(), after.is_frozen()) {
            (false, true) if after.spendable => changes.push(format!(
                "{coins} are frozen once those who leave have left."
            )),
            (false, true) => changes.push(format!("{coins} are FROZEN: nobody can spend them.")),
            (true, false) => changes.push(format!("{coins} are not frozen any more.")),
            (true, true) | (false, false) => {}
        }
        if before.freezing != after.freezing && !after.is_frozen() {
            let sets = after.freezing.as_ref();
            let whose = sets.map_or_else(
                || "any of more sets than can be listed".to_owned(),
                |sets| {
                    let sets: Vec<String> = sets.iter().map(|set| set.join(" + ")).collect();
                    sets.join(" or of ")
                },
            );
            changes.push(format!(
                "{coins}: the further loss of {whose} freezes them."
            ));
        }
        match (before.thieves_can, after.thieves_can) {
            (false, true) => {
                changes.push(format!(
                    "Thieves CAN SPEND with the stolen keys alone: {}.",
                    lower(&coins)
                ));
            }
            (true, false) => {
                changes.push(format!("Thieves cannot spend any more: {}.", lower(&coins)));
            }
            (true, true) | (false, false) => {}
        }
    }
    changes
}

/// The coins that a stage is about, in words.
pub fn coins_of(stage: &Stage) -> String {
    stage.older.map_or_else(
        || "Coins of any age".to_owned(),
        |older| format!("Coins {older} blocks old (about {})", days(older)),
    )
}

fn lower(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(letters).collect()
    })
}
