//! How long devices take for a transaction, where that was measured.
//!
//! The device's own time: how long the human reads is nobody's to say.

use std::fmt;

use super::Demand;
use crate::descriptor::VaultDescriptor;
use crate::document::Signer;
use crate::words::count;

/// Seconds up to which seconds are told, and minutes beyond.
const IN_SECONDS: u64 = 120;

/// How long a signer's device takes for a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningTime {
    /// The signer.
    pub signer: String,
    /// The kind of device.
    pub kind: String,
    /// The inputs that it signs.
    pub inputs: usize,
    /// About how many seconds that takes.
    pub seconds: u64,
}

impl SigningTime {
    /// Of one signer; none where its device was not measured.
    pub fn of(demand: &Demand<'_>, signer: &Signer, inputs: usize) -> Option<Self> {
        let device = signer.device.as_ref()?;
        let pace = demand.pace(device)?;
        Some(Self {
            signer: signer.name.clone(),
            kind: device.kind.clone(),
            inputs,
            seconds: pace.seconds(inputs),
        })
    }

    /// The time in words.
    pub fn takes(&self) -> String {
        match self.seconds {
            ..=IN_SECONDS => format!("{} s", self.seconds),
            more => format!("{} min", more.div_ceil(60)),
        }
    }
}

impl fmt::Display for SigningTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (signer, kind) = (&self.signer, &self.kind);
        let inputs = count(self.inputs, "input");
        write!(f, "{signer}'s {kind}: about {} for {inputs}", self.takes())
    }
}

/// How long the devices of a keyset take for a transaction of so many inputs, signer by signer; nothing of those that
/// were not measured.
pub fn signing_times(
    descriptor: &VaultDescriptor,
    signers: &[Signer],
    inputs: usize,
) -> Vec<SigningTime> {
    if signers.iter().all(|signer| signer.device.is_none()) {
        return Vec::new();
    }
    let demand = Demand::of(descriptor);
    let times = signers.iter();
    times
        .filter_map(|signer| SigningTime::of(&demand, signer, inputs))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::descriptor::ScriptKind;
    use crate::document::samples;

    #[test]
    fn a_measured_device_says_how_long_it_takes_and_others_say_nothing() {
        let mut policy = samples::policy(ScriptKind::Wsh);
        let device = policy.signers[0].device.as_mut().expect("a device");
        device.kind = "ledger".to_owned();
        let told = |inputs| -> Vec<String> {
            let times = signing_times(&policy.descriptor, &policy.signers, inputs);
            times.iter().map(ToString::to_string).collect()
        };
        assert_eq!(told(40), ["alice's ledger: about 52 s for 40 inputs"]);
        assert_eq!(told(1), ["alice's ledger: about 6 s for 1 input"]);
        assert_eq!(told(96), ["alice's ledger: about 120 s for 96 inputs"]);
        assert_eq!(told(97), ["alice's ledger: about 3 min for 97 inputs"]);
    }
}
