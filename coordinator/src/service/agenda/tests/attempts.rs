//! Attempts: who still could complete one, and when one is stuck.

use std::collections::{BTreeMap, BTreeSet};

use bitcoin::hashes::Hash as _;
use bitcoin::{FeeRate, Txid};

use super::super::attempt::{self, Sent, Signers};
use super::super::line::AgendaKind;
use super::{NOW, eyes, names, set, vault};

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
