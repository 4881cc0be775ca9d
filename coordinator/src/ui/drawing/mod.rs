//! Drawings: data in, SVG out, with whole numbers only. Each says in words what it shows.

pub(super) mod flow;
