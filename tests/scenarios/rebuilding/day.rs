//! A vault in the middle of its day, and what its people keep of it.

use bitcoin::{Amount, Txid};
use harness::{Failure, Purse, Treasury};
use serde_json::json;
use tempfile::TempDir;

use super::{AMOUNT, LARGE, deposit_at_once, export_all, keep, replace, sign_by_two};

/// A vault in the middle of its day, and what its people keep.
pub(super) struct Day {
    pub(super) paid: Txid,
    pub(super) flying: Txid,
    pub(super) begun: Txid,
    pub(super) replaced: Txid,
    pub(super) replacing: Txid,
    pub(super) papers: TempDir,
}

/// 1. Six deposits are settled; the service keeps what it got for the address of one.
/// 2. One withdrawal is paid and settled, one is signed by two and in the mempool, one is signed by alice
///    alone, one is signed by alice and was then replaced by an attempt that alice signed too. Two are
///    approved and nothing pays them, one of them by dana; one waits for approvals, one was cancelled.
/// 3. The service keeps its signed requests but one, and what it was shown of the cancelled one; dana's approval is kept; all journals are exported.
pub(super) fn a_day(treasury: &Treasury) -> Result<Day, Failure> {
    let papers = tempfile::tempdir()?;
    let customer = json!({ "reference": "customer-7" });
    let address = treasury
        .service()
        .post(&treasury.path("/addresses"), &customer)?
        .done()?;
    keep(&papers, "address.json", &address)?;
    deposit_at_once(treasury, 6)?;
    let ask = |id: &str, stranger: u8, amount: Amount| -> Result<_, Failure> {
        let intent = treasury.withdraw(id, &Purse::stranger(stranger), amount)?;
        let request = treasury.signed_bytes(&intent.encode());
        if id != "w-begun" {
            keep(&papers, &format!("{id}.json"), &request)?;
        }
        Ok(intent)
    };
    ask("w-paid", 1, AMOUNT)?;
    let paid = treasury.batch()?;
    sign_by_two(treasury, paid)?;
    treasury.settle(paid, &["w-paid"])?;
    ask("w-flying", 2, AMOUNT)?;
    let flying = treasury.batch()?;
    sign_by_two(treasury, flying)?;
    treasury.reaches_mempool(flying)?;
    treasury.withdrawal_becomes("w-flying", "broadcast")?;
    ask("w-begun", 3, AMOUNT)?;
    let begun = treasury.batch()?;
    treasury.countersign(&treasury.people.alice, begun)?;
    ask("w-replaced", 4, AMOUNT)?;
    let replaced = treasury.batch()?;
    treasury.countersign(&treasury.people.alice, replaced)?;
    let replacing = replace(treasury, replaced, "w-replaced", "9")?;
    treasury.countersign(&treasury.people.alice, replacing)?;
    ask("w-open", 5, AMOUNT)?;
    let large = ask("w-large", 6, LARGE)?;
    let request = treasury.signed_bytes(&large.encode());
    let approval = treasury.people.dana.approve(&[request])?;
    treasury
        .operator()
        .post(&treasury.path("/approvals"), &approval)?
        .done()?;
    keep(&papers, "approval.json", &approval)?;
    ask("w-waiting", 7, LARGE)?;
    ask("w-cancelled", 8, AMOUNT)?;
    let path = treasury.path("/withdrawals/exchange/w-cancelled/cancel");
    let shown = treasury.service().post(&path, &json!({}))?.done()?;
    keep(&papers, "w-cancelled.shown.json", &shown)?;
    export_all(treasury, &papers)?;
    Ok(Day {
        paid,
        flying,
        begun,
        replaced,
        replacing,
        papers,
    })
}
