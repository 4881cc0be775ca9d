//! A drill proves keys to strangers, and a real node takes nothing of it.
//!
//! In place of the device are programs that know nothing of us: Python's embit, and npm's @scure/btc-signer. Bitcoin
//! Core's own consensus code has the last word on the whole proof, and its node on what could move money.

use std::fs;

use bitcoin::block::{Header, Version};
use bitcoin::consensus::encode::serialize_hex;
use bitcoin::hashes::Hash as _;
use bitcoin::{Address, Block, BlockHash, CompactTarget, Transaction, TxMerkleNode};
use coordinator::roles::consensus;
use harness::{Engine, Failure, Outcome, ScriptKind, Treasury, field};
use policies::proof::{to_spend, verify_full};
use serde_json::{Value, json};

use crate::air_gap::{Device, embit, path, scure};

/// The first transaction as the coinbase of the node's next block, and what the node says of that.
fn as_coinbase(treasury: &Treasury, spent: &Transaction) -> Result<Value, Failure> {
    let tip: String = treasury.node.call("getbestblockhash", json!([]))?;
    let header: Value = treasury.node.call("getblockheader", json!([tip]))?;
    let bits = u32::from_str_radix(&field(&header, "bits")?, 16)?;
    let time = header["time"].as_u64().unwrap_or_default();
    let mut block = Block {
        header: Header {
            version: Version::from_consensus(0x2000_0000),
            prev_blockhash: tip.parse::<BlockHash>()?,
            merkle_root: TxMerkleNode::all_zeros(),
            time: u32::try_from(time)?.saturating_add(1),
            bits: CompactTarget::from_consensus(bits),
            nonce: 0,
        },
        txdata: vec![spent.clone()],
    };
    let root = block.compute_merkle_root();
    block.header.merkle_root = root.ok_or_else(|| Failure::new("a block without transactions"))?;
    // A proposal is checked but for its work.
    let proposal =
        json!([{ "mode": "proposal", "data": serialize_hex(&block), "rules": ["segwit"] }]);
    treasury.node.call("getblocktemplate", proposal)
}

/// 1. Alice's key lies in a device; her home hands a drill to it, the device signs, her home takes the answer.
/// 2. Bob drills by the key in his home; together they prove the address, and Bitcoin Core's code agrees.
/// 3. The node takes neither transaction: not into its pool, not into a block, not as a block's coinbase.
fn strangers_drill(kind: ScriptKind, device: Device) -> Outcome {
    let mut treasury = Treasury::start(kind, Engine::Sqlite)?;
    let (alice, bob) = (&treasury.people.alice, &treasury.people.bob);
    let master = alice.put_key_into_device("coldcard")?;
    let drill = ["drill", "--challenge", "audit-7", "--index", "2"];
    let handed = alice.home().with_file_name("drill.psbt");
    let hand = [&drill[..], &["--hand-to", path(&handed)?]].concat();
    alice.run(&hand)?.done()?;
    let signed = device(&treasury, &fs::read(&handed)?, &master)?;
    let reply = alice.bring("reply", &signed)?;
    let of_alice = alice.home().with_file_name("alice.json");
    let answer = ["drill", "--answer", path(&reply)?, "-o", path(&of_alice)?];
    alice.run(&answer)?.done()?;
    let of_bob = bob.home().with_file_name("bob.json");
    let here = [&drill[..], &["--yes", "-o", path(&of_bob)?]].concat();
    bob.run(&here)?.done()?;

    let verify = ["drill", "verify", path(&of_alice)?, path(&of_bob)?];
    let verified = bob.run(&verify)?.done()?.json()?;
    let proof = &verified["proofs"][0];
    assert_eq!(proof["proven"], json!(["alice", "bob"]), "{verified}");
    let address = field(proof, "address")?.parse::<Address<_>>()?;
    let script = address
        .require_network(bitcoin::Network::Regtest)?
        .script_pubkey();
    let message = field(proof, "message")?;
    let full = verify_full(&script, &message, &field(proof, "signature")?)?;
    let spent = to_spend(&script, &message);
    consensus::verify(full.transaction(), &spent.output)?;

    for transaction in [&spent, full.transaction()] {
        let raw = json!([[serialize_hex(transaction)], 0]);
        let answer: Value = treasury.node.call("testmempoolaccept", raw)?;
        assert_eq!(answer[0]["allowed"], false, "{answer}");
    }
    assert_eq!(as_coinbase(&treasury, &spent)?, "bad-cb-height");
    treasury.must_be_well()
}

#[test]
fn embit_drills_for_an_address_of_a_wsh_vault_and_a_node_takes_nothing_of_it() -> Outcome {
    strangers_drill(ScriptKind::Wsh, embit)
}

#[test]
fn scure_drills_for_an_address_of_a_tr_vault_and_a_node_takes_nothing_of_it() -> Outcome {
    strangers_drill(ScriptKind::Tr, scure)
}
