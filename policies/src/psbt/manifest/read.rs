//! Reading the manifest's records, strictly.

use bitcoin::consensus::{Decodable, Encodable, deserialize, serialize};
use bitcoin::hashes::Hash;
use bitcoin::psbt::Psbt;
use bitcoin::{Transaction, Txid};

use super::{AttemptPurpose, FORMAT, Manifest, ManifestError, PREFIX, RecordKind};
use crate::ids::{IntentHash, KeyId, MerkleRoot, PolicyId, Subject};
use crate::inclusion::InclusionProof;
use crate::intent::{Approval, Intent, MerkleProof, Signature, Statement};
use crate::journal::Receipt;

pub(super) fn read(psbt: &Psbt) -> Result<Manifest, ManifestError> {
    let mut format = None;
    let mut policy = None;
    let mut purpose = None;
    let mut attempt = None;
    // The head is put in once all records are read.
    let mut manifest = Manifest::new(PolicyId::from_bytes([0; 32]), AttemptPurpose::Pay, 0);
    for (key, value) in &psbt.proprietary {
        if key.prefix != PREFIX {
            continue;
        }
        let kind = RecordKind::of_subtype(key.subtype).ok_or(ManifestError::UnknownSubtype {
            subtype: key.subtype,
        })?;
        let record = Record {
            kind,
            key: &key.key,
            value,
        };
        match kind {
            RecordKind::Format => {
                record.no_key()?;
                let found = u32::from_le_bytes(record.value()?);
                if found != FORMAT {
                    return Err(ManifestError::Format { found });
                }
                format = Some(found);
            }
            RecordKind::Policy => {
                record.no_key()?;
                policy = Some(PolicyId::from_bytes(record.value()?));
            }
            RecordKind::Purpose => {
                record.no_key()?;
                let [byte] = record.value()?;
                let read = AttemptPurpose::from_byte(byte);
                purpose = Some(read.ok_or(ManifestError::UnknownPurpose { byte })?);
            }
            RecordKind::Attempt => {
                record.no_key()?;
                attempt = Some(u32::from_le_bytes(record.value()?));
            }
            RecordKind::Intent
            | RecordKind::RequestSignature
            | RecordKind::Approval
            | RecordKind::Proof
            | RecordKind::Payment
            | RecordKind::Change
            | RecordKind::Statement
            | RecordKind::Ancestor
            | RecordKind::Earlier
            | RecordKind::Inclusion
            | RecordKind::Receipt => record.add_to(&mut manifest)?,
        }
    }
    let missing = |kind| ManifestError::Missing { kind };
    format.ok_or(missing(RecordKind::Format))?;
    manifest.policy = policy.ok_or(missing(RecordKind::Policy))?;
    manifest.purpose = purpose.ok_or(missing(RecordKind::Purpose))?;
    manifest.attempt = attempt.ok_or(missing(RecordKind::Attempt))?;
    Ok(manifest)
}

#[derive(Clone, Copy)]
struct Record<'a> {
    kind: RecordKind,
    key: &'a [u8],
    value: &'a [u8],
}

