//! What the service asks for, and what its approver says to it.

use bitcoin::{Address, Amount};
use coordinator::client::{Client, Order};
use harness::{Failure, Outcome, Purse, Treasury, now};
use policies::{Intent, UnixTime};

use crate::page::{Page, btc};

/// How long a request is good for.
const DAY: u64 = 24 * 3600;

/// What customers want.
const AMOUNTS: [Amount; 5] = [
    Amount::from_sat(1_500_000),
    Amount::from_sat(4_200_000),
    Amount::from_sat(7_500_000),
    Amount::from_sat(12_000_000),
    Amount::from_sat(20_000_000),
];

/// The service signs and submits five requests.
pub(crate) fn five_are_requested(
    page: &mut Page,
    service: &Client,
) -> Result<Vec<Intent>, Failure> {
    page.step("Five withdrawals, each with the service's signature")?;
    let mut intents = Vec::new();
    for (n, amount) in (1_u8..).zip(AMOUNTS) {
        let order = order(&format!("w-{n}"), &Purse::stranger(n), amount, now())?;
        let (built, taken) = service.submit_withdrawal(&order, now())?;
        let address = Purse::stranger(n).to_string();
        page.row(&format!(
            "{}  {}  {address:<44}  {}",
            taken.id,
            btc(amount),
            taken.state
        ))?;
        intents.push(built.intent);
    }
    Ok(intents)
}

/// Dana reads what needs a human, in her own tool, and approves it with one signature.
pub(crate) fn the_approver_approves(
    page: &mut Page,
    treasury: &Treasury,
    intents: &[Intent],
) -> Outcome {
    page.step("Dana approves three of them with her own tool")?;
    let mut asked = Vec::new();
    for intent in intents {
        if treasury.withdrawal_state(intent.id.as_str())? == "requested" {
            asked.push(intent);
        }
    }
    treasury.approve(&asked)?;
    page.say(&format!(
        "One signature over the Merkle root of {} requests that she read; each travels with \
         its proof.",
        asked.len()
    ))?;
    for intent in intents {
        treasury.withdrawal_becomes(intent.id.as_str(), "approved")?;
    }
    page.fact("now", &format!("all {} are approved", intents.len()))
}

/// An order of the service.
pub(crate) fn order(
    id: &str,
    to: &Address,
    amount: Amount,
    now: UnixTime,
) -> Result<Order, Failure> {
    Ok(Order::payment(
        id.parse()?,
        to.as_unchecked().clone(),
        amount,
        now.saturating_add(DAY),
    ))
}
