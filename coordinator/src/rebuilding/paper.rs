//! What a file is, before anything in it is believed.

use bitcoin::hex::FromHex;
use policies::document::Policy;
use policies::hash::Purpose;
use policies::intent::{MerkleProof, StatementError};
use policies::journal::{Export, ExportError};
use policies::psbt::{PsbtRefusal, StrictPsbt, read_intake, read_strict};
use policies::succession::{SUCCESSION_FORMAT, SuccessionFile, SuccessionFileError};
use policies::{
    Approval, Intent, IntentHash, KeyId, Keyset, MerkleRoot, RequestSignature, Signature,
    Statement, UnixTime, VaultId,
};
use serde::Deserialize;
use serde_json::{Map, Value};

/// How a withdrawal ended without a payment. Nobody signs this: it is believed because it can only keep a
/// payment from being made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Closed {
    /// Its time ran out, or its keys changed.
    Expired,
    /// Its requester withdrew it.
    Cancelled,
    /// An approver refused it.
    Rejected {
        /// The key that signed the refusal.
        key: KeyId,
    },
}

/// One thing that a file holds.
#[derive(Debug)]
pub enum Paper {
    /// An intent with its requester's signature, as `countersign-signer request` and the client write it.
    Request {
        /// The intent's exact bytes.
        bytes: Vec<u8>,
        /// The intent.
        intent: Box<Intent>,
        /// The signature.
        request: RequestSignature,
        /// How it ended without a payment, where the paper says so.
        closed: Option<Closed>,
    },
    /// What `countersign-signer approve` or `reject` wrote.
    Verdict {
        /// The signature over a root.
        approval: Approval,
        /// The intents under it.
        proofs: Vec<(IntentHash, MerkleProof)>,
    },
    /// A statement about an open list with its signatures, as it goes from person to person.
    SaidOfList {
        /// The statement that it is about, if not its own.
        about: Option<Statement>,
        /// The statement.
        statement: Statement,
        /// The signatures under it.
        approvals: Vec<Approval>,
    },
    /// A next version of a policy, with the signatures under it.
    Version {
        /// The file.
        file: SuccessionFile,
        /// Its document, read alone.
        policy: Box<Policy>,
    },
    /// A journal, exported.
    Journal(Box<Export>),
    /// An attempt's PSBT, as it was issued.
    Transfer {
        /// Its bytes.
        bytes: Vec<u8>,
        /// The same, read.
        psbt: Box<StrictPsbt>,
    },
    /// What a signer returned for an attempt: it is handed in once the coordinator runs.
    Reply,
    /// A deposit address, as the coordinator gave it.
    Address {
        /// The vault.
        vault: VaultId,
        /// The keyset.
        keyset: Keyset,
        /// The index on the external keychain.
        index: u32,
        /// The address.
        address: String,
        /// The service's own reference.
        reference: String,
        /// The service's own facts.
        metadata: String,
        /// When it was issued.
        issued_at: UnixTime,
    },
}

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PaperError {
    /// It is nothing that is known here.
    #[error(
        "it is no signed request, verdict, statement, transfer, address, version or exported journal"
    )]
    Unknown,
    /// It is no JSON although it begins as such.
    #[error("the JSON cannot be read: {0}")]
    Json(serde_json::Error),
    /// The intent in it is none.
    #[error("{0}")]
    Intent(policies::intent::IntentError),
    /// A part of it cannot be read.
    #[error("{field} is not {expected}")]
    Field {
        /// The field.
        field: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// A statement in it is none.
    #[error("{0}")]
    Statement(StatementError),
    /// It is no succession file, although it says so.
    #[error("{0}")]
    Version(SuccessionFileError),
    /// The policy in it has mistakes.
    #[error("the policy in it is none: {0}")]
    Document(policies::document::Mistake),
    /// The journal in it does not prove itself, or is not signed.
    #[error("{0}")]
    Journal(ExportError),
    /// The PSBT in it is not one that was issued.
    #[error("{0}")]
    Psbt(PsbtRefusal),
}

impl PaperError {
    /// What to do about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Journal(ExportError::NotSigned) => {
                "write it with `countersign-signer journal export`, in the signer's home"
            }
            Self::Version(error) => error.hint(),
            Self::Journal(_) => "export it again, and find out who altered the file",
            Self::Unknown
            | Self::Json(_)
            | Self::Intent(_)
            | Self::Field { .. }
            | Self::Statement(_)
            | Self::Document(_)
            | Self::Psbt(_) => {
                "bring it as it was written, or move the file out of the folder if it does not belong"
            }
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Signed {
    purpose: String,
    expires: UnixTime,
    key: KeyId,
    signature: String,
}

