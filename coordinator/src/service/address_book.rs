//! The address book: every entry of the open lists with who proposed, signed, removed and confirmed it, and what it
//! waits for.
//!
//! Invariant: it only tells. An entry is paid because signers counted its signatures and let it cool off by their own
//! journals; the moments here are those of this coordinator's clock.

pub mod drafting;
pub mod importing;
mod known;
pub mod labels;
mod view;

use std::str::FromStr;

use policies::document::Policy;
use policies::rules::persons_of;
use policies::{KeyId, Statement, Subject, UnixTime, VaultId};
use watchtower::store::database::Transaction;

pub use self::view::{BookEntry, Payment, Said, Signed, TestStanding};
use super::lists::{EntryView, ListView, entry_view, list_view};
use super::paging::{Cursor, Paged};
use super::standing::Entry;
use super::stop_view::signed_statement;
use super::{Actor, ListError, Right, Service, ServiceError};
use crate::store::statements::{self, EntryPlace, StatementRow};
use crate::store::withdrawals;

/// Statements that are read in one step.
const STEP: u32 = 200;
/// The most statements that are looked through for one page: a filter that hardly anything meets goes on from there.
const MOST_READ: usize = 5_000;
/// The most payments to one entry that are shown.
const PAYMENTS: u32 = 20;

/// How entries stand, as people ask for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BookState {
    /// Too few persons have signed.
    Proposed,
    /// Enough signed, and it is not paid yet.
    Cooling,
    /// It is paid, at first perhaps by a small payment only.
    InForce,
    /// Its time is over.
    Expired,
    /// A person removed it.
    Removed,
}

impl BookState {
    /// All of them, in the order of an entry's life.
    pub const ALL: [Self; 5] = [
        Self::Proposed,
        Self::Cooling,
        Self::InForce,
        Self::Expired,
        Self::Removed,
    ];

    /// Its name in addresses of pages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Cooling => "cooling",
            Self::InForce => "in_force",
            Self::Expired => "expired",
            Self::Removed => "removed",
        }
    }

    /// Its name for people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Cooling => "cooling off",
            Self::InForce => "in force",
            Self::Expired => "expired",
            Self::Removed => "removed",
        }
    }

    /// The state that an entry's own state belongs to.
    pub fn of(entry: &EntryView) -> Self {
        match entry.state.as_str() {
            "waiting_for_approvals" => Self::Proposed,
            "not_yet_valid" | "cooling_off" => Self::Cooling,
            "expired" => Self::Expired,
            "removed" => Self::Removed,
            _ => Self::InForce,
        }
    }
}

/// A text names no state of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not proposed, cooling, in_force, expired or removed")]
pub struct UnknownBookState;

impl FromStr for BookState {
    type Err = UnknownBookState;

    fn from_str(text: &str) -> Result<Self, UnknownBookState> {
        Self::ALL
            .into_iter()
            .find(|state| state.name() == text)
            .ok_or(UnknownBookState)
    }
}

/// Which entries are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BookFilter {
    /// Of this list only.
    pub list: Option<String>,
    /// Standing so only.
    pub state: Option<BookState>,
    /// With this in the label, the address, the script, the entry's name or the proposer's.
    pub text: String,
}

/// The entries that a filter asks for, newest first, from a place on. A page may be short where hardly anything meets
/// the filter; there are more as long as it names the next one.
///
/// # Errors
/// `VaultError::UnknownVault`, [`ListError::UnknownList`]; [`ServiceError::Malformed`] for a cursor of another list.
pub async fn list_book(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    filter: &BookFilter,
    after: Option<&Cursor>,
    limit: u32,
) -> Result<Paged<BookEntry>, ServiceError> {
    actor.require(Right::Read, vault)?;
    let mut place = after.map(place_of).transpose()?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let now = service.now();
    let mut tx = service.database().begin_read().await?;
    let (_, policy) = service.vault(&mut tx, vault).await?;
    if let Some(name) = filter.list.as_deref() {
        list_of(&policy, name)?;
    }
    let wanted = filter.text.trim().to_lowercase();
    let (mut items, mut read) = (Vec::new(), 0_usize);
    loop {
        let rows =
            statements::entries_after(&mut tx, vault, filter.list.as_deref(), place, STEP).await?;
        let last = rows.len() < usize::try_from(STEP).unwrap_or(usize::MAX);
        for row in rows {
            if items.len() >= limit || read >= MOST_READ {
                let next = place.map(cursor_of);
                return Ok(Paged { items, next });
            }
            read = read.saturating_add(1);
            place = Some(EntryPlace {
                stored_at: row.stored_at,
                subject: row.subject,
            });
            if !wanted.is_empty() && !mentions(&row, &policy, &wanted) {
                continue;
            }
            let Some(shown) = book_entry(&mut tx, &policy, row, now).await? else {
                continue;
            };
            if (filter.state).is_none_or(|state| state == BookState::of(&shown.entry)) {
                items.push(shown);
            }
        }
        if last {
            return Ok(Paged { items, next: None });
        }
    }
}

