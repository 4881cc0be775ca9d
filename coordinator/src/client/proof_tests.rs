//! What shows an event in the chain, honest and with each part of it a lie.

use std::collections::BTreeMap;
use std::convert::Infallible;

use bitcoin::block::{Header, Version};
use bitcoin::consensus::encode;
use bitcoin::hashes::Hash as _;
use bitcoin::hex::DisplayHex as _;
use bitcoin::{
    Amount, BlockHash, CompactTarget, OutPoint, ScriptBuf, Sequence, Transaction, TxIn,
    TxMerkleNode, TxOut, Txid, WScriptHash, Witness, absolute, transaction,
};
use policies::inclusion::{InclusionFault, InclusionProof};
use policies::{Intent, IntentKind, Keychain, Policy, UnixTime};
use serde_json::{Value, json};

use super::proof::{ActiveChain, ConfirmError, Depth, Excluded, Proof, ProofError};
use super::tests::policy;
use super::wire::Event;

/// The service's own node: the blocks of its active chain.
#[derive(Default)]
struct Own(BTreeMap<BlockHash, Depth>);

impl ActiveChain for Own {
    type Error = Infallible;

    fn depth(&self, block: BlockHash) -> Result<Option<Depth>, Infallible> {
        Ok(self.0.get(&block).copied())
    }
}

fn coin(seed: u8) -> OutPoint {
    OutPoint::new(Txid::from_byte_array([seed; 32]), 0)
}

fn pays(inputs: &[OutPoint], script_pubkey: &ScriptBuf, sat: u64) -> Transaction {
    Transaction {
        version: transaction::Version::TWO,
        lock_time: absolute::LockTime::ZERO,
        input: inputs
            .iter()
            .map(|previous_output| TxIn {
                previous_output: *previous_output,
                script_sig: ScriptBuf::new(),
                sequence: Sequence::ENABLE_RBF_NO_LOCKTIME,
                witness: Witness::new(),
            })
            .collect(),
        output: vec![TxOut {
            value: Amount::from_sat(sat),
            script_pubkey: script_pubkey.clone(),
        }],
    }
}

/// A block of three transactions, of which this is the second, and what shows it there.
fn in_block(transaction: &Transaction) -> Proof {
    let txid = transaction.compute_txid();
    let txids = [coin(200).txid, txid, coin(201).txid];
    let hashes = txids.map(Txid::to_raw_hash);
    let root = bitcoin::merkle_tree::calculate_root(hashes.into_iter()).expect("three leaves");
    let header = Header {
        version: Version::TWO,
        prev_blockhash: BlockHash::all_zeros(),
        merkle_root: TxMerkleNode::from_raw_hash(root),
        time: 1_795_400_000,
        bits: CompactTarget::from_consensus(0x207f_ffff),
        nonce: 7,
    };
    let shown = InclusionProof::of_block(header, Vec::new(), &txids, 1).expect("is there");
    Proof {
        txid,
        transaction: encode::serialize_hex(transaction),
        height: 120,
        block: header.block_hash(),
        inclusion: shown.encode().to_lower_hex_string(),
        excluded: Vec::new(),
    }
}

fn event(kind: &str, body: Value) -> Event {
    Event {
        number: 9,
        object_kind: "deposit".to_owned(),
        object_id: "x".to_owned(),
        version: 1,
        kind: kind.to_owned(),
        vault: None,
        body,
        actor: "watchtower".to_owned(),
        reason: String::new(),
        at: UnixTime::from_secs(1_795_400_000),
        hash: String::new(),
        proof: None,
    }
}

fn deposit(policy: &Policy, index: u32) -> (Event, Proof) {
    let script = policy.descriptor.script_pubkey(Keychain::External, index);
    let payment = pays(&[coin(1)], &script, 70_000);
    let body = json!({
        "amount_sat": 70_000,
        "index": index,
        "keychain": "external",
        "script_pubkey": script.to_hex_string(),
        "txid": payment.compute_txid().to_string(),
        "vout": 0,
    });
    let mut event = event("deposit.settled", body);
    event.object_id = format!("{}:0", payment.compute_txid());
    (event, in_block(&payment))
}

fn with(event: &Event, field: &str, value: Value) -> Event {
    let mut altered = event.clone();
    altered.body[field] = value;
    altered
}

