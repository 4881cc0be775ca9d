//! What operators say of coins: that one is frozen, and why; how one is called.
//!
//! Invariant: a mark changes what the coordinator makes of a coin, and nothing that signers obey. An attempt that
//! holds the coin already goes on: it was issued, and can be signed at any time.

use bitcoin::OutPoint;
use policies::VaultId;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use watchtower::store::coins;
use watchtower::tracker::Coin;

use super::books::{CoinView, coin_views};
use super::said_of_vault::{Saying, is_line, reason};
use super::{Actor, OwnSpendError, Right, Service, ServiceError};
use crate::store::coin_marks::{self, CoinMark, CoinMarkRow};
use crate::store::reservations::holder_of;

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
    let reason = reason(&request.reason)?;
    let mut marking = Marking::begin(service, actor, vault, outpoint).await?;
    if marking.standing(CoinMark::Frozen).await?.as_deref() != Some(reason) {
        marking.set(CoinMark::Frozen, reason).await?;
        let held = holder_of(&mut marking.saying.tx, outpoint).await?;
        let mut body = marking.about();
        body.insert("held".to_owned(), json!(held.is_some()));
        marking.tell("coin.frozen", body, reason).await?;
    }
    marking.done().await
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
    let mut marking = Marking::begin(service, actor, vault, outpoint).await?;
    if marking.end(CoinMark::Frozen).await? {
        let body = marking.about();
        marking.tell("coin.thawed", body, "").await?;
    }
    marking.done().await
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
    let mut marking = Marking::begin(service, actor, vault, outpoint).await?;
    let standing = marking.standing(CoinMark::Label).await?;
    if standing.unwrap_or_default() != label {
        if label.is_empty() {
            marking.end(CoinMark::Label).await?;
        } else {
            marking.set(CoinMark::Label, label).await?;
        }
        let mut body = marking.about();
        body.insert("label".to_owned(), json!(label));
        marking.tell("coin.labelled", body, "").await?;
    }
    marking.done().await
}

/// Somebody marks a coin of the vault, under the vault's lock: no batch is made of it meanwhile.
struct Marking<'a> {
    saying: Saying<'a>,
    coin: Coin,
}

impl<'a> Marking<'a> {
    async fn begin(
        service: &Service,
        actor: &'a Actor,
        vault: VaultId,
        outpoint: OutPoint,
    ) -> Result<Self, ServiceError> {
        let mut saying = Saying::begin(service, actor, vault).await?;
        let coin = coins::coin(&mut saying.tx, outpoint)
            .await?
            .filter(|coin| coin.script.vault == vault)
            .ok_or(OwnSpendError::UnknownCoin { outpoint })?;
        Ok(Self { saying, coin })
    }

    /// What a mark that the coin bears says.
    async fn standing(&mut self, mark: CoinMark) -> Result<Option<String>, ServiceError> {
        let Saying { tx, vault, .. } = &mut self.saying;
        let marks = coin_marks::of_coin(tx, *vault, self.coin.outpoint).await?;
        let mut marks = marks.into_iter();
        Ok(marks.find(|row| row.mark == mark).map(|row| row.text))
    }

    async fn set(&mut self, mark: CoinMark, text: &str) -> Result<(), ServiceError> {
        let row = CoinMarkRow {
            coin: self.coin.outpoint,
            mark,
            text: text.to_owned(),
            said: self.saying.said(),
        };
        let Saying { tx, vault, .. } = &mut self.saying;
        Ok(coin_marks::set(tx, *vault, &row).await?)
    }

    /// Ends a mark; says whether the coin bore it.
    async fn end(&mut self, mark: CoinMark) -> Result<bool, ServiceError> {
        let said = self.saying.said();
        let Saying { tx, vault, .. } = &mut self.saying;
        Ok(coin_marks::end(tx, *vault, self.coin.outpoint, mark, &said).await?)
    }

    /// What every event says of the coin.
    fn about(&self) -> Map<String, Value> {
        let mut body = Map::new();
        body.insert("amount_sat".to_owned(), json!(self.coin.amount.to_sat()));
        body.insert("coin".to_owned(), json!(self.coin.outpoint.to_string()));
        body
    }

    async fn tell(
        &mut self,
        kind: &str,
        body: Map<String, Value>,
        reason: &str,
    ) -> Result<(), ServiceError> {
        let id = self.coin.outpoint.to_string();
        self.saying.tell_of(("coin", &id), kind, body, reason).await
    }

    async fn done(self) -> Result<CoinView, ServiceError> {
        let Saying { mut tx, vault, .. } = self.saying;
        let views = coin_views(&mut tx, vault, &[self.coin]).await?;
        tx.commit().await?;
        Ok(views.into_iter().next().expect("one coin, one view"))
    }
}
