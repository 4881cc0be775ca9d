//! The order in which a signature comes to be, and the only way to one.
//!
//! Read strictly → review with the journal → entry durable → sign the transaction that the review
//! rebuilt → verify → reply with signatures and receipt only. A crash at any point leaves either no
//! signature, or a signature whose transaction is remembered.

use crate::failure::{Class, Explained, NO_REASON, Reason};
use crate::home::{Home, HomeError};
use crate::journal_file::{AppendLog, JournalFile, JournalFileError, Remembered};
use crate::keystore::{Passphrase, PersonKey, VaultKey};
use crate::pin::{PinError, Pinned};
use crate::reply::reply;
use crate::signing::{InputSignatures, SigningError, Spending, sign};
use bitcoin::psbt::Psbt;
use bitcoin::secp256k1::{All, Secp256k1};
use policies::journal::{Given, Seen, SignedTransaction};
use policies::psbt::{PsbtRefusal, PsbtVersion, StrictPsbt, read_strict};
use policies::review::{Refusal, Review, review, statements};
use policies::{History, Policy, Receipt, Statement, UnixTime};
use std::fs::File;

/// A signer ready to sign: pinned policy, locked journal, opened keys.
pub struct Countersigner<L = File> {
    name: String,
    policy: Policy,
    journal: JournalFile<L>,
    key: VaultKey,
    journal_key: PersonKey,
    /// The head of the coordinator's event chain, as it was last told; echoed in receipts.
    event_head: Option<[u8; 32]>,
    secp: Secp256k1<All>,
}

/// A transfer that may be signed, as one policy, one history and one clock stand.
#[derive(Debug)]
#[must_use = "an examined transfer is not signed yet"]
pub struct Examined {
    psbt: StrictPsbt,
    review: Review,
    at: UnixTime,
}

impl Examined {
    /// What the review found.
    pub fn review(&self) -> &Review {
        &self.review
    }
}

/// What leaves the signer.
#[derive(Debug, Clone)]
pub struct Signed {
    /// Signatures and receipt over the unsigned transaction.
    pub psbt: Psbt,
    /// The version in which it was asked for.
    pub version: PsbtVersion,
    /// The receipt in it.
    pub receipt: Receipt,
    /// How many signatures there are.
    pub signatures: usize,
}

impl Signed {
    /// Its bytes, in the version in which it was asked for.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.version.write(&self.psbt)
    }
}

