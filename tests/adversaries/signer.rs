//! The real signer library over a journal in memory, and the naive one beside it.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bitcoin::Network;
use bitcoin::psbt::Psbt;
use bitcoin::secp256k1::Secp256k1;
use policies::journal::Line;
use policies::{History, Journal};
use signer::countersign::{CountersignError, Countersigner, examine};
use signer::failure::Explained as _;
use signer::journal_file::{AppendLog, JournalFile};
use signer::keystore::{Cost, Kind, Made, Passphrase, PersonKey, Sealed, VaultKey};

use super::attempt::Case;
use super::vault::{Vault, account_path, master, secret, seed};
use policies::UnixTime;

/// A disk that never fails and forgets at the end.
#[derive(Debug, Default)]
pub(super) struct Memory(Vec<u8>);

impl AppendLog for Memory {
    fn append_durably(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

/// What a signer answered.
#[derive(Debug)]
pub(super) enum Answer {
    /// It refused, with these codes.
    Refused(Vec<&'static str>),
    /// It signed.
    Signed(Box<Psbt>),
    /// It panicked.
    Panicked,
}

/// The journal of a signer, just born.
pub(super) fn journal(vault: &Vault, who: &str, birth: UnixTime) -> Journal {
    let key = secret(&format!("journal of {who}")).public();
    let (journal, _): (Journal, Line) =
        Journal::begin(vault.policy.vault, key, birth).expect("a birth");
    journal
}

/// A signer of a vault with a journal that was just born.
pub(super) fn countersigner<L: AppendLog>(
    vault: &Vault,
    who: &str,
    birth: UnixTime,
    log: L,
) -> Countersigner<L> {
    countersigner_with(vault, who, journal(vault, who, birth), log)
}

/// A signer of a vault with a journal.
pub(super) fn countersigner_with<L: AppendLog>(
    vault: &Vault,
    who: &str,
    journal: Journal,
    log: L,
) -> Countersigner<L> {
    let key = VaultKey::from_xpriv(
        &master(who).to_string(),
        Network::Regtest,
        &account_path(),
        None,
    )
    .expect("a master key");
    let name = format!("journal of {who}");
    let public = secret(&name).public();
    let passphrase = Passphrase::new("correct horse".to_owned()).expect("not empty");
    let sealed = Sealed::seal(
        Kind::Journal,
        Made::Generated,
        public.to_string(),
        &seed(&name),
        &passphrase,
        Cost::new(16, 1, 1),
    )
    .expect("the system gives randomness");
    let journal_key = PersonKey::open(Kind::Journal, &sealed, &passphrase).expect("just sealed");
    Countersigner::of(
        who.to_owned(),
        vault.policy.clone(),
        JournalFile::over(log, journal),
        key,
        journal_key,
    )
}

/// Asks the case's signer for signatures.
pub(super) fn ask(case: &Case<'_>) -> Answer {
    let bytes = case.bytes();
    catch_unwind(AssertUnwindSafe(|| ask_for(case, &bytes))).unwrap_or(Answer::Panicked)
}

fn ask_for(case: &Case<'_>, bytes: &[u8]) -> Answer {
    if case.before.is_empty() {
        // Cheap first: most cases are refused by the review, before any key is opened.
        let history = History::begin(case.birth);
        if let Err(error) = examine(bytes, &case.vault.policy, &history, case.now) {
            return refused(&error);
        }
    }
    let mut signer = countersigner(case.vault, case.who, case.birth, Memory::default());
    for before in &case.before {
        let signed = signer
            .examine(before, case.now)
            .and_then(|examined| signer.sign(examined, case.now));
        if let Err(error) = signed {
            return refused(&error);
        }
    }
    match signer
        .examine(bytes, case.now)
        .and_then(|examined| signer.sign(examined, case.now))
    {
        Ok(signed) => Answer::Signed(Box::new(signed.psbt)),
        Err(error) => refused(&error),
    }
}

fn refused(error: &CountersignError) -> Answer {
    let mut codes: Vec<&'static str> = error.reasons().iter().map(|reason| reason.code).collect();
    codes.push(error.code());
    Answer::Refused(codes)
}

/// How many signatures rust-bitcoin's own signer gives for the same bytes.
pub(super) fn naive(case: &Case<'_>) -> Option<bool> {
    let bytes = case.bytes_for_naive()?;
    let master = master(case.who);
    let signed = catch_unwind(AssertUnwindSafe(|| {
        let Ok(mut psbt) = Psbt::deserialize(&bytes) else {
            return false;
        };
        let (Ok(keys) | Err((keys, _))) = psbt.sign(&master, &Secp256k1::new());
        keys.values().any(|keys| match keys {
            bitcoin::psbt::SigningKeys::Ecdsa(keys) => !keys.is_empty(),
            bitcoin::psbt::SigningKeys::Schnorr(keys) => !keys.is_empty(),
        })
    }));
    Some(signed.unwrap_or(false))
}
