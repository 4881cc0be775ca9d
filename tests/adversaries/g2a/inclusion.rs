//! Poisoned journals: first attempts over coins that nobody can ever spend otherwise.

use bitcoin::absolute::LockTime;
use bitcoin::block::{Header, Version as BlockVersion};
use bitcoin::consensus::serialize;
use bitcoin::hashes::Hash as _;
use bitcoin::transaction::Version;
use bitcoin::{
    Amount, BlockHash, CompactTarget, OutPoint, ScriptBuf, Sequence, Transaction, TxIn,
    TxMerkleNode, TxOut, Txid, Witness,
};
use policies::inclusion::{InclusionProof, merkle_path, root_above, target_of};

use super::super::attempt::Attempt;
use super::super::vault::{Vault, stranger};
use super::past::{with_coins_from, with_fundings};
use super::stage::{Attack, Signer, Stage, attack, pay};
use crate::Failure;

pub(super) const ATTACKS: &[Attack] = &[
    attack(
        "a first attempt over invented coins",
        "INCLUSION_MISSING",
        invented_coins,
    ),
    attack(
        "a second attempt over the invented coin of the first",
        "INCLUSION_MISSING",
        invented_second,
    ),
    attack("a block that nobody worked for", "INCLUSION_WORK", no_work),
    attack(
        "blocks that are not linked",
        "INCLUSION_NOT_LINKED",
        not_linked,
    ),
    attack("a path to another root", "INCLUSION_PATH", other_root),
    attack(
        "two hashes of a block as a transaction",
        "INCLUSION_PATH",
        inner_hashes,
    ),
    attack(
        "a stranger's coin behind an invented ancestor",
        "INCLUSION_UNRELATED",
        strangers_coin,
    ),
];

/// The work of regtest.
const EASY: u32 = 0x207f_ffff;

/// The vault under a policy that asks for a coin with two confirmations.
fn asking(vault: &Vault) -> Result<Vault, Failure> {
    let asks = "inclusion = { bits = \"207fffff\", confirmations = 2 }\nconfirmations = ";
    vault.under(|text| text.replace("confirmations = ", asks))
}

/// A header that meets the work of regtest, whatever it says of its own.
fn mined(previous: BlockHash, merkle_root: TxMerkleNode, bits: u32) -> Result<Header, Failure> {
    let easy = target_of(CompactTarget::from_consensus(EASY));
    let easy = easy.ok_or_else(|| Failure::new("no target"))?;
    let mut header = Header {
        version: BlockVersion::TWO,
        prev_blockhash: previous,
        merkle_root,
        time: 1_800_000_000,
        bits: CompactTarget::from_consensus(bits),
        nonce: 0,
    };
    while !easy.is_met_by(header.block_hash()) {
        header.nonce += 1;
    }
    Ok(header)
}

/// The transaction as the second of three in a block, with one more block on top.
fn proof(txid: Txid) -> Result<InclusionProof, Failure> {
    let txids = [Txid::hash(b"coinbase"), txid, Txid::hash(b"another")];
    let siblings = merkle_path(&txids, 1).ok_or_else(|| Failure::new("no path"))?;
    let root = root_above(txid, 1, &siblings)?;
    let header = mined(BlockHash::all_zeros(), root, EASY)?;
    let next = mined(header.block_hash(), TxMerkleNode::all_zeros(), EASY)?;
    Ok(InclusionProof {
        header,
        further: vec![next],
        position: 1,
        siblings,
    })
}

/// A payment from coins, of which the first is shown in a block.
fn shown(vault: &Vault, coins: &[usize]) -> Result<Attempt, Failure> {
    let mut attempt = with_fundings(vault, &pay(vault, "w-1", 21, 20_000_000, coins));
    let txid = vault.coins[coins[0]].outpoint.txid;
    attempt.manifest.inclusions.insert(txid, proof(txid)?);
    Ok(attempt)
}

/// The same with a lie in the proof.
fn lying(vault: &Vault, lie: impl FnOnce(&mut InclusionProof)) -> Result<Attempt, Failure> {
    let mut attempt = shown(vault, &[0])?;
    let txid = vault.coins[0].outpoint.txid;
    let mut proof = proof(txid)?;
    lie(&mut proof);
    attempt.manifest.inclusions.insert(txid, proof);
    Ok(attempt)
}

fn refuses_and_signs_the_truth(
    stage: &mut Stage<'_>,
    vault: &Vault,
    lie: &Attempt,
) -> Result<(), Failure> {
    let mut alice = Signer::new(vault, "alice");
    stage.refuses(&mut alice, lie)?;
    stage.signs(&mut alice, &shown(vault, &[0])?)?;
    Ok(())
}

fn invented_coins(stage: &mut Stage<'_>) -> Result<(), Failure> {
    let vault = asking(stage.vault)?;
    let invented = with_fundings(&vault, &pay(&vault, "w-1", 21, 20_000_000, &[0]));
    refuses_and_signs_the_truth(stage, &vault, &invented)
}

