//! The tool `bhwi` of the crate `bhwi-cli`: policies of any script that a device has registered (BIP 388).
//!
//! Its PSBTs go by standard input; names, descriptors and a registration's code go as arguments, each behind
//! its option's `=`, so that none becomes an option. It answers a bare text or JSON on standard output; errors are a
//! line on standard error and exit status 1, and no device at all is no error to it, but an empty answer.

use super::child::{Call, Said, run};
use super::found::{Found, State};
use super::hwi::{check_version, crashed, path_is_sane};
use super::meaning;
use super::wire::Options;
use super::{Device, DeviceError, Locks, Place, Registered, Registration, Tool, Watch, Words};
use bitcoin::bip32::{DerivationPath, Fingerprint, Xpub};
use policies::Keychain;
use policies::exchange::WalletPolicy;
use policies::psbt::{Encoding, to_binary};
use serde::Deserialize;
use std::time::Duration;

/// How long what needs no human may take.
const QUICK: Duration = Duration::from_mins(1);
/// The most devices of one wire.
const MOST_DEVICES: usize = 64;

/// The tool, of a version that was looked at.
#[derive(Debug)]
pub struct Bhwi<'a> {
    options: &'a Options,
    locks: &'a Locks,
}

/// A device that it found.
#[derive(Debug)]
pub(super) struct BhwiDevice<'a> {
    bhwi: &'a Bhwi<'a>,
    found: Found,
}

#[derive(Debug, Deserialize)]
struct Entry {
    device_type: String,
    path: String,
    model: Option<String>,
    label: Option<String>,
    fingerprint: Option<String>,
    #[serde(default)]
    is_emulated: bool,
    version: Option<String>,
}

#[derive(Debug, Deserialize)]
struct RegisterAnswer {
    status: String,
    hmac: Option<String>,
}

impl<'a> Bhwi<'a> {
    /// The tool, if it is of a version that this program was tried with, or any is wished.
    ///
    /// # Errors
    /// When it is not there, does not start, or is of another version.
    pub fn open(
        options: &'a Options,
        locks: &'a Locks,
        watch: &Watch<'_>,
    ) -> Result<Self, DeviceError> {
        let bhwi = Self { options, locks };
        let said = bhwi.run(
            vec!["--version".to_owned()],
            Vec::new(),
            &watch.within(QUICK),
        )?;
        check_version(Tool::Bhwi, &said, options.any_version)?;
        Ok(bhwi)
    }

    /// All devices that it can use; one that it passes by is told only where it is the only one.
    ///
    /// # Errors
    /// [`DeviceError`].
    pub fn enumerate(&self, watch: &Watch<'_>) -> Result<Vec<Found>, DeviceError> {
        let held = self.locks.wire()?;
        let arguments = self.arguments(&["--format=json", "device", "list"]);
        let answer = answered(self.run(arguments, Vec::new(), &watch.within(QUICK))?);
        drop(held);
        // Where nothing at all can be plugged in it complains of that, in place of an empty list.
        let output = match answer {
            Err(DeviceError::NotFound) => return Ok(Vec::new()),
            answer => answer?,
        };
        let entries: Vec<Entry> =
            serde_json::from_slice(&output).map_err(|_| garbage("it is no list of devices"))?;
        if entries.len() > MOST_DEVICES {
            return Err(garbage("more devices than a computer has"));
        }
        let real = |entry: &Entry| self.options.emulator.is_some() || !entry.is_emulated;
        let found = entries.into_iter().filter(real).map(found);
        let found: Vec<Found> = found.collect::<Result<_, _>>()?;
        Ok(self.options.only_emulator(found))
    }

