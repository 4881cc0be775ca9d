//! What becomes of a withdrawal that is being typed: which rule decides it, who must approve, when it may confirm,
//! what it costs, and what is odd about it.
//!
//! Invariant: it asks what submitting asks (`terms`, `standing`, `policies::rules`), so that what it shows without a
//! fault is taken in if it is signed now. Bad input is a word beside its field, never an error.

mod costs;
mod draft;
mod known_addresses;
mod resemblance;

use policies::document::{Policy, format_sat_per_vb};
use policies::rules::{Decision, EntriesShown, Prospect, decide, misses, prospects};
use policies::{Intent, IntentHash, UnixTime, VaultId};
use watchtower::store::database::Transaction;

pub use self::costs::{Cost, Costs};
pub use self::draft::{Draft, WrongField, parse_amount};
use self::draft::{Reading, read};
pub use self::known_addresses::{KnownAddress, Odd, Warning};
pub(super) use self::known_addresses::{known_to, resembled};
pub use self::resemblance::Likeness;
use super::approvers::Needed;
use super::misses::MissView;
use super::node_fees;
use super::queue::{Look, Obstacles};
use super::standing::Known;
use super::terms::check_terms;
use super::{Actor, Right, Service, ServiceError, WithdrawalError};
use crate::queue::{Queued, Speed};
use crate::store::vaults::VaultRow;
use crate::store::withdrawals::{self, WithdrawalKey};

/// What becomes of a withdrawal that is being typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// When it was asked.
    pub now: UnixTime,
    /// What is wrong, by field; empty if it could be signed.
    pub wrong: Vec<WrongField>,
    /// The address that it pays.
    pub address: Option<String>,
    /// The amount.
    pub amount: Option<bitcoin::Amount>,
    /// The requesters of the policy whose person asks.
    pub requesters: Vec<String>,
    /// What the rule that decides demands.
    pub needed: Option<Needed>,
    /// Why no rule allows it.
    pub denied: Option<String>,
    /// Why the rules before the one that decides do not.
    pub misses: Vec<MissView>,
    /// What the decision hinges on, a sentence each.
    pub hinges: Vec<String>,
    /// What is odd about it.
    pub warnings: Vec<Warning>,
    /// When it could confirm.
    pub timing: Option<Timing>,
    /// What it costs.
    pub costs: Option<Costs>,
    /// The intent to sign, where nothing is wrong and the asking person is its requester.
    pub intent: Option<DraftIntent>,
}

impl Preview {
    /// What is wrong with a field.
    pub fn wrong_with(&self, field: &str) -> Option<&str> {
        self.wrong
            .iter()
            .find(|wrong| wrong.field == field)
            .map(|wrong| wrong.says.as_str())
    }
}

/// An intent that is ready to be signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftIntent {
    /// The intent.
    pub intent: Intent,
    /// Its canonical text, byte for byte.
    pub text: String,
    /// Its hash.
    pub hash: IntentHash,
}

/// When a withdrawal could confirm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timing {
    /// Whether it would go with a batch that is due at once.
    pub due: bool,
    /// Why it would wait, in words; empty if it would not.
    pub says: String,
    /// When that changes by itself, at the latest.
    pub next: Option<UnixTime>,
    /// Whether batches are made without being asked for.
    pub automatic: bool,
    /// The feerate that it would ask for, in sat/vB.
    pub feerate: Option<String>,
    /// Blocks from its broadcast until it is likely to be in one.
    pub blocks: u32,
    /// Confirmations that settle it.
    pub confirmations: u32,
}

/// Previews a withdrawal that a person types.
///
/// # Errors
/// `VaultError::UnknownVault`; what is wrong with the draft is in the preview.
pub async fn preview(
    service: &Service,
    actor: &Actor,
    person: &str,
    vault: VaultId,
    draft: &Draft,
) -> Result<Preview, ServiceError> {
    actor.require(Right::Read, vault)?;
    let now = service.now();
    let mut tx = service.database().begin_read().await?;
    let (row, policy) = service.vault(&mut tx, vault).await?;
    let drawn = service.random();
    let reading = read(draft, &policy, person, now, &drawn);
    let mut preview = Preview {
        now,
        address: reading.address.as_ref().map(ToString::to_string),
        amount: reading.amount,
        requesters: requesters_of(&policy, person),
        warnings: known_addresses::warnings(&mut tx, &policy, vault, &reading, now).await?,
        timing: None,
        costs: costs::costs(&mut tx, service, &policy, &reading).await?,
        wrong: reading.wrong.clone(),
        needed: None,
        denied: None,
        misses: Vec::new(),
        hinges: Vec::new(),
        intent: None,
    };
    let Some(intent) = &reading.intent else {
        return Ok(preview);
    };
    decided(&mut tx, &policy, vault, intent, now, &mut preview).await?;
    preview
        .wrong
        .extend(refused(&mut tx, &row, &policy, intent, now).await?);
    preview.timing = Some(timing(service, &mut tx, vault, &policy, &reading, intent).await?);
    let is_own = preview
        .requesters
        .iter()
        .any(|name| name == intent.requester.as_str());
    if preview.wrong.is_empty() && is_own {
        preview.intent = Some(DraftIntent {
            text: String::from_utf8(intent.encode()).expect("canonical bytes are ASCII"),
            hash: intent.hash(),
            intent: intent.clone(),
        });
    }
    Ok(preview)
}

