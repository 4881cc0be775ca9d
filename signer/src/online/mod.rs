//! The automatic co-signer: asks a coordinator for attempts, reviews, journals, signs, posts.
//!
//! With the tool's own page the only network code of this crate. The coordinator is believed in nothing: what it hands out
//! is read strictly and reviewed, and what it answers decides only whether to ask again.

pub mod cosigner;
pub mod event;
pub mod http;
pub mod inbox;
pub mod stop;

pub use cosigner::{Attempts, Cosigner, Pass};
pub use event::Event;
pub use http::{CoordinatorError, HttpCoordinator, Url};
pub use stop::Stop;
