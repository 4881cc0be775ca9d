//! One call, one answer: blocking HTTP with a bearer token, bounded in time and size.

use std::{fmt, time::Duration};

use serde::{Serialize, de::DeserializeOwned};
use ureq::{Agent, Body, http::Response};

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
        let agent = Agent::config_builder()
            .timeout_global(Some(TIMEOUT))
            .http_status_as_error(false)
            // A redirect would carry the token to another host.
            .max_redirects(0)
            .build()
            .new_agent();
        Self {
            agent,
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

fn read<A: DeserializeOwned>(
    answer: Result<Response<Body>, ureq::Error>,
) -> Result<A, ClientError> {
    let connection = |error: ureq::Error| ClientError::Connection(Box::new(error));
    let mut answer = answer.map_err(connection)?;
    let status = answer.status().as_u16();
    let bytes = answer
        .body_mut()
        .with_config()
        .limit(MAX_ANSWER)
        .read_to_vec()
        .map_err(connection)?;
    let foreign = |source| ClientError::ForeignAnswer { status, source };
    if answer.status().is_success() {
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
