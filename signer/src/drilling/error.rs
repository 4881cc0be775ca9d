//! Why a drill is not made or proves nothing, and what to do then.

use crate::failure::{Class, Explained, Facts, NO_REASON, Reason};
use crate::signing::SigningError;
use bitcoin::Txid;
use policies::PolicyId;
use policies::proof::{Challenge, Day, FullError, IndexTooHigh};
use policies::psbt::{BadSignature, PsbtRefusal};
use policies::words::count;

/// Why a drill is not made, or proves nothing.
#[derive(Debug, thiserror::Error)]
pub enum DrillError {
    /// The newest version has no key of this home.
    #[error("the newest policy version has no key of this home")]
    NoKey,
    /// There is no such address.
    #[error(transparent)]
    Index(#[from] IndexTooHigh),
    /// A drill of a day that is still to come.
    #[error("{day} is still to come: today is {today}")]
    DayAhead {
        /// The day given.
        day: Day,
        /// Today.
        today: Day,
    },
    /// A drill of a day that is long past.
    #[error("{day} is long past: today is {today}")]
    DayPast {
        /// The day given.
        day: Day,
        /// Today.
        today: Day,
    },
    /// The bytes are no drill's file.
    #[error("neither a drill nor a whole proof")]
    NotADrill,
    /// It names a version that is not pinned here, or another vault.
    #[error("a drill under policy {policy}, which is not known here")]
    OtherPolicy {
        /// The version that it names.
        policy: PolicyId,
    },
    /// Its message or address is not what its policy gives.
    #[error("its message or address is not what its policy gives")]
    Altered,
    /// Its signatures are in no PSBT.
    #[error(transparent)]
    Psbt(#[from] PsbtRefusal),
    /// It signs another transaction than that of the drill.
    #[error("it signs transaction {found}; the drill is {expected}")]
    OtherTransaction {
        /// The transaction of the drill.
        expected: Txid,
        /// The transaction signed.
        found: Txid,
    },
    /// No drill with this transaction was handed to a device from here.
    #[error("transaction {txid} is no drill that was handed over from here")]
    NotHanded {
        /// The transaction.
        txid: Txid,
    },
    /// No signature holds whose maker counts.
    #[error("it proves nobody: {} refused", count(.refused.len(), "signature"))]
    ProvesNobody {
        /// Signatures of others that hold.
        others: usize,
        /// What was refused, and why.
        refused: Vec<BadSignature>,
    },
    /// The signature of the whole proof does not hold.
    #[error(transparent)]
    Whole(#[from] FullError),
    /// It is of a day that is still to come.
    #[error("it is of {day}, and today is {today}")]
    FromTheFuture {
        /// The day in it.
        day: Day,
        /// Today.
        today: Day,
    },
    /// It is older than what still counts.
    #[error("it is of {day}, before {since}")]
    TooOld {
        /// The day in it.
        day: Day,
        /// The first day that counts.
        since: Day,
    },
    /// It answers another challenge, or none.
    #[error("it answers {}", match .found { Some(found) => format!("another challenge: {found}"), None => "no challenge".to_owned() })]
    OtherChallenge {
        /// The challenge in it.
        found: Option<Challenge>,
    },
    /// No signature came out, or a wrong one.
    #[error(transparent)]
    Signing(#[from] SigningError),
}

/// What to do about a signature that does not hold.
const SIGN_AGAIN: &str =
    "have the key of the policy sign it again, whole and with sighash ALL or DEFAULT";

impl Explained for DrillError {
    fn class(&self) -> Class {
        match self {
            Self::NoKey | Self::Index(_) | Self::DayAhead { .. } | Self::DayPast { .. } => {
                Class::Usage
            }
            Self::NotADrill
            | Self::OtherPolicy { .. }
            | Self::Altered
            | Self::Psbt(_)
            | Self::OtherTransaction { .. }
            | Self::NotHanded { .. }
            | Self::ProvesNobody { .. }
            | Self::Whole(_)
            | Self::FromTheFuture { .. }
            | Self::TooOld { .. }
            | Self::OtherChallenge { .. } => Class::Refused,
            Self::Signing(_) => Class::Bug,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NoKey => "DRILL_NO_KEY",
            Self::Index(_) => "DRILL_INDEX",
            Self::DayAhead { .. } => "DRILL_DAY_AHEAD",
            Self::DayPast { .. } => "DRILL_DAY_PAST",
            Self::NotADrill => "NOT_A_DRILL",
            Self::OtherPolicy { .. } => "DRILL_OTHER_POLICY",
            Self::Altered => "DRILL_ALTERED",
            Self::Psbt(refusal) => refusal.code(),
            Self::OtherTransaction { .. } => "DRILL_OTHER_TRANSACTION",
            Self::NotHanded { .. } => "DRILL_NOT_HANDED",
            Self::ProvesNobody { .. } => "DRILL_PROVES_NOBODY",
            Self::Whole(error) => error.code(),
            Self::FromTheFuture { .. } => "DRILL_FROM_THE_FUTURE",
            Self::TooOld { .. } => "DRILL_TOO_OLD",
            Self::OtherChallenge { .. } => "DRILL_OTHER_CHALLENGE",
            Self::Signing(_) => "CANNOT_SIGN",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::NoKey => "a home that leaves the vault proves nothing more in it".to_owned(),
            Self::Index(_) => "give a lower --index".to_owned(),
            Self::DayAhead { .. } => {
                "leave --day out; a proof made ahead would prove nothing on its day".to_owned()
            }
            Self::DayPast { .. } => {
                "leave --day out, and have the others drill anew: it joins drills of 30 days".to_owned()
            }
            Self::NotADrill => {
                "name a file that `drill --output` or `drill verify --proof` wrote".to_owned()
            }
            Self::OtherPolicy { .. } => {
                "verify it in a home of its vault, or give its version as --policy FILE".to_owned()
            }
            Self::Altered => "do not believe it: ask its signer for the file itself".to_owned(),
            Self::Psbt(refusal) => refusal.hint().to_owned(),
            Self::OtherTransaction { .. } => {
                "do not believe it: a drill signs its own transaction and no other".to_owned()
            }
            Self::NotHanded { .. } => {
                "hand a drill over with `drill --hand-to`; transfers are answered with `sign --answer`"
                    .to_owned()
            }
            Self::ProvesNobody { refused, .. } if refused.is_empty() => {
                "have the device sign it, then give what it wrote".to_owned()
            }
            Self::ProvesNobody { .. } => SIGN_AGAIN.to_owned(),
            Self::Whole(_) => "make it anew with `drill verify FILE… --proof`".to_owned(),
            Self::FromTheFuture { .. } => {
                "ask what the signer's clock shows; if this one is wrong, give --today".to_owned()
            }
            Self::TooOld { .. } => "ask for a new drill".to_owned(),
            Self::OtherChallenge { .. } => {
                "ask for a drill with this --challenge: an old one can be shown again".to_owned()
            }
            Self::Signing(SigningError::Fault { .. }) => {
                "nothing was signed; do not use this machine before its memory was tested".to_owned()
            }
            Self::Signing(
                SigningError::InputCount { .. }
                | SigningError::NoOwnKey { .. }
                | SigningError::UnsupportedScript { .. }
                | SigningError::Derivation { .. },
            ) => NO_REASON.to_owned(),
        }
    }

    fn reasons(&self) -> Vec<Reason> {
        if let Self::ProvesNobody { refused, .. } = self
            && !refused.is_empty()
        {
            return refused.iter().map(of_signature).collect();
        }
        vec![crate::failure::reason(self)]
    }
}

fn of_signature(bad: &BadSignature) -> Reason {
    Reason {
        code: bad.reason.code(),
        message: bad.to_string(),
        hint: SIGN_AGAIN.to_owned(),
        facts: Facts::new(),
    }
}
