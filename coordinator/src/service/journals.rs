//! The signers' journals as receipts show them, and what is known last of each.
//!
//! What devices return without a receipt is taken: hardware wallets keep no journal, and the signers whose
//! honesty counts check everything themselves. A receipt that is there must be right, or nothing that came
//! with it is taken. Invariant: what is accepted of one journal only ever grows.

mod judging;
mod moves;

use bitcoin::Txid;
use bitcoin::hex::DisplayHex;
use policies::document::Policy;
use policies::{PublicKey, Receipt, UnixTime, VaultId};
use serde::Serialize;
use serde_json::Map;
use utoipa::ToSchema;
use watchtower::store::database::Transaction;

pub use self::judging::RefusedReceipt;
pub(super) use self::judging::{remember_refusal, take_receipts};
pub(super) use self::moves::signer_of_journal;
pub use self::moves::{SubmitMove, submit_move};

use self::moves::moved_from;

use super::record::{Cause, append_event};
use super::{Actor, Right, Service, ServiceError};
use crate::store::journals::{self, RefusalRow};
use crate::store::vaults;

/// The journal of a signer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct JournalView {
    /// The signer's name in the policy.
    pub signer: String,
    /// The journal whose receipts count now.
    pub journal: String,
    /// How often it moved from the one that the policy names.
    pub moves: u32,
    /// The number of its last entry, as its last receipt says.
    pub counter: Option<u64>,
    /// Its head after that.
    pub head: Option<String>,
    /// The head of the event chain that the signer was told then.
    pub event_head: Option<String>,
    /// When that receipt came in (unix seconds).
    #[schema(value_type = Option<u64>)]
    pub received_at: Option<UnixTime>,
    /// The last receipt that was refused since.
    pub refused: Option<RefusedReceiptView>,
}

/// A receipt that was refused, with the signatures that came with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct RefusedReceiptView {
    /// The signer.
    pub signer: String,
    /// The journal that the receipt names.
    pub journal: String,
    /// The attempt it was handed in for.
    #[schema(value_type = String)]
    pub txid: Txid,
    /// The stable code of the reason.
    pub code: String,
    /// The reason in words.
    pub reason: String,
    /// What to do.
    pub hint: String,
    /// When (unix seconds).
    #[schema(value_type = u64)]
    pub refused_at: UnixTime,
}

/// The journals of a vault's signers.
///
/// # Errors
/// `VaultError::UnknownVault`.
pub async fn list_journals(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
) -> Result<Vec<JournalView>, ServiceError> {
    actor.require(Right::Read, vault)?;
    let mut tx = service.database().begin_read().await?;
    let (_, policy) = service.vault(&mut tx, vault).await?;
    views(&mut tx, vault, &policy).await
}

pub(super) async fn views(
    tx: &mut Transaction,
    vault: VaultId,
    policy: &Policy,
) -> Result<Vec<JournalView>, ServiceError> {
    let moves = journals::moves(tx, vault).await?;
    let mut views = Vec::new();
    for signer in &policy.signers {
        let own = moved_from(&moves, signer.journal);
        let current = own.last().map_or(signer.journal, |last| last.statement.to);
        let known = journals::lookup(tx, vault, &current).await?;
        let received_at = known.as_ref().map(|known| known.received_at);
        let refused = journals::last_refusal(tx, vault, &signer.name).await?;
        views.push(JournalView {
            signer: signer.name.clone(),
            journal: current.to_string(),
            moves: u32::try_from(own.len()).unwrap_or(u32::MAX),
            counter: known.as_ref().map(|known| known.counter),
            head: known.as_ref().map(|known| known.head.to_string()),
            event_head: (known.as_ref())
                .and_then(|known| known.receipt.body.event_head)
                .map(|head| head.to_lower_hex_string()),
            received_at,
            refused: refused.map(refused_view),
        });
    }
    Ok(views)
}

fn refused_view(row: RefusalRow) -> RefusedReceiptView {
    RefusedReceiptView {
        signer: row.signer,
        journal: row.journal.to_string(),
        txid: row.txid,
        code: row.code,
        reason: row.reason,
        hint: row.hint,
        refused_at: row.refused_at,
    }
}

/// What was refused last of journals that nothing was accepted of since, in the vaults that the actor sees.
pub(super) async fn troubled(
    service: &Service,
    tx: &mut Transaction,
    actor: &Actor,
) -> Result<Vec<RefusedReceiptView>, ServiceError> {
    let mut troubled = Vec::new();
    for vault in vaults::list(tx).await? {
        if actor.vault.is_none_or(|own| own == vault.id) {
            let policy = service.policy(tx, vault.policy).await?;
            let journals = views(tx, vault.id, &policy).await?;
            troubled.extend(journals.into_iter().filter_map(|journal| journal.refused));
        }
    }
    Ok(troubled)
}

async fn lock_journals(tx: &mut Transaction, vault: VaultId) -> Result<(), ServiceError> {
    Ok(tx.lock(&format!("journals {vault}")).await?)
}

/// The last accepted receipt of each signer's journal, for the manifest: a journal that was rolled back
/// knows less than it says, and refuses.
pub(super) async fn last_receipts(
    tx: &mut Transaction,
    vault: VaultId,
    policy: &Policy,
) -> Result<Vec<Receipt>, ServiceError> {
    let moves = journals::moves(tx, vault).await?;
    let mut receipts = Vec::new();
    for signer in &policy.signers {
        let moved = moved_from(&moves, signer.journal);
        let current = moved
            .last()
            .map_or(signer.journal, |last| last.statement.to);
        if let Some(known) = journals::lookup(tx, vault, &current).await? {
            receipts.push(known.receipt);
        }
    }
    Ok(receipts)
}

async fn append(
    tx: &mut Transaction,
    vault: VaultId,
    journal: &PublicKey,
    kind: &str,
    body: Map<String, serde_json::Value>,
    actor: &Actor,
    at: UnixTime,
) -> Result<(), ServiceError> {
    append_event(
        tx,
        vault,
        ("journal", &journal.to_string()),
        kind,
        body,
        Cause::by(&actor.name, at),
    )
    .await
}
