//! The approver's part in maintenance: reviews a spend to ourselves, and signs that it may go beyond the
//! budget. What is approved is one transaction, by its txid, which nothing but its signers can change.

use crate::failure::{Class, Explained, NO_REASON, Reason, reason};
use bitcoin::{Amount, Txid};
use policies::document::SelfSpendBudget;
use policies::hash::{Purpose, transaction_subject};
use policies::intent::SecretKey;
use policies::journal::SpendMode;
use policies::psbt::{PsbtRefusal, read_strict};
use policies::review::{Refusal, Review, review};
use policies::rules::persons_of;
use policies::words::count;
use policies::{Approval, History, KeyId, Policy, PublicKey, Signature, Subject, UnixTime};
use serde::Serialize;

/// An approval of maintenance, as the coordinator's interface takes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SignedMaintenance {
    /// `maintain`.
    pub purpose: String,
    /// The transaction.
    pub txid: Txid,
    /// When it ends.
    pub expires: UnixTime,
    /// The key that signed.
    pub key: KeyId,
    /// Its signature.
    pub signature: Signature,
}

/// Why no maintenance is approved.
#[derive(Debug, thiserror::Error)]
pub enum MaintainingError {
    /// The transfer cannot be read.
    #[error(transparent)]
    Psbt(#[from] PsbtRefusal),
    /// The review refused, for every reason named.
    #[error("refused for {}", count(.0.len(), "reason"))]
    Refused(Vec<Refusal>),
    /// It is no spend to ourselves.
    #[error("it is no spend to ourselves: maintenance approves nothing else")]
    NotASelfSpend,
    /// The key is of no person who may approve maintenance.
    #[error("the policy names nobody with the key {0} for maintenance")]
    NotAMaintainer(PublicKey),
    /// The validity ends beyond all time.
    #[error("it would never expire")]
    NeverExpires,
}

/// The highest change index that an approver without a journal goes along with.
const MAX_CHANGE_INDEX: u32 = 1_000_000;

/// Reviews a spend to ourselves as a signer will whose budget is not used up: that it may go beyond the
/// budget is what the approval is for.
///
/// # Errors
/// [`MaintainingError::Psbt`], [`MaintainingError::Refused`] or [`MaintainingError::NotASelfSpend`].
pub fn examine(bytes: &[u8], policy: &Policy, now: UnixTime) -> Result<Review, MaintainingError> {
    let psbt = read_strict(bytes)?;
    if !psbt.manifest().payments.is_empty() {
        return Err(MaintainingError::NotASelfSpend);
    }
    let mut within = policy.clone();
    within.limits.self_spend_budget = Some(SelfSpendBudget {
        amount: Amount::MAX_MONEY,
        count: u32::MAX,
        window: 1,
    });
    // An approver has no journal; signers hold change to the reach of theirs.
    let changes = psbt.manifest().changes.values();
    let highest = changes.map(|(_, index)| *index).max().unwrap_or_default();
    // Own scripts are looked up to there: a number in a file must not choose how much work that is.
    let highest = highest.min(MAX_CHANGE_INDEX);
    let history = History::that_changed_up_to(highest);
    let reviewed = review(&psbt, &within, &history, now).map_err(MaintainingError::Refused)?;
    match reviewed.mode {
        SpendMode::SelfSpend => Ok(reviewed),
        SpendMode::Pay | SpendMode::Recovery => Err(MaintainingError::NotASelfSpend),
    }
}

/// Signs that a reviewed spend to ourselves may go beyond the budget.
///
/// # Errors
/// When the key is of nobody whom the policy names for maintenance.
pub fn sign(
    reviewed: &Review,
    policy: &Policy,
    key: &SecretKey,
    expires: UnixTime,
) -> Result<SignedMaintenance, MaintainingError> {
    let public = key.public();
    let counts = policy.maintenance.as_ref().is_some_and(|quorum| {
        !persons_of(policy, quorum.group.as_deref(), &[public.id()]).is_empty()
    });
    if !counts {
        return Err(MaintainingError::NotAMaintainer(public));
    }
    let subject = Subject::from_bytes(transaction_subject(reviewed.txid));
    let approval = Approval::sign(key, Purpose::Maintain, policy.vault, subject, expires);
    Ok(SignedMaintenance {
        purpose: Purpose::Maintain.to_string(),
        txid: reviewed.txid,
        expires,
        key: approval.key,
        signature: approval.signature,
    })
}

impl Explained for MaintainingError {
    fn class(&self) -> Class {
        Class::Refused
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Psbt(refusal) => refusal.code(),
            Self::Refused(refusals) => refusals.first().map_or("REFUSED", Refusal::code),
            Self::NotASelfSpend => "NOT_A_SELF_SPEND",
            Self::NotAMaintainer(_) => "NOT_A_MAINTAINER",
            Self::NeverExpires => "NEVER_EXPIRES",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::Psbt(refusal) => refusal.hint(),
            Self::NotASelfSpend => "withdrawals are approved with `approve`",
            Self::NotAMaintainer(_) => {
                "give --key NAME of a key of the group that the policy names under [maintenance]"
            }
            Self::Refused(refusals) => (refusals.first()).map_or(NO_REASON, Refusal::hint),
            Self::NeverExpires => "give a shorter --expires-in",
        }
        .to_owned()
    }

    fn reasons(&self) -> Vec<Reason> {
        match self {
            Self::Refused(refusals) => refusals.iter().map(Reason::of_refusal).collect(),
            Self::Psbt(_) | Self::NotASelfSpend | Self::NotAMaintainer(_) | Self::NeverExpires => {
                vec![reason(self)]
            }
        }
    }
}
