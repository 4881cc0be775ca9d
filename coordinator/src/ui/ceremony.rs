//! What signing in, joining and making passkeys share: JSON from the script, its answer, the session's cookie, and
//! where a browser comes from.

use axum::extract::connect_info::ConnectInfo;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::header;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum_extra::extract::CookieJar;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use std::convert::Infallible;

use super::fault::Fault;
use super::guard::{self, session_cookie};
use super::{Public, Ui};
use crate::http::Peer;
use crate::service::ServiceError;
use crate::service::people::{NewSession, Site};

/// The most bytes of what the script sends: an attestation, with room.
const BODY_LIMIT: usize = 64 * 1024;

/// JSON that the script sent.
#[derive(Debug)]
pub(crate) struct Sent<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Ui> for Sent<T> {
    type Rejection = Told;

    async fn from_request(request: Request, _: &Ui) -> Result<Self, Told> {
        let unreadable = || {
            let words = "This cannot be read. Load the page again and try once more.";
            Told(Fault::plain(StatusCode::BAD_REQUEST, words))
        };
        // No more than that is read: whoever sends it is nobody yet.
        let bytes = axum::body::to_bytes(request.into_body(), BODY_LIMIT)
            .await
            .map_err(|_| unreadable())?;
        serde_json::from_slice(&bytes)
            .map(Self)
            .map_err(|_| unreadable())
    }
}

/// A refusal that the script shows beside its button.
#[derive(Debug)]
pub(crate) struct Told(pub(crate) Fault);

impl From<ServiceError> for Told {
    fn from(error: ServiceError) -> Self {
        Self(Fault::from(error))
    }
}

impl IntoResponse for Told {
    fn into_response(self) -> Response {
        let body = json!({ "words": self.0.words(), "hint": self.0.hint() });
        (self.0).timed((self.0.status(), axum::Json(body)).into_response())
    }
}

/// Answers the script.
pub(crate) fn answer(body: &impl Serialize) -> Response {
    axum::Json(json!(body)).into_response()
}

/// Tells the script which page to open next.
pub(crate) fn go_to(path: &str) -> Response {
    answer(&json!({ "to": path }))
}

/// Where the pages are, for passkeys.
pub(crate) fn site(public: &Public) -> Site {
    Site {
        rp_id: public.rp_id().to_owned(),
        origin: public.origin().to_owned(),
    }
}

/// Lets the browser keep a session.
pub(crate) fn set_session(response: &mut Response, public: &Public, session: &NewSession) {
    add_cookie(response, public, &session.secret, session.max_age);
}

/// Lets the browser forget the session.
pub(crate) fn forget_session(response: &mut Response, public: &Public) {
    add_cookie(response, public, "", 0);
}

/// Whether an answer sets or forgets the session already.
pub(crate) fn sets_session(response: &Response, public: &Public) -> bool {
    let name = format!("{}=", session_cookie(public));
    let mut set = response.headers().get_all(header::SET_COOKIE).iter();
    set.any(|value| value.as_bytes().starts_with(name.as_bytes()))
}

fn add_cookie(response: &mut Response, public: &Public, value: &str, max_age: u64) {
    guard::set_cookie(response, public, (session_cookie(public), value), max_age);
}

/// What is known of a browser before anybody is signed in.
#[derive(Debug, Clone)]
pub(crate) struct Browser {
    /// The address it comes from: what a proxy of ours says, otherwise the connection's own.
    pub(crate) from: String,
    /// What it calls itself.
    pub(crate) agent: String,
    /// The secret of the session that it brought.
    pub(crate) session: Option<String>,
}

impl FromRequestParts<Ui> for Browser {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, ui: &Ui) -> Result<Self, Infallible> {
        let peer = parts.extensions.get::<ConnectInfo<Peer>>();
        let from = peer.map_or_else(
            || "unknown".to_owned(),
            |ConnectInfo(Peer(address))| {
                let proxies = ui.public.proxies();
                proxies.client(address.ip(), &parts.headers).to_string()
            },
        );
        let agent = parts.headers.get(header::USER_AGENT);
        let jar = CookieJar::from_headers(&parts.headers);
        Ok(Self {
            from,
            agent: agent
                .map(|agent| String::from_utf8_lossy(agent.as_bytes()).into_owned())
                .unwrap_or_default(),
            session: jar
                .get(session_cookie(&ui.public))
                .map(|cookie| cookie.value().to_owned()),
        })
    }
}

/// A path of these pages; the overview for anything else.
pub(crate) fn own_path(to: &str) -> &str {
    let own = to.starts_with('/')
        && !to.starts_with("//")
        && !to.contains(['\\', '\r', '\n', '\t'])
        && to.is_ascii();
    if own { to } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_to_another_place() {
        for to in ["/", "/vaults/ab/coins?state=settled"] {
            assert_eq!(own_path(to), to);
        }
        for to in [
            "",
            "https://evil.example",
            "//evil.example",
            "/\\evil.example",
            "/\t/evil.example",
            "javascript:alert(1)",
            "/a\r\nSet-Cookie: x=y",
        ] {
            assert_eq!(own_path(to), "/", "{to:?}");
        }
    }

    #[test]
    fn over_tls_the_cookie_is_for_this_host_alone() {
        let public = Public::parse("https://treasury.example").expect("an origin");
        let session = NewSession {
            secret: "ab".to_owned(),
            max_age: 7,
        };
        let mut response = StatusCode::OK.into_response();
        set_session(&mut response, &public, &session);
        assert!(sets_session(&response, &public));
        assert_eq!(
            response.headers()[header::SET_COOKIE],
            "__Host-countersign=ab; Path=/; Max-Age=7; HttpOnly; SameSite=Strict; Secure"
        );
    }
}
