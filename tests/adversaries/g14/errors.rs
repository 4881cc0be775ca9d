//! Errors of a signer, planted on purpose: a search that misses one proves nothing.
//!
//! Each lets the signer forget what it signed before it asks its real journal, or leaves a question out.

use super::universe::{Mask, Universe, bit, numbers};

/// What a signer gets wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Error {
    /// What the chain shows to be dead, however deep, counts as never signed.
    DeadIsForgotten,
    /// Only the last attempt of a line counts.
    LastAttemptOnly,
    /// An attempt that the new one descends from counts as excluded by it.
    DescendantExcludes,
    /// An attempt that has an ancestor in common with the new one counts as excluded.
    SharedAncestorExcludes,
    /// A void is given, and forgotten.
    VoidIsForgotten,
    /// A journal that was restored empty voids what it may have signed before.
    VoidAfterRestore,
    /// A journal that was restored empty signs what was asked for before.
    BirthIsForgotten,
    /// What is replaced may be older than the journal.
    ReplacedIsForgotten,
    /// What was signed is written down after the signature left, and a crash comes between.
    WrittenTooLate,
    /// Outputs that a voided transaction spends are never spent again: safe, and stuck.
    VoidLocksCoins,
    /// What was signed is never excluded by an ancestor: safe, and stuck.
    AncestorsDoNotCount,
}

impl Error {
    /// What it is, in words.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::DeadIsForgotten => "dead after N confirmations is a reason to sign",
            Self::LastAttemptOnly => "shares an input with the last attempt only",
            Self::DescendantExcludes => "a descendant counts as exclusive",
            Self::SharedAncestorExcludes => "a shared ancestor counts as exclusive",
            Self::VoidIsForgotten => "voids are ignored",
            Self::VoidAfterRestore => "a journal restored empty voids what is older",
            Self::BirthIsForgotten => "birth is ignored",
            Self::ReplacedIsForgotten => "the birth of what is replaced is ignored",
            Self::WrittenTooLate => "the journal is written after the signature left",
            Self::VoidLocksCoins => "a void locks coins",
            Self::AncestorsDoNotCount => "ancestors exclude nothing",
        }
    }

    /// Which of the remembered a signer with this error forgets when it is asked for a transaction.
    pub(super) fn forgotten(
        error: Option<Self>,
        universe: &Universe,
        (number, remembered): (usize, Mask),
        last: Mask,
    ) -> Mask {
        match error {
            Some(Self::LastAttemptOnly) => remembered & !last,
            Some(Self::DescendantExcludes) => remembered & universe.closure(number),
            Some(Self::SharedAncestorExcludes) => {
                let ancestors = universe.closure(number) & !bit(number);
                let kin = |other: &usize| universe.closure(*other) & !bit(*other) & ancestors != 0;
                numbers(remembered)
                    .filter(kin)
                    .fold(0, |all, other| all | bit(other))
            }
            Some(
                Self::DeadIsForgotten
                | Self::VoidIsForgotten
                | Self::VoidAfterRestore
                | Self::BirthIsForgotten
                | Self::ReplacedIsForgotten
                | Self::WrittenTooLate
                | Self::VoidLocksCoins
                | Self::AncestorsDoNotCount,
            )
            | None => 0,
        }
    }
}
