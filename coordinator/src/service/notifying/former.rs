//! What a person's former address is told: that an operator changed what the person is told by mail.
//!
//! Invariant: no operator does that in silence. The notice is written with the change and names the address that it goes
//! to, so that no later change takes it away; what cannot be told within three days is given up, and the person's own
//! page and the event log tell it still.

use policies::UnixTime;
use watchtower::store::database::Transaction;

use super::NoticeKind;
use crate::service::ServiceError;
use crate::store::notices::{self, NoticeRow, SettingRow};

/// How long a server is asked to take it.
const PATIENCE_SECONDS: u64 = 3 * 86_400;

/// Writes down what the former address is told, if there was one and anything changed.
pub(super) async fn note(
    tx: &mut Transaction,
    before: Option<&SettingRow>,
    after: &SettingRow,
    by: &str,
) -> Result<(), ServiceError> {
    match before.and_then(|before| told(before, after, by)) {
        Some(row) => Ok(notices::insert(tx, &row).await?),
        None => Ok(()),
    }
}

fn told(before: &SettingRow, after: &SettingRow, by: &str) -> Option<NoticeRow> {
    let same = SettingRow {
        changed_at: after.changed_at,
        ..before.clone()
    };
    if before.mail.is_empty() || same == *after {
        return None;
    }
    let (title, what) = if before.mail == after.mail {
        (
            "What you are told by mail was changed",
            "what you are told by mail",
        )
    } else {
        (
            "Your mail does not come here any more",
            "where your mail goes",
        )
    };
    Some(NoticeRow {
        person: before.person.clone(),
        key: NoticeRow::former_key(&before.mail, after.changed_at),
        kind: NoticeKind::Alarm.name().to_owned(),
        title: title.to_owned(),
        words: format!(
            "{by} set {what}. If you did not ask for that, set it back and tell another operator."
        ),
        href: "/account/notifications".to_owned(),
        at: after.changed_at,
    })
}

/// What is to be told of a person at a former address, and where.
pub(crate) async fn due(
    tx: &mut Transaction,
    person: &str,
) -> Result<Option<(String, NoticeRow)>, ServiceError> {
    let notice = notices::unsent_to_former(tx, person).await?;
    Ok(notice.and_then(|notice| {
        let address = notice.former_address()?.to_owned();
        Some((address, notice))
    }))
}

/// Whether nobody tries any more.
pub(crate) fn is_given_up(notice: &NoticeRow, now: UnixTime) -> bool {
    now >= notice.at.saturating_add(PATIENCE_SECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(mail: &str, kinds: &str, at: u64) -> SettingRow {
        SettingRow {
            person: "dana".to_owned(),
            mail: mail.to_owned(),
            kinds: kinds.to_owned(),
            offset_minutes: 0,
            quiet: None,
            digest_hour: None,
            remind_hours: None,
            escalate_hours: None,
            changed_at: UnixTime::from_secs(at),
        }
    }

    #[test]
    fn a_former_address_is_told_of_every_change_by_another_and_never_the_new_one() {
        let before = setting("old/box@treasury.example", "waits", 5);
        let moved = setting("new@evil.example", "waits", 9);
        let row = told(&before, &moved, "olga").expect("is told");
        assert_eq!(row.former_address(), Some("old/box@treasury.example"));
        assert!(
            row.words.starts_with("olga set where your mail goes."),
            "{row:?}"
        );
        assert!(!format!("{row:?}").contains("evil"), "{row:?}");
        for silenced in [
            setting("", "waits", 9),
            setting("old/box@treasury.example", "", 9),
        ] {
            let row = told(&before, &silenced, "olga").expect("is told");
            assert_eq!(row.former_address(), Some("old/box@treasury.example"));
        }
        let same = setting("old/box@treasury.example", "waits", 9);
        assert_eq!(told(&before, &same, "olga"), None, "nothing changed");
        assert_eq!(told(&setting("", "", 5), &moved, "olga"), None);
    }

    #[test]
    fn no_other_notice_goes_to_a_former_address() {
        for key in [
            "event/7",
            "wait/withdrawal /x/9",
            "next/former/9/x@y.example",
            "former/9",
        ] {
            let row = NoticeRow {
                key: key.to_owned(),
                ..told(&setting("a@b.example", "", 1), &setting("", "", 2), "x").expect("is told")
            };
            assert_eq!(row.former_address(), None, "{key}");
        }
    }
}
