//! The collection of signatures for one attempt: who has signed which input, and what is missing.
//!
//! Every signature is verified alone before it counts; a bad one is handed back with its reason and
//! changes nothing. The state is the set of what was collected, so that replaying signatures in any
//! order, any number of times, gives the live state. There is no way back from a quorum.

use std::collections::{BTreeMap, BTreeSet};

use bitcoin::{PublicKey, Transaction, TxOut, XOnlyPublicKey};
use miniscript::{Descriptor, ForEachKey as _, descriptor::DefiniteDescriptorKey};
use policies::{VaultDescriptor, document::Signer};
use serde::Serialize;

use crate::roles::{
    SECP, SpentCoin,
    combiner::Combined,
    satisfaction::Offered,
    signature::{BadSignature, InputSignature, Sighashes, Verified},
};

/// The signatures of one attempt.
#[derive(Debug, Clone)]
pub enum Collection {
    /// At least one input lacks a quorum.
    Gathering(Gathered),
    /// Every input has a quorum: the attempt can be finalized.
    Complete(Gathered),
}

/// What was collected so far.
#[derive(Debug, Clone)]
pub struct Gathered {
    unsigned: Transaction,
    prevouts: Vec<TxOut>,
    inputs: Vec<InputSeats>,
    ordinary: BTreeSet<String>,
    signatures: Combined,
}

/// One input's script, whose keys it has, and what they signed.
#[derive(Debug, Clone)]
struct InputSeats {
    script: Descriptor<PublicKey>,
    names: BTreeMap<XOnlyPublicKey, String>,
    offered: Offered,
    signed: BTreeSet<String>,
}

/// Why signatures cannot be collected for an attempt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CollectionError {
    /// The coins given are not the transaction's, in its order.
    #[error("the coins given are not those that the transaction spends, in its order")]
    OtherCoins,
    /// A coin does not pay the script derived for it.
    #[error("the coin of input {input} does not pay the script of the vault")]
    ForeignScript {
        /// The input.
        input: usize,
    },
}

/// Who has signed one input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InputStatus {
    /// The input.
    pub input: usize,
    /// The signers whose signature is there, by their names in the policy.
    pub signed: Vec<String>,
    /// The signers of ordinary paths whose signature is not there.
    pub missing: Vec<String>,
    /// Whether the signatures reach a quorum.
    pub quorum: bool,
}

/// What became of the signatures that were offered.
#[derive(Debug, Clone)]
#[must_use]
pub struct Taken {
    /// The collection with all that count.
    pub collection: Collection,
    /// Those that are new, to be stored.
    pub new: Vec<InputSignature>,
    /// Those that do not count, and why.
    pub refused: Vec<(InputSignature, BadSignature)>,
}

impl Collection {
    /// Begins a collection for `unsigned`, which spends `coins` in the order of its inputs.
    ///
    /// # Errors
    /// Returns what does not fit together.
    pub fn begin(
        unsigned: &Transaction,
        coins: &[SpentCoin],
        descriptor: &VaultDescriptor,
        signers: &[Signer],
    ) -> Result<Self, CollectionError> {
        let spends_coins = unsigned.input.len() == coins.len()
            && unsigned
                .input
                .iter()
                .zip(coins)
                .all(|(txin, coin)| txin.previous_output == coin.outpoint);
        if !spends_coins {
            return Err(CollectionError::OtherCoins);
        }
        let mut inputs = Vec::with_capacity(coins.len());
        for (input, coin) in coins.iter().enumerate() {
            let script = coin.derived.definite.derived_descriptor(&*SECP);
            if script.script_pubkey() != coin.prevout.script_pubkey {
                return Err(CollectionError::ForeignScript { input });
            }
            inputs.push(InputSeats {
                script,
                names: names_of(&coin.derived.definite, signers),
                offered: Offered::default(),
                signed: BTreeSet::new(),
            });
        }
        Ok(Self::Gathering(Gathered {
            unsigned: unsigned.clone(),
            prevouts: coins.iter().map(|coin| coin.prevout.clone()).collect(),
            inputs,
            ordinary: ordinary_signers(descriptor, signers),
            signatures: Combined::default(),
        }))
    }

