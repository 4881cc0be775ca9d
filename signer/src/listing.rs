//! What persons say of open lists of destinations: put in words, signed, and taken down by signers.
//!
//! A file carries one statement, byte for byte, with the signatures under it, and goes from person to
//! person. Invariant: nothing is signed that was not read from the very bytes that are shown.

use crate::failure::{Class, Explained};
use crate::stopping::heard_after_moves;
use bitcoin::Address;
use bitcoin::address::NetworkUnchecked;
use policies::destination::{DestinationError, check_destination};
use policies::document::Open;
use policies::intent::{SecretKey, StatementError};
use policies::journal::Heard;
use policies::rules::{Entitlement, Said, entitlement, heard};
use policies::words::{Told, statement_told};
use policies::{
    Approval, KeyId, ListAdd, Policy, PublicKey, Signature, Statement, Subject, UnixTime,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The most bytes of a file with statements.
pub const MAX_BYTES: u64 = 16 << 20;

/// How long a removal by a bare subject is said to hold; signers never forget one anyway.
const TEN_YEARS: u64 = 10 * 365 * 86_400;

/// A statement with the signatures under it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SignedStatement {
    /// The canonical text.
    pub statement: String,
    /// For a removal or confirmation: the text of the statement that added the destination.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
    /// The signatures.
    #[serde(default)]
    pub approvals: Vec<StatementSignature>,
    /// For a stop that a journal says which moved: the certificates of its moves, in lower hex, the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub moves: Vec<String>,
}

/// A person's signature under a statement.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StatementSignature {
    /// What is said: `list-add`, `list-remove` or `list-confirm`.
    pub purpose: String,
    /// When it ends.
    pub expires: UnixTime,
    /// The key that signed.
    pub key: KeyId,
    /// Its signature.
    pub signature: Signature,
}

impl StatementSignature {
    /// A signature as files and calls have it.
    pub fn of(approval: &Approval) -> Self {
        Self {
            purpose: approval.purpose.to_string(),
            expires: approval.expires,
            key: approval.key,
            signature: approval.signature.clone(),
        }
    }
}

/// A destination to be added.
#[derive(Debug, Clone)]
pub struct NewEntry {
    /// The list's name in the policy.
    pub list: String,
    /// The destination, for a network yet to be checked.
    pub address: Address<NetworkUnchecked>,
    /// Who that is.
    pub label: String,
    /// The first moment at which it is on the list.
    pub not_before: UnixTime,
    /// The first moment at which it is not any more.
    pub expires: UnixTime,
}

/// A statement ready to be read and signed.
#[derive(Debug, Clone)]
pub struct Draft {
    /// What is said.
    pub statement: Statement,
    /// The destination it is about, where that is known.
    pub add: Option<ListAdd>,
    /// The signatures it has.
    pub approvals: Vec<Approval>,
}

