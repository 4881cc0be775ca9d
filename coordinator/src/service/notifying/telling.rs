//! What is told of an event, and what of something that waits: decided from facts, and in words. Pure.

use policies::UnixTime;
use serde_json::Value;
use watchtower::alarm::AlarmKind;
use watchtower::store::events::Event;

use super::NoticeKind;
use crate::store::notices::{SettingRow, WaitRow};

/// What is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Its kind.
    pub kind: NoticeKind,
    /// In a few words.
    pub title: String,
    /// The page that shows it.
    pub href: String,
}

/// What is told of an event to persons; nothing of most.
pub fn of_event(event: &Event) -> Option<Told> {
    let vault = event.vault.map(|vault| format!("/vaults/{vault}"));
    let vault = vault.unwrap_or_default();
    let text = |field: &str| {
        let found = event.body.get(field);
        found.and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let (kind, title, href) = match event.kind.as_str() {
        "withdrawal.settled"
        | "withdrawal.failed"
        | "withdrawal.rejected"
        | "withdrawal.expired" => {
            let state = event.kind.trim_start_matches("withdrawal.");
            let kind = if state == "settled" {
                NoticeKind::Settled
            } else {
                NoticeKind::Failed
            };
            let (requester, id) = (text("requester"), text("id"));
            let has = match state {
                "failed" | "expired" => "has",
                _ => "is",
            };
            (
                kind,
                format!("Withdrawal {requester} {id} {has} {state}"),
                format!("{vault}/withdrawals/{requester}/{id}"),
            )
        }
        "statement.entitled" if text("purpose") == "stop" => (
            NoticeKind::Stop,
            "A vault is stopped".to_owned(),
            format!("{vault}/stops"),
        ),
        "statement.entitled" if text("purpose") == "release" => (
            NoticeKind::Stop,
            "A stop is released".to_owned(),
            format!("{vault}/stops"),
        ),
        "policy.proposed" | "policy.approved" | "policy.adopted" => {
            let what = match event.kind.as_str() {
                "policy.proposed" => "A version of the policy is proposed",
                "policy.approved" => "A version of the policy has its approvals",
                _ => "A version of the policy is in force",
            };
            (
                NoticeKind::Policy,
                what.to_owned(),
                format!("{vault}/policy"),
            )
        }
        "alarm.raised" => {
            let title = AlarmKind::from_code(&text("alarm")).map(AlarmKind::title);
            let title = title.unwrap_or("An alarm").to_owned();
            (NoticeKind::Alarm, title, "/health".to_owned())
        }
        "queue.latest-passed" => {
            let (requester, id) = (text("requester"), text("id"));
            (
                NoticeKind::Alarm,
                format!("Withdrawal {requester} {id} was not paid in time"),
                format!("{vault}/withdrawals/{requester}/{id}"),
            )
        }
        "session.signatures-refused" => (
            NoticeKind::Alarm,
            "A signature that was handed in does not hold".to_owned(),
            format!("/attempts/{}", text("txid")),
        ),
        "journal.refused" => (
            NoticeKind::Alarm,
            format!(
                "The journal of {} contradicts what it said before",
                text("signer")
            ),
            format!("{vault}/signers"),
        ),
        _ => return None,
    };
    Some(Told { kind, title, href })
}

/// What is to be told of something that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The person, for the first time.
    First,
    /// The person, again.
    Remind,
    /// The next of those who could act.
    Escalate,
}

/// What is to be told now of something that waits on a person.
pub fn steps(known: Option<&WaitRow>, setting: &SettingRow, now: UnixTime) -> Vec<Step> {
    let Some(wait) = known else {
        return vec![Step::First];
    };
    let passed = |since: UnixTime, hours: Option<u32>| {
        hours.is_some_and(|hours| {
            now >= since.saturating_add(u64::from(hours).saturating_mul(3_600))
        })
    };
    let mut steps = Vec::new();
    if passed(wait.reminded_at, setting.remind_hours) {
        steps.push(Step::Remind);
    }
    if wait.escalated_at.is_none() && passed(wait.told_at, setting.escalate_hours) {
        steps.push(Step::Escalate);
    }
    steps
}

/// A text of a stranger in which nothing is hidden and nothing breaks a line.
pub fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for letter in text.chars().take(400) {
        let hidden = letter.is_control()
            || matches!(letter, '\u{ad}' | '\u{61c}' | '\u{feff}')
            || ('\u{200b}'..='\u{200f}').contains(&letter)
            || ('\u{2028}'..='\u{202e}').contains(&letter)
            || ('\u{2060}'..='\u{206f}').contains(&letter);
        if hidden {
            plain += &format!("⟨U+{:04X}⟩", u32::from(letter));
        } else {
            plain.push(letter);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(remind: Option<u32>, escalate: Option<u32>) -> SettingRow {
        SettingRow {
            person: "dana".to_owned(),
            mail: "dana@treasury.example".to_owned(),
            kinds: "waits".to_owned(),
            offset_minutes: 0,
            quiet: None,
            digest_hour: None,
            remind_hours: remind,
            escalate_hours: escalate,
            changed_at: UnixTime::ZERO,
        }
    }

    #[test]
    fn what_waits_is_told_once_reminded_of_and_escalated_once() {
        let hour = |n: u64| UnixTime::from_secs(n * 3_600);
        let setting_both = setting(Some(4), Some(6));
        assert_eq!(steps(None, &setting_both, hour(0)), [Step::First]);
        let mut wait = WaitRow {
            key: "withdrawal /x".to_owned(),
            told_at: hour(0),
            reminded_at: hour(0),
            escalated_at: None,
        };
        assert_eq!(steps(Some(&wait), &setting_both, hour(3)), []);
        assert_eq!(steps(Some(&wait), &setting_both, hour(4)), [Step::Remind]);
        wait.reminded_at = hour(4);
        assert_eq!(steps(Some(&wait), &setting_both, hour(6)), [Step::Escalate]);
        wait.escalated_at = Some(hour(6));
        assert_eq!(steps(Some(&wait), &setting_both, hour(8)), [Step::Remind]);
        assert_eq!(steps(Some(&wait), &setting(None, None), hour(99)), []);
    }

    #[test]
    fn a_strangers_text_breaks_no_line_and_hides_nothing() {
        let text = "pay\r\nBcc: x\u{202e}evil\u{200b}";
        let plain = plain(text);
        assert_eq!(plain, "pay⟨U+000D⟩⟨U+000A⟩Bcc: x⟨U+202E⟩evil⟨U+200B⟩");
    }
}
