//! PSBT version 2 (BIP 370), record by record, to and from the form of version 0.
//!
//! Everything that decides reads one form: the records of version 2 are turned into the unsigned
//! transaction of version 0 before any of them is decoded. Invariant: the transaction made of the
//! parts is the one that BIP 370 says, and each part is there once, in its one encoding.

use bitcoin::psbt::Psbt;
use bitcoin::{Amount, Transaction};

use super::fields;
use super::reader::Reader;
use super::refusal::{MapName, PsbtRefusal};
use super::scan::{MAGIC, Record, Scan, bounded_inputs, bounded_outputs};

/// From here on a locktime is a time, below it a height.
const LOCKTIME_THRESHOLD: u32 = 500_000_000;
/// The sequence of an input that names none.
const FINAL_SEQUENCE: u32 = 0xffff_ffff;

/// The numbers of inputs and outputs, bounded.
pub(super) fn counts(globals: &[Record<'_>]) -> Result<(usize, usize), PsbtRefusal> {
    let globals = Fields::new(globals, MapName::Global);
    let inputs = bounded_inputs(globals.count(fields::GLOBAL_INPUT_COUNT)?)?;
    let outputs = bounded_outputs(globals.count(fields::GLOBAL_OUTPUT_COUNT)?)?;
    Ok((inputs, outputs))
}

/// The unsigned transaction that the records stand for, in the form without witnesses.
pub(super) fn transaction(
    records: &[Record<'_>],
    inputs: usize,
    outputs: usize,
) -> Result<Vec<u8>, PsbtRefusal> {
    let mut maps = Maps { rest: records };
    let globals = maps.take(MapName::Global);
    let version: [u8; 4] = globals.needed(fields::GLOBAL_TRANSACTION_VERSION)?;
    let fallback = globals.number(fields::GLOBAL_FALLBACK_LOCKTIME)?;
    globals.value::<1>(fields::GLOBAL_MODIFIABLE)?;
    let mut locktime = Locktime::default();
    let mut bytes = version.to_vec();
    write_size(&mut bytes, inputs);
    for index in 0..inputs {
        let input = maps.take(MapName::Input(index));
        bytes.extend(input.needed::<32>(fields::INPUT_PREVIOUS_TXID)?);
        bytes.extend(input.needed::<4>(fields::INPUT_OUTPUT_INDEX)?);
        bytes.push(0);
        let sequence = input.number(fields::INPUT_SEQUENCE)?;
        bytes.extend(sequence.unwrap_or(FINAL_SEQUENCE).to_le_bytes());
        locktime.add(&input)?;
    }
    write_size(&mut bytes, outputs);
    for index in 0..outputs {
        let output = maps.take(MapName::Output(index));
        bytes.extend(output.needed::<8>(fields::OUTPUT_AMOUNT)?);
        let script = output.record(fields::OUTPUT_SCRIPT)?;
        let script = script.ok_or(output.missing(fields::OUTPUT_SCRIPT))?.value;
        write_size(&mut bytes, script.len());
        bytes.extend(script);
    }
    bytes.extend(locktime.chosen(fallback)?.to_le_bytes());
    Ok(bytes)
}

/// The same PSBT in version 0: its transaction whole, and all records but those of version 2.
pub(super) fn to_version0(scanned: &Scan<'_>) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    let transaction = Record {
        map: MapName::Global,
        key_type: fields::GLOBAL_TRANSACTION,
        key_data: &[],
        value: &scanned.transaction,
    };
    write_record(&mut bytes, &transaction);
    let mut maps = Maps {
        rest: &scanned.records,
    };
    for map in all_maps(scanned) {
        for record in maps.take(map).records {
            if !is_of_version_2(record) {
                write_record(&mut bytes, record);
            }
        }
        bytes.push(0);
    }
    bytes
}

/// The bytes of a PSBT in version 2, with every part named that the transaction has.
pub(super) fn write(psbt: &Psbt) -> Vec<u8> {
    let bytes = psbt.serialize();
    let parts = Parts::of(&psbt.unsigned_tx);
    // What is no PSBT of version 0 that we read stays as it is, to be refused by whoever reads it.
    super::scan::scan(&bytes).map_or_else(
        |_| bytes.clone(),
        |scanned| merge(&scanned, &parts.records()),
    )
}

/// Encodes what was read once more: the canonical bytes of its version 0, and the records that only
/// version 2 has, in the one order.
pub(super) fn again(read: &Scan<'_>, canonical: &[u8]) -> Result<Vec<u8>, PsbtRefusal> {
    let scanned = super::scan::scan(canonical)?;
    let parts: Vec<Record<'_>> = read
        .records
        .iter()
        .filter(|record| is_of_version_2(record))
        .copied()
        .collect();
    Ok(merge(&scanned, &parts))
}

/// Writes the records of a PSBT of version 0, but its transaction, together with those of version 2,
/// ascending by type in each map.
fn merge(scanned: &Scan<'_>, parts: &[Record<'_>]) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    let mut rest = Maps {
        rest: &scanned.records,
    };
    let mut parts = Maps { rest: parts };
    for map in all_maps(scanned) {
        let kept = rest.take(map).records.iter();
        let kept = kept.filter(|record| {
            map != MapName::Global || record.key_type != fields::GLOBAL_TRANSACTION
        });
        let mut records: Vec<&Record<'_>> = kept.chain(parts.take(map).records).collect();
        records.sort_by_key(|record| record.key_type);
        for record in records {
            write_record(&mut bytes, record);
        }
        bytes.push(0);
    }
    bytes
}