    /// Takes signatures, each verified alone against our own sighash.
    pub fn take(self, signatures: impl IntoIterator<Item = InputSignature>) -> Taken {
        let (Self::Gathering(mut gathered) | Self::Complete(mut gathered)) = self;
        let mut new = Vec::new();
        let mut refused = Vec::new();
        let mut sighashes = Sighashes::new(&gathered.unsigned, &gathered.prevouts);
        for signature in signatures {
            let Some(seats) = gathered.inputs.get_mut(signature.input) else {
                refused.push((signature, BadSignature::NoSuchInput));
                continue;
            };
            match sighashes.verify(&signature, &seats.script) {
                Ok(verified) => {
                    seats.seat(verified);
                    if gathered.signatures.add(signature.clone()) {
                        new.push(signature);
                    }
                }
                Err(reason) => refused.push((signature, reason)),
            }
        }
        let complete = gathered.inputs.iter().all(InputSeats::has_quorum);
        let collection = if complete {
            Self::Complete(gathered)
        } else {
            Self::Gathering(gathered)
        };
        Taken {
            collection,
            new,
            refused,
        }
    }

    /// Whether every input has a quorum.
    pub fn is_complete(&self) -> bool {
        match self {
            Self::Gathering(_) => false,
            Self::Complete(_) => true,
        }
    }

    /// Everything that counts, by input and key.
    pub fn signatures(&self) -> &Combined {
        &self.gathered().signatures
    }

    /// Who has signed what, input by input.
    pub fn status(&self) -> Vec<InputStatus> {
        let gathered = self.gathered();
        let status = |(input, seats): (usize, &InputSeats)| InputStatus {
            input,
            signed: seats.signed.iter().cloned().collect(),
            missing: gathered
                .ordinary
                .difference(&seats.signed)
                .cloned()
                .collect(),
            quorum: seats.has_quorum(),
        };
        gathered.inputs.iter().enumerate().map(status).collect()
    }

    /// The signers who have signed every input.
    pub fn signed_by(&self) -> Vec<String> {
        let gathered = self.gathered();
        let signed_all = |name: &&String| {
            gathered
                .inputs
                .iter()
                .all(|seats| seats.signed.contains(*name))
        };
        gathered
            .inputs
            .first()
            .map(|seats| seats.signed.iter().filter(signed_all).cloned().collect())
            .unwrap_or_default()
    }

    fn gathered(&self) -> &Gathered {
        match self {
            Self::Gathering(gathered) | Self::Complete(gathered) => gathered,
        }
    }
}

impl InputSeats {
    fn seat(&mut self, verified: Verified) {
        let key = match verified {
            Verified::Ecdsa(key, _) => Some(key.inner.x_only_public_key().0),
            Verified::TapLeaf(key, _, _) => Some(key),
            Verified::TapKey(_) => match &self.script {
                Descriptor::Tr(tr) => Some(tr.internal_key().inner.x_only_public_key().0),
                Descriptor::Bare(_)
                | Descriptor::Pkh(_)
                | Descriptor::Wpkh(_)
                | Descriptor::Sh(_)
                | Descriptor::Wsh(_) => None,
            },
        };
        self.offered.add(verified);
        if let Some(name) = key.and_then(|key| self.names.get(&key)) {
            self.signed.insert(name.clone());
        }
    }

    fn has_quorum(&self) -> bool {
        self.offered.satisfy(&self.script).is_some()
    }
}

/// Whose the keys of a script are.
fn names_of(
    definite: &Descriptor<DefiniteDescriptorKey>,
    signers: &[Signer],
) -> BTreeMap<XOnlyPublicKey, String> {
    let mut names = BTreeMap::new();
    definite.for_each_key(|key| {
        if let Some(signer) = signers.iter().find(|signer| is_key_of(key, signer)) {
            let derived = key.derive_public_key(&*SECP).inner.x_only_public_key().0;
            names.insert(derived, signer.name.clone());
        }
        true
    });
    names
}

/// Whether a key descends from the signer's extended key, by its origin.
fn is_key_of(key: &DefiniteDescriptorKey, signer: &Signer) -> bool {
    let origin = signer.key.path.as_ref();
    key.master_fingerprint() == signer.key.fingerprint
        && key
            .full_derivation_path()
            .is_some_and(|path| path.as_ref().starts_with(origin))
}

/// The names of those who can sign on a path without a timelock.
fn ordinary_signers(descriptor: &VaultDescriptor, signers: &[Signer]) -> BTreeSet<String> {
    descriptor
        .paths()
        .iter()
        .filter(|path| path.older.is_none())
        .flat_map(|path| &path.keys)
        .filter_map(|key| descriptor.key_positions().get(*key))
        .filter_map(|position| {
            signers
                .iter()
                .find(|signer| signer.key.xpub == position.xpub)
        })
        .map(|signer| signer.name.clone())
        .collect()
}

#[cfg(test)]
mod tests;
