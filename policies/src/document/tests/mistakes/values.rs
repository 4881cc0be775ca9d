//! Bytes, keys and values that are refused by themselves.

use super::super::super::samples::draft;
use super::super::super::*;
use super::{mistakes, one, replaced};
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
