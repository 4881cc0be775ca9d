//! A person at a terminal: the real program runs on a pseudo-terminal, which `script` makes.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// Seconds after which a program that still waits for something is ended.
const PATIENCE: &str = "120";

/// Somebody who reads what the program shows and is about to answer.
pub(crate) struct Person {
    child: Child,
    keyboard: ChildStdin,
    screen: ChildStdout,
    shown: String,
}

impl Person {
    /// Sits down in a folder with a home of the tool and the file `passphrase` in it, and starts a verb.
    /// Its data goes to the file `answer`.
    pub(crate) fn at(folder: &Path, home: &str, verb: &str) -> Self {
        let program = env!("CARGO_BIN_EXE_countersign-signer");
        let line = format!("{program} --home {home} --passphrase-file passphrase {verb} > answer");
        let mut child = Command::new("timeout")
            .args([PATIENCE, "script", "-qec", &line, "/dev/null"])
            .current_dir(folder)
            .env("SHELL", "/bin/sh")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("script, of util-linux, starts");
        Self {
            keyboard: child.stdin.take().expect("is piped"),
            screen: child.stdout.take().expect("is piped"),
            child,
            shown: String::new(),
        }
    }

    /// Reads until the program asks for a yes.
    pub(crate) fn reads(&mut self) -> &str {
        self.reads_until("[yes/no] ")
    }

    /// Reads until these words stand on the screen, behind what was read before.
    pub(crate) fn reads_until(&mut self, words: &str) -> &str {
        let mut byte = [0_u8];
        let mut fresh = String::new();
        while !fresh.ends_with(words) {
            let read = self.screen.read(&mut byte).expect("reads the screen");
            assert_eq!(read, 1, "it never asked: {}", self.shown);
            fresh.push(char::from(byte[0]));
            self.shown.push(char::from(byte[0]));
        }
        &self.shown
    }

    /// Types a line.
    pub(crate) fn types(&mut self, line: &str) {
        let line = format!("{line}\n");
        self.keyboard.write_all(line.as_bytes()).expect("types");
    }

    /// Says yes, and gives the exit code and all that was shown.
    pub(crate) fn says_yes(mut self) -> (Option<i32>, String) {
        self.types("yes");
        let mut rest = Vec::new();
        self.screen.read_to_end(&mut rest).expect("reads on");
        self.shown.push_str(&String::from_utf8_lossy(&rest));
        let code = self.child.wait().expect("ends").code();
        (code, self.shown)
    }
}
