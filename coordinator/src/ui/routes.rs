//! The table of pages: what each needs. Deny by default: a page that is not in it does not exist, and
//! none can be added without saying who may see it.

use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::http::{Method, StatusCode};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{MethodRouter, get, post};

use tower_http::timeout::TimeoutLayer;

use super::posted::BODY_LIMIT;
use super::{Ui, fault, guard};
use crate::service::Right;

/// The longest that a page may take to begin its answer.
const TIME_LIMIT: Duration = Duration::from_secs(30);

/// What a page asks of whoever opens it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Nothing: signing in, and what browsers load.
    Nobody,
    /// Somebody who is signed in.
    Person,
    /// Somebody who is signed in and has this right: on the path's vault where it names one, else somewhere.
    Right(Right),
}

/// A page and what it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The verb.
    pub method: Method,
    /// The path, with its parts in braces.
    pub path: &'static str,
    /// What it needs.
    pub needs: Needs,
}

/// The pages as they are registered.
pub(super) struct Table {
    ui: Ui,
    router: Router<Ui>,
    entries: Vec<Entry>,
}

impl Table {
    pub(super) fn new(ui: Ui) -> Self {
        Self {
            ui,
            router: Router::new(),
            entries: Vec::new(),
        }
    }

    /// A page that is looked at. It must change nothing.
    pub(super) fn get<H, T>(self, path: &'static str, needs: Needs, handler: H) -> Self
    where
        H: Handler<T, Ui>,
        T: 'static,
    {
        self.add(Method::GET, path, needs, get(handler))
    }

    /// A form that is sent.
    pub(super) fn post<H, T>(self, path: &'static str, needs: Needs, handler: H) -> Self
    where
        H: Handler<T, Ui>,
        T: 'static,
    {
        self.add(Method::POST, path, needs, post(handler))
    }

    fn add(
        mut self,
        method: Method,
        path: &'static str,
        needs: Needs,
        handler: MethodRouter<Ui>,
    ) -> Self {
        let watched = guard::Watched {
            ui: self.ui.clone(),
            needs,
        };
        let guarded = handler.layer(from_fn_with_state(watched, guard::guard));
        self.router = self.router.route(path, guarded);
        self.entries.push(Entry {
            method,
            path,
            needs,
        });
        self
    }

    pub(super) fn into_router(self) -> Router {
        self.router
            .fallback(fault::no_such_page)
            .method_not_allowed_fallback(fault::no_such_page)
            .layer(from_fn(guard::harden))
            // The guard reads forms whole and bounds them; what is within its bound is a form's whole.
            .layer(DefaultBodyLimit::max(BODY_LIMIT))
            // Of the answer's head alone: streams go on.
            .layer(TimeoutLayer::with_status_code(
                StatusCode::SERVICE_UNAVAILABLE,
                TIME_LIMIT,
            ))
            .with_state(self.ui)
    }

    pub(super) fn into_entries(self) -> Vec<Entry> {
        self.entries
    }
}
