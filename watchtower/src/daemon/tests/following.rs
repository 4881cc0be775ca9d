//! The chain is followed past a node that is two.

use std::time::Duration;

use bitcoin::block::Block;
use bitcoin::constants::genesis_block;
use bitcoin::hashes::Hash as _;
use bitcoin::{BlockHash, Network};
use serde_json::Value;

use super::World;
use crate::bitcoind::pretended::next;
use crate::daemon::RoundError;
use crate::store::node::Trouble;

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
