//! The bridge that the coordinator's pages open: what it shows, and what it signs.

use crate::bridge_world::World;
use crate::succeeding::stricter;
use crate::treasury::{LARGE, NOW, Treasury};
use policies::document::{ApprovalsDraft, ListDraft, OpenDraft, PinnedKeyDraft, StopDraft};
use policies::hash::Purpose;
use policies::intent::{SecretKey, Stop};
use policies::succession::SuccessionFile;
use policies::{Approval, Intent, ListAdd, ScriptKind, Statement};
use serde_json::{Value, json};
use std::time::Duration;

pub(crate) fn treasury() -> Treasury {
    Treasury::agree(ScriptKind::Wsh)
}

pub(crate) fn approvers() -> World {
    World::paired(treasury(), "dana")
}

/// A withdrawal as the coordinator shows it.
fn shown(world: &World, intent: &Intent) -> Value {
    let request = world.treasury.request(intent);
    json!({
        "intent": String::from_utf8(intent.encode()).expect("ASCII"),
        "request_key": request.key,
        "request_signature": request.signature,
    })
}

/// An intent that the coordinator knows.
pub(crate) fn known(world: &World, id: &str) -> Intent {
    let intent = world.treasury.intent(id, LARGE);
    let path = format!("intents/{}", intent.hash());
    world.coordinator.gives(&path, &shown(world, &intent));
    intent
}

fn counted(persons: &[&str], count: u32) -> Value {
    json!([{ "needs": { "count": count, "approved_by": persons } }])
}

#[test]
fn an_approver_reads_on_the_bridge_what_the_terminal_shows_and_hands_it_in_by_it() {
    let world = approvers();
    let intent = known(&world, "w1");
    world
        .coordinator
        .gives("approvals", &counted(&["dana", "erin"], 2));
    let (place, page) = world.opened("approve", &format!("&hash={}", intent.hash()));
    for part in [
        "Approve 1 withdrawal",
        "0.09 000 000 BTC (9,000,000 sat)",
        "exchange as w1",
        "signed by its requester, verified",
        "data-ask=\"confirm\"",
        "href=\"https://treasury.example/withdrawals\"",
    ] {
        assert!(page.contains(part), "{part} in\n{page}");
    }
    assert_eq!(
        world.coordinator.posted(),
        [],
        "nothing is signed before a person confirms"
    );
    let (status, said) = world.answer(&place);
    assert_eq!(
        (status, said.as_str()),
        (200, "Handed in. 2 of 2 persons have approved.")
    );
    let posted = world.coordinator.posted();
    let [(path, approval)] = posted.as_slice() else {
        panic!("{posted:?}");
    };
    assert_eq!(path, "approvals");
    assert_eq!(approval["purpose"], "approve");
    assert_eq!(approval["intents"][0]["intent"], intent.hash().to_string());
    let signed = Approval {
        purpose: Purpose::Approve,
        subject: approval["root"]
            .as_str()
            .expect("hex")
            .parse()
            .expect("a root"),
        expires: NOW.saturating_add(86_400),
        key: world.treasury.approver.public().id(),
        signature: approval["signature"]
            .as_str()
            .expect("hex")
            .parse()
            .expect("one"),
    };
    let key = world.treasury.approver.public();
    signed.verify(&key, intent.vault).expect("counts");
    // Once answered, always answered.
    let (status, again) = world.answer(&place);
    assert_eq!((status, again), (409, said.clone()));
    assert!(world.get(&place).text.contains(&said));
    assert_eq!(world.coordinator.posted().len(), 1);
}

#[test]
fn what_the_coordinator_does_not_have_or_has_otherwise_is_never_shown() {
    let world = approvers();
    let intent = known(&world, "w1");
    let other = world.treasury.intent("w2", LARGE);
    let unknown = world.ask("approve", &format!("&hash={}", other.hash()));
    assert_eq!(unknown.status, 422);
    assert!(unknown.text.contains("UNKNOWN_HASH"), "{}", unknown.text);
    // The coordinator gives another intent under that hash.
    let path = format!("intents/{}", other.hash());
    world.coordinator.gives(&path, &shown(&world, &intent));
    let swapped = world.ask("approve", &format!("&hash={}", other.hash()));
    assert!(swapped.text.contains("OTHER_BYTES"), "{}", swapped.text);
    assert!(!swapped.text.contains("exchange as w1"), "{}", swapped.text);
    // The right one, which nobody signed.
    let mut unsigned = shown(&world, &other);
    unsigned["request_key"] = Value::Null;
    unsigned["request_signature"] = json!("");
    world.coordinator.gives(&path, &unsigned);
    let unsigned = world.ask("approve", &format!("&hash={}", other.hash()));
    assert!(
        unsigned.text.contains("INTENT_NOT_SIGNED"),
        "{}",
        unsigned.text
    );
    // One good and one bad open nothing.
    let both = format!("&hash={}&hash={}", intent.hash(), other.hash());
    assert_eq!(world.ask("approve", &both).status, 422);
    assert_eq!(world.coordinator.posted(), []);
}

