//! The manifest's records: written, read, hashed, stripped, and refused when they are not strict.

use std::sync::LazyLock;

use bitcoin::Witness;
use bitcoin::hashes::Hash;
use bitcoin::psbt::Psbt;
use bitcoin::psbt::raw::ProprietaryKey;

use crate::descriptor::ScriptKind;
use crate::ids::JournalHead;
use crate::ids::Subject;
use crate::inclusion::samples::proof;
use crate::intent::Statement;
use crate::journal::ReceiptBody;
use crate::psbt::manifest::{PREFIX, RecordKind};
use crate::psbt::{AttemptPurpose, Manifest, ManifestError};
use crate::review::world::{NOW, World, secret};

/// A PSBT, and a manifest with a record of every kind for it.
static FULL: LazyLock<(Psbt, Manifest)> = LazyLock::new(make_full);

fn full() -> (Psbt, Manifest) {
    FULL.clone()
}

fn make_full() -> (Psbt, Manifest) {
    let world = World::new(ScriptKind::Tr);
    let attempt = world.attempt();
    let mut manifest = attempt.manifest;
    manifest.add_statement(Statement::ListRemove {
        entry: Subject::from_bytes([6; 32]),
    });
    let earlier = world.plan().coins[0].previous.clone();
    let mut ancestor = earlier.clone();
    ancestor.input[0].witness = Witness::new();
    manifest.ancestors.insert(ancestor.compute_txid(), ancestor);
    let txid = earlier.compute_txid();
    manifest.earlier.insert(txid, earlier);
    manifest.inclusions.insert(txid, proof(txid, 2, 5));
    let body = ReceiptBody {
        counter: 7,
        head: JournalHead::from_bytes([4; 32]),
        journal: secret("journal").public(),
        txid: attempt.psbt.unsigned_tx.compute_txid(),
        manifest: [5; 32],
        nonce: None,
        event_head: None,
        now: NOW,
    };
    let receipt = body.sign(&secret("journal"), world.policy.vault);
    manifest.receipts.insert(receipt.body.journal, receipt);
    (attempt.psbt, manifest)
}

fn key(kind: RecordKind, key: &[u8]) -> ProprietaryKey {
    ProprietaryKey {
        prefix: PREFIX.to_vec(),
        subtype: kind.subtype(),
        key: key.to_vec(),
    }
}

/// Reads a full manifest after its records were altered.
fn altered(alter: impl FnOnce(&mut Psbt)) -> Result<Manifest, ManifestError> {
    let (mut psbt, manifest) = full();
    manifest.write_into(&mut psbt);
    alter(&mut psbt);
    Manifest::read(&psbt)
}

#[test]
fn every_kind_of_record_reads_back_as_written() {
    let (mut psbt, manifest) = full();
    manifest.write_into(&mut psbt);
    assert_eq!(Manifest::read(&psbt), Ok(manifest.clone()));
    let kinds: std::collections::BTreeSet<u8> =
        psbt.proprietary.keys().map(|key| key.subtype).collect();
    assert_eq!(kinds.len(), RecordKind::ALL.len());
    // Writing again leaves nothing of the manifest before.
    let other = Manifest::new(manifest.policy, AttemptPurpose::Drain, 9);
    other.write_into(&mut psbt);
    assert_eq!(Manifest::read(&psbt), Ok(other));
    assert_eq!(psbt.proprietary.len(), 4);
}

#[test]
fn stripping_takes_our_records_and_nothing_else() {
    let (mut psbt, manifest) = full();
    let bare = psbt.clone();
    let mut foreign = key(RecordKind::Format, &[]);
    foreign.prefix = b"other".to_vec();
    manifest.write_into(&mut psbt);
    psbt.proprietary.insert(foreign.clone(), vec![1]);
    Manifest::strip(&mut psbt);
    assert_eq!(psbt.proprietary.remove(&foreign), Some(vec![1]));
    assert_eq!(psbt, bare);
}

#[test]
fn the_hash_is_over_every_record_but_receipts() {
    let (mut psbt, mut manifest) = full();
    manifest.write_into(&mut psbt);
    let hash = Manifest::hash(&psbt);
    manifest.receipts.clear();
    manifest.write_into(&mut psbt);
    assert_eq!(Manifest::hash(&psbt), hash);
    // Each other record changes it.
    let records: Vec<_> = psbt.proprietary.keys().cloned().collect();
    for record in records {
        let mut less = psbt.clone();
        less.proprietary.remove(&record);
        assert_ne!(Manifest::hash(&less), hash);
        let mut other = psbt.clone();
        if let Some(value) = other.proprietary.get_mut(&record) {
            value.push(0);
        }
        assert_ne!(Manifest::hash(&other), hash);
    }
}

