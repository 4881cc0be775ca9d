//! Inclusion: a withdrawal's first attempt shows a coin of it in the chain, where the policy asks.

use std::slice;

use bitcoin::block::Header;
use bitcoin::hashes::Hash as _;
use bitcoin::{Amount, BlockHash, OutPoint, ScriptBuf, Transaction, TxMerkleNode, Txid, Witness};

use super::super::world::{Attempt, CHANGE_INDEX, Coin, NOW, Plan, World, stranger};
use crate::descriptor::ScriptKind;
use crate::document::InclusionDraft;
use crate::ids::Keychain;
use crate::inclusion::InclusionProof;
use crate::inclusion::samples::{EASY, mined, proof};
use crate::journal::History;
use crate::review::Review;
use crate::words::review_text;

/// Both kinds of vault, under a policy that asks for a coin with two confirmations.
fn worlds() -> [World; 2] {
    [ScriptKind::Wsh, ScriptKind::Tr].map(|kind| {
        World::with(kind, |draft| {
            draft.limits.inclusion = Some(InclusionDraft {
                bits: format!("{EASY:08x}"),
                confirmations: 2,
            });
        })
    })
}

fn without_witness(transaction: &Transaction) -> Transaction {
    let mut bare = transaction.clone();
    for txin in &mut bare.input {
        txin.witness = Witness::new();
    }
    bare
}

/// Carries the transaction that made a coin, where inputs do not.
fn carry(world: &World, attempt: &mut Attempt, coin: &Coin) {
    if world.policy.descriptor.kind() == ScriptKind::Tr {
        let funding = without_witness(&coin.previous);
        let txid = funding.compute_txid();
        attempt.manifest.ancestors.insert(txid, funding);
    }
}

/// Shows a transaction in a block of eleven.
fn show(attempt: &mut Attempt, txid: Txid) {
    attempt.manifest.inclusions.insert(txid, proof(txid, 6, 11));
}

/// The attempt of a plan, with the first of its coins shown.
fn shown(world: &World, plan: &Plan) -> Attempt {
    let mut attempt = world.build(plan);
    carry(world, &mut attempt, &plan.coins[0]);
    show(&mut attempt, plan.coins[0].previous.compute_txid());
    attempt
}

/// A plan for the second of the honest withdrawals alone, from these coins.
fn paying(world: &World, coins: Vec<Coin>) -> Plan {
    let mut plan = world.plan();
    plan.asked = vec![plan.asked.swap_remove(1)];
    let spent: Amount = coins.iter().map(|coin| coin.output().value).sum();
    plan.coins = coins;
    plan.change = Some((CHANGE_INDEX, spent - Amount::from_sat(20_010_000)));
    plan
}

/// What a journal remembers that signed it.
fn having_signed(reviews: &[Review]) -> History {
    let mut history = History::none();
    for review in reviews {
        history.record(review.signed_transaction(NOW));
    }
    history
}

fn refused(world: &World, attempt: &Attempt, history: &History, code: &str) {
    let kind = world.policy.descriptor.kind();
    assert_eq!(world.refusals_at(attempt, history, NOW), [code], "{kind}");
}

#[test]
fn an_attempt_that_shows_one_of_its_coins_may_be_signed() {
    for world in worlds() {
        let plan = world.plan();
        let review = world.reviewed(&shown(&world, &plan));
        let [included] = review.included.as_slice() else {
            panic!("one coin is shown: {:?}", review.included);
        };
        let coin = plan.coins[0].spend().previous_output;
        assert_eq!((included.outpoint, included.confirmations), (coin, 2));
        let text = review_text(&review, &world.policy);
        assert!(text.contains("In the chain"), "{text}");
        assert!(
            text.lines().all(|line| line.chars().count() <= 80),
            "{text}"
        );
    }
}

#[test]
fn a_first_attempt_over_coins_that_nobody_shows_is_refused() {
    for world in worlds() {
        let attempt = world.attempt();
        refused(&world, &attempt, &History::none(), "INCLUSION_MISSING");
    }
}

#[test]
fn a_policy_that_asks_for_no_proof_is_given_none() {
    for world in World::both() {
        let attempt = shown(&world, &world.plan());
        refused(&world, &attempt, &History::none(), "INCLUSION_UNASKED");
    }
}

#[test]
fn spends_to_ourselves_need_no_proof() {
    for world in worlds() {
        for attempt in [world.self_spend(10_000), world.recovery(10_000)] {
            assert_eq!(world.refusals(&attempt), [""; 0]);
        }
    }
}

#[test]
fn a_later_attempt_that_spends_all_of_an_earlier_one_needs_no_proof() {
    for world in worlds() {
        let first = world.reviewed(&shown(&world, &world.plan()));
        let history = having_signed(slice::from_ref(&first));
        let mut plan = world.plan();
        plan.change = Some((CHANGE_INDEX, Amount::from_sat(35_980_000)));
        let mut bump = world.build(&plan);
        // What the first one carried must be carried again, or it is not all that it spent.
        carry(&world, &mut bump, &plan.coins[0]);
        assert_eq!(world.refusals_at(&bump, &history, NOW), [""; 0]);
    }
}

