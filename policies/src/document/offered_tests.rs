//! What is taken for a seat, and what is not.

use super::*;
use crate::descriptor::samples;
use crate::review::world::secret;

fn seat() -> Seat<'static> {
    Seat {
        name: "alice",
        person: "alice-m",
        network: Network::Regtest,
    }
}

fn key() -> String {
    samples::named("zelda", Network::Regtest).key.to_string()
}

fn journal() -> String {
    secret("journal of zelda").public().to_string()
}

fn record(device: &str) -> String {
    format!(
        "[[signers]]\nname = \"zelda\"\nperson = \"zelda\"\ndevice = {device}\nkey = \"{}\"\njournal = \"{}\"\n",
        key(),
        journal()
    )
}

fn software() -> String {
    record("{ kind = \"software\" }")
}

fn taken(offered: &Offered<'_>) -> SeatRecord {
    let read = read_offered(offered, seat()).expect("is taken");
    let again = Offered {
        text: &read.text,
        ..Offered::default()
    };
    let again = read_offered(&again, seat()).expect("what was written is read");
    assert_eq!(again.text, read.text);
    read
}

fn refused(offered: &Offered<'_>) -> &'static str {
    let error = read_offered(offered, seat()).expect_err("is refused");
    assert!(!error.to_string().is_empty() && !error.hint().is_empty());
    error.code()
}

fn text(text: &str) -> Offered<'_> {
    Offered {
        text,
        ..Offered::default()
    }
}

#[test]
fn the_seats_own_name_and_person_stand_whatever_the_record_calls_itself() {
    let read = taken(&text(&software()));
    assert_eq!(read.signer.name, "alice");
    assert_eq!(read.signer.person, "alice-m");
    assert_eq!(read.called.as_deref(), Some("zelda"));
    assert_eq!(read.signer.key.text, key());
}

#[test]
fn every_shape_gives_the_same_key_and_journal() {
    let (key, journal) = (key(), journal());
    let json = serde_json::json!({ "kind": "signer", "key": key, "journal": journal, "record": software() });
    let shown = serde_json::json!({ "key": key, "journal": journal }).to_string();
    let marked = key.replacen("h/", "'/", 4);
    let bsms = format!("BSMS 1.0\n00\n{marked}\nZelda's key");
    let expected = taken(&text(&software())).signer;
    for (offered, journal) in [
        (json.to_string(), ""),
        (shown, ""),
        (bsms, journal.as_str()),
        (key.clone(), journal.as_str()),
        (marked, journal.as_str()),
    ] {
        let offered = Offered {
            text: &offered,
            journal,
            kind: "software",
            ..Offered::default()
        };
        let read = taken(&offered).signer;
        assert_eq!(
            (&read.key, &read.journal),
            (&expected.key, &expected.journal)
        );
    }
}

#[test]
fn what_is_said_beside_the_record_goes_before_what_it_says() {
    let record = record("{ kind = \"ledger\", host = \"desk\" }");
    let offered = Offered {
        text: &record,
        firmware: "2.4.6",
        seed_created: "2026-11-27",
        ..Offered::default()
    };
    let device = taken(&offered).signer.device.expect("a device");
    assert_eq!(device.kind, "ledger");
    assert_eq!(device.firmware.as_deref(), Some("2.4.6"));
    assert_eq!(device.seed_created.as_deref(), Some("2026-11-27"));
    assert_eq!(device.host.as_deref(), Some("desk"));
}

#[test]
fn a_private_key_is_refused_in_every_shape_and_never_repeated() {
    let words =
        "abandon ability able about above absent absorb abstract absurd abuse access accident";
    let numbered = "1 abandon 2 ability 3 able 4 about 5 above 6 absent 7 absorb 8 abstract 9 absurd 10 abuse \
                    11 access 12 accident";
    let record = software().replace("tpub", "tprv");
    for secret in [
        words,
        numbered,
        record.as_str(),
        "L5TXU4SdD9e6QGgBjxeegJKxt4FgATLG1TCnFM8JLyEkFuyHEqNM",
        "key: L5TXU4SdD9e6QGgBjxeegJKxt4FgATLG1TCnFM8JLyEkFuyHEqNM.",
    ] {
        let error = read_offered(&text(secret), seat()).expect_err("is refused");
        assert_eq!(error.code(), "private_key_given", "{secret}");
        assert!(!error.to_string().contains("abandon"));
    }
}

#[test]
fn a_key_of_another_network_is_refused() {
    let key = samples::named("zelda", Network::Bitcoin).key.to_string();
    let offered = Offered {
        text: &key,
        journal: &journal(),
        kind: "software",
        ..Offered::default()
    };
    assert_eq!(refused(&offered), "key_of_other_network");
}

#[test]
fn what_is_missing_is_named() {
    let key = key();
    assert_eq!(refused(&text("")), "not_a_signer_record");
    assert_eq!(refused(&text("hello")), "not_a_signer_record");
    assert_eq!(refused(&text("{}")), "not_a_signer_record");
    assert_eq!(
        refused(&text(&"a".repeat(MAX_BYTES + 1))),
        "not_a_signer_record"
    );
    assert_eq!(refused(&text(&key)), "journal_needed");
    let journal = journal();
    let without_device = Offered {
        journal: &journal,
        ..text(&key)
    };
    assert_eq!(refused(&without_device), "device_needed");
    let two = software() + &software();
    assert_eq!(refused(&text(&two)), "not_one_signer");
    assert_eq!(
        refused(&text("BSMS 1.0\n00\nnothing")),
        "key_record_refused"
    );
}

#[test]
fn nothing_said_beside_the_record_becomes_more_of_the_document() {
    let record = software();
    for (firmware, seed, code) in [
        ("", "2026-11-27\nhost = \"x\"", "seed_day"),
        ("", "2026-13-99", "signer_record_mistakes"),
        ("1\" }\nname = \"mallory", "", "signer_record_mistakes"),
    ] {
        let offered = Offered {
            text: &record,
            firmware,
            seed_created: seed,
            ..Offered::default()
        };
        assert_eq!(refused(&offered), code, "{firmware} {seed}");
    }
}
