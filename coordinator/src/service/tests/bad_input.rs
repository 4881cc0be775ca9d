//! Every bad request is refused by a stable code, and nothing is changed.

use bitcoin::{Amount, ScriptBuf};
use policies::{IntentKind, KeyId};

use super::world::{World, foreign, secret};
use crate::roles::fixture::{Kind, Vault};
use crate::service::approvals::record_approvals;
use crate::service::devices::OfDevices;
use crate::service::vaults::create_vault;
use crate::service::withdrawals::{
    SubmitWithdrawal, cancel_withdrawal, list_withdrawals, submit_withdrawal,
};
use crate::service::{Actor, Role};
use crate::store::withdrawals::WithdrawalKey;

async fn refused(world: &World, request: &SubmitWithdrawal) -> &'static str {
    let actor = &world.operator;
    let before = list_withdrawals(&world.service, actor, world.vault, None, None)
        .await
        .expect("lists");
    let error = submit_withdrawal(&world.service, actor, world.vault, request)
        .await
        .expect_err("is refused");
    let after = list_withdrawals(&world.service, actor, world.vault, None, None)
        .await
        .expect("lists");
    assert_eq!(before, after);
    assert!((400..500).contains(&error.class().status()), "{error}");
    error.code()
}

#[tokio::test]
async fn a_bad_withdrawal_is_refused_by_name() {
    let world = World::funded(Kind::Wsh, 1, 10_000_000).await;
    let good = world.intent("w-1", 100_000);
    let now = world.service.now();
    let own = world.address().await;
    let cases: Vec<(&str, policies::Intent)> = vec![
        (
            "dust",
            policies::Intent {
                amount: Amount::from_sat(293),
                min: Amount::from_sat(293),
                ..good.clone()
            },
        ),
        ("insufficient_funds", world.intent("w-2", 10_000_001)),
        ("denied_by_policy", world.intent("w-2", 100_000_001)),
        (
            "own_script",
            policies::Intent {
                script_pubkey: ScriptBuf::from_hex(&own.script_pubkey).expect("hex"),
                ..good.clone()
            },
        ),
        (
            "script_not_allowed",
            policies::Intent {
                script_pubkey: ScriptBuf::new_op_return([1; 4]),
                ..good.clone()
            },
        ),
        (
            "intent_expired",
            policies::Intent {
                created: now.saturating_sub(20),
                expires: now,
                ..good.clone()
            },
        ),
        (
            "intent_from_the_future",
            policies::Intent {
                created: now.saturating_add(601),
                expires: now.saturating_add(9999),
                ..good.clone()
            },
        ),
        (
            "other_keyset",
            policies::Intent {
                keyset: policies::Keyset::from_bytes([3; 32]),
                ..good.clone()
            },
        ),
        (
            "other_vault",
            policies::Intent {
                vault: policies::VaultId::from_bytes([3; 32]),
                ..good.clone()
            },
        ),
        (
            "other_requester",
            policies::Intent {
                requester: "another".parse().expect("a name"),
                ..good.clone()
            },
        ),
        (
            "transfer_to_stranger",
            policies::Intent {
                kind: IntentKind::Transfer,
                ..good.clone()
            },
        ),
        (
            "not_supported_yet",
            policies::Intent {
                replaces: Some("w-0".parse().expect("an id")),
                ..good.clone()
            },
        ),
        (
            "unknown_withdrawal",
            policies::Intent {
                repeats: Some("w-0".parse().expect("an id")),
                ..good.clone()
            },
        ),
    ];
    for (code, intent) in cases {
        assert_eq!(
            refused(&world, &world.signed(&intent)).await,
            code,
            "{intent:?}"
        );
    }
    let text = String::from_utf8(good.encode()).expect("ASCII");
    let amount = |value: &str| text.replace(":100000,", &format!(":{value},"));
    for (code, text) in [
        ("amount_zero", text.replace(":100000", ":0")),
        (
            "amount_too_large",
            text.replace(":100000", ":2100000000000001"),
        ),
        ("intent_not_canonical", amount("-1")),
        ("intent_not_canonical", amount("1.5")),
        ("intent_not_canonical", amount("1e5")),
        ("intent_not_canonical", amount("18446744073709551616")),
        ("intent_not_canonical", amount("0100000")),
        ("intent_not_canonical", text.replace(':', ": ")),
        ("intent_not_canonical", format!("{text}\n")),
        ("intent_not_canonical", String::new()),
        ("intent_malformed", amount("\"100000\"")),
        ("intent_malformed", text.replace("payment", "gift")),
    ] {
        assert_eq!(
            refused(&world, &world.signed_text(&text)).await,
            code,
            "{text}"
        );
    }
    let signed = world.signed(&good);
    let unsigned = SubmitWithdrawal {
        signature: format!("01{}", "00".repeat(64)),
        ..signed.clone()
    };
    assert_eq!(
        refused(&world, &unsigned).await,
        "request_signature_invalid"
    );
    let stranger = SubmitWithdrawal {
        key: KeyId::from_bytes([1; 32]),
        ..signed.clone()
    };
    assert_eq!(refused(&world, &stranger).await, "unknown_request_key");
    let garbled = SubmitWithdrawal {
        signature: "zz".to_owned(),
        ..signed
    };
    assert_eq!(refused(&world, &garbled).await, "malformed");
}

