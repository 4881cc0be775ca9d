//! A running coordinator with its watchtower, set up as an operator would.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::node::free_port;
use crate::signer_home::text;
use crate::{
    Api, Bitcoind, Engine, Failure, Process, Program, Role, SHORT, Store, environment, wait_until,
};

/// What the node of a test is taken to estimate, in sat/kwu, since it has no estimates of its own.
const FEE_ESTIMATE: u64 = 500;

/// How a coordinator of a test differs from others.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Seconds between automatic batches; 0 leaves batches to be made by hand.
    pub batch_interval_s: u64,
    /// Makes a batch of so many; 0 for any number.
    pub batch_count: u32,
    /// Makes a batch once one waited so many seconds; 0 for any age.
    pub batch_age_s: u64,
    /// What is paid without asking, in sat/vB; empty for whatever the policy allows.
    pub fee_cap_sat_vb: String,
    /// Where people reach the pages, if not at `localhost`: a front with that name must stand before it.
    pub public_url: Option<String>,
    /// Another genesis block than regtest's, as a coordinator for another chain has.
    pub genesis: Option<String>,
    /// Where its watchtower reaches the node, if something stands between.
    pub node_url: Option<String>,
    /// More of its configuration: fields, then tables.
    pub configuration: String,
    /// Variables that its processes find in their environment.
    pub environment: Vec<(String, String)>,
}