/// Why a transfer is not signed.
#[derive(Debug, thiserror::Error)]
pub enum CountersignError {
    /// The home is no signer in its policy.
    #[error("this home is no signer of its policy")]
    NotASigner,
    /// The bytes are no PSBT that a signer reads.
    #[error(transparent)]
    Psbt(#[from] PsbtRefusal),
    /// The review refused, for every reason named.
    #[error("refused for {} reasons, first: {}", .0.len(), first(.0))]
    Refused(Vec<Refusal>),
    /// The pin does not hold.
    #[error(transparent)]
    Pin(#[from] PinError),
    /// A key does not open.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The journal does not open or did not remember.
    #[error(transparent)]
    Journal(#[from] JournalFileError),
    /// No signature came out, or a wrong one.
    #[error(transparent)]
    Signing(#[from] SigningError),
    /// What was examined is not what was remembered: a mistake of this program.
    #[error("the reviewed transaction is not the remembered one")]
    Inconsistent,
}

fn first(refusals: &[Refusal]) -> String {
    refusals.first().map(Refusal::to_string).unwrap_or_default()
}

/// Reads and reviews a transfer under a policy, a history and a clock.
///
/// # Errors
/// [`CountersignError::Psbt`] or [`CountersignError::Refused`].
pub fn examine(
    bytes: &[u8],
    policy: &Policy,
    history: &History,
    clock: UnixTime,
) -> Result<Examined, CountersignError> {
    let psbt = read_strict(bytes)?;
    let at = history.now(clock);
    let review = review(&psbt, policy, history, at).map_err(CountersignError::Refused)?;
    Ok(Examined { psbt, review, at })
}

impl Countersigner<File> {
    /// Opens a home to sign with: the journal stays locked until this is dropped.
    ///
    /// # Errors
    /// When the pin, the journal or a key is not as it should be.
    pub fn open(home: &Home, passphrase: &Passphrase) -> Result<Self, CountersignError> {
        let pinned = Pinned::load(home)?;
        let owner = pinned.journal().ok_or(CountersignError::NotASigner)?;
        let name = pinned.signer().ok_or(CountersignError::NotASigner)?;
        let journal = JournalFile::open(&home.journal_file(), owner)?;
        // Once this journal may have signed, it is never taken in again from a bundle.
        home.use_up_freshness(&owner.key.to_string())?;
        let key = home.open_vault_key(passphrase)?;
        let journal_key = home.open_journal_key(passphrase)?;
        let policy = pinned.policy().clone();
        Ok(Self::of(name.to_owned(), policy, journal, key, journal_key))
    }
}

impl<L: AppendLog> Countersigner<L> {
    /// A signer of these parts.
    pub fn of(
        name: String,
        policy: Policy,
        journal: JournalFile<L>,
        key: VaultKey,
        journal_key: PersonKey,
    ) -> Self {
        let mut secp = Secp256k1::new();
        if let Ok(seed) = crate::keystore::fresh::<32>() {
            // Blinds the context against side channels; signatures stay the same.
            secp.seeded_randomize(&seed);
        }
        Self {
            name,
            policy,
            journal,
            key,
            journal_key,
            event_head: None,
            secp,
        }
    }

    /// Its name in the policy.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The pinned policy.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The journal.
    pub fn journal(&self) -> &JournalFile<L> {
        &self.journal
    }

    /// Reads and reviews a transfer as the journal stands.
    ///
    /// # Errors
    /// As [`examine`].
    pub fn examine(&self, bytes: &[u8], clock: UnixTime) -> Result<Examined, CountersignError> {
        examine(bytes, &self.policy, self.journal.history(), clock)
    }

    /// Hears the head of the coordinator's event chain: receipts echo it, so that rewritten history shows.
    pub fn hear(&mut self, event_head: Option<[u8; 32]>) {
        self.event_head = event_head;
    }

    /// Journals statements about open lists that verified; says how many are new. From then on the
    /// cooling-off of an entry runs by this signer's clock.
    ///
    /// # Errors
    /// When the journal cannot remember.
    pub fn note(
        &mut self,
        statements: &[Statement],
        clock: UnixTime,
    ) -> Result<usize, CountersignError> {
        let mut new = 0_usize;
        for statement in statements {
            let subject = statement.subject();
            if self.journal.history().seen(subject.as_bytes()).is_none() {
                let at = self.journal.history().now(clock);
                let seen = Seen::of(&statement.encode(), at)
                    .map_err(|_| CountersignError::Inconsistent)?;
                self.journal.remember_statement(seen)?;
                new = new.saturating_add(1);
            }
        }
        Ok(new)
    }

    /// Journals the statements of a transfer that was refused: it may have been refused only because they
    /// are new here.
    ///
    /// # Errors
    /// When the journal cannot remember. A transfer that cannot be read carries nothing.
    pub fn note_carried(
        &mut self,
        bytes: &[u8],
        clock: UnixTime,
    ) -> Result<usize, CountersignError> {
        let Ok(psbt) = read_strict(bytes) else {
            return Ok(0);
        };
        let at = self.journal.history().now(clock);
        self.note(&statements(&psbt, &self.policy, at), clock)
    }

    /// Reviews once more, remembers, signs, verifies, receipts. Signing the same transaction again gives the
    /// same signatures.
    ///
    /// Between the review that a person read and this call, time passed, and the journal may have taken in
    /// other transfers: what is signed is what was read, if it may still be signed now.
    ///
    /// # Errors
    /// As [`examine`]; when the journal does not remember or a signature is wrong. Then none leaves.
    pub fn sign(
        &mut self,
        examined: Examined,
        clock: UnixTime,
    ) -> Result<Signed, CountersignError> {
        let Examined { psbt, at, .. } = examined;
        let version = psbt.version();
        let at = self.journal.history().now(clock.max(at));
        let review = review(&psbt, &self.policy, self.journal.history(), at)
            .map_err(CountersignError::Refused)?;
        self.note(&review.seen, at)?;
        let given = Given {
            manifest: review.manifest_hash,
            nonce: None,
            event_head: self.event_head,
        };
        let remembered = self.journal.remember(SignedTransaction {
            given: Some(given),
            ..review.signed_transaction(at)
        })?;
        let signatures = self.signatures(&review, &remembered)?;
        let count = signatures.iter().map(InputSignatures::count).sum();
        let body = remembered.receipt().cloned();
        let body = body.ok_or(CountersignError::Inconsistent)?;
        let receipt = body.sign(self.journal_key.secret(), self.policy.vault);
        let psbt = reply(&review.transaction, signatures, &receipt)
            .map_err(|_| CountersignError::Inconsistent)?;
        Ok(Signed {
            psbt,
            version,
            receipt,
            signatures: count,
        })
    }

    fn signatures(
        &self,
        review: &Review,
        remembered: &Remembered,
    ) -> Result<Vec<InputSignatures>, CountersignError> {
        let transaction = &review.transaction;
        if remembered.txid() != transaction.compute_txid() {
            return Err(CountersignError::Inconsistent);
        }
        let spending: Vec<Spending<'_>> = review
            .inputs
            .iter()
            .map(|input| Spending {
                prevout: &input.previous,
                descriptor: &input.derived.definite,
            })
            .collect();
        Ok(sign(
            transaction,
            &spending,
            self.key.account(),
            &self.secp,
        )?)
    }
}

impl Explained for CountersignError {
    fn class(&self) -> Class {
        match self {
            Self::NotASigner => Class::Usage,
            Self::Psbt(_) | Self::Refused(_) => Class::Refused,
            Self::Pin(error) => error.class(),
            Self::Home(error) => error.class(),
            Self::Journal(error) => error.class(),
            Self::Signing(SigningError::Fault { .. }) => Class::Device,
            Self::Signing(
                SigningError::InputCount { .. }
                | SigningError::NoOwnKey { .. }
                | SigningError::UnsupportedScript { .. }
                | SigningError::Derivation { .. },
            )
            | Self::Inconsistent => Class::Bug,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotASigner => "NOT_A_SIGNER",
            Self::Psbt(refusal) => refusal.code(),
            Self::Refused(refusals) => refusals.first().map_or("REFUSED", Refusal::code),
            Self::Pin(error) => error.code(),
            Self::Home(error) => error.code(),
            Self::Journal(error) => error.code(),
            Self::Signing(_) => "CANNOT_SIGN",
            Self::Inconsistent => "INCONSISTENT",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::NotASigner => "sign with a home made by keygen or import".to_owned(),
            Self::Psbt(refusal) => refusal.hint().to_owned(),
            Self::Pin(error) => error.hint(),
            Self::Home(error) => error.hint(),
            Self::Journal(error) => error.hint(),
            Self::Refused(refusals) => {
                let first = refusals.first().map_or(NO_REASON, Refusal::hint);
                first.to_owned()
            }
            Self::Signing(SigningError::Fault { .. }) => {
                "nothing was signed; do not use this machine before its memory was tested".to_owned()
            }
            Self::Signing(
                SigningError::InputCount { .. }
                | SigningError::NoOwnKey { .. }
                | SigningError::UnsupportedScript { .. }
                | SigningError::Derivation { .. },
            )
            | Self::Inconsistent => {
                "nothing was signed and nothing can be done: report this as a mistake of the program"
                    .to_owned()
            }
        }
    }

    fn reasons(&self) -> Vec<Reason> {
        match self {
            Self::Refused(refusals) => refusals.iter().map(Reason::of_refusal).collect(),
            Self::NotASigner
            | Self::Psbt(_)
            | Self::Pin(_)
            | Self::Home(_)
            | Self::Journal(_)
            | Self::Signing(_)
            | Self::Inconsistent => vec![crate::failure::reason(self)],
        }
    }
}
