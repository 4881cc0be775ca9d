use bitcoin::absolute::LockTime;
use bitcoin::block::{Block, Header};
use bitcoin::consensus::serialize;
use bitcoin::hashes::Hash as _;
use bitcoin::transaction::Version;
use bitcoin::{
    Amount, BlockHash, CompactTarget, OutPoint, ScriptBuf, Sequence, Transaction, TxIn,
    TxMerkleNode, TxOut, Txid, Witness,
};
use proptest::prelude::*;

use super::path::inner;
use super::samples::{EASY, demanded, mined, proof};
use super::*;

fn transaction(number: u32) -> Transaction {
    Transaction {
        version: Version::TWO,
        lock_time: LockTime::from_consensus(number),
        input: vec![TxIn {
            previous_output: OutPoint::new(Txid::all_zeros(), number),
            script_sig: ScriptBuf::new(),
            sequence: Sequence::MAX,
            witness: Witness::new(),
        }],
        output: vec![TxOut {
            value: Amount::ONE_BTC,
            script_pubkey: ScriptBuf::from(vec![number.to_le_bytes()[0]; 34]),
        }],
    }
}

fn txid(number: u32) -> Txid {
    transaction(number).compute_txid()
}

fn fault(proof: &InclusionProof, of: u32) -> InclusionFault {
    let found = proof.verify(txid(of), &demanded());
    found.expect_err("it is not believed")
}

#[test]
fn every_transaction_of_a_block_is_shown_as_the_field_counts_its_tree() {
    for of in 1..20_u32 {
        let txdata: Vec<Transaction> = (0..of).map(transaction).collect();
        let header = mined(BlockHash::all_zeros(), TxMerkleNode::all_zeros(), EASY);
        let block = Block { header, txdata };
        let root = block.compute_merkle_root().expect("it has transactions");
        let txids: Vec<Txid> = block.txdata.iter().map(Transaction::compute_txid).collect();
        let header = mined(BlockHash::all_zeros(), root, EASY);
        let next = mined(header.block_hash(), root, EASY);
        for position in 0..of {
            let proof = InclusionProof::of_block(header, vec![next], &txids, position)
                .expect("it is in the block");
            let found = proof.verify(txid(position), &demanded());
            assert_eq!(found, Ok(header.block_hash()), "{position} of {of}");
            let other = proof.verify(txid(position + 1), &demanded());
            assert_eq!(other.map_err(|fault| fault.code()), Err("INCLUSION_PATH"));
        }
        assert_eq!(InclusionProof::of_block(header, vec![], &txids, of), None);
    }
}

#[test]
fn a_proof_of_a_full_block_is_about_a_kilobyte() {
    let mut proof = proof(txid(1), 1, 4_000);
    proof.further = vec![proof.header; 5];
    assert_eq!(proof.encode().len(), 80 + 1 + 5 * 80 + 4 + 1 + 12 * 32);
}

#[test]
fn fewer_headers_than_demanded_show_nothing() {
    let mut proof = proof(txid(1), 1, 5);
    proof.further.clear();
    let (found, needed) = (1, 2);
    let expected = InclusionFault::TooFewHeaders { found, needed };
    assert_eq!(fault(&proof, 1), expected);
}

#[test]
fn headers_that_are_not_linked_show_nothing() {
    let mut proof = proof(txid(1), 1, 5);
    let elsewhere = BlockHash::hash(b"elsewhere");
    proof.further = vec![mined(elsewhere, TxMerkleNode::all_zeros(), EASY)];
    assert_eq!(fault(&proof, 1), InclusionFault::NotLinked { number: 1 });
}

#[test]
fn a_header_of_less_work_than_demanded_shows_nothing_wherever_it_stands() {
    let honest = proof(txid(1), 1, 5);
    let mut hard = demanded();
    hard.bits = CompactTarget::from_consensus(0x1d00_ffff);
    let (number, bits, most) = (0, EASY, 0x1d00_ffff);
    let expected = InclusionFault::TooEasy { number, bits, most };
    assert_eq!(honest.verify(txid(1), &hard), Err(expected));
    // Zero, negative and overlong targets are nobody's work.
    for bits in [0, 0x2080_0001, 0x207f_ffff + 1, 0xff7f_ffff, 0x2300_ffff] {
        let mut proof = honest.clone();
        let previous = proof.header.block_hash();
        proof.further = vec![mined(previous, TxMerkleNode::all_zeros(), bits)];
        let expected = (1, bits);
        match fault(&proof, 1) {
            InclusionFault::TooEasy { number, bits, .. } => assert_eq!((number, bits), expected),
            other @ (InclusionFault::TooFewHeaders { .. }
            | InclusionFault::NotLinked { .. }
            | InclusionFault::NoWork { .. }
            | InclusionFault::Position { .. }
            | InclusionFault::Copy { .. }
            | InclusionFault::InnerTransaction { .. }
            | InclusionFault::OtherRoot { .. }) => panic!("{other}"),
        }
    }
}

#[test]
fn a_header_that_does_not_meet_its_own_work_shows_nothing() {
    let mut proof = proof(txid(1), 1, 5);
    // Harder than the policy demands, but nobody worked for it.
    proof.header.bits = CompactTarget::from_consensus(0x1d00_ffff);
    proof.further[0].prev_blockhash = proof.header.block_hash();
    assert_eq!(fault(&proof, 1), InclusionFault::NoWork { number: 0 });
}

