//! A whole treasury in temporary folders: policy, people, transfers, signatures, and adversaries.
#![cfg(feature = "tool")]

mod device;
mod person;
mod treasury;

mod air_gap;
mod answering;
mod approving;
#[cfg(feature = "online")]
mod bridge_doors;
mod bridge_world;
#[cfg(feature = "online")]
mod bridging;
mod command_line;
#[cfg(feature = "online")]
mod cosigning;
#[cfg(all(feature = "devices", feature = "online"))]
mod countersigning;
mod devices;
mod drilling;
mod enrolling;
mod first_steps;
mod listing;
mod maintaining;
mod moving;
mod recorded;
mod remembering;
mod signing;
#[cfg(feature = "online")]
mod stopping;
mod succeeding;
mod swapping;
mod telling;
#[cfg(feature = "devices")]
mod wired;
