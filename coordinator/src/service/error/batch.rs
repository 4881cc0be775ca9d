//! What is refused about making a batch and its transaction.

use bitcoin::{Amount, FeeRate, Txid};
use policies::document::format_sat_per_vb;
use policies::rules::Shortfall;
use policies::{RequesterName, Subject, WithdrawalId};
use serde_json::{Value, json};

use super::{Answer, ErrorClass as Class};
use crate::coin_selection::SelectionError;
use crate::exclusion::CannotBeExclusive;
use crate::service::health::node_in_words;
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
    /// A transaction that nobody handed over here spends coins of the vault and pays just this.
    #[error(
        "{txid}, which this database knows nothing of, spends coins of the vault and pays withdrawal {requester}/{id}"
    )]
    PaidByUnknown {
        /// The requester.
        requester: RequesterName,
        /// The id.
        id: WithdrawalId,
        /// The transaction.
        txid: Txid,
    },
    /// The reference in whose name it is paid is an account that is below 0.
    #[error("withdrawal {requester}/{id} is paid in the name of {reference:?}, which is below 0")]
    CustomerNegative {
        /// The requester.
        requester: RequesterName,
        /// The id.
        id: WithdrawalId,
        /// The reference.
        reference: String,
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
    /// There is no feerate: none was given, and the node's estimates are too old to count.
    #[error(
        "no feerate was given and the node's estimates are {age_s} s old, more than {max_age_s} s; the batch is held"
    )]
    FeesStale {
        /// Their age in seconds.
        age_s: u64,
        /// The greatest age at which they count.
        max_age_s: u64,
    },
    /// The node's estimate is above the fee cap: that of the configuration, or the policy's where it is lower.
    #[error("the node's estimate of {} sat/vB is above the fee cap of {} sat/vB; the batch is held", format_sat_per_vb(*.estimate), format_sat_per_vb(*.cap))]
    FeesAboveCap {
        /// The estimate.
        estimate: FeeRate,
        /// The cap.
        cap: FeeRate,
    },
    /// The feerate given is above the policy's.
    #[error("{} sat/vB is above the policy's {} sat/vB", format_sat_per_vb(*.feerate), format_sat_per_vb(*.cap))]
    FeerateAboveCap {
        /// The feerate.
        feerate: FeeRate,
        /// The policy's.
        cap: FeeRate,
    },
    /// The node is in trouble: no new batch.
    #[error("no new batch while {} is in trouble: {trouble}", node_in_words(node))]
    NodeTrouble {
        /// The node.
        node: String,
        /// The trouble's code.
        trouble: &'static str,
    },
    /// A wallet is moving into the vault: nothing is spent before books and node agree.
    #[error(
        "a wallet is moving into this vault ({step}): nothing is spent before books and node agree"
    )]
    MovingIn {
        /// `scanning` or `comparing`.
        step: &'static str,
    },
    /// The vault is stopped: no payment is issued.
    #[error("the vault is stopped: {reason:?} (stop {stop})")]
    Stopped {
        /// The first stop in force.
        stop: Subject,
        /// Why.
        reason: String,
    },
    /// The watchtower has not seen the chain yet.
    #[error("the watchtower has not seen the chain yet")]
    NoChain,
    /// No coins fit.
    #[error("no coins can be chosen: {0}")]
    CoinSelection(SelectionError),
    /// The policy asks for a coin in the chain, and none can be shown.
    #[error(
        "the policy asks for a coin in a block with {confirmations} confirmations, and none can be shown"
    )]
    NothingShown {
        /// What the policy demands.
        confirmations: u32,
    },
    /// Nothing that can be spent excludes an earlier transaction of the same line (M2).
    #[error("{0}")]
    CannotBeExclusive(CannotBeExclusive),
    /// What an earlier transaction of both spends does not suffice for two transactions that both exclude it.
    #[error("it cannot be split into two transactions that may both confirm: {0}")]
    CannotBeSplit(CannotBeExclusive),
    /// What would be done is not what the preview that was agreed to said.
    #[error("what would be done is no longer what was shown")]
    PreviewChanged,
    /// A withdrawal that was to leave a batch is not in it.
    #[error("withdrawal {requester}/{id} is not paid by batch {batch} now")]
    NotInBatch {
        /// The batch.
        batch: BatchId,
        /// The requester.
        requester: RequesterName,
        /// The id.
        id: WithdrawalId,
    },
    /// A plan that pays nothing.
    #[error("nothing would be left to pay in batch {batch}")]
    NothingLeft {
        /// The batch.
        batch: BatchId,
    },
    /// No attempt of a batch may confirm any more.
    #[error("batch {batch} has no attempt that may still confirm and is in no block")]
    NothingToCancel {
        /// The batch.
        batch: BatchId,
    },
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
            Self::PaidByUnknown { .. } => (
                "paid_by_unknown",
                Class::Conflict,
                "stop batching: a database restored from a backup does not know what was issued since; signers' journals do",
            ),
            Self::CustomerNegative { .. } => (
                "customer_negative",
                Class::Conflict,
                "wait until deposits make it even, or let it go with `customer release`; `customer list` says how it stands",
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
                "give --feerate N, or wait for the node's estimate; on regtest set fee_estimate_fallback_sat_kwu",
            ),
            Self::FeesStale { .. } => (
                "fees_stale",
                Class::Unavailable,
                "see that the watchtower runs and its node answers; or give --feerate N",
            ),
            Self::FeesAboveCap { .. } => (
                "fees_above_cap",
                Class::Conflict,
                "wait, or give a feerate within the policy's cap and be paid more slowly",
            ),
            Self::FeerateAboveCap { .. } => (
                "feerate_above_cap",
                Class::Refused,
                "give a feerate within the policy's cap",
            ),
            Self::MovingIn { .. } => (
                "moving_in",
                Class::Conflict,
                "`chain move-in` shows how far it is",
            ),
            Self::Stopped { .. } => (
                "stopped",
                Class::Conflict,
                "have it released with `countersign-signer stop release`, and hand the release in",
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
            Self::NothingShown { .. } => (
                "nothing_shown",
                Class::Conflict,
                "wait for confirmations; a coin that the watchtower began with needs a node that has its block",
            ),
            Self::CannotBeExclusive(_) => (
                "cannot_be_exclusive",
                Class::Refused,
                "ask for a new intent that `repeats` the old one; both may then be paid",
            ),
            Self::CannotBeSplit(_) => (
                "cannot_be_split",
                Class::Refused,
                "plan it without those first; once that is settled, `withdrawal pay-again` pays them from its change",
            ),
            Self::PreviewChanged => (
                "preview_changed",
                Class::Conflict,
                "look at the new preview, and confirm that one if it is right",
            ),
            Self::NotInBatch { .. } => (
                "not_in_batch",
                Class::Conflict,
                "`withdrawal show` names the batch that pays it now",
            ),
            Self::NothingLeft { .. } => (
                "nothing_left",
                Class::Refused,
                "leave some in it, or cancel it with `batch cancel`",
            ),
            Self::NothingToCancel { .. } => (
                "nothing_to_cancel",
                Class::Conflict,
                "nothing is to be done: what it paid is in a block, or can never confirm",
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
            Self::PaidByUnknown {
                requester,
                id,
                txid,
            } => json!({ "requester": requester, "id": id, "txid": txid }),
            Self::CustomerNegative {
                requester,
                id,
                reference,
            } => json!({ "requester": requester, "id": id, "reference": reference }),
            Self::FeerateAboveCap { feerate, cap } => json!({
                "feerate_sat_vb": format_sat_per_vb(*feerate),
                "cap_sat_vb": format_sat_per_vb(*cap),
            }),
            Self::MovingIn { step } => json!({ "step": step }),
            Self::Stopped { stop, reason } => json!({ "stop": stop, "reason": reason }),
            Self::FeesAboveCap { estimate, cap } => json!({
                "feerate_sat_vb": format_sat_per_vb(*estimate),
                "cap_sat_vb": format_sat_per_vb(*cap),
            }),
            Self::FeesStale { age_s, max_age_s } => {
                json!({ "age_s": age_s, "max_age_s": max_age_s })
            }
            Self::NodeTrouble { node, trouble } => json!({ "node": node, "trouble": trouble }),
            Self::SelfReview { refusals, codes } => json!({ "refusals": refusals, "codes": codes }),
            Self::CannotBeExclusive(cannot) | Self::CannotBeSplit(cannot) => json!(cannot),
            Self::NotInBatch {
                batch,
                requester,
                id,
            } => json!({ "batch": batch, "requester": requester, "id": id }),
            Self::NothingLeft { batch } | Self::NothingToCancel { batch } => {
                json!({ "batch": batch })
            }
            Self::UnknownBatch { .. }
            | Self::SweepNotAlone
            | Self::ApprovalsRanOut { .. }
            | Self::EqualPayments { .. }
            | Self::TooManyPayments { .. }
            | Self::NoFeerate
            | Self::NoChain
            | Self::CoinSelection(_)
            | Self::NothingShown { .. }
            | Self::TakenMeanwhile
            | Self::PreviewChanged
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
