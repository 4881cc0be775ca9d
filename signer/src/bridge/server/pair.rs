//! Pairing: a code typed into a page lets pages of its origin open asks, and binds the answers to that browser.

use super::super::asked::{MAX_FORM, back};
use super::super::browser::{Browser, Halves};
use super::super::error::BridgeError;
use super::super::event::BridgeEvent;
use super::super::form::Form;
use super::super::origin::{Origin, paired, remember};
use super::super::pages;
use super::door::{body, navigated};
use super::reply::page;
use super::{Bridge, aside};
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use std::sync::{Arc, PoisonError};

/// What a refusal is titled.
const TITLE: &str = "Not paired";

pub(super) async fn pair(bridge: Arc<Bridge>, request: Request) -> Response {
    let from = match navigated(&bridge, request.headers()) {
        Ok(from) => from,
        Err(error) => return bridge.refuse(TITLE, &error.into(), None),
    };
    let Some(body) = body(request, MAX_FORM).await else {
        let most = MAX_FORM;
        return bridge.refuse(TITLE, &BridgeError::TooLarge { most }.into(), None);
    };
    let form = match Form::read(&body) {
        Ok(form) => form,
        Err(error) => return bridge.refuse(TITLE, &error.into(), None),
    };
    let back = back(&form, &from).unwrap_or_default();
    let (working, offered) = (Arc::clone(&bridge), from.clone());
    let paired = aside(move || Ok(working.paired_by(&form, &offered)?)).await;
    match paired {
        Ok((browser, halves)) => {
            let name = browser.name(bridge.port);
            let html = pages::paired(&from, (&name, &halves.page()), back.as_deref());
            bridge.tell(BridgeEvent::Paired { origin: from });
            let cookie = [(header::SET_COOKIE, halves.cookie(&name))];
            (cookie, page(StatusCode::OK, html)).into_response()
        }
        Err(failure) => bridge.refuse(TITLE, &failure, back.as_deref()),
    }
}

impl Bridge {
    fn paired_by(&self, form: &Form, from: &Origin) -> Result<(Browser, Halves), BridgeError> {
        let code = form.only("code", 32)?.unwrap_or_default();
        // What cannot be remembered must not use the code up.
        let known = paired(&self.home)?;
        let before = known.iter().find(|one| one.origin == *from);
        let (browser, halves) = Browser::bind(before.and_then(|one| one.browser.as_ref()))?;
        let mut pairing = self.pairing.lock().unwrap_or_else(PoisonError::into_inner);
        let open = pairing.as_mut().ok_or(BridgeError::NoCode)?;
        open.offer(code, (self.steady)())?;
        remember(&self.home, from, (self.clock)(), browser.clone())?;
        Ok((browser, halves))
    }
}
