//! A real PostgreSQL server with a cluster of its own, reached through a socket in its folder.
//!
//! `initdb` runs once per boot and user; each server gets a copy of what it made. The folder is in
//! memory where the system allows it, but writes are synced: what a test says of commits is true.

use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::{Failure, Process, SHORT, environment, process, wait_until};

const SUPERUSER: &str = "administrator";
const DATABASE: &str = "countersign";

/// Who connects: the roles of the migrations, and the administrator who applies them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The superuser of the cluster.
    Administrator,
    /// Owns the tables.
    Owner,
    /// The coordinator.
    Coordinator,
    /// The watchtower.
    Watchtower,
    /// The pages.
    Web,
    /// Reads only.
    Auditor,
}

impl Role {
    const PRODUCTION: [Self; 5] = [
        Self::Owner,
        Self::Coordinator,
        Self::Watchtower,
        Self::Web,
        Self::Auditor,
    ];

    /// The role's name in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::Administrator => SUPERUSER,
            Self::Owner => "countersign_owner",
            Self::Coordinator => "countersign_coordinator",
            Self::Watchtower => "countersign_watchtower",
            Self::Web => "countersign_web",
            Self::Auditor => "countersign_auditor",
        }
    }
}

/// A running server with one empty database.
#[derive(Debug)]
pub struct Postgres {
    programs: PathBuf,
    process: Process,
    account: Account,
    // Last, so that the server has ended before its folder goes.
    folder: TempDir,
}

impl Postgres {
    /// Starts a server with an empty database `countersign`.
    pub fn start() -> Result<Self, Failure> {
        let programs = environment::postgres_programs()?;
        let account = Account::of_server()?;
        let template = template(&programs, account)?;
        let folder = environment::folder("postgres")?;
        account.own(folder.path())?;
        let copied = account
            .act_as(Command::new("cp"))
            .arg("-a")
            .arg(&template)
            .arg(folder.path().join("data"))
            .status()?;
        if !copied.success() {
            return Err(Failure::new(format!("cannot copy {}", template.display())));
        }
        let process = spawn(&programs, folder.path(), account)?;
        let mut server = Self {
            programs,
            process,
            account,
            folder,
        };
        server.answers()?;
        Ok(server)
    }

    /// The address of the database for a role, as programs are told it.
    pub fn url(&self, role: Role) -> String {
        let socket = self.folder.path().display().to_string().replace('/', "%2F");
        format!("postgres://{}@{socket}/{DATABASE}", role.name())
    }

    /// Lets the roles of the migrations log in, as an operator does after the first migration.
    pub fn let_roles_log_in(&self) -> Result<(), Failure> {
        for role in Role::PRODUCTION {
            self.psql(DATABASE, &format!("ALTER ROLE {} LOGIN", role.name()))?;
        }
        Ok(())
    }

    /// Replaces the database by an empty one, whoever is connected to it.
    pub fn begin_anew(&self) -> Result<(), Failure> {
        let drop = format!("DROP DATABASE {DATABASE} WITH (FORCE)");
        self.psql("postgres", &drop)?;
        self.psql("postgres", &format!("CREATE DATABASE {DATABASE}"))?;
        Ok(())
    }

    /// Makes one database a copy of another that nobody uses.
    pub fn copy_database(&self, from: &str, to: &str) -> Result<(), Failure> {
        let end = format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname IN ('{from}', '{to}')"
        );
        self.psql("postgres", &end)?;
        self.psql("postgres", &format!("DROP DATABASE IF EXISTS {to}"))?;
        self.psql("postgres", &format!("CREATE DATABASE {to} TEMPLATE {from}"))?;
        Ok(())
    }

    /// Runs SQL as the administrator; what it selects comes back as lines, columns parted by `|`.
    pub fn sql(&self, statement: &str) -> Result<String, Failure> {
        self.psql(DATABASE, statement)
    }

    /// Runs SQL as one of the roles; a refusal by the server is a failure.
    pub fn sql_as(&self, role: Role, statement: &str) -> Result<String, Failure> {
        psql(
            &self.programs,
            self.folder.path(),
            role.name(),
            DATABASE,
            statement,
        )
    }

    /// Ends the server at once and starts it again: what was committed must be there.
    pub fn crash(&mut self) -> Result<(), Failure> {
        self.process.kill()?;
        // What is left of a killed server ends by itself; until then the socket stays locked.
        let lock = self.folder.path().join("data/postmaster.pid");
        if lock.exists() {
            fs::remove_file(&lock)?;
        }
        let (programs, folder, account) = (&self.programs, self.folder.path(), self.account);
        self.process = wait_until("PostgreSQL to start again", SHORT, || {
            let mut process = spawn(programs, folder, account)?;
            let begun = wait_until("PostgreSQL to take its lock", SHORT, || {
                Ok(match process.ended()? {
                    Some(_) => Some(false),
                    None => lock.exists().then_some(true),
                })
            })?;
            Ok(begun.then_some(process))
        })?;
        self.answers()
    }

    fn answers(&mut self) -> Result<(), Failure> {
        let (programs, folder) = (&self.programs, self.folder.path());
        let process = &mut self.process;
        wait_until("PostgreSQL to answer", SHORT, || {
            process.must_run()?;
            Ok(psql(programs, folder, SUPERUSER, DATABASE, "SELECT 1").ok())
        })?;
        Ok(())
    }

    fn psql(&self, database: &str, statement: &str) -> Result<String, Failure> {
        psql(
            &self.programs,
            self.folder.path(),
            SUPERUSER,
            database,
            statement,
        )
    }
}

