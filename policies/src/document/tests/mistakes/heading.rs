//! The head of a document: its network, its place in the line of versions.

use super::super::super::{Policy, genesis_of};
use super::{drafted, mistakes, one, replaced};

#[test]
fn a_signet_of_ones_own_is_told_by_its_challenge() {
    let signet = |challenge: &str| {
        drafted(|draft| {
            draft.network = "signet".to_owned();
            draft.genesis = genesis_of(bitcoin::Network::Signet).to_string();
            draft.signet_challenge = Some(challenge.to_owned());
            draft.lists.clear();
            draft.rules.truncate(1);
        })
    };
    for (challenge, code) in [("", "INVALID"), ("5", "INVALID"), ("5A", "INVALID")] {
        let found = mistakes(&signet(challenge));
        assert_eq!(found, one(code, "signet_challenge"), "{challenge}");
    }
    let policy = Policy::parse(signet("51").as_bytes()).expect("a signet of one's own");
    let challenge = policy.signet_challenge.expect("has one");
    assert_eq!(challenge.to_hex_string(), "51");
    let elsewhere = drafted(|draft| draft.signet_challenge = Some("51".to_owned()));
    assert_eq!(
        mistakes(&elsewhere),
        one("ONLY_ON_SIGNET", "signet_challenge")
    );
}

#[test]
fn a_first_version_names_no_version_before_it() {
    let id = "ab".repeat(32);
    for key in ["vault", "previous"] {
        let text = replaced(&format!("{key} = \"\""), &format!("{key} = \"{id}\""));
        assert_eq!(mistakes(&text), one("INVALID", key));
    }
    let text = replaced("version = 1", &format!("version = 1\nkeyset = \"{id}\""));
    assert_eq!(mistakes(&text), one("INVALID", "keyset"));
}

#[test]
fn a_later_version_names_its_vault_and_the_version_before() {
    let missing = |key: &str| ("MISSING", key.to_owned());
    assert_eq!(
        mistakes(&replaced("version = 1", "version = 2")),
        [missing("vault"), missing("previous")]
    );
    let id = "ab".repeat(32);
    let later = |vault: &str, previous: &str, keyset: &str| {
        drafted(|draft| {
            draft.version = 2;
            draft.vault = vault.to_owned();
            draft.previous = previous.to_owned();
            draft.keyset = Some(keyset.to_owned());
        })
    };
    for (text, path) in [
        (later("ab", &id, &id), "vault"),
        (later(&id, &id.to_uppercase(), &id), "previous"),
        (later(&id, &id, "1"), "keyset"),
    ] {
        assert_eq!(mistakes(&text), one("INVALID", path));
    }
    let policy = Policy::parse(later(&id, &id, "").as_bytes()).expect("a later version");
    assert_eq!(policy.version, 2);
    assert_eq!(policy.vault.to_string(), id);
    assert_eq!(
        policy.previous.map(|previous| previous.to_string()),
        Some(id)
    );
    assert_eq!(policy.keyset.to_bytes(), policy.id.to_bytes());
    assert!(policy.former.is_empty());
}
