//! Attempts that may still enter a block: who has signed and who could, and how the node takes them.

use std::collections::{BTreeMap, BTreeSet};

use bitcoin::{FeeRate, relative};
use policies::VaultId;
use policies::analysis::Gone;
use policies::document::{KeysetView, Policy};
use policies::psbt::{AttemptPurpose, read_strict};
use watchtower::store::database::Transaction;
use watchtower::store::outgoing::{self, Answer};
use watchtower::store::{coins, mempool_test};

use super::super::asking::Eyes;
use super::super::attempt::{Open, Sent, Signers, Stands, line};
use super::super::line::AgendaLine;
use super::MOST;
use crate::roles::satisfaction::demanded_age;
use crate::service::{Service, ServiceError, node_fees, voids};
use crate::session::attempt::AttemptState;
use crate::session::collection::is_meant_for;
use crate::store::attempts::{self, AttemptRow};
use crate::store::{inputs, signer_marks, voids as void_store};

/// The lines of a vault's attempts, of the oldest first and not of all where there are very many; those that only wait
/// for a block are left out.
pub(super) async fn open(
    service: &Service,
    tx: &mut Transaction,
    vault: VaultId,
    eyes: &Eyes<'_>,
) -> Result<Vec<AgendaLine>, ServiceError> {
    let mut lines = Vec::new();
    for row in attempts::unsettled(tx, vault, MOST).await? {
        let line = of_attempt(service, tx, &row, eyes).await?;
        lines.extend(line.filter(|line| !line.is_by_itself()));
    }
    Ok(lines)
}

/// The line of one attempt.
pub(in super::super) async fn of_attempt(
    service: &Service,
    tx: &mut Transaction,
    row: &AttemptRow,
    eyes: &Eyes<'_>,
) -> Result<Option<AgendaLine>, ServiceError> {
    let stands = match &row.state {
        AttemptState::Issued if row.is_remembered() => None,
        AttemptState::Issued => Some(issued(service, tx, row).await?),
        AttemptState::Signed => Some(Stands::Complete {
            refused: refused(tx, row).await?,
        }),
        AttemptState::Broadcasting => Some(Stands::Sent(sent(service, tx, row, false).await?)),
        AttemptState::InMempool => Some(Stands::Sent(sent(service, tx, row, true).await?)),
        AttemptState::Confirmed { height, .. } => Some(Stands::Confirmed { height: *height }),
        AttemptState::Draft
        | AttemptState::Dropped
        | AttemptState::Settled { .. }
        | AttemptState::Dead { .. } => None,
    };
    Ok(stands.map(|stands| {
        let open = Open {
            vault: row.vault,
            txid: row.txid,
            since: row.created_at,
            stands,
        };
        line(&open, eyes)
    }))
}

async fn issued(
    service: &Service,
    tx: &mut Transaction,
    row: &AttemptRow,
) -> Result<Stands, ServiceError> {
    if let Some(by) = inputs::cancelled_by(tx, row.txid).await? {
        return Ok(Stands::Cancelled { by });
    }
    let mut signers = signatures(service, tx, row).await?;
    if signers.ways.iter().any(BTreeSet::is_empty) {
        return Ok(Stands::Complete { refused: None });
    }
    if void_store::wish_of(tx, row.txid).await?.is_some() {
        let voided = voids::view(service, tx, row).await?;
        signers.done = voided.voided_by;
        signers.ways = (voided.needed.into_iter())
            .map(|way| way.into_iter().collect())
            .collect();
        return Ok(Stands::Void(signers));
    }
    Ok(Stands::Signatures(signers))
}

