//! One document for each mistake.

use super::super::samples::{address, draft, public_key, quorum, rule};
use super::super::*;
use crate::descriptor::{ScriptKind, samples};

/// The codes and paths of a document's mistakes.
fn mistakes(text: &str) -> Vec<(&'static str, String)> {
    let found = Policy::parse(text.as_bytes()).expect_err("mistakes");
    for mistake in &found {
        assert!(!mistake.hint().is_empty());
        assert!(!mistake.to_string().is_empty());
    }
    found
        .iter()
        .map(|mistake| (mistake.code(), mistake.path.clone()))
        .collect()
}

fn one(code: &'static str, path: &str) -> Vec<(&'static str, String)> {
    vec![(code, path.to_owned())]
}

/// The sample document with one change in its text.
fn replaced(from: &str, to: &str) -> String {
    let text = draft(ScriptKind::Wsh).to_toml();
    assert!(text.contains(from), "{from} is not in\n{text}");
    text.replacen(from, to, 1)
}

/// The sample document with one change in its draft.
fn drafted(change: impl FnOnce(&mut PolicyDraft)) -> String {
    let mut draft = draft(ScriptKind::Wsh);
    change(&mut draft);
    draft.to_toml()
}

#[test]
fn bytes_that_are_not_exact_are_refused() {
    let text = draft(ScriptKind::Wsh).to_toml();
    let none = one("TOO_LARGE", "");
    assert_eq!(
        mistakes(&format!("{text}#{}\n", "x".repeat(MAX_BYTES))),
        none
    );
    assert_eq!(
        mistakes(&format!("\u{feff}{text}")),
        one("BYTE_ORDER_MARK", "")
    );
    assert_eq!(
        mistakes(&text.replace('\n', "\r\n")),
        one("CARRIAGE_RETURN", "")
    );
    assert_eq!(mistakes(text.trim_end()), one("FINAL_LINE_FEED", ""));
    assert_eq!(mistakes(&format!("{text}\n")), one("FINAL_LINE_FEED", ""));
    assert_eq!(mistakes(""), one("FINAL_LINE_FEED", ""));
    let found = Policy::parse(b"name = \"\xff\"\n").expect_err("mistakes");
    assert_eq!(found[0].problem, Problem::NotUtf8 { position: 8 });
}

#[test]
fn text_that_is_no_toml_is_refused_with_its_line() {
    let found = Policy::parse(b"name = \"a\"\nversion = = 1\n").expect_err("mistakes");
    assert_eq!((found[0].code(), found[0].line), ("NOT_TOML", Some(2)));
    assert_eq!(
        mistakes("name = \"a\"\nname = \"b\"\n"),
        one("NOT_TOML", "")
    );
}

#[test]
fn an_unknown_key_is_refused_with_a_suggestion_and_its_line() {
    let text = replaced("fee_max_sat", "fee_max_sats");
    let found = Policy::parse(text.as_bytes()).expect_err("mistakes");
    let unknown = found
        .iter()
        .find(|mistake| mistake.code() == "UNKNOWN_KEY")
        .expect("noted");
    assert_eq!(unknown.path, "limits.fee_max_sats");
    assert_eq!(unknown.hint(), "did you mean fee_max_sat?");
    let line = text
        .lines()
        .position(|line| line.starts_with("fee_max_sats"));
    assert_eq!(unknown.line, line.map(|line| line + 1));
    assert!(found.iter().any(|mistake| mistake.code() == "MISSING"));
    let json = serde_json::to_value(unknown).expect("serializes");
    assert_eq!(json["code"], "UNKNOWN_KEY");
    assert_eq!(
        mistakes(&replaced("format =", "zzzzzzzz = 1\nformat =")),
        one("UNKNOWN_KEY", "zzzzzzzz")
    );
}

#[test]
fn all_mistakes_are_found_at_once() {
    let text = replaced("version = 1\n", "")
        .replace(
            "feerate_max_sat_vb = \"200\"",
            "feerate_max_sat_vb = \"1.0001\"",
        )
        .replace("name = \"dana\"", "name = \"Dana\"")
        .replace("count = 2", "count = \"two\"");
    let codes: Vec<_> = mistakes(&text).into_iter().map(|(code, _)| code).collect();
    assert!(codes.len() >= 5, "{codes:?}");
    for code in ["MISSING", "INVALID", "WRONG_TYPE"] {
        assert!(codes.contains(&code), "{code}");
    }
}

