//! The stable code of each refusal, and what the person who meets it can do.

use super::Refusal;
use crate::journal::{CreatedRefusal, Fault};

/// Nothing that anybody should repair.
pub(super) const TELL: &str =
    "do not sign; an honest coordinator never sends this, so tell the operators";

impl Refusal {
    /// Returns the stable code of this refusal.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TransactionVersion { .. } => "TRANSACTION_VERSION",
            Self::Sequence { .. } => "SEQUENCE",
            Self::LocktimeIsTime { .. } => "LOCKTIME_IS_TIME",
            Self::LocktimeBeyondChain { .. } => "LOCKTIME_BEYOND_CHAIN",
            Self::TooManyInputs { .. } => "TOO_MANY_INPUTS",
            Self::TooManyOutputs { .. } => "TOO_MANY_OUTPUTS",
            Self::TooHeavy { .. } => "TOO_HEAVY",
            Self::SighashDefault { .. } => "SIGHASH",
            Self::UnknownXpub { .. } => "UNKNOWN_XPUB",
            Self::PreviousTransactionMissing { .. } => "PREVIOUS_TRANSACTION_MISSING",
            Self::ForeignInput { .. } => "FOREIGN_INPUT",
            Self::KeysetsMixed { .. } => "KEYSETS_MIXED",
            Self::FormerKeysetPays { .. } => "FORMER_KEYSET_PAYS",
            Self::InputPathMismatch { .. } => "INPUT_PATH_MISMATCH",
            Self::InputField { .. } => "INPUT_FIELD",
            Self::OutputField { .. } => "OUTPUT_FIELD",
            Self::OutputMismatch { .. } => "OUTPUT_MISMATCH",
            Self::OutputTwice { .. } => "OUTPUT_TWICE",
            Self::NoSuchOutput { .. } => "NO_SUCH_OUTPUT",
            Self::PaysNothing => "PAYS_NOTHING",
            Self::EqualOutputs { .. } => "EQUAL_OUTPUTS",
            Self::Change(change) => change.code(),
            Self::OutputsExceedInputs { .. } => "OUTPUTS_EXCEED_INPUTS",
            Self::SumOverflow { .. } => "SUM_OVERFLOW",
            Self::Fee(fee) => fee.code(),
            Self::WrongPolicy { .. } => "WRONG_POLICY",
            Self::PolicyExpired { .. } => "POLICY_EXPIRED",
            Self::PurposeMismatch { .. } => "PURPOSE_MISMATCH",
            Self::NoRecoveryPath => "NO_RECOVERY_PATH",
            Self::RecoverySequence { .. } => "RECOVERY_SEQUENCE",
            Self::RecoveryDestination { .. } => "RECOVERY_DESTINATION",
            Self::SweepAmount { .. } => "SWEEP_AMOUNT",
            Self::SweepNotAlone { .. } => "SWEEP_NOT_ALONE",
            Self::IntentUnreadable { .. } => "INTENT_UNREADABLE",
            Self::IntentMissing { .. } => "INTENT_MISSING",
            Self::IntentUnused { .. } => "INTENT_UNUSED",
            Self::IntentTwice { .. } => "INTENT_TWICE",
            Self::ReplacedIntentMissing { .. } => "REPLACED_INTENT_MISSING",
            Self::PaymentScript { .. } => "PAYMENT_SCRIPT",
            Self::ScriptKind { .. } => "SCRIPT_KIND",
            Self::PaymentAmount { .. } => "PAYMENT_AMOUNT",
            Self::OtherVault { .. } => "OTHER_VAULT",
            Self::OtherKeyset { .. } => "OTHER_KEYSET",
            Self::RequestUnsigned { .. } => "REQUEST_UNSIGNED",
            Self::RequestForeign { .. } => "REQUEST_FOREIGN",
            Self::RequestWrong { .. } => "REQUEST_WRONG",
            Self::RequestUnused { .. } => "REQUEST_UNUSED",
            Self::IntentExpired { .. } => "INTENT_EXPIRED",
            Self::IntentCreated {
                refusal: CreatedRefusal::BeforeBirth { .. },
                ..
            } => "INTENT_BEFORE_BIRTH",
            Self::IntentCreated {
                refusal: CreatedRefusal::FromTheFuture { .. },
                ..
            } => "INTENT_FROM_THE_FUTURE",
            Self::PaysOwnScript { .. } => "PAYS_OWN_SCRIPT",
            Self::TransferToStranger { .. } => "TRANSFER_TO_STRANGER",
            Self::Denied { .. } => "DENIED",
            Self::TooFewApprovals { .. } => "TOO_FEW_APPROVALS",
            Self::Rejected { .. } => "REJECTED",
            Self::Approval(refusal) => refusal.code(),
            Self::Earlier(refusal) => refusal.code(),
            Self::Inclusion(refusal) => refusal.code(),
            Self::Journal(refusal) => refusal.code(),
            Self::History(fault) => history_code(fault),
        }
    }

    /// Returns what the person who meets this refusal can do.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::TooManyInputs { .. } | Self::TooManyOutputs { .. } | Self::TooHeavy { .. } => {
                "split the batch into smaller ones"
            }
            Self::Fee(_) => {
                "wait for lower feerates, batch more payments, or change the policy's limits"
            }
            Self::WrongPolicy { .. } => {
                "use the home of that vault; if this is it, compare the id pinned here with the others"
            }
            Self::FormerKeysetPays { .. } => {
                "drain the former keyset's coins to the newest descriptor first, then pay from there"
            }
            Self::KeysetsMixed { .. } => {
                "spend the coins of each keyset in a transaction of its own"
            }
            Self::PolicyExpired { .. } => "the quorum must approve a next version of the policy",
            Self::IntentExpired { .. } => "the service must request it again with a new id",
            Self::Approval(refusal) => refusal.hint(),
            Self::Earlier(refusal) => refusal.hint(),
            Self::Inclusion(refusal) => refusal.hint(),
            Self::Journal(refusal) => refusal.hint(),
            Self::TooFewApprovals { .. } => "more approvers must approve with their own tool",
            Self::Rejected { .. } => "talk to the approver who rejected it",
            Self::IntentCreated { .. } => {
                "check this machine's clock; a fresh journal signs only newer requests"
            }
            Self::Denied { .. } => "the policy's rules do not allow it; `policy show` lists them",
            Self::PreviousTransactionMissing { .. } => {
                "ask the coordinator for the PSBT with previous transactions"
            }
            Self::History(Fault::NotExclusive { .. }) => {
                "paying it again is only safe in a transaction that spends an input of the earlier one"
            }
            Self::History(Fault::Moved { .. }) => {
                "sign on the machine that the journal moved to; this home's work is done"
            }
            Self::History(Fault::Voided { .. }) => {
                "nothing can be done about this transaction; pay in another one"
            }
            Self::TransactionVersion { .. }
            | Self::Sequence { .. }
            | Self::LocktimeIsTime { .. }
            | Self::LocktimeBeyondChain { .. }
            | Self::SighashDefault { .. }
            | Self::UnknownXpub { .. }
            | Self::PaysNothing
            | Self::PurposeMismatch { .. }
            | Self::NoRecoveryPath
            | Self::RecoverySequence { .. }
            | Self::RecoveryDestination { .. }
            | Self::SweepAmount { .. }
            | Self::SweepNotAlone { .. }
            | Self::ScriptKind { .. }
            | Self::TransferToStranger { .. }
            | Self::RequestUnused { .. }
            | Self::ForeignInput { .. }
            | Self::InputPathMismatch { .. }
            | Self::InputField { .. }
            | Self::OutputField { .. }
            | Self::OutputMismatch { .. }
            | Self::OutputTwice { .. }
            | Self::NoSuchOutput { .. }
            | Self::EqualOutputs { .. }
            | Self::Change(_)
            | Self::OutputsExceedInputs { .. }
            | Self::SumOverflow { .. }
            | Self::IntentUnreadable { .. }
            | Self::IntentMissing { .. }
            | Self::IntentUnused { .. }
            | Self::IntentTwice { .. }
            | Self::ReplacedIntentMissing { .. }
            | Self::PaymentScript { .. }
            | Self::PaymentAmount { .. }
            | Self::OtherVault { .. }
            | Self::OtherKeyset { .. }
            | Self::RequestUnsigned { .. }
            | Self::RequestForeign { .. }
            | Self::RequestWrong { .. }
            | Self::PaysOwnScript { .. }
            | Self::History(_) => TELL,
        }
    }
}

fn history_code(fault: &Fault) -> &'static str {
    match fault {
        Fault::Moved { .. } => "JOURNAL_MOVED",
        Fault::Voided { .. } => "VOIDED",
        Fault::NoAncestor { .. } => "NO_ANCESTOR",
        Fault::NoInputs { .. } => "EMPTY_TRANSACTION",
        Fault::InputTwice { .. } => "INPUT_TWICE",
        Fault::OtherInputs { .. } => "OTHER_INPUTS",
        Fault::SecondBody { .. } => "SECOND_BODY",
        Fault::PaidTwice { .. } => "PAID_TWICE",
        Fault::NotExclusive { .. } => "NOT_EXCLUSIVE",
    }
}
