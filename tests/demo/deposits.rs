//! Money comes in, and the chain takes some of it back for a while.

use bitcoin::{Address, Amount, OutPoint};
use coordinator::client::Client;
use harness::{Failure, Outcome, SHORT, Treasury, wait_until};

use crate::page::{Page, btc};

/// What customers pay in.
const DEPOSITS: [Amount; 3] = [
    Amount::from_sat(40_000_000),
    Amount::from_sat(35_000_000),
    Amount::from_sat(25_000_000),
];

/// The service asks for an address and believes only its own derivation.
pub(crate) fn an_address_is_derived_again(
    page: &mut Page,
    service: &Client,
) -> Result<Address, Failure> {
    page.step("A deposit address, which the service derives again")?;
    let found = service.new_address("c-1")?;
    page.fact("answered", &found.address.to_string())?;
    page.fact(
        "derived",
        &format!(
            "the same, from the pinned descriptor at {} {}",
            found.keychain.name(),
            found.index
        ),
    )?;
    Ok(found.address)
}

/// Three customers pay in; the last deposit is watched from mempool to settlement.
pub(crate) fn deposits_settle(
    page: &mut Page,
    treasury: &Treasury,
    service: &Client,
    first: &Address,
) -> Result<OutPoint, Failure> {
    page.step("Deposits are seen, confirmed, settled")?;
    let [one, two, three] = DEPOSITS;
    let node = &treasury.node;
    let paid = [
        treasury.pay_in(first, one)?,
        treasury.pay_in(&service.new_address("c-2")?.address, two)?,
    ];
    node.mine(3)?;
    for (deposit, amount) in paid.into_iter().zip([one, two]) {
        treasury.deposit_becomes(deposit, "settled")?;
        page.row(&format!("{}  settled", btc(amount)))?;
    }
    let last = treasury.pay_in(&service.new_address("c-3")?.address, three)?;
    treasury.deposit_becomes(last, "unconfirmed")?;
    page.row(&format!("{}  seen in the mempool", btc(three)))?;
    node.mine(1)?;
    treasury.deposit_becomes(last, "confirmed")?;
    page.row(&format!(
        "{}  confirmed in block {}",
        btc(three),
        node.height()?
    ))?;
    node.mine(2)?;
    treasury.deposit_becomes(last, "settled")?;
    page.row(&format!("{}  settled, 3 blocks deep", btc(three)))?;
    is_settled(page, treasury, one + two + three)?;
    Ok(last)
}

/// The chain takes the last deposit back, and brings it again.
pub(crate) fn a_reorg_takes_one_back(
    page: &mut Page,
    treasury: &Treasury,
    deposit: OutPoint,
) -> Outcome {
    page.step("A reorg takes one back, and it comes again")?;
    let [one, two, three] = DEPOSITS;
    let reorg = treasury.node.reorg(3)?;
    treasury.deposit_becomes(deposit, "unconfirmed")?;
    page.row(&format!(
        "{} blocks gone, {} others in their place",
        reorg.gone.len(),
        reorg.new.len()
    ))?;
    page.row(&format!(
        "{}  only seen again: its credit is reversed",
        btc(three)
    ))?;
    is_settled(page, treasury, one + two)?;
    treasury.node.mine(3)?;
    treasury.deposit_becomes(deposit, "settled")?;
    page.row(&format!("{}  settled again, in a new block", btc(three)))?;
    is_settled(page, treasury, one + two + three)
}

/// Waits until exactly this much is settled, and says so.
fn is_settled(page: &Page, treasury: &Treasury, amount: Amount) -> Outcome {
    wait_until(&format!("{} to be settled", btc(amount)), SHORT, || {
        let balance = treasury.auditor().get(&treasury.path("/balance"))?.done()?;
        Ok((balance["settled_sat"] == amount.to_sat()).then_some(()))
    })?;
    page.fact("balance", &format!("{} settled", btc(amount)))
}
