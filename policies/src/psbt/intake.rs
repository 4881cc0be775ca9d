//! The intake profile: what signers and devices return, read tolerantly and within bounds.
//!
//! Only signatures and receipts are taken out. Invariant: a signature that cannot be read spoils no
//! other; nothing taken counts before [`super::take_signatures`] verified it.

use bitcoin::consensus::{Decodable, deserialize};
use bitcoin::hashes::Hash;
use bitcoin::taproot::TapLeafHash;
use bitcoin::{PublicKey, Transaction, Txid, XOnlyPublicKey};

use super::encoding::to_binary;
use super::manifest::{PREFIX, RecordKind};
use super::reader::Reader;
use super::refusal::{MapName, PsbtRefusal};
use super::scan::{Record, Scan, scan};
use super::signatures::SignatureKey;
use super::{MAX_BYTES, MAX_INPUTS, MAX_OUTPUTS, fields};
use crate::journal::Receipt;

/// The most elements of one final witness that are looked at.
const MAX_WITNESS_ELEMENTS: usize = 256;
/// The most signatures that are taken from one input.
const MAX_SIGNATURES_PER_INPUT: usize = 64;
/// Lengths of Schnorr signatures without and with a sighash byte.
const SCHNORR_LENGTHS: std::ops::RangeInclusive<usize> = 64..=65;
/// The first byte of a taproot annex (BIP 341).
const ANNEX: u8 = 0x50;
/// The leaf version of tapscript, without the parity bit (BIP 342).
const TAPSCRIPT: u8 = 0xc0;

/// Where an offered signature says it belongs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum OfferedSlot {
    /// A place that the PSBT names.
    Place(SignatureKey),
    /// An element of a final witness, which names no key.
    FinalWitness {
        /// Its position from the bottom.
        position: usize,
    },
    /// A PSBT record whose key cannot be read.
    Unreadable {
        /// The record's type.
        key_type: u8,
    },
}

/// A signature as it came.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct OfferedSignature {
    /// The input.
    pub input: usize,
    /// Where it says it belongs.
    pub slot: OfferedSlot,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// What a signer returned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intake {
    /// The transaction that it says it signed.
    pub txid: Txid,
    /// The signatures offered.
    pub signatures: Vec<OfferedSignature>,
    /// Receipts that can be read; whether they count is the caller's question.
    pub receipts: Vec<Receipt>,
}

impl Intake {
    /// The last entry of a journal that comes with it. Intake takes receipts of one journal in this order only, so
    /// several answers are handed in by it.
    pub fn last_entry(&self) -> Option<u64> {
        let entries = self.receipts.iter().map(|receipt| receipt.body.counter);
        entries.max()
    }
}

/// Reads a PSBT version 0 or 2, partial or final, or a raw transaction, in binary, base64 or hex.
///
/// Records may come in any order, and unknown ones are skipped; a known one that has not the shape of
/// its type makes the whole no PSBT, unless it is a signature.
pub fn read_intake(bytes: &[u8]) -> Result<Intake, PsbtRefusal> {
    let binary = to_binary(bytes)?;
    let bytes = binary.as_ref();
    if bytes.len() > MAX_BYTES {
        return Err(PsbtRefusal::TooLarge { found: bytes.len() });
    }
    match scan(bytes) {
        Ok(scanned) => from_psbt(&scanned),
        Err(PsbtRefusal::NotAPsbt) => from_transaction(bytes),
        Err(refusal) => Err(refusal),
    }
}

fn from_psbt(scanned: &Scan<'_>) -> Result<Intake, PsbtRefusal> {
    let mut rest = scanned.transaction.as_ref();
    let mut part = || -> Option<Transaction> {
        Some(Transaction {
            version: Decodable::consensus_decode(&mut rest).ok()?,
            input: Decodable::consensus_decode(&mut rest).ok()?,
            output: Decodable::consensus_decode(&mut rest).ok()?,
            lock_time: Decodable::consensus_decode(&mut rest).ok()?,
        })
    };
    let transaction = part().ok_or(PsbtRefusal::BadTransaction)?;
    let mut intake = Intake {
        txid: transaction.compute_txid(),
        signatures: Vec::new(),
        receipts: Vec::new(),
    };
    for record in &scanned.records {
        fields::expect_shape(record)?;
        match record.map {
            MapName::Global => intake.receipts.extend(receipt(record)),
            MapName::Input(input) => intake.take_record(input, record),
            MapName::Output(_) => {}
        }
    }
    Ok(intake)
}

