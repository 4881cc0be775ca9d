//! Bytes, keys and values that are refused by themselves.

use super::super::super::samples::draft;
use super::super::super::*;
use super::{drafted, mistakes, one, replaced};
use crate::descriptor::ScriptKind;

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
fn a_window_or_budget_of_nothing_is_refused() {
    for (budget, code, path) in [
        (
            "fee_budget = { sat = 0, window = \"24h\" }",
            "OUT_OF_RANGE",
            "fee_budget.sat",
        ),
        (
            "fee_budget = { sat = 1, window = \"0h\" }",
            "INVALID",
            "fee_budget.window",
        ),
        ("fee_budget = { sat = 1 }", "MISSING", "fee_budget.window"),
        (
            "fee_budget = { sat = 1, window = \"24h\", per = 1 }",
            "UNKNOWN_KEY",
            "fee_budget.per",
        ),
        (
            "self_spend_budget = { sat = 0, count = 1, window = \"1h\" }",
            "OUT_OF_RANGE",
            "self_spend_budget.sat",
        ),
        (
            "self_spend_budget = { sat = 1, count = 0, window = \"1h\" }",
            "OUT_OF_RANGE",
            "self_spend_budget.count",
        ),
        (
            "self_spend_budget = { sat = 1, count = 1, window = \"4000d\" }",
            "INVALID",
            "self_spend_budget.window",
        ),
    ] {
        let mut draft = draft(ScriptKind::Wsh);
        draft.limits.fee_budget = None;
        draft.limits.self_spend_budget = None;
        let text = draft.to_toml();
        let text = text.replacen("fee_max_sat", &format!("{budget}\nfee_max_sat"), 1);
        assert_eq!(mistakes(&text), one(code, &format!("limits.{path}")));
    }
    for (inclusion, code, path) in [
        (
            "{ bits = \"207FFFFF\", confirmations = 1 }",
            "INVALID",
            "bits",
        ),
        (
            "{ bits = \"+07fffff\", confirmations = 1 }",
            "INVALID",
            "bits",
        ),
        (
            "{ bits = \"20800001\", confirmations = 1 }",
            "INVALID",
            "bits",
        ),
        (
            "{ bits = \"2100ffff\", confirmations = 1 }",
            "INVALID",
            "bits",
        ),
        (
            "{ bits = \"2300ffff\", confirmations = 1 }",
            "INVALID",
            "bits",
        ),
        ("{ bits = 207, confirmations = 1 }", "WRONG_TYPE", "bits"),
        (
            "{ bits = \"207fffff\", confirmations = 0 }",
            "OUT_OF_RANGE",
            "confirmations",
        ),
        (
            "{ bits = \"207fffff\", confirmations = 145 }",
            "OUT_OF_RANGE",
            "confirmations",
        ),
        ("{ bits = \"207fffff\" }", "MISSING", "confirmations"),
        ("{ confirmations = 1 }", "MISSING", "bits"),
        (
            "{ bits = \"207fffff\", confirmations = 1, depth = 1 }",
            "UNKNOWN_KEY",
            "depth",
        ),
    ] {
        let text = draft(ScriptKind::Wsh).to_toml();
        let text = text.replacen(
            "fee_max_sat",
            &format!("inclusion = {inclusion}\nfee_max_sat"),
            1,
        );
        let expected = one(code, &format!("limits.inclusion.{path}"));
        assert_eq!(mistakes(&text), expected, "{inclusion}");
    }
    for (window, code, path) in [
        ("{ sat = 0, per = \"24h\" }", "OUT_OF_RANGE", "sat"),
        ("{ sat = 1, per = \"0s\" }", "INVALID", "per"),
        ("{ sat = 1 }", "MISSING", "per"),
    ] {
        let text = replaced(
            "kind = \"payment\"",
            &format!("window = {window}\nkind = \"payment\""),
        );
        assert_eq!(
            mistakes(&text),
            one(code, &format!("rules[0].window.{path}"))
        );
    }
}

#[test]
fn an_open_list_names_a_quorum_that_exists_and_a_delay() {
    for (open, code, path) in [
        ("{ delay = \"24h\" }", "MISSING", "approvals"),
        (
            "{ approvals = { group = \"board\", count = 0 }, delay = \"24h\" }",
            "OUT_OF_RANGE",
            "approvals.count",
        ),
        (
            "{ approvals = { group = \"board\", count = 3 }, delay = \"24h\" }",
            "TOO_FEW_PERSONS",
            "approvals.count",
        ),
        (
            "{ approvals = { group = \"bored\", count = 2 }, delay = \"24h\" }",
            "UNKNOWN_NAME",
            "approvals.group",
        ),
        (
            "{ approvals = { group = \"board\", count = 2, page = 1 }, delay = \"24h\" }",
            "UNKNOWN_KEY",
            "approvals.page",
        ),
        (
            "{ approvals = { group = \"board\", count = 2 }, delay = \"0s\" }",
            "INVALID",
            "delay",
        ),
        (
            "{ approvals = { group = \"board\", count = 2 }, delay = \"1h\", test_first = { sat = 0, \
             group = \"ops\" } }",
            "OUT_OF_RANGE",
            "test_first.sat",
        ),
        (
            "{ approvals = { group = \"board\", count = 2 }, delay = \"1h\", test_first = { sat = 9, \
             group = \"opps\" } }",
            "UNKNOWN_NAME",
            "test_first.group",
        ),
    ] {
        let text = replaced(
            "[[lists]]",
            &format!("[[lists]]\nname = \"open\"\nopen = {open}\n\n[[lists]]"),
        );
        assert_eq!(mistakes(&text), one(code, &format!("lists[0].open.{path}")));
    }
}

#[test]
fn approvals_by_the_page_come_in_addition_to_own_ones() {
    let with = |quorum: &str| {
        let text = draft(ScriptKind::Wsh).to_toml();
        let at = text.rfind("[rules.approvals]").expect("the last rule");
        let (before, after) = text.split_at(at);
        format!("{before}{}", after.replacen("count = 2", quorum, 1))
    };
    assert!(Policy::parse(with("count = 1\npage = 1").as_bytes()).is_ok());
    let path = "rules[2].approvals";
    for (quorum, code, key) in [
        ("count = 0\npage = 1", "OUT_OF_RANGE", "count"),
        ("count = 1\npage = 0", "OUT_OF_RANGE", "page"),
        ("count = 1\npage = 2", "TOO_FEW_PERSONS", "count"),
    ] {
        assert_eq!(mistakes(&with(quorum)), one(code, &format!("{path}.{key}")));
    }
}
