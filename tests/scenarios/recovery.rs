//! Recoveries: after its timelock, and never before, the recovery key alone moves old coins to where the
//! policy says, and nowhere else.

use bitcoin::consensus::encode::deserialize_hex;
use bitcoin::hashes::Hash as _;
use bitcoin::{
    Address, Amount, OutPoint, Psbt, ScriptBuf, Sequence, Transaction, Txid, WPubkeyHash,
};
use harness::{
    Engine, Failure, LONG, Outcome, Purse, ScriptKind, Terms, Treasury, field, items, wait_until,
};
use policies::psbt::{AttemptPurpose, Encoding, Manifest};
use serde_json::{Value, json};

/// The blocks after which the recovery key spends alone.
const OLDER: u16 = 12;
const OLD: Amount = Amount::from_sat(30_000_000);
const YOUNG: Amount = Amount::from_sat(20_000_000);

fn treasury(kind: ScriptKind, engine: Engine, to: Option<&Address>) -> Result<Treasury, Failure> {
    let terms = Terms {
        older: OLDER,
        recovery: to.cloned(),
        ..Terms::default()
    };
    Treasury::start_under(kind, engine, &terms)
}

fn preview(treasury: &Treasury) -> Result<Value, Failure> {
    let view = treasury.recover(&json!({ "dry_run": true }))?;
    assert!([200, 503].contains(&view.status), "{}", view.text());
    view.done()
}

/// The txid of what was made.
fn txid_of(made: &Value) -> Result<Txid, Failure> {
    Ok(field(&made["batch"]["attempts"][0], "txid")?.parse()?)
}

/// 1. A deposit settles, and later another one.
/// 2. None is old enough: the preview says when they will be, and asking for one is refused by name.
/// 3. Blocks are mined until the next one may hold the recovery of the first. The preview shows it, with
///    the one key that suffices.
/// 4. The recovery is built. The keeper's tool refuses to sign it unless a recovery is wished for, and with
///    that wish signs it, alone. It settles at the destination, and the younger coin stays.
/// 5. Books and node agree, also after a reorg that takes it back and brings it again.
fn old_coins_are_recovered(kind: ScriptKind, engine: Engine, to: Option<&Address>) -> Outcome {
    let mut treasury = treasury(kind, engine, to)?;
    let old = treasury.deposit(OLD)?;
    let old_height = treasury.node.height()? - 2;
    let young = treasury.deposit(YOUNG)?;
    let from = old_height + u32::from(OLDER);
    let early = preview(&treasury)?;
    assert!(items(&early["coins"])?.is_empty(), "{early}");
    assert_eq!(items(&early["waiting"])?.len(), 2, "{early}");
    assert_eq!(early["waiting"][0]["outpoint"], old.to_string());
    assert_eq!(early["waiting"][0]["from_height"], from);
    treasury
        .recover(&json!({}))?
        .refused(409, "nothing_to_recover")?;
    treasury
        .recover(&json!({ "coins": [old.to_string()] }))?
        .refused(409, "coin_too_young")?;

    treasury.node.mine(from - 1 - treasury.node.height()?)?;
    let ready = wait_until("a coin that is old enough", LONG, || {
        let view = preview(&treasury)?;
        Ok((!items(&view["coins"])?.is_empty()).then_some(view))
    })?;
    assert_eq!(items(&ready["coins"])?.len(), 1, "{ready}");
    assert_eq!(ready["coins"][0]["outpoint"], old.to_string());
    assert_eq!(ready["signers"], json!([["recovery"]]));
    assert_eq!(ready["older"], OLDER);
    treasury
        .recover(&json!({ "coins": [young.to_string()] }))?
        .refused(409, "coin_too_young")?;

    let made = treasury.recover(&json!({}))?.done()?;
    let txid = txid_of(&made)?;
    let attempt = &made["batch"]["attempts"][0];
    assert_eq!(attempt["missing_signers"], json!(["recovery"]));
    let psbt = treasury.psbt(txid)?;
    let keeper = &treasury.people.recovery;
    let before = keeper.journal()?;
    let said = keeper.sign(&psbt)?.refused("RECOVERY_NOT_WISHED")?;
    assert!(said.stdout.is_empty(), "it gave out: {}", said.text());
    assert_eq!(keeper.journal()?, before);
    let signed = keeper.sign_recovery(&psbt)?.done()?.stdout;
    treasury.hand_in(txid, &signed)?;
    treasury.reaches_mempool(txid)?;
    treasury.node.mine(3)?;
    treasury.attempt_becomes(txid, "settled")?;
    treasury.reconcile()?;
    let fee = Amount::from_sat(
        made["fee_sat"]
            .as_u64()
            .ok_or_else(|| Failure::new("no fee"))?,
    );
    match to {
        None => assert_eq!(treasury.held()?, OLD + YOUNG - fee),
        Some(address) => {
            assert_eq!(treasury.received(address)?, OLD - fee);
            assert_eq!(treasury.held()?, YOUNG);
        }
    }

    treasury.node.reorg(3)?;
    wait_until("the recovery to be taken back", LONG, || {
        let attempt = treasury
            .auditor()
            .get(&format!("/attempts/{txid}"))?
            .done()?;
        Ok((attempt["state"] == "in_mempool" || attempt["state"] == "confirmed").then_some(()))
    })?;
    treasury.reaches_mempool(txid)?;
    treasury.node.mine(3)?;
    treasury.attempt_becomes(txid, "settled")?;
    treasury.reconcile()?;
    treasury.verify_events()?;
    treasury.must_be_well()
}

