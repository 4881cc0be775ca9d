//! Five persons in five places set up a vault by commands alone, as `docs/ceremony.md` has them, and one is replaced.

mod lying;
mod pages;
mod places;
mod races;
mod replaced;

use std::fs;

use bitcoin::key::Secp256k1;
use bitcoin::{Amount, Network};
use harness::{Engine, Failure, Outcome, People, Purse, Said, SignerHome, Treasury, field, items};
use policies::Policy;
use policies::document::PinnedKeyDraft;
use policies::exchange::KeyRecord;
use serde_json::Value;
use signer::keystore::{VaultKey, vault_key};

use self::places::{
    Hall, Person, SEATS, all_compare, begins, board, invites, leads, of_seats, opens,
    policy_around, text,
};
use crate::succession::payments;

const COIN: Amount = Amount::from_sat(50_000_000);

/// The key of fresh words, and its record of BIP 129, signed by the key itself.
fn recorded(words: &str, description: &str) -> Result<(VaultKey, String), Failure> {
    let path = vault_key::default_path(Network::Regtest);
    let key = VaultKey::from_words(words, Network::Regtest, &path)?;
    let public = key.public(&Secp256k1::new()).to_string();
    let record = KeyRecord::new(public.parse()?, description)?;
    let signed = record.signed(&key.account().private_key)?;
    Ok((key, signed))
}

/// The journal key of a home.
fn journal(person: &Person) -> Result<String, Failure> {
    field(&person.home.run(&["xpub"])?.done()?.json()?, "journal")
}

/// How many vaults the coordinator has.
fn vaults(hall: &Hall) -> Result<u64, Failure> {
    hall.store.number("SELECT COUNT(*) FROM vault")
}

/// Activates, which must be refused for this, and nothing is active.
#[track_caller]
fn is_not_active(hall: &Hall, id: &str, code: &str) -> Outcome {
    leads(&hall.coordinator, &["activate", id])?.refused(code)?;
    assert_eq!(vaults(hall)?, 0);
    Ok(())
}

fn restart(hall: &mut Hall) -> Outcome {
    hall.coordinator.stop()?;
    hall.coordinator.resume()
}

/// A treasury of the vault that a ceremony made.
fn treasury_of(hall: Hall, dana: SignerHome, policy: Policy) -> Result<Treasury, Failure> {
    let nobody = || SignerHome::new("nobody");
    let people = People {
        alice: nobody()?,
        bob: nobody()?,
        machine: nobody()?,
        recovery: nobody()?,
        dana,
        policy,
    };
    Treasury::assemble(hall.node, hall.store, people, hall.coordinator)
}

fn parsed(document: &[u8]) -> Result<Policy, Failure> {
    Policy::parse(document).map_err(|mistakes| Failure::new(format!("{mistakes:?}")))
}

/// All five sit, each with a key that the own tool made.
fn gathered(hall: &Hall) -> Result<(String, Vec<Person>), Failure> {
    let at = &hall.coordinator;
    let id = begins(at)?;
    let mut people = Vec::new();
    for seat in SEATS {
        let person = Person::new(seat)?;
        let record = person.makes_key()?;
        person.joins(at, &invites(at, &id, seat)?)?;
        person.hands_in(at, &record, &[])?.done()?;
        people.push(person);
    }
    Ok((id, people))
}

/// The records of all seats, as the operator puts them into the document.
fn records(hall: &Hall, id: &str) -> Result<String, Failure> {
    Ok(leads(&hall.coordinator, &["records", id])?.done()?.text())
}

/// Sets the document of a ceremony.
fn sets(hall: &Hall, id: &str, document: &str) -> Result<Said, Failure> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("policy.toml");
    fs::write(&file, document)?;
    leads(&hall.coordinator, &["draft", id, text(&file)?])
}

/// Dana's home, and the document around the records that names her.
fn written(hall: &Hall, id: &str) -> Result<(SignerHome, String), Failure> {
    let dana = SignerHome::new("dana")?;
    let approver: PinnedKeyDraft = dana.make_approver()?;
    let document = policy_around(hall, &records(hall, id)?, approver)?;
    Ok((dana, document))
}

