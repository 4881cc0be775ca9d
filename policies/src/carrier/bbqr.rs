//! BBQr: a payload in up to 1,295 parts, each a QR code that names its encoding, type, count and number.

use std::collections::BTreeMap;

use bbqr::encode::Encoding;
use bbqr::file_type::FileType;
use bbqr::header::Header;
use bbqr::join::{JoinError, Joined};
use bbqr::qr::Version;
use bbqr::split::{Split, SplitError, SplitOptions};
use bbqr::{decode::DecodeError, header::HeaderParseError};

use super::ur::{byte_string, from_byte_string};
use super::{CarrierError, MAX_BBQR_PARTS, MAX_PAYLOAD, Payload, PayloadKind, Progress, QrVersion};

/// What every part begins with.
pub(super) const MAGIC: &str = "B$";
/// The characters of a header with the part's number.
const HEADER: usize = 8;

/// The parts of a payload, in order, ready for alphanumeric QR codes.
pub(super) fn write(payload: &Payload, version: QrVersion) -> Result<Vec<String>, CarrierError> {
    let options = SplitOptions {
        encoding: Encoding::Zlib,
        min_split_number: 1,
        max_split_number: MAX_BBQR_PARTS,
        min_version: qr_version(QrVersion::MIN),
        max_version: qr_version(version),
    };
    let (file_type, bytes) = match payload.kind() {
        PayloadKind::Psbt => (FileType::Psbt, None),
        PayloadKind::Transaction => (FileType::Transaction, None),
        PayloadKind::Json => (FileType::Json, None),
        PayloadKind::Text => (FileType::UnicodeText, None),
        // BBQr has no type of mere bytes that all readers know: CBOR's byte string says it.
        PayloadKind::Binary => (FileType::Cbor, Some(byte_string(payload.bytes()))),
    };
    let bytes = bytes.as_deref().unwrap_or(payload.bytes());
    match Split::try_from_data(bytes, file_type, options) {
        Ok(split) => Ok(split.parts),
        Err(SplitError::Empty) => Err(CarrierError::Empty),
        Err(SplitError::ZlibInputTooLarge { size, .. }) => {
            Err(CarrierError::TooLarge { found: size })
        }
        Err(
            SplitError::CannotFit
            | SplitError::MaxSplitSizeTooLarge(_)
            | SplitError::MinSplitTooSmall
            | SplitError::InvalidSplitRange
            | SplitError::InvalidVersionRange
            | SplitError::EncodeError(_),
        ) => Err(CarrierError::TooManyFrames),
    }
}

/// The most bytes that so many parts hold, where they do not compress: eight letters stand for five bytes.
pub(super) fn bytes_within(version: QrVersion, parts: usize) -> usize {
    let letters = version.capacity().saturating_sub(HEADER);
    let bytes = letters.div_euclid(8).saturating_mul(5);
    bytes
        .saturating_mul(parts.min(MAX_BBQR_PARTS))
        .min(MAX_PAYLOAD)
}

/// The most parts of so many bytes: in base 32, eight characters hold five bytes.
pub(super) fn parts_at_most(bytes: usize, version: QrVersion) -> Option<usize> {
    let room = version.capacity().saturating_sub(HEADER);
    let parts = bytes.div_ceil(room.div_euclid(8).saturating_mul(5));
    (bytes <= MAX_PAYLOAD && parts <= MAX_BBQR_PARTS).then_some(parts.max(1))
}

fn qr_version(version: QrVersion) -> Version {
    Version::try_from(version.get()).expect("versions 5 to 40 exist")
}

/// The parts of one series that came so far.
#[derive(Debug)]
pub(super) struct Parts {
    header: Header,
    kind: PayloadKind,
    frames: BTreeMap<usize, String>,
}

impl Parts {
    /// Begins with the first part that came.
    pub(super) fn begin(frame: &str) -> Result<Self, CarrierError> {
        let (header, part) = head(frame)?;
        let kind = kind(header.file_type)?;
        let frames = BTreeMap::from([(part, frame.to_owned())]);
        Ok(Self {
            header,
            kind,
            frames,
        })
    }

