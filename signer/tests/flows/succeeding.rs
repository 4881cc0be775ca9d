//! The next version at signers' homes: heard, waited for, followed or pinned, and never taken back.

mod device;
mod next;
mod saying;

use crate::treasury::{CHEAP, NOW, Treasury, passphrase};
use policies::psbt::AttemptPurpose;
use policies::succession::SuccessionFile;
use policies::{PolicyId, ScriptKind, UnixTime};
use signer::countersign::{Countersigner, Following};
use signer::enrolment::{enrol, enrol_in_line};
use signer::failure::Explained;
use signer::home::Home;
use signer::journal_file::JournalFile;
use signer::keystore::{Kind, PersonKey};
use signer::moving::{export, import, prepare};
use signer::pin::{Pinned, Role};
use signer::succeeding::{self, By, Successor};

pub(crate) use next::{approved, approved_until, joined, looser, stricter, with_new_machine};

use next::parsed;

const RIPE: UnixTime = NOW.saturating_add(48 * 3_600);

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

/// A human who pins a version in which this home's key is not.
const fn leaving(typed: PolicyId) -> By {
    By::Pin {
        typed,
        leaving: true,
    }
}

/// For what the co-signer waits.
fn waits(signer: &mut Countersigner, clock: UnixTime) -> &'static str {
    match signer.follow_ripe(clock).expect("waits") {
        Following::Waits { because, .. } => because.code(),
        other @ (Following::Nothing | Following::Adopted(_)) => panic!("{other:?}"),
    }
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
    assert_eq!(waits(&mut signer, RIPE), "VERSION_DISPUTED");
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
        assert_eq!(waits(&mut alice, RIPE), "VERSION_NEEDS_PIN");
        assert_eq!(
            adopt(&mut alice, next.id, By::Human, RIPE),
            "VERSION_NEEDS_PIN"
        );
        let other = By::pin(treasury.policy.id);
        assert_eq!(
            adopt(&mut alice, next.id, other, RIPE),
            "POLICY_ID_MISMATCH"
        );
        assert_eq!(
            adopt(&mut alice, next.id, By::pin(next.id), NOW),
            "VERSION_NOT_RIPE"
        );
        assert_eq!(
            adopt(&mut alice, next.id, leaving(next.id), RIPE),
            "SIGNER_STAYS"
        );
        assert_eq!(
            adopt(&mut alice, next.id, By::pin(next.id), RIPE),
            "adopted"
        );
        assert_eq!(alice.policy().former.len(), 1);

        // The machine's key is gone from it: its home leaves, and knows no payment any more.
        let mut machine = treasury.countersigner("machine");
        assert_eq!(hear(&mut machine, &file, NOW), "heard");
        assert_eq!(
            adopt(&mut machine, next.id, By::pin(next.id), RIPE),
            "SIGNER_LEAVES"
        );
        assert_eq!(machine.policy().id, treasury.policy.id);
        assert_eq!(
            adopt(&mut machine, next.id, leaving(next.id), RIPE),
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

/// What a human at a home does with a file: `policy follow` or `policy pin`, both steps in one.
fn by_hand(
    treasury: &Treasury,
    name: &str,
    file: &SuccessionFile,
    by: By,
    clock: UnixTime,
) -> &'static str {
    let home = treasury.home(name);
    let pinned = Pinned::load(&home).expect("loads");
    let mut journal = pinned
        .journal()
        .map(|owner| JournalFile::open(&home.journal_file(), owner).expect("its journal opens"));
    let policy = pinned.policy();
    let heard = succeeding::hear(&home, policy, file, journal.as_mut(), by, clock);
    let adopted = heard.and_then(|_: Successor| {
        let version = file.version();
        succeeding::adopt(&home, &pinned, journal.as_mut(), version, by, clock)
    });
    adopted.map_or_else(|error| error.code(), |_| "adopted")
}

/// Whoever was away while the approvals counted is led on by a human, who types the id as at enrolment.
#[test]
fn a_human_pins_a_version_whose_approvals_ended_and_nobody_follows_it() {
    let treasury = Treasury::agree(ScriptKind::Wsh);
    let next = stricter(&treasury);
    let file = approved(&treasury, &next);
    let late = NOW.saturating_add(60 * 86_400);
    let ripe = late.saturating_add(48 * 3_600);
    for home in ["alice", "exchange"] {
        assert_eq!(
            by_hand(&treasury, home, &file, By::Human, late),
            "VERSION_NOT_APPROVED"
        );
        let other = By::pin(treasury.policy.id);
        assert_eq!(
            by_hand(&treasury, home, &file, other, late),
            "POLICY_ID_MISMATCH"
        );
    }
    let mut itself = treasury.countersigner("alice");
    assert_eq!(hear(&mut itself, &file, late), "VERSION_NOT_APPROVED");
    drop(itself);
    // A signer waits as ever; whoever signs nothing need not.
    let pin = By::pin(next.id);
    assert_eq!(
        by_hand(&treasury, "alice", &file, pin, late),
        "VERSION_NOT_RIPE"
    );
    assert_eq!(by_hand(&treasury, "alice", &file, pin, ripe), "adopted");
    assert_eq!(by_hand(&treasury, "exchange", &file, pin, late), "adopted");
    // Without the quorum's signatures the id alone leads nowhere.
    let bare = SuccessionFile::of(&next.bytes).expect("a document");
    assert_eq!(
        by_hand(&treasury, "bob", &bare, pin, late),
        "VERSION_NOT_APPROVED"
    );
}