/// A link opens once, and not after another was made; whoever came by the one before is out.
fn links_open_once(hall: &Hall, id: &str, people: &[Person]) -> Outcome {
    let at = &hall.coordinator;
    for person in people {
        let first = invites(at, id, person.name())?;
        match person.name() {
            "bob" => {
                let mallory = Person::new("mallory")?;
                mallory.joins(at, &first)?;
                mallory.sits(at, &["own"])?.done()?;
                person.joins(at, &invites(at, id, "bob")?)?;
                mallory.sits(at, &["own"])?.refused("sitting_over")?;
                let record = mallory.makes_key()?;
                mallory
                    .hands_in(at, &record, &[])?
                    .refused("sitting_over")?;
            }
            "carol" => {
                let second = invites(at, id, "carol")?;
                opens(at, &person.home, &first)?.refused("invitation_void")?;
                person.joins(at, &second)?;
            }
            _ => person.joins(at, &first)?,
        }
        opens(at, &person.home, &first)?.refused("invitation_void")?;
    }
    assert_eq!(of_seats(&board(at, id)?, "state")?, ["sitting"; 5]);
    Ok(())
}

/// Nothing of a private key, of somebody else's key and of another network's comes in, and nothing of it is kept.
fn foreign_keys_stay_out(hall: &Hall, dave: &Person, of_alice: &[u8], carols: &str) -> Outcome {
    let at = &hall.coordinator;
    let words = vault_key::fresh_words()?;
    let (key, _) = recorded(&words, "a key")?;
    let private = key.account().to_string();
    let given = dave.hands_in(at, private.as_bytes(), &["--device", "software"])?;
    given.refused("private_key_given")?;
    dave.hands_in(at, words.as_bytes(), &[])?
        .refused("private_key_given")?;
    for (table, column) in [("vault_seat", "record"), ("event", "body")] {
        let kept = format!("SELECT COUNT(*) FROM {table} WHERE {column} LIKE '%tprv%'");
        assert_eq!(hall.store.number(&kept)?, 0, "{table}");
    }
    assert!(!at.log()?.contains(&private));

    dave.hands_in(at, of_alice, &[])?.refused("key_taken")?;
    let path = vault_key::default_path(Network::Bitcoin);
    let main = VaultKey::from_words(&words, Network::Bitcoin, &path)?;
    let main = main.public(&Secp256k1::new()).to_string();
    let journal = journal(dave)?;
    let beside = ["--device", "software", "--journal", &journal];
    let other = dave.hands_in(at, main.as_bytes(), &beside)?;
    other.refused("key_of_other_network")?;
    let altered = carols.replace("carol's", "dave's");
    let altered = dave.hands_in(at, altered.as_bytes(), &beside)?;
    altered.refused("key_record_refused")?;
    let alone = recorded(&words, "a key")?.1;
    let alone = dave.hands_in(at, alone.as_bytes(), &["--device", "software"])?;
    alone.refused("journal_needed")?;
    Ok(())
}

/// The five keys, each in another shape: what `keygen` prints, its JSON, and key records of BIP 129 with the journal
/// apart, of a software key and of a device's. The coordinator is started again in the middle.
fn keys_come_in(hall: &mut Hall, id: &str, people: &[Person]) -> Outcome {
    let [alice, bob, carol, dave, erin] = people else {
        return Err(Failure::new("not five"));
    };
    let of_alice = alice.makes_key()?;
    alice.hands_in(&hall.coordinator, &of_alice, &[])?.done()?;
    let made = ["keygen", "--network", "regtest", "--name", "bob"];
    let of_bob = bob.home.run(&made)?.done()?.stdout;
    bob.hands_in(&hall.coordinator, &of_bob, &[])?.done()?;

    restart(hall)?;
    let at = &hall.coordinator;
    let shown = leads(at, &["show", id])?.done()?.text();
    let missing = "Keys are missing: carol, dave, erin.";
    assert!(
        shown.contains("gathering") && shown.contains(missing),
        "{shown}"
    );
    assert!(
        shown.lines().all(|line| line.chars().count() <= 80),
        "{shown}"
    );
    let own = alice.sits(at, &["own"])?.done()?.text();
    assert!(own.contains("Your key is in."), "{own}");

    let words = vault_key::fresh_words()?;
    let carols = recorded(&words, "carol's key")?.1;
    let file = carol.home.bring("words", words.as_bytes())?;
    let import = [
        "import",
        text(&file)?,
        "--network",
        "regtest",
        "--name",
        "carol",
    ];
    carol.home.run(&import)?.done()?;
    let of_carol = journal(carol)?;
    let beside = ["--device", "software", "--journal", &of_carol];
    carol.hands_in(at, carols.as_bytes(), &beside)?.done()?;

    let made = ["keygen", "--network", "regtest", "--name", "dave"];
    let of_dave = dave.home.run(&made)?.done()?.stdout;
    foreign_keys_stay_out(hall, dave, &of_alice, &carols)?;
    assert_eq!(of_seats(&board(at, id)?, "state")?[3], "sitting");
    dave.hands_in(at, &of_dave, &[])?.done()?;

    let erins = recorded(&vault_key::fresh_words()?, "erin's device")?.1;
    let file = erin.home.bring("device.bsms", erins.as_bytes())?;
    let import = [
        "import",
        text(&file)?,
        "--device",
        "coldcard",
        "--name",
        "erin",
    ];
    erin.home.run(&import)?.done()?;
    let of_erin = journal(erin)?;
    let beside = [
        "--device",
        "coldcard",
        "--journal",
        &of_erin,
        "--firmware",
        "5.4.1",
    ];
    let beside = [&beside[..], &["--seed-created", "2026-11-20"]].concat();
    erin.hands_in(at, erins.as_bytes(), &beside)?.done()?;
    assert_eq!(of_seats(&board(at, id)?, "state")?, ["filled"; 5]);
    Ok(())
}

