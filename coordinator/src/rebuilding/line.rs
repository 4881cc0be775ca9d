//! The line of a vault's versions: those that people approved and signers followed, one after the other.
//!
//! Invariant: it begins with the first version; each next one is there with the quorum of the one before it, and a
//! journal of that one's or its own signers followed it. What nobody followed yet is proposed, and no more.

use std::collections::BTreeMap;

use policies::document::{Approver, PinnedKey, Policy, Requester};
use policies::journal::{Export, accept_export_of};
use policies::succession::{LineMistake, SuccessionFile, approved_once, follows, line};
use policies::{KeyId, Keyset, PolicyId, UnixTime};

use super::Mistake;

/// A version that followed another.
#[derive(Debug, Clone)]
pub struct Followed {
    /// The version, which knows those before it.
    pub policy: Policy,
    /// Its document with the signatures under it.
    pub file: SuccessionFile,
    /// Since when the first journal follows it.
    pub since: UnixTime,
}

/// A keychain of a vault: where scripts come from, for one keyset or several of one descriptor.
#[derive(Debug, Clone, Copy)]
pub struct Tree<'l> {
    /// The first keyset that has it.
    pub keychain: Keyset,
    /// The newest version that has it.
    pub policy: &'l Policy,
}

/// The versions of one vault.
#[derive(Debug, Clone)]
pub struct Line {
    first: Policy,
    followed: Vec<Followed>,
    /// The first keyset of the same scripts, for each keyset.
    keychains: BTreeMap<Keyset, Keyset>,
    proposed: Vec<SuccessionFile>,
}

impl Line {
    /// A vault that is at its first version.
    ///
    /// # Errors
    /// When it is no first version.
    pub fn of(first: Policy) -> Result<Self, LineMistake> {
        let first = line(vec![first])?;
        Ok(Self {
            keychains: BTreeMap::from([(first.keyset, first.keyset)]),
            first,
            followed: Vec::new(),
            proposed: Vec::new(),
        })
    }

    /// Goes on to every version that has the quorum of the one before it and that a journal followed.
    ///
    /// # Errors
    /// [`Mistake::TwoSuccessors`] where journals went two ways.
    pub fn follow(
        &mut self,
        files: &[SuccessionFile],
        journals: &[&Export],
    ) -> Result<(), Mistake> {
        loop {
            let newest = self.newest().clone();
            let mut successors: BTreeMap<PolicyId, (Policy, SuccessionFile)> = BTreeMap::new();
            for file in files {
                let next = file.policy().ok();
                let next = next.filter(|next| next.previous == Some(newest.id));
                let Some(next) = next.filter(|next| follows(&newest, next).is_ok()) else {
                    continue;
                };
                let (_, joined) = successors
                    .entry(next.id)
                    .or_insert_with(|| (next, file.clone()));
                joined.join(file, &newest);
            }
            let mut found = Vec::new();
            for (next, file) in successors.values() {
                found.extend(self.followed_by(next, file, journals));
            }
            if found.len() > 1 {
                return Err(Mistake::TwoSuccessors {
                    versions: found.iter().map(|one| one.policy.id).collect(),
                });
            }
            let Some(next) = found.pop() else {
                self.proposed = successors.into_values().map(|(_, file)| file).collect();
                return Ok(());
            };
            self.push(next);
        }
    }

    fn push(&mut self, next: Followed) {
        let policy = &next.policy;
        let same = self.versions().find(|version| {
            let known = &version.descriptor;
            version.keyset == policy.keyset || known.gives_same_scripts(&policy.descriptor)
        });
        let keychain = same.and_then(|same| self.keychain_of(same.keyset));
        let keychain = keychain.unwrap_or(policy.keyset);
        self.keychains.insert(policy.keyset, keychain);
        self.followed.push(next);
    }

    fn followed_by(
        &self,
        next: &Policy,
        file: &SuccessionFile,
        journals: &[&Export],
    ) -> Option<Followed> {
        let newest = self.newest();
        let approved = approved_once(newest, next.id, file.approvals().values());
        if !approved.is_some_and(|approved| approved.is_met()) {
            return None;
        }
        let policy = newest.succeeded_by(next.clone()).ok()?;
        let versions = || std::iter::once(&policy).chain(self.versions());
        let since = journals
            .iter()
            .filter(|export| accept_export_of(versions(), export).is_ok())
            .filter_map(|export| {
                let mut adopted = export.journal.history().versions().adopted().iter();
                let adopted = adopted.find(|adopted| adopted.policy == next.id);
                adopted.map(|adopted| adopted.at)
            })
            .min()?;
        Some(Followed {
            file: file.clone(),
            since,
            policy,
        })
    }

    /// The version in force.
    pub fn newest(&self) -> &Policy {
        let last = self.followed.last();
        last.map_or(&self.first, |last| &last.policy)
    }

    /// The first version.
    pub const fn first(&self) -> &Policy {
        &self.first
    }

    /// Those that followed it, in their order.
    pub fn followed(&self) -> &[Followed] {
        &self.followed
    }

    /// Successors of the newest that nobody followed yet.
    pub fn proposed(&self) -> &[SuccessionFile] {
        &self.proposed
    }

    /// All versions, the newest first.
    pub fn versions(&self) -> impl Iterator<Item = &Policy> {
        let followed = self.followed.iter().rev().map(|one| &one.policy);
        followed.chain([&self.first])
    }

    /// The version of an id.
    pub fn version(&self, id: PolicyId) -> Option<&Policy> {
        self.versions().find(|version| version.id == id)
    }

    /// The newest version of a keyset.
    pub fn of_keyset(&self, keyset: Keyset) -> Option<&Policy> {
        self.versions().find(|version| version.keyset == keyset)
    }

    /// The newest version of each keyset, the newest first.
    pub fn keysets(&self) -> Vec<&Policy> {
        let mut keysets: Vec<&Policy> = Vec::new();
        for version in self.versions() {
            if keysets
                .last()
                .is_none_or(|last| last.keyset != version.keyset)
            {
                keysets.push(version);
            }
        }
        keysets
    }

    /// The keychains, that of the newest version first.
    pub fn trees(&self) -> Vec<Tree<'_>> {
        let mut trees: Vec<Tree<'_>> = Vec::new();
        for policy in self.keysets() {
            let keychain = self.keychain_of(policy.keyset).unwrap_or(policy.keyset);
            if trees.iter().all(|tree| tree.keychain != keychain) {
                trees.push(Tree { keychain, policy });
            }
        }
        trees
    }

    /// The keychain of a keyset.
    pub fn keychain_of(&self, keyset: Keyset) -> Option<Keyset> {
        self.keychains.get(&keyset).copied()
    }

    /// The requester who has a key, by the newest version that knows it.
    pub fn requester_of_key(&self, key: KeyId) -> Option<(&Requester, &PinnedKey)> {
        self.versions()
            .find_map(|version| version.requester_of_key(key))
    }

    /// The approver who has a key, by the newest version that knows it.
    pub fn approver_of_key(&self, key: KeyId) -> Option<(&Approver, &PinnedKey)> {
        self.versions()
            .find_map(|version| version.approver_of_key(key))
    }
}
