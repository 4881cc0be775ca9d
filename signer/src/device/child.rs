//! A foreign tool as a child process: bounded in time and in what it says, and gone when its time is over.
//!
//! No shell, a group of its own, a clean environment, everything secret or large by standard input. Invariant:
//! when a call returns, nothing of the group runs any more but what the system does not end within seconds;
//! where that is the tool itself, it is told.

use super::watch::Watch;
use rustix::io::Errno;
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, kill_process_group, test_kill_process_group, waitid,
};
use std::collections::VecDeque;
use std::ffi::OsString;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// The most bytes of an answer: three times the largest PSBT in base64.
pub const MOST_SAID: u64 = 8 * 1024 * 1024;
/// The most bytes kept of what a tool complains about; the last ones, where a traceback names its cause.
const MOST_COMPLAINED: usize = 16 * 1024;
/// How often a wish to end is looked for.
const STEP: Duration = Duration::from_millis(50);
/// How often the end of a killed group is looked for: the system needs a few of these at most.
const SHORT_STEP: Duration = Duration::from_millis(2);
/// How long a tool may take to end by itself once it is told to.
const GRACE: Duration = Duration::from_secs(1);
/// How long the system may take to end what was killed.
const SETTLING: Duration = Duration::from_secs(3);
/// What of our environment a tool sees. Nothing by which another program or library could come in.
const PASSED: [&str; 10] = [
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TMPDIR",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_RUNTIME_DIR",
];

/// What a tool is called with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Call {
    /// Its arguments, which everybody on this machine can read.
    pub arguments: Vec<OsString>,
    /// Its standard input.
    pub input: Vec<u8>,
}

/// What a tool said before it ended by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// All of its standard output.
    pub output: Vec<u8>,
    /// The end of its standard error.
    pub complaint: String,
    /// How it ended.
    pub status: ExitStatus,
}

/// Why a tool said nothing that counts.
#[derive(Debug, thiserror::Error)]
pub enum ChildError {
    /// There is no such program.
    #[error("there is no such program")]
    Missing,
    /// The system does not start it.
    #[error("the system does not start it: {0}")]
    NotStarted(io::Error),
    /// It did not end in time, and was killed.
    #[error("not ended after {} s", .0.as_secs())]
    TimedOut(Duration),
    /// Somebody wished its end, and it was killed.
    #[error("stopped")]
    Cancelled,
    /// It said more than any answer is long, and was killed.
    #[error("it wrote more than {MOST_SAID} bytes")]
    Flood,
    /// Its output or itself does not end, although it was killed.
    #[error("it does not end")]
    Stuck,
}

/// What the threads beside a child tell.
enum Event {
    Output(Result<Vec<u8>, ChildError>),
    Complaint(String),
    Ended,
}

/// Runs a program to its end, or to the watch's.
///
/// # Errors
/// [`ChildError`], when it is not there, or did not end by itself with a bounded output.
pub fn run(program: &Path, call: Call, watch: &Watch<'_>) -> Result<Said, ChildError> {
    let _guard = watch.cancel.guard();
    let mut child = start(program, &call.arguments)?;
    let mut running = Running::beside(&mut child, call.input);
    let waited = running.wait(watch);
    // Also after its own end: a helper that it left must not hold the device.
    let ended = running.end();
    if !ended {
        return Err(ChildError::Stuck);
    }
    let status = child.wait().map_err(ChildError::NotStarted)?;
    running.outlast();
    waited?;
    let output = running.output.take().ok_or(ChildError::Stuck)??;
    Ok(Said {
        output,
        complaint: running.complaint.take().unwrap_or_default(),
        status,
    })
}

