//! One round of the automatic co-signer, and the rounds after one another.
//!
//! Invariant: bytes that were refused are not looked at again before a while is over (a clock that
//! was behind, or a coordinator that was not ready, must not lose an attempt for ever), and a wish to
//! stop is heard between two signatures, never within one.

use super::event::Event;
use super::http::CoordinatorError;
use super::inbox::Inbox;
use super::stop::Stop;
use crate::countersign::{CountersignError, Countersigner, Following};
use crate::failure::{Class, Explained, Facts, Reason, reason};
use crate::journal_file::AppendLog;
use crate::listing::{entitled, said};
use crate::succeeding::to_acknowledge;
use crate::voiding::VoidingError;
use bitcoin::Txid;
use bitcoin::hashes::{Hash, sha256};
use policies::journal::SpendMode;
use policies::rules::{Said, may_go};
use policies::succession::{SuccessionFile, approved, approved_once};
use policies::{PolicyId, UnixTime, VaultId};
use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

/// The longest pause while the coordinator cannot be reached.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How long a round may take before it begins anew, in seconds.
const LONGEST_PASS: u64 = 60;

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

    /// The transactions that a signer is wished to void, and did not yet; none where the coordinator wishes none.
    ///
    /// # Errors
    /// When the coordinator does not answer or refuses.
    fn wished_voids(&self, vault: VaultId, signer: &str) -> Result<Vec<Txid>, CoordinatorError>;

    /// Hands in a void.
    ///
    /// # Errors
    /// When the coordinator does not answer or refuses.
    fn submit_void(&self, txid: Txid, void: &[u8]) -> Result<(), CoordinatorError>;

    /// Hands in the acknowledgement of a version; the same again is harmless.
    ///
    /// # Errors
    /// When the coordinator does not answer or refuses.
    fn submit_ack(&self, vault: VaultId, ack: &Said) -> Result<(), CoordinatorError>;

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
        self.said = said(&bytes).unwrap_or_default();
        // What was refused may have waited for these.
        self.refused.clear();
        if new > 0 {
            report(&Event::Noted { statements: new });
        }
        Ok(())
    }

    /// Journals what lies in the inbox; says whether that can be known. The coordinator decides how long its
    /// answers take, so that this is done again before each signature.
    fn look_into_inbox(
        &mut self,
        clock: UnixTime,
        report: &mut impl FnMut(&Event),
    ) -> Result<bool, PassError> {
        let Some(inbox) = &mut self.inbox else {
            return Ok(true);
        };
        let at = self.signer.journal().history().now(clock);
        let found = inbox.look(self.signer.policy(), at);
        for (file, reason) in found.bad {
            report(&Event::Bad { file, reason });
        }
        let noted = self.signer.note(&found.heard, clock);
        let new = noted.map_err(PassError::Signer)?;
        if found.changed {
            self.refused.clear();
        }
        if new > 0 {
            report(&Event::Noted { statements: new });
        }
        Ok(!found.unreadable)
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
            if self.signer.holds_version(policy) {
                continue;
            }
            // Before its document is read: whoever has no quorum may not make this signer work. What a journal that
            // moved holds comes without its file, and its approvals may have ended since.
            let pinned = self.signer.policy();
            let held = self.signer.journal().history().versions();
            let signatures = file.approvals().values();
            let quorum = match held.proposed(policy) {
                None => approved(pinned, policy, signatures, at),
                Some(_) => approved_once(pinned, policy, signatures),
            };
            if !quorum.is_some_and(|quorum| quorum.is_met()) {
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
        match self.signer.follow_ripe(clock).map_err(PassError::Signer)? {
            Following::Nothing => self.waits = None,
            Following::Waits { policy, because } => {
                let waits = Some((policy, because.code()));
                if because.needs_a_human() && self.waits != waits {
                    let reason = reason(because.as_ref());
                    report(&Event::Waits { policy, reason });
                }
                self.waits = waits;
            }
            Following::Adopted(policy) => {
                // What was refused may have waited for this.
                self.refused.clear();
                self.heard = None;
                self.waits = None;
                self.to_acknowledge = Some(policy);
                report(&Event::Adopted { policy });
            }
        }
        Ok(())
    }

    /// Hands in once that the adopted version is followed. Nothing waits for it, and nothing fails by it: what is
    /// not taken is handed in again.
    fn acknowledge(&mut self, vault: VaultId, clock: UnixTime, report: &mut impl FnMut(&Event)) {
        let Some(policy) = self.to_acknowledge else {
            return;
        };
        let key = sha256::Hash::hash(format!("ack {policy}").as_bytes()).to_byte_array();
        if self.refused.contains_key(&key) {
            return;
        }
        let reason = match self.signer.acknowledge() {
            Ok(ack) => match self.coordinator.submit_ack(vault, &ack) {
                Ok(()) => {
                    self.to_acknowledge = None;
                    return report(&Event::Acknowledged { policy });
                }
                Err(error) if error.is_final() => reason(&error),
                // The coordinator is away: the next round tries again.
                Err(_) => return,
            },
            Err(error) => reason(&error),
        };
        self.refused.insert(key, clock);
        report(&Event::Unacknowledged { policy, reason });
    }

    /// Voids what the coordinator wishes, unless it was signed here: before anything is signed in this round.
    fn void_as_wished(
        &mut self,
        vault: VaultId,
        clock: UnixTime,
        report: &mut impl FnMut(&Event),
    ) -> Result<(), PassError> {
        for txid in self.coordinator.wished_voids(vault, self.signer.name())? {
            let key = sha256::Hash::hash(format!("void {txid}").as_bytes()).to_byte_array();
            if self.stop.is_wished() || self.refused.contains_key(&key) {
                continue;
            }
            let handed_in = match self.signer.void_as_wished(txid, clock) {
                Ok(void) => match self.coordinator.submit_void(txid, &void.encode()) {
                    Err(error) if error.is_final() => Err(reason(&error)),
                    answer => answer.map(Ok)?,
                },
                Err(error) if error.class() == Class::Refused => Err(reason(&error)),
                Err(VoidingError::Journal(error)) => {
                    return Err(PassError::Signer(error.into()));
                }
                Err(error @ (VoidingError::Cannot(_) | VoidingError::TooMany)) => {
                    Err(reason(&error))
                }
            };
            match handed_in {
                Ok(()) => report(&Event::Voided { txid }),
                Err(reason) => {
                    self.refused.insert(key, clock);
                    let reasons = vec![reason];
                    report(&Event::Refused { txid, reasons });
                }
            }
        }
        Ok(())
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
