//! Self-spends, recoveries, sweeps: what each may do, and what none of them may.

use bitcoin::{Address, Amount, Network, Sequence};

use super::super::world::{CHANGE_INDEX, NOW, World, stranger};
use crate::descriptor::{ScriptKind, samples};
use crate::document::PolicyDraft;
use crate::hash::Purpose;
use crate::intent::Approval;
use crate::journal::{History, SpendMode};
use crate::psbt::AttemptPurpose;
use crate::words::review_text;

const BOTH: [ScriptKind; 2] = [ScriptKind::Wsh, ScriptKind::Tr];

/// A treasury that may pay any feerate.
fn dear(kind: ScriptKind) -> World {
    World::with(kind, |draft| {
        "100000".clone_into(&mut draft.limits.feerate_max_sat_vb);
    })
}

/// A treasury whose recovery pays one address.
fn recovering_to_an_address(kind: ScriptKind) -> World {
    let script = stranger(90);
    let address = Address::from_script(&script, Network::Regtest).expect("an address");
    World::with(kind, |draft| draft.recovery.to = address.to_string())
}

#[test]
fn each_purpose_fits_what_the_transaction_pays() {
    for world in World::both() {
        let mut paying = world.attempt();
        let mut own = world.self_spend(1_000);
        for purpose in AttemptPurpose::ALL {
            paying.manifest.purpose = purpose;
            own.manifest.purpose = purpose;
            let (pays, pays_nobody) = (world.refusals(&paying), world.refusals(&own));
            match purpose {
                AttemptPurpose::Pay | AttemptPurpose::Bump => {
                    assert!(pays.is_empty(), "{pays:?}");
                    assert!(pays_nobody.contains(&"PAYS_NOTHING"), "{pays_nobody:?}");
                }
                AttemptPurpose::Consolidate
                | AttemptPurpose::Refresh
                | AttemptPurpose::Cancel
                | AttemptPurpose::Drain => {
                    assert_eq!(pays, ["PURPOSE_MISMATCH"]);
                    assert!(pays_nobody.is_empty(), "{pays_nobody:?}");
                }
                AttemptPurpose::Recover => {
                    assert!(pays.contains(&"PURPOSE_MISMATCH"), "{pays:?}");
                    assert_eq!(pays_nobody, ["RECOVERY_SEQUENCE"]);
                }
            }
        }
    }
}

#[test]
fn a_self_spend_pays_nobody_but_the_vault() {
    for world in World::both() {
        let review = world.reviewed(&world.self_spend(1_000));
        assert_eq!(review.mode, SpendMode::SelfSpend);
        assert_eq!(review.signed_transaction(NOW).mode, SpendMode::SelfSpend);
        let text = review_text(&review, &world.policy);
        assert!(text.contains("SELF-SPEND"), "{text}");
        let mut attempt = world.self_spend(1_000);
        attempt.output(0).script_pubkey = stranger(9);
        assert_eq!(world.refusals(&attempt), ["CHANGE_NOT_OURS"]);
        let mut attempt = world.self_spend(1_000);
        attempt.manifest.changes.clear();
        let codes = world.refusals(&attempt);
        assert!(codes.contains(&"OUTPUT_MISMATCH"), "{codes:?}");
    }
}

#[test]
fn self_spends_beyond_their_budget_need_maintenance() {
    // 200,000 sat of fees, four of them, in a day.
    for world in BOTH.map(dear) {
        assert!(world.refusals(&world.self_spend(200_000)).is_empty());
        let mut attempt = world.self_spend(200_001);
        assert_eq!(world.refusals(&attempt), ["SELF_SPEND_BUDGET"]);
        world.maintain(&mut attempt, "frank");
        assert_eq!(
            world.refusals(&attempt),
            ["SELF_SPEND_BUDGET"],
            "not of ops"
        );
        world.maintain(&mut attempt, "erin");
        let review = world.reviewed(&attempt);
        assert_eq!(review.maintained_by, ["erin"]);
        let text = review_text(&review, &world.policy);
        assert!(text.contains("Maintenance  approved by erin"), "{text}");
    }
}

#[test]
fn self_spends_are_counted_in_a_window_and_one_is_not_counted_twice() {
    let world = World::new(ScriptKind::Wsh);
    let mut history = History::none();
    let spend = |coin: u32| {
        let coins = vec![world.coin(crate::ids::Keychain::External, coin, 50_000_000)];
        world.self_spend_of(coins, 1_000)
    };
    for coin in 0..4 {
        let review = world
            .review_at(&spend(coin), &history, NOW)
            .expect("within");
        history.record(review.signed_transaction(NOW));
    }
    assert!(world.refusals_at(&spend(3), &history, NOW).is_empty());
    assert_eq!(
        world.refusals_at(&spend(4), &history, NOW),
        ["SELF_SPEND_BUDGET"]
    );
    let day = NOW.saturating_add(86_400);
    assert!(world.refusals_at(&spend(4), &history, day).is_empty());
}

