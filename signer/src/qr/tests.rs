//! Codes that we draw are read by an independent decoder; pictures and streams of all kinds are.

use super::*;
use image::{DynamicImage, GrayImage, ImageFormat, Luma, RgbImage};
use policies::carrier::{Carrier, Density, Frames, Payload, QrVersion, Symbol};
use proptest::prelude::*;
use std::io::{BufReader, Cursor};

/// Frames of bytes that do not compress.
fn frames(carrier: Carrier, version: QrVersion, length: usize) -> Frames {
    let mut state = 1_u64;
    let mut bytes = b"psbt\xff".to_vec();
    while bytes.len() < length {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        bytes.push(state.to_be_bytes()[0]);
    }
    let payload = Payload::sniff(&bytes).expect("a payload");
    Frames::write(&payload, carrier, version).expect("frames")
}

/// A code's picture by the blocks of a terminal: what a person's camera sees of it, scaled.
fn picture_of_blocks(text: &str, scale: u32) -> GrayImage {
    let lines: Vec<Vec<char>> = text.lines().map(|line| line.chars().collect()).collect();
    let width = u32::try_from(lines[0].len()).expect("small");
    let height = u32::try_from(lines.len() * 2).expect("small");
    GrayImage::from_fn(width * scale, height * scale, |x, y| {
        let (x, y) = ((x / scale) as usize, (y / scale) as usize);
        let light = match (lines[y / 2][x], y % 2) {
            ('█', _) | ('▀', 0) | ('▄', 1) => true,
            (' ' | '▀' | '▄', _) => false,
            (other, _) => panic!("{other:?} is no block"),
        };
        Luma([if light { 255 } else { 0 }])
    })
}

fn every_frame() -> Vec<(String, Symbol)> {
    let mut all = Vec::new();
    for carrier in Carrier::ALL {
        let versions = Density::ALL.map(|density| density.version(carrier));
        for version in versions
            .into_iter()
            .chain([QrVersion::MIN, QrVersion::TERMINAL])
        {
            let frames = frames(carrier, version, 4_000);
            let texts = frames.texts().iter().cloned();
            all.extend(texts.zip(frames.symbols()).take(6));
        }
    }
    all
}

#[test]
fn every_frame_as_a_terminal_and_a_picture_show_it_is_read() {
    for (text, symbol) in every_frame() {
        let picture = picture_of_blocks(&symbol.half_blocks(), 4);
        let png = codes_in(&png_of(&symbol)).expect("a picture");
        for seen in [picture::codes_in_greys(&picture), png] {
            assert_eq!(seen, std::slice::from_ref(&text));
        }
    }
}

fn anymap(magic: &str, picture: &GrayImage) -> Vec<u8> {
    let head = format!(
        "{magic}\n# a comment\n{} {}\n255\n",
        picture.width(),
        picture.height()
    );
    let channels = if magic == "P6" { 3 } else { 1 };
    let points = picture
        .pixels()
        .flat_map(|point| vec![point.0[0]; channels]);
    head.into_bytes().into_iter().chain(points).collect()
}

/// All that is seen, also when the bytes come a few at a time.
fn all_seen(bytes: &[u8]) -> Vec<Seen> {
    let seen_by = |capacity| {
        let mut source = Source::of(BufReader::with_capacity(capacity, bytes));
        std::iter::from_fn(|| source.look().expect("it can be read")).collect::<Vec<_>>()
    };
    let seen = seen_by(8_192);
    assert_eq!(seen_by(1), seen);
    seen
}

