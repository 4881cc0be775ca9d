//! The pages as a program speaks to them that believes nothing: any header, any body, any session.

use std::time::Duration;

use ureq::http::{Method, Request};

use crate::{Browser, Failure, Treasury};

/// One visitor with a session, or none.
#[derive(Debug, Clone)]
pub struct Web {
    agent: ureq::Agent,
    /// What is connected to.
    url: String,
    /// What browsers call it.
    origin: String,
    cookie: Option<String>,
    csrf: String,
}

/// What a page answered.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The HTTP status.
    pub status: u16,
    /// The headers, by lower-case name.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub text: String,
}

impl Seen {
    /// The first header of a name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(found, _)| found == name);
        found.map(|(_, value)| value.as_str())
    }
}

impl Web {
    /// Somebody who is not signed in.
    pub fn nobody(treasury: &Treasury) -> Self {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(Duration::from_mins(1)))
            .build()
            .new_agent();
        Self {
            agent,
            url: treasury.coordinator.url().to_owned(),
            origin: treasury.coordinator.pages(),
            cookie: None,
            csrf: String::new(),
        }
    }

    /// The one who is signed in in a browser.
    pub fn of(treasury: &Treasury, browser: &Browser) -> Result<Self, Failure> {
        let secret = browser.cookie("countersign")?;
        Self::with_session(treasury, &secret)
    }

    /// Whoever holds the secret of a session.
    pub fn with_session(treasury: &Treasury, secret: &str) -> Result<Self, Failure> {
        let mut web = Self::nobody(treasury);
        web.cookie = Some(format!("countersign={secret}"));
        let seen = web.get("/health")?;
        let token = seen.text.split("data-csrf=\"").nth(1);
        token
            .and_then(|rest| rest.split('"').next())
            .unwrap_or_default()
            .clone_into(&mut web.csrf);
        Ok(web)
    }

    /// The token that the session's forms carry.
    pub fn csrf(&self) -> &str {
        &self.csrf
    }

    /// The origin that browsers name.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Opens a page.
    pub fn get(&self, path: &str) -> Result<Seen, Failure> {
        self.send(&Method::GET, path, &[], b"")
    }

    /// Sends a form as the page itself would.
    pub fn post(&self, path: &str, fields: &[(&str, &str)]) -> Result<Seen, Failure> {
        let token = [("csrf", self.csrf.as_str())];
        let body = form(&[&token[..], fields].concat());
        self.post_raw(path, &[("origin", &self.origin)], body.as_bytes())
    }

    /// Sends a form with these headers and this body.
    pub fn post_raw(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Seen, Failure> {
        let kind = [("content-type", "application/x-www-form-urlencoded")];
        self.send(&Method::POST, path, &[&kind[..], headers].concat(), body)
    }

    /// Sends anything. The `Host` is that of the pages unless one is given.
    pub fn send(
        &self,
        method: &Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Seen, Failure> {
        let host = self.origin.trim_start_matches("http://");
        let mut request = Request::builder()
            .method(method.clone())
            .uri(format!("{}{path}", self.url));
        if !headers.iter().any(|(name, _)| *name == "host") {
            request = request.header("host", host);
        }
        if let Some(cookie) = &self.cookie {
            request = request.header("cookie", cookie);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut answer = if method == Method::GET {
            self.agent.run(request.body(())?)?
        } else {
            self.agent.run(request.body(body.to_vec())?)?
        };
        let headers = answer.headers().iter().map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        });
        Ok(Seen {
            status: answer.status().as_u16(),
            headers: headers.collect(),
            text: String::from_utf8_lossy(&answer.body_mut().read_to_vec()?).into_owned(),
        })
    }
}

/// A form's body.
pub fn form(fields: &[(&str, &str)]) -> String {
    let mut body = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in fields {
        body.append_pair(name, value);
    }
    body.finish()
}