/// One entry with everything that was said of it.
///
/// # Errors
/// [`ListError::UnknownEntry`] where no statement of an open list adds it.
pub async fn show_entry(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    entry: Subject,
) -> Result<BookEntry, ServiceError> {
    actor.require(Right::Read, vault)?;
    let now = service.now();
    let mut tx = service.database().begin_read().await?;
    let (row, policy) = service.vault(&mut tx, vault).await?;
    let unknown = || ServiceError::List(ListError::UnknownEntry { entry });
    let statement = statements::lookup(&mut tx, vault, entry).await?;
    let statement = statement.filter(|row| row.statement.entry() == Some(row.subject));
    let statement = statement.ok_or_else(unknown)?;
    let signatures = statements::approvals_of(&mut tx, vault, entry).await?;
    let file = signed_statement(&statement.statement, &signatures);
    let shown = book_entry(&mut tx, &policy, statement, now).await?;
    let mut shown = shown.ok_or_else(unknown)?;
    shown.file = format!("{file:#}\n");
    let known = known::Known::load(&mut tx, &row, &policy).await?;
    shown.warnings = known.warnings_of(&shown);
    Ok(shown)
}

/// A list of the policy and the addresses that the document itself has on it.
///
/// # Errors
/// [`ListError::UnknownList`].
pub async fn show_list_of_policy(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    name: &str,
) -> Result<(ListView, Vec<String>), ServiceError> {
    actor.require(Right::Read, vault)?;
    let mut tx = service.database().begin_read().await?;
    let (_, policy) = service.vault(&mut tx, vault).await?;
    let list = list_of(&policy, name)?;
    let addresses = list.entries.iter().map(ToString::to_string);
    Ok((list_view(list), addresses.collect()))
}

/// A place as a page's address carries it.
pub(super) fn cursor_of(place: EntryPlace) -> Cursor {
    let at = place.stored_at.as_secs().to_string();
    Cursor::of(&[&at, &place.subject.to_string()])
}

/// Reads a place that a page's address carried.
pub(super) fn place_of(cursor: &Cursor) -> Result<EntryPlace, ServiceError> {
    let malformed = || ServiceError::Malformed {
        field: "after",
        expected: "the mark of a page of this list",
    };
    let parts = cursor.parts();
    let [at, subject] = parts.as_slice() else {
        return Err(malformed());
    };
    // Times are kept in 63 bits.
    let at = at.parse::<i64>().map_err(|_| malformed())?;
    let at = u64::try_from(at).map_err(|_| malformed())?;
    Ok(EntryPlace {
        stored_at: UnixTime::from_secs(at),
        subject: subject.parse().map_err(|_| malformed())?,
    })
}

/// The list of a name.
fn list_of<'p>(
    policy: &'p Policy,
    name: &str,
) -> Result<&'p policies::document::List, ServiceError> {
    policy.list(name).ok_or_else(|| {
        let list = name.chars().take(40).collect();
        ListError::UnknownList { list }.into()
    })
}

/// Whether a statement has a text, in lower case, somewhere where people look for it.
fn mentions(row: &StatementRow, policy: &Policy, wanted: &str) -> bool {
    let address = bitcoin::Address::from_script(&row.script_pubkey, policy.network);
    let address = address.map_or_else(|_| String::new(), |address| address.to_string());
    let label = match &row.statement {
        Statement::ListAdd(add) => add.label.as_str(),
        Statement::ListRemove { .. }
        | Statement::ListConfirm { .. }
        | Statement::Stop(_)
        | Statement::Release { .. }
        | Statement::Go(_)
        | Statement::Ack { .. } => "",
    };
    // People paste addresses as they are shown, in groups.
    let together: String = wanted.chars().filter(|one| !one.is_whitespace()).collect();
    label.to_lowercase().contains(wanted)
        || row.stored_by.to_lowercase().contains(wanted)
        || address.to_lowercase().contains(&together)
        || row.script_pubkey.to_hex_string().contains(&together)
        || row.subject.to_string().starts_with(&together)
}