/// What a file holds: one paper, or a JSON array of them.
///
/// # Errors
/// Why it cannot be used; then nothing of it is.
pub fn read(bytes: &[u8]) -> Result<Vec<Paper>, PaperError> {
    if bytes.starts_with(b"psbt\xff") || bytes.starts_with(b"cHNidP") {
        return Ok(vec![transfer(bytes)?]);
    }
    if bytes.starts_with(b"{\"counter\":") {
        let export = Export::read(bytes).map_err(PaperError::Journal)?;
        return Ok(vec![Paper::Journal(Box::new(export))]);
    }
    let begins = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    if !matches!(begins, Some(b'{' | b'[')) {
        return Err(PaperError::Unknown);
    }
    let value: Value = serde_json::from_slice(bytes).map_err(PaperError::Json)?;
    if value.get("format").and_then(Value::as_str) == Some(SUCCESSION_FORMAT) {
        return Ok(vec![version(bytes)?]);
    }
    let Value::Array(items) = value else {
        return Ok(vec![one(value)?]);
    };
    if items.is_empty() {
        return Err(PaperError::Unknown);
    }
    items.into_iter().map(one).collect()
}

fn transfer(bytes: &[u8]) -> Result<Paper, PaperError> {
    match read_strict(bytes) {
        Ok(psbt) => Ok(Paper::Transfer {
            bytes: bytes.to_vec(),
            psbt: Box::new(psbt),
        }),
        // What comes back from signers carries no manifest, so that it is no transfer.
        Err(refusal) => match read_intake(bytes) {
            Ok(intake) if !intake.signatures.is_empty() => Ok(Paper::Reply),
            Ok(_) | Err(_) => Err(PaperError::Psbt(refusal)),
        },
    }
}

fn version(bytes: &[u8]) -> Result<Paper, PaperError> {
    let file = SuccessionFile::read(bytes).map_err(PaperError::Version)?;
    let policy = file.policy().map_err(|mistakes| {
        let first = mistakes.into_iter().next();
        first.map_or(PaperError::Unknown, PaperError::Document)
    })?;
    let policy = Box::new(policy);
    Ok(Paper::Version { file, policy })
}

fn one(value: Value) -> Result<Paper, PaperError> {
    // As the coordinator hands versions to signers: an array of files.
    if let Value::String(text) = &value {
        return version(text.as_bytes());
    }
    let Value::Object(object) = value else {
        return Err(PaperError::Unknown);
    };
    let has = |key: &str| object.contains_key(key);
    if has("intent") && has("request_key") {
        let closed = closed(&object)?;
        return request(&object, "request_key", "request_signature", closed);
    }
    if has("intent") && has("signature") {
        return request(&object, "key", "signature", None);
    }
    if has("root") && has("intents") {
        return verdict(&object);
    }
    if has("statement") && has("approvals") {
        return said_of_list(&object);
    }
    if has("index") && has("address") && has("keychain") {
        return address(&object);
    }
    Err(PaperError::Unknown)
}

/// What the API showed as its state, where that is one that ends it without a payment.
fn closed(object: &Map<String, Value>) -> Result<Option<Closed>, PaperError> {
    match object.get("state").and_then(Value::as_str) {
        Some("expired") => Ok(Some(Closed::Expired)),
        Some("cancelled") => Ok(Some(Closed::Cancelled)),
        Some("rejected") => {
            let approvals = object.get("approvals").and_then(Value::as_array);
            let mut refusals = (approvals.into_iter().flatten())
                .filter(|one| one.get("purpose").and_then(Value::as_str) == Some("reject"))
                .filter_map(|one| one.get("key")?.as_str()?.parse().ok());
            let key = refusals.next().ok_or(PaperError::Field {
                field: "approvals",
                expected: "a list with the refusal, as the state says rejected",
            })?;
            Ok(Some(Closed::Rejected { key }))
        }
        Some(_) | None => Ok(None),
    }
}

fn request(
    object: &Map<String, Value>,
    key: &str,
    signature: &str,
    closed: Option<Closed>,
) -> Result<Paper, PaperError> {
    let bytes = text(object, "intent", "intent")?.as_bytes().to_vec();
    let intent = Intent::decode(&bytes).map_err(PaperError::Intent)?;
    let request = RequestSignature {
        key: parsed(object, key, "key", "the id of a key")?,
        signature: read_signature(text(object, signature, "signature")?)?,
    };
    Ok(Paper::Request {
        bytes,
        intent: Box::new(intent),
        request,
        closed,
    })
}