fn invented_second(stage: &mut Stage<'_>) -> Result<(), Failure> {
    let invented = stage.vault.coins.len();
    let spent = [1, 2].map(|vout| OutPoint::new(Txid::hash(b"invented"), vout));
    let vault = with_coins_from(&asking(stage.vault)?, spent);
    let mut alice = Signer::new(&vault, "alice");
    stage.signs(&mut alice, &shown(&vault, &[0, invented])?)?;
    // Whatever pays it later from what is real can exclude the first one only.
    let second = with_fundings(&vault, &pay(&vault, "w-1", 21, 20_000_000, &[invented]));
    stage.refuses(&mut alice, &second)?;
    let bump = with_fundings(
        &vault,
        &pay(&vault, "w-1", 21, 20_000_000, &[0, invented, 1]),
    );
    stage.signs(&mut alice, &bump)?;
    Ok(())
}

fn no_work(stage: &mut Stage<'_>) -> Result<(), Failure> {
    let vault = asking(stage.vault)?;
    // More work than is asked for, in words only.
    let next = |proof: &InclusionProof| {
        mined(
            proof.header.block_hash(),
            TxMerkleNode::all_zeros(),
            0x1d00_ffff,
        )
    };
    let worked = next(&proof(vault.coins[0].outpoint.txid)?)?;
    let lie = lying(&vault, |proof| proof.further = vec![worked])?;
    refuses_and_signs_the_truth(stage, &vault, &lie)
}

fn not_linked(stage: &mut Stage<'_>) -> Result<(), Failure> {
    let vault = asking(stage.vault)?;
    let elsewhere = mined(BlockHash::all_zeros(), TxMerkleNode::all_zeros(), EASY)?;
    let lie = lying(&vault, |proof| proof.further = vec![elsewhere])?;
    refuses_and_signs_the_truth(stage, &vault, &lie)
}

fn other_root(stage: &mut Stage<'_>) -> Result<(), Failure> {
    let vault = asking(stage.vault)?;
    let lie = lying(&vault, |proof| {
        proof.siblings = vec![TxMerkleNode::all_zeros(); 2];
    })?;
    refuses_and_signs_the_truth(stage, &vault, &lie)
}

/// A transaction of 64 bytes whose first half is a txid; [`None`] if its bytes do not allow it.
fn mineable(half: Txid) -> Option<Transaction> {
    let half = half.to_byte_array();
    let (version, rest) = half.split_first_chunk()?;
    let (1, before) = rest.split_first().map(|(inputs, rest)| (*inputs, rest))? else {
        return None;
    };
    let mut txid = [9; 32];
    txid.get_mut(..before.len())?.copy_from_slice(before);
    Some(Transaction {
        version: Version::non_standard(i32::from_le_bytes(*version)),
        lock_time: LockTime::ZERO,
        input: vec![TxIn {
            previous_output: OutPoint::new(Txid::from_byte_array(txid), 0),
            script_sig: ScriptBuf::new(),
            sequence: Sequence::MAX,
            witness: Witness::new(),
        }],
        output: vec![TxOut {
            value: Amount::ONE_BTC,
            script_pubkey: ScriptBuf::from(vec![0x51; 4]),
        }],
    })
}

fn inner_hashes(stage: &mut Stage<'_>) -> Result<(), Failure> {
    let mut vault = asking(stage.vault)?;
    let coin = &mut vault.coins[0];
    // The invented funding transaction is altered until the block can hold one that begins with its id.
    let block = loop {
        let next = coin.funding.lock_time.to_consensus_u32() + 1;
        coin.funding.lock_time = LockTime::from_consensus(next);
        if let Some(mineable) = mineable(coin.funding.compute_txid()) {
            break mineable;
        }
    };
    coin.outpoint.txid = coin.funding.compute_txid();
    let forged = coin.outpoint.txid;
    let bytes = serialize(&block);
    let half: [u8; 32] = bytes[32..].try_into()?;
    let mut lie = shown(&vault, &[0])?;
    let mut deeper = proof(block.compute_txid())?;
    deeper
        .siblings
        .insert(0, TxMerkleNode::from_byte_array(half));
    deeper.position = 2;
    lie.manifest.inclusions.insert(forged, deeper);
    refuses_and_signs_the_truth(stage, &vault, &lie)
}

fn strangers_coin(stage: &mut Stage<'_>) -> Result<(), Failure> {
    let near = stage.vault.coins.len();
    let asking = asking(stage.vault)?;
    // Far away stands a real transaction, which pays a stranger; what spends that is invented.
    let chain = |script_pubkey: ScriptBuf| -> Result<(Vault, Attempt), Failure> {
        let mut far = asking.coins[0].funding.clone();
        for txin in &mut far.input {
            txin.witness = Witness::new();
        }
        for output in &mut far.output {
            output.script_pubkey = script_pubkey.clone();
        }
        let txid = far.compute_txid();
        let vault = with_coins_from(&asking, [0, 1].map(|vout| OutPoint::new(txid, vout)));
        let mut attempt = with_fundings(&vault, &pay(&vault, "w-1", 21, 20_000_000, &[near]));
        attempt.manifest.ancestors.insert(txid, far);
        attempt.manifest.inclusions.insert(txid, proof(txid)?);
        Ok((vault, attempt))
    };
    let (vault, lie) = chain(stranger(9))?;
    stage.refuses(&mut Signer::new(&vault, "alice"), &lie)?;
    let (vault, twin) = chain(asking.coins[0].output.script_pubkey.clone())?;
    stage.signs(&mut Signer::new(&vault, "alice"), &twin)?;
    Ok(())
}
