//! Policies that change: what is proposed, when it comes in force, and what becomes of the money.

mod keys;

use bitcoin::FeeRate;
use policies::document::{ApprovalsDraft, Policy, PolicyDraft, SuccessionDraft};
use policies::hash::Purpose;
use policies::succession::{SuccessionFile, SuccessionMistake};
use policies::{Approval, PolicyId, Subject};
use watchtower::store::fees::{self, FeeEstimate};

use super::world::{World, draft, rule, secret};
use crate::roles::fixture::{Kind, Vault};
use crate::service::adopting::{Adopt, AdoptionView, adopt_version};
use crate::service::signers::{MarkSigner, SignerMark, mark_signer, show_standing};
use crate::service::vaults::show_vault;
use crate::service::versions::{
    ProposalView, SubmitSuccession, list_successions, list_versions, submit_succession,
};
use crate::service::{BatchError, ServiceError, VersionError};

/// The delay of every change.
const DELAY: u64 = 3600;

fn may_change(draft: &mut PolicyDraft) {
    draft.change = Some(SuccessionDraft {
        approvals: ApprovalsDraft {
            group: Some("ops".to_owned()),
            count: 1,
            page: None,
        },
        delay: "1h".to_owned(),
    });
}

pub(super) async fn world(kind: Kind, coins: u32) -> World {
    let world = World::funded_on(kind, coins, 1_000_000, may_change).await;
    let mut tx = world.write().await;
    let estimate = FeeEstimate {
        target: 6,
        feerate: FeeRate::from_sat_per_vb_u32(2),
        height: 103,
        at: world.service.now(),
    };
    fees::replace(&mut tx, &[estimate]).await.expect("stores");
    tx.commit().await.expect("commits");
    world
}

/// The version in force.
async fn in_force(world: &World) -> Policy {
    let view = show_vault(&world.service, &world.operator, world.vault).await;
    Policy::parse(view.expect("a vault").document.as_bytes()).expect("a policy")
}

/// The document after the version in force, over these keys.
pub(super) async fn next(
    world: &World,
    keys: &Vault,
    alter: impl FnOnce(&mut PolicyDraft),
) -> Vec<u8> {
    let before = in_force(world).await;
    let mut next = draft(keys, &world.requester, &world.approver);
    may_change(&mut next);
    next.version = before.version + 1;
    next.vault = world.vault.to_string();
    next.previous = before.id.to_string();
    if *keys.descriptor.text() == *before.descriptor.text() {
        next.keyset = Some(before.keyset.to_string());
    }
    alter(&mut next);
    next.to_toml().into_bytes()
}

pub(super) fn file(document: &[u8]) -> SuccessionFile {
    SuccessionFile::of(document).expect("a version")
}

/// The same with Dana's signature.
pub(super) fn signed(world: &World, document: &[u8]) -> SuccessionFile {
    let mut file = file(document);
    let subject = Subject::from_bytes(file.version().to_bytes());
    let expires = world.service.now().saturating_add(86_400);
    file.approve(Approval::sign(
        &world.approver,
        Purpose::Policy,
        world.vault,
        subject,
        expires,
    ));
    file
}

pub(super) async fn hand_in(
    world: &World,
    file: &SuccessionFile,
) -> Result<ProposalView, ServiceError> {
    let request = SubmitSuccession {
        file: String::from_utf8(file.write()).expect("text"),
        despite_devices: false,
    };
    let (view, _) =
        submit_succession(&world.service, &world.operator, world.vault, &request).await?;
    Ok(view)
}

async fn adopt(world: &World, policy: PolicyId) -> Result<AdoptionView, ServiceError> {
    let request = Adopt { preview: false };
    adopt_version(
        &world.service,
        &world.operator,
        world.vault,
        policy,
        &request,
    )
    .await
}

/// Proposes, approves, waits and adopts.
pub(super) async fn change_to(world: &World, document: &[u8]) -> AdoptionView {
    let file = signed(world, document);
    hand_in(world, &file).await.expect("is taken");
    world.pass(DELAY);
    adopt(world, file.version()).await.expect("comes in force")
}

