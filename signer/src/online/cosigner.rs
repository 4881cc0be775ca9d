//! One round of the automatic co-signer, and the rounds after one another.
//!
//! Invariant: bytes that were refused are not looked at again before a while is over (a clock that
//! was behind, or a coordinator that was not ready, must not lose an attempt for ever), and a wish to
//! stop is heard between two signatures, never within one.

use super::http::CoordinatorError;
use super::stop::Stop;
use crate::countersign::{CountersignError, Countersigner};
use crate::failure::{Class, Explained, Facts, Reason, reason};
use crate::journal_file::AppendLog;
use crate::listing::entitled;
use bitcoin::Txid;
use bitcoin::hashes::{Hash, sha256};
use policies::journal::SpendMode;
use policies::succession::{SuccessionFile, approved};
use policies::{PolicyId, UnixTime, VaultId};
use serde::Serialize;
use std::collections::HashMap;
use std::time::Duration;

/// The longest pause while the coordinator cannot be reached.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How long bytes that were refused are left alone, in seconds.
const LEFT_ALONE: u64 = 600;

/// What a co-signer needs of a coordinator.
pub trait Attempts {
    /// The issued attempts of a vault that miss a signer's signatures.
    ///
    /// # Errors
    /// When the coordinator does not answer or refuses.
    fn missing(&self, vault: VaultId, signer: &str) -> Result<Vec<Txid>, CoordinatorError>;

    /// The PSBT of an attempt.
    ///
    /// # Errors
    /// When the coordinator does not answer or refuses.
    fn psbt(&self, txid: Txid) -> Result<Vec<u8>, CoordinatorError>;

    /// The statements about open lists that the coordinator keeps, as JSON; nothing where it keeps none.
    ///
    /// # Errors
    /// When the coordinator does not answer or refuses.
    fn statements(&self, vault: VaultId) -> Result<Vec<u8>, CoordinatorError>;

    /// The files of next versions that the coordinator keeps; none where it keeps none.
    ///
    /// # Errors
    /// When the coordinator does not answer or refuses.
    fn successions(&self, vault: VaultId) -> Result<Vec<SuccessionFile>, CoordinatorError>;

    /// The head of the coordinator's event chain.
    ///
    /// # Errors
    /// When the coordinator does not answer or refuses.
    fn event_head(&self) -> Result<Option<[u8; 32]>, CoordinatorError>;

    /// Hands in signatures.
    ///
    /// # Errors
    /// When the coordinator does not answer or refuses.
    fn submit(&self, txid: Txid, signatures: &[u8]) -> Result<(), CoordinatorError>;
}

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
    /// Statements about open lists were seen for the first time.
    Noted {
        /// How many.
        statements: usize,
    },
    /// The next version of the policy was taken in with its quorum; its delay runs.
    Proposed {
        /// The version.
        policy: PolicyId,
    },
    /// A version was followed: rules and people changed, no keys.
    Adopted {
        /// The version.
        policy: PolicyId,
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
            Self::Noted { statements } => {
                write!(formatter, "event=noted statements={statements}")
            }
            Self::Proposed { policy } => write!(formatter, "event=proposed policy={policy}"),
            Self::Adopted { policy } => write!(formatter, "event=adopted policy={policy}"),
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

/// What one round did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pass {
    /// Attempts signed.
    pub signed: usize,
    /// Attempts refused.
    pub refused: usize,
}

/// Why a round ended early.
#[derive(Debug, thiserror::Error)]
pub enum PassError {
    /// The coordinator does not answer; another round may do better.
    #[error(transparent)]
    Coordinator(#[from] CoordinatorError),
    /// The signer itself cannot go on: its journal, its key, its disk.
    #[error(transparent)]
    Signer(CountersignError),
}

/// An automatic co-signer.
pub struct Cosigner<L, A> {
    signer: Countersigner<L>,
    coordinator: A,
    stop: Stop,
    refused: HashMap<[u8; 32], UnixTime>,
    /// The statements that were looked at last.
    heard: Option<[u8; 32]>,
}

impl<L: AppendLog, A: Attempts> Cosigner<L, A> {
    /// A co-signer for a coordinator, until a stop is wished.
    pub fn new(signer: Countersigner<L>, coordinator: A, stop: Stop) -> Self {
        Self {
            signer,
            coordinator,
            stop,
            refused: HashMap::new(),
            heard: None,
        }
    }

    /// The signer.
    pub fn signer(&self) -> &Countersigner<L> {
        &self.signer
    }

    /// Looks once at every attempt that misses this signer.
    ///
    /// # Errors
    /// When the coordinator does not answer, or the signer cannot go on.
    pub fn pass(
        &mut self,
        clock: impl Fn() -> UnixTime,
        mut report: impl FnMut(&Event),
    ) -> Result<Pass, PassError> {
        let vault = self.signer.policy().vault;
        let mut pass = Pass::default();
        let begun = clock();
        self.refused
            .retain(|_, at| begun.secs_since(*at) < LEFT_ALONE);
        self.note(vault, begun, &mut report)?;
        self.succeed(vault, begun, &mut report)?;
        for txid in self.coordinator.missing(vault, self.signer.name())? {
            if self.stop.is_wished() {
                break;
            }
            let bytes = match self.coordinator.psbt(txid) {
                // It is not there any more.
                Err(error) if error.is_final() => continue,
                answer => answer?,
            };
            let hash = sha256::Hash::hash(&bytes).to_byte_array();
            if self.refused.contains_key(&hash) {
                continue;
            }
            match self.countersign(txid, &bytes, clock())? {
                Ok(event) => {
                    pass.signed = pass.signed.saturating_add(1);
                    report(&event);
                }
                Err(reasons) => {
                    pass.refused = pass.refused.saturating_add(1);
                    self.refused.insert(hash, begun);
                    report(&Event::Refused { txid, reasons });
                }
            }
        }
        Ok(pass)
    }

