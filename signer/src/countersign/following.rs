//! How a signer goes on to the next version of its policy: heard, waited for, adopted, acknowledged.

use super::{CountersignError, Countersigner};
use crate::journal_file::AppendLog;
use crate::succeeding::{By, SucceedingError, Successor, acknowledge, adopt, hear, is_kept};
use policies::rules::Said;
use policies::succession::SuccessionFile;
use policies::{PolicyId, UnixTime};

/// What became of the successor of the pinned version.
#[derive(Debug)]
pub enum Following {
    /// There is none.
    Nothing,
    /// It was followed.
    Adopted(PolicyId),
    /// It waits for its time or for a human.
    Waits {
        /// The version; of several, the first by their ids.
        policy: PolicyId,
        /// For what.
        because: Box<SucceedingError>,
    },
}

impl<L: AppendLog> Countersigner<L> {
    /// Takes a next version in: from now on its delay runs by this signer's clock.
    ///
    /// # Errors
    /// As [`hear`]; [`CountersignError::NotASigner`] for a signer without a home.
    pub fn hear_version(
        &mut self,
        file: &SuccessionFile,
        clock: UnixTime,
    ) -> Result<Successor, CountersignError> {
        let (home, _) = self.home.as_ref().ok_or(CountersignError::NotASigner)?;
        Ok(hear(
            home,
            &self.policy,
            file,
            Some(&mut self.journal),
            By::Itself,
            clock,
        )?)
    }

    /// Whether a version was taken in, and its file is here: a journal that moved comes without files.
    pub fn holds_version(&self, version: PolicyId) -> bool {
        let held = self.journal.history().versions().proposed(version);
        let (Some(_), Some((home, _))) = (held, self.home.as_ref()) else {
            return false;
        };
        is_kept(home, version)
    }

    /// Adopts a version that was taken in; from now on transfers are reviewed under it.
    ///
    /// # Errors
    /// As [`adopt`]; [`CountersignError::NotASigner`] for a signer without a home.
    pub fn adopt_version(
        &mut self,
        version: PolicyId,
        by: By,
        clock: UnixTime,
    ) -> Result<(), CountersignError> {
        let (home, pinned) = self.home.as_ref().ok_or(CountersignError::NotASigner)?;
        let adopted = adopt(home, pinned, Some(&mut self.journal), version, by, clock)?;
        let name = adopted.signer().ok_or(CountersignError::NotASigner)?;
        name.clone_into(&mut self.name);
        self.policy = adopted.policy().clone();
        self.home = Some((home.clone(), adopted));
        Ok(())
    }

    /// Follows what may be followed without a human: the one successor of the pinned version, if it is a step of
    /// rules and its delay is over.
    ///
    /// # Errors
    /// When journal or disk refuse. What must wait, or needs a human, is no error.
    pub fn follow_ripe(&mut self, clock: UnixTime) -> Result<Following, CountersignError> {
        if self.home.is_none() {
            return Ok(Following::Nothing);
        }
        let held = self.journal.history().versions();
        let proposals = held.proposals_after(self.policy.id);
        let Some(policy) = proposals.first().map(|proposed| proposed.policy) else {
            return Ok(Following::Nothing);
        };
        let because = if proposals.len() > 1 {
            let previous = self.policy.id;
            Box::new(SucceedingError::Disputed { previous })
        } else {
            match self.adopt_version(policy, By::Itself, clock) {
                Ok(()) => return Ok(Following::Adopted(policy)),
                Err(CountersignError::Succeeding(error)) if error.waits() => error,
                Err(error) => return Err(error),
            }
        };
        Ok(Following::Waits { policy, because })
    }

    /// Acknowledges the version that the journal adopted last.
    ///
    /// # Errors
    /// As [`acknowledge`].
    pub fn acknowledge(&self) -> Result<Said, SucceedingError> {
        acknowledge(
            self.journal.history(),
            &self.policy,
            self.journal_key.secret(),
        )
    }
}
