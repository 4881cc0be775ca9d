//! Voids: a journal's promise that it did not and will never sign a transaction, durable before it leaves.
//!
//! Invariant: no void leaves for what was signed here, nor from a journal that cannot know what its predecessor
//! signed. Those that a coordinator wishes are few a day, so that it cannot fill the journal.

use crate::failure::{Class, Explained};
use crate::journal_file::{AppendLog, JournalFile, JournalFileError};
use bitcoin::Txid;
use policies::intent::SecretKey;
use policies::journal::{CannotVoid, Void, may_void};
use policies::{UnixTime, VaultId};

/// The most transactions that a day's wishes of a coordinator void.
pub const MOST_A_DAY: usize = 1_000;

const DAY: u64 = 86_400;

/// Why no void is given.
#[derive(Debug, thiserror::Error)]
pub enum VoidingError {
    /// The journal may not promise it.
    #[error(transparent)]
    Cannot(#[from] CannotVoid),
    /// Enough were voided today.
    #[error("{MOST_A_DAY} transactions were voided within a day")]
    TooMany,
    /// The journal refused.
    #[error(transparent)]
    Journal(#[from] JournalFileError),
}

/// Voids a transaction for the person at this home.
///
/// # Errors
/// When the journal signed it, may not promise, or does not remember; then no void leaves.
pub fn void<L: AppendLog>(
    journal: &mut JournalFile<L>,
    key: &SecretKey,
    vault: VaultId,
    txid: Txid,
    clock: UnixTime,
) -> Result<Void, VoidingError> {
    may_void(journal.history(), txid)?;
    journal.remember_void(txid, clock)?;
    Ok(Void::sign(key, vault, txid))
}

/// Voids a transaction because a coordinator wishes it: few a day, by this journal's time.
///
/// # Errors
/// As [`void`], and [`VoidingError::TooMany`].
pub fn void_as_wished<L: AppendLog>(
    journal: &mut JournalFile<L>,
    key: &SecretKey,
    vault: VaultId,
    txid: Txid,
    clock: UnixTime,
) -> Result<Void, VoidingError> {
    let history = journal.history();
    let since = history.now(clock).saturating_sub(DAY);
    if history.voided(&txid).is_none() && history.voids_since(since) >= MOST_A_DAY {
        return Err(VoidingError::TooMany);
    }
    void(journal, key, vault, txid, clock)
}

impl Explained for VoidingError {
    fn class(&self) -> Class {
        match self {
            Self::Cannot(_) | Self::TooMany => Class::Refused,
            Self::Journal(error) => error.class(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Cannot(CannotVoid::AlreadySigned { .. }) => "ALREADY_SIGNED",
            Self::Cannot(CannotVoid::BornLater { .. }) => "JOURNAL_BORN_LATER",
            Self::Cannot(CannotVoid::Moved { .. }) => "JOURNAL_MOVED",
            Self::TooMany => "TOO_MANY_VOIDS",
            Self::Journal(error) => error.code(),
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::Cannot(CannotVoid::AlreadySigned { .. }) => {
                "cancel it on the chain: `countersign-coordinator batch cancel` spends its coins home"
            }
            Self::Cannot(CannotVoid::BornLater { .. }) => {
                "other signers may void it; else cancel it on the chain, by a spend of its coins home"
            }
            Self::Cannot(CannotVoid::Moved { .. }) => {
                "void it on the machine that the journal moved to"
            }
            Self::TooMany => "wait a day, or void it by hand with `void`",
            Self::Journal(error) => return error.hint(),
        }
        .to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bitcoin::hashes::Hash as _;
    use policies::Journal;
    use std::io;

    /// A disk that takes everything.
    struct Memory;

    impl AppendLog for Memory {
        fn append_durably(&mut self, _: &[u8]) -> io::Result<()> {
            Ok(())
        }
    }

    const VAULT: VaultId = VaultId::from_bytes([1; 32]);

    fn journal(birth: UnixTime) -> JournalFile<Memory> {
        let key = SecretKey::from_bytes(&[2; 32]).public();
        let (journal, _) = Journal::begin(VAULT, key, birth).expect("begins");
        JournalFile::over(Memory, journal)
    }

    fn txid(number: usize) -> Txid {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&number.to_le_bytes());
        Txid::from_byte_array(bytes)
    }

    #[test]
    fn a_coordinator_has_a_thousand_transactions_voided_a_day_and_a_person_more() {
        let key = SecretKey::from_bytes(&[2; 32]);
        let mut journal = journal(UnixTime::ZERO);
        let now = UnixTime::from_secs(1_795_400_000);
        for number in 0..MOST_A_DAY {
            void_as_wished(&mut journal, &key, VAULT, txid(number), now).expect("voids");
        }
        let next = txid(MOST_A_DAY);
        let refused = void_as_wished(&mut journal, &key, VAULT, next, now).expect_err("enough");
        assert_eq!(refused.code(), "TOO_MANY_VOIDS");
        assert_eq!(journal.history().voided(&next), None);
        let again = void_as_wished(&mut journal, &key, VAULT, txid(0), now);
        again
            .expect("is promised already")
            .verify(VAULT)
            .expect("holds");
        void(&mut journal, &key, VAULT, next, now).expect("a person may");
        let later = now.saturating_add(DAY);
        let other = txid(MOST_A_DAY + 1);
        void_as_wished(&mut journal, &key, VAULT, other, later).expect("another day");
    }

    #[test]
    fn a_journal_born_later_voids_nothing_and_writes_nothing_down() {
        let key = SecretKey::from_bytes(&[2; 32]);
        let mut journal = journal(UnixTime::from_secs(1_000));
        let now = UnixTime::from_secs(2_000);
        let refused = void(&mut journal, &key, VAULT, txid(1), now).expect_err("cannot know");
        assert_eq!(refused.code(), "JOURNAL_BORN_LATER");
        assert_eq!(journal.history().voided(&txid(1)), None);
    }
}