/// Who has signed all inputs, and which sets of signers would complete it.
async fn signatures(
    service: &Service,
    tx: &mut Transaction,
    row: &AttemptRow,
) -> Result<Signers, ServiceError> {
    let policy = service.policy(tx, row.policy).await?;
    let spent = inputs::of_attempt(tx, row.txid).await?;
    let first = match spent.first() {
        Some((outpoint, _)) => coins::coin(tx, *outpoint).await?,
        None => None,
    };
    let owner = first.and_then(|coin| {
        let script = &coin.script;
        policy.keyset_of(script.keychain, script.index, &script.script_pubkey)
    });
    let keyset = owner.unwrap_or_else(|| policy.newest_keyset());
    let mut signed: BTreeMap<String, BTreeSet<u32>> = BTreeMap::new();
    for signature in attempts::signatures(tx, row.txid).await? {
        signed
            .entry(signature.signer)
            .or_default()
            .insert(signature.input);
    }
    let done: Vec<String> = (signed.into_iter())
        .filter(|(_, inputs)| inputs.len() == spent.len())
        .map(|(signer, _)| signer)
        .collect();
    let mut signers = Signers {
        ways: ways(keyset, age_of(row), &done),
        person_of: (keyset.signers.iter())
            .map(|signer| (signer.name.clone(), signer.person.clone()))
            .collect(),
        done,
        ..Signers::default()
    };
    marked(tx, &policy, &mut signers).await?;
    Ok(signers)
}

async fn marked(
    tx: &mut Transaction,
    policy: &Policy,
    signers: &mut Signers,
) -> Result<(), ServiceError> {
    for mark in signer_marks::list(tx, policy.vault).await? {
        if mark.mark == Gone::Away.name() {
            signers.away.insert(mark.signer);
        } else if mark.mark == Gone::Lost.name() || mark.mark == Gone::Stolen.name() {
            signers.lost.insert(mark.signer);
        }
    }
    Ok(())
}

/// The age that a recovery says of its coins.
fn age_of(row: &AttemptRow) -> Option<relative::LockTime> {
    if row.purpose != AttemptPurpose::Recover {
        return None;
    }
    let psbt = read_strict(&row.psbt).ok()?;
    let sequence = psbt.transaction().input.first()?.sequence;
    demanded_age(psbt.transaction(), sequence)
}

/// The sets of signers, of those who have not signed, of which any one completes it; none holds another.
fn ways(
    keyset: KeysetView<'_>,
    age: Option<relative::LockTime>,
    done: &[String],
) -> Vec<BTreeSet<String>> {
    let positions = keyset.descriptor.key_positions();
    let holder = |key: &usize| {
        let position = positions.get(*key)?;
        let mut signers = keyset.signers.iter();
        let signer = signers.find(|signer| signer.key.xpub == position.xpub)?;
        Some(signer.name.clone())
    };
    let paths = (keyset.descriptor.paths().iter()).filter(|path| is_meant_for(path.older, age));
    let mut all: Vec<BTreeSet<String>> = paths
        .filter_map(|path| {
            path.keys
                .iter()
                .map(holder)
                .collect::<Option<BTreeSet<String>>>()
        })
        .map(|way| {
            way.into_iter()
                .filter(|name| !done.contains(name))
                .collect()
        })
        .collect();
    all.sort_by_key(BTreeSet::len);
    let mut fewest: Vec<BTreeSet<String>> = Vec::new();
    for way in all {
        if !fewest.iter().any(|smaller| smaller.is_subset(&way)) {
            fewest.push(way);
        }
    }
    fewest
}

/// What the node said when it was asked, if it would not take it.
async fn refused(tx: &mut Transaction, row: &AttemptRow) -> Result<Option<String>, ServiceError> {
    let tested = mempool_test::mempool_test_result(tx, row.txid).await?;
    Ok(tested
        .map(|test| test.reason)
        .filter(|reason| !reason.is_empty()))
}

async fn sent(
    service: &Service,
    tx: &mut Transaction,
    row: &AttemptRow,
    in_mempool: bool,
) -> Result<Sent, ServiceError> {
    let outgoing = outgoing::outgoing(tx, row.txid).await?;
    let at = outgoing
        .as_ref()
        .map_or(row.created_at, |sent| sent.created_at);
    let refused = (outgoing.and_then(|sent| sent.broadcast))
        .filter(|broadcast| broadcast.answer == Answer::Unknown && !broadcast.reason.is_empty())
        .map(|broadcast| broadcast.reason);
    Ok(Sent {
        at,
        in_mempool,
        feerate: row.fee / row.weight,
        estimate: estimate(service, tx).await?,
        refused,
    })
}

/// What a node asks for at the target of ordinary batches.
async fn estimate(
    service: &Service,
    tx: &mut Transaction,
) -> Result<Option<FeeRate>, ServiceError> {
    let target = service.batch_settings().fee_target;
    let known = node_fees::estimates(service, tx).await?;
    Ok(known.for_target(target).ok())
}