/// Alice may not confirm with wrong words, alone, without the address, or be ready before.
fn confirming_takes_another_person(hall: &Hall, people: &[Person]) -> Outcome {
    let at = &hall.coordinator;
    let [alice, bob, ..] = people else {
        return Err(Failure::new("not five"));
    };
    for person in [alice, bob] {
        person.fetches(at)?;
    }
    let heard = bob.reads_out()?;
    for place in [0, 23] {
        let mut wrong = heard.clone();
        wrong[place].clone_from(&heard[11]);
        if wrong != heard {
            alice.confirms(at, "bob", &wrong)?.refused("words_differ")?;
        }
    }
    alice
        .confirms(at, "alice", &heard)?
        .refused("compared_alone")?;
    alice
        .confirms(at, "mallory", &heard)?
        .refused("unknown_seat")?;
    let file = alice.file("policy.toml");
    let half = ["--with", "bob", "--first", &heard[0], "--last", &heard[23]];
    let blind = alice.sits(at, &[&["confirm", text(&file)?][..], &half].concat())?;
    blind.refused("address_not_compared")?;
    alice.is_ready(at)?.refused("not_compared")?;
    Ok(())
}

/// Another document voids what all confirmed, also when the first one is set again.
fn another_document_voids_all(
    hall: &Hall,
    id: &str,
    (people, document): (&[Person], &str),
) -> Outcome {
    let at = &hall.coordinator;
    all_compare(at, people)?;
    for person in people {
        person.is_ready(at)?.done()?;
    }
    assert_eq!(board(at, id)?["step"], "confirmed");
    // The same again changes nothing.
    sets(hall, id, document)?.done()?;
    assert_eq!(board(at, id)?["step"], "confirmed");
    let other = document.replace("fee_max_sat = 500000", "fee_max_sat = 499999");
    assert_ne!(other, document);
    sets(hall, id, &other)?.done()?;
    assert_eq!(of_seats(&board(at, id)?, "state")?, ["filled"; 5]);
    is_not_active(hall, id, "not_confirmed")?;
    let heard = people[1].reads_out()?;
    people[0]
        .confirms(at, "bob", &heard)?
        .refused("draft_changed")?;
    people[0].is_ready(at)?.refused("draft_changed")?;
    sets(hall, id, document)?.done()?;
    assert_eq!(of_seats(&board(at, id)?, "state")?, ["filled"; 5]);
    is_not_active(hall, id, "not_confirmed")
}

