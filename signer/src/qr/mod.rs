//! QR codes at this machine's own screen, cards and camera: pictures in, frames out.
//!
//! What frames mean is decided by [`policies::carrier`]; here they are found in pictures and streams.
//! Invariant: a picture's size is bounded before its points are read, and a picture without a code is
//! no error, since a camera sees many.

#[cfg(all(feature = "camera", target_os = "linux"))]
pub mod camera;
mod explained;
mod picture;
mod source;

pub use picture::{PictureError, codes_in, png_of};
pub use source::{Seen, Source, SourceError};

#[cfg(test)]
mod tests;
