//! A wallet that had a life elsewhere moves in: its history becomes opening balance, its labels those of its coins, and
//! nothing of it is spent before books and node agree.
//!
//! Invariant: indexes are watched a thousand beyond the highest that was ever paid, and none of the deposits' is given
//! out again.

mod labels;

use bitcoin::address::NetworkUnchecked;
use bitcoin::{Address, Amount, Network, OutPoint, ScriptBuf};
use policies::{Keychain, Keyset, UnixTime, VaultId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};
use utoipa::ToSchema;
use watchtower::store::database::Transaction;
use watchtower::store::said::Said;
use watchtower::store::{chain, coins, reconciliation, scans, scripts};

use super::record::{Cause, append_vault_event};
use super::scans::{ScanView, scan_in};
use super::watching::watch_range;
use super::{Actor, BatchError, Right, Service, ServiceError, WatchError, lock_vault};
use crate::store::addresses;
use crate::store::coin_marks::{self, CoinMark, CoinMarkRow};
use crate::store::moving_in::{self, LabelRow, MovingRow};

/// Seconds after a look through all coins that found a difference until there is another.
const LOOK_AGAIN: u64 = 60;
/// Indexes beyond the highest that was paid which are watched too.
const BEYOND: u32 = 1_000;
/// The most indexes of a keychain that are watched at once.
const MOST: u32 = 10_000;
/// The coins of which the wallet said that they are not to be spent.
const NOT_SPENDABLE: &str = "the wallet that moved in says not to spend it";

/// Moves a wallet in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MoveIn {
    /// The height of the first block that may have something of it.
    pub from: u32,
    /// The highest index that it may have given out; 1000 if none is said. It goes on beyond as far as it was paid.
    #[serde(default)]
    pub upto: Option<u32>,
    /// Its labels, one JSON object a line (BIP 329).
    #[serde(default)]
    pub labels: String,
}

/// How far a wallet has moved in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct MovingView {
    /// The vault.
    #[schema(value_type = String)]
    pub vault: VaultId,
    /// `scanning`, `comparing` or `done`.
    pub step: String,
    /// The height from which blocks are read.
    pub from: u32,
    /// The highest index of each keychain that is watched for it.
    pub upto: u32,
    /// The scan.
    pub scan: ScanView,
    /// Its coins so far.
    pub coins: u64,
    /// What they hold.
    pub held_sat: u64,
    /// Labels that are kept for its coins.
    pub labels: u64,
    /// Lines of labels about keys and inputs, which are passed over.
    pub passed_over: u64,
    /// Labels of more than 80 characters, of which the rest is gone.
    pub shortened: u64,
    /// Who began it.
    pub begun_by: String,
    /// When (unix seconds).
    #[schema(value_type = u64)]
    pub begun_at: UnixTime,
    /// When books and node agreed (unix seconds).
    #[schema(value_type = Option<u64>)]
    pub ended_at: Option<UnixTime>,
}

/// Begins to move a wallet in; once begun, it adds labels, and reads blocks again after a scan that failed.
///
/// # Errors
/// [`WatchError`], [`ServiceError::Malformed`].
pub async fn move_in(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    request: &MoveIn,
) -> Result<MovingView, ServiceError> {
    actor.require(Right::Reconcile, vault)?;
    let labels = labels::parse(&request.labels)?;
    let now = service.now();
    let mut tx = service.database().begin_write().await?;
    lock_vault(&mut tx, vault).await?;
    let (row, policy) = service.vault(&mut tx, vault).await?;
    let tip = chain::tip(&mut tx).await?.ok_or(BatchError::NoChain)?;
    if request.from > tip.height {
        return Err(ServiceError::Malformed {
            field: "from",
            expected: "the height of a block that the watchtower has read or passed",
        });
    }
    let known = moving_in::lookup(&mut tx, vault).await?;
    if known.as_ref().is_some_and(|known| known.ended_at.is_some()) {
        return Err(WatchError::MovedIn.into());
    }
    if let Some(mut known) = known {
        let scan = scans::scan(&mut tx, known.scan).await?;
        if scan.is_some_and(|scan| scan.failure.is_some()) {
            known.scan = ask(&mut tx, known.from, actor, now).await?;
            moving_in::update(&mut tx, &known).await?;
        }
    } else {
        let end = request.upto.map_or(BEYOND, |upto| upto.saturating_add(1));
        let end = end.clamp(1, MOST);
        for keychain in Keychain::BOTH {
            let place = (row.keychain, keychain);
            let history = Some(tip.height);
            watch_range(&mut tx, &policy, place, 0..end, history, now).await?;
        }
        let begun = MovingRow {
            vault,
            from: request.from,
            history_until: Some(tip.height),
            end,
            scan: ask(&mut tx, request.from, actor, now).await?,
            comparison: None,
            begun_at: now,
            begun_by: actor.name.clone(),
            ended_at: None,
        };
        moving_in::insert(&mut tx, &begun).await?;
        tell(&mut tx, &begun, "vault.moving-in", actor.name.as_str(), now).await?;
    }
    for label in &labels.rows {
        moving_in::set_label(&mut tx, vault, label).await?;
    }
    let view = view(&mut tx, vault).await?;
    tx.commit().await?;
    let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let view = view.ok_or(WatchError::NotMovingIn)?;
    Ok(MovingView {
        passed_over: number(labels.passed_over),
        shortened: number(labels.shortened),
        ..view
    })
}