#[test]
fn without_a_budget_every_self_spend_needs_maintenance_and_without_that_there_is_none() {
    let world = World::with(ScriptKind::Wsh, |draft| {
        draft.limits.self_spend_budget = None;
    });
    let mut attempt = world.self_spend(1_000);
    assert_eq!(world.refusals(&attempt), ["SELF_SPEND_BUDGET"]);
    world.maintain(&mut attempt, "dana");
    assert!(world.refusals(&attempt).is_empty());
    let world = World::with(ScriptKind::Wsh, |draft| {
        draft.limits.self_spend_budget = None;
        draft.maintenance = None;
    });
    let mut attempt = world.self_spend(1_000);
    world.maintain(&mut attempt, "dana");
    assert_eq!(world.refusals(&attempt), ["SELF_SPEND_BUDGET"]);
}

#[test]
fn maintenance_is_approved_for_one_transaction_and_by_its_purpose() {
    let world = dear(ScriptKind::Wsh);
    let mut other = world.self_spend(200_002);
    world.maintain(&mut other, "dana");
    let mut attempt = world.self_spend(200_001);
    attempt.manifest.approvals = other.manifest.approvals;
    assert_eq!(
        world.refusals(&attempt),
        ["APPROVAL_UNUSED", "SELF_SPEND_BUDGET"]
    );
    // To approve a root that happens to be the transaction's subject is not to maintain.
    let txid = attempt.psbt.unsigned_tx.compute_txid();
    let subject = crate::ids::Subject::from_bytes(crate::hash::transaction_subject(txid));
    let end = NOW.saturating_add(60);
    let key = super::super::world::secret("dana");
    let approval = Approval::sign(&key, Purpose::Approve, world.policy.vault, subject, end);
    attempt.manifest.approvals.clear();
    attempt.manifest.add_approval(approval);
    assert_eq!(
        world.refusals(&attempt),
        ["APPROVAL_PURPOSE", "SELF_SPEND_BUDGET"]
    );
}

#[test]
fn past_its_end_a_policy_still_signs_self_spends_and_recoveries() {
    for world in World::both() {
        let until = world.policy.valid_until;
        for attempt in [world.self_spend(1_000), world.recovery(1_000)] {
            assert!(
                world
                    .refusals_at(&attempt, &History::none(), until)
                    .is_empty()
            );
        }
    }
}

#[test]
fn a_recovery_takes_the_path_of_its_timelock_and_says_so() {
    for world in World::both() {
        let attempt = world.recovery(1_000);
        let review = world.reviewed(&attempt);
        assert_eq!(review.mode, SpendMode::Recovery);
        assert_eq!(review.older, Some(12_960));
        let text = review_text(&review, &world.policy);
        assert!(text.starts_with("RECOVERY"), "{text}");
        assert!(
            text.lines().all(|line| line.chars().count() <= 80),
            "{text}"
        );
        // It really can be signed so, by the recovery key alone.
        let signed = World::signed(&attempt, &["vault-key"]);
        assert!(signed.weight() <= review.weight);
    }
    // It does not count as a self-spend, so that nothing keeps coins from being recovered.
    for world in BOTH.map(dear) {
        assert!(world.refusals(&world.recovery(400_000)).is_empty());
    }
}

#[test]
fn no_other_sequence_recovers_and_no_recovery_hides_in_a_payment() {
    for world in World::both() {
        for sequence in [
            0,
            12_959,
            12_961,
            0x0040_32a0,
            0x0001_32a0,
            0x8000_32a0,
            0xffff_ffff,
        ] {
            let mut attempt = world.recovery(1_000);
            for txin in &mut attempt.psbt.unsigned_tx.input {
                txin.sequence = Sequence(sequence);
            }
            assert_eq!(world.refusals(&attempt), ["RECOVERY_SEQUENCE"]);
        }
        let mut mixed = world.recovery(1_000);
        mixed.psbt.unsigned_tx.input[1].sequence = Sequence(0xffff_fffd);
        assert_eq!(world.refusals(&mixed), ["SEQUENCE"]);
        let mut paying = world.attempt();
        for txin in &mut paying.psbt.unsigned_tx.input {
            txin.sequence = Sequence::from_height(12_960);
        }
        assert_eq!(world.refusals(&paying), ["SEQUENCE"; 2]);
        let mut own = world.self_spend(1_000);
        own.psbt.unsigned_tx.input[0].sequence = Sequence::from_height(12_960);
        assert_eq!(world.refusals(&own), ["SEQUENCE"]);
    }
}

