//! The coins of a vault, with what operators said of them.

use std::collections::BTreeSet;
use std::str::FromStr;

use bitcoin::{Address, Amount, OutPoint, ScriptBuf, Txid};
use policies::{Keychain, VaultId};
use watchtower::store::database::Transaction;
use watchtower::store::pages::coins::{CoinFilter, CoinPlace, CoinState, page};
use watchtower::tracker::Coin;

use super::{foreign_cursor, one_more};
use crate::service::books::{self, CoinView, coin_views};
use crate::service::paging::{Cursor, Paged};
use crate::service::{Actor, OwnSpendError, Service, ServiceError};
use crate::store::{coin_marks, reservations};

/// Coins that are looked at in one go, where marks decide which are shown.
const STEP: u32 = 1000;

/// Which coins are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CoinQuery {
    /// Where they stand.
    pub state: Option<CoinState>,
    /// Whether something spends them.
    pub spent: Option<bool>,
    /// Whether they are frozen.
    pub frozen: Option<bool>,
    /// Whether an open batch holds them.
    pub reserved: Option<bool>,
    /// The keychain of their scripts.
    pub keychain: Option<Keychain>,
    /// A transaction, an outpoint, an address, or a part of a reference.
    pub text: String,
    /// The least amount.
    pub least: Option<Amount>,
    /// The most.
    pub most: Option<Amount>,
}

/// The next coins of a vault after a place, newest first.
///
/// # Errors
/// `VaultError::UnknownVault`; [`ServiceError::Malformed`] for a cursor of another list.
pub async fn list_coins(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    query: &CoinQuery,
    after: Option<&Cursor>,
    limit: u32,
) -> Result<Paged<CoinView>, ServiceError> {
    let mut tx = books::begin(service, actor, vault).await?;
    let frozen = coin_marks::frozen(&mut tx, vault).await?;
    let reserved: BTreeSet<OutPoint> = reservations::reserved(&mut tx, vault)
        .await?
        .into_iter()
        .collect();
    let among = match (query.frozen, query.reserved) {
        (Some(true), _) => Some(frozen.iter().copied().collect()),
        (_, Some(true)) => Some(reserved.iter().copied().collect()),
        (Some(false) | None, Some(false) | None) => None,
    };
    let filter = CoinFilter {
        keychain: query.keychain,
        state: query.state,
        spent: query.spent,
        least: query.least,
        most: query.most,
        among,
        ..looked_for(service, &query.text)
    };
    let named = query.text.trim().parse::<OutPoint>().ok();
    let wanted = |coin: &Coin| {
        let is = |asked: Option<bool>, set: &BTreeSet<OutPoint>| {
            asked.is_none_or(|asked| asked == set.contains(&coin.outpoint))
        };
        is(query.frozen, &frozen)
            && is(query.reserved, &reserved)
            && named.is_none_or(|named| named == coin.outpoint)
    };
    let paged = walk(&mut tx, vault, &filter, after, limit, wanted).await?;
    Ok(Paged {
        items: coin_views(&mut tx, vault, &paged.items).await?,
        next: paged.next,
    })
}

/// One coin of a vault.
///
/// # Errors
/// `VaultError::UnknownVault`, [`OwnSpendError::UnknownCoin`].
pub async fn show_coin(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    outpoint: OutPoint,
) -> Result<CoinView, ServiceError> {
    let mut tx = books::begin(service, actor, vault).await?;
    let coin = watchtower::store::coins::coin(&mut tx, outpoint)
        .await?
        .filter(|coin| coin.script.vault == vault)
        .ok_or(OwnSpendError::UnknownCoin { outpoint })?;
    let views = coin_views(&mut tx, vault, &[coin]).await?;
    Ok(views.into_iter().next().expect("one coin, one view"))
}

/// Reads on until a page is full or the list is over.
pub(super) async fn walk(
    tx: &mut Transaction,
    vault: VaultId,
    filter: &CoinFilter,
    after: Option<&Cursor>,
    limit: u32,
    wanted: impl Fn(&Coin) -> bool,
) -> Result<Paged<Coin>, ServiceError> {
    let more = one_more(limit);
    let full = usize::try_from(more).unwrap_or(usize::MAX);
    let mut place = after.map(place_of).transpose()?;
    let mut found = Vec::new();
    let mut step = more;
    loop {
        let rows = page(tx, vault, filter, place, step).await?;
        let over = u64::try_from(rows.len()).unwrap_or(u64::MAX) < u64::from(step);
        place = rows.last().map(CoinPlace::of).or(place);
        found.extend(rows.into_iter().filter(&wanted));
        if over || found.len() >= full {
            return Ok(Paged::from_rows(found, more.saturating_sub(1), cursor_of));
        }
        step = STEP;
    }
}

fn cursor_of(coin: &Coin) -> Cursor {
    let place = CoinPlace::of(coin);
    let height = place
        .height
        .map_or_else(String::new, |height| height.to_string());
    Cursor::of(&[&height, &place.outpoint.to_string()])
}

fn place_of(cursor: &Cursor) -> Result<CoinPlace, ServiceError> {
    match cursor.parts().as_slice() {
        [height, outpoint] => Ok(CoinPlace {
            height: match *height {
                "" => None,
                height => Some(height.parse().map_err(|_| foreign_cursor())?),
            },
            outpoint: outpoint.parse().map_err(|_| foreign_cursor())?,
        }),
        _ => Err(foreign_cursor()),
    }
}

/// What a text looks for: a transaction, an outpoint, an address of this network, else a part of a reference.
pub(super) fn looked_for(service: &Service, text: &str) -> CoinFilter {
    let text = text.trim();
    let mut filter = CoinFilter::default();
    if let Ok(outpoint) = OutPoint::from_str(text) {
        filter.txid = Some(outpoint.txid);
    } else if let Ok(txid) = Txid::from_str(text) {
        filter.txid = Some(txid);
    } else if let Some(script) = script_of(service, text) {
        filter.script = Some(script);
    } else {
        text.clone_into(&mut filter.reference);
    }
    filter
}

/// The script of an address of this network; the groups in which pages show it may be left as they are.
pub(in crate::service) fn script_of(service: &Service, text: &str) -> Option<ScriptBuf> {
    let packed: String = text.split_whitespace().collect();
    let address = Address::from_str(&packed).ok()?;
    let address = address.require_network(service.network()).ok()?;
    Some(address.script_pubkey())
}
