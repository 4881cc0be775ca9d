//! UR: a payload in fragments of a fountain code, so that any frames that came make up for those that
//! did not.

use ur::bytewords::{self, Style};

use super::{
    CarrierError, MAX_UR_FRAGMENTS, MAX_UR_PAYLOAD, Payload, PayloadKind, Progress, QrVersion,
};
use crate::cbor::Reader;

/// What every frame begins with, in either case.
pub(super) const SCHEME: &str = "ur:";
/// The most bytes that CBOR's head adds to a byte string of a payload.
const MOST_HEAD: usize = 5;

/// The kinds that are read; `psbt` is the registry's newer name of `crypto-psbt`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum UrKind {
    CryptoPsbt,
    Psbt,
    Bytes,
}

impl UrKind {
    const fn name(self) -> &'static str {
        match self {
            Self::CryptoPsbt => "crypto-psbt",
            Self::Psbt => "psbt",
            Self::Bytes => "bytes",
        }
    }

    fn read(name: &str) -> Result<Self, CarrierError> {
        [Self::CryptoPsbt, Self::Psbt, Self::Bytes]
            .into_iter()
            .find(|kind| kind.name() == name)
            .ok_or(CarrierError::UrType)
    }
}

/// The first frames of a payload, ready for alphanumeric QR codes: all fragments in order, then as many
/// mixed ones as `mixed` says.
pub(super) fn write(
    payload: &Payload,
    version: QrVersion,
    mixed: impl Fn(usize) -> usize,
) -> Result<Vec<String>, CarrierError> {
    let found = payload.bytes().len();
    if found > MAX_UR_PAYLOAD {
        let found = u64::try_from(found).unwrap_or(u64::MAX);
        return Err(CarrierError::TooLargeForUr { found });
    }
    let kind = match payload.kind() {
        PayloadKind::Psbt => UrKind::CryptoPsbt,
        PayloadKind::Transaction | PayloadKind::Json | PayloadKind::Text | PayloadKind::Binary => {
            UrKind::Bytes
        }
    };
    let message = byte_string(payload.bytes());
    let most = fragment_within(version, kind);
    if message.len() <= most {
        let whole = ur::try_encode(&message, &ur::Type::Custom(kind.name()));
        let whole = whole.expect("the kind's name is of letters and a hyphen");
        return Ok(vec![whole.to_ascii_uppercase()]);
    }
    let mut encoder = ur::Encoder::new(&message, most, kind.name())
        .expect("neither message nor fragment is empty, and the name is of letters and a hyphen");
    let fragments = encoder.fragment_count();
    if fragments > MAX_UR_FRAGMENTS {
        return Err(CarrierError::TooManyFrames);
    }
    let frames = fragments.saturating_add(mixed(fragments));
    Ok((0..frames)
        .map(|_| {
            let frame = encoder.next_part();
            frame
                .expect("a vector takes all that is written")
                .to_ascii_uppercase()
        })
        .collect())
}

/// The most bytes that so many fragments hold of a PSBT.
pub(super) fn bytes_within(version: QrVersion, fragments: usize) -> usize {
    let most = fragment_within(version, UrKind::CryptoPsbt);
    let message = most.saturating_mul(fragments.min(MAX_UR_FRAGMENTS));
    message.saturating_sub(MOST_HEAD).min(MAX_UR_PAYLOAD)
}

/// The most fragments of so many bytes of a PSBT.
pub(super) fn fragments_at_most(bytes: usize, version: QrVersion) -> Option<usize> {
    let message = bytes.saturating_add(MOST_HEAD);
    let fragments = message.div_ceil(fragment_within(version, UrKind::CryptoPsbt));
    (bytes <= MAX_UR_PAYLOAD && fragments <= MAX_UR_FRAGMENTS).then_some(fragments)
}

/// The bytes of a fragment whose frame fits a code of this version.
fn fragment_within(version: QrVersion, kind: UrKind) -> usize {
    // The scheme, the kind, two numbers of four digits, and three strokes; two letters a byte; an array
    // of five, four numbers of up to five bytes, the fragment's head of three, and the checksum of four.
    let address = SCHEME.len() + kind.name().len() + 3 + 2 * 4;
    let head = 1 + 4 * 5 + 3 + 4;
    let letters = version.capacity().saturating_sub(address);
    letters.div_euclid(2).saturating_sub(head)
}

/// The fragments of one message that came so far.
pub(super) struct Fragments {
    kind: UrKind,
    count: usize,
    decoder: ur::Decoder,
    taken: usize,
}

impl std::fmt::Debug for Fragments {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fragments")
            .field("kind", &self.kind)
            .field("progress", &self.progress())
            .finish_non_exhaustive()
    }
}

/// What one frame holds.
enum Frame {
    Single(Vec<u8>),
    Part { count: usize },
}

/// The whole, or its beginning.
pub(super) enum Begun {
    /// A single frame that holds all.
    Whole(Payload),
    /// The first of several.
    Part(Fragments),
}

impl Fragments {
    /// Begins with the first frame that came.
    pub(super) fn begin(frame: &str) -> Result<Begun, CarrierError> {
        let (kind, read) = read(frame)?;
        match read {
            Frame::Single(message) => payload(kind, &message).map(Begun::Whole),
            Frame::Part { count } => {
                let mut begun = Self {
                    kind,
                    count,
                    decoder: ur::Decoder::default(),
                    taken: 0,
                };
                begun.receive(frame)?;
                Ok(Begun::Part(begun))
            }
        }
    }

