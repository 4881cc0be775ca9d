//! The queue: which approved withdrawals are paid now, which wait and why, and when to look again. Pure.
//!
//! How fast a withdrawal is to be paid is metadata of its submission, never part of what is signed. Four rules
//! keep the queue fair. *Nobody holds up others*: who cannot be paid, waits for cheaper fees, or is held above the
//! fee cap, is passed by, and changes nothing for those behind. *Nobody starves*: who waited for the patience goes
//! first, oldest first, in every batch that is made, and makes one; so does, as an urgent one, whose latest time
//! comes near. *Nobody is paid for by others*: a batch goes at the highest feerate that one of those it is made for
//! needs, and a patient withdrawal does not ride along where that is dearer than an ordinary batch. *Nobody pays
//! more than was said*: above the fee cap the queue holds and asks once; an answer lets one batch go at a higher
//! feerate, never above the policy's own cap, which every signer checks.
//!
//! Invariant: [`decide`] never lets a withdrawal go at a feerate above [`Circumstances::limit`].

mod decision;
mod filling;
mod place;
mod question;
mod speed;
#[cfg(test)]
mod tests;

pub use self::decision::{Circumstances, Decision, Offer, PATIENCE, Rules, decide, estimate_of};
pub use self::filling::{Chosen, fill};
pub use self::place::{Late, Obstacle, Place, Queued, Wait};
pub use self::question::{AnswerError, Question, Turn, answered, turn};
pub use self::speed::{Speed, SpeedError};