#[test]
fn an_empty_document_misses_every_required_part() {
    let found = mistakes("# nothing\n");
    let paths: Vec<&str> = found.iter().map(|(_, path)| path.as_str()).collect();
    assert!(found.iter().all(|(code, _)| *code == "MISSING"));
    assert_eq!(
        paths,
        [
            "format",
            "version",
            "name",
            "network",
            "genesis",
            "head",
            "valid_until",
            "signers",
            "requesters",
            "spending",
            "recovery",
            "limits",
            "rules"
        ]
    );
}

#[test]
fn reserved_items_are_not_yet_supported() {
    for (text, path) in [
        (replaced("version = 1", "version = 2"), "version"),
        (replaced("vault = \"\"", "vault = \"ab\""), "vault"),
        (replaced("previous = \"\"", "previous = \"ab\""), "previous"),
        (
            replaced("version = 1", "signet_challenge = \"51\"\nversion = 1"),
            "signet_challenge",
        ),
        (
            replaced("tool = \"own\"", "tool = \"page\""),
            "requesters[0].keys[0].tool",
        ),
        (
            replaced("tool = \"own\"", "rp_id = \"localhost\"\ntool = \"own\""),
            "requesters[0].keys[0].rp_id",
        ),
        (
            replaced(&public_key("exchange").to_string(), "webauthn-es256:02ab"),
            "requesters[0].keys[0].key",
        ),
        (
            replaced(
                "fee_max_sat",
                "fee_budget = { sat = 1, window = \"24h\" }\nfee_max_sat",
            ),
            "limits.fee_budget",
        ),
        (
            replaced("fee_max_sat", "self_spend_budget = {}\nfee_max_sat"),
            "limits.self_spend_budget",
        ),
        (
            replaced(
                "kind = \"payment\"",
                "window = { sat = 1, per = \"24h\" }\nkind = \"payment\"",
            ),
            "rules[0].window",
        ),
    ] {
        assert_eq!(mistakes(&text), one("NOT_YET", path));
    }
    let open = replaced(
        "[[lists]]",
        "[[lists]]\nname = \"open\"\nopen = {}\n\n[[lists]]",
    );
    assert_eq!(mistakes(&open), one("NOT_YET", "lists[0].open"));
}

