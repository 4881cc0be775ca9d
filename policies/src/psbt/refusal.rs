//! Why bytes are not a PSBT that we read.

use std::fmt;

use bitcoin::{Amount, OutPoint, Txid};

use super::encoding::EncodingError;
use super::manifest::ManifestError;
use super::scan::Record;
use super::{MAX_BYTES, MAX_INPUTS, MAX_OUTPUTS, MAX_RECORDS, MAX_TAP_LEAVES};

/// One of the maps of a PSBT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MapName {
    /// The global map.
    Global,
    /// The map of an input.
    Input(usize),
    /// The map of an output.
    Output(usize),
}

impl fmt::Display for MapName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Global => f.write_str("the global map"),
            Self::Input(index) => write!(f, "input {index}"),
            Self::Output(index) => write!(f, "output {index}"),
        }
    }
}

/// Why a PSBT is refused before anyone asks what it pays.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PsbtRefusal {
    /// More bytes than are ever read.
    #[error("{found} bytes, at most {MAX_BYTES} are read")]
    TooLarge {
        /// Bytes found.
        found: usize,
    },
    /// Neither binary, nor base64, nor hex of a PSBT.
    #[error(transparent)]
    Encoding(#[from] EncodingError),
    /// The bytes do not begin as a PSBT does.
    #[error("not a PSBT: the bytes do not begin with its magic")]
    NotAPsbt,
    /// A length points beyond the end of the bytes.
    #[error("{map}: the bytes end early, at {position}")]
    EndsEarly {
        /// Where.
        map: MapName,
        /// The byte.
        position: usize,
    },
    /// A length is not written in its shortest form.
    #[error("{map}: a length that is not in its shortest form, at byte {position}")]
    LongLength {
        /// Where.
        map: MapName,
        /// The byte.
        position: usize,
    },
    /// Bytes after the last map.
    #[error("{found} bytes follow the end of the PSBT")]
    TrailingBytes {
        /// Bytes found.
        found: usize,
    },
    /// More records than are ever read.
    #[error("more than {MAX_RECORDS} records, up to {map}")]
    TooManyRecords {
        /// Where.
        map: MapName,
    },
    /// More inputs than are ever read.
    #[error("{found} inputs, at most {MAX_INPUTS} are read")]
    TooManyInputs {
        /// Inputs found.
        found: u64,
    },
    /// More outputs than are ever read.
    #[error("{found} outputs, at most {MAX_OUTPUTS} are read")]
    TooManyOutputs {
        /// Outputs found.
        found: u64,
    },
    /// A PSBT of another version than 0 and 2.
    #[error("PSBT version {version} is not supported, only 0 and 2 are")]
    VersionNotYet {
        /// The version.
        version: u32,
    },
    /// A record that only the other version has.
    #[error("{map}: a record of type 0x{key_type:02x} in a PSBT of version {version}")]
    OtherVersionsField {
        /// Where.
        map: MapName,
        /// The type, the first byte of its key.
        key_type: u8,
        /// The version of the PSBT.
        version: u32,
    },
    /// A part of the transaction is not there, in version 2.
    #[error("{map}: the record of type 0x{key_type:02x} is missing")]
    MissingField {
        /// Where.
        map: MapName,
        /// The type, the first byte of its key.
        key_type: u8,
    },
    /// A key or value that has not the shape of its type.
    #[error("{map}: the record of type 0x{key_type:02x} has another shape than its type")]
    MalformedField {
        /// Where.
        map: MapName,
        /// The type, the first byte of its key.
        key_type: u8,
    },
    /// Inputs demand locktimes that no transaction can have together.
    #[error("one input demands a height as locktime, another a time")]
    NoLocktime,
    /// A transaction that others may still change, in version 2.
    #[error("the transaction may still be changed (flags 0x{flags:02x})")]
    Modifiable {
        /// The flags found.
        flags: u8,
    },
    /// An input that demands a locktime of its own, in version 2.
    #[error("input {input}: demands a locktime of its own")]
    RequiredLocktime {
        /// The input.
        input: usize,
    },
    /// More leaves of taproot trees than are ever read.
    #[error("{map}: more than {MAX_TAP_LEAVES} leaves of taproot trees")]
    TooManyLeaves {
        /// Where.
        map: MapName,
    },
    /// There is no unsigned transaction.
    #[error("there is no unsigned transaction")]
    NoTransaction,
    /// The unsigned transaction cannot be read, or carries scriptSigs or witnesses.
    #[error("the unsigned transaction cannot be read")]
    BadTransaction,
    /// The transaction spends or pays nothing.
    #[error("the transaction has {inputs} inputs and {outputs} outputs")]
    EmptyTransaction {
        /// Inputs found.
        inputs: usize,
        /// Outputs found.
        outputs: usize,
    },
    /// A record of a type that is not expected here.
    #[error("{map}: a record of type 0x{key_type:02x} is not expected")]
    UnexpectedField {
        /// Where.
        map: MapName,
        /// The type, the first byte of its key.
        key_type: u8,
    },
    /// Proprietary records of someone else.
    #[error("{map}: proprietary records of another program")]
    ForeignProprietary {
        /// Where.
        map: MapName,
    },
    /// Signatures in a PSBT that is to be signed: everyone signs the bare one.
    #[error("{map}: signatures where none are expected (type 0x{key_type:02x})")]
    UnexpectedSignature {
        /// Where.
        map: MapName,
        /// The type, the first byte of its key.
        key_type: u8,
    },
    /// A key comes twice in a map.
    #[error("{map}: a record of type 0x{key_type:02x} comes twice")]
    DuplicateRecord {
        /// Where.
        map: MapName,
        /// The type, the first byte of its key.
        key_type: u8,
    },
    /// The value of a record cannot be read.
    #[error("a record's key or value cannot be read")]
    BadRecord,
    /// Encoding it again gives other bytes.
    #[error("encoding it again gives other bytes, from byte {position} on")]
    NotCanonical {
        /// The first byte that differs.
        position: usize,
    },
    /// An input that signs for anything but all inputs and outputs.
    #[error("input {input}: sighash type 0x{found:02x}, only ALL or DEFAULT is signed")]
    Sighash {
        /// The input.
        input: usize,
        /// The type found.
        found: u32,
    },
    /// An input without any previous output.
    #[error("input {input}: neither previous transaction nor previous output")]
    NoPreviousOutput {
        /// The input.
        input: usize,
    },
    /// The previous transaction is another one than the input spends.
    #[error("input {input}: spends {expected}, but the previous transaction is {found}")]
    PreviousTransaction {
        /// The input.
        input: usize,
        /// The txid that the input spends.
        expected: Txid,
        /// The txid of the transaction carried.
        found: Txid,
    },
    /// The previous transaction has no such output.
    #[error("input {input}: output {vout} of a previous transaction with {outputs} outputs")]
    PreviousOutputMissing {
        /// The input.
        input: usize,
        /// The output that the input spends.
        vout: u32,
        /// Outputs of the transaction carried.
        outputs: usize,
    },
    /// The two descriptions of the previous output differ.
    #[error(
        "input {input}: claims to spend {claimed}, but the previous transaction pays {found} or another script"
    )]
    PreviousOutputDiffers {
        /// The input.
        input: usize,
        /// The amount of the previous output as claimed.
        claimed: Amount,
        /// The amount in the previous transaction.
        found: Amount,
    },
    /// An outpoint that is spent twice.
    #[error("input {input}: spends {outpoint}, as input {first} does")]
    InputTwice {
        /// The second input.
        input: usize,
        /// The first input.
        first: usize,
        /// The outpoint.
        outpoint: OutPoint,
    },
    /// An amount that no transaction can have.
    #[error("{map}: {found} sat is more than there will ever be")]
    AmountTooLarge {
        /// Where.
        map: MapName,
        /// Satoshi found.
        found: u64,
    },
    /// The manifest cannot be read.
    #[error("manifest: {0}")]
    Manifest(#[from] ManifestError),
}

