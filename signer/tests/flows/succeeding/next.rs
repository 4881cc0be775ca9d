//! Next versions of the treasury's policy, and their files with the quorum's approval.

use crate::treasury::{NOW, Treasury, signer_home};
use policies::descriptor::{NamedKey, compile};
use policies::document::SignerKey;
use policies::hash::Purpose;
use policies::succession::SuccessionFile;
use policies::{Approval, Policy, ScriptKind, Subject, UnixTime};
use signer::enrolment::enrol_in_line;

/// The next version's text: the document with its head brought forward.
fn headed(treasury: &Treasury) -> String {
    let policy = &treasury.policy;
    String::from_utf8(policy.bytes.clone())
        .expect("text")
        .replacen("version = 1", "version = 2", 1)
        .replacen("vault = \"\"", &format!("vault = \"{}\"", policy.vault), 1)
        .replacen(
            "previous = \"\"",
            &format!("previous = \"{}\"", policy.id),
            1,
        )
}

fn kept(treasury: &Treasury) -> String {
    let keyset = format!("version = 2\nkeyset = \"{}\"", treasury.policy.keyset);
    headed(treasury).replacen("version = 2", &keyset, 1)
}

pub(super) fn parsed(text: &str) -> Policy {
    Policy::parse(text.as_bytes()).unwrap_or_else(|mistakes| panic!("{mistakes:?} in {text}"))
}

/// A next version that pays less automatically.
pub(crate) fn stricter(treasury: &Treasury) -> Policy {
    parsed(&kept(treasury).replace("amount_max_sat = 5000000", "amount_max_sat = 100000"))
}

pub(crate) fn looser(treasury: &Treasury) -> Policy {
    parsed(&kept(treasury).replace("amount_max_sat = 5000000", "amount_max_sat = 6000000"))
}

/// A next version in which another machine, with a home of its own, has the machine's place.
pub(crate) fn with_new_machine(treasury: &Treasury, kind: ScriptKind) -> Policy {
    let zelda = signer_home(&treasury.folder, "zelda");
    let machine = treasury.policy.signer("machine").expect("a signer");
    let text = headed(treasury)
        .replace(
            &format!("key = \"{}\"", machine.key.text),
            &format!("key = \"{}\"", zelda.key),
        )
        .replace(&machine.journal.to_string(), &zelda.journal);
    let keys: Vec<NamedKey> = (treasury.policy.signers.iter())
        .map(|signer| {
            let key = if signer.name == "machine" {
                &zelda.key
            } else {
                &signer.key.text
            };
            let key: SignerKey = key.parse().expect("a key");
            NamedKey {
                name: signer.name.clone(),
                key: key.position(),
            }
        })
        .collect();
    let policy = "or(99@thresh(2,pk(alice),pk(bob),pk(machine)),1@and(pk(vault-key),older(12960)))";
    let descriptor = compile(policy, kind, &keys).expect("compiles");
    parsed(&text.replace(treasury.policy.descriptor.text(), &descriptor))
}

/// The version's file with the quorum's approval.
pub(crate) fn approved(treasury: &Treasury, next: &Policy) -> SuccessionFile {
    approved_until(treasury, next, NOW.saturating_add(86_400))
}

pub(crate) fn approved_until(
    treasury: &Treasury,
    next: &Policy,
    expires: UnixTime,
) -> SuccessionFile {
    let mut file = SuccessionFile::of(&next.bytes).expect("a document");
    let subject = Subject::from_bytes(next.id.to_bytes());
    let vault = treasury.policy.vault;
    file.approve(Approval::sign(
        &treasury.approver,
        Purpose::Policy,
        vault,
        subject,
        expires,
    ));
    file
}

/// A vault whose machine was replaced, and whose new one was enrolled at the second version.
pub(crate) fn joined() -> (Treasury, Policy) {
    let treasury = Treasury::agree(ScriptKind::Wsh);
    let next = with_new_machine(&treasury, ScriptKind::Wsh);
    let before = [treasury.policy.bytes.clone()];
    let home = treasury.home("zelda");
    enrol_in_line(&home, &before, &next.bytes, next.id, NOW).expect("joins");
    (treasury, next)
}
