//! Asks about statements: open lists, stops and their releases, signed with an approval key of a file.

use super::asked::{Asked, What};
use super::error::BridgeError;
use super::fetching;
use super::handing_in::Signed;
use super::preparing::{Desk, Ready, ready, words};
use crate::failure::Failure;
use crate::listing::{self, Draft, ListingError, SignedStatement, about_entry};
use crate::pin::Pinned;
use crate::stopping::{new_stop, read_release};
use policies::words::Matter;
use policies::{Policy, Statement, Subject};

/// Something about open lists.
pub(super) fn of_list(desk: &Desk<'_>, policy: &Policy, asked: &Asked) -> Result<Ready, Failure> {
    let key = desk.keys.approval()?;
    let now = desk.now;
    let drafts = drafts(desk, policy, asked)?;
    for draft in &drafts {
        listing::check(draft, policy, now)?;
    }
    let matter = match drafts.first().map(|draft| &draft.statement) {
        Some(Statement::ListRemove { .. }) => Matter::ListRemove,
        Some(Statement::ListConfirm { .. }) => Matter::ListConfirm,
        Some(
            Statement::ListAdd(_)
            | Statement::Stop(_)
            | Statement::Release { .. }
            | Statement::Go(_)
            | Statement::Ack { .. },
        )
        | None => Matter::ListAdd,
    };
    let told = drafts
        .iter()
        .map(|draft| listing::told(draft, policy, now))
        .collect();
    let signing = policy.clone();
    Ok(ready(matter, policy, told, move || {
        let mut signed = Vec::new();
        for draft in &drafts {
            let one = listing::sign(draft.clone(), &signing, key.secret(), now);
            signed.push(one.map_err(|error| words(&error))?);
        }
        Ok(Signed::of_list(signed, key.public().id()))
    }))
}

fn drafts(desk: &Desk<'_>, policy: &Policy, asked: &Asked) -> Result<Vec<Draft>, Failure> {
    let one = match asked.what {
        What::ListPropose => return proposed(asked),
        What::ListRemove => {
            let entry = fetched(desk, policy, asked.hash()?)?;
            about_entry(entry, |entry| Statement::ListRemove { entry })?
        }
        What::ListConfirm => {
            let entry = fetched(desk, policy, asked.hash()?)?;
            about_entry(entry, |entry| Statement::ListConfirm { entry })?
        }
        What::ListApprove
        | What::Approve
        | What::Reject
        | What::Request
        | What::PolicyApprove
        | What::Stop
        | What::Release
        | What::Maintain
        | What::Go
        | What::Countersign => fetched(desk, policy, asked.hash()?)?,
    };
    Ok(vec![one])
}

/// The additions that the page drafted, read as every reader will.
fn proposed(asked: &Asked) -> Result<Vec<Draft>, Failure> {
    let mut drafts = Vec::new();
    for text in &asked.drafts {
        let draft = read(&bare(text.clone()))?;
        if !matches!(draft.statement, Statement::ListAdd(_)) {
            return Err(ListingError::NotAnEntry.into());
        }
        asked.names(draft.statement.subject())?;
        drafts.push(draft);
    }
    Ok(drafts)
}

/// What the coordinator keeps under a subject, with the entry that it is about.
fn fetched(desk: &Desk<'_>, policy: &Policy, subject: Subject) -> Result<Draft, Failure> {
    let vault = policy.vault;
    let (statement, mut signed) = fetching::statement(desk.coordinator, vault, subject)?;
    if let Statement::ListRemove { entry } | Statement::ListConfirm { entry } = statement {
        let (_, add) = fetching::statement(desk.coordinator, vault, entry)?;
        signed.about = add.statement;
    }
    Ok(read(&signed)?)
}

fn read(signed: &SignedStatement) -> Result<Draft, ListingError> {
    let bytes = serde_json::to_vec(signed).expect("texts are plain JSON");
    listing::read(&bytes)
}

const fn bare(statement: String) -> SignedStatement {
    SignedStatement {
        statement,
        about: String::new(),
        approvals: Vec::new(),
        moves: Vec::new(),
    }
}

/// A stop, said by an approver. A journal says its own at the terminal, where it can be taken down at once.
pub(super) fn stop(desk: &Desk<'_>, policy: &Policy, reason: &str) -> Result<Ready, Failure> {
    let key = desk.keys.approval()?;
    let now = desk.now;
    let stop = new_stop(reason, now)?;
    let told = stop.told(policy, now);
    let signing = policy.clone();
    Ok(ready(Matter::Stop, policy, vec![told], move || {
        let signed = stop.clone().sign(&signing, key.secret(), now);
        let signed = signed.map_err(|error| words(&error))?;
        Ok(Signed::spoken(&signed, key.public().id()))
    }))
}

/// The release of a stop that the coordinator keeps, or one that others signed already.
pub(super) fn release(
    desk: &Desk<'_>,
    pinned: &Pinned,
    subject: Subject,
) -> Result<Ready, Failure> {
    let key = desk.keys.approval()?;
    let (policy, now) = (pinned.policy(), desk.now);
    let (statement, found) = fetching::statement(desk.coordinator, policy.vault, subject)?;
    let mut file = vec![found];
    if let Statement::Release { stop } = statement {
        let (_, stop) = fetching::statement(desk.coordinator, policy.vault, stop)?;
        file.insert(0, stop);
    }
    let bytes = serde_json::to_vec(&file).expect("texts are plain JSON");
    let release = read_release(&bytes)?;
    if release.about.is_none() {
        let hash = subject.to_string();
        return Err(BridgeError::UnknownHash { what: "stop", hash }.into());
    }
    release.check_vault(pinned.versions())?;
    let told = release.told(policy, now);
    let signing = policy.clone();
    Ok(ready(Matter::Release, policy, vec![told], move || {
        let signed = release.clone().sign(&signing, key.secret(), now);
        let signed = signed.map_err(|error| words(&error))?;
        Ok(Signed::spoken(&signed, key.public().id()))
    }))
}
