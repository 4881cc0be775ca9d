//! Files that are complete on disk, or not there at all.
//!
//! Invariant: the same holds where a home lies on a stick, whose file system (FAT, exFAT) knows neither
//! owners nor hard links.

#[cfg(not(unix))]
mod portable;
#[cfg(unix)]
mod unix;

#[cfg(not(unix))]
use portable as system;
#[cfg(unix)]
use unix as system;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Why a file could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// There is a file of that name already; nothing is ever overwritten.
    #[error("{} exists already", .0.display())]
    Exists(PathBuf),
    /// The operating system refused.
    #[error("cannot write {}: {cause}", .path.display())]
    Io {
        /// The file meant.
        path: PathBuf,
        /// The system's answer.
        cause: io::Error,
    },
}

/// Writes a new file of mode 0600 so that after a crash it is whole or absent; syncs the folder too.
///
/// # Errors
/// [`WriteError::Exists`] when the name is taken, [`WriteError::Io`] when the system refuses.
pub fn write_new(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    write_new_by(path, bytes, |from, to| fs::hard_link(from, to))
}

fn write_new_by(
    path: &Path,
    bytes: &[u8],
    link: impl FnOnce(&Path, &Path) -> io::Result<()>,
) -> Result<(), WriteError> {
    let failed = |cause| WriteError::Io {
        path: path.to_owned(),
        cause,
    };
    let partial = partial_of(path);
    let written = write_whole(&partial, bytes).and_then(|()| {
        // A link, unlike a rename, refuses to replace what is there.
        match link(&partial, path) {
            Err(cause) if cause.kind() != io::ErrorKind::AlreadyExists => {
                rename_to_new(&partial, path)
            }
            linked => linked,
        }
    });
    let removed = match fs::remove_file(&partial) {
        // It has its name already, or was never there.
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    };
    match written {
        Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => {
            return Err(WriteError::Exists(path.to_owned()));
        }
        other => other.map_err(failed)?,
    }
    removed.map_err(failed)?;
    sync_folder(folder_of(path)).map_err(failed)
}

/// Renames to a name that nothing has, where the file system knows no links: meanwhile the folder is
/// held, so that of two programs that mean one name only one gets it.
fn rename_to_new(from: &Path, to: &Path) -> io::Result<()> {
    let _held = system::hold_folder(folder_of(to))?;
    match fs::symlink_metadata(to) {
        Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => fs::rename(from, to),
        Err(cause) => Err(cause),
    }
}

/// Writes a file of mode 0600 in place of the one that may be there: after a crash the old or the
/// new one is there, whole.
///
/// # Errors
/// [`WriteError::Io`] when the system refuses.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    let partial = partial_of(path);
    write_whole(&partial, bytes)
        .and_then(|()| fs::rename(&partial, path))
        .and_then(|()| sync_folder(folder_of(path)))
        .map_err(|cause| {
            // Of a full card, what was begun is not left in the way.
            drop(fs::remove_file(&partial));
            WriteError::Io {
                path: path.to_owned(),
                cause,
            }
        })
}

/// Whether a file could be written where this one is to be; leaves nothing behind.
///
/// # Errors
/// [`WriteError::Io`] when the system refuses.
pub fn try_folder(path: &Path) -> Result<(), WriteError> {
    let partial = partial_of(path);
    write_whole(&partial, &[])
        .and_then(|()| fs::remove_file(&partial))
        .map_err(|cause| WriteError::Io {
            path: path.to_owned(),
            cause,
        })
}

/// Makes a folder of mode 0700, with its parents, and syncs its entry.
///
/// # Errors
/// When the system refuses.
pub fn make_folder(path: &Path) -> Result<(), WriteError> {
    system::private_folder()
        .recursive(true)
        .create(path)
        .and_then(|()| sync_folder(folder_of(path)))
        .map_err(|cause| WriteError::Io {
            path: path.to_owned(),
            cause,
        })
}

/// Makes what was created or removed in a folder durable.
///
/// # Errors
/// The system's answer.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    system::sync_folder(folder)
}

