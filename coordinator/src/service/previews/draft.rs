//! A withdrawal as it is typed: texts, read into an intent as far as they go.

use bitcoin::hex::DisplayHex;
use bitcoin::{Address, Amount, Denomination, ScriptBuf};
use policies::destination::{DestinationError, is_payable, parse_destination};
use policies::document::{Policy, parse_duration};
use policies::intent::MAX_REFERENCE;
use policies::{Intent, IntentKind, RequesterName, UnixTime, WithdrawalId};
use serde::Deserialize;

use crate::queue::Speed;

/// How long an intent holds unless said.
const DAY: &str = "24h";
/// The longest that an intent holds, in days.
const LONGEST_DAYS: u64 = 90;
/// The most characters of what is shown of a text that is wrong.
const SHOWN: usize = 80;

/// A withdrawal as it is typed. Empty fields mean what their names say without them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Draft {
    /// The address to pay, or a script in hex.
    pub to: String,
    /// The amount: `0.05`, `0.05 BTC` or `5000000 sat`; for a sweep the most.
    pub amount: String,
    /// For a sweep the least.
    pub min: String,
    /// `payment`, `transfer` or `sweep`; a payment if empty.
    pub kind: String,
    /// The requester's name; if empty, the only one that the asking person is.
    pub requester: String,
    /// The withdrawal's id; drawn if empty.
    pub id: String,
    /// The requester's own words.
    pub reference: String,
    /// How long it may be paid; `24h` if empty.
    pub expires: String,
    /// The id of the withdrawal that it pays again.
    pub repeats: String,
    /// `urgent`, `normal` or `economy`; normal if empty.
    pub speed: String,
    /// The latest moment at which it should be paid.
    pub latest: String,
}

/// What is wrong with a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongField {
    /// The field's name; `form` where it is none of them.
    pub field: &'static str,
    /// What is wrong, and what to do.
    pub says: String,
}

impl WrongField {
    pub(super) fn new(field: &'static str, says: impl Into<String>) -> Self {
        Self {
            field,
            says: says.into(),
        }
    }
}

/// What was read of a draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) typed: String,
    pub(super) address: Option<Address>,
    pub(super) script: Option<ScriptBuf>,
    pub(super) amount: Option<Amount>,
    pub(super) kind: IntentKind,
    pub(super) speed: Speed,
    pub(super) latest: Option<UnixTime>,
    /// The whole, where nothing is missing that decides.
    pub(super) intent: Option<Intent>,
    pub(super) wrong: Vec<WrongField>,
}

/// Reads what was typed.
pub(super) fn read(
    draft: &Draft,
    policy: &Policy,
    person: &str,
    now: UnixTime,
    drawn: &[u8; 32],
) -> Reading {
    let mut wrong = Vec::new();
    let typed: String = draft
        .to
        .chars()
        .filter(|letter| !letter.is_whitespace())
        .collect();
    let destination = keep("to", destination(&typed, policy), &mut wrong).flatten();
    let amount = keep("amount", amount_of(&draft.amount), &mut wrong).flatten();
    let kind = keep("kind", kind(&draft.kind), &mut wrong);
    let least = keep("min", amount_of(&draft.min), &mut wrong).flatten();
    let requester = keep(
        "requester",
        requester(&draft.requester, policy, person),
        &mut wrong,
    );
    let id = keep("id", id(&draft.id, drawn), &mut wrong);
    let reference = keep("reference", reference(&draft.reference), &mut wrong);
    let expires = keep("expires", expires(&draft.expires, now), &mut wrong);
    let repeats = keep("repeats", optional_id(&draft.repeats), &mut wrong);
    let speed = keep("speed", speed(&draft.speed), &mut wrong);
    let latest = keep("latest", latest(&draft.latest, now), &mut wrong);
    if kind == Some(IntentKind::Sweep) && least.is_none() && !is_wrong(&wrong, "min") {
        let says = "A sweep pays its coins less the fee. Say the least that must arrive.";
        wrong.push(WrongField::new("min", says));
    }
    let whole = || {
        let (_, script) = destination.clone()?;
        let (amount, kind) = (amount?, kind?);
        let min = match kind {
            IntentKind::Sweep => least?,
            IntentKind::Payment | IntentKind::Transfer => amount,
        };
        Some(Intent {
            vault: policy.vault,
            keyset: policy.keyset,
            requester: requester.clone()?,
            id: id.clone()?,
            kind,
            script_pubkey: script,
            amount,
            min,
            created: now,
            expires: expires?,
            replaces: None,
            repeats: repeats.clone()?,
            reference: reference.clone()?,
        })
    };
    let intent = whole().and_then(|intent| match Intent::decode(&intent.encode()) {
        Ok(intent) => Some(intent),
        Err(error) => {
            wrong.push(WrongField::new(
                "form",
                format!("It makes no intent: {error}."),
            ));
            None
        }
    });
    Reading {
        typed,
        address: destination
            .as_ref()
            .and_then(|(address, _)| address.clone()),
        script: destination.map(|(_, script)| script),
        amount,
        kind: kind.unwrap_or(IntentKind::Payment),
        speed: speed.unwrap_or_default(),
        latest: latest.flatten(),
        intent,
        wrong,
    }
}

