//! What the audience sees: numbered steps, figures in columns, never more than 80 columns.

use std::io::{self, Stdout, Write as _};
use std::time::Instant;

use bitcoin::Amount;

const WIDTH: usize = 80;
/// How far everything under a step's title is indented.
const INDENT: usize = 7;
/// How wide the names of figures are.
const NAME: usize = 15;
/// What stands before a program's own words, which are made for a whole terminal.
const QUOTE: &str = " | ";
/// Steps of the story.
const STEPS: usize = 14;

/// The stage with its step counter.
pub(crate) struct Stage {
    out: Stdout,
    step: usize,
    begun: Instant,
}

impl Stage {
    pub(crate) fn open() -> Self {
        Self {
            out: io::stdout(),
            step: 0,
            begun: Instant::now(),
        }
    }

    /// Begins a step.
    pub(crate) fn step(&mut self, title: &str) {
        self.step += 1;
        self.text(&format!("\n{:>2}/{STEPS}  {title}", self.step));
    }

    /// Words that explain.
    pub(crate) fn say(&self, text: &str) {
        for line in wrapped(text, WIDTH - INDENT) {
            self.line(&line);
        }
    }

    /// A named figure; a long one, such as an id, takes the room that it needs.
    pub(crate) fn figure(&self, name: &str, value: &str) {
        if INDENT + NAME + 1 + value.chars().count() > WIDTH {
            self.line(&format!("{name}  {value}"));
        } else {
            self.line(&format!("{name:<NAME$} {value}"));
        }
    }

    /// A line of a table.
    pub(crate) fn line(&self, text: &str) {
        self.text(&format!("{:INDENT$}{}", "", fitting(text, WIDTH - INDENT)));
    }

    /// What a program said.
    pub(crate) fn quote(&self, text: &str) {
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            if line.chars().count() > WIDTH - QUOTE.len() {
                for part in wrapped(line, WIDTH - QUOTE.len()) {
                    self.text(&format!("{QUOTE}{part}"));
                }
            } else {
                self.text(&format!("{QUOTE}{line}"));
            }
        }
    }

    /// Shows that something takes a moment, and then how long it took.
    pub(crate) fn wait<T, E>(
        &self,
        what: &str,
        work: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        self.print(&format!("{:INDENT$}{what:<62}", ""));
        let begun = Instant::now();
        let done = work();
        let took = begun.elapsed().as_millis();
        self.text(&format!(" {:>3}.{} s", took / 1000, took % 1000 / 100));
        done
    }

    /// The curtain.
    pub(crate) fn end(&self) {
        let took = self.begun.elapsed().as_secs();
        self.text(&format!("\nThe whole story took {took} s."));
    }

    /// Plain text outside of the steps.
    pub(crate) fn text(&self, text: &str) {
        self.print(&format!("{text}\n"));
    }

    fn print(&self, text: &str) {
        let mut out = self.out.lock();
        // When nobody reads any more, the story is still played to its end.
        drop(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
    }
}

/// An amount in satoshi with its thousands apart.
pub(crate) fn sat(amount: Amount) -> String {
    grouped(amount.to_sat())
}

/// A number of satoshi with its thousands apart.
pub(crate) fn grouped(sat: u64) -> String {
    let digits = sat.to_string();
    let mut out = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out + " sat"
}

/// Both ends of a long id.
pub(crate) fn short(text: &str) -> String {
    fitting(text, 24)
}

fn fitting(text: &str, width: usize) -> String {
    let chars: Vec<char> = text.chars().collect();
    if chars.len() <= width {
        return text.to_owned();
    }
    let tail = width / 3;
    let head = width - tail - 1;
    let (head, tail) = (&chars[..head], &chars[chars.len() - tail..]);
    head.iter().chain(['…'].iter()).chain(tail).collect()
}

fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let full = lines
            .last()
            .is_some_and(|line| !line.is_empty() && line.len() + 1 + word.len() > width);
        if full {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}
