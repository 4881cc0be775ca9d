//! What a signer carries and is told: the true fees, ancestors and receipts.

use bitcoin::{Amount, OutPoint, Transaction, Witness};

use super::super::world::{CHANGE_INDEX, NOW, World, secret};
use super::refused;
use super::windows::payouts;
use crate::descriptor::ScriptKind;
use crate::document::FeeBudgetDraft;
use crate::ids::Keychain;
use crate::intent::SecretKey;
use crate::journal::{History, Journal, Receipt, ReceiptBody};
use crate::time::UnixTime;

/// The previous transaction of a coin, as an ancestor.
fn parent(world: &World, coin: usize) -> Transaction {
    let mut parent = world.plan().coins[coin].previous.clone();
    parent.input[0].witness = Witness::new();
    parent
}

#[test]
fn a_budget_counts_the_fee_that_is_true_and_not_the_one_first_shown() {
    // Amounts of taproot inputs are claimed, not proven: only a true claim makes the signature worth anything.
    let world = World::with(ScriptKind::Tr, |draft| {
        draft.limits.fee_budget = Some(FeeBudgetDraft {
            sat: 2_000,
            window: "24h".to_owned(),
        });
    });
    let truly = payouts(&world, 1, &[1_000_000]);
    let dear = payouts(&world, 2, &[1_000_001]);
    let mut lie = dear.clone();
    let claimed = lie.psbt.inputs[0].witness_utxo.as_mut().expect("claimed");
    claimed.value -= Amount::from_sat(1_000);
    let mut history = History::none();
    for attempt in [&truly, &lie] {
        let review = world.review_at(attempt, &history, NOW).expect("within");
        history.record(review.signed_transaction(NOW));
    }
    let review = world.review_at(&dear, &history, NOW).expect("within");
    history.record(review.signed_transaction(NOW));
    let third = payouts(&world, 3, &[1_000_002]);
    assert_eq!(world.refusals_at(&third, &history, NOW), ["FEE_BUDGET"]);
    // A self-spend shown without a fee at first is not free of its budget either.
    let world = World::with(ScriptKind::Tr, |draft| {
        "100000".clone_into(&mut draft.limits.feerate_max_sat_vb);
    });
    let truly = world.self_spend(150_000);
    let mut lie = truly.clone();
    let claimed = lie.psbt.inputs[0].witness_utxo.as_mut().expect("claimed");
    claimed.value -= Amount::from_sat(150_000);
    let mut history = History::none();
    for attempt in [&lie, &truly] {
        let review = world.review_at(attempt, &history, NOW).expect("within");
        history.record(review.signed_transaction(NOW));
    }
    let coins = vec![world.coin(Keychain::External, 90, 50_000_000)];
    let more = world.self_spend_of(coins, 60_000);
    let codes = world.refusals_at(&more, &history, NOW);
    assert_eq!(codes, ["SELF_SPEND_BUDGET"]);
}

#[test]
fn ancestors_are_tied_by_txid_to_what_is_spent() {
    for world in World::both() {
        let mut attempt = world.attempt();
        let parent = parent(&world, 0);
        attempt
            .manifest
            .ancestors
            .insert(parent.compute_txid(), parent.clone());
        let review = world.reviewed(&attempt);
        let carried = &review.signed_transaction(NOW).ancestors[0];
        assert_eq!(carried.txid, parent.compute_txid());
        assert_eq!(carried.inputs, [parent.input[0].previous_output]);
    }
    refused(&["ANCESTOR_UNRELATED"], |attempt, world| {
        let mut stray = parent(world, 0);
        stray.output[0].value = Amount::from_sat(77);
        attempt
            .manifest
            .ancestors
            .insert(stray.compute_txid(), stray);
    });
}

#[test]
fn no_more_ancestors_are_looked_at_than_two_hundred() {
    let world = World::new(ScriptKind::Tr);
    let mut attempt = world.attempt();
    for sat in 0..201 {
        let mut stray = parent(&world, 0);
        stray.output[0].value = Amount::from_sat(sat);
        attempt
            .manifest
            .ancestors
            .insert(stray.compute_txid(), stray);
    }
    assert_eq!(world.refusals(&attempt), ["TOO_MANY_ANCESTORS"]);
}

