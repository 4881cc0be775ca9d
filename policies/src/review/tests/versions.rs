//! Review over a line of versions: coins of former keysets only come home to the newest descriptor, and a version
//! that lies behind grants nothing.

use bitcoin::Amount;

use super::super::world::{Attempt, CHANGE_INDEX, Coin, NOW, World};
use crate::descriptor::ScriptKind;
use crate::ids::Keychain;
use crate::journal::{History, SpendMode};
use crate::psbt::AttemptPurpose;
use crate::succession::line;
use crate::succession::samples::{first, next, with_new_machine};

/// A vault with one keyset before its newest one.
struct Changed {
    old: World,
    new: World,
}

impl Changed {
    fn of(kind: ScriptKind) -> Self {
        let one = first(kind);
        let two = with_new_machine(&one, "zelda");
        let policy = line(vec![one.clone(), two]).expect("a line");
        Self {
            old: World { policy: one },
            new: World { policy },
        }
    }

    fn both() -> [Self; 2] {
        [Self::of(ScriptKind::Wsh), Self::of(ScriptKind::Tr)]
    }

    fn old_coins(&self) -> Vec<Coin> {
        vec![
            self.old.coin(Keychain::External, 3, 60_000_000),
            self.old.coin(Keychain::Internal, 7, 30_000_000),
        ]
    }

    /// Coins of the former keyset to the newest descriptor.
    fn drain(&self) -> Attempt {
        let coins = self.old_coins();
        let mut attempt = self.new.self_spend_of(coins.clone(), 10_000);
        attempt.manifest.purpose = AttemptPurpose::Drain;
        for (input, coin) in attempt.psbt.inputs.iter_mut().zip(&coins) {
            self.old.fill(input, coin);
        }
        attempt
    }
}

#[test]
fn coins_of_a_former_keyset_are_drained_to_the_newest_descriptor() {
    for vault in Changed::both() {
        for purpose in [
            AttemptPurpose::Drain,
            AttemptPurpose::Cancel,
            AttemptPurpose::Consolidate,
        ] {
            let mut drain = vault.drain();
            drain.manifest.purpose = purpose;
            let keys = vault.old.policy.descriptor.key_positions();
            for position in keys {
                let origin = (position.fingerprint, position.path.clone());
                drain.psbt.xpub.insert(position.xpub, origin);
            }
            let review = vault.new.reviewed(&drain);
            assert_eq!(review.former, Some(vault.old.policy.keyset));
            assert_eq!(review.mode, SpendMode::SelfSpend);
            assert_eq!(review.changes.len(), 1);
            let text = crate::words::review_text(&review, &vault.new.policy);
            assert!(text.contains("of the former keyset"), "{text}");
            // Who pinned neither version of the line knows nothing of it.
            let refused = vault.old.refusals(&drain);
            assert!(refused.contains(&"WRONG_POLICY"), "{refused:?}");
        }
        assert_eq!(vault.new.reviewed(&vault.new.attempt()).former, None);
    }
}

#[test]
fn a_drain_that_goes_back_to_the_former_descriptor_is_refused() {
    for vault in Changed::both() {
        let mut drain = vault.drain();
        let old = &vault.old.policy.descriptor;
        drain.output(0).script_pubkey = old.script_pubkey(Keychain::Internal, CHANGE_INDEX);
        drain.psbt.outputs[0] = bitcoin::psbt::Output::default();
        old.at(Keychain::Internal, CHANGE_INDEX)
            .update_output(&mut drain.psbt.outputs[0]);
        assert_eq!(vault.new.refusals(&drain), ["CHANGE_NOT_OURS"]);
        drain
            .manifest
            .changes
            .insert(0, (vault.old.policy.id, CHANGE_INDEX));
        assert_eq!(
            vault.new.refusals(&drain),
            ["CHANGE_VERSION", "CHANGE_NOT_OURS"]
        );
    }
}

#[test]
fn coins_of_a_former_keyset_pay_nobody() {
    for vault in Changed::both() {
        let mut plan = vault.new.plan();
        plan.coins = vault.old_coins();
        let mut attempt = vault.new.build(&plan);
        for (input, coin) in attempt.psbt.inputs.iter_mut().zip(&plan.coins) {
            vault.old.fill(input, coin);
        }
        assert_eq!(vault.new.refusals(&attempt), ["FORMER_KEYSET_PAYS"]);
    }
}

#[test]
fn coins_of_two_keysets_never_stand_in_one_transaction() {
    for vault in Changed::both() {
        let mut coins = vault.old_coins();
        coins.push(vault.new.coin(Keychain::External, 4, 50_000_000));
        let mut attempt = vault.new.self_spend_of(coins.clone(), 10_000);
        for (input, coin) in attempt.psbt.inputs.iter_mut().zip(&coins).take(2) {
            vault.old.fill(input, coin);
        }
        assert_eq!(vault.new.refusals(&attempt), ["KEYSETS_MIXED"]);
        attempt.psbt.unsigned_tx.input.rotate_right(1);
        attempt.psbt.inputs.rotate_right(1);
        assert_eq!(
            vault.new.refusals(&attempt),
            ["KEYSETS_MIXED", "KEYSETS_MIXED"]
        );
    }
}