/// The attack: the first attempt spends a real coin and an invented one, the second only the invented one. Both
/// exclude each other, and what would pay the withdrawal later could exclude the second by nothing real.
#[test]
fn a_later_attempt_that_leaves_the_coin_shown_out_needs_a_proof_of_its_own() {
    for world in worlds() {
        let [real, invented] = [(Keychain::External, 3), (Keychain::Internal, 7)]
            .map(|(keychain, index)| world.coin(keychain, index, 60_000_000));
        let first = shown(
            &world,
            &paying(&world, vec![real.clone(), invented.clone()]),
        );
        let history = having_signed(&[world.reviewed(&first)]);
        let plan = paying(&world, vec![invented]);
        refused(&world, &world.build(&plan), &history, "INCLUSION_MISSING");
        let honest = shown(&world, &paying(&world, vec![real]));
        assert_eq!(world.refusals_at(&honest, &history, NOW), [""; 0]);
    }
}

#[test]
fn an_attempt_for_two_withdrawals_of_which_one_is_new_needs_a_proof() {
    for world in worlds() {
        let coin = world.coin(Keychain::External, 3, 60_000_000);
        let mut alone = world.plan();
        alone.asked.truncate(1);
        alone.coins = vec![coin.clone()];
        alone.change = Some((CHANGE_INDEX, Amount::from_sat(55_990_000)));
        let first = world.reviewed(&shown(&world, &alone));
        let history = having_signed(&[first]);
        // Without the coin of the first one, but exclusive with it by nothing new.
        let mut both = world.plan();
        both.asked.truncate(2);
        both.coins = vec![coin];
        both.change = Some((CHANGE_INDEX, Amount::from_sat(35_990_000)));
        let mut attempt = world.build(&both);
        carry(&world, &mut attempt, &both.coins[0]);
        refused(&world, &attempt, &history, "INCLUSION_MISSING");
        show(&mut attempt, both.coins[0].previous.compute_txid());
        assert_eq!(world.refusals_at(&attempt, &history, NOW), [""; 0]);
    }
}

#[test]
fn a_journal_that_knows_nothing_asks_again() {
    for world in worlds() {
        let plan = world.plan();
        let mut again = world.build(&plan);
        carry(&world, &mut again, &plan.coins[0]);
        let known = having_signed(&[world.reviewed(&shown(&world, &plan))]);
        assert_eq!(world.refusals_at(&again, &known, NOW), [""; 0]);
        refused(&world, &again, &History::none(), "INCLUSION_MISSING");
    }
}

#[test]
fn a_proof_of_a_transaction_that_is_not_carried_is_refused() {
    for world in worlds() {
        let mut attempt = world.attempt();
        show(&mut attempt, Txid::hash(b"elsewhere"));
        let code = "INCLUSION_TRANSACTION_MISSING";
        refused(&world, &attempt, &History::none(), code);
    }
    // Of taproot, inputs do not carry what made them.
    let [_, world] = worlds();
    let plan = world.plan();
    let mut attempt = world.build(&plan);
    show(&mut attempt, plan.coins[0].previous.compute_txid());
    let code = "INCLUSION_TRANSACTION_MISSING";
    refused(&world, &attempt, &History::none(), code);
}

/// An attempt whose first coin was made by a transaction of this vault that is carried and unconfirmed, and
/// what made that one's input, paying a script.
fn over_a_chain(world: &World, script_pubkey: ScriptBuf) -> (Attempt, Txid) {
    let mut far = world.coin(Keychain::External, 90, 1);
    far.previous.output[1].script_pubkey = script_pubkey;
    let far = without_witness(&far.previous);
    let mut near = world.coin(Keychain::Internal, 5, 60_000_000);
    near.previous.input[0].previous_output = OutPoint::new(far.compute_txid(), 1);
    let mut attempt = world.build(&paying(world, vec![near.clone()]));
    for ancestor in [far.clone(), without_witness(&near.previous)] {
        let txid = ancestor.compute_txid();
        attempt.manifest.ancestors.insert(txid, ancestor);
    }
    show(&mut attempt, far.compute_txid());
    (attempt, far.compute_txid())
}

#[test]
fn a_coin_that_a_carried_ancestor_spends_will_do_if_it_is_this_vaults() {
    for world in worlds() {
        let own = world
            .policy
            .descriptor
            .script_pubkey(Keychain::External, 90);
        let (attempt, far) = over_a_chain(&world, own);
        let review = world.reviewed(&attempt);
        assert_eq!(review.included[0].outpoint, OutPoint::new(far, 1));
    }
}