#[test]
fn values_of_another_type_or_meaning_are_refused() {
    for (from, to, code, path) in [
        (
            "countersign/policy/1",
            "countersign/policy/2",
            "INVALID",
            "format",
        ),
        (
            "name = \"treasury\"",
            "name = \"The Treasury\"",
            "INVALID",
            "name",
        ),
        ("name = \"treasury\"", "name = 7", "WRONG_TYPE", "name"),
        ("version = 1", "version = 0", "OUT_OF_RANGE", "version"),
        ("version = 1", "version = -1", "OUT_OF_RANGE", "version"),
        ("version = 1", "version = 0x1", "OUT_OF_RANGE", "version"),
        ("version = 1", "version = 1.0", "WRONG_TYPE", "version"),
        (
            "network = \"regtest\"",
            "network = \"testnet3\"",
            "INVALID",
            "network",
        ),
        (
            "2027-11-23T00:00:00Z",
            "2027-11-23T00:00:00",
            "INVALID",
            "valid_until",
        ),
        (
            "2027-11-23T00:00:00Z",
            "\"2027-11-23T00:00:00Z\"",
            "WRONG_TYPE",
            "valid_until",
        ),
        (
            "2027-11-23T00:00:00Z",
            "2026-11-23T00:00:00Z",
            "NEVER_VALID",
            "valid_until",
        ),
        (
            "height = 101",
            "height = 500000000",
            "OUT_OF_RANGE",
            "head.height",
        ),
        (
            "to = \"newest\"",
            "to = \"oldest\"",
            "INVALID",
            "recovery.to",
        ),
        (
            "fee_max_sat = 500000",
            "fee_max_sat = 0",
            "OUT_OF_RANGE",
            "limits.fee_max_sat",
        ),
        (
            "fee_max_sat = 500000",
            "fee_max_sat = 2100000000000001",
            "OUT_OF_RANGE",
            "limits.fee_max_sat",
        ),
        (
            "fee_share_max_percent = 2",
            "fee_share_max_percent = 101",
            "OUT_OF_RANGE",
            "limits.fee_share_max_percent",
        ),
        ("= \"200\"", "= 0", "INVALID", "limits.feerate_max_sat_vb"),
        (
            "= \"200\"",
            "= 1.0001",
            "INVALID",
            "limits.feerate_max_sat_vb",
        ),
        ("= \"200\"", "= 1e2", "INVALID", "limits.feerate_max_sat_vb"),
        ("= \"200\"", "= nan", "INVALID", "limits.feerate_max_sat_vb"),
        ("= \"200\"", "= -1", "INVALID", "limits.feerate_max_sat_vb"),
        (
            "= \"200\"",
            "= true",
            "WRONG_TYPE",
            "limits.feerate_max_sat_vb",
        ),
        ("\"10m\"", "\"25h\"", "INVALID", "limits.clock_skew"),
        ("\"10m\"", "\"soon\"", "INVALID", "limits.clock_skew"),
        (
            "min_sat = 100000",
            "min_sat = 329",
            "OUT_OF_RANGE",
            "limits.change.min_sat",
        ),
        (
            "deposit = 3",
            "deposit = 0",
            "OUT_OF_RANGE",
            "limits.confirmations.deposit",
        ),
        (
            "kind = \"payment\"",
            "kind = \"gift\"",
            "INVALID",
            "rules[0].kind",
        ),
        ("= [\"exchange\"]", "= []", "EMPTY", "rules[0].requester"),
        (
            "= [\"exchange\"]",
            "= [\"exchange\", \"exchange\"]",
            "DUPLICATE",
            "rules[0].requester[1]",
        ),
        (
            "= [\"exchange\"]",
            "= [\"exchnage\"]",
            "UNKNOWN_NAME",
            "rules[0].requester[0]",
        ),
        (
            "= [\"counterparties\"]",
            "= [\"friends\"]",
            "UNKNOWN_NAME",
            "rules[1].to[0]",
        ),
        (
            "tool = \"own\"",
            "tool = \"hammer\"",
            "INVALID",
            "requesters[0].keys[0].tool",
        ),
        (
            "kind = \"software\"",
            "kind = \"Soft ware\"",
            "INVALID",
            "signers[0].device.kind",
        ),
    ] {
        let found = mistakes(&replaced(from, to));
        assert!(found.contains(&(code, path.to_owned())), "{to}: {found:?}");
    }
}

#[test]
fn a_genesis_hash_of_another_network_is_refused() {
    let mainnet = genesis_of(bitcoin::Network::Bitcoin).to_string();
    let text = drafted(|draft| draft.genesis = mainnet);
    assert_eq!(mistakes(&text), one("WRONG_GENESIS", "genesis"));
}

#[test]
fn keys_and_addresses_of_another_network_are_refused() {
    let text = drafted(|draft| {
        draft.network = "mainnet".to_owned();
        draft.genesis = genesis_of(bitcoin::Network::Bitcoin).to_string();
    });
    let found = mistakes(&text);
    assert!(found.contains(&("WRONG_NETWORK", "spending.descriptor".to_owned())));
    assert!(found.contains(&("WRONG_NETWORK", "lists[0].entries[0]".to_owned())));
    let text = drafted(|draft| {
        draft.recovery.to = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4".to_owned();
        draft.signers[0].key = samples::named("alice", bitcoin::Network::Bitcoin)
            .key
            .to_string();
    });
    let found = mistakes(&text);
    assert!(found.contains(&("WRONG_NETWORK", "recovery.to".to_owned())));
    assert!(found.contains(&("WRONG_NETWORK", "signers[0].key".to_owned())));
}

