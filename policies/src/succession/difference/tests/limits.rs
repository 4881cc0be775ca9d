//! Limits, proofs, stops and goes: where less or more passes than before.

use super::only;
use crate::document::samples::quorum;
use crate::document::{InclusionDraft, PolicyDraft};
use crate::succession::difference::Direction;

#[test]
fn limits_tighten_and_loosen() {
    use Direction::{Changed, Loosened, Tightened};
    type Alter = fn(&mut PolicyDraft);
    let cases: [(Alter, Direction, &str); 13] = [
        (|d| d.limits.fee_max_sat += 1, Loosened, "highest fee"),
        (|d| d.limits.fee_max_sat -= 1, Tightened, "highest fee"),
        (|d| d.limits.change.min_sat += 1, Tightened, "least change"),
        (
            |d| d.limits.confirmations.deposit += 1,
            Tightened,
            "confirmations of deposits",
        ),
        (
            |d| d.limits.fee_budget = None,
            Loosened,
            "budget of all fees",
        ),
        (
            |d| d.limits.self_spend_budget = None,
            Tightened,
            "spends to ourselves that nobody approves",
        ),
        (
            |d| "5m".clone_into(&mut d.limits.clock_skew),
            Changed,
            "clock skew",
        ),
        (
            |d| d.maintenance = None,
            Tightened,
            "spends to ourselves beyond their budget",
        ),
        (|d| d.change = None, Tightened, "the next version"),
        (
            |d| d.change.as_mut().expect("there").approvals.count = 1,
            Loosened,
            "the next version, approvals",
        ),
        (
            |d| "1h".clone_into(&mut d.change.as_mut().expect("there").delay),
            Loosened,
            "the next version, delay",
        ),
        (
            |d| {
                let budget = d.limits.fee_budget.as_mut().expect("there");
                budget.sat *= 2;
                "48h".clone_into(&mut budget.window);
            },
            Changed,
            "budget of all fees",
        ),
        (
            |d| "12h".clone_into(&mut d.limits.fee_budget.as_mut().expect("there").window),
            Loosened,
            "budget of all fees",
        ),
    ];
    for (alter, direction, about) in cases {
        assert_eq!(only(alter), (direction, about.to_owned()));
    }
}

#[test]
fn what_a_proof_shows_tightens_and_loosens() {
    use Direction::{Changed, Loosened, Tightened};
    type Case = (fn(&mut InclusionDraft), Direction);
    let cases: [Case; 4] = [
        (|shown| shown.confirmations = 3, Tightened),
        (|shown| shown.confirmations = 1, Loosened),
        (|shown| "1d00ffff".clone_into(&mut shown.bits), Tightened),
        (
            |shown| {
                "1d00ffff".clone_into(&mut shown.bits);
                shown.confirmations = 1;
            },
            Changed,
        ),
    ];
    for (alter, direction) in cases {
        let (found, about) =
            only(|draft| alter(draft.limits.inclusion.as_mut().expect("it is there")));
        assert_eq!(found, direction);
        assert!(about.starts_with("what a first attempt shows"), "{about}");
    }
    assert_eq!(only(|draft| draft.limits.inclusion = None).0, Loosened);
}

#[test]
fn stops_that_are_released_sooner_and_goes_that_count_longer_loosen() {
    use Direction::{Loosened, Tightened};
    let go = |within: &str| {
        let within = within.to_owned();
        only(move |draft| draft.go.as_mut().expect("it is there").within = within)
    };
    assert_eq!(go("13h").0, Loosened);
    assert_eq!(go("11h").0, Tightened);
    assert_eq!(only(|draft| draft.go = None).0, Loosened);
    let fewer = |draft: &mut PolicyDraft| {
        draft.stop.as_mut().expect("it is there").release = quorum(Some("ops"), 1);
    };
    let (direction, about) = only(fewer);
    assert_eq!(direction, Loosened);
    assert!(about.contains("the release of a stop"), "{about}");
}
