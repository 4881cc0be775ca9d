//! The words of a next version that an approver reads before signing it.

use super::Told;
use crate::document::Policy;
use crate::report::change_words;
use crate::succession::{Approved, Step, diff};

/// Returns the next version as an approver reads it: its id, what it alters, who approved it so far, and every
/// difference from the version before.
pub fn version_told(previous: &Policy, next: &Policy, step: Step, approved: &Approved) -> Told {
    let mut facts = vec![
        ("id", next.id.to_string()),
        ("words", next.words().join(" ")),
        match step {
            Step::Rules => (
                "alters",
                "rules and people, no keys: signers follow it".to_owned(),
            ),
            Step::Keyset => (
                "KEYS",
                "it alters keys: at each signer a human pins it".to_owned(),
            ),
        },
    ];
    let group = approved.group.as_deref().unwrap_or("any approvers");
    let by = match approved.persons.as_slice() {
        [] => "nobody yet".to_owned(),
        persons => persons.join(", "),
    };
    let needed = approved.needed;
    facts.push(("needs", format!("{needed} of {group}; approved by {by}")));
    let faults = approved.faults.iter();
    facts.extend(faults.map(|fault| ("no count", fault.to_string())));
    let changes = diff(previous, next);
    facts.extend(
        changes
            .iter()
            .map(|change| ("change", change_words(change))),
    );
    Told {
        headline: format!("Policy {} version {}", next.name, next.version),
        facts,
    }
}
