//! A signer whose key lies in a foreign device that no wire joins: handed over, then answered for.
//!
//! Host, device and journal are together what one software key and its journal are: the review and the memory
//! are ours, the key is the device's. Invariant: a transfer leaves for the device only after its entry is
//! durable, and nothing is answered for that has none.

use super::{CountersignError, Countersigner, Examined, Signed};
use crate::answering::take;
use crate::journal_file::AppendLog;
use crate::keystore::{DeviceKey, VaultKey, durable};
use bitcoin::Txid;
use bitcoin::bip32::Xpub;
use bitcoin::secp256k1::{All, Secp256k1};
use policies::UnixTime;
use policies::carrier::for_device;
use policies::psbt::{BadSignature, Intake};
use policies::words::count;

/// Where the key is that signs.
#[derive(Debug)]
pub enum SigningKey {
    /// Here, opened.
    Software(VaultKey),
    /// In a foreign device; here is its public half.
    Elsewhere(DeviceKey),
}

impl SigningKey {
    /// The account's extended public key.
    pub fn xpub(&self, secp: &Secp256k1<All>) -> Xpub {
        match self {
            Self::Software(key) => Xpub::from_priv(secp, key.account()),
            Self::Elsewhere(key) => *key.xpub(),
        }
    }

    /// The key, if it is here.
    ///
    /// # Errors
    /// [`CountersignError::KeyElsewhere`].
    pub fn here(&self) -> Result<&VaultKey, CountersignError> {
        match self {
            Self::Software(key) => Ok(key),
            Self::Elsewhere(key) => Err(CountersignError::KeyElsewhere {
                device: key.kind().clone(),
            }),
        }
    }

    /// The device that holds it, if one does.
    ///
    /// # Errors
    /// [`CountersignError::KeyHere`].
    pub fn device(&self) -> Result<&DeviceKey, CountersignError> {
        match self {
            Self::Software(_) => Err(CountersignError::KeyHere),
            Self::Elsewhere(key) => Ok(key),
        }
    }
}

impl From<VaultKey> for SigningKey {
    fn from(key: VaultKey) -> Self {
        Self::Software(key)
    }
}

impl From<DeviceKey> for SigningKey {
    fn from(key: DeviceKey) -> Self {
        Self::Elsewhere(key)
    }
}

/// A transfer that a device may sign now.
#[derive(Debug, Clone)]
#[must_use = "it is journalled: the device is to have it"]
pub struct Handed {
    /// Its transaction.
    pub txid: Txid,
    /// The PSBT for the device: without our records.
    pub psbt: Vec<u8>,
}

/// What a device's answers became.
#[derive(Debug, Clone)]
pub struct Answered {
    /// What leaves, as from a key that is here.
    pub signed: Signed,
    /// How many inputs there are.
    pub inputs: usize,
    /// The inputs that the device did not sign.
    pub missing: Vec<usize>,
    /// Signatures of others in it, which stay where they are.
    pub others: usize,
    /// What was refused, and why.
    pub refused: Vec<BadSignature>,
}

impl Answered {
    /// What a person is told of it.
    pub fn text(&self, txid: &Txid) -> String {
        let signed = self.inputs.saturating_sub(self.missing.len());
        let mut lines = vec![format!(
            "{txid}\n  signed {signed} of {}",
            count(self.inputs, "input")
        )];
        if !self.missing.is_empty() {
            let missing: Vec<String> = self.missing.iter().map(ToString::to_string).collect();
            lines.push(format!(
                "  NOT SIGNED: input {}; have the device sign again, then give all answers",
                missing.join(", ")
            ));
        }
        for bad in &self.refused {
            lines.push(format!("  refused: {bad}"));
        }
        if self.others > 0 {
            lines.push(format!(
                "  left to the coordinator: {} of others",
                count(self.others, "signature")
            ));
        }
        lines.join("\n")
    }
}

impl<L: AppendLog> Countersigner<L> {
    /// Where its key is.
    pub fn key(&self) -> &SigningKey {
        &self.key
    }

    /// Reviews once more, remembers, keeps the transfer, and gives what the device is to sign. Handing the same
    /// transfer over again is no other signature.
    ///
    /// # Errors
    /// [`CountersignError::KeyHere`], or as [`Countersigner::sign`]; then the device is to have nothing.
    pub fn hand_over(
        &mut self,
        examined: &Examined,
        clock: UnixTime,
    ) -> Result<Handed, CountersignError> {
        self.key.device()?;
        let transfer = examined.psbt.write(examined.psbt.version());
        let psbt = for_device(&transfer)?;
        let (review, remembered) = self.remember(examined, clock)?;
        if let Some((home, _)) = &self.home {
            durable::make_folder(&home.handed())?;
            durable::replace(&home.handed_file(review.txid), &transfer)?;
        }
        Ok(Handed {
            txid: remembered.txid(),
            psbt,
        })
    }

    /// Takes over what a device signed of a transfer that was handed to it: our signatures alone, each
    /// verified, under our receipt. The same answers again give the same.
    ///
    /// # Errors
    /// [`CountersignError::NotHandedOver`]; [`CountersignError::NotAnswered`] and
    /// [`CountersignError::BadAnswer`] when no signature of ours holds; or as [`Countersigner::sign`], for what
    /// may not be signed any more is not answered for either.
    pub fn answer(
        &mut self,
        examined: &Examined,
        answers: &[Intake],
        clock: UnixTime,
    ) -> Result<Answered, CountersignError> {
        let account = *self.key.device()?.xpub();
        let review = self.review_again(examined, clock)?;
        let txid = review.txid;
        if !self.journal.history().contains(&txid) {
            return Err(CountersignError::NotHandedOver { txid });
        }
        let taken = take(&review.transaction, &review.inputs, &account, answers)
            .map_err(|other| CountersignError::NotHandedOver { txid: other.found })?;
        if taken.count() == 0 {
            return Err(if taken.refused.is_empty() {
                let others = taken.others > 0;
                CountersignError::NotAnswered { txid, others }
            } else {
                let refused = taken.refused;
                CountersignError::BadAnswer { txid, refused }
            });
        }
        let (review, remembered) = self.remember(examined, clock)?;
        let version = examined.psbt.version();
        let signed = self.replied(&review, &remembered, taken.signatures, version)?;
        Ok(Answered {
            signed,
            inputs: review.inputs.len(),
            missing: taken.missing,
            others: taken.others,
            refused: taken.refused,
        })
    }
}
