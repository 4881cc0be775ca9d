//! Why a file gives no policy.

use bitcoin::{Network, NetworkKind};

use super::MAX_IMPORT;
use crate::descriptor::DescriptorError;
use crate::document::name_of_network;
use crate::exchange::{Format, WalletPolicyError};

/// Why a file of another wallet is not read.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file is larger than any export.
    #[error("the file has {bytes} bytes, more than {MAX_IMPORT}")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// The bytes are no text.
    #[error("the file is no text")]
    NotText,
    /// There is nothing in it.
    #[error("the file is empty")]
    Empty,
    /// No format is recognized.
    #[error("the file is in no format that is known here")]
    Unknown,
    /// It begins like JSON and is none.
    #[error("the file is no JSON: line {line}, column {column}")]
    Json {
        /// Where it ends being JSON.
        line: usize,
        /// Where in the line.
        column: usize,
    },
    /// A key record, which is one key and no wallet.
    #[error("the file is one signer's key record, not a wallet")]
    KeyRecord,
    /// An encrypted record.
    #[error("the file is encrypted, or nothing but digits")]
    Encrypted,
    /// A field or line that the format must have.
    #[error("a file of {} must say {field}, and this one does not", .format.title())]
    Missing {
        /// The format.
        format: Format,
        /// What it must say.
        field: &'static str,
    },
    /// A field or line that says nothing possible.
    #[error("{field} says {value:?}, which {} does not know", .format.title())]
    Value {
        /// The format.
        format: Format,
        /// Where.
        field: &'static str,
        /// What stands there, shortened.
        value: String,
    },
    /// A script kind that no vault has.
    #[error("the wallet's scripts are {0}, and a vault's are P2WSH, P2TR or P2WPKH")]
    ScriptKind(String),
    /// The number of keys is not what the file says.
    #[error("the file says {said} keys and lists {found}")]
    KeyCount {
        /// What it says.
        said: usize,
        /// What it lists.
        found: usize,
    },
    /// A key with its origin does not read.
    #[error("{0} is not an extended public key with fingerprint and path")]
    Key(String),
    /// A key does not end as keys of wallets do.
    #[error("the key {0} ends in no two branches, and in neither 0 nor 1")]
    Branch(String),
    /// The descriptors of deposits and of change are not of one wallet.
    #[error("the descriptors of deposits and of change are not of the same keys and script")]
    NotOneWallet,
    /// More wallets than one.
    #[error("the file has {0} descriptors: give one wallet, of deposits and change")]
    Several(usize),
    /// The checksum is another text's.
    #[error("the checksum is wrong: the descriptor was altered, or its checksum mistyped")]
    Checksum,
    /// The first address is not the descriptor's.
    #[error("the file says that the first address is {said}, and the descriptor gives {ours}")]
    Address {
        /// What the file says.
        said: String,
        /// What its descriptor gives.
        ours: String,
    },
    /// The chain that the file names is none of its keys.
    #[error("the file says {}, and its keys are for {keys:?} networks", name_of_network(*.said))]
    NetworkDiffers {
        /// What the file says.
        said: Network,
        /// What the keys say.
        keys: NetworkKind,
    },
    /// The chain cannot be told from the file.
    #[error("the file does not say which test network the wallet is on")]
    NetworkNeeded,
    /// The chain given is not the file's.
    #[error("the wallet is on {}, not on {}", name_of_network(*.file), name_of_network(*.given))]
    OtherNetwork {
        /// The file's.
        file: Network,
        /// The one given.
        given: Network,
    },
    /// The wallet policy breaks a rule of BIP 388.
    #[error("not a wallet policy: {0}")]
    WalletPolicy(#[from] WalletPolicyError),
    /// The wallet is none that a vault can be.
    #[error(transparent)]
    Descriptor(#[from] DescriptorError),
}

impl ImportError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "IMPORT_TOO_LARGE",
            Self::NotText | Self::Empty | Self::Unknown | Self::Json { .. } => "IMPORT_UNKNOWN",
            Self::KeyRecord => "IMPORT_KEY_RECORD",
            Self::Encrypted => "IMPORT_ENCRYPTED",
            Self::Missing { .. } => "IMPORT_MISSING",
            Self::Value { .. } => "IMPORT_VALUE",
            Self::ScriptKind(_) => "DESCRIPTOR_KIND",
            Self::KeyCount { .. } | Self::NotOneWallet | Self::Several(_) => {
                "IMPORT_NOT_ONE_WALLET"
            }
            Self::Key(_) => "IMPORT_KEY",
            Self::Branch(_) => "DESCRIPTOR_NOT_RANGED",
            Self::Checksum => "DESCRIPTOR_CHECKSUM",
            Self::Address { .. } => "IMPORT_ADDRESS",
            Self::NetworkDiffers { .. } | Self::OtherNetwork { .. } => "WRONG_NETWORK",
            Self::NetworkNeeded => "NETWORK_NEEDED",
            Self::WalletPolicy(_) => "NO_WALLET_POLICY",
            Self::Descriptor(error) => error.code(),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::TooLarge { .. } | Self::NotText | Self::Empty | Self::Unknown => {
                "export the wallet's descriptor, a BSMS record, or Bitcoin Core's, Coldcard's, Sparrow's, \
                 Specter's, Nunchuk's or Caravan's file"
            }
            Self::Json { .. } => "export the file again, and carry it whole",
            Self::KeyRecord => {
                "read one signer's key with: countersign-signer import --device KIND; a wallet has all of them"
            }
            Self::Encrypted => "export the record without encryption (token 00)",
            Self::Missing { .. } | Self::Value { .. } | Self::KeyCount { .. } | Self::Key(_) => {
                "export the wallet again, or export its descriptor instead"
            }
            Self::ScriptKind(_) => {
                "move the coins to a wsh, tr or wpkh wallet; txids of others are not fixed before signing"
            }
            Self::Branch(_) => "export a descriptor of both keychains, ending in /<0;1>/*",
            Self::NotOneWallet | Self::Several(_) => {
                "give one wallet's file: its descriptors of deposits and of change, and no more"
            }
            Self::Checksum => "copy the descriptor with its checksum from the wallet again",
            Self::Address { .. } => {
                "do not use the file: get it again, and compare the first address on a device"
            }
            Self::NetworkDiffers { .. } => "export the wallet again: the file contradicts itself",
            Self::NetworkNeeded => "give --network testnet4, signet or regtest",
            Self::OtherNetwork { .. } => "give --network of the wallet, or leave it out",
            Self::WalletPolicy(_) => "export the descriptor instead",
            Self::Descriptor(error) => return error.hint(),
        }
        .to_owned()
    }
}
