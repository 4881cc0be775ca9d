//! Windows, budgets, proofs and quorums that bound nothing, or that nobody could meet.

use super::super::super::Policy;
use super::super::super::samples::draft;
use super::{mistakes, one, replaced};
use crate::descriptor::ScriptKind;

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
