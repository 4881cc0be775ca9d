//! Why a vault cannot be written in a format.

use super::{Format, WalletPolicyError};

/// Why a format cannot say a vault's script, or the wallet that reads it would make another of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExportError {
    /// The reader holds sorted multisig only, or single keys besides.
    #[error("{} holds no script of this kind: it writes its own script from the keys, sorted multisig{}",
        .format.title(), if *.singles { " or one key" } else { "" })]
    Script {
        /// The format.
        format: Format,
        /// Whether one key alone is held as well.
        singles: bool,
    },
    /// The reader takes deposits from branch 0 and change from branch 1 of each key.
    #[error("{} knows no branches but 0 and 1, and a key of this vault has others", .0.title())]
    Branches(Format),
    /// More keys than the reader takes.
    #[error("{} takes at most {most} keys, and this vault has {found}", .format.title())]
    Keys {
        /// The format.
        format: Format,
        /// Keys of the vault.
        found: usize,
        /// Keys that it takes.
        most: usize,
    },
    /// Two keys come from one seed, which the reader takes for one signer.
    #[error("{} tells signers apart by fingerprint, and {fingerprint} stands twice", .format.title())]
    Fingerprint {
        /// The format.
        format: Format,
        /// The fingerprint.
        fingerprint: bitcoin::bip32::Fingerprint,
    },
    /// The reader does not know the chain.
    #[error("{} does not know the network {network}", .format.title())]
    Network {
        /// The format.
        format: Format,
        /// The vault's network.
        network: &'static str,
    },
    /// No wallet policy says it.
    #[error("BIP 388 cannot say this descriptor: {0}")]
    WalletPolicy(#[from] WalletPolicyError),
}

impl ExportError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Script { .. } => "EXPORT_SCRIPT",
            Self::Branches(_) => "EXPORT_BRANCHES",
            Self::Keys { .. } => "EXPORT_TOO_MANY_KEYS",
            Self::Fingerprint { .. } => "EXPORT_SAME_FINGERPRINT",
            Self::Network { .. } => "EXPORT_NETWORK",
            Self::WalletPolicy(_) => "NO_WALLET_POLICY",
        }
    }

    /// What to do about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Script { .. } | Self::Branches(_) => {
                "take descriptor, core, bsms or bip388: they say every script, and many wallets read them"
            }
            Self::Keys { .. } | Self::Fingerprint { .. } | Self::Network { .. } => {
                "take descriptor or core, which have no such bound"
            }
            Self::WalletPolicy(_) => "take descriptor, coldcard-edge or core",
        }
    }
}
