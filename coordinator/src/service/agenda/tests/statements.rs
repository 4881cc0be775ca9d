//! Versions, entries, stops, and what is broken.

use std::collections::BTreeSet;

use policies::{PolicyId, Subject};

use super::super::entry::{Entry, Listing, entry_line};
use super::super::role::{Change, role_line};
use super::super::stop::{Stopped, stop_line};
use super::super::trouble::{Journal, journal_line, parked_line};
use super::super::version::{Stage, Version, version_line};
use super::{NOW, asked, eyes, names, vault};

fn version(stands: Stage) -> Version {
    Version {
        vault: vault(),
        policy: PolicyId::from_bytes([2; 32]),
        number: 2,
        since: NOW,
        stands,
    }
}

#[test]
fn a_version_tells_its_quorum_its_delay_and_who_must_pin_it() {
    let nobody = BTreeSet::new();
    let olga = eyes("olga", &nobody);
    let open = version(Stage::Open {
        approved_by: names(&["alice"]),
        asked: asked(1, &["bob"]),
    });
    let line = version_line(&open, &olga);
    assert_eq!(line.what, "Waits for 1 approval: bob. alice has approved.");
    assert_eq!(line.todo, "Ask bob.");
    assert!(version_line(&open, &eyes("bob", &nobody)).mine);
    let delay = version(Stage::Delay {
        until: NOW,
        pin: names(&["cold", "hot"]),
    });
    let line = version_line(&delay, &olga);
    assert!(line.is_by_itself());
    assert!(
        line.what
            .ends_with("It must be pinned by hand at cold and hot."),
        "{}",
        line.what
    );
    let ripe = |keys| {
        version_line(
            &version(Stage::Ripe {
                keys,
                pin: Vec::new(),
            }),
            &olga,
        )
    };
    assert!(ripe(true).mine);
    assert!(ripe(false).is_by_itself());
    assert!(version_line(&version(Stage::Disputed), &olga).mine);
    let announced = version(Stage::Announced {
        waits_for: vec![("cold".to_owned(), "bob".to_owned())],
    });
    assert!(version_line(&announced, &eyes("bob", &nobody)).mine);
    assert_eq!(
        version_line(&announced, &olga).what,
        "It is announced: cold has not said yet to follow it."
    );
}

#[test]
fn an_entry_tells_its_quorum_and_until_when_it_cools_off() {
    let nobody = BTreeSet::new();
    let entry = |stands| Entry {
        vault: vault(),
        subject: Subject::from_bytes([3; 32]),
        list: "exchanges".to_owned(),
        label: "Kraken".to_owned(),
        since: NOW,
        stands,
    };
    let cooling = entry_line(
        &entry(Listing::Cooling { until: NOW }),
        &eyes("bob", &nobody),
    );
    assert!(cooling.is_by_itself());
    assert_eq!(
        cooling.what,
        "It cools off until 2027-01-15 08:00 UTC. Nothing is paid to it before."
    );
    assert_eq!(cooling.title, "Kraken on list exchanges");
    let unconfirmed = entry(Listing::Unconfirmed {
        asked: asked(1, &["bob"]),
    });
    assert!(entry_line(&unconfirmed, &eyes("bob", &nobody)).mine);
    let open = entry(Listing::Open {
        approved_by: names(&[]),
        asked: asked(2, &["bob", "carol"]),
    });
    let line = entry_line(&open, &eyes("carol", &nobody));
    assert_eq!(line.on, names(&["bob", "carol"]));
    assert!(line.mine);
}

#[test]
fn a_stop_tells_who_can_release_it() {
    let nobody = BTreeSet::new();
    let mut stop = Stopped {
        vault: vault(),
        by: names(&["carol"]),
        reason: "stolen laptop".to_owned(),
        since: NOW,
        release: Some((names(&["alice"]), asked(1, &["bob"]))),
    };
    let line = stop_line(&stop, &eyes("bob", &nobody));
    assert!(line.mine);
    assert_eq!(
        line.what,
        "carol stopped the vault: stolen laptop. It pays nobody until the stop is released. \
         The release waits for bob. alice has signed it."
    );
    stop.release = None;
    let line = stop_line(&stop, &eyes("olga", &nobody));
    assert!(
        line.todo.starts_with("The policy names nobody"),
        "{}",
        line.todo
    );
}

#[test]
fn journals_and_jobs_in_trouble_are_an_operators_and_say_what_to_do() {
    let nobody = BTreeSet::new();
    let journal = Journal {
        vault: vault(),
        signer: "cold".to_owned(),
        person: "bob".to_owned(),
        reason: "it is older than the last one".to_owned(),
        hint: "ask the signer which journal is right".to_owned(),
        since: NOW,
    };
    for person in ["olga", "bob"] {
        let line = journal_line(&journal, &eyes(person, &nobody));
        assert!(line.mine, "{person}");
        assert_eq!(line.todo, "Ask the signer which journal is right.");
    }
    let jobs = [("broadcast".to_owned(), NOW), ("mail".to_owned(), NOW)];
    let line = parked_line(&jobs, &eyes("olga", &nobody)).expect("a line");
    assert_eq!(line.title, "2 jobs are parked");
    assert_eq!(parked_line(&[], &eyes("olga", &nobody)), None);
}

#[test]
fn a_change_of_role_waits_for_another_operator_than_the_one_who_proposed_it() {
    let nobody = BTreeSet::new();
    let mut change = Change {
        person: "bob".to_owned(),
        from: "approver".to_owned(),
        to: "operator".to_owned(),
        by: "olga".to_owned(),
        since: NOW,
    };
    let line = role_line(&change, &eyes("olga", &nobody));
    assert!(!line.mine, "who proposed it is no second one");
    assert_eq!(
        line.what,
        "olga proposed that bob becomes operator instead of approver. It waits for a second operator."
    );
    "oscar".clone_into(&mut change.by);
    "ended".clone_into(&mut change.to);
    let line = role_line(&change, &eyes("olga", &nobody));
    assert!(line.mine);
    assert!(line.what.starts_with("oscar proposed that bob is revoked."));
    assert!(!role_line(&change, &eyes("bob", &nobody)).mine);
}
