//! Decides what is open once papers and chain are in, and from where addresses are given out again.
//!
//! Invariant: no index that was ever watched is given out again, and nothing is ended that an attempt may still pay.

use bitcoin::Address;
use policies::document::Policy;
use policies::hash::Purpose;
use policies::rules::{Decision, decide};
use policies::{Keychain, UnixTime};
use watchtower::store::database::Transaction;

use super::filling::key_of;
use super::{Rebuild, cause};
use crate::rebuilding::{Closed, Gathered, Issued, Tree};
use crate::service::ServiceError;
use crate::service::record::move_withdrawal;
use crate::service::standing::Known;
use crate::service::withdrawals::approve_if_satisfied;
use crate::session::withdrawal::WithdrawalEvent;
use crate::store::addresses::{self, AddressRow};
use crate::store::rebuildings;
use crate::store::withdrawals::{self, WithdrawalRow};

/// Ends what papers say was over, unless an attempt may still pay it; and what asks for coins of a former keyset and no
/// attempt ever paid.
pub(super) async fn close(
    tx: &mut Transaction,
    (rebuild, gathered): (&Rebuild, &Gathered),
    now: UnixTime,
) -> Result<(), ServiceError> {
    for one in gathered.requests.values() {
        let is_former = one.intent.keyset != gathered.policy().keyset;
        let Some(mut row) = withdrawals::lookup(tx, &key_of(gathered, one)).await? else {
            continue;
        };
        // What may have been paid all the same stays as it is: nobody asks for it again in good faith.
        let alleged = gathered.attempts.values();
        let is_alleged = alleged
            .filter(|attempt| attempt.record.intents.contains(&one.intent))
            .count()
            > 0;
        let is_held = rebuild.held.contains(&row.key.vault) || is_alleged;
        let is_over = is_former && !is_held && row.state.attempt().is_none();
        let Some(closed) = one.closed.or(is_over.then_some(Closed::Cancelled)) else {
            continue;
        };
        let event = match closed {
            Closed::Expired => WithdrawalEvent::Expired,
            Closed::Cancelled => WithdrawalEvent::Cancelled,
            Closed::Rejected { key } => WithdrawalEvent::Rejected { key },
        };
        if row.state.clone().apply(&event).is_ok() {
            move_withdrawal(tx, &mut row, &event, cause(now)).await?;
        }
    }
    Ok(())
}

pub(super) async fn decide_open(
    tx: &mut Transaction,
    policy: &Policy,
    gathered: &Gathered,
    row: &mut WithdrawalRow,
    now: UnixTime,
) -> Result<(), ServiceError> {
    let verdicts = gathered.verdicts.get(&row.hash);
    let rejected = verdicts
        .into_iter()
        .flatten()
        .find(|verdict| verdict.approval.purpose == Purpose::Reject);
    if let Some(rejected) = rejected {
        let key = rejected.approval.key;
        let event = WithdrawalEvent::Rejected { key };
        return move_withdrawal(tx, row, &event, cause(now)).await;
    }
    if row.intent.expires <= now || row.request.is_none() {
        return Ok(());
    }
    let known = Known::load(tx, row.key.vault, policy, &[&row.intent], now, now).await?;
    match decide(policy, &row.intent, &known.standing()) {
        Decision::Denied(_) => Ok(()),
        Decision::Needs(requirement) => {
            approve_if_satisfied(tx, policy, row, &requirement, cause(now)).await
        }
    }
}

/// No index that was ever watched is given out again: a customer may hold it, unknown to the chain. The next deposit
/// address of the keyset in force.
pub(super) async fn set_cursors(
    tx: &mut Transaction,
    gathered: &Gathered,
) -> Result<u32, ServiceError> {
    let mut next_address = None;
    for tree in gathered.line().trees() {
        for keychain in Keychain::BOTH {
            let (watched, _) = rebuildings::highest_indexes(tx, tree.keychain, keychain).await?;
            let next = watched.map_or(0, |watched| watched.saturating_add(1));
            rebuildings::set_cursor(tx, tree.keychain, keychain, next).await?;
            if keychain == Keychain::External {
                next_address = next_address.or(Some(next));
            }
        }
    }
    Ok(next_address.unwrap_or_default())
}

/// Lists the deposit addresses that papers or the chain know; the indexes of those that papers name and that are
/// not watched, too far beyond the highest that was paid.
pub(super) async fn fill_addresses(
    tx: &mut Transaction,
    gathered: &Gathered,
) -> Result<Vec<u32>, ServiceError> {
    let mut doubted = Vec::new();
    for tree in gathered.line().trees() {
        let (watched, _) =
            rebuildings::highest_indexes(tx, tree.keychain, Keychain::External).await?;
        let paid = rebuildings::paid_indexes(tx, tree.keychain, Keychain::External).await?;
        let named = gathered.addresses.keys();
        let named = named.filter(|(keychain, _)| *keychain == tree.keychain);
        let mut indexes: Vec<u32> = named.map(|(_, index)| *index).chain(paid).collect();
        indexes.sort_unstable();
        indexes.dedup();
        let is_watched = |index: &u32| watched.is_some_and(|watched| *index <= watched);
        doubted.extend(indexes.split_off(indexes.partition_point(is_watched)));
        for index in indexes {
            fill_address(tx, gathered, tree, index).await?;
        }
    }
    Ok(doubted)
}

async fn fill_address(
    tx: &mut Transaction,
    gathered: &Gathered,
    tree: Tree<'_>,
    index: u32,
) -> Result<(), ServiceError> {
    let unknown = Issued {
        keyset: tree.policy.keyset,
        reference: String::new(),
        metadata: "{}".to_owned(),
        issued_at: tree.policy.head.time,
    };
    let issued = gathered.addresses.get(&(tree.keychain, index));
    let issued = issued.unwrap_or(&unknown);
    let version = gathered.line().of_keyset(issued.keyset);
    let version = version.unwrap_or(tree.policy);
    let script_pubkey = version.descriptor.script_pubkey(Keychain::External, index);
    let address = Address::from_script(&script_pubkey, version.network);
    let row = AddressRow {
        vault: version.vault,
        policy: version.id,
        keyset: version.keyset,
        keychain: Keychain::External,
        index,
        address: address.map_or_else(|_| String::new(), |address| address.to_string()),
        script_pubkey,
        reference: issued.reference.clone(),
        metadata: issued.metadata.clone(),
        issued_at: issued.issued_at,
    };
    Ok(addresses::insert(tx, &row).await?)
}