#[test]
fn a_descriptor_that_is_not_sane_is_refused() {
    let (a, b) = (samples::ranged("alice"), samples::ranged("bob"));
    let hash = "00".repeat(32);
    let older = "older(4194305)";
    for (descriptor, code) in [
        (format!("wsh(multi(2,{a},{b}))"), "BAD_DESCRIPTOR"),
        ("wsh(".to_owned(), "BAD_DESCRIPTOR"),
        (
            samples::with_checksum(&format!("sh(wsh(multi(2,{a},{b})))")),
            "BAD_DESCRIPTOR",
        ),
        (
            samples::with_checksum(&format!("wsh(and_v(v:pk({a}),after(900000)))")),
            "NOT_YET",
        ),
        (
            samples::with_checksum(&format!("wsh(or_d(pk({a}),and_v(v:pk({b}),{older})))")),
            "NOT_YET",
        ),
        (
            samples::with_checksum(&format!("wsh(and_v(v:pk({a}),sha256({hash})))")),
            "BAD_DESCRIPTOR",
        ),
        (
            samples::with_checksum(&format!("wsh(and_v(v:pk({a}),older(144)))")),
            "BAD_DESCRIPTOR",
        ),
        (
            samples::with_checksum(&format!("wpkh({})", a.replace("<0;1>", "0"))),
            "BAD_DESCRIPTOR",
        ),
    ] {
        let text = drafted(|draft| draft.spending.descriptor.clone_from(&descriptor));
        assert_eq!(
            mistakes(&text),
            one(code, "spending.descriptor"),
            "{descriptor}"
        );
    }
    let mut wrong = draft(ScriptKind::Wsh).spending.descriptor;
    let last = wrong.pop();
    wrong.push(if last == Some('q') { 'p' } else { 'q' });
    let text = drafted(|draft| draft.spending.descriptor = wrong);
    assert_eq!(
        mistakes(&text),
        one("BAD_DESCRIPTOR", "spending.descriptor")
    );
}

#[test]
fn signers_and_descriptor_name_the_same_keys() {
    let text = drafted(|draft| {
        draft.spending.policy = None;
        draft.signers[3].key = samples::named("stranger", bitcoin::Network::Regtest)
            .key
            .to_string();
    });
    assert_eq!(
        mistakes(&text),
        [
            ("SIGNER_IN_NO_PATH", "signers[3].key".to_owned()),
            ("KEY_WITHOUT_SIGNER", "spending.descriptor".to_owned())
        ]
    );
    let text = drafted(|draft| {
        draft.signers[0].key = draft.signers[0].key.replacen("48h", "49h", 1);
    });
    assert_eq!(
        mistakes(&text),
        one("KEY_ORIGIN_MISMATCH", "signers[0].key")
    );
    let text = drafted(|draft| {
        draft.signers[0].key = draft.signers[0].key.replacen("/48h", "", 1);
    });
    assert_eq!(mistakes(&text), one("INVALID", "signers[0].key"));
}

#[test]
fn a_key_used_twice_is_refused() {
    let twice = |change: fn(&mut PolicyDraft)| mistakes(&drafted(change));
    let found = twice(|draft| draft.signers[1].key = draft.signers[0].key.clone());
    assert!(found.contains(&("DUPLICATE_KEY", "signers[1].key".to_owned())));
    assert_eq!(
        twice(|draft| draft.signers[1].journal = draft.signers[0].journal.clone()),
        one("DUPLICATE_KEY", "signers[1].journal")
    );
    assert_eq!(
        twice(|draft| draft.approvers[1].keys = draft.requesters[0].keys.clone()),
        one("DUPLICATE_KEY", "approvers[1].keys[0].key")
    );
}

#[test]
fn a_name_used_twice_is_refused() {
    let twice = |change: fn(&mut PolicyDraft)| mistakes(&drafted(change));
    assert_eq!(
        twice(|draft| draft.approvers[1].name = "dana".to_owned()),
        one("DUPLICATE", "approvers[1].name")
    );
    assert_eq!(
        twice(|draft| draft.rules[1].name = draft.rules[0].name.clone()),
        one("DUPLICATE", "rules[1].name")
    );
    let again = drafted(|draft| draft.lists[0].entries.push(address(1).to_string()));
    assert_eq!(mistakes(&again), one("DUPLICATE", "lists[0].entries[2]"));
}

