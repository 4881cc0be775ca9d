//! Who is asked, as one person sees it: persons count and not keys, and who is away can still be called.

use std::collections::BTreeSet;

use policies::UnixTime;
use policies::document::{Policy, Tool};

use super::words::{and, counted, has, is, some_of};

/// How operators are called, of whom any one can act.
pub(super) const OPERATOR: &str = "an operator";

/// The one who looks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Eyes<'a> {
    /// The person's name, as policies name persons.
    pub(super) person: &'a str,
    /// Persons who said that they are away.
    pub(super) absent: &'a BTreeSet<String>,
    /// Whether the person may do what operators do in this vault.
    pub(super) operates: bool,
    /// The time.
    pub(super) now: UnixTime,
}

/// So many more of these persons.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Asked {
    /// How many more.
    pub(super) needed: usize,
    /// Who may act and has not.
    pub(super) may: Vec<String>,
}

/// Whom something waits on, and who else could act.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Spread {
    pub(super) mine: bool,
    pub(super) on: Vec<String>,
    pub(super) others: Vec<String>,
    /// What is to be said of those who are away; empty if nothing is.
    pub(super) away: String,
}

impl Spread {
    /// Any one operator.
    pub(super) fn operator(eyes: &Eyes<'_>) -> Self {
        Self {
            mine: eyes.operates,
            on: vec![OPERATOR.to_owned()],
            ..Self::default()
        }
    }

    /// Nobody: time or the chain moves it.
    pub(super) fn nobody() -> Self {
        Self::default()
    }

    /// Somebody by name.
    pub(super) fn named(name: &str, eyes: &Eyes<'_>) -> Self {
        Self {
            mine: name == eyes.person,
            on: vec![name.to_owned()],
            ..Self::default()
        }
    }

    /// The persons asked: all of them where all are needed, else whoever looks, with the others beside.
    pub(super) fn of(asked: &Asked, eyes: &Eyes<'_>) -> Self {
        if asked.needed == 0 {
            return Self::nobody();
        }
        // Who looks is here, whatever the calendar says.
        let is_away = |name: &String| eyes.absent.contains(name) && name != eyes.person;
        let (away, present): (Vec<String>, Vec<String>) =
            asked.may.iter().cloned().partition(is_away);
        let mine = present.iter().any(|name| name == eyes.person);
        let says = says_of_away(asked.needed, &present, &away);
        if asked.needed >= present.len() {
            let short = asked.needed > present.len();
            let (mut on, mut others) = (present, Vec::new());
            if short {
                on.extend(away);
            } else {
                others = away;
            }
            return Self {
                mine,
                on,
                others,
                away: says,
            };
        }
        let (on, mut others) = if mine {
            let (me, rest) = present.into_iter().partition(|name| name == eyes.person);
            (me, rest)
        } else {
            (present, Vec::new())
        };
        others.extend(away);
        Self {
            mine,
            on,
            others,
            away: says,
        }
    }

    /// Both: what waits on either.
    pub(super) fn joined(mut self, other: Self) -> Self {
        self.mine |= other.mine;
        self.others.extend(other.others);
        for name in other.on {
            if !self.on.contains(&name) {
                self.on.push(name);
            }
        }
        let on = &self.on;
        self.others.retain(|name| !on.contains(name));
        self.others.sort();
        self.others.dedup();
        if self.away != other.away {
            self.away += &other.away;
        }
        self
    }
}

fn says_of_away(needed: usize, present: &[String], away: &[String]) -> String {
    if away.is_empty() {
        return if needed > present.len() {
            " Too few may act: the quorum cannot be met.".to_owned()
        } else {
            String::new()
        };
    }
    let mut says = format!(" {} {} away.", and(away), is(away.len()));
    if needed > present.len() {
        says += " Too few are left: the quorum cannot be met until enough are back.";
    }
    says
}

/// The persons of a group who hold a key that counts, sorted; with `page`, keys of the page count too.
pub(super) fn persons_with_keys(policy: &Policy, group: Option<&str>, page: bool) -> Vec<String> {
    let may = policy.approvers.iter().filter(|approver| {
        let counts = (approver.keys.iter()).any(|key| page || key.tool == Tool::Own);
        counts && group.is_none_or(|group| approver.groups.iter().any(|one| one == group))
    });
    let persons: BTreeSet<&str> = may.map(|approver| approver.person.as_str()).collect();
    persons.into_iter().map(str::to_owned).collect()
}

/// How many more of so many, and who may: those who have not.
pub(super) fn still(needed: u32, done: &[String], may: Vec<String>) -> Asked {
    let needed = usize::try_from(needed).unwrap_or(usize::MAX);
    Asked {
        needed: needed.saturating_sub(done.len()),
        may: may
            .into_iter()
            .filter(|name| !done.contains(name))
            .collect(),
    }
}

/// What is missing, and who has signed: `Waits for 1 approval: bob or carol. alice has approved.`
pub(super) fn missing(done: &[String], asked: &Asked, spread: &Spread) -> String {
    let mut what = format!(
        "Waits for {}: {}.",
        counted(asked.needed, "approval", "approvals"),
        some_of(asked.needed, &asked.may)
    );
    if !done.is_empty() {
        what += &format!(" {} {} approved.", and(done), has(done.len()));
    }
    what + &spread.away
}

/// What to do: act, or whom to ask.
pub(super) fn ask(spread: &Spread, needed: usize, mine: &str) -> String {
    if spread.mine {
        mine.to_owned()
    } else if spread.on.is_empty() {
        "The policy names nobody who may: propose another version.".to_owned()
    } else {
        format!("Ask {}.", some_of(needed, &spread.on))
    }
}
