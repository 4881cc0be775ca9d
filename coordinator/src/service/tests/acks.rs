//! Acknowledgements at the coordinator: whose word on which version counts, and how far that version reaches.

use policies::document::PolicyDraft;
use policies::{Approval, PolicyId, Statement, UnixTime};

use super::stops::{sign, store};
use super::versions::{change_to, file, hand_in, next, signed, world};
use super::world::{World, rule, secret};
use crate::roles::fixture::{Kind, Vault};
use crate::service::ServiceError;
use crate::service::signers::{MarkSigner, SignerMark, mark_signer, show_standing};
use crate::service::versions::{ReachView, list_versions};

fn ack(policy: PolicyId) -> Statement {
    Statement::Ack { policy }
}

fn stricter(draft: &mut PolicyDraft) {
    draft.rules[0] = rule("small", 100_000, None, 0);
}

/// Hands in the word of a journal, as `serve` does.
async fn acknowledge(world: &World, policy: PolicyId, journal: u8) -> Result<(), ServiceError> {
    store(world, &ack(policy)).await?;
    let key = secret(&format!("journal {journal}"));
    sign(world, &ack(policy), &key, UnixTime::ZERO).await?;
    Ok(())
}

/// How far each version in force reaches, the first one's place left out.
async fn reaches(world: &World) -> Vec<ReachView> {
    let all = list_versions(&world.service, &world.operator, world.vault).await;
    let versions = all.expect("a list").versions;
    assert!(versions[0].reach.is_none(), "the first one ends nothing");
    versions.into_iter().filter_map(|one| one.reach).collect()
}

async fn states(world: &World) -> Vec<String> {
    let reaches = reaches(world).await.into_iter();
    reaches.map(|reach| reach.state).collect()
}

#[tokio::test]
async fn what_a_version_ends_is_announced_until_enough_journals_said_that_they_follow_it() {
    let world = world(Kind::Wsh, 1).await;
    let keys = Vault::new(Kind::Wsh);
    let document = next(&world, &keys, stricter).await;
    let second = change_to(&world, &document).await.policy;
    assert_eq!(states(&world).await, ["announced"]);
    acknowledge(&world, second, 0).await.expect("is genuine");
    acknowledge(&world, second, 0).await.expect("is the same");
    let [one]: [ReachView; 1] = reaches(&world).await.try_into().expect("one");
    assert_eq!(one.state, "announced");
    assert_eq!(one.acknowledged_by, ["alice"]);
    assert_eq!(one.waits_for, ["bob", "carol", "vault-key"]);
    assert_eq!(
        one.reach["payments"]["once"],
        serde_json::json!([["bob"], ["carol"]])
    );
    acknowledge(&world, second, 1).await.expect("is genuine");
    assert_eq!(states(&world).await, ["in force for payments"]);
    let standing = show_standing(&world.service, &world.operator, world.vault).await;
    let standing = standing.expect("a view");
    assert!(
        standing
            .says
            .contains("What version 2 ends\nIN FORCE for payments"),
        "{}",
        standing.says
    );

    // A thief of bob's journal keeps no word.
    let stolen = MarkSigner {
        mark: SignerMark::Stolen,
        reason: String::new(),
    };
    let (service, operator) = (&world.service, &world.operator);
    let marked = mark_signer(service, operator, world.vault, "bob", &stolen).await;
    let reach = marked
        .expect("is marked")
        .reach
        .expect("has a version before");
    assert_eq!(reach.state, "announced");
    assert_eq!(reach.acknowledged_by, ["alice"]);
    let back = MarkSigner {
        mark: SignerMark::Present,
        reason: String::new(),
    };
    mark_signer(service, operator, world.vault, "bob", &back)
        .await
        .expect("is back");

    // Whoever follows a third version follows no earlier one, also without having said so of the second.
    let document = next(&world, &keys, |draft| {
        draft.rules[0] = rule("small", 50_000, None, 0);
    })
    .await;
    let third = change_to(&world, &document).await.policy;
    assert_eq!(states(&world).await, ["in force for payments", "announced"]);
    acknowledge(&world, third, 3).await.expect("is genuine");
    assert_eq!(states(&world).await, ["in force", "announced"]);
}

