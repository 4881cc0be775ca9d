//! The bridge that the coordinator's pages open: who may open it, what it shows, and what it signs.

use crate::bridge_world::{PAGES, World};
use crate::succeeding::stricter;
use crate::treasury::{LARGE, NOW, Treasury};
use policies::document::{ApprovalsDraft, ListDraft, OpenDraft, PinnedKeyDraft, StopDraft};
use policies::hash::Purpose;
use policies::intent::{SecretKey, Stop};
use policies::succession::SuccessionFile;
use policies::{Approval, Intent, ListAdd, ScriptKind, Statement};
use serde_json::{Value, json};
use signer::bridge::{Origin, forget, paired};

fn treasury() -> Treasury {
    Treasury::agree(ScriptKind::Wsh)
}

fn approvers() -> World {
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
fn known(world: &World, id: &str) -> Intent {
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
fn only_this_hosts_name_is_answered_and_looking_changes_nothing() {
    let world = approvers();
    let intent = known(&world, "w1");
    let (place, _) = world.opened("approve", &format!("&hash={}", intent.hash()));
    for host in [
        "treasury.example",
        "localhost",
        &format!("127.0.0.1:{}", world.port),
        &format!("evil.example:{}", world.port),
    ] {
        assert_eq!(world.get_at(host, &place).status, 421, "{host}");
        let own = world.own();
        let headers = [
            ("origin", own.as_str()),
            ("content-type", "application/json"),
        ];
        let path = format!("{place}answer");
        assert_eq!(
            world.post_at(host, &path, &headers, "{}").status,
            421,
            "{host}"
        );
        let form = [
            ("origin", PAGES),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        assert_eq!(
            world.post_at(host, "/ask", &form, "what=approve").status,
            421,
            "{host}"
        );
    }
    for path in [
        "/pair",
        "/ask",
        &format!("{place}answer"),
        &format!("{place}decline"),
        "/a/00/",
    ] {
        assert_eq!(world.get(path).status, 404, "{path}");
    }
    assert_eq!(world.get("/").status, 200);
    assert_eq!(world.get(&place).status, 200, "it is still open");
    assert_eq!(world.coordinator.posted(), []);
}

#[test]
fn an_answer_counts_only_from_the_bridges_own_page() {
    let world = approvers();
    let intent = known(&world, "w1");
    let (place, _) = world.opened("approve", &format!("&hash={}", intent.hash()));
    let path = format!("{place}answer");
    for origin in [PAGES, "null", "http://localhost:1", "http://127.0.0.1"] {
        let headers = [("origin", origin), ("content-type", "application/json")];
        assert_eq!(world.post(&path, &headers, "{}").status, 403, "{origin}");
    }
    let own = world.own();
    let no_origin = [("content-type", "application/json")];
    assert_eq!(world.post(&path, &no_origin, "{}").status, 403);
    let as_form = [("origin", own.as_str()), ("content-type", "text/plain")];
    assert_eq!(world.post(&path, &as_form, "{}").status, 403);
    let json = [
        ("origin", own.as_str()),
        ("content-type", "application/json"),
    ];
    let large = "x".repeat(16 * 1024 + 1);
    assert_eq!(world.post(&path, &json, &large).status, 413);
    let elsewhere = world.post("/a/00/answer", &json, "{}");
    assert_eq!(elsewhere.status, 404);
    assert_eq!(world.coordinator.posted(), []);
    let declined = world.post(&format!("{place}decline"), &json, "{}");
    assert!(
        declined.text.contains("Nothing was signed"),
        "{}",
        declined.text
    );
    assert_eq!(world.answer(&place).0, 409, "what was declined is over");
    assert_eq!(world.coordinator.posted(), []);
}

#[test]
fn only_a_paired_origin_opens_an_ask_and_only_by_a_navigation() {
    let world = approvers();
    let intent = known(&world, "w1");
    let vault = world.treasury.policy.vault;
    let body = format!("vault={vault}&what=approve&hash={}", intent.hash());
    for (origin, code) in [
        ("https://evil.example", "ORIGIN_NOT_PAIRED"),
        ("https://treasury.example:8443", "ORIGIN_NOT_PAIRED"),
        ("http://treasury.example", "ORIGIN_REFUSED"),
        ("null", "NULL_ORIGIN"),
        (&world.own(), "ORIGIN_REFUSED"),
    ] {
        let visit = world.form("/ask", origin, &body);
        assert_eq!(visit.status, 403, "{origin}");
        assert!(visit.text.contains(code), "{origin}: {}", visit.text);
    }
    let form = ("content-type", "application/x-www-form-urlencoded");
    let none = world.post("/ask", &[form], &body);
    assert!(none.text.contains("NULL_ORIGIN"), "{}", none.text);
    for (name, value) in [
        ("sec-fetch-mode", "cors"),
        ("sec-fetch-mode", "no-cors"),
        ("sec-fetch-dest", "iframe"),
    ] {
        let visit = world.post("/ask", &[("origin", PAGES), form, (name, value)], &body);
        assert_eq!(visit.status, 403, "{value}");
        assert!(visit.text.contains("NOT_NAVIGATED"), "{value}");
    }
    let as_json = [("origin", PAGES), ("content-type", "application/json")];
    assert_eq!(world.post("/ask", &as_json, &body).status, 400);
    // A browser that says nothing of how it navigates is held by the origin alone.
    assert_eq!(
        world.post("/ask", &[("origin", PAGES), form], &body).status,
        303
    );
    // Two asks never share a path.
    let (one, other) = (
        world.form("/ask", PAGES, &body),
        world.form("/ask", PAGES, &body),
    );
    assert_ne!(one.location, other.location);
    // What is forgotten opens nothing more, though the bridge runs.
    let origin: Origin = PAGES.parse().expect("an origin");
    forget(&world.home, &origin).expect("forgets");
    assert_eq!(world.form("/ask", PAGES, &body).status, 403);
}

#[test]
fn five_wrong_codes_end_pairing_and_a_used_code_pairs_nobody_else() {
    let world = World::of(treasury(), "dana");
    let wrong = if world.code == "00000000" {
        "00000001"
    } else {
        "00000000"
    };
    for origin in ["null", "http://evil.example", "file://"] {
        let visit = world.pair(origin, &world.code);
        assert_eq!(visit.status, 403, "{origin}");
    }
    for left in (0..5).rev() {
        let visit = world.pair("https://evil.example", wrong);
        assert_eq!(visit.status, 403);
        assert!(
            visit.text.contains(&format!("{left} more tries")),
            "{}",
            visit.text
        );
    }
    let late = world.pair(PAGES, &world.code);
    assert!(late.text.contains("CODE_TRIED_TOO_OFTEN"), "{}", late.text);
    assert_eq!(paired(&world.home).expect("reads"), []);

    let world = approvers();
    let replayed = world.pair("https://evil.example", &world.code);
    assert!(replayed.text.contains("CODE_USED"), "{}", replayed.text);
    let all = paired(&world.home).expect("reads");
    let origins: Vec<&str> = all.iter().map(|one| one.origin.as_str()).collect();
    assert_eq!(origins, [PAGES]);
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
fn an_ask_about_another_vault_is_refused_before_anything_is_fetched() {
    let world = approvers();
    let intent = known(&world, "w1");
    let body = format!(
        "vault={}&what=approve&hash={}",
        "11".repeat(32),
        intent.hash()
    );
    let visit = world.form("/ask", PAGES, &body);
    assert_eq!(visit.status, 422);
    assert!(visit.text.contains("OTHER_VAULT"), "{}", visit.text);
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
fn a_form_that_is_too_large_or_asks_for_something_else_opens_nothing() {
    let world = approvers();
    let intent = known(&world, "w1");
    let large = format!("&hash={}&more={}", intent.hash(), "x".repeat(256 * 1024));
    assert_eq!(world.ask("approve", &large).status, 413);
    let many: Vec<String> = (0..101).map(|n| format!("&hash={n:064x}")).collect();
    assert_eq!(world.ask("approve", &many.concat()).status, 400);
    assert_eq!(
        world
            .ask("sign", &format!("&hash={}", intent.hash()))
            .status,
        400
    );
    let maintain = world.ask("maintain", &format!("&hash={}", intent.hash()));
    assert_eq!(maintain.status, 422);
    assert!(
        maintain.text.contains("countersign-signer maintain"),
        "{}",
        maintain.text
    );
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
        "100000 sat",
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
    let told: Vec<String> = world
        .events
        .try_iter()
        .map(|event| event.to_string())
        .collect();
    let text = told.join("\n");
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
