//! Tests of exclusivity through ancestors, and of what fees can cost together.

use proptest::prelude::*;

use super::*;
use crate::intent::sample;
use crate::journal::history::tests::{exclusive, signed};
use crate::journal::{AncestorInputs, Fault, History, SpendMode};
use crate::time::UnixTime;

/// The first output of a transaction.
fn change_of(transaction: &SignedTransaction) -> OutPoint {
    OutPoint::new(transaction.txid, 0)
}

/// A transaction that pays some withdrawals from another's change.
fn child(txid: u8, parent: &SignedTransaction, paid: &[u8]) -> SignedTransaction {
    SignedTransaction {
        inputs: vec![change_of(parent)],
        ..paying(txid, &[], paid)
    }
}

fn paying(txid: u8, inputs: &[u8], paid: &[u8]) -> SignedTransaction {
    let intents = paid
        .iter()
        .map(|id| sample::payment(&format!("w{id}"), *id));
    signed(txid, inputs, &intents.collect::<Vec<_>>())
}

fn carrying(
    mut transaction: SignedTransaction,
    ancestors: &[&SignedTransaction],
) -> SignedTransaction {
    transaction.ancestors = ancestors
        .iter()
        .map(|one| AncestorInputs {
            txid: one.txid,
            inputs: one.inputs.clone(),
        })
        .collect();
    transaction
}

fn excludes(one: &SignedTransaction, other: &SignedTransaction) -> bool {
    let found = Spends::of(one).excludes(&Spends::of(other));
    assert_eq!(found, exclusive(one, other));
    assert_eq!(found, Spends::of(other).excludes(&Spends::of(one)));
    found
}

fn history(transactions: &[&SignedTransaction]) -> History {
    let mut history = History::none();
    for transaction in transactions {
        assert_eq!(history.admits(transaction), Ok(()));
        history.record((*transaction).clone());
    }
    history
}

fn not_exclusive(history: &History, new: &SignedTransaction) -> bool {
    matches!(history.admits(new), Err(Fault::NotExclusive { .. }))
}

#[test]
fn a_child_of_the_first_payment_s_own_change_that_pays_it_again_is_not_exclusive() {
    let first = paying(1, &[1], &[1]);
    let again = carrying(child(2, &first, &[1]), &[&first]);
    assert!(!excludes(&first, &again));
    assert!(not_exclusive(&history(&[&first]), &again));
    // Nor through one more child between them, as an outsider might hand one in.
    let between = child(3, &first, &[]);
    let again = carrying(child(4, &between, &[1]), &[&between, &first]);
    assert!(not_exclusive(&history(&[&first]), &again));
}

#[test]
fn what_a_settled_batch_left_out_is_paid_from_its_change_by_the_carried_ancestor_alone() {
    let both = paying(1, &[1], &[1, 2]);
    let one = paying(2, &[1], &[1]);
    let known = history(&[&both, &one]);
    // The batch of one confirmed; withdrawal 2 is paid from its change.
    let bare = child(3, &one, &[2]);
    assert!(not_exclusive(&known, &bare));
    let carried = carrying(bare, &[&one]);
    assert!(excludes(&both, &carried));
    assert_eq!(known.admits(&carried), Ok(()));
}

#[test]
fn three_transactions_of_a_line_must_all_exclude_each_other() {
    let first = paying(1, &[1, 2], &[1]);
    let second = paying(2, &[1], &[1]);
    let third = paying(3, &[2], &[1]);
    assert!(excludes(&first, &third));
    assert!(!excludes(&second, &third));
    assert!(not_exclusive(&history(&[&first, &second]), &third));
    assert_eq!(history(&[&first]).admits(&third), Ok(()));
}

#[test]
fn a_coinbase_as_common_ancestor_excludes_nothing() {
    let mut coinbases = [paying(8, &[], &[]), paying(9, &[], &[])];
    for coinbase in &mut coinbases {
        coinbase.inputs = vec![OutPoint::null()];
    }
    let [one, other] = &coinbases;
    let first = carrying(child(1, one, &[1]), &[one]);
    let second = carrying(child(2, other, &[1]), &[other]);
    assert!(!excludes(&first, &second));
    assert!(not_exclusive(&history(&[&first]), &second));
}

