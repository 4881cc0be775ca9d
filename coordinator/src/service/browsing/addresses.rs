//! The addresses of a vault, deposits' and change's, with what came in to them.

use bitcoin::{Address, Amount, ScriptBuf};
use policies::{Keychain, UnixTime, VaultId};
use watchtower::store::pages::addresses::{AddressFilter, AddressPlace, Received, page};
use watchtower::store::pages::coins::CoinFilter;

use super::coins::{script_of, walk};
use super::{foreign_cursor, one_more};
use crate::service::books::{self, CoinView, coin_views};
use crate::service::free_coins::Purse;
use crate::service::paging::{Cursor, Paged};
use crate::service::{Actor, Service, ServiceError};
use crate::store::addresses as store;

/// The most coins of one address that are shown.
const MAX_COINS: u32 = 100;

/// Which addresses are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddressQuery {
    /// Deposits or change.
    pub keychain: Option<Keychain>,
    /// The address, or a part of the reference.
    pub text: String,
    /// Whether something was paid to it.
    pub used: Option<bool>,
}

/// An address, and what came in to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedView {
    /// The address.
    pub address: String,
    /// Its keychain.
    pub keychain: Keychain,
    /// Its index on the keychain.
    pub index: u32,
    /// The reference; empty for none.
    pub reference: String,
    /// Since when it is watched.
    pub watched_at: UnixTime,
    /// The coins in chain and mempool that paid it, spent or not.
    pub coins: u32,
    /// What they hold together.
    pub received: Amount,
}

/// An address with all that is needed to derive it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedView {
    /// The address, and what came in to it.
    pub received: ReceivedView,
    /// Its script in hex.
    pub script_pubkey: String,
    /// The descriptor with its checksum that gives it at this index.
    pub descriptor: String,
    /// The service's own facts, a JSON object; empty for change.
    pub metadata: String,
    /// Whether it belongs to a keyset that is no longer the newest.
    pub former: bool,
    /// Its coins, newest first; at most a hundred.
    pub coins: Vec<CoinView>,
}

/// The next addresses of a vault after a place, the last issued first.
///
/// # Errors
/// `VaultError::UnknownVault`; [`ServiceError::Malformed`] for a cursor of another list.
pub async fn list_addresses(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    query: &AddressQuery,
    after: Option<&Cursor>,
    limit: u32,
) -> Result<Paged<ReceivedView>, ServiceError> {
    let mut tx = books::begin(service, actor, vault).await?;
    let text = query.text.trim();
    let script = script_of(service, text);
    let filter = AddressFilter {
        keychain: query.keychain,
        used: query.used,
        reference: match script {
            None => text.to_owned(),
            Some(_) => String::new(),
        },
        script,
        index: None,
    };
    let place = after.map(place_of).transpose()?;
    let more = one_more(limit);
    let rows = page(&mut tx, vault, &filter, place.as_ref(), more).await?;
    Paged::from_rows(rows, more.saturating_sub(1), cursor_of)
        .try_map(|row| Ok(received_view(service, &row)))
}

/// One address of a vault; nothing if it is none of its.
///
/// # Errors
/// `VaultError::UnknownVault`.
pub async fn show_address(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    address: &str,
) -> Result<Option<IssuedView>, ServiceError> {
    let mut tx = books::begin(service, actor, vault).await?;
    let Some(script) = script_of(service, address) else {
        return Ok(None);
    };
    let filter = AddressFilter {
        script: Some(script.clone()),
        ..AddressFilter::default()
    };
    let Some(row) = page(&mut tx, vault, &filter, None, 1).await?.pop() else {
        return Ok(None);
    };
    let (vault_row, policy) = service.vault(&mut tx, vault).await?;
    let mut purses = vec![Purse::newest(&vault_row)];
    purses.extend(Purse::formers(&mut tx, &vault_row, &policy).await?);
    let purse = (purses.into_iter()).find(|purse| purse.keychain == row.script.keyset);
    let descriptor = purse.map(|purse| purse.keyset(&policy).descriptor.text().to_owned());
    let issued = store::by_script(&mut tx, vault, &script).await?;
    let of_script = CoinFilter {
        script: Some(script),
        ..CoinFilter::default()
    };
    let coins = walk(&mut tx, vault, &of_script, None, MAX_COINS, |_| true).await?;
    Ok(Some(IssuedView {
        received: received_view(service, &row),
        script_pubkey: row.script.script_pubkey.to_hex_string(),
        descriptor: descriptor.unwrap_or_default(),
        metadata: issued.map(|issued| issued.metadata).unwrap_or_default(),
        former: purse.is_none_or(|purse| purse.former.is_some()),
        coins: coin_views(&mut tx, vault, &coins.items).await?,
    }))
}

fn received_view(service: &Service, row: &Received) -> ReceivedView {
    let script = &row.script.script_pubkey;
    let address = Address::from_script(script, service.network());
    ReceivedView {
        address: address.map_or_else(|_| script.to_hex_string(), |address| address.to_string()),
        keychain: row.script.keychain,
        index: row.script.index,
        reference: row.script.reference.clone().unwrap_or_default(),
        watched_at: row.watched_at,
        coins: row.coins,
        received: row.received,
    }
}

fn cursor_of(row: &Received) -> Cursor {
    let place = AddressPlace::of(row);
    Cursor::of(&[
        &place.watched_at.as_secs().to_string(),
        &place.index.to_string(),
        &place.script.to_hex_string(),
    ])
}

fn place_of(cursor: &Cursor) -> Result<AddressPlace, ServiceError> {
    let [watched_at, index, script] =
        <[&str; 3]>::try_from(cursor.parts().as_slice()).map_err(|_| foreign_cursor())?;
    Ok(AddressPlace {
        watched_at: UnixTime::from_secs(watched_at.parse().map_err(|_| foreign_cursor())?),
        index: index.parse().map_err(|_| foreign_cursor())?,
        script: ScriptBuf::from_hex(script).map_err(|_| foreign_cursor())?,
    })
}
