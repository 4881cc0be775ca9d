//! Where frames come from: pictures one after another, as a camera's program writes them, or lines of
//! text, as a scanner's does.

use super::picture::{MAX_SIDE, PictureError, codes_in, codes_in_greys};
use image::GrayImage;
use policies::carrier::MAX_FRAME;
use std::io::{self, BufRead, Read};

/// The most bytes of a PNG or JPEG picture.
const MAX_PICTURE: u64 = 32 << 20;
/// The most characters of a number in the head of a PGM or PPM picture.
const MAX_DIGITS: usize = 9;

/// What was seen next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// A picture and the codes in it; there may be none.
    Picture(Vec<String>),
    /// A line of text.
    Line(String),
}

/// Why a source cannot be read on.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The system refuses.
    #[error("cannot read: {0}")]
    Io(#[from] io::Error),
    /// A picture that cannot be read.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// A line that is longer than any frame, or no text.
    #[error("neither a picture nor lines of frames")]
    NeitherPictureNorLines,
}

/// Bytes in which frames are looked for, one picture or line after another.
#[derive(Debug)]
pub struct Source<R> {
    reader: R,
}

impl<R: BufRead> Source<R> {
    /// Frames of these bytes.
    pub fn of(reader: R) -> Self {
        Self { reader }
    }

    /// What comes next; nothing at the end.
    ///
    /// # Errors
    /// [`SourceError`] when it cannot be read on.
    pub fn look(&mut self) -> Result<Option<Seen>, SourceError> {
        let Some(first) = self.byte()? else {
            return Ok(None);
        };
        match first {
            0x89 | 0xff => self.picture(first).map(Some),
            b'P' => match self.byte()? {
                Some(grey @ (b'5' | b'6')) => self.anymap(grey).map(Some),
                Some(other) => self.line(vec![first, other]).map(Some),
                None => self.line(vec![first]).map(Some),
            },
            b'\n' => Ok(Some(Seen::Line(String::new()))),
            other => self.line(vec![other]).map(Some),
        }
    }

    /// The next byte, if there is one.
    fn byte(&mut self) -> io::Result<Option<u8>> {
        let next = self.reader.fill_buf()?.first().copied();
        self.reader.consume(usize::from(next.is_some()));
        Ok(next)
    }

    /// One picture in PNG or JPEG, after its first byte: all that is left.
    fn picture(&mut self, first: u8) -> Result<Seen, SourceError> {
        let mut bytes = vec![first];
        self.reader
            .by_ref()
            .take(MAX_PICTURE)
            .read_to_end(&mut bytes)?;
        if u64::try_from(bytes.len()).is_ok_and(|length| length > MAX_PICTURE) {
            return Err(PictureError::Unreadable.into());
        }
        Ok(Seen::Picture(codes_in(&bytes)?))
    }

    /// One picture in PGM or PPM (netpbm's P5 and P6, 8 bits), which may follow each other, after its
    /// two letters.
    fn anymap(&mut self, kind: u8) -> Result<Seen, SourceError> {
        let channels: usize = if kind == b'6' { 3 } else { 1 };
        let width = self.number()?;
        let height = self.number()?;
        let brightest = self.number()?;
        if width > MAX_SIDE || height > MAX_SIDE {
            return Err(PictureError::TooLarge { width, height }.into());
        }
        if width == 0 || height == 0 || brightest != 255 {
            return Err(PictureError::Unreadable.into());
        }
        let points = usize::try_from(width.saturating_mul(height)).unwrap_or(usize::MAX);
        let mut bytes = vec![0; points.saturating_mul(channels)];
        self.reader.read_exact(&mut bytes)?;
        let greys = if channels == 1 {
            bytes
        } else {
            // Green weighs most in what eyes and cameras call bright.
            bytes.chunks_exact(channels).map(|point| point[1]).collect()
        };
        let greys = GrayImage::from_raw(width, height, greys).ok_or(PictureError::Unreadable)?;
        Ok(Seen::Picture(codes_in_greys(&greys)))
    }

    /// A number of a picture's head, and the one character that ends it.
    fn number(&mut self) -> Result<u32, SourceError> {
        let mut digits = String::new();
        loop {
            let mut next = [0];
            self.reader.read_exact(&mut next)?;
            match next[0] {
                digit @ b'0'..=b'9' if digits.len() < MAX_DIGITS => digits.push(char::from(digit)),
                b'#' if digits.is_empty() => self.comment()?,
                white if white.is_ascii_whitespace() && digits.is_empty() => {}
                white if white.is_ascii_whitespace() => {
                    return digits.parse().map_err(|_| PictureError::Unreadable.into());
                }
                _ => return Err(PictureError::Unreadable.into()),
            }
        }
    }

    /// Passes over the rest of a comment's line.
    fn comment(&mut self) -> Result<(), SourceError> {
        let mut next = [0];
        while next != *b"\n" {
            self.reader.read_exact(&mut next)?;
        }
        Ok(())
    }

    /// One line, after its first bytes.
    fn line(&mut self, mut bytes: Vec<u8>) -> Result<Seen, SourceError> {
        let most = u64::try_from(MAX_FRAME).unwrap_or(u64::MAX);
        let mut bounded = self.reader.by_ref().take(most);
        bounded.read_until(b'\n', &mut bytes)?;
        let whole = bytes.ends_with(b"\n") || bytes.len() <= MAX_FRAME;
        match String::from_utf8(bytes) {
            Ok(line) if whole => Ok(Seen::Line(line.trim().to_owned())),
            Ok(_) | Err(_) => Err(SourceError::NeitherPictureNorLines),
        }
    }
}
