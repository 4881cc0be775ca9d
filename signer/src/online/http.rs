//! The calls to a coordinator: blocking HTTP with a bearer token, bounded in time and size.

use super::cosigner::Attempts;
use crate::failure::{Class, Explained, one_line};
use crate::listing::StatementSignature;
use bitcoin::Txid;
use bitcoin::hex::FromHex;
use policies::VaultId;
use policies::psbt::MAX_BYTES;
use policies::rules::Said;
use policies::succession::SuccessionFile;
use serde::Deserialize;
use std::str::FromStr;
use std::time::Duration;
use ureq::{Agent, Body, http::Response};

/// How long one call may take.
const TIMEOUT: Duration = Duration::from_mins(1);
/// How long the first call of a bridge may take: its person waits at the terminal.
const FIRST_TIMEOUT: Duration = Duration::from_secs(10);
/// The largest list or problem that is read.
pub(crate) const MAX_ANSWER: u64 = 16 << 20;
/// The most attempts asked for at once.
const LIMIT: u32 = 500;
/// The most letters of a coordinator's code, and of its words, that anybody is shown.
const MOST_CODE: usize = 60;
const MOST_WORDS: usize = 300;

/// The address of a coordinator: `http://` or `https://`, without a path of the interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url(String);

/// A text is no address of a coordinator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a URL like https://coordinator.example")]
pub struct UrlError;

impl FromStr for Url {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let host = text
            .strip_prefix("http://")
            .or_else(|| text.strip_prefix("https://"))
            .ok_or(UrlError)?;
        if host.is_empty() || host.contains(|c: char| c.is_whitespace() || c == '@' || c == '?') {
            return Err(UrlError);
        }
        Ok(Self(text.trim_end_matches('/').to_owned()))
    }
}

/// Why a call gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum CoordinatorError {
    /// The coordinator cannot be reached, or stopped answering.
    #[error("the coordinator cannot be reached: {0}")]
    Unreachable(Box<ureq::Error>),
    /// The coordinator refused.
    #[error("the coordinator answers {status} {code}: {detail}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// Its stable code.
        code: String,
        /// Its words.
        detail: String,
    },
    /// The coordinator looked at a signature and does not count it.
    #[error("the coordinator does not count the signature of input {input}: {code}")]
    NotTaken {
        /// The input.
        input: u32,
        /// Its stable code.
        code: String,
    },
    /// The answer is not one of this interface.
    #[error("the answer with status {status} is not one of a coordinator")]
    Foreign {
        /// The HTTP status.
        status: u16,
    },
}

impl CoordinatorError {
    /// Whether the same call may be answered later: nobody answered, or somebody who is in trouble.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable(_) => true,
            Self::Refused { status, .. } | Self::Foreign { status } => {
                *status >= 500 || [408, 425, 429].contains(status)
            }
            Self::NotTaken { .. } => false,
        }
    }

    /// Whether the coordinator looked at what was posted and does not want it: asking again with
    /// the same bytes is in vain.
    pub fn is_final(&self) -> bool {
        match self {
            // Too early, too many requests, and who one is may change.
            Self::Refused { status, .. } => {
                (400..500).contains(status) && ![401, 403, 408, 425, 429].contains(status)
            }
            Self::NotTaken { .. } => true,
            Self::Unreachable(_) | Self::Foreign { .. } => false,
        }
    }
}

/// A coordinator over HTTP.
pub struct HttpCoordinator {
    agent: Agent,
    base: String,
    authorization: String,
}

#[derive(Deserialize)]
struct ListedAttempt {
    txid: Txid,
    missing_signers: Vec<String>,
}

/// An attempt that the coordinator wishes to be voided.
#[derive(Deserialize)]
struct WishedVoid {
    txid: Txid,
    /// Signers who did not void it yet.
    missing: Vec<String>,
}

/// What became of signatures that were handed in.
#[derive(Deserialize)]
struct Taken {
    #[serde(default)]
    refused: Vec<NotTaken>,
}

#[derive(Deserialize)]
struct NotTaken {
    input: u32,
    code: String,
}

/// What is read of a coordinator's status.
#[derive(Deserialize)]
struct Status {
    event_hash: String,
}

#[derive(Deserialize)]
struct Problem {
    #[serde(default)]
    code: String,
    #[serde(default)]
    detail: String,
}

