//! A child process that writes to a log of its own and never outlives the test.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use crate::{Failure, environment, wait_until};

/// How long a program may take to end when asked to.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running program. Dropping it asks it to end, then makes it.
///
/// Start it in the thread that keeps it: the system ends it when that thread ends (Linux, `setpriv`).
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

/// A command for a program that the system ends with `signal` if this thread dies first.
pub(crate) fn command(program: &Path, signal: &str) -> Command {
    match environment::system_program("setpriv") {
        Some(setpriv) => {
            let mut command = Command::new(setpriv);
            command.args(["--pdeathsig", signal, "--"]).arg(program);
            command
        }
        None => Command::new(program),
    }
}

impl Process {
    /// Starts a command; what it prints goes to the file `log`, behind what is there.
    pub fn start(name: &str, mut command: Command, log: &Path) -> Result<Self, Failure> {
        let output = File::options().create(true).append(true).open(log)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .map_err(|error| Failure::new(format!("cannot start {name}: {error}")))?;
        Ok(Self {
            name: name.to_owned(),
            child,
            log: log.to_path_buf(),
        })
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>, Failure> {
        Ok(self.child.try_wait()?)
    }

    /// Fails, with the end of the log, if the program is no longer running.
    #[track_caller]
    pub fn must_run(&mut self) -> Result<(), Failure> {
        match self.ended()? {
            None => Ok(()),
            Some(status) => Err(Failure::new(format!(
                "{} ended with {status}; its last words:\n{}",
                self.name,
                self.last_words()
            ))),
        }
    }

    /// Asks it to end (SIGTERM) and waits until it has.
    pub fn stop(&mut self) -> Result<ExitStatus, Failure> {
        if let Some(status) = self.ended()? {
            return Ok(status);
        }
        signal("TERM", self.child.id())?;
        let name = self.name.clone();
        wait_until(&format!("{name} to end"), PATIENCE, || self.ended())
    }

    /// Ends it at once (SIGKILL), as a power cut would.
    pub fn kill(&mut self) -> Result<(), Failure> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// All that it printed so far.
    pub fn log(&self) -> Result<String, Failure> {
        Ok(String::from_utf8_lossy(&std::fs::read(&self.log)?).into_owned())
    }

    /// The end of what it printed.
    pub fn last_words(&self) -> String {
        let log = self.log().unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    /// The end of what it printed, below its name.
    pub(crate) fn titled_last_words(&self) -> String {
        format!("== {}\n{}\n", self.name, self.last_words())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.stop().is_err() {
            // It does not listen, and nobody is left to tell.
            drop(self.kill());
        }
    }
}

fn signal(signal: &str, process: u32) -> Result<(), Failure> {
    let status = Command::new("sh")
        .args(["-c", "kill -s \"$0\" \"$1\"", signal, &process.to_string()])
        .stderr(Stdio::null())
        .status()?;
    if status.success() {
        Ok(())
    } else {
        Err(Failure::new(format!("cannot send {signal} to {process}")))
    }
}
