//! What the node says of fees, as far as it can be relied on.

use policies::UnixTime;
use watchtower::store::database::Transaction;
use watchtower::store::{fees, node};

use super::{Service, ServiceError};
use crate::fee_bump::IncrementalFee;
use crate::fees::Estimates;

/// The most that is believed of what a node asks for a replacement's own size: ten times the default.
const MOST_INCREMENTAL: IncrementalFee = IncrementalFee::from_sat_per_kvb(10_000);
/// The node whose estimates are kept, as the configuration calls it.
const NODE: &str = "main";

/// Reads and judges it at the service's time.
pub(super) async fn estimates(
    service: &Service,
    tx: &mut Transaction,
) -> Result<Estimates, ServiceError> {
    estimates_at(service, tx, service.now()).await
}

/// The same at another time.
pub(super) async fn estimates_at(
    service: &Service,
    tx: &mut Transaction,
    now: UnixTime,
) -> Result<Estimates, ServiceError> {
    let known = fees::node_fees(tx).await?;
    let said: Vec<_> = (known.estimates.iter())
        .map(|estimate| (estimate.target, estimate.feerate, estimate.at))
        .collect();
    let least = known.least.map(|least| (least.feerate, least.at));
    let nodes = node::node_status(tx).await?;
    let trouble = (nodes.iter())
        .find(|status| status.node == NODE)
        .and_then(|status| status.trouble);
    let max_age = service.batch_settings().estimate_max_age;
    Ok(Estimates::judge(
        &said,
        least,
        (now, max_age),
        trouble.map(node::Trouble::code),
    ))
}

/// What a replacement must pay for its own size: what the node says, and no less than other nodes may ask (BIP 125, rule
/// 4). It is a setting of the node, so that how old its word is does not matter; what is absurd would forbid every
/// replacement and cancellation, and does not count.
pub(super) async fn incremental(tx: &mut Transaction) -> Result<IncrementalFee, ServiceError> {
    let said = fees::node_fees(tx).await?.incremental;
    let said = said.map(|said| said.feerate.to_sat_per_kwu().saturating_mul(4));
    let said = said.map_or(IncrementalFee::CORE_29, IncrementalFee::from_sat_per_kvb);
    Ok(said.clamp(IncrementalFee::CORE_29, MOST_INCREMENTAL))
}
