//! What a home keeps of a passkey: no secret, only how to ask for it.

use crate::failure::{Class, Explained};
use crate::home::{Home, KeyName};
use crate::keystore::{WriteError, durable};
use bitcoin::hex::{DisplayHex, FromHex};
use policies::document::{PinnedKeyDraft, Tool};
use policies::intent::{Registered, RelyingParty};
use policies::{Policy, PublicKey};
use serde::{Deserialize, Serialize};
use std::io;
use std::path::PathBuf;

/// The domain of passkeys on the tool's own page.
pub const RP_ID: &str = "localhost";

/// The port of the page unless another one is named.
pub const DEFAULT_PORT: u16 = 7543;

/// The origin of the page at a port, as browsers write it.
pub fn origin(port: u16) -> String {
    format!("http://{RP_ID}:{port}")
}

/// The port of an origin of the tool's own page.
pub fn port_of(origin: &str) -> Option<u16> {
    let port = origin.strip_prefix("http://")?.strip_prefix(RP_ID)?;
    port.strip_prefix(':')?
        .parse()
        .ok()
        .filter(|port| *port != 0)
}

/// The form of the file.
const FORMAT: &str = "countersign/passkey/1";

/// A passkey of this home.
#[derive(Debug, Clone)]
pub struct Passkey {
    /// The person's name for it.
    pub name: KeyName,
    /// Its public key.
    pub key: PublicKey,
    /// The id by which the page asks for it.
    pub credential_id: Vec<u8>,
    /// Where it is used.
    pub used: RelyingParty,
}

/// The file's content.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    format: String,
    key: PublicKey,
    credential_id: String,
    origin: String,
    synced: bool,
}

/// Why a passkey's file is not written or read.
#[derive(Debug, thiserror::Error)]
pub enum PasskeyError {
    /// It cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// It cannot be read.
    #[error("cannot read {}: {cause}", .path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// The system's answer.
        cause: io::Error,
    },
    /// It is none of ours.
    #[error("{} is not the file of a passkey", .0.display())]
    NotOurs(PathBuf),
}

fn file(home: &Home, name: &KeyName) -> PathBuf {
    home.folder()
        .join("keys")
        .join(format!("passkey-{name}.json"))
}

impl Passkey {
    /// A passkey that was just registered at an origin of the tool's own page.
    pub fn new(name: KeyName, registered: Registered, origin: &str) -> Self {
        Self {
            name,
            key: registered.key,
            credential_id: registered.credential_id,
            used: RelyingParty {
                rp_id: RP_ID.to_owned(),
                origins: vec![origin.to_owned()],
                synced: registered.synced,
            },
        }
    }

    /// Whether a home has one of that name.
    pub fn exists(home: &Home, name: &KeyName) -> bool {
        file(home, name).exists()
    }

    /// Stores it; an existing one is never replaced.
    ///
    /// # Errors
    /// When there is one already or the system refuses.
    pub fn store(&self, home: &Home) -> Result<(), PasskeyError> {
        let stored = Stored {
            format: FORMAT.to_owned(),
            key: self.key,
            credential_id: self.credential_id.to_lower_hex_string(),
            origin: self.used.origins.first().cloned().unwrap_or_default(),
            synced: self.used.synced,
        };
        let text = serde_json::to_string_pretty(&stored).expect("texts and a truth value are JSON");
        durable::make_folder(&home.folder().join("keys"))?;
        durable::write_new(&file(home, &self.name), format!("{text}\n").as_bytes())?;
        Ok(())
    }

    /// Its record for the policy.
    pub fn draft(&self) -> PinnedKeyDraft {
        PinnedKeyDraft::passkey(&self.key, Tool::Own, &self.used)
    }
}

/// All passkeys of a home, by name.
///
/// # Errors
/// When a file cannot be read or is none of ours.
pub fn passkeys(home: &Home) -> Result<Vec<Passkey>, PasskeyError> {
    let folder = home.folder().join("keys");
    let unreadable = |cause| PasskeyError::Unreadable {
        path: folder.clone(),
        cause,
    };
    let entries = match std::fs::read_dir(&folder) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(unreadable)?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(unreadable)?.path();
        let file = path.file_name().and_then(|name| name.to_str());
        let name = file
            .and_then(|file| file.strip_prefix("passkey-")?.strip_suffix(".json"))
            .map(str::to_owned);
        if let Some(name) = name {
            found.push(read(path, &name)?);
        }
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}

fn read(path: PathBuf, name: &str) -> Result<Passkey, PasskeyError> {
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(cause) => return Err(PasskeyError::Unreadable { path, cause }),
    };
    let read = || {
        let stored: Stored = serde_json::from_slice(&bytes).ok()?;
        let ours = stored.format == FORMAT && port_of(&stored.origin).is_some();
        ours.then_some(())?;
        Some(Passkey {
            name: name.parse().ok()?,
            key: stored.key,
            credential_id: Vec::from_hex(&stored.credential_id).ok()?,
            used: RelyingParty {
                rp_id: RP_ID.to_owned(),
                origins: vec![stored.origin],
                synced: stored.synced,
            },
        })
    };
    read().ok_or(PasskeyError::NotOurs(path))
}

/// The passkeys that the policy names, all at the page of the first one.
pub fn usable(policy: &Policy, held: Vec<Passkey>, name: Option<&KeyName>) -> Vec<Passkey> {
    let mut usable: Vec<Passkey> = held
        .into_iter()
        .filter(|passkey| name.is_none_or(|name| passkey.name == *name))
        .filter_map(|mut passkey| {
            let (_, pinned) = policy.approver_of_key(passkey.key.id())?;
            passkey.used = pinned.passkey.clone()?;
            Some(passkey)
        })
        .filter(|passkey| passkey.used.rp_id == RP_ID)
        .collect();
    let first = usable
        .first()
        .and_then(|one| one.used.origins.first().cloned());
    usable.retain(|one| {
        first
            .as_ref()
            .is_some_and(|first| one.used.origins.contains(first))
    });
    usable
}

/// The port of the page at which passkeys answer; none where there are none.
pub fn port_of_page(usable: &[Passkey]) -> Option<u16> {
    let origins = &usable.first()?.used.origins;
    origins.iter().find_map(|origin| port_of(origin))
}

impl Explained for PasskeyError {
    fn class(&self) -> Class {
        match self {
            Self::Write(WriteError::Exists(_)) | Self::NotOurs(_) => Class::Usage,
            Self::Write(WriteError::Io { .. }) | Self::Unreadable { .. } => Class::Device,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Write(WriteError::Exists(_)) => "KEY_EXISTS",
            Self::Write(WriteError::Io { .. }) => "UNWRITABLE",
            Self::Unreadable { .. } => "UNREADABLE",
            Self::NotOurs(_) => "NOT_A_PASSKEY",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::Write(WriteError::Exists(_)) => "a key is never overwritten; give another name",
            Self::Write(WriteError::Io { .. }) => {
                "make room on the disk and the folder writable, then try again"
            }
            Self::Unreadable { .. } => "make the file readable for this user, then try again",
            Self::NotOurs(_) => {
                "bring the file back as `keygen --passkey` wrote it, or make the passkey again"
            }
        }
        .to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_origins_of_the_tools_own_page_have_a_port() {
        assert_eq!(port_of(&origin(7543)), Some(7543));
        for other in [
            "http://localhost",
            "https://localhost:7543",
            "http://localhost.example:7543",
            "http://localhost:0",
            "http://localhost:port",
        ] {
            assert_eq!(port_of(other), None, "{other}");
        }
    }
}
