//! The tool between a signer's home and a device that no wire joins, and by a date that a person gives.

use crate::device::Device;
use crate::person::Person;
use crate::treasury::Treasury;
use bitcoin::psbt::Psbt;
use policies::{Policy, ScriptKind, UnixTime};
use serde_json::Value;
use signer::clock;
use std::path::PathBuf;
use std::process::{Command, Output};

const DAY: u64 = 86_400;

/// A treasury of today whose files lie in one folder.
struct Desk {
    treasury: Treasury,
}

impl Desk {
    fn new(kind: ScriptKind) -> Self {
        Self::agreed(kind, clock::now())
    }

    fn agreed(kind: ScriptKind, at: UnixTime) -> Self {
        let treasury = Treasury::agree_at(kind, at);
        std::fs::write(treasury.folder.path().join("passphrase"), "correct horse\n")
            .expect("writes");
        Self { treasury }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.treasury.folder.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path(name), bytes).expect("writes");
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).expect("reads")
    }

    fn run(&self, home: &str, line: &str) -> Output {
        Command::new(env!("CARGO_BIN_EXE_countersign-signer"))
            .env_clear()
            .current_dir(self.treasury.folder.path())
            .args(["--passphrase-file", "passphrase", "--home", home])
            .args(line.split(' '))
            .output()
            .expect("runs")
    }

    /// What a command says to programs, and what it talked.
    fn done(&self, home: &str, line: &str) -> (Value, String) {
        let output = self.run(home, &format!("{line} --json"));
        let talk = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{line}: {talk}");
        let value = serde_json::from_slice(&output.stdout).expect("answers in JSON");
        (value, talk)
    }

    /// The code and hint of the first reason.
    fn refused(&self, home: &str, line: &str) -> (String, String) {
        let output = self.run(home, &format!("{line} --json"));
        assert_ne!(output.status.code(), Some(0), "{line}");
        let answer: Value = serde_json::from_slice(&output.stdout).expect("answers in JSON");
        let field = |name: &str| answer["reasons"][0][name].as_str().map(str::to_owned);
        (
            field("code").expect("a code"),
            field("hint").expect("a hint"),
        )
    }

    /// A transfer to be signed, in this file.
    fn issue(&self, name: &str, id: &str, coins: &[u32]) -> Psbt {
        let intent = self.treasury.intent(id, 1_000_000 + u64::from(coins[0]));
        let issued = self.treasury.transfer(&[intent], coins);
        self.write(name, &issued.serialize());
        issued
    }

    /// A date in the words of the command line, so many seconds from now.
    fn date(ahead: u64) -> String {
        clock::now().saturating_add(ahead).to_string()
    }
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

#[test]
fn a_devices_public_key_is_enrolled_with_a_journal_key_of_its_own() {
    let desk = Desk::new(ScriptKind::Wsh);
    let public = text(&desk.done("alice", "xpub").0["key"]);
    desk.write("export.txt", format!("{public}\n").as_bytes());
    let import = "import export.txt --device coldcard-q --name zoe";
    let (made, _) = desk.done("zoe", import);
    let record = text(&made["record"]);
    assert!(
        record.contains("device = { kind = \"coldcard-q\" }"),
        "{record}"
    );
    assert!(record.contains(&public), "{record}");
    let (shown, _) = desk.done("zoe", "xpub");
    assert_eq!(
        (&shown["key"], &shown["journal"]),
        (&made["key"], &made["journal"])
    );
    assert_ne!(shown["journal"], desk.done("alice", "xpub").0["journal"]);
    assert!(!desk.path("zoe/keys/vault.key").exists());
    // A key is never replaced, by no way of bringing one.
    assert_eq!(desk.refused("zoe", import).0, "KEY_EXISTS");
    assert_eq!(desk.refused("alice", import).0, "KEY_EXISTS");
    let keygen = "keygen --network regtest --name zoe";
    assert_eq!(desk.refused("zoe", keygen).0, "KEY_EXISTS");
    // Her journal's key stands in no policy.
    let init = format!(
        "init --policy alice/policy.toml --id {}",
        desk.treasury.policy.id
    );
    assert_eq!(desk.refused("zoe", &init).0, "JOURNAL_NOT_IN_POLICY");
    desk.write("private.txt", b"[73c5da0a/48h/1h/0h/2h]tprv8ZgxMBicQKsPd");
    let import = "import private.txt --device jade --name mia";
    assert_eq!(desk.refused("mia", import).0, "PRIVATE_KEY");
}

