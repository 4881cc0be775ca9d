//! Texts: a BSMS record, Coldcard's multisig wallet, and descriptors alone.

use super::descriptor_text::of_descriptors;
use super::key::{position, sorted_multisig};
use super::{Found, Holder, ImportError, Note};
use crate::exchange::Format;
use crate::exchange::bsms::{NO_RESTRICTIONS, RESTRICTIONS, VERSION};

pub(super) fn read(text: &str) -> Result<Found, ImportError> {
    if text.starts_with("BSMS ") {
        return bsms(text);
    }
    if text.len() > 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(ImportError::Encrypted);
    }
    let is_coldcard = |line: &str| {
        let label = line.split_once(':').map(|(label, _)| label.trim());
        label.is_some_and(|label| label.eq_ignore_ascii_case("policy"))
    };
    if text.lines().any(is_coldcard) {
        return coldcard(text);
    }
    descriptors(text)
}

/// BIP 129, round 2.
fn bsms(text: &str) -> Result<Found, ImportError> {
    let format = Format::Bsms;
    let missing = |field| ImportError::Missing { format, field };
    let value = |field, value: &str| ImportError::Value {
        format,
        field,
        value: value.chars().take(100).collect(),
    };
    let mut lines = text.lines().map(str::trim);
    let version = lines.next().unwrap_or_default();
    if version != VERSION {
        return Err(value("the version", version));
    }
    let second = lines.next().ok_or(missing("a descriptor"))?;
    let restrictions = lines.next().ok_or(missing("path restrictions"))?;
    if restrictions.starts_with('[') {
        return Err(ImportError::KeyRecord);
    }
    if ![RESTRICTIONS, NO_RESTRICTIONS].contains(&restrictions) {
        return Err(value("the path restrictions", restrictions));
    }
    let address = lines.next().ok_or(missing("the first address"))?;
    let mut notes = Vec::new();
    let descriptor = of_descriptors(&[second], &mut notes)?;
    // The address protects a template, which has no checksum.
    notes.retain(|note| *note != Note::NoChecksum);
    Ok(Found {
        format,
        name: None,
        network: None,
        descriptor,
        holders: Vec::new(),
        first_address: Some(address.to_owned()),
        notes,
    })
}

/// Coldcard's text, which others write as well: a derivation stands before the keys that it is of.
fn coldcard(text: &str) -> Result<Found, ImportError> {
    let format = Format::Coldcard;
    let missing = |field| ImportError::Missing { format, field };
    let (mut name, mut policy, mut kind) = (None, None, None);
    let mut derivation = None;
    let mut keys = Vec::new();
    let mut notes = Vec::new();
    for line in text.lines().map(str::trim) {
        // Sparrow once wrote the derivations of keys as comments.
        let said = match line.strip_prefix('#').map(str::trim) {
            Some(comment) if comment.to_ascii_lowercase().starts_with("derivation:") => comment,
            Some(_) => continue,
            None => line,
        };
        let Some((label, said)) = said.split_once(':') else {
            if !line.is_empty() {
                notes.push(Note::Ignored(line.chars().take(60).collect()));
            }
            continue;
        };
        let (label, said) = (label.trim().to_ascii_lowercase(), said.trim());
        match &*label {
            "name" => name = Some(said.to_owned()),
            "policy" => policy = Some(said),
            "format" => kind = Some(said.to_ascii_uppercase()),
            "derivation" => derivation = Some(said),
            _ if label.len() == 8 && label.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
                let path = derivation.ok_or(missing("the derivation of every key"))?;
                let key = position(&label, path, said, &mut notes)?;
                keys.push((key, Holder::default()));
            }
            _ => notes.push(Note::Ignored(label.chars().take(60).collect())),
        }
    }
    let kind = kind.ok_or(missing("the format of its scripts"))?;
    if kind != "P2WSH" {
        return Err(ImportError::ScriptKind(kind.chars().take(40).collect()));
    }
    let policy = policy.ok_or(missing("the policy"))?;
    let (threshold, said) = numbers(policy).ok_or_else(|| ImportError::Value {
        format,
        field: "the policy",
        value: policy.chars().take(40).collect(),
    })?;
    if said != keys.len() {
        let found = keys.len();
        return Err(ImportError::KeyCount { said, found });
    }
    notes.push(Note::NoChecksum);
    Ok(Found {
        name,
        ..sorted_multisig(format, threshold, keys, notes)
    })
}

/// Two numbers with anything between them: `2 of 3`, `2/3`.
fn numbers(text: &str) -> Option<(usize, usize)> {
    let mut numbers = text
        .split(|letter: char| !letter.is_ascii_digit())
        .filter(|part| !part.is_empty())
        .map(str::parse);
    let (threshold, keys) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
    numbers.next().is_none().then_some((threshold, keys))
}

/// Descriptors alone, with comments; of Sparrow's three the first says all.
fn descriptors(text: &str) -> Result<Found, ImportError> {
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    let first = *lines.first().ok_or(ImportError::Unknown)?;
    if !["wsh(", "tr(", "wpkh(", "sh(", "pkh("]
        .iter()
        .any(|start| first.starts_with(start))
    {
        return Err(ImportError::Unknown);
    }
    let mut notes = Vec::new();
    let both = of_descriptors(&[first], &mut notes);
    let (format, descriptor) = match *lines {
        [_] => (Format::Descriptor, both?),
        [deposits, change] => {
            notes.clear();
            let pair = of_descriptors(&[deposits, change], &mut notes)?;
            (Format::Branches, pair)
        }
        [_, deposits, change] => {
            let pair = of_descriptors(&[deposits, change], &mut notes)?;
            let both = both?;
            if pair != both {
                return Err(ImportError::NotOneWallet);
            }
            (Format::Sparrow, both)
        }
        _ => return Err(ImportError::Several(lines.len())),
    };
    Ok(Found {
        format,
        name: None,
        network: None,
        descriptor,
        holders: Vec::new(),
        first_address: None,
        notes,
    })
}