#[tokio::test]
async fn a_forged_or_foreign_word_on_a_version_is_refused() {
    let world = world(Kind::Wsh, 1).await;
    let keys = Vault::new(Kind::Wsh);
    let document = next(&world, &keys, stricter).await;
    let second = change_to(&world, &document).await.policy;
    let early = store(&world, &ack(PolicyId::from_bytes(world.vault.to_bytes()))).await;
    assert_eq!(
        early.expect_err("has none before").code(),
        "unknown_version"
    );
    store(&world, &ack(second)).await.expect("is stored");
    let code = |key: &'static str, expires| {
        let world = &world;
        async move {
            let signed = sign(world, &ack(second), &secret(key), expires).await;
            signed.expect_err("counts for nothing").code()
        }
    };
    assert_eq!(code("mallory", UnixTime::ZERO).await, "foreign_ack");
    let later = world.service.now().saturating_add(60);
    assert_eq!(code("journal 1", later).await, "ack_ends");
    let approver = sign(&world, &ack(second), &world.approver, UnixTime::ZERO).await;
    assert_eq!(approver.expect_err("no journal").code(), "foreign_ack");
    // Another key's signature under the name of bob's journal.
    let forged = Approval {
        key: secret("journal 1").public().id(),
        ..Approval::sign(
            &secret("journal 0"),
            policies::hash::Purpose::Ack,
            world.vault,
            ack(second).subject(),
            UnixTime::ZERO,
        )
    };
    let forged = super::stops::hand_in(&world, &forged).await;
    assert_eq!(
        forged.expect_err("is forged").code(),
        "approval_signature_invalid"
    );
    assert_eq!(states(&world).await, ["announced"]);
    assert!(reaches(&world).await[0].acknowledged_by.is_empty());
}

#[tokio::test]
async fn no_journal_acknowledges_what_its_people_did_not_approve() {
    let world = world(Kind::Wsh, 1).await;
    let keys = Vault::new(Kind::Wsh);
    let document = next(&world, &keys, stricter).await;
    let version = file(&document).version();
    let unknown = acknowledge(&world, version, 0).await;
    assert_eq!(
        unknown.expect_err("nobody proposed").code(),
        "unknown_version"
    );
    hand_in(&world, &file(&document)).await.expect("is taken");
    let open = acknowledge(&world, version, 0).await;
    assert_eq!(
        open.expect_err("nobody approved").code(),
        "version_not_approved"
    );
    // A signer's clock may be ahead of the coordinator's: its word is kept for when the version is in force here.
    hand_in(&world, &signed(&world, &document))
        .await
        .expect("is taken");
    acknowledge(&world, version, 0).await.expect("is genuine");
    change_to(&world, &document).await;
    assert_eq!(reaches(&world).await[0].acknowledged_by, ["alice"]);
}

#[tokio::test]
async fn of_a_change_of_keys_the_word_of_those_who_leave_counts_as_theirs() {
    let world = world(Kind::Wsh, 1).await;
    let keys = Vault::from_seed(Kind::Wsh, 21);
    let document = next(&world, &keys, |draft| {
        for (number, signer) in draft.signers.iter_mut().enumerate() {
            signer.journal = secret(&format!("journal {}", number + 10))
                .public()
                .to_string();
        }
    })
    .await;
    let second = change_to(&world, &document).await.policy;
    // The new signers bind nobody who has an old key.
    for journal in 10..14 {
        acknowledge(&world, second, journal)
            .await
            .expect("is theirs");
    }
    assert_eq!(states(&world).await, ["announced"]);
    for journal in 0..4 {
        acknowledge(&world, second, journal)
            .await
            .expect("is theirs");
    }
    assert_eq!(states(&world).await, ["in force"]);
}

#[tokio::test]
async fn the_word_of_a_thief_does_not_count_again_once_the_signer_is_replaced() {
    let world = world(Kind::Wsh, 1).await;
    let keys = Vault::from_seed(Kind::Wsh, 21);
    let stolen = MarkSigner {
        mark: SignerMark::Stolen,
        reason: String::new(),
    };
    let marked = mark_signer(&world.service, &world.operator, world.vault, "bob", &stolen).await;
    marked.expect("is marked");
    let document = next(&world, &keys, |draft| {
        let bob = draft.signers.iter_mut().find(|one| one.name == "bob");
        let bob = bob.expect("is pinned");
        bob.name = "robert".to_owned();
        bob.journal = secret("journal 10").public().to_string();
    })
    .await;
    let second = change_to(&world, &document).await.policy;
    for journal in 0..2 {
        acknowledge(&world, second, journal)
            .await
            .expect("is theirs");
    }
    let [one]: [ReachView; 1] = reaches(&world).await.try_into().expect("one");
    assert_eq!(one.acknowledged_by, ["alice"]);
    assert!(one.waits_for.contains(&"bob".to_owned()));
}