fn psql(
    programs: &Path,
    socket: &Path,
    role: &str,
    database: &str,
    statement: &str,
) -> Result<String, Failure> {
    let output = Command::new(programs.join("psql"))
        .args([
            "--no-psqlrc",
            "--quiet",
            "--no-align",
            "--tuples-only",
            "--set=ON_ERROR_STOP=1",
        ])
        .arg("--host")
        .arg(socket)
        .args([
            "--username",
            role,
            "--dbname",
            database,
            "--command",
            statement,
        ])
        .output()?;
    if output.status.success() {
        Ok(String::from_utf8(output.stdout)?)
    } else {
        let said = String::from_utf8_lossy(&output.stderr);
        Err(Failure::new(format!(
            "PostgreSQL refused `{statement}`: {said}"
        )))
    }
}

fn spawn(programs: &Path, folder: &Path, account: Account) -> Result<Process, Failure> {
    let server = process::command(&programs.join("postgres"), "QUIT");
    let mut command = account.act_as(server);
    command
        .current_dir(folder)
        .arg("-D")
        .arg(folder.join("data"))
        .arg("-k")
        .arg(folder)
        .args(["-c", "listen_addresses="])
        .args(["-c", "shared_buffers=16MB", "-c", "max_connections=60"])
        .args(["-c", "fsync=on", "-c", "synchronous_commit=on"])
        .args(["-c", "autovacuum=off", "-c", "log_min_messages=warning"]);
    Process::start("postgres", command, &folder.join("server.log"))
}

/// The cluster that servers are copied from; made by the first test that needs it.
fn template(programs: &Path, account: Account) -> Result<PathBuf, Failure> {
    let version = programs
        .parent()
        .and_then(Path::file_name)
        .unwrap_or_default();
    let home = environment::memory_folder().join(format!(
        "countersign-{}-{}",
        account.user,
        version.to_string_lossy()
    ));
    fs::create_dir_all(&home)?;
    account.own(&home)?;
    let lock = File::create(home.join("lock"))?;
    lock.lock()?;
    let (done, new) = (home.join("cluster"), home.join("cluster.new"));
    if done.is_dir() {
        return Ok(done);
    }
    if new.exists() {
        fs::remove_dir_all(&new)?;
    }
    let made = account
        .act_as(Command::new(programs.join("initdb")))
        .current_dir(&home)
        .arg("-D")
        .arg(&new)
        .args(["--username", SUPERUSER, "--auth=trust", "--no-sync"])
        .args(["--encoding=UTF8", "--locale=C", "--wal-segsize=1"])
        .output()?;
    if !made.status.success() {
        let said = String::from_utf8_lossy(&made.stderr);
        return Err(Failure::new(format!("initdb failed: {said}")));
    }
    let mut single = account
        .act_as(Command::new(programs.join("postgres")))
        .current_dir(&home)
        .args(["--single", "-D"])
        .arg(&new)
        .arg("postgres")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()?;
    if let Some(mut stdin) = single.stdin.take() {
        use std::io::Write as _;
        writeln!(stdin, "CREATE DATABASE {DATABASE};")?;
    }
    if !single.wait()?.success() {
        return Err(Failure::new("cannot create the database in the template"));
    }
    fs::rename(&new, &done)?;
    Ok(done)
}

/// The system's account that a server runs as: PostgreSQL refuses root.
#[derive(Debug, Clone, Copy)]
struct Account {
    user: u32,
    group: Option<u32>,
}

impl Account {
    fn of_server() -> Result<Self, Failure> {
        let user = environment::user_id()?;
        if user != 0 {
            return Ok(Self { user, group: None });
        }
        let (user, group) = environment::ids_of_user("postgres")?;
        Ok(Self {
            user,
            group: Some(group),
        })
    }

    fn act_as(self, mut command: Command) -> Command {
        if let Some(group) = self.group {
            command.uid(self.user).gid(group);
        }
        command
    }

    fn own(self, folder: &Path) -> Result<(), Failure> {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
        if let Some(group) = self.group {
            chown(folder, Some(self.user), Some(group))?;
        }
        Ok(())
    }
}