/// How far a wallet has moved in.
///
/// # Errors
/// [`WatchError::NotMovingIn`] where it never began.
pub async fn show_moving_in(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
) -> Result<MovingView, ServiceError> {
    actor.require(Right::Read, vault)?;
    let mut tx = service.database().begin_read().await?;
    service.vault(&mut tx, vault).await?;
    let view = view(&mut tx, vault).await?;
    Ok(view.ok_or(WatchError::NotMovingIn)?)
}

/// Nothing of a wallet that moves in is spent before books and node agree.
///
/// # Errors
/// [`BatchError::MovingIn`].
pub(super) async fn refuse_moving_in(
    tx: &mut Transaction,
    vault: VaultId,
) -> Result<(), ServiceError> {
    let moving = moving_in::lookup(tx, vault).await?;
    match moving.filter(|row| row.ended_at.is_none()) {
        Some(row) => Err(BatchError::MovingIn { step: step(&row) }.into()),
        None => Ok(()),
    }
}

/// Goes on with each wallet that moves in, as far as the watchtower has come.
///
/// # Errors
/// On a database failure.
pub(crate) async fn go_on(
    service: &Service,
    tx: &mut Transaction,
    now: UnixTime,
) -> Result<(), ServiceError> {
    for row in moving_in::open(tx).await? {
        lock_vault(tx, row.vault).await?;
        go_on_with(service, tx, row, now).await?;
    }
    Ok(())
}

async fn go_on_with(
    service: &Service,
    tx: &mut Transaction,
    mut row: MovingRow,
    now: UnixTime,
) -> Result<(), ServiceError> {
    let vault = row.vault;
    let Some(asked) = row.comparison else {
        let scan = scans::scan(tx, row.scan).await?;
        let read = scan.is_some_and(|scan| scan.ended_at.is_some() && scan.failure.is_none());
        if !read {
            return Ok(());
        }
        let (known, policy) = service.vault(tx, vault).await?;
        let mut paid = Vec::new();
        for keychain in Keychain::BOTH {
            paid.push(scripts::highest_paid(tx, known.keychain, keychain).await?);
        }
        let highest = paid.into_iter().flatten().max();
        let wanted = highest.map_or(0, |highest| highest.saturating_add(BEYOND));
        if wanted >= row.end {
            let end = wanted.saturating_add(1).min(row.end.saturating_add(MOST));
            // What came after it began is a deposit, whichever index it paid and whenever that began to be watched.
            let history = match row.history_until {
                Some(height) => Some(height),
                None => chain::tip(tx).await?.map(|tip| tip.height),
            };
            for keychain in Keychain::BOTH {
                let place = (known.keychain, keychain);
                watch_range(tx, &policy, place, row.end..end, history, now).await?;
            }
            row.end = end;
            row.scan = scans::request(tx, (row.from, None), &row.begun_by, now).await?;
        } else {
            pass_over_change(tx, known.keychain).await?;
            label_coins(tx, &row, service.network(), now).await?;
            row.comparison = Some(reconciliation::request(tx, vault, now).await?);
        }
        return Ok(moving_in::update(tx, &row).await?);
    };
    match reconciliation::result(tx, asked).await? {
        None => Ok(()),
        Some(result) if result.agrees => {
            row.ended_at = Some(now);
            moving_in::update(tx, &row).await?;
            tell(tx, &row, "vault.moved-in", "coordinator", now).await
        }
        // What a look through all coins found is over only by another.
        Some(result) if result.differences > 0 => {
            if now.secs_since(result.at) < LOOK_AGAIN {
                return Ok(());
            }
            row.comparison = Some(reconciliation::request_deep(tx, vault, now).await?);
            Ok(moving_in::update(tx, &row).await?)
        }
        Some(_) => {
            row.comparison = Some(reconciliation::request(tx, vault, now).await?);
            Ok(moving_in::update(tx, &row).await?)
        }
    }
}

