//! The records of a PSBT as slices of the bytes, before any of them is decoded.
//!
//! Invariant: every length is checked against the bytes that are left before it is used, and every
//! count against its bound, so that a lying length neither allocates nor panics; no key stands twice
//! in a map, and no record is of the other version. Follows BIP 174 and 370.

use std::borrow::Cow;

use super::fields;
use super::reader::Reader;
use super::refusal::{MapName, PsbtRefusal};
use super::version::PsbtVersion;
use super::version2;
use super::{MAX_BYTES, MAX_INPUTS, MAX_OUTPUTS};
use crate::planted::{Bug, planted};

pub(super) const MAGIC: &[u8] = b"psbt\xff";

/// One record: its whole key with the type byte, and its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Record<'a> {
    pub(super) map: MapName,
    pub(super) key_type: u8,
    pub(super) key_data: &'a [u8],
    pub(super) value: &'a [u8],
}

/// All records of a PSBT, and the transaction that they are about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scan<'a> {
    pub(super) version: PsbtVersion,
    pub(super) records: Vec<Record<'a>>,
    /// The unsigned transaction, without witnesses: the record of version 0, or made from those of
    /// version 2.
    pub(super) transaction: Cow<'a, [u8]>,
    pub(super) inputs: usize,
    pub(super) outputs: usize,
}

/// Walks the maps; refuses what is too large, cut off, of mixed versions, or followed by more bytes.
pub(super) fn scan(bytes: &[u8]) -> Result<Scan<'_>, PsbtRefusal> {
    if bytes.len() > MAX_BYTES {
        return Err(PsbtRefusal::TooLarge { found: bytes.len() });
    }
    let Some(rest) = bytes.strip_prefix(MAGIC) else {
        return Err(PsbtRefusal::NotAPsbt);
    };
    let mut reader = Reader::after(bytes, bytes.len().saturating_sub(rest.len()));
    let mut records = Vec::new();
    read_map(&mut reader, &mut records)?;
    let version = version_of(&records)?;
    for record in &records {
        expect_of_version(record, version)?;
    }
    let (inputs, outputs) = match version {
        PsbtVersion::Zero => counts(transaction_record(&records)?)?,
        PsbtVersion::Two => version2::counts(&records)?,
    };
    let maps = (0..inputs)
        .map(MapName::Input)
        .chain((0..outputs).map(MapName::Output));
    for map in maps {
        reader.map = map;
        let first = records.len();
        read_map(&mut reader, &mut records)?;
        for record in records.get(first..).unwrap_or_default() {
            expect_of_version(record, version)?;
        }
    }
    if !reader.rest().is_empty() && !planted(Bug::TrailingBytes) {
        return Err(PsbtRefusal::TrailingBytes {
            found: reader.rest().len(),
        });
    }
    let transaction = match version {
        PsbtVersion::Zero => Cow::Borrowed(transaction_record(&records)?),
        PsbtVersion::Two => Cow::Owned(version2::transaction(&records, inputs, outputs)?),
    };
    Ok(Scan {
        version,
        records,
        transaction,
        inputs,
        outputs,
    })
}

/// Reads one map; none of its keys may stand there twice.
fn read_map<'a>(reader: &mut Reader<'a>, records: &mut Vec<Record<'a>>) -> Result<(), PsbtRefusal> {
    let first = records.len();
    reader.map(records)?;
    let read = records.get(first..).unwrap_or_default();
    let mut keys: Vec<_> = read
        .iter()
        .map(|record| (record.key_type, record.key_data))
        .collect();
    keys.sort_unstable();
    match keys.windows(2).find(|pair| pair.first() == pair.last()) {
        Some(pair) => Err(PsbtRefusal::DuplicateRecord {
            map: reader.map,
            key_type: pair.first().map_or(0, |(key_type, _)| *key_type),
        }),
        None => Ok(()),
    }
}

/// The version that the global map names; none means 0.
fn version_of(globals: &[Record<'_>]) -> Result<PsbtVersion, PsbtRefusal> {
    let named = globals
        .iter()
        .find(|record| record.key_type == fields::GLOBAL_VERSION);
    let Some(record) = named else {
        return Ok(PsbtVersion::Zero);
    };
    let number = match record.value.try_into() {
        Ok(number) if record.key_data.is_empty() => u32::from_le_bytes(number),
        Ok(_) | Err(_) => return Err(PsbtRefusal::malformed(record)),
    };
    PsbtVersion::of_number(number).ok_or(PsbtRefusal::VersionNotYet { version: number })
}

/// Refuses a record that only PSBTs of the other version have.
fn expect_of_version(record: &Record<'_>, version: PsbtVersion) -> Result<(), PsbtRefusal> {
    let only = fields::only_in(record.map, record.key_type);
    if only.is_some_and(|only| only != version) {
        return Err(PsbtRefusal::OtherVersionsField {
            map: record.map,
            key_type: record.key_type,
            version: version.number(),
        });
    }
    Ok(())
}

fn transaction_record<'a>(records: &[Record<'a>]) -> Result<&'a [u8], PsbtRefusal> {
    records
        .iter()
        .find(|record| {
            record.map == MapName::Global
                && record.key_type == fields::GLOBAL_TRANSACTION
                && record.key_data.is_empty()
        })
        .map(|record| record.value)
        .ok_or(PsbtRefusal::NoTransaction)
}

/// The numbers of inputs and outputs of an unsigned transaction, in the form without witnesses.
fn counts(transaction: &[u8]) -> Result<(usize, usize), PsbtRefusal> {
    let mut reader = Reader::after(transaction, 0);
    let bad = |_| PsbtRefusal::BadTransaction;
    reader.take(4).map_err(bad)?;
    let inputs = bounded_inputs(reader.compact_size().map_err(bad)?)?;
    for _ in 0..inputs {
        reader.take(36).map_err(bad)?;
        if reader.compact_size().map_err(bad)? != 0 {
            return Err(PsbtRefusal::BadTransaction);
        }
        reader.take(4).map_err(bad)?;
    }
    let outputs = bounded_outputs(reader.compact_size().map_err(bad)?)?;
    for _ in 0..outputs {
        reader.take(8).map_err(bad)?;
        reader.prefixed().map_err(bad)?;
    }
    reader.take(4).map_err(bad)?;
    if !reader.rest().is_empty() {
        return Err(PsbtRefusal::BadTransaction);
    }
    Ok((inputs, outputs))
}

/// A number of inputs, if so many are read.
pub(super) fn bounded_inputs(found: u64) -> Result<usize, PsbtRefusal> {
    let bounded = usize::try_from(found).ok().filter(|n| *n <= MAX_INPUTS);
    bounded.ok_or(PsbtRefusal::TooManyInputs { found })
}

/// A number of outputs, if so many are read.
pub(super) fn bounded_outputs(found: u64) -> Result<usize, PsbtRefusal> {
    let bounded = usize::try_from(found).ok().filter(|n| *n <= MAX_OUTPUTS);
    bounded.ok_or(PsbtRefusal::TooManyOutputs { found })
}
