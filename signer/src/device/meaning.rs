//! What a tool's complaint means: by its words first, for its numbers are not reliable.
//!
//! A refusal on a Ledger comes as "unknown error" −13 with the status word 0x6985, a question that a killed call
//! left on its screen as "no such device" −3 with 0x6901. Numbers are those of HWI's `errors.py`.

use super::{DeviceError, Words};

/// Words in a complaint, and what they mean; the first that are found count.
const BY_WORDS: [(&[&str], Meaning); 15] = [
    (
        &[
            "0x6985",
            "cancel",
            "denied by user",
            "rejected by user",
            "user abort",
        ],
        Meaning::Refused,
    ),
    (
        &[
            "0x6901",
            "busy",
            "0x9001",
            // A Ledger's app takes what comes next for an answer to what a cut wire left unasked.
            "not ready: status incorrectdata",
        ],
        Meaning::Busy,
    ),
    (
        &[
            "0x5515",
            "0x6b0c",
            "0x6faa",
            "is locked",
            "asleep",
            "0x6982",
        ],
        Meaning::Locked,
    ),
    (
        &[
            "passphrase must be provided",
            "passphrase protection is enabled",
        ],
        Meaning::Passphrase,
    ),
    (
        &["not initialized", "uninitialized", "no seed"],
        Meaning::NotSetUp,
    ),
    (
        &[
            "0x6e00",
            "0x6e01",
            "0x6511",
            "0x6d00",
            "bitcoin app",
            "wrong app",
            "network/chain selection",
        ],
        Meaning::App,
    ),
    (
        &[
            "0xb008",
            // What bhwi 0.1.1 makes of 0xb008 at signing.
            "no error or result returned",
            "unknown multisig",
            "not enrolled",
            "unknown wallet",
            "not registered",
            "wallet not found",
            "hmac",
        ],
        Meaning::NotRegistered,
    ),
    (
        &[
            "permission",
            "access denied",
            "eacces",
            "open failed",
            "unable to open",
        ],
        Meaning::Permission,
    ),
    (&["libusb"], Meaning::Libusb),
    (
        &[
            "disconnect",
            "no such device",
            "read error",
            "write error",
            "device went away",
            "broken pipe",
            "i/o error",
            "io error",
            "connection reset",
            "connection refused",
            "no longer connected",
            // A status word of nothing: the wire to the emulator ended.
            "'0x0'",
        ],
        Meaning::Gone,
    ),
    (
        &[
            "could not find device",
            "no device",
            "cannot find",
            // A machine on which no USB is.
            "usb enumeration failed",
        ],
        Meaning::NotFound,
    ),
    (
        &[
            "0x6a80",
            "not supported",
            "unsupported",
            "cannot sign",
            "only support",
        ],
        Meaning::Unsupported,
    ),
    (&["wrong pin", "promptpin", "pin entry"], Meaning::Locked),
    (&["timed out", "timeout"], Meaning::Gone),
    (&["unpaired", "pairing"], Meaning::NotReady),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Refused,
    Busy,
    Locked,
    Passphrase,
    NotSetUp,
    App,
    NotRegistered,
    Permission,
    Libusb,
    Gone,
    NotFound,
    Unsupported,
    NotReady,
    Failed,
}

/// The fact behind a complaint of the tool `hwi`.
pub(super) fn of_hwi(code: Option<i64>, said: &str) -> DeviceError {
    let by_words = by_words(said);
    // HWI's own numbers where the words say nothing.
    let meaning = by_words.unwrap_or(match code {
        Some(-14) => Meaning::Refused,
        Some(-15) => Meaning::Busy,
        Some(-12) => Meaning::NotReady,
        Some(-18) => Meaning::NotSetUp,
        Some(-6) => Meaning::Passphrase,
        Some(-16) => Meaning::Permission,
        Some(-3) => Meaning::NotFound,
        Some(-4 | -5 | -7 | -8 | -9) => Meaning::Unsupported,
        Some(_) | None => Meaning::Failed,
    });
    error(meaning, said, super::Tool::Hwi)
}

