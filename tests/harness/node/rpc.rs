//! The node's JSON-RPC, as far as tests need it.

use std::path::PathBuf;
use std::time::Duration;

use bitcoin::base64::Engine as _;
use bitcoin::base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// What a call to a node comes to when it brings no result.
#[derive(Debug, thiserror::Error)]
pub enum RpcError {
    /// The node understood and refused.
    #[error("the node refused {method}: {message} ({code})")]
    Refused {
        /// The method.
        method: String,
        /// The node's error code.
        code: i64,
        /// The node's words.
        message: String,
    },
    /// No answer.
    #[error("no answer from the node: {0}")]
    Connection(#[from] ureq::Error),
    /// No cookie: the node does not run.
    #[error("no cookie of the node: {0}")]
    Cookie(#[from] std::io::Error),
    /// The result is of another shape.
    #[error("unexpected result of {method}: {source}")]
    Shape {
        /// The method.
        method: String,
        /// What does not fit.
        source: serde_json::Error,
    },
}

/// A client that reads the node's cookie anew for each call.
#[derive(Debug)]
pub(super) struct Rpc {
    port: u16,
    cookie: PathBuf,
    agent: ureq::Agent,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    result: Value,
    error: Option<Complaint>,
}

#[derive(Deserialize)]
struct Complaint {
    code: i64,
    message: String,
}

impl Rpc {
    pub(super) fn new(port: u16, cookie: PathBuf) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_mins(1)))
            .build();
        Self {
            port,
            cookie,
            agent: config.into(),
        }
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(super) fn call<T: DeserializeOwned>(
        &self,
        method: &str,
        parameters: Value,
    ) -> Result<T, RpcError> {
        let mut call = json!({ "jsonrpc": "2.0", "id": 0, "method": method });
        call["params"] = parameters;
        let cookie = std::fs::read_to_string(&self.cookie)?;
        let answer: Answer = self
            .agent
            .post(self.url())
            .header(
                "authorization",
                format!("Basic {}", BASE64_STANDARD.encode(cookie.trim_end())),
            )
            .send_json(call)?
            .into_body()
            .into_with_config()
            .limit(64 << 20)
            .read_json()?;
        if let Some(Complaint { code, message }) = answer.error {
            let method = method.to_owned();
            return Err(RpcError::Refused {
                method,
                code,
                message,
            });
        }
        serde_json::from_value(answer.result).map_err(|source| RpcError::Shape {
            method: method.to_owned(),
            source,
        })
    }
}
