//! The draft of the version that replaces one signer's key, device and journal.
//!
//! Invariant: a draft that is given parses, and follows the version before as a step that introduces a keyset; its
//! text is that version's own but for what must change.

use serde::Deserialize;

use super::step::{Step, SuccessionMistake, follows};
use crate::document::{
    Device, Edit, EditStep, Head, Mistake, Policy, Signer, quoted, signer_records,
};
use crate::time::UnixTime;

use EditStep::{Item, Key};

/// Why there is no draft.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplacementMistake {
    /// The policy has no such signer.
    #[error("no signer is named {name}")]
    UnknownSigner {
        /// The name.
        name: String,
    },
    /// The record is none of those that are known.
    #[error("the record is neither what keygen prints nor what keygen or xpub print as JSON")]
    NotARecord,
    /// The record cannot be read.
    #[error("the record has mistakes: {}", first(.mistakes))]
    Record {
        /// Every mistake.
        mistakes: Vec<Mistake>,
    },
    /// The record names not exactly one signer.
    #[error("the record names {found} signers")]
    NotOneSigner {
        /// How many.
        found: usize,
    },
    /// The record says nothing of the device, and the document does.
    #[error("the record does not say what holds the new key of {name}")]
    NoDevice {
        /// The signer.
        name: String,
    },
    /// The record's key is the one to replace.
    #[error("the record's key is the one that {name} has already")]
    SameKey {
        /// The signer.
        name: String,
    },
    /// The record's journal is the one to replace.
    #[error("the record's journal is the one that {name} has already")]
    SameJournal {
        /// The signer.
        name: String,
    },
    /// There is no next version number.
    #[error("there is no version after {version}")]
    LastVersion {
        /// The number.
        version: u32,
    },
    /// The document is spelled in a way that this does not edit.
    #[error("{key} cannot be set in the text of this document")]
    NotEditable {
        /// What cannot be set.
        key: &'static str,
    },
    /// The draft is no policy.
    #[error("the draft has mistakes: {}", first(.mistakes))]
    Draft {
        /// Every mistake.
        mistakes: Vec<Mistake>,
    },
    /// The draft does not follow the version before.
    #[error("the draft does not follow: {}", .mistakes.first().map(ToString::to_string).unwrap_or_default())]
    DoesNotFollow {
        /// Every mistake.
        mistakes: Vec<SuccessionMistake>,
    },
}

fn first(mistakes: &[Mistake]) -> String {
    mistakes
        .first()
        .map(ToString::to_string)
        .unwrap_or_default()
}

impl ReplacementMistake {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownSigner { .. } => "UNKNOWN_SIGNER",
            Self::NotARecord => "NOT_A_SIGNER_RECORD",
            Self::Record { .. } => "SIGNER_RECORD_INVALID",
            Self::NotOneSigner { .. } => "NOT_ONE_SIGNER",
            Self::NoDevice { .. } => "NO_DEVICE",
            Self::SameKey { .. } => "KEY_NOT_REPLACED",
            Self::SameJournal { .. } => "JOURNAL_NOT_REPLACED",
            Self::LastVersion { .. } => "LAST_VERSION",
            Self::NotEditable { .. } => "NOT_EDITABLE",
            Self::Draft { .. } => "DRAFT_INVALID",
            Self::DoesNotFollow { .. } => "DRAFT_DOES_NOT_FOLLOW",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::UnknownSigner { .. } => {
                "name one of the document's [[signers]]; policy show lists them".to_owned()
            }
            Self::NotARecord => {
                "give what countersign-signer keygen prints, or keygen or xpub with --json".to_owned()
            }
            Self::Record { mistakes } => mistakes.first().map_or_else(
                || "make the record anew with countersign-signer keygen".to_owned(),
                Mistake::hint,
            ),
            Self::NotOneSigner { .. } => {
                "give a record of one signer to each file".to_owned()
            }
            Self::NoDevice { .. } => {
                "write device = { kind = \"…\" } into the record".to_owned()
            }
            Self::SameKey { .. } | Self::SameJournal { .. } => {
                "make a new key with its own journal: countersign-signer keygen in a new home folder"
                    .to_owned()
            }
            Self::LastVersion { .. } => "begin a new vault, and sweep this one into it".to_owned(),
            Self::NotEditable { .. } => {
                "write the next version by hand, and compare with policy diff".to_owned()
            }
            Self::Draft { mistakes } => mistakes.first().map_or_else(
                || "write the next version by hand".to_owned(),
                Mistake::hint,
            ),
            Self::DoesNotFollow { mistakes } => mistakes.first().map_or_else(
                || "write the next version by hand".to_owned(),
                SuccessionMistake::hint,
            ),
        }
    }
}

