//! Whether an attempt that is out is stuck, and what it is to pay then.
//!
//! Invariants: nothing is raised to more than the cap or the estimate, nor twice at one tip, nor while something that
//! may take its place is out for signing, unless that waited so long that a child is to pay meanwhile; and all that is
//! done for one batch never costs more than its budget beyond the first fee.
#![deny(clippy::arithmetic_side_effects)]

#[cfg(test)]
mod tests;

use bitcoin::{Amount, FeeRate};

use super::{Bump, FeePolicy, Gap};

/// An attempt that was broadcast and that no block holds, and what surrounds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Out {
    /// What it pays.
    pub paid: FeeRate,
    /// Whether the node's mempool holds it.
    pub in_mempool: bool,
    /// The height of the tip when it was first found to be out.
    pub since: u32,
    /// The height of the tip.
    pub tip: u32,
    /// Whether something was done or said of its batch at this tip already.
    pub is_done_at_tip: bool,
    /// What is on its way for it already.
    pub beside: Beside,
    /// The estimate for the policy's target.
    pub estimate: Result<FeeRate, Gap>,
    /// The least that the node's mempool takes.
    pub least: Option<FeeRate>,
    /// The highest feerate that is paid without asking, within the policy document's.
    pub cap: FeeRate,
    /// What the next rung of its ladder pays, if it has one that is held.
    pub next_rung: Option<FeeRate>,
}

/// What is on its way for an attempt already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beside {
    /// Nothing.
    Nothing,
    /// What pays the same in its place waits for signatures, or to be broadcast.
    Waits {
        /// The height of the tip when it was made, or first found.
        since: u32,
    },
    /// A child of ours pays for it, and nothing else is on its way.
    Child {
        /// The height of the tip when it was made, or first found.
        since: u32,
        /// What both pay together; none while the child waits for signatures.
        together: Option<FeeRate>,
    },
    /// Both wait, a child and what takes its place; or what takes its place does not pay the same, so that nobody wants
    /// it to confirm.
    Other,
}

/// Why nothing is done of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// Nothing happens by itself.
    Off,
    /// It may still wait.
    InTime,
    /// What it pays is what is asked for.
    PaysEnough,
    /// Something that takes its place waits for signatures, or a child pays for it.
    Rivalled,
    /// It was looked at since the last block.
    DoneAtTip,
}

/// Why a stuck attempt is held as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// There is no estimate.
    NoEstimate(Gap),
    /// The node asks for more than is paid without asking, and the attempt pays that already.
    AboveCap {
        /// The estimate.
        estimate: FeeRate,
        /// The cap.
        cap: FeeRate,
    },
    /// It would cost more than the budget.
    OverBudget {
        /// What it would cost beyond the first fee.
        more: Amount,
        /// The budget.
        budget: Amount,
    },
}

impl Held {
    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NoEstimate(gap) => gap.code(),
            Self::AboveCap { .. } => "above_cap",
            Self::OverBudget { .. } => "over_budget",
        }
    }
}

/// What is to be done of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Turn {
    /// Nothing.
    Rest(Rest),
    /// It is stuck, and nothing can be done within what was said.
    Hold(Held),
    /// It is to pay this, if that is within the budget.
    Raise(FeeRate),
    /// The next rung of its ladder, which pays this, is to be released, if that is within the budget.
    Release(FeeRate),
    /// What takes its place waits for signatures for too long: a child of its own change is to lift it to this
    /// meanwhile, if both are within the budget. At most one of the two is ever in a chain: what takes its place spends
    /// its coins, and the child what it makes of them.
    Child(FeeRate),
}

/// Decides what is to be done.
pub fn decide(policy: &FeePolicy, out: &Out) -> Turn {
    if policy.bump == Bump::Off {
        return Turn::Rest(Rest::Off);
    }
    match out.beside {
        Beside::Nothing => {}
        Beside::Waits { since } => return meanwhile(policy, out, since),
        Beside::Child { since, together } => return after(policy, out, since, together),
        Beside::Other => return Turn::Rest(Rest::Rivalled),
    }
    let is_late = out.tip.saturating_sub(out.since) >= policy.deadline;
    let is_dropped = !out.in_mempool && out.least.is_some_and(|least| out.paid < least);
    if !is_late && !is_dropped {
        return Turn::Rest(Rest::InTime);
    }
    match target(out) {
        Ok(Some(target)) => once(out, step(out, target)),
        Ok(None) => Turn::Rest(Rest::PaysEnough),
        Err(held) => once(out, Turn::Hold(held)),
    }
}

