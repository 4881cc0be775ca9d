//! One round of the automatic co-signer, and the rounds after one another.
//!
//! Invariant: bytes that were refused are not looked at again before a while is over (a clock that
//! was behind, or a coordinator that was not ready, must not lose an attempt for ever), and a wish to
//! stop is heard between two signatures, never within one.

mod attempts;
mod hearing;

use super::event::Event;
use super::http::CoordinatorError;
use super::inbox::Inbox;
use super::stop::Stop;
use crate::countersign::{CountersignError, Countersigner};
use crate::failure::{Class, Explained, Facts, Reason, reason};
use crate::journal_file::AppendLog;
use crate::succeeding::to_acknowledge;
use bitcoin::Txid;
use bitcoin::hashes::{Hash, sha256};
use policies::journal::SpendMode;
use policies::rules::{Said, may_go};
use policies::{PolicyId, UnixTime};
use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

pub use attempts::Attempts;

/// The longest pause while the coordinator cannot be reached.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How long a round may take before it begins anew, in seconds.
const LONGEST_PASS: u64 = 60;

/// How long bytes that were refused are left alone, in seconds.
const LEFT_ALONE: u64 = 600;

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
    /// For what the next version was said to wait.
    waits: Option<(PolicyId, &'static str)>,
    /// What the coordinator carries of goes; they count for a while only.
    said: Vec<Said>,
    inbox: Option<Inbox>,
    /// The version whose acknowledgement the coordinator is still to take: at the start, and after each adoption.
    to_acknowledge: Option<PolicyId>,
}

impl<L: AppendLog, A: Attempts> Cosigner<L, A> {
    /// A co-signer for a coordinator, until a stop is wished.
    pub fn new(signer: Countersigner<L>, coordinator: A, stop: Stop) -> Self {
        let to_acknowledge = to_acknowledge(signer.journal().history(), signer.policy());
        Self {
            signer,
            coordinator,
            stop,
            refused: HashMap::new(),
            heard: None,
            waits: None,
            said: Vec::new(),
            inbox: None,
            to_acknowledge,
        }
    }

    /// The same with a folder from which statements are taken besides: what a coordinator withholds gets here.
    #[must_use]
    pub fn with_inbox(self, folder: PathBuf) -> Self {
        let inbox = Some(Inbox::of(folder));
        Self { inbox, ..self }
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
        if !self.look_into_inbox(begun, &mut report)? {
            return Ok(pass);
        }
        self.note(vault, begun, &mut report)?;
        self.succeed(vault, begun, &mut report)?;
        self.acknowledge(vault, begun, &mut report);
        self.void_as_wished(vault, begun, &mut report)?;
        for txid in self.coordinator.missing(vault, self.signer.name())? {
            let now = clock();
            if self.stop.is_wished() || now.secs_since(begun) >= LONGEST_PASS {
                break;
            }
            if self.signer.journal().history().voided(&txid).is_some() {
                continue;
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
            match self.countersign(txid, &bytes, &clock, &mut report)? {
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

    /// Why nothing is signed automatically now: the policy asks for a go, and there is none that counts.
    fn may_go(&self, clock: UnixTime) -> Result<(), Reason> {
        let history = self.signer.journal().history();
        let mut said = self.said.clone();
        if let Some(inbox) = &self.inbox {
            said.extend_from_slice(inbox.said());
        }
        let policy = self.signer.policy();
        may_go(policy, &said, history, history.now(clock)).map_err(|refusal| Reason {
            code: refusal.code(),
            message: refusal.to_string(),
            hint: refusal.hint().to_owned(),
            facts: Facts::new(),
        })
    }

    fn countersign(
        &mut self,
        txid: Txid,
        bytes: &[u8],
        time: &impl Fn() -> UnixTime,
        report: &mut impl FnMut(&Event),
    ) -> Result<Result<Event, Vec<Reason>>, PassError> {
        let clock = time();
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
        // Nothing is asked of the coordinator from here until the signature is made.
        let clock = time();
        if !self.look_into_inbox(clock, report)? {
            return Ok(Err(vec![unread()]));
        }
        if let Err(reason) = self.may_go(clock) {
            return Ok(Err(vec![reason]));
        }
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

/// Why nothing is signed while a stop may lie where it cannot be read.
fn unread() -> Reason {
    Reason {
        code: "UNREADABLE",
        message: "the inbox cannot be read, and may hold a stop".to_owned(),
        hint: "make the inbox and its files readable for this user".to_owned(),
        facts: Facts::new(),
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
