//! How large an attempt is, against what policy and devices allow.

use policies::carrier::for_device;
use policies::devices::{Demand, DeviceLimits, SigningTime, limits_for};

use crate::service::opened::Session;
use crate::store::attempts::AttemptRow;

/// The most inputs that people and devices take in their stride.
const MANY_INPUTS: usize = 50;

/// Sizes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SizeFacts {
    /// The weight with the heaviest witnesses.
    pub weight_wu: u64,
    /// The same in virtual bytes, rounded up.
    pub vbytes: u64,
    /// The bytes of the PSBT that signers get.
    pub psbt_bytes: usize,
    /// Its inputs.
    pub inputs: usize,
    /// The most inputs that the policy allows.
    pub inputs_max: u32,
    /// Its outputs.
    pub outputs: usize,
    /// The most outputs that the policy allows.
    pub outputs_max: u32,
    /// The devices of the signers, and whether it fits each.
    pub devices: Vec<DeviceFit>,
    /// Whether it is so large that signing by hand takes long.
    pub is_large: bool,
}

/// A signer's device, and whether an attempt fits it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceFit {
    /// The signer.
    pub signer: String,
    /// What holds its key.
    pub device: String,
    /// What is known of it; none where no limit is known.
    pub limit: Option<DeviceLimits>,
    /// What exceeds it, each in words; empty where all fits.
    pub exceeds: Vec<String>,
    /// How long it takes, without the human; none where nobody measured it.
    pub time: Option<SigningTime>,
}

pub(super) fn size(row: &AttemptRow, session: &Session, psbt_bytes: usize) -> SizeFacts {
    let transaction = session.strict.transaction();
    let (inputs, outputs) = (transaction.input.len(), transaction.output.len());
    let bytes = usize::try_from(row.weight.to_vbytes_ceil()).unwrap_or(usize::MAX);
    // Foreign devices get it without our records.
    let given = for_device(&row.psbt).map_or(psbt_bytes, |bytes| bytes.len());
    let keyset = session.keyset();
    let demand = Demand::of(keyset.descriptor);
    let devices = keyset.signers.iter().filter_map(|signer| {
        let device = signer.device.as_ref()?;
        let limit = limits_for(&demand, device);
        Some(DeviceFit {
            time: SigningTime::of(&demand, signer, inputs),
            signer: signer.name.clone(),
            device: device.kind.clone(),
            exceeds: limit.map_or_else(Vec::new, |limit| {
                let mut exceeded = limit.exceeded(inputs, outputs, given, bytes);
                exceeded.extend(limit.beyond_camera(given));
                exceeded
            }),
            limit,
        })
    });
    let devices: Vec<DeviceFit> = devices.collect();
    let limits = &session.policy.limits;
    SizeFacts {
        weight_wu: row.weight.to_wu(),
        vbytes: row.weight.to_vbytes_ceil(),
        psbt_bytes,
        inputs,
        inputs_max: limits.max_inputs,
        outputs,
        outputs_max: limits.max_outputs,
        is_large: inputs > MANY_INPUTS || devices.iter().any(|fit| !fit.exceeds.is_empty()),
        devices,
    }
}
