//! `register`: the policy is shown on the device, compared there, and kept by it (BIP 388).

use super::{Waiting, WireArgs, or_any};
use crate::command::Context;
use crate::device::{Owner, Registered, Registration, Registrations, Wanted, tool_to_register};
use crate::failure::Failure;
use crate::keystore::DeviceKind;
use policies::exchange::WalletPolicy;
use serde_json::json;

/// Register the policy on the device, so that it knows change and signs what it could not
///
/// Prints the name, the script and the keys that its screens must show. A Ledger, Coldcard, BitBox02, Jade and
/// Specter-DIY are registered with `bhwi`; what comes back is kept in the home, and is had again by registering
/// again.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:\n\
\x20 countersign-signer --home alice register\n\
\x20 countersign-signer --home alice register --device f5acc2fd")]
pub(in crate::command) struct Register {
    /// Which device: a kind, a fingerprint, or auto for the one with this home's
    /// key
    #[arg(long, value_name = "WHICH")]
    device: Option<Wanted>,
    /// Do not ask before the device shows it
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    wire: WireArgs,
}

impl Register {
    pub(in crate::command) fn run(self, context: &mut Context) -> Result<(), Failure> {
        let home = context.home()?;
        let owner = Owner::of(&home)?;
        let wallet = owner.wallet()?;
        let kind = owner.key.kind();
        let tool = tool_to_register(kind, &owner.policy)?;
        let wire = self.wire.wire(owner.policy.network);
        let waiting = Waiting::new(&self.wire)?;
        let wanted = or_any(self.device.clone());
        let key = Some(owner.key.fingerprint());
        let now = context.now()?;
        let (registered, version) =
            wire.with(tool, &wanted, key, None, &waiting.silent(), |device| {
                context.terminal.talk(&compare(wallet, kind));
                if !self.yes {
                    context.terminal.confirm("Show it on the device?")?;
                }
                let registered = waiting.told(context, "Compare on the device", |watch| {
                    device.register(wallet, watch)
                })?;
                let version = device.info().version.clone();
                Ok::<_, Failure>((registered, version))
            })?;
        let fingerprint = owner.key.fingerprint();
        let mut registration =
            Registration::new(kind.clone(), fingerprint, &owner.policy, wallet, now);
        registration.hmac.clone_from(&registered.hmac);
        registration.firmware = version;
        Registrations(&home).keep(&owner.policy, &registration)?;
        let value = json!({
            "device": kind.name(),
            "fingerprint": fingerprint,
            "policy": owner.policy.id,
            "name": wallet.name(),
            "template": wallet.template(),
            "keys": wallet.keys(),
            "firmware": registration.firmware,
            "pending": registered.pending,
        });
        let text = next(wallet, kind, &registered);
        context.terminal.answer(&text, &value)
    }
}

/// What the device's screens must show.
fn compare(wallet: &WalletPolicy, kind: &DeviceKind) -> String {
    let mut lines = vec![
        format!("The device ({kind}) must show this, and nothing else:"),
        format!("  name      {}", wallet.name()),
        format!("  script    {}", wallet.template()),
    ];
    for (number, key) in wallet.keys().iter().enumerate() {
        let note = if key.starts_with('[') {
            ""
        } else {
            "  (nobody's: a dummy key)"
        };
        lines.push(format!("  key @{number}{note}"));
        lines.push(format!("    {key}"));
    }
    lines.push("Have each other signer read their key out from their own machine.".to_owned());
    lines.join("\n")
}

fn next(wallet: &WalletPolicy, kind: &DeviceKind, registered: &Registered) -> String {
    let name = wallet.name();
    if registered.pending {
        return format!(
            "Given to the device ({kind}) as {name}: confirm it on its screen.\nThen look at the first address \
             there: address 0"
        );
    }
    format!("Registered: {name}\nNow look at the first address on the device: address 0")
}