impl Record<'_> {
    /// Adds a record of the body.
    fn add_to(self, manifest: &mut Manifest) -> Result<(), ManifestError> {
        match self.kind {
            RecordKind::Format | RecordKind::Policy | RecordKind::Purpose | RecordKind::Attempt => {
            }
            RecordKind::Intent => {
                let hash = IntentHash::from_bytes(self.key()?);
                self.expect_hash(Intent::hash_bytes(self.value) == hash)?;
                manifest.intents.insert(hash, self.value.to_vec());
            }
            RecordKind::RequestSignature => {
                let (hash, key) = self.two_keys()?;
                let signature =
                    Signature::decode(self.value).map_err(ManifestError::RequestSignature)?;
                let key = (IntentHash::from_bytes(hash), KeyId::from_bytes(key));
                manifest.request_signatures.insert(key, signature);
            }
            RecordKind::Approval => {
                let (subject, key) = self.two_keys()?;
                let (subject, key) = (Subject::from_bytes(subject), KeyId::from_bytes(key));
                let approval = Approval::decode_value(subject, key, self.value)
                    .map_err(ManifestError::Approval)?;
                manifest.approvals.insert((subject, key), approval);
            }
            RecordKind::Proof => {
                let (root, hash) = self.two_keys()?;
                let proof = MerkleProof::decode(self.value).map_err(ManifestError::Proof)?;
                let key = (MerkleRoot::from_bytes(root), IntentHash::from_bytes(hash));
                manifest.proofs.insert(key, proof);
            }
            RecordKind::Payment => {
                let output = u32::from_be_bytes(self.key()?);
                let hash = IntentHash::from_bytes(self.value()?);
                manifest.payments.insert(output, hash);
            }
            RecordKind::Change => {
                let output = u32::from_be_bytes(self.key()?);
                let value: [u8; 36] = self.value()?;
                let (version, index) = value.split_first_chunk().expect("36 bytes hold 32");
                let index = index.try_into().expect("36 − 32 bytes are left");
                let change = (PolicyId::from_bytes(*version), u32::from_le_bytes(index));
                manifest.changes.insert(output, change);
            }
            RecordKind::Statement => {
                let subject = Subject::from_bytes(self.key()?);
                let statement = Statement::decode(self.value).map_err(ManifestError::Statement)?;
                self.expect_hash(statement.subject() == subject)?;
                manifest.statements.insert(subject, statement);
            }
            RecordKind::Ancestor => {
                let (txid, transaction) = self.transaction()?;
                if transaction
                    .input
                    .iter()
                    .any(|txin| !txin.witness.is_empty())
                {
                    return Err(ManifestError::BadValue { kind: self.kind });
                }
                manifest.ancestors.insert(txid, transaction);
            }
            RecordKind::Earlier => {
                let (txid, transaction) = self.transaction()?;
                manifest.earlier.insert(txid, transaction);
            }
            RecordKind::Inclusion => {
                let txid = Txid::from_byte_array(self.key()?);
                let proof = InclusionProof::decode(self.value).map_err(ManifestError::Inclusion)?;
                manifest.inclusions.insert(txid, proof);
            }
            RecordKind::Receipt => {
                let journal: [u8; 32] = self.key()?;
                let receipt = Receipt::decode(self.value).map_err(ManifestError::Receipt)?;
                self.expect_hash(*receipt.body.journal.as_bytes() == journal)?;
                if receipt.encode() != self.value {
                    return Err(ManifestError::BadValue { kind: self.kind });
                }
                manifest.receipts.insert(receipt.body.journal, receipt);
            }
        }
        Ok(())
    }

    fn no_key(self) -> Result<(), ManifestError> {
        self.key::<0>().map(|_| ())
    }

    fn key<const N: usize>(self) -> Result<[u8; N], ManifestError> {
        self.key.try_into().map_err(|_| ManifestError::KeyLength {
            kind: self.kind,
            found: self.key.len(),
            expected: N,
        })
    }

    fn two_keys(self) -> Result<([u8; 32], [u8; 32]), ManifestError> {
        let key: [u8; 64] = self.key()?;
        let (first, second) = key.split_first_chunk().expect("64 bytes hold 32");
        let second = second.try_into().expect("64 − 32 bytes are left");
        Ok((*first, second))
    }

    fn value<const N: usize>(self) -> Result<[u8; N], ManifestError> {
        self.value
            .try_into()
            .map_err(|_| ManifestError::ValueLength {
                kind: self.kind,
                found: self.value.len(),
                expected: N,
            })
    }

    fn expect_hash(self, equal: bool) -> Result<(), ManifestError> {
        if equal {
            Ok(())
        } else {
            Err(ManifestError::WrongHash { kind: self.kind })
        }
    }

    /// A value that must encode to itself.
    fn consensus<T: Decodable + Encodable>(self) -> Result<T, ManifestError> {
        deserialize::<T>(self.value)
            .ok()
            .filter(|value| serialize(value) == self.value)
            .ok_or(ManifestError::BadValue { kind: self.kind })
    }

    /// A transaction under its txid.
    fn transaction(self) -> Result<(Txid, Transaction), ManifestError> {
        let txid = Txid::from_byte_array(self.key()?);
        let transaction: Transaction = self.consensus()?;
        self.expect_hash(transaction.compute_txid() == txid)?;
        Ok((txid, transaction))
    }
}
