//! Earlier attempts: the same again grants nothing new, if it really was fully signed.

use bitcoin::{Amount, OutPoint, Witness};

use super::super::world::{Attempt, CHANGE_INDEX, NOW, Plan, World, stranger};
use crate::descriptor::ScriptKind;
use crate::ids::Keychain;
use crate::journal::History;
use crate::psbt::AttemptPurpose;
use crate::time::UnixTime;
use crate::words::review_text;

/// A day after everything in the honest plan expired.
fn late(world: &World) -> UnixTime {
    world.policy.valid_until.saturating_add(86_400)
}

/// The second of two attempts that pay the same, with the first one shown; nobody approves again.
fn bump(world: &World, alter: impl FnOnce(&mut Plan)) -> Attempt {
    let first = world.attempt();
    let mut plan = world.plan();
    plan.change = Some((CHANGE_INDEX, Amount::from_sat(35_980_000)));
    for asked in &mut plan.asked {
        asked.approved_by.clear();
    }
    alter(&mut plan);
    let mut attempt = world.build(&plan);
    attempt.manifest.purpose = AttemptPurpose::Bump;
    show(&mut attempt, &World::signed(&first, &["alice", "machine"]));
    attempt
}

fn show(attempt: &mut Attempt, earlier: &bitcoin::Transaction) {
    attempt
        .manifest
        .earlier
        .insert(earlier.compute_txid(), earlier.clone());
}

fn codes(world: &World, attempt: &Attempt) -> Vec<&'static str> {
    world.refusals_at(attempt, &History::none(), late(world))
}

#[test]
fn paying_the_same_again_after_everything_expired_grants_nothing_new() {
    for world in World::both() {
        let attempt = bump(&world, |_| {});
        let review = world
            .review_at(&attempt, &History::none(), late(&world))
            .expect("nothing new");
        assert!(review.granted_by.is_some());
        assert!(
            review
                .payments
                .iter()
                .all(|payment| payment.rule.is_empty())
        );
        let rules = review.signed_transaction(NOW).rules;
        assert_eq!(rules, vec![String::new(); 3]);
        let text = review_text(&review, &world.policy);
        assert!(text.contains("nothing new"), "{text}");
        assert!(
            text.lines().all(|line| line.chars().count() <= 80),
            "{text}"
        );
        // A part of it, too.
        let part = bump(&world, |plan| {
            plan.asked.remove(1);
            plan.change = Some((CHANGE_INDEX, Amount::from_sat(55_980_000)));
        });
        assert!(codes(&world, &part).is_empty());
    }
}

#[test]
fn without_the_earlier_attempt_everything_is_asked_again() {
    for world in World::both() {
        let mut attempt = bump(&world, |_| {});
        attempt.manifest.earlier.clear();
        let codes = codes(&world, &attempt);
        for code in ["POLICY_EXPIRED", "INTENT_EXPIRED", "TOO_FEW_APPROVALS"] {
            assert!(codes.contains(&code), "{codes:?}");
        }
    }
}

#[test]
fn one_more_payment_than_before_is_something_new() {
    for world in World::both() {
        let attempt = bump(&world, |plan| {
            let mut more = plan.asked[0].clone();
            more.intent.id = "w-9".parse().expect("an id");
            more.intent.script_pubkey = stranger(99);
            plan.asked.push(more);
            plan.change = Some((CHANGE_INDEX, Amount::from_sat(31_980_000)));
        });
        assert!(codes(&world, &attempt).contains(&"INTENT_EXPIRED"));
    }
}

#[test]
fn requester_signatures_birth_lines_and_fees_are_always_examined() {
    for world in World::both() {
        let stolen = bump(&world, |plan| plan.asked[0].by = "mallory");
        assert_eq!(
            codes(&world, &stolen),
            ["REQUEST_FOREIGN", "REQUEST_UNSIGNED"]
        );
        let attempt = bump(&world, |_| {});
        let reborn = History::begin(NOW);
        assert_eq!(
            world.refusals_at(&attempt, &reborn, late(&world)),
            ["INTENT_BEFORE_BIRTH"; 3]
        );
        let dear = bump(&world, |plan| {
            plan.change = Some((CHANGE_INDEX, Amount::from_sat(35_000_000)));
        });
        assert!(codes(&world, &dear).contains(&"FEE_ABOVE_CAP"));
    }
}

#[test]
fn an_attempt_that_lacks_a_signature_is_not_believed() {
    for world in World::both() {
        let first = world.attempt();
        let signed = World::signed(&first, &["alice", "bob"]);
        let mut unsigned = signed.clone();
        unsigned.input[1].witness = Witness::new();
        // The signature is for another amount to the last output.
        let mut moved = signed.clone();
        moved.output[3].value -= Amount::ONE_SAT;
        for lie in [unsigned, moved] {
            let mut attempt = bump(&world, |_| {});
            attempt.manifest.earlier.clear();
            show(&mut attempt, &lie);
            assert!(codes(&world, &attempt).contains(&"EARLIER_NOT_SIGNED"));
        }
    }
}

