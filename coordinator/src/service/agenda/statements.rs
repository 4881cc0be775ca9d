//! The lines of what persons sign about a vault: versions, entries of lists, stops; and of journals in trouble.

use policies::{PolicyId, Subject, UnixTime, VaultId};

use super::asking::{Asked, Eyes, Spread};
use super::line::{AgendaKind, AgendaLine};
use super::words::{and, counted, has, is, some_of};

/// A proposed version, or one in force that not every signer follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Version {
    pub(super) vault: VaultId,
    pub(super) policy: PolicyId,
    pub(super) number: u32,
    pub(super) since: UnixTime,
    pub(super) stands: Stage,
}

/// What a version waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stage {
    /// Approvals of the version before.
    Open {
        /// Who has approved.
        approved_by: Vec<String>,
        /// Who may still.
        asked: Asked,
    },
    /// Its delay.
    Delay {
        /// Until when it runs here.
        until: UnixTime,
        /// Signers at each of whom a human must pin it.
        pin: Vec<String>,
    },
    /// Its delay is over here.
    Ripe {
        /// Whether it alters keys, so that an operator puts it in force.
        keys: bool,
        /// Signers at each of whom a human must pin it.
        pin: Vec<String>,
    },
    /// Another successor was approved too.
    Disputed,
    /// It is in force here; these signers did not say that they follow it.
    Announced {
        /// The signers, each with its person.
        waits_for: Vec<(String, String)>,
    },
}

/// The line of a version.
pub(super) fn version_line(version: &Version, eyes: &Eyes<'_>) -> AgendaLine {
    let pinned = |pin: &[String]| match pin.len() {
        0 => String::new(),
        _ => format!(" It must be pinned by hand at {}.", and(pin)),
    };
    let (spread, what, todo) = match &version.stands {
        Stage::Open { approved_by, asked } => {
            let spread = Spread::of(asked, eyes);
            let what = signatures("approval", "approvals", approved_by, asked, &spread);
            let todo = ask(
                &spread,
                asked.needed,
                "Compare it with the version in force in your own tool, and approve it.",
            );
            (spread, what, todo)
        }
        Stage::Delay { until, pin } => (
            Spread::nobody(),
            format!(
                "It is approved. Its delay runs here until {until}.{}",
                pinned(pin)
            ),
            "Nothing: wait. If it is wrong, propose another and stop the vault.".to_owned(),
        ),
        Stage::Ripe { keys: true, pin } => (
            Spread::operator(eyes),
            format!("Its delay is over. It alters keys.{}", pinned(pin)),
            "Put it in force.".to_owned(),
        ),
        Stage::Ripe { keys: false, .. } => (
            Spread::nobody(),
            "Its delay is over. It is about to come in force.".to_owned(),
            "Nothing: it comes in force by itself.".to_owned(),
        ),
        Stage::Disputed => (
            Spread::operator(eyes),
            "Another successor was approved too, and only one can come in force.".to_owned(),
            "Ask those who approved which one is meant, and put that one in force.".to_owned(),
        ),
        Stage::Announced { waits_for } => announced(waits_for, eyes),
    };
    let page = match version.stands {
        Stage::Announced { .. } => format!("/vaults/{}/policy", version.vault),
        Stage::Open { .. } | Stage::Delay { .. } | Stage::Ripe { .. } | Stage::Disputed => {
            format!(
                "/vaults/{}/policy/versions/{}",
                version.vault, version.policy
            )
        }
    };
    made(
        AgendaKind::Version,
        (version.vault, page),
        format!("Version {} of the policy", version.number),
        (spread, what, todo),
        version.since,
    )
}

fn announced(waits_for: &[(String, String)], eyes: &Eyes<'_>) -> (Spread, String, String) {
    let names: Vec<String> = waits_for.iter().map(|(signer, _)| signer.clone()).collect();
    let mine = waits_for.iter().any(|(_, person)| person == eyes.person);
    let what = format!(
        "It is announced: {} {} not said yet to follow it.",
        and(&names),
        has(names.len())
    );
    let todo = if mine {
        "Follow or pin it with your own signer.".to_owned()
    } else {
        format!("Ask {} to follow or pin it.", and(&names))
    };
    let spread = Spread {
        mine,
        on: names,
        ..Spread::default()
    };
    (spread, what, todo)
}

/// An entry of an open list that is not in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) vault: VaultId,
    pub(super) subject: Subject,
    pub(super) list: String,
    pub(super) label: String,
    pub(super) since: UnixTime,
    pub(super) stands: Listing,
}

/// What an entry waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Listing {
    /// The list's quorum.
    Open {
        /// Who has approved.
        approved_by: Vec<String>,
        /// Who may still.
        asked: Asked,
    },
    /// Its time.
    Cooling {
        /// Until when.
        until: UnixTime,
    },
    /// The confirmation of its first payment.
    Unconfirmed {
        /// Who may confirm.
        asked: Asked,
    },
}

