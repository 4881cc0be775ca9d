//! Poisoned journals: under a policy that asks for it, nothing is signed first over coins that nobody shows in
//! the chain.

use bitcoin::absolute::LockTime;
use bitcoin::block::Header;
use bitcoin::consensus::encode::deserialize_hex;
use bitcoin::{Amount, BlockHash, Psbt, Txid};
use harness::{Engine, Failure, LONG, Outcome, Purse, ScriptKind, Treasury, wait_until};
use policies::document::InclusionDraft;
use policies::psbt::Manifest;
use serde_json::json;

/// A treasury whose policy asks for a coin with so many confirmations.
fn asking(kind: ScriptKind, engine: Engine, confirmations: u32) -> Result<Treasury, Failure> {
    Treasury::start_edited(kind, engine, |draft| {
        draft.limits.inclusion = Some(InclusionDraft {
            bits: "207fffff".to_owned(),
            confirmations,
        });
    })
}

/// The same attempt over a coin that was never made, and the txid that never made it.
fn invented(genuine: &Psbt) -> Result<(Psbt, Txid), Failure> {
    let mut psbt = genuine.clone();
    let real = psbt.unsigned_tx.input[0].previous_output.txid;
    let mut manifest = Manifest::read(genuine)?;
    let funding = psbt.inputs[0].non_witness_utxo.clone();
    let funding = funding.or_else(|| manifest.ancestors.remove(&real));
    let mut funding = funding.ok_or_else(|| Failure::new("nothing made the coin"))?;
    funding.lock_time = LockTime::from_consensus(funding.lock_time.to_consensus_u32() + 1);
    let txid = funding.compute_txid();
    psbt.unsigned_tx.input[0].previous_output.txid = txid;
    if let Some(previous) = &mut psbt.inputs[0].non_witness_utxo {
        *previous = funding;
        manifest.ancestors.remove(&real);
    } else {
        manifest.ancestors.insert(txid, funding);
    }
    manifest.write_into(&mut psbt);
    Ok((psbt, txid))
}

fn with_manifest(psbt: &Psbt, lie: impl FnOnce(&mut Manifest)) -> Result<Vec<u8>, Failure> {
    let mut psbt = psbt.clone();
    let mut manifest = Manifest::read(&psbt)?;
    lie(&mut manifest);
    manifest.write_into(&mut psbt);
    Ok(psbt.serialize())
}

/// 1. The policy asks for a coin in a block with two more on it. A withdrawal is batched: the attempt shows its
///    coin in the node's own chain.
/// 2. A coordinator invents a coin and leaves the proof out, or keeps that of the real coin, or files it under
///    the invented one, or shows the coin in a chain that nobody mined: alice's own signer refuses each by name
///    and remembers nothing.
/// 3. She and bob sign the genuine attempt, and it settles.
fn a_hostile_coordinators_invented_coin_is_refused(kind: ScriptKind, engine: Engine) -> Outcome {
    let mut treasury = asking(kind, engine, 3)?;
    treasury.deposit(Amount::ONE_BTC)?;
    treasury.withdraw("w-1", &Purse::stranger(1), Amount::from_sat(4_000_000))?;
    let txid = treasury.batch()?;
    let genuine = Psbt::deserialize(&treasury.psbt(txid)?)?;
    let manifest = Manifest::read(&genuine)?;
    let (shown, proof) =
        (manifest.inclusions.iter().next()).ok_or_else(|| Failure::new("no coin is shown"))?;
    assert_eq!(genuine.unsigned_tx.input[0].previous_output.txid, *shown);
    let hash: BlockHash = proof.header.block_hash();
    let header: String = treasury.node.call("getblockheader", json!([hash, false]))?;
    assert_eq!(deserialize_hex::<Header>(&header)?, proof.header);

    let (psbt, lie) = invented(&genuine)?;
    let missing = with_manifest(&psbt, |manifest| manifest.inclusions.clear())?;
    let filed = with_manifest(&psbt, |manifest| {
        let proof = manifest.inclusions.pop_first();
        manifest
            .inclusions
            .extend(proof.map(|(_, proof)| (lie, proof)));
    })?;
    let unworked = with_manifest(&genuine, |manifest| {
        for proof in manifest.inclusions.values_mut() {
            proof.further[1].nonce = proof.further[1].nonce.wrapping_add(1);
            proof.further[1].merkle_root = proof.header.merkle_root;
            while proof.further[1]
                .validate_pow(proof.further[1].target())
                .is_ok()
            {
                proof.further[1].nonce = proof.further[1].nonce.wrapping_add(1);
            }
        }
    })?;
    let alice = &treasury.people.alice;
    let before = alice.journal()?;
    for (lie, code) in [
        (missing, "INCLUSION_MISSING"),
        (psbt.serialize(), "INCLUSION_TRANSACTION_MISSING"),
        (filed, "INCLUSION_PATH"),
        (unworked, "INCLUSION_WORK"),
    ] {
        let said = alice.sign(&lie)?.refused(code)?;
        assert!(said.stdout.is_empty(), "it gave out: {}", said.text());
        assert_eq!(alice.journal()?, before, "the journal remembers {code}");
    }
    treasury.countersign(&treasury.people.alice, txid)?;
    treasury.countersign(&treasury.people.bob, txid)?;
    treasury.settle(txid, &["w-1"])?;
    treasury.reconcile()?;
    treasury.must_be_well()
}

