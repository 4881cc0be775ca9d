//! What the tool says to whoever is new to it: the cause and not a symptom of it, and what comes next.

use crate::moving::{exported, pin, second_home, take_in};
use crate::succeeding::{approved_until, stricter};
use crate::treasury::{LARGE, NOW, Treasury, passphrase};
use bitcoin::Amount;
use policies::document::{ApproverDraft, PinnedKeyDraft};
use policies::hash::Purpose;
use policies::intent::SecretKey;
use policies::succession::SuccessionFile;
use policies::{Approval, IntentKind, Journal, ScriptKind, UnixTime};
use serde_json::Value;
use signer::clock;
use signer::failure::Explained;
use signer::journal_file::JournalFile;
use signer::keystore::Kind;
use signer::listing::{SignedStatement, StatementSignature};
use signer::moving::prepare;
use signer::pin::Pinned;
use signer::requesting::{Wish, request};
use signer::stopping::new_stop;
use signer::succeeding::{self, By};
use std::process::Command;

/// What a command left: exit code, data, talk.
struct Told {
    code: Option<i32>,
    data: String,
    talk: String,
}

impl Told {
    /// The first reason of a refusal: code and hint.
    fn refused(&self) -> (String, String) {
        let answer: Value = serde_json::from_str(&self.data).expect("answers in JSON");
        assert_ne!(self.code, Some(0));
        let text = |name: &str| answer["reasons"][0][name].as_str().map(str::to_owned);
        (text("code").expect("a code"), text("hint").expect("a hint"))
    }

    fn done(&self) -> &Self {
        assert_eq!(self.code, Some(0), "{}", self.talk);
        self
    }

    fn says(&self, words: &str) -> &Self {
        let said = format!("{}{}", self.talk, self.data);
        assert!(said.contains(words), "{words} in\n{said}");
        self
    }
}

