//! The only place that speaks: data on standard output, talk on standard error.

use crate::failure::{Class, Failure, NO_REASON, plain};
use crate::keystore::{Passphrase, PassphraseError};
use serde::Serialize;
use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::path::Path;

/// The columns that every terminal has.
const WIDTH: usize = 80;

/// The three streams of the process, and what was asked about them.
pub struct Terminal {
    out: Box<dyn Write>,
    err: Box<dyn Write>,
    json: bool,
    shows_human: bool,
    interactive: bool,
}

impl Terminal {
    /// The process's own streams.
    pub fn of_process(json: bool) -> Self {
        Self {
            out: Box::new(io::stdout()),
            err: Box::new(io::stderr()),
            json,
            shows_human: io::stdout().is_terminal(),
            interactive: io::stdin().is_terminal() && io::stderr().is_terminal(),
        }
    }

    /// Streams of a caller's own; nobody is there to be asked.
    pub fn of(out: Box<dyn Write>, err: Box<dyn Write>, json: bool) -> Self {
        Self {
            out,
            err,
            json,
            shows_human: false,
            interactive: false,
        }
    }

    /// Whether a human reads standard output.
    pub fn shows_data_to_a_human(&self) -> bool {
        self.shows_human
    }

    /// Whether somebody is there to be asked.
    pub fn is_interactive(&self) -> bool {
        self.interactive
    }

    /// The columns and lines of the terminal that shows data to a human, if one does.
    pub fn room(&self) -> Option<(usize, usize)> {
        let size = terminal_size::terminal_size_of(io::stdout());
        size.filter(|_| self.shows_human)
            .map(|(width, height)| (usize::from(width.0), usize::from(height.0)))
    }

    /// Whether results are JSON.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Gives a command's result: the text, or with `--json` the value.
    ///
    /// # Errors
    /// When standard output is gone.
    pub fn answer(&mut self, text: &str, value: &impl Serialize) -> Result<(), Failure> {
        if self.json {
            let mut line = serde_json::to_string(value).map_err(|error| {
                Failure::because(Class::Bug, "JSON", error.to_string()).hinted(NO_REASON)
            })?;
            line.push('\n');
            return self.data(line.as_bytes());
        }
        self.data(format!("{}\n", text.trim_end()).as_bytes())
    }

    /// Writes bytes to standard output.
    ///
    /// # Errors
    /// When standard output is gone.
    pub fn data(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.out
            .write_all(bytes)
            .and_then(|()| self.out.flush())
            .map_err(|error| {
                Failure::because(Class::Device, "STDOUT", error.to_string())
                    .hinted("give it a standard output that takes all of the answer")
            })
    }

    /// Says something to the human beside the data, with what would move the cursor or hide words made visible: names
    /// of a card's files may be in it. A closed standard error is no reason to stop.
    pub fn talk(&mut self, text: &str) {
        let said = writeln!(self.err, "{}", plain(text.trim_end())).and_then(|()| self.err.flush());
        drop(said);
    }

    /// Shows a failure: words on standard error and, with `--json`, the value on standard output.
    pub fn fail(&mut self, failure: &Failure) {
        if self.json {
            let shown = self.answer("", &failure.json());
            drop(shown);
        }
        let text = failure.text();
        let lines: Vec<String> = text.lines().map(|line| self.fitted(line)).collect();
        self.talk(&lines.join("\n"));
    }

    /// A line as a person's terminal takes it, broken at spaces; whole where a program reads it.
    fn fitted(&self, line: &str) -> String {
        if self.interactive {
            folded(line, WIDTH)
        } else {
            line.to_owned()
        }
    }

    /// Asks for a yes; without anybody there the answer is a usage failure that names the flag.
    ///
    /// # Errors
    /// `NOT_CONFIRMED` when the answer is anything but yes.
    pub fn confirm(&mut self, question: &str) -> Result<(), Failure> {
        self.confirmed(question, "read the review first, then give --yes")
    }

    /// The same for what no flag answers beforehand.
    ///
    /// # Errors
    /// As [`Terminal::confirm`].
    pub fn insist(&mut self, question: &str) -> Result<(), Failure> {
        let hint = "have a person answer it: no --yes does";
        if !self.interactive {
            self.talk(question);
        }
        self.confirmed(question, hint)
    }

    fn confirmed(&mut self, question: &str, hint: &str) -> Result<(), Failure> {
        let answer = self.ask(&format!("{question} [yes/no]"), hint)?;
        if answer.eq_ignore_ascii_case("yes") || answer.eq_ignore_ascii_case("y") {
            Ok(())
        } else {
            let refused = Failure::because(Class::Refused, "NOT_CONFIRMED", "not confirmed");
            Err(refused.hinted("nothing was signed, and nothing is to be done"))
        }
    }