impl PsbtRefusal {
    /// The refusal of a record that has not the shape of its type.
    pub(super) const fn malformed(record: &Record<'_>) -> Self {
        Self::MalformedField {
            map: record.map,
            key_type: record.key_type,
        }
    }

    /// The stable code of the refusal.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. }
            | Self::TooManyRecords { .. }
            | Self::TooManyInputs { .. }
            | Self::TooManyOutputs { .. }
            | Self::TooManyLeaves { .. } => "PSBT_TOO_LARGE",
            Self::Encoding(_) | Self::NotAPsbt => "PSBT_NOT_A_PSBT",
            Self::EndsEarly { .. } => "PSBT_TRUNCATED",
            Self::TrailingBytes { .. } => "PSBT_TRAILING_BYTES",
            Self::VersionNotYet { .. } => "PSBT_VERSION_NOT_YET",
            Self::NoTransaction
            | Self::BadTransaction
            | Self::EmptyTransaction { .. }
            | Self::MissingField { .. }
            | Self::NoLocktime => "PSBT_TRANSACTION",
            Self::UnexpectedField { .. }
            | Self::ForeignProprietary { .. }
            | Self::OtherVersionsField { .. } => "PSBT_UNEXPECTED_FIELD",
            Self::Modifiable { .. } => "PSBT_MODIFIABLE",
            Self::RequiredLocktime { .. } => "PSBT_REQUIRED_LOCKTIME",
            Self::UnexpectedSignature { .. } => "PSBT_UNEXPECTED_SIGNATURE",
            Self::DuplicateRecord { .. }
            | Self::BadRecord
            | Self::MalformedField { .. }
            | Self::LongLength { .. }
            | Self::NotCanonical { .. } => "PSBT_NOT_CANONICAL",
            Self::Sighash { .. } => "SIGHASH",
            Self::NoPreviousOutput { .. } => "PREVIOUS_OUTPUT_MISSING",
            Self::PreviousTransaction { .. }
            | Self::PreviousOutputMissing { .. }
            | Self::PreviousOutputDiffers { .. } => "PREVIOUS_OUTPUT_MISMATCH",
            Self::InputTwice { .. } => "INPUT_TWICE",
            Self::AmountTooLarge { .. } => "AMOUNT_TOO_LARGE",
            Self::Manifest(_) => "MANIFEST",
        }
    }

    /// What to do about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::TooLarge { .. }
            | Self::TooManyRecords { .. }
            | Self::TooManyInputs { .. }
            | Self::TooManyOutputs { .. }
            | Self::TooManyLeaves { .. } => "pay fewer withdrawals in one batch",
            Self::Encoding(_) | Self::NotAPsbt => {
                "give the file as the coordinator wrote it: binary, base64 or hex"
            }
            Self::EndsEarly { .. } => "the file was cut off: fetch it again",
            Self::VersionNotYet { .. } => "ask for the PSBT in version 0 or 2",
            Self::TrailingBytes { .. }
            | Self::LongLength { .. }
            | Self::DuplicateRecord { .. }
            | Self::BadRecord
            | Self::MalformedField { .. }
            | Self::MissingField { .. }
            | Self::NoLocktime
            | Self::NotCanonical { .. }
            | Self::NoTransaction
            | Self::BadTransaction
            | Self::EmptyTransaction { .. }
            | Self::Manifest(_) => "fetch the attempt's PSBT again; if it stays, do not sign",
            Self::UnexpectedField { .. }
            | Self::ForeignProprietary { .. }
            | Self::OtherVersionsField { .. }
            | Self::UnexpectedSignature { .. } => {
                "sign only the bare PSBT of the attempt, before any other program wrote into it"
            }
            Self::Modifiable { .. } | Self::RequiredLocktime { .. } => {
                "do not sign: the coordinator writes PSBTs that are final; fetch the attempt's again"
            }
            Self::Sighash { .. } => "do not sign: a signature of this kind could be used elsewhere",
            Self::NoPreviousOutput { .. }
            | Self::PreviousTransaction { .. }
            | Self::PreviousOutputMissing { .. }
            | Self::PreviousOutputDiffers { .. }
            | Self::InputTwice { .. }
            | Self::AmountTooLarge { .. } => {
                "do not sign: the coordinator does not tell the truth about the coins"
            }
        }
    }
}