    /// Takes one more frame.
    pub(super) fn take(&mut self, frame: &str) -> Result<(), CarrierError> {
        let (kind, read) = read(frame)?;
        match read {
            Frame::Part { count } if count == self.count && kind == self.kind => {
                self.receive(frame)
            }
            Frame::Part { .. } | Frame::Single(_) => Err(CarrierError::OtherTransfer),
        }
    }

    fn receive(&mut self, frame: &str) -> Result<(), CarrierError> {
        // A fountain needs a few frames more than fragments; four times as many is no transfer.
        let most = self.count.saturating_mul(4).saturating_add(64);
        if self.taken >= most {
            return Err(CarrierError::Endless { taken: self.taken });
        }
        self.decoder
            .receive(frame)
            .map_err(|_| CarrierError::OtherTransfer)?;
        self.taken = self.taken.saturating_add(1);
        Ok(())
    }

    /// What is there; which fragments are missing, a fountain does not say.
    pub(super) fn progress(&self) -> Progress {
        Progress {
            have: self.decoder.resolved_fragment_count().unwrap_or(0),
            of: self.count,
            missing: None,
        }
    }

    /// The payload, once the fragments make it up.
    pub(super) fn whole(&self) -> Result<Option<Payload>, CarrierError> {
        match self.decoder.message() {
            Ok(None) => Ok(None),
            Ok(Some(message)) => payload(self.kind, &message).map(Some),
            Err(_) => Err(CarrierError::Corrupt),
        }
    }
}

fn payload(kind: UrKind, message: &[u8]) -> Result<Payload, CarrierError> {
    let bytes = from_byte_string(message).ok_or(CarrierError::Cbor)?;
    match kind {
        UrKind::CryptoPsbt | UrKind::Psbt => Payload::said(PayloadKind::Psbt, bytes),
        // Mere bytes say no kind: it is what they are.
        UrKind::Bytes => Payload::sniff(&bytes),
    }
}

/// Reads a frame as far as its bounds go, before any decoder allocates by what it announces.
fn read(frame: &str) -> Result<(UrKind, Frame), CarrierError> {
    let lower = frame.to_ascii_lowercase();
    let rest = lower.strip_prefix(SCHEME).ok_or(CarrierError::NotAFrame)?;
    let (name, rest) = rest.split_once('/').ok_or(CarrierError::UrType)?;
    let kind = UrKind::read(name)?;
    let (indices, letters) = match rest.split_once('/') {
        None => (None, rest),
        Some((indices, letters)) => (Some(indices), letters),
    };
    let bytes = bytewords::decode(letters, Style::Minimal).map_err(|_| CarrierError::Bytewords)?;
    let Some(indices) = indices else {
        return Ok((kind, Frame::Single(bytes)));
    };
    let part = Part::read(&bytes).ok_or(CarrierError::Cbor)?;
    if indices != format!("{}-{}", part.sequence, part.count) {
        return Err(CarrierError::Cbor);
    }
    let count = usize::try_from(part.count).unwrap_or(usize::MAX);
    if count == 0 || count > MAX_UR_FRAGMENTS {
        return Err(CarrierError::Parts {
            found: u64::from(part.count),
        });
    }
    let most = MAX_UR_PAYLOAD.saturating_add(MOST_HEAD);
    let length = usize::try_from(part.length).unwrap_or(usize::MAX);
    if length > most {
        return Err(CarrierError::TooLargeForUr {
            found: u64::from(part.length),
        });
    }
    // BCR-2020-005: the message, padded, is cut into fragments of one length.
    let holds = part.fragment.saturating_mul(count);
    if part.sequence == 0 || length == 0 || holds < length || part.fragment > length {
        return Err(CarrierError::Cbor);
    }
    Ok((kind, Frame::Part { count }))
}

/// The head of a part: five items of CBOR.
struct Part {
    sequence: u32,
    count: u32,
    length: u32,
    fragment: usize,
}

impl Part {
    fn read(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::lenient(bytes);
        (reader.array()? == 5).then_some(())?;
        let mut number = || u32::try_from(reader.unsigned()?).ok();
        let (sequence, count, length) = (number()?, number()?, number()?);
        // The checksum of the message.
        number()?;
        let fragment = reader.bytes()?.len();
        (reader.rest().is_empty() && fragment > 0).then_some(Self {
            sequence,
            count,
            length,
            fragment,
        })
    }
}

/// Bytes as CBOR's byte string, in its shortest form.
pub(super) fn byte_string(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).expect("a payload is far below 2^32 bytes");
    let [high, second, third, low] = length.to_be_bytes();
    let head: &[u8] = match length {
        0..=23 => &[0x40 | low],
        24..=0xff => &[0x58, low],
        0x100..=0xffff => &[0x59, third, low],
        0x1_0000.. => &[0x5a, high, second, third, low],
    };
    [head, bytes].concat()
}

/// The bytes of CBOR's one byte string.
pub(super) fn from_byte_string(message: &[u8]) -> Option<Vec<u8>> {
    let mut reader = Reader::lenient(message);
    let bytes = reader.bytes()?;
    reader.rest().is_empty().then(|| bytes.to_vec())
}
