//! The next version at signers' homes: heard, waited for, followed or pinned, and never taken back.

use crate::treasury::{NOW, Treasury, passphrase, signer_home};
use policies::descriptor::{NamedKey, compile};
use policies::document::SignerKey;
use policies::hash::Purpose;
use policies::psbt::AttemptPurpose;
use policies::succession::SuccessionFile;
use policies::{Approval, Policy, PolicyId, ScriptKind, Subject, UnixTime};
use signer::countersign::Countersigner;
use signer::enrolment::{enrol, enrol_in_line};
use signer::failure::Explained;
use signer::pin::{Pinned, Role};
use signer::succeeding::By;

const RIPE: UnixTime = NOW.saturating_add(48 * 3_600);

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

fn parsed(text: &str) -> Policy {
    Policy::parse(text.as_bytes()).unwrap_or_else(|mistakes| panic!("{mistakes:?} in {text}"))
}

/// A next version that pays less automatically.
pub(crate) fn stricter(treasury: &Treasury) -> Policy {
    parsed(&kept(treasury).replace("amount_max_sat = 5000000", "amount_max_sat = 100000"))
}

fn looser(treasury: &Treasury) -> Policy {
    parsed(&kept(treasury).replace("amount_max_sat = 5000000", "amount_max_sat = 6000000"))
}

/// A next version in which another machine, with a home of its own, has the machine's place.
fn with_new_machine(treasury: &Treasury, kind: ScriptKind) -> Policy {
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
    let mut file = SuccessionFile::of(&next.bytes).expect("a document");
    let subject = Subject::from_bytes(next.id.to_bytes());
    let expires = NOW.saturating_add(86_400);
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

fn hear(signer: &mut Countersigner, file: &SuccessionFile, clock: UnixTime) -> &'static str {
    signer
        .hear_version(file, clock)
        .map_or_else(|error| error.code(), |_| "heard")
}

fn adopt(signer: &mut Countersigner, version: PolicyId, by: By, clock: UnixTime) -> &'static str {
    signer
        .adopt_version(version, by, clock)
        .map_or_else(|error| error.code(), |()| "adopted")
}

#[test]
fn a_step_of_rules_counts_once_its_quorum_and_delay_are_there() {
    for kind in [ScriptKind::Wsh, ScriptKind::Tr] {
        let treasury = Treasury::agree(kind);
        let next = stricter(&treasury);
        let mut signer = treasury.countersigner("alice");
        let unapproved = SuccessionFile::of(&next.bytes).expect("a document");
        assert_eq!(hear(&mut signer, &unapproved, NOW), "VERSION_NOT_APPROVED");
        assert_eq!(
            adopt(&mut signer, next.id, By::Human, RIPE),
            "VERSION_NOT_HEARD"
        );
        let file = approved(&treasury, &next);
        assert_eq!(hear(&mut signer, &file, NOW), "heard");
        // The approvals may end; when it was first held stays.
        assert_eq!(hear(&mut signer, &file, RIPE.saturating_sub(1)), "heard");
        assert_eq!(
            adopt(&mut signer, next.id, By::Human, RIPE.saturating_sub(1)),
            "VERSION_NOT_RIPE"
        );
        let payment = treasury
            .transfer(&[treasury.intent("w1", 1_000_000)], &[0])
            .serialize();
        assert!(signer.examine(&payment, NOW).is_ok());
        assert_eq!(adopt(&mut signer, next.id, By::Human, RIPE), "adopted");
        let refused = signer
            .examine(&payment, NOW)
            .expect_err("needs an approval");
        assert!(
            ["TOO_FEW_APPROVALS", "INTENT_EXPIRED"].contains(&refused.code()),
            "{refused}"
        );
        drop(signer);
        // It is pinned for good, and the version before is kept.
        let pinned = Pinned::load(&treasury.home("alice")).expect("loads");
        assert_eq!(pinned.policy().id, next.id);
        assert_eq!(pinned.policy().earlier, [treasury.policy.id]);
        assert_eq!(pinned.versions().len(), 2);
    }
}

#[test]
fn two_successors_are_a_dispute_that_only_a_human_decides_once() {
    let treasury = Treasury::agree(ScriptKind::Wsh);
    let (one, other) = (stricter(&treasury), looser(&treasury));
    let mut signer = treasury.countersigner("bob");
    for next in [&one, &other] {
        assert_eq!(hear(&mut signer, &approved(&treasury, next), NOW), "heard");
    }
    assert_eq!(signer.follow_ripe(RIPE).expect("waits"), None);
    assert_eq!(
        adopt(&mut signer, one.id, By::Itself, RIPE),
        "VERSION_DISPUTED"
    );
    assert_eq!(adopt(&mut signer, one.id, By::Human, RIPE), "adopted");
    assert_eq!(
        adopt(&mut signer, other.id, By::Human, RIPE),
        "DOES_NOT_FOLLOW"
    );
    assert_eq!(
        hear(&mut signer, &approved(&treasury, &other), RIPE),
        "DOES_NOT_FOLLOW"
    );
    assert_eq!(
        hear(&mut signer, &approved(&treasury, &treasury.policy), RIPE),
        "DOES_NOT_FOLLOW"
    );
}

