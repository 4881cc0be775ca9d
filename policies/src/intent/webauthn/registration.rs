//! Reading what a browser returns for a new passkey (WebAuthn §7.1), for the tool that asked for it.
//!
//! No attestation is asked for and none is believed: the person who runs the tool holds the
//! authenticator, and the policy's reviewers compare the record that the tool prints.

use super::{AssertionError, FIXED, RelyingParty, flag};
use crate::cbor::Reader;
use crate::intent::key::{KeyError, PublicKey};

/// The most bytes of an attestation object without attestation.
const MAX_ATTESTATION: usize = 4096;
/// The most bytes of a credential's id (WebAuthn §4).
const MAX_CREDENTIAL_ID: usize = 1023;

/// A new passkey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// Its public key.
    pub key: PublicKey,
    /// The id by which a page asks for it.
    pub credential_id: Vec<u8>,
    /// Whether its maker's service can copy it to other devices.
    pub synced: bool,
}

/// Why no passkey is taken from an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RegistrationError {
    /// The client's or the authenticator's data.
    #[error(transparent)]
    Data(#[from] AssertionError),
    /// The attestation object is not the CBOR that the standard asks for.
    #[error("the attestation object is not the CBOR of the standard")]
    Object,
    /// The attestation object is too large.
    #[error("an attestation object of {found} bytes, at most {MAX_ATTESTATION} are allowed")]
    TooLarge {
        /// Bytes found.
        found: usize,
    },
    /// There is an attestation although none was asked for.
    #[error("an attestation came, although none was asked for")]
    Attested,
    /// The data has no credential.
    #[error("the authenticator's data holds no credential")]
    NoCredential,
    /// The credential's key is not written as COSE demands (RFC 9053).
    #[error("the passkey's key is no COSE key of ES256 or EdDSA")]
    CoseKey,
    /// The credential's key is an RSA key.
    #[error("RS256 keys are refused")]
    Rs256Refused,
    /// The credential's key is no key.
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl RegistrationError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Data(error) => error.code(),
            Self::Object => "ATTESTATION_OBJECT",
            Self::TooLarge { .. } => "ATTESTATION_TOO_LARGE",
            Self::Attested => "ATTESTED",
            Self::NoCredential => "NO_CREDENTIAL",
            Self::CoseKey => "COSE_KEY",
            Self::Rs256Refused => "RS256_REFUSED",
            Self::Key(_) => "BAD_KEY",
        }
    }
}

impl RelyingParty {
    /// Reads a registration that answers this challenge; `synced` of the relying party is not looked at.
    ///
    /// # Errors
    /// What is wrong with it, by name.
    pub fn read_registration(
        &self,
        challenge: &[u8; 32],
        client_data_json: &[u8],
        attestation_object: &[u8],
    ) -> Result<Registered, RegistrationError> {
        self.check_client_data(client_data_json, "webauthn.create", challenge)?;
        let found = attestation_object.len();
        if found > MAX_ATTESTATION {
            return Err(RegistrationError::TooLarge { found });
        }
        let data = authenticator_data(attestation_object)?;
        let flags = self.check_authenticator(data)?;
        if flags & flag::CREDENTIAL == 0 {
            return Err(RegistrationError::NoCredential);
        }
        let rest = data.get(FIXED..).ok_or(RegistrationError::NoCredential)?;
        let (credential_id, rest) = credential_id(rest).ok_or(RegistrationError::NoCredential)?;
        let mut reader = Reader::canonical(rest);
        let key = cose_key(&mut reader)?;
        if flags & flag::EXTENSIONS != 0 {
            reader.skip().ok_or(RegistrationError::Object)?;
        }
        if !reader.rest().is_empty() {
            return Err(RegistrationError::Object);
        }
        Ok(Registered {
            key,
            credential_id: credential_id.to_vec(),
            synced: flags & flag::BACKUP_ELIGIBLE != 0,
        })
    }
}