/// The requesters of a policy who are this person.
pub fn requesters_of(policy: &Policy, person: &str) -> Vec<String> {
    policy
        .requesters
        .iter()
        .filter(|requester| requester.person == person)
        .map(|requester| requester.name.clone())
        .collect()
}

/// The requesters of a vault who are this person, and all that the policy names.
///
/// # Errors
/// `VaultError::UnknownVault`.
pub async fn requesters(
    service: &Service,
    actor: &Actor,
    person: &str,
    vault: VaultId,
) -> Result<(Vec<String>, Vec<String>), ServiceError> {
    actor.require(Right::Read, vault)?;
    let mut tx = service.database().begin_read().await?;
    let (_, policy) = service.vault(&mut tx, vault).await?;
    let all = policy
        .requesters
        .iter()
        .map(|requester| requester.name.clone());
    Ok((requesters_of(&policy, person), all.collect()))
}

/// The latest moment at which a draft is to be paid, if one was typed and can be read.
pub fn latest_of(draft: &Draft, now: UnixTime) -> Option<UnixTime> {
    draft::latest(&draft.latest, now).ok().flatten()
}

/// A fresh id for a withdrawal, which the requester may change.
pub fn fresh_id(service: &Service) -> String {
    draft::drawn_id(&service.random())
}

async fn decided(
    tx: &mut Transaction,
    policy: &Policy,
    vault: VaultId,
    intent: &Intent,
    now: UnixTime,
    preview: &mut Preview,
) -> Result<(), ServiceError> {
    let known = Known::load(tx, vault, policy, &[intent], now, now).await?;
    let standing = known.standing();
    preview.misses = misses(policy, intent, &standing)
        .iter()
        .map(MissView::of)
        .collect();
    match decide(policy, intent, &standing) {
        Decision::Denied(reason) => {
            preview.misses.clear();
            preview
                .misses
                .extend(reason.misses().iter().map(MissView::of));
            preview.denied = Some(match reason {
                policies::rules::DenyReason::UnknownRequester { requester } => {
                    format!("No requester of the policy is named {requester}.")
                }
                policies::rules::DenyReason::NoMatchingRule { .. } => {
                    "No rule of the policy allows it. Whatever no rule allows is denied.".to_owned()
                }
            });
        }
        Decision::Needs(requirement) => {
            preview.hinges = hinges(policy, intent, &requirement.rule, now);
            preview.needed = Some(Needed::of(policy, &requirement, intent, &[]));
        }
    }
    Ok(())
}

/// What the decision hinges on: windows and lists of the rule that decides, and which rules may decide instead.
fn hinges(policy: &Policy, intent: &Intent, rule: &str, now: UnixTime) -> Vec<String> {
    let Ok(possible) = prospects(policy, intent, &EntriesShown::none(), now) else {
        return Vec::new();
    };
    let mut said = Vec::new();
    let from = possible
        .iter()
        .position(|prospect| prospect.requirement.rule == rule);
    let rest = from
        .and_then(|from| possible.get(from..))
        .unwrap_or_default();
    for (number, prospect) in rest.iter().enumerate() {
        if number > 0 {
            let needs = Needed::of(policy, &prospect.requirement, intent, &[]);
            said.push(format!(
                "If that changes before signers see it, the rule {} may decide. {}",
                needs.rule,
                needs.says()
            ));
        }
        said.extend(conditions(prospect));
    }
    said
}

fn conditions(prospect: &Prospect) -> Vec<String> {
    let rule = &prospect.requirement.rule;
    let mut said = Vec::new();
    if let Some(window) = prospect.window {
        said.push(format!(
            "The rule {rule} allows {} in any {}. Each signer counts that itself, from what it signed.",
            window.amount,
            policies::document::format_duration(window.per)
        ));
    }
    for list in &prospect.lists {
        said.push(format!(
            "The rule {rule} asks for an entry of the list {}. Each signer counts its cooling-off of {} from when it \
             first saw the entry.",
            list.list,
            policies::document::format_duration(list.delay)
        ));
    }
    said
}

