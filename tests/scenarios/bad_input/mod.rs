//! Everything wrong that can come in: refused by a stable code with the right status, with nothing
//! changed and nothing broken.

mod destinations;
mod intents;
mod nodes;
mod policy_files;
mod requests;
mod signatures;
mod tokens;

use bitcoin::Amount;
use harness::{Engine, Failure, Outcome, ScriptKind, Treasury};
use serde_json::Value;

use crate::books::event_head;

/// What the vault of these scenarios holds.
const FUNDS: Amount = Amount::from_sat(10_000_000);

/// A treasury with settled funds.
fn funded() -> Result<Treasury, Failure> {
    let treasury = Treasury::start(ScriptKind::Wsh, Engine::Sqlite)?;
    treasury.deposit(FUNDS)?;
    Ok(treasury)
}

/// Everything that a refusal must leave as it was: what is stored, the balance, the event chain.
fn state(treasury: &Treasury) -> Result<(String, Value, Value), Failure> {
    let balance = treasury.auditor().get(&treasury.path("/balance"))?.done()?;
    let head = event_head(treasury)?;
    Ok((treasury.census()?, balance, head))
}

/// Runs `refusals`; afterwards everything is as before, and nobody panicked.
#[track_caller]
fn nothing_changes(
    treasury: &mut Treasury,
    refusals: impl FnOnce(&Treasury) -> Outcome,
) -> Outcome {
    let before = state(treasury)?;
    refusals(treasury)?;
    let after = state(treasury)?;
    if before != after {
        return Err(Failure::new(format!(
            "a refusal changed something:\n{before:?}\n{after:?}"
        )));
    }
    treasury.must_be_well()
}
