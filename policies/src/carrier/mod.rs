//! How bytes travel between machines that no wire joins: files, and animated QR codes as BBQr or UR.
//!
//! One [`Payload`], three carriers. Invariant: counts and sizes are bounded before anything is allocated
//! for them, and nothing is handed on before all of it is there, holds together, and is what it says.
//! Follows the BBQr specification (Coinkite), BCR-2020-005 (UR, with BCR-2020-012 bytewords) and
//! BCR-2020-006 (`crypto-psbt`).

mod bbqr;
mod collector;
mod density;
mod device;
mod error;
mod file_name;
mod frames;
mod payload;
mod symbol;
mod ur;

pub use collector::{Collected, Collector, Progress};
pub use density::{Carrier, Density, FramesPerSecond, QrVersion};
pub use device::for_device;
pub use error::CarrierError;
pub use file_name::{Stage, file_name, long_file_name};
pub use frames::{Frames, bytes_within, fountain_share};
pub use payload::{Payload, PayloadKind};
pub use symbol::Symbol;

/// The most bytes of a payload, whatever carries it.
pub const MAX_PAYLOAD: usize = crate::psbt::MAX_BYTES;
/// The most bytes of a payload in a UR: its decoder's work grows with the square of the fragments.
pub const MAX_UR_PAYLOAD: usize = 1 << 20;
/// The most parts of a BBQr series: two digits of base 36.
pub const MAX_BBQR_PARTS: usize = 1_295;
/// The most fragments of a UR that are read.
pub const MAX_UR_FRAGMENTS: usize = 2_048;
/// The most characters of one frame: what a QR code of version 40 holds at level L in alphanumeric mode
/// (ISO/IEC 18004, table 7).
pub const MAX_FRAME: usize = 4_296;

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use tests::psbt_like;
