//! PSBTs as they cross a trust boundary: read strictly before signing, tolerantly when signatures return.
//!
//! Invariant: nothing here believes a length, an index or an amount before it is checked, and nothing
//! panics on any bytes. Follows BIP 174, 370, 371 and docs/formats.md F5.

pub mod encoding;
mod expected;
mod fields;
pub mod intake;
pub mod manifest;
mod reader;
mod refusal;
mod scan;
pub mod signatures;
pub mod strict;
mod take;
mod version;
mod version2;

pub use encoding::{Encoding, EncodingError, to_binary};
pub use expected::{ExpectedInput, ExpectedSignature, places_of};
pub use intake::{Intake, OfferedSignature, OfferedSlot, read_intake};
pub use manifest::{AttemptPurpose, Manifest, ManifestError};
pub use refusal::{MapName, PsbtRefusal};
pub use signatures::{
    SignatureBytes, SignatureKey, SignatureKeyError, SignatureSet, VerifiedSignature,
};
pub use strict::{StrictPsbt, read_strict};
pub use take::{BadReason, BadSignature, Issued, OtherTransaction, remember, take_signatures};
pub use version::PsbtVersion;

/// The most bytes of a PSBT or transaction, checked before anything is decoded.
pub const MAX_BYTES: usize = 4 << 20;
/// The most inputs that are read; policies allow fewer.
pub const MAX_INPUTS: usize = 1_000;
/// The most outputs that are read; policies allow fewer.
pub const MAX_OUTPUTS: usize = 1_000;
/// The most records in all maps together.
pub const MAX_RECORDS: usize = 50_000;
/// The most leaves of all taproot trees together: each holds a path of at most 128 hashes.
pub const MAX_TAP_LEAVES: usize = 1_000;

#[cfg(all(test, feature = "signing"))]
mod tests;
