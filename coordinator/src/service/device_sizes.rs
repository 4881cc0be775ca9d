//! How large a transaction devices take, as far as their makers' sources say.
//!
//! A device that is not listed has no limit known here, which is not to say that it has none. What is exceeded is a
//! warning for people; nothing is decided by it.

/// What a kind of device takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceSize {
    /// The kind, as policies name it.
    pub kind: &'static str,
    /// The most inputs.
    pub inputs: Option<usize>,
    /// The most outputs.
    pub outputs: Option<usize>,
    /// The most bytes of a PSBT.
    pub psbt_bytes: Option<usize>,
    /// The most bytes of a transaction.
    pub transaction_bytes: Option<usize>,
    /// Where that is written.
    pub source: &'static str,
}

/// What is known.
const KNOWN: [DeviceSize; 3] = [
    DeviceSize {
        kind: "ledger",
        inputs: Some(512),
        outputs: Some(512),
        psbt_bytes: None,
        transaction_bytes: None,
        source: "app-bitcoin 2.4, MAX_N_INPUTS and MAX_N_OUTPUTS",
    },
    DeviceSize {
        kind: "coldcard",
        inputs: Some(250),
        outputs: Some(2_000),
        psbt_bytes: Some(2 * 1024 * 1024),
        transaction_bytes: Some(100_000),
        source: "Coldcard firmware, docs/limitations.md (Mk4 and Q)",
    },
    DeviceSize {
        kind: "coldcard-mk3",
        inputs: Some(20),
        outputs: None,
        psbt_bytes: Some(384 * 1024),
        transaction_bytes: Some(100_000),
        source: "Coldcard firmware, docs/limitations.md (Mk3)",
    },
];

/// What is known of a kind of device.
pub(super) fn of_kind(kind: &str) -> Option<DeviceSize> {
    KNOWN.into_iter().find(|known| known.kind == kind)
}

impl DeviceSize {
    /// What of a transaction exceeds it, each in words.
    pub(super) fn exceeded(
        &self,
        inputs: usize,
        outputs: usize,
        psbt_bytes: usize,
        transaction_bytes: usize,
    ) -> Vec<String> {
        [
            (inputs, self.inputs, "inputs"),
            (outputs, self.outputs, "outputs"),
            (psbt_bytes, self.psbt_bytes, "bytes of PSBT"),
            (
                transaction_bytes,
                self.transaction_bytes,
                "bytes of transaction",
            ),
        ]
        .into_iter()
        .filter_map(|(found, most, what)| {
            let most = most.filter(|most| found > *most)?;
            Some(format!("{found} {what}, it takes {most}"))
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_beyond_what_a_device_takes_is_told_with_both_numbers() {
        let ledger = of_kind("ledger").expect("known");
        assert!(ledger.exceeded(512, 512, usize::MAX, usize::MAX).is_empty());
        assert_eq!(ledger.exceeded(513, 1, 0, 0), ["513 inputs, it takes 512"]);
        assert!(of_kind("abacus").is_none());
    }
}
