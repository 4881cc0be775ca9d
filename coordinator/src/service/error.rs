//! What the service refuses and why: one stable code each, with the facts.

use bitcoin::{Amount, FeeRate, OutPoint, ScriptBuf, Txid};
use policies::document::{Mistake, format_sat_per_vb};
use policies::hash::Purpose;
use policies::intent::StatementError;
use policies::intent::{IntentError, KeyError, ProofError, SignatureError};
use policies::journal::MoveError;
use policies::rules::{DenyReason, Shortfall};
use policies::{
    IntentHash, KeyId, Keyset, PublicKey, RequesterName, Subject, UnixTime, VaultId, WithdrawalId,
};
use watchtower::store::database::DatabaseError;
use watchtower::store::events::EventError;
use watchtower::store::ledger::LedgerError;

use super::access::{Right, Role};
use super::journals::RefusedReceipt;
use super::waiting::Waiting;
use crate::coin_selection::SelectionError;
use crate::session::{BatchId, IllegalTransition};
use crate::store::jobs::ClaimError;

/// Why the service did not do what it was asked. Nothing is changed then.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The token is unknown or revoked.
    #[error("the token is not valid")]
    Unauthorized,
    /// The role does not include this.
    #[error("a token of role {role} may not {}", .right.name())]
    Forbidden {
        /// The token's role.
        role: Role,
        /// What it asked for.
        right: Right,
    },
    /// A field is not what it must be.
    #[error("{field} is not {expected}")]
    Malformed {
        /// The field.
        field: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// A list is asked for by a state that does not exist.
    #[error("state: there is no state {state:?}, only {}", .known.join(", "))]
    UnknownState {
        /// The state asked for, at most 40 characters of it.
        state: String,
        /// The states there are.
        known: &'static [&'static str],
    },
    /// No such vault.
    #[error("no vault {vault}")]
    UnknownVault {
        /// The vault asked for.
        vault: VaultId,
    },
    /// No such withdrawal.
    #[error("no withdrawal {requester}/{id}")]
    UnknownWithdrawal {
        /// The requester.
        requester: RequesterName,
        /// The id.
        id: WithdrawalId,
    },
    /// No withdrawal has this intent.
    #[error("no withdrawal has the intent {intent}")]
    UnknownIntent {
        /// The intent.
        intent: IntentHash,
    },
    /// No such batch.
    #[error("no batch {batch}")]
    UnknownBatch {
        /// The batch asked for.
        batch: BatchId,
    },
    /// No such attempt.
    #[error("no attempt {txid}")]
    UnknownAttempt {
        /// The attempt asked for.
        txid: Txid,
    },
    /// No such token.
    #[error("no token {id}")]
    UnknownToken {
        /// The token asked for.
        id: String,
    },
    /// The policy document has mistakes.
    #[error("the policy document has {} mistakes; the first: {}", .mistakes.len(), .mistakes.first().map_or_else(String::new, ToString::to_string))]
    PolicyMistakes {
        /// All of them.
        mistakes: Vec<Mistake>,
    },
    /// The policy is for another network than this coordinator.
    #[error("the policy is for {found}, this coordinator serves {expected}")]
    WrongNetwork {
        /// The coordinator's network.
        expected: bitcoin::Network,
        /// The policy's.
        found: bitcoin::Network,
    },
    /// The bytes are no intent.
    #[error(transparent)]
    Intent(#[from] IntentError),
    /// A key or a signature is not written as one.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// No requester of the policy has this key.
    #[error("no requester of the policy has the key {key}")]
    UnknownRequestKey {
        /// The key.
        key: KeyId,
    },
    /// The key belongs to another requester than the intent names.
    #[error("the key {key} belongs to requester {owner}, the intent is of {requester}")]
    OtherRequester {
        /// The key.
        key: KeyId,
        /// Whose it is.
        owner: String,
        /// Whom the intent names.
        requester: RequesterName,
    },
    /// The request's signature does not hold.
    #[error("the request's signature: {0}")]
    RequestSignature(#[source] SignatureError),
    /// The intent is for another vault.
    #[error("the intent is for vault {found}, not {expected}")]
    OtherVault {
        /// The vault addressed.
        expected: VaultId,
        /// The vault in the intent.
        found: VaultId,
    },
    /// The intent is for another keyset.
    #[error("the intent is for keyset {found}, the vault's is {expected}")]
    OtherKeyset {
        /// The vault's keyset.
        expected: Keyset,
        /// The keyset in the intent.
        found: Keyset,
    },
    /// The intent's time is over.
    #[error("the intent expired at {expires}, it is {now}")]
    IntentExpired {
        /// When it ended.
        expires: UnixTime,
        /// The time now.
        now: UnixTime,
    },
    /// The intent was made in the future.
    #[error("the intent was made at {created}, which is after {latest}, the latest allowed now")]
    IntentFromTheFuture {
        /// When it says it was made.
        created: UnixTime,
        /// Now and the clock skew that the policy allows.
        latest: UnixTime,
    },
    /// This kind of intent, or this use of it, is not served yet.
    #[error("{what} is not supported yet")]
    NotYet {
        /// What was asked for.
        what: &'static str,
    },
    /// The script is of no kind that withdrawals may pay.
    #[error("the script {script} is not p2pkh, p2sh, p2wpkh, p2wsh or p2tr")]
    ScriptNotAllowed {
        /// The script.
        script: ScriptBuf,
    },
    /// The amount is dust for its script.
    #[error("{amount} is dust: this script takes at least {minimum}")]
    Dust {
        /// The amount asked for.
        amount: Amount,
        /// The least for this script.
        minimum: Amount,
    },
    /// A payment to the vault itself.
    #[error("the script is the vault's own; only a transfer may pay it")]
    OwnScript,
    /// A transfer that pays somebody else.
    #[error("the script is not the vault's own: a transfer pays one of its deposit addresses")]
    TransferToStranger,
    /// A transfer to a script that was never issued as a deposit address.
    #[error("the script is the vault's own and was never issued as a deposit address")]
    TransferNotIssued,
    /// A sweep that was to be paid together with others.
    #[error("a sweep is its transaction's only payment")]
    SweepNotAlone,
    /// A coin that was named is spent, not settled, or not the vault's.
    #[error("the coin {outpoint} is not a settled unspent coin of the vault")]
    CoinNotSettled {
        /// The coin.
        outpoint: OutPoint,
    },
    /// A coin that was named is held by another batch.
    #[error("the coin {outpoint} is held by an open batch")]
    CoinReserved {
        /// The coin.
        outpoint: OutPoint,
    },
    /// A coin that was named is not old enough for the recovery path.
    #[error(
        "the coin {outpoint} can be recovered from height {height} on, after {older} blocks; the next block is {next}"
    )]
    CoinTooYoung {
        /// The coin.
        outpoint: OutPoint,
        /// The blocks that the path demands.
        older: u16,
        /// The first block that may hold it.
        height: u32,
        /// The next block.
        next: u32,
    },
    /// No free coin is old enough for the recovery path.
    #[error("no free coin can be recovered in the next block{}", .from.map_or_else(String::new, |height| format!("; the first one from height {height} on")))]
    NothingToRecover {
        /// The first block that may hold a recovery, if there is any coin.
        from: Option<u32>,
    },
    /// The vault's descriptor has no such recovery path.
    #[error("the vault has no recovery path {}", .older.map_or_else(|| "at all".to_owned(), |older| format!("after {older} blocks")))]
    NoRecoveryPath {
        /// The age asked for.
        older: Option<u16>,
    },
    /// No coin is free to be spent.
    #[error("no settled coin of the vault is free")]
    NothingToSpend,
    /// Fewer coins are free than a consolidation joins.
    #[error("{found} free coins pay for themselves, a consolidation joins at least 2")]
    NothingToConsolidate {
        /// How many there are.
        found: usize,
    },
    /// The budget of spends to ourselves is used up, and nobody can approve more.
    #[error(
        "{fees} in {count} spends to ourselves are beyond the budget, and the policy names nobody for maintenance"
    )]
    SelfSpendBudget {
        /// The fees in the window, this one included.
        fees: Amount,
        /// The number in the window, this one included.
        count: u32,
    },
    /// The attempt pays withdrawals, or recovers: maintenance approves neither.
    #[error(
        "attempt {txid} is for {purpose}: only spends to ourselves are approved as maintenance"
    )]
    NotMaintenance {
        /// The attempt.
        txid: Txid,
        /// What it is for.
        purpose: &'static str,
    },
    /// The policy lets nobody approve maintenance, or not this person.
    #[error("{approver} may not approve maintenance under this policy")]
    NotAMaintainer {
        /// The approver.
        approver: String,
    },
    /// The attempt takes no approvals any more.
    #[error("attempt {txid} is {state} and takes no approvals")]
    MaintenanceTooLate {
        /// The attempt.
        txid: Txid,
        /// Where it stands.
        state: &'static str,
    },
    /// No rule allows it.
    #[error("denied by the policy: {0}")]
    Denied(DenyReason),
    /// The vault has not enough.
    #[error("{wanted} wanted, {available} available")]
    InsufficientFunds {
        /// What is settled, unreserved and not promised.
        available: Amount,
        /// What was asked for.
        wanted: Amount,
    },
    /// The id stands with another body.
    #[error("{requester} has used the id {id} for another intent")]
    IdReused {
        /// The requester.
        requester: RequesterName,
        /// The id.
        id: WithdrawalId,
    },
    /// Another withdrawal pays the same script the same amount, so one output would satisfy both.
    #[error(
        "{requester}/{id} pays the same script the same amount: one output would satisfy both, so signers pay only one"
    )]
    EqualPayment {
        /// The other's requester.
        requester: RequesterName,
        /// The other's id.
        id: WithdrawalId,
    },
    /// The withdrawal is past cancelling.
    #[error("withdrawal {requester}/{id} is {state} and can no longer be cancelled")]
    NotCancellable {
        /// The requester.
        requester: RequesterName,
        /// The id.
        id: WithdrawalId,
        /// Where it stands.
        state: &'static str,
    },
    /// No approver of the policy has this key.
    #[error("no approver of the policy has the key {key}")]
    UnknownApprovalKey {
        /// The key.
        key: KeyId,
    },
    /// The signature is for another purpose than approving or refusing.
    #[error("the purpose {purpose} is neither approve nor reject")]
    ApprovalPurpose {
        /// The purpose found.
        purpose: String,
    },
    /// The approval's signature does not hold.
    #[error("the approval's signature: {0}")]
    ApprovalSignature(#[source] SignatureError),
    /// The approval's time is over.
    #[error("the approval expired at {expires}, it is {now}")]
    ApprovalExpired {
        /// When it ended.
        expires: UnixTime,
        /// The time now.
        now: UnixTime,
    },
    /// A proof does not tie its intent to the root.
    #[error("the proof for intent {intent}: {reason}")]
    ApprovalProof {
        /// The intent.
        intent: IntentHash,
        /// What is wrong.
        reason: ProofError,
    },
    /// The withdrawal no longer takes approvals or refusals.
    #[error("withdrawal {requester}/{id} is {state} and takes no approval or refusal")]
    ApprovalTooLate {
        /// The requester.
        requester: RequesterName,
        /// The id.
        id: WithdrawalId,
        /// Where it stands.
        state: &'static str,
    },
    /// Nothing is approved that could be batched.
    #[error("no approved withdrawal is there to be batched{}", waiting_text(.waiting))]
    NothingToBatch {
        /// Approved ones, and why each waits.
        waiting: Vec<Waiting>,
    },
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
    /// No such list.
    #[error("the policy has no list {list}")]
    UnknownList {
        /// The list asked for.
        list: String,
    },
    /// No such statement.
    #[error("no statement {subject}")]
    UnknownStatement {
        /// The statement asked for.
        subject: Subject,
    },
    /// A statement is about an entry that nobody proposed.
    #[error("no statement {entry} adds a destination")]
    UnknownEntry {
        /// The entry named.
        entry: Subject,
    },
    /// The bytes are no statement.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// The policy has no open list of the name.
    #[error("the policy has no open list {list}")]
    ListNotOpen {
        /// The list named.
        list: String,
    },
    /// Payments to the list are not confirmed.
    #[error("the list {list} asks for no confirmation of a first payment")]
    NothingToConfirm {
        /// The list.
        list: String,
    },
    /// The entry's time is over.
    #[error("the entry expired at {expires}, it is {now}")]
    EntryExpired {
        /// When it ended.
        expires: UnixTime,
        /// The time now.
        now: UnixTime,
    },
    /// The entry's time is over before the signers are expected to have signed.
    #[error("withdrawal {requester}/{id} pays a list entry that is about to expire")]
    EntryEnds {
        /// The requester.
        requester: RequesterName,
        /// The id.
        id: WithdrawalId,
    },
    /// The signature is for another purpose than the statement's.
    #[error("the purpose is {found}, the statement's is {expected}")]
    StatementPurpose {
        /// The statement's.
        expected: Purpose,
        /// The purpose found.
        found: String,
    },
    /// The person may not say this.
    #[error("{approver} may not sign a {purpose} of this list")]
    NotEntitled {
        /// The approver's name.
        approver: String,
        /// What was said.
        purpose: Purpose,
    },
    /// The move of a journal does not count.
    #[error(transparent)]
    Move(#[from] MoveError),
    /// The journal moved elsewhere.
    #[error("journal {from} moved to {to} already")]
    MovedAlready {
        /// The journal.
        from: PublicKey,
        /// Where it moved.
        to: PublicKey,
    },
    /// The journal signed after the entry that says it moved.
    #[error("journal {from} signed entry {counter} although it moved at entry {moved_at}")]
    SignedAfterMove {
        /// The journal.
        from: PublicKey,
        /// The last counter that is known.
        counter: u64,
        /// The counter of the move.
        moved_at: u64,
    },
    /// A receipt is refused, and the signatures that came with it.
    #[error("{}; nothing that came with it is taken", .0.reason)]
    Journal(Box<RefusedReceipt>),
    /// What was handed in as signatures cannot be read.
    #[error("{reason}")]
    Intake {
        /// The reader's code.
        reason_code: &'static str,
        /// What the reader said.
        reason: String,
    },
    /// The signatures are for another transaction.
    #[error("the signatures are for {found}, not for {expected}")]
    OtherTransaction {
        /// The attempt addressed.
        expected: Txid,
        /// The transaction found.
        found: Txid,
    },
    /// The attempt takes no signatures.
    #[error("attempt {txid} is {state} and takes no signatures")]
    AttemptClosed {
        /// The attempt.
        txid: Txid,
        /// Where it stands.
        state: &'static str,
    },
    /// A coin of an attempt is not known any more.
    #[error("the coin {outpoint} is not known")]
    UnknownCoin {
        /// The coin.
        outpoint: OutPoint,
    },
    /// A state does not allow an event.
    #[error(transparent)]
    Illegal(#[from] IllegalTransition),
    /// A worker lost its claim.
    #[error(transparent)]
    Claim(ClaimError),
    /// The event log refused.
    #[error(transparent)]
    Event(EventError),
    /// The ledger refused.
    #[error(transparent)]
    Ledger(LedgerError),
    /// A stored policy document cannot be read any more.
    #[error("the stored policy {policy} cannot be read")]
    StoredPolicy {
        /// Which one.
        policy: policies::PolicyId,
    },
    /// An object's events and its version do not agree.
    #[error("{object} has version {version}, its events say {events}")]
    VersionsDiffer {
        /// Which object.
        object: String,
        /// The version of its row.
        version: u64,
        /// The version of its events.
        events: u64,
    },
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

fn waiting_text(waiting: &[Waiting]) -> String {
    let first = waiting.first();
    first.map_or_else(String::new, |first| {
        format!("; {} wait, the first since {}", waiting.len(), first.says)
    })
}

impl From<EventError> for ServiceError {
    fn from(error: EventError) -> Self {
        match error {
            EventError::Database(error) => Self::Database(error),
            other @ (EventError::Body(_) | EventError::Broken { .. } | EventError::Lease(_)) => {
                Self::Event(other)
            }
        }
    }
}

impl From<LedgerError> for ServiceError {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Database(error) => Self::Database(error),
            other @ (LedgerError::CauseReused { .. } | LedgerError::Zero { .. }) => {
                Self::Ledger(other)
            }
        }
    }
}

impl From<ClaimError> for ServiceError {
    fn from(error: ClaimError) -> Self {
        match error {
            ClaimError::Database(error) => Self::Database(error),
            lost @ ClaimError::Lost { .. } => Self::Claim(lost),
        }
    }
}
