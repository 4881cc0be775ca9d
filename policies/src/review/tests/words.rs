//! The words that a person reads.

use super::super::world::{World, withdrawal};
use crate::descriptor::ScriptKind;
use crate::journal::History;
use crate::words::{refusal_text, review_text};

fn fits(text: &str) -> bool {
    text.lines().all(|line| line.chars().count() <= 80)
}

#[test]
fn a_review_shows_amounts_addresses_people_rules_change_and_fee() {
    let world = World::new(ScriptKind::Wsh);
    let review = world.reviewed(&world.attempt());
    let text = review_text(&review, &world.policy);
    for part in [
        "treasury",
        &review.txid.to_string(),
        "0.04 000 000 BTC (4,000,000 sat)",
        "0.20 000 000 BTC (20,000,000 sat)",
        "asked for by exchange as w-1",
        "rule \"small customer payouts\": automatic",
        "rule \"the rest\": approved by dana, erin",
        "0.35 990 000 BTC (35,990,000 sat) (change 8, proven)",
        "0.00 010 000 BTC (10,000 sat)",
        "at most 200 sat/vB",
        "2 coins",
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    for payment in &review.payments {
        let address = payment.address.as_ref().expect("an address").to_string();
        let shown: String = text.split_whitespace().collect();
        assert!(shown.contains(&address), "{address} is not in\n{text}");
        let mut grouped = address.as_bytes().chunks(4);
        let first = grouped.next().expect("four letters");
        let first = String::from_utf8(first.to_vec()).expect("letters");
        assert!(text.contains(&format!("to {first} ")), "{text}");
    }
    assert!(fits(&text), "{text}");
}

#[test]
fn a_repeated_payment_is_shown_as_such() {
    let world = World::new(ScriptKind::Tr);
    let mut plan = world.plan();
    plan.asked[1].intent.repeats = Some(withdrawal("w-0"));
    plan.asked[1].intent.reference = "x".repeat(200);
    plan.asked[1].intent.id = withdrawal(&"w".repeat(64));
    let review = world.reviewed(&world.build(&plan));
    let text = review_text(&review, &world.policy);
    assert!(text.contains("REPEATS w-0: both may be paid"), "{text}");
    assert!(fits(&text), "{text}");
}

#[test]
fn every_refusal_is_shown_with_code_facts_and_hint() {
    let world = World::new(ScriptKind::Wsh);
    let mut attempt = world.attempt();
    attempt.output(0).script_pubkey = super::super::world::stranger(66);
    attempt.manifest.approvals.clear();
    let later = world.policy.valid_until;
    let refusals = world
        .review_at(&attempt, &History::none(), later)
        .expect_err("lies");
    assert!(refusals.len() > 3);
    let text = refusal_text(&refusals);
    for refusal in &refusals {
        assert!(text.contains(refusal.code()), "{text}");
        assert!(!refusal.hint().is_empty());
    }
    assert!(text.contains("output 0"), "{text}");
    assert!(fits(&text), "{text}");
}
