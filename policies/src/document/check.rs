//! What one part of a document owes to another.

use std::collections::{BTreeMap, BTreeSet};

use bitcoin::{NetworkKind, ScriptBuf};

use super::mistake::NeverMatches;
use super::parse::Spending;
use super::reader::{Mistakes, nearest};
use super::{
    Approvals, Approver, DoublePayment, List, OtherVault, PinnedKey, Problem, Requester, Rule,
    Signer, Tool, name_of_network,
};
use crate::analysis::tolerance_of;
use crate::descriptor::{VaultDescriptor, means_the_same};
use crate::{IntentKind, PublicKey};

/// Names are unique in their table, signing keys in the whole document.
pub(super) fn names_and_keys(
    signers: &[Signer],
    requesters: &[Requester],
    approvers: &[Approver],
    mistakes: &mut Mistakes<'_>,
) {
    unique(
        "signers",
        signers.iter().map(|signer| signer.name.as_str()),
        mistakes,
    );
    unique(
        "requesters",
        requesters.iter().map(|entry| entry.name.as_str()),
        mistakes,
    );
    unique(
        "approvers",
        approvers.iter().map(|entry| entry.name.as_str()),
        mistakes,
    );
    let journals = signers
        .iter()
        .enumerate()
        .map(|(position, signer)| (format!("signers[{position}].journal"), &signer.journal));
    let requesting = pinned("requesters", requesters.iter().map(|entry| &entry.keys));
    let approving = pinned("approvers", approvers.iter().map(|entry| &entry.keys));
    let mut seen: Vec<(String, &PublicKey)> = Vec::new();
    for (path, key) in journals.chain(requesting).chain(approving) {
        // Bytes, not records: one key under two algorithms is one key as well.
        let bytes = key.as_bytes();
        if let Some((first, _)) = seen.iter().find(|(_, earlier)| earlier.as_bytes() == bytes) {
            let first = first.clone();
            mistakes.add(&path, Problem::DuplicateKey { first });
        }
        seen.push((path, key));
    }
}

fn pinned<'a>(
    table: &'static str,
    entries: impl Iterator<Item = &'a Vec<PinnedKey>>,
) -> impl Iterator<Item = (String, &'a PublicKey)> {
    entries.enumerate().flat_map(move |(entry, keys)| {
        keys.iter().enumerate().map(move |(position, pinned)| {
            (
                format!("{table}[{entry}].keys[{position}].key"),
                &pinned.key,
            )
        })
    })
}

fn unique<'a>(table: &str, names: impl Iterator<Item = &'a str>, mistakes: &mut Mistakes<'_>) {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for (position, name) in names.enumerate() {
        if let Some(first) = seen.get(name) {
            mistakes.add(
                &format!("{table}[{position}].name"),
                Problem::Duplicate {
                    value: name.to_owned(),
                    first: format!("{table}[{first}].name"),
                },
            );
        } else {
            seen.insert(name, position);
        }
    }
}

/// Every signer's key stands in the descriptor with the same origin, and every key has a signer.
pub(super) fn descriptor_keys(
    descriptor: &VaultDescriptor,
    signers: &[Signer],
    network: Option<bitcoin::Network>,
    mistakes: &mut Mistakes<'_>,
) {
    let positions = descriptor.key_positions();
    for (index, signer) in signers.iter().enumerate() {
        let path = format!("signers[{index}].key");
        let xpub = signer.key.xpub;
        if let Some(first) = signers[..index]
            .iter()
            .position(|earlier| earlier.key.xpub.public_key == xpub.public_key)
        {
            let first = format!("signers[{first}].key");
            mistakes.add(&path, Problem::DuplicateKey { first });
            continue;
        }
        if let Some(network) = network.filter(|network| NetworkKind::from(*network) != xpub.network)
        {
            let problem = Problem::WrongNetwork {
                value: xpub.to_string(),
                network: name_of_network(network),
            };
            mistakes.add(&path, problem);
            continue;
        }
        let own = signer.key.position();
        let same_key: Vec<_> = positions.iter().filter(|key| key.xpub == xpub).collect();
        let used = |position: &usize| {
            let paths = descriptor.paths().iter();
            paths.flat_map(|path| &path.keys).any(|key| key == position)
        };
        let in_a_path = positions
            .iter()
            .position(|key| key.xpub == xpub)
            .is_some_and(|at| used(&at));
        if !in_a_path {
            let signer = signer.name.clone();
            mistakes.add(&path, Problem::SignerInNoPath { signer });
        } else if let Some(other) = same_key.into_iter().find(|key| **key != own) {
            let descriptor = other.to_string();
            mistakes.add(&path, Problem::KeyOriginMismatch { descriptor });
        }
    }
    for position in positions {
        if !signers
            .iter()
            .any(|signer| signer.key.xpub == position.xpub)
        {
            let key = position.to_string();
            mistakes.add("spending.descriptor", Problem::KeyWithoutSigner { key });
        }
    }
}

