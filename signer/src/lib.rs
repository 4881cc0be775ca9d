//! The Signer role of Countersign: reviews, journals, signs.
//!
//! Four parts by feature. Without features only what is pure: [`signing`], [`answering`] and [`reply`]. `tool` adds the
//! command line, the software keys and the journal file; `online` the automatic co-signer and the tool's own page, and
//! with them the only network code; `devices` signing on devices on a wire. Everything that is decided is decided by
//! `policies`; this crate obeys.

pub mod answering;
pub mod reply;
pub mod signing;

#[cfg(feature = "tool")]
pub mod approving;
#[cfg(feature = "online")]
pub mod bridge;
#[cfg(feature = "tool")]
pub mod clock;
#[cfg(feature = "tool")]
pub mod command;
#[cfg(feature = "tool")]
pub mod countersign;
#[cfg(feature = "tool")]
pub mod dating;
#[cfg(feature = "devices")]
pub mod device;
#[cfg(feature = "tool")]
pub mod drilling;
#[cfg(feature = "tool")]
pub mod enrolment;
#[cfg(feature = "tool")]
pub mod failure;
#[cfg(feature = "tool")]
pub mod home;
#[cfg(feature = "tool")]
pub mod journal_file;
#[cfg(feature = "tool")]
pub mod keystore;
#[cfg(feature = "tool")]
pub mod listing;
#[cfg(feature = "tool")]
pub mod maintaining;
#[cfg(feature = "tool")]
pub mod moving;
#[cfg(feature = "online")]
pub mod online;
#[cfg(feature = "tool")]
pub mod outputs;
#[cfg(feature = "online")]
pub mod page;
#[cfg(feature = "tool")]
pub mod passkey;
#[cfg(feature = "tool")]
pub mod pin;
#[cfg(feature = "tool")]
pub mod qr;
#[cfg(feature = "tool")]
pub mod requesting;
#[cfg(feature = "tool")]
pub mod stopping;
#[cfg(feature = "tool")]
pub mod succeeding;
#[cfg(feature = "tool")]
pub mod terminal;
#[cfg(feature = "tool")]
pub mod voiding;
