//! Round trips with loss, duplicates and foreign frames, by every carrier and density.

mod hostile;

use proptest::prelude::*;

use super::*;

/// A PSBT's magic and bytes that do not compress, as keys and signatures do not.
pub(crate) fn psbt_like(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let mut bytes = b"psbt\xff".to_vec();
    while bytes.len() < length {
        // Knuth's MMIX generator: any bytes that differ serve.
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        bytes.push(state.to_be_bytes()[0]);
    }
    bytes
}

pub(super) fn psbt_payload(length: usize, seed: u64) -> Payload {
    Payload::sniff(&psbt_like(length, seed)).expect("a payload")
}

/// Every carrier at every density, and as small as it goes.
fn carriers() -> impl Iterator<Item = (Carrier, QrVersion)> {
    Carrier::ALL.into_iter().flat_map(|carrier| {
        let versions = Density::ALL.map(|density| density.version(carrier));
        let smallest = [QrVersion::MIN, QrVersion::TERMINAL];
        versions
            .into_iter()
            .chain(smallest)
            .map(move |version| (carrier, version))
    })
}

/// What old cameras read.
pub(super) fn low(carrier: Carrier) -> (Carrier, QrVersion) {
    (carrier, Density::Low.version(carrier))
}

fn texts(payload: &Payload, (carrier, version): (Carrier, QrVersion)) -> Vec<String> {
    let frames = Frames::write(payload, carrier, version).expect("it can be carried");
    frames.texts().to_vec()
}

/// What a collector makes of frames, until it has the whole.
fn collect<'a>(frames: impl IntoIterator<Item = &'a String>) -> Option<Payload> {
    let mut collector = Collector::new();
    for frame in frames {
        match collector.take(frame).expect("a frame of this transfer") {
            Collected::Partly(_) => {}
            Collected::Whole(payload) => return Some(payload),
        }
    }
    None
}

#[test]
fn every_kind_comes_back_as_it_went_by_every_carrier() {
    let transaction = bitcoin::constants::genesis_block(bitcoin::Network::Regtest).txdata;
    let transaction = bitcoin::consensus::serialize(&transaction[0]);
    for (bytes, kind) in [
        (psbt_like(3_000, 1), PayloadKind::Psbt),
        (transaction, PayloadKind::Transaction),
        (
            br#"{"format":"countersign/approval/1"}"#.to_vec(),
            PayloadKind::Json,
        ),
        (
            b"format = \"countersign/policy/1\"\n".to_vec(),
            PayloadKind::Text,
        ),
        (vec![0, 159, 146, 150], PayloadKind::Binary),
    ] {
        let payload = Payload::sniff(&bytes).expect("a payload");
        assert_eq!(payload.kind(), kind);
        assert_eq!(payload.bytes(), bytes);
        for carrier in carriers() {
            let back = collect(&texts(&payload, carrier)).expect("the whole");
            assert_eq!(back, payload, "{carrier:?}");
        }
    }
}

#[test]
fn a_psbt_in_base64_or_hex_is_carried_in_binary() {
    use crate::psbt::Encoding;
    let bytes = psbt_like(500, 2);
    for encoding in [Encoding::Base64, Encoding::Hex] {
        let payload = Payload::sniff(&encoding.encode(&bytes)).expect("a payload");
        assert_eq!(
            (payload.kind(), payload.bytes()),
            (PayloadKind::Psbt, &bytes[..])
        );
        // The same text in one code, as simple wallets show it.
        let text = String::from_utf8(encoding.encode(&bytes)).expect("text");
        assert_eq!(collect(&[text]), Some(payload));
    }
}

#[test]
fn parts_come_in_any_order_and_more_than_once() {
    for carrier in carriers() {
        let payload = psbt_payload(20_000, 3);
        let mut frames = texts(&payload, carrier);
        frames.reverse();
        let twice: Vec<&String> = frames.iter().flat_map(|frame| [frame, frame]).collect();
        assert_eq!(collect(twice), Some(payload), "{carrier:?}");
    }
}

#[test]
fn a_ur_is_whole_from_mixed_frames_alone() {
    let payload = psbt_payload(2_000, 4);
    let carrier = low(Carrier::Ur);
    let fragments = ur::write(&payload, carrier.1, |_| 0).expect("frames").len();
    let all = ur::write(&payload, carrier.1, |count| count * 4).expect("frames");
    assert_eq!(collect(&all[fragments..]), Some(payload.clone()));
    assert_eq!(
        texts(&payload, carrier).len(),
        fragments + fountain_share(fragments)
    );
}

#[test]
fn what_is_missing_is_told_by_number() {
    let payload = psbt_payload(8_000, 5);
    let frames = texts(&payload, low(Carrier::Bbqr));
    let mut collector = Collector::new();
    assert_eq!(collector.progress(), None);
    for frame in [&frames[0], &frames[3]] {
        collector.take(frame).expect("a frame of this transfer");
    }
    let missing = (1..=frames.len()).filter(|part| ![1, 4].contains(part));
    let told = Progress {
        have: 2,
        of: frames.len(),
        missing: Some(missing.collect()),
    };
    assert_eq!(collector.progress(), Some(told));
}

