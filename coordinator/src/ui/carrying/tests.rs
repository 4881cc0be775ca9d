//! The two routes as the browser's script uses them, and as somebody hostile would.

use bitcoin::base64::Engine as _;
use bitcoin::base64::prelude::BASE64_STANDARD;
use policies::carrier::{Carrier, Density, Frames, MAX_PAYLOAD, Payload};
use serde_json::{Value, json};

use super::scan::{MAX_LINES, Scanned, scanned};
use super::show::{Wish, shown};
use crate::service::people::PersonRole;
use crate::ui::tests::served::{Browser, Served};

/// A text that takes several codes and does not pack well.
fn long_text(length: usize) -> String {
    let mut state = 7_u64;
    let letters = (0..length).map(|_| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        char::from(b'!' + state.to_be_bytes()[0] % 90)
    });
    letters.collect()
}

fn frames(text: &str, carrier: Carrier) -> Vec<String> {
    let payload = Payload::sniff(text.as_bytes()).expect("a payload");
    let frames = Frames::write(&payload, carrier, Density::Normal.version(carrier));
    frames.expect("it fits").texts().to_vec()
}

/// The code of a refusal.
fn refused<T: std::fmt::Debug>(answer: Result<T, super::Refused>) -> &'static str {
    answer.expect_err("is refused").code
}

#[test]
fn what_is_shown_are_the_codes_of_the_bytes_that_were_sent_module_by_module() {
    let text = long_text(5_000);
    for (name, carrier) in [("bbqr", Carrier::Bbqr), ("ur", Carrier::Ur)] {
        let shown = shown(&Wish::of(name, "normal"), text.as_bytes()).expect("is shown");
        let shown = json!(shown);
        let payload = Payload::sniff(text.as_bytes()).expect("a payload");
        let frames = Frames::write(&payload, carrier, Density::Normal.version(carrier));
        let symbols = frames.expect("it fits").symbols();
        assert_eq!(
            shown["frames"].as_array().map(Vec::len),
            Some(symbols.len())
        );
        assert_eq!(
            (&shown["kind"], &shown["bytes"]),
            (&json!("text"), &json!(5_000))
        );
        assert_eq!(shown["numbered"], carrier == Carrier::Bbqr);
        for (packed, symbol) in shown["frames"]
            .as_array()
            .into_iter()
            .flatten()
            .zip(&symbols)
        {
            let packed = packed.as_str().expect("base64");
            let bytes = BASE64_STANDARD.decode(packed).expect("base64");
            let side = symbol.side();
            assert_eq!(shown["side"], side);
            for place in 0..side * side {
                let dark = bytes[place / 8] & (0x80 >> (place % 8)) != 0;
                assert_eq!(dark, symbol.is_dark(place % side, place / side), "{place}");
            }
        }
    }
}

#[test]
fn long_rounds_are_warned_of_and_what_cannot_be_shown_is_refused_by_name() {
    let warnings = |bytes: &[u8], density| {
        let shown = json!(shown(&Wish::of("bbqr", density), bytes).expect("is shown"));
        shown["warnings"].as_array().map(Vec::len)
    };
    let text = long_text(60_000);
    assert_eq!(warnings(text.as_bytes(), "normal"), Some(0));
    assert_eq!(warnings(text.as_bytes(), "5"), Some(1));
    let show = |carrier, density, bytes: &[u8]| shown(&Wish::of(carrier, density), bytes);
    assert_eq!(refused(show("bbqr", "normal", b" \n")), "CARRIER_EMPTY");
    let huge = vec![0xaa; MAX_PAYLOAD + 1];
    assert_eq!(refused(show("bbqr", "normal", &huge)), "CARRIER_TOO_LARGE");
    assert_eq!(
        refused(show("ur", "normal", &huge[1..])),
        "CARRIER_TOO_LARGE"
    );
    for (carrier, density) in [("fax", "normal"), ("ur", "4"), ("ur", "41"), ("ur", "huge")] {
        assert_eq!(refused(show(carrier, density, b"{}")), "bad_request");
    }
}

#[test]
fn codes_in_any_order_with_foreign_ones_among_them_become_the_file() {
    let text = long_text(5_000);
    for carrier in Carrier::ALL {
        let mut lines = frames(&text, carrier);
        lines.reverse();
        lines.insert(1, "https://holiday.example".to_owned());
        lines.push(String::new());
        match scanned(lines.join("\r\n").as_bytes()).expect("the whole") {
            Scanned::Whole {
                whole, kind, name, ..
            } => {
                assert_eq!(
                    BASE64_STANDARD.decode(whole).expect("base64"),
                    text.as_bytes()
                );
                assert_eq!((kind, name.as_str()), ("text", "scanned.txt"));
            }
            partly @ Scanned::Partly { .. } => panic!("{partly:?}"),
        }
    }
}

#[test]
fn what_is_missing_is_told_by_number_and_what_was_passed_over_by_its_code() {
    let mut lines = frames(&long_text(9_000), Carrier::Bbqr);
    let all = lines.len();
    assert!(all > 4, "{all}");
    lines.remove(3);
    lines.remove(1);
    lines.push("https://holiday.example".to_owned());
    match scanned(lines.join("\n").as_bytes()).expect("a part") {
        Scanned::Partly {
            have,
            of,
            missing,
            aside,
        } => {
            assert_eq!((have, of, missing), (all - 2, all, Some(vec![2, 4])));
            assert_eq!(aside.expect("one was")["code"], "CARRIER_NOT_A_FRAME");
        }
        whole @ Scanned::Whole { .. } => panic!("{whole:?}"),
    }
}

