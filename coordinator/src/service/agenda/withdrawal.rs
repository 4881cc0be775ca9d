//! The line of one withdrawal, and of those that wait in the queue together.

use bitcoin::Amount;
use policies::{RequesterName, UnixTime, VaultId, WithdrawalId};

use super::asking::{Asked, Eyes, Spread};
use super::line::{AgendaKind, AgendaLine};
use super::words::{and, counted, has, some_of};
use crate::queue::Wait;

/// A withdrawal that no attempt pays yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unpaid {
    pub(super) vault: VaultId,
    pub(super) requester: RequesterName,
    pub(super) id: WithdrawalId,
    pub(super) amount: Amount,
    pub(super) since: UnixTime,
    /// The person behind the request.
    pub(super) person: String,
    pub(super) stands: Stands,
}

/// What a withdrawal waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stands {
    /// No rule allows it any more.
    Denied,
    /// Only a journal knows the intent: nobody may pay it before it is submitted again.
    NoRequest,
    /// Approvals are missing.
    Approvals {
        /// Persons who have approved and count.
        approved_by: Vec<String>,
        /// Who must with an `own` key.
        own: Asked,
        /// Who may besides in the page.
        page: Asked,
    },
    /// It is approved and in the queue.
    Queued(Queue),
    /// A settled transaction excluded the one that paid it.
    Failed,
}

/// Why approved withdrawals wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Queue {
    pub(super) wait: Waits,
    /// Whether batches are made without being asked for.
    pub(super) automatic: bool,
}

/// What approved withdrawals wait for, in the order of how much somebody has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Waits {
    /// Nothing: they go with the batch that is due.
    Due,
    /// The next batch.
    Batch,
    /// Lower fees.
    Cheaper,
    /// An answer: the estimate is above the fee cap.
    Cap,
    /// The node's estimate.
    Estimate,
    /// Coins.
    Coins,
    /// Something else stands in the way.
    Blocked,
    /// The release of a stop.
    Stopped,
}

impl From<Option<Wait>> for Waits {
    fn from(wait: Option<Wait>) -> Self {
        match wait {
            None => Self::Due,
            Some(Wait::NotDue) => Self::Batch,
            Some(Wait::Cheaper) => Self::Cheaper,
            Some(Wait::AboveCap) => Self::Cap,
            Some(Wait::NoEstimate | Wait::StaleEstimate) => Self::Estimate,
            Some(Wait::Coins) => Self::Coins,
            Some(Wait::Blocked) => Self::Blocked,
        }
    }
}

/// What holds a queue besides its own decision, while its withdrawals are gone through in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Held {
    /// The free coins that are left for those behind.
    pub(super) free: Amount,
    /// Whether a stop is in force.
    pub(super) stopped: bool,
    /// Whether the question about the fee cap was answered.
    pub(super) answered: bool,
}

impl Held {
    /// What the next one waits for: who is too large for the coins that are left is passed by.
    pub(super) fn waits(&mut self, wait: Option<Wait>, amount: Amount) -> Waits {
        let rest = self.free.checked_sub(amount);
        self.free = rest.unwrap_or(self.free);
        let waits = Waits::from(wait);
        if self.stopped {
            Waits::Stopped
        } else if waits != Waits::Blocked && rest.is_none() {
            Waits::Coins
        } else if waits == Waits::Cap && self.answered {
            Waits::Batch
        } else {
            waits
        }
    }
}

/// The line of one.
pub(super) fn line(one: &Unpaid, eyes: &Eyes<'_>) -> AgendaLine {
    let (spread, what, todo) = match &one.stands {
        Stands::Denied => (
            Spread::operator(eyes),
            "No rule of the policy allows it now.".to_owned(),
            "Read why on its page: cancel it, or wait until the rule allows it again.".to_owned(),
        ),
        Stands::NoRequest => (
            Spread::named(&one.person, eyes),
            "Its request is missing: only a signer's journal knows it.".to_owned(),
            format!("Ask {} to submit it again, as it was.", one.person),
        ),
        Stands::Approvals {
            approved_by,
            own,
            page,
        } => approvals(one, (approved_by, own, page), eyes),
        Stands::Queued(queue) => queued(*queue, 1, eyes),
        Stands::Failed => (
            Spread::operator(eyes),
            "It failed: a settled transaction spends a coin of the one that was to pay it."
                .to_owned(),
            "Pay it again, or cancel it.".to_owned(),
        ),
    };
    AgendaLine {
        kind: match one.stands {
            Stands::Queued(_) => AgendaKind::Queue,
            Stands::Denied | Stands::NoRequest | Stands::Approvals { .. } | Stands::Failed => {
                AgendaKind::Withdrawal
            }
        },
        vault: Some(one.vault),
        title: format!("Withdrawal {} of {}", one.id, one.requester),
        href: format!(
            "/vaults/{}/withdrawals/{}/{}",
            one.vault, one.requester, one.id
        ),
        amount: Some(one.amount),
        what,
        mine: spread.mine,
        on: spread.on,
        others: spread.others,
        since: one.since,
        todo,
    }
}

