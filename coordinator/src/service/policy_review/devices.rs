//! What a version's reader must know of the devices that it names.

use policies::devices::DeviceFinding;

/// One thing about one signer's device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceView {
    /// The stable code.
    pub code: &'static str,
    /// Whether it cannot sign, or its key must be replaced.
    pub is_grave: bool,
    /// In words.
    pub says: String,
    /// What to do.
    pub hint: String,
    /// Where it is written; empty for what the document itself lacks.
    pub source: &'static str,
}

impl DeviceView {
    /// A finding of the rule-book.
    pub(super) fn of(finding: &DeviceFinding) -> Self {
        Self {
            code: finding.code(),
            is_grave: finding.is_grave(),
            says: finding.to_string(),
            hint: finding.hint(),
            source: finding.source().unwrap_or_default(),
        }
    }
}
