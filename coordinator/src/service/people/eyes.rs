//! Four eyes: whose word counts as that of a second operator.
//!
//! A token is the hand of whoever made it, and of whoever made that one: with it a person proposes, and nobody
//! confirms an own proposal, also not by way of a token.

use std::collections::BTreeSet;

use watchtower::store::database::Transaction;

use super::{Actor, PeopleError, PersonRole, ServiceError};
use crate::store::people::persons;
use crate::store::tokens;

/// All names behind a name: itself, and the makers of tokens that bear it.
async fn names_behind(tx: &mut Transaction, name: &str) -> Result<BTreeSet<String>, ServiceError> {
    let tokens = tokens::list(tx).await?;
    let mut names = BTreeSet::from([name.to_owned()]);
    loop {
        let makers: Vec<String> = tokens
            .iter()
            .filter(|token| names.contains(&token.name))
            .map(|token| token.created_by.clone())
            .filter(|maker| !names.contains(maker))
            .collect();
        if makers.is_empty() {
            return Ok(names);
        }
        names.extend(makers);
    }
}

/// The operators of all vaults who are not revoked.
pub(super) async fn operators(tx: &mut Transaction) -> Result<Vec<String>, ServiceError> {
    let all = persons::list(tx).await?;
    Ok(all
        .into_iter()
        .filter(|person| {
            person.role == PersonRole::Operator.name()
                && person.vault.is_none()
                && person.ended_at.is_none()
        })
        .map(|person| person.name)
        .collect())
}

/// Whether there is an operator who could say the second word on what this one proposes.
pub(super) async fn second_is_there(
    tx: &mut Transaction,
    proposer: &str,
) -> Result<bool, ServiceError> {
    let behind = names_behind(tx, proposer).await?;
    let operators = operators(tx).await?;
    // A name may be that of several makers' tokens: among several operators nobody is alone.
    Ok(operators.len() > 1 || operators.iter().any(|name| !behind.contains(name)))
}

/// Refuses whoever is not a signed-in operator other than the one who proposed.
pub(super) async fn expect_second(
    tx: &mut Transaction,
    actor: &Actor,
    proposer: &str,
) -> Result<(), ServiceError> {
    let (all, behind) = (operators(tx).await?, names_behind(tx, proposer).await?);
    if !all.contains(&actor.name) {
        return Err(PeopleError::NotAnOperator.into());
    }
    // Behind a token of the machine stands nobody known: whoever holds it may be the one who confirms.
    let known = all.iter().any(|name| behind.contains(name));
    if behind.contains(&actor.name) || !known {
        let by = proposer.to_owned();
        return Err(PeopleError::SecondOperator { by }.into());
    }
    Ok(())
}

/// Refuses to let the last operator go.
pub(super) async fn expect_not_last(tx: &mut Transaction, name: &str) -> Result<(), ServiceError> {
    let operators = operators(tx).await?;
    if operators.iter().any(|operator| operator == name) && operators.len() == 1 {
        let name = name.to_owned();
        return Err(PeopleError::LastOperator { name }.into());
    }
    Ok(())
}
