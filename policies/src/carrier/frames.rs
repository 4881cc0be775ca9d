//! The frames that show a payload again and again, and how long one round of them takes.

use super::{Carrier, CarrierError, FramesPerSecond, Payload, QrVersion, Symbol, bbqr, ur};

/// The mixed frames that a round of a UR adds to its fragments: half as many, so that a quarter of the
/// frames may be lost and one round still be enough for most; a single frame needs none.
pub fn fountain_share(fragments: usize) -> usize {
    fragments.div_ceil(2)
}

/// The most bytes of a PSBT that so many frames of a round carry, also where they do not compress.
pub fn bytes_within(carrier: Carrier, version: QrVersion, frames: usize) -> usize {
    match carrier {
        Carrier::Bbqr => bbqr::bytes_within(version, frames),
        // A round has half as many mixed frames as fragments.
        Carrier::Ur => ur::bytes_within(version, frames.saturating_mul(2).div_euclid(3)),
    }
}

/// One round of frames.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frames {
    texts: Vec<String>,
}

impl Frames {
    /// Writes a payload for a carrier.
    ///
    /// # Errors
    /// [`CarrierError`] when the carrier cannot hold it.
    pub fn write(
        payload: &Payload,
        carrier: Carrier,
        version: QrVersion,
    ) -> Result<Self, CarrierError> {
        let texts = match carrier {
            Carrier::Bbqr => bbqr::write(payload, version)?,
            Carrier::Ur => ur::write(payload, version, fountain_share)?,
        };
        assert!(!texts.is_empty(), "a payload that is carried has a frame");
        Ok(Self { texts })
    }

    /// The most frames of a round of so many bytes of a PSBT, without writing them: what is packed may take fewer.
    /// Nothing where the carrier cannot hold as many.
    pub fn at_most(bytes: usize, carrier: Carrier, version: QrVersion) -> Option<usize> {
        match carrier {
            Carrier::Bbqr => bbqr::parts_at_most(bytes, version),
            Carrier::Ur => {
                let fragments = ur::fragments_at_most(bytes, version)?;
                let more = if fragments == 1 {
                    0
                } else {
                    fountain_share(fragments)
                };
                Some(fragments.saturating_add(more))
            }
        }
    }

    /// The frames' texts, in order.
    pub fn texts(&self) -> &[String] {
        &self.texts
    }

    /// The frames as QR codes, all of one size.
    pub fn symbols(&self) -> Vec<Symbol> {
        // All are of one alphabet, so that the longest takes the largest code.
        let longest = self.texts.iter().max_by_key(|text| text.len());
        let version = Symbol::version_of(longest.expect("a round has a frame"));
        let symbol = |text: &String| Symbol::of(text, version);
        self.texts.iter().map(symbol).collect()
    }

    /// The seconds of one round, rounded up.
    pub fn seconds(&self, speed: FramesPerSecond) -> u64 {
        speed.seconds(self.texts.len())
    }
}
