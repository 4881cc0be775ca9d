//! Who stands behind a token: whoever made it, and whoever made the token that made it.
//!
//! Invariant: nobody has more by way of a token than they may have themselves. A name that several tokens bear is the
//! name of each of them: rather too many tokens are taken back than one too few.

use std::collections::BTreeSet;

use policies::UnixTime;
use watchtower::store::database::Transaction;

use super::{Actor, OWN_NAMES, PersonRole, Role, ServiceError};
use crate::service::tokens::revoke_in;
use crate::store::people::persons::{self, PersonRow};
use crate::store::tokens::{self, TokenRow};

/// What is left of a person's tokens after a change of role.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Hands {
    /// The names of all tokens whose chain of makers leads to the person, whether they still work or not.
    pub(super) names: BTreeSet<String>,
    /// The ids of those that were revoked now.
    pub(super) revoked: Vec<String>,
}

/// The tokens whose chain of makers leads to a person, in the order in which they are stored.
pub(super) fn made_through<'t>(tokens: &'t [TokenRow], person: &str) -> Vec<&'t TokenRow> {
    let mut makers = BTreeSet::from([person]);
    loop {
        let further: Vec<&str> = tokens
            .iter()
            .filter(|token| makers.contains(token.created_by.as_str()))
            .map(|token| token.name.as_str())
            .filter(|name| !makers.contains(name))
            .collect();
        if further.is_empty() {
            break;
        }
        makers.extend(further);
    }
    let through = |token: &&TokenRow| makers.contains(token.created_by.as_str());
    tokens.iter().filter(through).collect()
}

/// Whether a token gives more than a person of this role may have; where there is none, each does.
fn gives_more(token: &TokenRow, person: &PersonRow, role: Option<PersonRole>) -> bool {
    let (Some(role), Ok(of_token)) = (role, token.role.parse::<Role>()) else {
        return true;
    };
    let elsewhere = person.vault.is_some_and(|own| token.vault != Some(own));
    elsewhere || !role.role().includes(of_token)
}

/// Revokes every token whose chain of makers leads to a person and that gives more than this role, with a reason
/// that says so.
pub(super) async fn take_back(
    tx: &mut Transaction,
    person: &PersonRow,
    role: Option<PersonRole>,
    (by, now): (&str, UnixTime),
) -> Result<Hands, ServiceError> {
    let all = tokens::list(tx).await?;
    let name = &person.name;
    let reason = match role {
        None => format!("made by or through {name}, who is revoked"),
        Some(role) => format!("made by or through {name}, who is {role} now"),
    };
    let mut hands = Hands::default();
    for token in made_through(&all, name) {
        hands.names.insert(token.name.clone());
        if token.revoked_at.is_none() && gives_more(token, person, role) {
            revoke_in(tx, token, (by, &reason, now)).await?;
            hands.revoked.push(token.id.clone());
        }
    }
    Ok(hands)
}

/// Refuses an operator who is none any more since the request was let in: what was under way when the role went must
/// leave nothing behind. The lock of people is held.
///
/// # Errors
/// [`ServiceError::Unauthorized`].
pub(in crate::service) async fn expect_still(
    tx: &mut Transaction,
    actor: &Actor,
) -> Result<(), ServiceError> {
    if OWN_NAMES.contains(&actor.name.as_str()) {
        return Ok(());
    }
    let still = match persons::lookup(tx, &actor.name).await? {
        Some(person) => {
            let is_operator = person.role == PersonRole::Operator.name();
            person.ended_at.is_none() && is_operator && person.vault.is_none()
        }
        None => tokens::list(tx).await?.iter().any(|token| {
            let is_operator = token.role == Role::Operator.name() && token.vault.is_none();
            token.name == actor.name && token.revoked_at.is_none() && is_operator
        }),
    };
    if still {
        Ok(())
    } else {
        Err(ServiceError::Unauthorized)
    }
}
