//! The tool `hwi` of Bitcoin Core's contributors: plain multisig on every device that it knows, and whatever a
//! Coldcard has enrolled.
//!
//! Everything goes to it by standard input (`--stdin`), where its lines are split as a shell's words: so each is
//! quoted, and what has a line break is never sent. What it answers is one JSON value on standard output, or no
//! answer. Errors come with exit status 0; "signed" may be false without an error, and true without a signature.

use super::child::{Call, Said, run};
use super::found::{Found, State};
use super::meaning;
use super::wire::Options;
use super::{Device, DeviceError, Locks, Place, Registered, Registration, Tool, Watch, Words};
use bitcoin::Network;
use bitcoin::bip32::{DerivationPath, Fingerprint, Xpub};
use policies::descriptor::VaultDescriptor;
use policies::exchange::WalletPolicy;
use policies::psbt::{Encoding, to_binary};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::ffi::OsString;
use std::time::Duration;

/// How long what needs no human may take: looking opens every device.
const QUICK: Duration = Duration::from_mins(1);
/// The most devices of one wire.
const MOST_DEVICES: usize = 64;
/// The longest path of a device.
const MOST_PATH: usize = 512;

/// The tool, of a version that was looked at.
#[derive(Debug)]
pub struct Hwi<'a> {
    options: &'a Options,
    locks: &'a Locks,
}

/// A device that it found.
#[derive(Debug)]
pub(super) struct HwiDevice<'a> {
    hwi: &'a Hwi<'a>,
    found: Found,
    descriptor: Option<&'a VaultDescriptor>,
}

/// One device of `enumerate`; of a broken one there is an error in place of the fingerprint.
#[derive(Debug, Deserialize)]
struct Entry {
    #[serde(rename = "type")]
    kind: String,
    path: String,
    model: Option<String>,
    label: Option<String>,
    fingerprint: Option<String>,
    #[serde(default)]
    needs_pin_sent: bool,
    #[serde(default)]
    needs_passphrase_sent: bool,
    error: Option<String>,
    code: Option<i64>,
}

/// What is not an answer but a complaint.
#[derive(Debug, Deserialize)]
struct Complaint {
    error: String,
    code: Option<i64>,
}

#[derive(Debug, Deserialize)]
struct XpubAnswer {
    xpub: String,
}

#[derive(Debug, Deserialize)]
struct AddressAnswer {
    address: String,
}

/// `signed` is not read: the signatures are looked at.
#[derive(Debug, Deserialize)]
struct SignAnswer {
    psbt: String,
}

impl<'a> Hwi<'a> {
    /// The tool, if it is of a version that this program was tried with, or any is wished.
    ///
    /// # Errors
    /// When it is not there, does not start, or is of another version.
    pub fn open(
        options: &'a Options,
        locks: &'a Locks,
        watch: &Watch<'_>,
    ) -> Result<Self, DeviceError> {
        let hwi = Self { options, locks };
        let call = Call {
            arguments: vec!["--version".into()],
            input: Vec::new(),
        };
        let said = hwi.run(call, &watch.within(QUICK))?;
        check_version(Tool::Hwi, &said, options.any_version)?;
        Ok(hwi)
    }

    /// All devices that it finds, also those that cannot be used yet.
    ///
    /// # Errors
    /// [`DeviceError`].
    pub fn enumerate(&self, watch: &Watch<'_>) -> Result<Vec<Found>, DeviceError> {
        let held = self.locks.wire()?;
        let entries: Vec<Entry> = self.ask(&["enumerate"], &watch.within(QUICK))?;
        drop(held);
        if entries.len() > MOST_DEVICES {
            return Err(garbage("more devices than a computer has"));
        }
        let found = entries.into_iter().map(found);
        let found: Vec<Found> = found.collect::<Result<_, _>>()?;
        Ok(self.options.only_emulator(found))
    }