    /// Asks for a line; without anybody there the answer is a usage failure with this hint.
    ///
    /// # Errors
    /// `NOBODY_TO_ASK`, and `STDIN` when standard input ended or the system refuses.
    pub fn ask(&mut self, question: &str, hint: &str) -> Result<String, Failure> {
        if !self.interactive {
            return Err(Failure::because(
                Class::Usage,
                "NOBODY_TO_ASK",
                "no terminal to confirm at",
            )
            .hinted(format!("run it at a terminal; or {hint}")));
        }
        let asked = write!(self.err, "{} ", plain(question)).and_then(|()| self.err.flush());
        drop(asked);
        let mut answer = String::new();
        let read = io::stdin().lock().read_line(&mut answer);
        let why = match read {
            Ok(length) if length > 0 => return Ok(answer.trim().to_owned()),
            Ok(_) => "standard input has ended".to_owned(),
            Err(error) => error.to_string(),
        };
        Err(Failure::because(Class::Device, "STDIN", why)
            .hinted("run it at a terminal, or give beforehand what it asks for: --yes, --today"))
    }

    /// Gives the passphrase: from the file if one is named, else typed (twice when it is new).
    ///
    /// # Errors
    /// When there is none, it is empty, or the two typings differ.
    pub fn passphrase(
        &mut self,
        file: Option<&Path>,
        new: bool,
    ) -> Result<Passphrase, PassphraseError> {
        if let Some(file) = file {
            return Passphrase::from_file(file);
        }
        let typed = ask("Passphrase: ")?;
        if new && !typed.same_as(&ask("The same passphrase again: ")?) {
            return Err(PassphraseError::Differ);
        }
        Ok(typed)
    }
}

/// A line broken at spaces; a word that alone is too long keeps its line, so that it can be copied.
fn folded(line: &str, width: usize) -> String {
    let mut out = String::new();
    let mut column = 0_usize;
    for word in line.split(' ') {
        let length = word.chars().count();
        if column > 0 && column.saturating_add(1).saturating_add(length) > width {
            out.push_str("\n  ");
            column = 2;
        } else if column > 0 {
            out.push(' ');
            column = column.saturating_add(1);
        }
        out.push_str(word);
        column = column.saturating_add(length);
    }
    out
}

fn ask(prompt: &str) -> Result<Passphrase, PassphraseError> {
    rpassword::prompt_password(prompt)
        .map_err(PassphraseError::NobodyToAsk)
        .and_then(Passphrase::new)
}

/// Reads a file that holds something, or standard input when it is named `-`, once and bounded.
///
/// # Errors
/// `UNREADABLE` when the system refuses, `TOO_LARGE` beyond the bound, `EMPTY_FILE` for nothing.
pub fn read_input(path: &Path, most: u64) -> Result<Vec<u8>, Failure> {
    let bytes = read_bounded(path, most)?;
    if bytes.is_empty() {
        let message = format!("{} is empty", path.display());
        return Err(Failure::because(Class::Usage, "EMPTY_FILE", message).hinted(
            "look whether the command that was to write it failed, then name the file that it wrote",
        ));
    }
    Ok(bytes)
}

/// Reads a file, or standard input when it is named `-`, once and bounded; it may be empty.
///
/// # Errors
/// `UNREADABLE` when the system refuses, `TOO_LARGE` beyond the bound.
pub fn read_bounded(path: &Path, most: u64) -> Result<Vec<u8>, Failure> {
    let unreadable = |error: io::Error| {
        let message = format!("cannot read {}: {error}", path.display());
        Failure::because(Class::Usage, "UNREADABLE", message).hinted(
            "name a file that is there and that this user may read, or - for standard input",
        )
    };
    let mut bytes = Vec::new();
    let reader: Box<dyn Read> = if path == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        Box::new(std::fs::File::open(path).map_err(unreadable)?)
    };
    reader
        .take(most.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > most) {
        let message = format!("{} is larger than {most} bytes", path.display());
        return Err(Failure::because(Class::Refused, "TOO_LARGE", message)
            .hinted("name the right file: nothing that this program reads is so large"));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::rc::Rc;

    #[derive(Clone, Default)]
    struct Kept(Rc<RefCell<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_is_talked_moves_no_cursor() {
        let said = Kept::default();
        let mut terminal = Terminal::of(Box::new(io::sink()), Box::new(said.clone()), false);
        terminal.talk("passed over card/\u{1b}[2JSigned.psbt\nnext");
        let said = String::from_utf8(said.0.take()).expect("is text");
        assert_eq!(said, "passed over card/\\u{1b}[2JSigned.psbt\nnext\n");
    }
}
