//! What the review of a policy shows, over a vault with proposals, versions and withdrawals.

use bitcoin::Amount;
use policies::document::{PolicyDraft, WindowDraft};
use policies::{PolicyId, report};

use super::versions::{change_to, file, hand_in, next, signed, world};
use super::world::{World, rule};
use crate::roles::fixture::{Kind, Vault};
use crate::service::policy_review::{
    Draft, PolicyReview, REPLAY_DAYS, StandingOf, beginning, case, compare, examine, lines,
    replay_version, review, succession_file,
};
use crate::service::{ServiceError, VersionError};

async fn reviewed(world: &World, version: Option<PolicyId>) -> PolicyReview {
    review(&world.service, &world.operator, world.vault, version)
        .await
        .expect("a review")
}

fn lower(draft: &mut PolicyDraft) {
    draft.rules[0] = rule("small", 100_000, None, 0);
}

#[tokio::test]
async fn a_review_says_what_the_tool_says_of_the_same_document() {
    let world = world(Kind::Wsh, 1).await;
    let review = reviewed(&world, None).await;
    assert_eq!(review.standing, StandingOf::InForce);
    assert_eq!(review.words.len(), 24);
    let policy = policies::Policy::parse(review.document.as_bytes()).expect("a policy");
    assert_eq!(policy.id, review.id);
    let shown: String = report::show(&policy).split_whitespace().collect();
    let told = |words: &str| shown.contains(&words.split_whitespace().collect::<String>());
    for path in &review.spending.paths {
        let name = path.keys.join(" + ");
        assert!(told(&name), "{name}");
    }
    for rule in &review.rulebook.rules {
        assert!(told(&rule.says), "{}", rule.says);
    }
    for fact in review
        .rulebook
        .limits
        .iter()
        .chain(&review.rulebook.quorums)
    {
        assert!(told(&fact.says), "{}", fact.says);
    }
    for warning in &review.warnings {
        assert!(told(&warning.says), "{}", warning.says);
    }
    assert!(told(&review.spending.double_payment));
    let now = review.spending.stages.first().expect("now");
    assert!(now.older.is_none());
    for set in now.loss.listed.iter().chain(&now.theft.listed) {
        assert!(told(set), "{set}");
    }
    assert!(
        review
            .spending
            .meaning
            .expect("a meaning")
            .contains("older(")
    );
}

#[tokio::test]
async fn costs_are_those_of_the_nodes_estimates_and_of_fixed_feerates_without_one() {
    let world = world(Kind::Wsh, 1).await;
    let spending = reviewed(&world, None).await.spending;
    assert!(spending.costs.estimated);
    let names: Vec<&str> = spending.costs.feerates.iter().map(|one| one.name).collect();
    assert_eq!(names, ["low", "normal", "high"]);
    // Of 2 sat/vB, the only estimate; the fee of a path is its own weight's, rounded up.
    for path in &spending.paths {
        let weight = path.weight + 164;
        let fee = Amount::from_sat((weight * 500).div_ceil(1_000));
        assert_eq!(path.costs, vec![Some(fee); 3]);
    }
    let mut tx = world.write().await;
    watchtower::store::fees::replace(&mut tx, &[])
        .await
        .expect("forgets");
    tx.commit().await.expect("commits");
    let spending = reviewed(&world, None).await.spending;
    assert!(!spending.costs.estimated);
    let fixed: Vec<&str> = (spending.costs.feerates.iter())
        .map(|one| one.sat_vb.as_str())
        .collect();
    assert_eq!(fixed, ["1", "10", "50"]);
}

#[tokio::test]
async fn a_comparison_says_every_difference_and_reads_back_as_both_documents() {
    let world = world(Kind::Wsh, 1).await;
    let keys = Vault::new(Kind::Wsh);
    let document = next(&world, &keys, |draft| {
        lower(draft);
        draft.rules[1].window = Some(WindowDraft {
            sat: 5_000_000,
            per: "24h".to_owned(),
        });
    })
    .await;
    let proposal = hand_in(&world, &file(&document)).await.expect("taken");
    let first = reviewed(&world, None).await.id;
    let (service, operator) = (&world.service, &world.operator);
    let compared = compare(service, operator, world.vault, first, proposal.policy)
        .await
        .expect("compared");
    assert!(!compared.is_keyset && compared.mistakes.is_empty());
    let rules = compared.parts.iter().find(|part| part.title == "Rules");
    let rules = rules.expect("rules differ");
    assert!(
        rules
            .differences
            .iter()
            .all(|one| one.direction == "tightened")
    );
    let rows = lines::side_by_side(&compared.document_before, &compared.document_after);
    assert!(rows.iter().any(|row| !row.is_same()));
    // The other way round it is loosened, and does not follow.
    let back = compare(service, operator, world.vault, proposal.policy, first)
        .await
        .expect("compared");
    assert!(!back.mistakes.is_empty());
    assert!(
        back.parts
            .iter()
            .flat_map(|part| &part.differences)
            .any(|one| one.is_loosened)
    );
    let same = compare(service, operator, world.vault, first, first)
        .await
        .expect("compared");
    assert!(same.parts.is_empty() && same.mistakes.is_empty());
}