#[test]
fn a_home_of_a_device_hands_over_takes_answers_and_says_what_to_do() {
    let desk = Desk::new(ScriptKind::Wsh);
    let device = Device::of(&desk.treasury, "alice");
    let issued = desk.issue("w1.psbt", "w1", &[0, 3]);
    let txid = issued.unsigned_tx.compute_txid().to_string();
    std::fs::create_dir(desk.path("card")).expect("makes a folder");

    let (code, hint) = desk.refused("alice", "sign w1.psbt --yes");
    assert_eq!(code, "KEY_ELSEWHERE");
    assert!(hint.contains("--hand-to"), "{hint}");
    assert_eq!(
        desk.refused("bob", "sign w1.psbt --hand-to card --yes").0,
        "KEY_HERE"
    );
    let unsure = desk.refused("alice", "sign w1.psbt --hand-to card");
    assert_eq!(unsure.0, "NOBODY_TO_ASK");
    assert_eq!(desk.done("alice", "journal verify").0["counter"], 0);

    let (handed, talk) = desk.done("alice", "sign w1.psbt --hand-to card --yes");
    let file = format!("card/{}-dev.psbt", &txid[..8]);
    assert_eq!(handed["handed_to"], file);
    let compare = text(&handed["compare"]);
    assert!(
        compare.contains("  1. 0.01 000 000 BTC (1,000,000 sat) payment"),
        "{compare}"
    );
    assert!(compare.contains("change, back to us"), "{compare}");
    assert!(compare.contains("fee 0.00 020 000 BTC"), "{compare}");
    assert!(talk.contains("--carrier bbqr"), "{talk}");
    assert_eq!(desk.done("alice", "journal verify").0["counter"], 1);
    desk.done("alice", &format!("journal receipt {txid}"));
    // What was handed over is never voided any more.
    let void = format!("void {txid} --yes");
    assert_eq!(desk.refused("alice", &void).0, "ALREADY_SIGNED");

    assert_eq!(
        desk.refused("alice", "sign --answer card").0,
        "NOT_ANSWERED"
    );
    let signed = device.signs(&desk.read(&file));
    desk.write("card/renamed-part.psbt", &signed.serialize());
    desk.write("card/photo.jpg", b"\xff\xd8\xff");
    let foreign = desk
        .treasury
        .transfer(&[desk.treasury.intent("w9", 7_000)], &[7]);
    desk.write("card/other-signed.psbt", &foreign.serialize());
    let (answered, talk) = desk.done("alice", "sign --answer card --output w1.alice.psbt");
    let one = &answered["answered"][0];
    assert_eq!(one["txid"], txid);
    assert_eq!(
        (&one["signatures"], &one["missing"]),
        (&2.into(), &Value::Array(vec![]))
    );
    assert_eq!(answered["passed_over"].as_array().map(Vec::len), Some(2));
    assert!(
        talk.contains("other-signed.psbt") && talk.contains("photo.jpg"),
        "{talk}"
    );
    let first = desk.read("w1.alice.psbt");
    desk.done(
        "alice",
        "sign --answer card/renamed-part.psbt --output again.psbt",
    );
    assert_eq!(desk.read("again.psbt"), first);

    // What was kept is gone: the transfer is given again, and the journal has it.
    std::fs::remove_dir_all(desk.path("alice/handed")).expect("is there");
    let answer = "sign --answer card/renamed-part.psbt";
    assert_eq!(desk.refused("alice", answer).0, "NOT_HANDED_OVER");
    let again = "sign w1.psbt --answer card/renamed-part.psbt -o third.psbt";
    desk.done("alice", again);
    assert_eq!(desk.read("third.psbt"), first);
    let late = desk.issue("w2.psbt", "w2", &[5]);
    let mut stripped = late.clone();
    stripped.proprietary.clear();
    desk.write(
        "w2.signed",
        &device.signs(&stripped.serialize()).serialize(),
    );
    let never = desk.refused("alice", "sign w2.psbt --answer w2.signed");
    assert_eq!(never.0, "NOT_HANDED_OVER");
}

