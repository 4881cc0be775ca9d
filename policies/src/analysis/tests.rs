//! What the analysis promises.

use std::collections::BTreeSet;

use bitcoin::{Amount, FeeRate};
use proptest::prelude::*;

use super::tolerance::double_payment_tolerance;
use super::windows::true_bound;
use super::*;
use crate::descriptor::{TXIN_BASE_WEIGHT, compile, samples};
use crate::document::samples::{draft, policy, quorum as approvals, rule};
use crate::document::{PinnedKeyDraft, PolicyDraft, Tool};
use crate::intent::RelyingParty;

mod exposures;

/// A passkey of somebody: the base point of P-256.
const PAGE_KEY: &str =
    "webauthn-es256:036b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296";

fn analysed(change: impl FnOnce(&mut PolicyDraft)) -> Analysis {
    let mut draft = draft(ScriptKind::Wsh);
    change(&mut draft);
    let policy = Policy::parse(draft.to_toml().as_bytes()).expect("accepted");
    Analysis::of(&policy)
}

fn codes(analysis: &Analysis) -> Vec<&'static str> {
    analysis.warnings.iter().map(Warning::code).collect()
}

#[test]
fn paths_carry_the_signers_names_weights_and_costs() {
    let policy = policy(ScriptKind::Wsh);
    let analysis = Analysis::of(&policy);
    assert_eq!(analysis.paths.len(), 4);
    assert_eq!(analysis.ordinary().count(), 3);
    let recovery: Vec<&SpendingPath> = analysis.recovery().collect();
    assert_eq!(recovery[0].name, "vault-key after 12960 blocks");
    assert_eq!(recovery[0].keys, ["vault-key"]);
    assert_eq!(analysis.double_payment_tolerance, 0);
    assert!(analysis.short_timelocks.is_empty());
    assert_eq!(
        analysis.quorum,
        Quorum {
            signers: 3,
            least: 2
        }
    );
    let path = &analysis.paths[0];
    let weight = TXIN_BASE_WEIGHT + path.satisfaction_weight;
    let one_sat_vb = FeeRate::from_sat_per_kwu(250);
    let cost = Amount::from_sat(weight.to_wu().div_ceil(4));
    assert_eq!(path.input_cost_at(one_sat_vb), Some(cost));
    assert_eq!(path.costs[0].amount, cost);
    assert_eq!(path.input_cost_at(FeeRate::MAX), None);
}

#[test]
fn the_analysis_is_plain_json() {
    let json = serde_json::to_value(Analysis::of(&policy(ScriptKind::Tr))).expect("serializes");
    assert_eq!(json["script_kind"], "tr");
    assert_eq!(json["double_payment_tolerance"], 0);
    assert!(json["paths"][0]["satisfaction_weight"].is_u64());
    assert_eq!(json["paths"][3]["older"], 12_960);
    assert_eq!(json["paths"][3]["ordinary"], false);
    assert_eq!(json["input_costs"][1]["feerate_sat_vb"], "10");
    assert!(json["input_costs"][1]["sat"].is_u64());
    assert_eq!(json["exposures"][0]["older"], serde_json::Value::Null);
    assert_eq!(json["exposures"][1]["newly"][0][0], "vault-key");
    assert_eq!(
        json["requester_thefts"][0]["moves"][0]["amount_max_sat"],
        5_000_000
    );
    assert_eq!(json["warnings"][0]["code"], "UNBOUNDED_REQUESTER");
}

#[test]
fn a_timelock_under_thirty_days_is_pointed_out() {
    let with_timelock = |blocks: u16| {
        let text = samples::POLICY.replace("12960", &blocks.to_string());
        analysed(|draft| {
            draft.spending.descriptor =
                compile(&text, ScriptKind::Wsh, &samples::all_named()).expect("compiles");
            draft.spending.policy = Some(text);
        })
    };
    let short = with_timelock(4_319);
    assert_eq!(short.short_timelocks, [4_319]);
    assert!(codes(&short).contains(&"SHORT_TIMELOCK"));
    assert!(!codes(&with_timelock(4_320)).contains(&"SHORT_TIMELOCK"));
}

