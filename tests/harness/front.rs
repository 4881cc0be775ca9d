//! What stands before the pages in earnest: TLS, and a name of the web's. Page keys work nowhere else.
//!
//! The certificate is made for the test and trusted by its browsers alone, by the hash of its key.

use std::process::Command;

use bitcoin::base64::Engine as _;
use bitcoin::base64::prelude::BASE64_STANDARD;
use bitcoin::hashes::{Hash as _, sha256};
use tempfile::TempDir;

use crate::signer_home::text;
use crate::{Failure, Process, SHORT, environment, process, wait_until};

/// The name in the certificate.
const NAME: &str = "treasury.example";

/// A proxy that speaks TLS before a coordinator.
#[derive(Debug)]
pub struct Front {
    port: u16,
    key_hash: String,
    _process: Process,
    _folder: TempDir,
}

impl Front {
    /// Where people open the pages behind it.
    pub fn url() -> String {
        format!("https://{NAME}")
    }

    /// Stands before a port of this machine.
    pub fn start(upstream: u16) -> Result<Self, Failure> {
        let node = program("node")?;
        let folder = environment::folder("front")?;
        let (key, certificate) = (folder.path().join("key"), folder.path().join("certificate"));
        openssl(&[
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
            "-subj",
            &format!("/CN={NAME}"),
            "-addext",
            &format!("subjectAltName=DNS:{NAME}"),
            "-keyout",
            text(&key)?,
            "-out",
            text(&certificate)?,
        ])?;
        let public = openssl(&["x509", "-in", text(&certificate)?, "-noout", "-pubkey"])?;
        let body: String = (public.lines())
            .filter(|line| !line.starts_with("-----"))
            .collect();
        let hash = sha256::Hash::hash(&BASE64_STANDARD.decode(body)?);
        let mut command = process::command(&node, "KILL");
        command
            .arg(environment::repository().join("tests/harness/front.mjs"))
            .args([&key, &certificate])
            .arg(upstream.to_string());
        let process = Process::start("the front", command, &folder.path().join("front.log"))?;
        let port = wait_until("the front to listen", SHORT, || {
            let said = process.log()?;
            let port = said.split("listens at ").nth(1);
            Ok(port.and_then(|rest| rest.split('.').next()?.parse().ok()))
        })?;
        Ok(Self {
            port,
            key_hash: BASE64_STANDARD.encode(hash.to_byte_array()),
            _process: process,
            _folder: folder,
        })
    }

    /// What lets a browser find it by its name and trust its certificate, and no other.
    pub(crate) fn flags(&self) -> [String; 2] {
        [
            format!(
                "--host-resolver-rules=MAP {NAME}:443 127.0.0.1:{}",
                self.port
            ),
            format!("--ignore-certificate-errors-spki-list={}", self.key_hash),
        ]
    }
}

fn program(name: &str) -> Result<std::path::PathBuf, Failure> {
    environment::system_program(name)
        .ok_or_else(|| Failure::new(format!("there is no {name}: run `make setup`")))
}

/// Runs openssl; what it printed.
fn openssl(arguments: &[&str]) -> Result<String, Failure> {
    let ran = Command::new(program("openssl")?).args(arguments).output()?;
    if ran.status.success() {
        return Ok(String::from_utf8(ran.stdout)?);
    }
    let said = String::from_utf8_lossy(&ran.stderr);
    Err(Failure::new(format!(
        "openssl {} failed: {said}",
        arguments.join(" ")
    )))
}