fn from_transaction(bytes: &[u8]) -> Result<Intake, PsbtRefusal> {
    let transaction: Transaction = deserialize(bytes).map_err(|_| PsbtRefusal::NotAPsbt)?;
    let (inputs, outputs) = (transaction.input.len(), transaction.output.len());
    let count = |found| u64::try_from(found).unwrap_or(u64::MAX);
    if inputs > MAX_INPUTS {
        return Err(PsbtRefusal::TooManyInputs {
            found: count(inputs),
        });
    }
    if outputs > MAX_OUTPUTS {
        return Err(PsbtRefusal::TooManyOutputs {
            found: count(outputs),
        });
    }
    let mut intake = Intake {
        txid: transaction.compute_txid(),
        signatures: Vec::new(),
        receipts: Vec::new(),
    };
    for (input, txin) in transaction.input.iter().enumerate() {
        let elements: Vec<&[u8]> = txin.witness.iter().take(MAX_WITNESS_ELEMENTS).collect();
        intake.take_witness(input, &elements);
    }
    Ok(intake)
}

/// The receipt of a global record, if it is one and can be read.
fn receipt(record: &Record<'_>) -> Option<Receipt> {
    let key = record.key_data.strip_prefix(&[0x0b])?;
    let key = key.strip_prefix(PREFIX)?;
    let is_receipt = record.key_type == 0xfc && key.first() == Some(&RecordKind::Receipt.subtype());
    is_receipt.then(|| Receipt::decode(record.value).ok())?
}

impl Intake {
    fn take_record(&mut self, input: usize, record: &Record<'_>) {
        let key = record.key_data;
        let place = match record.key_type {
            0x02 => PublicKey::from_slice(key).ok().map(SignatureKey::Ecdsa),
            0x08 => {
                if let Some(elements) = witness_elements(record.value) {
                    self.take_witness(input, &elements);
                }
                return;
            }
            0x13 => key.is_empty().then_some(SignatureKey::TapKey),
            0x14 => leaf_place(key),
            _ => return,
        };
        let slot = place.map_or(
            OfferedSlot::Unreadable {
                key_type: record.key_type,
            },
            OfferedSlot::Place,
        );
        self.offer(input, slot, record.value);
    }

    /// Offers all elements of a final witness that could be signatures.
    fn take_witness(&mut self, input: usize, elements: &[&[u8]]) {
        for (position, element) in before_script(elements).iter().enumerate() {
            if is_der(element) || SCHNORR_LENGTHS.contains(&element.len()) {
                self.offer(input, OfferedSlot::FinalWitness { position }, element);
            }
        }
    }

    fn offer(&mut self, input: usize, slot: OfferedSlot, bytes: &[u8]) {
        let taken = self
            .signatures
            .iter()
            .rev()
            .take_while(|offered| offered.input == input)
            .count();
        if taken < MAX_SIGNATURES_PER_INPUT {
            self.signatures.push(OfferedSignature {
                input,
                slot,
                bytes: bytes.to_vec(),
            });
        }
    }
}

/// The first elements of a final witness; a number that lies takes nothing.
fn witness_elements(value: &[u8]) -> Option<Vec<&[u8]>> {
    let mut reader = Reader::after(value, 0);
    let count = usize::try_from(reader.compact_size().ok()?).ok()?;
    (0..count.min(MAX_WITNESS_ELEMENTS))
        .map(|_| reader.prefixed().ok())
        .collect()
}

/// The elements below script and control block, which no one signs with.
///
/// A control block is told from a witness script by its first byte, which is no opcode.
fn before_script<'a>(elements: &'a [&'a [u8]]) -> &'a [&'a [u8]] {
    let elements = match elements {
        [rest @ .., last] if !rest.is_empty() && last.first() == Some(&ANNEX) => rest,
        all => all,
    };
    match elements {
        [rest @ .., _, last] if is_control_block(last) => rest,
        [only] => std::slice::from_ref(only),
        [rest @ .., _] => rest,
        [] => &[],
    }
}

fn is_control_block(element: &[u8]) -> bool {
    let version = element.first().map(|byte| byte & 0xfe);
    version == Some(TAPSCRIPT) && element.len() >= 33 && element.len() % 32 == 1
}

/// Whether an element has the shape of a DER signature with a sighash byte.
fn is_der(element: &[u8]) -> bool {
    match element {
        [0x30, length, rest @ ..] => rest.len().checked_sub(1) == Some(usize::from(*length)),
        _ => false,
    }
}

fn leaf_place(key: &[u8]) -> Option<SignatureKey> {
    let (key, leaf) = key.split_first_chunk::<32>()?;
    let leaf = <[u8; 32]>::try_from(leaf).ok()?;
    let key = XOnlyPublicKey::from_slice(key).ok()?;
    Some(SignatureKey::TapLeaf(
        key,
        TapLeafHash::from_byte_array(leaf),
    ))
}