/// The text of the next version, in which the key, device and journal of a record are those of the signer of this
/// name. The name stays, as the policy's text says it; the person is the record's where it names one. Keyset rules
/// are met: the new version introduces its keyset.
///
/// # Errors
/// When record and document give no such version.
pub fn draft_replacement(
    policy: &Policy,
    name: &str,
    record: &str,
    head: Head,
    valid_until: UnixTime,
) -> Result<String, ReplacementMistake> {
    replaced(policy, policy, name, record, (head, valid_until))
}

/// The same for several signers at once, each with the record of its new key: one version, one move of the coins.
///
/// # Errors
/// As [`draft_replacement`].
pub fn draft_replacements(
    policy: &Policy,
    records: &[(String, String)],
    head: Head,
    valid_until: UnixTime,
) -> Result<String, ReplacementMistake> {
    let mut drafted = policy.clone();
    for (name, record) in records {
        let draft = replaced(policy, &drafted, name, record, (head, valid_until))?;
        drafted = Policy::parse(draft.as_bytes())
            .map_err(|mistakes| ReplacementMistake::Draft { mistakes })?;
    }
    Ok(String::from_utf8_lossy(&drafted.bytes).into_owned())
}

/// The version after `previous`, from a text that is that version's or a draft of the next one.
fn replaced(
    previous: &Policy,
    policy: &Policy,
    name: &str,
    record: &str,
    (head, valid_until): (Head, UnixTime),
) -> Result<String, ReplacementMistake> {
    let found = policy.signers.iter().position(|one| one.name == name);
    let unknown = || ReplacementMistake::UnknownSigner {
        name: name.to_owned(),
    };
    let position = found.ok_or_else(unknown)?;
    let before = policy.signers.get(position).ok_or_else(unknown)?;
    let after = read(record, before)?;
    if after.key.xpub == before.key.xpub {
        let name = name.to_owned();
        return Err(ReplacementMistake::SameKey { name });
    }
    if after.journal == before.journal {
        let name = name.to_owned();
        return Err(ReplacementMistake::SameJournal { name });
    }
    let version = previous.version;
    let version = (version.checked_add(1)).ok_or(ReplacementMistake::LastVersion { version })?;
    let not_editable = |key| ReplacementMistake::NotEditable { key };
    let text = std::str::from_utf8(&policy.bytes).map_err(|_| not_editable("the document"))?;
    let mut edit = Edit::of(text).ok_or(not_editable("the document"))?;
    let descriptor = (policy.descriptor)
        .exchanged(&before.key.xpub, &after.key.position())
        .ok_or(not_editable("spending.descriptor"))?;

    let mut set = |path: &[EditStep<'_>], key, value: &str| {
        if edit.set(path, value) {
            Ok(())
        } else {
            Err(not_editable(key))
        }
    };
    set(&[Key("version")], "version", &version.to_string())?;
    set(
        &[Key("head"), Key("height")],
        "head.height",
        &head.height.to_string(),
    )?;
    set(
        &[Key("head"), Key("time")],
        "head.time",
        &head.time.to_string(),
    )?;
    set(
        &[Key("valid_until")],
        "valid_until",
        &valid_until.to_string(),
    )?;
    set(
        &[Key("spending"), Key("descriptor")],
        "spending.descriptor",
        &quoted(&descriptor),
    )?;
    let signer = [Key("signers"), Item(position)];
    let of = |key| [&signer[..], &[Key(key)]].concat();
    set(&of("key"), "signers.key", &quoted(&after.key.text))?;
    set(
        &of("journal"),
        "signers.journal",
        &quoted(&after.journal.to_string()),
    )?;
    set(&of("person"), "signers.person", &quoted(&after.person))?;
    for (key, id) in [
        ("vault", previous.vault.to_string()),
        ("previous", previous.id.to_string()),
    ] {
        if !edit.set(&[Key(key)], &quoted(&id)) {
            edit.insert_after(&[Key("version")], key, &quoted(&id));
        }
    }
    if edit.has(&[Key("keyset")]) {
        // Empty: this version introduces its keyset.
        edit.set(&[Key("keyset")], &quoted(""));
    }
    device(&mut edit, &signer, before, &after)?;
    let draft = edit.finish();

    let next = Policy::parse(draft.as_bytes())
        .map_err(|mistakes| ReplacementMistake::Draft { mistakes })?;
    match follows(previous, &next) {
        Ok(Step::Keyset) => Ok(draft),
        Ok(Step::Rules) => Err(not_editable("signers.key")),
        Err(mistakes) => Err(ReplacementMistake::DoesNotFollow { mistakes }),
    }
}