#[test]
fn a_position_beyond_the_tree_is_refused() {
    for more in [8, 1 << 31] {
        let mut proof = proof(txid(1), 1, 5);
        proof.position += more;
        let (position, siblings) = (1 + more, 3);
        let expected = InclusionFault::Position { position, siblings };
        assert_eq!(fault(&proof, 1), expected);
    }
    let mut other = proof(txid(1), 1, 5);
    other.position = 3;
    assert_eq!(fault(&other, 1).code(), "INCLUSION_PATH");
}

#[test]
fn the_copy_of_a_trees_last_node_is_no_position_of_its_own() {
    // Of five, the last is copied at three levels.
    let proof = proof(txid(4), 4, 5);
    assert!(proof.verify(txid(4), &demanded()).is_ok());
    for (position, level) in [(5, 0), (6, 1), (7, 0)] {
        let copied = InclusionProof {
            position,
            ..proof.clone()
        };
        assert_eq!(fault(&copied, 4), InclusionFault::Copy { level });
    }
}

#[test]
fn two_hashes_that_are_a_transaction_too_show_nothing() {
    // A transaction of 64 bytes whose first half is the txid of one that nobody mined.
    let forged = (0..100_000)
        .map(transaction)
        .find(|forged| forged.compute_txid().to_byte_array()[4] == 1)
        .expect("one in 256");
    let forged = forged.compute_txid();
    let mut mineable = transaction(0);
    let halves = forged.to_byte_array();
    mineable.version =
        Version::non_standard(i32::from_le_bytes(halves[..4].try_into().expect("4 bytes")));
    let mut before = [9; 32];
    before[..27].copy_from_slice(&halves[5..]);
    mineable.input[0].previous_output.txid = Txid::from_byte_array(before);
    mineable.output[0].script_pubkey = ScriptBuf::from(vec![0x51; 4]);
    let bytes = serialize(&mineable);
    assert_eq!((bytes.len(), &bytes[..32]), (INNER_BYTES, &halves[..]));
    // It is in the block; its halves are not.
    let mut proof = proof(mineable.compute_txid(), 1, 2);
    assert!(proof.verify(mineable.compute_txid(), &demanded()).is_ok());
    let other = TxMerkleNode::from_byte_array(bytes[32..].try_into().expect("32 bytes"));
    proof.siblings.insert(0, other);
    proof.position = 2;
    let expected = InclusionFault::InnerTransaction { level: 0 };
    assert_eq!(proof.verify(forged, &demanded()), Err(expected));
}

#[test]
fn honest_hashes_are_not_taken_for_transactions() {
    let node = |number: u32| TxMerkleNode::hash(&number.to_le_bytes());
    let read = |number| {
        let bytes = inner(node(number), node(number + 1));
        bitcoin::consensus::deserialize::<Transaction>(&bytes)
    };
    assert!((0..10_000).all(|number| read(number).is_err()));
}

#[test]
fn bytes_that_announce_more_than_they_hold_are_refused_before_anything_is_allocated() {
    let bytes = proof(txid(1), 1, 5).encode();
    for end in 0..bytes.len() {
        let error = InclusionProof::decode(&bytes[..end]).expect_err("it ends early");
        assert!(matches!(error, InclusionError::EndsEarly { .. }), "{end}");
    }
    let longer = [&bytes[..], &[0]].concat();
    let trailing = InclusionError::TrailingBytes { found: 1 };
    assert_eq!(InclusionProof::decode(&longer), Err(trailing));
    let mut many = bytes.clone();
    many[80] = 144;
    let error = InclusionError::TooManyHeaders { found: 144 };
    assert_eq!(InclusionProof::decode(&many), Err(error));
    let mut deep = bytes;
    deep[80 + 1 + 80 + 4] = 16;
    let error = InclusionError::TooManySiblings { found: 16 };
    assert_eq!(InclusionProof::decode(&deep), Err(error));
}

fn headers() -> impl Strategy<Value = Header> {
    any::<(i32, [u8; 32], [u8; 32], u32, u32, u32)>().prop_map(|parts| Header {
        version: bitcoin::block::Version::from_consensus(parts.0),
        prev_blockhash: BlockHash::from_byte_array(parts.1),
        merkle_root: TxMerkleNode::from_byte_array(parts.2),
        time: parts.3,
        bits: CompactTarget::from_consensus(parts.4),
        nonce: parts.5,
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(
        header in headers(),
        further in prop::collection::vec(headers(), 0..8),
        position: u32,
        siblings in prop::collection::vec(any::<[u8; 32]>(), 0..=15),
    ) {
        let siblings = siblings.into_iter().map(TxMerkleNode::from_byte_array).collect();
        let proof = InclusionProof { header, further, position, siblings };
        prop_assert_eq!(InclusionProof::decode(&proof.encode()), Ok(proof));
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        if let Ok(proof) = InclusionProof::decode(&bytes) {
            prop_assert_eq!(proof.encode(), bytes);
            prop_assert!(proof.verify(txid(1), &demanded()).is_err());
        }
    }
}
