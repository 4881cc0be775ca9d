//! QR codes of ours are joined by programs that know nothing of us, and theirs by us.
//!
//! npm's `bbqr` (Coinkite's own) and `@ngraveio/bc-ur` stand for what devices have in them. Which frames are
//! lost follows from seeds.

use std::path::Path;
use std::process::Command;

use bitcoin::base64::Engine as _;
use bitcoin::base64::prelude::BASE64_STANDARD;
use harness::adversaries::World;
use harness::adversaries::attempt::Case;
use harness::adversaries::draw::Draw;
use harness::adversaries::raw::Version;
use harness::{Failure, Outcome, items};
use policies::carrier::{
    Carrier, Collected, Collector, Density, Frames, Payload, PayloadKind, QrVersion,
};
use serde_json::{Value, json};

use crate::independent_signers::{repository, told};

/// The bytes of PSBTs: what one input makes, what forty make, and what large previous transactions make.
const LENGTHS: [usize; 4] = [1_000, 5_000, 21_000, 200_000];

/// Asks the driver all at once; its answers, in order.
fn asked_of_npm(asks: &[Value]) -> Result<Vec<Value>, Failure> {
    let found = Command::new(repository().join("tests/setup/carriers.sh"))
        .arg("--find")
        .output()?;
    if !found.status.success() {
        return Err(Failure::new(
            "bbqr or @ngraveio/bc-ur is not installed: run `make setup`",
        ));
    }
    let script = repository().join("tests/independent/carriers.mjs");
    let modules = String::from_utf8(found.stdout)?;
    let arguments = [&*script.to_string_lossy(), modules.trim_end()];
    let said = told(Path::new("node"), &arguments, &serde_json::to_vec(asks)?)?;
    let answers: Value = serde_json::from_slice(&said)?;
    assert_eq!(items(&answers)?.len(), asks.len());
    Ok(items(&answers)?.to_vec())
}

/// A PSBT's magic and bytes that do not compress, with some that do, as scripts that repeat.
fn psbt_like(length: usize) -> Vec<u8> {
    let mut bytes = b"psbt\xff".to_vec();
    let mut state = u64::try_from(length).unwrap_or(1) | 1;
    while bytes.len() < length {
        state = next(state);
        let drawn = state.to_be_bytes()[0];
        bytes.push(drawn);
        if drawn > 0xf0 {
            bytes.extend([0x21; 8]);
        }
    }
    bytes.truncate(length);
    bytes
}

fn next(state: u64) -> u64 {
    state
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407)
}