/// The fact behind a complaint of the tool `bhwi`, which names its kind in brackets.
pub(super) fn of_bhwi(said: &str) -> DeviceError {
    let kind = said
        .split_once('[')
        .and_then(|(_, rest)| rest.split_once(']'))
        .map_or("", |(kind, _)| kind);
    let named = match kind {
        "UserCancelled" | "AuthenticationRefused" => Some(Meaning::Refused),
        "Locked" | "WrongPin" => Some(Meaning::Locked),
        "HostUnavailable" => Some(Meaning::NotReady),
        "NotInitialized" => Some(Meaning::NotSetUp),
        "WrongNetwork" => Some(Meaning::App),
        "MissingContext" => Some(Meaning::NotRegistered),
        "Disconnected" => Some(Meaning::Gone),
        "Unsupported" | "UnsupportedDisplayAddress" | "InvalidInput" => Some(Meaning::Unsupported),
        _ => None,
    };
    let meaning = named.or_else(|| by_words(said)).unwrap_or(match kind {
        "Rejected" => Meaning::Unsupported,
        "Transport" => Meaning::Gone,
        // Mostly an app that is not open, and then its words say so.
        "NotReady" => Meaning::NotReady,
        _ => Meaning::Failed,
    });
    error(meaning, said, super::Tool::Bhwi)
}

fn by_words(said: &str) -> Option<Meaning> {
    let said = said.to_ascii_lowercase();
    let holds = |words: &[&str]| words.iter().any(|word| said.contains(word));
    let found = BY_WORDS.iter().find(|(words, _)| holds(words));
    found.map(|(_, meaning)| *meaning)
}

