//! The records of a PSBT as slices of the bytes, before any of them is decoded.
//!
//! Invariant: every length is checked against the bytes that are left before it is used, so that a
//! lying length neither allocates nor panics.

use super::refusal::{MapName, PsbtRefusal};
use super::{MAX_BYTES, MAX_INPUTS, MAX_OUTPUTS, MAX_RECORDS};

const MAGIC: &[u8] = b"psbt\xff";

/// Type of the global record of the unsigned transaction.
pub(super) const GLOBAL_TRANSACTION: u8 = 0x00;
/// Types of global records that only PSBT version 2 has (BIP 370).
const VERSION_2_GLOBALS: std::ops::RangeInclusive<u8> = 0x02..=0x06;
/// Type of the global record of the PSBT's version.
const GLOBAL_VERSION: u8 = 0xfb;

/// One record: its whole key with the type byte, and its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Record<'a> {
    pub(super) map: MapName,
    pub(super) key_type: u8,
    pub(super) key_data: &'a [u8],
    pub(super) value: &'a [u8],
}

/// All records of a PSBT version 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scan<'a> {
    pub(super) records: Vec<Record<'a>>,
    pub(super) transaction: &'a [u8],
    pub(super) inputs: usize,
    pub(super) outputs: usize,
}

/// Walks the maps; refuses what is too large, cut off, of version 2, or followed by more bytes.
pub(super) fn scan(bytes: &[u8]) -> Result<Scan<'_>, PsbtRefusal> {
    if bytes.len() > MAX_BYTES {
        return Err(PsbtRefusal::TooLarge { found: bytes.len() });
    }
    if !bytes.starts_with(MAGIC) {
        return Err(PsbtRefusal::NotAPsbt);
    }
    let mut reader = Reader {
        bytes,
        position: MAGIC.len(),
        map: MapName::Global,
    };
    let mut records = Vec::new();
    reader.map(&mut records)?;
    refuse_later_versions(&records)?;
    let mut transactions = records
        .iter()
        .filter(|record| record.key_type == GLOBAL_TRANSACTION && record.key_data.is_empty());
    let transaction = transactions.next().ok_or(PsbtRefusal::NoTransaction)?.value;
    if transactions.next().is_some() {
        return Err(PsbtRefusal::DuplicateRecord {
            map: MapName::Global,
            key_type: GLOBAL_TRANSACTION,
        });
    }
    let (inputs, outputs) = counts(transaction)?;
    for index in 0..inputs {
        reader.map = MapName::Input(index);
        reader.map(&mut records)?;
    }
    for index in 0..outputs {
        reader.map = MapName::Output(index);
        reader.map(&mut records)?;
    }
    match reader.rest() {
        [] => Ok(Scan {
            records,
            transaction,
            inputs,
            outputs,
        }),
        rest => Err(PsbtRefusal::TrailingBytes { found: rest.len() }),
    }
}

fn refuse_later_versions(globals: &[Record<'_>]) -> Result<(), PsbtRefusal> {
    for record in globals {
        if record.key_type == GLOBAL_VERSION
            && let Ok(version) = <[u8; 4]>::try_from(record.value)
        {
            let version = u32::from_le_bytes(version);
            if version != 0 {
                return Err(PsbtRefusal::VersionNotYet { version });
            }
        }
        if VERSION_2_GLOBALS.contains(&record.key_type) {
            return Err(PsbtRefusal::VersionNotYet { version: 2 });
        }
    }
    Ok(())
}

/// The numbers of inputs and outputs of an unsigned transaction, in the form without witnesses.
fn counts(transaction: &[u8]) -> Result<(usize, usize), PsbtRefusal> {
    let mut reader = Reader {
        bytes: transaction,
        position: 0,
        map: MapName::Global,
    };
    let bad = |_| PsbtRefusal::BadTransaction;
    reader.take(4).map_err(bad)?;
    let found = reader.compact_size().map_err(bad)?;
    let inputs = bounded(found, MAX_INPUTS).ok_or(PsbtRefusal::TooManyInputs { found })?;
    for _ in 0..inputs {
        reader.take(36).map_err(bad)?;
        if reader.compact_size().map_err(bad)? != 0 {
            return Err(PsbtRefusal::BadTransaction);
        }
        reader.take(4).map_err(bad)?;
    }
    let found = reader.compact_size().map_err(bad)?;
    let outputs = bounded(found, MAX_OUTPUTS).ok_or(PsbtRefusal::TooManyOutputs { found })?;
    for _ in 0..outputs {
        reader.take(8).map_err(bad)?;
        reader.prefixed().map_err(bad)?;
    }
    reader.take(4).map_err(bad)?;
    if !reader.rest().is_empty() {
        return Err(PsbtRefusal::BadTransaction);
    }
    if inputs == 0 || outputs == 0 {
        return Err(PsbtRefusal::EmptyTransaction { inputs, outputs });
    }
    Ok((inputs, outputs))
}

fn bounded(found: u64, max: usize) -> Option<usize> {
    usize::try_from(found).ok().filter(|found| *found <= max)
}

struct Reader<'a> {
    bytes: &'a [u8],
    position: usize,
    map: MapName,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.position..).unwrap_or_default()
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], PsbtRefusal> {
        let taken = self.rest().get(..length).ok_or(PsbtRefusal::EndsEarly {
            map: self.map,
            position: self.position,
        })?;
        self.position = self.position.saturating_add(length);
        Ok(taken)
    }

    fn number(&mut self, length: usize) -> Result<u64, PsbtRefusal> {
        let bytes = self.take(length)?;
        Ok(bytes
            .iter()
            .rev()
            .fold(0, |number, byte| (number << 8) | u64::from(*byte)))
    }

    fn compact_size(&mut self) -> Result<u64, PsbtRefusal> {
        let position = self.position;
        let (number, shortest_from) = match self.number(1)? {
            0xfd => (self.number(2)?, 0xfd),
            0xfe => (self.number(4)?, 0x1_0000),
            0xff => (self.number(8)?, 0x1_0000_0000),
            small => (small, 0),
        };
        if number < shortest_from {
            let map = self.map;
            return Err(PsbtRefusal::LongLength { map, position });
        }
        Ok(number)
    }

    fn prefixed(&mut self) -> Result<&'a [u8], PsbtRefusal> {
        let position = self.position;
        let length = self.compact_size()?;
        let length = usize::try_from(length).map_err(|_| PsbtRefusal::EndsEarly {
            map: self.map,
            position,
        })?;
        self.take(length)
    }

    /// Reads records up to the zero byte that ends a map.
    fn map(&mut self, records: &mut Vec<Record<'a>>) -> Result<(), PsbtRefusal> {
        let map = self.map;
        loop {
            let Some((key_type, key_data)) = self.prefixed()?.split_first() else {
                return Ok(());
            };
            if records.len() >= MAX_RECORDS {
                return Err(PsbtRefusal::TooManyRecords { map });
            }
            let value = self.prefixed()?;
            records.push(Record {
                map,
                key_type: *key_type,
                key_data,
                value,
            });
        }
    }
}