/// Why nothing is said.
#[derive(Debug, thiserror::Error)]
pub enum ListingError {
    /// The file holds no signed statement.
    #[error("not a file with a statement: {0}")]
    File(serde_json::Error),
    /// The statement is none.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// The file's statement adds no destination.
    #[error("the file's statement adds no destination")]
    NotAnEntry,
    /// What it says it is about is another entry.
    #[error("the statement is about another entry than the file shows")]
    OtherEntry,
    /// The policy has no such open list.
    #[error("the policy has no open list {list}")]
    NotOpen {
        /// The list named.
        list: String,
    },
    /// The list asks for no confirmation.
    #[error("the list {list} asks for no confirmation of a first payment")]
    NothingToConfirm {
        /// The list.
        list: String,
    },
    /// The address cannot be paid: it is of another network, or of a kind that is not paid.
    #[error(transparent)]
    Destination(#[from] DestinationError),
    /// The entry has ended.
    #[error("the entry expired {expires}")]
    Expired {
        /// When.
        expires: UnixTime,
    },
    /// The key is no approver's.
    #[error("the policy names no approver with the key {0}")]
    NotAnApprover(PublicKey),
    /// The person is not of the group.
    #[error("{person} is not of the group {group} that may say this")]
    NotEntitled {
        /// The person.
        person: String,
        /// The group.
        group: String,
    },
}

/// Drafts the addition of a destination.
///
/// # Errors
/// When the address is of another network or the statement is none.
pub fn add(policy: &Policy, new: NewEntry) -> Result<Draft, ListingError> {
    let network = policy.network;
    let address = check_destination(new.address, network)?;
    let add = ListAdd {
        list: new.list,
        script_pubkey: address.script_pubkey(),
        label: new.label,
        not_before: new.not_before,
        expires: new.expires,
    };
    // Read back as every reader will: a label or a span that nobody accepts is refused here.
    let statement = Statement::decode(&Statement::ListAdd(add.clone()).encode())?;
    Ok(Draft {
        statement,
        add: Some(add),
        approvals: Vec::new(),
    })
}

/// Reads one file: a statement with its signatures.
///
/// # Errors
/// When the file or the statement in it is none.
pub fn read(bytes: &[u8]) -> Result<Draft, ListingError> {
    draft_of(&serde_json::from_slice(bytes).map_err(ListingError::File)?)
}

/// Reads a file of one statement or of several, as the coordinator's page writes them for signing.
///
/// # Errors
/// When the file or a statement in it is none.
pub fn read_all(bytes: &[u8]) -> Result<Vec<Draft>, ListingError> {
    signed_statements(bytes)?.iter().map(draft_of).collect()
}

fn draft_of(signed: &SignedStatement) -> Result<Draft, ListingError> {
    let statement = Statement::decode(signed.statement.as_bytes())?;
    let add = match &statement {
        Statement::ListAdd(add) => Some(add.clone()),
        Statement::ListRemove { .. } | Statement::ListConfirm { .. } => about(signed)?,
        Statement::Stop(_)
        | Statement::Release { .. }
        | Statement::Go(_)
        | Statement::Ack { .. } => return Err(ListingError::NotAnEntry),
    };
    if add
        .as_ref()
        .is_some_and(|add| Some(add.subject()) != statement.entry())
    {
        return Err(ListingError::OtherEntry);
    }
    let subject = statement.subject();
    let approvals = approvals(signed, &statement, subject);
    Ok(Draft {
        statement,
        add,
        approvals,
    })
}

fn about(signed: &SignedStatement) -> Result<Option<ListAdd>, ListingError> {
    if signed.about.is_empty() {
        return Ok(None);
    }
    match Statement::decode(signed.about.as_bytes())? {
        Statement::ListAdd(add) => Ok(Some(add)),
        Statement::ListRemove { .. }
        | Statement::ListConfirm { .. }
        | Statement::Stop(_)
        | Statement::Release { .. }
        | Statement::Go(_)
        | Statement::Ack { .. } => Err(ListingError::NotAnEntry),
    }
}

fn approvals(signed: &SignedStatement, statement: &Statement, subject: Subject) -> Vec<Approval> {
    signed
        .approvals
        .iter()
        .map(|one| Approval {
            purpose: statement.purpose(),
            subject,
            expires: one.expires,
            key: one.key,
            signature: one.signature.clone(),
        })
        .collect()
}

/// Drafts the removal or the confirmation of the entry that a draft adds.
///
/// # Errors
/// When the draft adds none.
pub fn about_entry(
    draft: Draft,
    say: impl FnOnce(Subject) -> Statement,
) -> Result<Draft, ListingError> {
    let Statement::ListAdd(add) = draft.statement else {
        return Err(ListingError::NotAnEntry);
    };
    Ok(Draft {
        statement: say(add.subject()),
        add: Some(add),
        approvals: Vec::new(),
    })
}

/// Checks that the statement can have an effect under the policy.
///
/// # Errors
/// Why it cannot.
pub fn check(draft: &Draft, policy: &Policy, now: UnixTime) -> Result<(), ListingError> {
    let Some(add) = &draft.add else {
        return Ok(());
    };
    let open = open_list(policy, add)?;
    let list = add.list.clone();
    let confirms = matches!(draft.statement, Statement::ListConfirm { .. });
    if confirms && open.test_first.is_none() {
        return Err(ListingError::NothingToConfirm { list });
    }
    let removes = matches!(draft.statement, Statement::ListRemove { .. });
    if !removes && now >= add.expires {
        return Err(ListingError::Expired {
            expires: add.expires,
        });
    }
    Ok(())
}

fn open_list<'p>(policy: &'p Policy, add: &ListAdd) -> Result<&'p Open, ListingError> {
    let open = (policy.list(&add.list)).and_then(|list| list.open.as_ref());
    open.ok_or_else(|| ListingError::NotOpen {
        list: add.list.clone(),
    })
}

