//! The command line's side of the JSON API: one call, one answer, problems as errors.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use ureq::http::{Method, Request};

use super::{CliError, Connection, token_file};

/// The largest answer that is read.
const ANSWER_LIMIT: u64 = 64 * 1024 * 1024;

/// A coordinator that the command line speaks to.
pub(super) struct Api {
    agent: ureq::Agent,
    url: String,
    token: String,
    vault: Option<String>,
}

/// A body to send.
pub(super) enum Body {
    /// None.
    Empty,
    /// JSON.
    Json(Value),
    /// Bytes as they are: a PSBT in any encoding.
    Bytes(Vec<u8>),
}

impl Api {
    /// Prepares the connection and reads the token's file.
    ///
    /// # Errors
    ///
    /// [`CliError::NoToken`] where none is named, else as [`token_file::read`].
    pub(super) fn connect(connection: &Connection) -> Result<Self, CliError> {
        let file = connection.token_file.as_ref().ok_or(CliError::NoToken)?;
        Ok(Self::with(connection, token_file::read(file)?))
    }

    /// Prepares the connection for the one call that needs no token.
    pub(super) fn without_token(connection: &Connection) -> Self {
        Self::with(connection, String::new())
    }

    fn with(connection: &Connection, token: String) -> Self {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(Duration::from_mins(1)))
            .build()
            .new_agent();
        let url = connection.url.trim_end_matches('/').to_owned();
        Self {
            agent,
            url,
            token,
            vault: connection.vault.clone(),
        }
    }

    /// Returns `/vaults/ID` for the vault meant.
    ///
    /// # Errors
    ///
    /// [`CliError::Usage`] where none is named and the coordinator has not exactly one.
    pub(super) fn vault_path(&self) -> Result<String, CliError> {
        if let Some(vault) = &self.vault {
            return Ok(format!("/vaults/{}", segment(vault)));
        }
        let vaults = self.get("/vaults")?;
        let ids: Vec<&str> = items(&vaults)
            .iter()
            .filter_map(|vault| vault.get("vault").and_then(Value::as_str))
            .collect();
        match ids.as_slice() {
            [only] => Ok(format!("/vaults/{only}")),
            [] => Err(CliError::Usage {
                message: "there is no vault yet: add one with `vault add FILE`".to_owned(),
            }),
            many => Err(CliError::Usage {
                message: format!("there are {} vaults: name one with --vault", many.len()),
            }),
        }
    }

    pub(super) fn get(&self, path: &str) -> Result<Value, CliError> {
        self.call(&Method::GET, path, Body::Empty)
    }

    pub(super) fn post(&self, path: &str, body: Body) -> Result<Value, CliError> {
        self.call(&Method::POST, path, body)
    }

    pub(super) fn put(&self, path: &str, body: Body) -> Result<Value, CliError> {
        self.call(&Method::PUT, path, body)
    }

    pub(super) fn delete(&self, path: &str) -> Result<Value, CliError> {
        self.call(&Method::DELETE, path, Body::Empty)
    }

    /// Returns the bytes of an answer that is not JSON.
    pub(super) fn get_bytes(&self, path: &str) -> Result<Vec<u8>, CliError> {
        self.exchange(&Method::GET, path, Body::Empty, "application/octet-stream")
    }

    fn call(&self, method: &Method, path: &str, body: Body) -> Result<Value, CliError> {
        let bytes = self.exchange(method, path, body, "application/json")?;
        if bytes.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&bytes)
            .map_err(|error| self.broken(format!("its answer is not JSON: {error}")))
    }

    fn exchange(
        &self,
        method: &Method,
        path: &str,
        body: Body,
        accept: &str,
    ) -> Result<Vec<u8>, CliError> {
        let mut request = Request::builder()
            .method(method.clone())
            .uri(format!("{}/api/v1{path}", self.url))
            .header("accept", accept)
            .header("authorization", format!("Bearer {}", self.token));
        let (kind, bytes) = match body {
            Body::Empty => (None, Vec::new()),
            Body::Json(value) => (Some("application/json"), value.to_string().into_bytes()),
            Body::Bytes(bytes) => (Some("application/octet-stream"), bytes),
        };
        if let Some(kind) = kind {
            request = request.header("content-type", kind);
        }
        let sent = if kind.is_none() && *method != Method::POST {
            request
                .body(())
                .map_err(|error| self.broken(error.to_string()))
                .map(|request| self.agent.run(request))?
        } else {
            request
                .body(bytes)
                .map_err(|error| self.broken(error.to_string()))
                .map(|request| self.agent.run(request))?
        };
        let mut answer = sent.map_err(|error| self.broken(error.to_string()))?;
        let status = answer.status();
        let bytes = answer
            .body_mut()
            .with_config()
            .limit(ANSWER_LIMIT)
            .read_to_vec()
            .map_err(|error| self.broken(error.to_string()))?;
        if status.is_success() {
            return Ok(bytes);
        }
        match serde_json::from_slice::<Value>(&bytes) {
            Ok(problem) => Err(refusal(problem)),
            Err(_) => Err(self.broken(format!("it answered {status}"))),
        }
    }

    fn broken(&self, reason: String) -> CliError {
        CliError::Connection {
            url: self.url.clone(),
            reason,
        }
    }
}

