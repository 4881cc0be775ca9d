//! Frames that lie: about counts, sizes, content, or the transfer that they belong to.

use std::io::Write as _;

use data_encoding::BASE32_NOPAD;
use flate2::write::ZlibEncoder;
use flate2::{Compress, Compression};
use proptest::prelude::*;

use super::super::*;
use super::{collect, low, psbt_like, psbt_payload, texts};

/// A UR frame of five CBOR items and a fragment, with a right checksum.
fn ur_frame(kind: &str, indices: &str, cbor: &[u8]) -> String {
    let letters = ::ur::bytewords::encode(cbor, ::ur::bytewords::Style::Minimal);
    format!("ur:{kind}/{indices}/{letters}").to_ascii_uppercase()
}

fn u32_item(value: u32) -> Vec<u8> {
    [&[0x1a][..], &value.to_be_bytes()].concat()
}

fn part(sequence: u32, count: u32, length: u32, fragment: &[u8]) -> Vec<u8> {
    let data = super::super::ur::byte_string(fragment);
    let items = [sequence, count, length, 7].map(u32_item).concat();
    [&[0x85][..], &items, &data].concat()
}

fn refused(frame: &str) -> CarrierError {
    let mut collector = Collector::new();
    let error = collector.take(frame).expect_err("a frame that is refused");
    assert_eq!(collector.progress(), None, "nothing was begun");
    error
}

#[test]
fn a_count_beyond_all_bounds_allocates_nothing() {
    let huge = ur_frame(
        "crypto-psbt",
        "1-4294967295",
        &part(1, u32::MAX, 900_000, &[1; 99]),
    );
    assert_eq!(
        refused(&huge),
        CarrierError::Parts {
            found: u64::from(u32::MAX)
        }
    );
    let none = ur_frame("crypto-psbt", "1-0", &part(1, 0, 900, &[1; 99]));
    assert_eq!(refused(&none), CarrierError::Parts { found: 0 });
    let long = ur_frame("crypto-psbt", "1-9", &part(1, 9, u32::MAX, &[1; 99]));
    let found = u64::from(u32::MAX);
    assert_eq!(refused(&long), CarrierError::TooLargeForUr { found });
    assert_eq!(refused("B$ZP0000AA"), CarrierError::Parts { found: 0 });
    let beyond = CarrierError::PartBeyond { part: 6, parts: 5 };
    assert_eq!(refused("B$ZP0505AA"), beyond);
}

#[test]
fn a_ur_whose_numbers_do_not_agree_is_refused() {
    for (indices, cbor) in [
        // The address says another part, or another count, than the content.
        ("2-9", part(1, 9, 500, &[1; 99])),
        ("1-8", part(1, 9, 500, &[1; 99])),
        // Parts from 1.
        ("0-9", part(0, 9, 500, &[1; 99])),
        // Nothing to carry.
        ("1-9", part(1, 9, 0, &[1; 99])),
        // Less than the message, or one fragment longer than all.
        ("1-9", part(1, 9, 892, &[1; 99])),
        ("1-9", part(1, 9, 98, &[1; 99])),
        // Digits that are no number's one form.
        ("01-9", part(1, 9, 500, &[1; 99])),
        ("1-9-9", part(1, 9, 500, &[1; 99])),
    ] {
        assert_eq!(
            refused(&ur_frame("crypto-psbt", indices, &cbor)),
            CarrierError::Cbor
        );
    }
}

#[test]
fn cbor_cut_short_anywhere_is_refused() {
    let whole = part(3, 9, 500, &[1; 99]);
    for length in 0..whole.len() {
        let frame = ur_frame("crypto-psbt", "3-9", &whole[..length]);
        assert_eq!(refused(&frame), CarrierError::Cbor, "{length}");
    }
    let longer = [&whole[..], &[0]].concat();
    assert_eq!(
        refused(&ur_frame("crypto-psbt", "3-9", &longer)),
        CarrierError::Cbor
    );
    // A single frame: bytes that are no byte string, or one that announces more than there is.
    for cbor in [
        &[][..],
        &[0x61, b'a'],
        &[0x42, 1],
        &[0x41, 1, 2],
        &[0x5b; 9],
    ] {
        let letters = ::ur::bytewords::encode(cbor, ::ur::bytewords::Style::Minimal);
        let frame = format!("ur:bytes/{letters}");
        assert_eq!(refused(&frame), CarrierError::Cbor, "{cbor:?}");
    }
}

