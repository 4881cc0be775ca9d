//! Bugs planted on purpose, one for each main defence: a campaign that misses one proves nothing.
//!
//! Only with the feature `planted`, which no program that ships has: without debug assertions it does not
//! build. Without the feature, [`planted`] is `false` for the compiler too, and nothing of it is left.

pub mod steps;

#[cfg(all(feature = "planted", not(debug_assertions)))]
compile_error!("the feature `planted` is for tests: build it with debug assertions, never for use");

/// Declares the bugs, and the list of all of them, which so cannot forget one.
macro_rules! bugs {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// A defence that is left out, or a mistake that is made.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Bug {
            $($(#[$doc])* $name,)*
        }

        impl Bug {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];
        }
    };
}

bugs! {
    /// The strict profile takes another encoding.
    CanonicalBytes,
    /// Bytes behind the last map are not missed.
    TrailingBytes,
    /// Records that no coordinator writes are read over.
    UnexpectedFields,
    /// A previous transaction is not compared with the outpoint.
    PreviousTransaction,
    /// The two descriptions of a previous output may differ.
    PreviousOutput,
    /// A sighash type is believed.
    Sighash,
    /// Segwit version 0 is signed without a proof of its amounts.
    ProofOfAmount,
    /// An input's script is not compared with the one derived.
    InputDerivation,
    /// An input's fields are not compared with the descriptor's.
    InputFields,
    /// Any transaction version is signed.
    TransactionVersion,
    /// A locktime may be a time.
    LocktimeKind,
    /// A locktime may lie ahead of the chain.
    LocktimeAhead,
    /// Any sequence is signed.
    Sequence,
    /// Any number of inputs is signed.
    InputCount,
    /// Any number of outputs is signed.
    OutputCount,
    /// Extended keys of strangers are accepted.
    ExtendedKeys,
    /// No absolute bound of the fee.
    FeeMax,
    /// No bound of the feerate.
    FeeRate,
    /// No bound of the fee's share.
    FeeShare,
    /// An output of which the manifest does not speak is paid.
    UnknownOutput,
    /// Two equal outputs pass.
    EqualOutputs,
    /// Change is believed without deriving its script.
    ChangeDerivation,
    /// Change may be dust.
    ChangeMin,
    /// Any number of change outputs passes.
    ChangeCount,
    /// Change under another policy passes.
    ChangePolicy,
    /// An output's fields are not compared with the descriptor's.
    OutputFields,
    /// A signature that does not verify is taken at intake.
    SignatureVerification,
    /// A signature of another sighash type is taken at intake.
    SignatureSighash,
    /// A bad signature at intake is dropped without a word.
    Culprit,
    /// A signature leaves although its entry is not durable.
    JournalDurability,
    /// A transfer made for another policy version passes.
    WrongPolicy,
    /// A policy never ends.
    PolicyExpiry,
    /// Intents of another vault pass.
    OtherVault,
    /// Intents for other signers pass.
    OtherKeyset,
    /// Every requester may sign for every other.
    RequesterName,
    /// A requester's signature is not verified.
    RequestSignature,
    /// An intent needs no signature of its requester.
    RequestMissing,
    /// An approver's signature is not verified.
    ApprovalSignature,
    /// Approvals never end.
    ApprovalExpiry,
    /// A rejection is read over.
    Rejection,
    /// A Merkle proof is not verified.
    Proof,
    /// Keys are counted, not persons.
    KeysForPersons,
    /// The requester's own person counts.
    OwnPerson,
    /// Persons of other groups count.
    OtherGroup,
    /// Keys touched in the coordinator's page count like a person's own.
    PageAsOwn,
    /// A passkey may have signed another challenge.
    PasskeyChallenge,
    /// A passkey may have been asked by any page.
    PasskeyOrigin,
    /// A passkey may be another domain's.
    PasskeyDomain,
    /// A passkey need not recognize its person.
    PasskeyPerson,
    /// What no rule allows is paid.
    Denial,
    /// Sweeps and repeats are approved automatically.
    NeverAutomatic,
    /// An output may pay another script than its intent.
    PaymentScript,
    /// An output may pay another amount than its intent.
    PaymentAmount,
    /// A sweep may pay any amount.
    SweepAmount,
    /// One intent may be paid by two outputs.
    IntentTwice,
    /// Intents never end.
    IntentExpiry,
    /// Intents from before the journal's birth pass.
    Birth,
    /// Intents from the future pass.
    Future,
    /// Payments may go to scripts of the vault.
    OwnScript,
    /// Payments may go to any kind of script.
    ScriptKind,
    /// Segwit version 0 is asked for a sighash of DEFAULT.
    SighashDefault,
    /// Change may lie out of a restored wallet's reach.
    ChangeIndex,
    /// Transactions of one line need not exclude each other.
    Exclusive,
    /// Only the last transaction of a line need be excluded.
    LastAttemptOnly,
    /// Whatever descends from an earlier transaction counts as excluding it.
    DescendantExcludes,
    /// One id may stand for two withdrawals.
    SecondBody,
    /// A transaction may pay two withdrawals of one line.
    PaidTwice,
    /// Two coinbases count as spending one coin.
    CoinbaseExcludes,
    /// An ancestor that two transactions share counts as excluding one of them.
    OneAncestorExcludes,
    /// Any transaction is carried as an ancestor.
    AncestorUnrelated,
    /// The journal's clock runs backwards.
    ClockBackwards,
    /// A receipt that shows a rollback is read over.
    Rollback,
    /// A rule's window never closes.
    Window,
    /// The payments of one transaction do not count for each other's windows.
    WindowWithin,
    /// No budget of fees.
    FeeBudget,
    /// Fees count once for all that exclude any of a group.
    FeeGroups,
    /// No budget of spends to ourselves.
    SelfSpendBudget,
    /// Anybody's key approves maintenance.
    Maintenance,
    /// Any sequence recovers.
    RecoverySequence,
    /// A recovery may pay anyone.
    RecoveryDestination,
    /// An entry of an open list needs no quorum.
    ListQuorum,
    /// A removed entry of an open list is paid.
    ListRemoval,
    /// An entry of an open list never ends.
    ListExpiry,
    /// An entry of an open list is paid at once.
    ListDelay,
    /// The first payment to an entry of an open list may be large.
    TestAmount,
    /// Nobody needs to confirm the first payment to an entry of an open list.
    TestConfirmation,
    /// An earlier attempt may spend what the new one does not.
    EarlierNotReplaced,
    /// A recovery counts as an earlier attempt.
    EarlierRecovery,
    /// An earlier attempt need not be signed.
    EarlierSigned,
    /// A sweep may grow beyond what the earlier attempt was granted.
    SweepGrows,
    /// What is replaced may be older than the journal.
    ReplacedBirth,
    /// A withdrawal's first attempt needs no coin that is shown in the chain.
    InclusionMissing,
    /// A later attempt needs none, whatever it spends.
    InclusionLater,
    /// A block of any work shows a coin.
    InclusionWork,
    /// Blocks that are not linked count as one chain.
    InclusionLinks,
    /// A path may lead to any root.
    InclusionRoot,
    /// Two hashes of a block may be a transaction.
    InclusionInner,
    /// Whatever is shown in the chain counts, also what is not the vault's to spend.
    InclusionForeign,
    /// The fee that was shown first counts, not the highest.
    FeeFirstShown,
    /// A version that alters keys passes for one that alters rules.
    KeysetSmuggled,
    /// A version counts at once.
    VersionDelay,
    /// A version needs no quorum.
    VersionQuorum,
    /// A signature under a version is not verified.
    VersionSignature,
    /// A version may have two successors.
    SecondSuccessor,
    /// Coins of a former keyset pay withdrawals.
    FormerPays,
    /// Coins of two keysets stand in one transaction.
    KeysetsMixed,
    /// Change may go back to a former descriptor.
    FormerChange,
    /// Payments may go to scripts of a former descriptor.
    FormerOwnScript,
    /// Witnesses are not run through the interpreter.
    Interpreter,
    /// Bitcoin Core's rules are not asked.
    Consensus,
    /// A stop in force stops nothing.
    Stopped,
    /// Whoever writes down a pinned key stops.
    StopSignature,
    /// Any release releases every stop.
    ReleaseNamesStop,
    /// One person releases a stop.
    ReleaseQuorum,
    /// A go never gets too old.
    GoAge,
    /// A go that may have been said before a stop counts after it.
    GoBeforeStop,
    /// What was voided is signed.
    Voided,
    /// What was signed is voided.
    VoidsSigned,
    /// The books drop an attempt that was issued (M1).
    IssuedIsDropped,
    /// The books cancel a withdrawal in signing (M4).
    SigningIsCancelled,
    /// The books do not take an entry back (M8).
    NoReversal,
    /// A deposit is credited one block too early.
    CreditedEarly,
    /// What a reorg took out of the mempool is not sent again.
    LostStaysLost,
    /// What a step does is answered before it is durable.
    AnswerFirst,
}

