//! Events of the queue, each told once: held and asked, over, and latest times in danger and passed.

use policies::document::Policy;
use policies::{UnixTime, VaultId};
use serde_json::{Map, Value, json};
use watchtower::store::database::Transaction;

use super::{ACTOR, Look, Obstacles};
use crate::queue::{Decision, Late, Offer, Place, Turn, turn};
use crate::service::record::{Cause, append_event};
use crate::service::{Service, ServiceError, lock_vault};
use crate::store::queue as store;
use crate::store::withdrawals::WithdrawalKey;

/// Tells what was not told yet: a question once for each time that the queue is held, and late withdrawals.
pub(crate) async fn tell(
    service: &Service,
    tx: &mut Transaction,
    vault: VaultId,
    policy: &Policy,
) -> Result<(), ServiceError> {
    lock_vault(tx, vault).await?;
    let look = Look::at(service, tx, vault, policy).await?;
    let (decision, now) = (look.decide(&Obstacles::new()), look.now);
    match turn(look.question.as_ref(), decision.held) {
        Turn::Nothing => {}
        Turn::Ask(feerate) => {
            let number = store::ask(tx, vault, feerate, now).await?;
            let mut body = Map::new();
            let cap = look.cap.min(look.most);
            body.insert("cap_sat_kwu".to_owned(), json!(cap.to_sat_per_kwu()));
            body.insert(
                "feerate_sat_kwu".to_owned(),
                json!(feerate.to_sat_per_kwu()),
            );
            body.insert("offers".to_owned(), offers(&decision));
            body.insert("question".to_owned(), json!(number));
            let reason =
                "the estimate is above the fee cap: wait, or allow one batch a higher feerate";
            append(tx, vault, "queue.held", body, (ACTOR, reason), now).await?;
        }
        Turn::Over => {
            over(tx, &look, vault, "nothing is above the fee cap any more").await?;
        }
    }
    for place in decision.places.iter().filter(|place| place.late.is_some()) {
        tell_late(tx, vault, place, now).await?;
    }
    Ok(())
}

/// Closes the question that is open.
pub(super) async fn over(
    tx: &mut Transaction,
    look: &Look,
    vault: VaultId,
    reason: &str,
) -> Result<(), ServiceError> {
    let Some(question) = look.question else {
        return Ok(());
    };
    store::close(tx, vault, &question, look.now).await?;
    let mut body = Map::new();
    if let Some(allowed) = question.allowed {
        body.insert(
            "allowed_sat_kwu".to_owned(),
            json!(allowed.to_sat_per_kwu()),
        );
    }
    body.insert("question".to_owned(), json!(question.number));
    append(tx, vault, "queue.released", body, (ACTOR, reason), look.now).await
}

/// How many would go at which feerate: the names are the queue's to show.
fn offers(decision: &Decision) -> Value {
    let offer = |offer: &Offer| {
        json!({
            "count": offer.count,
            "feerate_sat_kwu": offer.feerate.to_sat_per_kwu(),
            "possible": offer.is_possible,
        })
    };
    decision.offers.iter().map(offer).collect()
}

async fn tell_late(
    tx: &mut Transaction,
    vault: VaultId,
    place: &Place,
    now: UnixTime,
) -> Result<(), ServiceError> {
    let key = WithdrawalKey {
        vault,
        requester: place.queued.requester.clone(),
        id: place.queued.id.clone(),
    };
    let Some(late) = place.late else {
        return Ok(());
    };
    let Some(said) = store::speed(tx, &key).await? else {
        return Ok(());
    };
    if said.told == Some(late) || said.told == Some(Late::Passed) {
        return Ok(());
    }
    store::set_told(tx, &key, late).await?;
    let mut body = Map::new();
    body.insert("id".to_owned(), json!(key.id));
    body.insert("latest".to_owned(), json!(place.queued.latest));
    body.insert("requester".to_owned(), json!(key.requester));
    let kind = match late {
        Late::Passed => "queue.latest-passed",
        Late::InDanger => "queue.latest-in-danger",
    };
    append(tx, vault, kind, body, (ACTOR, ""), now).await
}

/// An event of a vault's queue: by whom, and why.
pub(super) async fn append(
    tx: &mut Transaction,
    vault: VaultId,
    kind: &str,
    body: Map<String, Value>,
    (actor, reason): (&str, &str),
    at: UnixTime,
) -> Result<(), ServiceError> {
    let id = vault.to_string();
    let cause = Cause { actor, reason, at };
    append_event(tx, vault, ("queue", &id), kind, body, cause).await
}
