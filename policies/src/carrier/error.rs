//! Why frames or files are not taken, or a payload is not shown.

use super::{MAX_BBQR_PARTS, MAX_FRAME, MAX_PAYLOAD, MAX_UR_FRAGMENTS, MAX_UR_PAYLOAD};

/// Why a frame is not taken, or a payload cannot be carried.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CarrierError {
    /// There is nothing to carry.
    #[error("there is nothing in it")]
    Empty,
    /// More bytes than are ever carried.
    #[error("{found} bytes, at most {MAX_PAYLOAD} are carried")]
    TooLarge {
        /// Bytes found.
        found: usize,
    },
    /// More bytes than a UR carries.
    #[error("{found} bytes, a UR carries at most {MAX_UR_PAYLOAD}")]
    TooLargeForUr {
        /// Bytes found or announced.
        found: u64,
    },
    /// More frames than the carrier counts.
    #[error("more frames are needed than can be counted, at this density")]
    TooManyFrames,
    /// A frame of more characters than any QR code holds.
    #[error("a frame of {found} characters, no QR code holds more than {MAX_FRAME}")]
    FrameTooLong {
        /// Characters found.
        found: usize,
    },
    /// A QR code of something else.
    #[error("this is neither a frame of BBQr or UR nor a PSBT")]
    NotAFrame,
    /// A BBQr header that cannot be read.
    #[error("a BBQr frame whose header cannot be read")]
    BbqrHeader,
    /// A kind of content that is not taken here.
    #[error("a BBQr frame of type {found}, which is not taken here")]
    BbqrType {
        /// The type's letter.
        found: char,
    },
    /// A part whose number is beyond the count.
    #[error("part {part} of {parts}")]
    PartBeyond {
        /// The part, from 1.
        part: usize,
        /// The count announced.
        parts: usize,
    },
    /// No parts, or more than are ever read.
    #[error(
        "{found} parts announced; at most {MAX_BBQR_PARTS} of BBQr and {MAX_UR_FRAGMENTS} of UR are read"
    )]
    Parts {
        /// Parts announced.
        found: u64,
    },
    /// A UR of a kind that is not taken here.
    #[error("a UR of a kind that is not taken here; crypto-psbt, psbt and bytes are")]
    UrType,
    /// A UR whose letters do not stand for bytes, or whose checksum is wrong.
    #[error("a UR frame whose letters or checksum are wrong")]
    Bytewords,
    /// A UR whose content is cut short or not what its kind demands.
    #[error("a UR whose content is not in its one form (CBOR)")]
    Cbor,
    /// A frame of another transfer than the one that is being collected.
    #[error("a frame of another transfer than the one begun")]
    OtherTransfer,
    /// The same part twice with different content.
    #[error("part {part} came twice with different content")]
    Contradiction {
        /// The part, from 1.
        part: usize,
    },
    /// More frames than a transfer of this size can need.
    #[error("{taken} frames and still not whole: they do not belong together")]
    Endless {
        /// Frames taken.
        taken: usize,
    },
    /// All parts are there and do not make the whole.
    #[error("all parts are there and do not fit together")]
    Corrupt,
    /// The parts unpack to more than is ever carried.
    #[error("the parts unpack to more than {MAX_PAYLOAD} bytes")]
    Unpacks,
    /// The whole is not of the kind that its frames name.
    #[error("the frames say {said}, and it is none")]
    NotWhatItSays {
        /// The kind that they name.
        said: super::PayloadKind,
    },
}

impl CarrierError {
    /// The stable code of the refusal.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Empty => "CARRIER_EMPTY",
            Self::TooLarge { .. } | Self::TooLargeForUr { .. } | Self::TooManyFrames => {
                "CARRIER_TOO_LARGE"
            }
            Self::FrameTooLong { .. } | Self::NotAFrame => "CARRIER_NOT_A_FRAME",
            Self::BbqrHeader | Self::Bytewords | Self::Cbor => "CARRIER_BAD_FRAME",
            Self::BbqrType { .. } | Self::UrType => "CARRIER_OTHER_KIND",
            Self::PartBeyond { .. } | Self::Parts { .. } => "CARRIER_BAD_COUNT",
            Self::OtherTransfer => "CARRIER_OTHER_TRANSFER",
            Self::Contradiction { .. } | Self::Endless { .. } | Self::Corrupt => "CARRIER_CORRUPT",
            Self::Unpacks => "CARRIER_UNPACKS_TOO_LARGE",
            Self::NotWhatItSays { .. } => "CARRIER_NOT_WHAT_IT_SAYS",
        }
    }

    /// What to do about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Empty => "show or give the file again; it may not have been written to its end",
            Self::TooLarge { .. } => {
                "carry fewer inputs: make smaller batches, or join coins first"
            }
            Self::TooLargeForUr { .. } => "carry it as BBQr or as a file",
            Self::TooManyFrames => "choose a higher density, or carry it as a file",
            Self::FrameTooLong { .. } | Self::NotAFrame => {
                "point the camera at the code that is to be read, and at no other"
            }
            Self::BbqrHeader | Self::Bytewords | Self::Cbor | Self::PartBeyond { .. } => {
                "go on: a frame that was read wrongly comes again"
            }
            Self::BbqrType { .. } | Self::UrType => {
                "choose on the other machine to show a PSBT, or what was asked for"
            }
            Self::Parts { .. } => "make it smaller on the other machine, or carry it as a file",
            Self::OtherTransfer => {
                "go on with the one begun, or start anew if this is the one that is wanted"
            }
            Self::Contradiction { .. }
            | Self::Endless { .. }
            | Self::Corrupt
            | Self::NotWhatItSays { .. } => {
                "start anew, with one code in sight; or carry it as a file"
            }
            Self::Unpacks => "do not use it: nothing that is carried here is as large",
        }
    }

    /// Whether the transfer that was being collected is lost with it, and begins anew.
    pub const fn ends_the_transfer(&self) -> bool {
        match self {
            Self::Endless { .. } | Self::Corrupt | Self::Unpacks | Self::NotWhatItSays { .. } => {
                true
            }
            Self::Empty
            | Self::TooLarge { .. }
            | Self::TooLargeForUr { .. }
            | Self::TooManyFrames
            | Self::FrameTooLong { .. }
            | Self::NotAFrame
            | Self::BbqrHeader
            | Self::BbqrType { .. }
            | Self::PartBeyond { .. }
            | Self::Parts { .. }
            | Self::UrType
            | Self::Bytewords
            | Self::Cbor
            | Self::OtherTransfer
            | Self::Contradiction { .. } => false,
        }
    }
}
