//! `address`: the device shows an address, and it is the policy's or the command fails.

use super::{Waiting, WireArgs, or_any};
use crate::command::Context;
use crate::device::{
    Checked, DeviceError, Owner, Place, Registrations, Wanted, Words, same_script, tool_to_show,
};
use crate::failure::Failure;
use bitcoin::Address;
use policies::Keychain;
use policies::descriptor::MAX_INDEX;
use serde_json::json;

/// Show an address of the vault on the device, and compare it with the policy's
///
/// The device derives it from its own key and what it has registered: an address that both show is one that the
/// coordinator did not make up. Compare what is printed with its screen.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:\n\
\x20 countersign-signer --home alice address 0\n\
\x20 countersign-signer --home alice address 7 --change --device ledger")]
pub(in crate::command) struct AddressVerb {
    /// The index of the address
    #[arg(value_parser = clap::value_parser!(u32).range(..=i64::from(MAX_INDEX)))]
    index: u32,
    /// An address of change, in place of one for deposits
    #[arg(long)]
    change: bool,
    /// Which device: a kind, a fingerprint, or auto for the one with this home's
    /// key
    #[arg(long, value_name = "WHICH")]
    device: Option<Wanted>,
    #[command(flatten)]
    wire: WireArgs,
}

impl AddressVerb {
    pub(in crate::command) fn run(self, context: &mut Context) -> Result<(), Failure> {
        let home = context.home()?;
        let owner = Owner::of(&home)?;
        let descriptor = &owner.policy.descriptor;
        let network = owner.policy.network;
        let keychain = if self.change {
            Keychain::Internal
        } else {
            Keychain::External
        };
        let place = Place {
            keychain,
            index: self.index,
        };
        let script = descriptor.script_pubkey(keychain, self.index);
        let address = Address::from_script(&script, network);
        let address = address.map_or_else(|_| script.to_hex_string(), |one| one.to_string());
        let tool = tool_to_show(owner.key.kind(), owner.purpose())?;
        let wire = self.wire.wire(network);
        let waiting = Waiting::new(&self.wire)?;
        let wanted = or_any(self.device.clone());
        let key = Some(owner.key.fingerprint());
        let now = context.now()?;
        let silent = waiting.silent();
        let shown = wire.with(tool, &wanted, key, Some(descriptor), &silent, |device| {
            let what = format!("The device must show\n  {address}\nCompare, and confirm there");
            waiting.told(context, &what, |watch| {
                device.show_address(place, owner.registration.as_ref(), watch)
            })
        })?;
        if !same_script(&shown, &script, network) {
            return Err(DeviceError::OtherAddress {
                expected: address,
                shown: Words::of(&shown),
            }
            .into());
        }
        if let Some(mut registration) = owner.registration.clone() {
            registration.checked = Some(Checked {
                index: self.index,
                address: address.clone(),
                at: now,
            });
            Registrations(&home).keep(&owner.policy, &registration)?;
        }
        let value = json!({
            "address": address,
            "script_pubkey": script.to_hex_string(),
            "keychain": keychain.name(),
            "index": self.index,
            "shown": shown,
        });
        let text = format!("{address}\nThe device says the same.");
        context.terminal.answer(&text, &value)
    }
}
