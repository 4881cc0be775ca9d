//! The texts of the QR codes in one picture, and the picture of one code.

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, GrayImage, ImageEncoder as _, ImageReader, Limits};
use policies::carrier::Symbol;
use std::io::Cursor;

/// The most points of a side that are read.
pub(super) const MAX_SIDE: u32 = 8_192;
/// The most bytes that a picture may take while it is read.
const MAX_ALLOCATED: u64 = 256 << 20;
/// The points of a side of each module in pictures that are written.
const SCALE: usize = 8;

/// Why a picture cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// The bytes are no picture of a kind that is read, or not whole.
    #[error("no PNG, JPEG, PGM or PPM picture that can be read")]
    Unreadable,
    /// More points than are ever read.
    #[error("a picture of {width} × {height} points, at most {MAX_SIDE} × {MAX_SIDE} are read")]
    TooLarge {
        /// Points across.
        width: u32,
        /// Points down.
        height: u32,
    },
}

/// The texts of all codes in a PNG or JPEG picture.
///
/// # Errors
/// [`PictureError`] when it cannot be read; a picture without a code gives none.
pub fn codes_in(bytes: &[u8]) -> Result<Vec<String>, PictureError> {
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_ALLOCATED);
    let mut reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(|_| PictureError::Unreadable)?;
    reader.limits(limits);
    let picture = reader.decode().map_err(|_| PictureError::Unreadable)?;
    Ok(codes_in_greys(&picture.to_luma8()))
}

/// The texts of all codes in a picture of greys; a code that cannot be read is none.
pub(super) fn codes_in_greys(greys: &GrayImage) -> Vec<String> {
    let side = |points: u32| usize::try_from(points).unwrap_or(usize::MAX);
    let (width, height) = (side(greys.width()), side(greys.height()));
    let mut prepared = rqrr::PreparedImage::prepare_from_greyscale(width, height, |x, y| {
        let point = u32::try_from(x).ok().zip(u32::try_from(y).ok());
        let grey = point.and_then(|(x, y)| greys.get_pixel_checked(x, y));
        grey.map_or(u8::MAX, |grey| grey.0[0])
    });
    let grids = prepared.detect_grids();
    grids
        .iter()
        .filter_map(|grid| grid.decode().ok())
        .map(|(_, text)| text)
        .collect()
}

/// The picture of a code, as PNG.
pub fn png_of(symbol: &Symbol) -> Vec<u8> {
    let side = symbol.side().saturating_mul(SCALE);
    let points: Vec<u8> = (0..side)
        .flat_map(|y| (0..side).map(move |x| (x.div_euclid(SCALE), y.div_euclid(SCALE))))
        .map(|(x, y)| if symbol.is_dark(x, y) { 0 } else { u8::MAX })
        .collect();
    let side = u32::try_from(side).expect("a code has at most 185 modules a side");
    let mut png = Vec::new();
    PngEncoder::new_with_quality(&mut png, CompressionType::Fast, FilterType::NoFilter)
        .write_image(&points, side, side, ExtendedColorType::L8)
        .expect("a vector takes all, and the points fill the picture");
    png
}
