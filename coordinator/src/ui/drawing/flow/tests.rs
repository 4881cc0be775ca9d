//! Flows at their extremes.

use super::widths::widths;
use super::{Band, Flow, Kind, MOST, sum};
use crate::ui::show::Unit;

const ALL_COINS: u64 = 2_100_000_000_000_000;

fn band(kind: Kind, sat: u64, words: &str) -> Band {
    Band {
        kind,
        sat,
        words: words.to_owned(),
    }
}

fn flow(inputs: Vec<Band>, outputs: Vec<Band>, fee_sat: u64) -> Flow {
    Flow {
        title: "Flow of a transaction".to_owned(),
        inputs,
        outputs,
        fee_sat,
        unit: Unit::Bitcoin,
    }
}

/// Every opening tag is closed, and nothing is styled in place or run.
fn assert_sound(svg: &str) {
    for tag in ["svg", "g", "text", "title", "desc", "figure"] {
        let open = svg.matches(&format!("<{tag}")).count();
        assert_eq!(open, svg.matches(&format!("</{tag}>")).count(), "{tag}");
    }
    for never in ["style=\"", "<script", "href=", " onload"] {
        assert!(!svg.contains(never), "{never}");
    }
    assert!(svg.matches("role=\"img\"").count() == 2);
}

#[test]
fn widths_of_a_side_always_sum_to_the_whole_and_none_vanishes() {
    for values in [
        vec![1],
        vec![0],
        vec![0, 0, 0],
        vec![1, ALL_COINS],
        vec![ALL_COINS, 1, 1, 1],
        vec![7; 14],
        vec![u64::MAX; 14],
        (1..=14).collect(),
        vec![ALL_COINS, ALL_COINS / 2, 3, 2, 1],
    ] {
        let drawn = widths(&values, 200, 2);
        let total: u32 = drawn.iter().sum();
        if values.iter().any(|value| *value > 0) {
            assert_eq!(total, 200, "{values:?} {drawn:?}");
            assert!(
                drawn.iter().all(|width| *width >= 2),
                "{values:?} {drawn:?}"
            );
        }
    }
    assert_eq!(widths(&[100, 300], 200, 2), [50, 150]);
    assert_eq!(widths(&[1, ALL_COINS], 200, 2), [2, 198]);
}

#[test]
fn one_coin_and_one_output_are_drawn_with_the_fee_beside() {
    let drawn = flow(
        vec![band(Kind::Coin, 1_000_000, "abcd…:0")],
        vec![band(Kind::Payment, 999_000, "bcrt1q…xyz0")],
        1_000,
    );
    let svg = drawn.to_string();
    assert_sound(&svg);
    assert!(svg.contains("Payment 0.00 999 000 BTC"), "{svg}");
    assert!(svg.contains("Fee 0.00 001 000 BTC"), "{svg}");
    let words = "Spends 1 coin of 0.01 000 000 BTC. 1 payment of 0.00 999 000 BTC. The fee is 0.00 001 000 BTC.";
    assert!(svg.contains(words), "{svg}");
    // Three bands in each layout, and nothing that is not known.
    assert_eq!(svg.matches("class=\"flow-band").count(), 6);
    assert!(!svg.contains("flow-missing"));
}

#[test]
fn a_hundred_coins_and_outputs_are_twelve_and_the_rest_and_no_satoshi_is_lost() {
    let inputs: Vec<Band> = (1..=100)
        .map(|sat| band(Kind::Coin, sat * 1_000, "coin"))
        .collect();
    let mut outputs: Vec<Band> = (1..=99)
        .map(|sat| band(Kind::Payment, sat * 1_000, "paid"))
        .collect();
    outputs.push(band(Kind::Change, 90_000, "change"));
    let drawn = flow(inputs, outputs, 10_000);
    let sides = drawn.sides();
    assert_eq!(sides.left.len(), MOST + 1);
    assert_eq!(sides.right.len(), MOST + 2);
    assert_eq!(sum(&sides.left), sum(&sides.right));
    assert_eq!(sum(&sides.left), sum(&drawn.inputs));
    let more = sides.left.last().expect("the rest");
    assert_eq!(
        (more.kind, more.words.as_str()),
        (Kind::More, "and 88 more")
    );
    // Change is smaller than most payments, and stands there all the same.
    assert!(sides.right.iter().any(|band| band.kind == Kind::Change));
    assert_sound(&drawn.to_string());
}

#[test]
fn one_satoshi_beside_all_there_are_is_seen() {
    let drawn = flow(
        vec![band(Kind::Coin, ALL_COINS, "all")],
        vec![
            band(Kind::Payment, 1, "one"),
            band(Kind::Change, ALL_COINS - 2, "rest"),
        ],
        1,
    );
    let svg = drawn.to_string();
    assert_sound(&svg);
    assert!(svg.contains("Payment 0.00 000 001 BTC"), "{svg}");
    let values: Vec<u64> = drawn.sides().right.iter().map(|band| band.sat).collect();
    assert_eq!(widths(&values, 200, 2), [2, 196, 2]);
}

#[test]
fn what_is_not_known_of_a_transaction_is_a_band_of_its_own() {
    let lost = flow(
        vec![band(Kind::Coin, 0, "x")],
        vec![band(Kind::Payment, 5, "y")],
        1,
    );
    let sides = lost.sides();
    assert_eq!(sum(&sides.left), sum(&sides.right));
    assert_eq!(sides.left.last().map(|band| band.kind), Some(Kind::Missing));
    let nothing = flow(Vec::new(), Vec::new(), 0);
    assert_sound(&nothing.to_string());
}

#[test]
fn a_strangers_words_run_nothing_and_do_not_break_out() {
    let words = "</text><script>alert(1)</script>\"onload=\"x' &amp; a very long tail indeed";
    let drawn = flow(
        vec![band(Kind::Coin, 10, words)],
        vec![band(Kind::Payment, 9, words)],
        1,
    );
    let svg = drawn.to_string();
    assert!(!svg.contains("<script"), "{svg}");
    assert!(svg.contains("&lt;/text&gt;&lt;script&gt;"), "{svg}");
    assert!(svg.contains('…'), "{svg}");
    assert_sound(&svg);
}
