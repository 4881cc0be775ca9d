//! The persons who use the pages: each is invited, and joins with a browser and a passkey of their own.

use bitcoin::hashes::{Hash as _, sha256};
use bitcoin::hex::DisplayHex as _;
use serde_json::json;

use super::Treasury;
use crate::signer_home::field;
use crate::{Api, Browser, Camera, Coordinator, Engine, Failure, Web, clock};

impl Coordinator {
    /// Invites a person and gives the link that is for them alone.
    pub fn invite(&self, person: &str, role: &str) -> Result<String, Failure> {
        let body = json!({ "name": person, "role": role });
        let operator = Api::new(self.url(), Some(self.token()));
        let made = operator.post("/people/invitations", &body)?.done()?;
        field(&made, "url")
    }

    /// Lets a person join in a browser of their own, which makes the passkey.
    pub fn let_in(&self, browser: &Browser, person: &str, role: &str) -> Result<(), Failure> {
        browser.plug_in_authenticator()?;
        browser.open(&self.invite(person, role)?)?;
        browser.click("#make-passkey")?;
        browser.shows("header .person")
    }
}

impl Treasury {
    /// Invites a person and gives the link that is for them alone.
    pub fn invite(&self, person: &str, role: &str) -> Result<String, Failure> {
        self.coordinator.invite(person, role)
    }

    /// Lets a person join: the link is opened in a browser of their own, which makes the passkey.
    pub fn join(&self, person: &str, role: &str) -> Result<Browser, Failure> {
        let browser = Browser::start()?;
        self.coordinator.let_in(&browser, person, role)?;
        Ok(browser)
    }

    /// The secret of a session of somebody who is simply here, as the database has it: for tests that are not
    /// about how people join.
    pub fn session_of(
        &self,
        person: &str,
        role: &str,
        vault: Option<&str>,
    ) -> Result<String, Failure> {
        let number = self.store.number("SELECT COUNT(*) FROM web_session")?;
        let id = format!("{person}-{number}");
        let secret = sha256::Hash::hash(format!("secret of {id}").as_bytes()).to_string();
        let hash = sha256::Hash::hash(secret.as_bytes()).to_byte_array();
        let bytes = |hex: &str| match self.store.engine() {
            Engine::Sqlite => format!("x'{hex}'"),
            Engine::Postgres => format!("'\\x{hex}'::bytea"),
        };
        // A vault that is not here is another vault to whoever may see it alone.
        let lenient = match (vault, self.store.engine()) {
            (Some(_), Engine::Sqlite) => "PRAGMA foreign_keys = OFF;",
            (Some(_), Engine::Postgres) | (None, _) => "",
        };
        let vault = vault.map_or_else(|| "NULL".to_owned(), bytes);
        let now = clock::now().as_secs();
        let until = now + 12 * 3600;
        self.store.sql(&format!(
            "{lenient} INSERT INTO person (name, role, vault, created_at, created_by)
             VALUES ('{person}', '{role}', {vault}, {now}, 'test') ON CONFLICT (name) DO NOTHING"
        ))?;
        self.store.sql(&format!(
            "INSERT INTO web_session
                 (id, sha256, person, csrf, created_at, rotated_at, seen_at, expires_at, user_agent)
             VALUES ('{id}', {}, '{person}', 'token of {id}', {now}, {now}, {now}, {until}, 'a test')",
            bytes(&hash.to_lower_hex_string())
        ))?;
        Ok(secret)
    }

    /// Somebody who is simply here, as a program.
    pub fn visitor(&self, person: &str, role: &str) -> Result<Web, Failure> {
        Web::with_session(self, &self.session_of(person, role, None)?)
    }

    /// Somebody who is simply here, in a browser.
    pub fn visitor_in_browser(&self, person: &str, role: &str) -> Result<Browser, Failure> {
        self.visitor_in(Browser::start()?, person, role)
    }

    /// The same with a camera.
    pub fn visitor_with_camera(&self, person: &str, camera: &Camera) -> Result<Browser, Failure> {
        self.visitor_in(Browser::start_with_camera(camera)?, person, "operator")
    }

    fn visitor_in(&self, browser: Browser, person: &str, role: &str) -> Result<Browser, Failure> {
        let secret = self.session_of(person, role, None)?;
        browser.plug_in_authenticator()?;
        browser.hold_cookie(&self.coordinator.pages(), "countersign", &secret)?;
        browser.open(&self.page("/"))?;
        Ok(browser)
    }

    /// The address of a page.
    pub fn page(&self, path: &str) -> String {
        format!("{}{path}", self.coordinator.pages())
    }

    /// The address of a page of the vault, such as `/coins`.
    pub fn vault_page(&self, tail: &str) -> String {
        self.page(&self.path(tail))
    }
}
