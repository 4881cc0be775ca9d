//! The words of statements.

use super::Told;
use super::layout::{amount, groups_of_four, payee_of};
use crate::document::{Policy, format_duration};
use crate::intent::{ListAdd, Statement};
use crate::rules::Entitlement;

/// Returns a statement as people read it in one sentence.
pub fn statement_text(statement: &Statement) -> String {
    match statement {
        Statement::ListAdd(add) => format!(
            "list {} gains \"{}\" from {} until {}: {}",
            add.list,
            add.label,
            add.not_before,
            add.expires,
            groups_of_four(&add.script_pubkey.to_hex_string())
        ),
        Statement::ListRemove { entry } => format!("entry {entry} is removed"),
        Statement::ListConfirm { entry } => {
            format!("the first payment to entry {entry} is confirmed")
        }
        Statement::Stop(stop) => format!(
            "the vault pays nobody from {} on: \"{}\"",
            stop.created, stop.reason
        ),
        Statement::Release { stop } => format!("stop {stop} is over"),
        Statement::Go(go) => format!("automatic co-signers may sign, said {}", go.created),
        Statement::Ack { policy } => format!("policy version {policy} is followed"),
    }
}

/// Returns a statement as a person reads it before signing it: with the entry that it is about and with
/// who signed it so far, where those are known.
pub fn statement_told(
    statement: &Statement,
    entry: Option<&ListAdd>,
    counted: Option<&Entitlement>,
    policy: &Policy,
) -> Told {
    let headline = match statement {
        Statement::ListAdd(add) => format!("Add to the list {}", add.list),
        Statement::ListRemove { .. } => "REMOVE from its list, for ever".to_owned(),
        Statement::ListConfirm { .. } => {
            "Confirm that the first, small payment arrived with the right owner".to_owned()
        }
        Statement::Stop(_) => {
            "STOP the vault: it pays nobody until a quorum releases it".to_owned()
        }
        Statement::Release { .. } => "Release a stop: the vault pays again".to_owned(),
        Statement::Go(_) => "Let the automatic co-signers sign for a while".to_owned(),
        Statement::Ack { .. } => "Acknowledge a policy version".to_owned(),
    };
    let mut facts = Vec::new();
    match entry {
        Some(add) => {
            facts.push(("list", add.list.clone()));
            facts.push(("who", add.label.clone()));
            facts.push(("pays", payee_of(&add.script_pubkey, policy.network)));
            facts.push(("from", add.not_before.to_string()));
            facts.push(("until", add.expires.to_string()));
            facts.extend(open_list(policy, add));
        }
        None => facts.push(("says", statement_text(statement))),
    }
    if let Some(counted) = counted {
        let group = counted.group.as_deref().unwrap_or("any approvers");
        let signed = match counted.approved_by.as_slice() {
            [] => "nobody yet".to_owned(),
            persons => persons.join(", "),
        };
        let needed = counted.needed;
        facts.push(("needs", format!("{needed} of {group}; signed by {signed}")));
    }
    match statement.entry() {
        Some(entry) => facts.push(("entry", entry.to_string())),
        None => facts.push(("subject", statement.subject().to_string())),
    }
    Told { headline, facts }
}

fn open_list(policy: &Policy, add: &ListAdd) -> Vec<(&'static str, String)> {
    let Some(open) = policy.list(&add.list).and_then(|list| list.open.as_ref()) else {
        return vec![(
            "CLOSED",
            format!("the policy has no open list {}", add.list),
        )];
    };
    let delay = format_duration(open.delay);
    let mut facts = vec![(
        "then",
        format!("cools off {delay}, from when each signer first sees it"),
    )];
    if let Some(test) = &open.test_first {
        let most = amount(test.amount);
        let group = &test.group;
        facts.push((
            "first",
            format!("one payment of at most {most}, confirmed by a person of {group}"),
        ));
    }
    facts
}
