//! Withdrawals found by what is asked for: of one vault or of all that the actor may read, a page at a time.

use std::collections::BTreeMap;
use std::sync::Arc;

use bitcoin::address::NetworkUnchecked;
use bitcoin::{Address, Amount, ScriptBuf, Txid};
use policies::document::Policy;
use policies::rules::{Decision, decide};
use policies::{IntentHash, IntentKind, RequesterName, UnixTime, VaultId, WithdrawalId};
use watchtower::store::database::Transaction;

use super::approvers::Needed;
use super::paging::{Cursor, Paged};
use super::standing::Known;
use super::withdrawals::approving_keys;
use super::{Actor, Right, Service, ServiceError};
use crate::session::withdrawal::WithdrawalState;
use crate::store::approvals;
use crate::store::withdrawals::WithdrawalRow;
use crate::store::withdrawals_found::{self as found, Filter, Place};

/// The most characters of a text that is searched for.
const MAX_TEXT: usize = 200;

/// What is asked for; what is empty asks for nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// One of these states.
    pub states: Vec<String>,
    /// This requester.
    pub requester: String,
    /// This text in id or reference, or this address.
    pub text: String,
    /// At least this amount.
    pub from: Option<Amount>,
    /// At most this amount.
    pub to: Option<Amount>,
    /// Come in at this moment or later.
    pub since: Option<UnixTime>,
    /// Come in at this moment or earlier.
    pub until: Option<UnixTime>,
    /// Only those that wait for this person's approval.
    pub waits_for: Option<String>,
}

/// A withdrawal in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WithdrawalLine {
    /// The vault.
    pub vault: VaultId,
    /// The vault's name.
    pub vault_name: String,
    /// The requester's name.
    pub requester: RequesterName,
    /// The requester's id.
    pub id: WithdrawalId,
    /// The intent's hash.
    pub intent: IntentHash,
    /// Payment, transfer or sweep.
    pub kind: IntentKind,
    /// The name of its state.
    pub state: &'static str,
    /// The amount.
    pub amount: Amount,
    /// The address; none where the script has none.
    pub address: Option<String>,
    /// The script in hex.
    pub script: String,
    /// The requester's own words.
    pub reference: String,
    /// When it came in.
    pub submitted_at: UnixTime,
    /// When its intent ends.
    pub expires: UnixTime,
    /// The transaction that pays it.
    pub txid: Option<Txid>,
    /// What it needs, while it is requested and a rule allows it.
    pub needs: Option<Needed>,
    /// Why no rule allows it now, while it is requested.
    pub denied: Option<String>,
}

impl WithdrawalLine {
    /// The names of its cells.
    pub const HEADER: [&'static str; 12] = [
        "vault",
        "requester",
        "id",
        "state",
        "kind",
        "amount_sat",
        "address",
        "reference",
        "submitted_at",
        "expires",
        "txid",
        "intent",
    ];

    /// Its cells, in the order of [`Self::HEADER`].
    pub fn cells(&self) -> [String; 12] {
        [
            self.vault_name.clone(),
            self.requester.to_string(),
            self.id.to_string(),
            self.state.to_owned(),
            self.kind.to_string(),
            self.amount.to_sat().to_string(),
            self.address.clone().unwrap_or_else(|| self.script.clone()),
            self.reference.clone(),
            self.submitted_at.to_string(),
            self.expires.to_string(),
            self.txid.map_or_else(String::new, |txid| txid.to_string()),
            self.intent.to_string(),
        ]
    }

    /// Whether it waits for this person's approval.
    pub fn awaits(&self, person: &str) -> bool {
        self.needs
            .as_ref()
            .is_some_and(|needs| needs.awaits(person))
    }
}

/// A page of withdrawals, newest first: of a vault, or of all that the actor may read.
///
/// # Errors
/// [`ServiceError::UnknownState`], [`ServiceError::Malformed`] for a cursor that no page gave.
pub async fn find_withdrawals(
    service: &Service,
    actor: &Actor,
    vault: Option<VaultId>,
    wanted: &Wanted,
    after: Option<&Cursor>,
    limit: u32,
) -> Result<Paged<WithdrawalLine>, ServiceError> {
    let vault = vault.or(actor.vault);
    match vault {
        Some(vault) => actor.require(Right::Read, vault)?,
        None => actor.require_everywhere(Right::Read)?,
    }
    for state in &wanted.states {
        super::expect_state(Some(state), &WithdrawalState::NAMES)?;
    }
    let filter = filter(service, wanted);
    let mut place = after.map(place).transpose()?;
    let mut tx = service.database().begin_read().await?;
    let mut lines: Vec<(WithdrawalLine, Place)> = Vec::new();
    let kept = usize::try_from(limit).unwrap_or(usize::MAX);
    let chunk = limit.saturating_add(1);
    loop {
        let rows = found::page(&mut tx, vault, &filter, place.as_ref(), chunk).await?;
        let last = rows.last().map(Place::after);
        let is_last_chunk = u32::try_from(rows.len()).is_ok_and(|rows| rows < chunk);
        for (row, line) in rows.iter().zip(lines_of(service, &mut tx, &rows).await?) {
            let waits = wanted.waits_for.as_deref();
            if waits.is_none_or(|person| line.awaits(person)) {
                lines.push((line, Place::after(row)));
            }
        }
        if is_last_chunk || lines.len() > kept {
            break;
        }
        place = last;
    }
    let more = lines.len() > kept;
    lines.truncate(kept);
    let next = lines
        .last()
        .filter(|_| more)
        .map(|(_, place)| cursor(place));
    let items = lines.into_iter().map(|(line, _)| line).collect();
    Ok(Paged { items, next })
}