    /// Takes one more part.
    pub(super) fn take(&mut self, frame: &str) -> Result<(), CarrierError> {
        let (header, part) = head(frame)?;
        if header != self.header {
            return Err(CarrierError::OtherTransfer);
        }
        match self.frames.get(&part) {
            Some(known) if known == frame => Ok(()),
            Some(_) => Err(CarrierError::Contradiction {
                part: part.saturating_add(1),
            }),
            None => {
                self.frames.insert(part, frame.to_owned());
                Ok(())
            }
        }
    }

    /// What is there and what is missing.
    pub(super) fn progress(&self) -> Progress {
        let missing = (0..self.header.num_parts)
            .filter(|part| !self.frames.contains_key(part))
            .map(|part| part.saturating_add(1))
            .collect();
        Progress {
            have: self.frames.len(),
            of: self.header.num_parts,
            missing: Some(missing),
        }
    }

    /// The payload, once all parts are there.
    pub(super) fn whole(&self) -> Result<Option<Payload>, CarrierError> {
        if self.frames.len() < self.header.num_parts {
            return Ok(None);
        }
        let parts = self.frames.values().cloned().collect();
        let joined = Joined::try_from_parts(parts).map_err(|error| match error {
            JoinError::DecodeError(DecodeError::DecompressedTooLarge { .. }) => {
                CarrierError::Unpacks
            }
            JoinError::DecodeError(_)
            | JoinError::Empty
            | JoinError::ConflictingHeaders
            | JoinError::TooManyParts(..)
            | JoinError::DuplicatePartWrongContent(_)
            | JoinError::PartWithNoData(_)
            | JoinError::MissingPart(_)
            | JoinError::HeaderParseError(_) => CarrierError::Corrupt,
        })?;
        if joined.data.len() > MAX_PAYLOAD {
            return Err(CarrierError::Unpacks);
        }
        let bytes = match joined.file_type {
            FileType::Cbor => from_byte_string(&joined.data).ok_or(CarrierError::Corrupt)?,
            FileType::Psbt
            | FileType::Transaction
            | FileType::Json
            | FileType::UnicodeText
            | FileType::KeyTeleportReceiver
            | FileType::KeyTeleportSender
            | FileType::KeyTeleportPsbt => joined.data,
        };
        Payload::said(self.kind, bytes).map(Some)
    }
}

/// A part's header and its number, from 0.
fn head(frame: &str) -> Result<(Header, usize), CarrierError> {
    let header = Header::try_from_str(frame).map_err(|error| match error {
        HeaderParseError::InvalidFileType(found) => CarrierError::BbqrType { found },
        HeaderParseError::Empty
        | HeaderParseError::InvalidEncoding(_)
        | HeaderParseError::InvalidFixedHeader
        | HeaderParseError::InvalidHeaderSize(_)
        | HeaderParseError::InvalidHeaderParts(_)
        | HeaderParseError::NotAscii => CarrierError::BbqrHeader,
    })?;
    let parts = header.num_parts;
    if parts == 0 || parts > MAX_BBQR_PARTS {
        let found = u64::try_from(parts).unwrap_or(u64::MAX);
        return Err(CarrierError::Parts { found });
    }
    let digits = frame.get(HEADER.saturating_sub(2)..HEADER);
    let number = digits
        .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_alphanumeric()))
        .and_then(|digits| usize::from_str_radix(digits, 36).ok())
        .ok_or(CarrierError::BbqrHeader)?;
    if number >= parts {
        return Err(CarrierError::PartBeyond {
            part: number.saturating_add(1),
            parts,
        });
    }
    if frame.len() == HEADER {
        return Err(CarrierError::BbqrHeader);
    }
    Ok((header, number))
}

fn kind(file_type: FileType) -> Result<PayloadKind, CarrierError> {
    match file_type {
        FileType::Psbt => Ok(PayloadKind::Psbt),
        FileType::Transaction => Ok(PayloadKind::Transaction),
        FileType::Json => Ok(PayloadKind::Json),
        FileType::UnicodeText => Ok(PayloadKind::Text),
        FileType::Cbor => Ok(PayloadKind::Binary),
        FileType::KeyTeleportReceiver | FileType::KeyTeleportSender | FileType::KeyTeleportPsbt => {
            Err(CarrierError::BbqrType {
                found: char::from(file_type.as_byte()),
            })
        }
    }
}
