//! F5: the manifest in a PSBT's global proprietary records.

use std::collections::BTreeSet;

use bitcoin::psbt::Psbt;
use bitcoin::psbt::raw::{Key, ProprietaryKey};
use policies::hash::Purpose;
use policies::psbt::{AttemptPurpose, Manifest};
use policies::{IntentHash, PolicyId};
use serde::Deserialize;

use crate::golden::{Hex, read, refused};

#[derive(Deserialize)]
struct File {
    records: Vec<Record>,
    psbt: Hex,
    stripped: Hex,
    hash: Hex,
    policy: PolicyId,
    attempt: u32,
    payments: Vec<Payment>,
    changes: Vec<Change>,
    refused: Vec<Refused>,
}

#[derive(Deserialize)]
struct Record {
    key: Hex,
    value: Hex,
}

#[derive(Deserialize)]
struct Payment {
    output: u32,
    intent: IntentHash,
}

#[derive(Deserialize)]
struct Change {
    output: u32,
    version: PolicyId,
    index: u32,
}

#[derive(Deserialize)]
struct Refused {
    why: String,
    remove: Vec<Hex>,
    insert: Vec<Record>,
}

/// The key of a proprietary record, from its raw bytes.
fn key(raw: &Hex) -> ProprietaryKey {
    let (type_value, key) = raw.0.split_first().expect("a key has a type");
    let raw = Key {
        type_value: *type_value,
        key: key.to_vec(),
    };
    ProprietaryKey::try_from(raw).expect("a proprietary key")
}

fn psbt(bytes: &Hex) -> Psbt {
    Psbt::deserialize(&bytes.0).expect("a PSBT")
}

#[test]
fn manifests_are_read_as_the_golden_file_says() {
    let file: File = read("manifest.json");
    let manifest = Manifest::read(&psbt(&file.psbt)).expect("a manifest");
    assert_eq!(manifest.policy, file.policy);
    assert_eq!(manifest.purpose, AttemptPurpose::Pay);
    assert_eq!(manifest.attempt, file.attempt);
    let payments: Vec<_> = file
        .payments
        .iter()
        .map(|payment| (payment.output, payment.intent))
        .collect();
    assert!(manifest.payments.into_iter().eq(payments));
    let changes: Vec<_> = file
        .changes
        .iter()
        .map(|change| (change.output, (change.version, change.index)))
        .collect();
    assert!(manifest.changes.into_iter().eq(changes));
    assert_eq!(manifest.intents.len(), 2);
    assert_eq!(manifest.request_signatures.len(), 2);
    assert_eq!(manifest.approvals.len(), 5);
    let purposes: BTreeSet<Purpose> = (manifest.approvals.values())
        .map(|approval| approval.purpose)
        .collect();
    let signed = [
        Purpose::Approve,
        Purpose::ListAdd,
        Purpose::ListRemove,
        Purpose::ListConfirm,
        Purpose::Maintain,
    ];
    assert_eq!(purposes, BTreeSet::from(signed));
    assert_eq!(manifest.proofs.len(), 2);
    for ((root, intent), proof) in &manifest.proofs {
        assert_eq!(proof.verify(intent.as_bytes(), *root), Ok(()));
    }
    assert_eq!(manifest.statements.len(), 3);
    for (subject, statement) in &manifest.statements {
        assert_eq!(statement.subject(), *subject);
        let signed = (manifest.approvals.iter()).filter(|((about, _), _)| about == subject);
        let purposes: Vec<_> = signed.map(|(_, approval)| approval.purpose).collect();
        assert_eq!(purposes, [statement.purpose()]);
    }
    assert_eq!(manifest.ancestors.len(), 1);
    assert_eq!(manifest.earlier.len(), 1);
    assert_eq!(manifest.inclusions.len(), 1);
    assert_eq!(manifest.receipts.len(), 1);
}

#[test]
fn manifests_are_written_as_the_golden_file_says() {
    let file: File = read("manifest.json");
    let given = psbt(&file.psbt);
    let manifest = Manifest::read(&given).expect("a manifest");
    let mut written = Psbt::from_unsigned_tx(given.unsigned_tx.clone()).expect("nothing is signed");
    manifest.write_into(&mut written);
    assert_eq!(written.serialize(), file.psbt.0);
    let records: Vec<_> = written
        .proprietary
        .iter()
        .map(|(key, value)| {
            let key = key.to_key();
            ([&[key.type_value][..], &key.key].concat(), value.clone())
        })
        .collect();
    let expected: Vec<_> = file
        .records
        .into_iter()
        .map(|record| (record.key.0, record.value.0))
        .collect();
    assert_eq!(records, expected);
    assert_eq!(Manifest::hash(&written), file.hash.array());
    Manifest::strip(&mut written);
    assert_eq!(written.serialize(), file.stripped.0);
}

#[test]
fn manifests_that_are_not_strict_are_refused_for_the_reason_in_the_golden_file() {
    let file: File = read("manifest.json");
    let good = psbt(&file.psbt);
    for case in file.refused {
        let mut bad = good.clone();
        for raw in &case.remove {
            assert!(bad.proprietary.remove(&key(raw)).is_some());
        }
        for record in case.insert {
            bad.proprietary.insert(key(&record.key), record.value.0);
        }
        refused(Manifest::read(&bad), &case.why);
    }
}