/// Change begins beyond what the wallet used, as far as signers follow: a journal that never saw change takes none beyond
/// index 1000 (M7), so that a wallet which used more begins again among what it used.
async fn pass_over_change(tx: &mut Transaction, keyset: Keyset) -> Result<(), ServiceError> {
    let used = scripts::highest_paid(tx, keyset, Keychain::Internal).await?;
    let next = used.map_or(0, |used| used.saturating_add(1)).min(BEYOND);
    Ok(addresses::pass_over(tx, keyset, Keychain::Internal, next).await?)
}

async fn ask(
    tx: &mut Transaction,
    from: u32,
    actor: &Actor,
    now: UnixTime,
) -> Result<u64, ServiceError> {
    Ok(scans::request(tx, (from, None), &actor.name, now).await?)
}

/// Calls coins as the wallet called them, their transactions or their addresses: the nearest word counts.
async fn label_coins(
    tx: &mut Transaction,
    row: &MovingRow,
    network: Network,
    now: UnixTime,
) -> Result<(), ServiceError> {
    let vault = row.vault;
    let said = moving_in::labels(tx, vault).await?;
    if said.is_empty() {
        return Ok(());
    }
    let about = |kind: &str, about: &str| {
        let mut found = said.iter();
        found.find(|label| label.kind == kind && label.about == about)
    };
    let addresses: Vec<(ScriptBuf, &LabelRow)> = said
        .iter()
        .filter(|label| label.kind == "addr")
        .filter_map(|label| {
            let address: Address<NetworkUnchecked> = label.about.parse().ok()?;
            let address = address.require_network(network).ok()?;
            Some((address.script_pubkey(), label))
        })
        .collect();
    for coin in coins::confirmed_unspent(tx, vault).await? {
        let outpoint: OutPoint = coin.outpoint;
        let script = &coin.script.script_pubkey;
        let mut words = [
            about("output", &outpoint.to_string()),
            about("tx", &outpoint.txid.to_string()),
            (addresses.iter().find(|(paid, _)| paid == script)).map(|(_, label)| *label),
        ]
        .into_iter()
        .flatten();
        let spendable = words.clone().all(|label| label.spendable);
        let label = words.find(|label| !label.label.is_empty());
        let marks = [
            (CoinMark::Label, label.map(|label| label.label.as_str())),
            (CoinMark::Frozen, (!spendable).then_some(NOT_SPENDABLE)),
        ];
        for (mark, text) in marks {
            let Some(text) = text else { continue };
            let mark = CoinMarkRow {
                coin: outpoint,
                mark,
                text: text.to_owned(),
                said: Said::by(&row.begun_by, now),
            };
            coin_marks::set(tx, vault, &mark).await?;
        }
    }
    Ok(())
}

fn step(row: &MovingRow) -> &'static str {
    match (row.ended_at, row.comparison) {
        (Some(_), _) => "done",
        (None, Some(_)) => "comparing",
        (None, None) => "scanning",
    }
}

async fn view(tx: &mut Transaction, vault: VaultId) -> Result<Option<MovingView>, ServiceError> {
    let Some(row) = moving_in::lookup(tx, vault).await? else {
        return Ok(None);
    };
    let (count, held) = held(tx, vault).await?;
    let labels = moving_in::labels(tx, vault).await?.len();
    Ok(Some(MovingView {
        vault,
        step: step(&row).to_owned(),
        from: row.from,
        upto: row.end.saturating_sub(1),
        scan: scan_in(tx, row.scan).await?,
        coins: count,
        held_sat: held.to_sat(),
        labels: u64::try_from(labels).unwrap_or(u64::MAX),
        passed_over: 0,
        shortened: 0,
        begun_by: row.begun_by,
        begun_at: row.begun_at,
        ended_at: row.ended_at,
    }))
}

async fn held(tx: &mut Transaction, vault: VaultId) -> Result<(u64, Amount), ServiceError> {
    let coins = coins::confirmed_unspent(tx, vault).await?;
    let sum = coins.iter().fold(Amount::ZERO, |sum, coin| {
        sum.checked_add(coin.amount).unwrap_or(Amount::MAX_MONEY)
    });
    Ok((u64::try_from(coins.len()).unwrap_or(u64::MAX), sum))
}

async fn tell(
    tx: &mut Transaction,
    row: &MovingRow,
    kind: &str,
    actor: &str,
    at: UnixTime,
) -> Result<(), ServiceError> {
    let (count, held) = held(tx, row.vault).await?;
    let mut body = Map::new();
    body.insert("coins".to_owned(), json!(count));
    body.insert("from_height".to_owned(), json!(row.from));
    body.insert("held_sat".to_owned(), json!(held.to_sat()));
    append_vault_event(tx, row.vault, kind, body, Cause::by(actor, at)).await
}