#[test]
fn the_person_who_asked_for_a_withdrawal_may_reject_it_but_not_approve_it() {
    let treasury = Treasury::agree_with(ScriptKind::Wsh, NOW, |draft| {
        draft.requesters[0].person = Some("dana".to_owned());
        let mut erin = draft.approvers[0].clone();
        erin.name = "erin".to_owned();
        erin.person = "erin".to_owned();
        let key = SecretKey::from_bytes(&[9; 32]).public();
        erin.keys = vec![PinnedKeyDraft::own(&key)];
        draft.approvers.push(erin);
    });
    let world = World::paired(treasury, "dana");
    let intent = known(&world, "w1");
    let hash = format!("&hash={}", intent.hash());
    let own = world.ask("approve", &hash);
    assert_eq!(own.status, 422);
    assert!(own.text.contains("OWN_REQUEST"), "{}", own.text);
    assert_eq!(world.ask("reject", &hash).status, 303);
}

#[test]
fn what_the_coordinator_cannot_take_is_kept_and_its_place_said() {
    let world = approvers();
    let intent = known(&world, "w1");
    let (place, _) = world.opened("approve", &format!("&hash={}", intent.hash()));
    world.coordinator.is_deaf();
    let (status, said) = world.answer(&place);
    assert_eq!(status, 502, "{said}");
    let path = said.rsplit(' ').next().expect("a path").to_owned();
    assert!(
        said.contains("countersign-coordinator approval submit"),
        "{said}"
    );
    let kept = std::fs::read(path).expect("the file is there");
    let kept: Value = serde_json::from_slice(&kept).expect("is JSON");
    assert_eq!(kept["intents"][0]["intent"], intent.hash().to_string());
}

#[test]
fn a_requester_signs_a_draft_of_its_own_and_of_nobody_else() {
    let world = World::paired(treasury(), "exchange");
    let intent = world.treasury.intent("w1", LARGE);
    let text = String::from_utf8(intent.encode()).expect("ASCII");
    let field = |text: &str| format!("&intent={}", encoded(text));
    world.coordinator.gives(
        "withdrawals",
        &json!({ "needs": { "count": 1, "approved_by": [] } }),
    );
    let (place, page) = world.opened("request", &field(&text));
    assert!(
        page.contains("yours to sign") && page.contains("exchange as w1"),
        "{page}"
    );
    let (status, said) = world.answer(&place);
    assert_eq!(
        (status, said.as_str()),
        (200, "Handed in. It needs the approval of 1 person.")
    );
    let (path, request) = world.coordinator.posted().remove(0);
    assert_eq!(
        (path.as_str(), request["intent"].as_str()),
        ("withdrawals", Some(text.as_str()))
    );

    let foreign = text.replace("\"exchange\"", "\"somebody\"");
    let foreign = world.ask("request", &field(&foreign));
    assert!(foreign.text.contains("OTHER_REQUESTER"), "{}", foreign.text);
    let other = format!("{}&hash={}", field(&text), "11".repeat(32));
    let other = world.ask("request", &other);
    assert!(other.text.contains("OTHER_BYTES"), "{}", other.text);
    let approve = world.ask("approve", &format!("&hash={}", intent.hash()));
    assert_eq!(approve.status, 422, "this home approves nothing");
}

/// A text as a form has it.
fn encoded(text: &str) -> String {
    let bytes: Vec<String> = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
    bytes.concat()
}

