//! A node whose mempool is full: what is pushed out of it, or never got in, is paid out all the same, once and within
//! its budget.

use bitcoin::{Amount, Psbt, Txid};
use harness::{
    Bitcoind, Engine, Failure, LONG, Outcome, Purse, ScriptKind, Treasury, items, wait_until,
};
use policies::document::{PolicyDraft, SelfSpendBudgetDraft};

const DEPOSIT: Amount = Amount::from_sat(10_000_000);
/// What all that is done for one batch may cost beyond its first fee.
const BUDGET: u64 = 20_000;
/// What the node is taken to estimate once its mempool is full, in sat/kwu: more than anything in it pays.
const ESTIMATE: u64 = 5_000;
/// What a node asks for whose mempool has room, in satoshi per 1,000 virtual bytes, at most.
const RELAY: u64 = 1_000;

/// Signers let the vault spend to itself, so that a child needs no approval.
fn with_children(policy: &mut PolicyDraft) {
    policy.limits.self_spend_budget = Some(SelfSpendBudgetDraft {
        sat: 50_000,
        count: 4,
        window: "24h".to_owned(),
    });
}

/// A treasury with a deposit, on a node with a small mempool, that raises fees by itself.
fn start() -> Result<Treasury, Failure> {
    let node = Bitcoind::start_with_small_mempool()?;
    let treasury = Treasury::start_on_node(node, ScriptKind::Wsh, Engine::Sqlite, with_children)?;
    treasury.deposit(DEPOSIT)?;
    let budget = BUDGET.to_string();
    let set = [
        "fees",
        "set",
        "--deadline",
        "2",
        "--budget-sat",
        &budget,
        "--bump",
        "automatic",
        "--cpfp",
    ];
    treasury.command_line(&set)?.done()?;
    Ok(treasury)
}

/// Two of the three sign an attempt.
fn sign(treasury: &Treasury, txid: Txid) -> Outcome {
    let people = &treasury.people;
    for signer in [&people.alice, &people.machine] {
        treasury.countersign(signer, txid)?;
    }
    Ok(())
}

/// Fills the mempool while nobody looks: its minimum rises above a feerate in satoshi per 1,000 virtual bytes, and the
/// node is taken to estimate more than anything in it pays.
fn fill(treasury: &mut Treasury, above: u64) -> Outcome {
    treasury.coordinator.stop()?;
    let minimum = treasury.node.fill_mempool()?;
    if minimum <= above {
        return Err(Failure::new(format!(
            "the minimum is {minimum} sat a kvB, not above {above}"
        )));
    }
    treasury.coordinator.set_fee_estimate(ESTIMATE)?;
    treasury.coordinator.resume()
}

fn fee(treasury: &Treasury, txid: Txid) -> Result<u64, Failure> {
    let shown = (treasury.operator())
        .get(&format!("/attempts/{txid}"))?
        .done()?;
    let fee = shown["fee_sat"].as_u64();
    fee.ok_or_else(|| Failure::new(format!("no fee: {shown}")))
}

/// What was made by itself so far, in its order.
fn made(treasury: &Treasury) -> Result<Vec<Txid>, Failure> {
    let mut found = Vec::new();
    for event in treasury.events()? {
        if event["kind"] == "attempt.raised" {
            for txid in items(&event["body"]["made"])? {
                let txid = txid.as_str().unwrap_or_default();
                found.push(txid.parse()?);
            }
        }
    }
    Ok(found)
}

/// Waits until so many attempts were made by themselves; the last of them.
fn makes(treasury: &Treasury, count: usize) -> Result<Txid, Failure> {
    wait_until(&format!("{count} made by themselves"), LONG, || {
        let made = made(treasury)?;
        Ok((made.len() == count)
            .then(|| made.last().copied())
            .flatten())
    })
}

/// What a child spends is what its parent pays back to the vault.
fn assert_child_of(treasury: &Treasury, child: Txid, parent: Txid) -> Outcome {
    let psbt = Psbt::deserialize(&treasury.psbt(child)?)?;
    let inputs = psbt.unsigned_tx.input.iter();
    let spent: Vec<Txid> = inputs.map(|input| input.previous_output.txid).collect();
    assert_eq!(spent, [parent]);
    assert_eq!(psbt.unsigned_tx.output.len(), 1);
    Ok(())
}

/// The payout settles, by an attempt that the node has; it was paid once, and the books are right.
fn settles_once(treasury: &mut Treasury, txid: Txid, amount: Amount) -> Outcome {
    treasury.settle(txid, &["w-1"])?;
    treasury.all_is_taken_in()?;
    assert_eq!(treasury.received(&Purse::stranger(1))?, amount);
    treasury.reconcile()?;
    treasury.verify_events()?;
    treasury.must_be_well()
}

