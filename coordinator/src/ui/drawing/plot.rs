//! The area that is drawn on: coordinates in tenths of a unit, axes, and what surrounds a drawing.
//!
//! A drawing is 400 units wide, so that its letters of 13 units are read on a phone as well.

use std::fmt;

use super::Drawing;
use super::axis::{Axis, Scale, short_date};
use super::charts::Chart;
use crate::ui::show::escaped;

const WIDTH: i64 = 4_000;
const HEIGHT: i64 = 2_100;
const RIGHT: i64 = 120;
const TOP: i64 = 260;
const BOTTOM: i64 = 260;
/// The width of a letter.
const LETTER: i64 = 75;

/// A coordinate in tenths of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tenths(pub(super) i64);

impl fmt::Display for Tenths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = self.0.unsigned_abs();
        let sign = if self.0 < 0 { "-" } else { "" };
        match size % 10 {
            0 => write!(f, "{sign}{}", size / 10),
            rest => write!(f, "{sign}{}.{rest}", size / 10),
        }
    }
}

/// A scale over an area.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Plot {
    axis: Axis,
    scale: Scale,
    left: i64,
}

impl Plot {
    /// An area that holds these numbers and what their axis says.
    pub(super) fn new(axis: Axis, values: impl IntoIterator<Item = i64>) -> Self {
        let scale = Scale::of(values);
        let letters = (scale.lines().into_iter())
            .map(|line| axis.number(line).chars().count())
            .max()
            .unwrap_or(1);
        let letters = i64::try_from(letters).unwrap_or(i64::MAX);
        let left = letters
            .saturating_mul(LETTER)
            .saturating_add(110)
            .min(WIDTH / 3);
        Self { axis, scale, left }
    }

    /// How wide the area is.
    pub(super) const fn width(self) -> i64 {
        WIDTH - RIGHT - self.left
    }

    /// The place of a number that lies `part` of `whole` to the right.
    pub(super) fn x(self, part: u64, whole: u64) -> Tenths {
        let share = i128::from(self.width()) * i128::from(part) / i128::from(whole.max(1));
        let share = i64::try_from(share).unwrap_or(self.width());
        Tenths(self.left.saturating_add(share))
    }

    /// The height of a number.
    pub(super) fn y(self, value: i64) -> Tenths {
        let range = self.scale.high - self.scale.low;
        let above = i128::from(value) - self.scale.low;
        let height = i128::from(HEIGHT - TOP - BOTTOM);
        let share = i64::try_from(above * height / range.max(1)).unwrap_or(0);
        Tenths((HEIGHT - BOTTOM).saturating_sub(share))
    }

    /// The axes: a line for each step, and the first, middle and last day.
    pub(super) fn axes(self, first: u64, last: u64) -> String {
        let right = Tenths(WIDTH - RIGHT);
        let left = Tenths(self.left);
        let mut svg = format!(
            "<text class=\"chart-label chart-unit\" x=\"{left}\" y=\"14\">{}</text>",
            escaped(self.axis.unit())
        );
        for line in self.scale.lines() {
            let y = self.y(line);
            let class = if line == 0 {
                "chart-zero"
            } else {
                "chart-grid"
            };
            svg += &format!(
                "<line class=\"{class}\" x1=\"{left}\" y1=\"{y}\" x2=\"{right}\" y2=\"{y}\"/>\
                 <text class=\"chart-label\" x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>",
                Tenths(self.left - 60),
                Tenths(y.0.saturating_add(45)),
                self.axis.number(line)
            );
        }
        let below = Tenths(HEIGHT - 60);
        let middle = first.midpoint(last);
        let mut days = vec![(first, left, "start"), (last, right, "end")];
        if last.saturating_sub(first) >= 4 {
            let x = self.x(middle.saturating_sub(first), last.saturating_sub(first));
            days.insert(1, (middle, x, "middle"));
        }
        for (day, x, anchor) in days {
            svg += &format!(
                "<text class=\"chart-label\" x=\"{x}\" y=\"{below}\" text-anchor=\"{anchor}\">{}</text>",
                short_date(day)
            );
        }
        svg
    }

    /// The right end.
    pub(super) const fn right(self) -> Tenths {
        Tenths(WIDTH - RIGHT)
    }

    /// The left end.
    pub(super) const fn left(self) -> Tenths {
        Tenths(self.left)
    }
}

/// A whole drawing: what is drawn, what it says in words, and its table.
pub(super) fn whole(
    chart: &Chart<'_>,
    drawn: &str,
    says: &str,
    (heads, rows): ([&str; 2], &[(String, String)]),
) -> Drawing {
    let (id, title) = (escaped(chart.id), escaped(chart.title));
    let mut html = format!(
        "<figure class=\"chart\"><figcaption>{title}</figcaption>\
         <svg viewBox=\"0 0 {} {}\" role=\"img\" aria-labelledby=\"{id}-title {id}-desc\">\
         <title id=\"{id}-title\">{title}</title><desc id=\"{id}-desc\">{}</desc>{drawn}</svg>",
        Tenths(WIDTH),
        Tenths(HEIGHT),
        escaped(says)
    );
    html += &format!(
        "<details class=\"more\"><summary>As a table<span class=\"visually-hidden\">: {title}</span></summary><table class=\"list\">\
         <caption class=\"visually-hidden\">{title}</caption><thead><tr><th scope=\"col\">{}</th>\
         <th scope=\"col\" class=\"num\">{}</th></tr></thead><tbody>",
        escaped(heads[0]),
        escaped(heads[1])
    );
    for (name, value) in rows {
        html += &format!(
            "<tr><td data-label=\"{}\">{}</td><td class=\"num\" data-label=\"{}\">{}</td></tr>",
            escaped(heads[0]),
            escaped(name),
            escaped(heads[1]),
            escaped(value)
        );
    }
    html += "</tbody></table></details></figure>";
    Drawing(html)
}

/// What stands where nothing is to be drawn.
pub(super) fn nothing(chart: &Chart<'_>) -> Drawing {
    Drawing(format!(
        "<figure class=\"chart\"><figcaption>{}</figcaption><p class=\"quiet\">{}</p></figure>",
        escaped(chart.title),
        escaped(chart.nothing)
    ))
}
