//! PSBTs of liars, of broken wires and of bad signers, in both kinds of vault.

mod bad_signatures;
#[cfg(target_os = "linux")]
mod bombs;
mod combining;
mod every_refusal;
mod fields;
mod hostile;
mod manifest;
mod records;
mod taking;
mod traps;
mod versions;

use bitcoin::Network;
use bitcoin::psbt::Psbt;
use bitcoin::{Transaction, TxOut};

use super::{
    BadSignature, Intake, Issued, PsbtRefusal, PsbtVersion, SignatureSet, VerifiedSignature,
    read_intake, read_strict, take_signatures,
};
use crate::DerivedScript;
use crate::descriptor::samples;
use crate::review::world::{Attempt, Plan, World};

/// The code with which an attempt is refused before review.
fn refused(attempt: &Attempt) -> &'static str {
    refusal(&attempt.bytes()).code()
}

/// An attempt with its manifest, in a version.
fn written(attempt: &Attempt, version: PsbtVersion) -> Vec<u8> {
    let whole = Psbt::deserialize(&attempt.bytes()).expect("version 0");
    version.write(&whole)
}

fn refusal(bytes: &[u8]) -> PsbtRefusal {
    read_strict(bytes).expect_err("it must be refused")
}

/// An issued attempt with our own account of its inputs.
struct IssuedAttempt {
    psbt: Psbt,
    previous_outputs: Vec<TxOut>,
    scripts: Vec<DerivedScript>,
}

impl IssuedAttempt {
    fn of(world: &World) -> Self {
        Self::build(world, &world.plan())
    }

    fn build(world: &World, plan: &Plan) -> Self {
        let coins = &plan.coins;
        let descriptor = &world.policy.descriptor;
        Self {
            psbt: world.build(plan).psbt,
            previous_outputs: coins
                .iter()
                .map(crate::review::world::Coin::output)
                .collect(),
            scripts: coins
                .iter()
                .map(|coin| descriptor.at(coin.keychain, coin.index))
                .collect(),
        }
    }

    fn transaction(&self) -> &Transaction {
        &self.psbt.unsigned_tx
    }

    /// The PSBT as a signer returns it.
    fn signed_by(&self, name: &str) -> Psbt {
        let mut psbt = self.psbt.clone();
        let master = samples::xpriv(name, Network::Regtest);
        let signed = psbt.sign(&master, &samples::secp()).expect("signs");
        assert_eq!(signed.len(), psbt.inputs.len());
        psbt
    }

    fn take(&self, intake: &Intake) -> Vec<Result<VerifiedSignature, BadSignature>> {
        let issued = Issued {
            transaction: self.transaction(),
            previous_outputs: &self.previous_outputs,
            scripts: &self.scripts,
        };
        take_signatures(&issued, intake).expect("of the issued transaction")
    }

    /// What is taken from bytes that somebody returned: good signatures, and the codes of bad ones.
    fn taken(&self, bytes: &[u8]) -> (SignatureSet, Vec<&'static str>) {
        let intake = read_intake(bytes).expect("the intake is read");
        let (good, bad): (Vec<_>, Vec<_>) = self.take(&intake).into_iter().partition(Result::is_ok);
        (
            good.into_iter().flatten().collect(),
            bad.into_iter()
                .filter_map(Result::err)
                .map(|bad| bad.reason.code())
                .collect(),
        )
    }

    /// The good signatures of one signer.
    fn signatures_of(&self, name: &str) -> SignatureSet {
        let (good, bad) = self.taken(&self.signed_by(name).serialize());
        assert!(bad.is_empty());
        good
    }
}
