//! What every request for a page goes through: its host, its session, its right, and where it was sent from.
//!
//! Invariant: a handler that changes anything is reached only by a form of this origin that carries the
//! session's own token, and only by somebody with the right that the table says.

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, Multipart, RawPathParams, Request, State};
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use axum::{RequestExt, http::HeaderMap};
use axum_extra::extract::CookieJar;
use policies::VaultId;
use policies::document::name_of_network;
use serde::Deserialize;
use subtle::ConstantTimeEq;

use super::fault::Fault;
use super::frame::{self, Flash};
use super::posted::{BODY_LIMIT, percent_encoded};
use super::routes::Needs;
use super::show::Unit;
use super::visitor::Visitor;
use super::{Public, Ui, ceremony};
use crate::service::people::{self, NewSession, Visit};
use crate::service::stop_view::stops_in_force;
use crate::service::vaults;

/// What the guard of one route knows.
#[derive(Clone)]
pub(super) struct Watched {
    pub(super) ui: Ui,
    pub(super) needs: Needs,
}

/// The session's next secret, for the cookie of the answer.
#[derive(Clone)]
struct Renewed(NewSession);

/// The name of the session's cookie. Over TLS its prefix keeps every other host and path from setting it.
pub(crate) fn session_cookie(public: &Public) -> &'static str {
    if public.is_secure() {
        "__Host-countersign"
    } else {
        "countersign"
    }
}

/// The name of the cookie that carries a word from one page to the next, with the same prefix: nobody else puts words
/// into these pages.
pub(super) fn flash_cookie(public: &Public) -> &'static str {
    if public.is_secure() {
        "__Host-countersign-said"
    } else {
        "countersign-said"
    }
}

/// Adds a cookie for this host alone, which no script reads and no other site sends.
pub(super) fn set_cookie(
    response: &mut Response,
    public: &Public,
    (name, value): (&str, &str),
    max_age: u64,
) {
    let secure = if public.is_secure() { "; Secure" } else { "" };
    let cookie =
        format!("{name}={value}; Path=/; Max-Age={max_age}; HttpOnly; SameSite=Strict{secure}");
    if let Ok(value) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}

/// Lets a request through to its page, or answers for it.
pub(super) async fn guard(
    State(Watched { ui, needs }): State<Watched>,
    request: Request,
    next: Next,
) -> Response {
    match admit(&ui, needs, request).await {
        Ok(request) => {
            let seen = request.extensions().get::<Visitor>().cloned();
            let flashed = seen.as_ref().is_some_and(|visitor| visitor.flash.is_some());
            let renewed = request.extensions().get::<Renewed>().cloned();
            let mut response = next.run(request).await;
            // A page that ends or begins a session says so itself.
            if let Some(Renewed(session)) = renewed
                && !ceremony::sets_session(&response, &ui.public)
            {
                ceremony::set_session(&mut response, &ui.public, &session);
            }
            if flashed {
                set_cookie(&mut response, &ui.public, (flash_cookie(&ui.public), ""), 0);
            }
            if let Some(Flash(said)) = response.extensions_mut().remove::<Flash>() {
                let said = percent_encoded(&said);
                set_cookie(
                    &mut response,
                    &ui.public,
                    (flash_cookie(&ui.public), &said),
                    60,
                );
            }
            // A page of a fault is drawn here, where it is known who reads it.
            match response.extensions_mut().remove::<Fault>() {
                Some(fault) => fault.page(seen.as_ref()),
                None => response,
            }
        }
        Err(refusal) => *refusal,
    }
}

