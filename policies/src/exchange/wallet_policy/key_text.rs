//! Keys and placeholders in the text of descriptors and templates.

use std::collections::BTreeSet;

use bitcoin::bip32::{DerivationPath, Fingerprint, Xpub};

use super::{BOTH, WalletPolicyError};
use crate::descriptor::checksum_of;

/// A stretch of a descriptor or template.
pub(in crate::exchange) enum Span<'a> {
    /// Fragments, numbers, hashes and what separates them.
    Script(&'a str),
    /// A key or placeholder with its path.
    Key(&'a str),
}

/// The two steps under a key that serve deposits and change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Branches {
    deposits: u32,
    change: u32,
}

/// A key of a descriptor.
pub(super) struct KeyText {
    /// The key with its origin, as wallet policies list it.
    pub(super) info: String,
    /// What follows it.
    pub(super) branches: Branches,
}

/// A key's place in a template.
pub(super) struct Placeholder {
    /// Which of the keys.
    pub(super) index: usize,
    /// What follows it.
    pub(super) branches: Branches,
}

/// A descriptor or template in stretches: only keys have a slash in them, and nothing that separates
/// fragments stands in a key.
pub(in crate::exchange) fn spans(text: &str) -> impl Iterator<Item = Span<'_>> {
    text.split_inclusive(['(', ')', ',', '{', '}'])
        .flat_map(|piece| {
            let word = piece.trim_end_matches(['(', ')', ',', '{', '}']);
            let (word, separator) = piece.split_at(word.len());
            let word = if word.contains(['/', '@']) {
                Span::Key(word)
            } else {
                Span::Script(word)
            };
            [word, Span::Script(separator)]
        })
}

impl Branches {
    /// Reads `/**` or `/<a;b>/*` with two different unhardened steps.
    fn read(path: &str) -> Option<Self> {
        if path == BOTH {
            return Some(Self {
                deposits: 0,
                change: 1,
            });
        }
        let steps = path.strip_prefix("/<")?.strip_suffix(">/*")?;
        let (deposits, change) = steps.split_once(';')?;
        let (deposits, change) = (number(deposits)?, number(change)?);
        (deposits != change).then_some(Self { deposits, change })
    }

    /// How a descriptor writes them (BIP 389).
    pub(super) fn path(self) -> String {
        format!("/<{};{}>/*", self.deposits, self.change)
    }

    /// How a template writes them.
    pub(super) fn suffix(self) -> String {
        match (self.deposits, self.change) {
            (0, 1) => BOTH.to_owned(),
            _ => self.path(),
        }
    }
}

/// An unhardened step without leading zeros.
fn number(text: &str) -> Option<u32> {
    let plain = text == "0" || !text.starts_with(['0', '+']);
    let number = text.parse().ok().filter(|_| plain)?;
    (number <= crate::descriptor::MAX_INDEX).then_some(number)
}

impl KeyText {
    /// Reads `[origin]xpub/<a;b>/*`.
    pub(super) fn read(text: &str) -> Result<Self, WalletPolicyError> {
        let key = text.find(']').map_or(0, |end| end + 1);
        let path = text[key..].find('/').map_or(text.len(), |path| key + path);
        let (key, path) = text.split_at(path);
        Ok(Self {
            info: info(key)?,
            branches: Branches::read(path)
                .ok_or_else(|| WalletPolicyError::Branches(text.to_owned()))?,
        })
    }
}

impl Placeholder {
    /// Reads `@i/**` or `@i/<a;b>/*`.
    pub(super) fn read(text: &str) -> Result<Self, WalletPolicyError> {
        let not_one = || WalletPolicyError::Placeholder(text.to_owned());
        let rest = text.strip_prefix('@').ok_or_else(not_one)?;
        let (index, path) = rest.split_once('/').ok_or_else(not_one)?;
        let index = number(index).ok_or_else(not_one)?;
        Ok(Self {
            index: usize::try_from(index).map_err(|_| not_one())?,
            branches: Branches::read(&format!("/{path}")).ok_or_else(not_one)?,
        })
    }
}

/// A key with its origin, hardened steps marked with `'` as BIP 388 does; or a key alone.
pub(super) fn info(text: &str) -> Result<String, WalletPolicyError> {
    let not_a_key = || WalletPolicyError::Key(text.chars().take(200).collect());
    let (origin, key) = match text.strip_prefix('[') {
        Some(rest) => {
            let (origin, key) = rest.split_once(']').ok_or_else(not_a_key)?;
            (Some(origin), key)
        }
        None => (None, text),
    };
    let key: Xpub = key.parse().map_err(|_| not_a_key())?;
    let Some(origin) = origin else {
        return Ok(key.to_string());
    };
    let (fingerprint, path) = origin.split_once('/').unwrap_or((origin, ""));
    let fingerprint: Fingerprint = Some(fingerprint)
        .filter(|text| text.len() == 8)
        .and_then(|text| text.parse().ok())
        .ok_or_else(not_a_key)?;
    let path: DerivationPath = path.parse().map_err(|_| not_a_key())?;
    let mut info = format!("[{fingerprint}");
    for step in &path {
        info += &format!("/{step}");
    }
    Ok(format!("{info}]{key}"))
}

/// Refuses a list in which two entries are the same public key.
pub(super) fn distinct(keys: &[String]) -> Result<(), WalletPolicyError> {
    let mut seen = BTreeSet::new();
    for info in keys {
        let key = info.split_once(']').map_or(&**info, |(_, key)| key);
        let key: Xpub = key.parse().expect("just written from a key");
        if !seen.insert(key.public_key.serialize()) {
            return Err(WalletPolicyError::SameKey(info.clone()));
        }
    }
    Ok(())
}

/// Checks the placeholders: numbered as they appear, as many as keys, none at a place that another has.
pub(super) fn placeholders_in_order(template: &str, keys: usize) -> Result<(), WalletPolicyError> {
    if checksum_of(template).is_none() || template.contains('#') {
        return Err(WalletPolicyError::Letter);
    }
    if template.contains("musig(") {
        return Err(WalletPolicyError::Musig);
    }
    let mut next = 0;
    let mut places: Vec<(Placeholder, &str)> = Vec::new();
    for span in spans(template) {
        let Span::Key(text) = span else { continue };
        let place = Placeholder::read(text)?;
        if place.index > next {
            return Err(WalletPolicyError::Order {
                found: place.index,
                expected: next,
            });
        }
        next = next.max(place.index + 1);
        if let Some((_, first)) = places.iter().find(|(earlier, _)| {
            earlier.index == place.index && overlap(earlier.branches, place.branches)
        }) {
            return Err(WalletPolicyError::Overlap {
                first: (*first).to_owned(),
                second: text.to_owned(),
            });
        }
        places.push((place, text));
    }
    if next != keys || keys == 0 {
        return Err(WalletPolicyError::Count {
            placeholders: next,
            keys,
        });
    }
    Ok(())
}

fn overlap(first: Branches, second: Branches) -> bool {
    [first.deposits, first.change]
        .iter()
        .any(|step| [second.deposits, second.change].contains(step))
}
