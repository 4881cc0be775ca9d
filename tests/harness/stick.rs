//! A stick, and the machine without a network that it is put into.
//!
//! Invariant: the machine proves from inside, before each program, that it reaches nobody; the stick is
//! mounted only for as long as the program runs, as if it were carried to and fro.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::{Failure, environment};

/// The bytes of a stick with a file system of its own.
const SIZE: u64 = 16 << 20;

/// What stands for the stick here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A file with a file system (FAT where the kernel knows it, else ext4), mounted by a loop device.
    Image,
    /// A folder that is bound: where nobody may mount images.
    Folder,
}

/// Removable storage for one home.
#[derive(Debug)]
pub struct Stick {
    kind: Kind,
    file_system: &'static str,
    namespaces: Vec<&'static str>,
    folder: TempDir,
}

impl Stick {
    /// An empty stick.
    ///
    /// # Errors
    /// When this machine lets nobody make a network namespace: nothing is skipped then.
    pub fn new(name: &str) -> Result<Self, Failure> {
        let folder = environment::folder(name)?;
        fs::create_dir(folder.path().join("mount"))?;
        let namespaces = if environment::user_id()? == 0 {
            vec!["--net", "--mount"]
        } else {
            vec!["--user", "--map-root-user", "--net", "--mount"]
        };
        let mut stick = Self {
            kind: Kind::Image,
            file_system: "vfat",
            namespaces,
            folder,
        };
        for (file_system, format) in [
            ("vfat", ["mkfs.vfat", "-n", "HOME"]),
            ("ext4", ["mkfs.ext4", "-q", "-F"]),
        ] {
            stick.file_system = file_system;
            if stick.format(format)? && stick.works()? {
                return Ok(stick);
            }
        }
        fs::create_dir(stick.folder.path().join("files"))?;
        stick.kind = Kind::Folder;
        stick.file_system = "bound folder";
        if stick.works()? {
            return Ok(stick);
        }
        Err(Failure::new(
            "this machine makes no network namespace: run as root, or allow user namespaces \
             (kernel.unprivileged_userns_clone, user.max_user_namespaces)",
        ))
    }

    /// What stands for it here: `vfat`, `ext4`, or `bound folder`.
    pub fn file_system(&self) -> &'static str {
        self.file_system
    }

    /// The home on it, for programs of the machine: nobody else sees it.
    pub fn home(&self) -> PathBuf {
        self.mount().join("home")
    }

    /// The words before a program that the machine is to run.
    pub(crate) fn machine(&self) -> Result<Vec<OsString>, Failure> {
        let unshare = environment::system_program("unshare").ok_or_else(|| {
            Failure::new("there is no unshare: run `make setup` (Debian's util-linux)")
        })?;
        let script = environment::repository().join("tests/setup/offline_machine.sh");
        let kind = match self.kind {
            Kind::Image => "image",
            Kind::Folder => "folder",
        };
        let mut words = vec![unshare.into_os_string()];
        words.extend(self.namespaces.iter().map(OsString::from));
        words.extend([
            script.into_os_string(),
            kind.into(),
            self.source().into_os_string(),
            self.mount().into_os_string(),
        ]);
        Ok(words)
    }

    /// Another stick with all that is on this one now, as somebody copies it behind its owner's back.
    pub fn copy(&self) -> Result<Self, Failure> {
        let folder = environment::folder("copied-stick")?;
        fs::create_dir(folder.path().join("mount"))?;
        let copy = Self {
            kind: self.kind,
            file_system: self.file_system,
            namespaces: self.namespaces.clone(),
            folder,
        };
        copy_all(&self.source(), &copy.source())?;
        Ok(copy)
    }

    /// Makes this stick what another one is.
    pub fn become_again(&self, other: &Self) -> Result<(), Failure> {
        match self.kind {
            Kind::Image => fs::remove_file(self.source())?,
            Kind::Folder => fs::remove_dir_all(self.source())?,
        }
        copy_all(&other.source(), &self.source())
    }

    fn mount(&self) -> PathBuf {
        self.folder.path().join("mount")
    }

    fn source(&self) -> PathBuf {
        self.folder.path().join(match self.kind {
            Kind::Image => "stick.img",
            Kind::Folder => "files",
        })
    }

    /// Makes the image anew; says whether the program for it is here.
    fn format(&self, [program, options @ ..]: [&str; 3]) -> Result<bool, Failure> {
        let folders = ["/usr/sbin", "/sbin"].map(|folder| Path::new(folder).join(program));
        let found = environment::system_program(program)
            .or_else(|| folders.into_iter().find(|path| path.is_file()));
        let Some(program) = found else {
            return Ok(false);
        };
        fs::File::create(self.source())?.set_len(SIZE)?;
        let mut command = Command::new(program);
        let formatted = quiet(command.args(options).arg(self.source())).status()?;
        Ok(formatted.success())
    }

    /// Whether the machine runs with this stick in it.
    fn works(&self) -> Result<bool, Failure> {
        let words = self.machine()?;
        let mut command = Command::new(&words[0]);
        let ended = quiet(command.args(&words[1..]).arg("true")).status()?;
        Ok(ended.success())
    }
}

fn quiet(command: &mut Command) -> &mut Command {
    command.stdout(Stdio::null()).stderr(Stdio::null())
}

fn copy_all(from: &Path, to: &Path) -> Result<(), Failure> {
    if from.is_file() {
        fs::copy(from, to)?;
        return Ok(());
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        copy_all(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}
