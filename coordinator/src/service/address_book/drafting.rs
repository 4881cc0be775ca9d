//! Entries to be proposed: what a person typed, checked against policy and books, as the text that is signed.
//!
//! Invariant: a draft is exactly the bytes that a person's own tool shows and signs, and it is unsigned. Nothing is
//! stored here: an entry begins with its first signature.

use policies::destination::{DestinationError, parse_destination};
use policies::document::Policy;
use policies::intent::statement::MAX_LABEL;
use policies::{ListAdd, Statement, Subject, UnixTime, VaultId};
use watchtower::store::database::Transaction;

use super::known::{Known, standing_of};
use super::labels::{OddCharacter, odd_characters};
use super::list_of;
use crate::service::{Actor, ListError, Right, Service, ServiceError};
use crate::store::vaults::VaultRow;

/// How long an entry stays on its list unless said otherwise: a year.
pub const YEAR: u64 = 365 * 86_400;

/// A destination as it was typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewEntry {
    /// The address.
    pub address: String,
    /// Who that is.
    pub label: String,
    /// When it ends: a day as 2027-11-26, a moment as 2027-11-26T12:00:00Z, or nothing for a year.
    pub expires: String,
}

/// A destination ready to be signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryDraft {
    /// The line of the file that it stands on; 1 where it was typed alone.
    pub line: u64,
    /// What is to be signed.
    pub add: ListAdd,
    /// The destination as an address.
    pub address: String,
    /// The canonical text, as it is signed.
    pub statement: String,
    /// What signatures on it are about.
    pub subject: Subject,
    /// What to look at twice.
    pub warnings: Vec<EntryWarning>,
}

/// A destination that cannot be proposed, with all that is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongEntry {
    /// The line of the file that it stands on; 1 where it was typed alone.
    pub line: u64,
    /// What was typed.
    pub typed: NewEntry,
    /// What is wrong.
    pub faults: Vec<EntryFault>,
}

/// What is wrong with a destination that was typed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryFault {
    /// The address cannot be paid.
    #[error("{}: {}", .0, .0.hint())]
    Destination(DestinationError),
    /// The address is the vault's own.
    #[error("this is an address of the vault itself: deposits need no list")]
    OwnAddress,
    /// The policy document lists it.
    #[error("the policy itself has this address on the list already")]
    InDocument,
    /// It stands on the list already.
    #[error("on the list already as \"{label}\": {says}")]
    Listed {
        /// Its label there.
        label: String,
        /// How it stands.
        says: String,
    },
    /// The file has it twice.
    #[error("the same address stands on line {line}")]
    Twice {
        /// The line that has it first.
        line: u64,
    },
    /// There is no label.
    #[error("say who that is: a label is missing")]
    NoLabel,
    /// The label is too long.
    #[error("the label has {found} characters, at most {MAX_LABEL} are allowed")]
    LabelTooLong {
        /// Characters found.
        found: usize,
    },
    /// The label has characters that are not signed.
    #[error("the label may have plain letters, digits and signs only: {}", words(.found))]
    LabelCharacters {
        /// Which ones.
        found: Vec<OddCharacter>,
    },
    /// The end is no moment.
    #[error("write the end as 2027-11-26 or 2027-11-26T12:00:00Z, or leave it empty for a year")]
    ExpiresUnreadable,
    /// The end is over.
    #[error("the end {expires} is over")]
    ExpiresPast {
        /// The end.
        expires: UnixTime,
    },
    /// The line has too few or too many columns.
    #[error("a line has the columns address, label and, if wanted, expires; this one has {found}")]
    Columns {
        /// Columns found.
        found: usize,
    },
    /// The line is no text.
    #[error("the line is not text in UTF-8: save the file as CSV UTF-8")]
    NotText,
}

impl EntryFault {
    /// The field that it stands beside.
    pub const fn field(&self) -> &'static str {
        match self {
            Self::Destination(_)
            | Self::OwnAddress
            | Self::InDocument
            | Self::Listed { .. }
            | Self::Twice { .. }
            | Self::Columns { .. }
            | Self::NotText => "address",
            Self::NoLabel | Self::LabelTooLong { .. } | Self::LabelCharacters { .. } => "label",
            Self::ExpiresUnreadable | Self::ExpiresPast { .. } => "expires",
        }
    }
}

/// What a person should look at twice before signing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryWarning {
    /// Another known address begins and ends alike.
    #[error(
        "the address begins and ends like another one that differs, {address}{}, known from {from}: compare every character",
        named(.label)
    )]
    LooksLike {
        /// The other one.
        address: String,
        /// Its label, if it has one.
        label: String,
        /// Where it is known from.
        from: String,
    },
    /// Another destination has a label that looks the same.
    #[error(
        "another destination has a label that looks the same, \"{label}\": {address}, known from {from}"
    )]
    LabelLooksLike {
        /// Its label.
        label: String,
        /// Its address.
        address: String,
        /// Where it is known from.
        from: String,
    },
    /// It is another vault's of this treasury.
    #[error("an address of the treasury's vault {name}: a transfer needs no list")]
    OtherVault {
        /// The vault.
        name: String,
    },
    /// It stood on a list before.
    #[error("stood on the list {list} before as \"{label}\": {says}")]
    ListedBefore {
        /// The list.
        list: String,
        /// Its label there.
        label: String,
        /// How that ended.
        says: String,
    },
    /// It stands on another list.
    #[error("stands on the list {list} too, as \"{label}\"")]
    OnOtherList {
        /// The list.
        list: String,
        /// Its label there.
        label: String,
    },
}

