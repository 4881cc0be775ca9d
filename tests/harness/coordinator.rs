//! A running coordinator with its watchtower, set up as an operator would.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use crate::node::free_port;
use crate::signer_home::text;
use crate::{
    Api, Bitcoind, Engine, Failure, Process, Program, Role, SHORT, Store, environment, wait_until,
};

/// How a coordinator of a test differs from others.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Seconds between automatic batches; 0 leaves batches to be made by hand.
    pub batch_interval_s: u64,
    /// Another genesis block than regtest's, as a coordinator for another chain has.
    pub genesis: Option<String>,
}

/// The processes of one coordinator: on SQLite one process with the watchtower in it, on PostgreSQL
/// two, each as its own role.
#[derive(Debug)]
pub struct Coordinator {
    program: Program,
    watchtower: Option<Program>,
    running: Vec<Process>,
    url: String,
    token: String,
    folder: TempDir,
}

impl Coordinator {
    /// Makes tables and a first operator, then starts to serve.
    pub fn start(store: &Store, node: &Bitcoind, settings: &Settings) -> Result<Self, Failure> {
        let mut coordinator = Self::prepare(store, node, settings)?;
        coordinator.resume()?;
        Ok(coordinator)
    }

    /// Makes tables and a first operator; [`Self::resume`] starts it.
    pub fn prepare(store: &Store, node: &Bitcoind, settings: &Settings) -> Result<Self, Failure> {
        let program = Program::find("countersign-coordinator")?;
        let folder = environment::folder("coordinator")?;
        let port = free_port()?;
        let watchtower = watchtowers(node, settings);
        let of = |role| coordinators(&store.url(role), port, settings, &watchtower);
        let owners = folder.path().join("owner.toml");
        fs::write(&owners, of(Role::Administrator))?;
        fs::write(
            folder.path().join("coordinator.toml"),
            of(Role::Coordinator),
        )?;
        fs::write(
            folder.path().join("watchtower.toml"),
            format!(
                "database = \"{}\"\n{watchtower}",
                store.url(Role::Watchtower)
            ),
        )?;
        let token_file = folder.path().join("operator.token");
        program
            .run(&[
                "init",
                "--config",
                text(&owners)?,
                "--operator-token",
                text(&token_file)?,
            ])?
            .done()?;
        let watchtower = match store {
            Store::Sqlite(_) => None,
            Store::Postgres(server) => {
                server.let_roles_log_in()?;
                Some(Program::find("countersign-watchtower")?)
            }
        };
        Ok(Self {
            program,
            watchtower,
            running: Vec::new(),
            url: format!("http://127.0.0.1:{port}"),
            token: fs::read_to_string(&token_file)?.trim().to_owned(),
            folder,
        })
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The first operator's token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The program, for a command line that speaks to it.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// The file with the operator's token.
    pub fn token_file(&self) -> PathBuf {
        self.folder.path().join("operator.token")
    }

    /// Starts it, or starts it again with everything as it was.
    pub fn resume(&mut self) -> Result<(), Failure> {
        let folder = self.folder.path().to_path_buf();
        let start = |program: &Program, name: &str, more: &[&str]| {
            let mut command = program.command();
            command
                .args(["run", "--config"])
                .arg(folder.join(format!("{name}.toml")))
                .args(more);
            Process::start(name, command, &folder.join(format!("{name}.log")))
        };
        match &self.watchtower {
            None => self
                .running
                .push(start(&self.program, "coordinator", &["--with-watchtower"])?),
            Some(watchtower) => {
                self.running.push(start(&self.program, "coordinator", &[])?);
                self.running.push(start(watchtower, "watchtower", &[])?);
            }
        }
        let api = Api::new(&self.url, Some(&self.token));
        let running = &mut self.running;
        wait_until("the coordinator to answer", SHORT, || {
            for process in running.iter_mut() {
                process.must_run()?;
            }
            Ok(api
                .get("/status")
                .ok()
                .filter(|answer| answer.status == 200))
        })?;
        Ok(())
    }

    /// Asks it to end and waits until it has.
    pub fn stop(&mut self) -> Result<(), Failure> {
        for process in &mut self.running {
            let status = process.stop()?;
            if !status.success() {
                return Err(Failure::new(format!(
                    "it stopped with {status}:\n{}",
                    process.last_words()
                )));
            }
        }
        self.running.clear();
        Ok(())
    }

    /// Ends it at once, as a power cut would.
    pub fn kill(&mut self) -> Result<(), Failure> {
        for process in &mut self.running {
            process.kill()?;
        }
        self.running.clear();
        Ok(())
    }

    /// Fails if it ended by itself or panicked, at any time since the world began.
    #[track_caller]
    pub fn must_be_well(&mut self) -> Result<(), Failure> {
        for process in &mut self.running {
            process.must_run()?;
        }
        let log = self.log()?;
        match log.lines().find(|line| line.contains("panicked at")) {
            None => Ok(()),
            Some(line) => Err(Failure::new(format!("the coordinator panicked: {line}"))),
        }
    }

    /// The ends of its logs.
    pub(crate) fn last_words(&self) -> String {
        let running = self.running.iter();
        running.map(Process::titled_last_words).collect()
    }

    /// All that it printed.
    pub fn log(&self) -> Result<String, Failure> {
        let mut all = String::new();
        for name in ["coordinator.log", "watchtower.log"] {
            let file = self.folder.path().join(name);
            if file.exists() {
                all.push_str(&String::from_utf8_lossy(&fs::read(file)?));
            }
        }
        Ok(all)
    }
}

/// The coordinator's configuration file.
fn coordinators(database: &str, port: u16, settings: &Settings, watchtower: &str) -> String {
    format!(
        "database = \"{database}\"\n\
         listen = \"127.0.0.1:{port}\"\n\
         network = \"regtest\"\n\
         poll_interval_ms = 50\n\
         batch_interval_s = {}\n\
         {watchtower}",
        settings.batch_interval_s
    )
}

/// The part about the watchtower, the same in either's file.
fn watchtowers(node: &Bitcoind, settings: &Settings) -> String {
    let genesis = settings
        .genesis
        .as_ref()
        .map(|genesis| format!("genesis = \"{genesis}\"\n"))
        .unwrap_or_default();
    format!(
        "[watchtower]\n\
         network = \"regtest\"\n\
         {genesis}\
         poll_interval_ms = 50\n\
         fee_estimate_fallback_sat_kwu = 500\n\
         [watchtower.node]\n\
         url = \"{}\"\n\
         cookie_file = \"{}\"\n",
        node.url(),
        node.cookie_file().display()
    )
}

/// Whether both engines are to be tried: every scenario about money runs on each.
pub const ENGINES: [Engine; 2] = [Engine::Sqlite, Engine::Postgres];