/// `authData` of an attestation object of the format `none`.
fn authenticator_data(object: &[u8]) -> Result<&[u8], RegistrationError> {
    let mut reader = Reader::canonical(object);
    let (mut data, mut format, mut statement) = (None, None, None);
    let pairs = reader.map().ok_or(RegistrationError::Object)?;
    for _ in 0..pairs {
        let seen = match reader.text().ok_or(RegistrationError::Object)? {
            "fmt" => format
                .replace(reader.text().ok_or(RegistrationError::Object)?)
                .is_some(),
            "authData" => data
                .replace(reader.bytes().ok_or(RegistrationError::Object)?)
                .is_some(),
            "attStmt" => {
                let mut ahead = reader;
                let pairs = ahead.map().ok_or(RegistrationError::Object)?;
                reader.skip().ok_or(RegistrationError::Object)?;
                statement.replace(pairs).is_some()
            }
            _ => true,
        };
        if seen {
            return Err(RegistrationError::Object);
        }
    }
    match (data, format, statement) {
        (Some(data), Some("none"), Some(0)) if reader.rest().is_empty() => Ok(data),
        (Some(_), Some(_), Some(_)) if reader.rest().is_empty() => Err(RegistrationError::Attested),
        _ => Err(RegistrationError::Object),
    }
}

/// AAGUID, length and id of the credential; what follows is its key.
fn credential_id(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let (_aaguid, rest) = data.split_first_chunk::<16>()?;
    let (length, rest) = rest.split_first_chunk::<2>()?;
    let length = usize::from(u16::from_be_bytes(*length));
    if length == 0 || length > MAX_CREDENTIAL_ID {
        return None;
    }
    rest.split_at_checked(length)
}

/// The members of a COSE key that are read (RFC 9052 §7.1, RFC 9053 §7).
#[derive(Debug, Default)]
struct CoseKey<'a> {
    kty: Option<i64>,
    alg: Option<i64>,
    crv: Option<i64>,
    x: Option<&'a [u8]>,
    y: Option<&'a [u8]>,
}

impl<'a> CoseKey<'a> {
    /// Reads the map; an RSA key is refused by name before its members are looked at.
    fn read(reader: &mut Reader<'a>) -> Result<Self, RegistrationError> {
        let mut key = Self::default();
        let pairs = reader.map().ok_or(RegistrationError::CoseKey)?;
        for _ in 0..pairs {
            let label = reader.integer().ok_or(RegistrationError::CoseKey)?;
            let seen = match label {
                1 => key.kty.replace(integer(reader)?).is_some(),
                3 => key.alg.replace(integer(reader)?).is_some(),
                _ if matches!(key.alg, Some(RS256)) => {
                    return Err(RegistrationError::Rs256Refused);
                }
                -1 => key.crv.replace(integer(reader)?).is_some(),
                -2 => key.x.replace(bytes(reader)?).is_some(),
                -3 => key.y.replace(bytes(reader)?).is_some(),
                _ => true,
            };
            if seen {
                return Err(RegistrationError::CoseKey);
            }
        }
        Ok(key)
    }
}

/// The algorithm RSASSA-PKCS1-v1_5 with SHA-256.
const RS256: i64 = -257;

fn integer(reader: &mut Reader<'_>) -> Result<i64, RegistrationError> {
    reader.integer().ok_or(RegistrationError::CoseKey)
}

fn bytes<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], RegistrationError> {
    reader.bytes().ok_or(RegistrationError::CoseKey)
}

/// A COSE key: EC2 (2) over P-256 (1) for ES256 (−7), OKP (1) over Ed25519 (6) for EdDSA (−8), each
/// with exactly its members.
fn cose_key(reader: &mut Reader<'_>) -> Result<PublicKey, RegistrationError> {
    let key = CoseKey::read(reader)?;
    match (key.kty, key.alg, key.crv, key.x, key.y) {
        (Some(2), Some(-7), Some(1), Some(x), Some(y)) if x.len() == 32 && y.len() == 32 => {
            let point = [&[0x04], x, y].concat();
            let point = p256::ecdsa::VerifyingKey::from_sec1_bytes(&point)
                .map_err(|_| KeyError::NotAPoint)?;
            let compressed = point.to_sec1_point(true);
            let compressed = compressed
                .as_bytes()
                .try_into()
                .map_err(|_| KeyError::NotAPoint)?;
            Ok(PublicKey::from_webauthn_es256(compressed)?)
        }
        (Some(1), Some(-8), Some(6), Some(x), None) => {
            let x = x.try_into().map_err(|_| RegistrationError::CoseKey)?;
            Ok(PublicKey::from_webauthn_eddsa(x)?)
        }
        _ => Err(RegistrationError::CoseKey),
    }
}
