//! The tool's own loopback page: shows what the terminal shows, and asks a passkey for its touch.
//!
//! Invariant: the page is served to this host alone, under a path that nobody can guess, at the one
//! origin that the policy pins for `own` passkeys; what it shows comes from the same words as the
//! terminal's, and what it answers is verified here as every signer will verify it.

mod answer;
mod document;
mod error;
mod server;

pub use answer::{AnswerError, AssertionAnswer, RegistrationAnswer, asserted};
pub(crate) use document::back_link;
pub use document::{Ask, Document};
pub use error::PageError;
pub use server::{Judged, Loopback};
pub(crate) use server::{SCRIPT, STYLE, hardened, listen, says};
