//! The recovery calendar: when which coins can be spent by fewer, and what to do before.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use crate::service::Right;
use crate::service::browsing::calendar::{Opening, show_calendar};
use crate::ui::Ui;
use crate::ui::events::short;
use crate::ui::fault::Fault;
use crate::ui::frame::{Frame, Place, Tab, page};
use crate::ui::posted::Named;
use crate::ui::routes::{Needs, Table};
use crate::ui::show::{Moment, Money, Outside, Unit};
use crate::ui::visitor::Visitor;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// The most sets of signers that a line names.
const MAX_SETS: usize = 3;

#[derive(Template)]
#[template(path = "books/calendar.html")]
struct CalendarPage {
    frame: Frame,
    list: String,
    vault: Outside,
    tip: u32,
    months: Vec<Month>,
    preview: &'static str,
}

/// A month and what opens in it.
#[derive(Debug)]
struct Month {
    title: String,
    open: bool,
    lines: Vec<Line>,
}

#[derive(Debug)]
struct Line {
    older: u16,
    from_height: u32,
    from: Moment,
    count: u32,
    amount: Money,
    signers: Outside,
    coins: Vec<(String, String)>,
    more: u32,
}

pub(super) fn routes(table: Table) -> Table {
    table.get(
        "/vaults/{vault}/coins/calendar",
        Needs::Right(Right::Read),
        calendar,
    )
}

pub(in crate::ui) async fn calendar(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
) -> Result<Response, Fault> {
    let vault = named.vault()?;
    let found = show_calendar(&ui.service, &visitor.actor, vault).await?;
    let list = format!("/vaults/{vault}/coins");
    let months = found.months.iter().map(|month| Month {
        title: month.month.map_or_else(
            || "Open now".to_owned(),
            |(year, month)| {
                let name = MONTHS.get(usize::from(month).saturating_sub(1));
                format!("{} {year}", name.unwrap_or(&""))
            },
        ),
        open: month.month.is_none(),
        lines: (month.lines.iter())
            .map(|line| line_of(line, &list, visitor.unit))
            .collect(),
    });
    let template = CalendarPage {
        frame: visitor.frame("Recovery calendar", Place::Vault(vault, Tab::Coins)),
        vault: Outside::new(&visitor.name_of(vault)),
        tip: found.tip,
        months: months.collect(),
        preview: "countersign-coordinator self-spend create --purpose refresh --dry-run",
        list,
    };
    page(&template)
}

fn line_of(line: &Opening, list: &str, unit: Unit) -> Line {
    let sets: Vec<String> = (line.signers.iter().take(MAX_SETS))
        .map(|set| set.join(" and "))
        .collect();
    let mut signers = sets.join(", or ");
    if line.signers.len() > MAX_SETS {
        signers.push_str(", or others");
    }
    let named = u32::try_from(line.coins.len()).unwrap_or(u32::MAX);
    Line {
        older: line.older,
        from_height: line.from_height,
        from: Moment::new(line.from),
        count: line.count,
        amount: Money::new(line.amount, unit),
        signers: Outside::new(&signers),
        coins: (line.coins.iter())
            .map(|coin| (format!("{list}/{coin}"), short(&coin.to_string())))
            .collect(),
        more: line.count.saturating_sub(named),
    }
}
