//! What a round hears before it signs: statements, the inbox, next versions, wishes for voids.
//!
//! Invariant: what is heard can only hold a signature back until a human looks; it makes none by itself.

use super::super::event::Event;
use super::super::http::CoordinatorError;
use super::{Attempts, Cosigner, PassError};
use crate::countersign::{CountersignError, Following};
use crate::failure::{Class, Explained, reason};
use crate::journal_file::AppendLog;
use crate::listing::{entitled, said};
use crate::voiding::VoidingError;
use bitcoin::hashes::{Hash, sha256};
use policies::succession::{approved, approved_once};
use policies::{UnixTime, VaultId};

impl<L: AppendLog, A: Attempts> Cosigner<L, A> {
    /// Journals what the coordinator's persons said of open lists since.
    pub(super) fn note(
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
    pub(super) fn look_into_inbox(
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
    pub(super) fn succeed(
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
    pub(super) fn acknowledge(
        &mut self,
        vault: VaultId,
        clock: UnixTime,
        report: &mut impl FnMut(&Event),
    ) {
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
    pub(super) fn void_as_wished(
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
}