fn all_maps(scanned: &Scan<'_>) -> impl Iterator<Item = MapName> {
    std::iter::once(MapName::Global)
        .chain((0..scanned.inputs).map(MapName::Input))
        .chain((0..scanned.outputs).map(MapName::Output))
}

fn is_of_version_2(record: &Record<'_>) -> bool {
    fields::only_in(record.map, record.key_type) == Some(super::PsbtVersion::Two)
        || record.map == MapName::Global && record.key_type == fields::GLOBAL_VERSION
}

fn write_record(bytes: &mut Vec<u8>, record: &Record<'_>) {
    write_size(bytes, record.key_data.len().saturating_add(1));
    bytes.push(record.key_type);
    bytes.extend(record.key_data);
    write_size(bytes, record.value.len());
    bytes.extend(record.value);
}

fn write_size(bytes: &mut Vec<u8>, size: usize) {
    bytes.extend(bitcoin::consensus::serialize(&bitcoin::VarInt::from(size)));
}

/// The values of the records of version 2, in the order of the maps.
struct Parts {
    values: Vec<(MapName, u8, Vec<u8>)>,
}

impl Parts {
    fn of(transaction: &Transaction) -> Self {
        let size = |count: usize| bitcoin::consensus::serialize(&bitcoin::VarInt::from(count));
        let lock_time = transaction.lock_time.to_consensus_u32();
        let version = super::PsbtVersion::Two.number();
        let mut values = vec![
            (
                fields::GLOBAL_TRANSACTION_VERSION,
                transaction.version.0.to_le_bytes().to_vec(),
            ),
            (
                fields::GLOBAL_FALLBACK_LOCKTIME,
                lock_time.to_le_bytes().to_vec(),
            ),
            (fields::GLOBAL_INPUT_COUNT, size(transaction.input.len())),
            (fields::GLOBAL_OUTPUT_COUNT, size(transaction.output.len())),
            (fields::GLOBAL_VERSION, version.to_le_bytes().to_vec()),
        ]
        .into_iter()
        .map(|(key_type, value)| (MapName::Global, key_type, value))
        .collect::<Vec<_>>();
        for (index, txin) in transaction.input.iter().enumerate() {
            let outpoint = bitcoin::consensus::serialize(&txin.previous_output);
            let (txid, vout) = outpoint.split_at_checked(32).unwrap_or_default();
            let sequence = txin.sequence.to_consensus_u32().to_le_bytes();
            let map = MapName::Input(index);
            values.push((map, fields::INPUT_PREVIOUS_TXID, txid.to_vec()));
            values.push((map, fields::INPUT_OUTPUT_INDEX, vout.to_vec()));
            values.push((map, fields::INPUT_SEQUENCE, sequence.to_vec()));
        }
        for (index, txout) in transaction.output.iter().enumerate() {
            let map = MapName::Output(index);
            let amount: Amount = txout.value;
            let amount = amount.to_sat().to_le_bytes().to_vec();
            values.push((map, fields::OUTPUT_AMOUNT, amount));
            let script = txout.script_pubkey.to_bytes();
            values.push((map, fields::OUTPUT_SCRIPT, script));
        }
        Self { values }
    }

    fn records(&self) -> Vec<Record<'_>> {
        self.values
            .iter()
            .map(|(map, key_type, value)| Record {
                map: *map,
                key_type: *key_type,
                key_data: &[],
                value,
            })
            .collect()
    }
}

