//! The BIP 174 roles that the coordinator plays, one a file. Pure.
//!
//! [`creator`] makes the unsigned transaction, [`updater`] adds what devices need, [`combiner`]
//! unites verified signatures, [`finalizer`] builds and checks the witnesses and [`extractor`]
//! gives the transaction for the network. The Signer role is played elsewhere, by others.

pub mod combiner;
pub mod creator;
pub mod extractor;
pub mod finalizer;
pub mod interpreter;
pub mod satisfaction;
pub mod signature;
pub mod updater;

#[cfg(test)]
mod finalizer_tests;
#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod updater_tests;

use std::sync::LazyLock;

use bitcoin::{
    OutPoint, TxOut,
    secp256k1::{Secp256k1, VerifyOnly},
};
use policies::descriptor::DerivedScript;

/// One context for all verification; it holds no secrets, so it needs no randomness.
pub(crate) static SECP: LazyLock<Secp256k1<VerifyOnly>> =
    LazyLock::new(Secp256k1::verification_only);

/// A coin that an attempt spends, with the script that we derived for it ourselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpentCoin {
    /// The coin.
    pub outpoint: OutPoint,
    /// Its script and amount.
    pub prevout: TxOut,
    /// The script of the vault that it must pay.
    pub derived: DerivedScript,
}
