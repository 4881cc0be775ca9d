//! Why a device on a wire did not do what was asked: the facts are ours, whatever number the tool gave.

use super::Tool;
use super::child::ChildError;
use crate::failure::{Class, Explained, one_line};
use crate::home::HomeError;
use crate::keystore::{DeviceKind, WriteError};
use bitcoin::Txid;
use bitcoin::bip32::Fingerprint;
use policies::psbt::PsbtRefusal;
use std::path::PathBuf;

/// What a tool said of itself or of a device, for people who report it: short, in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words(String);

/// The most letters of a tool that are shown.
const MOST_WORDS: usize = 160;

impl Words {
    /// The first letters of a text, without what breaks a line, hides or turns.
    pub fn of(text: &str) -> Self {
        Self(one_line(text, MOST_WORDS))
    }
}

impl std::fmt::Display for Words {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Why a device did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// The tool is not installed where it was looked for.
    #[error("{tool} is not installed: there is no program {}", .program.display())]
    ToolMissing {
        /// Which.
        tool: Tool,
        /// Where it was looked for.
        program: PathBuf,
    },
    /// The system does not run the tool.
    #[error("{tool} does not start: {cause}")]
    ToolNotStarted {
        /// Which.
        tool: Tool,
        /// The system's answer.
        cause: std::io::Error,
    },
    /// The tool is of a version with which nobody tried this program.
    #[error("{tool} says that it is version {found:?}, tried is {}", .tool.version())]
    ToolVersion {
        /// Which.
        tool: Tool,
        /// What it says.
        found: String,
    },
    /// The tool ended with a mistake of its own and no answer.
    #[error("{tool} broke off without an answer: {said}")]
    ToolCrashed {
        /// Which.
        tool: Tool,
        /// Its last words.
        said: Words,
    },
    /// The tool lacks the system's USB library.
    #[error("{tool} does not find the system's USB library (libusb)")]
    NoLibusb {
        /// Which.
        tool: Tool,
    },
    /// The answer is not in the tool's own form.
    #[error("{tool} answered what is no answer: {what}")]
    ToolAnswer {
        /// Which.
        tool: Tool,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The tool does not end, although it was killed.
    #[error("{tool} does not end, although it was killed")]
    ToolStuck {
        /// Which.
        tool: Tool,
    },
    /// The human or the device took too long.
    #[error("no answer of the device after {seconds} s")]
    TimedOut {
        /// How long it was waited for.
        seconds: u64,
    },
    /// Somebody stopped it.
    #[error("stopped before the device answered")]
    Cancelled,
    /// Another command of this user talks to devices.
    #[error("another command talks to a device just now")]
    Taken,
    /// The system gives no lock.
    #[error("cannot lock devices in {}: {cause}", .path.display())]
    NoLock {
        /// Where.
        path: PathBuf,
        /// The system's answer.
        cause: std::io::Error,
    },
    /// No device is on the wire.
    #[error("no device was found")]
    NotFound,
    /// Several devices could be meant.
    #[error("{count} devices could be meant")]
    SeveralFound {
        /// How many.
        count: usize,
    },
    /// Devices are there, and none is the one with this key.
    #[error("the device with the key {wanted} is not there; found: {}", list(.found))]
    OtherDevice {
        /// The fingerprint that was looked for.
        wanted: Fingerprint,
        /// Those that are there.
        found: Vec<Fingerprint>,
    },
    /// The device waits for its PIN.
    #[error("the device is locked")]
    Locked,
    /// The device waits for a passphrase from this computer.
    #[error("the device wants its passphrase typed on this computer")]
    NeedsPassphrase,
    /// The device has no seed.
    #[error("the device is not set up: it holds no seed")]
    NotSetUp,
    /// The device is not ready, as it says itself.
    #[error("the device is not ready: {said}")]
    NotReady {
        /// What was said.
        said: Words,
    },
    /// Another app, or none, is open on it.
    #[error("the device does not show its bitcoin app")]
    WrongApp,
    /// The device is at something else, such as a question that an earlier call left on its screen.
    #[error("the device is busy with something else")]
    Busy,
    /// The system keeps this user from it.
    #[error("this user may not open the device")]
    NoPermission,
    /// It was unplugged, or went to sleep.
    #[error("the device went away")]
    Disconnected,
    /// The human said no.
    #[error("it was refused on the device")]
    RefusedThere,
    /// The policy is not registered on the device, or not as it was.
    #[error("the policy is not registered on the device")]
    NotRegistered,
    /// The device, or the tool for it, cannot do that.
    #[error("the device cannot do that: {said}")]
    Unsupported {
        /// What was said.
        said: Words,
    },
    /// By no tool does such a device sign such a policy.
    #[error("a {kind} signs no {script} of this kind by its wire")]
    NoWay {
        /// The kind of the device.
        kind: DeviceKind,
        /// The policy's scripts.
        script: &'static str,
    },
    /// It keeps no policies, and signs this one without.
    #[error("a {kind} keeps no policies: there is nothing to register")]
    NothingToRegister {
        /// The kind of the device.
        kind: DeviceKind,
    },
    /// It is larger than the device takes.
    #[error("it is larger than the device takes: {what}")]
    TooLarge {
        /// What of it, with both numbers.
        what: String,
    },
    /// The answer holds no new signature of the device's key.
    #[error("the device answered without a signature, and without saying why")]
    NotSigned,
    /// The answer is over another transaction than was asked for.
    #[error("the answer is over transaction {found}, not over {asked}")]
    OtherTransaction {
        /// What was handed over.
        asked: Txid,
        /// What came back.
        found: Txid,
    },
    /// The answer is no PSBT.
    #[error("the answer is no PSBT: {0}")]
    NotAPsbt(PsbtRefusal),
    /// The device shows another address than the policy derives.
    #[error("the device shows {shown}, the policy has {expected}")]
    OtherAddress {
        /// What the policy derives.
        expected: String,
        /// What the device said.
        shown: Words,
    },
    /// Something else.
    #[error("the device did not do it: {said}")]
    Failed {
        /// What was said.
        said: Words,
    },
    /// A registration could not be kept.
    #[error(transparent)]
    Kept(#[from] WriteError),
    /// The home is not as it should be.
    #[error(transparent)]
    Home(#[from] HomeError),
}

impl DeviceError {
    /// What a child's failure is to whoever waits for a device.
    pub fn of_child(tool: Tool, program: PathBuf, error: ChildError) -> Self {
        match error {
            ChildError::Missing => Self::ToolMissing { tool, program },
            ChildError::NotStarted(cause) => Self::ToolNotStarted { tool, cause },
            ChildError::TimedOut(after) => Self::TimedOut {
                seconds: after.as_secs(),
            },
            ChildError::Cancelled => Self::Cancelled,
            ChildError::Flood => Self::ToolAnswer {
                tool,
                what: "it does not end",
            },
            ChildError::Stuck => Self::ToolStuck { tool },
        }
    }
}

fn list(found: &[Fingerprint]) -> String {
    let found: Vec<String> = found.iter().map(ToString::to_string).collect();
    found.join(", ")
}

impl Explained for DeviceError {
    fn class(&self) -> Class {
        match self {
            Self::NoWay { .. }
            | Self::TooLarge { .. }
            | Self::RefusedThere
            | Self::OtherTransaction { .. }
            | Self::OtherAddress { .. } => Class::Refused,
            Self::SeveralFound { .. } | Self::NotRegistered | Self::NothingToRegister { .. } => {
                Class::Usage
            }
            Self::Kept(error) => error.class(),
            Self::Home(error) => error.class(),
            Self::ToolMissing { .. }
            | Self::ToolNotStarted { .. }
            | Self::ToolVersion { .. }
            | Self::ToolCrashed { .. }
            | Self::NoLibusb { .. }
            | Self::ToolAnswer { .. }
            | Self::ToolStuck { .. }
            | Self::TimedOut { .. }
            | Self::Cancelled
            | Self::Taken
            | Self::NoLock { .. }
            | Self::NotFound
            | Self::OtherDevice { .. }
            | Self::Locked
            | Self::NeedsPassphrase
            | Self::NotSetUp
            | Self::NotReady { .. }
            | Self::WrongApp
            | Self::Busy
            | Self::NoPermission
            | Self::Disconnected
            | Self::Unsupported { .. }
            | Self::NotSigned
            | Self::NotAPsbt(_)
            | Self::Failed { .. } => Class::Device,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::ToolMissing { .. } => "TOOL_MISSING",
            Self::ToolNotStarted { .. } => "TOOL_NOT_STARTED",
            Self::ToolVersion { .. } => "TOOL_VERSION",
            Self::ToolCrashed { .. } => "TOOL_CRASHED",
            Self::NoLibusb { .. } => "LIBUSB_MISSING",
            Self::ToolAnswer { .. } => "TOOL_ANSWER",
            Self::ToolStuck { .. } => "TOOL_STUCK",
            Self::TimedOut { .. } => "DEVICE_TIMED_OUT",
            Self::Cancelled => "DEVICE_CANCELLED",
            Self::Taken => "DEVICE_TAKEN",
            Self::NoLock { .. } => "DEVICE_LOCK",
            Self::NotFound => "DEVICE_NOT_FOUND",
            Self::SeveralFound { .. } => "SEVERAL_DEVICES",
            Self::OtherDevice { .. } => "OTHER_DEVICE",
            Self::Locked => "DEVICE_LOCKED",
            Self::NeedsPassphrase => "DEVICE_PASSPHRASE",
            Self::NotSetUp => "DEVICE_NOT_SET_UP",
            Self::NotReady { .. } => "DEVICE_NOT_READY",
            Self::WrongApp => "DEVICE_APP",
            Self::Busy => "DEVICE_BUSY",
            Self::NoPermission => "DEVICE_PERMISSION",
            Self::Disconnected => "DEVICE_GONE",
            Self::RefusedThere => "REFUSED_ON_DEVICE",
            Self::NotRegistered => "NOT_REGISTERED",
            Self::Unsupported { .. } => "DEVICE_UNSUPPORTED",
            Self::NoWay { .. } => "DEVICE_CANNOT_SIGN",
            Self::NothingToRegister { .. } => "NOTHING_TO_REGISTER",
            Self::TooLarge { .. } => "DEVICE_TOO_SMALL",
            Self::NotSigned => "DEVICE_DID_NOT_SIGN",
            Self::OtherTransaction { .. } => "OTHER_TRANSACTION",
            Self::NotAPsbt(_) => "NOT_A_PSBT",
            Self::OtherAddress { .. } => "OTHER_ADDRESS",
            Self::Failed { .. } => "DEVICE_FAILED",
            Self::Kept(error) => error.code(),
            Self::Home(error) => error.code(),
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::ToolMissing { tool, .. } => tool.installation().to_owned(),
            Self::ToolNotStarted { .. } => {
                "name a program that this user may run, with --hwi or --bhwi".to_owned()
            }
            Self::ToolVersion { tool, .. } => format!(
                "{}; or give --any-version to try this one: signatures are verified all the same",
                tool.installation()
            ),
            Self::ToolCrashed { .. } | Self::ToolStuck { .. } => {
                "plug the device in again and try again; if it stays, run the tool by itself and see what it says"
                    .to_owned()
            }
            Self::NoLibusb { .. } => {
                "install it: on Debian and Ubuntu `sudo apt-get install libusb-1.0-0`".to_owned()
            }
            Self::ToolAnswer { .. } => {
                "look whether --hwi or --bhwi names the tool itself, then try again; nothing of the answer was taken"
                    .to_owned()
            }
            Self::TimedOut { .. } => {
                "dismiss what its screen shows, then try again; --deadline 600 waits longer".to_owned()
            }
            Self::Cancelled => "dismiss what its screen shows before you try again".to_owned(),
            Self::Taken => "let the other command end, or stop it with Ctrl-C, then try again".to_owned(),
            Self::NoLock { .. } => {
                "make that folder one of this user, or set XDG_RUNTIME_DIR to one that is".to_owned()
            }
            Self::NotFound => {
                "plug it in, unlock it, and open its bitcoin app; on Linux it may need udev rules: see `devices`"
                    .to_owned()
            }
            Self::SeveralFound { .. } => {
                "say which with --device FINGERPRINT, or unplug the others; `devices` lists them".to_owned()
            }
            Self::OtherDevice { .. } => {
                "plug in the device of this signer, with the passphrase that it was enrolled with".to_owned()
            }
            Self::Locked => "unlock it with its PIN, then try again".to_owned(),
            Self::NeedsPassphrase => {
                "set it to ask for the passphrase on its own screen: no passphrase goes through this program".to_owned()
            }
            Self::NotSetUp => "set it up by its maker's program, then enrol its key".to_owned(),
            Self::NotReady { .. } => "do what its screen or those words ask for, then try again".to_owned(),
            Self::WrongApp => {
                "open its bitcoin app, the one for test networks where this is one, then try again".to_owned()
            }
            Self::Busy => {
                "dismiss what its screen shows, or plug it in again; then try again".to_owned()
            }
            Self::NoPermission => {
                "install udev rules for it (`hwi installudevrules`, as root), then plug it in again".to_owned()
            }
            Self::Disconnected => "plug it in again, unlock it, then try again".to_owned(),
            Self::RefusedThere => {
                "if that was not meant, try again; if its screen showed something else than the review, do not, and tell the others"
                    .to_owned()
            }
            Self::NotRegistered => "register the policy there first: `register`".to_owned(),
            Self::Unsupported { .. } => {
                "see `devices` for its firmware, and `sign --hand-to` where it takes files or codes".to_owned()
            }
            Self::NoWay { .. } => {
                "use a device that signs it, or a card or codes where this one takes them: `sign --hand-to`".to_owned()
            }
            Self::NothingToRegister { .. } => {
                "go on: see the first address on it with `address 0`, then sign with `sign FILE --device`".to_owned()
            }
            Self::TooLarge { .. } => {
                "have the coordinator make smaller batches, or sign with the other signers".to_owned()
            }
            Self::NotSigned => {
                "register the policy on it and try again; what it cannot sign, some tools pass by in silence".to_owned()
            }
            Self::OtherTransaction { .. } => {
                "do not use this device or tool: it was asked for one transaction and signed another; tell the others"
                    .to_owned()
            }
            Self::NotAPsbt(_) => {
                "try again; if it stays, use another tool or `sign --hand-to`: nothing of the answer was taken".to_owned()
            }
            Self::OtherAddress { .. } => {
                "give this address to nobody: register the policy on the device anew, then look again".to_owned()
            }
            Self::Failed { .. } => {
                "plug it in again and try again; if it stays, see what the device's maker says to these words".to_owned()
            }
            Self::Kept(error) => error.hint(),
            Self::Home(error) => error.hint(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_tool_are_one_short_line_that_moves_no_cursor() {
        let words = Words::of("a\n b\u{1b}[2J\t c").to_string();
        assert_eq!(words, "a b[2J c");
        assert_eq!(Words::of(&"x".repeat(1000)).to_string().len(), MOST_WORDS);
    }
}