#[test]
fn a_stolen_requester_key_moves_what_no_rule_asks_a_human_for() {
    let analysis = analysed(|draft| {
        let mut transfers = rule("moves between vaults", approvals(None, 0));
        transfers.kind = Some("transfer".to_owned());
        transfers.to = Some(vec!["counterparties".to_owned()]);
        draft.rules.insert(0, transfers);
        let mut payroll = draft.requesters[0].clone();
        payroll.name = "payroll".to_owned();
        payroll.keys = draft.approvers[2].keys.clone();
        draft.approvers.remove(2);
        draft.change = None;
        draft.requesters.push(payroll);
    });
    let thefts = &analysis.requester_thefts;
    assert_eq!(thefts[0].requester, "exchange");
    let moves = |theft: &RequesterTheft| -> Vec<String> {
        theft
            .moves
            .iter()
            .map(|automatic| automatic.rule.clone())
            .collect()
    };
    assert_eq!(
        moves(&thefts[0]),
        ["moves between vaults", "small customer payouts"]
    );
    assert_eq!(thefts[0].moves[1].amount_max_sat, Some(5_000_000));
    assert_eq!(thefts[0].moves[1].kind, Some("payment"));
    assert_eq!(
        thefts[0].moves[0].to,
        Some(vec!["counterparties".to_owned()])
    );
    assert_eq!(moves(&thefts[1]), ["moves between vaults"]);
}

#[test]
fn what_should_be_meant_is_warned_of() {
    let (a, b) = (samples::ranged("alice"), samples::ranged("bob"));
    let one_of_two = analysed(|draft| {
        draft.spending.descriptor = samples::with_checksum(&format!("wsh(sortedmulti(1,{a},{b}))"));
        draft.spending.policy = None;
        draft.spending.double_payment = Some("trust-coordinator".to_owned());
        draft.signers.truncate(2);
    });
    assert_eq!(one_of_two.double_payment_tolerance, -1);
    assert_eq!(
        codes(&one_of_two),
        [
            "TRUSTS_COORDINATOR",
            "ONE_HOLDER",
            "ONE_HOLDER",
            "UNBOUNDED_REQUESTER"
        ]
    );
    let one_person = analysed(|draft| draft.signers[1].person = "alice".to_owned());
    let words: Vec<String> = one_person
        .warnings
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(words[0], "alice alone can take every coin");
    assert_eq!(
        words[1],
        "if alice loses the keys, coins are frozen until they are 12960 blocks old"
    );
    let all = samples::NAMES.map(samples::ranged).join(",");
    let all_of_four = analysed(|draft| {
        draft.spending.descriptor = samples::with_checksum(&format!("wsh(multi(4,{all}))"));
        draft.spending.policy = None;
        draft.limits.transaction.max_inputs = 500;
        draft.limits.transaction.max_outputs = 1_000;
    });
    assert!(
        all_of_four.warnings[0]
            .to_string()
            .ends_with("frozen for ever")
    );
    assert_eq!(codes(&all_of_four).last(), Some(&"TRANSACTION_TOO_HEAVY"));
}

/// Every set of k among n keys.
fn sets(k: usize, n: usize) -> Vec<Vec<usize>> {
    (0..1_usize << n)
        .map(|bits| (0..n).filter(|i| bits >> i & 1 == 1).collect::<Vec<_>>())
        .filter(|members| members.len() == k)
        .collect()
}

fn tolerance(sets: &[Vec<usize>], holder_of: &impl Fn(usize) -> usize) -> i32 {
    let sets: Vec<&[usize]> = sets.iter().map(Vec::as_slice).collect();
    double_payment_tolerance(&sets, holder_of)
}

#[test]
fn two_keys_of_one_person_share_no_journal() {
    // Of two-of-four, alice + bob's first key and bob's second key + carol share bob, but no key:
    // each of bob's journals signs once, and the withdrawal is paid twice with nobody dishonest.
    let bob_twice = |key: usize| [0, 1, 1, 2][key];
    assert_eq!(tolerance(&[vec![0, 1], vec![2, 3]], &bob_twice), -1);
    // Of three-of-four every two sets share two keys; where both are bob's, he alone is enough.
    assert_eq!(tolerance(&sets(3, 4), &|key| key), 1);
    assert_eq!(tolerance(&sets(3, 4), &bob_twice), 0);
    assert_eq!(tolerance(&[], &|key| key), -1);
    assert_eq!(tolerance(&[vec![3]], &|key| key), 0);
}