    pub(super) fn device(
        &'a self,
        found: Found,
        descriptor: Option<&'a VaultDescriptor>,
    ) -> HwiDevice<'a> {
        HwiDevice {
            hwi: self,
            found,
            descriptor,
        }
    }

    /// One call, its words by standard input, and the one value that it answers.
    fn ask<T: DeserializeOwned>(
        &self,
        words: &[&str],
        watch: &Watch<'_>,
    ) -> Result<T, DeviceError> {
        let mut all = vec![format!("--chain={}", chain(self.options.network))];
        if self.options.emulator.is_some() {
            all.push("--emulators".to_owned());
        }
        all.extend(words.iter().map(|word| (*word).to_owned()));
        let call = Call {
            arguments: vec![OsString::from("--stdin")],
            input: line_of(&all)?,
        };
        understood(&self.run(call, watch)?)
    }

    fn run(&self, call: Call, watch: &Watch<'_>) -> Result<Said, DeviceError> {
        let program = &self.options.hwi;
        run(program, call, watch)
            .map_err(|error| DeviceError::of_child(Tool::Hwi, program.clone(), error))
    }
}

/// HWI's name for a network.
fn chain(network: Network) -> &'static str {
    match network {
        Network::Bitcoin => "main",
        Network::Testnet => "test",
        Network::Testnet4 => "testnet4",
        Network::Signet => "signet",
        Network::Regtest => "regtest",
    }
}

/// Words as one line that HWI splits into just these (Python's `shlex`).
fn line_of(words: &[String]) -> Result<Vec<u8>, DeviceError> {
    let mut line = String::new();
    for word in words {
        if word.chars().any(char::is_control) {
            return Err(garbage("a name with a line break in it"));
        }
        line.push('\'');
        line += &word.replace('\'', "'\"'\"'");
        line += "' ";
    }
    line.push('\n');
    Ok(line.into_bytes())
}

/// Refuses a version with which nobody tried this program.
pub(super) fn check_version(tool: Tool, said: &Said, any: bool) -> Result<(), DeviceError> {
    if !said.status.success() {
        return Err(crashed(tool, said));
    }
    let output = String::from_utf8_lossy(&said.output);
    let found = output.split_whitespace().next_back().unwrap_or_default();
    if any || found.starts_with(tool.version()) {
        Ok(())
    } else {
        Err(DeviceError::ToolVersion {
            tool,
            found: Words::of(found).to_string(),
        })
    }
}

/// The answer in what the tool said, or its complaint as a fact.
fn understood<T: DeserializeOwned>(said: &Said) -> Result<T, DeviceError> {
    let output = said.output.as_slice();
    if let Ok(complaint) = serde_json::from_slice::<Complaint>(output) {
        return Err(meaning::of_hwi(complaint.code, &complaint.error));
    }
    if !said.status.success() {
        return Err(crashed(Tool::Hwi, said));
    }
    if output.trim_ascii().is_empty() {
        return Err(garbage("it is empty"));
    }
    serde_json::from_slice(output).map_err(|error| {
        garbage(match error.classify() {
            serde_json::error::Category::Eof => "it breaks off",
            serde_json::error::Category::Data => "it is JSON of another form",
            serde_json::error::Category::Syntax | serde_json::error::Category::Io => {
                "it is no JSON alone"
            }
        })
    })
}

/// A tool that ended with a mistake of its own: its last line says which.
pub(super) fn crashed(tool: Tool, said: &Said) -> DeviceError {
    if said.complaint.contains("libusb") {
        return DeviceError::NoLibusb { tool };
    }
    let mut lines = said.complaint.lines().rev();
    let last = lines.find(|line| !line.trim().is_empty());
    let ended = said.status.to_string();
    DeviceError::ToolCrashed {
        tool,
        said: Words::of(last.unwrap_or(&ended)),
    }
}

fn garbage(what: &'static str) -> DeviceError {
    DeviceError::ToolAnswer {
        tool: Tool::Hwi,
        what,
    }
}

