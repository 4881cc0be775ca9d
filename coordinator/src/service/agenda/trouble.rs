//! The lines of what is broken: journals, jobs and nodes. An operator looks after them.

use policies::{UnixTime, VaultId};

use super::asking::{Eyes, Spread};
use super::line::{AgendaKind, AgendaLine, made};
use super::words::{and, counted, is, sentence};

/// A journal of which a receipt was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Journal {
    pub(super) vault: VaultId,
    pub(super) signer: String,
    pub(super) person: String,
    pub(super) reason: String,
    pub(super) hint: String,
    pub(super) since: UnixTime,
}

/// The line of a journal in trouble.
pub(super) fn journal_line(journal: &Journal, eyes: &Eyes<'_>) -> AgendaLine {
    let operator = Spread::operator(eyes);
    let spread = Spread {
        mine: operator.mine || journal.person == eyes.person,
        others: vec![journal.person.clone()],
        ..operator
    };
    let what = format!(
        "A receipt of its journal was refused: {}. Its signatures are not taken.",
        journal.reason
    );
    made(
        AgendaKind::Journal,
        (journal.vault, format!("/vaults/{}/signers", journal.vault)),
        format!("Journal of {}", journal.signer),
        (spread, what, sentence(&journal.hint)),
        journal.since,
    )
}

/// The line of jobs that nobody tries any more.
pub(super) fn parked_line(jobs: &[(String, UnixTime)], eyes: &Eyes<'_>) -> Option<AgendaLine> {
    let since = jobs.iter().map(|(_, at)| *at).min()?;
    let mut kinds: Vec<&str> = jobs.iter().map(|(kind, _)| kind.as_str()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let spread = Spread::operator(eyes);
    Some(AgendaLine {
        kind: AgendaKind::Health,
        vault: None,
        title: counted(jobs.len(), "job is parked", "jobs are parked"),
        href: "/health".to_owned(),
        amount: None,
        what: format!("{} {} not tried any more.", and(&kinds), is(kinds.len())),
        mine: spread.mine,
        on: spread.on,
        others: spread.others,
        since,
        todo: "Read on the health page what went wrong, and mend it.".to_owned(),
    })
}

/// The line of a node in trouble.
pub(super) fn node_line(
    (node, detail, hint): (&str, &str, &str),
    since: UnixTime,
    eyes: &Eyes<'_>,
) -> AgendaLine {
    let spread = Spread::operator(eyes);
    AgendaLine {
        kind: AgendaKind::Health,
        vault: None,
        title: format!("Node {node}"),
        href: "/health".to_owned(),
        amount: None,
        what: format!("{detail}. No deposit is credited and no batch is made meanwhile."),
        mine: spread.mine,
        on: spread.on,
        others: spread.others,
        since,
        todo: sentence(hint),
    }
}
