//! Running a program of this project once, and what it said.

use std::ffi::{OsStr, OsString};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::{Failure, Stick, environment, process};

/// A program of this project, built together with the test.
#[derive(Debug, Clone)]
pub struct Program {
    name: &'static str,
    path: PathBuf,
    /// The words before it, of what it runs in.
    around: Vec<OsString>,
}

/// What a program said before it ended.
#[derive(Debug, Clone)]
pub struct Said {
    command: String,
    /// Its exit code; -1 if a signal ended it.
    pub code: i32,
    /// What it wrote to standard output.
    pub stdout: Vec<u8>,
    /// What it wrote to standard error.
    pub stderr: String,
}

impl Program {
    /// Finds `countersign-coordinator`, `countersign-signer` or `countersign-watchtower`.
    pub fn find(name: &'static str) -> Result<Self, Failure> {
        let path = environment::built_programs()?.join(name);
        if path.is_file() {
            let around = Vec::new();
            Ok(Self { name, path, around })
        } else {
            Err(Failure::new(format!(
                "{} is not built: run `cargo build --workspace --bins` (make does)",
                path.display()
            )))
        }
    }

    /// Finds the offline signer, as people carry it away.
    pub fn offline_signer() -> Result<Self, Failure> {
        let name = "countersign-signer";
        let built = environment::built_programs()?;
        let path = built
            .ancestors()
            .map(|folder| folder.join("offline").join(name))
            .find(|path| path.is_file())
            .ok_or_else(|| {
                Failure::new("the offline signer is not built: run `make offline` (make test does)")
            })?;
        let around = Vec::new();
        Ok(Self { name, path, around })
    }

    /// The same program on a machine without a network, with a stick in it.
    pub fn on_machine_of(self, stick: &Stick) -> Result<Self, Failure> {
        let around = stick.machine()?;
        Ok(Self { around, ..self })
    }

    /// A command that runs it without any of the settings of the person who runs the test.
    pub fn command(&self) -> Command {
        let mut command = match self.around.split_first() {
            None => process::command(&self.path, "KILL"),
            Some((first, rest)) => {
                let mut command = process::command(Path::new(first), "KILL");
                command.args(rest).arg(&self.path);
                command
            }
        };
        for variable in environment::own_variables() {
            command.env_remove(variable);
        }
        command
    }

    /// Runs it to its end.
    pub fn run<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Result<Said, Failure> {
        self.run_with_input(arguments, &[])
    }

    /// Runs it to its end with one variable set.
    pub fn run_with_setting(&self, variable: &str, value: &str) -> Result<Said, Failure> {
        let mut command = self.command();
        command.env(variable, value);
        self.finish(command, &[] as &[&str], &[])
    }

    /// Runs it to its end with variables set and `input` on its standard input.
    pub fn run_within<A: AsRef<OsStr>>(
        &self,
        environment: &[(String, String)],
        arguments: &[A],
        input: &[u8],
    ) -> Result<Said, Failure> {
        let mut command = self.command();
        command.envs(environment.iter().cloned());
        self.finish(command, arguments, input)
    }

    /// Runs it to its end with `input` on its standard input.
    pub fn run_with_input<A: AsRef<OsStr>>(
        &self,
        arguments: &[A],
        input: &[u8],
    ) -> Result<Said, Failure> {
        self.finish(self.command(), arguments, input)
    }

    fn finish<A: AsRef<OsStr>>(
        &self,
        mut command: Command,
        arguments: &[A],
        input: &[u8],
    ) -> Result<Said, Failure> {
        let mut child = command
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let mut stdin = child.stdin.take();
        let output = std::thread::scope(|scope| {
            scope.spawn(move || {
                // A program that reads nothing closes its end first: that is no error of the test.
                if let Some(stdin) = stdin.as_mut() {
                    drop(stdin.write_all(input));
                }
            });
            child.wait_with_output()
        })?;
        let words: Vec<_> = arguments
            .iter()
            .map(|argument| argument.as_ref().to_string_lossy())
            .collect();
        Ok(Said {
            command: format!("{} {}", self.name, words.join(" ")),
            code: output.status.code().unwrap_or(-1),
            stdout: output.stdout,
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Said {
    /// Fails, with what it said, unless it ended with status 0.
    #[track_caller]
    pub fn done(self) -> Result<Self, Failure> {
        self.ended_with(0)
    }

    /// Fails, with what it said, unless it ended with `code`.
    #[track_caller]
    pub fn ended_with(self, code: i32) -> Result<Self, Failure> {
        if self.code == code {
            return Ok(self);
        }
        Err(Failure::new(format!(
            "`{}` ended with {} instead of {code}\n{}{}",
            self.command,
            self.code,
            self.text(),
            self.stderr
        )))
    }

    /// Fails unless it refused (status 1) for the reason with this stable code, without panicking.
    #[track_caller]
    pub fn refused(self, code: &str) -> Result<Self, Failure> {
        let said = self.ended_with(1)?;
        let named = format!("({code})");
        if (said.stderr.contains(&named) || said.stderr.contains(&format!("{code}:")))
            && !said.stderr.contains("panicked at")
        {
            return Ok(said);
        }
        Err(Failure::new(format!(
            "`{}` did not refuse with {code}:\n{}{}",
            said.command,
            said.text(),
            said.stderr
        )))
    }

    /// Its standard output as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Its standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> Result<Value, Failure> {
        serde_json::from_slice(&self.stdout).map_err(|error| {
            Failure::new(format!(
                "`{}` printed no JSON ({error}):\n{}{}",
                self.command,
                self.text(),
                self.stderr
            ))
        })
    }
}