async fn admit(ui: &Ui, needs: Needs, request: Request) -> Result<Request, Box<Response>> {
    let refused = |status, words: &str| Box::new(Fault::plain(status, words).page(None));
    let host = request.headers().get(header::HOST);
    if host.is_none_or(|host| host.as_bytes() != ui.public.host().as_bytes()) {
        // Another name that leads here, such as one that was rebound to this host.
        let words = format!("These pages are at {}.", ui.public.origin());
        let fault = Fault::plain(StatusCode::MISDIRECTED_REQUEST, &words);
        return Err(Box::new(fault.back_to(ui.public.origin()).page(None)));
    }
    let changes = request.method() == Method::POST;
    if changes && !is_of_this_origin(request.headers(), &ui.public) {
        let words = "This form was sent from another place than these pages. Nothing was changed.";
        return Err(refused(StatusCode::FORBIDDEN, words));
    }
    if needs == Needs::Nobody {
        return Ok(request);
    }
    let jar = CookieJar::from_headers(request.headers());
    let secret = jar
        .get(session_cookie(&ui.public))
        .map(|cookie| cookie.value().to_owned());
    let visit = match &secret {
        Some(secret) => {
            let visit = if asks_by_itself(&request) {
                people::glance(&ui.service, secret).await
            } else {
                people::visit(&ui.service, secret).await
            };
            visit.map_err(|error| Box::new(Fault::from(error).page(None)))?
        }
        None => None,
    };
    let Some(visit) = visit else {
        return Err(Box::new(unknown(&request, secret.is_some())));
    };
    let mut request = request;
    let here = (request.uri().path_and_query()).map_or_else(String::new, ToString::to_string);
    let visitor = visitor(ui, visit, &jar, here)
        .await
        .map_err(|fault| Box::new(fault.page(None)))?;
    if let Some(secret) = &secret
        && let Some(session) = people::renew(&ui.service, secret)
            .await
            .map_err(|error| Box::new(Fault::from(error).page(None)))?
    {
        request.extensions_mut().insert(Renewed(session));
    }
    let told = |fault: Fault| Box::new(fault.page(Some(&visitor)));
    if let Needs::Right(right) = needs {
        let vault = vault_of_path(&mut request).await.map_err(told)?;
        let may = match vault {
            Some(vault) => visitor.actor.require(right, vault),
            None => visitor.actor.require_somewhere(right),
        };
        may.map_err(|error| told(Fault::from(error)))?;
    }
    if changes {
        request = with_token(request, &visitor.csrf).await.map_err(told)?;
    }
    request.extensions_mut().insert(visitor);
    Ok(request)
}

/// Whether a page that is open asks by itself, with nobody at it: that keeps no session alive.
fn asks_by_itself(request: &Request) -> bool {
    request.uri().path() == "/live" || request.headers().contains_key("x-live")
}

/// Whether a form was sent by a page of ours. Browsers say so themselves, and a page cannot make them lie
/// (Fetch, "append a request `Origin` header"; Fetch Metadata).
fn is_of_this_origin(headers: &HeaderMap, public: &Public) -> bool {
    let only = |name: &str| {
        let mut values = headers.get_all(name).iter();
        let first = values.next().map(HeaderValue::as_bytes);
        (first, values.next().is_none())
    };
    let (origin, once) = only("origin");
    let (site, site_once) = only("sec-fetch-site");
    once && site_once
        && origin == Some(public.origin().as_bytes())
        && site.is_none_or(|site| site == b"same-origin")
}

/// What somebody without a session is answered.
fn unknown(request: &Request, had_one: bool) -> Response {
    if request.method() != Method::GET {
        let words = "Your session has ended. Sign in again; nothing was changed.";
        return Fault::plain(StatusCode::UNAUTHORIZED, words).page(None);
    }
    let here = request
        .uri()
        .path_and_query()
        .map_or("/", |path| path.as_str());
    let said = |name: &str| request.headers().get(name).map(HeaderValue::as_bytes);
    if !had_one
        && said("sec-fetch-site") == Some(b"cross-site")
        && said("sec-fetch-mode") == Some(b"navigate")
    {
        // A link from elsewhere comes without the cookie, which is for this site alone: the page asks for itself.
        return frame::again();
    }
    Redirect::to(&format!("/sign-in?to={}", percent_encoded(here))).into_response()
}