impl HttpCoordinator {
    /// A coordinator at an address, with the token that it gave to this signer.
    pub fn new(url: &Url, token: &str) -> Self {
        let agent = Agent::config_builder()
            .timeout_global(Some(TIMEOUT))
            .http_status_as_error(false)
            // A redirect would carry the token to another host.
            .max_redirects(0)
            .build()
            .new_agent();
        Self {
            agent,
            base: format!("{}/api/v1", url.0),
            authorization: format!("Bearer {}", token.trim()),
        }
    }

    /// Asks whether a coordinator answers there and takes the token.
    ///
    /// # Errors
    /// When nobody answers, another program does, or the token opens nothing.
    pub fn check(&self) -> Result<(), CoordinatorError> {
        let request = self
            .agent
            .get(format!("{}/status", self.base))
            .config()
            .timeout_global(Some(FIRST_TIMEOUT))
            .build()
            .header("authorization", &self.authorization)
            .header("accept", "application/json");
        let bytes = read(request.call(), MAX_ANSWER)?;
        let status: Result<Status, _> = serde_json::from_slice(&bytes);
        status
            .map(drop)
            .map_err(|_| CoordinatorError::Foreign { status: 200 })
    }

    pub(crate) fn get(
        &self,
        path: &str,
        accept: &str,
        most: u64,
    ) -> Result<Vec<u8>, CoordinatorError> {
        let request = self
            .agent
            .get(format!("{}/{path}", self.base))
            .header("authorization", &self.authorization)
            .header("accept", accept);
        read(request.call(), most)
    }

    pub(crate) fn post(
        &self,
        path: &str,
        body: &serde_json::Value,
    ) -> Result<Vec<u8>, CoordinatorError> {
        let request = self
            .agent
            .post(format!("{}/{path}", self.base))
            .header("authorization", &self.authorization)
            .header("content-type", "application/json");
        read(request.send(body.to_string().as_bytes()), MAX_ANSWER)
    }
}

impl Attempts for HttpCoordinator {
    fn missing(&self, vault: VaultId, signer: &str) -> Result<Vec<Txid>, CoordinatorError> {
        let path = format!("vaults/{vault}/attempts?state=issued&limit={LIMIT}");
        let bytes = self.get(&path, "application/json", MAX_ANSWER)?;
        let listed: Vec<ListedAttempt> = serde_json::from_slice(&bytes)
            .map_err(|_| CoordinatorError::Foreign { status: 200 })?;
        let missing = listed.into_iter().filter(|attempt| {
            let mut names = attempt.missing_signers.iter();
            names.any(|name| name == signer)
        });
        let most = usize::try_from(LIMIT).unwrap_or(usize::MAX);
        Ok(missing.map(|attempt| attempt.txid).take(most).collect())
    }

