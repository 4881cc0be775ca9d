//! The coordinator's API as a client speaks it that believes nothing: raw requests, whole answers.

use std::io;
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;
use ureq::http::{Method, Request};

use crate::Failure;

/// More than any answer of a test world.
const ANSWER_LIMIT: u64 = 64 * 1024 * 1024;

/// One caller with one token, or none.
#[derive(Debug, Clone)]
pub struct Api {
    agent: ureq::Agent,
    url: String,
    token: Option<String>,
}

/// What the coordinator answered.
#[derive(Debug, Clone)]
pub struct Answer {
    request: String,
    /// The HTTP status.
    pub status: u16,
    /// The content type.
    pub content_type: String,
    /// The body as it came.
    pub bytes: Vec<u8>,
}

impl Api {
    /// A caller of the coordinator at `url`.
    pub fn new(url: &str, token: Option<&str>) -> Self {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(Duration::from_mins(1)))
            .build()
            .new_agent();
        Self {
            agent,
            url: url.to_owned(),
            token: token.map(str::to_owned),
        }
    }

    /// The same coordinator with another token.
    #[must_use]
    pub fn with_token(&self, token: Option<&str>) -> Self {
        Self::new(&self.url, token)
    }

    /// GET of a path below `/api/v1`.
    #[track_caller]
    pub fn get(&self, path: &str) -> Result<Answer, Failure> {
        self.send(&Method::GET, path, &[], Vec::new())
    }

    /// GET with an `accept` header.
    #[track_caller]
    pub fn get_as(&self, path: &str, accept: &str) -> Result<Answer, Failure> {
        self.send(&Method::GET, path, &[("accept", accept)], Vec::new())
    }

    /// POST of JSON.
    #[track_caller]
    pub fn post(&self, path: &str, body: &Value) -> Result<Answer, Failure> {
        self.post_text(path, &body.to_string())
    }

    /// POST of text that may or may not be JSON.
    #[track_caller]
    pub fn post_text(&self, path: &str, body: &str) -> Result<Answer, Failure> {
        let kind = [("content-type", "application/json")];
        self.send(&Method::POST, path, &kind, body.as_bytes().to_vec())
    }

    /// POST of bytes.
    #[track_caller]
    pub fn post_bytes(&self, path: &str, body: &[u8]) -> Result<Answer, Failure> {
        let kind = [("content-type", "application/octet-stream")];
        self.send(&Method::POST, path, &kind, body.to_vec())
    }

    /// PUT of JSON.
    #[track_caller]
    pub fn put(&self, path: &str, body: &Value) -> Result<Answer, Failure> {
        let kind = [("content-type", "application/json")];
        let body = body.to_string().into_bytes();
        self.send(&Method::PUT, path, &kind, body)
    }

    /// DELETE.
    #[track_caller]
    pub fn delete(&self, path: &str) -> Result<Answer, Failure> {
        self.send(&Method::DELETE, path, &[], Vec::new())
    }

    /// Any request at all.
    #[track_caller]
    pub fn send(
        &self,
        method: &Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Result<Answer, Failure> {
        let mut request = Request::builder()
            .method(method.clone())
            .uri(format!("{}/api/v1{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let bodiless = body.is_empty() && *method != Method::POST;
        let sent = if bodiless {
            self.agent.run(request.body(())?)
        } else {
            self.agent.run(request.body(body)?)
        };
        let mut answer = sent?;
        let content_type = answer
            .headers()
            .get("content-type")
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .to_owned();
        let status = answer.status().as_u16();
        let reader = answer.body_mut().with_config().limit(ANSWER_LIMIT);
        Ok(Answer {
            request: format!("{method} {path}"),
            status,
            content_type,
            bytes: reader.read_to_vec()?,
        })
    }

    /// Sends raw bytes to the coordinator's port, and what comes back until it closes.
    pub fn raw(&self, request: &[u8]) -> Result<String, Failure> {
        let address = self.url.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        io::Write::write_all(&mut stream, request)?;
        let mut answer = Vec::new();
        io::Read::read_to_end(&mut stream, &mut answer)?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }
}

impl Answer {
    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Result<Value, Failure> {
        serde_json::from_slice(&self.bytes).map_err(|error| {
            Failure::new(format!(
                "{}: no JSON ({error}): {}",
                self.request,
                self.text()
            ))
        })
    }

    /// The body of a success; fails, with what was answered, on anything else.
    #[track_caller]
    pub fn done(self) -> Result<Value, Failure> {
        if !(200..300).contains(&self.status) {
            return Err(Failure::new(format!(
                "{} was answered {}: {}",
                self.request,
                self.status,
                self.text()
            )));
        }
        if self.bytes.is_empty() {
            return Ok(Value::Null);
        }
        self.json()
    }

    /// The problem document of a refusal with this status and stable code; fails on anything else.
    #[track_caller]
    pub fn refused(self, status: u16, code: &str) -> Result<Value, Failure> {
        let problem = self.json()?;
        let expected = self.status == status
            && self.content_type.starts_with("application/problem+json")
            && problem["status"] == status
            && problem["code"] == code
            && problem["title"].is_string()
            && problem["detail"].is_string();
        if expected {
            Ok(problem)
        } else {
            Err(Failure::new(format!(
                "{} was answered {} {} instead of a problem {status} {code}: {}",
                self.request,
                self.status,
                self.content_type,
                self.text()
            )))
        }
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

/// The items of a list.
#[track_caller]
pub fn items(answer: &Value) -> Result<&[Value], Failure> {
    answer
        .as_array()
        .or_else(|| answer["items"].as_array())
        .map(Vec::as_slice)
        .ok_or_else(|| Failure::new(format!("no list: {answer}")))
}
