//! A service hears of what happened, and believes only what its own node bears out.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use bitcoin::{Amount, BlockHash};
use coordinator::client::{Client, ConfirmError, Core, Event, EventChain, Proof, ProofError};
use harness::{
    Bitcoind, Engine, Failure, LONG, Outcome, Purse, ScriptKind, Treasury, requester_key,
    wait_until,
};
use serde_json::{Value, json};

const AMOUNT: Amount = Amount::from_sat(40_000_000);
const PAID: Amount = Amount::from_sat(1_200_000);

fn service(treasury: &Treasury) -> Result<Client, Failure> {
    let policy = treasury.people.policy.clone();
    let pinned = policy.id;
    let (url, token) = (treasury.coordinator.url(), treasury.service_token());
    Ok(Client::new(url, token, policy, pinned, requester_key())?)
}

/// The service's own node, by the words of its cookie.
fn own(node: &Bitcoind) -> Result<Core, Failure> {
    let cookie = std::fs::read_to_string(node.cookie_file())?;
    let (user, password) = cookie
        .trim()
        .split_once(':')
        .ok_or_else(|| Failure::new("the cookie is none"))?;
    Ok(Core::new(&node.url(), user, password))
}

/// Waits, by asking for long, until an event of a kind comes; all that came until then follow one another.
#[track_caller]
fn hear(client: &Client, chain: &mut EventChain, kind: &str) -> Result<Event, Failure> {
    wait_until(&format!("the event {kind}"), LONG, || {
        let events = client.wait_for_events(chain.number(), 5)?;
        let upto = events.iter().position(|event| event.kind == kind);
        let heard = &events[..upto.map_or(events.len(), |at| at + 1)];
        chain.follow(heard)?;
        Ok(upto.map(|at| events[at].clone()))
    })
}

fn proof_of(event: &Event) -> Result<Proof, Failure> {
    let proof = event.proof.clone();
    proof.ok_or_else(|| Failure::new(format!("{} carries no proof", event.kind)))
}

/// 1. A deposit settles: the event carries what shows it, and the service's own node, another than the
///    coordinator's, has the block.
/// 2. The same for a payment that the service asked for.
/// 3. A reorg takes the deposit's block: the own node says so, and the event has no proof any more.
fn a_service_checks_what_it_hears(engine: Engine) -> Outcome {
    let mut treasury = Treasury::start(ScriptKind::Wsh, engine)?;
    treasury.start_cosigner()?;
    let node = Bitcoind::start_empty()?;
    node.follow(&treasury.node)?;
    let (client, own) = (service(&treasury)?, own(&node)?);
    let policy = treasury.people.policy.clone();
    let mut chain = EventChain::begin();

    treasury.deposit(AMOUNT)?;
    let settled = hear(&client, &mut chain, "deposit.settled")?;
    let shown = proof_of(&settled)?.shows_deposit(&settled, &policy)?.shown;
    wait_until("the own node to have the block", LONG, || {
        Ok(shown.confirm(&own, 3).ok().map(drop))
    })?;

    let address = Purse::stranger(3);
    let intent = treasury.withdraw("w-1", &address, PAID)?;
    let txid = treasury.batch()?;
    treasury.countersign(&treasury.people.alice, txid)?;
    treasury.settle(txid, &["w-1"])?;
    let paid = hear(&client, &mut chain, "withdrawal.settled")?;
    let payment = proof_of(&paid)?.shows_payment(&paid, &intent)?;
    wait_until("the own node to have the block", LONG, || {
        Ok(payment.confirm(&own, 1).ok().map(drop))
    })?;
    let other = treasury.intent("w-2", &address, PAID)?;
    let lie = proof_of(&paid)?.shows_payment(&paid, &other);
    assert!(matches!(lie, Err(ProofError::OtherIntent)), "{lie:?}");

    let depth = treasury.node.height()? - shown.height + 1;
    treasury.node.reorg(depth)?;
    treasury.node.mine(1)?;
    node.follow(&treasury.node)?;
    let gone = shown.confirm(&own, 1).expect_err("is not in the chain");
    assert!(matches!(gone, ConfirmError::NotInChain { .. }), "{gone}");
    hear(&client, &mut chain, "deposit.reversed")?;
    wait_until("the proof to be gone, or of another block", LONG, || {
        let proof = client.proof(settled.number)?;
        Ok(proof
            .is_none_or(|proof| proof.block != shown.block)
            .then_some(()))
    })?;
    treasury.must_be_well()
}

#[test]
fn a_service_believes_what_its_own_node_bears_out_on_sqlite() -> Outcome {
    a_service_checks_what_it_hears(Engine::Sqlite)
}

#[test]
fn a_service_believes_what_its_own_node_bears_out_on_postgres() -> Outcome {
    a_service_checks_what_it_hears(Engine::Postgres)
}

