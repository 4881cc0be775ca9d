//! A treasury on a real chain, and a count of that chain to hold its books against: what G4 and G9 share.

pub(in crate::adversaries) mod check;
pub(in crate::adversaries) mod credits;
pub(in crate::adversaries) mod truth;
pub(in crate::adversaries) mod world;
