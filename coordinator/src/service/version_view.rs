//! What is shown of a vault's versions: those in force one after the other, and those proposed to follow.

use policies::document::{Policy, Signer, Tool, format_duration};
use policies::succession::{
    Approved, Step, SuccessionFile, VersionApprovals, approved, follows, ripe_at,
};
use policies::{Keyset, PolicyId, UnixTime, VaultId};
use serde::Serialize;
use utoipa::ToSchema;
use watchtower::store::database::Transaction;

use super::acks::ReachView;
use super::{Service, ServiceError, VaultError};
use crate::store::proposals::{self, ProposalRow};
use crate::store::vaults::VaultRow;

/// The versions of a vault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct VersionsView {
    /// The vault.
    #[schema(value_type = String)]
    pub vault: VaultId,
    /// Those that are or were in force, the oldest first.
    pub versions: Vec<VersionView>,
    /// Those that were proposed and are not in force.
    pub proposals: Vec<ProposalView>,
}

/// A version that is or was in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct VersionView {
    /// Its number.
    pub version: u32,
    /// Its id.
    #[schema(value_type = String)]
    pub policy: PolicyId,
    /// Its keyset.
    #[schema(value_type = String)]
    pub keyset: Keyset,
    /// `first`, `rules` or `keyset`: what it altered.
    pub step: String,
    /// Since when it is or was in force here (unix seconds).
    #[schema(value_type = u64)]
    pub since: UnixTime,
    /// Who put it in force.
    pub by: String,
    /// How far it reaches; none for the first one, which ends nothing.
    pub reach: Option<ReachView>,
}

/// A version that is proposed to follow another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ProposalView {
    /// Its id.
    #[schema(value_type = String)]
    pub policy: PolicyId,
    /// Its number.
    pub version: u32,
    /// The version before.
    #[schema(value_type = String)]
    pub previous: PolicyId,
    /// `rules` or `keyset`: what it alters.
    pub step: String,
    /// `open`, `waiting` for its delay, `ripe`, `disputed` by another approved successor, `adopted`, or
    /// `superseded` by one.
    pub state: String,
    /// The persons of the version before who have approved it.
    pub approved_by: Vec<String>,
    /// How many must.
    pub needed: u32,
    /// Of which group; any approvers if none is named.
    pub group: Option<String>,
    /// Who may still approve it.
    pub missing_of: Vec<String>,
    /// The delay in seconds: each signer counts it by its own clock.
    pub delay_s: u64,
    /// When enough persons had approved it here (unix seconds).
    #[schema(value_type = Option<u64>)]
    pub approved_at: Option<UnixTime>,
    /// When the delay is over here (unix seconds).
    #[schema(value_type = Option<u64>)]
    pub ripe_at: Option<UnixTime>,
    /// When it came in force here (unix seconds).
    #[schema(value_type = Option<u64>)]
    pub adopted_at: Option<UnixTime>,
    /// Signers who follow it by themselves or by a command.
    pub follow: Vec<String>,
    /// Signers at each of whom a human must pin it.
    pub pin: Vec<String>,
    /// Signers whom it replaces: they pin it, too, to sign what brings their coins to the new descriptor.
    pub leaving: Vec<String>,
    /// Signatures of the file handed in last that do not count, and why; told only then.
    pub not_counted: Vec<String>,
    /// When it was proposed (unix seconds).
    #[schema(value_type = u64)]
    pub proposed_at: UnixTime,
    /// By whom.
    pub proposed_by: String,
    /// All of it in words.
    pub says: String,
}

/// A proposal with what was decided of it.
pub(super) struct Judged {
    pub(super) row: ProposalRow,
    pub(super) previous: std::sync::Arc<Policy>,
    pub(super) next: Policy,
    pub(super) step: Step,
    pub(super) approvals: VersionApprovals,
    pub(super) approved: Approved,
    pub(super) ripe: Option<UnixTime>,
}

impl Judged {
    /// Judges a stored proposal anew.
    pub(super) async fn of(
        service: &Service,
        tx: &mut Transaction,
        row: ProposalRow,
        now: UnixTime,
    ) -> Result<Self, ServiceError> {
        let stored = || ServiceError::Vault(VaultError::StoredPolicy { policy: row.id });
        let previous = service.policy(tx, row.previous).await?;
        let next = Policy::parse(&row.document).map_err(|_| stored())?;
        let step = follows(&previous, &next).map_err(|_| stored())?;
        let mut approvals = VersionApprovals::new();
        // Of each key the signature that ends last.
        for one in proposals::approvals_of(tx, row.id).await? {
            approvals.insert(one.approval.key, one.approval);
        }
        // What had its quorum keeps it, also when signatures end later.
        let at = row.approved_at.unwrap_or(now);
        let approved = approved(&previous, row.id, approvals.values(), at).ok_or_else(stored)?;
        let ripe = row.approved_at.and_then(|at| ripe_at(&previous, at));
        Ok(Self {
            row,
            previous,
            next,
            step,
            approvals,
            approved,
            ripe,
        })
    }

