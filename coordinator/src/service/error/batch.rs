//! What is refused about making a batch and its transaction.

use bitcoin::{Amount, FeeRate};
use policies::document::format_sat_per_vb;
use policies::rules::Shortfall;
use policies::{RequesterName, WithdrawalId};
use serde_json::{Value, json};

use super::{Answer, ErrorClass as Class};
use crate::coin_selection::SelectionError;
use crate::service::waiting::Waiting;
use crate::session::BatchId;

/// A refusal about making a batch and its transaction.
#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    /// No such batch.
    #[error("no batch {batch}")]
    UnknownBatch {
        /// The batch asked for.
        batch: BatchId,
    },
    /// Nothing is approved that could be batched.
    #[error("no approved withdrawal is there to be batched{}", waiting_text(.waiting))]
    NothingToBatch {
        /// Approved ones, and why each waits.
        waiting: Vec<Waiting>,
    },
    /// A sweep that was to be paid together with others.
    #[error("a sweep is its transaction's only payment")]
    SweepNotAlone,
    /// What decides a withdrawal depends on the order in which signers read the batch.
    #[error("withdrawal {requester}/{id} is decided otherwise once others of the batch count")]
    DecidedByOrder {
        /// The requester.
        requester: RequesterName,
        /// The id.
        id: WithdrawalId,
    },
    /// A withdrawal named for a batch is not approved.
    #[error("withdrawal {requester}/{id} is {state}, not approved")]
    NotApproved {
        /// The requester.
        requester: RequesterName,
        /// The id.
        id: WithdrawalId,
        /// Where it stands.
        state: &'static str,
    },
    /// Approvals ran out since the withdrawal was approved.
    #[error("withdrawal {requester}/{id} needs approvals again: {shortfall}")]
    ApprovalsRanOut {
        /// The requester.
        requester: RequesterName,
        /// The id.
        id: WithdrawalId,
        /// What is missing.
        shortfall: Box<Shortfall>,
    },
    /// The entry's time is over before the signers are expected to have signed.
    #[error("withdrawal {requester}/{id} pays a list entry that is about to expire")]
    EntryEnds {
        /// The requester.
        requester: RequesterName,
        /// The id.
        id: WithdrawalId,
    },
    /// Two payments of a batch are equal in script and amount.
    #[error("two payments of {amount} to the same script cannot stand in one transaction")]
    EqualPayments {
        /// The amount.
        amount: Amount,
    },
    /// More withdrawals than one transaction may pay.
    #[error("{found} withdrawals, the policy allows {max} in one transaction beside change")]
    TooManyPayments {
        /// How many were named.
        found: usize,
        /// How many are allowed.
        max: usize,
    },
    /// There is no feerate: none was given and the node has no estimate.
    #[error("no feerate was given and the node has no estimate; the batch is held")]
    NoFeerate,
    /// The feerate given is above the policy's.
    #[error("{} sat/vB is above the policy's {} sat/vB", format_sat_per_vb(*.feerate), format_sat_per_vb(*.cap))]
    FeerateAboveCap {
        /// The feerate.
        feerate: FeeRate,
        /// The policy's.
        cap: FeeRate,
    },
    /// The node is in trouble: no new batch.
    #[error("no new batch while the node {node} is in trouble: {trouble}")]
    NodeTrouble {
        /// The node.
        node: String,
        /// The trouble's code.
        trouble: &'static str,
    },
    /// The watchtower has not seen the chain yet.
    #[error("the watchtower has not seen the chain yet")]
    NoChain,
    /// No coins fit.
    #[error("no coins can be chosen: {0}")]
    CoinSelection(SelectionError),
    /// Another batch took a coin or a withdrawal at the same moment.
    #[error("another batch took one of the coins or withdrawals at the same moment")]
    TakenMeanwhile,
    /// The transaction could not be built.
    #[error("the transaction could not be built: {reason}")]
    Build {
        /// What the role said.
        reason: String,
    },
    /// Our own review refuses what we built; it was not issued.
    #[error("our own review refuses the transaction: {}", .refusals.join("; "))]
    SelfReview {
        /// Its refusals in words.
        refusals: Vec<String>,
        /// Their codes.
        codes: Vec<&'static str>,
    },
}

