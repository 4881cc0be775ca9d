//! Key records (BIP 129, round 1): a signer's account key, signed with that key, so that whoever carries the
//! record cannot exchange the key in it.
//!
//! Invariant: a [`KeyRecord`] that was read either carries no signature, or one that its own key made.

use bitcoin::base64::prelude::{BASE64_STANDARD, Engine};
use bitcoin::hashes::Hash;
use bitcoin::secp256k1::{Message, Secp256k1, ecdsa};
use bitcoin::sign_message::signed_msg_hash;

use super::VERSION;
use crate::document::{SignerKey, SignerKeyError};
use crate::exchange::plain_version;

/// Letters of the longest description.
pub const MAX_DESCRIPTION: usize = 80;
/// Bytes of the longest record that is read.
const MAX_RECORD: usize = 4 * 1024;
/// No encryption: the token of a session that nobody shares a secret for.
const NO_TOKEN: &str = "00";

/// A signer's key record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRecord {
    /// The session's token in hex; `00` without encryption.
    pub token: String,
    /// The account key with its origin.
    pub key: SignerKey,
    /// What its holder calls it, at most 80 letters.
    pub description: String,
    /// Whether its own key signed it.
    pub is_signed: bool,
}

/// Why a text is no key record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyRecordError {
    /// Not the four or five lines of a record.
    #[error("a key record has four lines and a signature, the first of them {VERSION}")]
    Shape,
    /// The second line is no token.
    #[error("the token {0:?} is not 00, or 8 or 16 bytes in hex")]
    Token(String),
    /// The third line is no extended key with origin.
    #[error("the third line is no account key: {0}")]
    Key(#[from] SignerKeyError),
    /// The fourth line is too long.
    #[error("the description has {0} letters, more than {MAX_DESCRIPTION}")]
    Description(usize),
    /// The signature is not in the form that is read here.
    #[error("the signature is not one of a signed message (65 bytes in base 64)")]
    Signature,
    /// The signature is another key's, or of another record.
    #[error("the signature is not of this record by its own key: somebody altered it")]
    NotSigned,
}

impl KeyRecordError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Shape | Self::Token(_) | Self::Key(_) | Self::Description(_) => "BAD_KEY_RECORD",
            Self::Signature => "KEY_RECORD_SIGNATURE",
            Self::NotSigned => "KEY_RECORD_ALTERED",
        }
    }

    /// What to do about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Shape | Self::Token(_) | Self::Key(_) | Self::Description(_) => {
                "export the record from the device again, unencrypted, and carry the whole file"
            }
            Self::Signature => {
                "export it with a legacy signature, or compare the key by voice with its holder"
            }
            Self::NotSigned => {
                "get the record from its holder on another way, and compare fingerprint and key by voice"
            }
        }
    }
}

impl KeyRecord {
    /// Reads a record and checks its signature, where it has one.
    ///
    /// # Errors
    /// Where a line is not as it must be, or the signature is not of this record by its key.
    pub fn read(text: &str) -> Result<Self, KeyRecordError> {
        if text.len() > MAX_RECORD {
            return Err(KeyRecordError::Shape);
        }
        let lines: Vec<&str> = text.trim_end().lines().map(str::trim_end).collect();
        let (token, key_line, description, signature) = match *lines {
            [VERSION, token, key, description] => (token, key, description, None),
            [VERSION, token, key, description, signature] => {
                (token, key, description, Some(signature))
            }
            _ => return Err(KeyRecordError::Shape),
        };
        let key = account_key(key_line)?;
        let described = Self::unsigned(token, key, description)?;
        let Some(signature) = signature else {
            return Ok(described);
        };
        let message = [VERSION, token, key_line, description].join("\n");
        verify(&message, signature, &described.key)?;
        Ok(Self {
            is_signed: true,
            ..described
        })
    }

    /// A record without signature and encryption.
    ///
    /// # Errors
    /// A description of more than 80 letters, or of more than one line.
    pub fn new(key: SignerKey, description: &str) -> Result<Self, KeyRecordError> {
        Self::unsigned(NO_TOKEN, key, description)
    }

    fn unsigned(token: &str, key: SignerKey, description: &str) -> Result<Self, KeyRecordError> {
        let is_hex = token.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_hex || !matches!(token.len(), 2 | 16 | 32) {
            return Err(KeyRecordError::Token(token.chars().take(40).collect()));
        }
        let letters = description.chars().count();
        if letters > MAX_DESCRIPTION {
            return Err(KeyRecordError::Description(letters));
        }
        if description.chars().any(char::is_control) {
            return Err(KeyRecordError::Shape);
        }
        Ok(Self {
            token: token.to_owned(),
            key,
            description: description.to_owned(),
            is_signed: false,
        })
    }

