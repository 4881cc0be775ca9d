//! Building before the writer is taken: what was built counts while the books stand still.

use super::world::World;
use crate::roles::fixture::Kind;
use crate::service::batches::{CreateBatch, create_batch_in, rehearse};

async fn batched(world: &World, between: bool) -> usize {
    let (service, vault) = (&world.service, world.vault);
    let asked = CreateBatch {
        among: None,
        withdrawals: None,
        feerate_sat_vb: Some("2".to_owned()),
        agreed: None,
    };
    let mut rehearsal = rehearse(service, vault, &asked).await.expect("reads");
    assert_eq!(rehearsal.builds(), 1);
    if between {
        world.submit("w-2", 200_000).await;
    }
    let mut tx = service.database().begin_write().await.expect("begins");
    let made = create_batch_in(service, &mut tx, "test", vault, &asked, &mut rehearsal).await;
    let (batch, _) = made.expect("a batch");
    tx.commit().await.expect("commits");
    let mut tx = service.database().begin_read().await.expect("begins");
    let paid = crate::store::batches::withdrawals_of(&mut tx, batch.id).await;
    assert_eq!(paid.expect("reads").len(), if between { 2 } else { 1 });
    rehearsal.builds()
}

#[tokio::test]
async fn what_was_built_from_a_read_is_not_built_again_while_others_wait_to_write() {
    let world = World::funded(Kind::Wsh, 2, 2_000_000).await;
    world.submit("w-1", 300_000).await;
    assert_eq!(batched(&world, false).await, 1);
}

#[tokio::test]
async fn what_was_built_from_books_that_changed_since_is_built_again() {
    let world = World::funded(Kind::Wsh, 2, 2_000_000).await;
    world.submit("w-1", 300_000).await;
    assert_eq!(batched(&world, true).await, 2);
}