#[test]
fn several_transfers_are_answered_from_one_card_and_a_missing_input_is_said() {
    let desk = Desk::new(ScriptKind::Tr);
    let device = Device::of(&desk.treasury, "alice");
    desk.issue("w1.psbt", "w1", &[0, 3]);
    desk.issue("w2.psbt", "w2", &[5]);
    std::fs::create_dir(desk.path("card")).expect("makes a folder");
    std::fs::create_dir(desk.path("out")).expect("makes a folder");
    for transfer in ["w1.psbt", "w2.psbt"] {
        let line = format!("sign {transfer} --hand-to handed-{transfer} --yes");
        desk.done("alice", &line);
        let mut signed = device.signs(&desk.read(&format!("handed-{transfer}")));
        if let Some(second) = signed.inputs.get_mut(1) {
            second.tap_script_sigs.clear();
        }
        desk.write(&format!("card/{transfer}"), &signed.serialize());
    }
    // Nothing is written over what is there, and nothing is journalled then.
    desk.issue("w3.psbt", "w3", &[6]);
    let taken = desk.refused("alice", "sign w3.psbt --hand-to handed-w1.psbt --yes");
    assert_eq!(taken.0, "OUTPUT_TAKEN");
    desk.write("copy.psbt", &desk.read("w3.psbt"));
    let transfer = desk.refused("alice", "sign w3.psbt --hand-to copy.psbt --yes");
    assert_eq!(transfer.0, "OUTPUT_TAKEN");
    let inside = desk.refused("alice", "sign w3.psbt --hand-to alice/journal.jsonl --yes");
    assert_eq!(inside.0, "OUTPUT_IN_HOME");
    let nowhere = desk.refused("alice", "sign w3.psbt --hand-to nowhere/w3.psbt --yes");
    assert_eq!(nowhere.0, "NO_FOLDER");
    assert_eq!(desk.done("alice", "journal verify").0["counter"], 2);
    let one_file = desk.refused("alice", "sign --answer card --output one.psbt");
    assert_eq!(one_file.0, "SEVERAL_ANSWERED");
    let (answered, talk) = desk.done("alice", "sign --answer card --output out");
    let all = answered["answered"].as_array().expect("a list");
    assert_eq!(all.len(), 2);
    assert!(talk.contains("signed 1 of 2 inputs"), "{talk}");
    assert!(talk.contains("NOT SIGNED: input 1"), "{talk}");
    for one in all {
        assert!(desk.path(&text(&one["output"])).exists());
    }
}

#[cfg(feature = "online")]
#[test]
fn the_automatic_cosigner_needs_a_key_of_its_own() {
    let desk = Desk::new(ScriptKind::Wsh);
    Device::of(&desk.treasury, "machine");
    desk.write("token", "0a".repeat(32).as_bytes());
    let serve = "serve --url http://127.0.0.1:1 --token-file token --once";
    let (code, hint) = desk.refused("machine", serve);
    assert_eq!(code, "KEY_ELSEWHERE");
    assert!(hint.contains("sign --answer"), "{hint}");
}

/// A file as it comes out of the codes that it was shown as.
fn carried(desk: &Desk, file: &str, carrier: &str) -> String {
    let show = desk.run(
        "nobody",
        &format!("qr show {file} --carrier {carrier} --texts"),
    );
    assert_eq!(show.status.code(), Some(0));
    desk.write("lines", &show.stdout);
    let out = format!("{file}.{carrier}");
    desk.done("nobody", &format!("qr scan lines --output {out}"));
    assert_eq!(desk.read(&out), desk.read(file), "{file}");
    out
}

