//! An attempt with all that a person looks at before signing, replacing or waiting for it, in one read.
//!
//! Invariant: what can be recomputed is: change is derived again from the policy version that the manifest names,
//! signatures are verified again, sizes are counted from the bytes. Nothing is told from what was only claimed.

mod coins;
mod money;
mod outputs;
mod signing;
mod size;

use bitcoin::Txid;
use bitcoin::consensus::encode;
use bitcoin::hex::DisplayHex as _;
use policies::document::format_sat_per_vb;
use policies::{PolicyId, UnixTime};
use watchtower::answer::SendAnswer;
use watchtower::store::database::Transaction;
use watchtower::store::{chain, outgoing};
use watchtower::tracker::Placement;

pub use self::coins::{InputCoin, InputFacts};
pub use self::money::{FeeFacts, Left};
#[cfg(test)]
pub(super) use self::outputs::outputs as outputs_of;
pub use self::outputs::{OutputFacts, OutputKind};
pub use self::signing::{ReceiptFacts, SignerFacts, Signing};
pub use self::size::{DeviceFit, SizeFacts};
use super::attempt_view::{AttemptView, opened, view};
use super::attempts::existing;
use super::carrying::CarryingFacts;
use super::maintenance::newest_psbt;
use super::opened::Session;
use super::voids::{self, VoidsView};
use super::{Actor, Right, Service, ServiceError};
use crate::session::BatchId;
use crate::store::attempts::{self, AttemptRow};
use crate::store::payments;

/// All about an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptPage {
    /// The attempt as everybody is shown it.
    pub attempt: AttemptView,
    /// The vault's name.
    pub vault_name: String,
    /// Whether the policy version it was made under is in force.
    pub policy_in_force: bool,
    /// That version's number.
    pub policy_version: u32,
    /// Its inputs, in order.
    pub inputs: Vec<InputFacts>,
    /// Its outputs, in order; none where nobody kept the transaction.
    pub outputs: Vec<OutputFacts>,
    /// The fee, and what bounds it.
    pub fee: FeeFacts,
    /// How large it is; none where its PSBT is lost.
    pub size: Option<SizeFacts>,
    /// How long its PSBT takes as QR codes; none where it is lost.
    pub carrying: Option<CarryingFacts>,
    /// What its manifest carries; none where its PSBT is lost.
    pub manifest: Option<ManifestFacts>,
    /// Who signed what; none where its PSBT is lost.
    pub signing: Option<Signing>,
    /// The other attempts that pay what it pays, or are of its batch, oldest first.
    pub others: Vec<OtherAttempt>,
    /// The final transaction in hex, once there is one.
    pub raw: Option<String>,
    /// What became of handing it to the network.
    pub broadcast: Option<BroadcastFacts>,
    /// Where mempool and chain show it.
    pub seen: Seen,
    /// How far signers are with voiding it.
    pub voids: VoidsView,
    /// When all this was so.
    pub now: UnixTime,
}

/// What a manifest carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestFacts {
    /// What it says the attempt is for.
    pub purpose: &'static str,
    /// The number that it says.
    pub attempt: u32,
    /// The policy version that it follows.
    pub policy: PolicyId,
    /// Intents: paid ones, and those that they replace.
    pub intents: usize,
    /// Approvals.
    pub approvals: usize,
    /// Ancestors, as proof that it excludes what was issued before.
    pub ancestors: Vec<Txid>,
    /// Earlier attempts that it shows fully signed.
    pub earlier: Vec<Txid>,
    /// Transactions that it shows in the chain, each with how many blocks it shows.
    pub inclusions: Vec<(Txid, usize)>,
    /// Receipts of journals.
    pub receipts: usize,
}

/// Another attempt beside this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherAttempt {
    /// Its transaction's id.
    pub txid: Txid,
    /// Its batch.
    pub batch: BatchId,
    /// Its number within its batch.
    pub number: u32,
    /// What it is for.
    pub purpose: &'static str,
    /// The name of its state.
    pub state: &'static str,
    /// When it was built.
    pub created_at: UnixTime,
    /// Its fee.
    pub fee_sat: u64,
    /// Its feerate, in sat/vB.
    pub feerate_sat_vb: String,
    /// Whether it was built after this one.
    pub is_later: bool,
}

/// What became of handing a transaction to the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BroadcastFacts {
    /// When it was handed over.
    pub handed_at: UnixTime,
    /// What the node said last: its answer, its words and when.
    pub answer: Option<(&'static str, String, UnixTime)>,
    /// How often it was sent.
    pub tries: u32,
}

/// Where mempool and chain show a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// `nowhere`, `mempool` or `block`.
    pub place: &'static str,
    /// The height of its block.
    pub height: Option<u32>,
    /// Its confirmations.
    pub confirmations: u32,
    /// Confirmations at which it is settled.
    pub settles_at: u32,
}

