//! The question that a held queue asks, once, and its answer.
//!
//! A question is open from the first look that finds a withdrawal above the fee cap until a batch went by its
//! answer or fees fell. It is asked once: what changes meanwhile is shown, not asked again, unless an answer was
//! overtaken by fees. Invariant: an answer is never above the policy's cap, and serves one batch.

use bitcoin::FeeRate;
use policies::document::format_sat_per_vb;

/// A question that was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question {
    /// Its number among the vault's questions, from 1.
    pub number: u64,
    /// The feerate that was asked for.
    pub asked: FeeRate,
    /// The highest feerate that was allowed for one batch, if it was answered.
    pub allowed: Option<FeeRate>,
}

/// What is to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Turn {
    /// Nothing.
    Nothing,
    /// A question; it takes the place of one that is open.
    Ask(FeeRate),
    /// Nothing is above the cap any more: the question and its answer are void.
    Over,
}

/// What is to be told when withdrawals ask for `held` above the cap, or none does.
pub fn turn(open: Option<&Question>, held: Option<FeeRate>) -> Turn {
    match (open, held) {
        (None, None) => Turn::Nothing,
        (None, Some(feerate)) => Turn::Ask(feerate),
        (Some(_), None) => Turn::Over,
        (Some(question), Some(feerate)) => match question.allowed {
            Some(allowed) if feerate > allowed.max(question.asked) => Turn::Ask(feerate),
            Some(_) | None => Turn::Nothing,
        },
    }
}

/// Why an answer is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// No question is open.
    #[error("nothing is held above the fee cap: there is nothing to allow")]
    NothingHeld,
    /// Another question was asked since.
    #[error("question {answered} is over; the one that is open is {open}")]
    OtherQuestion {
        /// The question answered.
        answered: u64,
        /// The one that is open.
        open: u64,
    },
    /// More than any signer would sign.
    #[error("{} sat/vB is above the policy's {} sat/vB", format_sat_per_vb(*.feerate), format_sat_per_vb(*.most))]
    AbovePolicy {
        /// The feerate.
        feerate: FeeRate,
        /// The policy's.
        most: FeeRate,
    },
    /// Nothing that is held would go at it.
    #[error("{} sat/vB lets nothing go: the least that is held asks for {} sat/vB", format_sat_per_vb(*.feerate), format_sat_per_vb(*.least))]
    TooLittle {
        /// The feerate.
        feerate: FeeRate,
        /// The lowest feerate that would let something go.
        least: FeeRate,
    },
}

/// The question as answered: one batch may go at up to `feerate`. `least` is the lowest feerate above the cap that
/// one asks for.
///
/// # Errors
/// Where it is no answer to the question that is open, above the policy's cap, or lets nothing go.
pub fn answered(
    open: Option<&Question>,
    number: u64,
    feerate: FeeRate,
    (least, most): (Option<FeeRate>, FeeRate),
) -> Result<Question, AnswerError> {
    let (question, least) = open.zip(least).ok_or(AnswerError::NothingHeld)?;
    if question.number != number {
        return Err(AnswerError::OtherQuestion {
            answered: number,
            open: question.number,
        });
    }
    if feerate > most {
        return Err(AnswerError::AbovePolicy { feerate, most });
    }
    if feerate < least {
        return Err(AnswerError::TooLittle { feerate, least });
    }
    Ok(Question {
        allowed: Some(feerate),
        ..*question
    })
}
