//! Pictures of a camera of this machine (Video4Linux), without anything between.
//!
//! Invariant: all that is Linux's own is behind [`Pictures`]; what is looked for in a picture, and what becomes
//! of the codes, is the same as for pictures from files.

use super::picture::{MAX_SIDE, codes_in_greys};
use super::{Seen, SourceError};
use image::GrayImage;
use linuxvideo::format::{PixFormat, PixelFormat};
use linuxvideo::stream::ReadStream;
use linuxvideo::{CapabilityFlags, Device};
use std::io;
use std::path::{Path, PathBuf};

/// The camera that is taken where none is named.
pub const FIRST: &str = "/dev/video0";
/// The points that are asked for; a camera gives what it has. Codes of version 40 need about as many.
const WIDTH: u32 = 1_280;
const HEIGHT: u32 = 720;

/// Pictures of greys, one after another.
pub trait Pictures {
    /// The next picture.
    ///
    /// # Errors
    /// The system's answer.
    fn next(&mut self) -> io::Result<GrayImage>;
}

/// What is seen next by whatever gives pictures; they have no end.
///
/// # Errors
/// [`SourceError::Io`].
pub fn look(pictures: &mut impl Pictures) -> Result<Option<Seen>, SourceError> {
    let picture = pictures.next()?;
    Ok(Some(Seen::Picture(codes_in_greys(&picture))))
}

/// Why a camera cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CameraError {
    /// It is not there, or this user may not use it.
    #[error("there is no camera at {}: {cause}", .device.display())]
    NoCamera {
        /// The device named.
        device: PathBuf,
        /// The system's answer.
        cause: io::Error,
    },
    /// It is a device that gives no pictures.
    #[error("{} gives no pictures", .0.display())]
    NotACamera(PathBuf),
    /// Its pictures are of a kind that is not read here.
    #[error("{} gives pictures that are not read here, only YUYV is", .0.display())]
    OtherPictures(PathBuf),
}

/// A camera that is on until it is dropped.
pub struct Camera {
    stream: ReadStream,
    width: u32,
    height: u32,
    stride: u32,
}

impl Camera {
    /// Switches a camera on.
    ///
    /// # Errors
    /// [`CameraError`].
    pub fn open(device: &Path) -> Result<Self, CameraError> {
        let no_camera = |cause| CameraError::NoCamera {
            device: device.to_owned(),
            cause,
        };
        let opened = Device::open(device).map_err(no_camera)?;
        let can = opened
            .capabilities()
            .map_err(|_| CameraError::NotACamera(device.to_owned()))?;
        if !can
            .device_capabilities()
            .contains(CapabilityFlags::VIDEO_CAPTURE)
        {
            return Err(CameraError::NotACamera(device.to_owned()));
        }
        let wanted = PixFormat::new(WIDTH, HEIGHT, PixelFormat::YUYV);
        let camera = opened.video_capture(wanted).map_err(no_camera)?;
        let format = camera.format();
        let (width, height, stride) = (format.width(), format.height(), format.bytes_per_line());
        if format.pixel_format() != PixelFormat::YUYV || width > MAX_SIDE || height > MAX_SIDE {
            return Err(CameraError::OtherPictures(device.to_owned()));
        }
        let stream = camera.into_stream().map_err(no_camera)?;
        Ok(Self {
            stream,
            width,
            height,
            stride,
        })
    }
}

impl Pictures for Camera {
    fn next(&mut self) -> io::Result<GrayImage> {
        let (width, height, stride) = (self.width, self.height, self.stride);
        let picture = self
            .stream
            .dequeue(|bytes| Ok(greys_of_yuyv(width, height, stride, &bytes)))?;
        picture.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

/// The greys of a picture in YUYV: every other byte of a line.
fn greys_of_yuyv(width: u32, height: u32, stride: u32, bytes: &[u8]) -> Option<GrayImage> {
    let side = |points: u32| usize::try_from(points).ok();
    let (across, stride) = (side(width)?, side(stride)?);
    let length = across.checked_mul(2).filter(|length| *length <= stride)?;
    let mut greys = Vec::new();
    let mut lines = bytes.chunks(stride);
    for _ in 0..height {
        let line = lines.next()?.get(..length)?;
        greys.extend(line.iter().step_by(2));
    }
    GrayImage::from_raw(width, height, greys)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_camera_is_said_to_be_none() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let missing = Camera::open(&folder.path().join("video0"));
        assert!(matches!(missing, Err(CameraError::NoCamera { .. })));
        let file = folder.path().join("video1");
        std::fs::write(&file, b"no camera").expect("writes");
        let other = Camera::open(&file);
        assert!(matches!(
            other,
            Err(CameraError::NoCamera { .. } | CameraError::NotACamera(_))
        ));
    }

    #[test]
    fn greys_are_every_other_byte_of_each_line_and_what_is_short_is_none() {
        // Two points a line in four bytes, and two bytes at each line's end that are nothing.
        let bytes = [1, 90, 2, 91, 0, 0, 3, 92, 4, 93, 0, 0];
        let greys = greys_of_yuyv(2, 2, 6, &bytes).expect("whole");
        assert_eq!(greys.as_raw(), &[1, 2, 3, 4]);
        assert!(greys_of_yuyv(2, 2, 6, &bytes[..9]).is_none());
        assert!(greys_of_yuyv(2, 2, 3, &bytes).is_none(), "too short a line");
    }

    #[test]
    fn codes_are_found_in_what_gives_pictures() {
        struct Blank;
        impl Pictures for Blank {
            fn next(&mut self) -> io::Result<GrayImage> {
                Ok(GrayImage::new(64, 64))
            }
        }
        let seen = look(&mut Blank).expect("a picture");
        assert_eq!(seen, Some(Seen::Picture(Vec::new())));
    }
}
