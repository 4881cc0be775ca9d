//! A draft that replaces one signer is the next version, and otherwise the document's own text.

use super::*;
use crate::descriptor::{ScriptKind, samples};
use crate::review::world::secret;
use crate::succession::samples::{first, next, next_draft};
use crate::succession::{Part, diff, line};

const WSH: &str = include_str!("../../../tests/vectors/policy.toml");
const TR: &str = include_str!("../../../tests/vectors/policy_tr.toml");

const LATER: Head = Head {
    height: 900,
    time: UnixTime::from_secs(1_796_000_000),
};
const UNTIL: UnixTime = UnixTime::from_secs(1_830_000_000);

fn record(by: &str) -> String {
    let key = samples::named(by, bitcoin::Network::Regtest).key;
    let journal = secret(&format!("journal of {by}")).public();
    format!(
        "[[signers]]\nname = \"{by}\"\nperson = \"{by}\"\n\
         device = {{ kind = \"software\" }}\nkey = \"{key}\"\njournal = \"{journal}\"\n"
    )
}

fn drafted(previous: &Policy, name: &str, record: &str) -> (String, Policy) {
    let text = draft_replacement(previous, name, record, LATER, UNTIL).expect("a draft");
    let next = Policy::parse(text.as_bytes()).expect("a policy without mistakes");
    assert_eq!(follows(previous, &next), Ok(Step::Keyset));
    (text, next)
}

fn refused(previous: &Policy, name: &str, record: &str) -> &'static str {
    let mistake =
        draft_replacement(previous, name, record, LATER, UNTIL).expect_err("there is no draft");
    assert!(!mistake.to_string().is_empty() && !mistake.hint().is_empty());
    mistake.code()
}

#[test]
fn only_what_must_change_changes_in_the_documents_own_text() {
    for text in [WSH, TR] {
        let previous = Policy::parse(text.as_bytes()).expect("valid");
        for signer in &previous.signers {
            let (draft, next) = drafted(&previous, &signer.name, &record("zelda"));
            let (before, after): (Vec<&str>, Vec<&str>) =
                (text.lines().collect(), draft.lines().collect());
            assert_eq!(before.len(), after.len());
            let differing = before.iter().zip(&after).filter(|(a, b)| a != b);
            let keys: Vec<&str> = differing
                .map(|(_, line)| line.split(' ').next().unwrap_or_default())
                .collect();
            let expected = [
                "vault",
                "version",
                "previous",
                "head",
                "valid_until",
                "descriptor",
                "person",
                "device",
                "key",
                "journal",
            ];
            let expected = expected.into_iter().filter(|key| {
                *key != "device"
                    || signer
                        .device
                        .as_ref()
                        .is_some_and(|one| one.kind != "software")
            });
            assert_eq!(keys, expected.collect::<Vec<_>>());
            assert!(!draft.contains(&signer.key.xpub.to_string()));
            let replaced = next.signer(&signer.name).expect("the name stays");
            assert_eq!(replaced.person, "zelda");
            assert_eq!((next.head, next.valid_until), (LATER, UNTIL));
            assert_eq!(next.policy_text, previous.policy_text);
        }
    }
}

#[test]
fn a_draft_changes_nothing_but_head_and_the_one_signer() {
    for kind in [ScriptKind::Wsh, ScriptKind::Tr] {
        let previous = first(kind);
        let (_, next) = drafted(&previous, "machine", &record("zelda"));
        for change in diff(&previous, &next) {
            let expected = change.part == Part::Head
                || change.about.starts_with("signer machine")
                || ["descriptor", "keyset"].contains(&change.about.as_str());
            assert!(expected, "{change:?}");
        }
        // As if compiled with the new key: also the key of taproot that nobody can spend with.
        let mut keys = samples::all_named();
        keys[2].key = samples::named("zelda", bitcoin::Network::Regtest).key;
        let compiled = crate::descriptor::compile(samples::POLICY, kind, &keys).expect("compiles");
        assert_eq!(next.descriptor.text(), compiled);
    }
}

#[test]
fn one_replacement_follows_another() {
    let one = first(ScriptKind::Tr);
    let (_, two) = drafted(&one, "machine", &record("zelda"));
    let two = line(vec![one.clone(), two]).expect("a line");
    let (_, three) = drafted(&two, "alice", &record("yann"));
    let newest = two.succeeded_by(three).expect("follows");
    assert_eq!((newest.version, newest.former.len()), (3, 2));
    // After a step of rules, which names its keyset, the draft names none.
    let rules = next(&one, |draft| draft.limits.fee_max_sat = 1_000);
    let (draft, after) = drafted(&rules, "machine", &record("zelda"));
    assert!(draft.contains("keyset = \"\"\n"));
    assert_ne!(after.keyset, rules.keyset);
}

