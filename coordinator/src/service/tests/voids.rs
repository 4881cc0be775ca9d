//! Voids: whose count, when they drop an attempt, and what that frees.

use bitcoin::Txid;
use policies::journal::Void;

use super::world::{World, secret};
use crate::roles::fixture::Kind;
use crate::service::ServiceError;
use crate::service::voids::{
    VoidsView, WishVoids, show_voids, submit_void, wish_voids, wished_voids,
};
use crate::session::BatchId;

async fn hand_in(world: &World, txid: Txid, void: &Void) -> Result<VoidsView, ServiceError> {
    submit_void(&world.service, &world.operator, txid, &void.encode()).await
}

fn void(world: &World, journal: &str, txid: Txid) -> Void {
    Void::sign(&secret(journal), world.vault, txid)
}

fn code<T: std::fmt::Debug>(answer: Result<T, ServiceError>) -> &'static str {
    answer.expect_err("is refused").code()
}

async fn batch_of(world: &World, txid: Txid) -> BatchId {
    world.stored(txid).await.batch
}

#[tokio::test]
async fn an_attempt_is_dropped_once_nobody_can_pay_without_those_who_voided_it() {
    let world = World::funded(Kind::Wsh, 2, 1_000_000).await;
    world.submit("w-1", 500_000).await;
    let txid = world.batch().await;
    let ask = WishVoids::default();
    let (service, operator) = (&world.service, &world.operator);
    let asked = wish_voids(service, operator, batch_of(&world, txid).await, &ask).await;
    assert!(asked.expect("asks")[0].wished);
    let wished = wished_voids(service, operator, world.vault, None).await;
    assert_eq!(wished.expect("lists").len(), 1);
    let mut complete = false;
    for number in 0..2 {
        let given = void(&world, &format!("journal {number}"), txid);
        let Ok(view) = hand_in(&world, txid, &given).await else {
            break;
        };
        assert_eq!(hand_in(&world, txid, &given).await.expect("the same"), view);
        assert_eq!(view.state == "dropped", view.complete, "{view:?}");
        complete = view.complete;
        // Two of three block the ordinary paths. The vault key recovers coins by another transaction: of this one the
        // sequences say no age.
        assert_eq!(complete, number == 1, "{number}");
        // Whose are still needed is said in the fewest that are enough.
        let fewest = view.needed.iter().map(Vec::len).max();
        assert_eq!(fewest, [Some(1), None][number], "{view:?}");
        assert!(
            view.needed
                .iter()
                .flatten()
                .all(|name| view.missing.contains(name))
        );
        if complete {
            break;
        }
        assert_ne!(world.show("w-1").await.state, "approved");
    }
    assert!(complete);
    assert_eq!(world.show("w-1").await.state, "approved");
    let wished = wished_voids(service, operator, world.vault, None).await;
    assert_eq!(wished.expect("lists"), []);
    let again = world.batch().await;
    assert_ne!(again, txid, "its coins are free and it is paid anew");
}

#[tokio::test]
async fn voids_that_are_foreign_altered_or_of_another_attempt_or_vault_count_for_nothing() {
    let world = World::funded(Kind::Wsh, 2, 1_000_000).await;
    world.submit("w-1", 300_000).await;
    let txid = world.batch().await;
    let other: Txid = "11".repeat(32).parse().expect("a txid");
    let stranger = void(&world, "stranger", txid);
    assert_eq!(code(hand_in(&world, txid, &stranger).await), "void_foreign");
    let of_other = void(&world, "journal 0", other);
    assert_eq!(
        code(hand_in(&world, txid, &of_other).await),
        "other_transaction"
    );
    let altered = Void { txid, ..of_other };
    assert_eq!(
        code(hand_in(&world, txid, &altered).await),
        "void_unreadable"
    );
    let vault = policies::VaultId::from_bytes([9; 32]);
    let elsewhere = Void::sign(&secret("journal 0"), vault, txid);
    assert_eq!(
        code(hand_in(&world, txid, &elsewhere).await),
        "void_unreadable"
    );
    let unknown = void(&world, "journal 0", other);
    assert_eq!(
        code(hand_in(&world, other, &unknown).await),
        "unknown_attempt"
    );
    let view = show_voids(&world.service, &world.operator, txid).await;
    let view = view.expect("shows");
    assert!(view.voided_by.is_empty() && view.state == "issued");
}

#[tokio::test]
async fn who_signed_an_attempt_cannot_void_it_and_a_void_before_a_signature_counts_no_more() {
    let world = World::funded(Kind::Wsh, 2, 1_000_000).await;
    world.submit("w-1", 300_000).await;
    let txid = world.batch().await;
    // A signer that voids and signs all the same is no honest one: his signature is believed.
    let first = void(&world, "journal 0", txid);
    assert_eq!(
        hand_in(&world, txid, &first)
            .await
            .expect("taken")
            .voided_by
            .len(),
        1
    );
    let signed = world.sign(0, txid).await.attempt.signed_by;
    let second = void(&world, "journal 1", txid);
    let view = hand_in(&world, txid, &second).await.expect("taken");
    assert_eq!((view.voided_by.len(), view.complete), (1, false));
    // Who signed it cannot void it, and is not named among those who may.
    let named = view.needed.concat();
    assert!(!named.is_empty() && !named.contains(&signed[0]), "{view:?}");
    assert_ne!(world.show("w-1").await.state, "approved");
    let ask = WishVoids::default();
    let batch = batch_of(&world, txid).await;
    let asked = wish_voids(&world.service, &world.operator, batch, &ask).await;
    assert_eq!(code(asked), "not_voidable");
    world.submit("w-2", 300_000).await;
    let other = world.batch().await;
    world.sign(0, other).await;
    let late = void(&world, "journal 0", other);
    assert_eq!(code(hand_in(&world, other, &late).await), "void_of_signed");
}
