//! A treasury that loses its database and gets it again from what people kept.

use std::path::Path;

use super::{Tokens, Treasury};
use crate::signer_home::text;
use crate::{Api, Failure, Process, Said, SignerHome, Store};

impl Treasury {
    /// Ends the coordinator and takes its database away: an empty one is in its place.
    pub fn lose_database(&mut self) -> Result<(), Failure> {
        self.cosigner = None;
        self.coordinator.stop()?;
        self.take_new_database()
    }

    /// The same for a coordinator that does not run.
    pub fn take_new_database(&mut self) -> Result<(), Failure> {
        let new = Store::start(self.store.engine())?;
        self.coordinator.move_to(&new, &self.node)?;
        // The old server ends only when nobody is told its address any more.
        self.store = new;
        Ok(())
    }

    /// Runs `rebuild` to its end, with more options.
    pub fn rebuild(&self, papers: &Path, more: &[&str]) -> Result<Said, Failure> {
        self.rebuild_from(&self.people.policy.bytes, papers, more)
    }

    /// The same of a vault whose first version this is.
    pub fn rebuild_from(
        &self,
        first: &[u8],
        papers: &Path,
        more: &[&str],
    ) -> Result<Said, Failure> {
        let arguments = self.to_rebuild(first, papers)?;
        let mut arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        arguments.extend(more);
        self.coordinator.program().run(&arguments)
    }

    /// Starts `rebuild`, to be killed in the middle.
    pub fn start_rebuilding(&self, papers: &Path) -> Result<Process, Failure> {
        let mut command = self.coordinator.program().command();
        command.args(self.to_rebuild(&self.people.policy.bytes, papers)?);
        let log = self.coordinator.log_file("rebuild.log");
        Process::start("rebuild", command, &log)
    }

    fn to_rebuild(&self, first: &[u8], papers: &Path) -> Result<Vec<String>, Failure> {
        let policy = self.coordinator.log_file("policy.toml");
        std::fs::write(&policy, first)?;
        let owners = self.coordinator.owners_file();
        let words = [
            "--json",
            "rebuild",
            "--config",
            text(&owners)?,
            "--policy",
            text(&policy)?,
            "--papers",
            text(papers)?,
        ];
        Ok(words.iter().map(ToString::to_string).collect())
    }

    /// Serves what was rebuilt or restored, with new tokens for everyone.
    pub fn serve_again(&mut self) -> Result<(), Failure> {
        if let Store::Postgres(server) = &self.store {
            server.let_roles_log_in()?;
        }
        self.coordinator.make_operator()?;
        self.coordinator.resume()?;
        let operator = Api::new(self.coordinator.url(), Some(self.coordinator.token()));
        self.tokens = Tokens::make(&operator)?;
        Ok(())
    }

    /// Writes a signer's exported journal into a folder.
    pub fn export_journal(signer: &SignerHome, folder: &Path) -> Result<Vec<u8>, Failure> {
        let file = folder.join(format!("{}.journal", signer.name()));
        signer
            .run(&["journal", "export", "--out", text(&file)?])?
            .done()?;
        Ok(std::fs::read(&file)?)
    }
}