#[test]
fn an_approver_signs_lists_stops_and_releases_that_the_bridge_shows() {
    let ops = |count| ApprovalsDraft {
        group: Some("ops".to_owned()),
        count,
        page: None,
    };
    let treasury = Treasury::agree_with(ScriptKind::Wsh, NOW, |draft| {
        draft.stop = Some(StopDraft { release: ops(1) });
        draft.lists = vec![ListDraft {
            name: "partners".to_owned(),
            entries: Vec::new(),
            open: Some(OpenDraft {
                approvals: ops(1),
                delay: "24h".to_owned(),
                test_first: None,
            }),
        }];
        draft.rules[0].to = Some(vec!["partners".to_owned()]);
    });
    let world = World::paired(treasury, "dana");
    let add = Statement::ListAdd(ListAdd {
        list: "partners".to_owned(),
        script_pubkey: world.treasury.intent("w1", LARGE).script_pubkey,
        label: "Bank".to_owned(),
        not_before: NOW,
        expires: NOW.saturating_add(86_400),
    });
    let text = String::from_utf8(add.encode()).expect("ASCII");
    let signed = json!({ "needed": 1, "approved_by": ["dana"] });
    world.coordinator.gives("statements", &signed);
    let approvals = format!("statements/{}/approvals", add.subject());
    world.coordinator.gives(&approvals, &signed);
    let (place, page) = world.opened("list-propose", &format!("&statement={}", encoded(&text)));
    assert!(
        page.contains("Add to the list partners") && page.contains("Bank"),
        "{page}"
    );
    let (status, said) = world.answer(&place);
    assert_eq!(
        (status, said.as_str()),
        (200, "Handed in. 1 of 1 person has signed it.")
    );
    let posted = world.coordinator.posted();
    assert_eq!(
        posted[0],
        ("statements".to_owned(), json!({ "statement": text }))
    );
    assert_eq!(
        (posted[1].0.as_str(), &posted[1].1["purpose"]),
        (approvals.as_str(), &json!("list-add"))
    );

    // Several lines of an import are proposed at once, and a bad one spoils none of the others silently.
    let two = format!(
        "&statement={}&statement={}",
        encoded(&text),
        encoded(&text.replace("Bank", "Broker"))
    );
    let (_, page) = world.opened("list-propose", &two);
    assert!(page.contains("Bank") && page.contains("Broker"), "{page}");
    let bad = format!("&statement={}&statement=x", encoded(&text));
    assert_eq!(world.ask("list-propose", &bad).status, 422);

    // What another person proposed is fetched by its subject; removing needs only the entry.
    let path = format!("statements/{}", add.subject());
    world
        .coordinator
        .gives(&path, &json!({ "statement": text, "approvals": [] }));
    let hash = format!("&hash={}", add.subject());
    let (_, page) = world.opened("list-approve", &hash);
    assert!(page.contains("Bank"), "{page}");
    let (_, page) = world.opened("list-remove", &hash);
    assert!(page.contains("REMOVE") && page.contains("Bank"), "{page}");

    let (place, page) = world.opened("stop", "&reason=a+laptop+was+stolen");
    assert!(
        page.contains("STOP the vault") && page.contains("a laptop was stolen"),
        "{page}"
    );
    world.coordinator.is_deaf();
    let (status, said) = world.answer(&place);
    assert_eq!(status, 502, "{said}");
    let kept = std::fs::read(said.rsplit(' ').next().expect("a path")).expect("is kept");
    let stop: Value = serde_json::from_slice(&kept).expect("is JSON");
    let statement = Statement::decode(stop["statement"].as_str().expect("text").as_bytes());
    let statement = statement.expect("a stop");
    assert!(
        matches!(&statement, Statement::Stop(Stop { reason, .. }) if reason == "a laptop was stolen")
    );

    let path = format!("statements/{}", statement.subject());
    world.coordinator.gives(&path, &stop);
    let (_, page) = world.opened("release", &format!("&hash={}", statement.subject()));
    assert!(
        page.contains("Release a stop") && page.contains("a laptop was stolen"),
        "{page}"
    );
    let none = world.ask("stop", "");
    assert!(none.text.contains("BAD_REASON"), "{}", none.text);
}

#[test]
fn an_approver_reads_what_a_next_version_changes_and_approves_it() {
    let world = approvers();
    let next = stricter(&world.treasury);
    let file = SuccessionFile::of(&next.bytes).expect("a file");
    let text = String::from_utf8(file.write()).expect("text");
    // The list to fetch and the answer to the hand-in stand at one path.
    world.coordinator.gives("successions", &json!([text]));
    let (place, page) = world.opened("policy-approve", &format!("&hash={}", next.id));
    for part in [
        "version 2",
        &next.id.to_string(),
        "100,000 sat",
        "Approve the next version",
    ] {
        assert!(page.contains(part), "{part} in\n{page}");
    }
    world.coordinator.gives(
        "successions",
        &json!({ "needed": 1, "approved_by": ["dana"] }),
    );
    let (status, said) = world.answer(&place);
    assert_eq!(
        (status, said.as_str()),
        (200, "Handed in. 1 of 1 person has approved it.")
    );
    let (_, posted) = world.coordinator.posted().remove(0);
    let posted = SuccessionFile::read(posted["file"].as_str().expect("text").as_bytes());
    let key = world.treasury.approver.public().id();
    assert!(posted.expect("a file").approvals().contains_key(&key));
    let unknown = world.ask("policy-approve", &format!("&hash={}", "11".repeat(32)));
    assert_eq!(
        unknown.status, 503,
        "what the coordinator gives now is no list"
    );
}

#[test]
fn the_terminal_tells_what_happens_in_lines_that_fit() {
    let world = approvers();
    let intent = known(&world, "w1");
    let (place, _) = world.opened("approve", &format!("&hash={}", intent.hash()));
    world.coordinator.gives("approvals", &counted(&["dana"], 1));
    world.answer(&place);
    world.ask("approve", &format!("&hash={}", "11".repeat(32)));
    // What is told of an answer may come after the answer.
    let mut text = String::new();
    while !text.contains("UNKNOWN_HASH") {
        let event = world.events.recv_timeout(Duration::from_secs(30));
        text += &format!("{}\n", event.expect("the last is told"));
    }
    for part in [
        "port",
        "Paired with",
        "Asked to approve",
        "Handed in. 1 of 1 person",
        "UNKNOWN_HASH",
    ] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    let code = world.code.split_at(4);
    assert!(text.contains(&format!("{} {}", code.0, code.1)), "{text}");
}
