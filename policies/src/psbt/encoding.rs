//! The three ways a PSBT is written: binary, base64 and hex.

use std::borrow::Cow;

use bitcoin::base64::Engine;
use bitcoin::base64::engine::general_purpose::STANDARD;
use bitcoin::hex::{DisplayHex, FromHex};

use super::MAX_BYTES;

/// How bytes are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// The bytes themselves.
    Binary,
    /// Standard base64 with padding.
    Base64,
    /// Hexadecimal digits.
    Hex,
}

/// Why a text does not stand for bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EncodingError {
    /// More characters than are ever read.
    #[error("{found} bytes or characters, too many for a PSBT")]
    TooLarge {
        /// Characters found.
        found: usize,
    },
    /// A text that is not base64.
    #[error("neither a PSBT nor its base64 or hex")]
    NotBase64,
    /// A text of hexadecimal digits and something else, or of odd length.
    #[error("not hexadecimal digits in pairs")]
    NotHex,
}

impl Encoding {
    /// How these bytes seem to be written; what is neither base64 nor hex counts as binary.
    pub fn sniff(bytes: &[u8]) -> Self {
        let text = bytes.trim_ascii();
        if bytes.starts_with(b"psbt\xff") || text.is_empty() || !text.is_ascii() {
            Self::Binary
        } else if text
            .iter()
            .all(|byte| byte.is_ascii_hexdigit() || is_line_break(*byte))
        {
            Self::Hex
        } else if text
            .iter()
            .all(|byte| byte.is_ascii_graphic() || is_line_break(*byte))
        {
            Self::Base64
        } else {
            Self::Binary
        }
    }

    /// Writes bytes in this way; texts are one line without its end.
    pub fn encode(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Binary => bytes.to_vec(),
            Self::Base64 => STANDARD.encode(bytes).into_bytes(),
            Self::Hex => bytes.to_lower_hex_string().into_bytes(),
        }
    }
}

/// The binary form of bytes in any of the three ways; line breaks in texts are ignored.
pub fn to_binary(bytes: &[u8]) -> Result<Cow<'_, [u8]>, EncodingError> {
    // Two hex digits or 4/3 characters of base64 a byte, and a line break now and then.
    if bytes.len() > MAX_BYTES.saturating_mul(5).div_ceil(2) {
        return Err(EncodingError::TooLarge { found: bytes.len() });
    }
    let encoding = Encoding::sniff(bytes);
    if encoding == Encoding::Binary {
        return Ok(Cow::Borrowed(bytes));
    }
    let text: String = bytes
        .trim_ascii()
        .iter()
        .filter(|byte| !is_line_break(**byte))
        .map(|byte| char::from(*byte))
        .collect();
    match encoding {
        Encoding::Hex => Vec::from_hex(&text).map_err(|_| EncodingError::NotHex),
        Encoding::Binary | Encoding::Base64 => {
            STANDARD.decode(&text).map_err(|_| EncodingError::NotBase64)
        }
    }
    .map(Cow::Owned)
}

fn is_line_break(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_encoding_reads_back() {
        let bytes: Vec<u8> = b"psbt\xff".iter().copied().chain(0..=255).collect();
        for encoding in [Encoding::Binary, Encoding::Base64, Encoding::Hex] {
            let written = encoding.encode(&bytes);
            assert_eq!(Encoding::sniff(&written), encoding);
            assert_eq!(to_binary(&written).expect("reads").as_ref(), bytes);
        }
    }

    #[test]
    fn wrapped_text_reads_as_one() {
        let text = Encoding::Base64.encode(&[7; 100]);
        let (head, tail) = text.split_at(76);
        let wrapped = [head, b"\r\n", tail, b"\n"].concat();
        assert_eq!(to_binary(&wrapped).expect("reads").as_ref(), [7; 100]);
    }

    #[test]
    fn text_that_is_neither_is_refused() {
        assert_eq!(to_binary(b"hello!"), Err(EncodingError::NotBase64));
        assert_eq!(to_binary(b"abc"), Err(EncodingError::NotHex));
        // Bits beyond the last byte must be zero.
        assert_eq!(to_binary(b"cHNidP9="), Err(EncodingError::NotBase64));
        let huge = vec![b'A'; MAX_BYTES * 3];
        assert!(matches!(
            to_binary(&huge),
            Err(EncodingError::TooLarge { .. })
        ));
    }
}
