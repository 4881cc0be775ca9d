//! What a person hands in for a signer's seat, and the record of `[[signers]]` that comes of it.
//!
//! Taken are the record that `keygen` and `import` print, their JSON and that of `xpub`, a key record (BIP 129, round
//! 1), and a key with its origin. Invariant: what is given holds no secret, is of the network asked for, and names a
//! device and a journal; its text parses to itself.

use bitcoin::{Network, NetworkKind, PrivateKey};
use serde::Deserialize;

use super::edit::quoted;
use super::parse::signer_records;
use super::{Mistake, Signer};
use crate::exchange::{KeyRecord, KeyRecordError, plain_version};

/// The most bytes that are read.
const MAX_BYTES: usize = 16 * 1024;

/// Begins of extended private keys, also of those of SLIP 132.
const PRIVATE: [&str; 10] = [
    "xprv", "tprv", "yprv", "zprv", "Yprv", "Zprv", "uprv", "vprv", "Uprv", "Vprv",
];

/// How many words a seed has (BIP 39).
const SEED_WORDS: [usize; 5] = [12, 15, 18, 21, 24];

/// Whose record it is to be, and of which network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seat<'a> {
    /// The signer's name in the policy.
    pub name: &'a str,
    /// The person who holds the key.
    pub person: &'a str,
    /// The vault's network.
    pub network: Network,
}

/// What a person hands in: a text, and what is said beside it. What is not said is empty.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Offered<'a> {
    /// The record, or the key.
    pub text: &'a str,
    /// The journal key, where the text has none.
    pub journal: &'a str,
    /// What holds the key, such as `ledger`.
    pub kind: &'a str,
    /// Its firmware.
    pub firmware: &'a str,
    /// The day the seed was made, such as `2026-11-27`.
    pub seed_created: &'a str,
}

/// The record of a seat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeatRecord {
    /// The signer that it is.
    pub signer: Signer,
    /// As `[[signers]]` has it.
    pub text: String,
    /// What the record called itself, where it had a name.
    pub called: Option<String>,
    /// Whether the key itself signed what was handed in.
    pub is_signed: bool,
}

/// Why nothing comes of what was handed in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OfferedError {
    /// More than any record has.
    #[error("{found} bytes, at most {MAX_BYTES} are read")]
    TooLong {
        /// How many.
        found: usize,
    },
    /// A private key, or the words of a seed. None of it is repeated.
    #[error("this holds a private key or the words of a seed")]
    Private,
    /// None of the shapes that are read.
    #[error("this is neither a signer's record nor a key record nor a key with its origin")]
    NotARecord,
    /// A key record with a mistake.
    #[error("the key record is not taken: {0}")]
    KeyRecord(#[from] KeyRecordError),
    /// The names of more than one signer, or of none.
    #[error("the record names {found} signers")]
    NotOneSigner {
        /// How many.
        found: usize,
    },
    /// Nothing says which journal goes with the key.
    #[error("no journal key goes with it")]
    NoJournal,
    /// Nothing says what holds the key.
    #[error("nothing says what holds the key")]
    NoDevice,
    /// The day of the seed is none.
    #[error("the day of the seed is not written like 2026-11-27")]
    NotADay,
    /// The record that comes of it has mistakes.
    #[error("the record has mistakes: {}", .mistakes.first().map(ToString::to_string).unwrap_or_default())]
    Mistakes {
        /// All of them.
        mistakes: Vec<Mistake>,
    },
    /// The key serves another kind of network.
    #[error("the key is for {} networks, the vault is on {expected}", kind(*.found))]
    WrongNetwork {
        /// The vault's.
        expected: Network,
        /// What the key says.
        found: NetworkKind,
    },
}

const fn kind(network: NetworkKind) -> &'static str {
    match network {
        NetworkKind::Main => "main",
        NetworkKind::Test => "test",
    }
}

