//! Drawings as SVG: pure, of whole numbers, with classes that the style colours and words for who does not see them.

mod who_when;

pub(crate) use who_when::{Span, who_when};