#[test]
fn a_policy_text_that_means_something_else_is_refused() {
    let with = |text: &str| drafted(|draft| draft.spending.policy = Some(text.to_owned()));
    let path = "spending.policy";
    let lower = samples::POLICY.replace("thresh(2", "thresh(1");
    assert_eq!(mistakes(&with(&lower)), one("POLICY_DIFFERS", path));
    let sooner = samples::POLICY.replace("12960", "12959");
    assert_eq!(mistakes(&with(&sooner)), one("POLICY_DIFFERS", path));
    assert_eq!(mistakes(&with("pk(nobody)")), one("BAD_POLICY", path));
    assert_eq!(mistakes(&with("pk(")), one("BAD_POLICY", path));
    let reordered = "or(1@and(older(12960),pk(vault-key)),9@or(and(pk(bob),pk(alice)),\
                     and(pk(machine),or(pk(alice),pk(bob)))))";
    assert!(Policy::parse(with(reordered).as_bytes()).is_ok());
}

#[test]
fn sets_of_signers_that_share_nobody_are_refused_unless_the_document_accepts_it() {
    let (a, b) = (samples::ranged("alice"), samples::ranged("bob"));
    let one_of_two = samples::with_checksum(&format!("wsh(sortedmulti(1,{a},{b}))"));
    let change = |draft: &mut PolicyDraft| {
        draft.spending.descriptor.clone_from(&one_of_two);
        draft.spending.policy = None;
        draft.signers.truncate(2);
    };
    assert_eq!(
        mistakes(&drafted(change)),
        one("DOUBLE_PAYMENT", "spending.descriptor")
    );
    let accepted = drafted(|draft| {
        change(draft);
        draft.spending.double_payment = Some("trust-coordinator".to_owned());
    });
    assert!(Policy::parse(accepted.as_bytes()).is_ok());
}

#[test]
fn a_rule_that_can_never_match_is_refused() {
    let shadowed = drafted(|draft| {
        draft.rules.push(RuleDraft {
            to: Some(vec!["counterparties".to_owned()]),
            amount_max_sat: Some(7),
            ..rule("late", quorum(Some("board"), 1))
        });
    });
    assert_eq!(mistakes(&shadowed), one("NEVER_MATCHES", "rules[3]"));
    let sweep = drafted(|draft| {
        draft.rules.insert(
            0,
            RuleDraft {
                kind: Some("sweep".to_owned()),
                ..rule("sweeps", quorum(None, 0))
            },
        );
    });
    assert_eq!(mistakes(&sweep), one("NEVER_MATCHES", "rules[0]"));
    // After an automatic rule, one that persons approve still serves repeated payments.
    let repeats = drafted(|draft| {
        let mut human = draft.rules[0].clone();
        human.name = "repeated payouts".to_owned();
        human.approvals = quorum(Some("ops"), 1);
        draft.rules.insert(1, human);
    });
    assert!(Policy::parse(repeats.as_bytes()).is_ok());
}

#[test]
fn a_quorum_that_nobody_can_form_is_refused() {
    let count = drafted(|draft| draft.rules[2].approvals.count = 3);
    assert_eq!(
        mistakes(&count),
        one("TOO_FEW_PERSONS", "rules[2].approvals.count")
    );
    let group = drafted(|draft| draft.rules[2].approvals.group = Some("opps".to_owned()));
    let found = Policy::parse(group.as_bytes()).expect_err("mistakes");
    assert_eq!(found[0].path, "rules[2].approvals.group");
    assert_eq!(found[0].hint(), "did you mean ops?");
    let requester_is_member = drafted(|draft| {
        draft.requesters[0].person = Some("erin".to_owned());
    });
    assert_eq!(
        mistakes(&requester_is_member),
        one("TOO_FEW_PERSONS", "rules[2].approvals.count")
    );
    let same_person = drafted(|draft| draft.approvers[1].person = "dana".to_owned());
    assert_eq!(
        mistakes(&same_person),
        one("TOO_FEW_PERSONS", "rules[2].approvals.count")
    );
    let successors = drafted(|draft| {
        if let Some(change) = &mut draft.change {
            change.approvals = quorum(Some("board"), 3);
        }
    });
    assert_eq!(
        mistakes(&successors),
        one("TOO_FEW_PERSONS", "change.approvals.count")
    );
}
