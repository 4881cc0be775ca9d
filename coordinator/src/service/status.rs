//! How the coordinator and what it depends on are doing.

use bitcoin::hex::DisplayHex;
use policies::UnixTime;
use policies::document::{format_sat_per_vb, name_of_network};
use serde::Serialize;
use utoipa::ToSchema;
use watchtower::store::{chain, events, node, scans};

use super::alarms::{AlarmView, list_alarms};
use super::journals::{RefusedReceiptView, troubled as troubled_journals};
use super::node_fees;
use super::scans::ProgressView;
use super::stops::{StopView, standing as standing_stops};
use super::stuck_view::{StuckView, stuck};
use super::{Actor, Right, Service, ServiceError};
use crate::store::jobs;

/// The coordinator's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct StatusView {
    /// The program's version.
    pub version: String,
    /// The network it serves.
    pub network: String,
    /// The database behind it.
    pub database: String,
    /// The watchtower's tip: its height.
    pub height: Option<u32>,
    /// The watchtower's tip: its hash.
    pub tip: Option<String>,
    /// How far the watchtower is, while it catches up with its node; null once it has.
    pub progress: Option<ProgressView>,
    /// The nodes.
    pub nodes: Vec<NodeView>,
    /// The node's fee estimates that count.
    pub fees: Vec<FeeView>,
    /// How old they are in seconds; none where nobody ever asked the node.
    pub fees_age_s: Option<u64>,
    /// Why none counts, as a code: `fees_unknown`, `fees_stale` or `node_trouble`.
    pub fees_gap: Option<String>,
    /// The least that the node's mempool takes, in sat/vB.
    pub fees_least_sat_vb: Option<String>,
    /// Jobs that failed at least once or are parked.
    pub jobs: Vec<JobView>,
    /// Receipts that were refused of journals that nothing was accepted of since, with what to do.
    pub journals: Vec<RefusedReceiptView>,
    /// The open alarms, the grave first.
    pub alarms: Vec<AlarmView>,
    /// Attempts that are out and stuck: what is proposed for each, or why nothing is done.
    pub stuck: Vec<StuckView>,
    /// Stops in force: these vaults pay nobody until they are released.
    pub stops: Vec<StopView>,
    /// The number of the last sequenced event.
    pub event_number: u64,
    /// The hash of the event chain's head.
    pub event_hash: String,
    /// The time here (unix seconds).
    #[schema(value_type = u64)]
    pub now: UnixTime,
}

/// A node as the watchtower sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct NodeView {
    /// Its name in the configuration.
    pub node: String,
    /// The chain it says it follows.
    pub chain: String,
    /// The height of its tip.
    pub height: u32,
    /// The code of its trouble, if it is in any.
    pub trouble: Option<String>,
    /// The trouble in words.
    pub detail: String,
    /// When this was found (unix seconds).
    #[schema(value_type = u64)]
    pub checked_at: UnixTime,
}

/// A fee estimate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FeeView {
    /// Blocks until confirmation.
    pub target: u32,
    /// The feerate in sat/vB, exact.
    pub feerate_sat_vb: String,
}

/// A job in trouble.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct JobView {
    /// What kind of work.
    pub kind: String,
    /// On what.
    pub key: String,
    /// When it is due again (unix seconds).
    #[schema(value_type = u64)]
    pub run_at: UnixTime,
    /// How often it was tried without success.
    pub attempts: u32,
    /// Why nobody tries it any more.
    pub parked: Option<String>,
    /// What went wrong last.
    pub last_error: Option<String>,
}

/// How everything is doing.
///
/// # Errors
/// On a database failure.
pub async fn show_status(service: &Service, actor: &Actor) -> Result<StatusView, ServiceError> {
    actor.require_somewhere(Right::Read)?;
    let mut tx = service.database().begin_read().await?;
    let tip = chain::tip(&mut tx).await?;
    let (event_number, event_hash) = events::head(&mut tx).await?;
    let nodes = node::node_status(&mut tx).await?;
    let progress = scans::catching_up(&mut tx, service.now()).await?;
    let estimates = node_fees::estimates(service, &mut tx).await?;
    // What failed may name other vaults.
    let troubled = if actor.vault.is_none() {
        jobs::troubled(&mut tx).await?
    } else {
        Vec::new()
    };
    let journals = troubled_journals(service, &mut tx, actor).await?;
    let alarms = list_alarms(service, actor, false, None).await?;
    let stops = standing_stops(service, &mut tx, actor).await?;
    Ok(StatusView {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        network: name_of_network(service.network()).to_owned(),
        database: service.database().engine().to_string(),
        height: tip.map(|tip| tip.height),
        tip: tip.map(|tip| tip.hash.to_string()),
        progress: progress.map(Into::into),
        nodes: nodes
            .into_iter()
            .map(|node| NodeView {
                node: node.node,
                chain: node.chain,
                height: node.height,
                trouble: node.trouble.map(|trouble| trouble.code().to_owned()),
                detail: node.detail,
                checked_at: node.checked_at,
            })
            .collect(),
        fees: (estimates.of_targets().iter())
            .map(|(target, feerate)| FeeView {
                target: *target,
                feerate_sat_vb: format_sat_per_vb(*feerate),
            })
            .collect(),
        fees_age_s: estimates.age_s(),
        fees_gap: estimates.gap().map(|gap| gap.code().to_owned()),
        fees_least_sat_vb: estimates.least().map(format_sat_per_vb),
        jobs: troubled
            .into_iter()
            .map(|job| JobView {
                kind: job.kind,
                key: job.key,
                run_at: job.run_at,
                attempts: job.attempts,
                parked: job.parked_reason,
                last_error: job.last_error,
            })
            .collect(),
        journals,
        alarms,
        stuck: stuck(&mut tx, actor.vault).await?,
        stops,
        event_number,
        event_hash: event_hash.to_lower_hex_string(),
        now: service.now(),
    })
}