/// Records in the order of their maps, handed out map by map.
struct Maps<'r, 'a> {
    rest: &'r [Record<'a>],
}

impl<'r, 'a> Maps<'r, 'a> {
    /// The records of the next map.
    fn take(&mut self, map: MapName) -> Fields<'r, 'a> {
        let others = self.rest.iter().position(|record| record.map != map);
        let split = others.unwrap_or(self.rest.len());
        let (records, rest) = self.rest.split_at_checked(split).unwrap_or_default();
        self.rest = rest;
        Fields::new(records, map)
    }
}

/// The records of one map, to be asked for by type.
struct Fields<'r, 'a> {
    records: &'r [Record<'a>],
    map: MapName,
}

impl<'r, 'a> Fields<'r, 'a> {
    fn new(records: &'r [Record<'a>], map: MapName) -> Self {
        Self { records, map }
    }

    fn missing(&self, key_type: u8) -> PsbtRefusal {
        let map = self.map;
        PsbtRefusal::MissingField { map, key_type }
    }

    /// The record of a type whose keys hold nothing else.
    fn record(&self, key_type: u8) -> Result<Option<&'r Record<'a>>, PsbtRefusal> {
        let mut found = self.records.iter().filter(|r| r.key_type == key_type);
        match (found.next(), found.next()) {
            (Some(record), None) if record.key_data.is_empty() => Ok(Some(record)),
            (Some(record), None | Some(_)) => Err(PsbtRefusal::malformed(record)),
            (None, _) => Ok(None),
        }
    }

    fn value<const N: usize>(&self, key_type: u8) -> Result<Option<[u8; N]>, PsbtRefusal> {
        self.record(key_type)?
            .map(|record| {
                let value = record.value.try_into();
                value.map_err(|_| PsbtRefusal::malformed(record))
            })
            .transpose()
    }

    fn needed<const N: usize>(&self, key_type: u8) -> Result<[u8; N], PsbtRefusal> {
        self.value(key_type)?.ok_or_else(|| self.missing(key_type))
    }

    fn number(&self, key_type: u8) -> Result<Option<u32>, PsbtRefusal> {
        Ok(self.value(key_type)?.map(u32::from_le_bytes))
    }

    fn count(&self, key_type: u8) -> Result<u64, PsbtRefusal> {
        let record = self.record(key_type)?;
        let record = record.ok_or_else(|| self.missing(key_type))?;
        let mut reader = Reader::after(record.value, 0);
        match reader.compact_size() {
            Ok(count) if reader.rest().is_empty() => Ok(count),
            Ok(_) | Err(_) => Err(PsbtRefusal::malformed(record)),
        }
    }
}

/// The locktimes that inputs demand, as BIP 370 determines one from them.
#[derive(Debug, Default)]
struct Locktime {
    /// The latest time and height demanded.
    time: Option<u32>,
    height: Option<u32>,
    /// Whether an input demands a locktime of one kind alone.
    only_time: bool,
    only_height: bool,
}

impl Locktime {
    fn add(&mut self, input: &Fields<'_, '_>) -> Result<(), PsbtRefusal> {
        let demanded = |key_type, valid: fn(u32) -> bool| {
            let number = input.number(key_type)?;
            if number.is_some_and(|number| !valid(number)) {
                let map = input.map;
                return Err(PsbtRefusal::MalformedField { map, key_type });
            }
            Ok(number)
        };
        let time = demanded(fields::INPUT_REQUIRED_TIME, |time| {
            time >= LOCKTIME_THRESHOLD
        })?;
        let height = demanded(fields::INPUT_REQUIRED_HEIGHT, |height| {
            (1..LOCKTIME_THRESHOLD).contains(&height)
        })?;
        self.only_time |= time.is_some() && height.is_none();
        self.only_height |= height.is_some() && time.is_none();
        self.time = self.time.max(time);
        self.height = self.height.max(height);
        Ok(())
    }

    /// A height where every input that demands something can have one, else a time.
    fn chosen(&self, fallback: Option<u32>) -> Result<u32, PsbtRefusal> {
        match (self.height, self.time) {
            (None, None) => Ok(fallback.unwrap_or(0)),
            (Some(height), _) if !self.only_time => Ok(height),
            (_, Some(time)) if !self.only_height => Ok(time),
            (None | Some(_), None | Some(_)) => Err(PsbtRefusal::NoLocktime),
        }
    }
}