/// Signs the statement beside those who signed it already.
///
/// # Errors
/// When the key is no approver's, or the person is not of the group.
pub fn sign(
    mut draft: Draft,
    policy: &Policy,
    key: &SecretKey,
    now: UnixTime,
) -> Result<SignedStatement, ListingError> {
    let public = key.public();
    let (approver, _) = policy
        .approver_of_key(public.id())
        .ok_or(ListingError::NotAnApprover(public))?;
    let (subject, purpose) = (draft.statement.subject(), draft.statement.purpose());
    let expires = (draft.add.as_ref()).map_or(now.saturating_add(TEN_YEARS), |add| add.expires);
    let approval = Approval::sign(key, purpose, policy.vault, subject, expires);
    if let Some(counted) = counted(&draft, policy, std::slice::from_ref(&approval), now)
        && counted.approved_by.is_empty()
        && now < expires
    {
        return Err(ListingError::NotEntitled {
            person: approver.person.clone(),
            group: counted.group.unwrap_or_default(),
        });
    }
    draft.approvals.retain(|other| other.key != approval.key);
    draft.approvals.push(approval);
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let about = match (&draft.statement, &draft.add) {
        (Statement::ListAdd(_), _) | (_, None) => String::new(),
        (_, Some(add)) => text(Statement::ListAdd(add.clone()).encode()),
    };
    Ok(SignedStatement {
        statement: text(draft.statement.encode()),
        about,
        approvals: draft.approvals.iter().map(StatementSignature::of).collect(),
        moves: Vec::new(),
    })
}

fn counted(
    draft: &Draft,
    policy: &Policy,
    approvals: &[Approval],
    now: UnixTime,
) -> Option<Entitlement> {
    entitlement(
        policy,
        &draft.statement,
        draft.add.as_ref()?,
        approvals,
        now,
    )
}

/// The statement in the words that a person reads before signing.
pub fn words(draft: &Draft, policy: &Policy, now: UnixTime) -> String {
    told(draft, policy, now).text()
}

/// The same for a page.
pub fn told(draft: &Draft, policy: &Policy, now: UnixTime) -> Told {
    let counted = counted(draft, policy, &draft.approvals, now);
    statement_told(
        &draft.statement,
        draft.add.as_ref(),
        counted.as_ref(),
        policy,
    )
}

/// The statements of a file, or of a coordinator's list of them, with the signatures under them; nothing
/// is verified yet.
///
/// # Errors
/// When the bytes are neither.
pub fn said(bytes: &[u8]) -> Result<Vec<Said>, ListingError> {
    said_in(&signed_statements(bytes)?)
}

/// The statements of a file, or of a coordinator's list of them, as they stand there.
pub(crate) fn signed_statements(bytes: &[u8]) -> Result<Vec<SignedStatement>, ListingError> {
    if bytes.trim_ascii_start().first() == Some(&b'[') {
        return serde_json::from_slice(bytes).map_err(ListingError::File);
    }
    let only = serde_json::from_slice(bytes).map_err(ListingError::File)?;
    Ok(vec![only])
}

fn said_in(all: &[SignedStatement]) -> Result<Vec<Said>, ListingError> {
    let mut said = Vec::new();
    for signed in all {
        let statement = Statement::decode(signed.statement.as_bytes())?;
        said.extend(about(signed)?.map(|add| Said {
            statement: Statement::ListAdd(add),
            approvals: Vec::new(),
        }));
        let approvals = approvals(signed, &statement, statement.subject());
        said.push(Said {
            statement,
            approvals,
        });
    }
    Ok(said)
}

