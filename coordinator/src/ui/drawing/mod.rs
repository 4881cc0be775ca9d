//! Drawings: data in, SVG out, with whole numbers only. Each says in words what it shows.

pub(super) mod flow;
mod who_when;

pub(crate) use who_when::{Span, who_when};
