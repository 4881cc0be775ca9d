//! Descriptors as wallets write them, brought into the one form of policies: both branches in each key, the
//! notation of BIP 32, and a checksum.

use std::collections::BTreeSet;

use bitcoin::bip32::Xpub;
use bitcoin::{Address, Network, NetworkKind};

use super::{ImportError, Note};
use crate::Keychain;
use crate::descriptor::{VaultDescriptor, checksum_of};
use crate::exchange::plain_version;
use crate::exchange::wallet_policy::key_text::{Span, spans};

/// How keys end whose descriptor serves deposits and change.
const BOTH: &str = "/<0;1>/*";

/// A wallet from its descriptor, or from those of deposits and of change.
pub(super) fn of_descriptors(texts: &[&str], notes: &mut Vec<Note>) -> Result<String, ImportError> {
    match texts {
        [one] => of_one(&body_of(one, notes)?, notes),
        [deposits, change] => of_pair(&body_of(deposits, notes)?, &body_of(change, notes)?),
        _ => Err(ImportError::Several(texts.len())),
    }
}

/// The text without checksum, which is checked where there is one.
fn body_of(text: &str, notes: &mut Vec<Note>) -> Result<String, ImportError> {
    let text = text.trim();
    let (body, checksum) = match text.split_once('#') {
        Some((body, checksum)) => (body, Some(checksum)),
        None => (text, None),
    };
    match checksum {
        Some(checksum) if checksum_of(body).as_deref() != Some(checksum) => {
            return Err(ImportError::Checksum);
        }
        None if !notes.contains(&Note::NoChecksum) => notes.push(Note::NoChecksum),
        Some(_) | None => {}
    }
    // Braces stand for two branches in some, and would read as a tree.
    Ok(plainly(&body.replace("{0,1}", "<0;1>"), notes))
}

/// The same with marks of hardened steps, fingerprints and keys as policies have them.
fn plainly(body: &str, notes: &mut Vec<Note>) -> String {
    let mut out = String::with_capacity(body.len());
    for span in spans(body) {
        let text = match span {
            Span::Script(text) | Span::Key(text) => text,
        };
        let (origin, rest) = match text.split_once(']') {
            Some((origin, rest)) => (Some(origin), rest),
            None => (None, text),
        };
        let (key, path) = rest
            .find('/')
            .map_or((rest, ""), |path| rest.split_at(path));
        let plain = plain_version(key);
        if plain != key && !notes.contains(&Note::PlainVersions) {
            notes.push(Note::PlainVersions);
        }
        if let Some(origin) = origin {
            out += &origin.to_ascii_lowercase().replace('\'', "h");
            out.push(']');
        }
        out += &plain;
        out += path;
    }
    out
}

/// A key's text and the steps after it.
fn key_and_path(text: &str) -> (&str, &str) {
    let key = text.find(']').map_or(0, |end| end + 1);
    let path = text[key..].find('/').map_or(text.len(), |path| key + path);
    text.split_at(path)
}

/// One descriptor: keys that end in one branch, in `/**` (BIP 129) or in nothing get both, all alike: keys of different
/// ends gave addresses that no end for all gives.
fn of_one(body: &str, notes: &mut Vec<Note>) -> Result<String, ImportError> {
    let mut out = String::with_capacity(body.len());
    let mut ends = BTreeSet::new();
    for span in spans(body) {
        let text = match span {
            Span::Script(text) => {
                // A key alone has no slash; what it is, the descriptor's own check says.
                out += text;
                if is_key(text) {
                    ends.insert(Some("BRANCHES_ASSUMED"));
                    note(notes, Note::BranchesAssumed);
                    out += BOTH;
                }
                continue;
            }
            Span::Key(text) => text,
        };
        let (key, path) = key_and_path(text);
        let assumed = match path {
            "/0/*" => Some(Note::ChangeAssumed),
            "/1/*" => Some(Note::DepositsAssumed),
            "" => Some(Note::BranchesAssumed),
            "/**" => None,
            _ if path.contains('<') => {
                ends.insert(None);
                out += text;
                continue;
            }
            _ => return Err(ImportError::Branch(text.chars().take(200).collect())),
        };
        ends.insert(assumed.as_ref().map(Note::code));
        if let Some(assumed) = assumed {
            note(notes, assumed);
        }
        out += key;
        out += BOTH;
    }
    if ends.len() > 1 {
        return Err(ImportError::NotOneWallet);
    }
    Ok(out)
}

fn note(notes: &mut Vec<Note>, new: Note) {
    if !notes.contains(&new) {
        notes.push(new);
    }
}

fn is_key(text: &str) -> bool {
    text.parse::<Xpub>().is_ok()
}

/// Two descriptors that differ in one branch of each key.
fn of_pair(deposits: &str, change: &str) -> Result<String, ImportError> {
    let mut out = String::with_capacity(deposits.len());
    let mut others = spans(change);
    for span in spans(deposits) {
        let other = others.next().ok_or(ImportError::NotOneWallet)?;
        match (span, other) {
            (Span::Script(first), Span::Script(second)) if first == second => out += first,
            (Span::Key(first), Span::Key(second)) => {
                let ((key, path), (same, other)) = (key_and_path(first), key_and_path(second));
                let step = |path: &str| {
                    let step = path.strip_prefix('/')?.strip_suffix("/*")?;
                    step.parse::<u32>().ok()
                };
                let (Some(a), Some(b)) = (step(path), step(other)) else {
                    return Err(ImportError::Branch(first.chars().take(200).collect()));
                };
                if key != same || a == b {
                    return Err(ImportError::NotOneWallet);
                }
                out += &format!("{key}/<{a};{b}>/*");
            }
            _ => return Err(ImportError::NotOneWallet),
        }
    }
    if others.next().is_some() {
        return Err(ImportError::NotOneWallet);
    }
    Ok(out)
}

/// The descriptor with the checksum of its text.
pub(super) fn with_checksum(body: &str, notes: &mut Vec<Note>) -> Result<String, ImportError> {
    notes.sort();
    notes.dedup();
    let checksum = checksum_of(body).ok_or(ImportError::Unknown)?;
    Ok(format!("{body}#{checksum}"))
}

/// The kind of network that the first extended key is for.
pub(super) fn network_kind(body: &str) -> Option<NetworkKind> {
    spans(body).find_map(|span| {
        let (Span::Key(text) | Span::Script(text)) = span;
        let (key, _) = key_and_path(text);
        let key = key.split_once(']').map_or(key, |(_, key)| key);
        let key: Xpub = key.parse().ok()?;
        Some(key.network)
    })
}

/// Compares a first address with the descriptor's, and gives its network where the address tells it.
pub(super) fn network_of_address(
    descriptor: &VaultDescriptor,
    said: &str,
) -> Result<Option<Network>, ImportError> {
    let script = descriptor.script_pubkey(Keychain::External, 0);
    let of = |network| {
        let address = Address::from_script(&script, network);
        address
            .expect("the scripts of every kind of vault have addresses")
            .to_string()
    };
    let said = said.trim();
    for (network, told) in [
        (Network::Bitcoin, Some(Network::Bitcoin)),
        (Network::Regtest, Some(Network::Regtest)),
        // Testnets and signets share their addresses.
        (Network::Signet, None),
    ] {
        if of(network) == said {
            return Ok(told);
        }
    }
    Err(ImportError::Address {
        said: said.chars().take(100).collect(),
        ours: of(descriptor.network()),
    })
}