impl OfferedError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLong { .. } | Self::NotARecord => "not_a_signer_record",
            Self::Private => "private_key_given",
            Self::KeyRecord(_) => "key_record_refused",
            Self::NotOneSigner { .. } => "not_one_signer",
            Self::NoJournal => "journal_needed",
            Self::NoDevice => "device_needed",
            Self::NotADay => "seed_day",
            Self::Mistakes { .. } => "signer_record_mistakes",
            Self::WrongNetwork { .. } => "key_of_other_network",
        }
    }

    /// What to do about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::TooLong { .. } | Self::NotARecord => {
                "hand in what `countersign-signer keygen` or `import --device` prints, or a BIP 129 key record with \
                 the journal key of your home"
            }
            Self::Private => {
                "nothing of it was kept; whoever saw it can spend with it: make a new key, and hand in its public \
                 record"
            }
            Self::KeyRecord(_) => {
                "export the key record from the device again, unencrypted, and carry the whole file"
            }
            Self::NotOneSigner { .. } => "hand in the record of your own key alone",
            Self::NoJournal => {
                "hand in the record that `countersign-signer import --device` prints, or give the journal key that \
                 `xpub --json` shows"
            }
            Self::NoDevice => "say what holds the key: software, or the kind of the device",
            Self::NotADay => "write the day on which the seed was made, such as 2026-11-27",
            Self::Mistakes { .. } => "mend what is named, or make the record anew",
            Self::WrongNetwork { .. } => {
                "make or import the key with `--network` of this vault, and hand that one in"
            }
        }
    }
}

/// What a text says of a signer.
#[derive(Debug, Default)]
struct Found {
    called: Option<String>,
    key: String,
    journal: Option<String>,
    device: Option<super::Device>,
    is_signed: bool,
}

/// What `keygen`, `import` and `xpub` print as JSON.
#[derive(Debug, Deserialize)]
struct Printed {
    record: Option<String>,
    key: Option<String>,
    journal: Option<String>,
}

/// Reads what was handed in for a seat. The seat's own name and person stand, whatever the record calls itself.
///
/// # Errors
/// Why nothing comes of it; a private key is refused before anything else is looked at.
pub fn read_offered(offered: &Offered<'_>, seat: Seat<'_>) -> Result<SeatRecord, OfferedError> {
    let found = offered.text.len();
    if found > MAX_BYTES {
        return Err(OfferedError::TooLong { found });
    }
    let said = [
        offered.text,
        offered.journal,
        offered.kind,
        offered.firmware,
    ];
    if said.into_iter().any(holds_secret) {
        return Err(OfferedError::Private);
    }
    let found = found_in(offered.text.trim())?;
    let text = written(&found, offered, seat)?;
    let signer = one_of(&text)?;
    if signer.key.xpub.network != NetworkKind::from(seat.network) {
        return Err(OfferedError::WrongNetwork {
            expected: seat.network,
            found: signer.key.xpub.network,
        });
    }
    Ok(SeatRecord {
        signer,
        text,
        called: found.called,
        is_signed: found.is_signed,
    })
}

/// Whether a text holds what nobody hands in: an extended private key, one in wallet import format, or a seed's words.
fn holds_secret(text: &str) -> bool {
    if PRIVATE.iter().any(|begin| text.contains(begin)) {
        return true;
    }
    let parts = || text.split(|letter: char| !letter.is_ascii_alphanumeric());
    if parts().any(|part| part.parse::<PrivateKey>().is_ok()) {
        return true;
    }
    let parts = || text.split_whitespace();
    let is_number = |part: &&str| {
        part.bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.')
    };
    let words: Vec<&str> = parts().filter(|part| !is_number(part)).collect();
    let is_word = |word: &&str| {
        (3..=8).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_alphabetic())
    };
    SEED_WORDS.contains(&words.len()) && words.iter().all(is_word)
}

