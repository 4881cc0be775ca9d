//! Which records PSBTs have, and the shapes of their keys (BIP 174, 370 and 371).

use bitcoin::{PublicKey, XOnlyPublicKey};

use super::refusal::{MapName, PsbtRefusal};
use super::scan::Record;
use super::version::PsbtVersion;

pub(super) const GLOBAL_TRANSACTION: u8 = 0x00;
pub(super) const GLOBAL_TRANSACTION_VERSION: u8 = 0x02;
pub(super) const GLOBAL_FALLBACK_LOCKTIME: u8 = 0x03;
pub(super) const GLOBAL_INPUT_COUNT: u8 = 0x04;
pub(super) const GLOBAL_OUTPUT_COUNT: u8 = 0x05;
pub(super) const GLOBAL_MODIFIABLE: u8 = 0x06;
pub(super) const GLOBAL_VERSION: u8 = 0xfb;
pub(super) const INPUT_PREVIOUS_TXID: u8 = 0x0e;
pub(super) const INPUT_OUTPUT_INDEX: u8 = 0x0f;
pub(super) const INPUT_SEQUENCE: u8 = 0x10;
pub(super) const INPUT_REQUIRED_TIME: u8 = 0x11;
pub(super) const INPUT_REQUIRED_HEIGHT: u8 = 0x12;
pub(super) const OUTPUT_AMOUNT: u8 = 0x03;
pub(super) const OUTPUT_SCRIPT: u8 = 0x04;
pub(super) const OUTPUT_TAP_TREE: u8 = 0x06;
/// Type of proprietary records in every map.
pub(super) const PROPRIETARY: u8 = 0xfc;

/// The bytes of a control block before its Merkle path, and of a step of that; at most 128 steps.
const CONTROL_BLOCK: usize = 33;
const CONTROL_STEP: usize = 32;
const CONTROL_BLOCK_MAX: usize = CONTROL_BLOCK + 128 * CONTROL_STEP;

/// The version that alone has records of this type, where only one has.
pub(super) const fn only_in(map: MapName, key_type: u8) -> Option<PsbtVersion> {
    match (map, key_type) {
        (MapName::Global, GLOBAL_TRANSACTION) => Some(PsbtVersion::Zero),
        (MapName::Global, GLOBAL_TRANSACTION_VERSION..=GLOBAL_MODIFIABLE)
        | (MapName::Input(_), INPUT_PREVIOUS_TXID..=INPUT_REQUIRED_HEIGHT)
        | (MapName::Output(_), OUTPUT_AMOUNT | OUTPUT_SCRIPT) => Some(PsbtVersion::Two),
        (MapName::Global | MapName::Input(_) | MapName::Output(_), _) => None,
    }
}

/// Refuses a record whose key or value has not the shape of its type. Signatures are left out: a bad
/// one is refused alone, by its reason.
pub(super) fn expect_shape(record: &Record<'_>) -> Result<(), PsbtRefusal> {
    if has_shape(record) {
        Ok(())
    } else {
        Err(PsbtRefusal::malformed(record))
    }
}

fn has_shape(record: &Record<'_>) -> bool {
    let (key, value) = (record.key_data, record.value);
    let public_key = || PublicKey::from_slice(key).is_ok();
    let x_only = || XOnlyPublicKey::from_slice(key).is_ok();
    // A fingerprint and steps of a path.
    let origin = !value.is_empty() && value.len().is_multiple_of(4);
    match (record.map, record.key_type) {
        // Transaction, and the fields of version 2 that are read elsewhere.
        (MapName::Global, 0x00 | 0x02..=0x06 | 0xfb)
        // Previous transaction and output, sighash type, scripts, final scripts, proof of reserves.
        | (MapName::Input(_), 0x00 | 0x01 | 0x03..=0x05 | 0x07..=0x09 | 0x0e..=0x12)
        // Scripts, amount, tree.
        | (MapName::Output(_), 0x00 | 0x01 | 0x03 | 0x04 | OUTPUT_TAP_TREE) => key.is_empty(),
        // Extended keys.
        (MapName::Global, 0x01) => key.len() == 78 && origin,
        // Key origins.
        (MapName::Input(_), 0x06) | (MapName::Output(_), 0x02) => public_key() && origin,
        // Preimages, by hash.
        (MapName::Input(_), 0x0a | 0x0c) => key.len() == 20,
        (MapName::Input(_), 0x0b | 0x0d) => key.len() == 32,
        // Leaf scripts, by control block.
        (MapName::Input(_), 0x15) => {
            key.len() >= CONTROL_BLOCK
                && key.len() <= CONTROL_BLOCK_MAX
                && key.len() % CONTROL_STEP == CONTROL_BLOCK % CONTROL_STEP
                && !value.is_empty()
        }
        // Taproot key origins.
        (MapName::Input(_), 0x16) | (MapName::Output(_), 0x07) => x_only() && !value.is_empty(),
        // Internal key, merkle root.
        (MapName::Input(_), 0x17) | (MapName::Output(_), 0x05) => {
            key.is_empty() && XOnlyPublicKey::from_slice(value).is_ok()
        }
        (MapName::Input(_), 0x18) => key.is_empty() && value.len() == 32,
        (MapName::Global | MapName::Input(_) | MapName::Output(_), _) => true,
    }
}
