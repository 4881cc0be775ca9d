//! The attempts of a vault page by page, one line each: what people look through to find one.

use bitcoin::Txid;
use policies::document::format_sat_per_vb;
use policies::{UnixTime, VaultId};
use watchtower::store::database::Transaction;

use super::list_walk::{self, Lines};
use super::opened::Session;
use super::paging::{Cursor, Paged};
use super::{Actor, Right, Service, ServiceError};
use crate::session::BatchId;
use crate::session::attempt::AttemptState;
use crate::store::attempt_lines::{self, AttemptLineRow, Wanted};
use crate::store::{attempts, inputs};

/// Which attempts or batches are asked for; an empty field asks for all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// The name of a state.
    pub state: String,
    /// A signer whose signature is still missing.
    pub signer: String,
    /// What for.
    pub purpose: String,
    /// Built at this time or later.
    pub since: Option<UnixTime>,
    /// Built before this time.
    pub until: Option<UnixTime>,
    /// Part of a txid.
    pub text: String,
}

impl Filter {
    /// Whether an id has the text in it.
    pub(super) fn names(&self, id: &impl ToString) -> bool {
        id.to_string()
            .contains(&self.text.trim().to_ascii_lowercase())
    }

    /// Whether an attempt awaits the signer, if one is asked for.
    pub(super) fn awaits(&self, line: &AttemptLine) -> bool {
        self.signer.is_empty() || line.missing.contains(&self.signer)
    }
}

/// An attempt in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptLine {
    /// Its transaction's id.
    pub txid: Txid,
    /// Its batch.
    pub batch: BatchId,
    /// Its number within the batch.
    pub number: u32,
    /// What it is for.
    pub purpose: &'static str,
    /// The name of its state.
    pub state: &'static str,
    /// When it was built.
    pub created_at: UnixTime,
    /// How many coins it spends.
    pub inputs: u32,
    /// How many withdrawals it pays.
    pub payments: u32,
    /// What they get.
    pub paid_sat: u64,
    /// The fee.
    pub fee_sat: u64,
    /// The feerate with the heaviest witnesses, in sat/vB.
    pub feerate_sat_vb: String,
    /// Signers who signed every input.
    pub signed_by: Vec<String>,
    /// Signers whose signature is still awaited.
    pub missing: Vec<String>,
    /// The height of its block.
    pub height: Option<u32>,
    /// The settled transaction that made it dead.
    pub dead_by: Option<Txid>,
}

/// The attempts of a vault that a filter lets through, newest first, a page at a time.
///
/// # Errors
/// `VaultError::UnknownVault`, [`ServiceError::UnknownState`].
pub async fn page_of_attempts(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    filter: &Filter,
    after: Option<&Cursor>,
    most: u32,
) -> Result<Paged<AttemptLine>, ServiceError> {
    let lines = Attempts { service, filter };
    list_walk::page_of(service, actor, vault, (&lines, filter), after, most).await
}

struct Attempts<'a> {
    service: &'a Service,
    filter: &'a Filter,
}

impl Lines for Attempts<'_> {
    type Id = Txid;
    type Row = AttemptLineRow;
    type Line = AttemptLine;

    async fn rows(
        &self,
        tx: &mut Transaction,
        wanted: &Wanted<'_, Txid>,
        limit: u32,
    ) -> Result<Vec<AttemptLineRow>, ServiceError> {
        Ok(attempt_lines::page(tx, wanted, limit).await?)
    }

    fn place(row: &AttemptLineRow) -> (UnixTime, Txid) {
        (row.created_at, row.txid)
    }

    async fn line(
        &self,
        tx: &mut Transaction,
        row: AttemptLineRow,
    ) -> Result<Option<AttemptLine>, ServiceError> {
        if !self.filter.names(&row.txid) {
            return Ok(None);
        }
        let line = line(self.service, tx, &row).await?;
        Ok(self.filter.awaits(&line).then_some(line))
    }
}

/// An attempt as a line: who is awaited is asked only where signatures still are.
pub(super) async fn line(
    service: &Service,
    tx: &mut Transaction,
    row: &AttemptLineRow,
) -> Result<AttemptLine, ServiceError> {
    let signed = attempt_lines::signed_inputs(tx, row.txid).await?;
    let signed_by = signed
        .into_iter()
        .filter(|(_, inputs)| *inputs == row.inputs)
        .map(|(signer, _)| signer);
    let missing = match row.state {
        AttemptState::Issued => missing(service, tx, row.txid).await?,
        AttemptState::Draft
        | AttemptState::Dropped
        | AttemptState::Signed
        | AttemptState::Broadcasting
        | AttemptState::InMempool
        | AttemptState::Confirmed { .. }
        | AttemptState::Settled { .. }
        | AttemptState::Dead { .. } => Vec::new(),
    };
    let (height, dead_by) = match row.state {
        AttemptState::Confirmed { height, .. } | AttemptState::Settled { height, .. } => {
            (Some(height), None)
        }
        AttemptState::Dead { by, .. } => (None, Some(by)),
        AttemptState::Draft
        | AttemptState::Dropped
        | AttemptState::Issued
        | AttemptState::Signed
        | AttemptState::Broadcasting
        | AttemptState::InMempool => (None, None),
    };
    let paid = if row.sweeps {
        row.spent.checked_sub(row.fee).unwrap_or_default()
    } else {
        row.asked
    };
    Ok(AttemptLine {
        txid: row.txid,
        batch: row.batch,
        number: row.number,
        purpose: row.purpose.name(),
        state: row.state.name(),
        created_at: row.created_at,
        inputs: row.inputs,
        payments: row.payments,
        paid_sat: paid.to_sat(),
        fee_sat: row.fee.to_sat(),
        feerate_sat_vb: format_sat_per_vb(row.fee / row.weight),
        signed_by: signed_by.collect(),
        missing,
        height,
        dead_by,
    })
}

/// The signers who are asked to sign and did not yet.
async fn missing(
    service: &Service,
    tx: &mut Transaction,
    txid: Txid,
) -> Result<Vec<String>, ServiceError> {
    let Some(row) = attempts::lookup(tx, txid).await? else {
        return Ok(Vec::new());
    };
    if row.is_remembered() || inputs::cancelled_by(tx, txid).await?.is_some() {
        return Ok(Vec::new());
    }
    let session = Session::open(service, tx, &row).await?;
    Ok(awaited(&session))
}

/// The signers of the paths that an attempt is made for whose signature of some input is not there.
pub(super) fn awaited(session: &Session) -> Vec<String> {
    let status = session.collection.status();
    let mut missing: Vec<String> = status.into_iter().flat_map(|input| input.missing).collect();
    missing.sort();
    missing.dedup();
    missing
}

/// The names of the vault's signers, for a filter to choose from.
///
/// # Errors
/// `VaultError::UnknownVault`.
pub async fn signers_of(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
) -> Result<Vec<String>, ServiceError> {
    actor.require(Right::Read, vault)?;
    let mut tx = service.database().begin_read().await?;
    let (_, policy) = service.vault(&mut tx, vault).await?;
    Ok(policy
        .signers
        .iter()
        .map(|signer| signer.name.clone())
        .collect())
}
