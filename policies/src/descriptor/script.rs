//! One derived script of the vault, and the PSBT fields that devices need to sign for it.

use bitcoin::{ScriptBuf, psbt};
use miniscript::Descriptor;
use miniscript::descriptor::DefiniteDescriptorKey;
use miniscript::psbt::{PsbtInputExt, PsbtOutputExt};

use crate::Keychain;

/// The vault's script at one index of one keychain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DerivedScript {
    /// Deposits or change.
    pub keychain: Keychain,
    /// The address index.
    pub index: u32,
    /// What stands in outputs.
    pub script_pubkey: ScriptBuf,
    /// The descriptor at this index, its keys with their origins.
    pub definite: Descriptor<DefiniteDescriptorKey>,
}

impl DerivedScript {
    /// Writes scripts and the origins of *all* keys into a PSBT input; leaves its utxo fields.
    pub fn update_input(&self, input: &mut psbt::Input) {
        input
            .update_with_descriptor_unchecked(&self.definite)
            .expect("a definite descriptor without hardened steps derives");
    }

    /// Writes scripts or tap tree and the origins of all keys into a PSBT output.
    pub fn update_output(&self, output: &mut psbt::Output) {
        output
            .update_with_descriptor_unchecked(&self.definite)
            .expect("a definite descriptor without hardened steps derives");
    }
}
