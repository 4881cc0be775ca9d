//! What the books say at the end, and that everyone agrees.

use bitcoin::Amount;
use coordinator::client::{Client, Event, EventChain};
use harness::{Failure, Outcome, SHORT, Treasury, items, wait_until};
use serde_json::Value;

use crate::page::{Page, btc};

/// Events that one page of the log holds.
const PAGE: u32 = 100;
/// So many withdrawals settled in the story.
const SETTLED: usize = 6;
/// So many of the last events are shown.
const SHOWN: usize = 8;

/// Ledger, chain of events and reconciliation.
pub(crate) fn all_agree(page: &mut Page, treasury: &Treasury, service: &Client) -> Outcome {
    page.step("The ledger")?;
    let answer = treasury.auditor().get(&treasury.path("/ledger"))?.done()?;
    for entry in items(&answer)? {
        let text = |name: &str| entry[name].as_str().unwrap_or_default();
        let amount = Amount::from_sat(entry["amount_sat"].as_u64().unwrap_or_default());
        page.row(&format!(
            "{:>3}  {:<22} <- {:<22} {}",
            entry["number"].as_u64().unwrap_or_default(),
            text("debit"),
            text("credit"),
            btc(amount)
        ))?;
    }
    page.step("The chain of events, computed again by the service")?;
    // Events are numbered a moment after what they tell of.
    let (chain, last) = wait_until("all events to be numbered", SHORT, || {
        let (chain, events) = read_all(service)?;
        let settled = events
            .iter()
            .filter(|event| event.kind == "withdrawal.settled");
        Ok((settled.count() >= SETTLED).then_some((chain, events)))
    })?;
    let shown = last.len().saturating_sub(SHOWN);
    page.row(&format!("… {shown} events before these"))?;
    for event in &last[shown..] {
        let hash: String = event.hash.chars().take(16).collect();
        page.row(&format!("{:>3}  {:<24} {hash}…", event.number, event.kind))?;
    }
    page.fact(
        "verified",
        &format!("{} events, none missing", chain.number()),
    )?;
    reconciled(page, treasury)
}

/// Every event, each verified to follow the one before.
fn read_all(service: &Client) -> Result<(EventChain, Vec<Event>), Failure> {
    let mut chain = EventChain::begin();
    let mut all = Vec::new();
    loop {
        let events = service.events(chain.number(), PAGE)?;
        if events.is_empty() {
            return Ok((chain, all));
        }
        chain.follow(&events)?;
        all.extend(events);
    }
}

fn reconciled(page: &mut Page, treasury: &Treasury) -> Outcome {
    page.step("Reconciliation with the node, coin by coin")?;
    let found = treasury.reconcile()?;
    for (label, name) in [
        ("ledger", "ledger_sat"),
        ("tracker", "tracker_sat"),
        ("node", "node_sat"),
    ] {
        page.fact(label, &btc(Amount::from_sat(number(&found, name)?)))?;
    }
    page.fact(
        "agree",
        &format!(
            "yes, over {} coins at height {}",
            number(&found, "coins")?,
            number(&found, "height")?
        ),
    )
}

fn number(found: &Value, name: &str) -> Result<u64, Failure> {
    found[name]
        .as_u64()
        .ok_or_else(|| Failure::new(format!("no {name}: {found}")))
}