    pub(super) fn device(&'a self, found: Found) -> BhwiDevice<'a> {
        BhwiDevice { bhwi: self, found }
    }

    fn arguments(&self, words: &[&str]) -> Vec<String> {
        let network = format!("--network={}", self.options.network);
        let words = words.iter().map(|word| (*word).to_owned());
        std::iter::once(network).chain(words).collect()
    }

    fn run(
        &self,
        arguments: Vec<String>,
        input: Vec<u8>,
        watch: &Watch<'_>,
    ) -> Result<Said, DeviceError> {
        let program = &self.options.bhwi;
        let call = Call {
            arguments: arguments.into_iter().map(Into::into).collect(),
            input,
        };
        run(program, call, watch)
            .map_err(|error| DeviceError::of_child(Tool::Bhwi, program.clone(), error))
    }
}

/// What it answered, or its complaint as a fact.
fn answered(said: Said) -> Result<Vec<u8>, DeviceError> {
    if said.status.success() {
        return Ok(said.output);
    }
    let lines = said.complaint.lines();
    let mut complaints = lines.filter_map(|line| line.strip_prefix("Error: "));
    let Some(complaint) = complaints.next() else {
        return Err(crashed(Tool::Bhwi, &said));
    };
    let error = meaning::of_bhwi(complaint);
    // A Ledger's app of another network knows none of our paths, and says no more than that.
    let unsupported = matches!(error, DeviceError::Unsupported { .. });
    if unsupported && is_of_other_network(&said.complaint) {
        return Err(DeviceError::WrongApp);
    }
    Err(error)
}

/// Whether it warned that a device serves mainnet alone where we are on a test network, or the other way round. All
/// test networks are one to a device.
fn is_of_other_network(complaint: &str) -> bool {
    let warnings = complaint
        .lines()
        .filter_map(|line| line.strip_prefix("Warning: device "));
    let mut networks = warnings.filter_map(|line| {
        let (reported, expected) = line.rsplit_once(", expected ")?;
        Some((reported.rsplit_once(" is on ")?.1, expected))
    });
    networks.any(|(reported, expected)| {
        let is_main = |network: &str| network == "bitcoin";
        !reported
            .split(", ")
            .any(|network| is_main(network) == is_main(expected))
    })
}

fn garbage(what: &'static str) -> DeviceError {
    DeviceError::ToolAnswer {
        tool: Tool::Bhwi,
        what,
    }
}

fn found(entry: Entry) -> Result<Found, DeviceError> {
    let is_word = |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit();
    let kind = entry.device_type;
    if kind.is_empty() || kind.len() > 32 || !kind.bytes().all(is_word) {
        return Err(garbage("a kind of device that is no word"));
    }
    if !path_is_sane(&entry.path) {
        return Err(garbage("a path of a device that is none"));
    }
    let fingerprint = entry.fingerprint.as_deref().map(str::parse::<Fingerprint>);
    let fingerprint = fingerprint.transpose();
    let fingerprint = fingerprint.map_err(|_| garbage("a fingerprint that is none"))?;
    let words = |text: Option<String>| text.map(|text| Words::of(&text).to_string());
    Ok(Found {
        tool: Tool::Bhwi,
        kind,
        model: words(entry.model),
        label: words(entry.label),
        path: entry.path,
        fingerprint,
        version: words(entry.version),
        state: match fingerprint {
            Some(_) => State::Ready,
            None => State::Trouble(DeviceError::NotSetUp),
        },
    })
}

/// Descriptor and code of a registration, for devices that want to be given them.
fn given(registration: &Registration) -> (String, Option<String>) {
    let hmac = registration.hmac.as_ref();
    let hmac = hmac.map(|hmac| format!("--hmac={hmac}"));
    (registration.descriptor(), hmac)
}

impl BhwiDevice<'_> {
    fn ask(
        &self,
        words: &[&str],
        input: Vec<u8>,
        watch: &Watch<'_>,
    ) -> Result<Vec<u8>, DeviceError> {
        let _held = self.bhwi.locks.device(&self.found.path)?;
        let kind = format!("--device-type={}", self.found.kind);
        let path = format!("--device-path={}", self.found.path);
        let mut all = vec![kind.as_str(), path.as_str(), "--format=json"];
        all.extend(words);
        let said = self.bhwi.run(self.bhwi.arguments(&all), input, watch)?;
        let output = answered(said)?;
        if output.trim_ascii().is_empty() {
            return Err(DeviceError::NotFound);
        }
        Ok(output)
    }
}

