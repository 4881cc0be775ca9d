//! A signer of a vault is replaced by a ceremony, while money is there and comes.

use bitcoin::Amount;
use harness::{
    Engine, Failure, LONG, Outcome, Purse, SignerHome, Treasury, field, items, wait_until,
};
use policies::Policy;
use policies::succession::line;
use serde_json::{Value, json};

use super::places::{Hall, Person, all_compare, board, invites, leads, of_seats, text};
use super::{COIN, gathered, parsed, sets, treasury_of, written};
use crate::succession::{approved, come_home, payments, version};

/// Five persons with a vault that a ceremony made.
struct Settled {
    treasury: Treasury,
    people: Vec<Person>,
    first: Policy,
}

fn settled(engine: Engine) -> Result<Settled, Failure> {
    let hall = Hall::open(engine)?;
    let (id, people) = gathered(&hall)?;
    let (dana, document) = written(&hall, &id)?;
    let at = &hall.coordinator;
    sets(&hall, &id, &document)?.done()?;
    all_compare(at, &people)?;
    for person in &people {
        person.pins(&person.reads_out()?, &[])?.done()?;
        person.is_ready(at)?.done()?;
    }
    leads(at, &["activate", &id])?.done()?;
    let first = parsed(document.as_bytes())?;
    dana.pin(&first.bytes, first.id)?;
    let treasury = treasury_of(hall, dana, first.clone())?;
    Ok(Settled {
        treasury,
        people,
        first,
    })
}

/// The addresses that the newest descriptor does not give, as the service reads them: so many a page.
fn superseded(treasury: &Treasury, limit: usize) -> Result<Vec<String>, Failure> {
    let mut all = Vec::new();
    loop {
        let after = all.len();
        let page = format!("/addresses/superseded?after={after}&limit={limit}");
        let page = treasury.service().get(&treasury.path(&page))?.done()?;
        let page = items(&page)?;
        assert!(page.len() <= limit);
        for one in page {
            all.push(field(one, "address")?);
        }
        if page.is_empty() {
            return Ok(all);
        }
    }
}

/// What the service was told of addresses to reissue.
fn told(treasury: &Treasury) -> Result<Vec<Value>, Failure> {
    let of = |event: &&Value| event["kind"] == "vault.addresses-superseded";
    Ok(treasury.events()?.iter().filter(of).cloned().collect())
}

/// Carol's seat goes to frank: only he hands in a key, and all five confirm. The ceremony's id.
fn confirmed(settled: &mut Settled) -> Result<(String, Person), Failure> {
    let at = &settled.treasury.coordinator;
    let begun = ["replace", "carols-successor", "--seat", "carol=frank"];
    let begun = leads(at, &[&begun[..], &["--json"]].concat())?;
    let id = field(&begun.done()?.json()?, "id")?;
    let other = leads(at, &["replace", "another", "--seat", "dave"])?;
    other.refused("ceremony_open")?;
    for person in &settled.people {
        if person.name() != "carol" {
            person.joins(at, &invites(at, &id, person.name())?)?;
        }
    }
    let new = Person::new("carol")?;
    new.joins(at, &invites(at, &id, "carol")?)?;
    let stays = Person::new("alice")?.makes_key()?;
    let stays = settled.people[0].hands_in(at, &stays, &[])?;
    stays.refused("seat_keeps_its_key")?;
    let known = std::fs::read(settled.people[1].file("handed-in"))?;
    new.hands_in(at, &known, &[])?.refused("key_known")?;
    leads(at, &["draft", &id])?.refused("seats_empty")?;
    let record = new.makes_key()?;
    new.hands_in(at, &record, &[])?.done()?;
    leads(at, &["draft", &id])?.done()?;

    let carol = std::mem::replace(&mut settled.people[2], new);
    all_compare(at, &settled.people)?;
    for person in &settled.people {
        leads(at, &["activate", &id])?.refused("not_confirmed")?;
        let proposals = settled.treasury.command_line(&["policy", "versions"])?;
        assert_eq!(proposals.done()?.json()?["proposals"], json!([]));
        person.is_ready(at)?.done()?;
    }
    Ok((id, carol))
}

/// Dana takes the document from the board, reads and approves it with her own tool; the coordinator adopts it after
/// its delay, and everybody pins it.
fn adopted(settled: &Settled, id: &str, carol: &Person) -> Result<Policy, Failure> {
    let treasury = &settled.treasury;
    let draft = board(&treasury.coordinator, id)?["draft"].clone();
    let next = parsed(field(&draft, "document")?.as_bytes())?;
    assert_eq!(field(&draft, "policy")?, next.id.to_string());
    let frank = next.signer("carol").map(|signer| signer.person.clone());
    assert_eq!(frank.as_deref(), Some("frank"));
    let dana = &treasury.people.dana;
    let file = approved(treasury, "next", &next)?;
    let propose = ["policy", "propose", text(&file)?];
    let proposed = treasury.command_line(&propose)?.done()?.json()?;
    assert_eq!(proposed["step"], "keyset", "{proposed}");
    assert_eq!(proposed["leaving"], json!(["carol"]));
    assert_eq!(version(treasury)?, 1);
    let next_id = next.id.to_string();
    wait_until("the delay at the coordinator to be over", LONG, || {
        let adopt = treasury.command_line(&["policy", "adopt", &next_id])?;
        Ok(adopt.done().ok())
    })?;
    let stays = ["policy", "pin", text(&file)?, "--id", &next_id];
    let leaves = [&stays[..], &["--leaving"]].concat();
    let people = settled.people.iter().filter(|one| one.name() != "carol");
    let homes = people.map(|one| (&one.home, &stays[..]));
    let homes = homes.chain([(dana, &stays[..]), (&carol.home, &leaves[..])]);
    for (home, pin) in homes {
        wait_until("the delay at a home to be over", LONG, || {
            Ok(home.run(pin)?.done().ok())
        })?;
    }
    Ok(next)
}

