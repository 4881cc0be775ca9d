//! The words of the agenda, line by line, from facts alone.

mod attempts;
mod statements;

use std::collections::BTreeSet;

use bitcoin::Amount;
use policies::{UnixTime, VaultId};

use super::asking::{Asked, Eyes, Spread};
use super::line::{AgendaKind, AgendaLine, sort};
use super::withdrawal::{self, Held, Queue, Stands, Unpaid, Waits, queue_line};
use super::words::{and, moment, or, some_of};
use crate::queue::Wait;

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

fn names(list: &[&str]) -> Vec<String> {
    list.iter().map(|name| (*name).to_owned()).collect()
}

fn set(list: &[&str]) -> BTreeSet<String> {
    names(list).into_iter().collect()
}

fn eyes<'a>(person: &'a str, absent: &'a BTreeSet<String>) -> Eyes<'a> {
    Eyes {
        person,
        absent,
        operates: person == "olga",
        now: NOW,
    }
}

fn asked(needed: usize, may: &[&str]) -> Asked {
    Asked {
        needed,
        may: names(may),
    }
}

fn vault() -> VaultId {
    VaultId::from_bytes([7; 32])
}

fn unpaid(stands: Stands) -> Unpaid {
    Unpaid {
        vault: vault(),
        requester: "exchange".parse().expect("a name"),
        id: "w-1".parse().expect("an id"),
        amount: Amount::from_sat(5),
        since: NOW,
        person: "erin".to_owned(),
        stands,
    }
}

fn approvals(approved_by: &[&str], own: Asked, page: Asked) -> Unpaid {
    unpaid(Stands::Approvals {
        approved_by: names(approved_by),
        own,
        page,
    })
}

#[test]
fn names_are_joined_as_people_say_them() {
    assert_eq!(and(&names(&[])), "nobody");
    assert_eq!(and(&names(&["a", "b", "c"])), "a, b and c");
    assert_eq!(or(&names(&["a", "b"])), "a or b");
    assert_eq!(some_of(1, &names(&["a", "b"])), "a or b");
    assert_eq!(some_of(2, &names(&["a", "b"])), "a and b");
    assert_eq!(some_of(2, &names(&["a", "b", "c"])), "2 of a, b and c");
    assert_eq!(some_of(3, &names(&["a"])), "a");
    assert_eq!(moment(NOW), "2027-01-15 08:00 UTC");
    assert_eq!(
        moment(UnixTime::from_secs(u64::MAX)),
        "18446744073709551615 s after 1970"
    );
}

#[test]
fn who_may_act_reads_that_it_waits_for_them_and_who_else_could() {
    let nobody = BTreeSet::new();
    let one = approvals(&["alice"], asked(1, &["bob", "carol"]), Asked::default());
    let bobs = withdrawal::line(&one, &eyes("bob", &nobody));
    assert!(bobs.mine);
    assert_eq!((bobs.on, bobs.others), (names(&["bob"]), names(&["carol"])));
    assert_eq!(
        bobs.what,
        "Waits for 1 approval: bob or carol. alice has approved."
    );
    assert_eq!(
        bobs.todo,
        "Read it with your own tool, and approve or reject it."
    );
    let others = withdrawal::line(&one, &eyes("olga", &nobody));
    assert!(!others.mine, "an operator who is no approver cannot act");
    assert_eq!(others.on, names(&["bob", "carol"]));
    assert_eq!(others.todo, "Ask bob or carol.");
    assert_eq!(others.title, "Withdrawal w-1 of exchange");
    let requesters = withdrawal::line(&one, &eyes("erin", &nobody));
    assert!(!requesters.mine);
    assert!(
        requesters.todo.starts_with("You asked for it"),
        "{}",
        requesters.todo
    );
}

#[test]
fn who_is_away_is_not_asked_and_told() {
    let away = set(&["bob"]);
    let one = approvals(&[], asked(1, &["bob", "carol"]), Asked::default());
    let line = withdrawal::line(&one, &eyes("olga", &away));
    assert_eq!((line.on, line.others), (names(&["carol"]), names(&["bob"])));
    assert!(line.what.ends_with("bob is away."), "{}", line.what);
    // Too few are left: all are named, and that it cannot be met.
    let two = approvals(&[], asked(2, &["bob", "carol"]), Asked::default());
    let line = withdrawal::line(&two, &eyes("olga", &away));
    assert_eq!(line.on, names(&["carol", "bob"]));
    assert!(
        line.what.contains("the quorum cannot be met"),
        "{}",
        line.what
    );
    // Who looks is here, whatever the calendar says.
    assert!(withdrawal::line(&two, &eyes("bob", &away)).mine);
}

