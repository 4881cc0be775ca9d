//! Moving the journal to a second machine.
//!
//! The new machine makes a fresh journal key and shows it. The old one ends its journal with that key,
//! durably, and only then writes the *bundle*: its lines and the two that begin the new journal, so the
//! bundle is the new journal's file. Invariant: before the bundle exists the old machine signs nothing
//! more, and a bundle is taken in once, by the home that drew the key, and only where the policy knows the
//! journal that it came from. Each step can be repeated after a crash. A journal lost after its move is born
//! again now, as any other.

use crate::failure::{Class, Explained};
use crate::home::{Home, HomeError};
use crate::journal_file::{JournalFile, JournalFileError, Owner, read_bytes};
use crate::keystore::{Kind, WriteError, durable};
use bitcoin::hex::{DisplayHex, FromHex};
use policies::document::SignerKey;
use policies::intent::SecretKey;
use policies::journal::{JournalError, Line, MoveCertificate, MoveError, accept_moves};
use policies::{Journal, Policy, PublicKey, UnixTime, VaultId};
use std::path::PathBuf;

/// Why a journal does not move.
#[derive(Debug, thiserror::Error)]
pub enum MovingError {
    /// The home's journal key was not drawn here, or kept a journal already.
    #[error("the journal key {key} is not fresh: it may have kept a journal before")]
    NotFresh {
        /// The key.
        key: String,
    },
    /// There is another journal in this home.
    #[error("there is a journal at {} already", .0.display())]
    Exists(PathBuf),
    /// The bundle is no journal that proves itself.
    #[error("the bundle does not prove itself: {0}")]
    Bundle(Box<JournalError>),
    /// The bundle is for another key, or not the beginning of a moved journal.
    #[error("the bundle is for {found}, this home's journal key is {expected}")]
    NotForHere {
        /// The key of the bundle's journal.
        found: PublicKey,
        /// This home's journal key.
        expected: String,
    },
    /// The bundle is a journal, but not one that just moved.
    #[error("the file is no bundle: its journal did not just move")]
    NotABundle,
    /// The bundle is of another vault.
    #[error("the bundle is of vault {found}, the policy of vault {expected}")]
    OtherVault {
        /// The vault of the bundle's journal.
        found: VaultId,
        /// The vault of the policy.
        expected: VaultId,
    },
    /// The policy does not know the journal that the bundle comes from.
    #[error("the policy does not know where the bundle comes from: {0}")]
    Unknown(MoveError),
    /// The bundle is another signer's.
    #[error("the bundle is the journal of {name}, whose key is not in this home")]
    OtherSigner {
        /// The signer's name in the policy.
        name: String,
    },
    /// The file of certificates is not readable.
    #[error("{}: {cause}", .path.display())]
    Certificates {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        cause: MoveError,
    },
    /// The journal refused.
    #[error(transparent)]
    Journal(#[from] JournalFileError),
    /// The home refused.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// A file cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// The fresh journal key of a home, to be named to the machine that holds the journal.
///
/// # Errors
/// When the key is not fresh, or there is a journal.
pub fn prepare(home: &Home) -> Result<String, MovingError> {
    let key = journal_key(home)?;
    if home.journal_file().exists() {
        return Err(MovingError::Exists(home.journal_file()));
    }
    if !home.is_fresh(&key)? {
        return Err(MovingError::NotFresh { key });
    }
    Ok(key)
}

/// Ends the journal of a home and gives the bundle for the machine that drew `to`. Asked again, it gives
/// the same bundle.
///
/// # Errors
/// When the journal does not open, moved to another key, or cannot be made durable.
pub fn export(
    home: &Home,
    owner: Owner,
    key: &SecretKey,
    to: PublicKey,
    clock: UnixTime,
) -> Result<Vec<u8>, MovingError> {
    let path = home.journal_file();
    let mut file = JournalFile::open(&path, owner)?;
    let statement = file.move_to(to, clock)?;
    let certificate = statement.sign(key, owner.vault);
    let (_, lines) = file
        .journal()
        .clone()
        .go_on(&certificate)
        .map_err(|error| MovingError::Bundle(Box::new(error)))?;
    let mut bundle = read_bytes(&path)?;
    bundle.extend(lines.iter().flat_map(Line::as_bytes));
    Ok(bundle)
}

/// Takes a bundle in as this home's journal.
///
/// # Errors
/// When the bundle is not for this home's fresh key, or not the journal of this home's signer in the policy;
/// then nothing is changed.
pub fn import(home: &Home, bundle: &[u8], policy: &Policy) -> Result<Journal, MovingError> {
    let expected = journal_key(home)?;
    let journal = Journal::read(bundle).map_err(|error| MovingError::Bundle(Box::new(error)))?;
    if journal.moves().is_empty() || journal.counter() != 1 {
        return Err(MovingError::NotABundle);
    }
    if journal.key().to_string() != expected {
        let found = journal.key();
        return Err(MovingError::NotForHere { found, expected });
    }
    check_origin(home, &journal, policy)?;
    if !home.is_fresh(&expected)? {
        return Err(MovingError::NotFresh { key: expected });
    }
    let path = home.journal_file();
    let certificates = journal.moves().iter().map(MoveCertificate::encode);
    let certificates: Vec<String> = certificates
        .map(|bytes| bytes.to_lower_hex_string() + "\n")
        .collect();
    // The certificates first: without them the journal is nobody's. The mark of freshness last: while it
    // is there nothing is signed, so that a crash before this line only means to import again.
    match read_bytes(&path) {
        Ok(found) if found == bundle => {}
        Ok(_) => return Err(MovingError::Exists(path)),
        Err(JournalFileError::Missing(_)) => {
            durable::replace(&home.moves_file(), certificates.concat().as_bytes())?;
            durable::write_new(&path, bundle)?;
        }
        Err(error) => return Err(error.into()),
    }
    home.use_up_freshness(&expected)?;
    Ok(journal)
}

/// Checks that the policy names the first journal, and the signer that it names is this home's. A bundle made
/// up by a stranger must not use the fresh key up.
fn check_origin(home: &Home, journal: &Journal, policy: &Policy) -> Result<(), MovingError> {
    if journal.vault() != policy.vault {
        let (found, expected) = (journal.vault(), policy.vault);
        return Err(MovingError::OtherVault { found, expected });
    }
    let signer = accept_moves(policy, journal.moves()).map_err(MovingError::Unknown)?;
    let own = home.vault_public()?;
    let own: Option<SignerKey> = own.parse().ok();
    if own.is_none_or(|own| own.xpub != signer.key.xpub) {
        let name = signer.name.clone();
        return Err(MovingError::OtherSigner { name });
    }
    Ok(())
}

/// The moves that led to this home's journal; none for most homes.
///
/// # Errors
/// When the file of certificates cannot be read.
pub fn moves(home: &Home) -> Result<Vec<MoveCertificate>, MovingError> {
    let path = home.moves_file();
    let text = match std::fs::read_to_string(&path) {
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(cause) => return Err(HomeError::Unreadable { path, cause }.into()),
        Ok(text) => text,
    };
    let read = |line: &str| {
        let bytes = Vec::from_hex(line).map_err(|_| MoveError::EndsEarly)?;
        MoveCertificate::decode(&bytes)
    };
    text.lines()
        .map(read)
        .collect::<Result<_, _>>()
        .map_err(|cause| MovingError::Certificates { path, cause })
}

fn journal_key(home: &Home) -> Result<String, HomeError> {
    Ok(home.sealed(Kind::Journal, None)?.header.public)
}

impl Explained for MovingError {
    fn class(&self) -> Class {
        match self {
            Self::NotFresh { .. }
            | Self::Bundle(_)
            | Self::NotForHere { .. }
            | Self::NotABundle
            | Self::OtherVault { .. }
            | Self::Unknown(_)
            | Self::OtherSigner { .. }
            | Self::Certificates { .. } => Class::Refused,
            Self::Exists(_) => Class::Usage,
            Self::Journal(error) => error.class(),
            Self::Home(error) => error.class(),
            Self::Write(error) => error.class(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotFresh { .. } => "JOURNAL_KEY_NOT_FRESH",
            Self::Exists(_) => "JOURNAL_EXISTS",
            Self::Bundle(_) => "JOURNAL_TAMPERED",
            Self::NotForHere { .. } | Self::OtherVault { .. } | Self::OtherSigner { .. } => {
                "JOURNAL_FOREIGN"
            }
            Self::NotABundle => "NOT_A_BUNDLE",
            Self::Unknown(cause) | Self::Certificates { cause, .. } => cause.code(),
            Self::Journal(error) => error.code(),
            Self::Home(error) => error.code(),
            Self::Write(error) => error.code(),
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::NotFresh { .. } => {
                "bring the signer's key to a new home folder with import; its journal key is fresh"
            }
            Self::Exists(_) => "move the journal to a new home folder",
            Self::Bundle(_) => "do not use it; export again on the old machine",
            Self::NotForHere { .. } => {
                "export again on the old machine with the key that `journal move prepare` shows here"
            }
            Self::NotABundle => "give the file that `journal move export` wrote",
            Self::OtherVault { .. } | Self::Unknown(_) => {
                "do not use it: take the file from the old machine's own hands, with the policy that it signs under"
            }
            Self::OtherSigner { .. } => {
                "import it in the home that has this signer's key, or export the right signer's journal"
            }
            Self::Certificates { .. } => {
                "do not sign with this home: take the bundle in again, in a new home folder"
            }
            Self::Journal(error) => return error.hint(),
            Self::Home(error) => return error.hint(),
            Self::Write(error) => return error.hint(),
        }
        .to_owned()
    }
}
