//! What Unix offers for files that only their owner reads, and for folders whose entries are durable.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

/// How a file is made that only its owner reads; a file system without owners (FAT) takes it as it can.
pub(super) fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

/// How a folder is made that only its owner enters.
pub(super) fn private_folder() -> DirBuilder {
    let mut builder = DirBuilder::new();
    builder.mode(0o700);
    builder
}

/// Makes the entries of a folder durable.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Holds a folder against every other process that asks to hold it, until it is dropped.
pub(super) fn hold_folder(folder: &Path) -> io::Result<File> {
    let held = File::open(folder)?;
    held.lock()?;
    Ok(held)
}
