//! What devices that hold keys take: the scripts that they sign, from which firmware on, how large, and what their
//! cameras read in a go; and of which seeds their makers warn.
//!
//! Data with its sources, and what follows from it for a vault. Invariant: a device of which nothing is
//! known bounds nothing, which is not to say that it takes everything.

mod ability;
mod finding;
mod firmware;
mod form;
#[cfg(feature = "carriers")]
mod known;
#[cfg(feature = "carriers")]
mod needed;
mod seeds;
mod table;
#[cfg(all(test, feature = "carriers"))]
mod tests;
mod time;

pub use ability::{Ability, Demand, Inability, Reason, ability};
pub use finding::{DeviceFact, DeviceFinding, findings, refusals};
pub use firmware::{Firmware, FirmwareError, Suffix, Version};
pub use form::{Form, Shape};
#[cfg(feature = "carriers")]
pub use known::{Camera, DeviceLimits, carrier_of, limits_for, limits_of};
#[cfg(feature = "carriers")]
pub use needed::{Needed, Room, needed};
pub use seeds::{ADVISORIES, Advisory, SeedFact, seed_fact};
pub use table::{Bounds, Pace, Paths, ROWS, Row, Verdict, is_known, rows_of};
pub use time::{SigningTime, signing_times};
