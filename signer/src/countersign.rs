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
use crate::succeeding::{
    By, SucceedingError, Successor, acknowledge, adopt, catch_up, hear, is_kept,
};
use crate::voiding::{VoidingError, void_as_wished};
use bitcoin::Txid;
use bitcoin::bip32::Xpub;
use bitcoin::psbt::Psbt;
use bitcoin::secp256k1::{All, Secp256k1};
use policies::journal::{Given, Heard, SignedTransaction, Void};
use policies::psbt::{PsbtRefusal, PsbtVersion, StrictPsbt, read_strict};
use policies::review::{Refusal, Review, review, statements};
use policies::rules::Said;
use policies::succession::SuccessionFile;
use policies::words::count;
use policies::{History, Policy, PolicyId, Receipt, UnixTime};
use std::fs::File;

/// A signer ready to sign: pinned policy, locked journal, opened keys.
pub struct Countersigner<L = File> {
    name: String,
    policy: Policy,
    journal: JournalFile<L>,
    key: VaultKey,
    journal_key: PersonKey,
    /// Where versions are kept and what is pinned there; none for a signer of loose parts.
    home: Option<(Home, Pinned)>,
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
    /// It spends coins of a keyset in which this signer has no key.
    #[error("it spends coins of {}keyset, in which this signer has no key", if *.former { "a former " } else { "the newest " })]
    OtherKeyset {
        /// Whether that is a former one.
        former: bool,
    },
    /// The next version is not heard or followed.
    #[error(transparent)]
    Succeeding(Box<SucceedingError>),
    /// The bytes are no PSBT that a signer reads.
    #[error(transparent)]
    Psbt(#[from] PsbtRefusal),
    /// The review refused, for every reason named.
    #[error("refused for {}, first: {}", count(.0.len(), "reason"), first(.0))]
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

impl From<SucceedingError> for CountersignError {
    fn from(error: SucceedingError) -> Self {
        Self::Succeeding(Box::new(error))
    }
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
        let journal = JournalFile::open(&home.journal_file(), owner)?;
        let pinned = catch_up(home, pinned, journal.history())?;
        let name = pinned.signer().ok_or(CountersignError::NotASigner)?;
        // Once this journal may have signed, it is never taken in again from a bundle.
        home.use_up_freshness(&owner.key.to_string())?;
        let key = home.open_vault_key(passphrase)?;
        let journal_key = home.open_journal_key(passphrase)?;
        let policy = pinned.policy().clone();
        Ok(Self {
            home: Some((home.clone(), pinned.clone())),
            ..Self::of(name.to_owned(), policy, journal, key, journal_key)
        })
    }
}

/// What became of the successor of the pinned version.
#[derive(Debug)]
pub enum Following {
    /// There is none.
    Nothing,
    /// It was followed.
    Adopted(PolicyId),
    /// It waits for its time or for a human.
    Waits {
        /// The version; of several, the first by their ids.
        policy: PolicyId,
        /// For what.
        because: Box<SucceedingError>,
    },
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
            home: None,
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
        let examined = examine(bytes, &self.policy, self.journal.history(), clock)?;
        self.check_keyset(&examined.review)?;
        Ok(examined)
    }

    /// Whoever joined has no key of former keysets; whoever leaves has none of the newest.
    fn check_keyset(&self, review: &Review) -> Result<(), CountersignError> {
        let own = Xpub::from_priv(&self.secp, self.key.account());
        let former = self.policy.former.iter();
        let mut former = former.filter(|keyset| Some(keyset.keyset) == review.former);
        let descriptor = match former.next() {
            Some(keyset) => &keyset.descriptor,
            None => &self.policy.descriptor,
        };
        let holds = |position: &policies::descriptor::KeyPosition| position.xpub == own;
        if descriptor.key_positions().iter().any(holds) {
            return Ok(());
        }
        Err(CountersignError::OtherKeyset {
            former: review.former.is_some(),
        })
    }

    /// Takes a next version in: from now on its delay runs by this signer's clock.
    ///
    /// # Errors
    /// As [`hear`]; [`CountersignError::NotASigner`] for a signer without a home.
    pub fn hear_version(
        &mut self,
        file: &SuccessionFile,
        clock: UnixTime,
    ) -> Result<Successor, CountersignError> {
        let (home, _) = self.home.as_ref().ok_or(CountersignError::NotASigner)?;
        Ok(hear(
            home,
            &self.policy,
            file,
            Some(&mut self.journal),
            By::Itself,
            clock,
        )?)
    }