#[test]
fn everything_that_travels_goes_by_codes_and_the_next_verb_reads_it() {
    for carrier in ["bbqr", "ur"] {
        let desk = Desk::new(ScriptKind::Wsh);
        let id = desk.treasury.policy.id;
        let carried = |file: &str| carried(&desk, file, carrier);
        // A policy, and a key record on its way into one.
        desk.write("policy.toml", &desk.treasury.policy.bytes);
        let policy = carried("policy.toml");
        desk.done("alice", &format!("init --policy {policy} --id {id}"));
        let (made, _) = desk.done("dan", "keygen --approval dan");
        desk.write("dan.record", text(&made["record"]).as_bytes());
        carried("dan.record");
        // A request, and the approval of it.
        let address = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";
        let request = format!("request --id w7 --amount-sat 9000000 --to {address}");
        desk.write("w7.json", &desk.run("exchange", &request).stdout);
        let request = carried("w7.json");
        let approval = desk.run("dana", &format!("approve {request} --yes"));
        desk.write("w7.approval", &approval.stdout);
        carried("w7.approval");
        // A transfer, its void, a signature, and a stop.
        desk.issue("w1.psbt", "w1", &[0]);
        let transfer = carried("w1.psbt");
        desk.done("bob", &format!("void {transfer} --yes --output w1.void"));
        carried("w1.void");
        desk.done(
            "alice",
            &format!("sign {transfer} --yes --output w1.alice.psbt"),
        );
        carried("w1.alice.psbt");
        desk.done("dana", "stop --reason lost --yes --output stop.json");
        let stop = carried("stop.json");
        desk.done("machine", &format!("stop take {stop}"));
        // A journal, for the coordinator and as it stands.
        desk.done("alice", "journal export --out alice.journal");
        carried("alice.journal");
        desk.write("alice.jsonl", &desk.read("alice/journal.jsonl"));
        let journal = carried("alice.jsonl");
        desk.done("alice", &format!("journal verify {journal}"));
        // The next version of the policy, with its approval.
        desk.write("next.toml", &stricter(&desk.treasury));
        desk.done("dana", "policy propose next.toml --output next.json");
        let next = carried("next.json");
        desk.done("dana", &format!("policy approve {next} --yes"));
        let approved = carried(&next);
        let told = desk.refused("alice", &format!("policy follow {approved}"));
        assert_eq!(told.0, "VERSION_NOT_RIPE");
    }
}

/// The next version, with a smaller bound.
fn stricter(treasury: &Treasury) -> Vec<u8> {
    let next: Policy = crate::succeeding::stricter(treasury);
    next.bytes
}

#[test]
fn a_date_that_is_given_is_what_everything_is_judged_by() {
    let desk = Desk::new(ScriptKind::Wsh);
    desk.issue("w1.psbt", "w1", &[0]);
    let tomorrow = Desk::date(DAY / 2);
    let (review, _) = desk.done("alice", &format!("review w1.psbt --today {tomorrow}"));
    let newest = review["date"]["newest"].as_u64().expect("a moment");
    assert!(clock::now().secs_since(UnixTime::from_secs(newest)) < 600);
    assert_eq!(review["date"]["good_until"], newest + DAY);
    assert_eq!(desk.done("alice", "review w1.psbt").0["date"], Value::Null);

    // What has expired by that date is refused, and told by which date.
    let (code, hint) = desk.refused(
        "alice",
        &format!("sign w1.psbt --yes --today {}", Desk::date(2 * DAY)),
    );
    assert_eq!(code, "INTENT_EXPIRED");
    assert!(
        hint.contains("--today") && hint.contains("the date given"),
        "{hint}"
    );
    let (_, hint) = desk.refused(
        "alice",
        &format!("review w1.psbt --today {}", Desk::date(2 * DAY)),
    );
    assert!(hint.contains("--today"), "{hint}");

    let before = desk.treasury.policy.head.time.saturating_sub(1);
    let early = desk.refused("alice", &format!("review w1.psbt --today {before}"));
    assert_eq!(early.0, "DATE_BEFORE_POLICY");
    // Nobody is there to confirm a date so far ahead of the clock, whatever flags are given.
    let far = Desk::date(8 * DAY);
    let far = desk.refused("alice", &format!("sign w1.psbt --yes --today {far}"));
    assert_eq!(far.0, "NOBODY_TO_ASK");
    assert_eq!(desk.done("alice", "journal verify").0["counter"], 0);

    let (_, talk) = desk.done("alice", &format!("sign w1.psbt --yes --today {tomorrow}"));
    assert!(
        talk.contains("Good until") && talk.contains("by the date given"),
        "{talk}"
    );
    // The journal's time never runs backwards, and says so.
    let now = Desk::date(0);
    let (_, talk) = desk.done("alice", &format!("sign w1.psbt --yes --today {now}"));
    assert!(talk.contains("the journal's last entry"), "{talk}");
}

