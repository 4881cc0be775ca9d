//! Proofs that books, tracker and node agree: coin by coin, or by looking through the node's whole UTXO set.
//!
//! The watchtower makes them; here they are asked for, followed, called off and shown.

use policies::{UnixTime, VaultId};
use serde::Serialize;
use utoipa::ToSchema;
use watchtower::reconciling::Difference;
use watchtower::store::reconciliation::{self, Reconciliation};

use super::books::begin;
use super::{Actor, BooksError, Right, Service, ServiceError};

/// A proof that books, tracker and node agree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ReconciliationView {
    /// The height of the tip at which they were compared.
    pub height: u32,
    /// The tip.
    pub block: String,
    /// What the ledger says.
    pub ledger_sat: i64,
    /// What the tracker says.
    pub tracker_sat: u64,
    /// What the node says.
    pub node_sat: u64,
    /// How many coins were compared.
    pub coins: u32,
    /// Whether all agree.
    pub agrees: bool,
    /// How many coins differ by a scan of the node's whole UTXO set; 0 where none was made.
    pub differences: u32,
    /// The first difference in words.
    pub detail: String,
    /// When (unix seconds).
    #[schema(value_type = u64)]
    pub at: UnixTime,
}

/// A reconciliation that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct RequestedReconciliation {
    /// The number to ask for its result by.
    pub request: u64,
    /// Whether the node's whole UTXO set is looked through.
    pub deep: bool,
    /// How far that has come; null where it was not begun.
    pub progress: Option<ProgressView>,
    /// Whether it was called off.
    pub aborted: bool,
    /// The result, once there is one.
    pub result: Option<ReconciliationView>,
    /// At most the first 100 coins that differ, in the order of their outpoints.
    pub differences: Vec<DifferenceView>,
}

/// How far something has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct ProgressView {
    /// How much is done.
    pub done: u32,
    /// Of how much.
    pub of: u32,
}

/// A coin about which node and books say different things.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct DifferenceView {
    /// The coin: txid, colon, output.
    pub outpoint: String,
    /// `node_only`, `books_only` or `other`.
    pub kind: String,
    /// The amount by the node, if it has the coin.
    pub node_sat: Option<u64>,
    /// The amount by the books, if they have the coin.
    pub books_sat: Option<u64>,
    /// The height of its block.
    pub height: u32,
    /// What each side says.
    pub detail: String,
    /// What to do about it.
    pub todo: String,
}

impl DifferenceView {
    fn of(one: &Difference) -> Self {
        Self {
            outpoint: one.outpoint.to_string(),
            kind: one.kind.name().to_owned(),
            node_sat: one.node.map(bitcoin::Amount::to_sat),
            books_sat: one.books.map(bitcoin::Amount::to_sat),
            height: one.height,
            detail: one.kind.words().to_owned(),
            todo: one.kind.todo().to_owned(),
        }
    }
}

/// The latest reconciliation of a vault, if there was one.
///
/// # Errors
/// `VaultError::UnknownVault`.
pub async fn show_reconciliation(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
) -> Result<Option<ReconciliationView>, ServiceError> {
    let mut tx = begin(service, actor, vault).await?;
    let latest = reconciliation::latest(&mut tx, vault).await?;
    Ok(latest.map(view))
}

/// The deep reconciliation of a vault that was asked for last, if one was.
///
/// # Errors
/// `VaultError::UnknownVault`.
pub async fn show_deep(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
) -> Result<Option<RequestedReconciliation>, ServiceError> {
    let mut tx = begin(service, actor, vault).await?;
    let Some(request) = reconciliation::last_deep(&mut tx, vault).await? else {
        return Ok(None);
    };
    drop(tx);
    let found = reconciliation_result(service, actor, vault, request).await?;
    Ok(Some(found))
}

/// Asks the watchtower to reconcile a vault now; a deep one looks through the node's whole UTXO set.
///
/// # Errors
/// `VaultError::UnknownVault`.
pub async fn request_reconciliation(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    deep: bool,
) -> Result<RequestedReconciliation, ServiceError> {
    actor.require(Right::Reconcile, vault)?;
    let mut tx = service.database().begin_write().await?;
    service.vault(&mut tx, vault).await?;
    let now = service.now();
    let request = if deep {
        reconciliation::request_deep(&mut tx, vault, now).await?
    } else {
        reconciliation::request(&mut tx, vault, now).await?
    };
    tx.commit().await?;
    Ok(RequestedReconciliation {
        request,
        deep,
        progress: None,
        aborted: false,
        result: None,
        differences: Vec::new(),
    })
}

/// The result of a reconciliation that was asked for, once there is one, and how far it has come until then.
///
/// # Errors
/// `VaultError::UnknownVault`.
pub async fn reconciliation_result(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    request: u64,
) -> Result<RequestedReconciliation, ServiceError> {
    let mut tx = begin(service, actor, vault).await?;
    let known = reconciliation::progress(&mut tx, request)
        .await?
        .filter(|known| known.vault == vault);
    let result = reconciliation::result(&mut tx, request)
        .await?
        .filter(|result| result.vault == vault);
    let differences = match &result {
        Some(_) => reconciliation::differences(&mut tx, request).await?,
        None => Vec::new(),
    };
    let percent = known.and_then(|known| known.percent);
    Ok(RequestedReconciliation {
        request,
        deep: known.is_some_and(|known| known.deep),
        progress: percent.map(|done| ProgressView { done, of: 100 }),
        aborted: known.is_some_and(|known| known.aborted),
        result: result.map(view),
        differences: differences.iter().map(DifferenceView::of).collect(),
    })
}

/// Calls a reconciliation off that has no result yet.
///
/// # Errors
/// `VaultError::UnknownVault`; [`BooksError::NoReconciliation`] where nothing is left to call off.
pub async fn call_off(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    request: u64,
) -> Result<RequestedReconciliation, ServiceError> {
    actor.require(Right::Reconcile, vault)?;
    let mut tx = service.database().begin_write().await?;
    service.vault(&mut tx, vault).await?;
    if !reconciliation::abort(&mut tx, vault, request, service.now()).await? {
        return Err(BooksError::NoReconciliation { request }.into());
    }
    tx.commit().await?;
    reconciliation_result(service, actor, vault, request).await
}

fn view(result: Reconciliation) -> ReconciliationView {
    ReconciliationView {
        height: result.tip.height,
        block: result.tip.hash.to_string(),
        ledger_sat: result.ledger.to_sat(),
        tracker_sat: result.tracker.to_sat(),
        node_sat: result.node.to_sat(),
        coins: result.coins,
        agrees: result.agrees,
        differences: result.differences,
        detail: result.detail,
        at: result.at,
    }
}