fn found_in(text: &str) -> Result<Found, OfferedError> {
    if text.starts_with('{') {
        let printed: Printed = serde_json::from_str(text).map_err(|_| OfferedError::NotARecord)?;
        return match printed {
            Printed {
                record: Some(record),
                ..
            } => of_record(&record),
            Printed {
                record: None,
                key: Some(key),
                journal,
            } => of_key(&key, journal),
            Printed {
                record: None,
                key: None,
                journal: _,
            } => Err(OfferedError::NotARecord),
        };
    }
    if text.contains("[[signers]]") {
        return of_record(text);
    }
    if text.starts_with("BSMS ") {
        let record = KeyRecord::read(text)?;
        return Ok(Found {
            key: record.key.text,
            is_signed: record.is_signed,
            ..Found::default()
        });
    }
    of_key(text, None)
}

fn of_record(record: &str) -> Result<Found, OfferedError> {
    let signer = one_of(record)?;
    Ok(Found {
        called: Some(signer.name),
        key: signer.key.text,
        journal: Some(signer.journal.to_string()),
        device: signer.device,
        is_signed: false,
    })
}

/// One line that is a key with its origin, whatever marks its path has.
fn of_key(text: &str, journal: Option<String>) -> Result<Found, OfferedError> {
    let is_one_line = !text.chars().any(char::is_whitespace);
    let (origin, key) = text
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
        .filter(|_| is_one_line)
        .ok_or(OfferedError::NotARecord)?;
    let key = plain_version(key);
    let key: super::SignerKey = format!("[{}]{key}", origin.to_ascii_lowercase())
        .parse()
        .map_err(|_| OfferedError::NotARecord)?;
    Ok(Found {
        key: key.position().to_string(),
        journal,
        ..Found::default()
    })
}

/// The record's text: what is said beside it goes before what the record says itself.
fn written(found: &Found, offered: &Offered<'_>, seat: Seat<'_>) -> Result<String, OfferedError> {
    let of_record = found.device.as_ref();
    let said = |said: &str, read: Option<&String>| {
        let said = Some(said.trim()).filter(|said| !said.is_empty());
        said.map(str::to_owned).or_else(|| read.cloned())
    };
    let kind = said(offered.kind, of_record.map(|device| &device.kind));
    let firmware = said(
        offered.firmware,
        of_record.and_then(|device| device.firmware.as_ref()),
    );
    let seed = said(
        offered.seed_created,
        of_record.and_then(|device| device.seed_created.as_ref()),
    );
    let journal = said(offered.journal, found.journal.as_ref()).ok_or(OfferedError::NoJournal)?;
    let kind = kind.ok_or(OfferedError::NoDevice)?;
    let mut device = format!("kind = {}", quoted(&kind));
    if let Some(firmware) = firmware {
        device += &format!(", firmware = {}", quoted(&firmware));
    }
    if let Some(day) = seed {
        // Written without quotes: nothing but a day may stand there.
        if !is_day(&day) {
            return Err(OfferedError::NotADay);
        }
        device += &format!(", seed_created = {day}");
    }
    if let Some(host) = of_record.and_then(|device| device.host.as_ref()) {
        device += &format!(", host = {}", quoted(host));
    }
    Ok(format!(
        "[[signers]]\nname = {}\nperson = {}\ndevice = {{ {device} }}\nkey = {}\njournal = {}\n",
        quoted(seat.name),
        quoted(seat.person),
        quoted(&found.key),
        quoted(&journal),
    ))
}

fn is_day(text: &str) -> bool {
    let fits = |(place, byte): (usize, u8)| match place {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    };
    text.len() == 10 && text.bytes().enumerate().all(fits)
}

/// The one signer of a record.
fn one_of(record: &str) -> Result<Signer, OfferedError> {
    let mut signers =
        signer_records(record).map_err(|mistakes| OfferedError::Mistakes { mistakes })?;
    match (signers.pop(), signers.len()) {
        (Some(signer), 0) => Ok(signer),
        (one, rest) => Err(OfferedError::NotOneSigner {
            found: rest.saturating_add(usize::from(one.is_some())),
        }),
    }
}

#[cfg(all(test, feature = "signing"))]
#[path = "offered_tests.rs"]
mod tests;