/// The line of an entry.
pub(super) fn entry_line(entry: &Entry, eyes: &Eyes<'_>) -> AgendaLine {
    let (spread, what, todo) = match &entry.stands {
        Listing::Open { approved_by, asked } => {
            let spread = Spread::of(asked, eyes);
            let what = signatures("approval", "approvals", approved_by, asked, &spread);
            let todo = ask(
                &spread,
                asked.needed,
                "Compare the address by another way, and approve it with your own tool.",
            );
            (spread, what, todo)
        }
        Listing::Cooling { until } => (
            Spread::nobody(),
            format!("It cools off until {until}. Nothing is paid to it before."),
            "Nothing: wait. Remove it if it is wrong.".to_owned(),
        ),
        Listing::Unconfirmed { asked } => {
            let spread = Spread::of(asked, eyes);
            let what = format!(
                "Its test payment was made. Waits for {} to confirm that it arrived.{}",
                some_of(asked.needed, &asked.may),
                spread.away
            );
            let todo = ask(
                &spread,
                asked.needed,
                "Ask the receiver whether it arrived, and confirm it with your own tool.",
            );
            (spread, what, todo)
        }
    };
    made(
        AgendaKind::Entry,
        (
            entry.vault,
            format!(
                "/vaults/{}/address-book/{}#entry-{}",
                entry.vault, entry.list, entry.subject
            ),
        ),
        format!("{} on list {}", entry.label, entry.list),
        (spread, what, todo),
        entry.since,
    )
}

/// A stop in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stopped {
    pub(super) vault: VaultId,
    pub(super) by: Vec<String>,
    pub(super) reason: String,
    pub(super) since: UnixTime,
    /// Who has signed its release, and who may still; none where the policy names nobody.
    pub(super) release: Option<(Vec<String>, Asked)>,
}

/// The line of a stop.
pub(super) fn stop_line(stop: &Stopped, eyes: &Eyes<'_>) -> AgendaLine {
    let mut what = format!(
        "{} stopped the vault: {}. It pays nobody until the stop is released.",
        and(&stop.by),
        stop.reason
    );
    let (spread, todo) = match &stop.release {
        None => (
            Spread::operator(eyes),
            "The policy names nobody who releases it: move the money to a new vault.".to_owned(),
        ),
        Some((signed, asked)) => {
            let spread = Spread::of(asked, eyes);
            what += &format!(
                " The release waits for {}.{}",
                some_of(asked.needed, &asked.may),
                spread.away
            );
            if !signed.is_empty() {
                what += &format!(" {} {} signed it.", and(signed), has(signed.len()));
            }
            let todo = ask(
                &spread,
                asked.needed,
                "Once the reason is gone, release it with your own tool.",
            );
            (spread, todo)
        }
    };
    made(
        AgendaKind::Stop,
        (stop.vault, format!("/vaults/{}/stops", stop.vault)),
        "Stop in force".to_owned(),
        (spread, what, todo),
        stop.since,
    )
}

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

/// `Waits for 1 approval: bob or carol. alice has approved.`
fn signatures(one: &str, many: &str, done: &[String], asked: &Asked, spread: &Spread) -> String {
    let mut what = format!(
        "Waits for {}: {}.",
        counted(asked.needed, one, many),
        some_of(asked.needed, &asked.may)
    );
    if !done.is_empty() {
        what += &format!(" {} {} approved.", and(done), has(done.len()));
    }
    what + &spread.away
}

fn ask(spread: &Spread, needed: usize, mine: &str) -> String {
    if spread.mine {
        mine.to_owned()
    } else if spread.on.is_empty() {
        "The policy names nobody who may: propose another version.".to_owned()
    } else {
        format!("Ask {}.", some_of(needed, &spread.on))
    }
}

/// A hint as a sentence.
fn sentence(hint: &str) -> String {
    let mut letters = hint.chars();
    let first: String = letters
        .next()
        .map(|first| first.to_uppercase().collect())
        .unwrap_or_default();
    let end = if hint.ends_with('.') || hint.is_empty() {
        ""
    } else {
        "."
    };
    format!("{first}{}{end}", letters.as_str())
}

fn made(
    kind: AgendaKind,
    (vault, href): (VaultId, String),
    title: String,
    (spread, what, todo): (Spread, String, String),
    since: UnixTime,
) -> AgendaLine {
    AgendaLine {
        kind,
        vault: Some(vault),
        title,
        href,
        amount: None,
        what,
        mine: spread.mine,
        on: spread.on,
        others: spread.others,
        since,
        todo,
    }
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