fn found(entry: Entry) -> Result<Found, DeviceError> {
    let is_word =
        |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == b'_';
    if entry.kind.is_empty() || entry.kind.len() > 32 || !entry.kind.bytes().all(is_word) {
        return Err(garbage("a kind of device that is no word"));
    }
    if !path_is_sane(&entry.path) {
        return Err(garbage("a path of a device that is none"));
    }
    let fingerprint: Option<Fingerprint> = match entry.fingerprint.as_deref() {
        None | Some("") => None,
        Some(text) => {
            let read = text.parse();
            Some(read.map_err(|_| garbage("a fingerprint that is none"))?)
        }
    };
    let trouble = if entry.needs_pin_sent {
        Some(DeviceError::Locked)
    } else if entry.needs_passphrase_sent {
        Some(DeviceError::NeedsPassphrase)
    } else if let Some(error) = &entry.error {
        Some(meaning::of_hwi(entry.code, error))
    } else if fingerprint.is_none() {
        Some(DeviceError::Locked)
    } else {
        None
    };
    Ok(Found {
        tool: Tool::Hwi,
        kind: entry.kind,
        model: entry.model.map(|text| Words::of(&text).to_string()),
        label: entry.label.map(|text| Words::of(&text).to_string()),
        path: entry.path,
        fingerprint,
        version: None,
        state: trouble.map_or(State::Ready, State::Trouble),
    })
}

/// Whether a text can be the path of a device: short, and printable.
pub(super) fn path_is_sane(path: &str) -> bool {
    let shown = |letter: u8| letter == b' ' || letter.is_ascii_graphic();
    !path.is_empty() && path.len() <= MOST_PATH && path.bytes().all(shown)
}

/// What came back, if it is not what was given.
fn given_back(answer: SignAnswer, psbt: &[u8]) -> Result<Vec<u8>, DeviceError> {
    let binary = to_binary(answer.psbt.as_bytes());
    if binary.is_ok_and(|binary| binary.as_ref() == psbt) {
        return Err(DeviceError::NotSigned);
    }
    Ok(answer.psbt.into_bytes())
}

impl HwiDevice<'_> {
    fn ask<T: DeserializeOwned>(
        &self,
        words: &[&str],
        watch: &Watch<'_>,
    ) -> Result<T, DeviceError> {
        let _held = self.hwi.locks.device(&self.found.path)?;
        let kind = format!("--device-type={}", self.found.kind);
        let path = format!("--device-path={}", self.found.path);
        let mut all = vec![kind.as_str(), path.as_str()];
        all.extend(words);
        self.hwi.ask(&all, watch)
    }
}

impl Device for HwiDevice<'_> {
    fn info(&self) -> &Found {
        &self.found
    }

    fn xpub(&self, path: &DerivationPath, watch: &Watch<'_>) -> Result<Xpub, DeviceError> {
        let path = format!("m/{path}");
        let answer: XpubAnswer = self.ask(&["getxpub", &path], watch)?;
        let key = answer.xpub.parse();
        key.map_err(|_| garbage("a key that is none"))
    }

    fn register(&self, _: &WalletPolicy, _: &Watch<'_>) -> Result<Registered, DeviceError> {
        Err(DeviceError::Unsupported {
            said: Words::of("hwi registers no policies; bhwi does"),
        })
    }

    fn show_address(
        &self,
        place: Place,
        _: Option<&Registration>,
        watch: &Watch<'_>,
    ) -> Result<String, DeviceError> {
        let Some(descriptor) = self.descriptor else {
            return Err(DeviceError::NotRegistered);
        };
        let one = descriptor.at(place.keychain, place.index).definite;
        let desc = format!("--desc={one}");
        let answer: AddressAnswer = self.ask(&["displayaddress", &desc], watch)?;
        Ok(answer.address)
    }

    fn sign(
        &self,
        psbt: &[u8],
        _: Option<&Registration>,
        watch: &Watch<'_>,
    ) -> Result<Vec<u8>, DeviceError> {
        let base64 = Encoding::Base64.encode(psbt);
        let base64 = String::from_utf8_lossy(&base64).into_owned();
        let answer: SignAnswer = self.ask(&["signtx", base64.trim()], watch)?;
        given_back(answer, psbt)
    }
}

#[cfg(test)]
#[path = "hwi_tests.rs"]
mod tests;