#[test]
fn a_frame_of_another_transfer_changes_nothing() {
    for carrier in carriers() {
        let payload = psbt_payload(20_000, 6);
        let other = texts(&psbt_payload(30_000, 7), carrier);
        let frames = texts(&payload, carrier);
        let mut collector = Collector::new();
        let mut whole = None;
        for (frame, foreign) in frames.iter().zip(other.iter().cycle()) {
            if let Collected::Whole(payload) = collector.take(frame).expect("a frame") {
                whole = Some(payload);
                break;
            }
            assert_eq!(
                collector.take(foreign),
                Err(CarrierError::OtherTransfer),
                "{carrier:?}"
            );
        }
        assert_eq!(whole, Some(payload), "{carrier:?}");
    }
}

#[test]
fn after_the_whole_another_transfer_begins() {
    let mut collector = Collector::new();
    for seed in 8..10 {
        let payload = psbt_payload(100, seed);
        let frames = texts(&payload, low(Carrier::Bbqr));
        let answer = collector.take(&frames[0]);
        assert_eq!(answer, Ok(Collected::Whole(payload)));
        assert_eq!(collector.progress(), None);
    }
}

#[test]
fn frames_fit_the_version_they_are_made_for() {
    let payload = psbt_payload(9_000, 10);
    for carrier in Carrier::ALL {
        for version in (QrVersion::MIN.get()..=QrVersion::MAX.get()).filter_map(QrVersion::new) {
            let frames = Frames::write(&payload, carrier, version).expect("frames");
            let symbols = frames.symbols();
            let side = symbols[0].side();
            assert!(side <= version.side(), "{carrier} {version}: {side}");
            assert!(symbols.iter().all(|symbol| symbol.side() == side));
            // No frame could have been left out: two thirds of each code are used.
            let longest = frames.texts().iter().map(String::len).max();
            let used = longest.expect("frames") * 3;
            assert!(
                frames.texts().len() == 1 || used >= version.capacity() * 2,
                "{carrier} {version}"
            );
        }
    }
}

#[test]
fn a_code_for_a_terminal_fits_80_columns_and_24_lines_where_they_can() {
    assert_eq!(QrVersion::within(80), Some(QrVersion::TERMINAL));
    assert_eq!(QrVersion::within(2 * 23), Some(QrVersion::MIN));
    assert_eq!(QrVersion::within(44), None);
    assert_eq!(QrVersion::within(usize::MAX), Some(QrVersion::MAX));
    let payload = psbt_payload(2_000, 11);
    for carrier in Carrier::ALL {
        let frames = Frames::write(&payload, carrier, QrVersion::TERMINAL).expect("frames");
        for symbol in frames.symbols() {
            let text = symbol.half_blocks();
            assert!(text.lines().all(|line| line.chars().count() <= 80));
            assert_eq!(text.lines().count(), symbol.side().div_ceil(2));
        }
    }
}

#[test]
fn seconds_are_rounded_up() {
    let four = FramesPerSecond::NORMAL;
    assert_eq!(
        [0, 1, 4, 5].map(|frames| four.seconds(frames)),
        [0, 1, 1, 2]
    );
    assert_eq!(FramesPerSecond::new(0), None);
    assert_eq!(FramesPerSecond::new(11), None);
}

#[test]
fn names_of_files_are_short_plain_ascii() {
    let txid = bitcoin::hashes::Hash::all_zeros();
    for stage in [Stage::ToSign, Stage::ForDevice, Stage::Signed] {
        let name = file_name(&txid, stage);
        assert!(name.is_ascii() && name.len() <= 20, "{name}");
    }
}

proptest! {
    #[test]
    fn a_quarter_of_the_frames_may_be_lost(
        length in 100_usize..8_000,
        seed in any::<u64>(),
        lost in proptest::collection::vec(0_u8..4, 4_000),
    ) {
        for carrier in [low(Carrier::Bbqr), low(Carrier::Ur)] {
            let payload = psbt_payload(length, seed);
            // The screen goes round and round.
            let round = texts(&payload, carrier);
            let shown = round.iter().cycle().zip(&lost);
            let seen = shown.filter(|(_, lost)| **lost != 0).map(|(frame, _)| frame);
            prop_assert_eq!(collect(seen), Some(payload));
        }
    }

    #[test]
    fn no_text_makes_a_collector_panic(texts in proptest::collection::vec(".{0,64}", 0..8)) {
        let mut collector = Collector::new();
        for text in texts {
            drop(collector.take(&text));
        }
    }
}

#[test]
fn a_round_takes_no_more_frames_than_was_said_before_it_was_written() {
    for carrier in carriers() {
        for length in [6, 700, 1_384, 1_385, 20_000, 60_000] {
            let payload = psbt_payload(length, 5);
            let said = Frames::at_most(length, carrier.0, carrier.1);
            match Frames::write(&payload, carrier.0, carrier.1) {
                Ok(frames) => {
                    let most = said.expect("it can be carried");
                    let found = frames.texts().len();
                    // Not beyond, and of what does not compress not far below either.
                    assert!(found <= most, "{found} of {most}, {carrier:?} {length}");
                    assert!(
                        most <= found + found.div_ceil(5) + 1,
                        "{found} of {most}, {carrier:?} {length}"
                    );
                }
                Err(error) => assert_eq!((said, error), (None, CarrierError::TooManyFrames)),
            }
        }
    }
    assert_eq!(
        Frames::at_most(MAX_PAYLOAD + 1, Carrier::Bbqr, QrVersion::MAX),
        None
    );
    assert_eq!(
        Frames::at_most(MAX_UR_PAYLOAD + 1, Carrier::Ur, QrVersion::MAX),
        None
    );
}
