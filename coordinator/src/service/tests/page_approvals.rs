//! Approvals touched in the page: counted only where a rule says so, and never the requester's own.

use bitcoin::base64::Engine as _;
use bitcoin::base64::engine::general_purpose::URL_SAFE_NO_PAD;
use policies::document::{ApproverDraft, PinnedKeyDraft, PolicyDraft, RequesterDraft};
use policies::intent::Verdict;

use super::passkey::{ORIGIN, Passkey};
use super::world::{World, rule, secret};
use crate::roles::fixture::Kind;
use crate::service::approvals::record_approvals;
use crate::service::page_approvals::{
    HOLDS, approving, page_challenge, record_page_approval, record_signed_approval,
};
use crate::service::withdrawals::WithdrawalView;
use crate::service::{ApprovalError, ServiceError};
use crate::store::people::page_keys::{self, PageKeyRow};
use crate::store::people::persons::{self, PersonRow};

/// Erin touches a passkey in the page; "medium" counts one such approval beside dana's, "large" counts none.
/// The requester of the desk is dana herself.
fn policy(draft: &mut PolicyDraft) {
    draft.approvers.push(ApproverDraft {
        name: "erin".to_owned(),
        person: "erin".to_owned(),
        groups: vec!["ops".to_owned()],
        keys: vec![Passkey::new(9).on_page()],
    });
    draft.approvers.push(ApproverDraft {
        name: "dana-page".to_owned(),
        person: "dana".to_owned(),
        groups: vec!["ops".to_owned()],
        keys: vec![Passkey::new(8).on_page()],
    });
    draft.requesters.push(RequesterDraft {
        name: "desk".to_owned(),
        person: Some("dana".to_owned()),
        keys: vec![PinnedKeyDraft::own(&secret("desk").public())],
    });
    let mut medium = rule("medium", 10_000_000, Some("ops"), 1);
    medium.approvals.page = Some(1);
    draft.rules.insert(1, medium);
}

async fn world() -> World {
    World::funded_on(Kind::Wsh, 3, 50_000_000, policy).await
}

async fn touch(
    world: &World,
    person: &str,
    key: &Passkey,
    of: &WithdrawalView,
    verdict: Verdict,
) -> Result<String, ServiceError> {
    let (service, actor) = (&world.service, &world.operator);
    let intents = [of.intent_hash];
    let expires = service.now().saturating_add(HOLDS);
    let asked = page_challenge(
        service,
        actor,
        person,
        world.vault,
        (&intents, verdict),
        expires,
    )
    .await?;
    let touched = key.touch(&asked.challenge);
    let said = record_page_approval(
        service,
        actor,
        person,
        world.vault,
        (&intents, verdict),
        expires,
        touched,
    )
    .await?;
    Ok(said.first().expect("one").state.clone())
}

#[tokio::test]
async fn a_page_approval_counts_only_where_the_rule_counts_page_keys() {
    let world = world().await;
    let medium = world.submit("medium-1", 5_000_000).await;
    let large = world.submit("large-2", 50_000_000).await;
    let erin = Passkey::new(9);

    let said = approving(
        &world.service,
        &world.operator,
        "erin",
        world.vault,
        &[medium.intent_hash, large.intent_hash],
    )
    .await
    .expect("is shown");
    let counts: Vec<(bool, bool)> = said
        .subjects
        .iter()
        .map(|one| (one.own_counts, one.page_counts))
        .collect();
    assert_eq!(counts, [(false, true), (false, false)]);
    assert!(
        said.subjects[1]
            .says
            .contains("counts no approvals in the page"),
        "{}",
        said.subjects[1].says
    );

    let state = touch(&world, "erin", &erin, &medium, Verdict::Approve)
        .await
        .expect("is taken");
    assert_eq!(state, "requested", "a person's own tool is still missing");
    let approval = world.approval(&[medium.intent_hash], false);
    record_approvals(&world.service, &world.operator, world.vault, &approval)
        .await
        .expect("is taken");
    assert_eq!(world.show("medium-1").await.state, "approved");

    let state = touch(&world, "erin", &erin, &large, Verdict::Approve)
        .await
        .expect("is stored");
    assert_eq!(
        state, "requested",
        "the rule of large ones counts no page keys"
    );
    let again = approving(
        &world.service,
        &world.operator,
        "erin",
        world.vault,
        &[large.intent_hash],
    )
    .await
    .expect("is shown");
    assert!(again.subjects[0].said);
}