fn error(meaning: Meaning, said: &str, tool: super::Tool) -> DeviceError {
    let said = Words::of(said);
    match meaning {
        Meaning::Refused => DeviceError::RefusedThere,
        Meaning::Busy => DeviceError::Busy,
        Meaning::Locked => DeviceError::Locked,
        Meaning::Passphrase => DeviceError::NeedsPassphrase,
        Meaning::NotSetUp => DeviceError::NotSetUp,
        Meaning::App => DeviceError::WrongApp,
        Meaning::NotRegistered => DeviceError::NotRegistered,
        Meaning::Permission => DeviceError::NoPermission,
        Meaning::Libusb => DeviceError::NoLibusb { tool },
        Meaning::Gone => DeviceError::Disconnected,
        Meaning::NotFound => DeviceError::NotFound,
        Meaning::Unsupported => DeviceError::Unsupported { said },
        Meaning::NotReady => DeviceError::NotReady { said },
        Meaning::Failed => DeviceError::Failed { said },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Explained;

    /// What HWI 3.2.0 and bhwi-cli 0.1.1 were heard or read to say.
    #[test]
    fn every_complaint_that_was_heard_is_the_fact_that_it_was() {
        for (code, said, fact) in [
            (
                -13,
                "('0x6985', 'Error in <BitcoinInsType.SIGN_PSBT: 4> command', '')",
                "REFUSED_ON_DEVICE",
            ),
            (-14, "sign_tx canceled", "REFUSED_ON_DEVICE"),
            (-14, "", "REFUSED_ON_DEVICE"),
            (-3, "('0x6901', 'Error in command', '')", "DEVICE_BUSY"),
            (-15, "Coldcard is doing something else", "DEVICE_BUSY"),
            (
                -13,
                "('0x6a80', 'Error in <BitcoinInsType.SIGN_PSBT: 4> command', '')",
                "DEVICE_UNSUPPORTED",
            ),
            (-13, "('0x5515', 'Locked')", "DEVICE_LOCKED"),
            (-3, "Device is asleep", "DEVICE_LOCKED"),
            (
                -12,
                "trezor is locked. Unlock by using 'promptpin' and then 'sendpin'.",
                "DEVICE_LOCKED",
            ),
            (
                -12,
                "Use \"Recovery Phrase Login\" or \"QR PIN Unlock\" feature",
                "DEVICE_NOT_READY",
            ),
            (
                -12,
                "The BitBox02 is not paired yet: unpaired",
                "DEVICE_NOT_READY",
            ),
            (
                -6,
                "Passphrase protection is enabled, passphrase must be provided",
                "DEVICE_PASSPHRASE",
            ),
            (-18, "Not initialized", "DEVICE_NOT_SET_UP"),
            (-3, "('0x6e00', 'Wrong class')", "DEVICE_APP"),
            (-13, "('0xb008', 'Invalid HMAC')", "NOT_REGISTERED"),
            (
                -3,
                "Could not find device with specified fingerprint or type",
                "DEVICE_NOT_FOUND",
            ),
            (
                -3,
                "[Errno 13] Permission denied: '/dev/hidraw3'",
                "DEVICE_PERMISSION",
            ),
            (-3, "open failed", "DEVICE_PERMISSION"),
            (-3, "Device disconnected", "DEVICE_GONE"),
            (
                -13,
                "('0x0', 'Error in <BitcoinInsType.REGISTER_WALLET: 2> command', '')",
                "DEVICE_GONE",
            ),
            (
                -13,
                "Could not open client or get fingerprint information: [Errno 104] Connection reset by peer",
                "DEVICE_GONE",
            ),
            (-9, "Cannot sign bare multisig", "DEVICE_UNSUPPORTED"),
            (
                -7,
                "Coldcards only allow sortedmulti descriptors",
                "DEVICE_UNSUPPORTED",
            ),
            (-13, "list index out of range", "DEVICE_FAILED"),
        ] {
            assert_eq!(of_hwi(Some(code), said).code(), fact, "{code} {said}");
        }
        for (said, fact) in [
            ("Error: [UserCancelled]", "REFUSED_ON_DEVICE"),
            ("Error: [Locked] Ledger device is locked", "DEVICE_LOCKED"),
            ("Error: [NotReady] Bitcoin app is not open", "DEVICE_APP"),
            (
                "Error: [NotReady] get version failed, the Bitcoin app is not ready: \
                 status CommandNotAllowed (0x6901)",
                "DEVICE_BUSY",
            ),
            ("Error: [NotReady]", "DEVICE_NOT_READY"),
            (
                "Error: [NotReady] open app failed, the Bitcoin app is not ready: \
                 status IncorrectData (0x6a80)",
                "DEVICE_BUSY",
            ),
            (
                "Error: [UnexpectedResponse] no error or result returned",
                "NOT_REGISTERED",
            ),
            (
                "Error: transport error: ledger io error: early eof",
                "DEVICE_GONE",
            ),
            (
                "Error: [DeviceFailure] sign psbt failed: status SignatureFail (0xb008)",
                "NOT_REGISTERED",
            ),
            ("Error: [MissingContext] wallet policy", "NOT_REGISTERED"),
            ("Error: [WrongNetwork] the app is for Main", "DEVICE_APP"),
            (
                "Error: [Transport] hidapi error: Permission denied",
                "DEVICE_PERMISSION",
            ),
            (
                "Error: usb enumeration failed: /sys/bus/usb/devices/ not found (errno 2)",
                "DEVICE_NOT_FOUND",
            ),
            ("Error: [Transport] reset by peer", "DEVICE_GONE"),
            ("Error: [Rejected] 0xb008", "NOT_REGISTERED"),
            ("Error: [Rejected] 0x6a80", "DEVICE_UNSUPPORTED"),
            ("Error: [Unsupported]", "DEVICE_UNSUPPORTED"),
            ("Error: something", "DEVICE_FAILED"),
        ] {
            assert_eq!(of_bhwi(said).code(), fact, "{said}");
        }
    }
}
