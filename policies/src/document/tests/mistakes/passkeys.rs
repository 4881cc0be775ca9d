//! Keys whose tool, domain or origins do not belong together.

use super::super::super::samples::public_key;
use super::super::super::*;
use super::{drafted, mistakes, one};
use crate::intent::RelyingParty;

/// The generator of P-256, compressed.
const ES256: &str =
    "webauthn-es256:036b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296";
const PATH: &str = "approvers[0].keys[0]";

fn used(rp_id: &str, origins: &[&str]) -> RelyingParty {
    RelyingParty {
        rp_id: rp_id.to_owned(),
        origins: origins.iter().map(ToString::to_string).collect(),
        synced: false,
    }
}

fn own() -> RelyingParty {
    used("localhost", &["http://localhost:7543"])
}

fn page() -> RelyingParty {
    used(
        "treasury.example",
        &[
            "https://treasury.example",
            "https://eu.treasury.example:8443",
        ],
    )
}

/// A document whose approver `dana` has this key.
fn with(key: PinnedKeyDraft) -> String {
    drafted(|draft| draft.approvers[0].keys = vec![key])
}

fn passkey(tool: Tool, used: &RelyingParty) -> String {
    with(PinnedKeyDraft::passkey(&ES256, tool, used))
}

#[test]
fn a_passkey_is_pinned_with_its_domain_origins_and_tool() {
    for (tool, used) in [(Tool::Own, own()), (Tool::Page, page())] {
        let text = drafted(|draft| {
            let key = PinnedKeyDraft::passkey(&ES256, tool, &used);
            draft.approvers[0].keys.push(key);
        });
        let policy = Policy::parse(text.as_bytes()).expect("no mistakes");
        let key: crate::PublicKey = ES256.parse().expect("a key");
        let (approver, pinned) = policy.approver_of_key(key.id()).expect("is pinned");
        assert_eq!((approver.name.as_str(), pinned.tool), ("dana", tool));
        assert_eq!(pinned.passkey.as_ref(), Some(&used));
    }
}

#[test]
fn an_own_passkey_belongs_to_the_persons_own_host_and_a_page_passkey_never() {
    let own_elsewhere = used("treasury.example", &["https://treasury.example"]);
    assert_eq!(
        mistakes(&passkey(Tool::Own, &own_elsewhere)),
        [
            ("OWN_NOT_LOOPBACK", format!("{PATH}.rp_id")),
            ("OWN_NOT_LOOPBACK", format!("{PATH}.origins[0]")),
        ]
    );
    let foreign_origin = used(
        "localhost",
        &["http://localhost:7543", "https://treasury.example"],
    );
    assert_eq!(
        mistakes(&passkey(Tool::Own, &foreign_origin)),
        one("OWN_NOT_LOOPBACK", &format!("{PATH}.origins[1]"))
    );
    for (rp_id, origin) in [
        ("localhost", "http://localhost:7543"),
        ("page.localhost", "https://page.localhost"),
    ] {
        assert_eq!(
            mistakes(&passkey(Tool::Page, &used(rp_id, &[origin]))),
            [
                ("PAGE_IS_LOOPBACK", format!("{PATH}.rp_id")),
                ("PAGE_IS_LOOPBACK", format!("{PATH}.origins[0]")),
            ]
        );
    }
    let outside = used("treasury.example", &["https://nottreasury.example"]);
    assert_eq!(
        mistakes(&passkey(Tool::Page, &outside)),
        one("ORIGIN_OUTSIDE_DOMAIN", &format!("{PATH}.origins[0]"))
    );
}

