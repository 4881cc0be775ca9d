//! Attempts that are stuck or not wanted: replaced and cancelled exactly as the page showed before.

use bitcoin::{Amount, Txid};
use harness::{Engine, Failure, Outcome, Purse, ScriptKind, Treasury, field, items};
use policies::document::SelfSpendBudgetDraft;

use super::{STATE, leaves};

const AMOUNT: Amount = Amount::from_sat(1_000_000);

/// The attempts that were issued and wait for signatures.
fn issued(treasury: &Treasury) -> Result<Vec<Txid>, Failure> {
    let path = treasury.path("/attempts?state=issued");
    let all = treasury.auditor().get(&path)?.done()?;
    let txids = items(&all)?
        .iter()
        .map(|one| Ok(field(one, "txid")?.parse()?));
    txids.collect()
}

/// 1. A batch is signed and stuck in the mempool.
/// 2. The operator asks the page what a higher fee means: what is no feerate is told beside the field, a good one is
///    previewed,    and nothing is done yet. What was previewed is done once it is confirmed.
/// 3. The new attempt is signed and settled; the page of the old one says that it is dead.
#[test]
fn a_stuck_attempt_is_replaced_from_its_page_as_it_was_previewed() -> Outcome {
    let treasury = Treasury::start(ScriptKind::Wsh, Engine::Sqlite)?;
    treasury.deposit(Amount::ONE_BTC)?;
    treasury.withdraw("w-1", &Purse::stranger(1), AMOUNT)?;
    let first = treasury.batch()?;
    treasury.countersign(&treasury.people.alice, first)?;
    treasury.countersign(&treasury.people.bob, first)?;
    treasury.reaches_mempool(first)?;
    treasury.all_is_taken_in()?;

    let dana = treasury.join("dana", "operator")?;
    dana.open(&treasury.page(&format!("/attempts/{first}")))?;
    dana.click("a[href$='/replace']")?;
    dana.fill("#feerate", "a lot")?;
    dana.click("form[action$='/replace'] button")?;
    dana.shows("#feerate-wrong")?;
    assert_eq!(dana.value("#feerate")?, "a lot", "what was typed is gone");
    assert_eq!(dana.count("#preview")?, 0, "no feerate is previewed");
    dana.fill("#feerate", "25")?;
    dana.click("form[action$='/replace'] button")?;
    dana.shows("#preview")?;
    dana.says("#preview", "w-1")?;
    assert_eq!(issued(&treasury)?, [], "a preview did something");
    dana.click("#preview form button")?;
    leaves(&dana, "/replace")?;
    dana.says(STATE, "issued")?;
    let [second] = issued(&treasury)?[..] else {
        return Err(Failure::new("not one replacement was issued"));
    };
    assert_ne!(second, first);
    assert!(dana.address()?.ends_with(&format!("/attempts/{second}")));

    treasury.countersign(&treasury.people.alice, second)?;
    treasury.countersign(&treasury.people.bob, second)?;
    treasury.settle(second, &["w-1"])?;
    dana.open(&treasury.page(&format!("/attempts/{first}")))?;
    dana.says(STATE, "dead")?;
    Ok(())
}

/// 1. A batch waits for signatures, and is not wanted any more. As long as nobody signed, the page offers to ask the
///    signers to void it, and says whose word is enough. Nothing is asked by looking.
/// 2. Alice signs. Now the page cancels on the chain: the preview says what becomes of the withdrawal, and does
///    nothing.
/// 3. It is confirmed: the cancellation is issued, signed, and settled.
/// 4. The page of the withdrawal says that it failed; nobody was paid.
#[test]
fn a_batch_is_cancelled_from_its_page_as_it_was_previewed() -> Outcome {
    let treasury = Treasury::start_edited(ScriptKind::Wsh, Engine::Sqlite, |policy| {
        policy.limits.self_spend_budget = Some(SelfSpendBudgetDraft {
            sat: 50_000,
            count: 4,
            window: "24h".to_owned(),
        });
    })?;
    treasury.deposit(Amount::ONE_BTC)?;
    treasury.withdraw("w-1", &Purse::stranger(1), AMOUNT)?;
    let payment = treasury.batch()?;
    let dana = treasury.join("dana", "operator")?;
    let page = treasury.page(&format!("/attempts/{payment}"));
    let show = "form[action$='/cancel'] button";
    dana.open(&page)?;
    dana.click("a.button-danger[href$='/cancel']")?;
    dana.shows("input[value=voids]:checked")?;
    dana.click(show)?;
    dana.says("#preview", "enough are")?;
    let wishes = || treasury.store.number("SELECT COUNT(*) FROM void_wish");
    assert_eq!(wishes()?, 0, "a preview asked the signers");

    treasury.countersign(&treasury.people.alice, payment)?;
    dana.open(&page)?;
    dana.click("a.button-danger[href$='/cancel']")?;
    dana.shows("input[value=chain]:checked")?;
    dana.fill("#feerate", "9")?;
    dana.click(show)?;
    dana.says("#preview", "w-1")?;
    assert_eq!(issued(&treasury)?, [payment], "a preview did something");
    dana.click("#preview form button")?;
    leaves(&dana, "/cancel")?;
    dana.says("main [role=status]", "Issued")?;
    let open = issued(&treasury)?;
    let others: Vec<Txid> = open.into_iter().filter(|one| *one != payment).collect();
    let [cancellation] = others[..] else {
        return Err(Failure::new(format!("not one cancellation: {others:?}")));
    };

    treasury.countersign(&treasury.people.alice, cancellation)?;
    treasury.countersign(&treasury.people.bob, cancellation)?;
    treasury.reaches_mempool(cancellation)?;
    treasury.node.mine(3)?;
    treasury.withdrawal_becomes("w-1", "failed")?;
    dana.open(&treasury.vault_page("/withdrawals/exchange/w-1"))?;
    dana.says(STATE, "failed")?;
    dana.open(&page)?;
    dana.says(STATE, "dead")?;
    assert_eq!(treasury.received(&Purse::stranger(1))?, Amount::ZERO);
    treasury.reconcile()?;
    Ok(())
}
