//! A PSBT as bare records, so that what no library would write can be written, and version 2 (BIP 370)
//! from the same fields.

use bitcoin::VarInt;
use bitcoin::consensus::{Decodable as _, serialize};
use bitcoin::psbt::Psbt;

/// Which PSBT is handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// BIP 174.
    V0,
    /// BIP 370.
    V2,
}

impl Version {
    /// The versions that signers of this build read.
    pub const READ: &'static [Self] = &[Self::V0, Self::V2];
}

/// One record: the whole key with its type, and the value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pair {
    /// Type and key data.
    pub key: Vec<u8>,
    /// The value.
    pub value: Vec<u8>,
}

/// The records of every map, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Maps {
    /// The global map.
    pub global: Vec<Pair>,
    /// A map for each input.
    pub inputs: Vec<Vec<Pair>>,
    /// A map for each output.
    pub outputs: Vec<Vec<Pair>>,
}

const MAGIC: &[u8] = b"psbt\xff";

/// A record of a type without key data.
pub fn pair(kind: u8, value: impl Into<Vec<u8>>) -> Pair {
    Pair {
        key: vec![kind],
        value: value.into(),
    }
}

/// A length as Bitcoin writes it.
pub fn compact_size(length: usize) -> Vec<u8> {
    serialize(&VarInt::from(length))
}

impl Maps {
    /// The records of a PSBT, in one of the two versions.
    pub fn of(psbt: &Psbt, version: Version) -> Self {
        let bytes = psbt.serialize();
        let mut rest = bytes.strip_prefix(MAGIC).expect("rust-bitcoin wrote it");
        let mut map = || {
            let mut pairs = Vec::new();
            loop {
                let key = prefixed(&mut rest);
                if key.is_empty() {
                    return pairs;
                }
                let value = prefixed(&mut rest);
                pairs.push(Pair { key, value });
            }
        };
        let mut maps = Self {
            global: map(),
            inputs: psbt.inputs.iter().map(|_| map()).collect(),
            outputs: psbt.outputs.iter().map(|_| map()).collect(),
        };
        if version == Version::V2 {
            maps.become_version_2(psbt);
        }
        maps
    }

    fn become_version_2(&mut self, psbt: &Psbt) {
        let transaction = &psbt.unsigned_tx;
        self.global.retain(|pair| pair.key != [0x00]);
        self.global.extend([
            pair(0x02, transaction.version.0.to_le_bytes()),
            pair(0x03, transaction.lock_time.to_consensus_u32().to_le_bytes()),
            pair(0x04, compact_size(transaction.input.len())),
            pair(0x05, compact_size(transaction.output.len())),
            pair(0xfb, 2_u32.to_le_bytes()),
        ]);
        for (map, input) in self.inputs.iter_mut().zip(&transaction.input) {
            map.extend([
                pair(0x0e, serialize(&input.previous_output.txid)),
                pair(0x0f, input.previous_output.vout.to_le_bytes()),
                pair(0x10, input.sequence.0.to_le_bytes()),
            ]);
        }
        for (map, output) in self.outputs.iter_mut().zip(&transaction.output) {
            map.extend([
                pair(0x03, output.value.to_sat().to_le_bytes()),
                pair(0x04, output.script_pubkey.to_bytes()),
            ]);
        }
        // By type alone: within one, version 2 keeps the order of version 0.
        for map in [&mut self.global]
            .into_iter()
            .chain(&mut self.inputs)
            .chain(&mut self.outputs)
        {
            map.sort_by_key(|pair| pair.key[0]);
        }
    }

    /// Puts every map in the order of its keys.
    pub fn sort(&mut self) {
        self.global.sort();
        for map in self.inputs.iter_mut().chain(&mut self.outputs) {
            map.sort();
        }
    }

    /// The bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        for map in [&self.global]
            .into_iter()
            .chain(&self.inputs)
            .chain(&self.outputs)
        {
            for pair in map {
                for part in [&pair.key, &pair.value] {
                    bytes.extend(compact_size(part.len()));
                    bytes.extend(part);
                }
            }
            bytes.push(0);
        }
        bytes
    }
}

fn prefixed(rest: &mut &[u8]) -> Vec<u8> {
    let length = VarInt::consensus_decode(rest).expect("rust-bitcoin wrote it");
    let length = usize::try_from(length.0).expect("it fits in memory");
    let (taken, left) = rest.split_at(length);
    *rest = left;
    taken.to_vec()
}