#[test]
fn origins_are_written_exactly_as_browsers_write_them() {
    for origin in [
        "https://treasury.example/",
        "https://treasury.example:443",
        "https://treasury.example:08443",
        "https://treasury.example:0",
        "https://Treasury.example",
        "http://treasury.example",
        "https://user@treasury.example",
        "https://10.0.0.1",
        "treasury.example",
        "https://*.treasury.example",
        "",
    ] {
        let used = used("treasury.example", &[origin]);
        assert_eq!(
            mistakes(&passkey(Tool::Page, &used)),
            one("INVALID", &format!("{PATH}.origins[0]")),
            "{origin}"
        );
    }
    let twice = used(
        "localhost",
        &["http://localhost:7543", "http://localhost:7543"],
    );
    assert_eq!(
        mistakes(&passkey(Tool::Own, &twice)),
        one("DUPLICATE", &format!("{PATH}.origins[1]"))
    );
    assert_eq!(
        mistakes(&passkey(Tool::Own, &used("localhost", &[]))),
        one("EMPTY", &format!("{PATH}.origins"))
    );
    for rp_id in ["", "LOCALHOST", "-a.example", "a..example", "127.0.0.1"] {
        assert_eq!(
            mistakes(&passkey(
                Tool::Page,
                &used(rp_id, &["https://treasury.example"])
            )),
            one("INVALID", &format!("{PATH}.rp_id")),
            "{rp_id}"
        );
    }
}

#[test]
fn what_only_passkeys_have_and_what_only_approvers_have_is_refused_elsewhere() {
    let file = PinnedKeyDraft {
        rp_id: Some("localhost".to_owned()),
        origins: Some(vec!["http://localhost:7543".to_owned()]),
        synced: Some(false),
        ..PinnedKeyDraft::own(&public_key("dana"))
    };
    assert_eq!(
        mistakes(&with(file)),
        ["rp_id", "origins", "synced"]
            .map(|field| ("ONLY_FOR_PASSKEYS", format!("{PATH}.{field}")))
    );
    let bare = PinnedKeyDraft::own(&ES256);
    assert_eq!(
        mistakes(&with(bare)),
        ["rp_id", "origins"].map(|field| ("MISSING", format!("{PATH}.{field}")))
    );
    let file_on_page = PinnedKeyDraft {
        tool: "page".to_owned(),
        ..PinnedKeyDraft::own(&public_key("dana"))
    };
    assert_eq!(
        mistakes(&with(file_on_page)),
        one("PAGE_KEY", &format!("{PATH}.tool"))
    );
    let requesting = drafted(|draft| {
        draft.requesters[0].keys = vec![PinnedKeyDraft::passkey(&ES256, Tool::Page, &page())];
    });
    assert_eq!(
        mistakes(&requesting),
        one("PAGE_KEY", "requesters[0].keys[0].tool")
    );
    let journal = drafted(|draft| draft.signers[1].journal = ES256.to_owned());
    assert_eq!(
        mistakes(&journal),
        one("JOURNAL_PASSKEY", "signers[1].journal")
    );
    let rsa = with(PinnedKeyDraft::passkey(
        &"webauthn-rs256:00",
        Tool::Own,
        &own(),
    ));
    assert_eq!(mistakes(&rsa), one("INVALID", &format!("{PATH}.key")));
    let other_tool = PinnedKeyDraft {
        tool: "mine".to_owned(),
        ..PinnedKeyDraft::own(&public_key("dana"))
    };
    assert_eq!(
        mistakes(&with(other_tool)),
        one("INVALID", &format!("{PATH}.tool"))
    );
}

#[test]
fn one_key_stands_once_whoever_holds_it_and_under_whatever_algorithm() {
    let twice = drafted(|draft| {
        for approver in 0..2 {
            let key = PinnedKeyDraft::passkey(&ES256, Tool::Own, &own());
            draft.approvers[approver].keys.push(key);
        }
    });
    assert_eq!(
        mistakes(&twice),
        one("DUPLICATE_KEY", "approvers[1].keys[1].key")
    );
    let digits = public_key("dana")
        .to_string()
        .replace("ed25519:", "webauthn-eddsa:");
    let disguised = drafted(|draft| {
        let key = PinnedKeyDraft::passkey(&digits, Tool::Own, &own());
        draft.approvers[1].keys.push(key);
    });
    assert_eq!(
        mistakes(&disguised),
        one("DUPLICATE_KEY", "approvers[1].keys[1].key")
    );
}
