//! How long a PSBT takes as QR codes, and what makes it large.

use bitcoin::Psbt;
use policies::carrier::{Carrier, Density, Frames, FramesPerSecond, Payload, for_device};
use serde::Serialize;
use utoipa::ToSchema;

/// PSBTs of up to so many bytes are written to be counted; of larger ones the most codes that they take are told.
const COUNTED: usize = 256 * 1024;

/// A PSBT as QR codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct CarryingFacts {
    /// The bytes of the PSBT.
    pub psbt_bytes: usize,
    /// Those of them that previous transactions take.
    pub previous_bytes: usize,
    /// As BBQr at normal density; none where it does not fit.
    pub bbqr: Option<Round>,
    /// As UR at normal density; none where it does not fit.
    pub ur: Option<Round>,
}

/// One round of codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Round {
    /// Codes.
    pub codes: usize,
    /// Seconds at four codes a second.
    pub seconds: u64,
}

impl Round {
    /// A round of so many codes.
    pub(crate) fn of(codes: usize) -> Self {
        Self {
            codes,
            seconds: FramesPerSecond::NORMAL.seconds(codes),
        }
    }
}

impl CarryingFacts {
    /// Of a PSBT as it is.
    pub(super) fn of(psbt: &[u8]) -> Self {
        let previous = Psbt::deserialize(psbt).map_or(0, |psbt| {
            let previous = psbt.inputs.iter();
            previous
                .filter_map(|input| Some(input.non_witness_utxo.as_ref()?.total_size()))
                .sum()
        });
        Self {
            psbt_bytes: psbt.len(),
            previous_bytes: previous,
            bbqr: round(psbt, Carrier::Bbqr),
            ur: round(psbt, Carrier::Ur),
        }
    }

    /// Of a transfer as foreign devices get it, without our records: of the same transaction it is always the
    /// same, whoever signed or approved meanwhile.
    pub(super) fn for_devices(transfer: &[u8]) -> Option<Self> {
        Some(Self::of(&for_device(transfer).ok()?))
    }
}

fn round(psbt: &[u8], carrier: Carrier) -> Option<Round> {
    let version = Density::Normal.version(carrier);
    // Only BBQr packs: how many fragments a UR has, its length says.
    let codes = if carrier == Carrier::Bbqr && psbt.len() <= COUNTED {
        let payload = Payload::sniff(psbt).ok()?;
        Frames::write(&payload, carrier, version)
            .ok()?
            .texts()
            .len()
    } else {
        Frames::at_most(psbt.len(), carrier, version)?
    };
    Some(Round::of(codes))
}
