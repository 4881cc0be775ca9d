//! JSON: Caravan, Specter, Bitcoin Core, Coldcard EDGE and wallet policies.

use bitcoin::Network;
use serde_json::{Map, Value};

use super::descriptor_text::of_descriptors;
use super::key::{device, position, sorted_multisig};
use super::{Found, Holder, ImportError, Note};
use crate::descriptor::{KeyPosition, VaultDescriptor};
use crate::exchange::{Format, WalletPolicy};

type Object = Map<String, Value>;

pub(super) fn read(text: &str) -> Result<Found, ImportError> {
    let value: Value = serde_json::from_str(text).map_err(|error| ImportError::Json {
        line: error.line(),
        column: error.column(),
    })?;
    let object = match &value {
        Value::Array(requests) => return core(requests),
        Value::Object(object) => object,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            return Err(ImportError::Unknown);
        }
    };
    let has = |field: &str| object.contains_key(field);
    if has("quorum") || has("extendedPublicKeys") {
        caravan(object)
    } else if has("descriptor_template") {
        wallet_policy(object)
    } else if let Some(Value::Array(requests)) = object.get("descriptors") {
        core(requests)
    } else if has("desc") {
        edge(object)
    } else if has("descriptor") || has("recv_descriptor") {
        specter(object)
    } else {
        Err(ImportError::Unknown)
    }
}

fn text<'a>(object: &'a Object, field: &str) -> Option<&'a str> {
    object.get(field).and_then(Value::as_str)
}

/// A short text of whatever stands in a field.
fn shown(value: Option<&Value>) -> String {
    let text = value.map(Value::to_string).unwrap_or_default();
    text.chars().take(60).collect()
}

/// Notes for the fields that are neither read nor without meaning for a vault.
fn ignored(object: &Object, known: &[&str], notes: &mut Vec<Note>) {
    let others = object.keys().filter(|field| !known.contains(&&***field));
    // A hostile file has as many as it likes.
    notes.extend(
        others
            .take(20)
            .map(|field| Note::Ignored(field.chars().take(60).collect())),
    );
}

fn found(format: Format, name: Option<&str>, descriptor: String, notes: Vec<Note>) -> Found {
    Found {
        format,
        name: name.map(|name| name.chars().take(100).collect()),
        network: None,
        descriptor,
        holders: Vec::new(),
        first_address: None,
        notes,
    }
}

/// Caravan's configuration: sorted multisig.
fn caravan(object: &Object) -> Result<Found, ImportError> {
    let format = Format::Caravan;
    let missing = |field| ImportError::Missing { format, field };
    let kind = text(object, "addressType").ok_or(missing("addressType"))?;
    if kind != "P2WSH" {
        return Err(ImportError::ScriptKind(kind.chars().take(40).collect()));
    }
    let number = |field: &str| {
        let value = object.get("quorum")?.get(field)?.as_u64()?;
        usize::try_from(value).ok()
    };
    let threshold = number("requiredSigners").ok_or(missing("quorum.requiredSigners"))?;
    let list = object.get("extendedPublicKeys").and_then(Value::as_array);
    let list = list.ok_or(missing("extendedPublicKeys"))?;
    let mut notes = Vec::new();
    let mut keys: Vec<(KeyPosition, Holder)> = Vec::new();
    for entry in list.iter().filter_map(Value::as_object) {
        let part = |field: &'static str| text(entry, field).ok_or(missing(field));
        let key = position(part("xfp")?, part("bip32Path")?, part("xpub")?, &mut notes)?;
        let holder = Holder {
            label: text(entry, "name").map(|name| name.chars().take(100).collect()),
            device: text(entry, "method").and_then(|word| device(word, &mut notes)),
        };
        keys.push((key, holder));
    }
    if let Some(said) = number("totalSigners")
        && said != keys.len()
    {
        let found = keys.len();
        return Err(ImportError::KeyCount { said, found });
    }
    let network = match text(object, "network") {
        None => None,
        Some("mainnet") => Some(Network::Bitcoin),
        Some("regtest") => Some(Network::Regtest),
        Some("signet") => Some(Network::Signet),
        // Which testnet it is, or was, it does not say.
        Some("testnet") => {
            notes.push(Note::Ignored("network".to_owned()));
            None
        }
        Some(_) => {
            return Err(ImportError::Value {
                format,
                field: "network",
                value: shown(object.get("network")),
            });
        }
    };
    if object
        .get("startingAddressIndex")
        .and_then(Value::as_u64)
        .unwrap_or_default()
        > 0
    {
        notes.push(Note::Ignored("startingAddressIndex".to_owned()));
    }
    let known = [
        "name",
        "uuid",
        "addressType",
        "network",
        "client",
        "quorum",
        "extendedPublicKeys",
        "startingAddressIndex",
        "ledgerPolicyHmacs",
    ];
    ignored(object, &known, &mut notes);
    notes.push(Note::NoChecksum);
    Ok(Found {
        name: text(object, "name").map(|name| name.chars().take(100).collect()),
        network,
        ..sorted_multisig(format, threshold, keys, notes)
    })
}