/// What submitting would refuse, beside the field that it is about.
async fn refused(
    tx: &mut Transaction,
    row: &VaultRow,
    policy: &Policy,
    intent: &Intent,
    now: UnixTime,
) -> Result<Vec<WrongField>, ServiceError> {
    let mut wrong = Vec::new();
    if let Err(error) = check_terms(tx, row, policy, intent, now).await {
        wrong.push(beside(error)?);
    }
    let key = WithdrawalKey {
        vault: row.id,
        requester: intent.requester.clone(),
        id: intent.id.clone(),
    };
    if withdrawals::lookup(tx, &key).await?.is_some() {
        let says = "This id is used already. Give another one.";
        wrong.push(WrongField::new("id", says));
    }
    if let Some(other) = withdrawals::equal_payment(tx, row.id, intent).await? {
        let says = format!(
            "The withdrawal {}/{} pays the same address the same amount, so that signers would pay only one. Change the \
             amount by one satoshi.",
            other.requester, other.id
        );
        wrong.push(WrongField::new("amount", says));
    }
    let available = super::withdrawals::available(tx, row).await?;
    if intent.amount > available {
        let says = format!("Only {available} is settled, free and not promised yet.");
        wrong.push(WrongField::new("amount", says));
    }
    Ok(wrong)
}

/// A refusal of a draft, beside the field that it is about; every other error goes on.
fn beside(error: ServiceError) -> Result<WrongField, ServiceError> {
    let ServiceError::Withdrawal(refusal) = &error else {
        return Err(error);
    };
    let field = match refusal {
        WithdrawalError::Dust { .. } => "amount",
        WithdrawalError::ScriptNotAllowed { .. }
        | WithdrawalError::OwnScript
        | WithdrawalError::TransferToStranger
        | WithdrawalError::TransferNotIssued => "to",
        WithdrawalError::UnknownWithdrawal { .. } => "repeats",
        WithdrawalError::IntentExpired { .. } => "expires",
        WithdrawalError::UnknownIntent { .. }
        | WithdrawalError::RequestMissing { .. }
        | WithdrawalError::Intent(_)
        | WithdrawalError::UnknownRequestKey { .. }
        | WithdrawalError::OtherRequester { .. }
        | WithdrawalError::RequestSignature(_)
        | WithdrawalError::OtherVault { .. }
        | WithdrawalError::OtherKeyset { .. }
        | WithdrawalError::IntentFromTheFuture { .. }
        | WithdrawalError::NotYet { .. }
        | WithdrawalError::Denied(_)
        | WithdrawalError::InsufficientFunds { .. }
        | WithdrawalError::IdReused { .. }
        | WithdrawalError::EqualPayment { .. }
        | WithdrawalError::NotOwn { .. }
        | WithdrawalError::NotCancellable { .. }
        | WithdrawalError::NotFailed { .. } => "form",
    };
    let says = format!(
        "{}. {}.",
        sentence(&error.to_string()),
        sentence(error.hint())
    );
    Ok(WrongField::new(field, says))
}

/// The same with a capital letter.
fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

async fn timing(
    service: &Service,
    tx: &mut Transaction,
    vault: VaultId,
    policy: &Policy,
    reading: &Reading,
    intent: &Intent,
) -> Result<Timing, ServiceError> {
    let settings = service.batch_settings();
    let drafted = Queued {
        requester: intent.requester.clone(),
        id: intent.id.clone(),
        amount: intent.amount,
        speed: reading.speed,
        latest: reading.latest,
        since: service.now(),
        obstacle: None,
    };
    let look = Look::at(service, tx, vault, policy)
        .await?
        .with(drafted.clone());
    let decision = look.decide(&Obstacles::new());
    let place = (decision.places.iter())
        .find(|place| place.queued.requester == drafted.requester && place.queued.id == drafted.id);
    let wait = place.and_then(|place| place.wait);
    let speed = place.map_or(reading.speed, |place| place.speed);
    Ok(Timing {
        due: place.is_some() && wait.is_none(),
        says: wait.map_or_else(String::new, |wait| wait.says().to_owned()),
        next: decision.next,
        automatic: settings.rules().is_automatic(),
        feerate: place.and_then(|place| place.feerate).map(format_sat_per_vb),
        blocks: match speed {
            Speed::Urgent => settings.urgent_target,
            Speed::Normal => settings.fee_target,
            Speed::Economy => settings.economy_target,
        },
        confirmations: policy.limits.confirmations_change,
    })
}

/// The estimates of the node, nearest target first.
async fn estimates(
    service: &Service,
    tx: &mut Transaction,
) -> Result<Vec<(u32, bitcoin::FeeRate)>, ServiceError> {
    let known = node_fees::estimates(service, tx).await?;
    Ok(known.of_targets().to_vec())
}