#[tokio::test]
async fn the_same_body_answers_the_same_and_another_under_its_id_is_a_conflict() {
    let world = World::funded(Kind::Wsh, 1, 10_000_000).await;
    let intent = world.intent("w-1", 100_000);
    let (first, new) = world.try_submit(&intent).await.expect("is taken");
    assert!(new);
    let (again, new) = world.try_submit(&intent).await.expect("is taken");
    assert!(!new);
    assert_eq!(first, again);
    let other = world.intent("w-1", 100_001);
    let error = world.try_submit(&other).await.expect_err("is a conflict");
    assert_eq!((error.code(), error.class().status()), ("id_reused", 409));
}

#[tokio::test]
async fn parallel_requests_never_promise_more_than_there_is() {
    let world = World::funded(Kind::Wsh, 1, 1_000_000).await;
    let intents: Vec<_> = (0..20)
        .map(|number| world.intent(&format!("w-{number}"), 400_000 + number))
        .collect();
    let mut tasks = tokio::task::JoinSet::new();
    for intent in intents {
        let (service, actor, vault) = (world.service.clone(), world.operator.clone(), world.vault);
        let request = world.signed(&intent);
        tasks.spawn(async move {
            submit_withdrawal(&service, &actor, vault, &request)
                .await
                .map_err(|error| error.code())
        });
    }
    let answers = tasks.join_all().await;
    let taken = answers.iter().filter(|answer| answer.is_ok()).count();
    assert_eq!(taken, 2);
    assert!(
        answers
            .iter()
            .all(|answer| answer.is_ok() || answer == &Err("insufficient_funds"))
    );
}

#[tokio::test]
async fn a_bad_approval_is_refused_by_name() {
    let mut world = World::funded(Kind::Wsh, 1, 10_000_000).await;
    let one = world.submit("w-1", 2_000_000).await;
    let two = world.submit("w-2", 3_000_000).await;
    let good = world.approval(&[one.intent_hash, two.intent_hash], false);
    let mut wrong_proof = good.clone();
    let proofs: Vec<String> = good
        .intents
        .iter()
        .map(|intent| intent.proof.clone())
        .rev()
        .collect();
    for (intent, proof) in wrong_proof.intents.iter_mut().zip(proofs) {
        intent.proof = proof;
    }
    let mut purpose = good.clone();
    "ack".clone_into(&mut purpose.purpose);
    let mut swapped = good.clone();
    "reject".clone_into(&mut swapped.purpose);
    let mut unknown_key = good.clone();
    unknown_key.key = KeyId::from_bytes([7; 32]);
    let mut unknown_intent = world.approval(&[policies::IntentHash::from_bytes([4; 32])], false);
    unknown_intent.intents.truncate(1);
    let mut none = good.clone();
    none.intents.clear();
    for (code, request) in [
        ("approval_bad_proof", wrong_proof),
        ("approval_wrong_purpose", purpose),
        ("approval_signature_invalid", swapped),
        ("unknown_approval_key", unknown_key),
        ("unknown_intent", unknown_intent),
        ("malformed", none),
    ] {
        let error = record_approvals(&world.service, &world.operator, world.vault, &request)
            .await
            .expect_err("is refused");
        assert_eq!(error.code(), code);
        assert_eq!(world.show("w-1").await.state, "requested");
    }
    world.pass(3600);
    let late = record_approvals(&world.service, &world.operator, world.vault, &good).await;
    assert_eq!(late.expect_err("is over").code(), "approval_expired");
    world.approver = secret("somebody else");
    let forged = world.approval(&[one.intent_hash], false);
    let error = record_approvals(&world.service, &world.operator, world.vault, &forged).await;
    assert_eq!(
        error.expect_err("is refused").code(),
        "unknown_approval_key"
    );
}

