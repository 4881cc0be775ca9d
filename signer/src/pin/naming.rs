//! What a version of the policy calls the keys of a home.
//!
//! Invariant: a key has a name only where the record of that name holds the very key, with its origin and journal.

use super::{KeyNotNamed, Role};
use crate::home::HeldKey;
use crate::journal_file::Owner;
use crate::keystore::Kind;
use policies::document::{Signer, SignerKey};
use policies::journal::{MoveCertificate, accept_moves};
use policies::{Policy, PublicKey};

pub(super) fn signer_of(
    policy: &Policy,
    key: &HeldKey,
    held: &[HeldKey],
    moves: &[MoveCertificate],
) -> Result<(String, Owner), KeyNotNamed> {
    let text = || key.public.clone();
    let not_named = || KeyNotNamed::Signer { key: text() };
    let own: SignerKey = key.public.parse().map_err(|_| not_named())?;
    let signer = policy
        .signers
        .iter()
        .find(|signer| signer.key.xpub == own.xpub)
        .ok_or_else(not_named)?;
    if signer.key.position() != own.position() {
        return Err(KeyNotNamed::Origin {
            name: signer.name.clone(),
            found: signer.key.text.clone(),
            key: text(),
        });
    }
    let journal = held.iter().find(|held| held.kind == Kind::Journal);
    let journal = journal.map_or("none", |held| held.public.as_str());
    let own = moved_here(policy, signer, moves).unwrap_or(signer.journal);
    if own.to_string() != journal {
        return Err(KeyNotNamed::Journal {
            name: signer.name.clone(),
            found: own,
            key: journal.to_owned(),
        });
    }
    let owner = Owner {
        vault: policy.vault,
        key: own,
    };
    Ok((signer.name.clone(), owner))
}

/// The journal that a signer's moved to, where certificates prove it.
fn moved_here(policy: &Policy, signer: &Signer, moves: &[MoveCertificate]) -> Option<PublicKey> {
    let moved = accept_moves(policy, moves).ok()?;
    let last = moves.last()?;
    (moved.name == signer.name).then_some(last.statement.to)
}

pub(super) fn person_of(policy: &Policy, key: &HeldKey) -> Result<Role, KeyNotNamed> {
    let not_named = || KeyNotNamed::Person {
        kind: key.kind,
        key: key.public.clone(),
    };
    let public: PublicKey = key.public.parse().map_err(|_| not_named())?;
    let role = if key.kind == Kind::Approval {
        policy
            .approver_of_key(public.id())
            .map(|(approver, _)| Role::Approver(approver.name.clone()))
    } else {
        policy
            .requester_of_key(public.id())
            .map(|(requester, _)| Role::Requester(requester.name.clone()))
    };
    role.ok_or_else(not_named)
}

/// What somebody is whom only an older version names.
pub(super) fn left(role: Role) -> Role {
    match role {
        Role::Approver(name) | Role::Requester(name) | Role::Left(name) => Role::Left(name),
        Role::Signer(name) | Role::Leaving(name) => Role::Leaving(name),
    }
}
