//! The home folder: where a person's or machine's keys, pinned policy and journal lie.
//!
//! ```text
//! keys/vault.key            the account key that signs, sealed; or
//! keys/vault.public         its public half, where a foreign device holds it
//! keys/journal.key          the journal's key, sealed
//! keys/approval-NAME.key    an approver's key, sealed
//! keys/request-NAME.key     a requester's key, sealed
//! keys/passkey-NAME.json    how to ask for an approver's passkey; no secret
//! policy.toml               the pinned policy, its exact bytes
//! pin.json                  its id, as a human typed it, or as the line led to it
//! versions/ID.toml          every version of the line that was pinned, its exact bytes
//! proposals/ID.json         next versions with their approvals, as they were taken in
//! bridge.json               the origins whose pages may open the bridge
//! no-clock                  that this machine's clock is not to be trusted: the date is asked for
//! signed/                   what was signed on the bridge and is still to be handed in
//! handed/TXID.psbt          what was handed to that device, as it was reviewed
//! drills/TXID.json          which drill was handed to that device
//! approved-versions/ID.json which successors of version ID were approved here
//! journal.jsonl             the journal, append-only
//! journal.fresh             that the journal key was drawn here and has begun no journal yet
//! journal.moves             the certificates of the moves that led here, if the journal moved
//! ```

use crate::failure::{Class, Explained};
use crate::keystore::{
    DeviceKey, DeviceKind, Kind, Made, OpenError, Passphrase, PersonKey, Sealed, VaultKey,
    WriteError, durable,
};
use bitcoin::Txid;
use policies::PolicyId;
use std::path::{Path, PathBuf};

/// A home folder; nothing in it is read before it is asked for.
#[derive(Debug, Clone)]
pub struct Home {
    folder: PathBuf,
}

/// The name of a person's key: `[a-z0-9-]{1,32}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyName(String);

/// A key's name has other characters, or too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key's name is 1 to 32 of a-z, 0-9 and -")]
pub struct KeyNameError;

impl std::str::FromStr for KeyName {
    type Err = KeyNameError;

    fn from_str(text: &str) -> Result<Self, KeyNameError> {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if text.is_empty() || text.len() > 32 || !text.bytes().all(fits) {
            return Err(KeyNameError);
        }
        Ok(Self(text.to_owned()))
    }
}

impl std::fmt::Display for KeyName {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// One key of a home, without its secret.
#[derive(Debug, Clone)]
pub struct HeldKey {
    /// The person's name for it; none for the vault's and the journal's key.
    pub name: Option<KeyName>,
    /// What it is for.
    pub kind: Kind,
    /// The public half, as its file says it.
    pub public: String,
}

/// Why a home does not hold what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// A key file does not open.
    #[error(transparent)]
    Key(#[from] OpenError),
    /// There is no key of that purpose.
    #[error("this home holds no {0} key")]
    NoKey(Kind),
    /// The key that signs lies in a foreign device.
    #[error("the key that signs lies in a device ({device}), not in this home")]
    KeyElsewhere {
        /// Its kind.
        device: DeviceKind,
    },
    /// There are several of that purpose and none was named.
    #[error("this home holds several {0} keys")]
    SeveralKeys(Kind),
    /// A file could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// A folder or file of the home could not be read.
    #[error("cannot read {}: {cause}", .path.display())]
    Unreadable {
        /// What was read.
        path: PathBuf,
        /// The system's answer.
        cause: std::io::Error,
    },
}

impl Home {
    /// A home at a folder, which need not exist yet.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
        }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The journal's file.
    pub fn journal_file(&self) -> PathBuf {
        self.folder.join("journal.jsonl")
    }

    /// The mark that the journal key was drawn in this home and has begun no journal yet.
    ///
    /// Its absence is what a restored backup of the keys shows, so that absence must mean *not fresh*.
    pub fn journal_fresh(&self) -> PathBuf {
        self.folder.join("journal.fresh")
    }

    /// The certificates of the moves that led to this home's journal.
    pub fn moves_file(&self) -> PathBuf {
        self.folder.join("journal.moves")
    }

