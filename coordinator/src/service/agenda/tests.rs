//! The words of the agenda, line by line, from facts alone.

use std::collections::{BTreeMap, BTreeSet};

use bitcoin::hashes::Hash as _;
use bitcoin::{Amount, FeeRate, Txid};
use policies::{PolicyId, Subject, UnixTime, VaultId};

use super::asking::{Asked, Eyes, Spread};
use super::attempt::{self, Sent, Signers};
use super::line::{AgendaKind, AgendaLine, sort};
use super::statements::{
    Entry, Journal, Listing, Stage, Stopped, Version, entry_line, journal_line, parked_line,
    stop_line, version_line,
};
use super::withdrawal::{self, Held, Queue, Stands, Unpaid, Waits, queue_line};
use super::words::{and, or, some_of};
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

fn signing(done: &[&str], ways: &[&[&str]]) -> attempt::Open {
    let all: BTreeSet<String> = ways.iter().flat_map(|way| names(way)).collect();
    attempt::Open {
        vault: vault(),
        txid: Txid::from_byte_array([1; 32]),
        since: NOW,
        stands: attempt::Stands::Signatures(Signers {
            done: names(done),
            ways: ways.iter().map(|way| set(way)).collect(),
            person_of: all.into_iter().map(|name| (name.clone(), name)).collect(),
            ..Signers::default()
        }),
    }
}

fn signers(open: &mut attempt::Open) -> &mut Signers {
    match &mut open.stands {
        attempt::Stands::Signatures(signers) | attempt::Stands::Void(signers) => signers,
        attempt::Stands::Cancelled { .. }
        | attempt::Stands::Complete { .. }
        | attempt::Stands::Sent(_)
        | attempt::Stands::Confirmed { .. } => panic!("it waits for signers"),
    }
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
fn either_of_two_completes_a_two_of_three() {
    let nobody = BTreeSet::new();
    let open = signing(&["alice"], &[&["bob"], &["carol"]]);
    let line = attempt::line(&open, &eyes("olga", &nobody));
    assert_eq!(
        line.what,
        "Waits for 1 more signature: bob or carol. alice has signed."
    );
    assert_eq!(
        line.todo,
        "Ask bob or carol: either signature completes it."
    );
    assert_eq!(line.on, names(&["bob", "carol"]));
    let bobs = attempt::line(&open, &eyes("bob", &nobody));
    assert!(bobs.mine);
    assert_eq!(
        bobs.todo,
        "Review it with your own signer, and sign it: yours completes it, and so would that of carol."
    );
    assert!(
        !attempt::line(&open, &eyes("alice", &nobody)).mine,
        "who has signed is not asked"
    );
}

#[test]
fn sets_of_signers_are_named_as_short_as_they_can_be() {
    let nobody = BTreeSet::new();
    let olga = eyes("olga", &nobody);
    let what = |ways: &[&[&str]]| attempt::line(&signing(&[], ways), &olga).what;
    assert_eq!(
        what(&[&["alice", "bob"], &["alice", "carol"], &["bob", "carol"]]),
        "Waits for 2 more signatures: any 2 of alice, bob and carol."
    );
    assert_eq!(
        what(&[&["alice", "bob"]]),
        "Waits for 2 more signatures: alice and bob."
    );
    assert_eq!(
        what(&[&["alice", "bob"], &["carol", "dave"]]),
        "Waits for 2 more signatures: alice and bob, or carol and dave."
    );
    assert_eq!(
        what(&[&["alice"], &["bob", "carol"]]),
        "Waits for 1 more signature: alice."
    );
}

#[test]
fn signers_who_are_gone_are_not_asked() {
    let nobody = BTreeSet::new();
    let mut open = signing(&["alice"], &[&["bob"], &["carol"]]);
    signers(&mut open).lost = set(&["bob"]);
    let line = attempt::line(&open, &eyes("olga", &nobody));
    assert_eq!(
        line.what,
        "Waits for 1 more signature: carol. alice has signed. bob is lost or stolen."
    );
    assert_eq!(line.others, names(&[]), "who is lost cannot act");
    signers(&mut open).away = set(&["carol"]);
    let line = attempt::line(&open, &eyes("olga", &nobody));
    assert!(
        line.what.ends_with("Nobody who is here can complete it."),
        "{}",
        line.what
    );
    signers(&mut open).lost = set(&["bob", "carol"]);
    let line = attempt::line(&open, &eyes("olga", &nobody));
    assert!(
        line.what.starts_with("The signers that are left cannot"),
        "{}",
        line.what
    );
    assert!(line.mine, "an operator looks after it");
}

#[test]
fn a_signer_whose_person_is_away_can_still_be_called() {
    let away = set(&["bob"]);
    let mut open = signing(&["alice"], &[&["cold"], &["carol"]]);
    let person_of = BTreeMap::from([
        ("cold".to_owned(), "bob".to_owned()),
        ("carol".to_owned(), "carol".to_owned()),
    ]);
    signers(&mut open).person_of = person_of;
    let line = attempt::line(&open, &eyes("olga", &away));
    assert_eq!(
        (line.on, line.others),
        (names(&["carol"]), names(&["cold"]))
    );
    let bobs = attempt::line(&open, &eyes("bob", &away));
    assert!(bobs.mine, "who looks is here");
    assert!(bobs.what.contains("cold (bob)"), "{}", bobs.what);
}

fn sent(waited: u64, in_mempool: bool, estimate: u64) -> Sent {
    Sent {
        at: NOW.saturating_sub(waited),
        in_mempool,
        feerate: FeeRate::from_sat_per_kwu(500),
        estimate: Some(FeeRate::from_sat_per_kwu(estimate)),
        refused: None,
    }
}

#[test]
fn a_transaction_is_stuck_once_it_waits_below_the_estimate() {
    assert!(!sent(3_599, true, 501).is_stuck(NOW));
    assert!(sent(3_600, true, 501).is_stuck(NOW));
    assert!(!sent(3_600, true, 500).is_stuck(NOW));
    assert!(sent(21_600, true, 500).is_stuck(NOW));
    assert!(!sent(599, false, 1).is_stuck(NOW));
    assert!(sent(600, false, 1).is_stuck(NOW));
    let nobody = BTreeSet::new();
    let open = attempt::Open {
        stands: attempt::Stands::Sent(sent(3_600, true, 750)),
        ..signing(&[], &[])
    };
    let line = attempt::line(&open, &eyes("olga", &nobody));
    assert_eq!(
        line.what,
        "It is stuck in the mempool: it pays 2 sat/vB, and the estimate is 3 sat/vB."
    );
    assert_eq!((line.kind, line.mine), (AgendaKind::Broadcast, true));
    assert!(!attempt::line(&open, &eyes("bob", &nobody)).mine);
}

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
        format!("It cools off until {NOW}. Nothing is paid to it before.")
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
