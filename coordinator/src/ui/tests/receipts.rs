//! A receipt as it is taken away, and its proof of inclusion followed by code that shares nothing with ours.

use bitcoin::block::{Block, Header, Version};
use bitcoin::consensus::encode::deserialize_hex;
use bitcoin::hashes::{Hash as _, sha256d};
use bitcoin::hex::FromHex as _;
use bitcoin::{CompactTarget, MerkleBlock, Transaction, TxMerkleNode, Txid};
use tokio::runtime::Runtime;
use watchtower::store::{chain, inclusion};
use watchtower::tracker;

use super::served::Served;
use crate::roles::fixture::Kind;
use crate::service::people::PersonRole;
use crate::service::tests::world::{World, foreign};

/// Mines a block with a header, and has it looked at.
async fn mine(world: &mut World, transactions: Vec<Transaction>) -> Block {
    let tip = world.blocks.last().expect("a tip").at();
    let now = world.service.now();
    let mut block = Block {
        header: Header {
            version: Version::TWO,
            prev_blockhash: tip.hash,
            merkle_root: TxMerkleNode::all_zeros(),
            time: u32::try_from(now.as_secs()).expect("before 2106"),
            bits: CompactTarget::from_consensus(0x207f_ffff),
            nonce: 0,
        },
        txdata: transactions,
    };
    block.header.merkle_root = block.compute_merkle_root().expect("has transactions");
    let taken = tracker::Block {
        height: tip.height + 1,
        hash: block.block_hash(),
        previous: tip.hash,
        time: now,
        transactions: block.txdata.clone(),
    };
    let database = world.service.database();
    let mut tx = database.begin_write().await.expect("begins");
    let changes = chain::connect_block(&mut tx, &taken, now).await;
    drop(changes.expect("connects"));
    let recorded = inclusion::record(&mut tx, taken.at(), &block.header, &block.txdata).await;
    recorded.expect("records");
    tx.commit().await.expect("commits");
    world.blocks.push(taken);
    block
}

/// The root that a path leads to, as every node computes it.
fn root_of(txid: Txid, position: u64, siblings: &[[u8; 32]]) -> [u8; 32] {
    let (mut node, mut position) = (txid.to_byte_array(), position);
    for sibling in siblings {
        let pair = if position % 2 == 0 {
            [node, *sibling].concat()
        } else {
            [*sibling, node].concat()
        };
        node = sha256d::Hash::hash(&pair).to_byte_array();
        position /= 2;
    }
    node
}

#[test]
fn a_receipts_proof_of_inclusion_leads_from_the_payment_to_a_header_of_the_chain() {
    let runtime = Runtime::new().expect("a runtime");
    let (world, txid, blocks) = runtime.block_on(async {
        let mut world = World::funded(Kind::Wsh, 1, 1_000_000).await;
        world.submit("w-1", 300_000).await;
        let txid = world.batch().await;
        let paid = world.broadcast(txid).await;
        let mut others: Vec<Transaction> = (0..4)
            .map(|seed| world.payment_to(foreign(seed), 10_000))
            .collect();
        others.insert(2, paid);
        let mut blocks = vec![mine(&mut world, others).await];
        for seed in 5..7 {
            let empty = vec![world.payment_to(foreign(seed), 10_000)];
            blocks.push(mine(&mut world, empty).await);
        }
        world.work().await;
        (world, txid, blocks)
    });
    let served = Served::over(runtime, world.service.clone(), world.time.clone());
    let (_, ada) = served.person("ada", PersonRole::Auditor);
    let path = format!("/vaults/{}/withdrawals/exchange/w-1/receipt", world.vault);
    let file = served.get(&format!("{path}.json"), &ada);
    assert_eq!(file.status, 200, "{}", file.text);
    assert_eq!(file.kept, "attachment; filename=\"receipt-w-1.json\"");

    let receipt = file.json();
    let part = &receipt["inclusion"];
    let text = |value: &serde_json::Value| value.as_str().expect("a text").to_owned();
    let header: Header = deserialize_hex(&text(&part["header"])).expect("a header");
    let further: Vec<Header> = (part["further"].as_array().expect("headers").iter())
        .map(|header| deserialize_hex(&text(header)).expect("a header"))
        .collect();
    assert_eq!(header, blocks[0].header);
    assert_eq!(text(&part["block"]), header.block_hash().to_string());
    assert_eq!(further.len(), 2);
    let mut before = header;
    for after in further {
        assert_eq!(after.prev_blockhash, before.block_hash());
        before = after;
    }

    let position = part["position"].as_u64().expect("a number");
    let siblings: Vec<[u8; 32]> = (part["siblings"].as_array().expect("hashes").iter())
        .map(|sibling| <[u8; 32]>::from_hex(&text(sibling)).expect("a hash"))
        .collect();
    let root = header.merkle_root.to_byte_array();
    assert_eq!(root_of(txid, position, &siblings), root);
    assert_ne!(root_of(txid, position + 1, &siblings), root);
    assert_ne!(root_of(txid, position, &siblings[1..]), root);
    let stranger = blocks[1].txdata[0].compute_txid();
    assert_ne!(root_of(stranger, position, &siblings), root);

    // The same place in the block, by the proof that nodes give for light clients (BIP 37).
    let proven = MerkleBlock::from_block_with_predicate(&blocks[0], |one| *one == txid);
    let (mut found, mut places) = (Vec::new(), Vec::new());
    proven
        .extract_matches(&mut found, &mut places)
        .expect("leads to the root");
    assert_eq!(found, [txid]);
    assert_eq!(
        places.into_iter().map(u64::from).collect::<Vec<_>>(),
        [position]
    );

    let page = served.get(&path, &ada);
    assert_eq!(page.status, 200);
    assert!(
        page.text.contains(&header.block_hash().to_string()),
        "{}",
        page.text
    );
}