/// What is carried: PSBTs by length, real ones of every kind of vault, and the other kinds of file.
fn payloads() -> Result<Vec<Payload>, Failure> {
    let mut all = Vec::new();
    for length in LENGTHS {
        all.push(Payload::sniff(&psbt_like(length))?);
    }
    let world = World::start()?;
    for vault in &world.vaults {
        let case = Case::new(vault, Version::V0, Draw::new(7));
        let payload = Payload::sniff(&case.attempt.bytes(Version::V0))?;
        assert_eq!(payload.kind(), PayloadKind::Psbt);
        all.push(payload);
    }
    let transaction = bitcoin::constants::genesis_block(bitcoin::Network::Regtest).txdata;
    all.push(Payload::sniff(&bitcoin::consensus::serialize(
        &transaction[0],
    ))?);
    all.push(Payload::sniff(br#"{"format":"countersign/approval/1"}"#)?);
    all.push(Payload::sniff(b"format = \"countersign/policy/1\"\n")?);
    Ok(all)
}

/// The letter that BBQr has for a kind.
fn letter(kind: PayloadKind) -> &'static str {
    match kind {
        PayloadKind::Psbt => "P",
        PayloadKind::Transaction => "T",
        PayloadKind::Json => "J",
        PayloadKind::Text => "U",
        PayloadKind::Binary => "C",
    }
}

/// The versions that a payload of this length is shown with: a small code holds too little of a large one.
fn versions(carrier: Carrier, length: usize) -> Vec<QrVersion> {
    let all = Density::ALL.map(|density| density.version(carrier));
    let most = usize::from(length > 50_000);
    all[most..].to_vec()
}

fn decoded(answer: &Value) -> Result<(String, Vec<u8>), Failure> {
    let part = |name: &str| {
        let text = answer[name].as_str();
        text.ok_or_else(|| Failure::new(format!("no {name} in {answer}")))
    };
    let bytes = BASE64_STANDARD.decode(part("bytes")?)?;
    Ok((part("kind")?.to_owned(), bytes))
}

/// Frames as a camera saw them that missed a quarter of them in each round, until `enough` were seen.
fn seen(frames: &[String], enough: usize, seed: u64) -> Vec<String> {
    let mut state = seed | 1;
    let mut seen = Vec::new();
    for frame in frames.iter().cycle().take(frames.len() * 3) {
        state = next(state);
        if !(state >> 40).is_multiple_of(4) {
            seen.push(frame.clone());
        }
        if seen.len() >= enough {
            break;
        }
    }
    seen
}

/// What our collector makes of frames of others.
fn collected(frames: &[Value]) -> Result<Option<Payload>, Failure> {
    let mut collector = Collector::new();
    for frame in frames {
        let text = frame
            .as_str()
            .ok_or_else(|| Failure::new(format!("no text: {frame}")))?;
        if let Collected::Whole(payload) = collector.take(text)? {
            return Ok(Some(payload));
        }
    }
    Ok(None)
}

/// 1. Every kind and size of file is written as BBQr at each density.
/// 2. The parts come backwards. npm's bbqr joins them to the same bytes and the same kind.
#[test]
fn bbqr_of_ours_is_joined_by_npm_bbqr() -> Outcome {
    let payloads = payloads()?;
    let mut asks = Vec::new();
    let mut asked = Vec::new();
    for payload in &payloads {
        for version in versions(Carrier::Bbqr, payload.bytes().len()) {
            let written = Frames::write(payload, Carrier::Bbqr, version)?;
            let mut frames = written.texts().to_vec();
            frames.reverse();
            asks.push(json!({ "join": "bbqr", "frames": frames }));
            asked.push((payload, version));
        }
    }
    for ((payload, version), answer) in asked.into_iter().zip(asked_of_npm(&asks)?) {
        let (kind, bytes) = decoded(&answer)?;
        assert_eq!(kind, letter(payload.kind()));
        assert!(bytes == payload.bytes(), "{} at {version}", bytes.len());
    }
    Ok(())
}

/// 1. npm's bbqr writes every kind and size in hex, in base32, and packed.
/// 2. We join each to the same bytes and kind, whatever the order.
#[test]
fn bbqr_of_npm_bbqr_in_every_encoding_is_joined_by_us() -> Outcome {
    let payloads = payloads()?;
    let mut asks = Vec::new();
    let mut asked = Vec::new();
    for payload in &payloads {
        for encoding in ["H", "2", "Z"] {
            asks.push(json!({
                "split": "bbqr",
                "bytes": BASE64_STANDARD.encode(payload.bytes()),
                "kind": letter(payload.kind()),
                "encoding": encoding,
                "version": 27,
            }));
            asked.push((payload, encoding));
        }
    }
    let mut written = std::collections::BTreeSet::new();
    for ((payload, encoding), answer) in asked.into_iter().zip(asked_of_npm(&asks)?) {
        written.insert(answer["encoding"].to_string());
        let mut frames = items(&answer["frames"])?.to_vec();
        frames.reverse();
        let whole = collected(&frames)?;
        assert!(whole.as_ref() == Some(payload), "{encoding} of {answer}");
    }
    assert_eq!(written.len(), 3, "all three were written: {written:?}");
    Ok(())
}

/// 1. Every PSBT is written as UR at each density.
/// 2. npm's bc-ur joins the frames in order; and of rounds of which a quarter is lost.
#[test]
fn ur_of_ours_is_joined_by_npm_bc_ur() -> Outcome {
    let payloads = payloads()?;
    let mut asks = Vec::new();
    let mut asked = Vec::new();
    for payload in &payloads {
        for version in versions(Carrier::Ur, payload.bytes().len()) {
            let written = Frames::write(payload, Carrier::Ur, version)?;
            let frames = written.texts();
            let lossy = seen(frames, frames.len() * 2, 11);
            for frames in [frames, &lossy] {
                asks.push(json!({ "join": "ur", "frames": frames }));
                asked.push((payload, version));
            }
        }
    }
    for ((payload, version), answer) in asked.into_iter().zip(asked_of_npm(&asks)?) {
        let (kind, bytes) = decoded(&answer)?;
        let expected = match payload.kind() {
            PayloadKind::Psbt => "crypto-psbt",
            PayloadKind::Transaction
            | PayloadKind::Json
            | PayloadKind::Text
            | PayloadKind::Binary => "bytes",
        };
        assert_eq!(kind, expected);
        assert!(bytes == payload.bytes(), "{} at {version}", bytes.len());
    }
    Ok(())
}

/// 1. npm's bc-ur writes every PSBT, as `crypto-psbt` and as `psbt`, in fragments of several lengths.
/// 2. We join them in order; where a quarter is lost; and from mixed frames alone, without one plain fragment.
#[test]
fn ur_of_npm_bc_ur_is_joined_by_us_in_order_lossy_and_from_mixed_frames_alone() -> Outcome {
    let payloads = payloads()?;
    let mut asks = Vec::new();
    let mut asked = Vec::new();
    for payload in &payloads {
        if payload.kind() != PayloadKind::Psbt {
            continue;
        }
        let length = payload.bytes().len();
        let fragments: &[usize] = if length > 50_000 {
            &[1_000]
        } else {
            &[100, 400]
        };
        for fragment in fragments {
            let count = (length + 5).div_ceil(*fragment);
            let mut ask = |kind: &str, first: usize, frames: usize, lossy: bool| {
                asks.push(json!({
                    "split": "ur",
                    "bytes": BASE64_STANDARD.encode(payload.bytes()),
                    "kind": kind,
                    "fragment": fragment,
                    "first": first,
                    "count": frames,
                }));
                asked.push((payload, *fragment, lossy));
            };
            ask("crypto-psbt", 0, count, false);
            ask("psbt", 0, count * 3 + 8, true);
            if count > 1 {
                ask("crypto-psbt", count, count * 3 + 8, false);
            }
        }
    }
    for ((payload, fragment, lossy), answer) in asked.into_iter().zip(asked_of_npm(&asks)?) {
        let frames = items(&answer["frames"])?;
        let mut state = 13;
        let kept = frames.iter().filter(|_| {
            state = next(state);
            !lossy || !(state >> 40).is_multiple_of(4)
        });
        let kept: Vec<Value> = kept.cloned().collect();
        let whole = collected(&kept)?;
        let length = payload.bytes().len();
        assert!(
            whole.as_ref() == Some(payload),
            "{length} in {fragment}, lossy: {lossy}"
        );
    }
    Ok(())
}
