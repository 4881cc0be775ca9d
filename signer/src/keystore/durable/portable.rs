//! What systems other than Unix offer through the standard library: their folders open as no file.
//!
//! A file is as private as the folder of its user is. NTFS journals the entries of folders by itself.

use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::path::Path;

/// How a file is made that only its owner reads: where the user's own folder keeps others out.
pub(super) fn private_file() -> OpenOptions {
    OpenOptions::new()
}

/// How a folder is made that only its owner enters: where the user's own folder keeps others out.
pub(super) fn private_folder() -> DirBuilder {
    DirBuilder::new()
}

/// Nothing: there is no call for it.
pub(super) fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Nothing: who keeps a home on FAT there must not start two programs in it at once.
pub(super) fn hold_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
