//! Money comes in, is taken back by a reorg, and comes again.

use bitcoin::{Amount, OutPoint};
use coordinator::client::{Client, VerifiedAddress};
use harness::{Failure, Outcome, Treasury};
use serde_json::Value;

use crate::stage::{Stage, grouped, sat, short};

pub(super) fn arrive(stage: &mut Stage, treasury: &Treasury, service: &Client) -> Outcome {
    stage.step("Deposit addresses, which the service derives again itself");
    let mut addresses = Vec::new();
    for customer in ["1001", "1002", "1003"] {
        let issued = service.new_address(&format!("customer {customer}"))?;
        stage.line(&format!("{customer}  {}", issued.address));
        addresses.push(issued);
    }
    stage.say("For these customers; each is what the pinned descriptor gives, letter by letter.");

    stage.step("Two deposits: seen, confirmed, settled");
    let first = pay_in(treasury, &addresses[0], 120_000_000)?;
    let second = pay_in(treasury, &addresses[1], 45_500_000)?;
    let show = |state: &str, word: &str| -> Outcome {
        stage.wait(&format!("both are {word}"), || {
            treasury.deposit_becomes(first, state)?;
            treasury.deposit_becomes(second, state)
        })?;
        balance(stage, treasury)
    };
    show("unconfirmed", "seen in the mempool")?;
    treasury.node.mine(1)?;
    show("confirmed", "in a block")?;
    treasury.node.mine(2)?;
    show("settled", "settled, three blocks deep")?;

    stage.step("A reorg takes a deposit back, and a block brings it again");
    let third = pay_in(treasury, &addresses[2], 30_000_000)?;
    treasury.node.mine(2)?;
    treasury.deposit_becomes(third, "confirmed")?;
    stage.line(&format!("{}  confirmed, twice", short(&third.to_string())));
    let reorg = treasury.node.reorg(2)?;
    for block in &reorg.gone {
        stage.figure("gone", &block.to_string());
    }
    stage.wait("its confirmations are taken back", || {
        treasury.deposit_becomes(third, "unconfirmed")
    })?;
    treasury.node.mine(3)?;
    stage.wait("it is in a block again, and settles", || {
        treasury.deposit_becomes(third, "settled")
    })?;
    balance(stage, treasury)
}

fn pay_in(treasury: &Treasury, to: &VerifiedAddress, amount: u64) -> Result<OutPoint, Failure> {
    treasury.pay_in(&to.address, Amount::from_sat(amount))
}

fn balance(stage: &Stage, treasury: &Treasury) -> Outcome {
    let balance: Value = treasury.auditor().get(&treasury.path("/balance"))?.done()?;
    let figure = |name: &str| grouped(balance[name].as_u64().unwrap_or_default());
    stage.figure("settled", &figure("settled_sat"));
    Ok(())
}

/// The settled balance, for the end of the story.
pub(super) fn settled(treasury: &Treasury) -> Result<String, Failure> {
    let balance: Value = treasury.auditor().get(&treasury.path("/balance"))?.done()?;
    Ok(sat(Amount::from_sat(
        balance["settled_sat"].as_u64().unwrap_or_default(),
    )))
}
