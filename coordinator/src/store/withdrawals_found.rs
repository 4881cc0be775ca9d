//! Withdrawals found by what is asked for, a page at a time, newest first.
//!
//! Invariant: the order is total and rests on what never changes of a withdrawal, so that pages neither repeat
//! nor lose a row while others are added or move on.

use bitcoin::{Amount, ScriptBuf};
use policies::{UnixTime, VaultId};
use watchtower::store::database::{DatabaseError, Transaction, Value};

use super::withdrawals::{self, WithdrawalRow, select_withdrawals};

/// What is asked for; what is empty asks for nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// One of these states.
    pub states: Vec<String>,
    /// This requester.
    pub requester: String,
    /// This text in id or reference, whatever its case.
    pub text: String,
    /// Or this script.
    pub script: Option<ScriptBuf>,
    /// At least this amount.
    pub from: Option<Amount>,
    /// At most this amount.
    pub to: Option<Amount>,
    /// Come in at this moment or later.
    pub since: Option<UnixTime>,
    /// Come in at this moment or earlier.
    pub until: Option<UnixTime>,
}

/// Where a page ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// When its last withdrawal came in.
    pub at: UnixTime,
    /// The vault of that.
    pub vault: VaultId,
    /// Its requester.
    pub requester: String,
    /// Its id.
    pub id: String,
}

impl Place {
    /// After this withdrawal.
    pub fn after(row: &WithdrawalRow) -> Self {
        Self {
            at: row.submitted_at,
            vault: row.key.vault,
            requester: row.key.requester.to_string(),
            id: row.key.id.to_string(),
        }
    }
}

macro_rules! page {
    ($vault:literal, $intent:literal) => {
        select_withdrawals!(
            "WHERE ",
            $vault,
            "
                 AND (submitted_at, vault, requester, id) < ($2, $3, $4, $5)
                 AND ($6 = '' OR $6 LIKE '%,' || state || ',%')
                 AND ($7 = '' OR requester = $7)
                 AND ($8 = '' OR lower(id) LIKE $8 ESCAPE '\\' OR lower(",
            $intent,
            ") LIKE $9 ESCAPE '\\'
                     OR script_pubkey = $10)
                 AND amount BETWEEN $11 AND $12 AND submitted_at BETWEEN $13 AND $14
             ORDER BY submitted_at DESC, vault DESC, requester DESC, id DESC LIMIT $15"
        )
    };
}

/// A page of withdrawals, of one vault or of all.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn page(
    tx: &mut Transaction,
    vault: Option<VaultId>,
    filter: &Filter,
    after: Option<&Place>,
    limit: u32,
) -> Result<Vec<WithdrawalRow>, DatabaseError> {
    let statement = match vault {
        Some(_) => tx.pick(
            page!("vault = $1", "CAST(intent AS TEXT)"),
            page!("vault = $1", "convert_from(intent, 'UTF8')"),
        ),
        None => tx.pick(
            page!("length($1) = 0", "CAST(intent AS TEXT)"),
            page!("length($1) = 0", "convert_from(intent, 'UTF8')"),
        ),
    };
    let states = match filter.states.as_slice() {
        [] => String::new(),
        states => format!(",{},", states.join(",")),
    };
    let moment = |moment: UnixTime| Value::from_u64(moment.as_secs());
    let least = filter.from.unwrap_or(Amount::ZERO);
    let most = filter.to.unwrap_or(Amount::MAX_MONEY);
    let since = filter.since.unwrap_or(UnixTime::ZERO);
    let last = Value::Int(i64::MAX);
    let script = filter
        .script
        .as_ref()
        .map_or(&[][..], |script| script.as_bytes());
    tx.rows(
        statement,
        &[
            vault
                .map_or_else(Vec::new, |vault| vault.to_bytes().to_vec())
                .into(),
            after.map_or(Ok(last.clone()), |place| moment(place.at))?,
            after
                .map_or_else(Vec::new, |place| place.vault.to_bytes().to_vec())
                .into(),
            after.map_or("", |place| place.requester.as_str()).into(),
            after.map_or("", |place| place.id.as_str()).into(),
            states.into(),
            filter.requester.as_str().into(),
            in_id(&filter.text).into(),
            in_reference(&filter.text).into(),
            script.into(),
            Value::from_u64(least.to_sat())?,
            Value::from_u64(most.to_sat())?,
            moment(since)?,
            filter.until.map_or(Ok(last), moment)?,
            limit.into(),
        ],
    )
    .await?
    .iter()
    .map(withdrawals::read)
    .collect()
}

/// A script that was paid, or may be any moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaidScript {
    /// The script.
    pub script: ScriptBuf,
    /// How many withdrawals pay it.
    pub times: u32,
    /// When the last of them came in.
    pub last_at: UnixTime,
}

/// The scripts that withdrawals of a vault paid or are about to, the latest first.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn paid_scripts(
    tx: &mut Transaction,
    vault: VaultId,
    limit: u32,
) -> Result<Vec<PaidScript>, DatabaseError> {
    tx.rows(
        "SELECT script_pubkey, COUNT(*) AS times, MAX(submitted_at) AS last_at FROM withdrawal
         WHERE vault = $1 AND state IN ('signing', 'broadcast', 'confirmed', 'settled')
         GROUP BY script_pubkey ORDER BY last_at DESC, script_pubkey LIMIT $2",
        &[vault.to_bytes().into(), limit.into()],
    )
    .await?
    .iter()
    .map(|row| {
        Ok(PaidScript {
            script: ScriptBuf::from_bytes(row.bytes("script_pubkey")?.to_vec()),
            times: row.u32("times")?,
            last_at: UnixTime::from_secs(row.u64("last_at")?),
        })
    })
    .collect()
}

/// The pattern of ids that contain a text.
fn in_id(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    format!("%{}%", literally(&text.to_ascii_lowercase()))
}

/// The pattern of intents whose reference contains a text: canonical JSON writes its keys in order, and a quotation
/// mark inside a reference with a backslash, so that nothing else can be meant.
fn in_reference(text: &str) -> String {
    let json = serde_json::to_string(&text.to_ascii_lowercase()).expect("a text serializes");
    // Without the quotation marks around it.
    let inner = json
        .get(1..json.len().saturating_sub(1))
        .unwrap_or_default();
    format!("%\"reference\":\"%{}%\",\"repeats\":\"%", literally(inner))
}

/// A text in which nothing stands for anything else.
fn literally(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for letter in text.chars() {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_stands_for_anything_else() {
        assert_eq!(in_id(""), "");
        assert_eq!(in_id("A_1%"), "%a\\_1\\%%");
        assert_eq!(
            in_reference("say \"50%\""),
            "%\"reference\":\"%say \\\\\"50\\%\\\\\"%\",\"repeats\":\"%"
        );
    }
}
