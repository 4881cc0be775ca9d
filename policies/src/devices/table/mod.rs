//! The reviewed table: what each kind of device signs, from which firmware on, within which bounds, and where that
//! is written.
//!
//! Invariant: every row names its source. What the table does not say is unknown, which is neither yes nor no.

mod rows;

use super::{Firmware, Form, Suffix, Version};

pub use rows::ROWS;

/// What a kind of device does with scripts of some forms, from a firmware on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// The kind, as policies name it.
    pub kind: &'static str,
    /// The forms.
    pub forms: &'static [Form],
    /// The earliest firmware of which this is said.
    pub from: Version,
    /// Whether it signs.
    pub verdict: Verdict,
    /// Where that is written, or how it was tried.
    pub source: &'static str,
}

/// Whether a device signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It does, within bounds.
    Signs(Bounds),
    /// It does not, and why, in words.
    Never(&'static str),
}

/// What a device takes of a descriptor and of a transaction; none where no bound is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The most distinct keys.
    pub keys: Option<usize>,
    /// The most keys of one multisig.
    pub multi_keys: Option<usize>,
    /// The most letters of a template (BIP 388).
    pub template_chars: Option<usize>,
    /// The most letters of the name that the policy is registered under; none where nothing is registered.
    pub name_chars: Option<usize>,
    /// The most bytes of a witness script.
    pub script_bytes: Option<usize>,
    /// The deepest leaf of a tree.
    pub tree_depth: Option<usize>,
    /// The most leaves of a tree.
    pub leaves: Option<usize>,
    /// The most inputs of a transaction.
    pub inputs: Option<usize>,
    /// The most outputs of a transaction.
    pub outputs: Option<usize>,
    /// The most bytes of a PSBT.
    pub psbt_bytes: Option<usize>,
    /// The most bytes of a transaction.
    pub transaction_bytes: Option<usize>,
    /// The paths of its keys.
    pub paths: Paths,
    /// Whether each fingerprint may stand but once.
    pub fingerprints_differ: bool,
    /// Whether each key may stand at but one place.
    pub keys_stand_once: bool,
    /// How long it takes, where that was measured.
    pub pace: Option<Pace>,
}

/// The paths at which a device has keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paths {
    /// Any.
    Any,
    /// The second step is the hardened coin type (BIP 44); those below `45h` too.
    OfCoin,
    /// At most so many steps, with the two of the address.
    AtMost(usize),
}

/// How long a device takes for a transaction, without the human.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// For any transaction, in thousandths of a second.
    pub begin_ms: u32,
    /// For each input, in thousandths of a second.
    pub input_ms: u32,
}

/// What the table says of a device and a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    /// This row.
    Row(&'static Row),
    /// Only of later firmware, the earliest such row.
    From(&'static Row),
    /// Nothing.
    Nothing,
}

impl Bounds {
    /// No bound that is known.
    pub const NONE: Self = Self {
        keys: None,
        multi_keys: None,
        template_chars: None,
        name_chars: None,
        script_bytes: None,
        tree_depth: None,
        leaves: None,
        inputs: None,
        outputs: None,
        psbt_bytes: None,
        transaction_bytes: None,
        paths: Paths::Any,
        fingerprints_differ: false,
        keys_stand_once: false,
        pace: None,
    };
}

impl Pace {
    /// The whole seconds for so many inputs, rounded up.
    pub fn seconds(self, inputs: usize) -> u64 {
        let inputs = u64::try_from(inputs).unwrap_or(u64::MAX);
        let thousandths = u64::from(self.input_ms)
            .saturating_mul(inputs)
            .saturating_add(u64::from(self.begin_ms));
        thousandths.div_ceil(1_000)
    }
}

impl Row {
    /// The bounds, where it signs.
    pub const fn bounds(&self) -> Option<Bounds> {
        match self.verdict {
            Verdict::Signs(bounds) => Some(bounds),
            Verdict::Never(_) => None,
        }
    }
}

/// Whether the table says anything of a kind of device.
pub fn is_known(kind: &str) -> bool {
    ROWS.iter().any(|row| row.kind == kind)
}

/// The rows of a kind and a form, those of the earliest firmware first.
pub fn rows_of(kind: &str, form: Form) -> impl Iterator<Item = &'static Row> {
    ROWS.iter()
        .filter(move |row| row.kind == kind && row.forms.contains(&form))
}

/// What is said of a kind with a firmware; with the latest where none is given.
pub(super) fn said(kind: &str, form: Form, firmware: Option<Firmware>) -> Said {
    let mut found = Said::Nothing;
    for row in rows_of(kind, form) {
        if firmware.is_none_or(|firmware| firmware.version >= row.from) {
            found = Said::Row(row);
        } else if matches!(found, Said::Nothing) {
            found = Said::From(row);
        }
    }
    found
}

/// The row whose bounds of one transaction hold: that of the form, otherwise the latest by which the kind signs at
/// all, since inputs and bytes are bounded by what the device has room for.
pub(super) fn bounding(kind: &str, form: Form, firmware: Option<Firmware>) -> Option<&'static Row> {
    if let Said::Row(row) = said(kind, form, firmware)
        && row.bounds().is_some()
    {
        return Some(row);
    }
    let mut latest = ROWS.iter().rev();
    latest.find(|row| row.kind == kind && row.bounds().is_some())
}

/// Whether a maker writes such letters behind the firmware of a kind.
pub(super) fn has_suffix(kind: &str, suffix: Suffix) -> bool {
    match kind {
        "coldcard-q" => matches!(suffix, Suffix::Q | Suffix::None),
        "coldcard-edge" => matches!(suffix, Suffix::X | Suffix::Qx | Suffix::None),
        _ => suffix == Suffix::None,
    }
}

#[cfg(test)]
mod tests;
