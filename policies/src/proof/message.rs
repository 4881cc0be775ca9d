//! What is proved under one policy: the message, its transactions, and who signed them.

use std::collections::BTreeSet;

use bitcoin::psbt::{Psbt, raw};
use bitcoin::{Address, Transaction, TxOut, Txid};

use super::full::Full;
use super::transactions::{for_devices, to_sign, to_spend};
use super::{Challenge, Day};
use crate::descriptor::{DerivedScript, MAX_INDEX, ScriptKind};
use crate::psbt::{
    BadSignature, Intake, Issued, OtherTransaction, SignatureSet, places_of, remember,
    take_signatures,
};
use crate::{Keychain, Policy};

/// The PSBT record that carries a message, so that a device can show it as one (BIP 322,
/// `PSBT_GLOBAL_GENERIC_SIGNED_MESSAGE`).
const GLOBAL_SIGNED_MESSAGE: u8 = 0x09;

/// One address of a vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Deposits or change.
    pub keychain: Keychain,
    /// The address's index.
    pub index: u32,
}

/// An index is of no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no address {index}: the last is {}", MAX_INDEX)]
pub struct IndexTooHigh {
    /// The index.
    pub index: u32,
}

/// Something to be proved: an address of a policy version, on a day, to a challenge.
///
/// All signers of a version sign the same on one day: their signatures together are the whole proof of the
/// address, and each alone proves a key.
#[derive(Debug, Clone)]
pub struct Proof<'a> {
    policy: &'a Policy,
    place: Place,
    day: Day,
    challenge: Option<Challenge>,
    message: String,
    derived: DerivedScript,
    address: Address,
    to_spend: Transaction,
    to_sign: Transaction,
}

/// What answers to a proof hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proven {
    /// The signatures that hold.
    pub signatures: SignatureSet,
    /// The names of the signers who made them.
    pub signers: BTreeSet<String>,
    /// What is no signature of a signer, or not over this.
    pub refused: Vec<BadSignature>,
}

impl<'a> Proof<'a> {
    /// Makes the message and its transactions.
    ///
    /// # Errors
    /// [`IndexTooHigh`].
    pub fn of(
        policy: &'a Policy,
        place: Place,
        day: Day,
        challenge: Option<Challenge>,
    ) -> Result<Self, IndexTooHigh> {
        let Place { keychain, index } = place;
        if index > MAX_INDEX {
            return Err(IndexTooHigh { index });
        }
        let derived = policy.descriptor.at(keychain, index);
        let address = Address::from_script(&derived.script_pubkey, policy.network)
            .expect("a vault's scripts have addresses");
        let message = words(policy, place, &address, day, challenge.as_ref());
        let to_spend = to_spend(&derived.script_pubkey, &message);
        let to_sign = for_devices(to_sign(&to_spend));
        Ok(Self {
            policy,
            place,
            day,
            challenge,
            message,
            derived,
            address,
            to_spend,
            to_sign,
        })
    }