#[test]
fn hostile_lines_are_refused_by_name_before_anything_is_allocated_for_them() {
    let scan = |lines: &str| refused(scanned(lines.as_bytes()));
    assert_eq!(scan(""), "CARRIER_EMPTY");
    assert_eq!(scan(" \n\n"), "CARRIER_EMPTY");
    assert_eq!(refused(scanned(b"B$ZP0100\xff\xfe")), "CARRIER_NOT_A_FRAME");
    assert_eq!(scan("<script>alert(1)</script>"), "CARRIER_NOT_A_FRAME");
    assert_eq!(scan(&"A".repeat(4_297)), "CARRIER_NOT_A_FRAME");
    assert_eq!(scan("B$ZP0100"), "CARRIER_BAD_FRAME");
    assert_eq!(scan("B$2P0205AAAAAAAA"), "CARRIER_BAD_COUNT");
    assert_eq!(
        scan(&"B$2P0200AAAAAAAA\n".repeat(MAX_LINES + 1)),
        "CARRIER_TOO_LARGE"
    );
    assert_eq!(
        scan("ur:crypto-psbt/1-99999999/aeaeaeae"),
        "CARRIER_BAD_FRAME"
    );
    // A zip bomb: two megabytes and more of one letter pack into few codes.
    let bomb = "A".repeat(MAX_PAYLOAD);
    let lines = frames(&bomb, Carrier::Bbqr).join("\n");
    assert!(matches!(
        scanned(lines.as_bytes()),
        Ok(Scanned::Whole { .. })
    ));
}

#[test]
fn everybody_who_is_signed_in_shows_and_scans_and_nobody_else_does() {
    let served = Served::start();
    let text = long_text(3_000);
    let lines = frames(&text, Carrier::Ur).join("\n");
    let roles = [
        PersonRole::Operator,
        PersonRole::Approver,
        PersonRole::Requester,
        PersonRole::Auditor,
    ];
    for (number, role) in roles.into_iter().enumerate() {
        let (_, person) = served.person(&format!("person-{number}"), role);
        let seen = served.script_text("/carrier/show?carrier=ur", &person, text.clone());
        assert_eq!(seen.status, 200, "{}", seen.text);
        assert_eq!(seen.json()["bytes"], 3_000);
        let seen = served.script_text("/carrier/scan", &person, lines.clone());
        assert_eq!(seen.status, 200, "{}", seen.text);
        assert_eq!(seen.json()["whole"], BASE64_STANDARD.encode(&text));
        let without = Browser {
            csrf: String::new(),
            ..person
        };
        for path in ["/carrier/show", "/carrier/scan"] {
            assert_eq!(
                served.script_text(path, &without, lines.clone()).status,
                403
            );
        }
    }
    for path in ["/carrier/show", "/carrier/scan"] {
        let nobody = Browser::default();
        assert_eq!(served.script_text(path, &nobody, lines.clone()).status, 401);
        assert_eq!(served.get(path, &nobody).status, 404);
    }
}

#[test]
fn what_is_too_much_is_refused_and_the_page_is_told_what_to_do() {
    let served = Served::start();
    let (_, dana) = served.person("dana", PersonRole::Auditor);
    for path in ["/carrier/show", "/carrier/scan"] {
        let seen = served.script_text(path, &dana, "A".repeat(8 * 1024 * 1024 + 1));
        assert_eq!(seen.status, 413, "{}", seen.text);
    }
    let seen = served.script_text("/carrier/scan", &dana, "holiday".to_owned());
    assert_eq!(seen.status, 422);
    let told: Value = seen.json();
    assert_eq!(told["code"], "CARRIER_NOT_A_FRAME");
    for part in ["words", "hint"] {
        let words = told[part].as_str().expect("words");
        assert!(
            words.ends_with('.') && words.starts_with(char::is_uppercase),
            "{words}"
        );
    }
    // A PSBT that no signer of ours would read is not stripped for a device, and shown as it is.
    let psbt = BASE64_STANDARD.encode(b"psbt\xff\x01\x02\x03");
    let seen = served.script_text("/carrier/show?device=1", &dana, psbt.clone());
    assert_eq!(seen.status, 422, "{}", seen.text);
    assert_eq!(served.script_text("/carrier/show", &dana, psbt).status, 200);
}

#[test]
fn each_person_has_two_at_work_and_is_told_when_to_ask_again() {
    let served = Served::start();
    let (_, dana) = served.person("dana", PersonRole::Auditor);
    let (_, erin) = served.person("erin", PersonRole::Auditor);
    let ask = |who: &Browser| {
        served
            .script_text("/carrier/show", who, "{}".to_owned())
            .status
    };
    let inside: Vec<_> = (0..2)
        .map(|_| served.service.carrying().enter("dana").expect("is let in"))
        .collect();
    assert_eq!((ask(&dana), ask(&erin)), (503, 200));
    drop(inside);
    assert_eq!(ask(&dana), 200);
}