    fn psbt(&self, txid: Txid) -> Result<Vec<u8>, CoordinatorError> {
        let most = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX);
        let path = format!("attempts/{txid}/psbt");
        self.get(&path, "application/octet-stream", most)
    }

    fn statements(&self, vault: VaultId) -> Result<Vec<u8>, CoordinatorError> {
        let path = format!("vaults/{vault}/statements");
        self.get(&path, "application/json", MAX_ANSWER)
    }

    fn successions(&self, vault: VaultId) -> Result<Vec<SuccessionFile>, CoordinatorError> {
        let path = format!("vaults/{vault}/successions");
        let bytes = match self.get(&path, "application/json", MAX_ANSWER) {
            // A coordinator that keeps none.
            Err(CoordinatorError::Refused { status: 404, .. }) => return Ok(Vec::new()),
            answer => answer?,
        };
        let texts: Vec<String> = serde_json::from_slice(&bytes)
            .map_err(|_| CoordinatorError::Foreign { status: 200 })?;
        let files = texts
            .iter()
            .map(|text| SuccessionFile::read(text.as_bytes()));
        // One that is none must not hide the others.
        Ok(files.filter_map(Result::ok).collect())
    }

    fn wished_voids(&self, vault: VaultId, signer: &str) -> Result<Vec<Txid>, CoordinatorError> {
        let path = format!("vaults/{vault}/voids?state=wished&limit={LIMIT}");
        let bytes = match self.get(&path, "application/json", MAX_ANSWER) {
            // A coordinator that wishes none.
            Err(CoordinatorError::Refused { status: 404, .. }) => return Ok(Vec::new()),
            answer => answer?,
        };
        let wished: Vec<WishedVoid> = serde_json::from_slice(&bytes)
            .map_err(|_| CoordinatorError::Foreign { status: 200 })?;
        let open = wished
            .into_iter()
            .filter(|wish| wish.missing.iter().any(|name| name == signer));
        Ok(open.map(|wish| wish.txid).collect())
    }

    fn submit_void(&self, txid: Txid, void: &[u8]) -> Result<(), CoordinatorError> {
        let request = self
            .agent
            .post(format!("{}/attempts/{txid}/voids", self.base))
            .header("authorization", &self.authorization)
            .header("content-type", "application/octet-stream");
        read(request.send(void), MAX_ANSWER).map(drop)
    }

    fn submit_ack(&self, vault: VaultId, ack: &Said) -> Result<(), CoordinatorError> {
        let path = format!("vaults/{vault}/statements");
        let text = String::from_utf8_lossy(&ack.statement.encode()).into_owned();
        self.post(&path, &serde_json::json!({ "statement": text }))?;
        let subject = ack.statement.subject();
        for approval in &ack.approvals {
            let path = format!("{path}/{subject}/approvals");
            self.post(&path, &serde_json::json!(StatementSignature::of(approval)))?;
        }
        Ok(())
    }

    fn event_head(&self) -> Result<Option<[u8; 32]>, CoordinatorError> {
        let bytes = self.get("status", "application/json", MAX_ANSWER)?;
        let foreign = || CoordinatorError::Foreign { status: 200 };
        let status: Status = serde_json::from_slice(&bytes).map_err(|_| foreign())?;
        let head = <[u8; 32]>::from_hex(&status.event_hash).map_err(|_| foreign())?;
        Ok(Some(head))
    }

    fn submit(&self, txid: Txid, signatures: &[u8]) -> Result<(), CoordinatorError> {
        let request = self
            .agent
            .post(format!("{}/attempts/{txid}/signatures", self.base))
            .header("authorization", &self.authorization)
            .header("content-type", "application/octet-stream");
        let bytes = read(request.send(signatures), MAX_ANSWER)?;
        let taken: Taken = serde_json::from_slice(&bytes)
            .map_err(|_| CoordinatorError::Foreign { status: 200 })?;
        match taken.refused.into_iter().next() {
            None => Ok(()),
            Some(NotTaken { input, code }) => {
                let code = one_line(&code, MOST_CODE);
                Err(CoordinatorError::NotTaken { input, code })
            }
        }
    }
}

fn read(
    answer: Result<Response<Body>, ureq::Error>,
    most: u64,
) -> Result<Vec<u8>, CoordinatorError> {
    let unreachable = |error: ureq::Error| CoordinatorError::Unreachable(Box::new(error));
    let mut answer = answer.map_err(unreachable)?;
    let status = answer.status();
    let bytes = answer
        .body_mut()
        .with_config()
        .limit(most)
        .read_to_vec()
        .map_err(unreachable)?;
    if status.is_success() {
        return Ok(bytes);
    }
    let status = status.as_u16();
    let problem: Problem =
        serde_json::from_slice(&bytes).map_err(|_| CoordinatorError::Foreign { status })?;
    Err(CoordinatorError::Refused {
        status,
        code: one_line(&problem.code, MOST_CODE),
        detail: one_line(&problem.detail, MOST_WORDS),
    })
}

impl Explained for CoordinatorError {
    fn class(&self) -> Class {
        match self {
            Self::Unreachable(_) | Self::Foreign { .. } => Class::Device,
            Self::Refused { .. } | Self::NotTaken { .. } => Class::Refused,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "COORDINATOR_UNREACHABLE",
            Self::Refused { .. } => "COORDINATOR_REFUSED",
            Self::NotTaken { .. } => "SIGNATURE_NOT_TAKEN",
            Self::Foreign { .. } => "COORDINATOR_FOREIGN",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::Refused {
                status: 401 | 403, ..
            } => "ask the operator for a token of the role signer",
            Self::Unreachable(_) => {
                "look whether the coordinator runs at this address; it is tried again"
            }
            Self::Refused { .. } => "tell the operator what the coordinator answered",
            Self::NotTaken { .. } => {
                "tell the operator: the signature was given, and the coordinator did not keep it"
            }
            Self::Foreign { .. } => {
                "give the address of the coordinator itself: another program answers there"
            }
        }
        .to_owned()
    }
}