fn verdict(object: &Map<String, Value>) -> Result<Paper, PaperError> {
    let purpose = match text(object, "purpose", "purpose")? {
        "approve" => Purpose::Approve,
        "reject" => Purpose::Reject,
        _ => {
            return Err(PaperError::Field {
                field: "purpose",
                expected: "approve or reject",
            });
        }
    };
    let root: MerkleRoot = parsed(object, "root", "root", "a Merkle root")?;
    let approval = Approval {
        purpose,
        subject: root.into(),
        expires: moment(object, "expires")?,
        key: parsed(object, "key", "key", "the id of a key")?,
        signature: read_signature(text(object, "signature", "signature")?)?,
    };
    let wrong = PaperError::Field {
        field: "intents",
        expected: "a list of intents with their proofs",
    };
    let Some(Value::Array(intents)) = object.get("intents") else {
        return Err(wrong);
    };
    let proven = |value: &Value| {
        let hash = value.get("intent")?.as_str()?.parse().ok()?;
        let proof = Vec::<u8>::from_hex(value.get("proof")?.as_str()?).ok()?;
        Some((hash, MerkleProof::decode(&proof).ok()?))
    };
    let proofs: Option<Vec<_>> = intents.iter().map(proven).collect();
    let proofs = proofs.filter(|proofs| !proofs.is_empty()).ok_or(wrong)?;
    Ok(Paper::Verdict { approval, proofs })
}

fn said_of_list(object: &Map<String, Value>) -> Result<Paper, PaperError> {
    let statement = Statement::decode(text(object, "statement", "statement")?.as_bytes())
        .map_err(PaperError::Statement)?;
    let about = match object.get("about").and_then(Value::as_str) {
        None | Some("") => None,
        Some(text) => Some(Statement::decode(text.as_bytes()).map_err(PaperError::Statement)?),
    };
    let signed = object.get("approvals").cloned().unwrap_or_default();
    let signed: Vec<Signed> = serde_json::from_value(signed).map_err(PaperError::Json)?;
    let approvals = signed.into_iter().map(|one| {
        if one.purpose != statement.purpose().to_string() {
            return Err(PaperError::Field {
                field: "purpose",
                expected: "that of the statement",
            });
        }
        Ok(Approval {
            purpose: statement.purpose(),
            subject: statement.subject(),
            expires: one.expires,
            key: one.key,
            signature: read_signature(&one.signature)?,
        })
    });
    Ok(Paper::SaidOfList {
        approvals: approvals.collect::<Result<_, _>>()?,
        about,
        statement,
    })
}

fn address(object: &Map<String, Value>) -> Result<Paper, PaperError> {
    if text(object, "keychain", "keychain")? != "external" {
        return Err(PaperError::Field {
            field: "keychain",
            expected: "external",
        });
    }
    let index = object.get("index").and_then(Value::as_u64);
    let metadata = object.get("metadata").and_then(Value::as_object);
    Ok(Paper::Address {
        vault: parsed(object, "vault", "vault", "a vault's id")?,
        keyset: parsed(object, "keyset", "keyset", "a keyset")?,
        index: index
            .and_then(|index| u32::try_from(index).ok())
            .filter(|index| *index <= MAX_INDEX)
            .ok_or(PaperError::Field {
                field: "index",
                expected: "an index of a keychain",
            })?,
        address: text(object, "address", "address")?.to_owned(),
        reference: text(object, "reference", "reference")?.to_owned(),
        metadata: Value::Object(metadata.cloned().unwrap_or_default()).to_string(),
        issued_at: moment(object, "issued_at")?,
    })
}

/// The highest index of an unhardened BIP 32 derivation.
const MAX_INDEX: u32 = 0x7fff_ffff;

fn text<'a>(
    object: &'a Map<String, Value>,
    key: &str,
    field: &'static str,
) -> Result<&'a str, PaperError> {
    let expected = "a text";
    let value = object.get(key).and_then(Value::as_str);
    value.ok_or(PaperError::Field { field, expected })
}

fn parsed<T: std::str::FromStr>(
    object: &Map<String, Value>,
    key: &str,
    field: &'static str,
    expected: &'static str,
) -> Result<T, PaperError> {
    let text = text(object, key, field)?;
    text.parse()
        .map_err(|_| PaperError::Field { field, expected })
}

fn moment(object: &Map<String, Value>, field: &'static str) -> Result<UnixTime, PaperError> {
    let seconds = object.get(field).and_then(Value::as_u64);
    seconds.map(UnixTime::from_secs).ok_or(PaperError::Field {
        field,
        expected: "unix seconds",
    })
}

fn read_signature(text: &str) -> Result<Signature, PaperError> {
    let wrong = PaperError::Field {
        field: "signature",
        expected: "a signature record in hex",
    };
    let bytes = Vec::<u8>::from_hex(text).ok();
    bytes
        .and_then(|bytes| Signature::decode(&bytes).ok())
        .ok_or(wrong)
}
