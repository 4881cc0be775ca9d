//! The two versions in which a PSBT is written.

use bitcoin::psbt::Psbt;

use super::version2;

/// The version of a PSBT: 0 (BIP 174) carries the unsigned transaction whole, 2 (BIP 370) in parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum PsbtVersion {
    /// Version 0.
    #[default]
    Zero,
    /// Version 2.
    Two,
}

impl PsbtVersion {
    /// The version of this number, if there is one.
    pub const fn of_number(number: u32) -> Option<Self> {
        match number {
            0 => Some(Self::Zero),
            2 => Some(Self::Two),
            _ => None,
        }
    }

    /// Its number.
    pub const fn number(self) -> u32 {
        match self {
            Self::Zero => 0,
            Self::Two => 2,
        }
    }

    /// The bytes of a PSBT in this version: in each map one order, ascending by type.
    pub fn write(self, psbt: &Psbt) -> Vec<u8> {
        match self {
            Self::Zero => psbt.serialize(),
            Self::Two => version2::write(psbt),
        }
    }
}