proptest! {
    #[test]
    fn tolerance_of_k_of_n_is_2k_minus_n_minus_1((k, n) in (1..=7_usize).prop_flat_map(|n| (1..=n, Just(n)))) {
        let formula = 2 * i32::try_from(k).expect("small") - i32::try_from(n).expect("small") - 1;
        prop_assert_eq!(tolerance(&sets(k, n), &|key| key), formula.max(-1));
    }

    #[test]
    fn tolerance_is_what_trying_every_group_of_dishonest_holders_finds(
        family in prop::collection::vec(1..64_usize, 1..8),
        held in prop::collection::vec(0..4_usize, 6),
    ) {
        let sets: Vec<Vec<usize>> = family
            .iter()
            .map(|bits| (0..6).filter(|key| bits >> key & 1 == 1).collect())
            .collect();
        // The fewest holders whose dishonesty leaves two sets without an honest key in common.
        let fewest = (0..16_usize)
            .filter(|dishonest| {
                sets.iter().any(|a| sets.iter().any(|b| {
                    !a.iter().any(|key| b.contains(key) && dishonest >> held[*key] & 1 == 0)
                }))
            })
            .map(usize::count_ones)
            .min()
            .expect("all dishonest share nobody honest");
        let expected = i32::try_from(fewest).expect("small") - 1;
        prop_assert_eq!(tolerance(&sets, &|key| held[key]), expected);
    }

    #[test]
    fn a_window_bounds_what_the_greediest_choice_of_signers_can_spend(
        (n, k, dishonest) in (1..=6_usize)
            .prop_flat_map(|n| (Just(n), 1..=n))
            .prop_flat_map(|(n, k)| (Just(n), Just(k), 0..k)),
        amount in 0..40_u64,
    ) {
        // One satoshi at a time, signed by the honest signers with the most left.
        let mut left = vec![amount; n - dishonest];
        let mut spent = 0;
        loop {
            left.sort_unstable_by(|a, b| b.cmp(a));
            if left[..k - dishonest].contains(&0) {
                break;
            }
            left[..k - dishonest].iter_mut().for_each(|left| *left -= 1);
            spent += 1;
        }
        let quorum = Quorum { signers: n, least: k };
        prop_assert_eq!(true_bound(Amount::from_sat(amount), quorum, dishonest), Some(spent));
    }
}

#[test]
fn a_window_lists_its_bound_for_every_number_of_dishonest_signers() {
    let quorum = Quorum {
        signers: 5,
        least: 3,
    };
    let window = WindowBound::of("payouts", Amount::from_sat(100), 86_400, quorum);
    assert_eq!(window.bounds_sat, [166, 200, 300]);
    assert_eq!(window.reborn_sat, 100);
    assert_eq!(true_bound(Amount::MAX_MONEY, quorum, 3), None);
    assert_eq!(
        true_bound(
            Amount::MAX,
            Quorum {
                signers: 9,
                least: 1
            },
            0
        ),
        None
    );
}

#[test]
fn what_trusts_the_coordinators_page_is_told_apart() {
    let mut draft = draft(ScriptKind::Wsh);
    let page = PinnedKeyDraft::passkey(
        &PAGE_KEY,
        Tool::Page,
        &RelyingParty {
            rp_id: "treasury.example".to_owned(),
            origins: vec!["https://treasury.example".to_owned()],
            synced: false,
        },
    );
    draft.approvers[0].keys.push(page);
    draft.rules[2].approvals.count = 1;
    draft.rules[2].approvals.page = Some(1);
    let policy = Policy::parse(draft.to_toml().as_bytes()).expect("accepted");
    let found = Analysis::of(&policy).page_approvals;
    assert_eq!(found.keys.len(), 1);
    assert_eq!(found.keys[0].approver, draft.approvers[0].name);
    assert_eq!(found.rules.len(), 1);
    assert_eq!((found.rules[0].own, found.rules[0].page), (1, 1));
    let shown = crate::report::show(&policy);
    assert!(shown.contains("Approvals that trust the coordinator's page"));
    assert!(shown.lines().all(|line| line.chars().count() <= 80));
}