/// The policy text means what the descriptor means.
pub(super) fn policy_text(spending: &Spending, signers: &[Signer], mistakes: &mut Mistakes<'_>) {
    let Some(text) = &spending.policy else {
        return;
    };
    let positions = spending.descriptor.key_positions();
    let keys: BTreeMap<String, usize> = signers
        .iter()
        .filter_map(|signer| {
            let position = positions
                .iter()
                .position(|key| key.xpub == signer.key.xpub)?;
            Some((signer.name.clone(), position))
        })
        .collect();
    let problem = match means_the_same(text, &spending.descriptor, &keys) {
        Ok(true) => return,
        Ok(false) => Problem::PolicyDiffers,
        Err(error) => Problem::PolicyText {
            message: error.to_string(),
        },
    };
    mistakes.add("spending.policy", problem);
}

/// Two ordinary sets of signers share someone, unless the document trusts the coordinator.
pub(super) fn double_payment(spending: &Spending, signers: &[Signer], mistakes: &mut Mistakes<'_>) {
    let tolerance = tolerance_of(&spending.descriptor, signers);
    if tolerance < 0 && spending.double_payment == DoublePayment::Signers {
        let problem = Problem::DoublePaymentTolerance { tolerance };
        mistakes.add("spending.descriptor", problem);
    }
}

/// A quorum's group exists and has persons enough, for at least one of the requesters.
pub(super) fn quorum(
    approvals: &Approvals,
    approvers: &[Approver],
    requesters: &[&Requester],
    path: &str,
    mistakes: &mut Mistakes<'_>,
) {
    let members: Vec<&Approver> = approvers
        .iter()
        .filter(|approver| {
            approvals
                .group
                .as_ref()
                .is_none_or(|group| approver.groups.contains(group))
        })
        .collect();
    if let Some(group) = &approvals.group
        && members.is_empty()
    {
        let groups = approvers.iter().flat_map(|approver| approver.groups.iter());
        let problem = Problem::UnknownName {
            kind: "group",
            name: group.clone(),
            suggestion: nearest(group, groups).cloned(),
        };
        mistakes.add(&format!("{path}.group"), problem);
        return;
    }
    // Keys of tool `page` only add to what `own` keys demand.
    let own_keys = |approver: &&&Approver| approver.keys.iter().any(|key| key.tool == Tool::Own);
    let persons_without = |requester: Option<&str>, own: bool| {
        members
            .iter()
            .filter(|approver| !own || own_keys(approver))
            .map(|approver| approver.person.as_str())
            .filter(|person| Some(*person) != requester)
            .collect::<BTreeSet<&str>>()
            .len()
    };
    let available = |own: bool| {
        requesters
            .iter()
            .map(|requester| persons_without(Some(&requester.person), own))
            .max()
            .unwrap_or_else(|| persons_without(None, own))
    };
    let demands = [
        (approvals.count, available(true)),
        (
            approvals.count.saturating_add(approvals.page),
            available(false),
        ),
    ];
    let short = demands.into_iter().find(|(needed, available)| {
        usize::try_from(*needed).is_ok_and(|needed| needed > *available)
    });
    if let Some((needed, available)) = short {
        let problem = Problem::TooFewPersons {
            count: needed,
            available,
        };
        mistakes.add(&format!("{path}.count"), problem);
    }
}

/// Whether what leaves the vault under a rule is bounded neither in one payment nor in time. What is moved to
/// our own scripts does not leave.
fn takes_any_amount(rule: &Rule) -> bool {
    rule.amount_max.is_none() && rule.window.is_none() && rule.kind != Some(IntentKind::Transfer)
}

/// What rules may name as destinations.
#[derive(Debug, Clone, Copy)]
pub(super) struct Places<'a> {
    pub(super) lists: &'a [List],
    pub(super) others: &'a [OtherVault],
}

impl<'a> Places<'a> {
    /// The names of the lists, then those of the vaults.
    fn names(self) -> impl Iterator<Item = &'a str> + Clone {
        let lists = self.lists.iter().map(|list| list.name.as_str());
        lists.chain(self.others.iter().map(|vault| vault.name.as_str()))
    }

    /// A name means a list or a vault, never both.
    fn unlike(self, mistakes: &mut Mistakes<'_>) {
        for (index, vault) in self.others.iter().enumerate() {
            if let Some(first) = self.lists.iter().position(|list| list.name == vault.name) {
                mistakes.add(
                    &format!("vaults[{index}].name"),
                    Problem::Duplicate {
                        value: vault.name.clone(),
                        first: format!("lists[{first}].name"),
                    },
                );
            }
        }
    }
}