fn approvals(
    one: &Unpaid,
    (approved_by, own, page): (&[String], &Asked, &Asked),
    eyes: &Eyes<'_>,
) -> (Spread, String, String) {
    let spread = Spread::of(own, eyes).joined(Spread::of(page, eyes));
    let missing = own.needed.saturating_add(page.needed);
    let mut what = format!("Waits for {}: ", counted(missing, "approval", "approvals"));
    what += &match (own.needed, page.needed) {
        (0, _) => format!(
            "{}, with an own key or in the page",
            some_of(page.needed, &page.may)
        ),
        (_, 0) => some_of(own.needed, &own.may),
        (_, _) => format!(
            "{} with own keys, and {} with an own key or in the page",
            some_of(own.needed, &own.may),
            some_of(page.needed, &page.may)
        ),
    };
    what.push('.');
    if !approved_by.is_empty() {
        what += &format!(" {} {} approved.", and(approved_by), has(approved_by.len()));
    }
    what += &spread.away;
    let todo = if spread.mine {
        "Read it with your own tool, and approve or reject it.".to_owned()
    } else if one.person == eyes.person {
        format!(
            "You asked for it, so your approval does not count: ask {}.",
            some_of(missing, &spread.on)
        )
    } else if spread.on.is_empty() {
        "Nobody may approve it: change the policy, or cancel it.".to_owned()
    } else {
        format!("Ask {}.", some_of(missing, &spread.on))
    };
    (spread, what, todo)
}

fn queued(queue: Queue, number: usize, eyes: &Eyes<'_>) -> (Spread, String, String) {
    let verb = if number == 1 { "Waits" } else { "They wait" };
    let (asks, what, todo) = match queue.wait {
        Waits::Due => (
            false,
            "Goes with the batch that is due.",
            "Nothing: it goes by itself.",
        ),
        Waits::Batch if queue.automatic => (
            false,
            "for the next batch.",
            "Nothing: the batch is made by itself. Make one now to be faster.",
        ),
        Waits::Batch => (true, "for the next batch.", "Make a batch."),
        Waits::Cheaper => (
            false,
            "for a batch at a lower feerate.",
            "Nothing: it goes once fees fall. Make it urgent to be faster.",
        ),
        Waits::Cap => (
            true,
            "because the fee estimate is above the cap.",
            "Allow one batch a higher feerate, or wait until fees fall.",
        ),
        Waits::Estimate => (
            true,
            "because the node has no fee estimate that counts.",
            "Look at the node's health, or make a batch with a feerate of your own.",
        ),
        Waits::Coins => (
            true,
            "until coins settle or come free.",
            "Wait for coins that come free, or deposit more.",
        ),
        Waits::Blocked => (
            true,
            "because it may not be paid now.",
            "Read why on its page: approvals may have run out.",
        ),
        Waits::Stopped => (
            false,
            "until the stop is released.",
            "Nothing here: whoever may release the stop decides.",
        ),
    };
    let spread = if asks {
        Spread::operator(eyes)
    } else {
        Spread::nobody()
    };
    let what = match queue.wait {
        Waits::Due if number == 1 => what.to_owned(),
        Waits::Due => "They go with the batch that is due.".to_owned(),
        Waits::Batch
        | Waits::Cheaper
        | Waits::Cap
        | Waits::Estimate
        | Waits::Coins
        | Waits::Blocked
        | Waits::Stopped => format!("{verb} {what}"),
    };
    (spread, what, todo.to_owned())
}

/// Those of a queue that wait for the same: one line for all of them.
pub(super) fn queue_line(
    vault: VaultId,
    queue: Queue,
    waiting: &[(Amount, UnixTime)],
    eyes: &Eyes<'_>,
) -> Option<AgendaLine> {
    let since = waiting.iter().map(|(_, since)| *since).min()?;
    let sum = waiting
        .iter()
        .try_fold(Amount::ZERO, |sum, (amount, _)| sum.checked_add(*amount));
    let (spread, what, todo) = queued(queue, waiting.len(), eyes);
    Some(AgendaLine {
        kind: AgendaKind::Queue,
        vault: Some(vault),
        title: counted(waiting.len(), "approved withdrawal", "approved withdrawals"),
        href: format!("/vaults/{vault}/queue"),
        amount: sum,
        what,
        mine: spread.mine,
        on: spread.on,
        others: spread.others,
        since,
        todo,
    })
}
