//! Writing the manifest's records.

use bitcoin::consensus::serialize;
use bitcoin::hashes::Hash;
use bitcoin::psbt::raw::ProprietaryKey;

use super::{FORMAT, Manifest, PREFIX, RecordKind};

/// All records of a manifest.
pub(super) fn records(manifest: &Manifest) -> Vec<(ProprietaryKey, Vec<u8>)> {
    let mut records = vec![
        record(RecordKind::Format, &[], FORMAT.to_le_bytes().to_vec()),
        record(RecordKind::Policy, &[], manifest.policy.to_bytes().to_vec()),
        record(RecordKind::Purpose, &[], vec![manifest.purpose.to_byte()]),
        record(
            RecordKind::Attempt,
            &[],
            manifest.attempt.to_le_bytes().to_vec(),
        ),
    ];
    records.extend(
        manifest
            .intents
            .iter()
            .map(|(hash, bytes)| record(RecordKind::Intent, &[hash.as_bytes()], bytes.clone())),
    );
    records.extend(
        manifest
            .request_signatures
            .iter()
            .map(|((hash, key), signature)| {
                record(
                    RecordKind::RequestSignature,
                    &[hash.as_bytes(), key.as_bytes()],
                    signature.encode(),
                )
            }),
    );
    records.extend(manifest.approvals.iter().map(|((subject, key), approval)| {
        record(
            RecordKind::Approval,
            &[subject.as_bytes(), key.as_bytes()],
            approval.encode_value(),
        )
    }));
    records.extend(manifest.proofs.iter().map(|((root, hash), proof)| {
        record(
            RecordKind::Proof,
            &[root.as_bytes(), hash.as_bytes()],
            proof.encode(),
        )
    }));
    records.extend(manifest.payments.iter().map(|(output, hash)| {
        record(
            RecordKind::Payment,
            &[&output.to_be_bytes()],
            hash.to_bytes().to_vec(),
        )
    }));
    records.extend(manifest.changes.iter().map(|(output, (version, index))| {
        record(
            RecordKind::Change,
            &[&output.to_be_bytes()],
            [version.as_bytes(), &index.to_le_bytes()[..]].concat(),
        )
    }));
    records.extend(manifest.statements.iter().map(|(subject, statement)| {
        let key = [subject.as_bytes().as_slice()];
        record(RecordKind::Statement, &key, statement.encode())
    }));
    for (kind, transactions) in [
        (RecordKind::Ancestor, &manifest.ancestors),
        (RecordKind::Earlier, &manifest.earlier),
    ] {
        records.extend(transactions.iter().map(|(txid, transaction)| {
            record(kind, &[txid.as_byte_array()], serialize(transaction))
        }));
    }
    records.extend(manifest.inclusions.iter().map(|(txid, proof)| {
        record(
            RecordKind::Inclusion,
            &[txid.as_byte_array()],
            proof.encode(),
        )
    }));
    records.extend(manifest.receipts.iter().map(|(journal, receipt)| {
        record(RecordKind::Receipt, &[journal.as_bytes()], receipt.encode())
    }));
    records
}

fn record(kind: RecordKind, key: &[&[u8]], value: Vec<u8>) -> (ProprietaryKey, Vec<u8>) {
    let key = ProprietaryKey {
        prefix: PREFIX.to_vec(),
        subtype: kind.subtype(),
        key: key.concat(),
    };
    (key, value)
}
