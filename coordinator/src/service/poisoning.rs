//! Destinations that look like known ones and are others: whoever copies an address out of a history in which somebody
//! planted one pays a stranger.
//!
//! Invariant: it only tells. A destination that is known itself, because it was paid or listed before, is told of never.

use std::collections::BTreeMap;

use bitcoin::{Address, ScriptBuf};
use policies::{UnixTime, VaultId};
use serde_json::Value;
use watchtower::alarm::AlarmKind;
use watchtower::store::alarms::{self, NewAlarm};
use watchtower::store::database::Transaction;
use watchtower::store::events::Event;

use super::previews::{KnownAddress, known_to, resembled};
use super::{Service, ServiceError};

/// Who is named in alarms.
const ACTOR: &str = "coordinator";

/// A destination that somebody asks to pay or to list.
#[derive(Debug)]
struct Asked<'e> {
    event: &'e Event,
    script: ScriptBuf,
    /// Whether it is an entry of a list, which stands among those known by now.
    is_entry: bool,
}

/// Raises an alarm for each destination that the events ask for and that looks like a known one.
///
/// # Errors
/// On a database failure.
pub(crate) async fn watch(
    service: &Service,
    tx: &mut Transaction,
    events: &[Event],
    now: UnixTime,
) -> Result<(), ServiceError> {
    let mut of_vaults: BTreeMap<VaultId, Vec<Asked<'_>>> = BTreeMap::new();
    for event in events {
        if let (Some(vault), Some(asked)) = (event.vault, read(event)) {
            of_vaults.entry(vault).or_default().push(asked);
        }
    }
    for (vault, asked) in of_vaults {
        let (_, policy) = service.vault(tx, vault).await?;
        let known = known_to(tx, &policy, vault, now).await?;
        for one in asked {
            let Ok(address) = Address::from_script(&one.script, policy.network) else {
                continue;
            };
            let address = address.to_string();
            let Some(detail) = told(&address, &known, one.is_entry) else {
                continue;
            };
            let alarm = NewAlarm {
                kind: AlarmKind::AddressPoisoning,
                subject: &one.event.object_id,
                vault: Some(vault),
                detail: &detail,
                actor: ACTOR,
                at: now,
            };
            alarms::raise(tx, &alarm).await?;
        }
    }
    Ok(())
}

/// What is told of an address; nothing if it is known, or unlike all that are.
fn told(address: &str, known: &[KnownAddress], is_entry: bool) -> Option<String> {
    let is_known = |one: &&KnownAddress| one.address == address && (one.times > 0 || !is_entry);
    if known.iter().any(|one| is_known(&one)) {
        return None;
    }
    let (one, likeness) = resembled(address, known)?;
    let whence = match (&one.list, one.times) {
        (Some(list), _) => format!("on the list {list}"),
        (None, 1) => "paid once before".to_owned(),
        (None, times) => format!("paid {times} times before"),
    };
    Some(format!(
        "{address} {}: {}, {whence}",
        likeness.says(),
        one.address
    ))
}

fn read(event: &Event) -> Option<Asked<'_>> {
    let is_entry = match (event.kind.as_str(), text(event, "purpose")) {
        ("withdrawal.requested", _) => false,
        ("statement.stored", Some("list-add")) => true,
        _ => return None,
    };
    let script = ScriptBuf::from_hex(text(event, "script_pubkey")?).ok()?;
    Some(Asked {
        event,
        script,
        is_entry,
    })
}

fn text<'e>(event: &'e Event, field: &str) -> Option<&'e str> {
    event.body.get(field).and_then(Value::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &str = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";
    const ALIKE: &str = "bcrt1qw508d0000000000000000000000000000gt080";

    fn known(address: &str, times: u32, list: Option<&str>) -> KnownAddress {
        KnownAddress {
            address: address.to_owned(),
            times,
            last_at: None,
            list: list.map(str::to_owned),
            label: String::new(),
        }
    }

    #[test]
    fn an_address_with_the_ends_of_a_known_one_is_told_of_until_it_is_known_itself() {
        let paid = known(KNOWN, 3, None);
        let said = told(ALIKE, std::slice::from_ref(&paid), false).expect("is told of");
        assert!(
            said.contains(KNOWN) && said.contains("paid 3 times"),
            "{said}"
        );
        assert_eq!(
            told(KNOWN, std::slice::from_ref(&paid), false),
            None,
            "it is the known one"
        );
        let other = "bcrt1qcr8te4kr609gcawutmrza0j4xv80jy8zeqchgx";
        assert_eq!(
            told(other, std::slice::from_ref(&paid), false),
            None,
            "it is unlike"
        );
        // An entry that was handed in is on its list by now, and is no more known for that.
        let entry = known(ALIKE, 0, Some("payroll"));
        let both = [paid.clone(), entry];
        assert!(told(ALIKE, &both, true).is_some());
        assert_eq!(told(ALIKE, &both, false), None, "persons listed it");
        let both = [paid, known(ALIKE, 1, None)];
        assert_eq!(told(ALIKE, &both, true), None, "it was paid before");
    }
}