impl Device for BhwiDevice<'_> {
    fn info(&self) -> &Found {
        &self.found
    }

    fn xpub(&self, path: &DerivationPath, watch: &Watch<'_>) -> Result<Xpub, DeviceError> {
        let path = format!("m/{path}");
        let output = self.ask(&["xpub", "get", &path], Vec::new(), watch)?;
        let text = String::from_utf8_lossy(&output);
        let key = text.trim().parse();
        key.map_err(|_| garbage("a key that is none"))
    }

    fn register(
        &self,
        policy: &WalletPolicy,
        watch: &Watch<'_>,
    ) -> Result<Registered, DeviceError> {
        let name = format!("--name={}", policy.name());
        let descriptor = format!("--descriptor={}", policy.to_descriptor());
        let words = ["descriptor", "register", &name, &descriptor];
        let output = self.ask(&words, Vec::new(), watch)?;
        let answer: RegisterAnswer =
            serde_json::from_slice(&output).map_err(|_| garbage("it is no registration"))?;
        let is_code =
            |hmac: &String| hmac.len() == 64 && hmac.bytes().all(|digit| digit.is_ascii_hexdigit());
        if !answer.hmac.as_ref().is_none_or(is_code) {
            return Err(garbage("a code of 32 bytes that has others"));
        }
        match answer.status.as_str() {
            "complete" => Ok(Registered {
                hmac: answer.hmac,
                pending: false,
            }),
            "pending_user_confirmation" => Ok(Registered {
                hmac: None,
                pending: true,
            }),
            _ => Err(garbage("it is no registration")),
        }
    }

    fn show_address(
        &self,
        place: Place,
        registration: Option<&Registration>,
        watch: &Watch<'_>,
    ) -> Result<String, DeviceError> {
        let registration = registration.ok_or(DeviceError::NotRegistered)?;
        let name = format!("--from-descriptor={}", registration.name);
        let index = format!("--index={}", place.index);
        let (descriptor, hmac) = given(registration);
        let descriptor = format!("--wallet-descriptor={descriptor}");
        let mut words = vec!["address", "get", &name, &index, "--display", &descriptor];
        if place.keychain == Keychain::Internal {
            words.push("--change");
        }
        words.extend(hmac.as_deref());
        let output = self.ask(&words, Vec::new(), watch)?;
        Ok(String::from_utf8_lossy(&output).trim().to_owned())
    }

    fn sign(
        &self,
        psbt: &[u8],
        registration: Option<&Registration>,
        watch: &Watch<'_>,
    ) -> Result<Vec<u8>, DeviceError> {
        let registration = registration.ok_or(DeviceError::NotRegistered)?;
        let name = format!("--name={}", registration.name);
        let (descriptor, hmac) = given(registration);
        let descriptor = format!("--descriptor={descriptor}");
        let mut words = vec!["psbt", "sign", "--psbt=/dev/stdin"];
        match self.found.kind.as_str() {
            // The Ledger app keeps nothing: it wants the policy and its own code each time.
            "ledger" => {
                words.extend([name.as_str(), descriptor.as_str()]);
                words.extend(hmac.as_deref());
            }
            "specter" => words.push(&descriptor),
            // The others know the policy from its registration, and refuse to be told.
            _ => {}
        }
        let base64 = Encoding::Base64.encode(psbt);
        let output = self.ask(&words, base64, watch)?;
        let binary = to_binary(&output);
        if binary.is_ok_and(|binary| binary.as_ref() == psbt) {
            return Err(DeviceError::NotSigned);
        }
        Ok(output)
    }
}

#[cfg(test)]
#[path = "bhwi_tests.rs"]
mod tests;
