//! A hot vault and a cold one: marks between which the hot one stays, and transfers that keep it there.

use bitcoin::{Address, Amount};
use harness::{
    Engine, Failure, Outcome, People, Purse, SHORT, ScriptKind, Treasury, field, wait_until,
};
use policies::document::{ApprovalsDraft, OtherVaultDraft, PolicyDraft, RuleDraft};
use policies::{Intent, IntentKind, Keychain, VaultId};
use serde_json::{Value, json};

/// How many scripts of the cold vault a transfer of the hot one may pay.
const REACH: u32 = 2;

/// A hot vault whose policy names the cold one, both served by one coordinator.
fn hot_and_cold(kind: ScriptKind, engine: Engine) -> Result<(Treasury, VaultId), Failure> {
    let mut cold = None;
    let treasury = Treasury::start_beside(kind, engine, |node| {
        let people = People::agree(kind, node)?;
        let policy = people.policy.clone();
        cold = Some(people);
        Ok(move |draft: &mut PolicyDraft| {
            draft.vaults.push(OtherVaultDraft {
                name: "cold".to_owned(),
                vault: policy.vault.to_string(),
                descriptor: policy.descriptor.text().to_owned(),
                reach: Some(REACH),
            });
            draft.rules.insert(
                0,
                RuleDraft {
                    name: "to the cold vault".to_owned(),
                    kind: Some("transfer".to_owned()),
                    requester: None,
                    to: Some(vec!["cold".to_owned()]),
                    amount_max_sat: None,
                    window: None,
                    approvals: ApprovalsDraft {
                        group: None,
                        count: 0,
                        page: None,
                    },
                },
            );
        })
    })?;
    let cold = cold.ok_or_else(|| Failure::new("nobody agreed on the cold vault"))?;
    let document = String::from_utf8(cold.policy.bytes.clone())?;
    let added = treasury
        .operator()
        .post("/vaults", &json!({ "document": document }))?;
    added.done()?;
    Ok((treasury, cold.policy.vault))
}

fn proposals(treasury: &Treasury) -> Result<Value, Failure> {
    Ok(treasury.operator().get("/balancing")?.done()?["proposals"].clone())
}

/// 1. The hot vault gets marks: at least 0.5, at most 1 bitcoin, drained to the cold one. Ten times as much
///    comes in, and one transfer is proposed; an event tells once that the mark was crossed.
/// 2. The draft of it is signed by the requester and submitted; from then on nothing is proposed any more.
/// 3. Two signers sign it, it is mined, the cold vault is credited, the books of both agree.
/// 4. A payment to the cold vault is no payment; a transfer to an address that it never issued, and one to a
///    stranger, are refused. The third address lies beyond the reach of the hot vault's policy.
fn the_hot_vault_is_drained(kind: ScriptKind, engine: Engine) -> Outcome {
    let (mut treasury, cold) = hot_and_cold(kind, engine)?;
    let hot = treasury.people.policy.vault;
    let marks = json!({
        "low_sat": 50_000_000, "high_sat": 100_000_000, "drain_to": cold,
    });
    let operator = treasury.operator();
    operator
        .put(&format!("/vaults/{hot}/marks"), &marks)?
        .done()?;
    treasury.deposit(Amount::from_sat(1_000_000_000))?;
    let proposed = proposals(&treasury)?;
    assert_eq!(
        proposed,
        json!([{
            "from": hot, "from_name": "treasury", "to": cold, "to_name": "treasury",
            "amount_sat": 925_000_000, "reason": "drain", "lacking_sat": 0,
        }])
    );
    wait_until("the event of the crossed mark", SHORT, || {
        let events = treasury.events()?;
        let crossed = events
            .iter()
            .filter(|event| event["kind"] == "vault.mark-crossed");
        Ok((crossed.count() == 1).then_some(()))
    })?;

    let draft = json!({
        "to": cold, "amount_sat": 925_000_000, "requester": "exchange", "id": "drain-1",
    });
    let drafted = operator
        .post(&format!("/vaults/{hot}/transfers"), &draft)?
        .done()?;
    let signed = treasury.signed_bytes(field(&drafted, "intent")?.as_bytes());
    treasury.submit_body(&signed)?.done()?;
    assert_eq!(proposals(&treasury)?, json!([]));
    let txid = treasury.batch()?;
    treasury.countersign(&treasury.people.alice, txid)?;
    treasury.countersign(&treasury.people.machine, txid)?;
    treasury.settle(txid, &["drain-1"])?;
    treasury.node.mine(3)?;
    wait_until("the cold vault to have it", SHORT, || {
        let balance = operator.get(&format!("/vaults/{cold}/balance"))?.done()?;
        Ok((balance["settled_sat"] == 925_000_000).then_some(()))
    })?;
    assert_eq!(proposals(&treasury)?, json!([]));
    treasury.reconcile()?;

    let policy = &treasury.people.policy;
    let other = policy
        .other_vault("cold")
        .ok_or_else(|| Failure::new("no cold vault"))?;
    let script = other.descriptor.script_pubkey(Keychain::External, 0);
    let issued = Address::from_script(&script, policy.network)?;
    let amount = Amount::from_sat(1_000_000);
    let pays = treasury.intent("p-1", &issued, amount)?;
    treasury.submit(&pays)?.refused(422, "own_script")?;
    let script = other.descriptor.script_pubkey(Keychain::External, 1);
    let transfer = |id: &str, to: &Address| -> Result<Intent, Failure> {
        Ok(Intent {
            kind: IntentKind::Transfer,
            ..treasury.intent(id, to, amount)?
        })
    };
    let unissued = transfer("t-1", &Address::from_script(&script, policy.network)?)?;
    treasury
        .submit(&unissued)?
        .refused(422, "transfer_not_issued")?;
    let strange = transfer("t-2", &Purse::stranger(1))?;
    treasury
        .submit(&strange)?
        .refused(422, "transfer_to_stranger")?;
    let again = |id: &str| {
        let draft = json!({
            "to": cold, "amount_sat": 1_000_000, "requester": "exchange", "id": id,
        });
        operator.post(&format!("/vaults/{hot}/transfers"), &draft)
    };
    again("t-3")?.done()?;
    again("t-4")?.refused(422, "beyond_reach")?;
    treasury.must_be_well()
}

