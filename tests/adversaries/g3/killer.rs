//! Orders to die, and the proofs that they were carried out.

use std::fs;
use std::path::PathBuf;

use policies::planted::Bug;
use tempfile::TempDir;

use super::cases::Order;
use crate::{Failure, environment};

/// One run's orders: at most one is open at a time.
#[derive(Debug)]
pub(super) struct Killer {
    folder: TempDir,
    planted: Option<Bug>,
    open: Option<String>,
    pub(super) ordered: u64,
    pub(super) proven: u64,
}

impl Killer {
    pub(super) fn new(planted: Option<Bug>) -> Result<Self, Failure> {
        Ok(Self {
            folder: environment::folder("orders")?,
            planted,
            open: None,
            ordered: 0,
            proven: 0,
        })
    }

    /// What a program needs in its environment to obey.
    pub(super) fn environment(&self) -> Vec<(String, String)> {
        let order = ("COUNTERSIGN_KILL", self.file().display().to_string());
        let planted = self
            .planted
            .map(|bug| ("COUNTERSIGN_PLANTED", format!("{bug:?}")));
        [order]
            .into_iter()
            .chain(planted)
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }

    /// Gives an order, to one process or to whichever comes first.
    pub(super) fn order(
        &mut self,
        (point, which): Order,
        process: Option<u32>,
    ) -> Result<(), Failure> {
        let new = self.folder.path().join("new");
        let process = process.map(|id| id.to_string()).unwrap_or_default();
        fs::write(&new, format!("{point} {which} {process}\n"))?;
        // A program that looks meanwhile sees all of it or nothing.
        fs::rename(new, self.file())?;
        self.ordered += 1;
        self.open = Some(point);
        Ok(())
    }

    /// Whether an order waits to be carried out.
    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// The point of the open order.
    pub(super) fn point(&self) -> &str {
        self.open.as_deref().unwrap_or("none")
    }

    /// Whether the process that ended died at the point ordered, by its own proof; the process's id is known
    /// for those that run on.
    pub(super) fn is_proven(&mut self, process: Option<u32>) -> Result<bool, Failure> {
        let proof = self.file().with_extension("proof");
        let Ok(text) = fs::read_to_string(&proof) else {
            return Ok(false);
        };
        let mut words = text.split_whitespace();
        let point = words.next();
        let by: Option<u32> = words.next().and_then(|word| word.parse().ok());
        if point != self.open.as_deref() || by.is_none() || process.is_some_and(|id| by != Some(id))
        {
            return Ok(false);
        }
        fs::remove_file(proof)?;
        self.open = None;
        self.proven += 1;
        Ok(true)
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("order")
    }
}
