//! The flow from left to right, for wide screens.

use super::widths::widths;
use super::{Band, Flow, Sides};
use crate::ui::show::escaped;

/// The drawing's width.
const WIDTH: u32 = 1120;
/// How wide all bands of a side are together.
const ALL: u32 = 200;
/// The thinnest band.
const LEAST: u32 = 2;
/// The least room of a band and what stands beside it.
const ROOM: u32 = 42;
/// Between two bands.
const GAP: u32 = 10;
/// Above and below.
const MARGIN: u32 = 14;
/// Where bands begin.
const LEFT: u32 = 330;
/// Where the bands from the left meet.
const MEET: u32 = 520;
/// Where the bands to the right part.
const PART: u32 = 600;
/// Where they end.
const RIGHT: u32 = 790;

/// A band with its place: at the side, where they meet, and how wide it is.
struct Placed<'a> {
    band: &'a Band,
    side: u32,
    middle: u32,
    width: u32,
}

impl Flow {
    pub(super) fn wide(&self, sides: &Sides) -> String {
        let (left, right) = (heights(&sides.left), heights(&sides.right));
        let inner = extent(&left).max(extent(&right)).max(ALL);
        let height = inner.saturating_add(MARGIN.saturating_mul(2));
        let top = height.saturating_sub(ALL) / 2;
        let mut svg = format!(
            "<svg class=\"flow-wide\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
             aria-labelledby=\"flow-wide-title flow-wide-words\"><title id=\"flow-wide-title\">{}</title>\
             <desc id=\"flow-wide-words\">{}</desc>",
            escaped(&self.title),
            escaped(&self.words())
        );
        for placed in placed(&sides.left, &left, height, top) {
            self.draw(&mut svg, &placed, (LEFT, MEET), Anchor::End);
        }
        svg.push_str(&format!(
            "<rect class=\"flow-trunk\" x=\"{MEET}\" y=\"{top}\" width=\"{}\" height=\"{ALL}\"/>",
            PART.saturating_sub(MEET)
        ));
        for placed in placed(&sides.right, &right, height, top) {
            self.draw(&mut svg, &placed, (RIGHT, PART), Anchor::Start);
        }
        svg.push_str("</svg>");
        svg
    }

    /// A band from a side to the middle, and what stands beside it.
    fn draw(&self, svg: &mut String, placed: &Placed<'_>, (side, middle): (u32, u32), at: Anchor) {
        let (from, to, width) = (placed.side, placed.middle, placed.width);
        let (under, below) = (from.saturating_add(width), to.saturating_add(width));
        let bend = side.midpoint(middle);
        let (first, closer) = self.label(placed.band);
        let (x, anchor) = match at {
            Anchor::Start => (side.saturating_add(12), "start"),
            Anchor::End => (side.saturating_sub(12), "end"),
        };
        let line = from.saturating_add(width / 2);
        let (upper, lower) = if closer.is_empty() {
            (line.saturating_add(5), line)
        } else {
            (line.saturating_sub(3), line.saturating_add(15))
        };
        svg.push_str(&format!(
            "<g class=\"flow-band {}\"><title>{first} {closer}</title>\
             <path d=\"M{side} {from}C{bend} {from} {bend} {to} {middle} {to}V{below}\
             C{bend} {below} {bend} {under} {side} {under}Z\"/>\
             <text class=\"flow-amount\" x=\"{x}\" y=\"{upper}\" text-anchor=\"{anchor}\">{first}</text>",
            placed.band.kind.class()
        ));
        if !closer.is_empty() {
            svg.push_str(&format!(
                "<text class=\"flow-words\" x=\"{x}\" y=\"{lower}\" text-anchor=\"{anchor}\">{closer}</text>"
            ));
        }
        svg.push_str("</g>");
    }
}

/// Where words stand beside a band.
#[derive(Clone, Copy)]
enum Anchor {
    Start,
    End,
}

/// The width of each band, and the room that it takes at its side.
fn heights(bands: &[Band]) -> Vec<(u32, u32)> {
    let values: Vec<u64> = bands.iter().map(|band| band.sat).collect();
    let widths = widths(&values, ALL, LEAST);
    widths
        .into_iter()
        .map(|width| (width, width.max(ROOM)))
        .collect()
}

/// The room of a side.
fn extent(heights: &[(u32, u32)]) -> u32 {
    let rooms = heights.iter().fold(0_u32, |sum, (_, room)| {
        sum.saturating_add(room.saturating_add(GAP))
    });
    rooms.saturating_sub(GAP)
}

/// The places of the bands of a side: at the side with gaps, in the middle without.
fn placed<'a>(bands: &'a [Band], heights: &[(u32, u32)], height: u32, top: u32) -> Vec<Placed<'a>> {
    let mut side = height.saturating_sub(extent(heights)) / 2;
    let mut middle = top;
    let mut places = Vec::with_capacity(bands.len());
    for (band, (width, room)) in bands.iter().zip(heights) {
        places.push(Placed {
            band,
            side: side.saturating_add(room.saturating_sub(*width) / 2),
            middle,
            width: *width,
        });
        side = side.saturating_add(room.saturating_add(GAP));
        middle = middle.saturating_add(*width);
    }
    places
}