#[test]
fn wrong_letters_and_other_kinds_are_refused_by_name() {
    let good = ur_frame("crypto-psbt", "1-9", &part(1, 9, 500, &[1; 99]));
    let mut wrong = good.clone();
    wrong.pop();
    assert_eq!(refused(&wrong), CarrierError::Bytewords);
    assert_eq!(
        refused(&good.replace("CRYPTO-PSBT", "CRYPTO-SEED")),
        CarrierError::UrType
    );
    assert_eq!(refused("UR:CRYPTO-PSBT"), CarrierError::UrType);
    assert_eq!(refused("UR:"), CarrierError::UrType);
    assert_eq!(refused("B$"), CarrierError::BbqrHeader);
    assert_eq!(refused("B$ZP0100"), CarrierError::BbqrHeader);
    assert_eq!(refused("B$ZP01+0AA"), CarrierError::BbqrHeader);
    assert_eq!(refused("B$XP0100AA"), CarrierError::BbqrHeader);
    assert_eq!(refused("B$ZÄ0100AA"), CarrierError::BbqrHeader);
    assert_eq!(refused("B$ZR0100AA"), CarrierError::BbqrType { found: 'R' });
    assert_eq!(refused("B$ZX0100AA"), CarrierError::BbqrType { found: 'X' });
    assert_eq!(refused("https://example.com"), CarrierError::NotAFrame);
    assert_eq!(refused(" \n"), CarrierError::Empty);
    let long = "B$ZP0100".to_owned() + &"A".repeat(MAX_FRAME);
    assert_eq!(
        refused(&long),
        CarrierError::FrameTooLong {
            found: MAX_FRAME + 8
        }
    );
}

/// A series of zlib in base32, as BBQr has it, of any bytes.
fn zlib_series(bytes: &[u8], file_type: char) -> Vec<String> {
    let compress = Compress::new_with_window_bits(Compression::best(), false, 10);
    let mut encoder = ZlibEncoder::new_with_compress(Vec::new(), compress);
    encoder.write_all(bytes).expect("a vector takes all");
    series(
        &BASE32_NOPAD.encode(&encoder.finish().expect("a vector takes all")),
        'Z',
        file_type,
    )
}

fn series(letters: &str, encoding: char, file_type: char) -> Vec<String> {
    let pieces: Vec<&[u8]> = letters.as_bytes().chunks(2_000).collect();
    let base36 = |number: usize| {
        let digit = |value: usize| char::from(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[value]);
        [digit(number / 36), digit(number % 36)]
            .iter()
            .collect::<String>()
    };
    let count = base36(pieces.len());
    let text = |piece: &[u8]| String::from_utf8(piece.to_vec()).expect("ASCII");
    pieces
        .iter()
        .enumerate()
        .map(|(number, piece)| {
            format!(
                "B${encoding}{file_type}{count}{}{}",
                base36(number),
                text(piece)
            )
        })
        .collect()
}

/// What the last frame of a series is told.
fn end_of(frames: &[String]) -> CarrierError {
    let mut collector = Collector::new();
    let (last, first) = frames.split_last().expect("a series");
    for frame in first {
        let answer = collector.take(frame);
        assert!(matches!(answer, Ok(Collected::Partly(_))), "{answer:?}");
    }
    let error = collector.take(last).expect_err("a whole that is refused");
    assert!(error.ends_the_transfer());
    assert_eq!(collector.progress(), None, "the transfer is over");
    error
}

#[test]
fn a_zip_bomb_is_never_unpacked_whole() {
    // Above our own bound, and far above the reader's of 16 MiB.
    for mebibytes in [5_usize, 64] {
        let bomb = [&b"psbt\xff"[..], &vec![0; mebibytes << 20]].concat();
        let frames = zlib_series(&bomb, 'P');
        assert!(frames.iter().map(String::len).sum::<usize>() < 200_000);
        assert_eq!(end_of(&frames), CarrierError::Unpacks, "{mebibytes}");
    }
}

#[test]
fn a_whole_that_is_not_what_its_frames_say_is_refused() {
    for (bytes, file_type, said) in [
        (&b"not a psbt"[..], 'P', PayloadKind::Psbt),
        (b"psbt\xff and more", 'T', PayloadKind::Transaction),
        (b"{\"open\": ", 'J', PayloadKind::Json),
        (b"\xff\xfe", 'U', PayloadKind::Text),
        (b"a bell: \x07", 'U', PayloadKind::Text),
    ] {
        let error = end_of(&zlib_series(bytes, file_type));
        assert_eq!(error, CarrierError::NotWhatItSays { said });
    }
    let letters = BASE32_NOPAD.encode(&psbt_like(300, 1));
    let good = series(&letters, '2', 'P');
    assert!(collect(&good).is_some());
    // Letters beyond the alphabet, and a stream that is no zlib.
    assert_eq!(
        end_of(&series(&letters.replace('A', "1"), '2', 'P')),
        CarrierError::Corrupt
    );
    assert_eq!(end_of(&series(&letters, 'Z', 'P')), CarrierError::Corrupt);
}

