//! `devices`: what is plugged in, in which state, and what to do next.

use super::{Waiting, WireArgs};
use crate::command::Context;
use crate::device::{DeviceError, Found, State, Tool};
use crate::failure::{Explained, Failure, reason};
use crate::pin::Pinned;
use bitcoin::Network;
use bitcoin::bip32::Fingerprint;
use serde_json::{Value, json};

/// List the hardware wallets that are plugged in, and what to do with each next
///
/// Looks with `hwi`, and with `bhwi` where that is installed. Nothing is changed on any device, and nothing is
/// installed.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:\n\
\x20 countersign-signer devices\n\
\x20 countersign-signer --home alice devices --hwi ~/hwi/bin/hwi --json")]
pub(in crate::command) struct Devices {
    #[command(flatten)]
    wire: WireArgs,
}

impl Devices {
    pub(in crate::command) fn run(self, context: &mut Context) -> Result<(), Failure> {
        let home = context.home().ok();
        let pinned = home.as_ref().and_then(|home| Pinned::load(home).ok());
        let key = home.and_then(|home| home.device_key().ok().flatten());
        let own = key.map(|key| key.fingerprint());
        let network = pinned.map_or(Network::Bitcoin, |pinned| pinned.policy().network);
        let wire = self.wire.wire(network);
        let waiting = Waiting::new(&self.wire)?;
        let watch = waiting.silent();
        let by_hwi = wire.list(Tool::Hwi, &watch);
        let by_bhwi = wire.list(Tool::Bhwi, &watch);
        let mut troubles = Vec::new();
        let mut found = Vec::new();
        for (tool, listed) in [(Tool::Hwi, by_hwi), (Tool::Bhwi, by_bhwi)] {
            match listed {
                Ok(listed) => add(&mut found, listed),
                Err(error) => troubles.push((tool, error)),
            }
        }
        if troubles.len() == 2 {
            // Without any tool nobody looked; what keeps the first is what to mend.
            let (_, first) = troubles.swap_remove(0);
            return Err(first.into());
        }
        let mut lines: Vec<String> = found.iter().map(|one| text(one, own)).collect();
        if found.is_empty() {
            lines.push(NOTHING.to_owned());
        }
        for (tool, error) in &troubles {
            context.terminal.talk(&note(*tool, error));
        }
        let tools: Vec<Value> = troubles
            .iter()
            .map(|(tool, error)| json!({ "tool": tool.name(), "reason": reason(error) }))
            .collect();
        let devices: Vec<Value> = found.iter().map(|one| value(one, own)).collect();
        let value = json!({ "devices": devices, "tools": tools });
        context.terminal.answer(&lines.join("\n"), &value)
    }
}

const NOTHING: &str = "\
No device was found. Plug it in, unlock it, and open its bitcoin app.
On Linux a user may open it only by udev rules, which this program never
installs by itself:
  sudo /path/to/hwi installudevrules";

/// Adds what the second tool found, where the first did not.
fn add(found: &mut Vec<Found>, listed: Vec<Found>) {
    for one in listed {
        let known = found.iter_mut().find(|known| {
            let same_key = known.fingerprint.is_some() && known.fingerprint == one.fingerprint;
            same_key || (known.kind == one.kind && known.path == one.path)
        });
        match known {
            Some(known) => known.version = known.version.take().or(one.version),
            None => found.push(one),
        }
    }
}

fn note(tool: Tool, error: &DeviceError) -> String {
    if matches!(error, DeviceError::ToolMissing { .. }) {
        return format!("{tool} is not installed: what it alone serves is not seen.");
    }
    format!("{tool} did not look: {}", super::told(error))
}

fn text(found: &Found, own: Option<Fingerprint>) -> String {
    let name = found.model.as_deref().unwrap_or(&found.kind);
    let version = found.version.as_ref().map(|version| format!(" {version}"));
    let mut lines = vec![format!(
        "{}{} at {}",
        name,
        version.unwrap_or_default(),
        found.path
    )];
    if let Some(label) = &found.label {
        lines.push(format!("  label {label}"));
    }
    if let Some(fingerprint) = found.fingerprint {
        let whose = match own {
            Some(own) if own == fingerprint => ": the key of this home",
            Some(_) => ": not the key of this home",
            None => "",
        };
        lines.push(format!("  fingerprint {fingerprint}{whose}"));
    }
    match &found.state {
        State::Ready => lines.push("  ready".to_owned()),
        State::Trouble(error) => {
            lines.push(format!("  {}", super::told(error)));
            lines.push(format!("  Next: {}", error.hint()));
        }
    }
    lines.join("\n")
}

fn value(found: &Found, own: Option<Fingerprint>) -> Value {
    let (state, next) = match &found.state {
        State::Ready => ("READY", None),
        State::Trouble(error) => (error.code(), Some(error.hint())),
    };
    json!({
        "tool": found.tool.name(),
        "kind": found.kind,
        "model": found.model,
        "label": found.label,
        "path": found.path,
        "fingerprint": found.fingerprint,
        "version": found.version,
        "own": own.is_some() && own == found.fingerprint,
        "state": state,
        "next": next,
    })
}