#[test]
fn ancestors_that_would_fill_the_journal_are_refused() {
    let world = World::new(ScriptKind::Tr);
    for (inputs, refused) in [(2_000_u32, false), (2_001, true)] {
        let mut plan = world.plan();
        let mut parent = plan.coins[0].previous.clone();
        let first = parent.input[0].clone();
        parent.input = (0..inputs)
            .map(|vout| {
                let mut txin = first.clone();
                txin.previous_output.vout = vout;
                txin.witness = Witness::new();
                txin
            })
            .collect();
        plan.coins[0].previous = parent.clone();
        let mut attempt = world.build(&plan);
        (attempt.manifest.ancestors).insert(parent.compute_txid(), parent);
        let codes = world.refusals(&attempt);
        assert_eq!(codes == ["ANCESTORS_TOO_LARGE"], refused, "{codes:?}");
        assert_eq!(codes.is_empty(), !refused, "{codes:?}");
    }
}

#[test]
fn a_coinbase_is_no_outpoint_that_excludes() {
    let world = World::new(ScriptKind::Wsh);
    let attempt = |coin: u32| {
        let mut plan = world.plan();
        plan.asked.truncate(1);
        let mut coin = world.coin(Keychain::External, coin, 50_000_000);
        coin.previous.input[0].previous_output = OutPoint::null();
        let parent = coin.previous.clone();
        plan.coins = vec![coin];
        plan.change = Some((CHANGE_INDEX, Amount::from_sat(45_999_000)));
        let mut attempt = world.build(&plan);
        let mut bare = parent;
        bare.input[0].witness = Witness::new();
        attempt.manifest.ancestors.insert(bare.compute_txid(), bare);
        attempt
    };
    let mut history = History::none();
    let review = world
        .review_at(&attempt(70), &history, NOW)
        .expect("the first");
    history.record(review.signed_transaction(NOW));
    assert_eq!(
        world.refusals_at(&attempt(71), &history, NOW),
        ["NOT_EXCLUSIVE"]
    );
}

/// The key of alice's journal in a treasury that names it.
fn journal_world() -> (World, SecretKey) {
    let key = secret("alice's journal");
    let public = key.public().to_string();
    let world = World::with(ScriptKind::Wsh, |draft| draft.signers[0].journal = public);
    (world, key)
}

fn receipt(world: &World, key: &SecretKey, journal: &Journal) -> Receipt {
    let txid = world.attempt().psbt.unsigned_tx.compute_txid();
    let body = ReceiptBody {
        counter: journal.counter(),
        head: journal.head(),
        journal: journal.key(),
        txid,
        manifest: [0; 32],
        nonce: None,
        event_head: None,
        now: NOW,
    };
    body.sign(key, world.policy.vault)
}

#[test]
fn a_receipt_that_knows_more_than_the_journal_shows_a_rollback() {
    let (world, key) = journal_world();
    let vault = world.policy.vault;
    let (old, _) = Journal::begin(vault, key.public(), UnixTime::ZERO).expect("begins");
    let mut newer = old.clone();
    let signed = world
        .reviewed(&world.self_spend(500))
        .signed_transaction(NOW);
    let line = newer
        .append(crate::journal::Entry::Signed(signed))
        .expect("appends");
    assert!(!line.as_bytes().is_empty());
    let mut attempt = world.attempt();
    attempt
        .manifest
        .receipts
        .insert(key.public(), receipt(&world, &key, &newer));
    assert!(world.refusals_at(&attempt, newer.history(), NOW).is_empty());
    assert_eq!(
        world.refusals_at(&attempt, old.history(), NOW),
        ["JOURNAL_ROLLED_BACK"]
    );
    // Nobody else's journal is judged by it.
    assert!(world.refusals(&attempt).is_empty());
}

#[test]
fn forged_receipts_are_refused_and_those_of_other_journals_judge_nobody() {
    let (world, key) = journal_world();
    let vault = world.policy.vault;
    let (journal, _) = Journal::begin(vault, key.public(), UnixTime::ZERO).expect("begins");
    let mut forged = receipt(&world, &key, &journal);
    forged.body.counter = 9;
    let mut attempt = world.attempt();
    attempt.manifest.receipts.insert(key.public(), forged);
    assert_eq!(world.refusals(&attempt), ["RECEIPT_WRONG"]);
    let stranger = secret("a stranger's journal");
    let (journal, _) = Journal::begin(vault, stranger.public(), UnixTime::ZERO).expect("begins");
    let mut attempt = world.attempt();
    let receipt = receipt(&world, &stranger, &journal);
    attempt.manifest.receipts.insert(stranger.public(), receipt);
    assert!(world.refusals(&attempt).is_empty());
}