/// 1. A coordinator whose node is not the service's tells of a deposit in a block that only its own chain has.
/// 2. The bytes are sound; the service's own node does not know the block, and nothing is believed.
#[test]
fn a_deposit_on_a_chain_of_the_coordinators_own_is_not_believed() -> Outcome {
    let treasury = Treasury::start(ScriptKind::Tr, Engine::Sqlite)?;
    let elsewhere = Bitcoind::start()?;
    let (client, own) = (service(&treasury)?, own(&elsewhere)?);
    treasury.deposit(AMOUNT)?;
    let settled = hear(&client, &mut EventChain::begin(), "deposit.settled")?;
    let proof = proof_of(&settled)?;
    let shown = proof
        .shows_deposit(&settled, &treasury.people.policy)?
        .shown;
    let refused = shown.confirm(&own, 1).expect_err("is another chain's");
    assert!(
        matches!(refused, ConfirmError::NotInChain { .. }),
        "{refused}"
    );
    let forged = Proof {
        block: elsewhere.best_block()?,
        height: elsewhere.height()?,
        ..proof
    };
    let lie = forged.shows_deposit(&settled, &treasury.people.policy);
    assert!(matches!(lie, Err(ProofError::OtherBlock { .. })), "{lie:?}");
    let _: BlockHash = forged.block;
    Ok(())
}

/// Opens the stream of events and reads lines of it.
fn stream(treasury: &Treasury, after: &str, last: Option<&str>) -> Result<Lines, Failure> {
    let host = treasury
        .coordinator
        .url()
        .trim_start_matches("http://")
        .to_owned();
    let mut tcp = TcpStream::connect(&host)?;
    tcp.set_read_timeout(Some(Duration::from_secs(30)))?;
    let token = treasury.service_token();
    let last = last.map_or(String::new(), |id| format!("Last-Event-ID: {id}\r\n"));
    write!(
        tcp,
        "GET /api/v1/events/stream?after={after}&proofs=true HTTP/1.1\r\nHost: {host}\r\n\
         Authorization: Bearer {token}\r\nAccept: text/event-stream\r\n{last}\r\n"
    )?;
    Ok(Lines(BufReader::new(tcp)))
}

struct Lines(BufReader<TcpStream>);

impl Lines {
    /// The next event: its id, its kind and its data.
    fn next(&mut self) -> Result<(String, String, Value), Failure> {
        let (mut id, mut kind) = (String::new(), String::new());
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line)? == 0 {
                return Err(Failure::new("the stream has ended"));
            }
            let line = line.trim_end();
            if let Some(found) = line.strip_prefix("id: ") {
                found.clone_into(&mut id);
            } else if let Some(found) = line.strip_prefix("event: ") {
                found.clone_into(&mut kind);
            } else if let Some(data) = line.strip_prefix("data: ") {
                return Ok((id, kind, serde_json::from_str(data)?));
            }
        }
    }

    /// The next event of a kind, and the numbers that came on the way.
    fn until(&mut self, kind: &str) -> Result<(Vec<u64>, Value), Failure> {
        let mut numbers = Vec::new();
        loop {
            let (id, found, data) = self.next()?;
            assert_eq!(data["number"].to_string(), id);
            assert_eq!(data["kind"], json!(found));
            numbers.push(id.parse()?);
            if found == kind {
                return Ok((numbers, data));
            }
        }
    }
}

/// 1. A program that listens is sent what was before it came, then what happens, each once and in order.
/// 2. It comes again with the number of the last one, and misses none.
/// 3. Without a token nobody listens, and not without end.
#[test]
fn a_program_that_listens_misses_no_event() -> Outcome {
    let treasury = Treasury::start(ScriptKind::Wsh, Engine::Sqlite)?;
    treasury.deposit(AMOUNT)?;
    let mut lines = stream(&treasury, "0", None)?;
    let (first, settled) = lines.until("deposit.settled")?;
    assert_eq!(first, (1..=u64::try_from(first.len())?).collect::<Vec<_>>());
    assert!(settled["proof"]["transaction"].is_string(), "{settled}");
    treasury.new_address("customer 8")?;
    let (then, issued) = lines.until("address.issued")?;
    assert_eq!(then.first(), first.last().map(|last| last + 1).as_ref());
    drop(lines);

    let last = issued["number"].to_string();
    treasury.new_address("customer 9")?;
    let mut again = stream(&treasury, "0", Some(&last))?;
    let (later, _) = again.until("address.issued")?;
    assert_eq!(
        later.first().copied(),
        issued["number"].as_u64().map(|last| last + 1)
    );

    let api = treasury.service().with_token(None);
    api.get("/events/stream")?.refused(401, "unauthorized")?;
    let service = treasury.service();
    service.get("/events?wait=x")?.refused(400, "malformed")?;
    service
        .get("/events/0/proof")?
        .refused(404, "unknown_event")?;
    // Eight of one token at once, and no more.
    let mut held = vec![again];
    for _ in 0..7 {
        let mut one = stream(&treasury, "0", None)?;
        one.next()?;
        held.push(one);
    }
    service.get("/events/stream")?.refused(503, "busy")?;
    let mut rest = Vec::new();
    drop(held.split_off(7));
    wait_until("a place to be free", LONG, || {
        let mut one = stream(&treasury, "0", None)?;
        let free = one.next().is_ok();
        rest.push(one);
        Ok(free.then_some(()))
    })?;
    let mut byte = [0_u8; 1];
    assert!(held[0].0.get_mut().read(&mut byte).is_ok());
    Ok(())
}
