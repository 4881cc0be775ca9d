//! Who may open the bridge, and who may answer: everybody else on this computer and on the web is turned away.

use crate::bridge_world::{Held, PAGES, World};
use crate::bridging::{approvers, known, treasury};
use serde_json::json;
use signer::bridge::{BridgeEvent, Origin, forget, paired};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

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
    let declined = world.press(&format!("{place}decline"), &world.held);
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
        let tries = if left == 1 { "try" } else { "tries" };
        assert!(
            visit.text.contains(&format!("{left} more {tries}")),
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

/// What the coordinator counts once dana approved.
fn one_of_one(world: &World) {
    let counted = json!([{ "needs": { "count": 1, "approved_by": ["dana"] } }]);
    world.coordinator.gives("approvals", &counted);
}

/// A program that forges the headers of a paired page opens an ask, and may read it; the browser alone answers it.
#[test]
fn only_the_browser_that_paired_answers_whatever_headers_a_program_forges() {
    let world = approvers();
    let intent = known(&world, "w1");
    one_of_one(&world);
    let (place, _) = world.opened("approve", &format!("&hash={}", intent.hash()));
    world.passes(Duration::from_secs(1));
    let other = World::paired(treasury(), "dana");
    let (name, _) = world.held.cookie.split_once('=').expect("has a name");
    let (_, others) = other.held.cookie.split_once('=').expect("has a value");
    let with = |cookie: &str, half: &str| Held {
        cookie: cookie.to_owned(),
        half: half.to_owned(),
    };
    let (cookie, half) = (world.held.cookie.as_str(), world.held.half.as_str());
    for held in [
        Held::default(),
        with(cookie, ""),
        with("", half),
        with(cookie, &other.held.half),
        with(&format!("{name}={others}"), half),
        with(&format!("{name}={others}"), &other.held.half),
        other.held.clone(),
    ] {
        for part in ["answer", "decline"] {
            let visit = world.press(&format!("{place}{part}"), &held);
            assert_eq!(visit.status, 403, "{part} {held:?}");
            assert!(visit.said().contains("pair this browser again"), "{held:?}");
        }
    }
    assert_eq!(world.coordinator.posted(), []);
    assert_eq!(world.answer(&place).0, 200);
    assert_eq!(world.coordinator.posted().len(), 1);
}

#[test]
fn another_browser_that_pairs_with_the_same_pages_takes_the_place_of_the_first() {
    let world = approvers();
    let intent = known(&world, "w1");
    let (place, _) = world.opened("approve", &format!("&hash={}", intent.hash()));
    let before = paired(&world.home).expect("reads");
    let next = World::of_home(treasury(), &world.home);
    let visit = next.pair(PAGES, &next.code);
    assert_eq!(visit.status, 200, "{}", visit.text);
    let after = paired(&world.home).expect("reads");
    assert_eq!((before.len(), after.len()), (1, 1));
    assert_ne!(before[0].browser, after[0].browser);
    assert_eq!(world.answer(&place).0, 403);
    // What is forgotten is answered by nobody, though its ask was open.
    let origin: Origin = PAGES.parse().expect("an origin");
    forget(&world.home, &origin).expect("forgets");
    let (status, said) = world.answer(&place);
    assert_eq!(status, 403);
    assert!(said.contains("not paired with this bridge"), "{said}");
}

#[test]
fn what_an_older_tool_paired_opens_nothing_until_it_is_paired_again() {
    let world = World::of(treasury(), "dana");
    let intent = known(&world, "w1");
    let older = json!({
        "format": "countersign/bridge/1",
        "origins": [{ "origin": PAGES, "since": 1_795_000_000 }],
    });
    std::fs::write(world.home.bridge_file(), older.to_string()).expect("writes");
    assert_eq!(paired(&world.home).expect("reads").len(), 1);
    let hash = format!("&hash={}", intent.hash());
    let visit = world.ask("approve", &hash);
    assert_eq!(visit.status, 403);
    for part in ["BROWSER_NOT_PAIRED", "Pair this browser again"] {
        assert!(visit.text.contains(part), "{part} in\n{}", visit.text);
    }
    assert_eq!(world.pair(PAGES, &world.code).status, 200);
    assert_eq!(world.ask("approve", &hash).status, 303);
}

#[test]
fn an_answer_that_comes_before_its_page_could_be_read_signs_nothing() {
    let world = approvers();
    let intent = known(&world, "w1");
    one_of_one(&world);
    let hash = format!("&hash={}", intent.hash());
    let unseen = world.ask("approve", &hash).location;
    assert_eq!(world.answer(&unseen).0, 422, "nobody looked at it");
    let (place, _) = world.opened("approve", &hash);
    for _ in 0..2 {
        let early = world.press(&format!("{place}answer"), &world.held);
        assert_eq!(early.status, 422);
        assert!(early.said().contains("too soon"), "{}", early.said());
        world.passes(Duration::from_millis(349));
    }
    assert_eq!(world.coordinator.posted(), []);
    world.passes(Duration::from_millis(2));
    let visit = world.press(&format!("{place}answer"), &world.held);
    assert_eq!(visit.status, 200, "{}", visit.text);
    // Declining needs no wait.
    let (place, _) = world.opened("reject", &hash);
    let declined = world.press(&format!("{place}decline"), &world.held);
    assert_eq!(declined.status, 200);
}

/// The next code that the bridge shows.
fn next_code(world: &World) -> String {
    loop {
        let event = world.events.recv_timeout(Duration::from_secs(30));
        if let BridgeEvent::Code { code, .. } = event.expect("another code is shown") {
            return code;
        }
    }
}

#[test]
fn the_bridge_shows_another_code_where_the_last_one_came_to_nothing() {
    let world = World::of(treasury(), "dana");
    assert_eq!(next_code(&world), world.code);
    for _ in 0..5 {
        assert_eq!(world.pair("https://evil.example", "0").status, 403);
    }
    world.passes(Duration::from_mins(1));
    let second = next_code(&world);
    assert_ne!(second, world.code);
    // Nobody types it in time.
    world.passes(Duration::from_mins(10));
    let third = next_code(&world);
    assert_eq!(world.pair(PAGES, &second).status, 403);
    let visit = world.pair(PAGES, &third);
    assert_eq!(visit.status, 200, "{}", visit.text);
    let is_code = |event: &BridgeEvent| matches!(event, BridgeEvent::Code { .. });
    assert_eq!(world.events.try_iter().filter(is_code).count(), 0);
}

#[test]
fn the_bridge_goes_on_serving_while_an_answer_waits_for_the_coordinator() {
    let world = approvers();
    let intent = known(&world, "w1");
    let (place, _) = world.opened("approve", &format!("&hash={}", intent.hash()));
    world.passes(Duration::from_secs(1));
    world.coordinator.hesitates();
    let (path, own) = (format!("{place}answer"), world.own());
    let press = |path: &str| {
        let mut stream = TcpStream::connect(("127.0.0.1", world.port)).expect("connects");
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost:{}\r\norigin: {own}\r\ncookie: {}\r\n\
             countersign-half: {}\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{{}}",
            world.port, world.held.cookie, world.held.half,
        );
        stream.write_all(request.as_bytes()).expect("is sent");
        stream
    };
    let mut answering = press(&path);
    world.coordinator.is_hesitating();
    // Whoever declines now waits for the answer before it.
    let declining = press(&format!("{place}decline"));
    let served = (0..50).all(|_| world.looks_in());
    world.coordinator.goes_on();
    assert!(served, "it stood still");
    let mut first = [0; 12];
    answering.read_exact(&mut first).expect("is answered");
    // The coordinator of this test knows nothing of approvals: what was signed is kept.
    assert_eq!(&first, b"HTTP/1.1 502");
    drop(declining);
}