#[test]
fn ancestors_exclude_through_any_depth_and_in_either_file() {
    let (left, right) = (paying(1, &[1], &[]), paying(2, &[1], &[]));
    let middle = child(3, &left, &[]);
    let deep = carrying(child(4, &middle, &[1]), &[&left, &middle]);
    let other = carrying(child(5, &right, &[1]), &[&right]);
    assert!(excludes(&deep, &other));
    assert!(!excludes(&carrying(deep.clone(), &[&middle]), &other));
    // An ancestor of one that conflicts with the other itself.
    assert!(excludes(&deep, &paying(6, &[1], &[1])));
}

#[test]
fn what_is_carried_but_no_ancestor_is_refused() {
    let known = History::none();
    let (parent, stranger) = (paying(1, &[1], &[]), paying(2, &[1], &[]));
    let new = child(3, &parent, &[1]);
    let fault = |new: SignedTransaction| known.admits(&new).expect_err("refused");
    let refused = fault(carrying(new.clone(), &[&parent, &stranger]));
    assert!(matches!(refused, Fault::NoAncestor { ancestor, .. } if ancestor == stranger.txid));
    let twice = fault(carrying(new.clone(), &[&parent, &parent]));
    assert!(matches!(twice, Fault::NoAncestor { .. }));
    let itself = fault(carrying(new.clone(), &[&new]));
    assert!(matches!(itself, Fault::NoAncestor { .. }));
    // An ancestor that was signed here is known by its inputs.
    let other = paying(1, &[2], &[]);
    let refused = history(&[&parent]).admits(&carrying(new, &[&other]));
    assert!(matches!(refused, Err(Fault::OtherInputs { .. })));
}

#[test]
fn what_the_same_transaction_carries_later_is_remembered_too() {
    let (left, right) = (paying(1, &[1], &[]), paying(2, &[1], &[]));
    let first = child(3, &left, &[1]);
    let mut known = history(&[&first]);
    let other = carrying(child(4, &right, &[1]), &[&right]);
    assert!(not_exclusive(&known, &other));
    let carried = carrying(first.clone(), &[&left]);
    assert!(known.knows(&first) && !known.knows(&carried));
    known.record(carried.clone());
    assert!(known.knows(&carried));
    assert_eq!(known.admits(&other), Ok(()));
}

fn costing(mut transaction: SignedTransaction, sat: u64, at: u64) -> SignedTransaction {
    transaction.fee = Amount::from_sat(sat);
    transaction.at = UnixTime::from_secs(at);
    transaction
}

#[test]
fn replacements_cost_the_highest_fee_and_independent_ones_their_sum() {
    let first = costing(paying(1, &[1, 2], &[1]), 100, 10);
    let bump = costing(paying(2, &[1], &[1]), 300, 20);
    let apart = costing(paying(3, &[3], &[3]), 50, 30);
    let known = history(&[&first, &bump, &apart]);
    let cost = |new: &SignedTransaction, since: u64| {
        known
            .fees_in_window(new, UnixTime::from_secs(since))
            .to_sat()
    };
    let lower = costing(paying(4, &[1, 9], &[1]), 200, 40);
    assert_eq!(cost(&lower, 0), 350);
    assert_eq!(cost(&costing(lower.clone(), 400, 40), 0), 450);
    // Exclusive with one of the group only: it counts for itself.
    assert_eq!(cost(&costing(paying(4, &[2], &[4]), 200, 40), 0), 550);
    assert_eq!(cost(&lower, 20), 250, "what left the window costs nothing");
    assert_eq!(cost(&bump, 0), 350, "what was signed before counts once");
    let huge = costing(paying(5, &[5], &[5]), Amount::MAX_MONEY.to_sat(), 40);
    assert_eq!(cost(&huge, 0), Amount::MAX_MONEY.to_sat());
}

#[test]
fn a_fee_that_was_shown_too_low_at_first_is_counted_when_the_true_one_is_shown() {
    let shown = costing(paying(1, &[1], &[1]), 0, 10);
    let other = costing(paying(2, &[2], &[2]), 50, 20);
    let mut known = history(&[&shown, &other]);
    let truly = costing(shown.clone(), 400, 30);
    assert!(known.knows(&shown) && !known.knows(&truly));
    let sat = |known: &History, since: u64| {
        let fees = known.fees_in_window(&truly, UnixTime::from_secs(since));
        fees.to_sat()
    };
    assert_eq!(sat(&known, 0), 450);
    known.record(truly.clone());
    assert!(known.knows(&truly) && known.knows(&shown));
    assert_eq!(sat(&known, 0), 450, "once");
    assert_eq!(sat(&known, 25), 400, "from when the true one was shown");
    assert_eq!(known.fees_since(UnixTime::ZERO).to_sat(), 450);
    let own = SignedTransaction {
        mode: SpendMode::SelfSpend,
        ..truly
    };
    assert!(!known.granted(&own), "another mode");
}

