//! The strict profile: what a signer reads before it is asked to sign.
//!
//! Versions 0 and 2 are read into one form. Invariant: a [`StrictPsbt`] encodes to the very bytes that were read, carries only fields that are
//! expected from a coordinator, and its previous outputs are those of the transactions it carries
//! wherever it carries them. What it *pays* is review's question.

use std::collections::HashMap;

use bitcoin::psbt::{Input, Psbt};
use bitcoin::{Amount, OutPoint, Transaction, TxOut, Txid};

use super::encoding::to_binary;
use super::manifest::{Manifest, PREFIX};
use super::reader::Reader;
use super::refusal::{MapName, PsbtRefusal};
use super::scan::{Record, Scan, scan};
use super::version::PsbtVersion;
use super::{MAX_TAP_LEAVES, fields, version2};
use crate::planted::{Bug, planted};

/// A PSBT that was read strictly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StrictPsbt {
    version: PsbtVersion,
    psbt: Psbt,
    manifest: Manifest,
    manifest_hash: [u8; 32],
    previous_outputs: Vec<TxOut>,
}

/// Reads a PSBT version 0 or 2 in binary, base64 or hex and refuses whatever a signer need not
/// understand.
pub fn read_strict(bytes: &[u8]) -> Result<StrictPsbt, PsbtRefusal> {
    let binary = to_binary(bytes)?;
    let bytes = binary.as_ref();
    let scanned = scan(bytes)?;
    let (inputs, outputs) = (scanned.inputs, scanned.outputs);
    if inputs == 0 || outputs == 0 {
        return Err(PsbtRefusal::EmptyTransaction { inputs, outputs });
    }
    for record in &scanned.records {
        if !planted(Bug::UnexpectedFields) {
            expect(record, scanned.version)?;
        }
        fields::expect_shape(record)?;
    }
    bound_leaves(&scanned)?;
    let (psbt, again) = match scanned.version {
        PsbtVersion::Zero => decode(bytes)?,
        PsbtVersion::Two => {
            let (psbt, again) = decode(&version2::to_version0(&scanned))?;
            (psbt, version2::again(&scanned, &again)?)
        }
    };
    if again != bytes && !planted(Bug::CanonicalBytes) {
        let position = again
            .iter()
            .zip(bytes)
            .position(|(again, found)| again != found)
            .unwrap_or(again.len().min(bytes.len()));
        return Err(PsbtRefusal::NotCanonical { position });
    }
    StrictPsbt::check(psbt, scanned.version)
}

/// Decodes a PSBT version 0, and encodes it again.
fn decode(bytes: &[u8]) -> Result<(Psbt, Vec<u8>), PsbtRefusal> {
    let psbt = Psbt::deserialize(bytes).map_err(|_| PsbtRefusal::BadRecord)?;
    let again = psbt.serialize();
    Ok((psbt, again))
}

/// Counts the leaves of all taproot trees before one is built: a decoded leaf holds its whole path.
fn bound_leaves(scanned: &Scan<'_>) -> Result<(), PsbtRefusal> {
    let trees = scanned.records.iter().filter(|record| {
        matches!(record.map, MapName::Output(_)) && record.key_type == fields::OUTPUT_TAP_TREE
    });
    let mut leaves = 0_usize;
    for tree in trees {
        let mut reader = Reader::after(tree.value, 0);
        while !reader.rest().is_empty() {
            // Depth, leaf version and script.
            let leaf = reader.take(2).and_then(|_| reader.prefixed());
            leaf.map_err(|_| PsbtRefusal::malformed(tree))?;
            leaves = leaves.saturating_add(1);
            if leaves > MAX_TAP_LEAVES {
                return Err(PsbtRefusal::TooManyLeaves { map: tree.map });
            }
        }
    }
    Ok(())
}

/// Whether a coordinator may write this record; refuses it by name otherwise.
fn expect(record: &Record<'_>, version: PsbtVersion) -> Result<(), PsbtRefusal> {
    let Record { map, key_type, .. } = *record;
    let unexpected = Err(PsbtRefusal::UnexpectedField { map, key_type });
    let signature = Err(PsbtRefusal::UnexpectedSignature { map, key_type });
    if key_type == fields::PROPRIETARY {
        let ours = map == MapName::Global
            && record.key_data.split_first().is_some_and(|(length, rest)| {
                usize::from(*length) == PREFIX.len() && rest.starts_with(PREFIX)
            });
        return if ours {
            Ok(())
        } else {
            Err(PsbtRefusal::ForeignProprietary { map })
        };
    }
    if version == PsbtVersion::Two {
        match (map, key_type, record.value) {
            (MapName::Global, fields::GLOBAL_MODIFIABLE, [flags]) if *flags != 0 => {
                return Err(PsbtRefusal::Modifiable { flags: *flags });
            }
            (
                MapName::Input(input),
                fields::INPUT_REQUIRED_TIME | fields::INPUT_REQUIRED_HEIGHT,
                _,
            ) => return Err(PsbtRefusal::RequiredLocktime { input }),
            (MapName::Global, fields::GLOBAL_VERSION, _) => return Ok(()),
            (MapName::Global | MapName::Input(_) | MapName::Output(_), _, _)
                if fields::only_in(map, key_type) == Some(version) =>
            {
                return Ok(());
            }
            (MapName::Global | MapName::Input(_) | MapName::Output(_), _, _) => {}
        }
    }
    match (map, key_type) {
        // Unsigned transaction, extended keys.
        (MapName::Global, 0x00 | 0x01)
        // Previous transaction and output, sighash type, witness script, key origins, taproot
        // leaves, key origins, internal key and merkle root.
        | (MapName::Input(_), 0x00 | 0x01 | 0x03 | 0x05 | 0x06 | 0x15..=0x18)
        // Witness script, key origins, taproot internal key, tree and key origins.
        | (MapName::Output(_), 0x01 | 0x02 | 0x05..=0x07) => Ok(()),
        // Partial signatures, final scripts, taproot signatures.
        (MapName::Input(_), 0x02 | 0x07 | 0x08 | 0x13 | 0x14) => signature,
        (MapName::Global | MapName::Input(_) | MapName::Output(_), _) => unexpected,
    }
}