#[test]
fn a_camera_s_stream_of_pictures_is_read_one_by_one() {
    let frames = frames(Carrier::Bbqr, QrVersion::TERMINAL, 1_500);
    let symbols = frames.symbols();
    let pictures = symbols
        .iter()
        .map(|symbol| picture_of_blocks(&symbol.half_blocks(), 3));
    let blank = GrayImage::from_pixel(64, 48, Luma([128]));
    for magic in ["P5", "P6"] {
        let all = pictures.clone().chain([blank.clone()]);
        let stream: Vec<u8> = all.flat_map(|picture| anymap(magic, &picture)).collect();
        let mut seen = all_seen(&stream);
        assert_eq!(seen.pop(), Some(Seen::Picture(Vec::new())));
        let texts = frames
            .texts()
            .iter()
            .map(|text| Seen::Picture(vec![text.clone()]));
        assert_eq!(seen, texts.collect::<Vec<_>>());
    }
}

#[test]
fn photographs_and_lines_of_a_scanner_are_read() {
    let frames = frames(Carrier::Ur, QrVersion::TERMINAL, 300);
    let text = frames.texts()[0].clone();
    let picture = picture_of_blocks(&frames.symbols()[0].half_blocks(), 6);
    let mut jpeg = Vec::new();
    DynamicImage::ImageRgb8(RgbImage::from(DynamicImage::ImageLuma8(picture).to_rgb8()))
        .write_to(&mut Cursor::new(&mut jpeg), ImageFormat::Jpeg)
        .expect("a picture");
    assert_eq!(all_seen(&jpeg), [Seen::Picture(vec![text.clone()])]);
    let lines = format!("\n{text}\r\n{text}");
    let line = Seen::Line(text);
    assert_eq!(
        all_seen(lines.as_bytes()),
        [Seen::Line(String::new()), line.clone(), line]
    );
}

#[test]
fn pictures_that_lie_about_their_size_are_refused_before_they_are_read() {
    let next = |bytes: &[u8]| Source::of(Cursor::new(bytes)).look();
    let large = next(b"P5 9000 2 255\n");
    assert!(
        matches!(
            large,
            Err(SourceError::Picture(PictureError::TooLarge { .. }))
        ),
        "{large:?}"
    );
    for bad in [
        &b"P5 0 2 255\n"[..],
        b"P5 2 2 65535\n",
        b"P5 2 x 255\n",
        b"P5 99999999999 2 255\n",
        b"\x89PNG\r\n\x1a\n and nothing",
        b"\xff\xd8\xff\xe0",
    ] {
        let refused = next(bad);
        assert!(
            matches!(refused, Err(SourceError::Picture(PictureError::Unreadable))),
            "{refused:?}"
        );
    }
    let cut = next(b"P5 20 20 255\nfew");
    assert!(matches!(cut, Err(SourceError::Io(_))), "{cut:?}");
    let long = next(&vec![b'A'; 5_000]);
    assert!(
        matches!(long, Err(SourceError::NeitherPictureNorLines)),
        "{long:?}"
    );
    let bytes = next(b"\xfe\xfe\n");
    assert!(
        matches!(bytes, Err(SourceError::NeitherPictureNorLines)),
        "{bytes:?}"
    );
}

proptest! {
    #[test]
    fn no_picture_makes_the_reader_panic(
        width in 1_u32..120,
        height in 1_u32..120,
        noise in proptest::collection::vec(any::<u8>(), 64),
        cut in 0_usize..3_000,
        flip in proptest::collection::vec((any::<u16>(), any::<u8>()), 0..40),
    ) {
        let at = |x: u32, y: u32| noise[((x * 7 + y * 13) % 64) as usize];
        let noisy = GrayImage::from_fn(width, height, |x, y| Luma([at(x, y)]));
        drop(picture::codes_in_greys(&noisy));
        // A code with points changed, and a picture cut short anywhere.
        let frames = frames(Carrier::Bbqr, QrVersion::MIN, 40);
        let symbol = &frames.symbols()[0];
        let mut changed = picture_of_blocks(&symbol.half_blocks(), 2);
        let points = changed.len();
        for (place, grey) in flip {
            changed.as_mut()[usize::from(place) % points] = grey;
        }
        drop(picture::codes_in_greys(&changed));
        let png = png_of(symbol);
        drop(codes_in(&png[..cut.min(png.len())]));
    }
}
