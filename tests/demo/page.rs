//! The page that the story is written on: 80 columns, numbered steps, and the place where Ctrl-C is
//! noticed.

use std::io::{self, Write as _};
use std::time::Duration;

use bitcoin::Amount;
use harness::{Failure, Outcome};
use signer::online::Stop;

use crate::interrupted;

/// Columns of a page.
const WIDTH: usize = 80;
/// Where the text of a step begins.
const INDENT: usize = 4;
/// Columns of a fact's label.
const LABEL: usize = 10;

/// Standard output, and how far the story has come.
pub(crate) struct Page {
    steps: u32,
    stop: Stop,
}

impl Page {
    /// An empty page; from now on Ctrl-C is noticed between two lines.
    pub(crate) fn open() -> io::Result<Self> {
        Ok(Self {
            steps: 0,
            stop: Stop::on_signals()?,
        })
    }

    /// Whether somebody pressed Ctrl-C.
    pub(crate) fn is_interrupted(&self) -> bool {
        self.stop.is_wished()
    }

    /// Waits, but not beyond Ctrl-C.
    pub(crate) fn wait(&self, duration: Duration) {
        self.stop.pause(duration);
    }

    /// The title of the whole story.
    pub(crate) fn title(&self, text: &str) -> Outcome {
        self.write(text)?;
        self.write(&"=".repeat(text.chars().count()))
    }

    /// Begins the next step.
    pub(crate) fn step(&mut self, title: &str) -> Outcome {
        self.steps += 1;
        self.write("")?;
        self.write(&format!("{:>2}. {title}", self.steps))
    }

    /// Says something in the current step.
    pub(crate) fn say(&self, text: &str) -> Outcome {
        for line in wrap(text, WIDTH - INDENT) {
            self.write(&format!("{:INDENT$}{line}", ""))?;
        }
        Ok(())
    }

    /// Says a line as it is, such as a row of a table.
    pub(crate) fn row(&self, text: &str) -> Outcome {
        self.write(&format!("{:INDENT$}{text}", ""))
    }

    /// Tells a fact by its name.
    pub(crate) fn fact(&self, label: &str, value: &str) -> Outcome {
        let lines = wrap(value, WIDTH - INDENT - LABEL - 1);
        for (line, label) in lines
            .iter()
            .zip([label].into_iter().chain(std::iter::repeat("")))
        {
            self.write(&format!("{:INDENT$}{label:<LABEL$} {line}", ""))?;
        }
        Ok(())
    }

    /// Quotes what a program said, line by line.
    pub(crate) fn quote(&self, text: &str) -> Outcome {
        for line in text.trim_end().lines() {
            let parts = if line.chars().count() > WIDTH - 2 {
                wrap(line, WIDTH - 2)
            } else {
                vec![line.to_owned()]
            };
            for part in parts {
                self.write(format!("> {part}").trim_end())?;
            }
        }
        Ok(())
    }

    /// Says something instead of the story.
    pub(crate) fn instead(text: &str) -> Outcome {
        Ok(writeln!(io::stdout(), "{text}")?)
    }

    /// The last line.
    pub(crate) fn close(text: &str) -> Outcome {
        Ok(writeln!(io::stdout(), "\n{text}")?)
    }

    /// Why the story broke off.
    pub(crate) fn fail(&self, failure: &Failure) -> Outcome {
        io::stdout().flush()?;
        writeln!(
            io::stderr(),
            "\nThe demo failed in step {}: {failure:?}",
            self.steps
        )?;
        Ok(())
    }

    /// The ends of the logs, for whoever looks for the cause.
    pub(crate) fn logs(last_words: &str) -> Outcome {
        Ok(writeln!(io::stderr(), "\n{}", last_words.trim_end())?)
    }

    fn write(&self, line: &str) -> Outcome {
        if self.is_interrupted() {
            return Err(interrupted());
        }
        let mut out = io::stdout().lock();
        writeln!(out, "{line}")?;
        Ok(out.flush()?)
    }
}

/// An amount with all its digits.
pub(crate) fn btc(amount: Amount) -> String {
    let sat = amount.to_sat();
    format!(
        "{}.{:08} BTC",
        sat / Amount::ONE_BTC.to_sat(),
        sat % Amount::ONE_BTC.to_sat()
    )
}

fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let used = lines.last().map_or(0, |line| line.chars().count());
        match lines.last_mut() {
            Some(line) if used == 0 => line.push_str(word),
            Some(line) if used + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
