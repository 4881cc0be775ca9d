//! What a person is told by mail, and when: everybody for themselves.

use askama::Template;
use axum::extract::State as Given;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::Ui;
use super::fault::Fault;
use super::frame::{Frame, Place, page, page_with, see_other_saying};
use super::posted::{Posted, Wrong};
use super::routes::{Needs, Table};
use super::show::{Moment, Outside};
use super::visitor::Visitor;
use crate::service::ServiceError;
use crate::service::notifying::NoticeKind;
use crate::service::notifying::settings::{Settings, SettingsView, set_settings, show_settings};

/// Where it is.
const HERE: &str = "/account/notifications";

pub(super) fn routes(table: Table) -> Table {
    table
        .get(HERE, Needs::Person, show)
        .post(HERE, Needs::Person, save)
}

/// The form, as it is typed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Typed {
    mail: String,
    kind: Vec<String>,
    offset: String,
    quiet_from: String,
    quiet_until: String,
    digest: String,
    remind: String,
    escalate: String,
}

#[derive(Template)]
#[template(path = "notifications/settings.html")]
struct SettingsPage {
    frame: Frame,
    typed: Typed,
    wrong: Wrong,
    kinds: Vec<KindRow>,
    hours: Vec<String>,
    sends_mail: bool,
    trouble: Option<Outside>,
    set_by: Option<(Outside, Moment)>,
}

struct KindRow {
    name: &'static str,
    words: &'static str,
    urgent: bool,
    chosen: bool,
}

async fn show(Given(ui): Given<Ui>, visitor: Visitor) -> Result<Response, Fault> {
    let view = show_settings(&ui.service, &visitor.actor).await?;
    let typed = typed_of(&view.settings);
    page(&draw(&visitor, &view, typed, Wrong::default()))
}

async fn save(
    Given(ui): Given<Ui>,
    visitor: Visitor,
    Posted(typed): Posted<Typed>,
) -> Result<Response, Fault> {
    let mut wrong = Wrong::default();
    if let Some(settings) = read(&typed, &mut wrong) {
        match set_settings(&ui.service, &visitor.actor, &settings).await {
            Ok(()) => return Ok(see_other_saying(HERE, "Saved.")),
            Err(ServiceError::Malformed { field, expected }) => {
                wrong.add(field, format!("This is to be {expected}."));
            }
            Err(error) => return Err(error.into()),
        }
    }
    let view = show_settings(&ui.service, &visitor.actor).await?;
    let answer = draw(&visitor, &view, typed, wrong);
    page_with(StatusCode::UNPROCESSABLE_ENTITY, &answer)
}

fn draw(visitor: &Visitor, view: &SettingsView, typed: Typed, wrong: Wrong) -> SettingsPage {
    let kinds = NoticeKind::ALL.map(|kind| KindRow {
        name: kind.name(),
        words: kind.words(),
        urgent: kind.is_urgent(),
        chosen: typed.kind.iter().any(|name| name == kind.name()),
    });
    SettingsPage {
        frame: visitor.frame("Notifications", Place::Account),
        typed,
        wrong,
        kinds: kinds.into(),
        hours: (0..24).map(|hour| hour.to_string()).collect(),
        sends_mail: view.sends_mail,
        trouble: view.trouble.as_deref().map(Outside::new),
        set_by: (view.set_by.as_ref()).map(|set| (Outside::new(&set.by), Moment::new(set.at))),
    }
}

fn typed_of(settings: &Settings) -> Typed {
    let text = |number: Option<u32>| number.map(|number| number.to_string()).unwrap_or_default();
    Typed {
        mail: settings.mail.clone(),
        kind: settings
            .kinds
            .iter()
            .map(|kind| kind.name().to_owned())
            .collect(),
        offset: offset_text(settings.offset_minutes),
        quiet_from: text(settings.quiet.map(|(from, _)| from)),
        quiet_until: text(settings.quiet.map(|(_, until)| until)),
        digest: text(settings.digest_hour),
        remind: text(settings.remind_hours),
        escalate: text(settings.escalate_hours),
    }
}