#[test]
fn self_spends_are_counted_apart() {
    let self_spend = |txid, input, sat, at| SignedTransaction {
        mode: SpendMode::SelfSpend,
        ..costing(paying(txid, &[input], &[]), sat, at)
    };
    let pay = costing(paying(9, &[9], &[9]), 1_000, 10);
    let (one, other) = (self_spend(1, 1, 100, 10), self_spend(2, 2, 200, 20));
    let mut known = history(&[&pay, &one, &other]);
    let since = |since| known.self_spends_in_window(UnixTime::from_secs(since));
    assert_eq!(since(0), (Amount::from_sat(300), 2));
    assert_eq!(since(10), (Amount::from_sat(200), 1));
    assert_eq!(since(20), (Amount::ZERO, 0));
    known.record(other);
    let again = known.self_spends_in_window(UnixTime::ZERO);
    assert_eq!(again, (Amount::from_sat(300), 2), "signed again");
}

#[test]
fn windows_count_an_intent_once_and_what_granted_nothing_not_at_all() {
    let mut first = costing(paying(1, &[1], &[1, 2]), 1, 10);
    first.rules = vec!["small".to_owned(), String::new()];
    let mut bump = costing(paying(2, &[1], &[1, 2]), 1, 20);
    bump.rules = vec!["other".to_owned(), "small".to_owned()];
    let mut known = history(&[&first]);
    let spent = |known: &History, rule: &str, since| {
        let windows = known.windows();
        windows.spent(rule, UnixTime::from_secs(since)).to_sat()
    };
    assert_eq!(spent(&known, "small", 0), 50_000);
    assert!(known.knows(&first));
    // The rule of the second intent is new: it must be remembered.
    let mut regranted = first.clone();
    regranted.rules = bump.rules.clone();
    assert!(!known.knows(&regranted));
    known.record(bump);
    assert_eq!(spent(&known, "small", 0), 100_000);
    assert_eq!(spent(&known, "small", 10), 50_000);
    assert_eq!(spent(&known, "other", 0), 0);
}

#[test]
fn another_line_to_a_script_is_told_from_the_same_one() {
    let known = history(&[&paying(1, &[1], &[1])]);
    let first = sample::payment("w1", 1);
    let script = first.script_pubkey.clone();
    assert!(!known.paid_lines_to(&script, &first));
    let mut other = sample::payment("w7", 1);
    assert!(
        !known.paid_lines_to(&script, &other),
        "one output, one line"
    );
    other.amount = Amount::from_sat(49_999);
    assert!(known.paid_lines_to(&script, &other));
    other.replaces = Some(first.id);
    assert!(!known.paid_lines_to(&script, &other));
    let elsewhere = sample::payment("w8", 8);
    assert!(!known.paid_lines_to(&elsewhere.script_pubkey, &elsewhere));
}

proptest! {
    #[test]
    fn fees_are_at_least_what_can_confirm_together_and_at_most_their_sum(
        shapes in prop::collection::vec((prop::collection::btree_set(0_u8..6, 1..4), 0_u64..1_000), 1..9)
    ) {
        let transactions: Vec<SignedTransaction> = (1_u8..)
            .zip(shapes)
            .map(|(txid, (inputs, fee))| {
                let inputs: Vec<u8> = inputs.into_iter().collect();
                costing(paying(txid, &inputs, &[]), fee, u64::from(txid))
            })
            .collect();
        let (new, earlier) = transactions.split_last().expect("at least one");
        let known = history(&earlier.iter().collect::<Vec<_>>());
        let found = known.fees_in_window(new, UnixTime::ZERO).to_sat();
        let mut together = 0;
        for chosen in 0_u32..1 << transactions.len() {
            let chosen: Vec<&SignedTransaction> = (0_u32..)
                .zip(&transactions)
                .filter(|(bit, _)| chosen >> bit & 1 == 1)
                .map(|(_, one)| one)
                .collect();
            let possible = chosen
                .iter()
                .all(|one| chosen.iter().all(|other| !exclusive(one, other)));
            if possible {
                together = together.max(chosen.iter().map(|one| one.fee.to_sat()).sum());
            }
        }
        prop_assert!(found >= together, "{found} < {together}");
        prop_assert!(found <= transactions.iter().map(|one| one.fee.to_sat()).sum());
    }
}