/// Everything about one attempt.
///
/// # Errors
/// `AttemptError::UnknownAttempt`.
pub async fn attempt_page(
    service: &Service,
    actor: &Actor,
    txid: Txid,
) -> Result<AttemptPage, ServiceError> {
    actor.require_somewhere(Right::Read)?;
    let voids = voids::show_voids(service, actor, txid).await?;
    let now = service.now();
    let mut tx = service.database().begin_read().await?;
    let row = existing(&mut tx, actor, txid).await?;
    let (vault, in_force) = service.vault(&mut tx, row.vault).await?;
    let policy = service.policy(&mut tx, row.policy).await?;
    let session = if row.is_remembered() {
        None
    } else {
        Some(Session::open(service, &mut tx, &row).await?)
    };
    let attempt = match &session {
        Some(session) => opened(&mut tx, &row, session).await?,
        None => view(service, &mut tx, &row).await?,
    };
    let psbt = match &session {
        Some(_) => newest_psbt(&mut tx, row.clone(), now).await?,
        None => Vec::new(),
    };
    let transaction = match (&session, &row.final_transaction) {
        (Some(session), _) => Some(session.strict.transaction().clone()),
        (None, complete) => complete.clone(),
    };
    let tip = chain::tip(&mut tx).await?.map(|tip| tip.height);
    let inputs = coins::inputs(&mut tx, &attempt, tip).await?;
    let outputs = match &transaction {
        Some(transaction) => {
            let manifest = session.as_ref().map(|session| session.strict.manifest());
            outputs::outputs(service, &mut tx, &row, &policy, transaction, manifest).await?
        }
        None => Vec::new(),
    };
    let signing = match &session {
        Some(session) => Some(signing::signing(&mut tx, &row, session).await?),
        None => None,
    };
    let size = session
        .as_ref()
        .map(|session| size::size(&row, session, psbt.len()));
    let carrying = session.as_ref().map(|_| CarryingFacts::of(&psbt));
    Ok(AttemptPage {
        vault_name: in_force.name.clone(),
        policy_in_force: vault.policy == row.policy,
        policy_version: policy.version,
        fee: money::fee(&mut tx, &row, &policy, &outputs, now).await?,
        others: others(&mut tx, &row).await?,
        raw: row
            .final_transaction
            .as_ref()
            .map(|complete| encode::serialize(complete).to_lower_hex_string()),
        broadcast: broadcast(&mut tx, txid).await?,
        seen: seen(&mut tx, txid, tip, policy.limits.confirmations_change).await?,
        manifest: session.as_ref().map(manifest),
        attempt,
        inputs,
        outputs,
        size,
        carrying,
        signing,
        voids,
        now,
    })
}

fn manifest(session: &Session) -> ManifestFacts {
    let manifest = session.strict.manifest();
    let shown = manifest.inclusions.iter();
    ManifestFacts {
        purpose: manifest.purpose.name(),
        attempt: manifest.attempt,
        policy: manifest.policy,
        intents: manifest.intents.len(),
        approvals: manifest.approvals.len(),
        ancestors: manifest.ancestors.keys().copied().collect(),
        earlier: manifest.earlier.keys().copied().collect(),
        inclusions: shown
            .map(|(txid, proof)| (*txid, proof.further.len().saturating_add(1)))
            .collect(),
        receipts: manifest.receipts.len(),
    }
}

/// The attempts beside it: those that pay what it pays, and those of its batch.
async fn others(tx: &mut Transaction, row: &AttemptRow) -> Result<Vec<OtherAttempt>, ServiceError> {
    let mut found = payments::beside(tx, row.txid).await?;
    for other in attempts::of_batch(tx, row.batch).await? {
        if other.txid != row.txid && found.iter().all(|known| known.txid != other.txid) {
            found.push(other);
        }
    }
    let order = |row: &AttemptRow| (row.created_at, row.number, row.txid);
    found.sort_by_key(order);
    let own = order(row);
    let shown = found.iter().map(|other| OtherAttempt {
        txid: other.txid,
        batch: other.batch,
        number: other.number,
        purpose: other.purpose.name(),
        state: other.state.name(),
        created_at: other.created_at,
        fee_sat: other.fee.to_sat(),
        feerate_sat_vb: format_sat_per_vb(other.fee / other.weight),
        is_later: order(other) > own,
    });
    Ok(shown.collect())
}

async fn broadcast(
    tx: &mut Transaction,
    txid: Txid,
) -> Result<Option<BroadcastFacts>, ServiceError> {
    let Some(handed) = outgoing::outgoing(tx, txid).await? else {
        return Ok(None);
    };
    let said = handed.broadcast;
    Ok(Some(BroadcastFacts {
        handed_at: handed.created_at,
        tries: said.as_ref().map_or(0, |said| said.attempts),
        answer: said.map(|said| {
            let meaning = said.class.map_or(said.answer.name(), SendAnswer::meaning);
            (meaning, said.reason, said.at)
        }),
    }))
}

async fn seen(
    tx: &mut Transaction,
    txid: Txid,
    tip: Option<u32>,
    settles_at: u32,
) -> Result<Seen, ServiceError> {
    let placement = watchtower::store::coins::transaction_placement(tx, txid).await?;
    let (place, height) = match placement.map(|(placement, _)| placement) {
        Some(Placement::Unconfirmed) => ("mempool", None),
        Some(Placement::Confirmed(block)) => ("block", Some(block.height)),
        Some(Placement::Gone) | None => ("nowhere", None),
    };
    Ok(Seen {
        place,
        height,
        confirmations: confirmations(tip, height),
        settles_at,
    })
}

/// How many blocks hold or follow what is at a height.
pub(super) fn confirmations(tip: Option<u32>, height: Option<u32>) -> u32 {
    match (tip, height) {
        (Some(tip), Some(height)) => tip.saturating_sub(height).saturating_add(1),
        (None, _) | (_, None) => 0,
    }
}