/// The id of a withdrawal that was given none.
pub(super) fn drawn_id(drawn: &[u8; 32]) -> String {
    let short: &[u8] = drawn.get(..6).unwrap_or_default();
    format!("w-{}", short.as_hex())
}

type Read<T> = Result<T, String>;

fn keep<T>(field: &'static str, read: Read<T>, wrong: &mut Vec<WrongField>) -> Option<T> {
    match read {
        Ok(value) => Some(value),
        Err(says) => {
            wrong.push(WrongField::new(field, says));
            None
        }
    }
}

fn is_wrong(wrong: &[WrongField], field: &str) -> bool {
    wrong.iter().any(|one| one.field == field)
}

/// An address of the network, or a script; nothing while nothing is typed.
fn destination(typed: &str, policy: &Policy) -> Read<Option<(Option<Address>, ScriptBuf)>> {
    if typed.is_empty() {
        return Ok(None);
    }
    if let Some((position, letter)) = (1_usize..)
        .zip(typed.chars())
        .find(|(_, letter)| !letter.is_ascii_graphic())
    {
        return Err(format!(
            "Character {position} is U+{:04X}, which no address has. Copy the address again from where it was given.",
            u32::from(letter)
        ));
    }
    let network = policy.network;
    match parse_destination(typed, network) {
        Ok(address) => {
            let script = address.script_pubkey();
            Ok(Some((Some(address), script)))
        }
        Err(DestinationError::NotAnAddress) => match ScriptBuf::from_hex(typed) {
            Ok(script) if is_payable(&script, network) => {
                let address = Address::from_script(&script, network).ok();
                Ok(Some((address, script)))
            }
            Ok(_) => Err("This script is of a kind that is not paid. Ask for an address.".to_owned()),
            Err(_) => Err(
                "This is no address: a letter is wrong or missing. Copy it again, whole, from where it was given."
                    .to_owned(),
            ),
        },
        Err(DestinationError::WrongNetwork { .. }) => Err(format!(
            "This address is of another network than the vault's, which is {}. Ask for one of that network.",
            policies::document::name_of_network(network)
        )),
        Err(DestinationError::ScriptKind) => Err(
            "Anybody, or nobody, can spend what this address gets. Ask for another one.".to_owned(),
        ),
    }
}

fn amount_of(text: &str) -> Read<Option<Amount>> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    parse_amount(text).map(Some)
}

/// Reads an amount as people write it: `0.05`, `0.05 BTC`, `0.05 000 000 BTC` or `5 000 000 sat`.
///
/// # Errors
/// What is wrong with it, in a sentence.
pub fn parse_amount(text: &str) -> Result<Amount, String> {
    let lower = text.trim().to_ascii_lowercase();
    let (digits, unit) = if let Some(digits) = lower.strip_suffix("btc") {
        (digits, Denomination::Bitcoin)
    } else if let Some(digits) = lower.strip_suffix("sats").or(lower.strip_suffix("sat")) {
        (digits, Denomination::Satoshi)
    } else {
        (lower.as_str(), Denomination::Bitcoin)
    };
    let digits: String = digits
        .chars()
        .filter(|letter| !letter.is_whitespace())
        .collect();
    if digits.contains(',') {
        return Err("Write a point before the fraction, and no commas.".to_owned());
    }
    let plain = !digits.is_empty()
        && digits
            .chars()
            .all(|letter| letter.is_ascii_digit() || letter == '.');
    let amount = plain
        .then(|| Amount::from_str_in(&digits, unit).ok())
        .flatten();
    let wrong = "Write an amount such as 0.05 (in bitcoin) or 5000000 sat.";
    let amount = amount.ok_or_else(|| wrong.to_owned())?;
    if amount == Amount::ZERO {
        return Err("The amount is zero.".to_owned());
    }
    if amount > Amount::MAX_MONEY {
        return Err("That is more than there can ever be.".to_owned());
    }
    Ok(amount)
}

