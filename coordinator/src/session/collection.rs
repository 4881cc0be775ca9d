//! The collection of signatures for one attempt: who has signed which input, and what is missing.
//!
//! Every signature is verified alone before it counts; a bad one is handed back with its reason and
//! changes nothing. The state is the set of what was collected, so that replaying signatures in any
//! order, any number of times, gives the live state. There is no way back from a quorum.

use std::collections::{BTreeMap, BTreeSet};

use bitcoin::{PublicKey, TxIn, XOnlyPublicKey, relative};
use miniscript::{
    Descriptor, DescriptorPublicKey, ForEachKey as _, descriptor::DefiniteDescriptorKey,
};
use policies::{
    VaultDescriptor,
    document::Signer,
    psbt::{BadSignature, Intake, OtherTransaction, SignatureKey, SignatureSet, VerifiedSignature},
};
use serde::Serialize;

use crate::roles::{
    SECP,
    combiner::{Combined, combine},
    issued::IssuedTransaction,
    satisfaction::{Offered, demanded_age},
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
    issued: IssuedTransaction,
    inputs: Vec<InputSeats>,
    signatures: SignatureSet,
}

/// One input's script, whose keys it has, and what they signed.
#[derive(Debug, Clone)]
struct InputSeats {
    script: Descriptor<PublicKey>,
    names: BTreeMap<XOnlyPublicKey, String>,
    /// The signers of the paths that the input is made for.
    expected: BTreeSet<String>,
    signed: BTreeSet<String>,
    quorum: bool,
}

/// Who has signed one input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InputStatus {
    /// The input.
    pub input: usize,
    /// The signers whose signature is there, by their names in the policy.
    pub signed: Vec<String>,
    /// The signers of the paths that the input is made for (ordinary ones, or a recovery path where its
    /// sequence demands that age) whose signature is not there.
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
    pub new: Vec<VerifiedSignature>,
    /// Those that do not count, and why.
    pub refused: Vec<BadSignature>,
}

impl Collection {
    /// Begins a collection for `issued`, whose keys belong to `signers`.
    pub fn begin(
        issued: IssuedTransaction,
        descriptor: &VaultDescriptor,
        signers: &[Signer],
    ) -> Self {
        let unsigned = issued.unsigned();
        let seats = |(derived, txin): (&policies::DerivedScript, &TxIn)| InputSeats {
            script: derived.definite.derived_descriptor(&*SECP),
            names: names_of(&derived.definite, signers),
            expected: signers_at(descriptor, signers, demanded_age(unsigned, txin.sequence)),
            signed: BTreeSet::new(),
            quorum: false,
        };
        let inputs = issued.scripts().iter().zip(&unsigned.input);
        Self::Gathering(Gathered {
            inputs: inputs.map(seats).collect(),
            signatures: SignatureSet::new(),
            issued,
        })
    }

    /// Takes what a signer returned, each signature verified alone against our own sighash.
    ///
    /// # Errors
    /// [`OtherTransaction`] when what was signed is not what was issued; then nothing is taken.
    pub fn take(&self, intake: &Intake) -> Result<Taken, OtherTransaction> {
        let mut gathered = self.gathered().clone();
        let Combined {
            signatures,
            new,
            refused,
        } = combine(&gathered.issued, gathered.signatures, intake)?;
        let offered = Offered::by_input(&signatures, gathered.issued.unsigned());
        for (seats, offered) in gathered.inputs.iter_mut().zip(offered) {
            seats.signed = offered
                .keys()
                .filter_map(|key| seats.name_of(*key))
                .collect();
            seats.quorum = offered.reaches(&seats.script);
        }
        gathered.signatures = signatures;
        let complete = gathered.inputs.iter().all(|seats| seats.quorum);
        let collection = if complete {
            Self::Complete(gathered)
        } else {
            Self::Gathering(gathered)
        };
        Ok(Taken {
            collection,
            new,
            refused,
        })
    }

    /// Whether every input has a quorum.
    pub fn is_complete(&self) -> bool {
        match self {
            Self::Gathering(_) => false,
            Self::Complete(_) => true,
        }
    }

    /// Everything that counts, by input and key.
    pub fn signatures(&self) -> &SignatureSet {
        &self.gathered().signatures
    }

    /// Who has signed what, input by input.
    pub fn status(&self) -> Vec<InputStatus> {
        let gathered = self.gathered();
        let status = |(input, seats): (usize, &InputSeats)| InputStatus {
            input,
            signed: seats.signed.iter().cloned().collect(),
            missing: seats.expected.difference(&seats.signed).cloned().collect(),
            quorum: seats.quorum,
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

    /// The signer whose key stands in a place of an input.
    pub fn signer_of(&self, input: usize, place: SignatureKey) -> Option<String> {
        self.gathered().inputs.get(input)?.name_of(place)
    }

    fn gathered(&self) -> &Gathered {
        match self {
            Self::Gathering(gathered) | Self::Complete(gathered) => gathered,
        }
    }
}

impl InputSeats {
    /// Whose signature stands in a place.
    fn name_of(&self, place: SignatureKey) -> Option<String> {
        let key = match place {
            SignatureKey::Ecdsa(key) => key.inner.x_only_public_key().0,
            SignatureKey::TapLeaf(key, _) => key,
            SignatureKey::TapKey => match &self.script {
                Descriptor::Tr(tr) => tr.internal_key().inner.x_only_public_key().0,
                Descriptor::Bare(_)
                | Descriptor::Pkh(_)
                | Descriptor::Wpkh(_)
                | Descriptor::Sh(_)
                | Descriptor::Wsh(_) => return None,
            },
        };
        self.names.get(&key).cloned()
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
    // The extended key itself: an origin is only what its owner says, and two may say the same.
    match key.as_descriptor_public_key() {
        DescriptorPublicKey::XPub(xpub) => xpub.xkey == signer.key.xpub,
        DescriptorPublicKey::Single(_) | DescriptorPublicKey::MultiXPub(_) => false,
    }
}

/// Whether a path is one that an input is made for: an ordinary one where no age is demanded, else a recovery path
/// that the age satisfies.
pub(crate) fn is_meant_for(older: Option<u16>, age: Option<relative::LockTime>) -> bool {
    match (older, age) {
        (None, None) => true,
        (Some(older), Some(age)) => relative::LockTime::from_height(older).is_implied_by(age),
        (None, Some(_)) | (Some(_), None) => false,
    }
}

/// The names of those who can sign on a path for coins of this age: the ordinary paths where none is
/// demanded, else the recovery paths that it satisfies.
fn signers_at(
    descriptor: &VaultDescriptor,
    signers: &[Signer],
    age: Option<relative::LockTime>,
) -> BTreeSet<String> {
    descriptor
        .paths()
        .iter()
        .filter(|path| is_meant_for(path.older, age))
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