#[test]
fn approvals_by_the_page_are_told_apart_from_those_by_own_keys() {
    let nobody = BTreeSet::new();
    let both = approvals(&[], asked(1, &["alice"]), asked(1, &["alice", "bob"]));
    let line = withdrawal::line(&both, &eyes("bob", &nobody));
    assert!(line.mine);
    assert_eq!(
        line.what,
        "Waits for 2 approvals: alice with own keys, and alice or bob with an own key or in the page."
    );
    let page = approvals(&["alice"], Asked::default(), asked(1, &["bob"]));
    let line = withdrawal::line(&page, &eyes("olga", &nobody));
    assert_eq!(
        line.what,
        "Waits for 1 approval: bob, with an own key or in the page. alice has approved."
    );
}

#[test]
fn a_withdrawal_that_nobody_may_approve_says_so() {
    let nobody = BTreeSet::new();
    let line = withdrawal::line(
        &approvals(&[], asked(1, &[]), Asked::default()),
        &eyes("olga", &nobody),
    );
    assert!(line.what.contains("nobody"), "{}", line.what);
    assert!(
        line.todo.starts_with("Nobody may approve it"),
        "{}",
        line.todo
    );
    let denied = withdrawal::line(&unpaid(Stands::Denied), &eyes("olga", &nobody));
    assert!(denied.mine, "an operator looks after it");
    let failed = withdrawal::line(&unpaid(Stands::Failed), &eyes("bob", &nobody));
    assert_eq!((failed.mine, failed.on), (false, names(&["an operator"])));
}

#[test]
fn the_queue_says_once_what_many_wait_for() {
    let nobody = BTreeSet::new();
    let olga = eyes("olga", &nobody);
    let all = [
        (Amount::from_sat(2), NOW),
        (Amount::from_sat(3), NOW.saturating_sub(9)),
    ];
    let line = |wait, automatic| {
        let queue = Queue { wait, automatic };
        queue_line(vault(), queue, &all, &olga).expect("a line")
    };
    let held = line(Waits::Cap, true);
    assert_eq!(held.title, "2 approved withdrawals");
    assert_eq!(held.amount, Some(Amount::from_sat(5)));
    assert_eq!(held.since, NOW.saturating_sub(9));
    assert_eq!(
        held.what,
        "They wait because the fee estimate is above the cap."
    );
    assert!(held.mine);
    assert!(line(Waits::Batch, true).is_by_itself());
    assert!(!line(Waits::Batch, false).is_by_itself());
    assert!(line(Waits::Stopped, true).is_by_itself());
    let queue = Queue {
        wait: Waits::Due,
        automatic: true,
    };
    assert_eq!(queue_line(vault(), queue, &[], &olga), None);
}

#[test]
fn who_is_too_large_for_the_coins_that_are_left_waits_for_coins_and_is_passed_by() {
    let mut held = Held {
        free: Amount::from_sat(10),
        stopped: false,
        answered: false,
    };
    let mut next = |wait, sat| held.waits(wait, Amount::from_sat(sat));
    assert_eq!(next(None, 4), Waits::Due);
    assert_eq!(next(Some(Wait::NotDue), 7), Waits::Coins);
    assert_eq!(next(Some(Wait::NotDue), 6), Waits::Batch);
    assert_eq!(next(Some(Wait::AboveCap), 1), Waits::Coins);
    let mut rich = Held {
        free: Amount::from_sat(10),
        ..held
    };
    assert_eq!(
        rich.waits(Some(Wait::AboveCap), Amount::from_sat(1)),
        Waits::Cap
    );
    rich.answered = true;
    assert_eq!(
        rich.waits(Some(Wait::AboveCap), Amount::from_sat(1)),
        Waits::Batch,
        "the answer lets it go with the next batch"
    );
    rich.stopped = true;
    assert_eq!(rich.waits(None, Amount::from_sat(1)), Waits::Stopped);
}

#[test]
fn what_waits_for_me_comes_first_and_then_the_oldest() {
    let line = |title: &str, mine: bool, on: &[&str], age: u64| AgendaLine {
        kind: AgendaKind::Withdrawal,
        vault: None,
        title: title.to_owned(),
        href: String::new(),
        amount: None,
        what: String::new(),
        mine,
        on: names(on),
        others: Vec::new(),
        since: NOW.saturating_sub(age),
        todo: String::new(),
    };
    let mut lines = [
        line("by itself", false, &[], 90),
        line("young other", false, &["bob"], 1),
        line("old other", false, &["bob"], 50),
        line("young mine", true, &["me"], 2),
        line("old mine", true, &["me"], 3),
    ];
    sort(&mut lines);
    let order: Vec<&str> = lines.iter().map(|line| line.title.as_str()).collect();
    assert_eq!(
        order,
        [
            "old mine",
            "young mine",
            "old other",
            "young other",
            "by itself"
        ]
    );
}

#[test]
fn two_quorums_together_name_each_person_once() {
    let nobody = BTreeSet::new();
    let olga = eyes("olga", &nobody);
    let joined = Spread::of(&asked(1, &["alice", "bob"]), &olga)
        .joined(Spread::of(&asked(1, &["bob", "carol"]), &olga));
    assert_eq!(joined.on, names(&["alice", "bob", "carol"]));
    assert_eq!(joined.others, names(&[]));
}
