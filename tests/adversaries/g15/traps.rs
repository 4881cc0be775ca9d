//! Which campaign must catch which bug, and whether a signature comes out that the oracle finds wrong.

use policies::planted::Bug;

/// What catches a bug.
#[derive(Debug, Clone, Copy)]
pub(super) enum Trap {
    /// Classes of G1.
    Classes(&'static [&'static str]),
    /// Attacks of G2a.
    Attacks(&'static [&'static str]),
    /// Sessions of G2.
    Sessions,
    /// A disk that fails.
    Disk,
    /// A witness of rubbish at the coordinator's roles.
    Witness,
    /// A go that is too old, and a promise never to sign what was signed.
    Promises,
    /// A test of the rule-book itself, which plants the bug and sees another test fail.
    Units,
    /// A search of the protocol.
    Model,
    /// A program that is killed and started again.
    Kill,
    /// A small storm of the chain.
    Chain,
    /// A step that the coordinator's books do not have, or an entry that they must take back.
    Books,
}

/// What a lost defence costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cost {
    /// A signature that the oracle must find wrong.
    WrongSignature,
    /// Something else: another defence still holds, or what is lost is no signature.
    Other,
}

/// The smallest trap for a bug.
pub(super) const fn trap(bug: Bug) -> (Trap, Cost) {
    use Cost::{Other, WrongSignature};
    const fn classes(names: &'static [&'static str], cost: Cost) -> (Trap, Cost) {
        (Trap::Classes(names), cost)
    }
    const fn attacks(names: &'static [&'static str], cost: Cost) -> (Trap, Cost) {
        (Trap::Attacks(names), cost)
    }
    match bug {
        Bug::CanonicalBytes => classes(&["records out of order"], Other),
        Bug::TrailingBytes => classes(&["bytes behind the end"], Other),
        Bug::UnexpectedFields => classes(&["unknown global record", "unknown input record"], Other),
        Bug::PreviousTransaction => classes(&["previous transaction of another id"], Other),
        Bug::PreviousOutput => classes(&["amount lied about"], Other),
        Bug::Sighash => classes(&["sighash type"], Other),
        Bug::SighashDefault => classes(&["sighash type of the other kind"], Other),
        Bug::ProofOfAmount => classes(&["previous transaction left out"], Other),
        Bug::InputDerivation => classes(&["origins of another index"], Other),
        Bug::InputFields => classes(&["witness script forged", "internal key forged"], Other),
        Bug::TransactionVersion => classes(&["transaction version"], WrongSignature),
        Bug::LocktimeKind => classes(&["locktime in seconds"], WrongSignature),
        Bug::LocktimeAhead => classes(&["locktime far ahead"], Other),
        Bug::Sequence => classes(&["sequence"], WrongSignature),
        Bug::InputCount => classes(&["too many inputs"], Other),
        Bug::OutputCount => classes(&["too many outputs"], WrongSignature),
        Bug::ExtendedKeys => classes(&["extended key of a stranger"], Other),
        Bug::FeeMax => classes(&["fee a satoshi above its bound"], Other),
        Bug::FeeRate => classes(&["feerate a satoshi above its bound"], Other),
        Bug::FeeShare => classes(&["fee share a satoshi above its bound"], WrongSignature),
        Bug::UnknownOutput => classes(&["output added"], WrongSignature),
        Bug::EqualOutputs => classes(&["equal outputs"], Other),
        Bug::ChangeDerivation => classes(&["change to a thief with our origins"], WrongSignature),
        Bug::ChangeMin => classes(&["change too small"], Other),
        Bug::ChangeCount => classes(&["change twice"], WrongSignature),
        Bug::ChangePolicy => classes(&["change of another policy"], Other),
        Bug::ChangeIndex => classes(&["change beyond reach"], WrongSignature),
        Bug::OutputFields => classes(&["change with forged origins"], Other),
        Bug::WrongPolicy => classes(&["policy of another id"], Other),
        Bug::PolicyExpiry => classes(&["policy expired"], Other),
        Bug::OtherVault => classes(&["intent of another vault"], Other),
        Bug::OtherKeyset => classes(&["intent of another keyset"], WrongSignature),
        Bug::RequesterName => classes(&["intent signed by another requester"], WrongSignature),
        Bug::RequestSignature => classes(&["request signature forged"], WrongSignature),
        Bug::RequestMissing => classes(&["intent unsigned"], WrongSignature),
        Bug::ApprovalSignature => classes(&["approval forged"], WrongSignature),
        Bug::ApprovalExpiry => classes(&["approval expired"], WrongSignature),
        Bug::Rejection => classes(&["rejection"], WrongSignature),
        Bug::Proof => classes(&["proof altered"], WrongSignature),
        Bug::KeysForPersons => classes(&["approvals by two keys of one person"], WrongSignature),
        Bug::OwnPerson => classes(&["approval by the requester's own person"], WrongSignature),
        Bug::OtherGroup => classes(&["approval by another group"], WrongSignature),
        Bug::Denial => classes(&["intent that no rule allows"], WrongSignature),
        Bug::PaymentScript => classes(&["payment to a thief"], WrongSignature),
        Bug::PaymentAmount => classes(&["payment raised"], WrongSignature),
        Bug::IntentTwice => classes(&["intent paid twice"], Other),
        Bug::IntentExpiry => classes(&["intent expired"], WrongSignature),
        Bug::Birth => classes(&["intent from before the birth"], WrongSignature),
        Bug::Future => classes(&["intent from the future"], WrongSignature),
        Bug::OwnScript => classes(&["payment to own script"], WrongSignature),
        Bug::ScriptKind => classes(&["script that anyone can spend"], WrongSignature),
        Bug::Exclusive => classes(
            &[
                "paid again from other coins",
                "replacement from other coins",
            ],
            WrongSignature,
        ),
        Bug::LastAttemptOnly | Bug::DescendantExcludes => (Trap::Model, Other),
        Bug::SecondBody => classes(&["another body of the same withdrawal"], WrongSignature),
        Bug::PaidTwice => classes(&["withdrawal and its replacement together"], WrongSignature),
        Bug::PageAsOwn => attacks(
            &["a key of the coordinator's page for a person's own"],
            WrongSignature,
        ),
        Bug::PasskeyChallenge => attacks(&["a passkey that signed something else"], WrongSignature),
        Bug::PasskeyOrigin => attacks(
            &["a passkey asked by a page of another origin"],
            WrongSignature,
        ),
        Bug::PasskeyDomain => attacks(&["a passkey of another domain"], WrongSignature),
        Bug::PasskeyPerson => attacks(&["a passkey without its person"], WrongSignature),
        Bug::NeverAutomatic => attacks(&["a sweep that nobody approved"], WrongSignature),
        Bug::SweepAmount => attacks(&["a sweep below its least"], WrongSignature),
        Bug::CoinbaseExcludes => {
            attacks(&["two coinbases as one coin spent twice"], WrongSignature)
        }
        Bug::OneAncestorExcludes => attacks(
            &["one ancestor as two that exclude each other"],
            WrongSignature,
        ),
        Bug::AncestorUnrelated => attacks(&["a stranger's transaction as an ancestor"], Other),
        Bug::ClockBackwards => attacks(&["a clock set back"], Other),
        Bug::Rollback => attacks(
            &["a journal rolled back behind its receipt"],
            WrongSignature,
        ),
        Bug::Window => attacks(&["a window filled twice"], WrongSignature),
        Bug::WindowWithin => attacks(&["a window passed by one transaction"], WrongSignature),
        Bug::FeeBudget => attacks(&["fees burned by many payments"], WrongSignature),
        Bug::FeeGroups => attacks(&["fees burned by a chain of replacements"], WrongSignature),
        Bug::SelfSpendBudget => attacks(
            &[
                "fees burned by many spends to ourselves",
                "fees burned by large spends to ourselves",
            ],
            WrongSignature,
        ),
        Bug::Maintenance => attacks(&["maintenance approved by nobody entitled"], WrongSignature),
        Bug::RecoverySequence => attacks(&["a recovery before its time"], WrongSignature),
        Bug::RecoveryDestination => attacks(&["a recovery that pays elsewhere"], WrongSignature),
        Bug::ListQuorum => attacks(&["a list's entry that too few signed"], WrongSignature),
        Bug::ListRemoval => attacks(&["a list's entry that was removed"], WrongSignature),
        Bug::ListExpiry => attacks(&["a list's entry past its end"], WrongSignature),
        Bug::ListDelay => attacks(&["a list's entry before it cooled off"], WrongSignature),
        Bug::TestAmount => attacks(&["a large first payment to a list's entry"], WrongSignature),
        Bug::TestConfirmation => attacks(
            &["a second payment before the first is confirmed"],
            WrongSignature,
        ),
        Bug::EarlierNotReplaced => {
            attacks(&["an earlier attempt that could be dead"], WrongSignature)
        }
        Bug::EarlierSigned => attacks(
            &["an earlier attempt that lacks signatures"],
            WrongSignature,
        ),
        Bug::EarlierRecovery => attacks(&["a recovery as an earlier attempt"], WrongSignature),
        Bug::SweepGrows => attacks(&["a sweep that grew"], WrongSignature),
        Bug::ReplacedBirth => attacks(
            &["the replacement of a withdrawal at a journal that was lost"],
            WrongSignature,
        ),
        Bug::InclusionMissing => attacks(&["a first attempt over invented coins"], WrongSignature),
        Bug::InclusionLater => attacks(
            &["a second attempt over the invented coin of the first"],
            WrongSignature,
        ),
        Bug::InclusionWork => attacks(&["a block that nobody worked for"], WrongSignature),
        Bug::InclusionLinks => attacks(&["blocks that are not linked"], WrongSignature),
        Bug::InclusionRoot => attacks(&["a path to another root"], WrongSignature),
        Bug::InclusionInner => attacks(&["two hashes of a block as a transaction"], WrongSignature),
        Bug::InclusionForeign => attacks(
            &["a stranger's coin behind an invented ancestor"],
            WrongSignature,
        ),
        Bug::FeeFirstShown => attacks(&["fees shown too low at first"], WrongSignature),
        Bug::SignatureVerification | Bug::SignatureSighash | Bug::Culprit => {
            (Trap::Sessions, Other)
        }
        Bug::Stopped => attacks(&["a payment that leaves a stop out"], WrongSignature),
        Bug::StopSignature => attacks(&["a stop forged"], Other),
        Bug::ReleaseNamesStop => attacks(&["a release of another stop"], WrongSignature),
        Bug::ReleaseQuorum => attacks(&["a release that too few signed"], WrongSignature),
        Bug::Voided => attacks(&["a transaction that was voided"], WrongSignature),
        Bug::GoAge | Bug::GoBeforeStop | Bug::VoidsSigned => (Trap::Promises, Other),
        Bug::JournalDurability => (Trap::Disk, Other),
        Bug::KeysetSmuggled
        | Bug::VersionDelay
        | Bug::VersionQuorum
        | Bug::VersionSignature
        | Bug::SecondSuccessor
        | Bug::FormerPays
        | Bug::KeysetsMixed
        | Bug::FormerChange
        | Bug::FormerOwnScript => (Trap::Units, Other),
        Bug::Interpreter | Bug::Consensus => (Trap::Witness, Other),
        Bug::AnswerFirst => (Trap::Kill, Other),
        Bug::CreditedEarly | Bug::LostStaysLost => (Trap::Chain, Other),
        Bug::IssuedIsDropped | Bug::SigningIsCancelled | Bug::NoReversal => (Trap::Books, Other),
    }
}
