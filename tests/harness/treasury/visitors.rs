//! The persons who use the pages: each is invited, and joins with a browser and a passkey of their own.

use serde_json::json;

use super::Treasury;
use crate::signer_home::field;
use crate::{Browser, Failure};

impl Treasury {
    /// Invites a person and gives the link that is for them alone.
    pub fn invite(&self, person: &str, role: &str) -> Result<String, Failure> {
        let body = json!({ "name": person, "role": role });
        let made = self.operator().post("/people/invitations", &body)?.done()?;
        field(&made, "url")
    }

    /// Lets a person join: the link is opened in a browser of their own, which makes the passkey.
    pub fn join(&self, person: &str, role: &str) -> Result<Browser, Failure> {
        let link = self.invite(person, role)?;
        let browser = Browser::start()?;
        browser.plug_in_authenticator()?;
        browser.open(&link)?;
        browser.click("#make-passkey")?;
        browser.arrives("/")?;
        browser.shows("header .person")?;
        Ok(browser)
    }

    /// The address of a page.
    pub fn page(&self, path: &str) -> String {
        format!("{}{path}", self.coordinator.pages())
    }

    /// The path of a page of the vault, such as `/coins`.
    pub fn vault_page(&self, tail: &str) -> String {
        self.page(&self.path(tail))
    }
}
