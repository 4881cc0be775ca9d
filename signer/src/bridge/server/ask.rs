//! Asks: a paired page passes hashes or a draft; what they mean is fetched, checked and put on a page of its own.

use super::super::asked::{Asked, MAX_FORM};
use super::super::browser::Browser;
use super::super::error::BridgeError;
use super::super::event::BridgeEvent;
use super::super::open::{Answered, Judge, Sheet};
use super::super::origin::{Origin, paired};
use super::super::preparing::{Desk, Ready};
use super::door::{body, navigated};
use super::{Bridge, aside};
use crate::failure::Failure;
use crate::page::Document;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use std::sync::Arc;

/// What a refusal is titled.
const TITLE: &str = "Nothing was opened";

pub(super) async fn ask(bridge: Arc<Bridge>, request: Request) -> Response {
    let from = match navigated(&bridge, request.headers()) {
        Ok(from) => from,
        Err(error) => return bridge.refuse(TITLE, &error.into(), None),
    };
    let (working, asking) = (Arc::clone(&bridge), from.clone());
    let browser = match aside(move || Ok(working.browser_of(&asking)?)).await {
        Ok(browser) => browser,
        Err(failure) => return bridge.refuse(TITLE, &failure, None),
    };
    let Some(body) = body(request, MAX_FORM).await else {
        let most = MAX_FORM;
        return bridge.refuse(TITLE, &BridgeError::TooLarge { most }.into(), None);
    };
    let asked = match Asked::read(&body, &from) {
        Ok(asked) => asked,
        Err(error) => return bridge.refuse(TITLE, &error.into(), None),
    };
    let back = asked.back.clone();
    let (what, count) = (asked.what.name(), asked.hashes.len());
    let (working, asking) = (Arc::clone(&bridge), from.clone());
    match aside(move || working.open(asked, asking, &browser)).await {
        Ok(secret) => {
            bridge.tell(BridgeEvent::Asked {
                origin: from,
                what,
                count,
            });
            let to = format!("/a/{secret}/");
            (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response()
        }
        Err(failure) => bridge.refuse(TITLE, &failure, back.as_deref()),
    }
}

impl Bridge {
    /// The browser that paired an origin, read anew each time.
    pub(super) fn browser_of(&self, from: &Origin) -> Result<Browser, BridgeError> {
        let known = paired(&self.home)?;
        let known = known.into_iter().find(|one| one.origin == *from);
        let known = known.ok_or_else(|| BridgeError::NotPaired(from.clone()))?;
        // An older tool bound no browser; then none may answer.
        known
            .browser
            .ok_or_else(|| BridgeError::NotThisBrowser(from.clone()))
    }

    /// Fetches, checks and shows what is asked; gives the secret of its page.
    fn open(
        self: Arc<Self>,
        asked: Asked,
        from: Origin,
        browser: &Browser,
    ) -> Result<String, Failure> {
        let desk = Desk {
            home: &self.home,
            keys: &self.keys,
            coordinator: &self.coordinator,
            #[cfg(feature = "devices")]
            attached: self.attached.as_ref(),
            port: self.port,
            now: (self.clock)(),
            clock: Arc::clone(&self.clock),
            dated_by_word: self.dated_by_word,
        };
        let Ready {
            title,
            summary,
            told,
            texts,
            button,
            ask,
            mut sign,
            progress,
        } = desk.prepare(&asked)?;
        let html = Document {
            title: &title,
            summary: &summary,
            told: &told,
            texts: &texts,
            button: &button,
            decline: "Sign nothing",
            ask: &ask,
            back: asked.back.as_deref(),
            browser: Some(&browser.name(self.port)),
        }
        .html();
        let (what, vault) = (asked.what.name(), asked.vault);
        let bridge = Arc::clone(&self);
        let judge: Judge = Box::new(move |body| {
            let signed = sign(body)?;
            let now = (bridge.clock)();
            let outcome = signed.hand_in(&bridge.coordinator, vault, &bridge.home, now);
            let outcome = outcome.map_err(|failure| failure.text())?;
            let said = outcome.words.clone();
            bridge.tell(if outcome.taken {
                BridgeEvent::Signed { what, said }
            } else {
                BridgeEvent::Kept { what, said }
            });
            Ok(Answered {
                words: outcome.words,
                good: outcome.taken,
            })
        });
        let sheet = Sheet {
            what,
            from,
            html,
            back: asked.back,
            progress,
        };
        Ok(self.asks.open(sheet, judge, (self.steady)())?)
    }
}
