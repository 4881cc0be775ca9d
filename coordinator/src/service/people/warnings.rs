//! Which quorums cannot be met while persons are away.
//!
//! Computed from the policies in force: a quorum is told about only where those who are left are too few and all
//! together are enough, so that a warning always says what the absence changes.

use std::collections::BTreeSet;
use std::sync::Arc;

use policies::VaultId;
use policies::analysis::{Analysis, Gone, standing};
use policies::document::{Approvals, Approver, Policy, Tool};
use serde::Serialize;
use utoipa::ToSchema;
use watchtower::store::database::Transaction;

use super::{Service, ServiceError};
use crate::store::{signer_marks, vaults};

/// A quorum that cannot be met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct AbsenceWarning {
    /// Of which vault.
    #[schema(value_type = String)]
    pub vault: VaultId,
    /// The vault's name.
    pub vault_name: String,
    /// What cannot be decided, such as `rule large`.
    pub what: String,
    /// How many persons it needs.
    pub needs: u32,
    /// Who of them is left.
    pub left: Vec<String>,
    /// All of it in words.
    pub says: String,
}

/// The policies in force, and the signers who are marked as gone.
pub(super) struct Vaults(Vec<Ruled>);

/// A vault with its name and policy, and who of its signers is gone.
type Ruled = (VaultId, String, Arc<Policy>, Vec<(String, Gone)>);

impl Vaults {
    /// Reads them.
    pub(super) async fn read(
        service: &Service,
        tx: &mut Transaction,
    ) -> Result<Self, ServiceError> {
        let mut all = Vec::new();
        for vault in vaults::list(tx).await? {
            let policy = service.policy(tx, vault.policy).await?;
            let marks = signer_marks::list(tx, vault.id).await?;
            let ways = [Gone::Lost, Gone::Stolen, Gone::Away, Gone::Leaving];
            let gone = marks
                .into_iter()
                .filter(|mark| policy.signer(&mark.signer).is_some())
                .filter_map(|mark| {
                    let way = ways.into_iter().find(|way| way.name() == mark.mark);
                    way.map(|way| (mark.signer, way))
                })
                .collect();
            all.push((vault.id, vault.name, policy, gone));
        }
        Ok(Self(all))
    }

    /// What a person is in the policies in force.
    pub(super) fn parts_of(&self, person: &str) -> Vec<(VaultId, String, String)> {
        let mut parts = Vec::new();
        for (vault, name, policy, _) in &self.0 {
            let mut part = |what: String| parts.push((*vault, name.clone(), what));
            for approver in &policy.approvers {
                if approver.person == person {
                    part(match approver.groups.as_slice() {
                        [] => format!("approver {}", approver.name),
                        groups => format!("approver {}, of {}", approver.name, groups.join(", ")),
                    });
                }
            }
            for signer in &policy.signers {
                if signer.person == person {
                    part(format!("signer {}", signer.name));
                }
            }
            for requester in &policy.requesters {
                if requester.person == person {
                    part(format!("requester {}", requester.name));
                }
            }
        }
        parts
    }
}

/// Whose absence counts: who is away, and whose requests they cannot approve.
#[derive(Debug, Clone, Copy)]
struct Question<'a> {
    policy: &'a Policy,
    away: &'a [&'a str],
    requester: Option<&'a str>,
}

impl<'a> Question<'a> {
    /// The persons of a quorum's group, with own keys only or with any.
    fn persons(self, group: Option<&str>, own: bool, with_away: bool) -> BTreeSet<&'a str> {
        let holds =
            |approver: &&Approver| !own || approver.keys.iter().any(|key| key.tool == Tool::Own);
        self.policy
            .approvers
            .iter()
            .filter(|approver| {
                group.is_none_or(|group| approver.groups.iter().any(|one| one == group))
            })
            .filter(holds)
            .map(|approver| approver.person.as_str())
            .filter(|person| Some(*person) != self.requester)
            .filter(|person| with_away || !self.away.contains(person))
            .collect()
    }

    /// How many it needs and who is left, where those are too few and all would be enough.
    fn lacks(self, approvals: &Approvals) -> Option<(u32, BTreeSet<&'a str>)> {
        let group = approvals.group.as_deref();
        let any = approvals.count.saturating_add(approvals.page);
        [(approvals.count, true), (any, false)]
            .into_iter()
            .find_map(|(needs, own)| {
                let left = self.persons(group, own, false);
                let all = self.persons(group, own, true);
                let enough = |found: usize| u32::try_from(found).unwrap_or(u32::MAX) >= needs;
                (enough(all.len()) && !enough(left.len())).then_some((needs, left))
            })
    }
}

