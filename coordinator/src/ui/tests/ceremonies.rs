//! A ceremony by the pages alone: a board, a link that opens once, and a seat that never shows the words.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use policies::document::{id_of, words_of};
use tokio::runtime::Runtime;

use super::served::{Browser, Seen, Served};
use crate::roles::fixture::{Kind, Vault};
use crate::service::people::PersonRole;
use crate::service::tests::ceremonies::{policy_draft, record};
use crate::service::tests::world::{NOW, empty};

const SEATS: [&str; 3] = ["alice", "bob", "carol"];

/// The browser that brings the seat of an answer.
fn seated(seen: &Seen) -> Browser {
    let cookie = seen
        .cookies
        .iter()
        .find(|one| one.starts_with("countersign-seat="));
    let cookie = cookie.expect("a seat's cookie").split(';').next();
    Browser {
        cookie: cookie.expect("a pair").to_owned(),
        csrf: String::new(),
    }
}

/// The link in a page of an operator.
fn link_in(page: &str) -> String {
    let (_, shown) = page.split_once("id=\"link\"").expect("a link");
    let (_, rest) = shown.split_once("/seats/").expect("a link");
    let secret = rest.split(['"', '<']).next().expect("a secret");
    format!("/seats/{secret}")
}

#[test]
fn a_vault_is_set_up_by_the_pages_alone() {
    let runtime = Runtime::new().expect("a runtime");
    let time = Arc::new(AtomicU64::new(NOW));
    let (_folder, service) = runtime.block_on(empty(&time));
    let served = Served::over(runtime, service, time);
    let (_, olga) = served.person("olga", PersonRole::Operator);
    let (keys, nobody) = (Vault::new(Kind::SortedMulti), Browser::default());

    let refused = served.form("/ceremonies", &olga, &[("name", "cold"), ("seats", "")]);
    assert_eq!(refused.status, 422, "{}", refused.text);
    let seats = SEATS.join("\n");
    let begun = served.form("/ceremonies", &olga, &[("name", "cold"), ("seats", &seats)]);
    assert_eq!(begun.status, 303, "{}", begun.text);
    let board = begun.location;

    let mut browsers = Vec::new();
    for (place, seat) in SEATS.iter().enumerate() {
        let page = served.form(&format!("{board}/seats/{seat}/link"), &olga, &[]);
        assert_eq!(page.status, 201, "{}", page.text);
        let link = link_in(&page.text);
        // Looking at a link, as a mail program does, does not use it up.
        assert_eq!(served.get(&link, &nobody).status, 200);
        let sat = served.form(&link, &nobody, &[]);
        assert_eq!((sat.status, sat.location.as_str()), (303, "/seat"));
        assert_eq!(served.form(&link, &nobody, &[]).status, 404);
        let browser = seated(&sat);
        let key = record(&keys, place);
        let private = key.replace("tpub", "tprv");
        let parts = [("pasted", None, private.as_bytes())];
        let refused = served.upload("/seat/record", &browser, &parts);
        assert_eq!(refused.status, 422);
        assert!(
            !refused.text.contains("tprv"),
            "it is written nowhere again"
        );
        let parts = [("file", Some("key.toml"), key.as_bytes())];
        let taken = served.upload("/seat/record", &browser, &parts);
        assert_eq!(taken.status, 303, "{}", taken.text);
        browsers.push(browser);
    }
    assert_eq!(served.get("/seat", &nobody).status, 401);
    let nothing = served.upload("/seat/record", &nobody, &[("pasted", None, b"x")]);
    assert_eq!(nothing.status, 401);

    let document = policy_draft(&keys).to_toml();
    let parts = [("file", Some("draft.toml"), document.as_bytes())];
    let set = served.upload(&format!("{board}/draft"), &olga, &parts);
    assert_eq!(set.status, 303, "{}", set.text);
    let id = id_of(document.as_bytes());
    let (policy, words) = (id.to_string(), words_of(id));
    for (place, browser) in browsers.iter().enumerate() {
        let seen = served.get("/seat", browser).text;
        let told = words
            .iter()
            .filter(|word| seen.contains(&format!(">{word}<")));
        assert_eq!(told.count(), 0, "the words come from the own tool: {seen}");
        let fetched = served.get("/seat/policy.toml", browser);
        assert_eq!(fetched.text, document);
        let early = served.form(&format!("{board}/activate"), &olga, &[]);
        assert_eq!(early.status, 409, "{}", early.text);
        let with = SEATS[(place + 1) % SEATS.len()];
        let compare = |last: &str| {
            let fields = [
                ("policy", policy.as_str()),
                ("with", with),
                ("first", words[0]),
                ("last", last),
                ("same_address", "yes"),
            ];
            served.form("/seat/comparison", browser, &fields)
        };
        let differs = compare("nothing");
        assert_eq!(differs.status, 422);
        let told = "stop, and compare all 24 words from both tools";
        assert!(differs.text.contains(told), "{}", differs.text);
        assert_eq!(compare(words[23]).status, 303);
        let ready = served.form("/seat/readiness", browser, &[("policy", &policy)]);
        assert_eq!(ready.status, 303, "{}", ready.text);
    }
    assert!(served.get(&board, &olga).text.contains("Add the vault"));
    let active = served.form(&format!("{board}/activate"), &olga, &[]);
    assert_eq!(active.status, 303, "{}", active.text);
    let vault = served.get(&format!("/vaults/{policy}"), &olga);
    assert_eq!(vault.status, 200, "{}", vault.text);
    assert_eq!(served.get("/ceremonies", &olga).status, 200);
}
