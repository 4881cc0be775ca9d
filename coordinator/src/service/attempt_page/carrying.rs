//! How long an attempt's PSBT takes as QR codes, and what makes it large.

use policies::carrier::{Carrier, Density, Frames, FramesPerSecond, Payload};
use policies::psbt::StrictPsbt;

/// PSBTs of up to so many bytes are written to be counted; of larger ones the most codes that they take are told.
const COUNTED: usize = 256 * 1024;

/// An attempt's PSBT as QR codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

pub(super) fn carrying(strict: &StrictPsbt, psbt: &[u8]) -> CarryingFacts {
    let previous = strict.psbt().inputs.iter().filter_map(|input| {
        let previous = input.non_witness_utxo.as_ref()?;
        Some(previous.total_size())
    });
    CarryingFacts {
        psbt_bytes: psbt.len(),
        previous_bytes: previous.sum(),
        bbqr: round(psbt, Carrier::Bbqr),
        ur: round(psbt, Carrier::Ur),
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
