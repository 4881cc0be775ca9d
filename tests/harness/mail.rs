//! A mail server that demands encryption and a password: Python's aiosmtpd, in a process of its own.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde::Deserialize;
use tempfile::TempDir;

use crate::node::free_port;
use crate::signer_home::text;
use crate::{Failure, Process, SHORT, environment, wait_until};

/// Who may send.
const USER: &str = "countersign";
/// With which password.
const PASSWORD: &str = "a very long mail password, 7f3c";

/// A mail server with a certificate and a folder of its own.
#[derive(Debug)]
pub struct MailServer {
    process: Option<Process>,
    python: PathBuf,
    port: u16,
    folder: TempDir,
}

/// A mail as it was taken, read by Python's own email package.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Mail {
    /// The sender of the envelope.
    pub sender: String,
    /// The recipients of the envelope.
    pub recipients: Vec<String>,
    /// Its headers in their order, with names in lower case.
    pub headers: Vec<(String, String)>,
    /// How many parts it has; 1 for plain text.
    pub parts: usize,
    /// Its text.
    pub text: String,
    /// Whether it came encrypted.
    pub encrypted: bool,
    /// Who had signed in.
    pub user: String,
}

impl Mail {
    /// The one header of a name; none where there is none, or several.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(found, _)| found == name);
        let (_, value) = found.next()?;
        found.next().is_none().then_some(value.as_str())
    }
}

impl MailServer {
    /// Starts it.
    pub fn start() -> Result<Self, Failure> {
        let folder = environment::folder("mail")?;
        let python = environment::python_of_mail()?;
        let (key, certificate) = (
            folder.path().join("key.pem"),
            folder.path().join("cert.pem"),
        );
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-nodes", "-days", "2"])
            .args(["-pkeyopt", "ec_paramgen_curve:prime256v1"])
            .args([
                "-subj",
                "/CN=localhost",
                "-addext",
                "subjectAltName=DNS:localhost",
            ])
            .args(["-addext", "basicConstraints=critical,CA:FALSE"])
            .args(["-keyout", text(&key)?, "-out", text(&certificate)?])
            .output()?;
        if !made.status.success() {
            let said = String::from_utf8_lossy(&made.stderr);
            return Err(Failure::new(format!("openssl made no certificate: {said}")));
        }
        fs::write(folder.path().join("password"), format!("{PASSWORD}\n"))?;
        let mut server = Self {
            process: None,
            python,
            port: free_port()?,
            folder,
        };
        server.takes_the_password(true)?;
        server.comes_back()?;
        Ok(server)
    }

    /// The part of a coordinator's configuration that sends mail by it.
    pub fn configuration(&self) -> String {
        let file = |name: &str| self.folder.path().join(name).display().to_string();
        format!(
            "[mail]\n\
             host = \"localhost\"\n\
             port = {}\n\
             tls = \"starttls\"\n\
             from = \"Countersign <countersign@treasury.example>\"\n\
             username = \"{USER}\"\n\
             password_file = \"{}\"\n\
             ca_file = \"{}\"\n",
            self.port,
            file("password"),
            file("cert.pem"),
        )
    }

    /// What nobody may ever read: the password, and what is sent of it.
    pub fn secrets() -> [String; 3] {
        use bitcoin::base64::Engine as _;
        use bitcoin::base64::engine::general_purpose::STANDARD;
        [
            PASSWORD.to_owned(),
            STANDARD.encode(PASSWORD),
            STANDARD.encode(format!("\0{USER}\0{PASSWORD}")),
        ]
    }

    /// Whether the password opens anything.
    pub fn takes_the_password(&self, takes: bool) -> Result<(), Failure> {
        let password = if takes { PASSWORD } else { "another one" };
        let login = format!("{USER}\n{password}\n");
        Ok(fs::write(self.folder.path().join("login"), login)?)
    }

    /// Answers every mail so from now on; takes them again where there is nothing to say.
    pub fn answers(&self, answer: Option<&str>) -> Result<(), Failure> {
        let file = self.folder.path().join("answer");
        match answer {
            Some(answer) => fs::write(file, answer)?,
            None => fs::remove_file(file)?,
        }
        Ok(())
    }

    /// Ends it at once.
    pub fn goes_away(&mut self) -> Result<(), Failure> {
        if let Some(mut process) = self.process.take() {
            process.kill()?;
        }
        Ok(())
    }

    /// Starts it again where it was.
    pub fn comes_back(&mut self) -> Result<(), Failure> {
        let script = environment::repository().join("tests/independent/mail_server.py");
        let mut command = crate::process::command(&self.python, "KILL");
        command
            .arg(script)
            .arg(self.folder.path())
            .arg(self.port.to_string());
        let log = self.folder.path().join("server.log");
        let mut process = Process::start("the mail server", command, &log)?;
        wait_until("the mail server to listen", SHORT, || {
            process.must_run()?;
            let connected = std::net::TcpStream::connect(("127.0.0.1", self.port));
            Ok(connected.is_ok().then_some(()))
        })?;
        self.process = Some(process);
        Ok(())
    }

    /// All mails that were taken so far, the oldest first.
    pub fn mails(&self) -> Result<Vec<Mail>, Failure> {
        let mut files = Vec::new();
        for entry in fs::read_dir(self.folder.path())? {
            let path = entry?.path();
            if path.extension().is_some_and(|kind| kind == "json") {
                files.push(path);
            }
        }
        files.sort();
        let read = files
            .iter()
            .map(|file| Ok(serde_json::from_slice(&fs::read(file)?)?));
        read.collect()
    }

    /// When mail was handed to it, taken or not, in milliseconds.
    pub fn tries(&self) -> Result<Vec<u64>, Failure> {
        let file = self.folder.path().join("tries");
        if !file.exists() {
            return Ok(Vec::new());
        }
        let text = fs::read_to_string(file)?;
        text.lines().map(|line| Ok(line.parse()?)).collect()
    }
}