async fn book_entry(
    tx: &mut Transaction,
    policy: &Policy,
    row: StatementRow,
    now: UnixTime,
) -> Result<Option<BookEntry>, ServiceError> {
    let (vault, subject) = (row.vault, row.subject);
    let Some(list) = policy.list(&row.list).cloned() else {
        return Ok(None);
    };
    let Some(open) = list.open.clone() else {
        return Ok(None);
    };
    let Some(entry) = Entry::read(tx, policy, row, now).await? else {
        return Ok(None);
    };
    let shown = entry_view(tx, policy, &list, &entry, now).await?;
    let opens_at = match shown.state.as_str() {
        "not_yet_valid" => Some(entry.add.not_before),
        "cooling_off" => (entry.row.entitled_at).map(|at| at.saturating_add(open.delay)),
        _ => None,
    };
    let group = open.approvals.group.clone();
    let mut could = persons(policy, group.as_deref());
    let could_remove = could.clone();
    could.retain(|person| !entry.entitlement.approved_by.contains(person));
    let confirmed = said(tx, vault, subject, |one| {
        matches!(one, Statement::ListConfirm { .. })
    });
    let confirmed = confirmed.await?;
    let removed = said(tx, vault, subject, |one| {
        matches!(one, Statement::ListRemove { .. })
    });
    let removed = removed.await?;
    let mut test = None;
    if let Some(first) = open.test_first {
        let paid =
            withdrawals::ever_batched_to(tx, vault, &entry.add.script_pubkey, PAYMENTS).await?;
        test = Some(TestStanding {
            most: first.amount,
            could_confirm: persons(policy, Some(&first.group)),
            group: first.group,
            payments: paid.iter().map(Payment::of).collect(),
            confirmed,
        });
    }
    Ok(Some(BookEntry {
        list: list.name.clone(),
        needed: entry.entitlement.needed,
        group,
        approvals: signed(tx, vault, subject).await?,
        could,
        could_remove,
        proposed_by: entry.row.stored_by.clone(),
        proposed_at: entry.row.stored_at,
        delay: open.delay,
        opens_at,
        test,
        removed,
        statement: String::from_utf8_lossy(&entry.row.statement.encode()).into_owned(),
        file: String::new(),
        warnings: Vec::new(),
        entry: shown,
    }))
}

/// The persons of a group whose own keys count, whoever of them signed.
pub(super) fn persons(policy: &Policy, group: Option<&str>) -> Vec<String> {
    let keys = policy.approvers.iter().flat_map(|approver| &approver.keys);
    let keys: Vec<KeyId> = keys.map(|pinned| pinned.key.id()).collect();
    persons_of(policy, group, &keys)
}

/// Who signed a statement, each once, in the order in which they did.
async fn signed(
    tx: &mut Transaction,
    vault: VaultId,
    subject: Subject,
) -> Result<Vec<Signed>, ServiceError> {
    let mut rows = statements::approvals_of(tx, vault, subject).await?;
    rows.sort_by_key(|row| row.received_at);
    let mut signed: Vec<Signed> = Vec::new();
    for row in rows {
        if signed.iter().all(|one| one.approver != row.approver) {
            signed.push(Signed {
                approver: row.approver,
                at: row.received_at,
            });
        }
    }
    Ok(signed)
}

/// The first statement of a kind about an entry that enough persons signed.
async fn said(
    tx: &mut Transaction,
    vault: VaultId,
    entry: Subject,
    wanted: impl Fn(&Statement) -> bool,
) -> Result<Option<Said>, ServiceError> {
    for row in statements::of_entry(tx, vault, entry).await? {
        if let Some(at) = row.entitled_at.filter(|_| wanted(&row.statement)) {
            let by = signed(tx, vault, row.subject).await?;
            return Ok(Some(Said { by, at }));
        }
    }
    Ok(None)
}