#[test]
fn a_recovery_pays_the_pinned_destination_or_the_vault_and_nobody_else() {
    for kind in BOTH {
        let world = recovering_to_an_address(kind);
        let mut attempt = world.recovery(1_000);
        attempt.output(0).script_pubkey = stranger(90);
        attempt.manifest.changes.clear();
        attempt.psbt.outputs[0] = bitcoin::psbt::Output::default();
        let review = world.reviewed(&attempt);
        assert_eq!(review.recovered.len(), 1);
        assert!(review_text(&review, &world.policy).contains("Recovers"));
        attempt.output(0).script_pubkey = stranger(91);
        assert_eq!(world.refusals(&attempt), ["RECOVERY_DESTINATION"]);
        // Where the policy names no address, none is paid.
        let newest = World::new(kind);
        let mut attempt = newest.recovery(1_000);
        attempt.output(0).script_pubkey = stranger(90);
        attempt.manifest.changes.clear();
        attempt.psbt.outputs[0] = bitcoin::psbt::Output::default();
        assert_eq!(newest.refusals(&attempt), ["RECOVERY_DESTINATION"]);
        // And the address is no change of a payment or of a self-spend.
        let mut own = world.self_spend(1_000);
        own.output(0).script_pubkey = stranger(90);
        own.manifest.changes.clear();
        own.psbt.outputs[0] = bitcoin::psbt::Output::default();
        assert_eq!(world.refusals(&own), ["OUTPUT_MISMATCH"]);
    }
}

#[test]
fn a_vault_without_a_timelock_recovers_nothing() {
    let plain = |draft: &mut PolicyDraft| {
        let keys = ["alice", "bob", "machine"].map(samples::ranged).join(",");
        draft.spending.descriptor = samples::with_checksum(&format!("wsh(multi(2,{keys}))"));
        draft.spending.policy = None;
        draft.signers.truncate(3);
    };
    let world = World::with(ScriptKind::Wsh, plain);
    assert_eq!(world.refusals(&world.recovery(1_000)), ["NO_RECOVERY_PATH"]);
}

#[test]
fn a_recovery_keeps_to_the_fee_caps() {
    for world in World::both() {
        let codes = world.refusals(&world.recovery(500_001));
        assert!(codes.contains(&"FEE_ABOVE_CAP"), "{codes:?}");
    }
}

#[test]
fn a_sweep_pays_between_its_bounds_from_the_amount() {
    for world in World::both() {
        let review = world.reviewed(&world.sweep(49_990_000));
        let text = review_text(&review, &world.policy);
        assert!(text.contains("SWEEP"), "{text}");
        assert!(text.contains("no change"), "{text}");
        for (paid, codes) in [
            (49_985_000, &[][..]),
            (49_984_999, &["SWEEP_AMOUNT"]),
            (50_000_000, &[]),
            (50_000_001, &["OUTPUTS_EXCEED_INPUTS", "SWEEP_AMOUNT"]),
        ] {
            assert_eq!(world.refusals(&world.sweep(paid)), codes);
        }
    }
}

#[test]
fn a_sweep_with_a_tiny_minimum_is_not_burned_as_a_fee() {
    for kind in BOTH {
        let world = World::with(kind, |draft| {
            draft.limits.fee_max_sat = 10_000_000;
            draft.limits.fee_budget = None;
            draft.limits.feerate_max_sat_vb = "1000000".to_owned();
        });
        let mut plan = world.plan();
        let mut asked = plan.asked.swap_remove(1);
        asked.intent.kind = crate::IntentKind::Sweep;
        asked.intent.amount = Amount::from_sat(50_000_000);
        asked.intent.min = Amount::ONE_SAT;
        plan.asked = vec![asked];
        plan.coins.truncate(1);
        plan.coins = vec![world.coin(crate::ids::Keychain::External, 50, 50_000_000)];
        plan.change = None;
        let mut attempt = world.build(&plan);
        attempt.output(0).value = Amount::from_sat(49_019_608);
        assert!(world.refusals(&attempt).is_empty(), "two percent");
        attempt.output(0).value = Amount::from_sat(49_019_607);
        assert_eq!(world.refusals(&attempt), ["FEE_SHARE_ABOVE_CAP"]);
    }
}

#[test]
fn a_sweep_stands_alone() {
    for world in World::both() {
        let mut plan = world.plan();
        let asked = &mut plan.asked[1];
        asked.intent.kind = crate::IntentKind::Sweep;
        assert_eq!(world.refusals(&world.build(&plan)), ["SWEEP_NOT_ALONE"]);
        let mut alone = world.plan();
        alone.asked = vec![plan.asked[1].clone()];
        alone.coins.truncate(1);
        alone.change = Some((CHANGE_INDEX, Amount::from_sat(39_990_000)));
        assert_eq!(world.refusals(&world.build(&alone)), ["SWEEP_NOT_ALONE"]);
    }
}
