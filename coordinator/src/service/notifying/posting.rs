//! One call of a webhook: no redirect, no proxy, 10 seconds, 64 KiB of answer. Blocking.

use std::time::Duration;

use ureq::Agent;
use ureq::unversioned::transport::DefaultConnector;

use super::guarding::{Guarded, Lookup, UrlFault, check_url};

/// The longest that one call may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The most of an answer that is read.
const MAX_ANSWER: u64 = 64 * 1024;

/// Where calls may go, and how long they may take.
#[derive(Clone)]
pub struct Reach {
    /// Whether this host itself may be called, for tests.
    pub allow_loopback: bool,
    /// Another lookup than the system's, for tests.
    pub lookup: Option<Lookup>,
    /// The longest that one call may take.
    pub timeout: Duration,
}

impl Default for Reach {
    fn default() -> Self {
        Self {
            allow_loopback: false,
            lookup: None,
            timeout: TIMEOUT,
        }
    }
}

impl std::fmt::Debug for Reach {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reach")
            .field("allow_loopback", &self.allow_loopback)
            .finish_non_exhaustive()
    }
}

/// Why a call was not taken.
#[derive(Debug, thiserror::Error)]
pub enum PostFault {
    /// The address is none that may be called.
    #[error("its address may not be called: {0}")]
    Url(#[from] UrlFault),
    /// Nobody answered, or not in time, or at an address that may not be called.
    #[error("no answer: {0}")]
    NoAnswer(Box<ureq::Error>),
    /// It answered that it did not take it.
    #[error("it answers {0}")]
    Status(u16),
}

impl PostFault {
    /// What was answered, if anything was.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Status(status) => Some(*status),
            Self::Url(_) | Self::NoAnswer(_) => None,
        }
    }
}

/// Posts a body; done once the other side says that it took it (2xx).
///
/// # Errors
/// [`PostFault`].
pub fn post(
    url: &str,
    headers: &[(&str, String)],
    body: &str,
    reach: &Reach,
) -> Result<u16, PostFault> {
    let uri = check_url(url, reach.allow_loopback)?;
    let config = Agent::config_builder()
        .timeout_global(Some(reach.timeout))
        .http_status_as_error(false)
        .max_redirects(0)
        // A proxy would look the host up itself.
        .proxy(None)
        .max_idle_connections(0)
        .build();
    let resolver = Guarded::new(reach.lookup.clone(), reach.allow_loopback);
    let agent = Agent::with_parts(config, DefaultConnector::default(), resolver);
    let mut request = agent.post(uri).header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    let no_answer = |error: ureq::Error| PostFault::NoAnswer(Box::new(error));
    let mut answer = request.send(body).map_err(no_answer)?;
    let status = answer.status();
    // Read, so that the other side is done; what it says is nobody's business.
    let read = answer
        .body_mut()
        .with_config()
        .limit(MAX_ANSWER)
        .read_to_vec();
    read.map_err(no_answer)?;
    if status.is_success() {
        Ok(status.as_u16())
    } else {
        Err(PostFault::Status(status.as_u16()))
    }
}
