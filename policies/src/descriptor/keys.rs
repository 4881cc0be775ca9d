//! The keys of a descriptor's text: which shapes a vault can have.
//!
//! Invariant: every key that passes is an extended public key of the vault's network with a hardened
//! origin and two unhardened branches (BIP 380, BIP 389), each public key under one origin only.

use std::fmt;

use bitcoin::bip32::{ChildNumber, DerivationPath, Fingerprint, Xpub};
use bitcoin::{Network, NetworkKind, PrivateKey, base58};
use miniscript::descriptor::checksum::Engine;
use miniscript::descriptor::{DescriptorPublicKey, Wildcard};
use miniscript::{Descriptor, ForEachKey};

use super::{DescriptorError, is_nums};

/// How an extended key ends whose descriptor serves deposits and change (BIP 389).
const BRANCHES: &str = "/<0;1>/*";

/// Version bytes of BIP 32 public keys.
const XPUB: [u8; 4] = [0x04, 0x88, 0xb2, 0x1e];
const TPUB: [u8; 4] = [0x04, 0x35, 0x87, 0xcf];

/// One distinct extended key of the descriptor, without the NUMS key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPosition {
    /// Fingerprint of the master key.
    pub fingerprint: Fingerprint,
    /// Path from the master key to `xpub`.
    pub path: DerivationPath,
    /// The extended key.
    pub xpub: Xpub,
}

impl fmt::Display for KeyPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}", self.fingerprint)?;
        for step in &self.path {
            write!(f, "/{step:#}")?;
        }
        write!(f, "]{}", self.xpub)
    }
}

/// Checks what is seen without parsing: the checksum, and keys that no descriptor of a vault holds.
pub(super) fn examine_text(text: &str) -> Result<(), DescriptorError> {
    let (body, checksum) = match text.split_once('#') {
        Some((body, checksum)) => (body, Some(checksum)),
        None => (text, None),
    };
    let mut before = "";
    for token in body.split(|letter: char| !letter.is_ascii_alphanumeric()) {
        // Hashes are as long as keys of taproot.
        if !matches!(before, "sha256" | "hash256") {
            examine_token(token)?;
        }
        before = token;
    }
    let expected = checksum_of(body);
    match checksum {
        None => Err(DescriptorError::NoChecksum { checksum: expected }),
        Some(found) if expected.as_deref() != Some(found) => Err(DescriptorError::WrongChecksum),
        Some(_) if body.contains("/**") => Err(DescriptorError::NotRanged {
            key: "/**".to_owned(),
            checksum: checksum_with_branches(text),
        }),
        Some(_) => Ok(()),
    }
}

fn examine_token(token: &str) -> Result<(), DescriptorError> {
    let Some(prefix) = token.get(..4) else {
        return Ok(());
    };
    if matches!(
        prefix,
        "xprv" | "tprv" | "yprv" | "zprv" | "Yprv" | "Zprv" | "uprv" | "vprv" | "Uprv" | "Vprv"
    ) || (matches!(token.len(), 51 | 52) && PrivateKey::from_wif(token).is_ok())
    {
        return Err(DescriptorError::PrivateKey);
    }
    if token.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return match token.len() {
            130 => Err(DescriptorError::UncompressedKey),
            64 | 66 => Err(DescriptorError::SingleKey {
                key: token.to_owned(),
            }),
            _ => Ok(()),
        };
    }
    let version = match prefix {
        "ypub" | "zpub" | "Ypub" | "Zpub" => XPUB,
        "upub" | "vpub" | "Upub" | "Vpub" => TPUB,
        _ => return Ok(()),
    };
    let Ok(mut bytes) = base58::decode_check(token) else {
        return Ok(());
    };
    if bytes.len() != 78 {
        return Ok(());
    }
    bytes[..4].copy_from_slice(&version);
    Err(DescriptorError::Slip132 {
        key: token.to_owned(),
        instead: base58::encode_check(&bytes),
    })
}

