//! The flow from top to bottom, for phones: a bar for each band.

use super::{Band, Flow, Sides, sum};
use crate::ui::show::escaped;

/// The drawing's width.
const WIDTH: u32 = 360;
/// The height of a band with its words.
const ROW: u32 = 52;
/// The height of a heading.
const HEAD: u32 = 30;
/// The shortest bar.
const LEAST: u32 = 2;

impl Flow {
    pub(super) fn narrow(&self, sides: &Sides) -> String {
        let rows = sides.left.len().saturating_add(sides.right.len());
        let rows = u32::try_from(rows).unwrap_or(u32::MAX);
        let height = rows
            .saturating_mul(ROW)
            .saturating_add(HEAD.saturating_mul(2));
        let mut svg = format!(
            "<svg class=\"flow-narrow\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
             aria-labelledby=\"flow-narrow-title flow-narrow-words\"><title id=\"flow-narrow-title\">{}</title>\
             <desc id=\"flow-narrow-words\">{}</desc>",
            escaped(&self.title),
            escaped(&self.words())
        );
        let mut top = 0_u32;
        for (heading, bands) in [("From", &sides.left), ("To", &sides.right)] {
            svg.push_str(&format!(
                "<text class=\"flow-head\" x=\"0\" y=\"{}\">{heading}</text>",
                top.saturating_add(20)
            ));
            top = top.saturating_add(HEAD);
            let all = sum(bands);
            for band in bands {
                self.row(&mut svg, band, top, length(band, all));
                top = top.saturating_add(ROW);
            }
        }
        svg.push_str("</svg>");
        svg
    }

    fn row(&self, svg: &mut String, band: &Band, top: u32, length: u32) {
        let (first, closer) = self.label(band);
        svg.push_str(&format!(
            "<g class=\"flow-band {}\"><text class=\"flow-amount\" x=\"0\" y=\"{}\">{first}</text>\
             <text class=\"flow-words\" x=\"0\" y=\"{}\">{closer}</text>\
             <rect x=\"0\" y=\"{}\" width=\"{length}\" height=\"6\"/></g>",
            band.kind.class(),
            top.saturating_add(12),
            top.saturating_add(29),
            top.saturating_add(36)
        ));
    }
}

/// The length of a bar: its share of the drawing's width.
fn length(band: &Band, all: u128) -> u32 {
    let share = u128::from(band.sat)
        .saturating_mul(u128::from(WIDTH))
        .checked_div(all)
        .unwrap_or_default();
    u32::try_from(share).unwrap_or(WIDTH).clamp(LEAST, WIDTH)
}