/// 1. An operator begins with five seats. Each link opens once; a new one voids the sitting of whoever stole the first.
/// 2. Each hands in a key, in five shapes; private and foreign ones stay out. The coordinator is started again.
/// 3. The document around the records is set; one that says otherwise than a seat is refused. Wrong words, nobody
///    else's, and no address confirm nothing. Another document voids what all confirmed.
/// 4. All compare words and first address, each from the own tool. The coordinator is started again. Each pins by the
///    words, and says so. Nothing is active before the last one did; then one command adds the vault, once.
/// 5. A deposit comes to the first address, and a withdrawal is signed by three of the five and settles, once.
fn five_set_up_a_vault(engine: Engine) -> Outcome {
    let mut hall = Hall::open(engine)?;
    let id = begins(&hall.coordinator)?;
    let people = SEATS.map(Person::new);
    let people = people.into_iter().collect::<Result<Vec<_>, _>>()?;
    is_not_active(&hall, &id, "no_draft")?;
    links_open_once(&hall, &id, &people)?;
    keys_come_in(&mut hall, &id, &people)?;

    is_not_active(&hall, &id, "no_draft")?;
    let (dana, document) = written(&hall, &id)?;
    let of_device = "firmware = \"5.4.1\", seed_created = 2026-11-20";
    assert!(document.contains(of_device), "{document}");
    let otherwise = document.replace("person = \"bob\"", "person = \"mallory\"");
    sets(&hall, &id, &otherwise)?.refused("draft_differs")?;
    sets(&hall, &id, &document)?.done()?;
    is_not_active(&hall, &id, "not_confirmed")?;
    let another = Person::new("alice")?.makes_key()?;
    let late = people[0].hands_in(&hall.coordinator, &another, &[])?;
    late.refused("draft_stands")?;
    confirming_takes_another_person(&hall, &people)?;
    another_document_voids_all(&hall, &id, (&people, &document))?;

    all_compare(&hall.coordinator, &people)?;
    let heard = people[0].reads_out()?;
    let first_address = people[0].first_address()?;
    let shown = board(&hall.coordinator, &id)?;
    assert_eq!(shown["draft"]["first_address"], first_address.as_str());
    is_not_active(&hall, &id, "not_confirmed")?;
    restart(&mut hall)?;
    for person in &people {
        is_not_active(&hall, &id, "not_confirmed")?;
        person.pins(&heard, &[])?.done()?;
        person.is_ready(&hall.coordinator)?.done()?;
    }
    // What Erin's device takes in.
    let file = people[4].file("policy.toml");
    let for_device = ["policy", "export", "bsms", text(&file)?];
    let for_device = people[4].home.run_plainly(&for_device, &[])?.done()?.text();
    assert_eq!(for_device.lines().last(), Some(first_address.as_str()));

    let vault = becomes_active(&hall, &id)?;
    let policy = parsed(document.as_bytes())?;
    assert_eq!(vault, policy.vault.to_string());
    dana.pin(&policy.bytes, policy.id)?;
    let mut treasury = treasury_of(hall, dana, policy)?;
    let address = treasury.new_address("first")?;
    assert_eq!(address.to_string(), first_address);
    let deposit = treasury.pay_in(&address, COIN)?;
    treasury.node.mine(3)?;
    treasury.deposit_becomes(deposit, "settled")?;
    let payee = Purse::stranger(1);
    treasury.withdraw("w-1", &payee, Amount::from_sat(1_000_000))?;
    let txid = treasury.batch()?;
    for person in people.iter().take(3) {
        treasury.countersign(&person.home, txid)?;
    }
    treasury.settle(txid, &["w-1"])?;
    assert_eq!(payments(&treasury, &payee)?, 1);
    treasury.reconcile()?;
    treasury.must_be_well()
}

/// Activates, twice: one vault is added. Its id.
fn becomes_active(hall: &Hall, id: &str) -> Result<String, Failure> {
    let at = &hall.coordinator;
    let active = leads(at, &["activate", id, "--json"])?.done()?.json()?;
    let again = leads(at, &["activate", id, "--json"])?.done()?.json()?;
    assert_eq!(again["vault"], active["vault"]);
    assert_eq!(vaults(hall)?, 1);
    let all: Value = leads(at, &["list", "--json"])?.done()?.json()?;
    assert_eq!(items(&all)?[0]["step"], "added", "{all}");
    field(&active, "vault")
}

#[test]
fn five_persons_set_up_a_vault_that_pays_on_sqlite() -> Outcome {
    five_set_up_a_vault(Engine::Sqlite)
}

#[test]
fn five_persons_set_up_a_vault_that_pays_on_postgres() -> Outcome {
    five_set_up_a_vault(Engine::Postgres)
}
