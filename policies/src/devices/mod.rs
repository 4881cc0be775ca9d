//! What devices that hold keys take of one transaction: inputs, outputs, bytes, and what their cameras
//! read in a go.
//!
//! Data with its sources, and what follows from it for a vault. Invariant: a device of which nothing is
//! known bounds nothing, which is not to say that it takes everything.

mod known;
mod needed;
#[cfg(test)]
mod tests;

pub use known::{Camera, DeviceLimits, carrier_of, limits_of};
pub use needed::{Needed, Room, needed};