fn offset_text(minutes: i64) -> String {
    let sign = if minutes < 0 { '-' } else { '+' };
    let minutes = minutes.unsigned_abs();
    format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}

/// Reads `+01:00`; nothing is UTC.
fn read_offset(text: &str) -> Option<i64> {
    let text = text.trim();
    if text.is_empty() {
        return Some(0);
    }
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':').unwrap_or((rest, "0"));
    let digits = |part: &str| {
        (1..=2).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    if !digits(hours) || !digits(minutes) {
        return None;
    }
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    (hours <= 14 && minutes < 60).then(|| sign * (hours * 60 + minutes))
}

fn read(typed: &Typed, wrong: &mut Wrong) -> Option<Settings> {
    let mut number = |field: &'static str, text: &str| -> Option<u32> {
        let text = text.trim();
        if text.is_empty() {
            return None;
        }
        let read = text.parse().ok().filter(|_| text.len() <= 3);
        if read.is_none() {
            wrong.add(field, "A whole number, or nothing.");
        }
        read
    };
    let (from, until) = (
        number("quiet", &typed.quiet_from),
        number("quiet", &typed.quiet_until),
    );
    let (digest_hour, remind_hours, escalate_hours) = (
        number("digest", &typed.digest),
        number("remind", &typed.remind),
        number("escalate", &typed.escalate),
    );
    if from.is_some() != until.is_some() {
        wrong.add("quiet", "Choose both hours, or neither.");
    }
    let offset = read_offset(&typed.offset);
    if offset.is_none() {
        wrong.add("offset", "As +01:00 or -05:30.");
    }
    let settings = Settings {
        mail: typed.mail.trim().to_owned(),
        kinds: typed
            .kind
            .iter()
            .filter_map(|kind| kind.parse().ok())
            .collect(),
        offset_minutes: offset.unwrap_or_default(),
        quiet: from.zip(until),
        digest_hour,
        remind_hours,
        escalate_hours,
    };
    wrong.is_empty().then_some(settings)
}

#[cfg(test)]
mod tests {
    use policies::UnixTime;

    use super::*;
    use crate::service::notifying::settings::SetBy;
    use crate::service::people::PersonRole;

    #[test]
    fn an_offset_is_read_as_it_is_shown_and_nothing_else_is_one() {
        for minutes in [0, 60, -330, 840, -720, 345] {
            assert_eq!(read_offset(&offset_text(minutes)), Some(minutes));
        }
        assert_eq!(read_offset(""), Some(0));
        assert_eq!(read_offset("+1"), Some(60));
        for bad in [
            "1", "UTC", "+", "+1:60", "+15:00", "+a:00", "++1", "+001:00", "é",
        ] {
            assert_eq!(read_offset(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_person_sees_who_set_where_mail_goes_and_when() {
        let visitor = Visitor::sample("dana", PersonRole::Approver);
        let drawn = |set_by| {
            let view = SettingsView {
                settings: Settings::default(),
                sends_mail: true,
                set_by,
                trouble: None,
            };
            let typed = typed_of(&view.settings);
            let page = draw(&visitor, &view, typed, Wrong::default());
            page.render().expect("a page")
        };
        let page = drawn(Some(SetBy {
            by: "olga<b>".to_owned(),
            at: UnixTime::from_secs(1_795_400_000),
        }));
        for part in ["olga", "set this, <time datetime", "tell another operator"] {
            assert!(page.contains(part), "{part} in {page}");
        }
        assert!(!page.contains("<b>"), "{page}");
        assert!(!drawn(None).contains("set this"));
    }

    #[test]
    fn what_is_wrong_is_said_beside_its_field() {
        let typed = Typed {
            offset: "soon".to_owned(),
            quiet_from: "22".to_owned(),
            digest: "-1".to_owned(),
            ..Typed::default()
        };
        let mut wrong = Wrong::default();
        assert_eq!(read(&typed, &mut wrong), None);
        for field in ["offset", "quiet", "digest"] {
            assert!(wrong.of(field).is_some(), "{field}");
        }
    }
}
