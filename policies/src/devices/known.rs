//! What is known of each kind of device, as its maker's source or documents say.

use super::Demand;
use crate::carrier::{Carrier, Density, FramesPerSecond, QrVersion, bytes_within};
use crate::document::Device;

/// What a kind of device takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceLimits {
    /// The kind, as policies name it.
    pub kind: &'static str,
    /// The most inputs.
    pub inputs: Option<usize>,
    /// The most outputs.
    pub outputs: Option<usize>,
    /// The most bytes of a PSBT.
    pub psbt_bytes: Option<usize>,
    /// The most bytes of a transaction.
    pub transaction_bytes: Option<usize>,
    /// What its camera reads, where it has one.
    pub camera: Option<Camera>,
    /// Whether it takes PSBTs by a wire or a card too.
    pub takes_files: bool,
    /// Where that is written.
    pub source: &'static str,
}

/// What a camera reads in a go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Camera {
    /// The carrier that the device speaks.
    pub carrier: Carrier,
    /// How dense its codes may be.
    pub density: Density,
    /// The most frames that people hold a device still for.
    pub frames: usize,
}

/// A minute of frames at the usual speed: whoever holds a device before a screen for longer starts anew too
/// often. Ours; no maker gives a figure.
const A_MINUTE: usize = 60 * FramesPerSecond::NORMAL.get() as usize;

/// The frames after which Krux's users report transfers that do not end.
const KRUX_FRAMES: usize = 100;

const UR: Camera = Camera {
    carrier: Carrier::Ur,
    density: Density::Normal,
    frames: A_MINUTE,
};

const BBQR: Camera = Camera {
    carrier: Carrier::Bbqr,
    density: Density::Normal,
    frames: A_MINUTE,
};

const NOTHING: DeviceLimits = DeviceLimits {
    kind: "",
    inputs: None,
    outputs: None,
    psbt_bytes: None,
    transaction_bytes: None,
    camera: None,
    takes_files: true,
    source: "",
};

/// What reads codes.
const KNOWN: [DeviceLimits; 8] = [
    DeviceLimits {
        kind: "coldcard-q",
        camera: Some(BBQR),
        source: "Coldcard firmware, docs/limitations.md (Q)",
        ..NOTHING
    },
    DeviceLimits {
        kind: "passport",
        camera: Some(UR),
        source: "Passport's guide: UR crypto-psbt, or a card",
        ..NOTHING
    },
    DeviceLimits {
        kind: "keystone",
        camera: Some(UR),
        source: "Keystone's developer guide: UR crypto-psbt, or a card",
        ..NOTHING
    },
    DeviceLimits {
        kind: "jade",
        camera: Some(UR),
        source: "Jade's guide to its QR mode: UR crypto-psbt, or a wire",
        ..NOTHING
    },
    DeviceLimits {
        kind: "seedsigner",
        camera: Some(Camera {
            density: Density::Low,
            ..UR
        }),
        takes_files: false,
        source: "SeedSigner's README: QR codes alone, UR crypto-psbt",
        ..NOTHING
    },
    DeviceLimits {
        kind: "krux",
        camera: Some(Camera {
            density: Density::Low,
            frames: KRUX_FRAMES,
            ..UR
        }),
        source: "Krux's documents, and its issue 2 for the frames",
        ..NOTHING
    },
    DeviceLimits {
        kind: "sparrow",
        camera: Some(BBQR),
        source: "Sparrow's source, BBQR and UR",
        ..NOTHING
    },
    DeviceLimits {
        kind: "offline",
        camera: Some(BBQR),
        source: "countersign-signer qr scan",
        ..NOTHING
    },
];

/// What a kind of device reads codes as; UR where nothing is known, which most cameras of devices read.
pub fn carrier_of(kind: &str) -> Carrier {
    let camera = limits_of(kind).and_then(|limits| limits.camera);
    match camera {
        Some(camera) => camera.carrier,
        // A Coldcard without a camera: what is shown is read by a Q.
        None if kind.starts_with("coldcard") => Carrier::Bbqr,
        None => Carrier::Ur,
    }
}

/// What a device takes of a vault's transactions, by its kind, its firmware and the vault's scripts; none where no
/// bound is known.
pub fn limits_for(demand: &Demand<'_>, device: &Device) -> Option<DeviceLimits> {
    let camera = limits_of(&device.kind);
    let Some((row, bounds)) = demand
        .bounding(device)
        .and_then(|row| Some((row, row.bounds()?)))
    else {
        return camera;
    };
    let limits = DeviceLimits {
        kind: row.kind,
        inputs: bounds.inputs,
        outputs: bounds.outputs,
        psbt_bytes: bounds.psbt_bytes,
        transaction_bytes: bounds.transaction_bytes,
        ..camera.unwrap_or(NOTHING)
    };
    let is_bounded = [
        limits.inputs,
        limits.outputs,
        limits.psbt_bytes,
        limits.transaction_bytes,
    ]
    .into_iter()
    .any(|most| most.is_some());
    if is_bounded {
        let source = row.source;
        return Some(DeviceLimits { source, ..limits });
    }
    camera
}

/// What is known of the camera of a kind of device.
pub fn limits_of(kind: &str) -> Option<DeviceLimits> {
    KNOWN.into_iter().find(|known| known.kind == kind)
}

impl Camera {
    /// The largest code.
    pub const fn version(&self) -> QrVersion {
        self.density.version(self.carrier)
    }

    /// The most bytes that so many frames carry, also of what does not compress.
    pub fn bytes(&self) -> usize {
        bytes_within(self.carrier, self.version(), self.frames)
    }
}

impl DeviceLimits {
    /// What of a transaction exceeds it, each in words.
    pub fn exceeded(
        &self,
        inputs: usize,
        outputs: usize,
        psbt_bytes: usize,
        transaction_bytes: usize,
    ) -> Vec<String> {
        [
            (inputs, self.inputs, "inputs"),
            (outputs, self.outputs, "outputs"),
            (psbt_bytes, self.psbt_bytes, "bytes of PSBT"),
            (
                transaction_bytes,
                self.transaction_bytes,
                "bytes of transaction",
            ),
        ]
        .into_iter()
        .filter_map(|(found, most, what)| {
            let most = most.filter(|most| found > *most)?;
            Some(format!("{found} {what}, it takes {most}"))
        })
        .collect()
    }

    /// What to do where a PSBT is larger than its camera reads in a go, in words.
    pub fn beyond_camera(&self, psbt_bytes: usize) -> Option<String> {
        let most = self.camera?.bytes();
        let instead = if self.takes_files {
            "give it a file"
        } else {
            "make smaller batches"
        };
        (psbt_bytes > most)
            .then(|| format!("{psbt_bytes} bytes, its camera reads {most} in a go: {instead}"))
    }
}
