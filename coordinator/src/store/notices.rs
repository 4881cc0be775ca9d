//! What persons want to be told by mail, what is to be told, and what waits on them since they were.

use policies::UnixTime;
use watchtower::store::database::{DatabaseError, Row, Transaction, Value};

/// What the keys of notices begin with that go to a former address. The statements below name it too.
const FORMER: &str = "former/";

/// What a person wants to be told, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingRow {
    /// Who.
    pub person: String,
    /// Where mail goes; empty for none.
    pub mail: String,
    /// The names of the kinds, with commas between them.
    pub kinds: String,
    /// The person's clock, in minutes from UTC.
    pub offset_minutes: i64,
    /// The hours of the person's day in which nothing is sent: from, until.
    pub quiet: Option<(u32, u32)>,
    /// The hour at which everything is sent together; at once if none.
    pub digest_hour: Option<u32>,
    /// Hours between reminders; none if none.
    pub remind_hours: Option<u32>,
    /// Hours after which the next of the group is told; never if none.
    pub escalate_hours: Option<u32>,
    /// Since when it is so: what happened before is not told.
    pub changed_at: UnixTime,
}

/// Something to be told to a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeRow {
    /// Whom.
    pub person: String,
    /// What it is about: told once.
    pub key: String,
    /// Its kind.
    pub kind: String,
    /// In a few words.
    pub title: String,
    /// In sentences.
    pub words: String,
    /// The page that shows it.
    pub href: String,
    /// Since when.
    pub at: UnixTime,
}

impl NoticeRow {
    /// The key of a notice that goes to an address which was the person's own before.
    pub fn former_key(address: &str, at: UnixTime) -> String {
        format!("{FORMER}{}/{address}", at.as_secs())
    }

    /// The address that it goes to, where that is not the person's own.
    pub fn former_address(&self) -> Option<&str> {
        let named = self.key.strip_prefix(FORMER)?;
        named.split_once('/').map(|(_, address)| address)
    }
}

/// Something that waits on a person who was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitRow {
    /// What.
    pub key: String,
    /// When the person was told first.
    pub told_at: UnixTime,
    /// When the person was told last.
    pub reminded_at: UnixTime,
    /// When the next of the group was told.
    pub escalated_at: Option<UnixTime>,
}

/// Keeps what a person wants, in the place of what the person wanted before.
///
/// # Errors
/// On a failed statement.
pub async fn set(tx: &mut Transaction, row: &SettingRow) -> Result<(), DatabaseError> {
    tx.execute_one(
        "INSERT INTO notification_setting (person, mail, kinds, offset_minutes, quiet_from, quiet_until, digest_hour,
             remind_hours, escalate_hours, changed_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         ON CONFLICT (person) DO UPDATE SET mail = excluded.mail, kinds = excluded.kinds,
             offset_minutes = excluded.offset_minutes, quiet_from = excluded.quiet_from,
             quiet_until = excluded.quiet_until, digest_hour = excluded.digest_hour,
             remind_hours = excluded.remind_hours, escalate_hours = excluded.escalate_hours,
             changed_at = excluded.changed_at",
        &[
            row.person.clone().into(),
            row.mail.clone().into(),
            row.kinds.clone().into(),
            row.offset_minutes.into(),
            row.quiet.map(|(from, _)| from).into(),
            row.quiet.map(|(_, until)| until).into(),
            row.digest_hour.into(),
            row.remind_hours.into(),
            row.escalate_hours.into(),
            at(row.changed_at)?,
        ],
    )
    .await
}

/// What a person wants, if the person ever said so.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn setting(
    tx: &mut Transaction,
    person: &str,
) -> Result<Option<SettingRow>, DatabaseError> {
    tx.optional_row(
        "SELECT person, mail, kinds, offset_minutes, quiet_from, quiet_until, digest_hour, remind_hours,
             escalate_hours, changed_at
         FROM notification_setting WHERE person = $1",
        &[person.into()],
    )
    .await?
    .as_ref()
    .map(read_setting)
    .transpose()
}

/// What all want who gave an address, by name.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn settings(tx: &mut Transaction) -> Result<Vec<SettingRow>, DatabaseError> {
    tx.rows(
        "SELECT person, mail, kinds, offset_minutes, quiet_from, quiet_until, digest_hour, remind_hours,
             escalate_hours, changed_at
         FROM notification_setting WHERE mail <> '' ORDER BY person",
        &[],
    )
    .await?
    .iter()
    .map(read_setting)
    .collect()
}

/// Writes down what is to be told; nothing where it was written down before.
///
/// # Errors
/// On a failed statement.
pub async fn insert(tx: &mut Transaction, row: &NoticeRow) -> Result<(), DatabaseError> {
    tx.execute(
        "INSERT INTO notice (person, key, kind, title, words, href, at) VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (person, key) DO NOTHING",
        &[
            row.person.clone().into(),
            row.key.clone().into(),
            row.kind.clone().into(),
            row.title.clone().into(),
            row.words.clone().into(),
            row.href.clone().into(),
            at(row.at)?,
        ],
    )
    .await
    .map(drop)
}

/// What is still to be told to a person at the person's own address, the oldest first.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn unsent(
    tx: &mut Transaction,
    person: &str,
    limit: u32,
) -> Result<Vec<NoticeRow>, DatabaseError> {
    tx.rows(
        "SELECT person, key, kind, title, words, href, at FROM notice
         WHERE person = $1 AND sent_at IS NULL AND key NOT LIKE 'former/%' ORDER BY at, key LIMIT $2",
        &[person.into(), limit.into()],
    )
    .await?
    .iter()
    .map(read_notice)
    .collect()
}