#[test]
fn old_coins_of_wsh_are_recovered_to_the_newest_descriptor_on_sqlite() -> Outcome {
    old_coins_are_recovered(ScriptKind::Wsh, Engine::Sqlite, None)
}

#[test]
fn old_coins_of_tr_are_recovered_to_the_newest_descriptor_on_postgres() -> Outcome {
    old_coins_are_recovered(ScriptKind::Tr, Engine::Postgres, None)
}

#[test]
fn old_coins_of_wsh_are_recovered_to_the_pinned_address_on_sqlite() -> Outcome {
    old_coins_are_recovered(ScriptKind::Wsh, Engine::Sqlite, Some(&Purse::stranger(7)))
}

#[test]
fn old_coins_of_tr_are_recovered_to_the_pinned_address_on_sqlite() -> Outcome {
    old_coins_are_recovered(ScriptKind::Tr, Engine::Sqlite, Some(&Purse::stranger(7)))
}

/// A transfer file that recovers a coin whatever its age: a refresh, turned into a recovery.
fn forced(treasury: &Treasury, coin: OutPoint) -> Result<Psbt, Failure> {
    let made = treasury
        .spend_to_ourselves(&json!({ "purpose": "refresh", "coins": [coin.to_string()] }))?
        .done()?;
    let mut psbt = Psbt::deserialize(&treasury.psbt(txid_of(&made)?)?)?;
    for input in &mut psbt.unsigned_tx.input {
        input.sequence = Sequence::from_height(OLDER);
    }
    let mut manifest = Manifest::read(&psbt)?;
    manifest.purpose = AttemptPurpose::Recover;
    manifest.write_into(&mut psbt);
    Ok(psbt)
}

/// What the node's mempool says of a transaction: nothing if it would take it.
fn mempool_says(treasury: &Treasury, raw: &str) -> Result<String, Failure> {
    let said: Value = treasury.node.call("testmempoolaccept", json!([[raw]]))?;
    Ok(said[0]["reject-reason"]
        .as_str()
        .unwrap_or_default()
        .to_owned())
}

