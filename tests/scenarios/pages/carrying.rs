//! Files leave and enter the pages as QR codes: a real browser shows them to a reader, and scans them with a camera.

mod scanning;
mod showing;

use policies::carrier::{Carrier, Frames, Payload, QrVersion, Symbol};

/// A PSBT's magic and bytes that do not pack, as keys and signatures do not.
fn psbt_like(length: usize, seed: u64) -> Vec<u8> {
    let mut chance = Chance(seed);
    let mut bytes = b"psbt\xff".to_vec();
    bytes.resize_with(length, || chance.byte());
    bytes
}

fn symbols(bytes: &[u8], carrier: Carrier, version: u8) -> Vec<Symbol> {
    let payload = Payload::sniff(bytes).expect("a payload");
    let version = QrVersion::new(version).expect("a version");
    let frames = Frames::write(&payload, carrier, version);
    frames.expect("it can be carried").symbols()
}

/// Numbers that differ with the seed (Knuth's MMIX generator).
struct Chance(u64);

impl Chance {
    fn byte(&mut self) -> u8 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        self.0.to_be_bytes()[0]
    }

    /// Whether a frame is lost: one in four is.
    fn loses(&mut self) -> bool {
        self.byte() < 64
    }
}
