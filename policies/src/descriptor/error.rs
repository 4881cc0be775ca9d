//! Why a text is not a descriptor that a vault can have.

use bitcoin::Network;
use bitcoin::bip32::Xpub;
use miniscript::AnalysisError;
use miniscript::policy::LiftError;

use super::paths::MAX_PATHS;

/// Why a descriptor is refused.
#[derive(Debug, thiserror::Error)]
pub enum DescriptorError {
    /// The text has no `#` and checksum.
    #[error("the descriptor has no checksum")]
    NoChecksum {
        /// What the checksum of this text would be.
        checksum: Option<String>,
    },
    /// The checksum is another text's.
    #[error("the checksum is wrong: the descriptor was altered, or its checksum mistyped")]
    WrongChecksum,
    /// The text is no descriptor.
    #[error("not a descriptor: {0}")]
    Syntax(#[source] miniscript::Error),
    /// The script is unsafe in a way without a name of its own here.
    #[error("the script is not sane: {0}")]
    Insane(#[source] miniscript::Error),
    /// Others could alter a witness.
    #[error("the script is malleable: others can alter its witness")]
    Malleable,
    /// A branch needs no signature.
    #[error("a branch of the script needs no signature")]
    NoSignature,
    /// One script has a key twice.
    #[error("one script has the same key twice")]
    RepeatedKey,
    /// Height and time locks that exclude one another.
    #[error("a path mixes timelocks in blocks and in seconds")]
    MixedTimelocks,
    /// A script or witness larger than nodes relay.
    #[error("the script exceeds what nodes accept in size, opcodes or stack items")]
    ResourceLimits,
    /// The outermost fragment is not `wsh`, `tr` or `wpkh`.
    #[error("only wsh, tr and wpkh descriptors are accepted")]
    Kind,
    /// A private key stands in the text; it is not repeated here.
    #[error("a private key stands in the descriptor")]
    PrivateKey,
    /// An extended key with a version of SLIP 132.
    #[error("{key} is an extended key in the notation of SLIP 132")]
    Slip132 {
        /// The key's text.
        key: String,
        /// The same key in the notation of BIP 32.
        instead: String,
    },
    /// A bare public key instead of an extended one.
    #[error("key {key} is a single public key, not an extended one")]
    SingleKey {
        /// The key's text.
        key: String,
    },
    /// An uncompressed public key.
    #[error("an uncompressed public key stands in the descriptor")]
    UncompressedKey,
    /// A key is no extended public key with two different branches and an unhardened wildcard.
    #[error("key {key} is not an extended key ending in <0;1>/*")]
    NotRanged {
        /// The key's text.
        key: String,
        /// The checksum of the descriptor with `<0;1>/*` for both keychains, where that is all it needs.
        checksum: Option<String>,
    },
    /// A hardened step after an extended public key.
    #[error("key {key} has a hardened step after the extended key")]
    HardenedStep {
        /// The key's text.
        key: String,
    },
    /// A key without fingerprint and path of its origin.
    #[error("key {key} has no origin like [f5acc2fd/48h/1h/0h/2h]")]
    NoOrigin {
        /// The key's text.
        key: String,
    },
    /// A seed's own key, or one derived from it without hardening.
    #[error("key {key} is a master key, or its path has an unhardened step")]
    UnhardenedAccount {
        /// The key with its origin.
        key: String,
    },
    /// One public key stands under two origins or chain codes.
    #[error("{first} and {second} are the same public key")]
    SameKey {
        /// The key as it stands first.
        first: String,
        /// The key as it stands again.
        second: String,
    },
    /// A key of another network.
    #[error("key {xpub} is not of the network {network}")]
    WrongNetwork {
        /// The key.
        xpub: Box<Xpub>,
        /// The vault's network.
        network: Network,
    },
    /// The script demands an absolute time.
    #[error("absolute timelocks (after) are not supported yet")]
    AbsoluteTimelock,
    /// The script demands a relative time in seconds instead of blocks.
    #[error("relative timelocks in units of 512 seconds are not supported yet")]
    TimeBasedTimelock,
    /// The script demands a preimage, which no signer can give.
    #[error("hash locks are not supported")]
    HashLock,
    /// Coins could be spent without any signature.
    #[error("a path needs no key")]
    NoKey,
    /// No set of keys can spend before a timelock.
    #[error("no path spends without a timelock")]
    NoOrdinaryPath,
    /// The number of minimal key sets exceeds what can be analysed.
    #[error("more than {MAX_PATHS} spending paths, or too many ways to combine them")]
    TooManyPaths,
    /// A minimal key set that no satisfaction of the script serves.
    #[error("a path of {keys} keys cannot be satisfied without malleability")]
    Unplannable {
        /// Keys of the path.
        keys: usize,
    },
}

impl DescriptorError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoChecksum { .. } | Self::WrongChecksum => "DESCRIPTOR_CHECKSUM",
            Self::Syntax(_) | Self::Insane(_) => "BAD_DESCRIPTOR",
            Self::Malleable | Self::Unplannable { .. } => "DESCRIPTOR_MALLEABLE",
            Self::NoSignature | Self::NoKey => "DESCRIPTOR_NO_SIGNATURE",
            Self::RepeatedKey | Self::SameKey { .. } => "DESCRIPTOR_REPEATED_KEY",
            Self::MixedTimelocks => "DESCRIPTOR_MIXED_TIMELOCKS",
            Self::ResourceLimits => "DESCRIPTOR_RESOURCE_LIMITS",
            Self::Kind => "DESCRIPTOR_KIND",
            Self::PrivateKey => "DESCRIPTOR_PRIVATE_KEY",
            Self::Slip132 { .. } => "DESCRIPTOR_SLIP_132",
            Self::SingleKey { .. } => "DESCRIPTOR_SINGLE_KEY",
            Self::UncompressedKey => "DESCRIPTOR_UNCOMPRESSED_KEY",
            Self::NotRanged { .. } => "DESCRIPTOR_NOT_RANGED",
            Self::HardenedStep { .. } => "DESCRIPTOR_HARDENED_STEP",
            Self::NoOrigin { .. } => "DESCRIPTOR_NO_ORIGIN",
            Self::UnhardenedAccount { .. } => "DESCRIPTOR_UNHARDENED_ACCOUNT",
            Self::WrongNetwork { .. } => "WRONG_NETWORK",
            Self::AbsoluteTimelock | Self::TimeBasedTimelock => "NOT_YET",
            Self::HashLock => "DESCRIPTOR_HASH_LOCK",
            Self::NoOrdinaryPath => "DESCRIPTOR_NO_ORDINARY_PATH",
            Self::TooManyPaths => "DESCRIPTOR_TOO_MANY_PATHS",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> String {
        let hint = match self {
            Self::NoChecksum {
                checksum: Some(checksum),
            } => return format!("append #{checksum} if the text is as your wallet shows it"),
            Self::NotRanged {
                checksum: Some(checksum),
                ..
            } => {
                return format!(
                    "end every key in /<0;1>/* (BIP 389: deposits and change in one), and the \
                     descriptor in #{checksum}"
                );
            }
            Self::Slip132 { instead, .. } => return format!("write {instead}"),
            Self::NoChecksum { checksum: None } | Self::WrongChecksum => {
                "copy the descriptor with its checksum from your wallet again"
            }
            Self::NotRanged { checksum: None, .. } => {
                "end every key in /<0;1>/* (BIP 389: deposits and change in one)"
            }
            Self::Malleable | Self::Unplannable { .. } | Self::NoSignature | Self::NoKey => {
                "compile the policy with `policy compile`: it writes only scripts whose every path \
                 needs a signature and cannot be altered"
            }
            Self::RepeatedKey | Self::SameKey { .. } => {
                "every signer needs a key of its own; in another script of the tree, the same key \
                 may stand with the same origin"
            }
            Self::MixedTimelocks | Self::TimeBasedTimelock => "write every timelock in blocks",
            Self::ResourceLimits | Self::TooManyPaths => {
                "use fewer keys or a plain threshold, or tr with several scripts"
            }
            Self::Kind => {
                "move the coins to a wsh, tr or wpkh wallet; txids of others are not fixed before \
                 signing"
            }
            Self::PrivateKey => {
                "treat that key as stolen, make a new one, and write only extended public keys"
            }
            Self::SingleKey { .. } | Self::UncompressedKey => {
                "write an extended public key with its origin and /<0;1>/*"
            }
            Self::HardenedStep { .. } => {
                "derive the hardened steps on the device, and export the key below them"
            }
            Self::NoOrigin { .. } => {
                "export the key with master fingerprint and path; devices need both to sign"
            }
            Self::UnhardenedAccount { .. } => {
                "export an account key of hardened steps only, such as 48h/1h/0h/2h: otherwise one \
                 leaked key betrays the seed's others"
            }
            Self::WrongNetwork { .. } => "use keys of the vault's network",
            Self::AbsoluteTimelock => "write a relative timelock, older(blocks)",
            Self::HashLock => "remove it: no signer can give a preimage",
            Self::NoOrdinaryPath => "add a path without a timelock",
            Self::Syntax(_) | Self::Insane(_) => {
                "write the descriptor with `policy compile`, or export it from your wallet"
            }
        };
        hint.to_owned()
    }

    /// Names what miniscript found wrong while it parsed a text.
    pub(super) fn syntax(text: &str, error: miniscript::Error) -> Self {
        let misplaced = if text.starts_with("tr(") {
            text.contains("multi(")
        } else {
            text.contains("multi_a(")
        };
        if misplaced {
            return Self::Syntax(error);
        }
        if matches!(error, miniscript::Error::MultipathDescLenMismatch) {
            return Self::NotRanged {
                key: "of another number of branches".to_owned(),
                checksum: None,
            };
        }
        named(&error).unwrap_or(Self::Syntax(error))
    }

    /// Names what miniscript found wrong with the parsed script.
    pub(super) fn insane(error: miniscript::Error) -> Self {
        named(&error).unwrap_or(Self::Insane(error))
    }
}

/// The mistakes of miniscript that have a name here.
fn named(error: &miniscript::Error) -> Option<DescriptorError> {
    if let miniscript::Error::AnalysisError(error) = error {
        return match error {
            AnalysisError::SiglessBranch => Some(DescriptorError::NoSignature),
            AnalysisError::RepeatedPubkeys => Some(DescriptorError::RepeatedKey),
            AnalysisError::BranchExceedResouceLimits => Some(DescriptorError::ResourceLimits),
            AnalysisError::HeightTimelockCombination => Some(DescriptorError::MixedTimelocks),
            AnalysisError::Malleable => Some(DescriptorError::Malleable),
            AnalysisError::ContainsRawPkh => None,
        };
    }
    if let miniscript::Error::LiftError(error) = error {
        return match error {
            LiftError::HeightTimelockCombination => Some(DescriptorError::MixedTimelocks),
            LiftError::BranchExceedResourceLimits => Some(DescriptorError::ResourceLimits),
            LiftError::RawDescriptorLift => None,
        };
    }
    // Keys were looked at before parsing and script kinds are told apart by `syntax`: what is left of
    // the context's errors, which miniscript does not let others name, are its limits.
    matches!(error, miniscript::Error::ContextError(_)).then_some(DescriptorError::ResourceLimits)
}