fn start(program: &Path, arguments: &[OsString]) -> Result<Child, ChildError> {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .envs(environment())
        // Its messages are read by people who report them: in one encoding.
        .env("PYTHONIOENCODING", "utf-8")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.spawn().map_err(|error| {
        if error.kind() == ErrorKind::NotFound {
            ChildError::Missing
        } else {
            ChildError::NotStarted(error)
        }
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that hands on an environment, name by name"
)]
fn environment() -> Vec<(&'static str, OsString)> {
    let passed = PASSED.iter();
    passed
        .filter_map(|name| Some((*name, std::env::var_os(name)?)))
        .collect()
}

/// A child, and what is known of it so far.
struct Running {
    group: Pid,
    events: Receiver<Event>,
    output: Option<Result<Vec<u8>, ChildError>>,
    complaint: Option<String>,
    ended: bool,
}

impl Running {
    /// Feeds and reads it, each stream beside the others: none waits for another.
    fn beside(child: &mut Child, input: Vec<u8>) -> Self {
        let group = Pid::from_child(child);
        let (tell, events) = channel();
        if let Some(mut stdin) = child.stdin.take() {
            thread::spawn(move || {
                // A tool that reads nothing says by its answer whether that was right.
                drop(stdin.write_all(&input));
            });
        }
        if let Some(stdout) = child.stdout.take() {
            let tell = tell.clone();
            thread::spawn(move || send(&tell, Event::Output(whole(stdout))));
        }
        if let Some(stderr) = child.stderr.take() {
            let tell = tell.clone();
            thread::spawn(move || send(&tell, Event::Complaint(last_of(stderr))));
        }
        thread::spawn(move || {
            // It is not reaped here: until then nobody else gets its number, so that no other group is killed.
            let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            while matches!(waitid(WaitId::Pid(group), options), Err(Errno::INTR)) {}
            send(&tell, Event::Ended);
        });
        Self {
            group,
            events,
            output: None,
            complaint: None,
            ended: false,
        }
    }

    fn wait(&mut self, watch: &Watch<'_>) -> Result<(), ChildError> {
        let begun = Instant::now();
        let mut told = Duration::ZERO;
        while !self.ended {
            let since = begun.elapsed();
            if watch.cancel.is_wished() {
                return Err(ChildError::Cancelled);
            }
            let left = watch.deadline.saturating_sub(since);
            if left.is_zero() {
                return Err(ChildError::TimedOut(watch.deadline));
            }
            if since.saturating_sub(told) >= Duration::from_secs(1) {
                told = since;
                (watch.tick)(since);
            }
            self.hear(left.min(STEP));
            if matches!(self.output, Some(Err(_))) {
                return Err(self.flood());
            }
        }
        Ok(())
    }

    fn flood(&mut self) -> ChildError {
        match self.output.take() {
            Some(Err(error)) => error,
            Some(Ok(_)) | None => ChildError::Flood,
        }
    }

    fn hear(&mut self, most: Duration) {
        match self.events.recv_timeout(most) {
            Ok(Event::Output(output)) => self.output = Some(output),
            Ok(Event::Complaint(complaint)) => self.complaint = Some(complaint),
            Ok(Event::Ended) => self.ended = true,
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
    }

    /// Ends the group: first asked, then killed. Says whether the child has ended.
    fn end(&mut self) -> bool {
        if !self.ended {
            self.kill(Signal::TERM);
            self.settle(GRACE, |running| running.ended);
        }
        self.kill(Signal::KILL);
        self.settle(SETTLING, |running| {
            running.ended && running.output.is_some() && running.complaint.is_some()
        });
        self.ended
    }

    fn kill(&self, signal: Signal) {
        // A group without members is what is wanted, and what the system keeps from us is told as not ended.
        kill_process_group(self.group, signal).ok();
    }

    /// Waits until the group has no member: one that was killed closes its files before it is gone.
    ///
    /// What nobody reaps stays a member, and holds nothing: so a bound, and no error.
    #[expect(
        clippy::disallowed_methods,
        reason = "the system tells nobody of the end of another's child: this is the loop that asks"
    )]
    fn outlast(&self) {
        let begun = Instant::now();
        while test_kill_process_group(self.group).is_ok() && begun.elapsed() < SETTLING {
            thread::sleep(SHORT_STEP);
        }
    }

    fn settle(&mut self, most: Duration, is_settled: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while !is_settled(self) {
            let left = most.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return;
            }
            self.hear(left.min(STEP));
        }
    }
}

fn send(tell: &Sender<Event>, event: Event) {
    // Nobody listens any more: then nobody wants to know.
    drop(tell.send(event));
}

fn whole(stream: impl Read) -> Result<Vec<u8>, ChildError> {
    let mut bytes = Vec::new();
    let read = stream
        .take(MOST_SAID.saturating_add(1))
        .read_to_end(&mut bytes);
    if u64::try_from(bytes.len()).is_ok_and(|length| length > MOST_SAID) {
        return Err(ChildError::Flood);
    }
    read.map_err(ChildError::NotStarted)?;
    Ok(bytes)
}

/// The end of a stream, all of which is read: a tool that complains much must not wait for us.
fn last_of(mut stream: impl Read) -> String {
    let mut kept = VecDeque::new();
    let mut piece = [0_u8; 4096];
    loop {
        match stream.read(&mut piece) {
            Ok(0) => break,
            Ok(length) => {
                kept.extend(piece.iter().take(length));
                let over = kept.len().saturating_sub(MOST_COMPLAINED);
                kept.drain(..over);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    String::from_utf8_lossy(&Vec::from(kept)).into_owned()
}

#[cfg(test)]
#[path = "child_tests.rs"]
mod tests;