#[test]
fn records_come_as_keygen_and_xpub_print_them() {
    let previous = first(ScriptKind::Wsh);
    let (_, expected) = drafted(&previous, "bob", &record("zelda"));
    let keygen =
        serde_json::json!({ "kind": "signer", "name": "zelda", "record": record("zelda") });
    let (_, by_keygen) = drafted(&previous, "bob", &keygen.to_string());
    assert_eq!(by_keygen.id, expected.id);
    let signer = &expected.signers[1];
    let xpub = serde_json::json!({ "key": signer.key.text, "journal": signer.journal.to_string() });
    let (_, by_xpub) = drafted(&previous, "bob", &xpub.to_string());
    // It does not say whose it is: the person stays.
    assert_eq!(by_xpub.signers[1].person, "bob");
    assert_eq!(by_xpub.signers[1].key, signer.key);
}

#[test]
fn devices_are_replaced_however_they_are_spelled() {
    let previous = first(ScriptKind::Wsh);
    let spelled = |device: &str| {
        let draft = next_draft(&previous).to_toml();
        let start = draft.find("[signers.device]\n").expect("a device");
        let end = start + "[signers.device]\nkind = \"software\"\n".len();
        let text = format!("{}{device}{}", &draft[..start], &draft[end..]);
        Policy::parse(text.as_bytes()).expect("valid")
    };
    let hardware = record("zelda").replace(
        "{ kind = \"software\" }",
        "{ kind = \"ledger\", host = \"desk\" }",
    );
    for device in [
        "",
        "device = { kind = \"jade\", seed_created = 2026-01-01 } # in a safe\n",
        "[signers.device] # in a safe\nkind = \"jade\"\nfirmware = \"1\"\nseed_created = 2026-01-01\n",
        "device.kind = \"jade\"\ndevice.firmware = \"1\"\n",
    ] {
        let (text, next) = drafted(&spelled(device), "alice", &hardware);
        let found = next.signers[0].device.clone().expect("a device");
        assert_eq!(
            (found.kind.as_str(), found.host.as_deref()),
            ("ledger", Some("desk"))
        );
        assert_eq!((found.firmware, found.seed_created), (None, None));
        assert_eq!(text.contains("# in a safe"), device.contains("# in a safe"));
    }
    let silent = record("zelda").replace("device = { kind = \"software\" }\n", "");
    assert_eq!(refused(&previous, "alice", &silent), "NO_DEVICE");
    drafted(&spelled(""), "alice", &silent);
}

#[test]
fn a_record_that_replaces_nothing_or_clashes_is_refused() {
    let previous = first(ScriptKind::Wsh);
    assert_eq!(
        refused(&previous, "nobody", &record("zelda")),
        "UNKNOWN_SIGNER"
    );
    assert_eq!(refused(&previous, "bob", "tpub…"), "NOT_A_SIGNER_RECORD");
    assert_eq!(refused(&previous, "bob", "{}"), "NOT_A_SIGNER_RECORD");
    assert_eq!(
        refused(&previous, "bob", "[[signers]]\n"),
        "SIGNER_RECORD_INVALID"
    );
    let two = record("zelda") + &record("yann");
    assert_eq!(refused(&previous, "bob", &two), "NOT_ONE_SIGNER");
    assert_eq!(
        refused(&previous, "bob", &record("bob")),
        "KEY_NOT_REPLACED"
    );
    let journal = previous.signers[1].journal.to_string();
    let new = secret("journal of zelda").public().to_string();
    let old_journal = record("zelda").replace(&new, &journal);
    assert_eq!(
        refused(&previous, "bob", &old_journal),
        "JOURNAL_NOT_REPLACED"
    );
    // Alice's key in bob's place: one key cannot be two.
    assert_eq!(refused(&previous, "bob", &record("alice")), "DRAFT_INVALID");
}

#[test]
fn several_signers_are_replaced_in_one_version() {
    for text in [WSH, TR] {
        let previous = Policy::parse(text.as_bytes()).expect("valid");
        let both: Vec<(String, String)> = [("zelda", 0), ("zoe", 1)]
            .into_iter()
            .map(|(by, at): (&str, usize)| (previous.signers[at].name.clone(), record(by)))
            .collect();
        let draft = draft_replacements(&previous, &both, LATER, UNTIL).expect("a draft");
        let next = Policy::parse(draft.as_bytes()).expect("valid");
        assert_eq!(follows(&previous, &next), Ok(Step::Keyset));
        assert_eq!(next.version, previous.version + 1);
        for signer in &previous.signers[..2] {
            assert!(!draft.contains(&signer.key.xpub.to_string()));
        }
        assert_eq!(next.signers[0].person, "zelda");
        assert_eq!(next.signers[1].person, "zoe");
        assert_eq!(next.signers[2..], previous.signers[2..]);
        // One and the same key cannot stand for two.
        let twice = [both[0].clone(), (both[1].0.clone(), both[0].1.clone())];
        assert!(draft_replacements(&previous, &twice, LATER, UNTIL).is_err());
    }
}