async fn visitor(ui: &Ui, visit: Visit, jar: &CookieJar, here: String) -> Result<Visitor, Fault> {
    let vaults = vaults::list_vaults(&ui.service, &visit.actor)
        .await?
        .into_iter()
        .map(|vault| (vault.vault, vault.name))
        .collect();
    let stopped = stops_in_force(&ui.service, &visit.actor).await?;
    Ok(Visitor {
        person: visit.person,
        role: visit.role,
        actor: visit.actor,
        session: visit.session,
        csrf: visit.csrf,
        bridge: visit.bridge,
        unit: Unit::of(jar),
        vaults,
        stopped,
        flash: Flash::of(jar, flash_cookie(&ui.public)),
        here,
        network: name_of_network(ui.service.network()),
    })
}

async fn vault_of_path(request: &mut Request) -> Result<Option<VaultId>, Fault> {
    let parts = request
        .extract_parts::<RawPathParams>()
        .await
        .map_err(|_| Fault::nothing_here())?;
    let named = parts.iter().find(|(name, _)| *name == "vault");
    named
        .map(|(_, value)| value.parse().map_err(|_| Fault::nothing_here()))
        .transpose()
}

/// Reads a form whole, and gives it on if it carries the session's token.
async fn with_token(request: Request, expected: &str) -> Result<Request, Fault> {
    #[derive(Deserialize)]
    struct Token {
        #[serde(default)]
        csrf: String,
    }
    let (parts, body) = request.into_parts();
    let bytes = to_bytes(body, BODY_LIMIT).await.map_err(|_| {
        Fault::plain(
            StatusCode::PAYLOAD_TOO_LARGE,
            "That is more than is taken here at once (8 MiB).",
        )
    })?;
    let again = || Request::from_parts(parts.clone(), Body::from(bytes.clone()));
    let kind = parts.headers.get(header::CONTENT_TYPE);
    let kind = kind.map(HeaderValue::as_bytes).unwrap_or_default();
    let token = if let Some(token) = parts.headers.get("x-csrf") {
        token.to_str().unwrap_or_default().to_owned()
    } else if kind.starts_with(b"multipart/form-data") {
        first_part(again()).await
    } else {
        axum_extra::extract::Form::<Token>::from_request(again(), &())
            .await
            .map_or_else(|_| String::new(), |form| form.0.csrf)
    };
    if bool::from(token.as_bytes().ct_eq(expected.as_bytes())) {
        return Ok(again());
    }
    let words = "This form is of an earlier session. Go back, load the page again and send it once more; nothing was changed.";
    Err(Fault::plain(StatusCode::FORBIDDEN, words))
}

/// The first part of a form with files, which is the token in every form of ours.
async fn first_part(request: Request) -> String {
    let Ok(mut form) = Multipart::from_request(request, &()).await else {
        return String::new();
    };
    match form.next_field().await {
        Ok(Some(field)) if field.name() == Some("csrf") => field.text().await.unwrap_or_default(),
        Ok(_) | Err(_) => String::new(),
    }
}

/// What keeps a page to itself: no inline code, nothing from elsewhere, no frame, no sniffing, no cache.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self'; connect-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Lets a page send its forms to the person's own tool too, which then learns which origin asked.
pub(crate) fn bridged(mut response: Response, port: Option<u16>) -> Response {
    if let Some(port) = port {
        let policy = CONTENT_SECURITY_POLICY.replace(
            "form-action 'self'",
            &format!("form-action 'self' http://localhost:{port}"),
        );
        if let Ok(value) = HeaderValue::from_str(&policy) {
            response
                .headers_mut()
                .insert(header::CONTENT_SECURITY_POLICY, value);
        }
        response
            .headers_mut()
            .insert(header::REFERRER_POLICY, HeaderValue::from_static("origin"));
    }
    response
}

/// Adds the headers that every answer has.
pub(super) async fn harden(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::CACHE_CONTROL, "no-store"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("permissions-policy"),
            "camera=(self), publickey-credentials-get=(self), publickey-credentials-create=(self), \
             geolocation=(), microphone=(), payment=(), usb=()",
        ),
    ] {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    response
}
