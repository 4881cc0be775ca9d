//! What operators say of coins: that one is frozen, and why; how one is called.
//!
//! Invariant: a mark changes what the coordinator makes of a coin, and nothing that signers obey. An attempt that
//! holds the coin already goes on: it was issued, and can be signed at any time.

use bitcoin::OutPoint;
use policies::{UnixTime, VaultId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};
use utoipa::ToSchema;
use watchtower::store::coins;
use watchtower::store::database::Transaction;
use watchtower::tracker::Coin;

use super::books::{CoinView, coin_views};
use super::record::{Cause, append_event};
use super::{Actor, OwnSpendError, Right, Service, ServiceError, lock_vault};
use crate::store::coin_marks::{self, CoinMark, CoinMarkRow};

/// The most characters of a reason.
pub const MAX_REASON: usize = 200;
/// The most characters of a label.
pub const MAX_LABEL: usize = 80;

/// Freezes a coin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FreezeCoin {
    /// Why: one line of at most 200 characters.
    pub reason: String,
}

/// Labels a coin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LabelCoin {
    /// How it is called: one line of at most 80 characters; the empty text takes the label away.
    pub label: String,
}

/// Freezes a coin, so that no new attempt is made of it. Frozen again, it is frozen for the new reason.
///
/// # Errors
/// [`OwnSpendError::UnknownCoin`]; [`ServiceError::Malformed`] for a reason that is missing or too long.
pub async fn freeze_coin(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    outpoint: OutPoint,
    request: &FreezeCoin,
) -> Result<CoinView, ServiceError> {
    actor.require(Right::Batch, vault)?;
    let reason = request.reason.trim();
    if reason.is_empty() || !is_line(reason, MAX_REASON) {
        return Err(ServiceError::Malformed {
            field: "reason",
            expected: "one line of 1 to 200 characters",
        });
    }
    let now = service.now();
    let (mut tx, coin) = begin(service, vault, outpoint).await?;
    let standing = standing(&mut tx, &coin, CoinMark::Frozen).await?;
    if standing.as_deref() != Some(reason) {
        let mark = mark_row(&coin, CoinMark::Frozen, reason, now, actor);
        coin_marks::set(&mut tx, vault, &mark).await?;
        let mut body = body_of(&coin);
        body.insert("held".to_owned(), json!(is_held(&mut tx, &coin).await?));
        tell(&mut tx, &coin, ("coin.frozen", body, reason), (actor, now)).await?;
    }
    done(tx, vault, coin).await
}

/// Lets a coin be spent again; nothing changes where it was not frozen.
///
/// # Errors
/// [`OwnSpendError::UnknownCoin`].
pub async fn thaw_coin(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    outpoint: OutPoint,
) -> Result<CoinView, ServiceError> {
    actor.require(Right::Batch, vault)?;
    let now = service.now();
    let (mut tx, coin) = begin(service, vault, outpoint).await?;
    let by = &actor.name;
    if coin_marks::end(&mut tx, vault, outpoint, CoinMark::Frozen, now, by).await? {
        let body = body_of(&coin);
        tell(&mut tx, &coin, ("coin.thawed", body, ""), (actor, now)).await?;
    }
    done(tx, vault, coin).await
}

/// Says how a coin is called.
///
/// # Errors
/// [`OwnSpendError::UnknownCoin`]; [`ServiceError::Malformed`] for a label that is too long.
pub async fn label_coin(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    outpoint: OutPoint,
    request: &LabelCoin,
) -> Result<CoinView, ServiceError> {
    actor.require(Right::Batch, vault)?;
    let label = request.label.trim();
    if !is_line(label, MAX_LABEL) {
        return Err(ServiceError::Malformed {
            field: "label",
            expected: "one line of at most 80 characters",
        });
    }
    let now = service.now();
    let (mut tx, coin) = begin(service, vault, outpoint).await?;
    let standing = standing(&mut tx, &coin, CoinMark::Label).await?;
    if standing.unwrap_or_default() != label {
        if label.is_empty() {
            coin_marks::end(&mut tx, vault, outpoint, CoinMark::Label, now, &actor.name).await?;
        } else {
            let mark = mark_row(&coin, CoinMark::Label, label, now, actor);
            coin_marks::set(&mut tx, vault, &mark).await?;
        }
        let mut body = body_of(&coin);
        body.insert("label".to_owned(), json!(label));
        tell(&mut tx, &coin, ("coin.labelled", body, ""), (actor, now)).await?;
    }
    done(tx, vault, coin).await
}

/// Whether a text is one line of at most so many characters.
fn is_line(text: &str, most: usize) -> bool {
    text.chars().count() <= most && text.chars().all(|one| !one.is_control())
}

/// A coin of the vault, under the vault's lock: no batch is made of it meanwhile.
async fn begin(
    service: &Service,
    vault: VaultId,
    outpoint: OutPoint,
) -> Result<(Transaction, Coin), ServiceError> {
    let mut tx = service.database().begin_write().await?;
    lock_vault(&mut tx, vault).await?;
    service.vault(&mut tx, vault).await?;
    let coin = coins::coin(&mut tx, outpoint)
        .await?
        .filter(|coin| coin.script.vault == vault)
        .ok_or(OwnSpendError::UnknownCoin { outpoint })?;
    Ok((tx, coin))
}

/// What a mark that the coin bears says.
async fn standing(
    tx: &mut Transaction,
    coin: &Coin,
    mark: CoinMark,
) -> Result<Option<String>, ServiceError> {
    let marks = coin_marks::of_coin(tx, coin.script.vault, coin.outpoint).await?;
    let mut marks = marks.into_iter();
    Ok(marks.find(|row| row.mark == mark).map(|row| row.text))
}

async fn is_held(tx: &mut Transaction, coin: &Coin) -> Result<bool, ServiceError> {
    let holder = crate::store::reservations::holder_of(tx, coin.outpoint).await?;
    Ok(holder.is_some())
}

fn mark_row(coin: &Coin, mark: CoinMark, text: &str, now: UnixTime, actor: &Actor) -> CoinMarkRow {
    CoinMarkRow {
        coin: coin.outpoint,
        mark,
        text: text.to_owned(),
        set_at: now,
        set_by: actor.name.clone(),
    }
}

fn body_of(coin: &Coin) -> Map<String, serde_json::Value> {
    let mut body = Map::new();
    body.insert("amount_sat".to_owned(), json!(coin.amount.to_sat()));
    body.insert("coin".to_owned(), json!(coin.outpoint.to_string()));
    body
}

async fn tell(
    tx: &mut Transaction,
    coin: &Coin,
    (kind, body, reason): (&str, Map<String, serde_json::Value>, &str),
    (actor, at): (&Actor, UnixTime),
) -> Result<(), ServiceError> {
    append_event(
        tx,
        coin.script.vault,
        ("coin", &coin.outpoint.to_string()),
        kind,
        body,
        Cause {
            actor: &actor.name,
            reason,
            at,
        },
    )
    .await
}

async fn done(mut tx: Transaction, vault: VaultId, coin: Coin) -> Result<CoinView, ServiceError> {
    let views = coin_views(&mut tx, vault, &[coin]).await?;
    tx.commit().await?;
    Ok(views.into_iter().next().expect("one coin, one view"))
}