#[test]
fn the_hot_vault_of_wsh_is_drained_to_the_cold_one_on_sqlite() -> Outcome {
    the_hot_vault_is_drained(ScriptKind::Wsh, Engine::Sqlite)
}

#[test]
fn the_hot_vault_of_tr_is_drained_to_the_cold_one_on_postgres() -> Outcome {
    the_hot_vault_is_drained(ScriptKind::Tr, Engine::Postgres)
}

/// 1. Marks that cross, a vault that balances with itself, one that the policy does not name: each is refused,
///    and no marks are set.
/// 2. Marks that were set are taken away again, twice.
#[test]
fn marks_that_could_never_be_kept_are_refused() -> Outcome {
    let (mut treasury, cold) = hot_and_cold(ScriptKind::Wsh, Engine::Sqlite)?;
    let hot = treasury.people.policy.vault;
    let operator = treasury.operator();
    let path = format!("/vaults/{hot}/marks");
    let set = |marks: Value| operator.put(&path, &marks);
    set(json!({ "low_sat": 2, "high_sat": 1 }))?.refused(422, "marks_cross")?;
    set(json!({ "low_sat": 1, "high_sat": 2, "drain_to": hot }))?
        .refused(422, "balances_itself")?;
    set(json!({ "low_sat": 1, "high_sat": 2, "refill_from": cold }))?
        .refused(422, "vault_not_pinned")?;
    set(json!({ "low_sat": -1, "high_sat": 2 }))?.refused(422, "malformed")?;
    let standing = |view: &Value| {
        let vaults = view["vaults"].as_array().into_iter().flatten();
        vaults.filter(|vault| !vault["level"].is_null()).count()
    };
    assert_eq!(standing(&operator.get("/balancing")?.done()?), 0);
    assert_eq!(
        standing(&set(json!({ "low_sat": 1, "high_sat": 2, "drain_to": cold }))?.done()?),
        1
    );
    for _ in 0..2 {
        assert_eq!(standing(&operator.delete(&path)?.done()?), 0);
    }
    treasury
        .auditor()
        .put(&path, &json!({ "low_sat": 1, "high_sat": 2 }))?
        .refused(403, "forbidden")?;
    treasury.must_be_well()
}
