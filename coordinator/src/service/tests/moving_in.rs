//! A wallet that moves in: nothing of it is spent too early.

use policies::UnixTime;

use super::world::World;
use crate::roles::fixture::Kind;
use crate::store::moving_in::{self, MovingRow};

#[tokio::test]
async fn nothing_is_paid_while_a_wallet_moves_in_and_all_is_as_ever_afterwards() {
    let world = World::funded(Kind::Wsh, 1, 5_000_000).await;
    world.submit("w-1", 500_000).await;
    let mut row = MovingRow {
        vault: world.vault,
        from: 0,
        end: 1,
        scan: 1,
        comparison: None,
        begun_at: UnixTime::ZERO,
        begun_by: "olga".to_owned(),
        ended_at: None,
    };
    let database = world.service.database();
    let mut tx = database.begin_write().await.expect("begins");
    moving_in::insert(&mut tx, &row)
        .await
        .expect("begins to move in");
    tx.commit().await.expect("commits");
    let early = world.try_batch().await.expect_err("is too early");
    assert_eq!(early.code(), "moving_in");

    row.ended_at = Some(UnixTime::ZERO);
    let mut tx = database.begin_write().await.expect("begins");
    moving_in::update(&mut tx, &row)
        .await
        .expect("has moved in");
    tx.commit().await.expect("commits");
    world.batch().await;
}