/// The checksum of BIP 380; none where a letter is not of its alphabet.
pub(crate) fn checksum_of(body: &str) -> Option<String> {
    let mut engine = Engine::new();
    engine.input(body).ok()?;
    Some(engine.checksum())
}

/// The checksum of the same descriptor with both keychains in every key, if it then is one. Wallets
/// export `/0/*` for deposits and `/1/*` for change, or `/**` for both (BIP 129).
pub(super) fn checksum_with_branches(text: &str) -> Option<String> {
    let body = text.split_once('#').map_or(text, |(body, _)| body);
    let body = ["/**", "/0/*", "/1/*"]
        .into_iter()
        .fold(body.to_owned(), |body, single| {
            body.replace(single, BRANCHES)
        });
    let descriptor: Descriptor<DescriptorPublicKey> = body.parse().ok()?;
    let two_branched = descriptor.for_each_key(|key| match key {
        DescriptorPublicKey::MultiXPub(xkey) => xkey.derivation_paths.paths().len() == 2,
        DescriptorPublicKey::Single(_) | DescriptorPublicKey::XPub(_) => false,
    });
    two_branched.then(|| checksum_of(&body)).flatten()
}

/// Checks every key's shape and network; gives the distinct ones but the NUMS key, in order.
pub(super) fn key_positions(
    text: &str,
    descriptor: &Descriptor<DescriptorPublicKey>,
    network: Network,
) -> Result<Vec<KeyPosition>, DescriptorError> {
    let mut positions: Vec<KeyPosition> = Vec::new();
    let mut refusal = None;
    descriptor.for_each_key(|key| {
        let checked = key_position(text, key, network).and_then(|position| {
            let Some(position) = position else {
                return Ok(());
            };
            match positions
                .iter()
                .find(|earlier| earlier.xpub.public_key == position.xpub.public_key)
            {
                None => positions.push(position),
                Some(earlier) if *earlier == position => {}
                Some(earlier) => {
                    return Err(DescriptorError::SameKey {
                        first: earlier.to_string(),
                        second: position.to_string(),
                    });
                }
            }
            Ok(())
        });
        refusal = checked.err();
        refusal.is_none()
    });
    refusal.map_or(Ok(positions), Err)
}

fn key_position(
    text: &str,
    key: &DescriptorPublicKey,
    network: Network,
) -> Result<Option<KeyPosition>, DescriptorError> {
    let not_ranged = || DescriptorError::NotRanged {
        key: key.to_string(),
        checksum: checksum_with_branches(text),
    };
    if key.has_hardened_step() {
        return Err(DescriptorError::HardenedStep {
            key: key.to_string(),
        });
    }
    let xkey = match key {
        DescriptorPublicKey::MultiXPub(xkey) => xkey,
        DescriptorPublicKey::Single(_) => {
            return Err(DescriptorError::SingleKey {
                key: key.to_string(),
            });
        }
        DescriptorPublicKey::XPub(_) => return Err(not_ranged()),
    };
    if xkey.wildcard == Wildcard::Hardened {
        return Err(DescriptorError::HardenedStep {
            key: key.to_string(),
        });
    }
    // Equal branches become one when miniscript parses them.
    if xkey.derivation_paths.paths().len() != 2 || xkey.wildcard != Wildcard::Unhardened {
        return Err(not_ranged());
    }
    if xkey.xkey.network != NetworkKind::from(network) {
        return Err(DescriptorError::WrongNetwork {
            xpub: Box::new(xkey.xkey),
            network,
        });
    }
    if is_nums(&xkey.xkey) {
        return Ok(None);
    }
    let Some((fingerprint, path)) = xkey.origin.clone() else {
        return Err(DescriptorError::NoOrigin {
            key: key.to_string(),
        });
    };
    let position = KeyPosition {
        fingerprint,
        path,
        xpub: xkey.xkey,
    };
    if position.path.is_empty() || position.path.into_iter().any(ChildNumber::is_normal) {
        return Err(DescriptorError::UnhardenedAccount {
            key: position.to_string(),
        });
    }
    Ok(Some(position))
}