    /// The four lines that a signature is of.
    pub fn message(&self) -> String {
        let key = self.key.position().to_string().replace('h', "'");
        // Only the origin has steps; base 58 keys can have the letter too.
        let (origin, _) = key.split_once(']').unwrap_or((&key, ""));
        let xpub = self.key.xpub;
        let Self {
            token, description, ..
        } = self;
        format!("{VERSION}\n{token}\n{origin}]{xpub}\n{description}")
    }

    /// The record with the signature that the account's own private key makes (the legacy form of BIP 322).
    ///
    /// # Errors
    /// [`KeyRecordError::NotSigned`] where the private key is another account's.
    #[cfg(feature = "signing")]
    pub fn signed(&self, secret: &bitcoin::secp256k1::SecretKey) -> Result<String, KeyRecordError> {
        let secp = Secp256k1::new();
        if secret.public_key(&secp) != self.key.xpub.public_key {
            return Err(KeyRecordError::NotSigned);
        }
        let message = self.message();
        let digest = digest(&message);
        let signature = secp.sign_ecdsa(&digest, secret).serialize_compact();
        let point = recovery::of(&digest, &signature, &self.key.xpub.public_key);
        // 27, 4 for a compressed key, and which of the points with this x it was.
        let mut bytes = vec![31 + point];
        bytes.extend(signature);
        Ok(format!("{message}\n{}", BASE64_STANDARD.encode(bytes)))
    }
}

/// The key of the third line, whatever marks and letters a device writes it with.
fn account_key(line: &str) -> Result<SignerKey, SignerKeyError> {
    let (origin, key) = line
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
        .ok_or(SignerKeyError::Shape)?;
    let key = plain_version(key);
    let read: SignerKey = format!("[{}]{key}", origin.to_ascii_lowercase()).parse()?;
    read.position().to_string().parse()
}

fn digest(message: &str) -> Message {
    Message::from_digest(signed_msg_hash(message).to_byte_array())
}

fn verify(message: &str, signature: &str, key: &SignerKey) -> Result<(), KeyRecordError> {
    let bytes = BASE64_STANDARD.decode(signature);
    let bytes = bytes.map_err(|_| KeyRecordError::Signature)?;
    let [27..=34, compact @ ..] = &bytes[..] else {
        return Err(KeyRecordError::Signature);
    };
    let mut signature =
        ecdsa::Signature::from_compact(compact).map_err(|_| KeyRecordError::Signature)?;
    // Message signatures of either form are valid; the library verifies the low one.
    signature.normalize_s();
    Secp256k1::verification_only()
        .verify_ecdsa(&digest(message), &signature, &key.xpub.public_key)
        .map_err(|_| KeyRecordError::NotSigned)
}

/// Which point a signature was made with, found without the library's recovery module.
#[cfg(feature = "signing")]
mod recovery {
    use bitcoin::secp256k1::{
        All, Message, Parity, PublicKey, Scalar, Secp256k1, SecretKey, XOnlyPublicKey,
    };