/// 1. Five persons set up a vault. Customers have addresses, and two of them paid in.
/// 2. A ceremony gives carol's seat to frank. A key that stays, or that the vault knows, takes no seat; all confirm.
///    Activating proposes the version, and nothing more.
/// 3. Dana approves it with her own tool, and it is adopted after its delay. The service is told how many addresses to
///    reissue, and reads exactly these, page by page.
/// 4. A deposit to an old address is still seen. The drain is proposed, and the former signers sign it.
/// 5. A withdrawal settles under the new keyset, signed by frank too, and is paid once.
fn a_signer_is_replaced(engine: Engine) -> Outcome {
    let mut settled = settled(engine)?;
    let mut old = Vec::new();
    for customer in 0..5 {
        let address = settled
            .treasury
            .new_address(&format!("customer {customer}"))?;
        old.push(address);
    }
    for address in old.iter().take(2) {
        let deposit = settled.treasury.pay_in(address, COIN)?;
        settled.treasury.node.mine(3)?;
        settled.treasury.deposit_becomes(deposit, "settled")?;
    }
    let (id, carol) = confirmed(&mut settled)?;
    let at = &settled.treasury.coordinator;
    leads(at, &["activate", &id])?.done()?;
    leads(at, &["activate", &id])?.done()?;
    let shown = board(at, &id)?;
    assert_eq!(shown["step"], "proposed");
    assert_eq!(of_seats(&shown, "person")?[2], "frank");
    assert_eq!(version(&settled.treasury)?, 1);
    assert_eq!(superseded(&settled.treasury, 2)?, [""; 0]);

    let next = adopted(&settled, &id, &carol)?;
    let before = settled.people[2]
        .home
        .bring("v1.toml", &settled.first.bytes)?;
    // A journal signs nothing that was asked for before its birth.
    let frank = &settled.people[2];
    frank
        .pins(&frank.reads_out()?, &[before.as_path()])?
        .done()?;
    assert_eq!(version(&settled.treasury)?, 2);
    let told = told(&settled.treasury)?;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0]["body"]["addresses"], old.len());
    let given: Vec<String> = old.iter().map(ToString::to_string).collect();
    let mut read = superseded(&settled.treasury, 2)?;
    assert_eq!(superseded(&settled.treasury, 100)?, read);
    let mut expected = given.clone();
    read.sort();
    expected.sort();
    assert_eq!(read, expected);

    let former: Vec<&SignerHome> = [0, 1, 3].map(|seat| &settled.people[seat].home).into();
    come_home(&settled.treasury, &former)?;
    let all = settled.treasury.path("/attempts");
    let all = settled.treasury.auditor().get(&all)?.done()?;
    let is_drain = |attempt: &Value| attempt["purpose"] == "drain";
    assert!(items(&all)?.iter().any(is_drain), "{all}");
    let late = settled.treasury.pay_in(&old[4], COIN)?;
    settled.treasury.node.mine(3)?;
    settled.treasury.deposit_becomes(late, "settled")?;
    // Carol, who left, brings it home with two others.
    let former = [
        &settled.people[0].home,
        &settled.people[1].home,
        &carol.home,
    ];
    come_home(&settled.treasury, &former)?;

    settled.treasury.people.policy = line(vec![settled.first.clone(), next])?;
    let treasury = &mut settled.treasury;
    let payee = Purse::stranger(2);
    treasury.withdraw("w-1", &payee, Amount::from_sat(1_000_000))?;
    let txid = treasury.batch()?;
    for seat in [0, 2, 4] {
        treasury.countersign(&settled.people[seat].home, txid)?;
    }
    treasury.settle(txid, &["w-1"])?;
    assert_eq!(payments(treasury, &payee)?, 1);
    let fresh = treasury.new_address("customer 0")?.to_string();
    assert!(!given.contains(&fresh));
    assert_eq!(superseded(treasury, 3)?.len(), given.len());
    treasury.reconcile()?;
    treasury.must_be_well()
}

#[test]
fn a_signer_is_replaced_by_a_ceremony_and_the_vault_pays_on_sqlite() -> Outcome {
    a_signer_is_replaced(Engine::Sqlite)
}

#[test]
fn a_signer_is_replaced_by_a_ceremony_and_the_vault_pays_on_postgres() -> Outcome {
    a_signer_is_replaced(Engine::Postgres)
}
