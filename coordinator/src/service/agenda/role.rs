//! The line of a change of a person's role that waits for a second operator.

use policies::UnixTime;

use super::asking::{Eyes, OPERATOR, Spread};
use super::line::{AgendaKind, AgendaLine};

/// A change that one operator proposed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) person: String,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) by: String,
    pub(super) since: UnixTime,
}

/// What a person becomes who is none any more.
const ENDED: &str = "ended";

/// The line of one.
pub(super) fn role_line(change: &Change, eyes: &Eyes<'_>) -> AgendaLine {
    let mut spread = Spread::operator(eyes);
    // Whoever proposed it cannot be the second one.
    spread.mine = eyes.operates && change.by != eyes.person;
    spread.on = vec![format!("{OPERATOR} beside {}", change.by)];
    let becomes = if change.to == ENDED {
        format!("{} proposed that {} is revoked.", change.by, change.person)
    } else {
        format!(
            "{} proposed that {} becomes {} instead of {}.",
            change.by, change.person, change.to, change.from
        )
    };
    AgendaLine {
        kind: AgendaKind::Role,
        vault: None,
        title: format!("Role of {}", change.person),
        href: "/people".to_owned(),
        amount: None,
        what: format!("{becomes} It waits for a second operator."),
        todo: if spread.mine {
            "Ask the person who proposed it, and confirm or reject it.".to_owned()
        } else {
            format!("Ask an operator other than {}.", change.by)
        },
        mine: spread.mine,
        on: spread.on,
        others: spread.others,
        since: change.since,
    }
}
