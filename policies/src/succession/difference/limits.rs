//! `[limits]` as facts.

use super::facts::{Fact, Thing};
use super::sense::Sense;
use super::{Direction, Part};
use crate::document::{
    FeeBudget, Inclusion, Limits, Policy, SelfSpendBudget, format_duration, format_sat_per_vb,
};
use crate::report::sat;

pub(super) fn things(policy: &Policy) -> Vec<Thing> {
    let Limits {
        feerate_max,
        fee_max,
        fee_share_max_percent,
        change_max_outputs,
        change_min,
        max_inputs,
        max_outputs,
        confirmations_deposit,
        confirmations_change,
        clock_skew,
        fee_budget,
        self_spend_budget,
        inclusion,
    } = &policy.limits;
    let more = |about: &str, value: String, number: u64| {
        Fact::number(about, value, number, Direction::Loosened)
    };
    let stricter = |about: &str, value: String, number: u64| {
        Fact::number(about, value, number, Direction::Tightened)
    };
    let mut facts = vec![
        more(
            "highest feerate",
            format!("{} sat/vB", format_sat_per_vb(*feerate_max)),
            feerate_max.to_sat_per_kwu(),
        ),
        more("highest fee", sat(*fee_max), fee_max.to_sat()),
        more(
            "highest fee of the payments",
            format!("{fee_share_max_percent} %"),
            u64::from(*fee_share_max_percent),
        ),
        more(
            "change outputs",
            format!("at most {change_max_outputs}"),
            u64::from(*change_max_outputs),
        ),
        stricter("least change", sat(*change_min), change_min.to_sat()),
        more(
            "inputs",
            format!("at most {max_inputs}"),
            u64::from(*max_inputs),
        ),
        more(
            "outputs",
            format!("at most {max_outputs}"),
            u64::from(*max_outputs),
        ),
        stricter(
            "confirmations of deposits",
            confirmations_deposit.to_string(),
            u64::from(*confirmations_deposit),
        ),
        stricter(
            "confirmations of change",
            confirmations_change.to_string(),
            u64::from(*confirmations_change),
        ),
        // A wider skew lets newer intents pass, and fewer old ones to a journal that is born.
        Fact::plain("clock skew", &format_duration(*clock_skew)),
    ];
    if let Some(FeeBudget { amount, window }) = fee_budget {
        facts.push(Fact::bound(
            "budget of all fees",
            format!("{} in {}", sat(*amount), format_duration(*window)),
            Sense::Budget {
                amount: amount.to_sat(),
                count: 0,
                per: *window,
            },
            Direction::Tightened,
        ));
    }
    if let Some(SelfSpendBudget {
        amount,
        count,
        window,
    }) = self_spend_budget
    {
        let (fees, within) = (sat(*amount), format_duration(*window));
        facts.push(Fact::bound(
            "spends to ourselves that nobody approves",
            format!("{count} for {fees} in {within}"),
            Sense::Budget {
                amount: amount.to_sat(),
                count: u64::from(*count),
                per: *window,
            },
            Direction::Loosened,
        ));
    }
    if let Some(inclusion) = inclusion {
        let Inclusion {
            bits,
            confirmations,
        } = inclusion;
        facts.push(Fact::bound(
            "what a first attempt shows of a coin in the chain",
            format!("{confirmations} headers, each of work {bits:08x} or more"),
            Sense::Inclusion(*inclusion),
            Direction::Tightened,
        ));
    }
    vec![Thing::alone(Part::Limits, facts)]
}
