//! Signers' journals, and what nobody can know without them.

use std::collections::BTreeSet;

use policies::analysis::Analysis;
use policies::document::Policy;
use policies::journal::{Entry, Export, accept_export_of};

use super::transfers::put;
use super::{Gathered, Taken};
use crate::rebuilding::{Mistake, Remembered};

impl Gathered {
    pub(super) fn take_journal(&mut self, export: Export) -> Result<Taken, Mistake> {
        let found = export.journal.vault();
        if found != self.policy().vault {
            return Err(Mistake::OtherVault { found });
        }
        let newest = export.journal.history().versions().newest();
        if let Some(newest) = newest.filter(|newest| self.line.version(*newest).is_none()) {
            let journal = export.journal.key();
            return Err(Mistake::OtherVersion { journal, newest });
        }
        let signer = accept_export_of(self.line.versions(), &export).map_err(Mistake::Journal)?;
        let holder = (signer.name.clone(), signer.journal.id());
        let signer = signer.name.clone();
        if let Some(known) = self.journals.get(&holder) {
            let (longer, shorter) = if export.entries.len() > known.entries.len() {
                (&export, known)
            } else {
                (known, &export)
            };
            if !longer.entries.starts_with(&shorter.entries) {
                return Err(Mistake::Forked { signer });
            }
            if std::ptr::eq(longer, known) {
                return Ok(Taken::Known);
            }
        }
        let mut attempts = self.attempts.clone();
        let mut intents = Vec::new();
        for (_, _, entry) in &export.entries {
            let Entry::Signed(signed) = entry else {
                continue;
            };
            intents.extend(signed.intents.iter().cloned());
            let new = Remembered::by_journal(signed.clone(), &signer);
            put(&mut attempts, new)?;
        }
        self.take_known_intents(intents)?;
        self.attempts = attempts;
        self.journals.insert(holder, export);
        Ok(Taken::New)
    }

    /// Whether the journal is here that a version pins for a signer.
    pub(super) fn has_journal_of(&self, version: &Policy, signer: &str) -> bool {
        let pinned = version.signer(signer).map(|signer| signer.journal.id());
        pinned.is_some_and(|pinned| self.journals.contains_key(&(signer.to_owned(), pinned)))
    }

    /// The signers of ordinary paths whose journals are not here, also those who were replaced since.
    pub fn without_journal(&self) -> BTreeSet<String> {
        let mut without = BTreeSet::new();
        for version in self.line.keysets() {
            let analysis = Analysis::of(version);
            let keys = analysis.ordinary().flat_map(|path| path.keys.iter());
            without.extend(
                keys.filter(|key| !self.has_journal_of(version, key))
                    .cloned(),
            );
        }
        without
    }

    /// The signers who could have signed a payment among themselves, now or before they were replaced, without any
    /// journal that is here knowing of it; none where each payment has a signer whose journal is here.
    pub fn unseen_quorum(&self) -> Option<Vec<String>> {
        self.line.keysets().into_iter().find_map(|version| {
            let unseen =
                |keys: &Vec<String>| keys.iter().all(|key| !self.has_journal_of(version, key));
            let analysis = Analysis::of(version);
            let mut ordinary = analysis.ordinary().map(|path| &path.keys);
            ordinary.find(|keys| unseen(keys)).cloned()
        })
    }
}