/// 1. A coin is recovered by force, past the coordinator: the keeper signs, Bitcoin Core finalizes.
/// 2. The node refuses it: the coin is too young. Nothing else is wrong with it, for
/// 3. as soon as the coin is old enough, the same bytes are accepted.
fn the_node_refuses_a_premature_recovery(kind: ScriptKind) -> Outcome {
    let mut treasury = treasury(kind, Engine::Sqlite, None)?;
    let coin = treasury.deposit(OLD)?;
    let mut psbt = forced(&treasury, coin)?;
    let signed = treasury
        .people
        .recovery
        .sign_recovery(&psbt.serialize())?
        .done()?
        .stdout;
    let signed = String::from_utf8(signed)?;
    psbt.combine(signed.trim().parse()?)?;
    let base64 = String::from_utf8(Encoding::Base64.encode(&psbt.serialize()))?;
    let finalized: Value = treasury.node.call("finalizepsbt", json!([base64.trim()]))?;
    let raw = field(&finalized, "hex")?;
    let transaction: Transaction = deserialize_hex(&raw)?;
    assert_eq!(transaction.compute_txid(), psbt.unsigned_tx.compute_txid());
    assert_eq!(mempool_says(&treasury, &raw)?, "non-BIP68-final");
    let depth = u32::from(OLDER);
    treasury.node.mine(depth - 4)?;
    assert_eq!(mempool_says(&treasury, &raw)?, "non-BIP68-final");
    treasury.node.mine(1)?;
    assert_eq!(mempool_says(&treasury, &raw)?, "");
    treasury.must_be_well()
}

#[test]
fn the_node_refuses_a_premature_recovery_of_wsh() -> Outcome {
    the_node_refuses_a_premature_recovery(ScriptKind::Wsh)
}

#[test]
fn the_node_refuses_a_premature_recovery_of_tr() -> Outcome {
    the_node_refuses_a_premature_recovery(ScriptKind::Tr)
}

/// 1. A lying coordinator changes where a recovery pays, takes more for the miners, or hides a payment in it.
/// 2. It gives the sequences of a recovery to what is none, and other sequences to what is one.
/// 3. Each is refused by name, by whoever is asked.
fn lies_about_recoveries_are_refused(kind: ScriptKind) -> Outcome {
    let mut treasury = treasury(kind, Engine::Sqlite, Some(&Purse::stranger(7)))?;
    let coin = treasury.deposit(OLD)?;
    let genuine = forced(&treasury, coin)?;
    let keeper = &treasury.people.recovery;
    let is_refused = |what: &str, code: &str, lie: &dyn Fn(&mut Psbt)| -> Outcome {
        let mut psbt = genuine.clone();
        lie(&mut psbt);
        keeper
            .sign_recovery(&psbt.serialize())?
            .refused(code)
            .map(drop)
            .map_err(|failure| Failure::new(format!("{what}: {failure}")))
    };
    // To come back under the vault's own descriptor is no theft, whatever address the policy names.
    keeper.review(&genuine.serialize())?.done()?;
    let thief = ScriptBuf::new_p2wpkh(&WPubkeyHash::hash(b"thief"));
    is_refused("to a thief", "RECOVERY_DESTINATION", &|psbt| {
        psbt.unsigned_tx.output[0].script_pubkey = thief.clone();
        psbt.outputs[0] = bitcoin::psbt::Output::default();
        let mut manifest = Manifest::read(psbt).unwrap_or_else(|_| unreachable!("it was written"));
        manifest.changes.clear();
        manifest.write_into(psbt);
    })?;
    is_refused("another age", "RECOVERY_SEQUENCE", &|psbt| {
        psbt.unsigned_tx.input[0].sequence = Sequence::from_height(OLDER - 1);
    })?;
    is_refused("no age", "RECOVERY_SEQUENCE", &|psbt| {
        psbt.unsigned_tx.input[0].sequence = Sequence::ENABLE_RBF_NO_LOCKTIME;
    })?;
    let mut ordinary = genuine.clone();
    let mut manifest = Manifest::read(&ordinary)?;
    manifest.purpose = AttemptPurpose::Refresh;
    manifest.write_into(&mut ordinary);
    for signer in [&treasury.people.alice, keeper] {
        signer.sign(&ordinary.serialize())?.refused("SEQUENCE")?;
    }
    treasury.must_be_well()
}

#[test]
fn lies_about_recoveries_of_wsh_are_refused() -> Outcome {
    lies_about_recoveries_are_refused(ScriptKind::Wsh)
}

#[test]
fn lies_about_recoveries_of_tr_are_refused() -> Outcome {
    lies_about_recoveries_are_refused(ScriptKind::Tr)
}