#[test]
fn the_head_of_a_manifest_is_complete() {
    for kind in [
        RecordKind::Format,
        RecordKind::Policy,
        RecordKind::Purpose,
        RecordKind::Attempt,
    ] {
        let read = altered(|psbt| {
            psbt.proprietary.remove(&key(kind, &[]));
        });
        assert_eq!(read, Err(ManifestError::Missing { kind }));
    }
    let (mut psbt, _) = full();
    Manifest::strip(&mut psbt);
    assert!(Manifest::read(&psbt).is_err());
}

#[test]
fn unknown_subtypes_formats_and_purposes_are_refused() {
    for subtype in (0..=255).filter(|subtype| RecordKind::of_subtype(*subtype).is_none()) {
        let read = altered(|psbt| {
            let mut unknown = key(RecordKind::Format, &[]);
            unknown.subtype = subtype;
            psbt.proprietary.insert(unknown, vec![]);
        });
        assert_eq!(read, Err(ManifestError::UnknownSubtype { subtype }));
    }
    let read = altered(|psbt| {
        psbt.proprietary
            .insert(key(RecordKind::Format, &[]), vec![2, 0, 0, 0]);
    });
    assert_eq!(read, Err(ManifestError::Format { found: 2 }));
    let read = altered(|psbt| {
        psbt.proprietary
            .insert(key(RecordKind::Purpose, &[]), vec![7]);
    });
    assert_eq!(read, Err(ManifestError::UnknownPurpose { byte: 7 }));
}

#[test]
fn every_key_and_every_fixed_value_has_its_one_length() {
    let (mut psbt, manifest) = full();
    manifest.write_into(&mut psbt);
    for (record, value) in psbt.proprietary.clone() {
        for longer in [true, false] {
            let mut wrong = record.clone();
            if longer {
                wrong.key.push(0);
            } else if wrong.key.pop().is_none() {
                continue;
            }
            let read = altered(|psbt| {
                psbt.proprietary.remove(&record);
                psbt.proprietary.insert(wrong, value.clone());
            });
            assert!(matches!(read, Err(ManifestError::KeyLength { .. })));
        }
        let read = altered(|psbt| {
            let value = psbt.proprietary.get_mut(&record).expect("there");
            value.push(0);
        });
        assert!(read.is_err(), "{record:?}");
        let read = altered(|psbt| {
            let value = psbt.proprietary.get_mut(&record).expect("there");
            value.pop();
        });
        assert!(read.is_err(), "{record:?}");
    }
}

#[test]
fn a_key_that_is_not_the_hash_of_its_value_is_refused() {
    for kind in [
        RecordKind::Intent,
        RecordKind::Statement,
        RecordKind::Ancestor,
        RecordKind::Earlier,
        RecordKind::Receipt,
    ] {
        let read = altered(|psbt| {
            let found = psbt
                .proprietary
                .iter()
                .find(|(key, _)| key.subtype == kind.subtype());
            let (old, value) = found
                .map(|(key, value)| (key.clone(), value.clone()))
                .expect("one");
            psbt.proprietary.remove(&old);
            psbt.proprietary.insert(key(kind, &[9; 32]), value);
        });
        assert_eq!(read, Err(ManifestError::WrongHash { kind }));
    }
}

#[test]
fn an_ancestor_carries_no_witness() {
    let read = altered(|psbt| {
        let signed = World::new(ScriptKind::Tr).plan().coins[1].previous.clone();
        let txid = signed.compute_txid();
        psbt.proprietary.insert(
            key(RecordKind::Ancestor, txid.as_byte_array()),
            bitcoin::consensus::serialize(&signed),
        );
    });
    let kind = RecordKind::Ancestor;
    assert_eq!(read, Err(ManifestError::BadValue { kind }));
}

#[test]
fn output_numbers_are_ordered_as_their_bytes_are() {
    let (mut psbt, mut manifest) = full();
    for output in [1, 255, 256, 65_536, u32::MAX] {
        let hash = manifest.payments[&0];
        manifest.payments.insert(output, hash);
    }
    manifest.write_into(&mut psbt);
    let keys: Vec<Vec<u8>> = psbt
        .proprietary
        .keys()
        .map(|key| key.to_key().key)
        .collect();
    assert!(keys.is_sorted());
    assert_eq!(Manifest::read(&psbt), Ok(manifest.clone()));
    let bytes = psbt.serialize();
    assert_eq!(Psbt::deserialize(&bytes).expect("reads"), psbt);
}
