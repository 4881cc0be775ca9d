//! The verbs that speak to a device on a wire, and what they share: which tools, how long, and how waiting shows.

pub(super) mod address;
pub(super) mod devices;
pub(super) mod register;

use super::Context;
use crate::device::{Cancel, DeviceError, Locks, Options, Tool, Wanted, Watch, Wire};
use crate::failure::{Class, Failure, reason};
use bitcoin::Network;
use bitcoin::bip32::DerivationPath;
use policies::descriptor::KeyPosition;
use std::cell::RefCell;
use std::path::PathBuf;
use std::time::Duration;

/// How often whoever waits is told so.
const TELLING: u64 = 15;

/// Which programs speak to devices, and how long they may take.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Devices on a wire")]
pub(super) struct WireArgs {
    /// The program hwi, if it is not in PATH [also: HWI_BIN]
    #[arg(
        long,
        value_name = "PROGRAM",
        env = "HWI_BIN",
        hide_env = true,
        hide_env_values = true,
        default_value = "hwi"
    )]
    hwi: PathBuf,
    /// The program bhwi, if it is not in PATH [also: BHWI_BIN]
    #[arg(
        long,
        value_name = "PROGRAM",
        env = "BHWI_BIN",
        hide_env = true,
        hide_env_values = true,
        default_value = "bhwi"
    )]
    bhwi: PathBuf,
    /// Take versions of these programs that nobody tried
    #[arg(long)]
    any_version: bool,
    /// How many seconds the device and its owner may take
    #[arg(long, value_name = "SECONDS", default_value = "180", value_parser = seconds)]
    deadline: Duration,
    /// An emulator that stands in for all devices
    #[arg(
        long,
        value_name = "HOST:PORT",
        env = "COUNTERSIGN_DEVICE_EMULATOR",
        hide_env = true,
        hide_env_values = true
    )]
    emulator: Option<String>,
}

/// The text is no time to wait.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("not a number of seconds from 1 to 3600")]
struct NoSeconds;

fn seconds(text: &str) -> Result<Duration, NoSeconds> {
    let number = text.strip_suffix('s').unwrap_or(text);
    let number: u64 = number.parse().map_err(|_| NoSeconds)?;
    if (1..=3600).contains(&number) {
        Ok(Duration::from_secs(number))
    } else {
        Err(NoSeconds)
    }
}

impl WireArgs {
    /// What is plugged in, seen as of a network.
    pub(super) fn wire(&self, network: Network) -> Wire {
        let options = Options {
            hwi: self.hwi.clone(),
            bhwi: self.bhwi.clone(),
            any_version: self.any_version,
            emulator: self.emulator.clone(),
            network,
        };
        Wire::new(options, Locks::of_user())
    }

    /// How long a device may take.
    pub(super) fn deadline(&self) -> Duration {
        self.deadline
    }
}

/// Whoever waits for a device, and may stop.
pub(super) struct Waiting {
    cancel: Cancel,
    deadline: Duration,
}

impl Waiting {
    pub(super) fn new(args: &WireArgs) -> Result<Self, Failure> {
        let cancel = Cancel::on_signals().map_err(|error| {
            Failure::because(Class::Device, "NO_SIGNALS", error.to_string())
                .hinted("start it where a program may listen for Ctrl-C")
        })?;
        Ok(Self {
            cancel,
            deadline: args.deadline(),
        })
    }

    /// Waits in silence, for what needs nobody.
    pub(super) fn silent(&self) -> Watch<'_> {
        Watch {
            deadline: self.deadline,
            cancel: &self.cancel,
            tick: &|_| (),
        }
    }

    /// Waits for somebody at the device, who is told what for and how long it has been.
    pub(super) fn told<T>(
        &self,
        context: &mut Context,
        what: &str,
        call: impl FnOnce(&Watch<'_>) -> T,
    ) -> T {
        let seconds = self.deadline.as_secs();
        let terminal = RefCell::new(&mut context.terminal);
        terminal
            .borrow_mut()
            .talk(&format!("{what} (waits {seconds} s; Ctrl-C stops)"));
        let tick = |since: Duration| {
            if since.as_secs().is_multiple_of(TELLING) {
                let line = format!("still waiting: {} of {seconds} s", since.as_secs());
                terminal.borrow_mut().talk(&line);
            }
        };
        call(&Watch {
            deadline: self.deadline,
            cancel: &self.cancel,
            tick: &tick,
        })
    }
}

/// The account key at a path, with its origin, as a device gives it.
pub(super) fn read_key(
    context: &mut Context,
    args: &WireArgs,
    wanted: &Wanted,
    network: Network,
    path: &DerivationPath,
) -> Result<String, Failure> {
    // HWI does not know every kind; the other tool is asked for what it alone knows.
    let tool = match wanted {
        Wanted::Kind(kind) if kind.name() == "specter-diy" => Tool::Bhwi,
        Wanted::Any | Wanted::Kind(_) | Wanted::Fingerprint(_) => Tool::Hwi,
    };
    let wire = args.wire(network);
    let waiting = Waiting::new(args)?;
    wire.with(tool, wanted, None, None, &waiting.silent(), |device| {
        let fingerprint = device.info().fingerprint.ok_or(DeviceError::Locked)?;
        let what = format!("Reading the key at m/{path}; confirm on the device if it asks");
        let key = waiting.told(context, &what, |watch| device.xpub(path, watch))?;
        let position = KeyPosition {
            fingerprint,
            path: path.clone(),
            xpub: key,
        };
        Ok(position.to_string())
    })
}

/// A failure as one line, where it does not end the command.
pub(super) fn told(error: &DeviceError) -> String {
    let reason = reason(error);
    format!("{} ({})", reason.message, reason.code)
}

/// Which device, where none is named.
pub(super) fn or_any(wanted: Option<Wanted>) -> Wanted {
    wanted.unwrap_or(Wanted::Any)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_a_number_of_seconds() {
        assert_eq!(seconds("180s").ok(), Some(Duration::from_mins(3)));
        assert_eq!(seconds("1").ok(), Some(Duration::from_secs(1)));
        for wrong in ["", "0", "3601", "-1", "1m", "s"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
