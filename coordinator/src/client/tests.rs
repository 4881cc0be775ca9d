//! The client against a coordinator of a few lines, honest and lying.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::mpsc::{Receiver, channel},
    thread,
};

use bitcoin::{Address, Amount, Network, ScriptBuf, WScriptHash, hashes::Hash as _};
use policies::destination::DestinationError;
use policies::{
    Intent, Keychain, Policy, PolicyId, RequestSignature, Signature, UnixTime,
    document::{
        ApprovalsDraft, HeadDraft, PinnedKeyDraft, PolicyDraft, RequesterDraft, RuleDraft,
        SignerDraft,
    },
    intent::SecretKey,
};
use serde_json::{Value, json};

use super::{
    ChainError, Client, ClientError, Event, EventChain, Haste, Order, events::hash_of, wire,
};
use crate::roles::fixture::{Kind, Vault};

const NOW: UnixTime = UnixTime::from_secs(1_795_400_000);

fn key(seed: u8) -> SecretKey {
    SecretKey::from_bytes(&[seed; 32])
}

pub(super) fn policy() -> Policy {
    let vault = Vault::new(Kind::Wsh);
    let head = HeadDraft {
        height: 101,
        time: UnixTime::from_secs(1_795_392_000),
    };
    let mut draft = PolicyDraft::first_version("treasury", Network::Regtest, head);
    draft.spending.descriptor = vault.descriptor.text().to_owned();
    draft.signers = (100_u8..)
        .zip(vault.signers())
        .map(|(seed, signer)| SignerDraft {
            name: signer.name.clone(),
            person: signer.person,
            device: None,
            key: signer.key.text,
            journal: key(seed).public().to_string(),
        })
        .collect();
    draft.requesters = vec![RequesterDraft {
        name: "exchange".to_owned(),
        person: None,
        keys: vec![PinnedKeyDraft::own(&key(1).public())],
    }];
    draft.rules = vec![RuleDraft {
        name: "payouts".to_owned(),
        kind: None,
        requester: None,
        to: None,
        amount_max_sat: Some(5_000_000),
        window: None,
        approvals: ApprovalsDraft {
            group: None,
            count: 0,
            page: None,
        },
    }];
    Policy::parse(draft.to_toml().as_bytes()).expect("a policy without mistakes")
}

/// A coordinator that gives one answer to one call and tells what it was asked.
fn answering(status: &'static str, body: &Value) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let (asked, heard) = channel();
    let body = body.to_string();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a call");
        asked
            .send(read_request(&mut stream))
            .expect("the test waits");
        let length = body.len();
        write!(
            stream,
            "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        )
        .expect("answered");
    });
    (url, heard)
}

fn read_request(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    let mut chunk = [0_u8; 4096];
    loop {
        let count = stream.read(&mut chunk).expect("a request");
        text.push_str(std::str::from_utf8(&chunk[..count]).expect("text"));
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .map_or(0, |(_, length)| length.parse().expect("a length"));
        if count == 0 || body.len() >= length {
            return text;
        }
    }
}

fn client(url: &str, policy: &Policy) -> Client {
    Client::new(url, "token\n", policy.clone(), policy.id, key(1)).expect("pinned")
}

fn address_answer(policy: &Policy, index: u32) -> Value {
    let script = policy.descriptor.script_pubkey(Keychain::External, index);
    let address = Address::from_script(&script, Network::Regtest).expect("an address");
    json!({
        "vault": policy.vault, "policy": policy.id, "keyset": policy.keyset, "keychain": "external", "index": index,
        "address": address.to_string(), "script_pubkey": script.to_hex_string(),
        "descriptor": policy.descriptor.text(), "reference": "customer 7", "metadata": {}, "issued_at": 1,
    })
}

fn order(id: &str, sat: u64) -> Order {
    let script = ScriptBuf::new_p2wsh(&WScriptHash::from_byte_array([9; 32]));
    let to = Address::from_script(&script, Network::Regtest)
        .expect("an address")
        .into_unchecked();
    Order::payment(
        id.parse().expect("an id"),
        to,
        Amount::from_sat(sat),
        NOW.saturating_add(3600),
    )
}

