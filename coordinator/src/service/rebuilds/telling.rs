//! Tells what came of a rebuild: its report, and its event.

use std::collections::BTreeMap;

use policies::UnixTime;
use serde_json::{Map, json};
use watchtower::store::coins;
use watchtower::store::database::Transaction;

use super::{ALL, Doubted, Rebuild, RebuiltVault};
use crate::rebuilding::Gathered;
use crate::service::ServiceError;
use crate::service::believing::{Belief, believe};
use crate::service::record::{Cause, append_vault_event};
use crate::service::remembering::Books;
use crate::session::withdrawal::WithdrawalState;
use crate::store::withdrawals::{self, WithdrawalRow};
use crate::store::{attempts, rebuildings};

/// The transactions of papers that are no attempts here, and why.
async fn doubted(
    tx: &mut Transaction,
    books: Books<'_>,
    gathered: &Gathered,
) -> Result<Vec<Doubted>, ServiceError> {
    let mut doubted = Vec::new();
    for attempt in gathered.in_order() {
        let txid = attempt.record.txid;
        if attempts::lookup(tx, txid).await?.is_some() {
            continue;
        }
        let reason = match believe(tx, books, attempt).await? {
            Belief::Doubted(doubt) => doubt.to_string(),
            Belief::Believed { .. } => "its coins became known only since".to_owned(),
        };
        doubted.push(Doubted {
            txid,
            signed_by: attempt.signed_by.iter().cloned().collect(),
            reason,
        });
    }
    Ok(doubted)
}

pub(super) async fn report(
    tx: &mut Transaction,
    books: Books<'_>,
    gathered: &Gathered,
    next_address: u32,
) -> Result<RebuiltVault, ServiceError> {
    let policy = gathered.policy();
    let vault = policy.vault;
    let mut by_state: BTreeMap<String, usize> = BTreeMap::new();
    for row in withdrawals::list(tx, vault, None, ALL).await? {
        let count = by_state.entry(row.state.name().to_owned()).or_default();
        *count = count.saturating_add(1);
    }
    let mut attempts_by_state: BTreeMap<String, usize> = BTreeMap::new();
    let mut without_psbt = Vec::new();
    for row in attempts::list(tx, vault, None, ALL).await? {
        let count = attempts_by_state
            .entry(row.state.name().to_owned())
            .or_default();
        *count = count.saturating_add(1);
        if row.is_remembered() && row.state.holds_coins() {
            without_psbt.push(row.txid);
        }
    }
    let mut held_sat = 0_u64;
    for coin in coins::confirmed_unspent(tx, vault).await? {
        held_sat = held_sat.saturating_add(coin.amount.to_sat());
    }
    let (held, unsigned): (Vec<WithdrawalRow>, Vec<WithdrawalRow>) =
        (withdrawals::without_request(tx, vault).await?.into_iter())
            .partition(|row| row.state == WithdrawalState::Requested);
    let named = |row: &WithdrawalRow| format!("{}/{}", row.key.requester, row.key.id);
    Ok(RebuiltVault {
        vault,
        name: policy.name.clone(),
        withdrawals: by_state,
        attempts: attempts_by_state,
        without_psbt,
        without_request: unsigned.iter().map(named).collect(),
        held: held.iter().map(named).collect(),
        unseen_quorum: gathered.unseen_quorum().unwrap_or_default(),
        doubted: doubted(tx, books, gathered).await?,
        addresses_doubted: Vec::new(),
        unexplained: rebuildings::unexplained(tx, vault).await?,
        held_sat,
        next_address,
        without_journal: gathered.without_journal().into_iter().collect(),
    })
}

pub(super) async fn append_rebuilt(
    tx: &mut Transaction,
    rebuild: &Rebuild,
    gathered: &Gathered,
    rebuilt: &RebuiltVault,
    now: UnixTime,
) -> Result<(), ServiceError> {
    use bitcoin::hex::DisplayHex;
    let policy = gathered.policy();
    let journals: Map<String, serde_json::Value> = gathered
        .journals
        .iter()
        .map(|((signer, pinned), export)| {
            let is_former = policy.signer(signer).is_none_or(|one| one.journal.id() != *pinned);
            let signer = if is_former {
                format!("{signer} (former)")
            } else {
                signer.clone()
            };
            let said = &export.statement;
            let end = json!({ "counter": said.counter, "head": said.head, "journal": said.journal.to_string() });
            (signer, end)
        })
        .collect();
    let mut body = Map::new();
    body.insert("attempts".to_owned(), json!(rebuilt.attempts));
    let doubted = rebuilt.doubted.iter().map(|one| one.txid.to_string());
    body.insert("doubted".to_owned(), json!(doubted.collect::<Vec<_>>()));
    body.insert("held".to_owned(), json!(rebuilt.held));
    body.insert("journals".to_owned(), serde_json::Value::Object(journals));
    body.insert("policy".to_owned(), json!(gathered.policy().id));
    body.insert(
        "sources".to_owned(),
        json!(rebuild.sources.to_lower_hex_string()),
    );
    body.insert("without_journal".to_owned(), json!(rebuilt.without_journal));
    body.insert("withdrawals".to_owned(), json!(rebuilt.withdrawals));
    let cause = Cause::by("rebuild", now);
    append_vault_event(tx, rebuilt.vault, "vault.rebuilt", body, cause).await
}
