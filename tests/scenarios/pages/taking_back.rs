//! A requester takes back what the requester asked for, and nothing that others asked for.

use bitcoin::Amount;
use harness::{Answer, Engine, Failure, Outcome, Purse, ScriptKind, Treasury};
use serde_json::json;

/// 1. The exchange asks for withdrawals. The person behind it is signed in to the pages; so is a requester who is
///    somebody else, and an operator. Their programs have tokens of those names.
/// 2. By its form and by the API nobody but the exchange and the operators takes one of them back; a refusal changes
///    nothing.
/// 3. Whoever asked takes an own one back, both ways; so does an operator.
#[test]
fn a_requester_takes_back_only_the_own_withdrawals() -> Outcome {
    let treasury = Treasury::start(ScriptKind::Wsh, Engine::Sqlite)?;
    treasury.deposit(Amount::ONE_BTC)?;
    let amount = Amount::from_sat(100_000);
    let ids = ["by-form", "by-api", "of-operator", "of-machine"];
    for (number, id) in (1..).zip(ids) {
        treasury.withdraw(id, &Purse::stranger(number), amount)?;
    }
    let path = |id: &str| treasury.path(&format!("/withdrawals/exchange/{id}/cancel"));
    let form = |person: &str, role: &str, id: &str| {
        let visitor = treasury.visitor(person, role)?;
        visitor.post(&path(id), &[("reason", "a test")])
    };
    let other = treasury.token("payroll", "service")?;
    let operator = treasury.operator();
    let api = |token: &str, id: &str| -> Result<Answer, Failure> {
        operator.with_token(Some(token)).post(&path(id), &json!({}))
    };

    for id in ids {
        let refused = form("payroll", "requester", id)?;
        assert_eq!(refused.status, 403, "{}", refused.text);
        let words = "Only exchange or an operator takes back";
        assert!(refused.text.contains(words), "{}", refused.text);
        for role in ["approver", "auditor"] {
            assert_eq!(form(&format!("some-{role}"), role, id)?.status, 403);
        }
        api(&other, id)?.refused(403, "not_own")?;
        assert_ne!(treasury.withdrawal_state(id)?, "cancelled");
    }
    let page = treasury.path("/withdrawals/exchange/by-form");
    let others = treasury.visitor("payroll", "requester")?.get(&page)?;
    assert!(!others.text.contains("Take it back"));
    let own = treasury.visitor("exchange", "requester")?.get(&page)?;
    assert!(own.text.contains("Take it back"));

    assert_eq!(form("exchange", "requester", "by-form")?.status, 303);
    api(treasury.service_token(), "by-api")?.done()?;
    assert_eq!(form("olga", "operator", "of-operator")?.status, 303);
    operator.post(&path("of-machine"), &json!({}))?.done()?;
    for id in ids {
        assert_eq!(treasury.withdrawal_state(id)?, "cancelled", "{id}");
    }
    Ok(())
}