#[tokio::test]
async fn versions_that_nobody_signed_take_no_place_from_one_that_somebody_did() {
    let world = world(Kind::Wsh, 1).await;
    let keys = Vault::new(Kind::Wsh);
    let document = next(&world, &keys, |_| {}).await;
    let commented = |number: u8| {
        let comment = format!("# {number}\n");
        [document.clone(), comment.into_bytes()].concat()
    };
    for number in 0..16 {
        hand_in(&world, &file(&commented(number)))
            .await
            .expect("is taken");
    }
    let refused = hand_in(&world, &file(&commented(16))).await;
    assert_eq!(refused.expect_err("too many").code(), "too_many_proposals");
    let taken = hand_in(&world, &signed(&world, &document)).await;
    assert_eq!(taken.expect("is taken").state, "waiting");
}

#[tokio::test]
async fn a_version_of_rules_comes_in_force_once_its_quorum_and_its_delay_are_there() {
    let world = world(Kind::Wsh, 2).await;
    world.submit("w-1", 500_000).await;
    let keys = Vault::new(Kind::Wsh);
    let document = next(&world, &keys, |draft| {
        draft.rules[0] = rule("small", 100_000, None, 0);
    })
    .await;
    let open = hand_in(&world, &file(&document)).await.expect("is taken");
    assert_eq!((open.state.as_str(), open.step.as_str()), ("open", "rules"));
    assert!(
        open.says
            .starts_with("0 of 1 approvals: nobody; missing 1 of dana; then a delay of 1h"),
        "{}",
        open.says
    );
    world.pass(DELAY);
    world.work().await;
    assert!(matches!(
        adopt(&world, open.policy).await,
        Err(ServiceError::Version(VersionError::TooFewApprovals { .. }))
    ));
    assert_eq!(in_force(&world).await.version, 1, "nobody approved it");

    // A stranger's signature is said not to count, and is not kept.
    let mut foreign = file(&document);
    let subject = Subject::from_bytes(foreign.version().to_bytes());
    let now = world.service.now();
    foreign.approve(Approval::sign(
        &secret("mallory"),
        Purpose::Policy,
        world.vault,
        subject,
        now.saturating_add(60),
    ));
    let refused = hand_in(&world, &foreign).await.expect("is looked at");
    assert_eq!(refused.not_counted.len(), 1);
    assert_eq!(refused.state, "open");

    let waiting = hand_in(&world, &signed(&world, &document)).await;
    let waiting = waiting.expect("is taken");
    assert_eq!(waiting.state, "waiting");
    assert_eq!(waiting.approved_by, ["dana"]);
    assert_eq!(waiting.follow, ["alice", "bob", "carol", "vault-key"]);
    assert!(waiting.pin.is_empty());
    assert!(matches!(
        adopt(&world, waiting.policy).await,
        Err(ServiceError::Version(VersionError::NotRipe { .. }))
    ));
    world.pass(DELAY - 1);
    world.work().await;
    assert_eq!(in_force(&world).await.version, 1, "a second is missing");
    world.pass(6);
    world.work().await;
    let adopted = in_force(&world).await;
    assert_eq!((adopted.version, adopted.id), (2, waiting.policy));

    // What the old rules allowed waits for whom the new ones name.
    let refused = world.try_batch().await.expect_err("is not approved");
    assert!(
        matches!(&refused, ServiceError::Batch(BatchError::NothingToBatch { waiting }) if waiting.len() == 1),
        "{refused}"
    );
    let files = list_successions(&world.service, &world.operator, world.vault).await;
    let files = files.expect("a list");
    let [text] = files.as_slice() else {
        panic!("{files:?}")
    };
    let served = SuccessionFile::read(text.as_bytes()).expect("a file");
    assert_eq!(served.version(), waiting.policy);
    assert_eq!(served.approvals().len(), 1);
}