#[tokio::test]
async fn a_refusal_ends_a_withdrawal_and_frees_what_it_held() {
    let world = World::funded(Kind::Wsh, 1, 3_000_000).await;
    let large = world.submit("w-1", 2_000_000).await;
    let refusal = world.approval(&[large.intent_hash], true);
    let views = record_approvals(&world.service, &world.operator, world.vault, &refusal)
        .await
        .expect("is taken");
    assert_eq!(views.first().expect("one").state, "rejected");
    let approval = world.approval(&[large.intent_hash], false);
    let error = record_approvals(&world.service, &world.operator, world.vault, &approval).await;
    assert_eq!(error.expect_err("is over").code(), "approval_too_late");
    world.submit("w-2", 2_000_000).await;
}

#[tokio::test]
async fn a_withdrawal_is_cancelled_or_expires_only_before_it_is_batched() {
    let world = World::funded(Kind::Wsh, 3, 1_000_000).await;
    let key = |id: &str| WithdrawalKey {
        vault: world.vault,
        requester: "exchange".parse().expect("a name"),
        id: id.parse().expect("an id"),
    };
    world.submit("w-1", 500_000).await;
    let cancel =
        async |id: &str| cancel_withdrawal(&world.service, &world.operator, &key(id), "typo").await;
    assert_eq!(
        cancel("w-1").await.expect("is cancelled").state,
        "cancelled"
    );
    assert_eq!(
        cancel("w-1").await.expect("the same again").state,
        "cancelled"
    );
    assert_eq!(
        cancel("w-9").await.expect_err("is unknown").code(),
        "unknown_withdrawal"
    );
    world.submit("w-2", 500_000).await;
    world.batch().await;
    assert_eq!(
        cancel("w-2").await.expect_err("too late").code(),
        "not_cancellable"
    );
    world.submit("w-3", 500_000).await;
    world.pass(86_400);
    world.work().await;
    assert_eq!(world.show("w-3").await.state, "expired");
    assert_eq!(
        world.show("w-2").await.state,
        "signing",
        "what was issued never expires in the books"
    );
}

#[tokio::test]
async fn a_policy_of_another_network_or_with_mistakes_is_refused() {
    let world = World::new(Kind::Wsh).await;
    let document_of =
        |keys: Vault| super::world::document(&keys, &world.requester, &world.approver);
    let document = document_of(Vault::from_seed(Kind::Tr, 5));
    let add = async |text: &str| {
        create_vault(
            &world.service,
            &world.operator,
            text.as_bytes(),
            OfDevices::Refuse,
        )
        .await
    };
    let added = add(&document).await.expect("is added");
    assert_eq!(add(&document).await.expect("the same again"), added);
    let unknown = document.replace("network = ", "colour = 1\nnetwork = ");
    assert_eq!(
        add(&unknown).await.expect_err("is refused").code(),
        "policy_mistakes"
    );
    // Keys of another vault, of whose past the journals of this one would know nothing.
    let same_keys = document_of(Vault::new(Kind::Tr));
    assert_eq!(
        add(&same_keys).await.expect_err("is refused").code(),
        "key_in_other_vault"
    );
    let signet = crate::service::Service::new(
        world.service.database().clone(),
        bitcoin::Network::Signet,
        world.service.batch_settings(),
    );
    let error = create_vault(
        &signet,
        &world.operator,
        document.as_bytes(),
        OfDevices::Refuse,
    )
    .await;
    assert_eq!(error.expect_err("is refused").code(), "wrong_network");
    let own_signet =
        (world.service.clone()).on_signet(Some(ScriptBuf::from_hex("51").expect("hex")));
    let error = create_vault(
        &own_signet,
        &world.operator,
        document.as_bytes(),
        OfDevices::Refuse,
    )
    .await;
    assert_eq!(error.expect_err("is refused").code(), "wrong_signet");
    let service = Actor {
        name: "s".to_owned(),
        role: Role::Service,
        vault: None,
    };
    let error = create_vault(
        &world.service,
        &service,
        document.as_bytes(),
        OfDevices::Refuse,
    )
    .await;
    assert_eq!(error.expect_err("is refused").code(), "forbidden");
}

#[tokio::test]
async fn a_second_payment_equal_in_script_and_amount_is_refused_while_the_first_may_be_paid() {
    let world = World::funded(Kind::Wsh, 4, 1_000_000).await;
    let pay = |id: &str, sat: u64| policies::Intent {
        script_pubkey: foreign(1),
        ..world.intent(id, sat)
    };
    world
        .try_submit(&pay("w-1", 300_000))
        .await
        .expect("is taken");
    let again = world.try_submit(&pay("w-2", 300_000)).await;
    assert_eq!(again.expect_err("is refused").code(), "equal_withdrawal");
    world
        .try_submit(&pay("w-2", 299_999))
        .await
        .expect("one satoshi less is another payment");
    world.try_batch().await.expect("a batch");
    let again = world.try_submit(&pay("w-3", 300_000)).await;
    assert_eq!(again.expect_err("is refused").code(), "equal_withdrawal");
}
