//! Reading `[[signers]]`, `[[requesters]]` and `[[approvers]]`.

use super::super::reader::{Field, Mistakes, Table};
use super::super::{Approver, Device, PinnedKey, Problem, Requester, Signer, SignerKey, Tool};
use super::{label, name, passkeys};
use crate::PublicKey;

pub(super) fn signers(root: &Table<'_>, mistakes: &mut Mistakes<'_>) -> Option<Vec<Signer>> {
    let entries = root.required("signers", mistakes)?.array(mistakes)?;
    all(&entries, mistakes, |entry, mistakes| {
        let known = &["name", "person", "device", "key", "journal"];
        let table = entry.table(known, &[], mistakes)?;
        let name_read = required_name(&table, "name", mistakes);
        let person = required_name(&table, "person", mistakes);
        let device = match table.optional("device") {
            Some(field) => device(&field, mistakes).map(Some),
            None => Some(None),
        };
        let key = table
            .required("key", mistakes)
            .and_then(|field| field.parse(mistakes, str::parse::<SignerKey>));
        let journal = table
            .required("journal", mistakes)
            .and_then(|field| journal_key(&field, mistakes));
        Some(Signer {
            name: name_read?,
            person: person?,
            device: device?,
            key: key?,
            journal: journal?,
        })
    })
}

pub(super) fn requesters(root: &Table<'_>, mistakes: &mut Mistakes<'_>) -> Option<Vec<Requester>> {
    let entries = root.required("requesters", mistakes)?.array(mistakes)?;
    all(&entries, mistakes, |entry, mistakes| {
        let table = entry.table(&["name", "person", "keys"], &[], mistakes)?;
        let name_read = required_name(&table, "name", mistakes);
        let person = match table.optional("person") {
            Some(field) => name(&field, mistakes),
            None => name_read.clone(),
        };
        let keys = keys(&table, Holder::Requester, mistakes);
        Some(Requester {
            name: name_read?,
            person: person?,
            keys: keys?,
        })
    })
}

pub(super) fn approvers(root: &Table<'_>, mistakes: &mut Mistakes<'_>) -> Option<Vec<Approver>> {
    let Some(field) = root.optional("approvers") else {
        return Some(Vec::new());
    };
    let entries = field.array(mistakes)?;
    all(&entries, mistakes, |entry, mistakes| {
        let table = entry.table(&["name", "person", "groups", "keys"], &[], mistakes)?;
        let name_read = required_name(&table, "name", mistakes);
        let person = required_name(&table, "person", mistakes);
        let groups = table
            .required("groups", mistakes)
            .and_then(|field| names(&field, mistakes));
        let keys = keys(&table, Holder::Approver, mistakes);
        Some(Approver {
            name: name_read?,
            person: person?,
            groups: groups?,
            keys: keys?,
        })
    })
}

/// Reads every entry, even after one with mistakes.
pub(super) fn all<'a, T>(
    entries: &[Field<'a>],
    mistakes: &mut Mistakes<'_>,
    mut read: impl FnMut(&Field<'a>, &mut Mistakes<'_>) -> Option<T>,
) -> Option<Vec<T>> {
    let read: Vec<Option<T>> = entries.iter().map(|entry| read(entry, mistakes)).collect();
    read.into_iter().collect()
}

/// An array of distinct names.
pub(super) fn names(field: &Field<'_>, mistakes: &mut Mistakes<'_>) -> Option<Vec<String>> {
    let items = field.array(mistakes)?;
    let names = all(&items, mistakes, name)?;
    for (position, item) in names.iter().enumerate() {
        if let Some(first) = names[..position].iter().position(|earlier| earlier == item) {
            mistakes.add(
                &format!("{}[{position}]", field.path),
                Problem::Duplicate {
                    value: item.clone(),
                    first: format!("{}[{first}]", field.path),
                },
            );
        }
    }
    Some(names)
}

fn required_name(table: &Table<'_>, key: &str, mistakes: &mut Mistakes<'_>) -> Option<String> {
    let field = table.required(key, mistakes)?;
    name(&field, mistakes)
}

fn device(field: &Field<'_>, mistakes: &mut Mistakes<'_>) -> Option<Device> {
    let table = field.table(&["kind", "firmware", "seed_created", "host"], &[], mistakes)?;
    let kind = required_name(&table, "kind", mistakes);
    let firmware = match table.optional("firmware") {
        Some(field) => label(&field, mistakes).map(Some),
        None => Some(None),
    };
    let seed_created = match table.optional("seed_created") {
        Some(field) => field.day(mistakes).map(Some),
        None => Some(None),
    };
    let host = match table.optional("host") {
        Some(field) => name(&field, mistakes).map(Some),
        None => Some(None),
    };
    Some(Device {
        kind: kind?,
        firmware: firmware?,
        seed_created: seed_created?,
        host: host?,
    })
}

/// Whose keys are read: a page never requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holder {
    Requester,
    Approver,
}

fn keys(table: &Table<'_>, holder: Holder, mistakes: &mut Mistakes<'_>) -> Option<Vec<PinnedKey>> {
    let entries = table.required("keys", mistakes)?.array(mistakes)?;
    all(&entries, mistakes, |entry, mistakes| {
        let known = &["key", "tool", "rp_id", "origins", "synced"];
        let table = entry.table(known, &[], mistakes)?;
        let tool = table.required("tool", mistakes).and_then(|field| {
            let text = field.text(mistakes)?;
            let tool = [Tool::Own, Tool::Page]
                .into_iter()
                .find(|tool| tool.name() == text);
            tool.or_else(|| field.invalid(text, &"own or page", mistakes))
        });
        let key = table
            .required("key", mistakes)
            .and_then(|field| public_key(&field, mistakes));
        let (tool, key) = (tool?, key?);
        if tool == Tool::Page && (holder == Holder::Requester || !key.is_passkey()) {
            mistakes.add(&table.place("tool"), Problem::PageKey);
            return None;
        }
        let passkey = if key.is_passkey() {
            Some(passkeys::relying_party(&table, tool, mistakes)?)
        } else {
            passkeys::none(&table, mistakes)?;
            None
        };
        Some(PinnedKey { key, tool, passkey })
    })
}

fn journal_key(field: &Field<'_>, mistakes: &mut Mistakes<'_>) -> Option<PublicKey> {
    let key = public_key(field, mistakes)?;
    if key.is_passkey() {
        mistakes.add(&field.path, Problem::JournalPasskey);
        return None;
    }
    Some(key)
}

fn public_key(field: &Field<'_>, mistakes: &mut Mistakes<'_>) -> Option<PublicKey> {
    field.parse(mistakes, |text| {
        text.parse::<PublicKey>()
            .map_err(|error| format!("a key like ed25519:<64 hex digits> ({error})"))
    })
}
