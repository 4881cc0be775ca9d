//! All papers of one vault, each believed as far as its own signature goes.

mod journals;
mod requests;
mod said_of_lists;
mod transfers;

use std::collections::{BTreeMap, BTreeSet};

use bitcoin::{ScriptBuf, Txid};
use policies::document::Policy;
use policies::intent::MerkleProof;
use policies::journal::Export;
use policies::succession::SuccessionFile;
use policies::{
    Approval, Intent, IntentHash, KeyId, Keyset, PolicyId, RequestSignature, RequesterName,
    Statement, Subject, UnixTime, WithdrawalId,
};

use super::{Closed, Line, Mistake, Paper, Remembered};

/// A withdrawal that papers know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requested {
    /// The intent's exact bytes.
    pub bytes: Vec<u8>,
    /// The intent.
    pub intent: Intent,
    /// The requester's signature; none where only journals know of it.
    pub request: Option<RequestSignature>,
    /// How it ended without a payment, where a paper says so.
    pub closed: Option<Closed>,
}

/// An approver's verdict over one intent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The signature over a root.
    pub approval: Approval,
    /// That the intent is under the root.
    pub proof: MerkleProof,
    /// Whose it is.
    pub approver: String,
}

/// A statement about an open list, with the signatures under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SaidOfList {
    /// The statement.
    pub statement: Statement,
    /// The list.
    pub list: String,
    /// The destination.
    pub script_pubkey: ScriptBuf,
    /// The signatures that hold, by key and end, and whose they are.
    pub approvals: BTreeMap<(KeyId, UnixTime), (Approval, String)>,
}

/// A deposit address that a paper knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// The keyset of then.
    pub keyset: Keyset,
    /// The service's own reference.
    pub reference: String,
    /// The service's own facts, a JSON object as text.
    pub metadata: String,
    /// When it was issued.
    pub issued_at: UnixTime,
}

/// What became of a paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It said something new.
    New,
    /// All that it says was known.
    Known,
    /// It is of use only once the coordinator runs.
    ForLater,
}

/// All papers of one vault.
#[derive(Debug)]
pub struct Gathered {
    line: Line,
    /// The next versions that papers hold.
    versions: BTreeSet<PolicyId>,
    /// The withdrawals.
    pub requests: BTreeMap<(RequesterName, WithdrawalId), Requested>,
    /// The verdicts, by intent.
    pub verdicts: BTreeMap<IntentHash, Vec<Verdict>>,
    /// The attempts.
    pub attempts: BTreeMap<Txid, Remembered>,
    /// The journals, by signer and by the journal that a version pins for it: a signer may get a new one under its name.
    pub journals: BTreeMap<(String, KeyId), Export>,
    /// The deposit addresses, by keychain and index.
    pub addresses: BTreeMap<(Keyset, u32), Issued>,
    /// What was said of open lists.
    pub statements: BTreeMap<Subject, SaidOfList>,
}

impl Gathered {
    /// Nothing yet.
    pub const fn new(line: Line) -> Self {
        Self {
            line,
            versions: BTreeSet::new(),
            requests: BTreeMap::new(),
            verdicts: BTreeMap::new(),
            attempts: BTreeMap::new(),
            journals: BTreeMap::new(),
            addresses: BTreeMap::new(),
            statements: BTreeMap::new(),
        }
    }

    /// The policy in force, whose vault it is.
    pub fn policy(&self) -> &Policy {
        self.line.newest()
    }

    /// All its versions.
    pub const fn line(&self) -> &Line {
        &self.line
    }

    /// Whether a paper is about this vault. One that names no vault is, where its key is an approver's.
    pub fn is_for(&self, paper: &Paper) -> bool {
        let vault = self.policy().vault;
        let of_approver = |key| self.line.approver_of_key(key).is_some();
        match paper {
            Paper::Request { intent, .. } => intent.vault == vault,
            Paper::Verdict { approval, .. } => {
                let approver = self.line.approver_of_key(approval.key);
                approver.is_some_and(|(_, key)| approval.verify(key, vault).is_ok())
            }
            Paper::SaidOfList { approvals, .. } => {
                approvals.iter().all(|approval| of_approver(approval.key))
            }
            Paper::Version { policy, .. } => policy.vault == vault,
            Paper::Journal(export) => export.journal.vault() == vault,
            Paper::Transfer { psbt, .. } => self.line.version(psbt.manifest().policy).is_some(),
            Paper::Address { vault: of, .. } => *of == vault,
            Paper::Reply => true,
        }
    }

    /// Takes a paper in.
    ///
    /// # Errors
    /// Why it is not taken; nothing of it is kept then.
    pub fn take(&mut self, paper: Paper) -> Result<Taken, Mistake> {
        match paper {
            Paper::Request {
                bytes,
                intent,
                request,
                closed,
            } => {
                self.verify_request(&intent, &bytes, &request)?;
                let ended = self.take_closed(&intent, &bytes, closed);
                let taken = self.take_request(bytes, *intent, Some((request, closed)))?;
                Ok(if ended { Taken::New } else { taken })
            }
            Paper::Verdict { approval, proofs } => self.take_verdict(&approval, proofs),
            Paper::SaidOfList {
                about,
                statement,
                approvals,
            } => self.take_statement(about, statement, approvals),
            Paper::Version { file, .. } => self.take_version(&file),
            Paper::Journal(export) => self.take_journal(*export),
            Paper::Transfer { bytes, psbt } => self.take_transfer(bytes, &psbt),
            Paper::Reply => Ok(Taken::ForLater),
            Paper::Address {
                vault,
                keyset,
                index,
                address,
                reference,
                metadata,
                issued_at,
            } => {
                if vault != self.policy().vault {
                    return Err(Mistake::OtherVault { found: vault });
                }
                let issued = Issued {
                    keyset,
                    reference,
                    metadata,
                    issued_at,
                };
                self.take_address(index, &address, issued)
            }
        }
    }

    /// What the line was made from is known; a version that stands elsewhere is not passed over in silence.
    fn take_version(&mut self, file: &SuccessionFile) -> Result<Taken, Mistake> {
        let version = file.version();
        let proposed = self.line.proposed();
        let is_proposed = proposed.iter().any(|one| one.version() == version);
        if !is_proposed && self.line.version(version).is_none() {
            return Err(Mistake::OtherLine { version });
        }
        let is_new = self.versions.insert(version);
        Ok(if is_new { Taken::New } else { Taken::Known })
    }

    /// The attempts in the order in which they were signed.
    pub fn in_order(&self) -> Vec<&Remembered> {
        let mut attempts: Vec<&Remembered> = self.attempts.values().collect();
        attempts.sort_by_key(|attempt| (attempt.at(), attempt.record.txid));
        attempts
    }
}