#[test]
fn a_deposit_is_shown_and_the_own_node_says_how_deep() {
    let policy = policy();
    let (event, proof) = deposit(&policy, 4);
    let deposit = proof.shows_deposit(&event, &policy).expect("is shown");
    assert_eq!(deposit.outpoint, OutPoint::new(proof.txid, 0));
    assert_eq!((deposit.index, deposit.amount.to_sat()), (4, 70_000));
    let shown = deposit.shown;
    let mut own = Own::default();
    let unknown = shown.confirm(&own, 1).expect_err("is in no chain of ours");
    assert!(
        matches!(unknown, ConfirmError::NotInChain { .. }),
        "{unknown:?}"
    );
    let depth = Depth {
        height: 120,
        confirmations: 3,
    };
    own.0.insert(shown.block, depth);
    assert_eq!(shown.confirm(&own, 3).expect("is deep enough"), depth);
    let shallow = shown.confirm(&own, 4).expect_err("is not deep enough");
    assert!(matches!(shallow, ConfirmError::TooShallow { found: 3, .. }));
    own.0.insert(
        shown.block,
        Depth {
            height: 119,
            ..depth
        },
    );
    let elsewhere = shown.confirm(&own, 1).expect_err("is elsewhere");
    assert!(matches!(
        elsewhere,
        ConfirmError::OtherHeight { found: 119, .. }
    ));
}

#[test]
fn what_pays_a_change_address_shows_no_deposit() {
    let policy = policy();
    let script = policy.descriptor.script_pubkey(Keychain::Internal, 4);
    let change = pays(&[coin(1)], &script, 70_000);
    let (event, _) = deposit(&policy, 4);
    let mut event = with(&event, "script_pubkey", json!(script.to_hex_string()));
    event.body["keychain"] = json!("internal");
    event.body["txid"] = json!(change.compute_txid().to_string());
    event.object_id = format!("{}:0", change.compute_txid());
    let refused = in_block(&change).shows_deposit(&event, &policy);
    assert_eq!(refused, Err(ProofError::Change { index: 4 }));
}

#[test]
fn each_lie_about_a_deposit_is_found() {
    let policy = policy();
    let (event, proof) = deposit(&policy, 4);
    let refused = |event: &Event, proof: &Proof| {
        let refused = proof.shows_deposit(event, &policy);
        refused.expect_err("is a lie")
    };
    let lie = refused(&with(&event, "amount_sat", json!(70_001)), &proof);
    assert!(matches!(lie, ProofError::PaysOtherwise { .. }), "{lie}");
    let mut nowhere = with(&event, "vout", json!(1));
    nowhere.object_id = format!("{}:1", proof.txid);
    let lie = refused(&nowhere, &proof);
    assert!(matches!(lie, ProofError::PaysOtherwise { .. }), "{lie}");
    // One coin is not told twice under two names, nor under that of another.
    for object in [
        "x".to_owned(),
        nowhere.object_id,
        format!("{}:00", proof.txid),
    ] {
        let mut again = event.clone();
        again.object_id = object;
        let lie = refused(&again, &proof);
        assert!(matches!(lie, ProofError::OtherCoin { .. }), "{lie}");
    }
    for (field, value) in [
        ("index", json!(5)),
        (
            "script_pubkey",
            json!("00141111111111111111111111111111111111111111"),
        ),
    ] {
        let lie = refused(&with(&event, field, value), &proof);
        assert!(matches!(lie, ProofError::ForeignScript { .. }), "{lie}");
    }
    let lie = refused(&with(&event, "txid", json!("11".repeat(32))), &proof);
    assert!(matches!(lie, ProofError::OtherTransaction { .. }), "{lie}");
    let (_, other) = deposit(&policy, 5);
    let lie = refused(&event, &other);
    assert!(matches!(lie, ProofError::OtherTransaction { .. }), "{lie}");
    let lie = refused(
        &event,
        &Proof {
            inclusion: other.inclusion.clone(),
            ..proof.clone()
        },
    );
    let root = ProofError::Path(InclusionFault::OtherRoot {
        found: TxMerkleNode::all_zeros(),
    });
    assert_eq!(
        std::mem::discriminant(&lie),
        std::mem::discriminant(&root),
        "{lie}"
    );
    let lie = refused(
        &event,
        &Proof {
            block: BlockHash::all_zeros(),
            ..proof.clone()
        },
    );
    assert!(matches!(lie, ProofError::OtherBlock { .. }), "{lie}");
    let seen = Event {
        kind: "deposit.seen".to_owned(),
        ..event
    };
    let lie = refused(&seen, &proof);
    assert!(matches!(lie, ProofError::OtherKind { .. }), "{lie}");
}

