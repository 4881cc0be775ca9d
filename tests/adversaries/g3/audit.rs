//! What must hold when a run is over, by the real node's chain, the database and the signers' journals.

use bitcoin::{Amount, Denomination, Txid};
use policies::Policy;
use serde_json::{Value, json};
use signer::home::Home;
use signer::journal_file::{JournalFile, Owner};

use super::course::Course;
use crate::{Failure, SignerHome, items};

/// What does not hold.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    /// Withdrawals that more than one output pays.
    pub(super) twice: u64,
    /// Withdrawals that none pays, or whose books do not say so.
    pub(super) lost: u64,
    /// Coins that are held for nothing.
    pub(super) leaked: u64,
    /// In words.
    pub(super) complaints: Vec<String>,
}

/// Looks at everything.
pub(super) fn audit(course: &mut Course) -> Result<Verdict, Failure> {
    let mut verdict = Verdict::default();
    for one in &course.wanted {
        let script = format!("raw({})", one.to.script_pubkey().to_hex_string());
        let node = &course.treasury.node;
        let found: Value = node.call("scantxoutset", json!(["start", [script]]))?;
        let paid = items(&found["unspents"])?;
        let amount = |output: &Value| {
            let text = output["amount"].to_string();
            Amount::from_str_in(&text, Denomination::Bitcoin)
        };
        let exact = paid.iter().all(|output| amount(output) == Ok(one.amount));
        let state = course.treasury.withdrawal_state(&one.id)?;
        verdict.twice += u64::from(paid.len() > 1);
        let is_lost = paid.is_empty() || !exact || state != "settled";
        verdict.lost += u64::from(is_lost);
        if paid.len() != 1 || is_lost {
            verdict.complaints.push(format!(
                "{} is {state} and paid {} times: {found}",
                one.id,
                paid.len()
            ));
        }
    }
    let store = &course.treasury.store;
    verdict.leaked = store.number("SELECT COUNT(*) FROM reservation WHERE released_at IS NULL")?;
    let known = store.number("SELECT COUNT(*) FROM withdrawal")?;
    if known != u64::try_from(course.wanted.len())? {
        verdict
            .complaints
            .push(format!("{known} withdrawals are stored"));
    }
    if verdict.leaked > 0 {
        let held = verdict.leaked;
        verdict
            .complaints
            .push(format!("{held} coins are still held"));
    }
    let status = course.treasury.operator().get("/status")?.done()?;
    for (what, none) in [("jobs", "parked"), ("journals", "code")] {
        let troubled = items(&status[what])?;
        if troubled.iter().any(|one| !one[none].is_null()) {
            let troubled = &status[what];
            verdict.complaints.push(format!("{what}: {troubled}"));
        }
    }
    for failed in [course.treasury.reconcile(), course.treasury.verify_events()] {
        if let Err(failure) = failed {
            verdict.complaints.push(failure.to_string());
        }
    }
    let policy = &course.treasury.people.policy;
    for (txid, name) in &course.handed_in {
        let people = &course.treasury.people;
        let home = match *name {
            "alice" => &people.alice,
            _ => &people.bob,
        };
        if !remembers(policy, home, *txid)? {
            verdict
                .complaints
                .push(format!("{name} signed {txid} and has no entry"));
        }
    }
    if let Err(failure) = course.treasury.must_be_well() {
        verdict.complaints.push(failure.to_string());
    }
    Ok(verdict)
}

/// Whether a signer's journal, read anew from the disk, holds a transaction.
fn remembers(policy: &Policy, home: &SignerHome, txid: Txid) -> Result<bool, Failure> {
    let named = policy.signer(home.name());
    let key = named.map(|named| named.journal);
    let owner = Owner {
        vault: policy.vault,
        key: key.ok_or_else(|| Failure::new("no such signer"))?,
    };
    let file = Home::at(home.home()).journal_file();
    let journal = JournalFile::read(&file, owner)?;
    Ok(journal.history().contains(&txid))
}

/// Makes the books of a good run wrong, one way after another; how many of how many are noticed.
pub(super) fn notices(course: &mut Course) -> Result<(u64, u64), Failure> {
    let store = &course.treasury.store;
    store.sql("UPDATE reservation SET released_at = NULL, release_reason = NULL")?;
    let leaks = audit(course)?.leaked > 0;
    let store = &course.treasury.store;
    store.sql("UPDATE withdrawal SET state = 'expired', detail = '{\"state\":\"expired\"}'")?;
    let loses = audit(course)?.lost > 0;
    let first = course.wanted.first();
    let first = first.ok_or_else(|| Failure::new("nothing was wanted"))?;
    let node = &course.treasury.node;
    node.fund(&first.to, first.amount)?;
    node.mine(1)?;
    let doubles = audit(course)?.twice > 0;
    let noticed = [leaks, loses, doubles].map(u64::from);
    Ok((noticed.iter().sum(), 3))
}