/// The processes of one coordinator: on SQLite one process with the watchtower in it, on PostgreSQL
/// two, each as its own role.
#[derive(Debug)]
pub struct Coordinator {
    program: Program,
    watchtower: Option<Program>,
    running: Vec<Process>,
    environment: Vec<(String, String)>,
    url: String,
    token: String,
    port: u16,
    settings: Settings,
    /// How often it got another database.
    moves: u32,
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
        configure(folder.path(), store, node, port, settings)?;
        let owners = folder.path().join("owner.toml");
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
            environment: settings.environment.clone(),
            url: format!("http://127.0.0.1:{port}"),
            token: fs::read_to_string(&token_file)?.trim().to_owned(),
            port,
            settings: settings.clone(),
            moves: 0,
            folder,
        })
    }

    /// Takes another database in place of its own. It must have been stopped.
    pub fn move_to(&mut self, store: &Store, node: &Bitcoind) -> Result<(), Failure> {
        self.moves += 1;
        configure(self.folder.path(), store, node, self.port, &self.settings)
    }

    /// Its configuration file with the owner's role.
    pub fn owners_file(&self) -> PathBuf {
        self.folder.path().join("owner.toml")
    }

    /// Makes an operator's token in the database that it has now.
    pub fn make_operator(&mut self) -> Result<(), Failure> {
        let name = format!("operator-{}.token", self.moves);
        let file = self.folder.path().join(name);
        let owners = self.owners_file();
        let owners = text(&owners)?;
        let init = ["init", "--again", "--config", owners, "--operator-token"];
        self.program
            .run(&[&init[..], &[text(&file)?]].concat())?
            .done()?;
        fs::read_to_string(&file)?
            .trim()
            .clone_into(&mut self.token);
        fs::write(self.token_file(), &self.token)?;
        Ok(())
    }

    /// Where a program of its writes what it says.
    pub fn log_file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where people open its pages: the same place by the name that passkeys work at.
    pub fn pages(&self) -> String {
        let public = self.settings.public_url.clone();
        public.unwrap_or_else(|| format!("http://localhost:{}", self.port))
    }

    /// The port of this machine that it listens at.
    pub const fn port(&self) -> u16 {
        self.port
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
        for part in 0..=usize::from(self.watchtower.is_some()) {
            let process = self.spawn(part)?;
            self.running.push(process);
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

    /// What the node estimates, in sat/kwu, from when it is started again.
    pub fn set_fee_estimate(&self, sat_kwu: u64) -> Result<(), Failure> {
        for name in ["coordinator.toml", "watchtower.toml"] {
            let file = self.folder.path().join(name);
            let field = "fee_estimate_fallback_sat_kwu";
            let now = format!("{field} = {FEE_ESTIMATE}\n");
            let text = fs::read_to_string(&file)?;
            fs::write(&file, text.replace(&now, &format!("{field} = {sat_kwu}\n")))?;
        }
        Ok(())
    }

    /// Starts the process of a part: the coordinator, then the watchtower where it is one of its own.
    fn spawn(&self, part: usize) -> Result<Process, Failure> {
        let (program, name) = match (&self.watchtower, part) {
            (Some(watchtower), 1) => (watchtower, "watchtower"),
            (Some(_) | None, _) => (&self.program, "coordinator"),
        };
        let folder = self.folder.path();
        let mut command = program.command();
        command
            .args(["run", "--config"])
            .arg(folder.join(format!("{name}.toml")))
            .envs(self.environment.iter().cloned());
        if self.watchtower.is_none() {
            command.arg("--with-watchtower");
        }
        Process::start(name, command, &folder.join(format!("{name}.log")))
    }

    /// The parts that ended by themselves: which, its process id, and the signal that ended it.
    pub fn fallen(&mut self) -> Result<Vec<(usize, u32, Option<i32>)>, Failure> {
        let mut fallen = Vec::new();
        for (part, process) in self.running.iter_mut().enumerate() {
            if let Some(status) = process.ended()? {
                fallen.push((part, process.id(), status.signal()));
            }
        }
        Ok(fallen)
    }

    /// Starts a part again that has fallen, by the same command, and does not wait for it. Its process id.
    pub fn revive(&mut self, part: usize) -> Result<u32, Failure> {
        let process = self.spawn(part)?;
        let id = process.id();
        if let Some(place) = self.running.get_mut(part) {
            *place = process;
        }
        Ok(id)
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

/// Writes the configuration files of every role.
fn configure(
    folder: &Path,
    store: &Store,
    node: &Bitcoind,
    port: u16,
    settings: &Settings,
) -> Result<(), Failure> {
    let watchtower = watchtowers(node, settings);
    let of = |role| coordinators(&store.url(role), port, settings, &watchtower);
    fs::write(folder.join("owner.toml"), of(Role::Administrator))?;
    fs::write(folder.join("coordinator.toml"), of(Role::Coordinator))?;
    let database = store.url(Role::Watchtower);
    let tower = format!("database = \"{database}\"\n{watchtower}");
    Ok(fs::write(folder.join("watchtower.toml"), tower)?)
}

/// The coordinator's configuration file.
fn coordinators(database: &str, port: u16, settings: &Settings, watchtower: &str) -> String {
    let public = settings.public_url.as_ref();
    let public = public.map_or_else(String::new, |url| format!("public_url = \"{url}\"\n"));
    format!(
        "database = \"{database}\"\n\
         listen = \"127.0.0.1:{port}\"\n\
         {public}\
         network = \"regtest\"\n\
         poll_interval_ms = 50\n\
         batch_interval_s = {}\n\
         batch_count = {}\n\
         batch_age_s = {}\n\
         fee_cap_sat_vb = \"{}\"\n\
         {}{watchtower}",
        settings.batch_interval_s,
        settings.batch_count,
        settings.batch_age_s,
        settings.fee_cap_sat_vb,
        settings.configuration
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
         fee_estimate_fallback_sat_kwu = {FEE_ESTIMATE}\n\
         [watchtower.node]\n\
         url = \"{}\"\n\
         cookie_file = \"{}\"\n",
        settings.node_url.clone().unwrap_or_else(|| node.url()),
        node.cookie_file().display()
    )
}

/// Whether both engines are to be tried: every scenario about money runs on each.
pub const ENGINES: [Engine; 2] = [Engine::Sqlite, Engine::Postgres];