fn named(label: &str) -> String {
    if label.is_empty() {
        String::new()
    } else {
        format!(" (\"{label}\")")
    }
}

fn words(found: &[OddCharacter]) -> String {
    let words: Vec<String> = found.iter().map(ToString::to_string).collect();
    words.join("; ")
}

/// Drafts one entry of an open list; what is wrong with it otherwise.
///
/// # Errors
/// [`ListError::UnknownList`], [`ListError::ListNotOpen`].
pub async fn draft_entry(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    list: &str,
    typed: NewEntry,
) -> Result<Result<EntryDraft, WrongEntry>, ServiceError> {
    actor.require(Right::Approve, vault)?;
    let mut tx = service.database().begin_read().await?;
    let (row, policy) = service.vault(&mut tx, vault).await?;
    let drafting = Drafting::begin(&mut tx, &row, &policy, list, service.now()).await?;
    drafting.draft(&mut tx, 1, typed).await
}

/// What drafts of one list rest on.
pub(super) struct Drafting<'a> {
    vault: &'a VaultRow,
    policy: &'a Policy,
    list: &'a str,
    now: UnixTime,
    known: Known,
}

impl<'a> Drafting<'a> {
    pub(super) async fn begin(
        tx: &mut Transaction,
        vault: &'a VaultRow,
        policy: &'a Policy,
        list: &'a str,
        now: UnixTime,
    ) -> Result<Self, ServiceError> {
        if list_of(policy, list)?.open.is_none() {
            let list = list.to_owned();
            return Err(ListError::ListNotOpen { list }.into());
        }
        Ok(Self {
            vault,
            policy,
            list,
            now,
            known: Known::load(tx, vault, policy).await?,
        })
    }

    pub(super) async fn draft(
        &self,
        tx: &mut Transaction,
        line: u64,
        typed: NewEntry,
    ) -> Result<Result<EntryDraft, WrongEntry>, ServiceError> {
        let mut faults = label_faults(&typed.label);
        let expires = expires_of(&typed.expires, self.now).map_err(|fault| faults.push(fault));
        // People paste addresses as they are shown, in groups.
        let together: String = typed.address.split_whitespace().collect();
        let address = parse_destination(&together, self.policy.network)
            .map_err(|error| faults.push(EntryFault::Destination(error)));
        let mut warnings = Vec::new();
        if let Ok(address) = &address {
            let about = (self.list, address.script_pubkey());
            let about = (about.0, about.1.as_script());
            let found = standing_of(tx, self.vault, self.policy, about, self.now).await?;
            faults.extend(found.0);
            warnings.extend(found.1);
        }
        let (Ok(address), Ok(expires), true) = (address, expires, faults.is_empty()) else {
            return Ok(Err(WrongEntry {
                line,
                typed,
                faults,
            }));
        };
        let add = ListAdd {
            list: self.list.to_owned(),
            script_pubkey: address.script_pubkey(),
            label: typed.label.trim().to_owned(),
            not_before: self.now,
            expires,
        };
        let address = address.to_string();
        warnings.splice(0..0, self.known.warnings(&add, &address));
        let statement = Statement::ListAdd(add.clone());
        // Read back as every signer will: what nobody accepts is never offered for signing.
        let bytes = statement.encode();
        Statement::decode(&bytes)?;
        Ok(Ok(EntryDraft {
            line,
            subject: statement.subject(),
            statement: String::from_utf8_lossy(&bytes).into_owned(),
            add,
            address,
            warnings,
        }))
    }
}

fn label_faults(label: &str) -> Vec<EntryFault> {
    let label = label.trim();
    let length = label.chars().count();
    let mut faults = Vec::new();
    if label.is_empty() {
        faults.push(EntryFault::NoLabel);
    }
    if length > MAX_LABEL {
        faults.push(EntryFault::LabelTooLong { found: length });
    }
    let mut found = odd_characters(label);
    found.truncate(MAX_LABEL);
    if !found.is_empty() {
        faults.push(EntryFault::LabelCharacters { found });
    }
    faults
}

fn expires_of(text: &str, now: UnixTime) -> Result<UnixTime, EntryFault> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(now.saturating_add(YEAR));
    }
    let day = text.len() == "2027-11-26".len();
    let text = if day {
        format!("{text}T00:00:00Z")
    } else {
        text.to_owned()
    };
    let expires: UnixTime = text.parse().map_err(|_| EntryFault::ExpiresUnreadable)?;
    if expires <= now {
        return Err(EntryFault::ExpiresPast { expires });
    }
    Ok(expires)
}