/// 1. A payout waits at 1 sat/vB. The mempool fills, its minimum rises, and the payout is pushed out.
/// 2. The coordinator replaces it by itself at what the node asks for, within the budget; signers sign it, and the node
///    takes it.
/// 3. It settles, once.
#[test]
fn a_payout_that_a_full_mempool_pushed_out_is_replaced_by_itself_within_its_budget() -> Outcome {
    let amount = Amount::from_sat(1_000_000);
    let mut treasury = start()?;
    let (batch, first) = treasury.pay_out("w-1", &Purse::stranger(1), amount, "1")?;
    sign(&treasury, first)?;
    treasury.waits_in_mempool(first)?;
    fill(&mut treasury, RELAY)?;
    assert!(!treasury.node.mempool()?.contains(&first));
    let second = makes(&treasury, 1)?;
    assert_eq!(treasury.attempts(&batch)?.len(), 2);
    assert!(fee(&treasury, second)? - fee(&treasury, first)? <= BUDGET);
    sign(&treasury, second)?;
    treasury.waits_in_mempool(second)?;
    settles_once(&mut treasury, second, amount)?;
    treasury.attempt_becomes(first, "dead").map(drop)
}

/// 1. A payout waits at 9 sat/vB in a mempool that is full and whose minimum rose, while more than twice as much is
///    asked for. Past its deadline a replacement is made; whoever must sign it is away.
/// 2. A deadline later a child of the payout's own change is made. Others sign it, and the node takes it: both are worth
///    the estimate together.
/// 3. The payout settles with its child, once and within the budget; the replacement is dead.
#[test]
fn a_child_pays_for_a_payout_in_a_full_mempool_while_the_signers_of_its_replacement_are_away()
-> Outcome {
    let amount = Amount::from_sat(1_000_000);
    let mut treasury = start()?;
    let (batch, first) = treasury.pay_out("w-1", &Purse::stranger(1), amount, "9")?;
    sign(&treasury, first)?;
    treasury.waits_in_mempool(first)?;
    fill(&mut treasury, RELAY)?;
    treasury.waits_in_mempool(first)?;
    wait_until("the coordinator to look", LONG, || {
        let known = treasury.store.number("SELECT COUNT(*) FROM batch_bump")?;
        Ok((known > 0).then_some(()))
    })?;
    for _ in 0..2 {
        treasury.empty_block()?;
    }
    let second = makes(&treasury, 1)?;
    assert_eq!(treasury.attempts(&batch)?.len(), 2);
    for _ in 0..2 {
        treasury.empty_block()?;
    }
    let child = makes(&treasury, 2)?;
    assert_child_of(&treasury, child, first)?;
    assert!(fee(&treasury, child)? <= BUDGET);
    sign(&treasury, child)?;
    treasury.waits_in_mempool(child)?;
    assert!(treasury.node.mempool()?.contains(&first));
    settles_once(&mut treasury, first, amount)?;
    treasury.attempt_becomes(child, "settled")?;
    treasury.attempt_becomes(second, "dead").map(drop)
}

/// 1. A small payout is built at 1 sat/vB, and signed only once the mempool is full and asks for more: the node takes it
///    not. A replacement would cost more than the policy's share of so little.
/// 2. A child of its own change is made by itself, and signed. The node takes neither alone, and both as a package.
/// 3. The payout settles with its child, once and within the budget.
#[test]
fn a_payout_that_a_full_mempool_never_took_goes_in_a_package_with_its_child() -> Outcome {
    let amount = Amount::from_sat(30_000);
    let mut treasury = start()?;
    let (batch, first) = treasury.pay_out("w-1", &Purse::stranger(1), amount, "1")?;
    fill(&mut treasury, RELAY)?;
    sign(&treasury, first)?;
    let sent = |class: &'static str| {
        let path = format!("/attempts/{first}");
        wait_until(&format!("the node's answer {class}"), LONG, || {
            let shown = treasury.operator().get(&path)?.done()?;
            Ok((shown["sent"]["class"] == class).then_some(()))
        })
    };
    sent("below_minimum")?;
    let child = makes(&treasury, 1)?;
    assert_child_of(&treasury, child, first)?;
    assert_eq!(treasury.attempts(&batch)?.len(), 1);
    assert!(fee(&treasury, child)? <= BUDGET);
    assert!(!treasury.node.mempool()?.contains(&first));
    sign(&treasury, child)?;
    treasury.waits_in_mempool(child)?;
    treasury.waits_in_mempool(first)?;
    settles_once(&mut treasury, first, amount)?;
    treasury.attempt_becomes(child, "settled").map(drop)
}
