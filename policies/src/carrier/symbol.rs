//! One QR code (ISO/IEC 18004) as modules, and as text of half-block characters.

use qrcodegen::{QrCode, QrCodeEcc, QrSegment, Version};

/// The light modules that must surround a code.
pub(super) const QUIET: usize = 4;

/// A QR code of error correction level L, with its quiet zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Symbol {
    side: usize,
    dark: Vec<bool>,
}

impl Symbol {
    /// The code of a frame's text, of this version at least.
    ///
    /// # Panics
    /// If the text is longer than any code holds: frames are not.
    pub(super) fn of(text: &str, version: u8) -> Self {
        let code = encode(text, version);
        let modules = usize::try_from(code.size()).expect("a code has 21 to 177 modules a side");
        let side = modules.saturating_add(QUIET.saturating_mul(2));
        let at = |place: usize| {
            let inner = place.checked_sub(QUIET)?;
            i32::try_from(inner).ok().filter(|_| inner < modules)
        };
        let dark = (0..side)
            .flat_map(|y| (0..side).map(move |x| (x, y)))
            .map(|(x, y)| at(x).zip(at(y)).is_some_and(|(x, y)| code.get_module(x, y)))
            .collect();
        Self { side, dark }
    }

    /// The smallest version that holds a frame's text.
    pub(super) fn version_of(text: &str) -> u8 {
        encode(text, 1).version().value()
    }

    /// The modules of a side, with the quiet zone.
    pub const fn side(&self) -> usize {
        self.side
    }

    /// Whether a module is dark; those outside are light.
    pub fn is_dark(&self, x: usize, y: usize) -> bool {
        let place = y.checked_mul(self.side).and_then(|row| row.checked_add(x));
        x < self.side && place.is_some_and(|place| self.dark.get(place) == Some(&true))
    }

    /// The code in half-block characters, two rows of modules a line, light modules drawn: as it must
    /// be on a terminal of light letters on dark ground.
    pub fn half_blocks(&self) -> String {
        let mut text = String::new();
        for y in (0..self.side).step_by(2) {
            for x in 0..self.side {
                let below = y.saturating_add(1);
                let lower_light = below < self.side && !self.is_dark(x, below);
                text.push(match (!self.is_dark(x, y), lower_light) {
                    (true, true) => '█',
                    (true, false) => '▀',
                    (false, true) => '▄',
                    (false, false) => ' ',
                });
            }
            text.push('\n');
        }
        text
    }
}

fn encode(text: &str, version: u8) -> QrCode {
    let segments = QrSegment::make_segments(text);
    QrCode::encode_segments_advanced(
        &segments,
        QrCodeEcc::Low,
        Version::new(version),
        Version::MAX,
        None,
        false,
    )
    .expect("a frame holds no more than a code of version 40")
}