#[tokio::test]
async fn each_version_has_one_successor_and_two_approved_ones_wait_for_a_human() {
    let world = world(Kind::Wsh, 1).await;
    let keys = Vault::new(Kind::Wsh);
    let lower = |most| move |draft: &mut PolicyDraft| draft.rules[0] = rule("small", most, None, 0);
    let one = next(&world, &keys, lower(100_000)).await;
    let other = next(&world, &keys, lower(200_000)).await;
    let third = next(&world, &keys, lower(300_000)).await;
    hand_in(&world, &signed(&world, &one)).await.expect("taken");
    let disputed = hand_in(&world, &signed(&world, &other)).await;
    assert_eq!(disputed.expect("taken").state, "disputed");
    world.pass(DELAY + 10);
    world.work().await;
    assert_eq!(in_force(&world).await.version, 1, "a human decides");
    let chosen = file(&other).version();
    let preview = Adopt { preview: true };
    let seen = adopt_version(
        &world.service,
        &world.operator,
        world.vault,
        chosen,
        &preview,
    )
    .await;
    assert!(!seen.expect("a preview").in_force);
    assert_eq!(in_force(&world).await.version, 1);
    assert!(adopt(&world, chosen).await.expect("adopted").in_force);
    assert!(adopt(&world, chosen).await.expect("the same").in_force);
    assert!(matches!(
        adopt(&world, file(&one).version()).await,
        Err(ServiceError::Version(VersionError::Superseded { .. }))
    ));
    let refused = hand_in(&world, &signed(&world, &third)).await;
    let Err(ServiceError::Version(VersionError::DoesNotFollow { mistakes, .. })) = refused else {
        panic!("{refused:?}")
    };
    let codes: Vec<&str> = mistakes.iter().map(SuccessionMistake::code).collect();
    assert_eq!(codes, ["SUCCESSOR_OTHER_PREVIOUS", "SUCCESSOR_VERSION"]);
    let all = list_versions(&world.service, &world.operator, world.vault).await;
    let all = all.expect("a list");
    assert_eq!(all.versions.len(), 2);
    let [left] = all.proposals.as_slice() else {
        panic!("{:?}", all.proposals)
    };
    assert_eq!(left.state, "superseded");
}

#[tokio::test]
async fn a_version_that_claims_old_keys_for_new_ones_is_refused_with_its_mistakes() {
    let world = world(Kind::Wsh, 1).await;
    let others = Vault::from_seed(Kind::Wsh, 21);
    let document = next(&world, &others, |draft| {
        draft.keyset = Some(draft.vault.clone());
    })
    .await;
    let refused = hand_in(&world, &signed(&world, &document)).await;
    let Err(ServiceError::Version(VersionError::DoesNotFollow { mistakes, .. })) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(mistakes[0].code(), "KEYSET_CLAIMED");
}

#[tokio::test]
async fn a_signer_who_is_gone_shows_at_once_who_can_still_sign() {
    let world = world(Kind::Wsh, 1).await;
    let mark = |signer: &'static str, mark| {
        let request = MarkSigner {
            mark,
            reason: "in the lake".to_owned(),
        };
        let world = &world;
        async move {
            mark_signer(
                &world.service,
                &world.operator,
                world.vault,
                signer,
                &request,
            )
            .await
        }
    };
    let lost = mark("bob", SignerMark::Lost).await.expect("is marked");
    let bob = lost.signers.iter().find(|one| one.signer == "bob");
    assert_eq!(bob.and_then(|bob| bob.mark.as_deref()), Some("lost"));
    assert_eq!(
        lost.standing["can_sign"],
        serde_json::json!(["alice", "carol", "vault-key"])
    );
    let now = &lost.standing["stages"][0];
    assert_eq!(now["spendable"], true);
    assert_eq!(now["freezing"], serde_json::json!([["alice"], ["carol"]]));
    assert!(lost.says.contains("bob lost"), "{}", lost.says);
    let stolen = mark("carol", SignerMark::Stolen).await.expect("is marked");
    assert_eq!(stolen.standing["stages"][0]["spendable"], false);
    let back = mark("bob", SignerMark::Present).await.expect("is marked");
    assert_eq!(back.standing["stages"][0]["spendable"], true);
    assert!(matches!(
        mark("nobody", SignerMark::Lost).await,
        Err(ServiceError::Version(VersionError::UnknownSigner { .. }))
    ));
    // A version that replaces her ends her mark.
    let keys = Vault::from_seed(Kind::Wsh, 21);
    let document = next(&world, &keys, |_| {}).await;
    change_to(&world, &document).await;
    let after = show_standing(&world.service, &world.operator, world.vault).await;
    let after = after.expect("a view");
    assert!(after.signers.iter().all(|signer| signer.mark.is_none()));
}