/// Whoever brings the file again, without approvals or with forged ones, takes nothing away from what is kept.
#[test]
fn a_file_that_comes_again_does_not_spoil_the_one_that_is_kept() {
    let treasury = Treasury::agree(ScriptKind::Wsh);
    let next = stricter(&treasury);
    let genuine = approved(&treasury, &next);
    let bare = SuccessionFile::of(&next.bytes).expect("a document");
    let mut forged = genuine.clone();
    let mut wrong = genuine.approvals().values().next().expect("one").clone();
    wrong.expires = wrong.expires.saturating_add(1);
    forged.approve(wrong);
    let mut signer = treasury.countersigner("alice");
    assert_eq!(hear(&mut signer, &genuine, NOW), "heard");
    for file in [&bare, &forged] {
        assert_eq!(hear(&mut signer, file, NOW), "heard");
        let kept = succeeding::kept(&treasury.home("alice"), next.id).expect("is kept");
        assert_eq!(kept, genuine);
    }
}

/// A journal that moved knows what it adopted and what was proposed; the documents do not come with it.
#[test]
fn a_home_that_takes_a_journal_in_goes_on_where_the_journal_stands() {
    let treasury = Treasury::agree(ScriptKind::Wsh);
    let two = stricter(&treasury);
    let three = String::from_utf8(two.bytes.clone()).expect("text");
    let three = three
        .replacen("version = 2", "version = 3", 1)
        .replacen(
            &format!("previous = \"{}\"", treasury.policy.id),
            &format!("previous = \"{}\"", two.id),
            1,
        )
        .replace("amount_max_sat = 100000\n", "amount_max_sat = 90000\n");
    let three = parsed(&three);
    let next = approved_until(&treasury, &three, RIPE.saturating_add(60));
    let mut signer = treasury.countersigner("alice");
    assert_eq!(hear(&mut signer, &approved(&treasury, &two), NOW), "heard");
    assert_eq!(adopt(&mut signer, two.id, By::Human, RIPE), "adopted");
    assert_eq!(hear(&mut signer, &next, RIPE), "heard");
    drop(signer);

    let (old, new) = (treasury.home("alice"), treasury.home("second"));
    let (_, sealed) = PersonKey::generate(Kind::Journal, &passphrase(), CHEAP).expect("draws");
    new.store(&sealed, None).expect("stores");
    let key = |home: &Home| home.folder().join("keys/vault.key");
    std::fs::copy(key(&old), key(&new)).expect("copies");
    let to = prepare(&new).expect("is fresh").parse().expect("a key");
    let owner = Pinned::load(&old).expect("loads").journal().expect("signs");
    let secret = old.open_journal_key(&passphrase()).expect("opens");
    let bundle = export(&old, owner, secret.secret(), to, RIPE).expect("moves");
    import(&new, &bundle, &treasury.policy).expect("is taken in");

    let line = [&treasury.policy, &two, &three].map(|policy| policy.bytes.clone());
    let pin = |versions: usize| {
        let (newest, before) = line[..versions].split_last().expect("versions");
        let id = [treasury.policy.id, two.id, three.id][versions - 1];
        enrol_in_line(&new, before, newest, id, RIPE)
    };
    let behind = pin(1).expect_err("the journal went on");
    assert_eq!(behind.code(), "PIN_BEHIND_JOURNAL");
    // Nor is the delay of the next version passed over by pinning it anew.
    let ahead = pin(3).expect_err("the journal does not stand there");
    assert_eq!(ahead.code(), "PIN_AHEAD_OF_JOURNAL");
    assert!(Pinned::load(&new).is_err(), "nothing was pinned");
    let enrolled = pin(2).expect("the journal stands there");
    assert_eq!(enrolled.without_file, [three.id]);

    // Its delay runs on; the file comes again, also when its approvals ended.
    let late = RIPE.saturating_add(48 * 3_600);
    let mut signer = treasury.countersigner("second");
    assert_eq!(waits(&mut signer, late), "VERSION_NOT_HEARD");
    assert!(!signer.holds_version(three.id));
    assert_eq!(hear(&mut signer, &next, late), "heard");
    assert!(signer.holds_version(three.id));
    assert!(matches!(
        signer.follow_ripe(late),
        Ok(Following::Adopted(id)) if id == three.id
    ));
}