#[tokio::test]
async fn the_browser_is_asked_for_those_page_keys_of_the_person_that_the_policy_names() {
    let world = world().await;
    let medium = world.submit("medium-1", 5_000_000).await;
    let (service, now) = (&world.service, world.service.now());
    let mut tx = service.database().begin_write().await.expect("begins");
    for person in ["erin", "dana"] {
        let row = PersonRow {
            name: person.to_owned(),
            role: "approver".to_owned(),
            vault: None,
            created_at: now,
            created_by: "olga".to_owned(),
            ended_at: None,
        };
        persons::insert(&mut tx, &row).await.expect("is stored");
    }
    // The second one of erin's is in no policy; the third was made for another domain.
    for (credential, person, seed, rp_id) in [
        (1, "erin", 9, "treasury.example"),
        (2, "erin", 7, "treasury.example"),
        (3, "erin", 6, "former.example"),
        (4, "dana", 8, "treasury.example"),
    ] {
        let row = PageKeyRow {
            credential: vec![credential; 16],
            person: person.to_owned(),
            record: Passkey::new(seed).public().to_string(),
            rp_id: rp_id.to_owned(),
            origin: ORIGIN.to_owned(),
            synced: false,
            label: "key".to_owned(),
            created_at: now,
            revoked_at: None,
        };
        page_keys::insert(&mut tx, &row).await.expect("is stored");
    }
    tx.commit().await.expect("commits");

    let intents = [medium.intent_hash];
    let asked = async || {
        let what = (&intents[..], Verdict::Approve);
        let expires = now.saturating_add(HOLDS);
        page_challenge(service, &world.operator, "erin", world.vault, what, expires)
            .await
            .expect("is asked")
            .credentials
    };
    assert_eq!(asked().await, [URL_SAFE_NO_PAD.encode([1; 16])]);
    let mut tx = service.database().begin_write().await.expect("begins");
    page_keys::revoke(&mut tx, &[1; 16], now)
        .await
        .expect("is revoked");
    tx.commit().await.expect("commits");
    assert!(asked().await.is_empty());
}

#[tokio::test]
async fn two_page_keys_never_stand_for_a_persons_own_tool() {
    let world = world().await;
    let medium = world.submit("medium-1", 5_000_000).await;
    for (person, key) in [("erin", 9), ("dana", 8)] {
        let state = touch(
            &world,
            person,
            &Passkey::new(key),
            &medium,
            Verdict::Approve,
        )
        .await
        .expect("is taken");
        assert_eq!(state, "requested");
    }
}

#[tokio::test]
async fn a_refusal_in_the_page_stops_the_payment() {
    let world = world().await;
    let medium = world.submit("medium-1", 5_000_000).await;
    let state = touch(&world, "erin", &Passkey::new(9), &medium, Verdict::Reject)
        .await
        .expect("is taken");
    assert_eq!(state, "rejected");
}

#[tokio::test]
async fn the_requesters_own_person_is_refused_and_told_why() {
    let world = world().await;
    let mut intent = world.intent("desk-1", 5_000_000);
    intent.requester = "desk".parse().expect("a name");
    let mine = world.submit_as(&secret("desk"), &intent).await;
    let said = approving(
        &world.service,
        &world.operator,
        "dana",
        world.vault,
        &[mine.intent_hash],
    )
    .await
    .expect("is shown");
    let subject = &said.subjects[0];
    assert!(
        subject
            .refused
            .as_ref()
            .is_some_and(|words| words.contains("asked for it yourself"))
    );
    assert!(!subject.own_counts && !subject.page_counts);
    assert_eq!(said.open().count(), 0);

    for verdict in [Verdict::Approve, Verdict::Reject] {
        let refused = touch(&world, "dana", &Passkey::new(8), &mine, verdict)
            .await
            .expect_err("is refused");
        assert!(
            matches!(
                refused,
                ServiceError::Approval(ApprovalError::OwnRequest { .. })
            ),
            "{refused}"
        );
    }
    let file = serde_json::to_vec(&world.approval(&[mine.intent_hash], false)).expect("serializes");
    let refused = record_signed_approval(&world.service, &world.operator, world.vault, &file)
        .await
        .expect_err("is refused");
    assert_eq!(refused.code(), "own_request");
    assert!(world.show_of("desk", "desk-1").await.approvals.is_empty());
}

#[tokio::test]
async fn another_persons_touch_or_another_challenge_is_refused() {
    let world = world().await;
    let medium = world.submit("medium-1", 5_000_000).await;
    let (service, actor, intents) = (&world.service, &world.operator, [medium.intent_hash]);
    let expires = service.now().saturating_add(HOLDS);
    let approve = (&intents[..], Verdict::Approve);
    let asked = page_challenge(service, actor, "erin", world.vault, approve, expires)
        .await
        .expect("is asked");
    let refusals = [
        // Somebody else's passkey.
        record_page_approval(
            service,
            actor,
            "erin",
            world.vault,
            approve,
            expires,
            Passkey::new(8).touch(&asked.challenge),
        )
        .await,
        // A touch for something else.
        record_page_approval(
            service,
            actor,
            "erin",
            world.vault,
            approve,
            expires,
            Passkey::new(9).touch(&[7; 32]),
        )
        .await,
        // A touch to approve, handed in as a refusal.
        record_page_approval(
            service,
            actor,
            "erin",
            world.vault,
            (&intents[..], Verdict::Reject),
            expires,
            Passkey::new(9).touch(&asked.challenge),
        )
        .await,
    ];
    for refused in refusals {
        assert_eq!(
            refused.expect_err("is refused").code(),
            "approval_signature_invalid"
        );
    }
    let none = page_challenge(service, actor, "frank", world.vault, approve, expires).await;
    assert_eq!(none.expect_err("has no key").code(), "no_page_key");
    let long = expires.saturating_add(1);
    let touched = Passkey::new(9).touch(&asked.challenge);
    let late =
        record_page_approval(service, actor, "erin", world.vault, approve, long, touched).await;
    assert_eq!(late.expect_err("is too long").code(), "malformed");
    assert!(world.show("medium-1").await.approvals.is_empty());
}
