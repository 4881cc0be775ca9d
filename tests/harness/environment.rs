//! The one place of the harness that reads environment variables and looks for programs.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Once;

use tempfile::TempDir;

use crate::Failure;

/// How the folders of worlds begin; the id of the process that owns one follows.
const WORLD: &str = "countersign-world-";

#[expect(
    clippy::disallowed_methods,
    reason = "the harness's one reader of the environment"
)]
fn variable(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

/// The names of the variables that programs of this project read: none may leak into a test.
#[expect(
    clippy::disallowed_methods,
    reason = "the harness's one reader of the environment"
)]
pub(crate) fn own_variables() -> Vec<String> {
    env::vars()
        .map(|(name, _)| name)
        .filter(|name| name.starts_with("COUNTERSIGN_"))
        .collect()
}

/// The root of the repository, as it was when the harness was built.
pub(crate) fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// The node to test with: `BITCOIND_EXE`, else the one in `PATH`, else the one that setup built.
pub(crate) fn bitcoind() -> Result<PathBuf, Failure> {
    let found = Command::new(repository().join("tests/setup/bitcoind.sh"))
        .arg("--find")
        .output()?;
    if !found.status.success() {
        let said = String::from_utf8_lossy(&found.stderr);
        return Err(Failure::new(format!(
            "there is no bitcoind: run `make setup`, or set BITCOIND_EXE {}",
            said.trim_end()
        )));
    }
    Ok(PathBuf::from(String::from_utf8(found.stdout)?.trim_end()))
}

/// The folder with PostgreSQL's `initdb` and `postgres`.
pub(crate) fn postgres_programs() -> Result<PathBuf, Failure> {
    let has_both = |folder: &PathBuf| {
        is_executable(&folder.join("initdb")) && is_executable(&folder.join("postgres"))
    };
    let mut installed: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|version| Some(version.ok()?.path().join("bin")))
        .filter(has_both)
        .collect();
    installed.sort();
    installed
        .pop()
        .or_else(|| path().into_iter().find(has_both))
        .ok_or_else(|| {
            Failure::new("there is no PostgreSQL (initdb and postgres): run `make setup`")
        })
}

/// The script of axe-core, which looks for what keeps people from using a page.
pub(crate) fn axe() -> Result<PathBuf, Failure> {
    let found = Command::new(repository().join("tests/setup/axe.sh"))
        .arg("--find")
        .output()?;
    if found.status.success() {
        Ok(PathBuf::from(String::from_utf8(found.stdout)?.trim_end()))
    } else {
        Err(Failure::new("axe-core is not installed: run `make setup`"))
    }
}

/// The Python that has the mail server of the tests.
pub fn python_of_mail() -> Result<PathBuf, Failure> {
    let found = Command::new(repository().join("tests/setup/mail.sh"))
        .arg("--find")
        .output()?;
    if found.status.success() {
        Ok(PathBuf::from(String::from_utf8(found.stdout)?.trim_end()))
    } else {
        let said = String::from_utf8_lossy(&found.stderr);
        Err(Failure::new(format!(
            "there is no mail server: run `make setup` ({})",
            said.trim_end()
        )))
    }
}

/// The address of a device's emulator, where whoever runs the tests gives one.
pub(crate) fn emulator() -> Result<Option<String>, Failure> {
    setting("COUNTERSIGN_DEVICE_EMULATOR")
}

/// The address of the interface by which that emulator's buttons are pressed, where it has one.
pub(crate) fn emulator_api() -> Result<Option<String>, Failure> {
    setting("COUNTERSIGN_DEVICE_EMULATOR_API")
}

/// The program `bhwi`: `BHWI_BIN`, else the one in `PATH`.
pub fn bhwi() -> Option<PathBuf> {
    variable("BHWI_BIN")
        .map(PathBuf::from)
        .or_else(|| system_program("bhwi"))
}

fn setting(name: &str) -> Result<Option<String>, Failure> {
    let text = variable(name).map(OsString::into_string).transpose();
    text.map_err(|_| Failure::new(format!("{name} is not UTF-8")))
}

/// A program of the system, if it is in `PATH`.
pub(crate) fn system_program(name: &str) -> Option<PathBuf> {
    path()
        .into_iter()
        .map(|folder| folder.join(name))
        .find(|program| is_executable(program))
}

/// The folder that holds the programs built together with the running one.
pub(crate) fn built_programs() -> Result<PathBuf, Failure> {
    let this = env::current_exe()?;
    let folder = this.parent().unwrap_or(Path::new("/"));
    let in_deps = folder.file_name().is_some_and(|name| name == "deps");
    Ok(match folder.parent() {
        Some(above) if in_deps => above.to_path_buf(),
        _ => folder.to_path_buf(),
    })
}

/// A folder in memory where the system offers one: databases and chains of tests live there.
pub(crate) fn memory_folder() -> PathBuf {
    let shared = PathBuf::from("/dev/shm");
    if fs::metadata(&shared).is_ok_and(|shared| shared.is_dir()) {
        shared
    } else {
        env::temp_dir()
    }
}

/// A new folder for a part of a world. It ends with its owner; what a killed test left is swept here.
pub(crate) fn folder(name: &str) -> Result<TempDir, Failure> {
    static SWEPT: Once = Once::new();
    let memory = memory_folder();
    SWEPT.call_once(|| sweep(&memory));
    Ok(tempfile::Builder::new()
        .prefix(&format!("{WORLD}{}-{name}-", std::process::id()))
        .tempdir_in(memory)?)
}

/// Removes the folders of worlds whose process is gone. Two tests may sweep at once, and a folder may
/// go while it is looked at: what cannot be removed now is removed next time.
fn sweep(memory: &Path) {
    let left = fs::read_dir(memory).into_iter().flatten().flatten();
    for folder in left {
        let name = folder.file_name().to_string_lossy().into_owned();
        let owner = name
            .strip_prefix(WORLD)
            .and_then(|rest| rest.split('-').next());
        if owner.is_some_and(|id| !Path::new("/proc").join(id).exists()) {
            drop(fs::remove_dir_all(folder.path()));
        }
    }
}

/// The user id that this process acts with.
pub(crate) fn user_id() -> Result<u32, Failure> {
    Ok(tempfile::tempfile()?.metadata()?.uid())
}

/// The user and group id of a named user, from `/etc/passwd`.
pub(crate) fn ids_of_user(name: &str) -> Result<(u32, u32), Failure> {
    let users = fs::read_to_string("/etc/passwd")?;
    users
        .lines()
        .find_map(|line| {
            let mut fields = line.split(':');
            let found = fields.next()? == name;
            let user = fields.nth(1)?.parse().ok()?;
            let group = fields.next()?.parse().ok()?;
            found.then_some((user, group))
        })
        .ok_or_else(|| Failure::new(format!("there is no user {name} to run PostgreSQL as")))
}

fn path() -> Vec<PathBuf> {
    variable("PATH").map_or_else(Vec::new, |path| env::split_paths(&path).collect())
}

fn is_executable(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}