/// The attack: an invented transaction spends a coin that is in the chain, but a stranger's, who alone could
/// spend it otherwise.
#[test]
fn a_strangers_coin_that_an_invented_ancestor_spends_is_refused() {
    for world in worlds() {
        let (attempt, _) = over_a_chain(&world, stranger(9));
        refused(&world, &attempt, &History::none(), "INCLUSION_UNRELATED");
    }
}

/// The attack: of taproot, an input says of a stranger's coin in the chain that it is this vault's.
#[test]
fn a_strangers_coin_that_an_input_calls_ours_is_refused() {
    let [_, world] = worlds();
    let mut plan = world.plan();
    for coin in &mut plan.coins {
        coin.previous.output[1].script_pubkey = stranger(9);
    }
    let mut attempt = shown(&world, &plan);
    for (input, coin) in attempt.psbt.inputs.iter_mut().zip(&plan.coins) {
        let own = (world.policy.descriptor).script_pubkey(coin.keychain, coin.index);
        input.witness_utxo.as_mut().expect("there").script_pubkey = own;
    }
    refused(&world, &attempt, &History::none(), "INCLUSION_UNRELATED");
    // The amount is no other than what stands in the chain, either.
    let plan = world.plan();
    let mut attempt = shown(&world, &plan);
    attempt.psbt.inputs[0]
        .witness_utxo
        .as_mut()
        .expect("there")
        .value -= Amount::ONE_SAT;
    refused(&world, &attempt, &History::none(), "INCLUSION_UNRELATED");
}

/// The attack: two hashes of a block that are a transaction of 64 bytes too, an output of which is spent.
#[test]
fn a_transaction_of_64_bytes_is_never_shown() {
    for world in worlds() {
        let own = world
            .policy
            .descriptor
            .script_pubkey(Keychain::External, 90);
        let (mut attempt, far) = over_a_chain(&world, own);
        let mut small = attempt.manifest.ancestors.remove(&far).expect("carried");
        small.output.truncate(1);
        small.output[0].script_pubkey = ScriptBuf::from(vec![0x51; 4]);
        assert_eq!(small.base_size(), 64);
        let small_txid = small.compute_txid();
        let (near, mut spends) = (attempt.manifest.ancestors.pop_first()).expect("carried");
        spends.input[0].previous_output = OutPoint::new(small_txid, 0);
        let moved = spends.compute_txid();
        for transaction in [small, spends.clone()] {
            let txid = transaction.compute_txid();
            attempt.manifest.ancestors.insert(txid, transaction);
        }
        let spent = &mut attempt.psbt.unsigned_tx.input[0].previous_output;
        assert_eq!(spent.txid, near);
        spent.txid = moved;
        if let Some(previous) = &mut attempt.psbt.inputs[0].non_witness_utxo {
            *previous = spends;
        }
        attempt.manifest.inclusions.clear();
        show(&mut attempt, small_txid);
        refused(&world, &attempt, &History::none(), "INCLUSION_AMBIGUOUS");
    }
}

#[test]
fn a_proof_that_shows_nothing_is_refused_for_what_is_wrong() {
    type Lie = fn(&mut InclusionProof);
    let lies: [Lie; 6] = [
        |proof| proof.further.clear(),
        |proof| proof.further = vec![on(BlockHash::all_zeros(), EASY)],
        // A target that is harder in name only: nothing meets it.
        |proof| proof.further = vec![on(proof.header.block_hash(), 0x0100_0000)],
        |proof| proof.further = vec![on(proof.header.block_hash(), 0x1d00_ffff)],
        |proof| proof.siblings[2] = TxMerkleNode::hash(b"elsewhere"),
        |proof| proof.position += 16,
    ];
    for world in worlds() {
        for (code, lie) in [
            ("INCLUSION_TOO_FEW_HEADERS", lies[0]),
            ("INCLUSION_NOT_LINKED", lies[1]),
            ("INCLUSION_WORK", lies[2]),
            ("INCLUSION_WORK", lies[3]),
            ("INCLUSION_PATH", lies[4]),
            ("INCLUSION_PATH", lies[5]),
        ] {
            let mut attempt = shown(&world, &world.plan());
            let proof = attempt.manifest.inclusions.values_mut().next();
            lie(proof.expect("one is there"));
            assert_eq!(world.refusals(&attempt), [code]);
        }
        // One for another output's transaction.
        let plan = world.plan();
        let mut attempt = world.build(&plan);
        carry(&world, &mut attempt, &plan.coins[0]);
        let other = plan.coins[1].previous.compute_txid();
        let txid = plan.coins[0].previous.compute_txid();
        attempt
            .manifest
            .inclusions
            .insert(txid, proof(other, 6, 11));
        assert_eq!(world.refusals(&attempt), ["INCLUSION_PATH"]);
    }
}

fn on(previous: BlockHash, bits: u32) -> Header {
    mined(previous, TxMerkleNode::all_zeros(), bits)
}
