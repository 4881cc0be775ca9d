//! What a document says, as things with facts that two versions can be compared by.

use super::sense::Sense;
use super::{Change, Direction, Part};

/// One thing of a document, such as a signer: compared with the thing of the same key in the other version.
#[derive(Debug, Clone)]
pub(super) struct Thing {
    pub(super) part: Part,
    /// What it is called, and told apart by: `approver dana`.
    pub(super) title: String,
    /// All of it in words, for where it is new or gone.
    pub(super) whole: String,
    /// What its coming means.
    pub(super) new: Direction,
    pub(super) facts: Vec<Fact>,
}

/// One fact of a thing.
#[derive(Debug, Clone)]
pub(super) struct Fact {
    /// What it is about, and told apart by.
    pub(super) about: String,
    /// What it is.
    pub(super) value: String,
    pub(super) sense: Sense,
    /// What its coming means.
    pub(super) new: Direction,
}

impl Thing {
    /// What every document has once.
    pub(super) fn alone(part: Part, facts: Vec<Fact>) -> Self {
        Self {
            part,
            title: String::new(),
            whole: String::new(),
            new: Direction::Changed,
            facts,
        }
    }

    /// Whether it is the other version's of the same.
    fn is(&self, other: &Self) -> bool {
        self.part == other.part && self.title == other.title
    }
}

impl Fact {
    /// A fact that only changes.
    pub(super) fn plain(about: &str, value: &(impl ToString + ?Sized)) -> Self {
        Self {
            about: about.to_owned(),
            value: value.to_string(),
            sense: Sense::Plain,
            new: Direction::Changed,
        }
    }

    /// A number of which more means this direction.
    pub(super) fn number(about: &str, value: String, number: u64, more: Direction) -> Self {
        Self {
            about: about.to_owned(),
            value,
            sense: Sense::Number { number, more },
            new: Direction::Changed,
        }
    }

    /// A bound, without which more or less passes.
    pub(super) fn bound(about: &str, value: String, sense: Sense, new: Direction) -> Self {
        Self {
            about: about.to_owned(),
            value,
            sense,
            new,
        }
    }

    /// One entry of a set, such as a key: its coming means this direction.
    pub(super) fn entry(what: &str, name: &str, value: String, new: Direction) -> Self {
        Self {
            about: format!("{what} {name}"),
            value,
            sense: Sense::Plain,
            new,
        }
    }
}

/// The changes found so far.
#[derive(Debug, Default)]
pub(super) struct Found(Vec<Change>);

impl Found {
    pub(super) fn add(
        &mut self,
        part: Part,
        direction: Direction,
        about: String,
        before: Option<String>,
        after: Option<String>,
    ) {
        self.0.push(Change {
            part,
            direction,
            about,
            before,
            after,
        });
    }

    pub(super) fn take(&mut self, change: Change) {
        self.0.push(change);
    }

    pub(super) fn into_changes(self) -> Vec<Change> {
        self.0
    }
}

/// Compares things by their titles.
pub(super) fn compare_things(before: &[Thing], after: &[Thing], found: &mut Found) {
    for thing in before {
        match after.iter().find(|other| other.is(thing)) {
            Some(other) => compare_facts(thing, other, found),
            None => found.add(
                thing.part,
                thing.new.back(),
                thing.title.clone(),
                Some(thing.whole.clone()),
                None,
            ),
        }
    }
    for thing in after {
        if !before.iter().any(|other| other.is(thing)) {
            found.add(
                thing.part,
                thing.new,
                thing.title.clone(),
                None,
                Some(thing.whole.clone()),
            );
        }
    }
    for part in [Part::Keys, Part::People, Part::Lists, Part::Vaults] {
        let titles = |things: &[Thing]| -> Vec<String> {
            let of_part = things.iter().filter(|thing| thing.part == part);
            of_part.map(|thing| thing.title.clone()).collect()
        };
        compare_order(
            part,
            &format!("order in {}", part.title().to_lowercase()),
            &titles(before),
            &titles(after),
            found,
        );
    }
}

fn compare_facts(before: &Thing, after: &Thing, found: &mut Found) {
    let about = |fact: &Fact| {
        if before.title.is_empty() {
            fact.about.clone()
        } else {
            format!("{}, {}", before.title, fact.about)
        }
    };
    for fact in &before.facts {
        match after.facts.iter().find(|other| other.about == fact.about) {
            Some(other) if other.value == fact.value => {}
            Some(other) => found.add(
                before.part,
                fact.sense.direction(&other.sense),
                about(fact),
                Some(fact.value.clone()),
                Some(other.value.clone()),
            ),
            None => found.add(
                before.part,
                fact.new.back(),
                about(fact),
                Some(fact.value.clone()),
                None,
            ),
        }
    }
    for fact in &after.facts {
        if !before.facts.iter().any(|other| other.about == fact.about) {
            found.add(
                before.part,
                fact.new,
                about(fact),
                None,
                Some(fact.value.clone()),
            );
        }
    }
    let abouts = |thing: &Thing| -> Vec<String> {
        thing.facts.iter().map(|fact| fact.about.clone()).collect()
    };
    let order = if before.title.is_empty() {
        "order".to_owned()
    } else {
        format!("{}, order", before.title)
    };
    compare_order(before.part, &order, &abouts(before), &abouts(after), found);
}

/// Whether what both versions have stands in another order.
pub(super) fn compare_order(
    part: Part,
    about: &str,
    before: &[String],
    after: &[String],
    found: &mut Found,
) {
    let common = |of: &[String], other: &[String]| -> Vec<String> {
        of.iter()
            .filter(|name| other.contains(name))
            .cloned()
            .collect()
    };
    let (was, is) = (common(before, after), common(after, before));
    if was != is {
        found.add(
            part,
            Direction::Changed,
            about.to_owned(),
            Some(was.join("; ")),
            Some(is.join("; ")),
        );
    }
}
