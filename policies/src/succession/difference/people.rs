//! Requesters and approvers as things: more of them, or more keys, let more pass.

use super::facts::{Fact, Thing};
use super::sense::Sense;
use super::{Direction, Part};
use crate::document::{Approver, PinnedKey, Policy, Requester, Tool};
use crate::intent::RelyingParty;

pub(super) fn things(policy: &Policy) -> Vec<Thing> {
    let requesters = policy.requesters.iter().map(requester);
    requesters
        .chain(policy.approvers.iter().map(approver))
        .collect()
}

fn requester(requester: &Requester) -> Thing {
    let Requester { name, person, keys } = requester;
    let mut facts = vec![Fact::plain("person", person)];
    facts.extend(keys.iter().map(key));
    person_of(format!("requester {name}"), facts)
}

fn approver(approver: &Approver) -> Thing {
    let Approver {
        name,
        person,
        groups,
        keys,
    } = approver;
    let mut facts = vec![Fact::plain("person", person)];
    let of_group =
        |group: &String| Fact::entry("group", group, "member".to_owned(), Direction::Loosened);
    facts.extend(groups.iter().map(of_group));
    facts.extend(keys.iter().map(key));
    person_of(format!("approver {name}"), facts)
}

fn person_of(title: String, facts: Vec<Fact>) -> Thing {
    let whole: Vec<String> = facts
        .iter()
        .map(|fact| format!("{} ({})", fact.about, fact.value))
        .collect();
    Thing {
        part: Part::People,
        title,
        whole: whole.join(", "),
        new: Direction::Loosened,
        facts,
    }
}

/// A key and where it is used. An `own` key counts wherever a `page` key does.
fn key(pinned: &PinnedKey) -> Fact {
    let PinnedKey { key, tool, passkey } = pinned;
    let used = passkey.as_ref().map(|passkey| {
        let RelyingParty {
            rp_id,
            origins,
            synced,
        } = passkey;
        let synced = if *synced { ", may be copied" } else { "" };
        format!(", passkey of {rp_id} at {}{synced}", origins.join(" "))
    });
    let counts = match tool {
        Tool::Own => 1,
        Tool::Page => 0,
    };
    let value = format!("{}{}", tool.name(), used.unwrap_or_default());
    Fact {
        sense: Sense::Number {
            number: counts,
            more: Direction::Loosened,
        },
        ..Fact::entry("key", &key.to_string(), value, Direction::Loosened)
    }
}
