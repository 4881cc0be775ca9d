//! Reading lengths and what they announce, from bytes that may lie.
//!
//! Invariant: nothing is taken that is not there, and a compact size is in its shortest form.

use super::MAX_RECORDS;
use super::refusal::{MapName, PsbtRefusal};
use super::scan::Record;

/// A position in bytes, and the map that it is in.
#[derive(Debug, Clone)]
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    position: usize,
    pub(super) map: MapName,
}

impl<'a> Reader<'a> {
    /// Begins at a position of the bytes, in the global map.
    pub(super) fn after(bytes: &'a [u8], position: usize) -> Self {
        Self {
            bytes,
            position,
            map: MapName::Global,
        }
    }

    /// What was not read yet.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.position..).unwrap_or_default()
    }

    /// The next bytes, so many.
    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], PsbtRefusal> {
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

    /// A compact size in its one form.
    pub(super) fn compact_size(&mut self) -> Result<u64, PsbtRefusal> {
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

    /// Bytes behind their length.
    pub(super) fn prefixed(&mut self) -> Result<&'a [u8], PsbtRefusal> {
        let position = self.position;
        let length = self.compact_size()?;
        let length = usize::try_from(length).map_err(|_| PsbtRefusal::EndsEarly {
            map: self.map,
            position,
        })?;
        self.take(length)
    }

    /// Reads records up to the zero byte that ends a map.
    pub(super) fn map(&mut self, records: &mut Vec<Record<'a>>) -> Result<(), PsbtRefusal> {
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