/// What cannot be decided while these persons are away, as far as `person` is one whose return would change it.
pub(super) fn of(vaults: &Vaults, away: &[&str], person: &str) -> Vec<AbsenceWarning> {
    let mut found = Vec::new();
    for (vault, name, policy, gone) in &vaults.0 {
        let mut warn = |what: String, needs: u32, left: Vec<String>| {
            let who = match left.as_slice() {
                [] => "nobody is left".to_owned(),
                [one] => format!("only {one} is left"),
                more => format!("only {} are left", more.join(", ")),
            };
            let says = format!("Vault {name}: {what} needs {needs}, {who}.");
            found.push(AbsenceWarning {
                vault: *vault,
                vault_name: name.clone(),
                what,
                needs,
                left,
                says,
            });
        };
        for (what, approvals, requesters) in quorums(policy) {
            // A rule is told about where it fails for one of its requesters.
            let lacking = requesters.into_iter().find_map(|requester| {
                let question = Question {
                    policy,
                    away,
                    requester,
                };
                let concerned = question
                    .persons(approvals.group.as_deref(), false, true)
                    .contains(person);
                concerned.then(|| question.lacks(approvals)).flatten()
            });
            if let Some((needs, left)) = lacking {
                warn(what, needs, left.into_iter().map(str::to_owned).collect());
            }
        }
        if let Some((needs, left)) = cannot_sign(policy, gone, away, person) {
            warn("an ordinary spend".to_owned(), needs, left);
        }
    }
    found
}

/// Every quorum of a policy: what it decides, and the persons behind the requesters whom it serves.
fn quorums(policy: &Policy) -> Vec<(String, &Approvals, Vec<Option<&str>>)> {
    let mut all: Vec<(String, &Approvals, Vec<Option<&str>>)> = Vec::new();
    for rule in &policy.rules {
        let served: Vec<Option<&str>> = policy
            .requesters
            .iter()
            .filter(|requester| {
                rule.requesters
                    .as_ref()
                    .is_none_or(|names| names.contains(&requester.name))
            })
            .map(|requester| Some(requester.person.as_str()))
            .collect();
        all.push((format!("rule {}", rule.name), &rule.approvals, served));
    }
    let mut plain = |what: String, approvals| all.push((what, approvals, vec![None]));
    if let Some(maintenance) = &policy.maintenance {
        plain("maintenance".to_owned(), maintenance);
    }
    if let Some(change) = &policy.change {
        plain("a change of the policy".to_owned(), &change.approvals);
    }
    if let Some(release) = policy.release_quorum() {
        plain("the release of a stop".to_owned(), release);
    }
    if let Some(go) = &policy.go {
        plain("a go for automatic signers".to_owned(), &go.approvals);
    }
    for list in &policy.lists {
        if let Some(open) = &list.open {
            plain(
                format!("a new entry of the list {}", list.name),
                &open.approvals,
            );
        }
    }
    all
}

/// The fewest signers of an ordinary spend and who of its signers is left, where they cannot spend the newest coins
/// and could if nobody were away.
fn cannot_sign(
    policy: &Policy,
    gone: &[(String, Gone)],
    away: &[&str],
    person: &str,
) -> Option<(u32, Vec<String>)> {
    policy
        .signers
        .iter()
        .find(|signer| signer.person == person)?;
    let mut without = gone.to_vec();
    for signer in &policy.signers {
        if away.contains(&signer.person.as_str()) {
            without.push((signer.name.clone(), Gone::Away));
        }
    }
    let spendable = |gone: &[(String, Gone)]| {
        let found = standing(policy, gone).ok()?;
        let newest = found.stages.iter().find(|stage| stage.older.is_none())?;
        Some((newest.spendable, found.can_sign))
    };
    let (before, _) = spendable(gone)?;
    let (after, mut left) = spendable(&without)?;
    if !before || after {
        return None;
    }
    let analysis = Analysis::of(policy);
    left.retain(|name| analysis.ordinary().any(|path| path.keys.contains(name)));
    let fewest = analysis.ordinary().map(|path| path.keys.len()).min();
    let needs = fewest.and_then(|count| u32::try_from(count).ok());
    Some((needs.unwrap_or(0), left))
}