fn refusal(problem: Value) -> CliError {
    let text = |key: &str| problem.get(key).and_then(Value::as_str).map(str::to_owned);
    CliError::Refused {
        code: text("code").unwrap_or_else(|| "unknown".to_owned()),
        detail: text("detail")
            .or_else(|| text("title"))
            .unwrap_or_else(|| "refused".to_owned()),
        hint: text("hint"),
        problem: Some(problem),
    }
}

/// Returns the items of an answer that is a list.
pub(super) fn items(answer: &Value) -> &[Value] {
    answer.as_array().map_or(&[], Vec::as_slice)
}

/// Escapes one segment of a path.
pub(super) fn segment(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b':') {
            out.push(char::from(byte));
        } else {
            out.push('%');
            write!(out, "{byte:02X}").expect("writing to a string cannot fail");
        }
    }
    out
}

/// Reads a file, or standard input where the name is `-`.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    let file = |source| CliError::File {
        path: path.to_owned(),
        source,
    };
    if path == Path::new("-") {
        let mut bytes = Vec::new();
        io::stdin().lock().read_to_end(&mut bytes).map_err(file)?;
        return Ok(bytes);
    }
    fs::read(path).map_err(file)
}

/// Reads a file that holds JSON, as another of our tools wrote it.
pub(super) fn read_json(path: &Path) -> Result<Value, CliError> {
    let bytes = read(path)?;
    if bytes.is_empty() {
        let message = format!(
            "{} is empty: did the command that wrote it fail?",
            path.display()
        );
        return Err(CliError::Usage { message });
    }
    serde_json::from_slice(&bytes).map_err(|error| CliError::Usage {
        message: format!("{} is not JSON: {error}", path.display()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_token_nothing_is_asked() {
        let connection = Connection {
            url: "http://127.0.0.1:1".to_owned(),
            token_file: None,
            vault: None,
        };
        let error = Api::connect(&connection).err().expect("is refused");
        assert_eq!((error.code(), error.exit_status()), ("no_token", 2));
        assert!(error.to_string().contains("--token-file"), "{error}");
    }

    #[test]
    fn a_segment_cannot_leave_its_place_in_the_path() {
        assert_eq!(segment("a/../b?c#d e"), "a%2F..%2Fb%3Fc%23d%20e");
        assert_eq!(segment("w-1:2.3_4"), "w-1:2.3_4");
    }

    #[test]
    fn a_problem_document_becomes_a_refusal_with_its_code() {
        let problem = serde_json::json!({"code": "id_reused", "detail": "the id w1 is taken", "hint": "choose another id"});
        let error = refusal(problem);
        assert_eq!(error.to_string(), "the id w1 is taken");
        assert_eq!(error.code(), "id_reused");
        assert_eq!(
            (error.exit_status(), error.hint()),
            (1, Some("choose another id"))
        );
    }
}
