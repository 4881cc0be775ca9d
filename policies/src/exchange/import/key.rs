//! One key with its origin, in whatever marks and letters wallets write it.

use bitcoin::bip32::{DerivationPath, Fingerprint};

use super::{Found, Holder, ImportError, Note};
use crate::descriptor::KeyPosition;
use crate::exchange::{Format, plain_version};

/// A key whose fingerprint, path and extended key stand apart.
pub(super) fn position(
    fingerprint: &str,
    path: &str,
    xpub: &str,
    notes: &mut Vec<Note>,
) -> Result<KeyPosition, ImportError> {
    let path = path.trim().trim_start_matches(['m', 'M']).trim_matches('/');
    let fingerprint = fingerprint.trim();
    let wrong = || {
        let shown = format!("[{fingerprint}/{path}]{xpub}");
        ImportError::Key(shown.chars().take(200).collect())
    };
    let plain = plain_version(xpub.trim());
    if plain != xpub.trim() && !notes.contains(&Note::PlainVersions) {
        notes.push(Note::PlainVersions);
    }
    let fingerprint: Fingerprint = Some(fingerprint)
        .filter(|text| text.len() == 8)
        .and_then(|text| text.parse().ok())
        .ok_or_else(wrong)?;
    let path: DerivationPath = path.replace('H', "h").parse().map_err(|_| wrong())?;
    let xpub = plain.parse().map_err(|_| wrong())?;
    Ok(KeyPosition {
        fingerprint,
        path,
        xpub,
    })
}

/// A wallet of sorted multisig from its parts.
pub(super) fn sorted_multisig(
    format: Format,
    threshold: usize,
    keys: Vec<(KeyPosition, Holder)>,
    notes: Vec<Note>,
) -> Found {
    let list: Vec<String> = keys
        .iter()
        .map(|(key, _)| format!("{key}/<0;1>/*"))
        .collect();
    Found {
        format,
        name: None,
        network: None,
        descriptor: format!("wsh(sortedmulti({threshold},{}))", list.join(",")),
        holders: keys,
        first_address: None,
        notes,
    }
}

/// The kind of device in the words of policies, from another wallet's word; none where it means none.
pub(super) fn device(word: &str, notes: &mut Vec<Note>) -> Option<String> {
    let word = word.trim().to_ascii_lowercase();
    let kind = match &*word {
        "ledger" | "trezor" | "keepkey" | "bitbox02" | "coldcard" | "jade" | "passport"
        | "keystone" | "seedsigner" | "krux" => &*word,
        "specter" => "specter-diy",
        "cobo" => "keystone",
        "" | "unknown" | "text" | "xpub" | "other" => return None,
        _ => {
            let note = Note::UnknownDevice(word.chars().take(40).collect());
            if !notes.contains(&note) {
                notes.push(note);
            }
            return None;
        }
    };
    Some(kind.to_owned())
}
