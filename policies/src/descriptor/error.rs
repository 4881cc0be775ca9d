//! Why a text is not a descriptor that a vault can have.

use bitcoin::Network;
use bitcoin::bip32::Xpub;

use super::paths::MAX_PATHS;

/// Why a descriptor is refused.
#[derive(Debug, thiserror::Error)]
pub enum DescriptorError {
    /// The text has no `#` and checksum.
    #[error("the descriptor has no checksum")]
    NoChecksum,
    /// The text is no descriptor, or its checksum is wrong.
    #[error("not a descriptor: {0}")]
    Syntax(#[source] miniscript::Error),
    /// The script is malleable, unsafe, repeats a key or exceeds the limits of its kind.
    #[error("the script is not sane: {0}")]
    Insane(#[source] miniscript::Error),
    /// The outermost fragment is not `wsh`, `tr` or `wpkh`.
    #[error("only wsh, tr and wpkh descriptors are accepted")]
    Kind,
    /// A key is no extended public key with two different branches and an unhardened wildcard.
    #[error("key {key} is not an extended key ending in <0;1>/*")]
    NotRanged {
        /// The key's text.
        key: String,
    },
    /// A key without fingerprint and path of its origin.
    #[error("key {key} has no origin like [f5acc2fd/48h/1h/0h/2h]")]
    NoOrigin {
        /// The key's text.
        key: String,
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
    #[error("more than {MAX_PATHS} spending paths")]
    TooManyPaths,
    /// A minimal key set that no satisfaction of the script serves.
    #[error("a path of {keys} keys cannot be satisfied without malleability")]
    Unplannable {
        /// Keys of the path.
        keys: usize,
    },
}
