//! Devices that a tool found, and which of them is meant.
//!
//! Invariant: where this signer's key is known, no device with another fingerprint is chosen.

use super::{DeviceError, Tool};
use crate::keystore::{DeviceKind, device_key::DeviceKindError};
use bitcoin::bip32::Fingerprint;
use std::str::FromStr;

/// A device that a tool found.
#[derive(Debug)]
pub struct Found {
    /// Who found it.
    pub tool: Tool,
    /// The tool's word for its kind: 1 to 32 of a-z, 0-9 and _.
    pub kind: String,
    /// Its model, as the tool says.
    pub model: Option<String>,
    /// Its label, as its owner named it.
    pub label: Option<String>,
    /// What the tool knows it by.
    pub path: String,
    /// The fingerprint of its master key, once it is unlocked.
    pub fingerprint: Option<Fingerprint>,
    /// Its firmware's or app's version, where the tool tells.
    pub version: Option<String>,
    /// Whether it can be used.
    pub state: State,
}

/// Whether a device can be used now.
#[derive(Debug)]
pub enum State {
    /// It answers.
    Ready,
    /// Not before something is done.
    Trouble(DeviceError),
}

/// Which device is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// The one with this signer's key, or the only one.
    Any,
    /// One of this kind.
    Kind(DeviceKind),
    /// The one whose master key has this fingerprint.
    Fingerprint(Fingerprint),
}

impl FromStr for Wanted {
    type Err = DeviceKindError;

    fn from_str(text: &str) -> Result<Self, DeviceKindError> {
        if text == "auto" {
            return Ok(Self::Any);
        }
        match text.parse() {
            Ok(fingerprint) => Ok(Self::Fingerprint(fingerprint)),
            Err(_) => text.parse().map(Self::Kind),
        }
    }
}

/// The tools' word for a kind of device as policies name it.
pub(super) fn word_of(kind: &str) -> &str {
    match kind {
        "bitbox01" => "digitalbitbox",
        "specter-diy" => "specter",
        _ if kind.starts_with("coldcard") => "coldcard",
        _ => kind,
    }
}

impl Found {
    /// The device, if it can be used.
    ///
    /// # Errors
    /// What is to be done first.
    pub fn ready(self) -> Result<Self, DeviceError> {
        match self.state {
            State::Ready => Ok(self),
            State::Trouble(error) => Err(error),
        }
    }

    fn is_meant(&self, wanted: &Wanted) -> bool {
        match wanted {
            Wanted::Any | Wanted::Fingerprint(_) => true,
            Wanted::Kind(kind) => self.kind == word_of(kind.name()),
        }
    }
}

/// The device that is meant, with this key where one is known.
///
/// # Errors
/// When there is none, several could be, or it cannot be used yet.
pub fn choose(
    found: Vec<Found>,
    wanted: &Wanted,
    key: Option<Fingerprint>,
) -> Result<Found, DeviceError> {
    let named = match wanted {
        Wanted::Fingerprint(named) => Some(*named),
        Wanted::Any | Wanted::Kind(_) => None,
    };
    if let (Some(key), Some(named)) = (key, named)
        && key != named
    {
        return Err(DeviceError::OtherDevice {
            wanted: key,
            found: vec![named],
        });
    }
    let meant = found.into_iter().filter(|one| one.is_meant(wanted));
    let Some(key) = key.or(named) else {
        return only(meant.collect());
    };
    let (ours, others): (Vec<_>, Vec<_>) = meant.partition(|one| one.fingerprint == Some(key));
    if !ours.is_empty() {
        return only(ours);
    }
    let fingerprints: Vec<_> = others.iter().filter_map(|one| one.fingerprint).collect();
    // One that does not tell its fingerprint may be ours: what keeps it from telling is what to do.
    let silent = others.into_iter().find(|one| one.fingerprint.is_none());
    match silent {
        Some(silent) => match silent.state {
            State::Trouble(error) => Err(error),
            State::Ready => Err(DeviceError::NotFound),
        },
        None if fingerprints.is_empty() => Err(DeviceError::NotFound),
        None => Err(DeviceError::OtherDevice {
            wanted: key,
            found: fingerprints,
        }),
    }
}

fn only(mut found: Vec<Found>) -> Result<Found, DeviceError> {
    match found.len() {
        0 => Err(DeviceError::NotFound),
        1 => found.remove(0).ready(),
        count => Err(DeviceError::SeveralFound { count }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(kind: &str, fingerprint: Option<&str>) -> Found {
        Found {
            tool: Tool::Hwi,
            kind: kind.to_owned(),
            model: None,
            label: None,
            path: "1-2".to_owned(),
            fingerprint: fingerprint.map(|text| text.parse().expect("a fingerprint")),
            version: None,
            state: match fingerprint {
                Some(_) => State::Ready,
                None => State::Trouble(DeviceError::Locked),
            },
        }
    }

    fn wanted(text: &str) -> Wanted {
        text.parse().expect("says which")
    }

    fn chosen(found: Vec<Found>, which: &str, key: Option<&str>) -> Result<String, DeviceError> {
        let key = key.map(|text| text.parse().expect("a fingerprint"));
        choose(found, &wanted(which), key).map(|one| one.kind)
    }

    const OURS: &str = "73c5da0a";
    const OTHER: &str = "f5acc2fd";

    #[test]
    fn the_device_with_our_key_is_chosen_whatever_else_is_plugged_in() {
        let found = || vec![device("trezor", Some(OTHER)), device("ledger", Some(OURS))];
        assert_eq!(
            chosen(found(), "auto", Some(OURS)).expect("is there"),
            "ledger"
        );
        assert_eq!(chosen(found(), OURS, None).expect("is there"), "ledger");
        assert_eq!(chosen(found(), "trezor", None).expect("is there"), "trezor");
        let several = chosen(found(), "auto", None);
        assert!(matches!(
            several,
            Err(DeviceError::SeveralFound { count: 2 })
        ));
    }

    #[test]
    fn a_device_with_another_key_is_never_chosen_for_ours() {
        for which in ["auto", "ledger", OTHER] {
            let refused = chosen(vec![device("ledger", Some(OTHER))], which, Some(OURS));
            assert!(
                matches!(refused, Err(DeviceError::OtherDevice { .. })),
                "{which}"
            );
        }
        let none = chosen(Vec::new(), "auto", Some(OURS));
        assert!(matches!(none, Err(DeviceError::NotFound)));
    }

    #[test]
    fn a_locked_device_that_may_be_ours_is_told_as_locked() {
        let found = vec![device("trezor", Some(OTHER)), device("jade", None)];
        let locked = chosen(found, "auto", Some(OURS));
        assert!(matches!(locked, Err(DeviceError::Locked)));
    }

    #[test]
    fn the_same_key_on_two_paths_is_chosen_by_nobody_but_its_owner() {
        let found = vec![device("ledger", Some(OURS)), device("ledger", Some(OURS))];
        let several = chosen(found, "auto", Some(OURS));
        assert!(matches!(several, Err(DeviceError::SeveralFound { .. })));
    }

    #[test]
    fn kinds_of_policies_are_called_as_the_tools_call_them() {
        for (kind, word) in [
            ("coldcard-q", "coldcard"),
            ("specter-diy", "specter"),
            ("bitbox01", "digitalbitbox"),
            ("ledger", "ledger"),
        ] {
            assert_eq!(word_of(kind), word);
        }
        assert!("Ledger".parse::<Wanted>().is_err());
    }
}
