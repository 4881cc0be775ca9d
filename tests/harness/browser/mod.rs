//! A real browser: Debian's Chromium, driven over WebDriver, with a virtual authenticator.
//!
//! Each browser has a profile folder and a driver of its own, talks to this host alone, and ends with
//! the test. One browser is one person: its passkeys and cookies are nobody else's.

mod acting;
mod camera;
mod handing;
mod seeing;

pub use self::camera::{Camera, film};
pub use self::seeing::Screen;

use std::process::Command;

use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use ureq::http::Method;
use url::Url;

use crate::{Failure, Front, Process, SHORT, environment, process, wait_until};

/// What keeps a browser alone on this machine.
const FLAGS: [&str; 11] = [
    "--window-size=1280,900",
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
];

/// A browser with one window.
#[derive(Debug)]
pub struct Browser {
    // The client first: it says good-bye to the driver, which ends after it.
    client: Client,
    runtime: Runtime,
    _driver: Process,
    _profile: TempDir,
}

/// A command of the extensions that fantoccini does not know.
#[derive(Debug)]
struct Extension {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Extension {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, url::ParseError> {
        base.join(&format!(
            "session/{}/{}",
            session.unwrap_or_default(),
            self.path
        ))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.body.to_string()))
    }
}

impl Browser {
    /// Starts a driver and a browser.
    pub fn start() -> Result<Self, Failure> {
        Self::start_with(&[])
    }

    /// The same with a browser that finds the pages behind a front.
    pub fn start_before(front: &Front) -> Result<Self, Failure> {
        Self::start_with(&front.flags())
    }

    /// The same with a browser that has a camera.
    pub fn start_with_camera(camera: &Camera) -> Result<Self, Failure> {
        Self::start_with(&camera.flags())
    }

    fn start_with(more: &[String]) -> Result<Self, Failure> {
        let program = |name: &str| {
            environment::system_program(name).ok_or_else(|| {
                Failure::new(format!(
                    "there is no {name}: run `make setup` (Debian's chromium and chromium-driver)"
                ))
            })
        };
        let (driver, chromium) = (program("chromedriver")?, program("chromium")?);
        let profile = environment::folder("browser")?;
        let log = profile.path().join("driver.log");
        let mut command: Command = process::command(&driver, "KILL");
        command.arg("--port=0");
        let running = Process::start("chromedriver", command, &log)?;
        let port: u16 = wait_until("chromedriver to listen", SHORT, || {
            let said = running.log()?;
            let port = said.split("started successfully on port ").nth(1);
            Ok(port.and_then(|rest| rest.split('.').next()?.trim().parse().ok()))
        })?;
        let mut arguments: Vec<String> = FLAGS.map(str::to_owned).to_vec();
        arguments.push(format!(
            "--user-data-dir={}",
            profile.path().join("profile").display()
        ));
        arguments.extend_from_slice(more);
        let mut capabilities = serde_json::Map::new();
        capabilities.insert(
            "goog:chromeOptions".to_owned(),
            json!({ "binary": chromium, "args": arguments }),
        );
        capabilities.insert("webauthn:virtualAuthenticators".to_owned(), json!(true));
        let runtime = Runtime::new()?;
        let client = runtime.block_on(
            ClientBuilder::new(HttpConnector::new())
                .capabilities(capabilities)
                .connect(&format!("http://127.0.0.1:{port}")),
        )?;
        Ok(Self {
            client,
            runtime,
            _driver: running,
            _profile: profile,
        })
    }

    /// Plugs in an authenticator that verifies its user and touches by itself.
    pub fn plug_in_authenticator(&self) -> Result<(), Failure> {
        let body = json!({
            "protocol": "ctap2", "transport": "internal", "hasResidentKey": true,
            "hasUserVerification": true, "isUserConsenting": true, "isUserVerified": true,
        });
        self.extension("webauthn/authenticator", body)?;
        Ok(())
    }

    /// Opens a page.
    pub fn open(&self, url: &str) -> Result<(), Failure> {
        Ok(self.runtime.block_on(self.client.goto(url))?)
    }

    fn devtools(&self, command: &str, parameters: &Value) -> Result<Value, Failure> {
        let body = json!({ "cmd": command, "params": parameters });
        self.extension("goog/cdp/execute", body)
    }

    fn extension(&self, path: &'static str, body: Value) -> Result<Value, Failure> {
        let command = Extension { path, body };
        Ok(self.runtime.block_on(self.client.issue_cmd(command))?)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // What does not end by itself ends with the driver.
        drop(self.runtime.block_on(self.client.clone().close()));
    }
}
