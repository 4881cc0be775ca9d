//! The chain is followed past a node that is two, and a round without news reads nothing.

use std::time::Duration;

use bitcoin::block::Block;
use bitcoin::constants::genesis_block;
use bitcoin::hashes::Hash as _;
use bitcoin::{BlockHash, Network};
use serde_json::Value;

use super::World;
use crate::bitcoind::pretended::next;
use crate::daemon::RoundError;
use crate::store::inclusion;
use crate::store::node::Trouble;
use crate::tracker::simulation::{foreign, outside, spend};

/// A node that names a block of another chain after ours, so many times; then it is of one mind.
fn of_two_minds(world: &World, times: usize) {
    let mut other: Block = next(&genesis_block(Network::Regtest), Vec::new(), 7);
    other.header.prev_blockhash = BlockHash::all_zeros();
    world.node.know(&other);
    let (hash, mut left) = (other.block_hash(), times);
    world.node.before(move |chain, method, params| {
        let last = u64::try_from(chain.len() - 1).expect("a short chain");
        let asked = params.get(0).and_then(Value::as_u64);
        if method != "getblockhash" || asked != Some(last) || left == 0 {
            return None;
        }
        left -= 1;
        Some(Ok(format!(r#""{hash}""#)))
    });
}

#[tokio::test]
async fn a_node_that_is_two_in_turn_is_in_trouble_and_asked_no_further() {
    let mut world = World::start().await;
    world.node.mine(Vec::new());
    world.follow().await;
    world.node.mine(Vec::new());
    of_two_minds(&world, 2);
    world.follow().await;
    assert_eq!(
        world
            .worker
            .tip()
            .await
            .expect("reads")
            .map(|tip| tip.height),
        Some(2)
    );

    world.node.mine(Vec::new());
    of_two_minds(&world, usize::MAX);
    let info = world.node.client().chain_info().await.expect("answers");
    let followed = world.worker.follow_chain(&info, u32::MAX);
    let followed = tokio::time::timeout(Duration::from_secs(10), followed).await;
    let error = followed.expect("it ends").expect_err("is in trouble");
    let RoundError::Trouble { trouble, detail } = error else {
        panic!("{error}")
    };
    assert_eq!(trouble, Trouble::Malformed);
    assert!(detail.contains("at height 3"), "{detail}");
}

#[tokio::test]
async fn a_round_without_a_new_block_reads_nothing_of_what_shows_coins_in_the_chain() {
    let mut world = World::start().await;
    for _ in 0..3 {
        world.node.mine(Vec::new());
    }
    world.follow().await;
    // The first block's header is fetched here: it was the beginning, and not taken in.
    for _ in 0..2 {
        world.worker.fill_inclusion().await.expect("fills");
    }
    assert_eq!(world.node.calls("getblockheader"), 1);
    let mut tx = world.write().await;
    for sql in [
        "ALTER TABLE inclusion_path RENAME TO inclusion_away",
        "ALTER TABLE block_header RENAME TO header_away",
    ] {
        tx.execute(sql, &[]).await.expect("renames");
    }
    tx.commit().await.expect("commits");
    world.worker.fill_inclusion().await.expect("reads nothing");
    let mut tx = world.write().await;
    for sql in [
        "ALTER TABLE inclusion_away RENAME TO inclusion_path",
        "ALTER TABLE header_away RENAME TO block_header",
    ] {
        tx.execute(sql, &[]).await.expect("renames");
    }
    tx.commit().await.expect("commits");

    // A new block is looked at, the old ones are not; after a reorg all are.
    let forget = async |world: &World, from: u32| {
        let mut tx = world.write().await;
        tx.execute(
            "DELETE FROM block_header WHERE height >= $1",
            &[from.into()],
        )
        .await
        .expect("forgets");
        tx.commit().await.expect("commits");
    };
    world.node.mine(Vec::new());
    world.follow().await;
    forget(&world, 1).await;
    world.worker.fill_inclusion().await.expect("fills");
    assert_eq!(missing(&world).await, 3);
    world.node.take_back();
    world.node.take_back();
    world
        .node
        .mine(vec![spend(1, &[outside(1)], &[(foreign(1), 1)])]);
    world.node.mine(Vec::new());
    world.node.mine(Vec::new());
    world.follow().await;
    world.worker.fill_inclusion().await.expect("fills");
    assert_eq!(missing(&world).await, 0);
}

async fn missing(world: &World) -> usize {
    let mut tx = world.write().await;
    let missing = inclusion::without_header(&mut tx, 0, 100).await;
    missing.expect("reads").len()
}