    /// Journals what the coordinator's persons said of open lists since.
    fn note(
        &mut self,
        vault: VaultId,
        clock: UnixTime,
        report: &mut impl FnMut(&Event),
    ) -> Result<(), PassError> {
        let bytes = self.coordinator.statements(vault)?;
        let hash = sha256::Hash::hash(&bytes).to_byte_array();
        if bytes.is_empty() || self.heard == Some(hash) {
            return Ok(());
        }
        let at = self.signer.journal().history().now(clock);
        let Ok(statements) = entitled(&bytes, self.signer.policy(), at) else {
            return Err(CoordinatorError::Foreign { status: 200 }.into());
        };
        let new = self
            .signer
            .note(&statements, clock)
            .map_err(PassError::Signer)?;
        self.heard = Some(hash);
        if new > 0 {
            // What was refused may have waited for these.
            self.refused.clear();
            report(&Event::Noted { statements: new });
        }
        Ok(())
    }

    /// Takes next versions in, and follows the one whose time has come.
    fn succeed(
        &mut self,
        vault: VaultId,
        clock: UnixTime,
        report: &mut impl FnMut(&Event),
    ) -> Result<(), PassError> {
        let at = self.signer.journal().history().now(clock);
        for file in self.coordinator.successions(vault)? {
            let policy = file.version();
            // Before its document is read: whoever has no quorum may not make this signer work.
            let pinned = self.signer.policy();
            let quorum = approved(pinned, policy, file.approvals().values(), at);
            if !quorum.is_some_and(|quorum| quorum.is_met()) {
                continue;
            }
            let held = self.signer.journal().history().versions();
            if held.proposed(policy).is_some() {
                continue;
            }
            match self.signer.hear_version(&file, clock) {
                Ok(_) => report(&Event::Proposed { policy }),
                // What does not follow, or lacks its quorum, is nothing to this signer.
                Err(CountersignError::NotASigner) => {}
                Err(error) if error.class() == Class::Refused => {}
                Err(error) => return Err(PassError::Signer(error)),
            }
        }
        let followed = self.signer.follow_ripe(clock).map_err(PassError::Signer)?;
        if let Some(policy) = followed {
            // What was refused may have waited for this.
            self.refused.clear();
            self.heard = None;
            report(&Event::Adopted { policy });
        }
        Ok(())
    }

    fn countersign(
        &mut self,
        txid: Txid,
        bytes: &[u8],
        clock: UnixTime,
    ) -> Result<Result<Event, Vec<Reason>>, PassError> {
        let examined = match self.signer.examine(bytes, clock) {
            Ok(examined) => examined,
            Err(error) => {
                let noted = self.signer.note_carried(bytes, clock);
                noted.map_err(PassError::Signer)?;
                return refused_or_broken(error);
            }
        };
        let found = examined.review().txid;
        if found != txid {
            let reason = Reason {
                code: "OTHER_TRANSACTION",
                message: format!("the PSBT is of {found}"),
                hint: "tell the operators: the coordinator sent another transaction than it named"
                    .to_owned(),
                facts: Facts::new(),
            };
            return Ok(Err(vec![reason]));
        }
        if examined.review().mode == SpendMode::Recovery {
            let reason = Reason {
                code: "RECOVERY_NOT_AUTOMATIC",
                message: "a recovery is never signed automatically".to_owned(),
                hint: "review it and sign it with `sign --recovery`".to_owned(),
                facts: Facts::new(),
            };
            return Ok(Err(vec![reason]));
        }
        let event_head = self.coordinator.event_head()?;
        self.signer.hear(event_head);
        let signed = match self.signer.sign(examined, clock) {
            Ok(signed) => signed,
            Err(error) => return refused_or_broken(error),
        };
        match self.coordinator.submit(txid, &signed.to_bytes()) {
            Ok(()) => Ok(Ok(Event::Signed {
                txid,
                signatures: signed.signatures,
                counter: signed.receipt.body.counter,
            })),
            Err(error) if error.is_final() => Ok(Err(vec![reason(&error)])),
            Err(error) => Err(error.into()),
        }
    }

    /// Round after round until a stop is wished; an absent coordinator is waited for.
    ///
    /// # Errors
    /// When the signer itself cannot go on.
    pub fn run(
        &mut self,
        poll: Duration,
        clock: impl Fn() -> UnixTime,
        mut report: impl FnMut(&Event),
    ) -> Result<(), CountersignError> {
        let mut pause = poll;
        let mut offline = false;
        while !self.stop.is_wished() {
            match self.pass(&clock, &mut report) {
                Ok(_) => {
                    if std::mem::take(&mut offline) {
                        report(&Event::Online);
                    }
                    pause = poll;
                }
                Err(PassError::Signer(error)) => return Err(error),
                Err(PassError::Coordinator(error)) => {
                    if !std::mem::replace(&mut offline, true) {
                        let reason = reason(&error);
                        report(&Event::Offline { reason });
                    }
                    pause = pause.saturating_mul(2).min(LONGEST_PAUSE.max(poll));
                }
            }
            self.stop.pause(pause);
        }
        Ok(())
    }
}

/// A refusal concerns the bytes; anything else concerns the signer, which then goes no further.
fn refused_or_broken(error: CountersignError) -> Result<Result<Event, Vec<Reason>>, PassError> {
    if error.class() == Class::Refused {
        Ok(Err(error.reasons()))
    } else {
        Err(PassError::Signer(error))
    }
}
