//! Why a transaction is not signed: one variant a fact, each with a stable code and a hint.

mod advice;
mod approval;
mod change;
mod earlier;
mod fee;
mod inclusion;
mod journal;

use std::fmt::Display;

use bitcoin::bip32::Xpub;
use bitcoin::{Amount, ScriptBuf, Weight};
use serde::{Serialize, Serializer};

pub use approval::ApprovalRefusal;
pub use change::ChangeRefusal;
pub use earlier::EarlierRefusal;
pub use fee::FeeRefusal;
pub use inclusion::InclusionRefusal;
pub use journal::JournalRefusal;

use crate::ids::{IntentHash, KeyId, Keyset, PolicyId};
use crate::intent::{IntentError, SignatureError};
use crate::journal::{CreatedRefusal, Fault};
use crate::psbt::AttemptPurpose;
use crate::rules::{DenyReason, Shortfall};
use crate::time::UnixTime;

/// One reason not to sign. In JSON its facts by name; the code is given beside them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(untagged)]
pub enum Refusal {
    // Structure: the PSBT itself.
    /// The transaction's version is not 2.
    #[error("transaction version is {found}, expected 2")]
    TransactionVersion {
        /// The version found.
        found: i32,
    },
    /// An input's sequence is not 0xFFFFFFFD, or in a recovery not that of the first input.
    #[error("input {input} has sequence {found:#010x}, expected {expected:#010x}")]
    Sequence {
        /// Position of the input.
        input: usize,
        /// The sequence expected.
        expected: u32,
        /// The sequence found.
        found: u32,
    },
    /// The locktime is a time.
    #[error("locktime {found} is a time, expected a block height")]
    LocktimeIsTime {
        /// The locktime found.
        found: u32,
    },
    /// The locktime is beyond what the chain can have reached.
    #[error("locktime {found} lies beyond {latest}, the latest height expected by now")]
    LocktimeBeyondChain {
        /// The locktime found.
        found: u32,
        /// The latest height expected.
        latest: u64,
    },
    /// More inputs than the policy allows.
    #[error("{found} inputs, the policy allows {max}")]
    TooManyInputs {
        /// Inputs found.
        found: usize,
        /// Inputs allowed.
        max: u32,
    },
    /// More outputs than the policy allows.
    #[error("{found} outputs, the policy allows {max}")]
    TooManyOutputs {
        /// Outputs found.
        found: usize,
        /// Outputs allowed.
        max: u32,
    },
    /// The transaction is heavier than nodes relay.
    #[error("the transaction weighs more than {max} once signed, which nodes do not relay")]
    TooHeavy {
        /// The weight that nodes relay.
        #[serde(rename = "max_wu")]
        max: Weight,
    },
    /// The sighash type does not exist for the vault's kind of script.
    #[error("input {input} asks for sighash DEFAULT, which only taproot has")]
    SighashDefault {
        /// Position of the input.
        input: usize,
    },
    /// An extended key that is not one of the descriptor's, or of another origin.
    #[error("extended key {xpub} is not one of the vault's with its origin")]
    UnknownXpub {
        /// The key.
        xpub: Box<Xpub>,
    },
    /// The full previous transaction is missing, where not all inputs are taproot.
    #[error("input {input} comes without its previous transaction, so its amount is unproven")]
    PreviousTransactionMissing {
        /// Position of the input.
        input: usize,
    },
    /// The input is not one of this vault's scripts.
    #[error("input {input} spends a script that is not of this vault: {script}")]
    ForeignInput {
        /// Position of the input.
        input: usize,
        /// The script spent.
        script: ScriptBuf,
    },
    /// The input is a coin of another keyset than the inputs before it.
    #[error("input {input} is a coin of another keyset of this vault than the inputs before it")]
    KeysetsMixed {
        /// Position of the input.
        input: usize,
    },
    /// Coins of a former keyset pay intents.
    #[error("it pays intents with coins of the former keyset {keyset}")]
    FormerKeysetPays {
        /// The keyset.
        keyset: Keyset,
    },
    /// The input's derivation fields do not lead to the script it spends.
    #[error(
        "input {input}: its key path leads to another script of this vault than the one it spends"
    )]
    InputPathMismatch {
        /// Position of the input.
        input: usize,
    },
    /// A field of the input is not what our descriptor gives.
    #[error("input {input}: its {field} is not what the vault's descriptor gives")]
    InputField {
        /// Position of the input.
        input: usize,
        /// Name of the field.
        field: &'static str,
    },
    /// An output's field is not what our descriptor gives.
    #[error("output {output}: its {field} is not what the vault's descriptor gives")]
    OutputField {
        /// Position of the output.
        output: usize,
        /// Name of the field.
        field: &'static str,
    },
    /// An output is neither payment nor change.
    #[error(
        "output {output} ({amount}) is neither a payment of an approved intent nor change of this vault"
    )]
    OutputMismatch {
        /// Position of the output.
        output: usize,
        /// What it pays.
        #[serde(rename = "amount_sat", with = "bitcoin::amount::serde::as_sat")]
        amount: Amount,
    },
    /// An output is called both payment and change.
    #[error("output {output} is called both a payment and change")]
    OutputTwice {
        /// Position of the output.
        output: usize,
    },
    /// The manifest speaks of an output that does not exist.
    #[error("the manifest speaks of output {output}, but there are {outputs}")]
    NoSuchOutput {
        /// The position named.
        output: u32,
        /// How many outputs there are.
        outputs: usize,
    },
    /// No intent is paid.
    #[error("the transaction pays no intent")]
    PaysNothing,
    /// The purpose does not fit what the transaction pays.
    #[error("the purpose is to {purpose}, but {payments} outputs pay intents")]
    PurposeMismatch {
        /// The purpose named.
        purpose: AttemptPurpose,
        /// Outputs that pay intents.
        payments: usize,
    },
    /// A recovery from a vault whose descriptor has no path with a timelock.
    #[error("it says that it recovers, but no path of this vault has a timelock")]
    NoRecoveryPath,
    /// A recovery whose sequence is no timelock of a recovery path.
    #[error("sequence {found:#010x} is the timelock of no recovery path")]
    RecoverySequence {
        /// The sequence found.
        found: u32,
    },
    /// A recovery pays someone whom the policy does not name.
    #[error(
        "output {output} ({amount}) of a recovery pays neither the policy's destination nor this vault"
    )]
    RecoveryDestination {
        /// Position of the output.
        output: usize,
        /// What it pays.
        #[serde(rename = "amount_sat", with = "bitcoin::amount::serde::as_sat")]
        amount: Amount,
    },
    /// Two outputs pay one script the same amount.
    #[error("outputs {first} and {second} pay the same script the same amount")]
    EqualOutputs {
        /// Position of the first.
        first: usize,
        /// Position of the second.
        second: usize,
    },
    /// Outputs exceed inputs.
    #[error("outputs of {outputs} exceed inputs of {inputs}")]
    OutputsExceedInputs {
        /// Sum of the inputs.
        #[serde(rename = "inputs_sat", with = "bitcoin::amount::serde::as_sat")]
        inputs: Amount,
        /// Sum of the outputs.
        #[serde(rename = "outputs_sat", with = "bitcoin::amount::serde::as_sat")]
        outputs: Amount,
    },
    /// A sum is larger than all bitcoin.
    #[error("the sum of the {what} overflows")]
    SumOverflow {
        /// `inputs`, `outputs` or `payments`.
        what: &'static str,
    },
    /// Change is not what the policy allows.
    #[error(transparent)]
    Change(ChangeRefusal),
    /// The fee is not what the policy allows.
    #[error(transparent)]
    Fee(FeeRefusal),

    // Authority: intents, approvals, rules.
    /// The transfer is for another policy version.
    #[error("made for policy {found}, but {pinned} is pinned here")]
    WrongPolicy {
        /// The version pinned.
        pinned: PolicyId,
        /// The version named.
        found: PolicyId,
    },
    /// The policy version has expired.
    #[error("the policy is valid until {until}, it is {now}")]
    PolicyExpired {
        /// Its end.
        until: UnixTime,
        /// The signer's time.
        now: UnixTime,
    },
    /// An intent's bytes are not an intent.
    #[error("intent {intent}: {error}")]
    IntentUnreadable {
        /// The hash it is filed under.
        intent: IntentHash,
        /// What is wrong.
        #[serde(serialize_with = "displayed")]
        error: IntentError,
    },
    /// An output names an intent that is not carried.
    #[error("output {output} names intent {intent}, which the file does not carry")]
    IntentMissing {
        /// Position of the output.
        output: u32,
        /// The intent named.
        intent: IntentHash,
    },
    /// An intent is carried, but neither paid nor the first of a paid one's line.
    #[error("intent {intent} is carried but not paid")]
    IntentUnused {
        /// The intent.
        intent: IntentHash,
    },
    /// Two outputs pay one intent.
    #[error("outputs {first} and {second} pay the same intent {intent}")]
    IntentTwice {
        /// The intent.
        intent: IntentHash,
        /// Position of the first output.
        first: u32,
        /// Position of the second output.
        second: u32,
    },
    /// The intent that another replaces is not carried.
    #[error(
        "intent {intent} replaces {replaces}, which the file does not carry as the first of its line"
    )]
    ReplacedIntentMissing {
        /// The intent.
        intent: IntentHash,
        /// The id it replaces.
        replaces: String,
    },
    /// An output pays another script than its intent.
    #[error("output {output} pays another script than intent {intent} names")]
    PaymentScript {
        /// Position of the output.
        output: u32,
        /// The intent.
        intent: IntentHash,
    },
    /// An intent's script is none of the kinds that are paid.
    #[error("intent {intent} pays a script that is not p2pkh, p2sh, p2wpkh, p2wsh or p2tr")]
    ScriptKind {
        /// The intent.
        intent: IntentHash,
    },
    /// An output pays another amount than its intent allows.
    #[error("output {output} pays {found}, intent {intent} says {expected}")]
    PaymentAmount {
        /// Position of the output.
        output: u32,
        /// The intent.
        intent: IntentHash,
        /// What the intent says.
        #[serde(rename = "expected_sat", with = "bitcoin::amount::serde::as_sat")]
        expected: Amount,
        /// What the output pays.
        #[serde(rename = "found_sat", with = "bitcoin::amount::serde::as_sat")]
        found: Amount,
    },
    /// A sweep pays less or more than its intent allows.
    #[error("output {output} pays {found}, intent {intent} sweeps {min} to {max}")]
    SweepAmount {
        /// Position of the output.
        output: u32,
        /// The intent.
        intent: IntentHash,
        /// The least.
        #[serde(rename = "min_sat", with = "bitcoin::amount::serde::as_sat")]
        min: Amount,
        /// The most.
        #[serde(rename = "max_sat", with = "bitcoin::amount::serde::as_sat")]
        max: Amount,
        /// What the output pays.
        #[serde(rename = "found_sat", with = "bitcoin::amount::serde::as_sat")]
        found: Amount,
    },
    /// A sweep is not its transaction's only output.
    #[error("intent {intent} is a sweep, but not the only output")]
    SweepNotAlone {
        /// The intent.
        intent: IntentHash,
    },
    /// An intent is for another vault.
    #[error("intent {intent} is for another vault")]
    OtherVault {
        /// The intent.
        intent: IntentHash,
    },
    /// An intent is for other signers or another descriptor.
    #[error("intent {intent} is for another keyset")]
    OtherKeyset {
        /// The intent.
        intent: IntentHash,
    },
    /// An intent has no signature of its requester.
    #[error("intent {intent} is not signed by its requester {requester}")]
    RequestUnsigned {
        /// The intent.
        intent: IntentHash,
        /// The requester named in it.
        requester: String,
    },
    /// A request signature is by a key that is not the requester's.
    #[error("intent {intent} is signed by key {key}, which is not {requester}'s")]
    RequestForeign {
        /// The intent.
        intent: IntentHash,
        /// The key.
        key: KeyId,
        /// The requester named in it.
        requester: String,
    },
    /// A request signature is wrong.
    #[error("the request signature on intent {intent} by key {key} is wrong: {error}")]
    RequestWrong {
        /// The intent.
        intent: IntentHash,
        /// The key.
        key: KeyId,
        /// What is wrong.
        #[serde(serialize_with = "displayed")]
        error: SignatureError,
    },
    /// A request signature is over an intent that is not carried.
    #[error("a request signature by key {key} is over intent {intent}, which is not carried")]
    RequestUnused {
        /// The intent.
        intent: IntentHash,
        /// The key.
        key: KeyId,
    },
    /// An intent has expired.
    #[error("intent {intent} expired {expires}, it is {now}")]
    IntentExpired {
        /// The intent.
        intent: IntentHash,
        /// Its end.
        expires: UnixTime,
        /// The signer's time.
        now: UnixTime,
    },
    /// An intent is from before the journal's birth, or from the future.
    #[error("intent {intent} was {refusal}")]
    IntentCreated {
        /// The intent.
        intent: IntentHash,
        /// Which bound it breaks.
        #[serde(flatten)]
        refusal: CreatedRefusal,
    },
    /// A payment goes to one of the vault's own scripts.
    #[error("intent {intent} pays the vault's own script, but is not a transfer")]
    PaysOwnScript {
        /// The intent.
        intent: IntentHash,
    },
    /// A transfer goes to a script that is not known as the vault's.
    #[error("intent {intent} is a transfer, but its script is not known as the vault's own")]
    TransferToStranger {
        /// The intent.
        intent: IntentHash,
    },
    /// No rule allows an intent.
    #[error("intent {intent} is denied: {reason}")]
    Denied {
        /// The intent.
        intent: IntentHash,
        /// Why.
        #[serde(flatten)]
        reason: DenyReason,
    },
    /// Too few persons approved an intent.
    #[error("intent {intent}: {shortfall}")]
    TooFewApprovals {
        /// The intent.
        intent: IntentHash,
        /// What is missing.
        #[serde(flatten)]
        shortfall: Shortfall,
    },
    /// An approval, a proof or a statement is not believed.
    #[error(transparent)]
    Approval(ApprovalRefusal),
    /// An approver signed a rejection.
    #[error("{approver} rejected intent {intent}")]
    Rejected {
        /// The intent.
        intent: IntentHash,
        /// The approver.
        approver: String,
    },

    // Earlier attempts: what the file shows as signed before.
    /// An earlier attempt is not believed.
    #[error(transparent)]
    Earlier(EarlierRefusal),

    // Inclusion: what stands in the chain.
    /// No coin of the transaction is known to exist.
    #[error(transparent)]
    Inclusion(InclusionRefusal),

    // History: what the journal remembers.
    /// Budgets, receipts or ancestors forbid this transaction.
    #[error(transparent)]
    Journal(JournalRefusal),
    /// What was signed before forbids this transaction.
    #[error("{0}")]
    History(Fault),
}

/// Gives a fact that has no fields of its own as its words.
fn displayed<T: Display, S: Serializer>(fact: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(fact)
}
