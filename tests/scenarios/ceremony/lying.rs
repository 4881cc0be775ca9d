//! A coordinator that lies in the middle of a ceremony: it exchanges a key or the document in its own database.

use bitcoin::hex::DisplayHex as _;
use harness::{Api, Engine, Outcome};
use policies::document::{SignerKey, id_of};
use serde::Deserialize;
use serde_json::json;

use super::places::{Hall, Person, all_compare, board, leads, of_seats};
use super::{gathered, is_not_active, sets, written};

/// Bytes as SQLite reads them.
fn bytes(bytes: &[u8]) -> String {
    format!("x'{}'", bytes.to_lower_hex_string())
}

/// Puts other bytes in place of the document; and its id, if it is to fit them.
fn exchange(hall: &Hall, document: &str, with_id: bool) -> Outcome {
    let blob = bytes(document.as_bytes());
    let id = bytes(&id_of(document.as_bytes()).to_bytes());
    let id = if with_id {
        format!(", draft_id = {id}")
    } else {
        String::new()
    };
    hall.store
        .sql(&format!("UPDATE vault_ceremony SET draft = {blob}{id}"))?;
    Ok(())
}

/// 1. All have handed in their keys. The coordinator puts a key of its own into bob's seat, and the document with it is
///    set: everybody's words are the same, and all compare them.
/// 2. Bob's own tool does not find his key in the document, and pins nothing; he is not ready, and nothing is active.
#[test]
fn a_key_exchanged_after_it_was_handed_in_is_found_by_its_owners_tool() -> Outcome {
    #[derive(Deserialize)]
    struct Printed {
        signers: Vec<Made>,
    }
    #[derive(Deserialize)]
    struct Made {
        key: String,
        journal: String,
    }
    let hall = Hall::open(Engine::Sqlite)?;
    let at = &hall.coordinator;
    let (id, people) = gathered(&hall)?;
    let record = String::from_utf8(Person::new("bob")?.makes_key()?)?;
    let made: Printed = toml::from_str(&record)?;
    let Made { key, journal } = &made.signers[0];
    let key: SignerKey = key.parse()?;
    let key = bytes(&key.xpub.public_key.serialize());
    hall.store.sql(&format!(
        "UPDATE vault_seat SET record = '{record}', xpub = {key}, journal = '{journal}' WHERE name = 'bob'"
    ))?;
    let (_, document) = written(&hall, &id)?;
    sets(&hall, &id, &document)?.done()?;
    all_compare(at, &people)?;
    for person in &people {
        let pinned = person.pins(&person.reads_out()?, &[])?;
        if person.name() == "bob" {
            pinned.refused("KEY_NOT_IN_POLICY")?;
        } else {
            pinned.done()?;
            person.is_ready(at)?.done()?;
        }
    }
    let refused = leads(at, &["activate", &id])?.refused("not_confirmed")?;
    assert!(refused.stderr.contains("bob"), "{}", refused.stderr);
    is_not_active(&hall, &id, "not_confirmed")
}

/// 1. Alice compares the document. The coordinator then shows bob another one.
/// 2. Alice reads her words out to bob: they are not those of what he holds, and confirm nothing. The file that he has
///    from before is refused as well.
/// 3. What alice confirmed does not count for the other document.
#[test]
fn whoever_is_shown_another_document_hears_other_words() -> Outcome {
    let hall = Hall::open(Engine::Sqlite)?;
    let at = &hall.coordinator;
    let (id, people) = gathered(&hall)?;
    let (_, document) = written(&hall, &id)?;
    sets(&hall, &id, &document)?.done()?;
    let (alice, bob) = (&people[0], &people[1]);
    for person in [alice, bob] {
        person.fetches(at)?;
    }
    let words = alice.reads_out()?;
    alice.confirms(at, "bob", &words)?.done()?;
    alice.is_ready(at)?.done()?;

    let other = document.replace("fee_max_sat = 500000", "fee_max_sat = 499999");
    exchange(&hall, &other, true)?;
    bob.confirms(at, "alice", &words)?
        .refused("draft_changed")?;
    bob.fetches(at)?;
    assert_ne!(bob.reads_out()?, words);
    bob.confirms(at, "alice", &words)?.refused("words_differ")?;
    bob.pins(&words, &[])?.refused("POLICY_ID_MISMATCH")?;
    assert_eq!(of_seats(&board(at, &id)?, "state")?, ["filled"; 5]);
    let refused = leads(at, &["activate", &id])?.refused("not_confirmed")?;
    assert!(refused.stderr.contains("alice"), "{}", refused.stderr);
    is_not_active(&hall, &id, "not_confirmed")
}

/// 1. All have confirmed. The bytes of the document are exchanged behind its id.
/// 2. Activating adds nothing: what is active is what was confirmed.
/// 3. The bytes are put back, and the vault that all confirmed is added.
#[test]
fn a_document_exchanged_behind_its_id_is_not_made_active() -> Outcome {
    let hall = Hall::open(Engine::Sqlite)?;
    let at = &hall.coordinator;
    let (id, people) = gathered(&hall)?;
    let (_, document) = written(&hall, &id)?;
    sets(&hall, &id, &document)?.done()?;
    all_compare(at, &people)?;
    for person in &people {
        person.is_ready(at)?.done()?;
    }
    let other = document.replace("fee_max_sat = 500000", "fee_max_sat = 499999");
    exchange(&hall, &other, false)?;
    let operator = Api::new(at.url(), Some(at.token()));
    let activation = format!("/ceremonies/{id}/activation");
    operator
        .post(&activation, &json!({}))?
        .refused(500, "internal")?;
    assert_eq!(super::vaults(&hall)?, 0);
    exchange(&hall, &document, false)?;
    let active = operator.post(&activation, &json!({}))?.done()?;
    assert_eq!(active["vault"], id_of(document.as_bytes()).to_string());
    Ok(())
}
