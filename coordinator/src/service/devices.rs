//! What is refused of a new version for the devices that it names, and how long devices take for a transaction.
//!
//! Invariant: only what is new is refused, and only where nobody says that it is to pass all the same. Versions that
//! signers follow are taken in whatever the table of devices says.

use policies::devices::{refusals, signing_times};
use policies::document::{KeysetView, Policy};
use serde::Serialize;
use utoipa::ToSchema;

use super::VaultError;

/// What becomes of a new version with devices that cannot sign it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OfDevices {
    /// It is refused.
    Refuse,
    /// It passes: somebody knows better than the table, or signers follow it already.
    Pass,
}

impl OfDevices {
    /// As a request says it.
    pub const fn despite(passes: bool) -> Self {
        if passes { Self::Pass } else { Self::Refuse }
    }
}

/// Refuses a version for devices that cannot sign it, unless the version before had them already.
pub(super) fn refuse_devices(
    next: &Policy,
    previous: Option<&Policy>,
    of_devices: OfDevices,
) -> Result<(), VaultError> {
    if of_devices == OfDevices::Pass {
        return Ok(());
    }
    let findings = refusals(next, previous);
    if findings.is_empty() {
        return Ok(());
    }
    Err(VaultError::DeviceCannotSign { findings })
}

/// How long a signer's device takes for a transaction, without the human.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct DeviceTimeView {
    /// The signer.
    pub signer: String,
    /// What holds its key.
    pub device: String,
    /// The inputs that it signs.
    pub inputs: usize,
    /// About how many seconds that takes.
    pub seconds: u64,
    /// The same in words.
    pub words: String,
}

impl DeviceTimeView {
    /// Of the signers of a keyset whose devices were measured.
    pub(super) fn all(keyset: KeysetView<'_>, inputs: usize) -> Vec<Self> {
        let times = signing_times(keyset.descriptor, keyset.signers, inputs).into_iter();
        times
            .map(|time| Self {
                words: time.to_string(),
                signer: time.signer,
                device: time.kind,
                inputs: time.inputs,
                seconds: time.seconds,
            })
            .collect()
    }
}
