//! The order in which a signature comes to be, and the only way to one.
//!
//! Read strictly → review with the journal → entry durable → sign the transaction that the review
//! rebuilt → verify → reply with signatures and receipt only. A crash at any point leaves either no
//! signature, or a signature whose transaction is remembered. Where the key lies in a foreign device, what
//! lies between entry and verifying is that device's.

mod elsewhere;
mod error;
mod following;

use crate::home::Home;
use crate::journal_file::{AppendLog, JournalFile, Remembered};
use crate::keystore::{Passphrase, PersonKey};
use crate::pin::Pinned;
use crate::reply::reply;
use crate::signing::{InputSignatures, Spending, sign};
use crate::succeeding::catch_up;
use crate::voiding::{VoidingError, void_as_wished};
use bitcoin::Txid;
use bitcoin::psbt::Psbt;
use bitcoin::secp256k1::{All, Secp256k1};
use policies::journal::{Given, Heard, SignedTransaction, Void};
use policies::psbt::{PsbtVersion, StrictPsbt, read_strict};
use policies::review::{Review, review, statements};
use policies::{History, Policy, Receipt, UnixTime};
use std::fs::File;

pub use elsewhere::{Answered, Handed, SigningKey};
pub use error::CountersignError;
pub use following::Following;

/// A signer ready to sign: pinned policy, locked journal, opened keys.
pub struct Countersigner<L = File> {
    name: String,
    policy: Policy,
    journal: JournalFile<L>,
    key: SigningKey,
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
        let key = match home.device_key()? {
            Some(key) => SigningKey::Elsewhere(key),
            None => SigningKey::Software(home.open_vault_key(passphrase)?),
        };
        let journal_key = home.open_journal_key(passphrase)?;
        let policy = pinned.policy().clone();
        Ok(Self {
            home: Some((home.clone(), pinned.clone())),
            ..Self::of(name.to_owned(), policy, journal, key, journal_key)
        })
    }
}

impl<L: AppendLog> Countersigner<L> {
    /// A signer of these parts.
    pub fn of(
        name: String,
        policy: Policy,
        journal: JournalFile<L>,
        key: impl Into<SigningKey>,
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
            key: key.into(),
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
        let own = self.key.xpub(&self.secp);
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
    #[expect(
        clippy::needless_pass_by_value,
        reason = "one review is for one signature"
    )]
    pub fn sign(
        &mut self,
        examined: Examined,
        clock: UnixTime,
    ) -> Result<Signed, CountersignError> {
        self.key.here()?;
        let version = examined.psbt.version();
        let (review, remembered) = self.remember(&examined, clock)?;
        let signatures = self.signatures(&review, &remembered)?;
        self.replied(&review, &remembered, signatures, version)
    }

    /// Reviews once more and remembers; from then on the transaction may be signed.
    fn remember(
        &mut self,
        examined: &Examined,
        clock: UnixTime,
    ) -> Result<(Review, Remembered), CountersignError> {
        let review = self.review_again(examined, clock)?;
        let at = self.journal.history().now(clock.max(examined.at));
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
        if remembered.txid() != review.transaction.compute_txid() {
            return Err(CountersignError::Inconsistent);
        }
        Ok((review, remembered))
    }

    /// The review as the journal stands now.
    fn review_again(
        &self,
        examined: &Examined,
        clock: UnixTime,
    ) -> Result<Review, CountersignError> {
        let at = self.journal.history().now(clock.max(examined.at));
        let history = self.journal.history();
        let review =
            review(&examined.psbt, &self.policy, history, at).map_err(CountersignError::Refused)?;
        self.check_keyset(&review)?;
        Ok(review)
    }

    /// What leaves: signatures and the receipt of what was remembered.
    fn replied(
        &self,
        review: &Review,
        remembered: &Remembered,
        signatures: Vec<InputSignatures>,
        version: PsbtVersion,
    ) -> Result<Signed, CountersignError> {
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
        let account = self.key.here()?.account();
        Ok(sign(transaction, &spending, account, &self.secp)?)
    }
}
