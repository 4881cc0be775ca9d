//! Versions that tests share.

use crate::descriptor::{ScriptKind, compile, samples};
use crate::document::{Policy, PolicyDraft};
use crate::hash::Purpose;
use crate::ids::{PolicyId, Subject};
use crate::intent::Approval;
use crate::review::world::{World, secret, signing_draft};
use crate::time::UnixTime;

/// The first version of a treasury.
pub(crate) fn first(kind: ScriptKind) -> Policy {
    World::new(kind).policy
}

/// The document of the version after this one, which alters nothing yet.
pub(crate) fn next_draft(previous: &Policy) -> PolicyDraft {
    let mut draft = signing_draft(previous.descriptor.kind());
    draft.version = previous.version + 1;
    draft.vault = previous.vault.to_string();
    draft.previous = previous.id.to_string();
    draft.keyset = Some(previous.keyset.to_string());
    let descriptor = previous.descriptor.text();
    descriptor.clone_into(&mut draft.spending.descriptor);
    for (signer, before) in draft.signers.iter_mut().zip(&previous.signers) {
        signer.key.clone_from(&before.key.text);
        signer.journal = before.journal.to_string();
    }
    draft
}

/// The version after this one, altered; read alone.
pub(crate) fn next(previous: &Policy, alter: impl FnOnce(&mut PolicyDraft)) -> Policy {
    let mut draft = next_draft(previous);
    alter(&mut draft);
    Policy::parse(draft.to_toml().as_bytes()).expect("a policy without mistakes")
}

/// Gives the machine's place to somebody else's key and journal.
pub(crate) fn replace_machine(draft: &mut PolicyDraft, kind: ScriptKind, by: &str) {
    let mut keys = samples::all_named();
    let new = samples::named(by, bitcoin::Network::Regtest).key;
    for named in keys.iter_mut().filter(|named| named.name == "machine") {
        named.key = new.clone();
    }
    draft.keyset = None;
    draft.spending.descriptor = compile(samples::POLICY, kind, &keys).expect("compiles");
    for signer in draft.signers.iter_mut().filter(|one| one.name == "machine") {
        signer.key = new.to_string();
        signer.journal = secret(&format!("journal of {by}")).public().to_string();
    }
}

/// The version after this one with another machine; read alone.
pub(crate) fn with_new_machine(previous: &Policy, by: &str) -> Policy {
    next(previous, |draft| {
        replace_machine(draft, previous.descriptor.kind(), by);
    })
}

/// A person's approval of a version.
pub(crate) fn approval(
    previous: &Policy,
    version: PolicyId,
    by: &str,
    expires: UnixTime,
) -> Approval {
    let subject = Subject::from_bytes(version.to_bytes());
    Approval::sign(
        &secret(by),
        Purpose::Policy,
        previous.vault,
        subject,
        expires,
    )
}

/// Whether a test fails with a bug planted, and only then.
#[cfg(feature = "planted")]
pub(crate) fn fails_with(bug: crate::planted::Bug, test: fn()) -> bool {
    test();
    crate::planted::plant(Some(bug));
    let failed = std::panic::catch_unwind(test).is_err();
    crate::planted::plant(None);
    failed
}