impl BatchError {
    /// The stable code, the class, and what to do.
    pub(super) fn answer(&self) -> Answer {
        match self {
            Self::UnknownBatch { .. } => (
                "unknown_batch",
                Class::NotFound,
                "`batch list` names the batches",
            ),
            Self::NothingToBatch { .. } => (
                "nothing_to_batch",
                Class::Conflict,
                "`withdrawal list` shows what each one waits for",
            ),
            Self::SweepNotAlone => (
                "sweep_not_alone",
                Class::Refused,
                "make a batch of the sweep alone",
            ),
            Self::DecidedByOrder { .. } => (
                "decided_by_order",
                Class::Conflict,
                "make a batch of it alone, or wait until the others are settled",
            ),
            Self::NotApproved { .. } => (
                "not_approved",
                Class::Conflict,
                "collect its approvals first; `withdrawal show` names what is missing",
            ),
            Self::ApprovalsRanOut { .. } => (
                "approvals_ran_out",
                Class::Conflict,
                "ask its approvers to approve again",
            ),
            Self::EntryEnds { .. } => (
                "entry_about_to_expire",
                Class::Conflict,
                "add the destination again with a later end",
            ),
            Self::EqualPayments { .. } => (
                "equal_payments",
                Class::Refused,
                "pay the two in two batches",
            ),
            Self::TooManyPayments { .. } => (
                "too_many_payments",
                Class::Refused,
                "name fewer withdrawals",
            ),
            Self::NoFeerate => (
                "no_feerate",
                Class::Unavailable,
                "give a feerate, or wait until the node has an estimate",
            ),
            Self::FeerateAboveCap { .. } => (
                "feerate_above_cap",
                Class::Refused,
                "give a feerate within the policy's cap",
            ),
            Self::NodeTrouble { .. } => (
                "node_trouble",
                Class::Unavailable,
                "see to the node; `status` shows when it is well again",
            ),
            Self::NoChain => (
                "no_chain",
                Class::Unavailable,
                "start the watchtower, and look at `status`",
            ),
            Self::CoinSelection(_) => (
                "coin_selection",
                Class::Refused,
                "wait for coins to settle or come free, or pay less at once",
            ),
            Self::TakenMeanwhile => ("taken_meanwhile", Class::Conflict, "ask again"),
            Self::Build { .. } => (
                "build_failed",
                Class::Refused,
                "look at the reason; report it if it comes again",
            ),
            Self::SelfReview { .. } => (
                "self_review_refused",
                Class::Refused,
                "look at the refusals: every signer would refuse for the same reasons",
            ),
        }
    }

    /// The facts by name, or null where the words say all.
    pub(super) fn facts(&self) -> Value {
        match self {
            Self::NothingToBatch { waiting } => json!({ "waiting": waiting }),
            Self::DecidedByOrder { requester, id } | Self::EntryEnds { requester, id } => {
                json!({ "requester": requester, "id": id })
            }
            Self::NotApproved {
                requester,
                id,
                state,
            } => {
                json!({ "requester": requester, "id": id, "state": state })
            }
            Self::FeerateAboveCap { feerate, cap } => json!({
                "feerate_sat_vb": format_sat_per_vb(*feerate),
                "cap_sat_vb": format_sat_per_vb(*cap),
            }),
            Self::NodeTrouble { node, trouble } => json!({ "node": node, "trouble": trouble }),
            Self::SelfReview { refusals, codes } => json!({ "refusals": refusals, "codes": codes }),
            Self::UnknownBatch { .. }
            | Self::SweepNotAlone
            | Self::ApprovalsRanOut { .. }
            | Self::EqualPayments { .. }
            | Self::TooManyPayments { .. }
            | Self::NoFeerate
            | Self::NoChain
            | Self::CoinSelection(_)
            | Self::TakenMeanwhile
            | Self::Build { .. } => Value::Null,
        }
    }
}

fn waiting_text(waiting: &[Waiting]) -> String {
    let first = waiting.first();
    first.map_or_else(String::new, |first| {
        format!("; {} wait, the first since {}", waiting.len(), first.says)
    })
}