    /// Its file, as it goes to signers.
    pub(super) fn file(&self) -> Result<String, ServiceError> {
        let policy = self.row.id;
        let stored = || ServiceError::Vault(VaultError::StoredPolicy { policy });
        let mut file = SuccessionFile::of(&self.row.document).map_err(|_| stored())?;
        for approval in self.approvals.values() {
            file.approve(approval.clone());
        }
        String::from_utf8(file.write()).map_err(|_| stored())
    }

    /// The persons who may approve it and have not.
    fn missing_of(&self) -> Vec<String> {
        let group = self.approved.group.as_deref();
        let may = self.previous.approvers.iter().filter(|approver| {
            let own = approver.keys.iter().any(|key| key.tool == Tool::Own);
            own && group.is_none_or(|group| approver.groups.iter().any(|one| one == group))
        });
        let mut persons: Vec<String> = may.map(|approver| approver.person.clone()).collect();
        persons.sort();
        persons.dedup();
        persons.retain(|person| !self.approved.persons.contains(person));
        persons
    }

    /// What is shown of it, under the version in force now.
    pub(super) fn view(&self, vault: &VaultRow, disputed: bool, now: UnixTime) -> ProposalView {
        let (row, approved) = (&self.row, &self.approved);
        let state = if row.adopted.is_some() {
            "adopted"
        } else if row.previous != vault.policy {
            "superseded"
        } else if self.ripe.is_none() {
            "open"
        } else if disputed {
            "disputed"
        } else if self.ripe.is_some_and(|ripe| ripe <= now) {
            "ripe"
        } else {
            "waiting"
        };
        let names = |signers: &[Signer]| -> Vec<String> {
            signers.iter().map(|signer| signer.name.clone()).collect()
        };
        let (follow, pin, leaving) = match self.step {
            Step::Rules => (names(&self.next.signers), Vec::new(), Vec::new()),
            Step::Keyset => {
                let leaves = |signer: &&Signer| !stays(&self.next, signer);
                let leaving = self.previous.signers.iter().filter(leaves);
                let leaving: Vec<Signer> = leaving.cloned().collect();
                (Vec::new(), names(&self.next.signers), names(&leaving))
            }
        };
        let delay = self
            .previous
            .change
            .as_ref()
            .map_or(0, |change| change.delay);
        let mut view = ProposalView {
            policy: row.id,
            version: row.version,
            previous: row.previous,
            step: step_name(self.step).to_owned(),
            state: state.to_owned(),
            approved_by: approved.persons.clone(),
            needed: approved.needed,
            group: approved.group.clone(),
            missing_of: self.missing_of(),
            delay_s: delay,
            approved_at: row.approved_at,
            ripe_at: self.ripe,
            adopted_at: row.adopted.as_ref().map(|(at, _)| *at),
            follow,
            pin,
            leaving,
            not_counted: Vec::new(),
            proposed_at: row.proposed_at,
            proposed_by: row.proposed_by.clone(),
            says: String::new(),
        };
        view.says = says(&view, approved.missing());
        view
    }
}

/// Whether a version has the signer with the same key and journal.
pub(super) fn stays(next: &Policy, signer: &Signer) -> bool {
    next.signers.iter().any(|other| {
        other.name == signer.name
            && other.key.position() == signer.key.position()
            && other.journal == signer.journal
    })
}

pub(super) const fn step_name(step: Step) -> &'static str {
    match step {
        Step::Rules => "rules",
        Step::Keyset => "keyset",
    }
}

/// What is missing, and what each signer must do, in words.
fn says(view: &ProposalView, missing: u32) -> String {
    let listed = |names: &[String]| match names {
        [] => "nobody".to_owned(),
        [only] => only.clone(),
        [many @ .., last] => format!("{} and {last}", many.join(", ")),
    };
    let mut words = format!(
        "{} of {} approvals: {}",
        view.approved_by.len(),
        view.needed,
        listed(&view.approved_by)
    );
    if missing > 0 && view.approved_at.is_none() {
        words += &format!("; missing {missing} of {}", view.missing_of.join(", "));
    }
    let delay = format_duration(view.delay_s);
    words += &match (view.state.as_str(), view.ripe_at) {
        ("adopted", _) => "; it is in force here".to_owned(),
        ("superseded", _) => "; another successor came in force, this one never will".to_owned(),
        ("disputed", _) => {
            "; DISPUTED: another successor was approved too, and only a human decides".to_owned()
        }
        (_, Some(ripe)) => {
            format!("; the delay of {delay} runs by each signer's clock, here until {ripe}")
        }
        (_, None) => {
            format!("; then a delay of {delay} runs by each signer's clock")
        }
    };
    if !view.follow.is_empty() {
        words += &format!("; signers that follow: {}", view.follow.join(", "));
    }
    if !view.pin.is_empty() {
        words += &format!("; that must be pinned by a human: {}", view.pin.join(", "));
    }
    if !view.leaving.is_empty() {
        words += &format!(
            "; that leave, and pin it to bring their coins home: {}",
            view.leaving.join(", ")
        );
    }
    words
}