#[test]
fn a_recovery_is_no_earlier_attempt_of_an_ordinary_path() {
    for world in World::both() {
        let mut first = world.attempt();
        for txin in &mut first.psbt.unsigned_tx.input {
            txin.sequence = bitcoin::Sequence::from_height(12_960);
        }
        // Not by the path itself, nor by those who sign for it with the keys of another path.
        for by in [&["vault-key"][..], &["alice", "machine"]] {
            let mut attempt = bump(&world, |_| {});
            attempt.manifest.earlier.clear();
            show(&mut attempt, &World::signed(&first, by));
            let codes = codes(&world, &attempt);
            assert!(codes.contains(&"EARLIER_NOT_SIGNED"), "{by:?}: {codes:?}");
        }
    }
}

#[test]
fn an_earlier_attempt_beside_no_payment_is_refused_and_not_looked_at() {
    for world in World::both() {
        let earlier = World::signed(&world.attempt(), &["alice", "machine"]);
        for mut attempt in [world.self_spend(1_000), world.recovery(1_000)] {
            show(&mut attempt, &earlier);
            assert_eq!(world.refusals(&attempt), ["EARLIER_WITHOUT_PAYMENT"]);
        }
    }
}

#[test]
fn an_outsiders_transaction_is_not_passed_off_as_an_earlier_attempt() {
    for world in World::both() {
        // It pays the same, and spends one coin of ours unsigned, or one of its own besides.
        let mut outsider = World::signed(&world.attempt(), &["alice", "bob"]);
        let own = OutPoint::new(world.plan().coins[0].previous.compute_txid(), 0);
        outsider.input[1].previous_output = own;
        let mut attempt = bump(&world, |_| {});
        attempt.manifest.earlier.clear();
        show(&mut attempt, &outsider);
        let codes = codes(&world, &attempt);
        assert!(codes.contains(&"EARLIER_NOT_REPLACED"), "{codes:?}");
    }
}

#[test]
fn an_earlier_attempt_that_could_be_mined_beside_is_refused() {
    for world in World::both() {
        let attempt = bump(&world, |plan| {
            plan.coins = vec![
                world.coin(Keychain::External, 30, 60_000_000),
                world.coin(Keychain::Internal, 31, 30_000_000),
            ];
        });
        assert!(codes(&world, &attempt).contains(&"EARLIER_NOT_REPLACED"));
    }
}

#[test]
fn an_earlier_attempt_grants_nothing_where_one_of_its_coins_is_not_spent_here() {
    for world in World::both() {
        // The second attempt spends the first coin alone: the other one may be gone, and the first attempt with it.
        let attempt = bump(&world, |plan| {
            plan.coins.truncate(1);
            plan.change = Some((CHANGE_INDEX, Amount::from_sat(5_980_000)));
        });
        let codes = codes(&world, &attempt);
        for code in ["EARLIER_NOT_REPLACED", "INTENT_EXPIRED"] {
            assert!(codes.contains(&code), "{codes:?}");
        }
        // One coin more than the first attempt spent is no harm.
        let more = bump(&world, |plan| {
            plan.coins
                .push(world.coin(Keychain::External, 30, 60_000_000));
            plan.change = Some((CHANGE_INDEX, Amount::from_sat(95_980_000)));
        });
        assert!(self::codes(&world, &more).is_empty());
    }
}

#[test]
fn no_more_earlier_attempts_are_looked_at_than_sixteen() {
    let world = World::new(ScriptKind::Wsh);
    let mut attempt = world.attempt();
    let mut earlier = World::signed(&attempt, &["alice", "bob"]);
    for sat in 0..17 {
        earlier.output[0].value = Amount::from_sat(sat);
        show(&mut attempt, &earlier);
    }
    assert_eq!(world.refusals(&attempt), ["TOO_MANY_EARLIER"]);
}

/// A sweep of one coin or two to a stranger.
fn sweep(world: &World, id: &str, coins: usize, sat: u64) -> Attempt {
    let mut plan = world.plan();
    plan.coins.truncate(coins);
    plan.asked.truncate(1);
    plan.asked[0].intent.id = id.parse().expect("an id");
    plan.asked[0].intent.kind = crate::intent::IntentKind::Sweep;
    plan.asked[0].intent.script_pubkey = stranger(77);
    plan.asked[0].intent.amount = Amount::from_sat(1_000_000_000);
    plan.asked[0].intent.min = Amount::ONE_SAT;
    plan.asked[0].approved_by = vec!["dana", "erin"];
    plan.change = None;
    let mut attempt = world.build(&plan);
    attempt.psbt.unsigned_tx.output[0].value = Amount::from_sat(sat);
    attempt
}

#[test]
fn a_sweep_that_pays_more_than_the_earlier_one_is_something_new() {
    for world in World::both() {
        let first = World::signed(&sweep(&world, "w-1", 1, 59_990_000), &["alice", "machine"]);
        for (coins, sat, granted) in [(1, 59_980_000, true), (2, 89_990_000, false)] {
            let mut again = sweep(&world, "w-2", coins, sat);
            again.manifest.approvals.clear();
            again.manifest.proofs.clear();
            show(&mut again, &first);
            let codes = codes(&world, &again);
            assert_eq!(!codes.contains(&"INTENT_EXPIRED"), granted, "{codes:?}");
        }
    }
}