/// Names the bug that is planted in a whole process.
#[cfg(feature = "planted")]
const EVERYWHERE: &str = "COUNTERSIGN_PLANTED";

#[cfg(feature = "planted")]
thread_local! {
    static PLANTED: std::cell::Cell<Option<Bug>> = const { std::cell::Cell::new(None) };
}

#[cfg(feature = "planted")]
static IN_PROCESS: std::sync::LazyLock<Option<Bug>> = std::sync::LazyLock::new(|| {
    let name = steps::killing::setting(EVERYWHERE)?;
    let mut all = Bug::ALL.iter().copied();
    all.find(|bug| format!("{bug:?}") == name)
});

/// Plants a bug on this thread, or takes the last one out.
#[cfg(feature = "planted")]
pub fn plant(bug: Option<Bug>) {
    PLANTED.set(bug);
}

/// What is planted on this thread, or in the whole process.
#[cfg(feature = "planted")]
pub fn which() -> Option<Bug> {
    PLANTED.get().or(*IN_PROCESS)
}

/// Whether a bug is planted on this thread, or in the whole process.
#[cfg(feature = "planted")]
pub fn planted(bug: Bug) -> bool {
    which() == Some(bug)
}

/// Nothing is planted in this build.
#[cfg(not(feature = "planted"))]
#[inline]
pub const fn planted(_bug: Bug) -> bool {
    false
}
