//! Saying that somebody is away, with what cannot be decided meanwhile.

use axum::extract::State;
use axum::response::Response;
use policies::UnixTime;
use serde::Deserialize;
use time::{Date, Month};

use super::super::Ui;
use super::super::account;
use super::super::fault::Fault;
use super::super::frame::see_other_saying;
use super::super::posted::{Named, Posted, Wrong};
use super::super::routes::{Needs, Table};
use super::super::show::{Moment, Outside};
use super::super::visitor::Visitor;
use super::{Drawn, draw};
use crate::service::Right;
use crate::service::people::absences::{self, AbsenceView, NewAbsence};

/// Seconds of a day.
const DAY: u64 = 86_400;

pub(super) fn routes(table: Table) -> Table {
    table
        .post("/account/away", Needs::Person, say_own)
        .post("/absences", Needs::Right(Right::People), say)
        .post("/absences/{id}/end", Needs::Person, end)
}

/// An absence as it is shown.
pub(in crate::ui) struct AbsenceLine {
    pub(in crate::ui) id: String,
    pub(in crate::ui) person: String,
    pub(in crate::ui) from: Moment,
    pub(in crate::ui) until: Moment,
    pub(in crate::ui) reason: Option<Outside>,
    pub(in crate::ui) by: Option<String>,
    pub(in crate::ui) now: bool,
    pub(in crate::ui) warnings: Vec<String>,
    pub(in crate::ui) may_end: bool,
}

impl AbsenceLine {
    pub(in crate::ui) fn all(absences: Vec<AbsenceView>, visitor: &Visitor) -> Vec<Self> {
        let line = |absence: AbsenceView| Self {
            may_end: absence.person == visitor.person || visitor.may(Right::People),
            by: (absence.said_by != absence.person).then_some(absence.said_by),
            id: absence.id,
            person: absence.person,
            from: Moment::new(absence.from),
            until: Moment::new(absence.until),
            reason: (!absence.reason.is_empty()).then(|| Outside::new(&absence.reason)),
            now: absence.now,
            warnings: absence
                .warnings
                .into_iter()
                .map(|warning| warning.says)
                .collect(),
        };
        absences.into_iter().map(line).collect()
    }
}

/// What is typed about an absence.
#[derive(Debug, Clone, Default, Deserialize)]
pub(in crate::ui) struct AbsenceForm {
    #[serde(default)]
    pub(in crate::ui) person: String,
    #[serde(default)]
    pub(in crate::ui) from: String,
    #[serde(default)]
    pub(in crate::ui) until: String,
    #[serde(default)]
    pub(in crate::ui) reason: String,
}

impl AbsenceForm {
    fn read(&self, wrong: &mut Wrong, person: &str, now: UnixTime) -> Option<NewAbsence> {
        let mut day = |field: &'static str, text: &str| {
            let day = day_of(text);
            if day.is_none() {
                wrong.add(field, "A day as year-month-day, such as 2026-12-24.");
            }
            day
        };
        let (from, until) = (day("from", &self.from), day("until", &self.until));
        let (from, until) = (from?, until?);
        if until <= from {
            wrong.add("until", "The day of return comes after the first day away.");
        } else if until <= now {
            wrong.add("until", "The day of return is over already.");
        }
        let hidden = self.reason.chars().any(char::is_control);
        if hidden || self.reason.chars().count() > 200 {
            wrong.add("reason", "One line of at most 200 characters.");
        }
        wrong.is_empty().then(|| NewAbsence {
            person: person.to_owned(),
            from,
            until,
            reason: self.reason.trim().to_owned(),
        })
    }
}

/// The beginning of a day in UTC.
fn day_of(text: &str) -> Option<UnixTime> {
    let mut parts = text.trim().splitn(3, '-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|one| one.is_ascii_digit());
    if !digits(year) || !digits(month) || !digits(day) || year.len() != 4 {
        return None;
    }
    let month = Month::try_from(month.parse::<u8>().ok()?).ok()?;
    let date = Date::from_calendar_date(year.parse().ok()?, month, day.parse().ok()?).ok()?;
    let secs = date.midnight().assume_utc().unix_timestamp();
    u64::try_from(secs).ok().map(UnixTime::from_secs)
}

/// The words after an absence was said: what it means for the quorums.
fn told(absence: &AbsenceView) -> String {
    let days = absence.until.secs_since(absence.from) / DAY;
    let mut words = format!("{} is away for {days} days.", absence.person);
    let warnings = absence.warnings.iter().take(3).map(|one| one.says.as_str());
    let warnings: Vec<&str> = warnings.collect();
    if !warnings.is_empty() {
        words += &format!(" Look out: {}", warnings.join(" "));
    }
    words
}

async fn say_own(
    State(ui): State<Ui>,
    visitor: Visitor,
    Posted(form): Posted<AbsenceForm>,
) -> Result<Response, Fault> {
    let mut wrong = Wrong::default();
    let Some(new) = form.read(&mut wrong, &visitor.person, ui.service.now()) else {
        return account::draw(&ui, &visitor, form, wrong, None).await;
    };
    match absences::say_absent(&ui.service, &visitor.actor, &new).await {
        Ok(absence) => Ok(see_other_saying("/account", &told(&absence))),
        Err(error) => {
            let fault = Fault::from(error);
            account::draw(&ui, &visitor, form, wrong, Some(&fault)).await
        }
    }
}

async fn say(
    State(ui): State<Ui>,
    visitor: Visitor,
    Posted(form): Posted<AbsenceForm>,
) -> Result<Response, Fault> {
    let mut wrong = Wrong::default();
    let read = form.read(&mut wrong, &form.person, ui.service.now());
    let again = |wrong| Drawn {
        form: form.clone(),
        wrong,
        ..Drawn::default()
    };
    let Some(new) = read else {
        return draw(&ui, &visitor, again(wrong), None).await;
    };
    match absences::say_absent(&ui.service, &visitor.actor, &new).await {
        Ok(absence) => Ok(see_other_saying("/people", &told(&absence))),
        Err(error) => {
            let fault = Fault::from(error);
            draw(&ui, &visitor, again(wrong), Some(&fault)).await
        }
    }
}

async fn end(State(ui): State<Ui>, visitor: Visitor, named: Named) -> Result<Response, Fault> {
    absences::end_absence(&ui.service, &visitor.actor, named.text("id")?).await?;
    let back = if visitor.actor.require_everywhere(Right::Read).is_ok() {
        "/people"
    } else {
        "/account"
    };
    Ok(see_other_saying(back, "Back again."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_exactly_or_not_at_all() {
        let of = |text| day_of(text).map(UnixTime::as_secs);
        assert_eq!(of("1970-01-02"), Some(DAY));
        assert_eq!(of(" 2026-11-26 "), Some(1_795_651_200));
        for text in [
            "",
            "2026-02-29",
            "2026-13-01",
            "26-11-26",
            "2026-11",
            "1969-12-31",
            "a-b-c",
            "2026-11-26-1",
            "+2026-1-1",
        ] {
            assert_eq!(of(text), None, "{text}");
        }
    }
}
