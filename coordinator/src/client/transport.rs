//! One call, one answer: blocking HTTP with a bearer token, bounded in time and size.

use std::{fmt, time::Duration};

use serde::{Serialize, de::DeserializeOwned};
use ureq::http::{Response, StatusCode};
use ureq::{Agent, Body};

use super::error::{ClientError, Problem};

/// How long one call may take.
const TIMEOUT: Duration = Duration::from_mins(1);
/// The largest answer that is read.
const MAX_ANSWER: u64 = 16 << 20;

/// A coordinator's address and the token for it.
pub(super) struct Transport {
    agent: Agent,
    base: String,
    authorization: String,
}

impl Transport {
    pub(super) fn new(url: &str, token: &str) -> Self {
        Self {
            agent: agent(TIMEOUT),
            base: format!("{}/api/v1", url.trim_end_matches('/')),
            authorization: format!("Bearer {}", token.trim()),
        }
    }

    pub(super) fn get<A: DeserializeOwned>(&self, path: &str) -> Result<A, ClientError> {
        let request = self.agent.get(format!("{}/{path}", self.base));
        read(request.header("authorization", &self.authorization).call())
    }

    pub(super) fn post<A: DeserializeOwned>(
        &self,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<A, ClientError> {
        let request = self
            .agent
            .post(format!("{}/{path}", self.base))
            .header("authorization", &self.authorization);
        read(match body {
            Some(body) => request.send_json(body),
            None => request.send_empty(),
        })
    }
}

/// What asks: every answer is read whatever its status, and none sends elsewhere.
pub(super) fn agent(timeout: Duration) -> Agent {
    Agent::config_builder()
        .timeout_global(Some(timeout))
        .http_status_as_error(false)
        // A redirect would carry the credentials to another host.
        .max_redirects(0)
        .build()
        .new_agent()
}

/// The status and the bytes of an answer of at most this size.
pub(super) fn read_bounded(
    answer: Result<Response<Body>, ureq::Error>,
    most: u64,
) -> Result<(StatusCode, Vec<u8>), ureq::Error> {
    let mut answer = answer?;
    let status = answer.status();
    let bytes = answer.body_mut().with_config().limit(most).read_to_vec()?;
    Ok((status, bytes))
}

fn read<A: DeserializeOwned>(
    answer: Result<Response<Body>, ureq::Error>,
) -> Result<A, ClientError> {
    let connection = |error: ureq::Error| ClientError::Connection(Box::new(error));
    let (status, bytes) = read_bounded(answer, MAX_ANSWER).map_err(connection)?;
    let is_success = status.is_success();
    let status = status.as_u16();
    let foreign = |source| ClientError::ForeignAnswer { status, source };
    if is_success {
        serde_json::from_slice(&bytes).map_err(foreign)
    } else {
        let problem: Problem = serde_json::from_slice(&bytes).map_err(foreign)?;
        Err(ClientError::Refused {
            status,
            problem: Box::new(problem),
        })
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport")
            .field("base", &self.base)
            .finish_non_exhaustive()
    }
}