    /// 0 where the point's y is even, 1 where it is odd: of both points with this x it is the one for which
    /// s·R = z·G + r·P. An x beyond the group's order happens in one of 2^127 signatures.
    pub(super) fn of(digest: &Message, signature: &[u8; 64], key: &PublicKey) -> u8 {
        let secp = Secp256k1::new();
        let is_odd = |secp: &Secp256k1<All>| {
            let (x, s) = signature.split_at(32);
            let scalar = |bytes: &[u8]| {
                let bytes = <[u8; 32]>::try_from(bytes).ok()?;
                Scalar::from_be_bytes(bytes).ok()
            };
            let base = SecretKey::from_slice(&digest[..]).ok()?.public_key(secp);
            let right = base.combine(&key.mul_tweak(secp, &scalar(x)?).ok()?).ok()?;
            let x = XOnlyPublicKey::from_slice(x).ok()?;
            let odd = PublicKey::from_x_only_public_key(x, Parity::Odd);
            Some(odd.mul_tweak(secp, &scalar(s)?).ok()? == right)
        };
        u8::from(is_odd(&secp).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first signer's record of the BIP's vector without encryption.
    const RECORD: &str = "BSMS 1.0\n00\n[1cf0bf7e/48'/0'/0'/2']xpub6FL8FhxNNUVnG64YurPd16AfGyvFLhh7S2uSsDqR3Qfcm6o9jtcMYwh6DvmcBF9qozxNQmTCVvWtxLpKTnhVLN3Pgnu2D3pAoXYFgVyd8Yz\nSigner 1 key\nIB7v+qi1b+Xrwm/3bF+Rjl8QbIJ/FMQ40kUsOOQo1SqUWn5QlFWbBD8BKPRetfo1L1N7DmYjVscZNsmMrqRJGWw=";
    const SECOND: &str = "BSMS 1.0\n00\n[4fc1dd4a/48'/0'/0'/2']xpub6EebMbEps7ZcV3FYEnddRsvrFWDrt2tiPmCeM7pPXQEmphvq9ZfJ1LWFUDjf3vxCeBuPrfyGrMazWUsYsetrnHatQZVLJH7LsgCjtMqdzgj\nSigner 2 key\nHzUa4Z76PFHMl54flIIF3XKiHZ+KbWjjxCEG5G3ZqZSqTd6OgTiFFLqq9PXJXdfYm6/cnL8IVWQgjFF9DQhIqQs=";

    #[test]
    fn the_bips_records_are_read_and_their_signatures_hold() {
        for (text, fingerprint, description) in [
            (RECORD, "1cf0bf7e", "Signer 1 key"),
            (SECOND, "4fc1dd4a", "Signer 2 key"),
        ] {
            let record = KeyRecord::read(&format!("{text}\r\n")).expect("a record");
            assert!(record.is_signed);
            assert_eq!(record.key.fingerprint.to_string(), fingerprint);
            assert_eq!(record.description, description);
            assert_eq!(record.token, "00");
            assert!(text.starts_with(&record.message()));
        }
    }

    #[test]
    fn a_record_that_somebody_altered_is_refused() {
        let other_key = SECOND.lines().nth(2).expect("a key");
        let own_key = RECORD.lines().nth(2).expect("a key");
        for altered in [
            RECORD.replace(own_key, other_key),
            RECORD.replace("Signer 1", "Signer 2"),
            RECORD.replace("\n00\n", "\na54044308ceac9b7\n"),
        ] {
            assert_eq!(KeyRecord::read(&altered), Err(KeyRecordError::NotSigned));
        }
    }

    #[test]
    fn a_record_of_another_shape_is_refused_by_name() {
        let lines: Vec<&str> = RECORD.lines().collect();
        let with = |line: usize, text: &str| {
            let mut lines = lines.clone();
            lines[line] = text;
            KeyRecord::read(&lines.join("\n"))
        };
        assert_eq!(KeyRecord::read(""), Err(KeyRecordError::Shape));
        assert_eq!(with(0, "BSMS 2.0"), Err(KeyRecordError::Shape));
        assert!(matches!(with(1, "0x00"), Err(KeyRecordError::Token(_))));
        assert!(matches!(with(2, "xpub"), Err(KeyRecordError::Key(_))));
        let long = "a".repeat(81);
        assert_eq!(with(3, &long), Err(KeyRecordError::Description(81)));
        assert_eq!(with(4, "AAAA"), Err(KeyRecordError::Signature));
        assert_eq!(with(4, "?"), Err(KeyRecordError::Signature));
        let huge = format!("{RECORD}{}", "\n".repeat(MAX_RECORD));
        assert_eq!(KeyRecord::read(&huge), Err(KeyRecordError::Shape));
        let unsigned = KeyRecord::read(&lines[..4].join("\n")).expect("a record");
        assert!(!unsigned.is_signed);
    }

    #[cfg(feature = "signing")]
    #[test]
    fn a_record_that_we_sign_is_read_again_and_names_the_point_that_recovers_the_key() {
        use crate::descriptor::samples;
        use bitcoin::Network;
        let secp = samples::secp();
        let mut headers = std::collections::BTreeSet::new();
        for name in ["alice", "bob", "carol", "dave", "erin", "frank", "grace"] {
            let named = samples::named(name, Network::Regtest);
            let master = samples::xpriv(name, Network::Regtest);
            let account = master.derive_priv(&secp, &named.key.path).expect("derives");
            let key: SignerKey = named.key.to_string().parse().expect("a key");
            let record = KeyRecord::new(key, "a key").expect("a record");
            let text = record.signed(&account.private_key).expect("signs");
            let read = KeyRecord::read(&text).expect("reads");
            assert!(read.is_signed && read.key == record.key);
            let signature = text.lines().nth(4).expect("a signature");
            headers.insert(BASE64_STANDARD.decode(signature).expect("base 64")[0]);
            assert_eq!(
                record.signed(&master.private_key),
                Err(KeyRecordError::NotSigned)
            );
        }
        assert!(headers.iter().all(|header| matches!(header, 31 | 32)));
        assert_eq!(headers.len(), 2, "both points were met");
    }
}
