//! The BIP 174 roles that the coordinator plays, one a file. Pure.
//!
//! [`creator`] makes the unsigned transaction, [`updater`] adds what devices need, [`combiner`]
//! unites verified signatures, [`finalizer`] builds and checks the witnesses and [`extractor`]
//! gives the transaction for the network, once [`consensus`] agrees. The Signer role is played elsewhere, by others.

pub mod combiner;
pub mod consensus;
pub mod creator;
pub mod extractor;
pub mod finalizer;
pub mod issued;
pub(crate) mod satisfaction;
pub mod updater;

#[cfg(test)]
mod cheapest_tests;
#[cfg(test)]
mod finalizer_tests;
#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod recovery_tests;
#[cfg(test)]
mod updater_tests;

use std::sync::LazyLock;

use bitcoin::secp256k1::{Secp256k1, VerifyOnly};

/// One context for all verification; it holds no secrets, so it needs no randomness.
pub(crate) static SECP: LazyLock<Secp256k1<VerifyOnly>> =
    LazyLock::new(Secp256k1::verification_only);