fn intent(policy: &Policy) -> Intent {
    let created = UnixTime::from_secs(1_795_400_000);
    Intent {
        vault: policy.vault,
        keyset: policy.keyset,
        requester: "exchange".parse().expect("a name"),
        id: "w-1".parse().expect("an id"),
        kind: IntentKind::Payment,
        script_pubkey: ScriptBuf::new_p2wsh(&WScriptHash::from_byte_array([3; 32])),
        amount: Amount::from_sat(50_000),
        min: Amount::from_sat(50_000),
        created,
        expires: created.saturating_add(3_600),
        replaces: None,
        repeats: None,
        reference: String::new(),
    }
}

#[test]
fn a_payment_is_shown_by_what_the_service_itself_asked_for() {
    let policy = policy();
    let asked = intent(&policy);
    let body = json!({ "intent": asked.hash().to_string() });
    let settled = event("withdrawal.settled", body);
    let paid = pays(&[coin(1)], &asked.script_pubkey, 50_000);
    let shown = in_block(&paid).shows_payment(&settled, &asked);
    assert_eq!(shown.expect("is shown").transaction, paid);
    let less = pays(&[coin(1)], &asked.script_pubkey, 49_999);
    let lie = in_block(&less).shows_payment(&settled, &asked);
    assert!(
        matches!(lie, Err(ProofError::PaysOtherwise { .. })),
        "{lie:?}"
    );
    let other = with(&settled, "intent", json!("00".repeat(32)));
    let lie = in_block(&paid).shows_payment(&other, &asked);
    assert_eq!(lie, Err(ProofError::OtherIntent));
}

#[test]
fn a_failure_is_shown_only_where_each_that_was_issued_is_excluded() {
    let policy = policy();
    let asked = intent(&policy);
    let own = policy.descriptor.script_pubkey(Keychain::Internal, 1);
    let rival = pays(&[coin(1)], &own, 40_000);
    let body = json!({
        "intent": asked.hash().to_string(),
        "by": rival.compute_txid().to_string(),
    });
    let failed = event("withdrawal.failed", body);
    let issued = |transaction: &Transaction, ancestors: &[&Transaction]| Excluded {
        transaction: encode::serialize_hex(transaction),
        ancestors: ancestors
            .iter()
            .copied()
            .map(encode::serialize_hex)
            .collect(),
    };
    let check = |excluded: Vec<Excluded>| {
        let proof = Proof {
            excluded,
            ..in_block(&rival)
        };
        proof.shows_failure(&failed, &asked).map(drop)
    };
    let beside = pays(&[coin(2), coin(1)], &asked.script_pubkey, 50_000);
    assert_eq!(check(vec![issued(&beside, &[])]), Ok(()));
    // One that descends from what the rival excludes.
    let parent = pays(&[coin(1)], &own, 60_000);
    let from_parent = OutPoint::new(parent.compute_txid(), 0);
    let child = pays(&[from_parent], &asked.script_pubkey, 50_000);
    assert_eq!(check(vec![issued(&child, &[&parent])]), Ok(()));
    let alone = check(vec![issued(&beside, &[]), issued(&child, &[])]);
    assert!(
        matches!(alone, Err(ProofError::NotExcluded { .. })),
        "{alone:?}"
    );
    let apart = pays(&[coin(3)], &asked.script_pubkey, 50_000);
    let apart = check(vec![issued(&apart, &[])]);
    assert!(
        matches!(apart, Err(ProofError::NotExcluded { .. })),
        "{apart:?}"
    );
    assert_eq!(check(Vec::new()), Err(ProofError::NothingExcluded));
    let another = pays(&[coin(1)], &own, 50_000);
    assert_eq!(
        check(vec![issued(&another, &[])]),
        Err(ProofError::NothingExcluded),
        "it never paid the request"
    );
}
