//! What a service and an operator see of a run, asked anew whenever they look.

use std::collections::BTreeMap;

use bitcoin::Txid;
use serde_json::Value;

use crate::{Answer, Failure, Treasury, field, items};

/// A withdrawal as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Withdrawal {
    pub(super) state: String,
    pub(super) batch: Option<String>,
}

/// An attempt as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Attempt {
    pub(super) txid: Txid,
    pub(super) batch: String,
    pub(super) number: u64,
    pub(super) purpose: String,
    pub(super) state: String,
}

/// Everything at one look.
#[derive(Debug, Clone)]
pub(super) struct Sight {
    pub(super) withdrawals: BTreeMap<String, Withdrawal>,
    pub(super) attempts: Vec<Attempt>,
    /// The number of the last news.
    pub(super) news: u64,
    /// Whether the watchtower stands at the node's tip and sees no trouble.
    pub(super) follows: bool,
}

/// How it is: the number of the last news, and whether the watchtower stands at the node's tip and sees no
/// trouble. Nothing while the coordinator does not answer.
pub(super) fn status(treasury: &Treasury) -> Result<Option<(u64, bool)>, Failure> {
    let Some(answer) = answered(treasury.auditor().get("/status")) else {
        return Ok(None);
    };
    let status = answer.json()?;
    let at_tip = status["tip"] == treasury.node.best_block()?.to_string();
    let mut nodes = items(&status["nodes"])?.iter();
    let well = nodes.all(|node| node["trouble"].is_null());
    let news = status["event_number"].as_u64().unwrap_or_default();
    Ok(Some((news, at_tip && well)))
}

/// Looks at everything; nothing while the coordinator does not answer.
pub(super) fn look(treasury: &Treasury) -> Result<Option<Sight>, Failure> {
    let Some((news, follows)) = status(treasury)? else {
        return Ok(None);
    };
    let api = treasury.auditor();
    let Some(withdrawals) = answered(api.get(&treasury.path("/withdrawals"))) else {
        return Ok(None);
    };
    let Some(attempts) = answered(api.get(&treasury.path("/attempts"))) else {
        return Ok(None);
    };
    let (withdrawals, attempts) = (withdrawals.json()?, attempts.json()?);
    Ok(Some(Sight {
        withdrawals: items(&withdrawals)?
            .iter()
            .map(withdrawal)
            .collect::<Result<_, _>>()?,
        attempts: items(&attempts)?
            .iter()
            .map(attempt)
            .collect::<Result<_, _>>()?,
        news,
        follows,
    }))
}

/// The answer, if there was one and it is no refusal.
pub(super) fn answered(answer: Result<Answer, Failure>) -> Option<Answer> {
    answer
        .ok()
        .filter(|answer| (200..300).contains(&answer.status))
}

fn withdrawal(shown: &Value) -> Result<(String, Withdrawal), Failure> {
    let withdrawal = Withdrawal {
        state: field(shown, "state")?,
        batch: shown["batch"].as_str().map(str::to_owned),
    };
    Ok((field(shown, "id")?, withdrawal))
}

fn attempt(shown: &Value) -> Result<Attempt, Failure> {
    Ok(Attempt {
        txid: field(shown, "txid")?.parse()?,
        batch: field(shown, "batch")?,
        number: shown["number"].as_u64().unwrap_or_default(),
        purpose: field(shown, "purpose")?,
        state: field(shown, "state")?,
    })
}

impl Sight {
    /// The state of a withdrawal, if it is there.
    pub(super) fn state(&self, id: &str) -> Option<&str> {
        self.withdrawals.get(id).map(|one| one.state.as_str())
    }

    /// The attempt that is in a state, if any is.
    pub(super) fn attempt_in(&self, state: &str) -> Option<&Attempt> {
        self.attempts.iter().find(|attempt| attempt.state == state)
    }

    /// The last attempts of their batches that wait for signatures.
    pub(super) fn to_be_signed(&self) -> impl Iterator<Item = &Attempt> {
        let is_last = |one: &&Attempt| {
            let mut same = self.attempts.iter();
            same.all(|other| other.batch != one.batch || other.number <= one.number)
        };
        let issued = self.attempts.iter().filter(|one| one.state == "issued");
        issued.filter(is_last)
    }

    /// Whether no attempt can change any more but by a reorg.
    pub(super) fn is_quiet(&self) -> bool {
        let over = ["settled", "dead", "dropped"];
        self.attempts
            .iter()
            .all(|attempt| over.contains(&attempt.state.as_str()))
    }
}