#[tokio::test]
async fn a_case_says_who_approved_and_who_is_missing_and_hands_out_the_same_file() {
    let world = world(Kind::Wsh, 1).await;
    let keys = Vault::new(Kind::Wsh);
    let document = next(&world, &keys, lower).await;
    let open = hand_in(&world, &file(&document)).await.expect("taken");
    let asked = async |version| {
        case(&world.service, &world.operator, world.vault, version)
            .await
            .expect("a case")
    };
    let nobody = asked(open.policy).await;
    assert_eq!(nobody.standing, StandingOf::Proposed);
    assert!(nobody.signatures.is_empty());
    assert_eq!(nobody.proposal.expect("a proposal").missing_of, ["dana"]);
    let signed = signed(&world, &document);
    hand_in(&world, &signed).await.expect("taken");
    let one = asked(open.policy).await;
    assert_eq!(one.signatures.len(), 1);
    assert_eq!(one.signatures[0].person, "dana");
    assert_eq!(one.followers.len(), 4, "{:?}", one.followers);
    assert!(one.followers.iter().all(|one| one.stays && !one.follows));
    let given = succession_file(&world.service, &world.operator, world.vault, open.policy).await;
    let given = given.expect("a file").expect("of a version that follows");
    assert_eq!(given.as_bytes(), signed.write());
    // The first version follows nobody.
    let first = reviewed(&world, None).await.id;
    assert!(asked(first).await.proposal.is_none());
    let none = succession_file(&world.service, &world.operator, world.vault, first).await;
    assert_eq!(none.expect("asked"), None);
    let document = document.clone();
    change_to(&world, &document).await;
    assert_eq!(asked(open.policy).await.standing, StandingOf::InForce);
    assert_eq!(
        reviewed(&world, Some(first)).await.standing,
        StandingOf::Former
    );
}

#[tokio::test]
async fn a_version_of_another_vault_or_of_none_is_unknown() {
    let world = world(Kind::Wsh, 1).await;
    let nobody = PolicyId::from_bytes([9; 32]);
    let refused = review(&world.service, &world.operator, world.vault, Some(nobody)).await;
    assert!(matches!(
        refused,
        Err(ServiceError::Version(VersionError::UnknownVersion { .. }))
    ));
    let other = policies::VaultId::from_bytes([9; 32]);
    let refused = review(&world.service, &world.operator, other, None).await;
    assert!(matches!(refused, Err(ServiceError::Vault(_))));
}

#[tokio::test]
async fn a_replay_tells_which_withdrawals_would_need_more_and_leaves_out_what_nobody_approved() {
    let world = world(Kind::Wsh, 2).await;
    world.submit("w-1", 500_000).await;
    world.submit("w-2", 50_000).await;
    world.submit("w-3", 1_200_000).await;
    let keys = Vault::new(Kind::Wsh);
    let document = next(&world, &keys, lower).await;
    let proposal = hand_in(&world, &file(&document)).await.expect("taken");
    let replayed = replay_version(
        &world.service,
        &world.operator,
        world.vault,
        proposal.policy,
    )
    .await
    .expect("replayed");
    assert_eq!(replayed.summary, "1 of 2 would need one more approval.");
    assert_eq!((replayed.total, replayed.is_bounded), (2, false));
    let [differs] = replayed.differing.as_slice() else {
        panic!("{replayed:?}")
    };
    assert_eq!((differs.id.as_str(), differs.outcome), ("w-1", "short"));
    assert_eq!(differs.said, "automatic by rule small");
    assert_eq!(replayed.alike.len(), 1);
    // What came in earlier than 90 days ago is not replayed.
    world.pass((REPLAY_DAYS + 1) * 86_400);
    let later = replay_version(
        &world.service,
        &world.operator,
        world.vault,
        proposal.policy,
    )
    .await
    .expect("replayed");
    assert_eq!(later.summary, "No past withdrawals.");
}

#[tokio::test]
async fn a_draft_is_told_its_mistakes_at_their_lines_and_nothing_is_stored() {
    let world = world(Kind::Wsh, 1).await;
    let keys = Vault::new(Kind::Wsh);
    let document = String::from_utf8(next(&world, &keys, lower).await).expect("text");
    let asked = async |text: &str| {
        examine(
            &world.service,
            &world.operator,
            world.vault,
            text.as_bytes(),
        )
        .await
        .expect("looked at")
    };
    let begun = beginning(&world.service, &world.operator, world.vault)
        .await
        .expect("a text");
    let Draft::Right(begun) = asked(&String::from_utf8(begun).expect("text")).await else {
        panic!("it has no mistake")
    };
    assert!(begun.is_proposable());
    let broken = document.replace("version = 2", "version = 0");
    let Draft::Wrong { mistakes } = asked(&broken).await else {
        panic!("it has a mistake")
    };
    assert_eq!(mistakes[0].code, "OUT_OF_RANGE");
    assert_eq!(mistakes[0].text, "version = 0");
    let Draft::Right(good) = asked(&document).await else {
        panic!("it has none")
    };
    assert!(good.is_proposable());
    assert_eq!(good.comparison.after.0, good.id);
    // What does not follow is a policy all the same, and says why.
    let in_force = reviewed(&world, None).await.document;
    let Draft::Right(same) = asked(&in_force).await else {
        panic!("it has none")
    };
    assert!(same.comparison.parts.is_empty() && !same.is_proposable());
    assert!(!asked_is_proposable(
        &asked(&document.replace("version = 2", "version = 7")).await
    ));
    let versions =
        crate::service::versions::list_versions(&world.service, &world.operator, world.vault);
    assert!(versions.await.expect("a list").proposals.is_empty());
}

fn asked_is_proposable(draft: &Draft) -> bool {
    match draft {
        Draft::Wrong { .. } => false,
        Draft::Right(good) => good.is_proposable(),
    }
}