/// Runs the tool in a treasury's folder.
fn run(treasury: &Treasury, home: &str, arguments: &[&str]) -> Told {
    write(treasury, "passphrase", b"correct horse\n");
    let output = Command::new(env!("CARGO_BIN_EXE_countersign-signer"))
        .env_clear()
        .current_dir(treasury.folder.path())
        .args(["--passphrase-file", "passphrase", "--home", home])
        .args(arguments)
        .output()
        .expect("runs");
    Told {
        code: output.status.code(),
        data: String::from_utf8_lossy(&output.stdout).into_owned(),
        talk: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

fn run_json(treasury: &Treasury, home: &str, arguments: &[&str]) -> Told {
    run(treasury, home, &[arguments, &["--json"]].concat())
}

fn write(treasury: &Treasury, name: &str, bytes: &[u8]) {
    std::fs::write(treasury.folder.path().join(name), bytes).expect("writes");
}

fn read(treasury: &Treasury, name: &str) -> Vec<u8> {
    std::fs::read(treasury.folder.path().join(name)).expect("reads")
}

fn journal(treasury: &Treasury, home: &str) -> Journal {
    let home = treasury.home(home);
    let owner = Pinned::load(&home).expect("loads").journal();
    JournalFile::read(&home.journal_file(), owner.expect("signs")).expect("reads")
}

fn stops(treasury: &Treasury, home: &str) -> usize {
    journal(treasury, home).history().stops_in_force().count()
}

/// Dana approves for everything but next versions.
fn changed_by_the_board() -> Treasury {
    Treasury::agree_with(ScriptKind::Wsh, NOW, |draft| {
        draft.approvers.push(ApproverDraft {
            name: "erin".to_owned(),
            person: "erin".to_owned(),
            groups: vec!["board".to_owned()],
            keys: vec![PinnedKeyDraft::own(
                &SecretKey::from_bytes(&[5; 32]).public(),
            )],
        });
        let change = draft.change.as_mut().expect("may change");
        change.approvals.group = Some("board".to_owned());
    })
}

#[test]
fn whoever_is_not_of_the_changing_group_approves_no_version_and_nothing_is_remembered() {
    let treasury = changed_by_the_board();
    let next = stricter(&treasury);
    let file = SuccessionFile::of(&next.bytes).expect("a document").write();
    write(&treasury, "next.json", &file);
    let approve = ["policy", "approve", "next.json", "--yes"];
    let told = run_json(&treasury, "dana", &approve);
    let (code, hint) = told.refused();
    assert_eq!(code, "NOT_ENTITLED");
    assert!(hint.contains("person of that group"), "{hint}");
    told.says("not of the group board");
    assert_eq!(read(&treasury, "next.json"), file);
    let record = treasury
        .home("dana")
        .approved_versions_file(treasury.policy.id);
    assert!(!record.exists(), "a true successor is not the second one");
}

#[test]
fn an_approval_that_ended_before_it_began_is_not_remembered() {
    let treasury = Treasury::agree(ScriptKind::Wsh);
    let home = treasury.home("dana");
    let name = "dana".parse().expect("a name");
    let key = home.open_person_key(Kind::Approval, Some(&name), &passphrase());
    let mut file = SuccessionFile::of(&stricter(&treasury).bytes).expect("a document");
    let policy = &treasury.policy;
    let key = key.expect("opens");
    let refused = succeeding::approve(&home, policy, &mut file, &key, (NOW, NOW), None);
    assert_eq!(refused.expect_err("has ended").code(), "NOT_ENTITLED");
    assert!(!home.approved_versions_file(policy.id).exists());
}

#[test]
fn a_stop_names_its_vault_and_says_where_it_is_to_be_brought() {
    let treasury = Treasury::agree(ScriptKind::Wsh);
    for home in ["dana", "alice"] {
        let stop = ["stop", "--reason", "a drill", "-o", "stop.json", "--yes"];
        let told = run(&treasury, home, &stop);
        told.done()
            .says("STOP the vault treasury:")
            .says("Nothing is stopped until it arrives:")
            .says("`countersign-coordinator statement submit stop.json`")
            .says("`stop take stop.json` at every signer");
        let wide = told.talk.lines().find(|line| line.chars().count() > 80);
        assert_eq!(wide, None);
    }
    // A signer's own home holds it already, an approver's keeps no journal.
    assert_eq!(stops(&treasury, "alice"), 1);
}

#[test]
fn a_stop_of_another_vault_is_not_released_here() {
    let (treasury, other) = (
        Treasury::agree(ScriptKind::Wsh),
        Treasury::agree(ScriptKind::Wsh),
    );
    let stop = ["stop", "--reason", "a drill", "-o", "stop.json", "--yes"];
    run(&other, "dana", &stop).done();
    let foreign = read(&other, "stop.json");
    // And one of a person who approves for both vaults with one key.
    let drill = new_stop("a drill", NOW).expect("a stop").said.statement;
    let purpose = Purpose::Stop;
    let vault = other.policy.vault;
    let approval = Approval::sign(
        &treasury.approver,
        purpose,
        vault,
        drill.subject(),
        UnixTime::ZERO,
    );
    let shared = SignedStatement {
        statement: String::from_utf8(drill.encode()).expect("ASCII"),
        about: String::new(),
        approvals: vec![StatementSignature::of(&approval)],
        moves: Vec::new(),
    };
    for bytes in [foreign, serde_json::to_vec(&shared).expect("JSON")] {
        write(&treasury, "foreign.json", &bytes);
        let release = ["stop", "release", "foreign.json", "--yes"];
        let told = run_json(&treasury, "dana", &release);
        let (code, hint) = told.refused();
        assert_eq!(code, "OTHER_VAULT");
        assert!(hint.contains("use the home of that vault"), "{hint}");
        told.says("the stop is of another vault");
    }
    run(&treasury, "dana", &stop).done();
    let release = ["stop", "release", "stop.json", "--yes"];
    run(&treasury, "dana", &release)
        .done()
        .says("Release a stop of the vault treasury");
}

/// The policy pins the key of a signer's first journal only.
#[test]
fn a_home_whose_journal_moved_stops_itself_and_whoever_takes_its_file() {
    let treasury = Treasury::agree(ScriptKind::Wsh);
    let (old, new) = (treasury.home("alice"), second_home(&treasury, "second"));
    let key = prepare(&new).expect("is fresh");
    let bundle = exported(&old, &key).expect("moves");
    take_in(&treasury, &new, &bundle).expect("goes on");
    assert_eq!(pin(&treasury, &new), Ok(Some(UnixTime::ZERO)));
    let stop = ["stop", "--reason", "a drill", "-o", "stop.json", "--yes"];
    run(&treasury, "second", &stop)
        .done()
        .says("This journal moved: the coordinator and others do not know its key.")
        .says("Have an approver stop the vault as well")
        .says("It holds here already");
    assert_eq!(stops(&treasury, "second"), 1);

    // Whoever takes the file counts it as the pinned journal's, which has so many stops and no more.
    run(&treasury, "bob", &["stop", "take", "stop.json"]).done();
    let pinned = treasury.policy.signer("alice").expect("a signer").journal;
    let bob = journal(&treasury, "bob");
    assert_eq!(bob.history().stops_of(pinned.id()), 1);
    let release = [
        "stop",
        "release",
        "stop.json",
        "-o",
        "release.json",
        "--yes",
    ];
    run(&treasury, "dana", &release).done();
    run(&treasury, "bob", &["stop", "take", "release.json"]).done();
    assert_eq!(stops(&treasury, "bob"), 0);

    // Without the certificates, or with those of another vault, nobody knows the key.
    let mut bare: Value = serde_json::from_slice(&read(&treasury, "stop.json")).expect("JSON");
    bare.as_object_mut().expect("an object").remove("moves");
    write(&treasury, "bare.json", bare.to_string().as_bytes());
    let told = run_json(&treasury, "machine", &["stop", "take", "bare.json"]);
    assert_eq!(told.refused().0, "NOT_ENTITLED");
    let told = run_json(
        &treasury,
        "dana",
        &["stop", "release", "bare.json", "--yes"],
    );
    assert_eq!(told.refused().0, "OTHER_VAULT");
    let other = Treasury::agree(ScriptKind::Wsh);
    write(&other, "stop.json", &read(&treasury, "stop.json"));
    let told = run_json(&other, "bob", &["stop", "take", "stop.json"]);
    assert_eq!(told.refused().0, "NOT_ENTITLED");

    // The machine that it left signs nothing any more; what it says counts everywhere.
    let stop = ["stop", "--reason", "a drill", "-o", "old.json", "--yes"];
    run(&treasury, "alice", &stop)
        .done()
        .says("This journal moved away");
    run(&treasury, "machine", &["stop", "take", "old.json"]).done();
}

#[test]
fn a_version_of_another_vault_is_told_as_one_and_nobody_is_told_to_rewrite_it() {
    let (treasury, other) = (
        Treasury::agree(ScriptKind::Wsh),
        Treasury::agree(ScriptKind::Wsh),
    );
    let next = stricter(&other);
    let expires = clock::now().saturating_add(86_400);
    let file = approved_until(&other, &next, expires);
    write(&treasury, "next.json", &file.write());
    let id = next.id.to_string();
    for (home, verb) in [
        ("dana", &["policy", "approve", "next.json", "--yes"][..]),
        ("alice", &["policy", "follow", "next.json"]),
        ("alice", &["policy", "pin", "next.json", "--id", &id]),
    ] {
        let told = run_json(&treasury, home, verb);
        let (code, hint) = told.refused();
        assert_eq!(code, "DOES_NOT_FOLLOW");
        assert!(hint.starts_with("use the home of that vault"), "{hint}");
        assert!(!hint.contains("write "), "{hint}");
        told.says("it is of another vault");
    }
    write(&treasury, "policy.toml", &treasury.policy.bytes);
    write(&treasury, "next.toml", &next.bytes);
    let told = run(
        &treasury,
        "dana",
        &["policy", "diff", "policy.toml", "next.toml"],
    );
    let first = told.done().data.lines().next();
    assert!(first.is_some_and(|line| line.contains("of another vault")));
}

#[test]
fn what_is_approved_and_reviewed_for_another_vault_is_told_as_such() {
    let now = clock::now();
    let (treasury, other) = (
        Treasury::agree_at(ScriptKind::Wsh, now),
        Treasury::agree_at(ScriptKind::Wsh, now),
    );
    let address = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";
    let wish = Wish {
        id: "w1".parse().expect("an id"),
        kind: IntentKind::Payment,
        address: address.parse().expect("an address"),
        amount: Amount::from_sat(LARGE),
        min: None,
        valid_for: 86_400,
        replaces: None,
        repeats: None,
        reference: String::new(),
    };
    let (_, signed) = request(&other.policy, &other.requester, wish, now).expect("is a request");
    write(
        &treasury,
        "w1.json",
        &serde_json::to_vec(&signed).expect("JSON"),
    );
    let told = run_json(&treasury, "dana", &["approve", "w1.json", "--yes"]);
    let (code, hint) = told.refused();
    assert_eq!(code, "OTHER_VAULT");
    assert!(hint.contains("use the home of that vault"), "{hint}");
    let transfer = other.transfer(&[other.intent("w1", 1_000_000)], &[0]);
    write(&treasury, "w1.psbt", &transfer.serialize());
    let told = run_json(&treasury, "alice", &["review", "w1.psbt"]);
    let (code, hint) = told.refused();
    assert_eq!(code, "WRONG_POLICY");
    assert!(hint.contains("use the home of that vault"), "{hint}");
}

#[test]
fn a_version_that_waits_was_taken_in_and_one_that_was_adopted_stays_so() {
    let now = clock::now();
    let treasury = Treasury::agree_at(ScriptKind::Wsh, now);
    let next = stricter(&treasury);
    let file = approved_until(&treasury, &next, now.saturating_add(86_400));
    write(&treasury, "next.json", &file.write());
    let follow = ["policy", "follow", "next.json"];
    let told = run_json(&treasury, "alice", &follow);
    assert_eq!(told.refused().0, "VERSION_NOT_RIPE");
    told.says("was taken in; call again from ");

    let home = treasury.home("alice");
    let pinned = Pinned::load(&home).expect("loads");
    let owner = pinned.journal().expect("signs");
    let mut journal = JournalFile::open(&home.journal_file(), owner).expect("opens");
    let ripe = now.saturating_add(72 * 3_600);
    let adopted = succeeding::adopt(&home, &pinned, Some(&mut journal), next.id, By::Human, ripe);
    adopted.expect("adopts");
    drop(journal);
    let id = next.id.to_string();
    for verb in [&follow[..], &["policy", "pin", "next.json", "--id", &id]] {
        run(&treasury, "alice", verb).done().says("Already adopted");
        let again = run_json(&treasury, "alice", verb);
        let answer: Value = serde_json::from_str(&again.done().data).expect("JSON");
        assert_eq!(answer["already_adopted"], true);
    }
    let wrong = treasury.policy.id.to_string();
    let pin = ["policy", "pin", "next.json", "--id", &wrong];
    let told = run_json(&treasury, "alice", &pin);
    assert_eq!(told.refused().0, "POLICY_ID_MISMATCH");
}

#[test]
fn a_file_of_another_kind_is_told_as_one_and_raises_no_alarm() {
    let treasury = Treasury::agree(ScriptKind::Wsh);
    let stop = ["stop", "--reason", "a drill", "-o", "stop.json", "--yes"];
    run(&treasury, "dana", &stop).done();
    for (name, bytes) in [
        ("w1.json", &b"{\n  \"intent\": \"\"\n}"[..]),
        ("w2.json", b"{\"intent\":\"\"}\n"),
        ("stop.json", &read(&treasury, "stop.json")),
    ] {
        write(&treasury, name, bytes);
        let told = run_json(&treasury, "alice", &["journal", "verify", name]);
        assert_eq!(told.refused().0, "NOT_A_JOURNAL", "{name}");
        told.says("the named file is no journal");
    }
    write(&treasury, "empty", b"");
    let told = run_json(&treasury, "alice", &["journal", "verify", "empty"]);
    assert_eq!(told.refused().0, "EMPTY_FILE");
    let own = std::fs::read_to_string(treasury.home("alice").journal_file()).expect("reads");
    write(&treasury, "copy", own.as_bytes());
    run(&treasury, "alice", &["journal", "verify", "copy"]).done();
    for (from, to) in [("\"birth\":0", "\"birth\":1"), ("\n", "\nrubbish\n")] {
        let altered = own.replacen(from, to, 1);
        assert_ne!(altered, own);
        write(&treasury, "altered", altered.as_bytes());
        let told = run_json(&treasury, "alice", &["journal", "verify", "altered"]);
        assert_eq!(told.refused().0, "JOURNAL_TAMPERED");
    }

    let told = run_json(&treasury, "alice", &["stop", "take", "w2.json"]);
    let (code, hint) = told.refused();
    assert_eq!(code, "NOT_A_STATEMENT_FILE");
    for named in [
        "`stop`",
        "`stop release`",
        "`list add`",
        "`statement list --json`",
    ] {
        assert!(hint.contains(named), "{hint}");
    }
}

#[test]
fn an_approver_of_another_file_hears_of_requests_and_transfers() {
    let treasury = Treasury::agree(ScriptKind::Wsh);
    write(&treasury, "empty", b"");
    let told = run_json(&treasury, "dana", &["approve", "empty"]);
    assert_eq!(told.refused().0, "EMPTY_FILE");
    write(&treasury, "blank", b"\n");
    let told = run_json(&treasury, "dana", &["approve", "blank"]);
    let (_, hint) = told.refused();
    assert!(hint.contains("request") && hint.contains("PSBT"), "{hint}");
    told.says("neither a request nor an intent");
}