    /// The policy version.
    pub fn policy(&self) -> &'a Policy {
        self.policy
    }

    /// Which address.
    pub fn place(&self) -> Place {
        self.place
    }

    /// The address.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The day that the message names.
    pub fn day(&self) -> Day {
        self.day
    }

    /// The challenge in the message.
    pub fn challenge(&self) -> Option<&Challenge> {
        self.challenge.as_ref()
    }

    /// The message: one line of printable ASCII.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The vault's script.
    pub fn script(&self) -> &DerivedScript {
        &self.derived
    }

    /// The transaction that is signed.
    pub fn to_sign(&self) -> &Transaction {
        &self.to_sign
    }

    /// The output that it spends.
    pub fn previous_output(&self) -> &TxOut {
        &self.to_spend.output[0]
    }

    /// The id of the transaction that is signed, by which answers are known.
    pub fn txid(&self) -> Txid {
        self.to_sign.compute_txid()
    }

    /// The PSBT as devices want it: as a transfer's, and with the message.
    pub fn psbt(&self) -> Psbt {
        let mut psbt =
            Psbt::from_unsigned_tx(self.to_sign.clone()).expect("it is built without signatures");
        let message = raw::Key {
            type_value: GLOBAL_SIGNED_MESSAGE,
            key: Vec::new(),
        };
        psbt.unknown
            .insert(message, self.message.clone().into_bytes());
        for position in self.policy.descriptor.key_positions() {
            let origin = (position.fingerprint, position.path.clone());
            psbt.xpub.insert(position.xpub, origin);
        }
        let input = &mut psbt.inputs[0];
        input.witness_utxo = Some(self.previous_output().clone());
        if self.policy.descriptor.kind() != ScriptKind::Tr {
            input.non_witness_utxo = Some(self.to_spend.clone());
        }
        self.derived.update_input(input);
        psbt
    }

    /// Takes the signatures out of answers, each verified alone, and says whose they are.
    ///
    /// # Errors
    /// [`OtherTransaction`] when an answer is to something else; then nothing is taken.
    pub fn take(&self, answers: &[Intake]) -> Result<Proven, OtherTransaction> {
        let issued = Issued {
            transaction: &self.to_sign,
            previous_outputs: &self.to_spend.output,
            scripts: std::slice::from_ref(&self.derived),
        };
        let mut proven = Proven::default();
        for answer in answers {
            for taken in take_signatures(&issued, answer)? {
                match taken {
                    Ok(verified) => proven.signatures.insert(verified),
                    Err(bad) => remember(&mut proven.refused, bad),
                }
            }
        }
        proven.signers = self.signers_of(&proven.signatures);
        Ok(proven)
    }

    /// The names of those whose signatures are in a set.
    fn signers_of(&self, signatures: &SignatureSet) -> BTreeSet<String> {
        let signed = |signer: &&crate::document::Signer| {
            let places = places_of(&self.derived, &signer.key.xpub);
            places.iter().any(|place| signatures.contains(0, place))
        };
        let signers = self.policy.signers.iter().filter(signed);
        signers.map(|signer| signer.name.clone()).collect()
    }

    /// The smallest sets of signers who are still to sign for the whole proof; empty where nobody is.
    pub fn missing(&self, signers: &BTreeSet<String>) -> Vec<BTreeSet<String>> {
        let keys = self.policy.descriptor.key_positions();
        let ordinary = self.policy.descriptor.paths().iter();
        let ordinary = ordinary.filter(|path| path.older.is_none());
        let sets: Vec<BTreeSet<String>> = ordinary
            .map(|path| {
                let keys = path.keys.iter().filter_map(|key| keys.get(*key));
                let holders = keys.filter_map(|key| {
                    let holds = |one: &&crate::document::Signer| one.key.xpub == key.xpub;
                    self.policy.signers.iter().find(holds)
                });
                let names = holders.map(|signer| signer.name.clone());
                names.filter(|name| !signers.contains(name)).collect()
            })
            .collect();
        let least = sets.iter().map(BTreeSet::len).min().unwrap_or(0);
        if least == 0 {
            return Vec::new();
        }
        let smallest = sets.into_iter().filter(|set| set.len() == least);
        smallest.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The whole proof of the address, where the signatures reach an ordinary quorum.
    pub fn full(&self, signatures: &SignatureSet) -> Option<Full> {
        Full::of(self, signatures)
    }
}

/// The message. The challenge stands last: whatever it says can pass for no other part.
fn words(
    policy: &Policy,
    place: Place,
    address: &Address,
    day: Day,
    challenge: Option<&Challenge>,
) -> String {
    let mut words = format!(
        "Countersign drill, moves no money; vault {}; policy version {} {}; {} address {} {address}; {day}",
        policy.vault, policy.version, policy.id, place.keychain, place.index,
    );
    if let Some(challenge) = challenge {
        words += "; challenge: ";
        words += challenge.as_str();
    }
    words
}
