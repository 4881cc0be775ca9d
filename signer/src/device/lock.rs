//! One call at a time to a device, across all processes of this machine.
//!
//! Looking for devices opens every one of them, and disturbs whoever signs there. So a call to one device holds
//! that device alone and shares the wire, and looking holds the wire alone. A lock is a file's (flock): it ends with
//! the process that holds it, however that ends.

use super::DeviceError;
use crate::keystore::durable;
use bitcoin::hashes::{Hash, sha256};
use rustix::process::getuid;
use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// How long another call is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often it is looked for.
const STEP: Duration = Duration::from_millis(50);

/// The folder of the locks.
#[derive(Debug, Clone)]
pub struct Locks {
    folder: PathBuf,
    patience: Duration,
}

/// Holds the wire, or one device on it, until it is dropped.
#[derive(Debug)]
#[must_use = "it is held until it is dropped"]
pub struct Held(#[expect(dead_code, reason = "dropping them opens the locks")] Vec<File>);

impl Locks {
    /// The locks of this user: in the runtime folder where there is one.
    #[expect(
        clippy::disallowed_methods,
        reason = "the system tells the runtime folder in no other way"
    )]
    pub fn of_user() -> Self {
        let folder = match std::env::var_os("XDG_RUNTIME_DIR") {
            Some(folder) if Path::new(&folder).is_absolute() => {
                PathBuf::from(folder).join("countersign-devices")
            }
            Some(_) | None => {
                let name = format!("countersign-devices-{}", getuid().as_raw());
                std::env::temp_dir().join(name)
            }
        };
        Self::at(folder)
    }

    /// Locks in this folder.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            patience: PATIENCE,
        }
    }

    /// Holds the whole wire: nobody else looks for devices or calls one.
    ///
    /// # Errors
    /// [`DeviceError::Busy`], or [`DeviceError::NoLock`] when the system refuses.
    pub fn wire(&self) -> Result<Held, DeviceError> {
        let wire = self.lock("wire", File::try_lock)?;
        Ok(Held(vec![wire]))
    }

    /// Holds one device, named by what its tool knows it by.
    ///
    /// # Errors
    /// As [`Locks::wire`].
    pub fn device(&self, name: &str) -> Result<Held, DeviceError> {
        // A name of the tool's is no name of a file.
        let name: String = sha256::Hash::hash(name.as_bytes())
            .to_string()
            .chars()
            .take(16)
            .collect();
        // The device first: whoever waits for it must not keep others from looking.
        let device = self.lock(&name, File::try_lock)?;
        let wire = self.lock("wire", File::try_lock_shared)?;
        Ok(Held(vec![wire, device]))
    }

    fn lock(
        &self,
        name: &str,
        try_lock: impl Fn(&File) -> Result<(), TryLockError>,
    ) -> Result<File, DeviceError> {
        let no_lock = |cause| DeviceError::NoLock {
            path: self.folder.clone(),
            cause,
        };
        let file = self.open(name).map_err(no_lock)?;
        let begun = Instant::now();
        loop {
            match try_lock(&file) {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) if begun.elapsed() < self.patience => pause(),
                Err(TryLockError::WouldBlock) => return Err(DeviceError::Taken),
                Err(TryLockError::Error(cause)) => return Err(no_lock(cause)),
            }
        }
    }

    fn open(&self, name: &str) -> std::io::Result<File> {
        drop(durable::make_folder(&self.folder));
        // In a folder that all users write to, another's trap is not stepped into.
        let found = std::fs::symlink_metadata(&self.folder)?;
        if !found.is_dir() || found.uid() != getuid().as_raw() {
            return Err(std::io::Error::other("it is not this user's folder"));
        }
        OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(self.folder.join(format!("{name}.lock")))
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the system tells nobody when a lock is let go"
)]
fn pause() {
    thread::sleep(STEP);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locks(folder: &Path) -> Locks {
        Locks {
            patience: Duration::ZERO,
            ..Locks::at(folder.join("locks"))
        }
    }

    fn is_taken(held: &Result<Held, DeviceError>) -> bool {
        matches!(held, Err(DeviceError::Taken))
    }

    #[test]
    fn a_device_is_held_by_one_and_others_are_free() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let locks = locks(folder.path());
        let held = locks.device("tcp:1").expect("is free");
        assert!(is_taken(&locks.device("tcp:1")));
        assert!(locks.device("tcp:2").is_ok());
        drop(held);
        assert!(locks.device("tcp:1").is_ok());
    }

    #[test]
    fn nobody_looks_for_devices_while_one_is_held_nor_holds_one_meanwhile() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let locks = locks(folder.path());
        let held = locks.device("tcp:1").expect("is free");
        assert!(is_taken(&locks.wire()));
        drop(held);
        let wire = locks.wire().expect("is free");
        assert!(is_taken(&locks.device("tcp:1")));
        drop(wire);
        assert!(locks.device("tcp:1").is_ok());
    }

    #[test]
    fn what_lies_where_the_locks_should_is_not_followed() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let trap = folder.path().join("locks");
        std::os::unix::fs::symlink("/", &trap).expect("makes a link");
        let refused = locks(folder.path()).wire();
        assert!(matches!(refused, Err(DeviceError::NoLock { .. })));
    }
}