#[test]
fn a_home_whose_pin_was_brought_back_goes_on_where_its_journal_stands() {
    let treasury = Treasury::agree(ScriptKind::Wsh);
    let next = stricter(&treasury);
    let home = treasury.home("alice");
    let saved = |name: &str| std::fs::read(home.folder().join(name)).expect("is read");
    let (policy, pin) = (saved("policy.toml"), saved("pin.json"));
    let mut signer = treasury.countersigner("alice");
    assert_eq!(hear(&mut signer, &approved(&treasury, &next), NOW), "heard");
    assert_eq!(adopt(&mut signer, next.id, By::Human, RIPE), "adopted");
    drop(signer);
    std::fs::write(home.folder().join("policy.toml"), policy).expect("writes");
    std::fs::write(home.folder().join("pin.json"), pin).expect("writes");
    assert_eq!(treasury.countersigner("alice").policy().id, next.id);
    // Without the document it does not sign under the older version.
    std::fs::write(
        home.folder().join("pin.json"),
        format!(
            "{{\"format\":\"countersign/pin/1\",\"policy\":\"{}\"}}",
            treasury.policy.id,
        ),
    )
    .expect("writes");
    std::fs::remove_file(home.version_file(next.id)).expect("removes");
    let refused = Countersigner::open(&home, &passphrase())
        .map(drop)
        .expect_err("refuses");
    assert_eq!(refused.code(), "PIN_BEHIND_JOURNAL");
}

#[test]
fn a_step_of_keys_is_pinned_by_a_human_and_never_followed() {
    for kind in [ScriptKind::Wsh, ScriptKind::Tr] {
        let treasury = Treasury::agree(kind);
        let next = with_new_machine(&treasury, kind);
        let file = approved(&treasury, &next);
        let mut alice = treasury.countersigner("alice");
        assert_eq!(hear(&mut alice, &file, NOW), "heard");
        assert_eq!(alice.follow_ripe(RIPE).expect("waits"), None);
        assert_eq!(
            adopt(&mut alice, next.id, By::Human, RIPE),
            "VERSION_NEEDS_PIN"
        );
        let other = By::Pin(treasury.policy.id);
        assert_eq!(
            adopt(&mut alice, next.id, other, RIPE),
            "POLICY_ID_MISMATCH"
        );
        assert_eq!(
            adopt(&mut alice, next.id, By::Pin(next.id), NOW),
            "VERSION_NOT_RIPE"
        );
        assert_eq!(
            adopt(&mut alice, next.id, By::Pin(next.id), RIPE),
            "adopted"
        );
        assert_eq!(alice.policy().former.len(), 1);

        // The machine's key is gone from it: its home leaves, and knows no payment any more.
        let mut machine = treasury.countersigner("machine");
        assert_eq!(hear(&mut machine, &file, NOW), "heard");
        assert_eq!(
            adopt(&mut machine, next.id, By::Pin(next.id), RIPE),
            "adopted"
        );
        drop(machine);
        let pinned = Pinned::load(&treasury.home("machine")).expect("loads");
        assert_eq!(pinned.roles(), [Role::Leaving("machine".to_owned())]);
        assert!(pinned.is_leaving());
        let before = [treasury.policy.bytes.clone()];
        let zelda = treasury.home("zelda");
        let alone = enrol(&zelda, &next.bytes, next.id, RIPE).expect_err("needs the line");
        assert_eq!(alone.code(), "VERSIONS_MISSING");
        let joined = enrol_in_line(&zelda, &before, &next.bytes, next.id, RIPE).expect("joins");
        // Its journal is of no first version: it is born now, though its key is fresh.
        assert_eq!(joined.birth, Some(RIPE));
        assert_eq!(joined.pinned.roles(), [Role::Signer("machine".to_owned())]);

        let mut newest = treasury;
        newest.policy = alice.policy().clone();
        let own = newest.own_spend(
            AttemptPurpose::Consolidate,
            1,
            bitcoin::Sequence::ENABLE_RBF_NO_LOCKTIME,
        );
        let bytes = own.serialize();
        assert!(alice.examine(&bytes, RIPE).is_ok());
        let leaving = newest.countersigner("machine");
        let refused = leaving.examine(&bytes, RIPE).expect_err("has no key");
        assert_eq!(refused.code(), "NO_KEY_OF_KEYSET");
        assert!(newest.countersigner("zelda").examine(&bytes, RIPE).is_ok());
    }
}