impl StrictPsbt {
    fn check(psbt: Psbt, version: PsbtVersion) -> Result<Self, PsbtRefusal> {
        let transaction = &psbt.unsigned_tx;
        let mut spent: HashMap<OutPoint, usize> = HashMap::new();
        let mut previous_outputs = Vec::with_capacity(psbt.inputs.len());
        for (index, (txin, input)) in transaction.input.iter().zip(&psbt.inputs).enumerate() {
            let outpoint = txin.previous_output;
            if let Some(first) = spent.insert(outpoint, index) {
                return Err(PsbtRefusal::InputTwice {
                    input: index,
                    first,
                    outpoint,
                });
            }
            previous_outputs.push(previous_output(index, outpoint, input)?);
            expect_whole_sighash(index, input)?;
        }
        for (index, output) in transaction.output.iter().enumerate() {
            expect_possible(MapName::Output(index), output.value)?;
        }
        for (index, output) in previous_outputs.iter().enumerate() {
            expect_possible(MapName::Input(index), output.value)?;
        }
        let manifest = Manifest::read(&psbt)?;
        let manifest_hash = Manifest::hash(&psbt);
        Ok(Self {
            version,
            psbt,
            manifest,
            manifest_hash,
            previous_outputs,
        })
    }

    /// The version in which it was written.
    pub fn version(&self) -> PsbtVersion {
        self.version
    }

    /// Its bytes in a version; in its own, and with every part of version 2 named, those that were read.
    pub fn write(&self, version: PsbtVersion) -> Vec<u8> {
        version.write(&self.psbt)
    }

    /// The PSBT in the form of version 0; none of its scripts and origins was compared with a descriptor yet.
    pub fn psbt(&self) -> &Psbt {
        &self.psbt
    }

    /// The unsigned transaction.
    pub fn transaction(&self) -> &Transaction {
        &self.psbt.unsigned_tx
    }

    /// Its txid, which is final: all inputs that are ever signed are segwit.
    pub fn txid(&self) -> Txid {
        self.psbt.unsigned_tx.compute_txid()
    }

    /// The manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The hash of the manifest as receipts name it.
    pub fn manifest_hash(&self) -> [u8; 32] {
        self.manifest_hash
    }

    /// The previous output of each input, from its previous transaction where the PSBT carries that.
    pub fn previous_outputs(&self) -> &[TxOut] {
        &self.previous_outputs
    }
}

/// The output that an input spends; both descriptions of it must agree with the outpoint.
fn previous_output(index: usize, outpoint: OutPoint, input: &Input) -> Result<TxOut, PsbtRefusal> {
    let Some(previous) = &input.non_witness_utxo else {
        return input
            .witness_utxo
            .clone()
            .ok_or(PsbtRefusal::NoPreviousOutput { input: index });
    };
    let found = previous.compute_txid();
    if found != outpoint.txid && !planted(Bug::PreviousTransaction) {
        return Err(PsbtRefusal::PreviousTransaction {
            input: index,
            expected: outpoint.txid,
            found,
        });
    }
    let output = usize::try_from(outpoint.vout)
        .ok()
        .and_then(|vout| previous.output.get(vout))
        .ok_or(PsbtRefusal::PreviousOutputMissing {
            input: index,
            vout: outpoint.vout,
            outputs: previous.output.len(),
        })?;
    match &input.witness_utxo {
        Some(claimed) if claimed != output && !planted(Bug::PreviousOutput) => {
            Err(PsbtRefusal::PreviousOutputDiffers {
                input: index,
                claimed: claimed.value,
                found: output.value,
            })
        }
        Some(_) | None => Ok(output.clone()),
    }
}

/// No sighash field, DEFAULT or ALL; which of the two a script kind takes is review's question.
fn expect_whole_sighash(index: usize, input: &Input) -> Result<(), PsbtRefusal> {
    match input
        .sighash_type
        .map(bitcoin::psbt::PsbtSighashType::to_u32)
    {
        None | Some(0x00 | 0x01) => Ok(()),
        Some(_) if planted(Bug::Sighash) => Ok(()),
        Some(found) => Err(PsbtRefusal::Sighash {
            input: index,
            found,
        }),
    }
}

fn expect_possible(map: MapName, amount: Amount) -> Result<(), PsbtRefusal> {
    if amount > Amount::MAX_MONEY {
        let found = amount.to_sat();
        return Err(PsbtRefusal::AmountTooLarge { map, found });
    }
    Ok(())
}