#[test]
fn policy_that_is_not_the_pinned_one_is_refused() {
    let policy = policy();
    let pinned = PolicyId::from_bytes([7; 32]);
    let refused = Client::new("http://localhost", "t", policy.clone(), pinned, key(1))
        .expect_err("another id");
    assert!(matches!(refused, ClientError::OtherPolicy { pinned: named, .. } if named == pinned));
    let refused = Client::new("http://localhost", "t", policy.clone(), policy.id, key(2))
        .expect_err("a foreign key");
    assert!(matches!(refused, ClientError::NotARequester { .. }));
}

#[test]
fn address_is_derived_again() {
    let policy = policy();
    let (url, heard) = answering("201 Created", &address_answer(&policy, 5));
    let verified = client(&url, &policy)
        .new_address("customer 7")
        .expect("ours");
    assert_eq!(
        verified.script_pubkey,
        policy.descriptor.script_pubkey(Keychain::External, 5)
    );
    assert_eq!((verified.keychain, verified.index), (Keychain::External, 5));
    let asked = heard.recv().expect("a call");
    assert!(
        asked.starts_with(&format!(
            "POST /api/v1/vaults/{}/addresses HTTP/1.1",
            policy.vault
        )),
        "{asked}"
    );
    assert!(asked.contains("authorization: Bearer token\r\n"), "{asked}");
}

#[test]
fn address_that_the_descriptor_does_not_give_is_refused_by_name() {
    let policy = policy();
    let mut answer = address_answer(&policy, 5);
    answer["address"] = address_answer(&policy, 6)["address"].clone();
    let (url, _heard) = answering("201 Created", &answer);
    let refused = client(&url, &policy)
        .new_address("customer 7")
        .expect_err("swapped");
    assert!(
        matches!(refused, ClientError::AddressMismatch { index: 5, .. }),
        "{refused}"
    );
    assert!(
        refused
            .to_string()
            .starts_with("address mismatch: external 5"),
        "{refused}"
    );
}

#[test]
fn every_fact_of_an_address_is_compared() {
    let policy = policy();
    let lies = [
        ("vault", json!("00".repeat(32))),
        ("policy", json!("00".repeat(32))),
        ("keyset", json!("00".repeat(32))),
        ("descriptor", json!("wpkh(other)")),
        ("keychain", json!("internal")),
        ("index", json!(0x8000_0000_u32)),
        ("reference", json!("somebody else")),
    ];
    for (field, lie) in lies {
        let mut answer = address_answer(&policy, 5);
        answer[field] = lie;
        let (url, _heard) = answering("201 Created", &answer);
        let refused = client(&url, &policy)
            .new_address("customer 7")
            .expect_err("a lie");
        assert!(
            matches!(refused, ClientError::OtherAnswer { field: named } if named == field),
            "{field}: {refused}"
        );
    }
}

#[test]
fn withdrawal_is_signed_with_the_requesters_key() {
    let policy = policy();
    let (url, heard) = answering(
        "201 Created",
        &json!({"requester": "exchange", "id": "w-1", "state": "approved", "amount_sat": 70_000}),
    );
    let client = client(&url, &policy);
    let (built, withdrawal) = client
        .submit_withdrawal(&order("w-1", 70_000), NOW)
        .expect("taken");
    assert_eq!(
        (withdrawal.state.as_str(), &withdrawal.facts["amount_sat"]),
        ("approved", &json!(70_000))
    );
    assert_eq!(built.lowered, None);
    let asked = heard.recv().expect("a call");
    let (_, body) = asked.split_once("\r\n\r\n").expect("a body");
    let body: Value = serde_json::from_str(body).expect("json");
    let sent = body["intent"].as_str().expect("text");
    assert_eq!(
        Intent::decode(sent.as_bytes()).expect("canonical"),
        built.intent
    );
    assert_eq!(body["key"], json!(key(1).public().id()));
    let bytes =
        bitcoin::hex::FromHex::from_hex(body["signature"].as_str().expect("hex")).expect("hex");
    let bytes: Vec<u8> = bytes;
    let signature = Signature::decode(&bytes).expect("a signature");
    let message = RequestSignature::message(policy.vault, built.intent.hash());
    key(1)
        .public()
        .verify(&message, &signature)
        .expect("genuine");
}

