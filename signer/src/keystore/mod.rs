//! Secrets at rest: one sealed file per key.
//!
//! Invariant: a secret leaves memory only sealed under a passphrase, in a file of mode 0600 that
//! is complete or absent. The public half and the history of a key (generated or imported) stand
//! in the clear beside it, authenticated by the same seal.

pub mod container;
pub mod device_key;
pub mod durable;
mod explained;
pub mod passphrase;
pub mod person_key;
pub mod vault_key;

pub use container::{Cost, Kind, Made, OpenError, Sealed};
pub use device_key::{DeviceKey, DeviceKeyError, DeviceKind};
pub use durable::WriteError;
pub use passphrase::{Passphrase, PassphraseError};
pub use person_key::PersonKey;
pub use vault_key::{KeyError, VaultKey};

/// Fills an array from the operating system's randomness.
///
/// The one place of this crate that draws entropy.
///
/// # Errors
/// When the operating system gives none.
#[expect(
    clippy::disallowed_methods,
    reason = "the one source of randomness of this program"
)]
pub fn fresh<const N: usize>() -> Result<zeroize::Zeroizing<[u8; N]>, NoEntropy> {
    let mut bytes = zeroize::Zeroizing::new([0; N]);
    getrandom::fill(bytes.as_mut_slice()).map_err(|_| NoEntropy)?;
    Ok(bytes)
}

/// The operating system gave no randomness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gave no randomness")]
pub struct NoEntropy;
