//! The folder from which a co-signer takes statements besides those of its coordinator.
//!
//! Invariant: a stop that lies here is journalled before anything is signed. No file keeps the others from being
//! read: one that is bad is told once and left alone until it changes. A folder that cannot be read may hold a
//! stop, so that nothing is signed until it can be.

use crate::failure::{Facts, Reason, reason};
use crate::listing::{MAX_BYTES, entitled, said};
use bitcoin::hashes::{Hash, sha256};
use policies::journal::Heard;
use policies::rules::Said;
use policies::{Policy, UnixTime};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// A folder that is looked at in every round.
#[derive(Debug)]
pub struct Inbox {
    folder: PathBuf,
    /// The content of each file when it was looked at last.
    known: BTreeMap<String, [u8; 32]>,
    said: Vec<Said>,
}

/// What was found in one look.
#[derive(Debug, Default)]
pub struct Found {
    /// Statements that count, stops first.
    pub heard: Vec<Heard>,
    /// Files that cannot be read as statements, for the first time.
    pub bad: Vec<(String, Reason)>,
    /// Whether any file is another than before.
    pub changed: bool,
    /// Whether the folder, or anything in it, could not be read.
    pub unreadable: bool,
}

impl Inbox {
    /// A folder; it may come later, and nothing is signed before.
    pub fn of(folder: PathBuf) -> Self {
        Self {
            folder,
            known: BTreeMap::new(),
            said: Vec::new(),
        }
    }

    /// Everything that is said in the files, verified or not.
    pub fn said(&self) -> &[Said] {
        &self.said
    }

    /// Reads every file of the folder.
    pub fn look(&mut self, policy: &Policy, now: UnixTime) -> Found {
        let mut found = Found::default();
        let mut known = BTreeMap::new();
        self.said.clear();
        let names = match names(&self.folder) {
            Ok(names) => names,
            Err(error) => {
                let name = self.folder.display().to_string();
                let hash = sha256::Hash::hash(error.to_string().as_bytes()).to_byte_array();
                if self.known.get(&name) != Some(&hash) {
                    found.bad.push((name.clone(), unreadable(&error)));
                }
                self.known = BTreeMap::from([(name, hash)]);
                found.unreadable = true;
                return found;
            }
        };
        for name in names {
            let bytes = bounded(&self.folder.join(&name));
            let content = match &bytes {
                Ok(bytes) => sha256::Hash::hash(bytes),
                Err(error) => sha256::Hash::hash(error.to_string().as_bytes()),
            };
            let content = content.to_byte_array();
            // Whatever is no readable file may hold a stop all the same.
            found.unreadable |= bytes.is_err();
            let is_new = self.known.get(&name) != Some(&content);
            found.changed |= is_new;
            known.insert(name.clone(), content);
            // Counted in every look: a signature of one file may count, or a key be pinned, only later.
            let read = bytes.map_err(|error| unreadable(&error)).and_then(|bytes| {
                let heard = entitled(&bytes, policy, now).map_err(|error| reason(&error))?;
                let said = said(&bytes).map_err(|error| reason(&error))?;
                Ok((heard, said))
            });
            match read {
                Ok((heard, said)) => {
                    found.heard.extend(heard);
                    self.said.extend(said);
                }
                Err(reason) if is_new => found.bad.push((name, reason)),
                Err(_) => {}
            }
        }
        self.known = known;
        found
    }
}

/// The names of the files in a folder, in order; those that begin with a point are being written.
fn names(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // Whatever is no file is told as one that cannot be read; what a link leads to counts as what it is.
        if !name.starts_with('.') {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

fn bounded(path: &Path) -> io::Result<Vec<u8>> {
    // A pipe would keep this waiting for whoever writes.
    if !path.metadata()?.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut bytes = Vec::new();
    let mut read = File::open(path)?.take(MAX_BYTES.saturating_add(1));
    let length = read.read_to_end(&mut bytes)?;
    if u64::try_from(length).is_ok_and(|length| length <= MAX_BYTES) {
        return Ok(bytes);
    }
    Err(io::ErrorKind::FileTooLarge.into())
}

fn unreadable(error: &io::Error) -> Reason {
    Reason {
        code: "UNREADABLE",
        message: error.to_string(),
        hint: "make the inbox and its files readable for this user".to_owned(),
        facts: Facts::new(),
    }
}