#[test]
fn a_hostile_coordinators_invented_coin_is_refused_in_wsh_on_sqlite() -> Outcome {
    a_hostile_coordinators_invented_coin_is_refused(ScriptKind::Wsh, Engine::Sqlite)
}

#[test]
fn a_hostile_coordinators_invented_coin_is_refused_in_tr_on_postgres() -> Outcome {
    a_hostile_coordinators_invented_coin_is_refused(ScriptKind::Tr, Engine::Postgres)
}

/// 1. The policy asks for more confirmations than deposits need to settle: a batch is refused, and says for what
///    it waits.
/// 2. The blocks of the coin leave the chain and it is mined again in others; then it is shown in those.
/// 3. What the watchtower kept of them is lost, as in a database of before: it is fetched again.
#[test]
fn a_coin_is_shown_in_the_chain_that_stands() -> Outcome {
    let mut treasury = asking(ScriptKind::Wsh, Engine::Sqlite, 6)?;
    let coin = treasury.deposit(Amount::ONE_BTC)?;
    treasury.withdraw("w-1", &Purse::stranger(1), Amount::from_sat(4_000_000))?;
    let batches = treasury.path("/batches");
    treasury
        .operator()
        .post(&batches, &json!({}))?
        .refused(409, "nothing_shown")?;
    treasury.node.mine(3)?;
    let paths = "SELECT COUNT(*) FROM inclusion_path";
    treasury.node.reorg(6)?;
    treasury.node.mine(6)?;
    treasury.deposit_becomes(coin, "settled")?;
    wait_until("the coin to be shown", LONG, || {
        Ok((treasury.store.number(paths)? == 1).then_some(()))
    })?;
    treasury.coordinator.stop()?;
    treasury.store.sql("DELETE FROM inclusion_path")?;
    treasury.store.sql("DELETE FROM block_header")?;
    treasury.coordinator.resume()?;
    wait_until("the coin to be shown again", LONG, || {
        let missing =
            "SELECT COUNT(*) FROM chain_block b LEFT JOIN block_header h ON h.hash = b.hash
             WHERE h.hash IS NULL";
        let here = treasury.store.number(paths)? == 1 && treasury.store.number(missing)? == 0;
        Ok(here.then_some(()))
    })?;
    let txid = treasury.batch()?;
    let manifest = Manifest::read(&Psbt::deserialize(&treasury.psbt(txid)?)?)?;
    let proof = manifest.inclusions.get(&coin.txid);
    let proof = proof.ok_or_else(|| Failure::new("the coin is not shown"))?;
    let mut last = proof.header.block_hash();
    for header in std::iter::once(&proof.header).chain(&proof.further) {
        last = header.block_hash();
        let found: serde_json::Value = treasury.node.call("getblockheader", json!([last]))?;
        assert!(found["confirmations"].as_i64() > Some(0), "{found}");
    }
    assert_ne!(last, proof.header.block_hash());
    treasury.countersign(&treasury.people.alice, txid)?;
    treasury.countersign(&treasury.people.bob, txid)?;
    treasury.settle(txid, &["w-1"])?;
    treasury.must_be_well()
}
