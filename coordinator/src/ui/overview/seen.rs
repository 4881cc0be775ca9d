//! A vault's figures and charts as pages show them.

use std::fmt;

use askama::filters::HtmlSafe;
use policies::UnixTime;

use crate::service::figures::{Figures, OfDay, Series, Span};
use crate::ui::drawing::{Axis, Cap, Chart, Dot, Drawing, Point, area, bars, dots};
use crate::service::agenda::AgendaLine;
use crate::ui::show::{Ago, Money, State, Unit, Waiting, waiting_line};

/// Thousandths of sat/vB of one sat/kwu: 4 weight units are one virtual byte.
const MILLI_OF_KWU: u64 = 4;

/// What a vault holds.
pub(in crate::ui) struct VaultCard {
    pub(in crate::ui) href: String,
    pub(in crate::ui) name: String,
    pub(in crate::ui) available: Money,
    pub(in crate::ui) settled: Money,
    pub(in crate::ui) pending: Money,
    pub(in crate::ui) reserved: Money,
    pub(in crate::ui) in_flight: Money,
    pub(in crate::ui) promised: Money,
    pub(in crate::ui) oldest: Option<OldestRow>,
}

/// The withdrawal that waits longest.
pub(in crate::ui) struct OldestRow {
    pub(in crate::ui) href: String,
    pub(in crate::ui) id: String,
    pub(in crate::ui) amount: Money,
    pub(in crate::ui) state: State,
    pub(in crate::ui) since: Ago,
}

/// How many lines are shown at once; the rest is a click away, so that what stands below is found.
const LINES: usize = 8;

/// Lines of an agenda: the first, and those that are folded away.
pub(in crate::ui) struct Lines {
    id: &'static str,
    first: Vec<Waiting>,
    more: Vec<Waiting>,
}

impl Lines {
    /// Lines in their order.
    pub(in crate::ui) fn of<'l>(
        id: &'static str,
        lines: impl Iterator<Item = &'l AgendaLine>,
        unit: Unit,
        now: UnixTime,
    ) -> Self {
        let mut first: Vec<Waiting> = lines
            .map(|line| waiting_line(line).unit(unit).at(now))
            .collect();
        let more = first.split_off(first.len().min(LINES));
        Self { id, first, more }
    }

    /// How many there are.
    pub(in crate::ui) fn count(&self) -> usize {
        self.first.len().saturating_add(self.more.len())
    }
}

impl fmt::Display for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, lines: &[Waiting]| {
            f.write_str("<ul class=\"agenda\">")?;
            for line in lines {
                write!(f, "<li>{line}</li>")?;
            }
            f.write_str("</ul>")
        };
        list(f, &self.first)?;
        if self.more.is_empty() {
            return Ok(());
        }
        write!(
            f,
            "<details class=\"more\" id=\"more-{}\"><summary>{} more</summary>",
            self.id,
            self.more.len()
        )?;
        list(f, &self.more)?;
        f.write_str("</details>")
    }
}

impl HtmlSafe for Lines {}

/// One of several things to choose.
pub(in crate::ui) struct Choice {
    pub(in crate::ui) value: String,
    pub(in crate::ui) words: String,
    pub(in crate::ui) chosen: bool,
}

/// What a vault holds, to be shown.
pub(in crate::ui) fn card(of: &Figures, unit: Unit, now: UnixTime) -> VaultCard {
    let root = format!("/vaults/{}", of.vault);
    VaultCard {
        name: of.name.clone(),
        available: Money::new(of.available, unit),
        settled: Money::new(of.settled, unit),
        pending: Money::new(of.pending, unit),
        reserved: Money::new(of.reserved, unit),
        in_flight: Money::new(of.in_flight, unit),
        promised: Money::new(of.promised, unit),
        oldest: of.oldest.as_ref().map(|oldest| OldestRow {
            href: format!("{root}/withdrawals/{}/{}", oldest.requester, oldest.id),
            id: oldest.id.to_string(),
            amount: Money::new(oldest.amount, unit),
            state: State::new(oldest.state),
            since: Ago::new(oldest.since, now),
        }),
        href: root,
    }
}

/// How far back charts may go.
pub(in crate::ui) fn spans(chosen: Span) -> Vec<Choice> {
    let choice = |span: Span| Choice {
        value: span.days().to_string(),
        words: format!("{} days", span.days()),
        chosen: span == chosen,
    };
    Span::ALL.map(choice).into()
}

/// A vault over time: balance, fees, feerates under the cap.
pub(in crate::ui) fn charts(series: &Series, unit: Unit) -> Vec<Drawing> {
    let points = |days: &[OfDay]| -> Vec<Point> {
        let each = |one: &OfDay| Point {
            day: one.day,
            value: one.sat,
        };
        days.iter().map(each).collect()
    };
    let axis =
        |days: &[OfDay]| Axis::of_amounts(unit == Unit::Satoshi, days.iter().map(|one| one.sat));
    let milli = |kwu: u64| i64::try_from(kwu.saturating_mul(MILLI_OF_KWU)).unwrap_or(i64::MAX);
    let ends = series.balance.first().zip(series.balance.last());
    let (first, last) = ends.map_or((0, 0), |(first, last)| (first.day, last.day));
    let balance = Chart {
        id: "balance",
        title: "Balance at the end of each day",
        axis: axis(&series.balance),
        nothing: "The vault held nothing in these days.",
    };
    let fees = Chart {
        id: "fees",
        title: "Fees paid each day",
        axis: axis(&series.fees),
        nothing: "No fees were paid in these days.",
    };
    let feerates = Chart {
        id: "feerates",
        title: "Feerate of each attempt",
        axis: Axis::Feerate,
        nothing: "No attempt was issued in these days.",
    };
    let paid: Vec<Dot> = (series.feerates.iter())
        .map(|one| Dot {
            at: one.at.as_secs(),
            value: milli(one.feerate.to_sat_per_kwu()),
            name: one.txid.to_string().chars().take(8).collect(),
        })
        .collect();
    let cap = Cap {
        value: milli(series.cap.to_sat_per_kwu()),
        name: "cap",
    };
    vec![
        area(&balance, &points(&series.balance)),
        bars(&fees, &points(&series.fees)),
        dots(&feerates, &paid, (first, last), Some(cap)),
    ]
}