/// Specter Desktop's wallet; backups have a descriptor of change besides.
fn specter(object: &Object) -> Result<Found, ImportError> {
    let format = Format::Specter;
    let missing = |field| ImportError::Missing { format, field };
    let deposits = text(object, "descriptor").or_else(|| text(object, "recv_descriptor"));
    let deposits = deposits.ok_or(missing("descriptor"))?;
    let mut notes = Vec::new();
    let descriptor = match text(object, "change_descriptor") {
        Some(change) => of_descriptors(&[deposits, change], &mut notes)?,
        None => of_descriptors(&[deposits], &mut notes)?,
    };
    let known = [
        "label",
        "name",
        "alias",
        "blockheight",
        "descriptor",
        "recv_descriptor",
        "change_descriptor",
        "devices",
    ];
    ignored(object, &known, &mut notes);
    let name = text(object, "label").or_else(|| text(object, "name"));
    let list = object.get("devices").and_then(Value::as_array);
    let holders: Vec<Holder> = list
        .into_iter()
        .flatten()
        .take(200)
        .map(|entry| {
            let part = |field: &str| entry.get(field).and_then(Value::as_str);
            Holder {
                label: part("label")
                    .or(entry.as_str())
                    .map(|name| name.chars().take(100).collect()),
                device: part("type").and_then(|word| device(word, &mut notes)),
            }
        })
        .collect();
    let mut found = found(format, name, descriptor, notes);
    found.holders = in_order(&found.descriptor, holders);
    Ok(found)
}

/// Holders as they are listed, each with the key at the same place of the descriptor; none where they are not as
/// many.
fn in_order(descriptor: &str, holders: Vec<Holder>) -> Vec<(KeyPosition, Holder)> {
    let mut notes = Vec::new();
    let kind = super::descriptor_text::network_kind(descriptor);
    let network = match kind {
        Some(bitcoin::NetworkKind::Test) => Network::Regtest,
        Some(bitcoin::NetworkKind::Main) | None => Network::Bitcoin,
    };
    let parsed = super::descriptor_text::with_checksum(descriptor, &mut notes)
        .ok()
        .and_then(|text| VaultDescriptor::parse(&text, network).ok());
    match parsed {
        Some(parsed) if parsed.key_positions().len() == holders.len() => parsed
            .key_positions()
            .iter()
            .cloned()
            .zip(holders)
            .collect(),
        Some(_) | None => Vec::new(),
    }
}

/// Requests of `importdescriptors`, or what `listdescriptors` lists.
fn core(requests: &[Value]) -> Result<Found, ImportError> {
    let format = Format::Core;
    let missing = |field| ImportError::Missing { format, field };
    if requests.len() > 2 {
        return Err(ImportError::Several(requests.len()));
    }
    let mut deposits = None;
    let mut change = None;
    for request in requests {
        let desc = request.get("desc").and_then(Value::as_str);
        let desc = desc.ok_or(missing("desc"))?;
        let internal = request.get("internal").and_then(Value::as_bool);
        let place = if internal.unwrap_or_default() {
            &mut change
        } else {
            &mut deposits
        };
        if place.replace(desc).is_some() {
            return Err(ImportError::Several(requests.len()));
        }
    }
    let texts: Vec<&str> = deposits.into_iter().chain(change).collect();
    if texts.is_empty() {
        return Err(missing("desc"));
    }
    let mut notes = Vec::new();
    let descriptor = of_descriptors(&texts, &mut notes)?;
    Ok(found(format, None, descriptor, notes))
}

/// What Coldcard's EDGE firmware enrols.
fn edge(object: &Object) -> Result<Found, ImportError> {
    let format = Format::ColdcardEdge;
    let missing = |field| ImportError::Missing { format, field };
    let desc = text(object, "desc").ok_or(missing("desc"))?;
    let mut notes = Vec::new();
    let descriptor = of_descriptors(&[desc], &mut notes)?;
    ignored(object, &["name", "desc"], &mut notes);
    Ok(found(format, text(object, "name"), descriptor, notes))
}

/// BIP 388, in the words of Ledger's library.
fn wallet_policy(object: &Object) -> Result<Found, ImportError> {
    let format = Format::WalletPolicy;
    let missing = |field| ImportError::Missing { format, field };
    let template = text(object, "descriptor_template").ok_or(missing("descriptor_template"))?;
    let list = object.get("keys_info").and_then(Value::as_array);
    let list = list.ok_or(missing("keys_info"))?;
    let keys: Option<Vec<&str>> = list.iter().map(Value::as_str).collect();
    let keys = keys.ok_or(missing("keys_info as texts"))?;
    let name = text(object, "name");
    let policy = WalletPolicy::parse(name.unwrap_or("wallet"), template, &keys)?;
    let mut notes = vec![];
    let descriptor = of_descriptors(&[&policy.to_descriptor()], &mut notes)?;
    notes.push(Note::NoChecksum);
    ignored(
        object,
        &["name", "descriptor_template", "keys_info"],
        &mut notes,
    );
    Ok(found(format, name, descriptor, notes))
}