/// 1. The browser that paired opens an ask and looks at it; it opens another one, and does not.
/// 2. A program that forges the headers of a paired page opens more than there are places, and says of each that it looks.
/// 3. Each is opened, and none takes the place of what the browser looks at, which is answered. The unseen one made room.
#[test]
fn a_program_that_forges_a_paired_page_takes_no_place_from_the_browser_that_paired() {
    let world = approvers();
    let intent = known(&world, "w1");
    one_of_one(&world);
    let hash = format!("&hash={}", intent.hash());
    let (place, _) = world.opened("approve", &hash);
    let here = world.press(&format!("{place}here"), &world.held);
    assert_eq!((here.status, here.said().as_str()), (200, ""));
    let (unseen, _) = world.opened("approve", &hash);
    let mut last = String::new();
    for _ in 0..64 {
        let forged = world.ask("approve", &hash);
        assert_eq!(forged.status, 303, "{}", forged.text);
        for held in [
            Held::default(),
            Held {
                half: "00".repeat(32),
                ..world.held.clone()
            },
        ] {
            let here = world.press(&format!("{}here", forged.location), &held);
            assert_eq!(here.status, 403, "{held:?}");
        }
        last = forged.location;
    }
    assert_eq!(
        world.get(&unseen).status,
        404,
        "nobody was seen to look at it"
    );
    assert_eq!(world.get(&last).status, 200);
    assert_eq!(world.get(&place).status, 200, "it keeps its place");
    assert_eq!(world.answer(&place).0, 200);
    // Nobody is kept from asking, and looking is not told of in the terminal.
    let (next, _) = world.opened("approve", &hash);
    assert_eq!(world.answer(&next).0, 200);
    let refused = |event: &BridgeEvent| matches!(event, BridgeEvent::Refused { .. });
    assert_eq!(world.events.try_iter().filter(refused).count(), 0);
}
