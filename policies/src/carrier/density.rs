//! How much one frame holds and how fast frames follow: what the slowest camera still reads.

use std::fmt;

/// The largest version of a QR code that frames may take, 5 to 40; a side has 17 + 4 × version modules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QrVersion(u8);

/// The characters that versions 5 to 40 hold in alphanumeric mode at level L (ISO/IEC 18004, table 7).
const CAPACITY: [usize; 36] = [
    154, 195, 224, 279, 335, 395, 468, 535, 619, 667, 758, 854, 938, 1_046, 1_153, 1_249, 1_352,
    1_460, 1_588, 1_704, 1_853, 1_990, 2_132, 2_223, 2_369, 2_520, 2_677, 2_840, 3_009, 3_183,
    3_351, 3_537, 3_729, 3_927, 4_087, 4_296,
];

impl QrVersion {
    /// The smallest: it fits 24 lines of a terminal with its quiet zone.
    pub const MIN: Self = Self(5);
    /// The largest that fits 80 columns of a terminal: 69 modules and twice 4 of the quiet zone.
    pub const TERMINAL: Self = Self(13);
    /// The largest there is.
    pub const MAX: Self = Self(40);

    /// A version from 5 to 40.
    pub const fn new(version: u8) -> Option<Self> {
        if version >= Self::MIN.0 && version <= Self::MAX.0 {
            Some(Self(version))
        } else {
            None
        }
    }

    /// The largest version whose side, with its quiet zone, has no more modules than these.
    pub fn within(modules: usize) -> Option<Self> {
        (Self::MIN.0..=Self::MAX.0)
            .rev()
            .map(Self)
            .find(|version| version.side() <= modules)
    }

    /// The number.
    pub const fn get(self) -> u8 {
        self.0
    }

    /// The modules of a side, with twice the 4 of the quiet zone.
    pub const fn side(self) -> usize {
        17_usize
            .saturating_add((self.0 as usize).saturating_mul(4))
            .saturating_add(super::symbol::QUIET.saturating_mul(2))
    }

    /// The characters that a code of this version holds.
    pub fn capacity(self) -> usize {
        let place = usize::from(self.0.saturating_sub(Self::MIN.0));
        *CAPACITY.get(place).expect("versions are 5 to 40")
    }
}

impl fmt::Display for QrVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What frames are written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Carrier {
    /// BBQr: numbered parts, packed.
    Bbqr,
    /// UR: fragments of a fountain code.
    Ur,
}

impl Carrier {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Bbqr, Self::Ur];
}

impl fmt::Display for Carrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bbqr => "BBQr",
            Self::Ur => "UR",
        })
    }
}

/// How much a frame holds, in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Density {
    /// Small codes that old and small cameras read.
    Low,
    /// What current devices read from a screen.
    Normal,
    /// Few, large codes, for good cameras.
    High,
}

impl Density {
    /// All three.
    pub const ALL: [Self; 3] = [Self::Low, Self::Normal, Self::High];

    /// The largest version of its frames. Devices that speak UR have smaller cameras than those that
    /// speak BBQr: Sparrow shows them 80 to 400 bytes a frame, and 1,000 to 2,000 characters of BBQr.
    pub const fn version(self, carrier: Carrier) -> QrVersion {
        QrVersion(match (carrier, self) {
            (Carrier::Ur, Self::Low) => 8,
            (Carrier::Ur, Self::Normal) | (Carrier::Bbqr, Self::Low) => 15,
            (Carrier::Ur, Self::High) | (Carrier::Bbqr, Self::Normal) => 27,
            (Carrier::Bbqr, Self::High) => 40,
        })
    }
}

/// How fast frames follow each other: 1 to 10 a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FramesPerSecond(u8);

impl FramesPerSecond {
    /// What cameras of 8 pictures a second and more read.
    pub const NORMAL: Self = Self(4);

    /// A speed from 1 to 10 frames a second.
    pub const fn new(frames: u8) -> Option<Self> {
        if frames >= 1 && frames <= 10 {
            Some(Self(frames))
        } else {
            None
        }
    }

    /// The frames in a second.
    pub const fn get(self) -> u8 {
        self.0
    }

    /// The milliseconds that each frame stays.
    pub const fn frame_ms(self) -> u64 {
        1_000_u64.div_euclid(self.0 as u64)
    }

    /// The whole seconds, rounded up, that so many frames take.
    pub fn seconds(self, frames: usize) -> u64 {
        let frames = u64::try_from(frames).unwrap_or(u64::MAX);
        frames.saturating_mul(self.frame_ms()).div_ceil(1_000)
    }
}
