//! All papers of one vault, each believed as far as its own signature goes.

use std::collections::{BTreeMap, BTreeSet};

use bitcoin::{Address, ScriptBuf, Txid};
use policies::analysis::Analysis;
use policies::document::Policy;
use policies::hash::Purpose;
use policies::intent::MerkleProof;
use policies::journal::{Entry, Export, accept_export_of};
use policies::psbt::StrictPsbt;
use policies::succession::SuccessionFile;
use policies::{
    Approval, Intent, IntentHash, KeyId, Keychain, Keyset, PolicyId, RequestSignature,
    RequesterName, Statement, Subject, UnixTime, WithdrawalId,
};

use super::{Closed, Line, Mistake, Paper, Remembered};
use crate::exclusion::Earlier;

/// Indexes of change beyond the highest known that are watched.
const CHANGE_GAP: u32 = 100;
/// How far one source alone is believed beyond what is known otherwise.
const BELIEVED: u32 = 1_000;

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

    fn verify_request(
        &self,
        intent: &Intent,
        bytes: &[u8],
        request: &RequestSignature,
    ) -> Result<(), Mistake> {
        self.expect_ours(intent)?;
        let unknown = || Mistake::RequestKey {
            key: request.key,
            requester: intent.requester.clone(),
        };
        let (owner, public) = (self.line)
            .requester_of_key(request.key)
            .ok_or_else(unknown)?;
        if owner.name != intent.requester.as_str() {
            return Err(unknown());
        }
        request
            .verify(public, self.policy().vault, Intent::hash_bytes(bytes))
            .map_err(Mistake::Signature)
    }

    fn expect_ours(&self, intent: &Intent) -> Result<(), Mistake> {
        if intent.vault != self.policy().vault {
            let found = intent.vault;
            return Err(Mistake::OtherVault { found });
        }
        if self.line.of_keyset(intent.keyset).is_none() {
            return Err(Mistake::OtherKeyset);
        }
        Ok(())
    }

    fn take_request(
        &mut self,
        bytes: Vec<u8>,
        intent: Intent,
        request: Option<(RequestSignature, Option<Closed>)>,
    ) -> Result<Taken, Mistake> {
        let (request, closed) = request.unzip();
        let name = (intent.requester.clone(), intent.id.clone());
        match self.requests.get_mut(&name) {
            None => {
                let requested = Requested {
                    bytes,
                    intent,
                    request,
                    closed: closed.flatten(),
                };
                self.requests.insert(name, requested);
                Ok(Taken::New)
            }
            Some(known) if known.bytes != bytes => {
                let (requester, id) = name;
                Err(Mistake::TwoBodies { requester, id })
            }
            Some(known) => match (&known.request, request) {
                (_, None) => Ok(Taken::Known),
                (None, Some(request)) => {
                    known.request = Some(request);
                    Ok(Taken::New)
                }
                // Two keys of one requester: the same one is kept whichever came first.
                (Some(first), Some(second)) => {
                    let order = |one: &RequestSignature| (one.key, one.signature.encode());
                    if order(&second) < order(first) {
                        known.request = Some(second);
                    }
                    Ok(Taken::Known)
                }
            },
        }
    }

    /// Keeps how a known withdrawal ended; says whether that is new. Papers are of different times: what ended it
    /// stays, whatever others say.
    fn take_closed(&mut self, intent: &Intent, bytes: &[u8], closed: Option<Closed>) -> bool {
        let name = (intent.requester.clone(), intent.id.clone());
        let known = self.requests.get_mut(&name);
        let known = known.filter(|known| known.bytes == bytes && closed > known.closed);
        match known {
            Some(known) => {
                known.closed = closed;
                true
            }
            None => false,
        }
    }

    fn take_verdict(
        &mut self,
        approval: &Approval,
        proofs: Vec<(IntentHash, MerkleProof)>,
    ) -> Result<Taken, Mistake> {
        let key = approval.key;
        let (approver, public) = (self.line)
            .approver_of_key(key)
            .ok_or(Mistake::ApprovalKey { key })?;
        approval
            .verify(public, self.policy().vault)
            .map_err(Mistake::Signature)?;
        for (intent, proof) in &proofs {
            let intent = *intent;
            proof
                .verify(intent.as_bytes(), approval.subject.to_root())
                .map_err(|reason| Mistake::Proof { intent, reason })?;
        }
        let mut taken = Taken::Known;
        for (intent, proof) in proofs {
            let verdict = Verdict {
                approval: approval.clone(),
                proof,
                approver: approver.name.clone(),
            };
            let known = self.verdicts.entry(intent).or_default();
            if !known.contains(&verdict) {
                known.push(verdict);
                let order = |one: &Verdict| {
                    let Approval {
                        expires,
                        key,
                        subject,
                        ..
                    } = one.approval;
                    (expires, key, subject)
                };
                known.sort_by_key(order);
                taken = Taken::New;
            }
        }
        Ok(taken)
    }

    fn take_statement(
        &mut self,
        about: Option<Statement>,
        statement: Statement,
        approvals: Vec<Approval>,
    ) -> Result<Taken, Mistake> {
        let Statement::ListAdd(add) = about.unwrap_or_else(|| statement.clone()) else {
            return Err(Mistake::NoSuchList);
        };
        let mut lists = self
            .line
            .versions()
            .filter_map(|version| version.list(&add.list));
        let is_open = lists.any(|list| list.open.is_some());
        let entry = Statement::ListAdd(add.clone()).subject();
        let of_it = match &statement {
            Statement::ListAdd(_) => true,
            Statement::ListRemove { entry: of } | Statement::ListConfirm { entry: of } => {
                *of == entry
            }
            // What stops a vault is in the journals, and handed in again to a coordinator that runs.
            Statement::Stop(_)
            | Statement::Release { .. }
            | Statement::Go(_)
            | Statement::Ack { .. } => false,
        };
        if !is_open || !of_it {
            return Err(Mistake::NoSuchList);
        }
        let mut held = Vec::new();
        for approval in approvals {
            let key = approval.key;
            let (approver, public) = (self.line)
                .approver_of_key(key)
                .ok_or(Mistake::ApprovalKey { key })?;
            approval
                .verify(public, self.policy().vault)
                .map_err(Mistake::Signature)?;
            held.push((approval, approver.name.clone()));
        }
        let subject = statement.subject();
        let mut taken = Taken::Known;
        let said = self.statements.entry(subject).or_insert_with(|| {
            taken = Taken::New;
            SaidOfList {
                statement,
                list: add.list,
                script_pubkey: add.script_pubkey,
                approvals: BTreeMap::new(),
            }
        });
        for (approval, approver) in held {
            let place = (approval.key, approval.expires);
            if said.approvals.insert(place, (approval, approver)).is_none() {
                taken = Taken::New;
            }
        }
        Ok(taken)
    }

    fn take_journal(&mut self, export: Export) -> Result<Taken, Mistake> {
        let found = export.journal.vault();
        if found != self.policy().vault {
            return Err(Mistake::OtherVault { found });
        }
        let newest = export.journal.history().versions().newest();
        if let Some(newest) = newest.filter(|newest| self.line.version(*newest).is_none()) {
            let journal = export.journal.key();
            return Err(Mistake::OtherVersion { journal, newest });
        }
        let signer = accept_export_of(self.line.versions(), &export).map_err(Mistake::Journal)?;
        let holder = (signer.name.clone(), signer.journal.id());
        let signer = signer.name.clone();
        if let Some(known) = self.journals.get(&holder) {
            let (longer, shorter) = if export.entries.len() > known.entries.len() {
                (&export, known)
            } else {
                (known, &export)
            };
            if !longer.entries.starts_with(&shorter.entries) {
                return Err(Mistake::Forked { signer });
            }
            if std::ptr::eq(longer, known) {
                return Ok(Taken::Known);
            }
        }
        let mut attempts = self.attempts.clone();
        let mut intents = Vec::new();
        for (_, _, entry) in &export.entries {
            let Entry::Signed(signed) = entry else {
                continue;
            };
            intents.extend(signed.intents.iter().cloned());
            let new = Remembered::by_journal(signed.clone(), &signer);
            put(&mut attempts, new)?;
        }
        self.take_known_intents(intents)?;
        self.attempts = attempts;
        self.journals.insert(holder, export);
        Ok(Taken::New)
    }

    /// Takes in intents whose requests are not at hand; all of them or none.
    fn take_known_intents(&mut self, intents: Vec<Intent>) -> Result<(), Mistake> {
        for intent in &intents {
            self.expect_ours(intent)?;
            let name = (intent.requester.clone(), intent.id.clone());
            if (self.requests.get(&name)).is_some_and(|known| known.bytes != intent.encode()) {
                let (requester, id) = name;
                return Err(Mistake::TwoBodies { requester, id });
            }
        }
        for intent in intents {
            self.take_request(intent.encode(), intent, None)?;
        }
        Ok(())
    }

    fn take_transfer(&mut self, bytes: Vec<u8>, psbt: &StrictPsbt) -> Result<Taken, Mistake> {
        let manifest = psbt.manifest();
        let earlier = Earlier::read(&bytes, UnixTime::ZERO, bitcoin::Weight::ZERO)
            .map_err(Mistake::Transfer)?;
        let mut record = earlier.record;
        let created = record.intents.iter().map(|intent| intent.created).max();
        record.at = created.unwrap_or(self.policy().head.time);
        for intent in record.intents.iter().chain(&record.replaced) {
            self.expect_ours(intent)?;
        }
        // Nobody signed which version it names, and whose voids count depends on it.
        let version = self
            .line
            .version(manifest.policy)
            .ok_or(Mistake::OtherKeyset)?;
        let mut paid = record.intents.iter();
        if paid.any(|intent| intent.keyset != version.keyset) {
            return Err(Mistake::OtherKeyset);
        }
        for ((hash, key), signature) in &manifest.request_signatures {
            let Some(bytes) = manifest.intents.get(hash) else {
                continue;
            };
            let request = RequestSignature {
                key: *key,
                signature: signature.clone(),
            };
            let intents = record.intents.iter().chain(&record.replaced);
            if let Some(intent) = intents.into_iter().find(|intent| intent.hash() == *hash) {
                self.verify_request(intent, bytes, &request)?;
            }
        }
        let mut taken = Taken::Known;
        let new = Remembered::by_transfer(record, (manifest.purpose, manifest.policy), bytes);
        let mut attempts = self.attempts.clone();
        let before = attempts.get(&new.record.txid).cloned();
        let intents = new.record.intents.clone();
        let txid = new.record.txid;
        put(&mut attempts, new)?;
        if attempts.get(&txid) != before.as_ref() {
            taken = Taken::New;
        }
        for intent in intents {
            let signatures = manifest.request_signatures.iter();
            let of_it = signatures.filter(|((hash, _), _)| *hash == intent.hash());
            for ((_, key), signature) in of_it {
                let request = RequestSignature {
                    key: *key,
                    signature: signature.clone(),
                };
                let request = Some((request, None));
                if self.take_request(intent.encode(), intent.clone(), request)? == Taken::New {
                    taken = Taken::New;
                }
            }
        }
        self.attempts = attempts;
        for ((root, intent), proof) in &manifest.proofs {
            let over = manifest.approvals.values();
            for approval in over.filter(|approval| {
                approval.subject.to_root() == *root && approval.purpose == Purpose::Approve
            }) {
                let proofs = vec![(*intent, proof.clone())];
                if self.take_verdict(approval, proofs)? == Taken::New {
                    taken = Taken::New;
                }
            }
        }
        Ok(taken)
    }

    fn take_address(
        &mut self,
        index: u32,
        address: &str,
        issued: Issued,
    ) -> Result<Taken, Mistake> {
        let version = self.line.of_keyset(issued.keyset);
        let version = version.ok_or(Mistake::OtherKeyset)?;
        let script = version.descriptor.script_pubkey(Keychain::External, index);
        let derived = Address::from_script(&script, version.network);
        if derived.map(|derived| derived.to_string()).ok().as_deref() != Some(address) {
            return Err(Mistake::Address { index });
        }
        let keychain = self.line.keychain_of(issued.keyset);
        let place = (keychain.unwrap_or(issued.keyset), index);
        match self.addresses.get(&place) {
            None => {
                self.addresses.insert(place, issued);
                Ok(Taken::New)
            }
            Some(known) if known.reference == issued.reference => Ok(Taken::Known),
            Some(_) => Err(Mistake::TwoReferences { index }),
        }
    }

    /// Up to which index of change scripts are watched, with the highest that the chain pays. One source alone, a
    /// journal or the transfers, is not believed further than a thousand beyond what the chain or another one
    /// knows: as far as signers accept change beyond what they know themselves.
    pub fn change_to_watch(&self, paid: Option<u32>) -> u32 {
        let mut highest: Vec<u32> = (self.journals.values())
            .filter_map(|export| {
                let signed = export
                    .entries
                    .iter()
                    .filter_map(|(_, _, entry)| match entry {
                        Entry::Signed(signed) => signed.change_indexes.iter().max(),
                        Entry::Birth(_)
                        | Entry::Again(_)
                        | Entry::Seen(_)
                        | Entry::Voided(_)
                        | Entry::Proposed(_)
                        | Entry::Adopted(_)
                        | Entry::Moved(_)
                        | Entry::Inherited(_) => None,
                    });
                signed.max().copied()
            })
            .collect();
        let transfers = self.attempts.values().filter(|one| one.psbt.is_some());
        let transfers = transfers.flat_map(|one| one.record.change_indexes.iter().copied());
        highest.extend(transfers.max());
        highest.sort_unstable_by(|one, other| other.cmp(one));
        let proven = highest.get(1).copied().max(paid).unwrap_or_default();
        let claimed = highest.first().copied().unwrap_or_default();
        let most = proven.saturating_add(BELIEVED);
        let claimed = claimed.saturating_add(CHANGE_GAP).min(most);
        proven.saturating_add(CHANGE_GAP).max(claimed)
    }

    /// Whether the journal is here that a version pins for a signer.
    fn has_journal_of(&self, version: &Policy, signer: &str) -> bool {
        let pinned = version.signer(signer).map(|signer| signer.journal.id());
        pinned.is_some_and(|pinned| self.journals.contains_key(&(signer.to_owned(), pinned)))
    }

    /// The signers of ordinary paths whose journals are not here, also those who were replaced since.
    pub fn without_journal(&self) -> BTreeSet<String> {
        let mut without = BTreeSet::new();
        for version in self.line.keysets() {
            let analysis = Analysis::of(version);
            let keys = analysis.ordinary().flat_map(|path| path.keys.iter());
            without.extend(
                keys.filter(|key| !self.has_journal_of(version, key))
                    .cloned(),
            );
        }
        without
    }

    /// The signers who could have signed a payment among themselves, now or before they were replaced, without any
    /// journal that is here knowing of it; none where each payment has a signer whose journal is here.
    pub fn unseen_quorum(&self) -> Option<Vec<String>> {
        self.line.keysets().into_iter().find_map(|version| {
            let unseen =
                |keys: &Vec<String>| keys.iter().all(|key| !self.has_journal_of(version, key));
            let analysis = Analysis::of(version);
            let mut ordinary = analysis.ordinary().map(|path| &path.keys);
            ordinary.find(|keys| unseen(keys)).cloned()
        })
    }

    /// The attempts in the order in which they were signed.
    pub fn in_order(&self) -> Vec<&Remembered> {
        let mut attempts: Vec<&Remembered> = self.attempts.values().collect();
        attempts.sort_by_key(|attempt| (attempt.at(), attempt.record.txid));
        attempts
    }
}

fn put(attempts: &mut BTreeMap<Txid, Remembered>, new: Remembered) -> Result<(), Mistake> {
    let txid = new.record.txid;
    let merged = match attempts.get(&txid).cloned() {
        None => new,
        Some(known) => known.with(new)?,
    };
    attempts.insert(txid, merged);
    Ok(())
}
