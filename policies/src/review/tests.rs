//! Every rule of review, each broken alone, in both kinds of vault.

mod approvals;
mod authority;
mod budgets;
mod change_paths;
mod earlier;
mod every_refusal;
mod fees;
mod history;
mod inclusion;
mod lists;
mod modes;
mod networks;
mod signer_checks;
mod single_key;
mod stops;
mod structure;
mod versions;
mod windows;
mod words;

use super::world::{Attempt, NOW, Plan, World};
use crate::ids::IntentHash;

/// Proves that one lie in the honest attempt is refused by exactly these codes, in wsh and tr.
fn refused(codes: &[&str], lie: impl Fn(&mut Attempt, &World)) {
    for world in World::both() {
        let mut attempt = world.attempt();
        lie(&mut attempt, &world);
        let kind = world.policy.descriptor.kind();
        assert_eq!(world.refusals(&attempt), codes, "{kind}");
    }
}

/// Proves that an attempt honestly built from an altered plan is refused by exactly these codes.
fn plan_refused(codes: &[&str], alter: impl Fn(&mut Plan, &World)) {
    for world in World::both() {
        let mut plan = world.plan();
        alter(&mut plan, &world);
        assert_eq!(world.refusals(&world.build(&plan)), codes);
    }
}

/// The hash of the intent that an output pays.
fn paid(attempt: &Attempt, output: u32) -> IntentHash {
    attempt.manifest.payments[&output]
}

#[test]
fn the_honest_attempt_may_be_signed_in_wsh_and_tr() {
    for world in World::both() {
        let attempt = world.attempt();
        let review = world.reviewed(&attempt);
        assert_eq!(review.transaction, attempt.psbt.unsigned_tx);
        assert_eq!(review.fee.to_sat(), 10_000);
        let rules: Vec<_> = review
            .payments
            .iter()
            .map(|payment| (payment.rule.as_str(), payment.approved_by.join(" ")))
            .collect();
        assert_eq!(
            rules,
            [
                ("small customer payouts", String::new()),
                ("the rest", "dana erin".to_owned()),
                ("counterparties", "erin".to_owned()),
            ]
        );
        let signed = review.signed_transaction(NOW);
        assert_eq!(signed.change_indexes, [super::world::CHANGE_INDEX]);
        assert_eq!(signed.intents.len(), 3);
    }
}