/// The statements of a file, or of a coordinator's list of them, that enough entitled persons signed:
/// additions first, each other one with its addition.
///
/// # Errors
/// When the bytes are neither.
pub fn entitled(bytes: &[u8], policy: &Policy, now: UnixTime) -> Result<Vec<Heard>, ListingError> {
    let all = signed_statements(bytes)?;
    let said = said_in(&all)?;
    let mut after_moves = Vec::new();
    for signed in all.iter().filter(|signed| !signed.moves.is_empty()) {
        let one = said_in(std::slice::from_ref(signed))?;
        let heard = one
            .iter()
            .find_map(|one| heard_after_moves(policy, one, &signed.moves));
        after_moves.extend(heard);
    }
    let adds: BTreeMap<Subject, ListAdd> = said
        .iter()
        .filter_map(|one| match &one.statement {
            Statement::ListAdd(add) => Some((add.subject(), add.clone())),
            Statement::ListRemove { .. }
            | Statement::ListConfirm { .. }
            | Statement::Stop(_)
            | Statement::Release { .. }
            | Statement::Go(_)
            | Statement::Ack { .. } => None,
        })
        .collect();
    let counts = |one: Said| {
        let Some(entry) = one.statement.entry() else {
            return heard(policy, &one.statement, &one.approvals, now);
        };
        let counted = entitlement(
            policy,
            &one.statement,
            adds.get(&entry)?,
            &one.approvals,
            now,
        )?;
        let statement = one.statement;
        let by = Vec::new();
        counted.is_met().then_some(Heard { statement, by })
    };
    let mut entitled: Vec<Heard> = said.into_iter().filter_map(counts).collect();
    entitled.extend(after_moves);
    let order = |heard: &Heard| match heard.statement {
        Statement::Stop(_) => 0,
        Statement::Release { .. } => 1,
        Statement::ListAdd(_) => 2,
        Statement::ListRemove { .. }
        | Statement::ListConfirm { .. }
        | Statement::Go(_)
        | Statement::Ack { .. } => 3,
    };
    entitled.sort_by_key(order);
    Ok(entitled)
}

impl Explained for ListingError {
    fn class(&self) -> Class {
        match self {
            Self::File(_) => Class::Usage,
            Self::Statement(_)
            | Self::NotAnEntry
            | Self::OtherEntry
            | Self::NotOpen { .. }
            | Self::NothingToConfirm { .. }
            | Self::Destination(_)
            | Self::Expired { .. }
            | Self::NotAnApprover(_)
            | Self::NotEntitled { .. } => Class::Refused,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::File(_) => "NOT_A_STATEMENT_FILE",
            Self::Statement(_) => "BAD_STATEMENT",
            Self::NotAnEntry => "NOT_AN_ENTRY",
            Self::OtherEntry => "OTHER_ENTRY",
            Self::NotOpen { .. } => "LIST_NOT_OPEN",
            Self::NothingToConfirm { .. } => "NOTHING_TO_CONFIRM",
            Self::Destination(error) => error.code(),
            Self::Expired { .. } => "ENTRY_EXPIRED",
            Self::NotAnApprover(_) => "NOT_AN_APPROVER",
            Self::NotEntitled { .. } => "NOT_ENTITLED",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::File(_) => {
                "give what `stop`, `stop release`, `list add` or `statement list --json` wrote"
            }
            Self::Destination(error) => error.hint(),
            Self::NotAnEntry => "give the file that added the entry",
            Self::OtherEntry => "do not sign it: it shows one entry and is about another",
            Self::NotOpen { .. } => "name an open list of the policy under --list",
            Self::NotAnApprover(_) => {
                "give --key NAME of a key that the policy names under [[approvers]]"
            }
            Self::Statement(_) => {
                "have it made again with `list add`, with a label and a span as that asks for"
            }
            Self::NothingToConfirm { .. } => {
                "nothing is to be done: its entries may be paid without a confirmation"
            }
            Self::Expired { .. } => "have it added again with a later --expires",
            Self::NotEntitled { .. } => "give the file to a person of that group to sign",
        }
        .to_owned()
    }
}