#[test]
fn how_fast_it_is_to_be_paid_is_said_beside_the_intent() {
    let policy = policy();
    let client = client("http://localhost", &policy);
    let built = client.build_intent(&order("w-1", 70_000), NOW);
    let bytes = built.expect("an intent").intent.encode();
    let signed = RequestSignature::sign(&key(1), policy.vault, Intent::hash_bytes(&bytes));
    let said = |haste| {
        let submission = wire::Submission::new(&bytes, &signed, haste).expect("ASCII");
        let body = serde_json::to_value(submission).expect("json");
        (body.get("speed").cloned(), body.get("latest").cloned())
    };
    assert_eq!(said(Haste::default()), (None, None));
    let haste = Haste {
        speed: Some(crate::queue::Speed::Urgent),
        latest: Some(NOW),
    };
    assert_eq!(
        said(haste),
        (Some(json!("urgent")), Some(json!(NOW.as_secs())))
    );
}

#[test]
fn repeated_payment_takes_one_satoshi_off_and_says_so() {
    let policy = policy();
    let client = client("http://localhost", &policy);
    let first = client
        .build_intent(&order("w-1", 70_000), NOW)
        .expect("an intent")
        .intent;
    let mut again = order("w-2", 70_000);
    again.repeats = vec![first.clone()];
    let second = client.build_intent(&again, NOW).expect("an intent");
    assert_eq!(second.intent.amount, Amount::from_sat(69_999));
    assert_eq!(second.intent.repeats, Some(first.id.clone()));
    let said = second.lowered.expect("it says so").to_string();
    assert!(
        said.contains("both may be paid") && said.contains("w-1"),
        "{said}"
    );

    let mut third = order("w-3", 70_000);
    third.repeats = vec![first.clone(), second.intent];
    assert_eq!(
        client
            .build_intent(&third, NOW)
            .expect("an intent")
            .intent
            .amount,
        Amount::from_sat(69_998)
    );

    let mut other_amount = order("w-4", 60_000);
    other_amount.repeats = vec![first.clone()];
    let built = client.build_intent(&other_amount, NOW).expect("an intent");
    assert_eq!(
        (built.intent.amount, built.lowered),
        (Amount::from_sat(60_000), None)
    );

    let mut one = order("w-5", 1);
    one.repeats = vec![Intent {
        amount: Amount::ONE_SAT,
        min: Amount::ONE_SAT,
        ..first
    }];
    assert!(matches!(
        client.build_intent(&one, NOW),
        Err(ClientError::CannotDiffer { .. })
    ));
}

#[test]
fn orders_that_no_intent_can_say_are_refused_before_signing() {
    let policy = policy();
    let client = client("http://localhost", &policy);
    assert!(matches!(
        client.build_intent(&order("w-1", 0), NOW),
        Err(ClientError::Intent(_))
    ));
    let mut mainnet = order("w-1", 1_000);
    mainnet.to = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"
        .parse()
        .expect("an address");
    assert!(matches!(
        client.build_intent(&mainnet, NOW),
        Err(ClientError::Destination(
            DestinationError::WrongNetwork { .. }
        ))
    ));
    let mut long = order("w-1", 1_000);
    long.reference = "x".repeat(201);
    assert!(matches!(
        client.build_intent(&long, NOW),
        Err(ClientError::Intent(_))
    ));
}