/// The oldest that is still to be told at an address which was a person's own before.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn unsent_to_former(
    tx: &mut Transaction,
    person: &str,
) -> Result<Option<NoticeRow>, DatabaseError> {
    tx.optional_row(
        "SELECT person, key, kind, title, words, href, at FROM notice
         WHERE person = $1 AND sent_at IS NULL AND key LIKE 'former/%' ORDER BY at, key LIMIT 1",
        &[person.into()],
    )
    .await?
    .as_ref()
    .map(read_notice)
    .transpose()
}

/// The persons of whom something is still to be told at a former address.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn moved(tx: &mut Transaction) -> Result<Vec<String>, DatabaseError> {
    tx.rows(
        "SELECT DISTINCT person FROM notice WHERE sent_at IS NULL AND key LIKE 'former/%' ORDER BY person",
        &[],
    )
    .await?
    .iter()
    .map(|row| Ok(row.text("person")?.to_owned()))
    .collect()
}

/// Whether anything is still to be told to anybody.
///
/// # Errors
/// On a failed statement.
pub async fn any_unsent(tx: &mut Transaction) -> Result<bool, DatabaseError> {
    let found = tx
        .optional_row(
            "SELECT person FROM notice WHERE sent_at IS NULL LIMIT 1",
            &[],
        )
        .await?;
    Ok(found.is_some())
}

/// Notes that something was told, or is not to be told any more.
///
/// # Errors
/// On a failed statement.
pub async fn set_sent(
    tx: &mut Transaction,
    person: &str,
    key: &str,
    now: UnixTime,
) -> Result<(), DatabaseError> {
    tx.execute(
        "UPDATE notice SET sent_at = $3 WHERE person = $1 AND key = $2 AND sent_at IS NULL",
        &[person.into(), key.into(), at(now)?],
    )
    .await
    .map(drop)
}

/// What waits on a person, as far as the person was told.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn waits(tx: &mut Transaction, person: &str) -> Result<Vec<WaitRow>, DatabaseError> {
    tx.rows(
        "SELECT key, told_at, reminded_at, escalated_at FROM notice_wait
         WHERE person = $1 AND gone_at IS NULL ORDER BY key",
        &[person.into()],
    )
    .await?
    .iter()
    .map(|row| {
        Ok(WaitRow {
            key: row.text("key")?.to_owned(),
            told_at: UnixTime::from_secs(row.u64("told_at")?),
            reminded_at: UnixTime::from_secs(row.u64("reminded_at")?),
            escalated_at: row.optional_u64("escalated_at")?.map(UnixTime::from_secs),
        })
    })
    .collect()
}

/// Writes down that a person was told of something that waits.
///
/// # Errors
/// On a failed statement.
pub async fn begin_wait(
    tx: &mut Transaction,
    person: &str,
    key: &str,
    now: UnixTime,
) -> Result<(), DatabaseError> {
    tx.execute(
        "INSERT INTO notice_wait (person, key, told_at, reminded_at) VALUES ($1, $2, $3, $3)
         ON CONFLICT DO NOTHING",
        &[person.into(), key.into(), at(now)?],
    )
    .await
    .map(drop)
}

/// Notes when the person was reminded, and when the next one was told.
///
/// # Errors
/// On a failed statement.
pub async fn update_wait(
    tx: &mut Transaction,
    person: &str,
    row: &WaitRow,
) -> Result<(), DatabaseError> {
    tx.execute_one(
        "UPDATE notice_wait SET reminded_at = $3, escalated_at = $4
         WHERE person = $1 AND key = $2 AND gone_at IS NULL",
        &[
            person.into(),
            row.key.clone().into(),
            at(row.reminded_at)?,
            row.escalated_at
                .map(UnixTime::as_secs)
                .map(Value::from_u64)
                .transpose()?
                .into(),
        ],
    )
    .await
}

/// Notes that something waits on a person no more.
///
/// # Errors
/// On a failed statement.
pub async fn end_wait(
    tx: &mut Transaction,
    person: &str,
    key: &str,
    now: UnixTime,
) -> Result<(), DatabaseError> {
    tx.execute_one(
        "UPDATE notice_wait SET gone_at = $3 WHERE person = $1 AND key = $2 AND gone_at IS NULL",
        &[person.into(), key.into(), at(now)?],
    )
    .await
}

fn at(time: UnixTime) -> Result<Value, DatabaseError> {
    Value::from_u64(time.as_secs())
}

fn read_notice(row: &Row) -> Result<NoticeRow, DatabaseError> {
    Ok(NoticeRow {
        person: row.text("person")?.to_owned(),
        key: row.text("key")?.to_owned(),
        kind: row.text("kind")?.to_owned(),
        title: row.text("title")?.to_owned(),
        words: row.text("words")?.to_owned(),
        href: row.text("href")?.to_owned(),
        at: UnixTime::from_secs(row.u64("at")?),
    })
}

fn read_setting(row: &Row) -> Result<SettingRow, DatabaseError> {
    let quiet = (
        row.optional_u32("quiet_from")?,
        row.optional_u32("quiet_until")?,
    );
    Ok(SettingRow {
        person: row.text("person")?.to_owned(),
        mail: row.text("mail")?.to_owned(),
        kinds: row.text("kinds")?.to_owned(),
        offset_minutes: row.int("offset_minutes")?,
        quiet: quiet.0.zip(quiet.1),
        digest_hour: row.optional_u32("digest_hour")?,
        remind_hours: row.optional_u32("remind_hours")?,
        escalate_hours: row.optional_u32("escalate_hours")?,
        changed_at: UnixTime::from_secs(row.u64("changed_at")?),
    })
}
