//! Files that are complete on disk, or not there at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
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
    let failed = |cause| WriteError::Io {
        path: path.to_owned(),
        cause,
    };
    let partial = partial_of(path);
    let written = write_whole(&partial, bytes).and_then(|()| {
        // A link, unlike a rename, refuses to replace what is there.
        fs::hard_link(&partial, path)
    });
    let removed = fs::remove_file(&partial);
    match written {
        Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => {
            return Err(WriteError::Exists(path.to_owned()));
        }
        other => other.map_err(failed)?,
    }
    removed.map_err(failed)?;
    sync_folder(folder_of(path)).map_err(failed)
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
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
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
    File::open(folder)?.sync_all()
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

fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

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