/// Writes the device of the new key in place of that of the old one.
fn device(
    edit: &mut Edit<'_>,
    signer: &[EditStep<'_>],
    before: &Signer,
    after: &Signer,
) -> Result<(), ReplacementMistake> {
    let Some(device) = &after.device else {
        let name = before.name.clone();
        return match &before.device {
            Some(_) => Err(ReplacementMistake::NoDevice { name }),
            None => Ok(()),
        };
    };
    let of = |keys: &[&'static str]| -> Vec<EditStep<'_>> {
        let mut path = signer.to_vec();
        path.extend(keys.iter().map(|key| Key(key)));
        path
    };
    let fields = fields(device);
    if before.device.is_none() {
        edit.insert_after(&of(&["key"]), "device", &inline(&fields));
        return Ok(());
    }
    if edit.is_inline(&of(&["device"])) {
        edit.set(&of(&["device"]), &inline(&fields));
        return Ok(());
    }
    for (key, value) in fields {
        let path = of(&["device", key]);
        match value {
            Some(value) if edit.set(&path, &value) => {}
            Some(value) => {
                edit.insert_after(&of(&["device", "kind"]), key, &value);
            }
            None => edit.remove_line(&path),
        }
    }
    Ok(())
}

/// The fields of a device as TOML.
fn fields(device: &Device) -> [(&'static str, Option<String>); 4] {
    let Device {
        kind,
        firmware,
        seed_created,
        host,
    } = device;
    [
        ("kind", Some(quoted(kind))),
        ("firmware", firmware.as_deref().map(quoted)),
        // A day, unquoted.
        ("seed_created", seed_created.clone()),
        ("host", host.as_deref().map(quoted)),
    ]
}

fn inline(fields: &[(&'static str, Option<String>)]) -> String {
    let written: Vec<String> = fields
        .iter()
        .filter_map(|(key, value)| Some(format!("{key} = {}", value.as_ref()?)))
        .collect();
    format!("{{ {} }}", written.join(", "))
}

/// What `keygen` and `xpub` print as JSON.
#[derive(Debug, Deserialize)]
struct Printed {
    record: Option<String>,
    key: Option<String>,
    journal: Option<String>,
}

/// Reads the record of one signer's new key.
fn read(record: &str, before: &Signer) -> Result<Signer, ReplacementMistake> {
    let text = if record.trim_start().starts_with('{') {
        let printed: Printed =
            serde_json::from_str(record).map_err(|_| ReplacementMistake::NotARecord)?;
        match printed {
            Printed {
                record: Some(record),
                ..
            } => record,
            // `xpub` shows a key of this program, and does not know whose it is.
            Printed {
                record: None,
                key: Some(key),
                journal: Some(journal),
            } => format!(
                "[[signers]]\nname = {}\nperson = {}\ndevice = {{ kind = \"software\" }}\nkey = {}\njournal = {}\n",
                quoted(&before.name),
                quoted(&before.person),
                quoted(&key),
                quoted(&journal)
            ),
            Printed {
                record: None,
                key: _,
                journal: _,
            } => return Err(ReplacementMistake::NotARecord),
        }
    } else if record.contains("[[signers]]") {
        record.to_owned()
    } else {
        return Err(ReplacementMistake::NotARecord);
    };
    let mut records =
        signer_records(&text).map_err(|mistakes| ReplacementMistake::Record { mistakes })?;
    match (records.pop(), records.len()) {
        (Some(record), 0) => Ok(record),
        (one, rest) => Err(ReplacementMistake::NotOneSigner {
            found: rest.saturating_add(usize::from(one.is_some())),
        }),
    }
}

#[cfg(all(test, feature = "signing"))]
#[path = "replacement_tests.rs"]
mod tests;
