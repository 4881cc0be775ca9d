//! A matter as a headline and labelled facts: what a terminal prints and a page lays out.

use super::layout::wrap;

/// What is told of one matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// What is asked.
    pub headline: String,
    /// Label and value of each fact; a label in capitals is a warning.
    pub facts: Vec<(&'static str, String)>,
}

/// The columns before a value: two of indent, nine of label, one between.
const INDENT: usize = 12;

impl Told {
    /// The lines of a terminal, at most 80 columns wide.
    pub fn text(&self) -> String {
        let mut lines = wrap(&self.headline, 80);
        for (label, value) in &self.facts {
            for (position, part) in wrap(value, 80 - INDENT).into_iter().enumerate() {
                let label = if position == 0 { *label } else { "" };
                lines.push(format!("  {label:<9} {part}"));
            }
        }
        lines.join("\n")
    }
}
