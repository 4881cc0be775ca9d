//! What persons say of open lists of destinations: put in words, signed, and taken down by signers.
//!
//! A file carries one statement, byte for byte, with the signatures under it, and goes from person to
//! person. Invariant: nothing is signed that was not read from the very bytes that are shown.

mod error;
mod reading;

use bitcoin::Address;
use bitcoin::address::NetworkUnchecked;
use policies::destination::check_destination;
use policies::document::Open;
use policies::intent::SecretKey;
use policies::rules::{Entitlement, entitlement};
use policies::words::{Told, statement_told};
use policies::{Approval, ListAdd, Policy, Statement, Subject, UnixTime};

pub use error::ListingError;
pub(crate) use reading::signed_statements;
pub use reading::{SignedStatement, StatementSignature, entitled, read, read_all, said};

/// The most bytes of a file with statements.
pub const MAX_BYTES: u64 = 16 << 20;

/// How long a removal by a bare subject is said to hold; signers never forget one anyway.
const TEN_YEARS: u64 = 10 * 365 * 86_400;

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
