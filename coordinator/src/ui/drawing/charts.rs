//! The charts: an amount over days, sums of days, and single values under a cap.

use super::Drawing;
use super::axis::{Axis, date};
use super::plot::{Plot, Tenths, nothing, whole};
use crate::ui::show::escaped;

/// The seconds of a day.
const DAY: u64 = 86_400;
/// A cap is drawn unless it is so many times as high as all else: what lies below must be seen.
const FAR: i64 = 4;

/// What every chart has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chart<'a> {
    /// What no other drawing of the page is called.
    pub(crate) id: &'a str,
    /// What it shows.
    pub(crate) title: &'a str,
    /// What its numbers are.
    pub(crate) axis: Axis,
    /// What is said where there is nothing to show.
    pub(crate) nothing: &'a str,
}

/// A number of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Point {
    /// Whole days since 1970-01-01.
    pub(crate) day: u64,
    /// The number.
    pub(crate) value: i64,
}

/// A single value at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dot {
    /// Seconds since 1970.
    pub(crate) at: u64,
    /// The value.
    pub(crate) value: i64,
    /// What it belongs to.
    pub(crate) name: String,
}

/// A bound above.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cap<'a> {
    /// Its value.
    pub(crate) value: i64,
    /// What it is.
    pub(crate) name: &'a str,
}

/// The number that a list of points ends with, its lowest and its highest, in words.
fn says(chart: &Chart<'_>, points: &[Point]) -> String {
    let (Some(first), Some(last)) = (points.first(), points.last()) else {
        return String::new();
    };
    let values = || points.iter().map(|point| point.value);
    let (low, high) = (values().min().unwrap_or(0), values().max().unwrap_or(0));
    format!(
        "From {} to {}. Lowest {}, highest {}, last {}.",
        date(first.day),
        date(last.day),
        chart.axis.words(low),
        chart.axis.words(high),
        chart.axis.words(last.value)
    )
}

fn rows(chart: &Chart<'_>, points: &[Point]) -> Vec<(String, String)> {
    let newest_first = points.iter().rev();
    newest_first
        .map(|point| (date(point.day), chart.axis.words(point.value)))
        .collect()
}

/// The first and the last day, and how many lie between.
fn reach(points: &[Point]) -> Option<(u64, u64, u64)> {
    let first = points.first()?.day;
    let last = points.last()?.day;
    Some((first, last, last.saturating_sub(first)))
}

/// An amount at the end of each day, as a line over an area.
pub(crate) fn area(chart: &Chart<'_>, points: &[Point]) -> Drawing {
    let Some((first, last, days)) = reach(points) else {
        return nothing(chart);
    };
    let plot = Plot::new(chart.axis, points.iter().map(|point| point.value));
    let at = |point: &Point| {
        let x = plot.x(point.day.saturating_sub(first), days);
        format!("{x} {}", plot.y(point.value))
    };
    let line: Vec<String> = points.iter().map(at).collect();
    let line = line.join(" L ");
    let zero = plot.y(0);
    let end = plot.x(days, days);
    let begin = plot.x(0, days);
    let drawn = format!(
        "{}<path class=\"chart-area\" d=\"M {line} L {end} {zero} L {begin} {zero} Z\"/>\
         <path class=\"chart-line\" d=\"M {line}\"/>",
        plot.axes(first, last)
    );
    let table = (["Day", "Amount"], rows(chart, points));
    whole(chart, &drawn, &says(chart, points), (table.0, &table.1))
}