/// Rules name what exists, can be satisfied, and each can match something.
pub(super) fn rules(
    rules: &[Rule],
    places: Places<'_>,
    requesters: &[Requester],
    approvers: &[Approver],
    mistakes: &mut Mistakes<'_>,
) {
    unique(
        "rules",
        rules.iter().map(|rule| rule.name.as_str()),
        mistakes,
    );
    unique("lists", places.names().take(places.lists.len()), mistakes);
    unique("vaults", places.names().skip(places.lists.len()), mistakes);
    places.unlike(mistakes);
    for (index, rule) in rules.iter().enumerate() {
        let path = format!("rules[{index}]");
        known_names(
            rule.requesters.as_deref(),
            "requester",
            &format!("{path}.requester"),
            &requesters.iter().map(|requester| requester.name.as_str()),
            mistakes,
        );
        known_names(
            rule.to.as_deref(),
            "list or vault",
            &format!("{path}.to"),
            &places.names(),
            mistakes,
        );
        let served: Vec<&Requester> = requesters
            .iter()
            .filter(|requester| {
                rule.requesters
                    .as_ref()
                    .is_none_or(|names| names.contains(&requester.name))
            })
            .collect();
        let approvals_path = format!("{path}.approvals");
        quorum(
            &rule.approvals,
            approvers,
            &served,
            &approvals_path,
            mistakes,
        );
        let automatic = rule.approvals.count == 0;
        if automatic && rule.kind == Some(IntentKind::Sweep) {
            let reason = NeverMatches::AutomaticSweep;
            mistakes.add(&path, Problem::NeverMatches { reason });
        } else if automatic && takes_any_amount(rule) {
            mistakes.add(&path, Problem::AutomaticWithoutBound);
        } else if let Some(earlier) = rules[..index]
            .iter()
            .find(|earlier| covers(earlier, rule, places))
        {
            let reason = NeverMatches::Shadowed {
                earlier: earlier.name.clone(),
            };
            mistakes.add(&path, Problem::NeverMatches { reason });
        }
    }
}

/// Open lists name groups that exist and quorums that can be formed.
pub(super) fn open_lists(lists: &[List], approvers: &[Approver], mistakes: &mut Mistakes<'_>) {
    for (index, list) in lists.iter().enumerate() {
        let Some(open) = &list.open else {
            continue;
        };
        let path = format!("lists[{index}].open");
        let approvals_path = format!("{path}.approvals");
        quorum(&open.approvals, approvers, &[], &approvals_path, mistakes);
        if let Some(test) = &open.test_first {
            let one = Approvals {
                group: Some(test.group.clone()),
                count: 1,
                page: 0,
            };
            quorum(
                &one,
                approvers,
                &[],
                &format!("{path}.test_first"),
                mistakes,
            );
        }
    }
}

fn known_names<'a>(
    names: Option<&[String]>,
    kind: &'static str,
    path: &str,
    known: &(impl Iterator<Item = &'a str> + Clone),
    mistakes: &mut Mistakes<'_>,
) {
    for (position, name) in names.unwrap_or_default().iter().enumerate() {
        if !known.clone().any(|existing| existing == name) {
            let problem = Problem::UnknownName {
                kind,
                name: name.clone(),
                suggestion: nearest(name, known.clone()).map(str::to_owned),
            };
            mistakes.add(&format!("{path}[{position}]"), problem);
        }
    }
}

/// Whether the earlier rule matches everything that the later one matches.
fn covers(earlier: &Rule, later: &Rule, places: Places<'_>) -> bool {
    // An automatic rule lets sweeps and repeats pass to later rules that a person approves, and an
    // exhausted window lets everything pass.
    let lets_some_pass =
        earlier.window.is_some() || (earlier.approvals.count == 0 && later.approvals.count > 0);
    let covers_kind = earlier.kind.is_none() || earlier.kind == later.kind;
    let covers_requesters = match (&earlier.requesters, &later.requesters) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(earlier), Some(later)) => later.iter().all(|name| earlier.contains(name)),
    };
    let covers_destinations = match (&earlier.to, &later.to) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(earlier), Some(later)) => {
            let open = places.lists.iter().filter(|list| list.open.is_some());
            let open = open.map(|list| &list.name);
            let others = places.others.iter().map(|vault| &vault.name);
            destinations(later, places.lists).is_subset(&destinations(earlier, places.lists))
                && (open.chain(others))
                    .filter(|name| later.contains(name))
                    .all(|name| earlier.contains(name))
        }
    };
    let covers_amounts = match (earlier.amount_max, later.amount_max) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(earlier), Some(later)) => later <= earlier,
    };
    !lets_some_pass && covers_kind && covers_requesters && covers_destinations && covers_amounts
}

fn destinations<'a>(names: &[String], lists: &'a [List]) -> BTreeSet<&'a ScriptBuf> {
    lists
        .iter()
        .filter(|list| names.contains(&list.name))
        .flat_map(|list| list.scripts.iter())
        .collect()
}