/// How it comes to pay so much: by the next rung of its ladder, if it has one, else by what is made in its place.
fn step(out: &Out, target: FeeRate) -> Turn {
    match out.next_rung {
        Some(rung) if rung > out.cap => Turn::Hold(Held::AboveCap {
            estimate: rung,
            cap: out.cap,
        }),
        Some(rung) => Turn::Release(rung),
        None => Turn::Raise(target),
    }
}

/// What it is to pay: the estimate, or the cap where that is lower; none where it pays as much.
fn target(out: &Out) -> Result<Option<FeeRate>, Held> {
    let estimate = out.estimate.map_err(Held::NoEstimate)?;
    let asked = estimate.max(out.least.unwrap_or(FeeRate::ZERO));
    if out.paid >= asked {
        return Ok(None);
    }
    let target = asked.min(out.cap);
    let below_least = out.least.is_some_and(|least| target < least);
    if target <= out.paid || below_least {
        return Err(Held::AboveCap {
            estimate: asked,
            cap: out.cap,
        });
    }
    Ok(Some(target))
}

/// What is to be done while that which takes its place waits since a height: a child pays once a whole deadline more
/// has passed, for signers may be away who must sign the one and not the other.
fn meanwhile(policy: &FeePolicy, out: &Out, since: u32) -> Turn {
    let may_pay = policy.cpfp && policy.bump == Bump::Automatic;
    let is_late = out.tip.saturating_sub(since) >= policy.deadline;
    match target(out) {
        Ok(Some(target)) if may_pay && is_late => once(out, Turn::Child(target)),
        Ok(_) | Err(_) => Turn::Rest(Rest::Rivalled),
    }
}

/// What is to be done where a child pays since a height: once a whole deadline more has passed and the two pay too little
/// together, the attempt is raised as if it had none, and its child dies with it. One that waits for signatures is
/// waited for.
fn after(policy: &FeePolicy, out: &Out, since: u32, together: Option<FeeRate>) -> Turn {
    let is_late = out.tip.saturating_sub(since) >= policy.deadline;
    let Some(together) = together.filter(|_| is_late) else {
        return Turn::Rest(Rest::Rivalled);
    };
    let both = Out {
        paid: out.paid.max(together),
        ..*out
    };
    match target(&both) {
        Ok(Some(target)) => {
            // A rung that pays less than the two do now would take the place of more.
            let next_rung = out.next_rung.filter(|rung| *rung > both.paid);
            once(out, step(&Out { next_rung, ..*out }, target))
        }
        Ok(None) => Turn::Rest(Rest::Rivalled),
        Err(held) => once(out, Turn::Hold(held)),
    }
}

/// Nothing more than once at one tip.
fn once(out: &Out, turn: Turn) -> Turn {
    if out.is_done_at_tip {
        Turn::Rest(Rest::DoneAtTip)
    } else {
        turn
    }
}

/// What is left of a batch's budget once `fee` is paid in the place of `first`, and `children` besides.
///
/// Where a child pays for an attempt while its replacement waits, at most one of the two is ever paid: the dearer one
/// would be bound enough. Both are counted all the same, `fee` being that of the dearer attempt, so that no order in
/// which they are signed can cost more.
///
/// # Errors
/// [`Held::OverBudget`] with what it would cost.
pub fn within_budget(
    policy: &FeePolicy,
    first: Amount,
    fee: Amount,
    children: Amount,
) -> Result<Amount, Held> {
    let budget = policy.budget;
    let over = |more| Held::OverBudget { more, budget };
    let costs = fee.checked_add(children).ok_or(over(Amount::MAX_MONEY))?;
    let more = costs.checked_sub(first).unwrap_or(Amount::ZERO);
    budget.checked_sub(more).ok_or(over(more))
}
