//! How far something came, on standard error: one line that is written over on a terminal, else a line for each
//! twentieth.

use std::io::{IsTerminal, stderr};

use super::output::{say, say_over};

/// How often progress is told of, in parts of the whole.
const PARTS: u64 = 20;

/// Something that takes its time.
pub(super) struct Progress {
    what: &'static str,
    is_terminal: bool,
    told: Option<(u64, String)>,
}

impl Progress {
    /// Tells of this, which is named by one word such as `scanning`.
    pub(super) fn of(what: &'static str) -> Self {
        Self {
            what,
            is_terminal: stderr().is_terminal(),
            told: None,
        }
    }

    /// Tells how much is done, with where that is in a few words.
    pub(super) fn show(&mut self, done: u64, of: u64, place: &str) {
        let part = part(done, of);
        let line = line(self.what, part, place);
        let is_news = match &self.told {
            None => true,
            Some((told, said)) if self.is_terminal => *told != part || *said != line,
            Some((told, _)) => *told != part,
        };
        if !is_news {
            return;
        }
        if self.is_terminal {
            say_over(&line);
        } else {
            say(&line);
        }
        self.told = Some((part, line));
    }
}

impl Drop for Progress {
    /// What is said next has a line of its own.
    fn drop(&mut self) {
        if self.is_terminal && self.told.is_some() {
            say("");
        }
    }
}

fn part(done: u64, of: u64) -> u64 {
    done.min(of).saturating_mul(PARTS) / of.max(1)
}

fn line(what: &str, part: u64, place: &str) -> String {
    let full = usize::try_from(part.min(PARTS)).unwrap_or_default();
    let empty = usize::try_from(PARTS)
        .unwrap_or_default()
        .saturating_sub(full);
    format!("{what} [{}{}] {place}", "#".repeat(full), ".".repeat(empty))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_fits_the_terminal_and_is_full_at_the_end() {
        let of = u64::from(u32::MAX);
        let said = line("scanning", part(of, of), "block 4294967295 of 4294967295");
        assert_eq!(
            said,
            "scanning [####################] block 4294967295 of 4294967295"
        );
        assert!(said.len() < 80);
        assert!(line("x", part(0, 0), "").contains("[....................]"));
        assert_eq!(part(1, 2), 10);
        assert_eq!(part(3, 2), 20);
    }
}
