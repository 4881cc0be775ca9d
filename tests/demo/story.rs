//! The story: one treasury from its keys to a settled batch, with a reorg and a liar on the way.

mod deposits;
mod founding;
mod payout;

use coordinator::client::Client;
use harness::{Failure, Treasury};

use crate::stage::Stage;

/// Tells it; the treasury still runs.
pub(crate) fn tell(stage: &mut Stage) -> Result<Treasury, Failure> {
    stage.text(
        "Countersign: bitcoin held by several people, moved only as their policy says.\n\
         Every figure below is real: a bitcoind on regtest, and the programs that\n\
         operators, signers and services run.",
    );
    let mut treasury = founding::found(stage)?;
    let service = service(&treasury)?;
    deposits::arrive(stage, &treasury, &service)?;
    payout::pay(stage, &mut treasury, &service)?;
    Ok(treasury)
}

/// The exchange's back end: it pinned the policy by its id and believes the coordinator nothing.
fn service(treasury: &Treasury) -> Result<Client, Failure> {
    let policy = treasury.people.policy.clone();
    let pinned = policy.id;
    Ok(Client::new(
        treasury.coordinator.url(),
        treasury.service_token(),
        policy,
        pinned,
        harness::requester_key(),
    )?)
}