/// The folder that holds a path's entry.
pub fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn partial_of(path: &Path) -> PathBuf {
    let mut partial = path.as_os_str().to_owned();
    partial.push(format!(".{}.partial", std::process::id()));
    PathBuf::from(partial)
}

/// Writes a file that was not there, whatever lies in its place: on a card, a link to another file of this user's.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(cause),
        Ok(()) | Err(_) => {}
    }
    let mut file = system::private_file()
        .write(true)
        .create_new(true)
        .open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(unix)]
    use std::os::unix::fs::PermissionsExt;
    #[cfg(unix)]
    use std::os::unix::fs::symlink;

    /// What FAT answers to a hard link (Linux: EPERM, macOS: ENOTSUP).
    fn no_links(_: &Path, _: &Path) -> io::Result<()> {
        Err(io::ErrorKind::PermissionDenied.into())
    }

    #[test]
    fn a_file_system_without_links_keeps_the_same_promises() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("key");
        write_new_by(&path, b"first", no_links).expect("writes");
        let refused = write_new_by(&path, b"second", no_links).expect_err("refuses");
        assert!(matches!(refused, WriteError::Exists(_)), "{refused}");
        assert_eq!(fs::read(&path).expect("reads"), b"first");
        assert_eq!(fs::read_dir(folder.path()).expect("lists").count(), 1);
    }

    #[test]
    fn of_many_that_mean_one_name_without_links_one_gets_it() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("key");
        let written = std::thread::scope(|scope| {
            let threads = [1_u8, 2, 3, 4, 5, 6, 7, 8].map(|n| {
                let (path, folder) = (&path, folder.path());
                scope.spawn(move || {
                    let partial = folder.join(format!("key.{n}"));
                    fs::write(&partial, [n]).expect("writes");
                    rename_to_new(&partial, path).is_ok()
                })
            });
            let ended = threads.map(|thread| thread.join().expect("does not panic"));
            ended.into_iter().filter(|written| *written).count()
        });
        assert_eq!(written, 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_new_file_is_private_and_leaves_nothing_else_behind() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("key");
        write_new(&path, b"secret").expect("writes");
        let mode = fs::metadata(&path).expect("exists").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read(&path).expect("reads"), b"secret");
        assert_eq!(fs::read_dir(folder.path()).expect("lists").count(), 1);
    }

    #[test]
    fn a_replaced_file_holds_the_new_bytes_only() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("out");
        replace(&path, b"the first").expect("writes");
        replace(&path, b"second").expect("replaces");
        assert_eq!(fs::read(&path).expect("reads"), b"second");
        assert_eq!(fs::read_dir(folder.path()).expect("lists").count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn links_that_a_card_holds_are_not_followed() {
        let (card, home) = (tempfile::tempdir(), tempfile::tempdir());
        let (card, home) = (card.expect("a card"), home.expect("a home"));
        let journal = home.path().join("journal");
        fs::write(&journal, b"entries").expect("writes");
        let path = card.path().join("out");
        symlink(&journal, partial_of(&path)).expect("links");
        symlink(&journal, &path).expect("links");
        replace(&path, b"a transfer").expect("replaces");
        assert_eq!(fs::read(&path).expect("reads"), b"a transfer");
        let kind = fs::symlink_metadata(&path).expect("exists").file_type();
        assert!(kind.is_file(), "the link itself was replaced");
        let new = card.path().join("new");
        symlink(&journal, partial_of(&new)).expect("links");
        write_new(&new, b"another").expect("writes");
        assert_eq!(fs::read(&journal).expect("reads"), b"entries");
    }

    #[test]
    fn an_existing_file_is_never_overwritten() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("key");
        write_new(&path, b"first").expect("writes");
        let refused = write_new(&path, b"second").expect_err("refuses");
        assert!(matches!(refused, WriteError::Exists(_)), "{refused}");
        assert_eq!(fs::read(&path).expect("reads"), b"first");
        assert_eq!(fs::read_dir(folder.path()).expect("lists").count(), 1);
    }
}