/// The sum of each day, as a bar.
pub(crate) fn bars(chart: &Chart<'_>, points: &[Point]) -> Drawing {
    let Some((first, last, days)) = reach(points) else {
        return nothing(chart);
    };
    if points.iter().all(|point| point.value == 0) {
        return nothing(chart);
    }
    let plot = Plot::new(chart.axis, points.iter().map(|point| point.value));
    let places = days.saturating_add(1);
    let place = plot.width() / i64::try_from(places).unwrap_or(i64::MAX).max(1);
    let broad = (place * 7 / 10).max(10);
    let mut drawn = plot.axes(first, last);
    let zero = plot.y(0);
    for point in points.iter().filter(|point| point.value != 0) {
        let x = plot.x(point.day.saturating_sub(first), places);
        let x = Tenths(x.0.saturating_add((place - broad) / 2));
        let y = plot.y(point.value);
        let (top, height) = (y.0.min(zero.0), (y.0 - zero.0).abs());
        drawn += &format!(
            "<rect class=\"chart-bar\" x=\"{x}\" y=\"{}\" width=\"{}\" height=\"{}\">\
             <title>{}: {}</title></rect>",
            Tenths(top),
            Tenths(broad),
            Tenths(height.max(5)),
            date(point.day),
            escaped(&chart.axis.words(point.value))
        );
    }
    let all = points.iter().map(|point| point.value);
    let sum = all.fold(0_i64, i64::saturating_add);
    let says = format!("{} In all {}.", says(chart, points), chart.axis.words(sum));
    let table = (["Day", "Amount"], rows(chart, points));
    whole(chart, &drawn, &says, (table.0, &table.1))
}

/// Single values between two days, under a cap.
pub(crate) fn dots(
    chart: &Chart<'_>,
    dots: &[Dot],
    (first, last): (u64, u64),
    cap: Option<Cap<'_>>,
) -> Drawing {
    if dots.is_empty() {
        return nothing(chart);
    }
    let highest = dots.iter().map(|dot| dot.value).max().unwrap_or(0);
    let near = cap.filter(|cap| cap.value <= highest.saturating_mul(FAR));
    let values = dots.iter().map(|dot| dot.value);
    let plot = Plot::new(chart.axis, values.chain(near.map(|cap| cap.value)));
    let mut drawn = plot.axes(first, last);
    let mut says = format!(
        "{} from {} to {}, the highest {}.",
        dots.len(),
        date(first),
        date(last),
        chart.axis.words(highest)
    );
    if let Some(cap) = cap {
        let words = format!("{} {}", cap.name, chart.axis.words(cap.value));
        says += &format!(" {words}.");
        drawn += &drawn_cap(plot, near, &words);
    }
    let seconds = last
        .saturating_sub(first)
        .saturating_add(1)
        .saturating_mul(DAY);
    for dot in dots {
        let x = plot.x(dot.at.saturating_sub(first.saturating_mul(DAY)), seconds);
        let words = format!("{}: {}", dot.name, chart.axis.words(dot.value));
        let class = if cap.is_some_and(|cap| dot.value > cap.value) {
            "chart-dot chart-over"
        } else {
            "chart-dot"
        };
        drawn += &format!(
            "<circle class=\"{class}\" cx=\"{x}\" cy=\"{}\" r=\"3.5\"><title>{}</title></circle>",
            plot.y(dot.value),
            escaped(&words)
        );
    }
    let rows: Vec<(String, String)> = (dots.iter().rev())
        .map(|dot| {
            let name = format!("{} {}", date(dot.at / DAY), dot.name);
            (name, chart.axis.words(dot.value))
        })
        .collect();
    whole(chart, &drawn, &says, (["Attempt", "Feerate"], &rows))
}

/// The cap as a line, or in words above where it is far above all else.
fn drawn_cap(plot: Plot, near: Option<Cap<'_>>, words: &str) -> String {
    let right = Plot::right();
    let words = escaped(words);
    match near {
        Some(cap) => {
            let (y, left) = (plot.y(cap.value), plot.left());
            format!(
                "<line class=\"chart-cap\" x1=\"{left}\" y1=\"{y}\" x2=\"{right}\" y2=\"{y}\"/>\
                 <text class=\"chart-label\" x=\"{right}\" y=\"{}\" text-anchor=\"end\">{words}</text>",
                Tenths(y.0 - 50)
            )
        }
        None => format!(
            "<text class=\"chart-label\" x=\"{right}\" y=\"14\" text-anchor=\"end\">{words}, above ↑</text>"
        ),
    }
}
