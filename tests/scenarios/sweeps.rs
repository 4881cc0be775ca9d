//! Sweeps, which pay all that their coins hold less the fee, and transfers to the vault itself.

use bitcoin::Amount;
use harness::{Engine, Failure, Outcome, Purse, ScriptKind, Terms, Treasury};
use policies::{Intent, IntentKind, Keychain};
use serde_json::json;

fn treasury(kind: ScriptKind, engine: Engine) -> Result<Treasury, Failure> {
    let terms = Terms {
        kinds: vec![IntentKind::Sweep, IntentKind::Transfer],
        ..Terms::default()
    };
    Treasury::start_under(kind, engine, &terms)
}

/// 1. Two deposits settle. A small payment and a sweep of the whole vault are requested, and the sweep
///    approved: a sweep is never automatic.
/// 2. Another payment to the swept script is refused: one output could satisfy both.
/// 3. They cannot be named for one batch; left to itself the batch pays the payment, and the sweep waits.
/// 4. A batch pays the sweep alone, without change: what the coins hold, less the fee.
/// 5. The vault is empty, and the books say so.
fn the_vault_is_swept(kind: ScriptKind, engine: Engine) -> Outcome {
    let mut treasury = treasury(kind, engine)?;
    let came_in = [20_000_000, 10_000_003].map(Amount::from_sat);
    treasury.deposit(came_in[0])?;
    treasury.deposit(came_in[1])?;
    let (payee, heir) = (Purse::stranger(1), Purse::stranger(2));
    let small = Amount::from_sat(1_000_000);
    treasury.withdraw("w-1", &payee, small)?;
    let most = came_in[0] + came_in[1] - small;
    let sweep = Intent {
        kind: IntentKind::Sweep,
        min: most - Amount::from_sat(100_000),
        ..treasury.intent("w-2", &heir, most)?
    };
    treasury.submit(&sweep)?.done()?;
    assert_eq!(treasury.withdrawal_state("w-2")?, "requested");
    treasury.approve(&[&sweep])?;
    treasury
        .submit(&treasury.intent("w-3", &heir, small)?)?
        .refused(409, "equal_withdrawal")?;
    let both = json!([
        { "requester": "exchange", "id": "w-1" },
        { "requester": "exchange", "id": "w-2" },
    ]);
    treasury
        .operator()
        .post(&treasury.path("/batches"), &json!({ "withdrawals": both }))?
        .refused(422, "sweep_not_alone")?;
    let people = &treasury.people;
    let first = treasury.batch()?;
    assert_eq!(treasury.withdrawal_state("w-2")?, "approved");
    treasury.countersign(&people.alice, first)?;
    treasury.countersign(&people.bob, first)?;
    treasury.settle(first, &["w-1"])?;

    let second = treasury.batch()?;
    let attempt = treasury
        .auditor()
        .get(&format!("/attempts/{second}"))?
        .done()?;
    assert_eq!(attempt["changes"], json!([]));
    treasury.countersign(&people.alice, second)?;
    treasury.countersign(&people.machine, second)?;
    treasury.settle(second, &["w-2"])?;
    let paid = treasury.received(&heir)?;
    assert!(sweep.min <= paid && paid < sweep.amount, "{paid}");
    assert_eq!(treasury.held()?, Amount::ZERO);
    treasury.reconcile()?;
    treasury.verify_events()?;
    treasury.must_be_well()
}

#[test]
fn the_whole_vault_of_wsh_is_swept_on_sqlite() -> Outcome {
    the_vault_is_swept(ScriptKind::Wsh, Engine::Sqlite)
}

#[test]
fn the_whole_vault_of_tr_is_swept_on_postgres() -> Outcome {
    the_vault_is_swept(ScriptKind::Tr, Engine::Postgres)
}

/// 1. A sweep whose least is more than the coins hold is requested and approved.
/// 2. No batch is made of it, and the reason is named.
#[test]
fn a_sweep_below_its_least_is_not_built() -> Outcome {
    let mut treasury = treasury(ScriptKind::Wsh, Engine::Sqlite)?;
    let amount = Amount::from_sat(10_000_000);
    treasury.deposit(amount)?;
    let sweep = Intent {
        kind: IntentKind::Sweep,
        min: amount,
        ..treasury.intent("w-1", &Purse::stranger(1), amount)?
    };
    treasury.submit(&sweep)?.done()?;
    treasury.approve(&[&sweep])?;
    treasury
        .operator()
        .post(&treasury.path("/batches"), &json!({}))?
        .refused(422, "coin_selection")?;
    treasury.must_be_well()
}

/// 1. Transfers to a stranger, to a change script and to an address that was never issued are refused; so
///    is a payment to a deposit address.
/// 2. A transfer to an issued deposit address is requested, approved, signed by two and settles.
/// 3. The address has the amount as a deposit; only the fee has left the vault.
#[test]
fn a_transfer_pays_a_deposit_address_of_the_vault() -> Outcome {
    let mut treasury = treasury(ScriptKind::Wsh, Engine::Sqlite)?;
    treasury.deposit(Amount::from_sat(30_000_000))?;
    let to = treasury.new_address("cold")?;
    let amount = Amount::from_sat(5_000_000);
    let payment = treasury.intent("w-1", &to, amount)?;
    treasury.submit(&payment)?.refused(422, "own_script")?;
    let transfer = Intent {
        kind: IntentKind::Transfer,
        ..payment
    };
    let stranger = Purse::stranger(1).script_pubkey();
    let descriptor = &treasury.people.policy.descriptor;
    for (script_pubkey, code) in [
        (stranger, "transfer_to_stranger"),
        (
            descriptor.script_pubkey(Keychain::External, 99),
            "transfer_not_issued",
        ),
        (
            descriptor.script_pubkey(Keychain::Internal, 0),
            "transfer_not_issued",
        ),
    ] {
        let other = Intent {
            script_pubkey,
            ..transfer.clone()
        };
        treasury.submit(&other)?.refused(422, code)?;
    }
    treasury.submit(&transfer)?.done()?;
    treasury.approve(&[&transfer])?;
    let before = treasury.held()?;
    let txid = treasury.batch()?;
    treasury.countersign(&treasury.people.alice, txid)?;
    treasury.countersign(&treasury.people.bob, txid)?;
    treasury.settle(txid, &["w-1"])?;
    assert_eq!(treasury.received(&to)?, amount);
    let attempt = treasury
        .auditor()
        .get(&format!("/attempts/{txid}"))?
        .done()?;
    let fee = Amount::from_sat(attempt["fee_sat"].as_u64().unwrap_or_default());
    assert_eq!(treasury.held()?, before - fee);
    treasury.reconcile()?;
    treasury.verify_events()?;
    treasury.must_be_well()
}