    /// Whether the mark of freshness is there for this journal key.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn is_fresh(&self, journal: &str) -> Result<bool, HomeError> {
        let path = self.journal_fresh();
        match std::fs::read(&path) {
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(cause) => Err(HomeError::Unreadable { path, cause }),
            Ok(marked) => Ok(marked.trim_ascii() == journal.as_bytes()),
        }
    }

    /// Uses up the mark of freshness; says whether it was there for this journal key.
    ///
    /// # Errors
    /// When the system refuses; the mark may be used up then.
    pub fn use_up_freshness(&self, journal: &str) -> Result<bool, HomeError> {
        let path = self.journal_fresh();
        let unreadable = |cause| HomeError::Unreadable {
            path: path.clone(),
            cause,
        };
        let marked = match std::fs::read(&path) {
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(false),
            marked => marked.map_err(unreadable)?,
        };
        std::fs::remove_file(&path)
            .and_then(|()| durable::sync_folder(&self.folder))
            .map_err(unreadable)?;
        Ok(marked.trim_ascii() == journal.as_bytes())
    }

    /// The pinned policy's exact bytes.
    pub fn policy_file(&self) -> PathBuf {
        self.folder.join("policy.toml")
    }

    /// The pinned id.
    pub fn pin_file(&self) -> PathBuf {
        self.folder.join("pin.json")
    }

    /// Where the versions of the line are kept.
    pub fn versions(&self) -> PathBuf {
        self.folder.join("versions")
    }

    /// The exact bytes of one version of the line.
    pub fn version_file(&self, version: PolicyId) -> PathBuf {
        self.versions().join(format!("{version}.toml"))
    }

    /// Where next versions are kept with their approvals.
    pub fn proposals(&self) -> PathBuf {
        self.folder.join("proposals")
    }

    /// One next version with its approvals.
    pub fn proposal_file(&self, version: PolicyId) -> PathBuf {
        self.proposals().join(format!("{version}.json"))
    }

    /// Which successors of a version were approved here.
    pub fn approved_versions_file(&self, previous: PolicyId) -> PathBuf {
        let folder = self.folder.join("approved-versions");
        folder.join(format!("{previous}.json"))
    }

    /// The origins whose pages may open the bridge.
    pub fn bridge_file(&self) -> PathBuf {
        self.folder.join("bridge.json")
    }

    /// Where what was signed on the bridge is kept until it is handed in.
    pub fn signed(&self) -> PathBuf {
        self.folder.join("signed")
    }

    /// Whether the machine's clock is not to be trusted, so that a person says the date.
    pub fn has_no_clock(&self) -> bool {
        self.no_clock_file().exists()
    }

    /// Marks the machine's clock as one that is not to be trusted.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn mark_no_clock(&self) -> Result<(), HomeError> {
        durable::make_folder(&self.folder)?;
        Ok(durable::replace(&self.no_clock_file(), b"")?)
    }

    fn no_clock_file(&self) -> PathBuf {
        self.folder.join("no-clock")
    }

    /// Where what was handed to a foreign device is kept, until its signatures come and after.
    pub fn handed(&self) -> PathBuf {
        self.folder.join("handed")
    }

    /// One transfer that was handed over, its exact bytes.
    pub fn handed_file(&self, txid: Txid) -> PathBuf {
        self.handed().join(format!("{txid}.psbt"))
    }

    /// Where the drills that were handed to a foreign device are kept.
    pub fn drills(&self) -> PathBuf {
        self.folder.join("drills")
    }

    /// One drill that was handed over.
    pub fn drill_file(&self, txid: Txid) -> PathBuf {
        self.drills().join(format!("{txid}.json"))
    }

    fn keys(&self) -> PathBuf {
        self.folder.join("keys")
    }

    fn key_file(&self, kind: Kind, name: Option<&KeyName>) -> PathBuf {
        let stem = match kind {
            Kind::Vault => "vault",
            Kind::Journal => "journal",
            Kind::Approval => "approval",
            Kind::Request => "request",
        };
        let file = match name {
            Some(name) => format!("{stem}-{name}.key"),
            None => format!("{stem}.key"),
        };
        self.keys().join(file)
    }

    /// Stores a key; an existing one is never replaced.
    ///
    /// # Errors
    /// When there is one already or the system refuses.
    pub fn store(&self, sealed: &Sealed, name: Option<&KeyName>) -> Result<PathBuf, HomeError> {
        durable::make_folder(&self.keys())?;
        let path = self.key_file(sealed.header.kind, name);
        sealed.write(&path)?;
        if sealed.header.kind == Kind::Journal && sealed.header.made == Made::Generated {
            let mark = format!("{}\n", sealed.header.public);
            durable::write_new(&self.journal_fresh(), mark.as_bytes())?;
        }
        Ok(path)
    }

    /// Stores the public half of a key that a foreign device holds; an existing one is never replaced.
    ///
    /// # Errors
    /// When there is one already or the system refuses.
    pub fn store_device_key(&self, key: &DeviceKey) -> Result<PathBuf, HomeError> {
        durable::make_folder(&self.keys())?;
        let path = self.device_file();
        key.write(&path)?;
        Ok(path)
    }

    fn device_file(&self) -> PathBuf {
        self.keys().join("vault.public")
    }

    /// The key that a foreign device holds for this home, if one does.
    ///
    /// # Errors
    /// When its file is none of ours.
    pub fn device_key(&self) -> Result<Option<DeviceKey>, HomeError> {
        let path = self.device_file();
        if !path.exists() {
            return Ok(None);
        }
        Ok(Some(DeviceKey::load(&path)?))
    }

    /// The public half of the key that signs transactions, with its origin, wherever that lies.
    ///
    /// # Errors
    /// [`HomeError::NoKey`], or when the file is none of ours.
    pub fn vault_public(&self) -> Result<String, HomeError> {
        match self.device_key()? {
            Some(key) => Ok(key.text().to_owned()),
            None => Ok(self.sealed(Kind::Vault, None)?.header.public),
        }
    }

    /// Whether there is a key of that purpose and name.
    pub fn holds(&self, kind: Kind, name: Option<&KeyName>) -> bool {
        let elsewhere = kind == Kind::Vault && self.device_file().exists();
        elsewhere || self.key_file(kind, name).exists()
    }

    /// All keys of the home, by file name, without their secrets.
    ///
    /// # Errors
    /// When a file in the key folder cannot be read or is none of ours.
    pub fn held_keys(&self) -> Result<Vec<HeldKey>, HomeError> {
        let folder = self.keys();
        let unreadable = |cause| HomeError::Unreadable {
            path: folder.clone(),
            cause,
        };
        let entries = match std::fs::read_dir(&folder) {
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(unreadable)?,
        };
        let mut paths = Vec::new();
        for entry in entries {
            let path = entry.map_err(unreadable)?.path();
            if path.extension().is_some_and(|extension| extension == "key") {
                paths.push(path);
            }
        }
        paths.sort();
        let held = |path: &PathBuf| {
            let header = Sealed::read(path)?.header;
            let stem = path.file_stem().and_then(|stem| stem.to_str());
            let name = stem.and_then(|stem| stem.split_once('-'));
            Ok(HeldKey {
                name: name.and_then(|(_, name)| name.parse().ok()),
                kind: header.kind,
                public: header.public,
            })
        };
        let device = self.device_key()?.map(|key| HeldKey {
            name: None,
            kind: Kind::Vault,
            public: key.text().to_owned(),
        });
        let sealed = paths.iter().map(held);
        sealed.chain(device.map(Ok)).collect()
    }

    /// The file of the key that signs transactions, unopened.
    ///
    /// # Errors
    /// [`HomeError::NoKey`], or when the file is none of ours.
    pub fn sealed(&self, kind: Kind, name: Option<&KeyName>) -> Result<Sealed, HomeError> {
        let file = self.key_file(kind, name);
        if !file.exists() {
            let device = (kind == Kind::Vault).then(|| self.device_key());
            return Err(match device.transpose()?.flatten() {
                Some(key) => HomeError::KeyElsewhere {
                    device: key.kind().clone(),
                },
                None => HomeError::NoKey(kind),
            });
        }
        Ok(Sealed::read(&file)?)
    }

    /// Opens the key that signs transactions.
    ///
    /// # Errors
    /// [`HomeError::NoKey`], or as [`VaultKey::open`].
    pub fn open_vault_key(&self, passphrase: &Passphrase) -> Result<VaultKey, HomeError> {
        let sealed = self.sealed(Kind::Vault, None)?;
        Ok(VaultKey::open(&sealed, passphrase)?)
    }

    /// Opens the journal's key.
    ///
    /// # Errors
    /// [`HomeError::NoKey`], or as [`PersonKey::open`].
    pub fn open_journal_key(&self, passphrase: &Passphrase) -> Result<PersonKey, HomeError> {
        let sealed = self.sealed(Kind::Journal, None)?;
        Ok(PersonKey::open(Kind::Journal, &sealed, passphrase)?)
    }

    /// Opens a person's key; the name may be left out when there is only one.
    ///
    /// # Errors
    /// [`HomeError::NoKey`], [`HomeError::SeveralKeys`], or as [`PersonKey::open`].
    pub fn open_person_key(
        &self,
        kind: Kind,
        name: Option<&KeyName>,
        passphrase: &Passphrase,
    ) -> Result<PersonKey, HomeError> {
        let name = match name {
            Some(name) => name.clone(),
            None => self.only_name(kind)?,
        };
        let sealed = self.sealed(kind, Some(&name))?;
        Ok(PersonKey::open(kind, &sealed, passphrase)?)
    }

    /// Refuses, before anybody is asked for anything, a person's key that this home does not hold.
    ///
    /// # Errors
    /// [`HomeError::NoKey`], [`HomeError::SeveralKeys`].
    pub fn expect_person_key(&self, kind: Kind, name: Option<&KeyName>) -> Result<(), HomeError> {
        match name {
            Some(name) if self.holds(kind, Some(name)) => Ok(()),
            Some(_) => Err(HomeError::NoKey(kind)),
            None => self.only_name(kind).map(drop),
        }
    }

    fn only_name(&self, kind: Kind) -> Result<KeyName, HomeError> {
        let mut names = self
            .held_keys()?
            .into_iter()
            .filter(|held| held.kind == kind)
            .filter_map(|held| held.name);
        let only = names.next().ok_or(HomeError::NoKey(kind))?;
        if names.next().is_some() {
            return Err(HomeError::SeveralKeys(kind));
        }
        Ok(only)
    }
}

