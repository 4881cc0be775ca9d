//! What a co-signer tells of its rounds: a line each, or JSON.

use crate::failure::Reason;
use bitcoin::Txid;
use policies::PolicyId;
use serde::Serialize;

/// Something worth a line in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum Event {
    /// An attempt was signed and the coordinator took the signatures.
    Signed {
        /// The transaction.
        txid: Txid,
        /// How many signatures.
        signatures: usize,
        /// The journal's counter in the receipt.
        counter: u64,
    },
    /// A transaction was voided as the coordinator wishes, and the coordinator has the promise.
    Voided {
        /// The transaction.
        txid: Txid,
    },
    /// Statements about open lists were seen for the first time.
    Noted {
        /// How many.
        statements: usize,
    },
    /// A file in the inbox holds nothing that can be read; it is left alone until it changes.
    Bad {
        /// Its name.
        file: String,
        /// What is wrong.
        reason: Reason,
    },
    /// The next version of the policy was taken in with its quorum; its delay runs.
    Proposed {
        /// The version.
        policy: PolicyId,
    },
    /// A version that was taken in is not followed before a human does something. Said once, and again when that
    /// changes.
    Waits {
        /// The version.
        policy: PolicyId,
        /// For what.
        reason: Reason,
    },
    /// A version was followed: rules and people changed, no keys.
    Adopted {
        /// The version.
        policy: PolicyId,
    },
    /// The coordinator took the word of this journal that it follows a version.
    Acknowledged {
        /// The version.
        policy: PolicyId,
    },
    /// The coordinator did not want that word; it is handed in again later.
    Unacknowledged {
        /// The version.
        policy: PolicyId,
        /// Why.
        reason: Reason,
    },
    /// An attempt was not signed, or the coordinator did not want the signatures.
    Refused {
        /// The transaction that the coordinator named.
        txid: Txid,
        /// Every reason.
        reasons: Vec<Reason>,
    },
    /// The coordinator cannot be asked; the co-signer goes on trying.
    Offline {
        /// Why.
        reason: Reason,
    },
    /// The coordinator answers again.
    Online,
}

impl std::fmt::Display for Event {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Signed {
                txid,
                signatures,
                counter,
            } => write!(
                formatter,
                "event=signed txid={txid} signatures={signatures} counter={counter}"
            ),
            Self::Voided { txid } => write!(formatter, "event=voided txid={txid}"),
            Self::Noted { statements } => {
                write!(formatter, "event=noted statements={statements}")
            }
            Self::Bad { file, reason } => write!(
                formatter,
                "event=bad file={file:?} code={} reason={:?}",
                reason.code, reason.message
            ),
            Self::Proposed { policy } => write!(formatter, "event=proposed policy={policy}"),
            Self::Waits { policy, reason } => write!(
                formatter,
                "event=waits policy={policy} code={} reason={:?}",
                reason.code, reason.message
            ),
            Self::Adopted { policy } => write!(formatter, "event=adopted policy={policy}"),
            Self::Acknowledged { policy } => {
                write!(formatter, "event=acknowledged policy={policy}")
            }
            Self::Unacknowledged { policy, reason } => write!(
                formatter,
                "event=unacknowledged policy={policy} code={} reason={:?}",
                reason.code, reason.message
            ),
            Self::Refused { txid, reasons } => {
                for (number, reason) in reasons.iter().enumerate() {
                    if number > 0 {
                        writeln!(formatter)?;
                    }
                    write!(
                        formatter,
                        "event=refused txid={txid} code={} reason={:?}",
                        reason.code, reason.message
                    )?;
                }
                Ok(())
            }
            Self::Offline { reason } => write!(
                formatter,
                "event=offline code={} reason={:?}",
                reason.code, reason.message
            ),
            Self::Online => write!(formatter, "event=online"),
        }
    }
}
