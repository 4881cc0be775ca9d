//! The manifest: what travels in a PSBT's global proprietary records so that anyone can check it.
//!
//! Nothing in it is believed: each record is signed by a pinned key or recomputed by review. Invariant:
//! a manifest that was read writes the same records again. Follows docs/formats.md F5.

mod read;
mod write;

use std::collections::BTreeMap;

use bitcoin::psbt::Psbt;
use bitcoin::psbt::raw::{Pair, ProprietaryKey};
use bitcoin::{Transaction, Txid, VarInt};

use crate::hash::tagged;
use crate::ids::{IntentHash, KeyId, MerkleRoot, PolicyId, Subject};
use crate::inclusion::{InclusionError, InclusionProof};
use crate::intent::{
    Approval, ApprovalError, MerkleProof, ProofError, PublicKey, RequestSignature, Signature,
    SignatureError, Statement, StatementError,
};
use crate::journal::{Receipt, ReceiptError};

/// The prefix of our proprietary records.
pub const PREFIX: &[u8] = b"countersign";
/// The version of the format.
pub const FORMAT: u32 = 1;

/// What a record is about: its subtype.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordKind {
    /// The format's version.
    Format = 0x00,
    /// The policy version that the attempt follows.
    Policy = 0x01,
    /// What the transaction is for.
    Purpose = 0x02,
    /// The attempt's number, a label.
    Attempt = 0x03,
    /// An intent's bytes.
    Intent = 0x10,
    /// A requester's signature.
    RequestSignature = 0x11,
    /// An approval or rejection.
    Approval = 0x12,
    /// That an intent is under a root.
    Proof = 0x13,
    /// Which intent an output pays.
    Payment = 0x14,
    /// Which index of which version an output returns to.
    Change = 0x15,
    /// A statement that approvals sign.
    Statement = 0x16,
    /// An ancestor of the transaction.
    Ancestor = 0x20,
    /// An earlier attempt, fully signed.
    Earlier = 0x21,
    /// That a transaction is in the chain.
    Inclusion = 0x30,
    /// A journal's receipt.
    Receipt = 0x40,
}

impl RecordKind {
    /// All kinds, in the order of their subtypes.
    pub const ALL: [Self; 15] = [
        Self::Format,
        Self::Policy,
        Self::Purpose,
        Self::Attempt,
        Self::Intent,
        Self::RequestSignature,
        Self::Approval,
        Self::Proof,
        Self::Payment,
        Self::Change,
        Self::Statement,
        Self::Ancestor,
        Self::Earlier,
        Self::Inclusion,
        Self::Receipt,
    ];

    /// Its subtype.
    pub const fn subtype(self) -> u8 {
        self as u8
    }

    /// The kind of a subtype.
    pub fn of_subtype(subtype: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.subtype() == subtype)
    }
}

impl std::fmt::Display for RecordKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Format => "format",
            Self::Policy => "policy version",
            Self::Purpose => "purpose",
            Self::Attempt => "attempt",
            Self::Intent => "intent",
            Self::RequestSignature => "request signature",
            Self::Approval => "approval",
            Self::Proof => "Merkle proof",
            Self::Payment => "payment",
            Self::Change => "change",
            Self::Statement => "statement",
            Self::Ancestor => "ancestor",
            Self::Earlier => "earlier attempt",
            Self::Inclusion => "inclusion proof",
            Self::Receipt => "receipt",
        })
    }
}

/// What an attempt's transaction is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AttemptPurpose {
    /// Pays withdrawals.
    Pay,
    /// Raises the fee of an earlier attempt.
    Bump,
    /// Joins coins.
    Consolidate,
    /// Renews the age of coins.
    Refresh,
    /// Spends an input of an earlier attempt back.
    Cancel,
    /// Moves coins to the newest descriptor.
    Drain,
    /// Spends through a recovery path.
    Recover,
}

impl AttemptPurpose {
    /// All purposes, in the order of their bytes.
    pub const ALL: [Self; 7] = [
        Self::Pay,
        Self::Bump,
        Self::Consolidate,
        Self::Refresh,
        Self::Cancel,
        Self::Drain,
        Self::Recover,
    ];

    /// Its byte.
    pub const fn to_byte(self) -> u8 {
        self as u8
    }

    /// The purpose of a byte.
    pub fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.get(usize::from(byte)).copied()
    }

    /// Its word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pay => "pay",
            Self::Bump => "bump",
            Self::Consolidate => "consolidate",
            Self::Refresh => "refresh",
            Self::Cancel => "cancel",
            Self::Drain => "drain",
            Self::Recover => "recover",
        }
    }
}