#[test]
fn one_part_twice_with_different_content_is_told_and_the_first_stays() {
    let payload = psbt_payload(9_000, 2);
    let frames = texts(&payload, low(Carrier::Bbqr));
    let mut collector = Collector::new();
    let mut whole = None;
    for (number, frame) in frames.iter().enumerate() {
        if let Collected::Whole(payload) = collector.take(frame).expect("a frame") {
            whole = Some(payload);
            break;
        }
        let mut other = frame.clone();
        other.replace_range(8..9, if other[8..9] == *"A" { "B" } else { "A" });
        let part = number + 1;
        assert_eq!(
            collector.take(&other),
            Err(CarrierError::Contradiction { part })
        );
    }
    assert_eq!(whole, Some(payload));
}

#[test]
fn a_ur_that_never_becomes_whole_ends() {
    let payload = psbt_payload(2_000, 3);
    let frames = texts(&payload, low(Carrier::Ur));
    let mut collector = Collector::new();
    let first = &frames[0];
    let ended = (0..10_000).find_map(|_| collector.take(first).err());
    assert!(
        matches!(ended, Some(CarrierError::Endless { taken }) if taken < 200),
        "{ended:?}"
    );
    assert_eq!(collector.progress(), None);
}

#[test]
fn a_fragment_that_was_changed_spoils_the_whole_and_is_told() {
    let payload = psbt_payload(500, 4);
    let message = super::super::ur::byte_string(payload.bytes());
    let mut encoder = ::ur::Encoder::new(&message, 100, "crypto-psbt").expect("an encoder");
    let mut frames: Vec<String> = (0..encoder.fragment_count())
        .map(|_| encoder.next_part().expect("a frame"))
        .collect();
    let (kind, bytes) = ::ur::decode(&frames[2]).expect("a frame of ours");
    assert_eq!(kind, ::ur::ur::Kind::MultiPart);
    let mut changed = bytes;
    let last = changed.len() - 1;
    changed[last] ^= 1;
    let indices = format!("3-{}", frames.len());
    frames[2] = ur_frame("crypto-psbt", &indices, &changed);
    assert_eq!(end_of(&frames), CarrierError::Corrupt);
}

#[test]
fn what_is_too_large_is_refused_before_it_is_shown() {
    let large = psbt_payload(MAX_UR_PAYLOAD + 1, 5);
    let found = u64::try_from(MAX_UR_PAYLOAD + 1).expect("small");
    let error = Frames::write(&large, Carrier::Ur, QrVersion::MAX);
    assert_eq!(error, Err(CarrierError::TooLargeForUr { found }));
    let error = Frames::write(&psbt_payload(300_000, 6), Carrier::Ur, QrVersion::MIN);
    assert_eq!(error, Err(CarrierError::TooManyFrames));
    let error = Frames::write(&large, Carrier::Bbqr, QrVersion::TERMINAL);
    assert_eq!(error, Err(CarrierError::TooManyFrames));
    let found = MAX_PAYLOAD + 1;
    let error = Payload::sniff(&psbt_like(found, 7));
    assert_eq!(error, Err(CarrierError::TooLarge { found }));
}

proptest! {
    #[test]
    fn a_frame_with_one_letter_changed_never_makes_another_whole(
        seed in any::<u64>(),
        frame in any::<prop::sample::Index>(),
        place in any::<prop::sample::Index>(),
        letter in "[0-9A-Z$:/-]",
    ) {
        let payload = psbt_payload(1_500, seed);
        for carrier in [low(Carrier::Bbqr), low(Carrier::Ur)] {
            let mut frames = texts(&payload, carrier);
            let changed = frame.index(frames.len());
            let at = place.index(frames[changed].len());
            frames[changed].replace_range(at..=at, &letter);
            let mut collector = Collector::new();
            for frame in &frames {
                if let Ok(Collected::Whole(whole)) = collector.take(frame) {
                    // BBQr has no checksum of its own: zlib's is there only where it was packed, and a
                    // PSBT is verified whole before anything is signed.
                    let checked = carrier.0 == Carrier::Ur;
                    prop_assert!(!checked || whole == payload);
                }
            }
        }
    }
}
