//! What comes back from signers: culprits by name, both versions, and the node's last word.

use policies::psbt::{PsbtVersion, read_strict};
use watchtower::store::events;

use super::world::World;
use crate::roles::fixture::Kind;
use crate::service::attempts::{
    SubmittedSignatures, attempt_psbt, show_attempt, submit_signatures,
};
use crate::service::events::{Wanted, list_events};
use crate::session::attempt::AttemptState;
use crate::store::jobs;

/// Bob hands in the signature of the second input for the first one too.
async fn bobs_bad_one(world: &World, txid: bitcoin::Txid) -> SubmittedSignatures {
    let mut psbt = world.signatures_of(1, txid).await;
    let good = *psbt.inputs[1].partial_sigs.values().next().expect("signed");
    let slot = psbt.inputs[0].partial_sigs.values_mut().next();
    *slot.expect("signed") = good;
    world.hand_in(txid, &psbt).await
}

async fn two_inputs() -> (World, bitcoin::Txid) {
    let world = World::funded(Kind::Wsh, 2, 1_000_000).await;
    world.submit("w-1", 900_000).await;
    world.submit("w-2", 800_000).await;
    let txid = world.batch().await;
    (world, txid)
}

#[tokio::test]
async fn the_attempt_and_an_event_name_who_handed_in_a_bad_signature_for_which_input_and_why() {
    let (world, txid) = two_inputs().await;
    let answer = bobs_bad_one(&world, txid).await;
    let shown = show_attempt(&world.service, &world.operator, txid)
        .await
        .expect("shown");
    for refused in [&answer.attempt.refused, &shown.refused] {
        let [culprit] = &refused[..] else {
            panic!("one bad signature: {refused:?}")
        };
        assert_eq!(culprit.handed_in_by, world.operator.name);
        assert_eq!(culprit.at, world.service.now());
        assert_eq!(culprit.refused.input, 0);
        assert_eq!(culprit.refused.code, "SIGNATURE_WRONG");
        assert_eq!(culprit.refused.signer.as_deref(), Some("bob"));
    }
    world.work().await;
    let page = list_events(&world.service, &world.operator, 0, Wanted::default())
        .await
        .expect("events");
    let event = page
        .events
        .iter()
        .find(|event| event.kind == "session.signatures-refused")
        .expect("an event");
    assert_eq!(event.actor, world.operator.name);
    assert_eq!(event.body["signatures"], 1);
    assert_eq!(event.body["refused"][0]["input"], 0);
    assert_eq!(event.body["refused"][0]["code"], "SIGNATURE_WRONG");
    assert_eq!(event.body["refused"][0]["signer"], "bob");
    // Whoever was slandered signs all the same, and nothing else is held against them.
    assert_eq!(world.sign(0, txid).await.attempt.refused.len(), 1);
    assert!(world.sign(2, txid).await.attempt.complete);
}

#[tokio::test]
async fn bad_signatures_without_end_fill_neither_the_log_nor_the_attempt() {
    let (world, txid) = two_inputs().await;
    for _ in 0..103 {
        assert_eq!(bobs_bad_one(&world, txid).await.refused.len(), 1);
    }
    let shown = show_attempt(&world.service, &world.operator, txid)
        .await
        .expect("shown");
    assert_eq!(shown.refused.len(), 100);
    let mut tx = world.read().await;
    let kind = "session.signatures-refused";
    let kept = events::count_of_object(&mut tx, "session", &txid.to_string(), kind).await;
    assert_eq!(kept.expect("counts"), 100);
}

#[tokio::test]
async fn both_versions_are_offered_and_taken_and_are_one_manifest() {
    for kind in [Kind::Wsh, Kind::Tr] {
        let world = World::funded(kind, 2, 1_000_000).await;
        world.submit("w-1", 900_000).await;
        let txid = world.batch().await;
        let offered = async |version| {
            let bytes = attempt_psbt(&world.service, &world.operator, txid, version).await;
            read_strict(&bytes.expect("offered")).expect("as signers read it")
        };
        let zero = offered(PsbtVersion::Zero).await;
        let two = offered(PsbtVersion::Two).await;
        assert_eq!(two.version(), PsbtVersion::Two);
        assert_eq!(two.psbt(), zero.psbt());
        assert_eq!(two.manifest_hash(), zero.manifest_hash());
        let reply = PsbtVersion::Two.write(&world.signatures_of(0, txid).await);
        let taken = submit_signatures(&world.service, &world.operator, txid, &reply)
            .await
            .expect("in version 2 too");
        assert!(!taken.accepted.is_empty() && taken.refused.is_empty());
    }
}

#[tokio::test]
async fn nothing_is_broadcast_before_the_node_has_tested_it() {
    let (world, txid) = two_inputs().await;
    world.sign(0, txid).await;
    world.sign(2, txid).await;
    for _ in 0..3 {
        world.work().await;
        world.pass(2);
    }
    assert_eq!(world.stored(txid).await.state, AttemptState::Signed);
    world.answer_mempool_tests().await;
    world.pass(2);
    world.work().await;
    assert_eq!(world.stored(txid).await.state, AttemptState::Broadcasting);
}

#[tokio::test]
async fn what_the_node_says_can_never_be_valid_is_parked_and_not_dead() {
    for reason in [
        "mandatory-script-verify-flag-failed (Invalid Schnorr signature)",
        "bad-txns-in-belowout",
    ] {
        let (world, txid) = two_inputs().await;
        world.sign(0, txid).await;
        world.sign(1, txid).await;
        world.work().await;
        world.say_of_mempool_tests(reason).await;
        world.pass(2);
        world.work().await;
        assert_eq!(world.stored(txid).await.state, AttemptState::Signed);
        assert_eq!(world.show("w-1").await.state, "signing");
        let mut tx = world.read().await;
        let troubled = jobs::troubled(&mut tx).await.expect("reads");
        let parked = troubled
            .iter()
            .find(|job| job.kind == "broadcast" && job.key == txid.to_string())
            .expect("it is where everyone can see it");
        let why = parked.parked_reason.as_deref().unwrap_or_default();
        assert!(why.contains(reason), "{why}");
    }
}

#[tokio::test]
async fn what_the_node_refuses_for_now_is_broadcast_until_the_chain_decides() {
    let (world, txid) = two_inputs().await;
    world.sign(0, txid).await;
    world.sign(1, txid).await;
    world.work().await;
    world.say_of_mempool_tests("mempool min fee not met").await;
    world.pass(2);
    world.work().await;
    assert_eq!(world.stored(txid).await.state, AttemptState::Broadcasting);
    let shown = show_attempt(&world.service, &world.operator, txid).await;
    assert_eq!(
        shown.expect("shown").mempool_test.as_deref(),
        Some("mempool min fee not met")
    );
}
