//! The loopback bridge: the coordinator's pages open the person's own tool, which fetches, checks, shows and signs.
//!
//! Invariant: a page passes hashes and drafts only. What is shown comes from bytes that hash to what was asked, in the
//! words of the terminal, under the home's own pinned policy; nothing is signed before the person confirms on the
//! bridge's own page, in the browser that paired. Only pages of origins that were paired by a code open anything, and
//! only by a navigation that the person sees.

mod asked;
mod browser;
mod error;
mod event;
mod fetching;
mod form;
mod handing_in;
mod keys;
mod open;
mod origin;
mod pages;
mod pairing;
mod preparing;
mod progress;
mod server;
mod statements;
mod transfers;

pub use asked::{Asked, What};
pub use browser::Browser;
pub use error::BridgeError;
pub use event::BridgeEvent;
pub use keys::Keys;
pub use origin::{Origin, Paired, forget, paired, remember};
pub use pairing::Pairing;
pub use server::{Bridge, Clock};
#[cfg(feature = "devices")]
pub use transfers::Attached;
