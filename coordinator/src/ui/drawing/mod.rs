//! Drawings: data in, SVG out. Pure, and in whole numbers only.
//!
//! Invariant: a drawing shows no more than its words or its table say, for whoever cannot see it or wants the
//! numbers; it carries classes and no styles, and nothing in it is taken for markup. SVG 2, WAI-ARIA graphics.

mod axis;
mod charts;
pub(super) mod flow;
mod plot;
#[cfg(test)]
mod tests;
mod who_when;

use std::fmt;

use askama::filters::HtmlSafe;

pub(crate) use axis::Axis;
pub(crate) use charts::{Cap, Chart, Dot, Point, area, bars, dots};
pub(crate) use who_when::{Span, who_when};

/// A drawing, with its table: safe HTML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Drawing(String);

impl fmt::Display for Drawing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl HtmlSafe for Drawing {}