    /// Whether a version was taken in, and its file is here: a journal that moved comes without files.
    pub fn holds_version(&self, version: PolicyId) -> bool {
        let held = self.journal.history().versions().proposed(version);
        let (Some(_), Some((home, _))) = (held, self.home.as_ref()) else {
            return false;
        };
        is_kept(home, version)
    }

    /// Adopts a version that was taken in; from now on transfers are reviewed under it.
    ///
    /// # Errors
    /// As [`adopt`]; [`CountersignError::NotASigner`] for a signer without a home.
    pub fn adopt_version(
        &mut self,
        version: PolicyId,
        by: By,
        clock: UnixTime,
    ) -> Result<(), CountersignError> {
        let (home, pinned) = self.home.as_ref().ok_or(CountersignError::NotASigner)?;
        let adopted = adopt(home, pinned, Some(&mut self.journal), version, by, clock)?;
        let name = adopted.signer().ok_or(CountersignError::NotASigner)?;
        name.clone_into(&mut self.name);
        self.policy = adopted.policy().clone();
        self.home = Some((home.clone(), adopted));
        Ok(())
    }

    /// Follows what may be followed without a human: the one successor of the pinned version, if it is a step of
    /// rules and its delay is over.
    ///
    /// # Errors
    /// When journal or disk refuse. What must wait, or needs a human, is no error.
    pub fn follow_ripe(&mut self, clock: UnixTime) -> Result<Following, CountersignError> {
        if self.home.is_none() {
            return Ok(Following::Nothing);
        }
        let held = self.journal.history().versions();
        let proposals = held.proposals_after(self.policy.id);
        let Some(policy) = proposals.first().map(|proposed| proposed.policy) else {
            return Ok(Following::Nothing);
        };
        let because = if proposals.len() > 1 {
            let previous = self.policy.id;
            Box::new(SucceedingError::Disputed { previous })
        } else {
            match self.adopt_version(policy, By::Itself, clock) {
                Ok(()) => return Ok(Following::Adopted(policy)),
                Err(CountersignError::Succeeding(error)) if error.waits() => error,
                Err(error) => return Err(error),
            }
        };
        Ok(Following::Waits { policy, because })
    }

    /// Acknowledges the version that the journal adopted last.
    ///
    /// # Errors
    /// As [`acknowledge`].
    pub fn acknowledge(&self) -> Result<Said, SucceedingError> {
        acknowledge(
            self.journal.history(),
            &self.policy,
            self.journal_key.secret(),
        )
    }

    /// Hears the head of the coordinator's event chain: receipts echo it, so that rewritten history shows.
    pub fn hear(&mut self, event_head: Option<[u8; 32]>) {
        self.event_head = event_head;
    }

    /// Journals statements that count; says how many are new. From then on the cooling-off of an entry runs
    /// by this signer's clock, and a stop holds whoever leaves it out later.
    ///
    /// # Errors
    /// When the journal cannot remember.
    pub fn note(
        &mut self,
        statements: &[Heard],
        clock: UnixTime,
    ) -> Result<usize, CountersignError> {
        let mut new = 0_usize;
        for heard in statements {
            let at = self.journal.history().now(clock);
            if let Some(seen) = heard.seen(self.journal.history(), at) {
                self.journal.remember_statement(seen)?;
                new = new.saturating_add(1);
            }
        }
        Ok(new)
    }

    /// Voids a transaction because the coordinator wishes it.
    ///
    /// # Errors
    /// As [`void_as_wished`].
    pub fn void_as_wished(&mut self, txid: Txid, clock: UnixTime) -> Result<Void, VoidingError> {
        let key = self.journal_key.secret();
        void_as_wished(&mut self.journal, key, self.policy.vault, txid, clock)
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
        self.check_keyset(&review)?;
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
            Self::Psbt(_) | Self::Refused(_) | Self::OtherKeyset { .. } => Class::Refused,
            Self::Succeeding(error) => error.class(),
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
            Self::OtherKeyset { .. } => "NO_KEY_OF_KEYSET",
            Self::Succeeding(error) => error.code(),
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
            Self::OtherKeyset { former: true } => {
                "signers of that keyset must sign it: those who joined later have no key of it".to_owned()
            }
            Self::OtherKeyset { former: false } => {
                "this home leaves the vault: it signs only what brings coins of its former keysets home".to_owned()
            }
            Self::Succeeding(error) => error.hint(),
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
            Self::Succeeding(error) => error.reasons(),
            Self::NotASigner
            | Self::OtherKeyset { .. }
            | Self::Psbt(_)
            | Self::Pin(_)
            | Self::Home(_)
            | Self::Journal(_)
            | Self::Signing(_)
            | Self::Inconsistent => vec![crate::failure::reason(self)],
        }
    }
}