impl std::fmt::Display for AttemptPurpose {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// Why records are no manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// A record that every manifest has is missing.
    #[error("no {kind} record")]
    Missing {
        /// Which.
        kind: RecordKind,
    },
    /// A subtype without meaning.
    #[error("subtype 0x{subtype:02x} has no meaning")]
    UnknownSubtype {
        /// The subtype.
        subtype: u8,
    },
    /// Key data of another length.
    #[error("{kind}: key data of {found} bytes, expected {expected}")]
    KeyLength {
        /// Which record.
        kind: RecordKind,
        /// Bytes found.
        found: usize,
        /// Bytes expected.
        expected: usize,
    },
    /// A value of another length.
    #[error("{kind}: a value of {found} bytes, expected {expected}")]
    ValueLength {
        /// Which record.
        kind: RecordKind,
        /// Bytes found.
        found: usize,
        /// Bytes expected.
        expected: usize,
    },
    /// A format of another version.
    #[error("format {found}, only {FORMAT} is known")]
    Format {
        /// The version found.
        found: u32,
    },
    /// A purpose without meaning.
    #[error("purpose byte {byte} has no meaning")]
    UnknownPurpose {
        /// The byte.
        byte: u8,
    },
    /// A key that is not the hash of its value.
    #[error("{kind}: the key is not the hash of the value")]
    WrongHash {
        /// Which record.
        kind: RecordKind,
    },
    /// Bytes that do not encode to themselves.
    #[error("{kind}: the value does not encode to itself")]
    BadValue {
        /// Which record.
        kind: RecordKind,
    },
    /// A signature that cannot be read.
    #[error("request signature: {0}")]
    RequestSignature(SignatureError),
    /// An approval that cannot be read.
    #[error("approval: {0}")]
    Approval(ApprovalError),
    /// A proof that cannot be read.
    #[error("Merkle proof: {0}")]
    Proof(ProofError),
    /// An inclusion proof that cannot be read.
    #[error("inclusion proof: {0}")]
    Inclusion(InclusionError),
    /// A statement that cannot be read.
    #[error("{0}")]
    Statement(StatementError),
    /// A receipt that cannot be read.
    #[error("{0}")]
    Receipt(ReceiptError),
}

/// The manifest of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The policy version that the attempt follows.
    pub policy: PolicyId,
    /// What the transaction is for.
    pub purpose: AttemptPurpose,
    /// The attempt's number: a label, never believed.
    pub attempt: u32,
    /// The bytes of each intent by their hash: paid ones, and the ones that those replace.
    pub intents: BTreeMap<IntentHash, Vec<u8>>,
    /// The requesters' signatures.
    pub request_signatures: BTreeMap<(IntentHash, KeyId), Signature>,
    /// What approvers signed: approvals and rejections of roots, statements, maintenance.
    pub approvals: BTreeMap<(Subject, KeyId), Approval>,
    /// That intents are under roots.
    pub proofs: BTreeMap<(MerkleRoot, IntentHash), MerkleProof>,
    /// The intent that each paying output pays.
    pub payments: BTreeMap<u32, IntentHash>,
    /// The policy version and index that each change output returns to.
    pub changes: BTreeMap<u32, (PolicyId, u32)>,
    /// Statements by the subject that approvals sign.
    pub statements: BTreeMap<Subject, Statement>,
    /// Ancestors of the transaction.
    pub ancestors: BTreeMap<Txid, Transaction>,
    /// Earlier attempts, fully signed.
    pub earlier: BTreeMap<Txid, Transaction>,
    /// That transactions are in the chain, by their txids.
    pub inclusions: BTreeMap<Txid, InclusionProof>,
    /// Receipts by the journal that made them.
    pub receipts: BTreeMap<PublicKey, Receipt>,
}

impl Manifest {
    /// The manifest of an attempt that pays nothing yet.
    pub fn new(policy: PolicyId, purpose: AttemptPurpose, attempt: u32) -> Self {
        Self {
            policy,
            purpose,
            attempt,
            intents: BTreeMap::new(),
            request_signatures: BTreeMap::new(),
            approvals: BTreeMap::new(),
            proofs: BTreeMap::new(),
            payments: BTreeMap::new(),
            changes: BTreeMap::new(),
            statements: BTreeMap::new(),
            ancestors: BTreeMap::new(),
            earlier: BTreeMap::new(),
            inclusions: BTreeMap::new(),
            receipts: BTreeMap::new(),
        }
    }

    /// Adds a requester's signature over an intent.
    pub fn add_request_signature(&mut self, intent: IntentHash, request: &RequestSignature) {
        self.request_signatures
            .insert((intent, request.key), request.signature.clone());
    }

    /// Adds what an approver signed.
    pub fn add_approval(&mut self, approval: Approval) {
        self.approvals
            .insert((approval.subject, approval.key), approval);
    }

    /// Adds a statement; approvals sign its subject.
    pub fn add_statement(&mut self, statement: Statement) {
        self.statements.insert(statement.subject(), statement);
    }

    /// Reads the manifest of a PSBT.
    pub fn read(psbt: &Psbt) -> Result<Self, ManifestError> {
        read::read(psbt)
    }

    /// Writes the manifest into a PSBT in place of the one that is there.
    pub fn write_into(&self, psbt: &mut Psbt) {
        Self::strip(psbt);
        psbt.proprietary.extend(write::records(self));
    }

    /// Takes all of our records out of a PSBT, as devices want it.
    pub fn strip(psbt: &mut Psbt) {
        psbt.proprietary.retain(|key, _| key.prefix != PREFIX);
    }

    /// The hash that receipts name: over all of our records but receipts, in the order of their keys,
    /// as the PSBT has them (length, key, length, value).
    pub fn hash(psbt: &Psbt) -> [u8; 32] {
        let mut bytes = Vec::new();
        for (key, value) in &psbt.proprietary {
            if key.prefix == PREFIX && key.subtype != RecordKind::Receipt.subtype() {
                write_pair(&mut bytes, key, value);
            }
        }
        tagged("manifest", &[&bytes])
    }
}

fn write_pair(bytes: &mut Vec<u8>, key: &ProprietaryKey, value: &[u8]) {
    let Pair { key, value } = Pair {
        key: key.to_key(),
        value: value.to_vec(),
    };
    let key_length = key.key.len().saturating_add(1);
    bytes.extend(bitcoin::consensus::serialize(&VarInt::from(key_length)));
    bytes.push(key.type_value);
    bytes.extend(key.key);
    bytes.extend(bitcoin::consensus::serialize(&VarInt::from(value.len())));
    bytes.extend(value);
}