#[test]
fn refusal_carries_the_coordinators_code() {
    let policy = policy();
    let problem = json!({"type": "about:blank", "title": "Conflict", "status": 409, "code": "ID_REUSED", "detail": "the id w-1 is taken", "id": "w-1"});
    let (url, _heard) = answering("409 Conflict", &problem);
    let refused = client(&url, &policy)
        .cancel(&"w-1".parse().expect("an id"))
        .expect_err("refused");
    assert_eq!(refused.code(), Some("ID_REUSED"));
    assert_eq!(
        refused.to_string(),
        "the id w-1 is taken (status 409, code ID_REUSED)"
    );
}

#[test]
fn answers_about_something_else_or_of_something_else_are_refused() {
    let policy = policy();
    let id = "w-1".parse().expect("an id");
    let (url, _heard) = answering(
        "200 OK",
        &json!({"requester": "exchange", "id": "w-2", "state": "settled"}),
    );
    let refused = client(&url, &policy)
        .withdrawal(&id)
        .expect_err("another withdrawal");
    assert!(
        matches!(refused, ClientError::OtherAnswer { field: "id" }),
        "{refused}"
    );
    let (url, _heard) = answering("502 Bad Gateway", &json!("no gateway"));
    let refused = client(&url, &policy)
        .withdrawal(&id)
        .expect_err("not this API");
    assert!(
        matches!(refused, ClientError::ForeignAnswer { status: 502, .. }),
        "{refused}"
    );
    let closed = TcpListener::bind("127.0.0.1:0")
        .expect("a port")
        .local_addr()
        .expect("an address");
    let refused = client(&format!("http://{closed}"), &policy)
        .withdrawals()
        .expect_err("nobody there");
    assert!(matches!(refused, ClientError::Connection(_)), "{refused}");
}

#[test]
fn lists_are_read_as_the_api_writes_them() {
    let policy = policy();
    let one = json!({"requester": "exchange", "id": "w-1", "state": "settled"});
    let (url, _heard) = answering("200 OK", &json!([one]));
    let listed = client(&url, &policy).withdrawals().expect("a list");
    assert_eq!(listed.len(), 1);
    let (url, _heard) = answering("200 OK", &json!({"events": [], "next_after": 0}));
    let events = client(&url, &policy).events(0, 10).expect("a page");
    assert!(events.is_empty());
}

fn chain(count: u64) -> Vec<Event> {
    let mut previous = [0; 32];
    (1..=count)
        .map(|number| {
            let mut event = Event {
                number,
                object_kind: "deposit".to_owned(),
                object_id: format!("{number}:0"),
                version: 1,
                kind: "deposit.seen".to_owned(),
                vault: None,
                body: json!({"b": [1, "\u{e9}\n"], "amount_sat": number}),
                actor: "watchtower".to_owned(),
                reason: String::new(),
                at: NOW,
                hash: String::new(),
                proof: None,
            };
            previous = hash_of(previous, &event).expect("no fractions");
            event.hash = bitcoin::hex::DisplayHex::to_lower_hex_string(&previous);
            event
        })
        .collect()
}

#[test]
fn event_chain_shows_what_was_rewritten() {
    let events = chain(6);
    let mut chain = EventChain::begin();
    chain.follow(&events[..2]).expect("follows");
    chain.follow(&events[2..]).expect("follows");
    assert_eq!(chain.number(), 6);
    assert_eq!(EventChain::resume(6, chain.head()), chain);

    let mut from = EventChain::begin();
    assert_eq!(
        from.follow(&events[1..]),
        Err(ChainError::Number {
            expected: 1,
            found: 2
        })
    );
    let mut rewritten = events.clone();
    rewritten[3].body = json!({"amount_sat": 5});
    assert_eq!(from.follow(&rewritten), Err(ChainError::Hash { number: 4 }));
    let mut fraction = events;
    fraction[0].body = json!({"amount": 0.5});
    assert_eq!(
        from.follow(&fraction),
        Err(ChainError::Fraction { number: 1 })
    );
    assert_eq!(from, EventChain::begin(), "an error moves nothing");
}