impl Explained for HomeError {
    fn class(&self) -> Class {
        match self {
            Self::Key(OpenError::WrongPassphrase | OpenError::PublicMismatch { .. }) => {
                Class::Refused
            }
            Self::Key(
                OpenError::Unreadable { .. }
                | OpenError::NotAKeyFile(_)
                | OpenError::WrongKind { .. }
                | OpenError::CostOutOfBounds { .. },
            )
            | Self::NoKey(_)
            | Self::KeyElsewhere { .. }
            | Self::SeveralKeys(_)
            | Self::Write(WriteError::Exists(_)) => Class::Usage,
            Self::Write(WriteError::Io { .. }) | Self::Unreadable { .. } => Class::Device,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Key(OpenError::WrongPassphrase) => "WRONG_PASSPHRASE",
            Self::Key(OpenError::PublicMismatch { .. }) => "KEY_MISMATCH",
            Self::Key(
                OpenError::Unreadable { .. }
                | OpenError::NotAKeyFile(_)
                | OpenError::WrongKind { .. }
                | OpenError::CostOutOfBounds { .. },
            ) => "KEY_FILE",
            Self::NoKey(_) => "NO_KEY",
            Self::KeyElsewhere { .. } => "KEY_ELSEWHERE",
            Self::SeveralKeys(_) => "SEVERAL_KEYS",
            Self::Write(WriteError::Exists(_)) => "KEY_EXISTS",
            Self::Write(WriteError::Io { .. }) => "CANNOT_WRITE",
            Self::Unreadable { .. } => "UNREADABLE",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::NoKey(Kind::Vault | Kind::Journal) => {
                "make one with keygen, or bring one with import"
            }
            Self::NoKey(Kind::Approval) => "make one with keygen --approval NAME",
            Self::NoKey(Kind::Request) => "make one with keygen --request NAME",
            Self::KeyElsewhere { .. } => {
                "where it is plugged in, with --device; else --hand-to DIR writes it for the device, and --answer FILE takes its signatures; a key record is exported there"
            }
            Self::SeveralKeys(_) => "say which with --key NAME",
            Self::Write(WriteError::Exists(_)) => {
                "a key is never overwritten; use another home folder"
            }
            Self::Key(OpenError::WrongPassphrase) => "try again with the passphrase of this key",
            Self::Key(OpenError::PublicMismatch { .. }) => {
                "do not use this file; bring the key back from its words or a backup"
            }
            Self::Key(OpenError::CostOutOfBounds { .. } | OpenError::NotAKeyFile(_)) => {
                "bring the file back as this program wrote it, from a backup"
            }
            Self::Key(OpenError::WrongKind { .. }) => {
                "give each key's file the name it was made with"
            }
            Self::Key(OpenError::Unreadable { .. }) | Self::Unreadable { .. } => {
                "make the file readable for this user, then try again"
            }
            Self::Write(WriteError::Io { .. }) => {
                "make room on the disk and the folder writable, then try again"
            }
        }
        .to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keystore::Cost;

    const CHEAP: Cost = Cost::new(16, 1, 1);

    fn passphrase() -> Passphrase {
        Passphrase::new("correct horse".to_owned()).expect("not empty")
    }

    fn store_approval(home: &Home, name: &str) -> PersonKey {
        let (key, sealed) =
            PersonKey::generate(Kind::Approval, &passphrase(), CHEAP).expect("draws");
        let name = name.parse().expect("a name");
        home.store(&sealed, Some(&name)).expect("stores");
        key
    }

    #[test]
    fn a_lone_key_needs_no_name_and_several_do() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let home = Home::at(folder.path().join("new"));
        assert!(home.held_keys().expect("an empty home").is_empty());
        let none = home.open_person_key(Kind::Approval, None, &passphrase());
        assert!(matches!(none, Err(HomeError::NoKey(Kind::Approval))));
        let expected = |name: Option<&str>| {
            let name = name.map(|name| name.parse().expect("a name"));
            home.expect_person_key(Kind::Approval, name.as_ref())
        };
        assert!(matches!(expected(None), Err(HomeError::NoKey(_))));

        let dana = store_approval(&home, "dana-1");
        let opened = home.open_person_key(Kind::Approval, None, &passphrase());
        assert_eq!(opened.expect("opens").public(), dana.public());

        assert!(expected(None).is_ok() && expected(Some("dana-1")).is_ok());
        assert!(matches!(expected(Some("erin")), Err(HomeError::NoKey(_))));
        store_approval(&home, "erin");
        assert!(matches!(expected(None), Err(HomeError::SeveralKeys(_))));
        let several = home.open_person_key(Kind::Approval, None, &passphrase());
        assert!(matches!(several, Err(HomeError::SeveralKeys(_))));
        let named = home.open_person_key(
            Kind::Approval,
            Some(&"dana-1".parse().expect("a name")),
            &passphrase(),
        );
        assert_eq!(named.expect("opens").public(), dana.public());
        assert_eq!(home.held_keys().expect("lists").len(), 2);
    }

    #[test]
    fn a_key_is_never_replaced() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let home = Home::at(folder.path());
        store_approval(&home, "dana");
        let (_, sealed) = PersonKey::generate(Kind::Approval, &passphrase(), CHEAP).expect("draws");
        let refused = home
            .store(&sealed, Some(&"dana".parse().expect("a name")))
            .expect_err("refuses");
        assert_eq!(refused.code(), "KEY_EXISTS");
    }

    #[test]
    fn a_key_name_is_no_path() {
        for text in ["", "../x", "Dana", "a/b", "a.b", &"a".repeat(33)] {
            assert!(text.parse::<KeyName>().is_err(), "{text}");
        }
    }
}