#[test]
fn intents_of_a_former_keyset_are_not_paid() {
    for vault in Changed::both() {
        let mut plan = vault.new.plan();
        for asked in &mut plan.asked {
            asked.intent.keyset = vault.old.policy.keyset;
        }
        let attempt = vault.new.build(&plan);
        assert_eq!(vault.new.refusals(&attempt), ["OTHER_KEYSET"; 3]);
    }
}

#[test]
fn payments_to_scripts_of_former_descriptors_pay_our_own_script() {
    for vault in Changed::both() {
        let mut plan = vault.new.plan();
        let own = vault
            .old
            .policy
            .descriptor
            .script_pubkey(Keychain::External, 900);
        plan.asked[0].intent.script_pubkey = own;
        let attempt = vault.new.build(&plan);
        assert_eq!(vault.new.refusals(&attempt), ["PAYS_OWN_SCRIPT"]);
        // Nor is it the newest keyset's, to which transfers go.
        plan.asked[0].intent.kind = crate::IntentKind::Transfer;
        let attempt = vault.new.build(&plan);
        let refused = vault.new.refusals(&attempt);
        assert!(refused.contains(&"TRANSFER_TO_STRANGER"), "{refused:?}");
    }
}

#[test]
fn a_recovery_of_a_former_keyset_goes_to_the_newest_descriptor() {
    for vault in Changed::both() {
        let coins = vault.old_coins();
        let mut recovery = vault.new.recovery(10_000);
        for ((input, txin), coin) in (recovery.psbt.inputs.iter_mut())
            .zip(&mut recovery.psbt.unsigned_tx.input)
            .zip(&coins)
        {
            vault.old.fill(input, coin);
            txin.previous_output = coin.spend().previous_output;
        }
        let review = vault.new.reviewed(&recovery);
        assert_eq!(review.former, Some(vault.old.policy.keyset));
        assert_eq!(review.older, Some(12_960));
        recovery.output(0).script_pubkey = vault
            .old
            .policy
            .descriptor
            .script_pubkey(Keychain::Internal, CHANGE_INDEX);
        let refused = vault.new.refusals(&recovery);
        assert!(refused.contains(&"CHANGE_NOT_OURS"), "{refused:?}");
    }
}

#[test]
fn a_drain_needs_maintenance_beyond_the_budget() {
    let vault = Changed::of(ScriptKind::Wsh);
    let coins = vault.old_coins();
    let mut drain = vault.new.self_spend_of(coins.clone(), 300_000);
    drain.manifest.purpose = AttemptPurpose::Drain;
    for (input, coin) in drain.psbt.inputs.iter_mut().zip(&coins) {
        vault.old.fill(input, coin);
    }
    let refused = vault.new.refusals(&drain);
    assert!(refused.contains(&"SELF_SPEND_BUDGET"), "{refused:?}");
}

#[test]
fn a_transfer_made_for_an_earlier_version_is_judged_by_the_newest_rules() {
    for kind in [ScriptKind::Wsh, ScriptKind::Tr] {
        let old = World::new(kind);
        let stricter = next(&old.policy, |draft| {
            draft.rules[0].amount_max_sat = Some(1_000_000);
        });
        let policy = line(vec![old.policy.clone(), stricter]).expect("a line");
        let new = World { policy };
        // The coordinator replays the manifest of the version before: what it grants is what the newest grants.
        let attempt = old.attempt();
        assert_eq!(new.refusals(&attempt), ["TOO_FEW_APPROVALS"]);
        let mut plan = old.plan();
        plan.asked.remove(0);
        plan.change = Some((CHANGE_INDEX, Amount::from_sat(39_990_000)));
        let review = new.reviewed(&old.build(&plan));
        assert_eq!(review.manifest.policy, old.policy.id);
        // A signer who has not followed yet does not sign for what it does not know.
        let refused = old.refusals(&new.build(&plan));
        assert!(refused.contains(&"WRONG_POLICY"), "{refused:?}");
        let history = History::none();
        assert!(new.review_at(&old.build(&plan), &history, NOW).is_ok());
    }
}

/// Plants each bug of this part of review, and sees the test fail that is there for it.
#[cfg(feature = "planted")]
#[test]
fn a_bug_planted_in_the_review_of_a_line_fails_its_test() {
    use crate::planted::Bug;
    let notices: [(Bug, fn()); 4] = [
        (Bug::FormerPays, coins_of_a_former_keyset_pay_nobody),
        (
            Bug::KeysetsMixed,
            coins_of_two_keysets_never_stand_in_one_transaction,
        ),
        (
            Bug::FormerChange,
            a_drain_that_goes_back_to_the_former_descriptor_is_refused,
        ),
        (
            Bug::FormerOwnScript,
            payments_to_scripts_of_former_descriptors_pay_our_own_script,
        ),
    ];
    for (bug, test) in notices {
        assert!(crate::succession::samples::fails_with(bug, test), "{bug:?}");
    }
}
