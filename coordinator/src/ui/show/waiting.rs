//! What waits, as one line: the same on the overview and on the page of whatever waits.

use std::fmt;

use askama::filters::HtmlSafe;
use policies::UnixTime;

use super::{Ago, Moment, Money, Outside, Unit, escaped};
use crate::service::agenda::AgendaLine;

/// What waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Waiting {
    line: AgendaLine,
    unit: Unit,
    now: Option<UnixTime>,
}

/// What waits, as one line.
pub(crate) fn waiting_line(line: &AgendaLine) -> Waiting {
    Waiting {
        line: line.clone(),
        unit: Unit::default(),
        now: None,
    }
}

impl Waiting {
    /// With its amount in this unit.
    pub(crate) fn unit(self, unit: Unit) -> Self {
        Self { unit, ..self }
    }

    /// With how long it waits, beside since when.
    pub(crate) fn at(self, now: UnixTime) -> Self {
        Self {
            now: Some(now),
            ..self
        }
    }
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = &self.line;
        let (class, chip) = if line.mine {
            (
                "waiting waiting-mine",
                "<span class=\"chip chip-warn\">waits for you</span>",
            )
        } else if line.is_by_itself() {
            ("waiting", "<span class=\"chip\">moves by itself</span>")
        } else {
            (
                "waiting",
                "<span class=\"chip chip-busy\">waits for others</span>",
            )
        };
        write!(
            f,
            "<div class=\"{class}\" data-kind=\"{}\"><p class=\"waiting-head\"><a href=\"{}\">{}</a> ",
            line.kind.name(),
            escaped(&line.href),
            Outside::new(&line.title)
        )?;
        if let Some(amount) = line.amount {
            write!(f, "{} ", Money::new(amount, self.unit))?;
        }
        write!(
            f,
            "{chip} <span class=\"quiet small waiting-since\">since {}",
            Moment::new(line.since)
        )?;
        if let Some(now) = self.now {
            write!(f, " ({})", Ago::new(line.since, now))?;
        }
        write!(f, "</span></p><p>{}</p>", Outside::new(&line.what))?;
        write!(f, "<p class=\"waiting-todo\">{}", Outside::new(&line.todo))?;
        if !line.others.is_empty() {
            let others = line.others.join(", ");
            write!(
                f,
                " <span class=\"quiet\">Others who could act: {}.</span>",
                Outside::new(&others)
            )?;
        }
        f.write_str("</p></div>")
    }
}

impl HtmlSafe for Waiting {}

#[cfg(test)]
mod tests {
    use bitcoin::Amount;

    use super::*;
    use crate::service::agenda::AgendaKind;

    fn line() -> AgendaLine {
        AgendaLine {
            kind: AgendaKind::Entry,
            vault: None,
            title: "<Kraken\u{202e}".to_owned(),
            href: "/vaults/1/address-book/a".to_owned(),
            amount: Some(Amount::from_sat(5_000_000)),
            what: "Waits for 1 approval: bob or carol.".to_owned(),
            mine: true,
            on: vec!["bob".to_owned()],
            others: vec!["carol".to_owned()],
            since: UnixTime::from_secs(1_795_715_059),
            todo: "Approve it.".to_owned(),
        }
    }

    #[test]
    fn a_line_says_what_waits_since_when_who_else_could_act_and_what_to_do() {
        let now = UnixTime::from_secs(1_795_715_059 + 7_200);
        let shown = waiting_line(&line()).at(now).to_string();
        for part in [
            "waits for you",
            "2026-11-26 17:44 UTC",
            "2 h",
            "0.05 000 000 BTC",
            "Waits for 1 approval: bob or carol.",
            "Approve it.",
            "Others who could act:",
            "carol",
        ] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
    }

    #[test]
    fn words_of_strangers_are_words_on_a_line() {
        let shown = waiting_line(&line()).to_string();
        assert!(shown.contains("&lt;Kraken"), "{shown}");
        assert!(shown.contains("⟨U+202E⟩") && !shown.contains('\u{202e}'));
    }

    #[test]
    fn what_nobody_has_to_do_is_said_to_move_by_itself() {
        let mut alone = line();
        alone.mine = false;
        alone.on.clear();
        assert!(waiting_line(&alone).to_string().contains("moves by itself"));
        alone.on = vec!["bob".to_owned()];
        assert!(
            waiting_line(&alone)
                .to_string()
                .contains("waits for others")
        );
    }
}