/// What the store is asked for.
fn filter(service: &Service, wanted: &Wanted) -> Filter {
    let text: String = wanted.text.trim().chars().take(MAX_TEXT).collect();
    let states = match wanted.waits_for {
        Some(_) => vec!["requested".to_owned()],
        None => wanted.states.clone(),
    };
    Filter {
        states,
        requester: wanted.requester.trim().to_owned(),
        script: script_of(service, &text),
        text,
        from: wanted.from,
        to: wanted.to,
        since: wanted.since,
        until: wanted.until,
    }
}

/// The script of an address, also one copied in groups.
fn script_of(service: &Service, text: &str) -> Option<ScriptBuf> {
    let whole: String = text
        .chars()
        .filter(|letter| !letter.is_whitespace())
        .collect();
    let address: Address<NetworkUnchecked> = whole.parse().ok()?;
    let address = address.require_network(service.network()).ok()?;
    Some(address.script_pubkey())
}

fn cursor(place: &Place) -> Cursor {
    Cursor::of(&[
        &place.at.as_secs().to_string(),
        &place.vault.to_string(),
        &place.requester,
        &place.id,
    ])
}

fn place(cursor: &Cursor) -> Result<Place, ServiceError> {
    let read = || {
        let parts = cursor.parts();
        let mut parts = parts.iter();
        let at = parts.next()?.parse().ok()?;
        let place = Place {
            at: UnixTime::from_secs(at),
            vault: parts.next()?.parse().ok()?,
            requester: (*parts.next()?).to_owned(),
            id: (*parts.next()?).to_owned(),
        };
        parts.next().is_none().then_some(place)
    };
    read().ok_or(ServiceError::Malformed {
        field: "after",
        expected: "the end of a page of this list",
    })
}

/// What a vault's withdrawals are shown by.
struct Shown {
    name: String,
    policy: Arc<Policy>,
    known: Known,
}

/// The lines of some withdrawals of any vaults.
pub(super) async fn lines_of(
    service: &Service,
    tx: &mut Transaction,
    rows: &[WithdrawalRow],
) -> Result<Vec<WithdrawalLine>, ServiceError> {
    let now = service.now();
    let mut vaults: BTreeMap<VaultId, Shown> = BTreeMap::new();
    let mut lines = Vec::with_capacity(rows.len());
    for row in rows {
        let vault = row.key.vault;
        if let std::collections::btree_map::Entry::Vacant(place) = vaults.entry(vault) {
            let (stored, policy) = service.vault(tx, vault).await?;
            let open: Vec<_> = rows
                .iter()
                .filter(|row| row.key.vault == vault && row.state == WithdrawalState::Requested)
                .map(|row| &row.intent)
                .collect();
            let known = Known::load(tx, vault, &policy, &open, now, now).await?;
            let name = stored.name;
            place.insert(Shown {
                name,
                policy,
                known,
            });
        }
        let Some(shown) = vaults.get(&vault) else {
            continue;
        };
        lines.push(line(tx, shown, row, now).await?);
    }
    Ok(lines)
}

async fn line(
    tx: &mut Transaction,
    shown: &Shown,
    row: &WithdrawalRow,
    now: UnixTime,
) -> Result<WithdrawalLine, ServiceError> {
    let (mut needs, mut denied) = (None, None);
    if row.state == WithdrawalState::Requested && row.intent.expires > now {
        match decide(&shown.policy, &row.intent, &shown.known.standing()) {
            Decision::Denied(reason) => denied = Some(reason.to_string()),
            Decision::Needs(requirement) => {
                let said = approvals::of_intent(tx, row.hash).await?;
                let keys = approving_keys(&said, now);
                needs = Some(Needed::of(&shown.policy, &requirement, &row.intent, &keys));
            }
        }
    }
    Ok(WithdrawalLine {
        vault: row.key.vault,
        vault_name: shown.name.clone(),
        requester: row.key.requester.clone(),
        id: row.key.id.clone(),
        intent: row.hash,
        kind: row.intent.kind,
        state: row.state.name(),
        amount: row.intent.amount,
        address: Address::from_script(&row.intent.script_pubkey, shown.policy.network)
            .ok()
            .map(|address| address.to_string()),
        script: row.intent.script_pubkey.to_hex_string(),
        reference: row.intent.reference.clone(),
        submitted_at: row.submitted_at,
        expires: row.intent.expires,
        txid: row.state.attempt(),
        needs,
        denied,
    })
}
