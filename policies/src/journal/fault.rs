//! Why an intent or a transaction does not fit to what a journal remembers.

use bitcoin::{OutPoint, Txid};
use serde::Serialize;

use crate::ids::{IntentHash, JournalHead};
use crate::intent::{PublicKey, RequesterName, WithdrawalId};
use crate::time::UnixTime;

/// Why an intent's time of creation is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(untagged)]
pub enum CreatedRefusal {
    /// It may have been signed before the journal was born.
    #[error(
        "created {created}, but this journal may sign only what was created from {earliest} on"
    )]
    BeforeBirth {
        /// When it was made.
        created: UnixTime,
        /// The first moment allowed.
        earliest: UnixTime,
    },
    /// It comes from the future.
    #[error("created {created}, which is after {latest}")]
    FromTheFuture {
        /// When it was made.
        created: UnixTime,
        /// The last moment allowed.
        latest: UnixTime,
    },
}

/// Why a transaction cannot stand in one history with what is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(untagged)]
pub enum Fault {
    /// The journal moved; another one signs in its place.
    #[error("this journal moved to {to} and signs nothing more")]
    Moved {
        /// The journal that goes on.
        to: PublicKey,
    },
    /// This journal promised never to sign it.
    #[error("this journal voided {txid}: it promised never to sign it")]
    Voided {
        /// The transaction.
        txid: Txid,
    },
    /// It spends nothing.
    #[error("transaction {txid} has no inputs")]
    NoInputs {
        /// The transaction.
        txid: Txid,
    },
    /// It spends an outpoint twice.
    #[error("transaction {txid} spends {input} twice")]
    InputTwice {
        /// The transaction.
        txid: Txid,
        /// The outpoint.
        input: OutPoint,
    },
    /// It carries as an ancestor what is none: nothing leads from its inputs there, or it comes twice.
    #[error("transaction {txid} does not descend from {ancestor}")]
    NoAncestor {
        /// The transaction.
        txid: Txid,
        /// What it carries.
        ancestor: Txid,
    },
    /// The same txid stands there with other inputs.
    #[error("transaction {txid} was signed with other inputs")]
    OtherInputs {
        /// The transaction.
        txid: Txid,
    },
    /// The same withdrawal stands there with another intent.
    #[error("withdrawal {requester}/{id} is known with another body, {known}")]
    SecondBody {
        /// Who asked.
        requester: RequesterName,
        /// The withdrawal's id.
        id: WithdrawalId,
        /// The hash of the intent that is known.
        known: IntentHash,
    },
    /// It pays two intents of one line.
    #[error("transaction {txid} pays both {first} and {second}, of which at most one may be paid")]
    PaidTwice {
        /// The transaction.
        txid: Txid,
        /// One intent.
        first: IntentHash,
        /// The other intent.
        second: IntentHash,
    },
    /// An earlier transaction of the line is not exclusive with it: both could be in one chain.
    #[error("{requester}/{id} was signed in {earlier}, and {txid} could be in one chain with it")]
    NotExclusive {
        /// The transaction.
        txid: Txid,
        /// The earlier one.
        earlier: Txid,
        /// Who asked for the withdrawal in question.
        requester: RequesterName,
        /// The withdrawal's id.
        id: WithdrawalId,
    },
}

/// How a receipt shows that a journal was rolled back or cloned: its key signed what it does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(untagged)]
pub enum Rollback {
    /// A receipt has a counter that this journal has not reached.
    #[error("journal {journal} signed a receipt at entry {counter}, but ends here at {last}")]
    Ahead {
        /// The journal's key.
        journal: PublicKey,
        /// The receipt's counter.
        counter: u64,
        /// The journal's last entry here.
        last: u64,
    },
    /// A receipt has another head at a counter of this journal.
    #[error(
        "journal {journal} signed a receipt with the head {found} at entry {counter}, here it is {expected}"
    )]
    Forked {
        /// The journal's key.
        journal: PublicKey,
        /// The counter of both.
        counter: u64,
        /// The receipt's head.
        found: JournalHead,
        /// This journal's head.
        expected: JournalHead,
    },
}