fn kind(text: &str) -> Read<IntentKind> {
    match text.trim() {
        "" => Ok(IntentKind::Payment),
        text => text
            .parse()
            .map_err(|_| "Choose payment, transfer or sweep.".to_owned()),
    }
}

fn speed(text: &str) -> Read<Speed> {
    match text.trim() {
        "" => Ok(Speed::Normal),
        text => text
            .parse()
            .map_err(|_| "Choose urgent, normal or economy.".to_owned()),
    }
}

fn requester(text: &str, policy: &Policy, person: &str) -> Read<RequesterName> {
    let own = super::requesters_of(policy, person);
    let name = match (text.trim(), own.as_slice()) {
        ("", [only]) => only.as_str(),
        ("", []) => {
            return Err(
                "You are no requester of this vault. Choose one to see what would become of it; only that one can sign."
                    .to_owned(),
            );
        }
        ("", _) => return Err("Choose for whom you ask.".to_owned()),
        (name, _) => name,
    };
    if policy.requester(name).is_none() {
        return Err(format!(
            "No requester of the policy is named {}.",
            shown(name)
        ));
    }
    name.parse()
        .map_err(|error| format!("The requester's name {error}."))
}

fn id(text: &str, drawn: &[u8; 32]) -> Read<WithdrawalId> {
    let text = match text.trim() {
        "" => drawn_id(drawn),
        text => text.to_owned(),
    };
    text.parse().map_err(|error| format!("The id: {error}."))
}

fn optional_id(text: &str) -> Read<Option<WithdrawalId>> {
    match text.trim() {
        "" => Ok(None),
        text => text
            .parse()
            .map(Some)
            .map_err(|error| format!("The id: {error}.")),
    }
}

fn reference(text: &str) -> Read<String> {
    if let Some((position, letter)) = (1_usize..)
        .zip(text.chars())
        .find(|(_, letter)| !matches!(letter, ' '..='~'))
    {
        return Err(format!(
            "Character {position} is U+{:04X}. A reference has letters, digits and signs of ASCII only.",
            u32::from(letter)
        ));
    }
    if text.len() > MAX_REFERENCE {
        return Err(format!(
            "It has {} characters, at most {MAX_REFERENCE} are allowed.",
            text.len()
        ));
    }
    Ok(text.to_owned())
}

fn expires(text: &str, now: UnixTime) -> Read<UnixTime> {
    let text = match text.trim() {
        "" => DAY,
        text => text,
    };
    let seconds =
        parse_duration(text).map_err(|_| "Write a length such as 24h or 7d.".to_owned())?;
    if seconds == 0 || seconds > LONGEST_DAYS.saturating_mul(86_400) {
        return Err(format!(
            "Give at least a second and at most {LONGEST_DAYS} days."
        ));
    }
    Ok(now.saturating_add(seconds))
}

pub(super) fn latest(text: &str, now: UnixTime) -> Read<Option<UnixTime>> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let latest: UnixTime = match parse_duration(text) {
        Ok(seconds) => now.saturating_add(seconds),
        Err(_) => text.parse().map_err(|_| {
            "Write a length such as 6h, or a moment such as 2026-01-31T12:00:00Z.".to_owned()
        })?,
    };
    if latest <= now {
        return Err("That is over already.".to_owned());
    }
    Ok(Some(latest))
}

/// As much of a text as an answer repeats.
fn shown(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_as_people_write_them() {
        for (text, sat) in [
            ("0.05", 5_000_000),
            ("0.05 BTC", 5_000_000),
            (" 0.05 000 000 btc", 5_000_000),
            ("5000000 sat", 5_000_000),
            ("5 000 000 sats", 5_000_000),
            ("1", 100_000_000),
            ("1sat", 1),
            ("21000000", 2_100_000_000_000_000),
        ] {
            assert_eq!(parse_amount(text), Ok(Amount::from_sat(sat)), "{text}");
        }
    }

    #[test]
    fn what_is_no_amount_is_told_and_never_guessed() {
        for text in [
            "",
            "BTC",
            "0",
            "-1",
            "+1",
            "1e3",
            "0x10",
            "0,05",
            "1,000",
            "0.000000001",
            "1.5 sat",
            "21000001",
            "1 eur",
            "\u{0661}",
            "NaN",
            "99999999999999999999",
        ] {
            parse_amount(text).expect_err(text);
        }
    }
}
