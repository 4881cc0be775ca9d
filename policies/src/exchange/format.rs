//! The formats, by name.

use std::fmt;
use std::str::FromStr;

use crate::Policy;

/// A format in which a vault's descriptor leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// The multipath descriptor with its checksum, one line (BIP 380, BIP 389).
    Descriptor,
    /// Two descriptors, one line each: deposits, then change (BIP 380).
    Branches,
    /// A wallet policy: name, template and keys (BIP 388).
    WalletPolicy,
    /// The descriptor record of round 2 (BIP 129).
    Bsms,
    /// Requests of Bitcoin Core's `importdescriptors`.
    Core,
    /// Coldcard's text of a multisig wallet.
    Coldcard,
    /// Coldcard EDGE's name and descriptor.
    ColdcardEdge,
    /// Sparrow's file of an output descriptor.
    Sparrow,
    /// Specter Desktop's wallet.
    Specter,
    /// The descriptor record as Nunchuk reads it.
    Nunchuk,
    /// Caravan's wallet configuration.
    Caravan,
    /// A sheet to print, as text.
    Sheet,
    /// A sheet to print, as one HTML file.
    SheetHtml,
}

/// A text names no format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0} is not a format: descriptor, branches, bip388, bsms, core, coldcard, coldcard-edge, sparrow, specter, nunchuk, caravan, sheet or sheet-html"
)]
pub struct FormatError(String);

impl Format {
    /// Every format, the plain ones first.
    pub const ALL: [Self; 13] = [
        Self::Descriptor,
        Self::Branches,
        Self::WalletPolicy,
        Self::Bsms,
        Self::Core,
        Self::Coldcard,
        Self::ColdcardEdge,
        Self::Sparrow,
        Self::Specter,
        Self::Nunchuk,
        Self::Caravan,
        Self::Sheet,
        Self::SheetHtml,
    ];

    /// Its name on command lines and in addresses of pages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Descriptor => "descriptor",
            Self::Branches => "branches",
            Self::WalletPolicy => "bip388",
            Self::Bsms => "bsms",
            Self::Core => "core",
            Self::Coldcard => "coldcard",
            Self::ColdcardEdge => "coldcard-edge",
            Self::Sparrow => "sparrow",
            Self::Specter => "specter",
            Self::Nunchuk => "nunchuk",
            Self::Caravan => "caravan",
            Self::Sheet => "sheet",
            Self::SheetHtml => "sheet-html",
        }
    }

    /// What it is, for people.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Descriptor => "Descriptor",
            Self::Branches => "Descriptors of deposits and of change",
            Self::WalletPolicy => "Wallet policy (BIP 388)",
            Self::Bsms => "BSMS record (BIP 129)",
            Self::Core => "Bitcoin Core",
            Self::Coldcard => "Coldcard multisig",
            Self::ColdcardEdge => "Coldcard EDGE",
            Self::Sparrow => "Sparrow",
            Self::Specter => "Specter Desktop",
            Self::Nunchuk => "Nunchuk",
            Self::Caravan => "Caravan",
            Self::Sheet => "Recovery sheet",
            Self::SheetHtml => "Recovery sheet to print",
        }
    }

    /// The file name's ending.
    const fn extension(self) -> &'static str {
        match self {
            Self::Descriptor | Self::Branches | Self::Coldcard | Self::Sparrow | Self::Sheet => {
                "txt"
            }
            Self::WalletPolicy
            | Self::Core
            | Self::ColdcardEdge
            | Self::Specter
            | Self::Caravan => "json",
            Self::Bsms | Self::Nunchuk => "bsms",
            Self::SheetHtml => "html",
        }
    }

    /// Its media type.
    pub fn media_type(self) -> &'static str {
        match self.extension() {
            "json" => "application/json",
            "html" => "text/html; charset=utf-8",
            _ => "text/plain; charset=utf-8",
        }
    }

    /// The name of a file of it, plain ASCII.
    pub fn file_name(self, policy: &Policy) -> String {
        let (name, version) = (&policy.name, policy.version);
        format!("{name}-v{version}-{}.{}", self.name(), self.extension())
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = FormatError;

    fn from_str(text: &str) -> Result<Self, FormatError> {
        Self::ALL
            .into_iter()
            .find(|format| format.name() == text)
            .ok_or_else(|| FormatError(text.chars().take(40).collect()))
    }
}