#[test]
fn a_home_without_a_clock_asks_for_the_date_and_never_takes_the_systems() {
    let desk = Desk::new(ScriptKind::Wsh);
    let id = desk.treasury.policy.id;
    desk.write("policy.toml", &desk.treasury.policy.bytes);
    let init = format!("init --policy policy.toml --id {id} --no-clock");
    let day = Desk::date(0)[..10].to_owned();
    let alone = desk.refused("alice", &format!("{init} --today {day}"));
    assert_eq!(alone.0, "DATE_WITHOUT_TIME");
    let (code, hint) = desk.refused("alice", &init);
    assert_eq!(code, "NOBODY_TO_ASK");
    assert!(hint.contains("--today"), "{hint}");
    // Born an hour too early, a journal may sign again what one before it signed: a person says that it is not.
    let hour_ago = clock::now().saturating_sub(3_600);
    let early = desk.refused("alice", &format!("{init} --today {hour_ago}"));
    assert_eq!(early.0, "NOBODY_TO_ASK");
    desk.done("alice", &format!("{init} --today {}", Desk::date(0)));

    desk.issue("w1.psbt", "w1", &[0]);
    for line in ["review w1.psbt", "sign w1.psbt --yes", "journal status"] {
        assert_eq!(desk.refused("alice", line).0, "NOBODY_TO_ASK", "{line}");
    }
    assert_eq!(desk.done("alice", "journal verify").0["counter"], 0);
    // Where somebody is, they are asked for the date, and then whether it has ended: --yes answers neither.
    let mut person = Person::at(desk.treasury.folder.path(), "alice", "sign w1.psbt --yes");
    person.reads_until("in UTC? ");
    person.types("tomorrow");
    person.reads_until("in UTC? ");
    person.types(&Desk::date(60)[..16].replace('T', " "));
    person.reads_until("[yes/no] ");
    let (code, shown) = person.says_yes();
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("Is it earlier than"), "{shown}");
    assert_eq!(desk.run("alice", "journal verify").status.code(), Some(0));
    let verified = desk.done("alice", "journal verify").0;
    assert_eq!(verified["counter"], 1);
}

#[test]
fn a_date_far_after_the_last_entry_is_confirmed_in_a_home_without_a_clock() {
    let month = 30 * DAY;
    let desk = Desk::agreed(ScriptKind::Wsh, clock::now().saturating_sub(month));
    let verb = format!("journal status --today {}", Desk::date(0));
    desk.done("alice", &verb);
    std::fs::write(desk.path("alice/no-clock"), b"").expect("marks");
    assert_eq!(desk.refused("alice", &verb).0, "NOBODY_TO_ASK");
    let mut person = Person::at(desk.treasury.folder.path(), "alice", &verb);
    let asked = person.reads().to_owned();
    assert!(asked.contains("days after the newest"), "{asked}");
    assert_eq!(person.says_yes().0, Some(0));
    // A week after is soon enough.
    let week = Desk::date(0);
    let desk = Desk::agreed(ScriptKind::Wsh, clock::now().saturating_sub(6 * DAY));
    std::fs::write(desk.path("alice/no-clock"), b"").expect("marks");
    desk.done("alice", &format!("journal status --today {week}"));
}

#[test]
fn a_date_far_after_the_newest_request_is_confirmed_by_a_person() {
    let desk = Desk::new(ScriptKind::Wsh);
    desk.issue("w1.psbt", "w1", &[0]);
    let far = Desk::date(9 * DAY);
    let verb = format!("review w1.psbt --today {far}");
    let mut person = Person::at(desk.treasury.folder.path(), "alice", &verb);
    let asked = person.reads().to_owned();
    assert!(
        asked.contains("9 days after this machine's clock"),
        "{asked}"
    );
    let (code, shown) = person.says_yes();
    // By that date it has expired.
    assert_eq!(code, Some(1), "{shown}");
    assert!(shown.contains("INTENT_EXPIRED"), "{shown}");
}
