//! `notification show` and `set`: what a person is told by mail, and when.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::CliError;
use super::answer::text;
use super::api::{self, Api, Body};
use super::layout::Lines;
use super::output::Output;

#[derive(Debug, Subcommand)]
pub(super) enum Notification {
    /// Show what a person is told, and whether mail goes out.
    #[command(after_help = "Example:\n  countersign-coordinator notification show dana")]
    Show {
        /// The person's name.
        person: String,
    },
    /// Set what a person is told. What is not named stays as it is.
    #[command(
        after_help = "Example:\n  countersign-coordinator notification set dana --quiet 22-7 --remind 4"
    )]
    Set(Set),
}

#[derive(Debug, Args)]
pub(super) struct Set {
    /// The person's name.
    person: String,
    /// Where mail goes; `none` for no mail.
    #[arg(long, value_name = "ADDRESS")]
    mail: Option<String>,
    /// Kinds with commas: waits,settled,failed,stop,policy,alarm.
    #[arg(long, value_name = "KINDS", value_delimiter = ',')]
    tell: Vec<String>,
    /// The person's clock, in minutes from UTC.
    #[arg(long, value_name = "MINUTES", allow_hyphen_values = true)]
    clock: Option<i64>,
    /// Hours in which nothing is sent, such as 22-7; or `none`.
    #[arg(long, value_name = "HOURS", value_parser = quiet)]
    quiet: Option<Value>,
    /// One mail a day at this hour; or `none`.
    #[arg(long, value_name = "HOUR", value_parser = number)]
    digest: Option<Value>,
    /// Hours between reminders; or `none`.
    #[arg(long, value_name = "HOURS", value_parser = number)]
    remind: Option<Value>,
    /// Hours until the next of the group is told; or `none`.
    #[arg(long, value_name = "HOURS", value_parser = number)]
    escalate: Option<Value>,
}

/// A number, or `none`.
fn number(text: &str) -> Result<Value, String> {
    if text == "none" {
        return Ok(Value::Null);
    }
    let read: Result<u32, _> = text.parse();
    read.map(Value::from)
        .map_err(|_| "give a whole number, or none".to_owned())
}

/// Two hours with a dash between them, or `none`.
fn quiet(text: &str) -> Result<Value, String> {
    if text == "none" {
        return Ok(Value::Null);
    }
    let hours = text.split_once('-').and_then(|(from, until)| {
        let (from, until): (u32, u32) = (from.parse().ok()?, until.parse().ok()?);
        Some(json!([from, until]))
    });
    hours.ok_or_else(|| "give two hours such as 22-7, or none".to_owned())
}

pub(super) fn run(verb: &Notification, api: &Api, out: &Output) -> Result<(), CliError> {
    let path = |person: &str| format!("/people/{}/notifications", api::segment(person));
    let answer = match verb {
        Notification::Show { person } => api.get(&path(person))?,
        Notification::Set(set) => {
            let path = path(&set.person);
            let mut wish = api.get(&path)?.get("settings").cloned().unwrap_or_default();
            set.apply(&mut wish);
            api.put(&path, Body::Json(wish))?
        }
    };
    out.told(&answer, || told(&answer))
}

impl Set {
    /// Changes what is named.
    fn apply(&self, wish: &mut Value) {
        if let Some(mail) = &self.mail {
            wish["mail"] = json!(if mail == "none" { "" } else { mail });
        }
        if !self.tell.is_empty() {
            wish["kinds"] = json!(self.tell);
        }
        if let Some(clock) = self.clock {
            wish["offset_minutes"] = json!(clock);
        }
        for (field, value) in [
            ("quiet", &self.quiet),
            ("digest_hour", &self.digest),
            ("remind_hours", &self.remind),
            ("escalate_hours", &self.escalate),
        ] {
            if let Some(value) = value {
                wish[field] = value.clone();
            }
        }
    }
}

fn told(answer: &Value) -> String {
    let settings = &answer["settings"];
    let or_none = |field: &str| {
        let value = &settings[field];
        if value.is_null() {
            "none".to_owned()
        } else {
            value.to_string()
        }
    };
    let mail = text(settings, "mail");
    let quiet = match settings["quiet"].as_array().map(Vec::as_slice) {
        Some([from, until]) => format!("from {from} until {until} o'clock"),
        Some(_) | None => "none".to_owned(),
    };
    let kinds: Vec<&str> = api::items(&settings["kinds"])
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let sends = match (&answer["sends_mail"], answer["trouble"].as_str()) {
        (_, Some(trouble)) => format!("the last mail did not go out: {trouble}"),
        (Value::Bool(true), None) => "this coordinator sends mail".to_owned(),
        (_, None) => "this coordinator sends no mail: [mail] is not configured".to_owned(),
    };
    Lines::default()
        .with("mail to", if mail.is_empty() { "nobody" } else { mail })
        .with("told of", kinds.join(", "))
        .with(
            "clock",
            format!("{} minutes from UTC", or_none("offset_minutes")),
        )
        .with("quiet hours", quiet)
        .with("digest at", or_none("digest_hour"))
        .with("reminded after", or_none("remind_hours"))
        .with("next is told after", or_none("escalate_hours"))
        .with("how it stands", sends)
        .text()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nothing() -> Set {
        Set {
            person: "dana".to_owned(),
            mail: None,
            tell: Vec::new(),
            clock: None,
            quiet: None,
            digest: None,
            remind: None,
            escalate: None,
        }
    }

    #[test]
    fn what_is_not_named_stays_and_none_takes_away() {
        let before = json!({
            "mail": "dana@treasury.example", "kinds": ["waits"], "offset_minutes": 60, "quiet": [22, 7],
            "digest_hour": null, "remind_hours": 4, "escalate_hours": null,
        });
        let mut wish = before.clone();
        nothing().apply(&mut wish);
        assert_eq!(wish, before);
        let set = Set {
            mail: Some("none".to_owned()),
            quiet: Some(quiet("none").expect("none")),
            digest: Some(number("9").expect("an hour")),
            remind: Some(number("none").expect("none")),
            ..nothing()
        };
        set.apply(&mut wish);
        assert_eq!(
            wish,
            json!({
                "mail": "", "kinds": ["waits"], "offset_minutes": 60, "quiet": null,
                "digest_hour": 9, "remind_hours": null, "escalate_hours": null,
            })
        );
        assert_eq!(quiet("22-7"), Ok(json!([22, 7])));
        for bad in ["22", "22-", "-7", "a-b"] {
            assert!(quiet(bad).is_err(), "{bad}");
        }
    }
}
