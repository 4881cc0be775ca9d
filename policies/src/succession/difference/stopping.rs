//! Who releases a stop, and who lets automatic co-signers go on, as things.

use super::facts::{Fact, Thing};
use super::sense::Sense;
use super::{Direction, Part};
use crate::document::{Approvals, GoRule, Policy, format_duration};
use crate::report::quorum;

pub(super) fn things(policy: &Policy) -> Vec<Thing> {
    let mut things = Vec::new();
    // Who approves the next version releases where nothing is said.
    if let Some(approvals) = policy.release_quorum() {
        things.push(Thing {
            part: Part::Stopping,
            title: "the release of a stop".to_owned(),
            whole: quorum(approvals),
            new: Direction::Loosened,
            facts: vec![approved_by(approvals)],
        });
    }
    if let Some(GoRule { approvals, within }) = &policy.go {
        things.push(Thing {
            part: Part::Stopping,
            title: "the go of automatic co-signers".to_owned(),
            whole: format!(
                "{}, counts for {}",
                quorum(approvals),
                format_duration(*within)
            ),
            new: Direction::Tightened,
            facts: vec![
                approved_by(approvals),
                Fact::number(
                    "counts for",
                    format_duration(*within),
                    *within,
                    Direction::Loosened,
                ),
            ],
        });
    }
    things
}

fn approved_by(approvals: &Approvals) -> Fact {
    Fact::bound(
        "approvals",
        quorum(approvals),
        Sense::Quorum(approvals.clone()),
        Direction::Changed,
    )
}
