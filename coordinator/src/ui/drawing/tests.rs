//! Drawings as text: where things stand, what is said, and that nothing breaks out of it.

use super::axis::{Axis, Scale, date, short_date};
use super::plot::{Plot, Tenths};
use super::{Cap, Chart, Dot, Point, area, bars, dots};

/// 2026-11-20.
const DAY: u64 = 20_777;

fn chart(axis: Axis) -> Chart<'static> {
    Chart {
        id: "balance",
        title: "Balance",
        axis,
        nothing: "Nothing to show.",
    }
}

fn points(values: &[i64]) -> Vec<Point> {
    (DAY..)
        .zip(values)
        .map(|(day, value)| Point { day, value: *value })
        .collect()
}

#[test]
fn axes_have_few_round_lines_and_hold_every_number_and_zero() {
    let lines = |values: &[i64]| Scale::of(values.iter().copied()).lines();
    assert_eq!(lines(&[7]), [0, 2, 4, 6, 8]);
    assert_eq!(lines(&[0]), [0, 1, 2, 3, 4]);
    assert_eq!(lines(&[-3, 9]), [-5, 0, 5, 10]);
    assert_eq!(
        lines(&[123_456_789]),
        [0, 50_000_000, 100_000_000, 150_000_000]
    );
    for most in [1, 9, 99, 1_000, 2_100_000_000_000_000, i64::MAX] {
        for values in [[0, most], [-most, 0], [-most, most]] {
            let scale = Scale::of(values);
            assert!(scale.low <= values[0].into() && scale.high >= values[1].into());
            assert!(scale.lines().len() <= 7, "{values:?}: {:?}", scale.lines());
        }
    }
}

#[test]
fn numbers_on_axes_are_exact_and_short() {
    assert_eq!(Axis::Bitcoin.number(5_000_000), "0.05");
    assert_eq!(Axis::Bitcoin.number(-150_000_000), "−1.5");
    assert_eq!(Axis::Bitcoin.number(123_400_000_000), "1,234");
    assert_eq!(Axis::Bitcoin.number(1), "0.00000001");
    assert_eq!(Axis::Satoshi.number(1_234), "1,234");
    assert_eq!(Axis::Feerate.number(12_500), "12.5");
    assert_eq!(Axis::Feerate.words(2_000), "2 sat/vB");
    assert_eq!(Axis::of_amounts(false, [99_999]), Axis::Satoshi);
    assert_eq!(Axis::of_amounts(false, [-100_000]), Axis::Bitcoin);
    assert_eq!(Axis::of_amounts(true, [100_000_000]), Axis::Satoshi);
}

#[test]
fn days_are_said_in_utc() {
    assert_eq!(date(DAY), "2026-11-20");
    assert_eq!(short_date(DAY), "20 Nov");
    assert_eq!(date(0), "1970-01-01");
    assert_eq!(date(u64::MAX), "");
}

#[test]
fn coordinates_are_tenths_without_floats() {
    assert_eq!(Tenths(1_234).to_string(), "123.4");
    assert_eq!(Tenths(50).to_string(), "5");
    assert_eq!(Tenths(-5).to_string(), "-0.5");
    let plot = Plot::new(Axis::Satoshi, [0, 8]);
    assert_eq!(plot.y(0), Tenths(1_840));
    assert_eq!(plot.y(8), Tenths(260));
    assert_eq!(plot.y(4), Tenths(1_050));
    assert_eq!(plot.x(0, 10), plot.left());
    assert_eq!(plot.x(10, 10), Plot::right());
    // The largest numbers there are do not overflow.
    let plot = Plot::new(Axis::Satoshi, [i64::MIN, i64::MAX]);
    assert!(plot.y(i64::MAX).0 >= 260);
    assert!(plot.y(i64::MIN).0 <= 1_840);
    assert_eq!(plot.x(u64::MAX, u64::MAX), Plot::right());
}

#[test]
fn a_balance_is_a_line_over_an_area_with_its_words_and_its_table() {
    let chart = chart(Axis::Satoshi);
    let svg = area(&chart, &points(&[0, 4, 8])).to_string();
    assert!(
        svg.contains("role=\"img\" aria-labelledby=\"balance-title balance-desc\""),
        "{svg}"
    );
    assert!(
        svg.contains(
            "<desc id=\"balance-desc\">From 2026-11-20 to 2026-11-22. Lowest 0 sat, highest 8 sat, last 8 sat.</desc>"
        ),
        "{svg}"
    );
    assert!(
        svg.contains("<path class=\"chart-line\" d=\"M 18.5 184 L 203.2 105 L 388 26\"/>"),
        "{svg}"
    );
    assert!(svg.contains("L 388 184 L 18.5 184 Z"), "{svg}");
    let newest = svg.find("2026-11-22</td>").expect("a row");
    assert!(newest < svg.find("2026-11-20</td>").expect("a row"));
    for wrong in ["style=", "NaN", "<script"] {
        assert!(!svg.contains(wrong), "{wrong}");
    }
}

#[test]
fn fees_are_bars_with_their_sum() {
    let mut chart = chart(Axis::Satoshi);
    chart.title = "Fees";
    let svg = bars(&chart, &points(&[3, 0, 5])).to_string();
    assert_eq!(svg.matches("<rect class=\"chart-bar\"").count(), 2);
    assert!(svg.contains("In all 8 sat."), "{svg}");
    assert!(svg.contains("<title>2026-11-22: 5 sat</title>"), "{svg}");
    let none = bars(&chart, &points(&[0, 0])).to_string();
    assert!(
        none.contains("Nothing to show.") && !none.contains("<svg"),
        "{none}"
    );
}

fn dot(hours: u64, value: i64) -> Dot {
    Dot {
        at: DAY * 86_400 + hours * 3_600,
        value,
        name: "a<b".to_owned(),
    }
}

#[test]
fn feerates_are_dots_under_the_cap_and_those_above_stand_out() {
    let chart = chart(Axis::Feerate);
    let cap = Cap {
        value: 4_000,
        name: "cap",
    };
    let all = [dot(0, 2_000), dot(12, 5_000)];
    let svg = dots(&chart, &all, (DAY, DAY), Some(cap)).to_string();
    assert_eq!(svg.matches("<circle class=\"chart-dot\"").count(), 1);
    assert_eq!(
        svg.matches("<circle class=\"chart-dot chart-over\"")
            .count(),
        1
    );
    assert!(svg.contains("class=\"chart-cap\""), "{svg}");
    assert!(svg.contains("cap 4 sat/vB"), "{svg}");
    assert!(
        svg.contains("a&lt;b") && !svg.contains("a<b"),
        "nothing breaks out"
    );
}

#[test]
fn a_cap_far_above_all_else_is_said_and_does_not_press_everything_to_the_ground() {
    let chart = chart(Axis::Feerate);
    let cap = |value| Some(Cap { value, name: "cap" });
    let near = dots(&chart, &[dot(0, 2_000)], (DAY, DAY), cap(8_000)).to_string();
    assert!(near.contains("class=\"chart-cap\""), "{near}");
    let far = dots(&chart, &[dot(0, 2_000)], (DAY, DAY), cap(8_001)).to_string();
    assert!(
        !far.contains("class=\"chart-cap\"") && far.contains("cap 8.001 sat/vB, above ↑"),
        "{far}"
    );
    let none = dots(&chart, &[], (DAY, DAY), None).to_string();
    assert!(none.contains("Nothing to show."), "{none}");
}
