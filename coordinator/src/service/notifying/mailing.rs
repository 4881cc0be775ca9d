//! Mail by SMTP. The password comes from a file and stands in no log, argument or message.

use std::fmt;
use std::time::Duration;

use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::transport::smtp::authentication::Credentials;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use serde::{Deserialize, Serialize};

use super::letter::Letter;

type Smtp = AsyncSmtpTransport<Tokio1Executor>;

/// How long the mail server may take for one step.
const TIMEOUT: Duration = Duration::from_secs(20);

/// How the mail server is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailTls {
    /// Encrypted once the server said that it can; never without.
    Starttls,
    /// Encrypted from the first byte.
    Tls,
    /// In the clear: on this host only.
    None,
}

/// `[mail]` of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailConfig {
    /// The mail server's name.
    pub host: String,
    /// Its port; 587 with `starttls`, 465 with `tls`, 25 with `none`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// `starttls`, `tls` or `none`.
    pub tls: MailTls,
    /// Who writes, as `Countersign <countersign@treasury.example>`.
    pub from: String,
    /// The name to sign in with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The file with the password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_file: Option<std::path::PathBuf>,
}

/// What is wrong with `[mail]`.
#[derive(Debug, thiserror::Error)]
pub enum MailConfigError {
    /// Mail would travel in the clear.
    #[error("[mail] tls = \"none\" is for a server on this host only, not for {0}")]
    Clear(String),
    /// Nobody writes.
    #[error("[mail] from is not an address such as Countersign <countersign@treasury.example>")]
    From,
    /// A name without a password, or the other way round.
    #[error("[mail] username and password_file stand together or not at all")]
    Half,
    /// The password cannot be read.
    #[error("[mail] password_file {}: {cause}", .path.display())]
    Password {
        /// The file.
        path: std::path::PathBuf,
        /// The system's answer.
        cause: std::io::Error,
    },
}

impl MailConfig {
    /// Checks it, without reading the password.
    ///
    /// # Errors
    /// [`MailConfigError`].
    pub fn check(&self) -> Result<(), MailConfigError> {
        let is_here = matches!(self.host.as_str(), "localhost" | "127.0.0.1" | "::1");
        if self.tls == MailTls::None && !is_here {
            return Err(MailConfigError::Clear(self.host.clone()));
        }
        if self.username.is_some() != self.password_file.is_some() {
            return Err(MailConfigError::Half);
        }
        self.from
            .parse::<Mailbox>()
            .map_err(|_| MailConfigError::From)?;
        Ok(())
    }

    /// Reads the password, and makes ready to send.
    ///
    /// # Errors
    /// [`MailConfigError`].
    pub fn open(&self) -> Result<Mailer, MailConfigError> {
        self.check()?;
        let from = self.from.parse().map_err(|_| MailConfigError::From)?;
        let credentials = match (&self.username, &self.password_file) {
            (Some(name), Some(path)) => {
                let password = std::fs::read_to_string(path).map_err(|cause| {
                    let path = path.clone();
                    MailConfigError::Password { path, cause }
                })?;
                let password = password.trim_end_matches(['\r', '\n']).to_owned();
                Some(Credentials::new(name.clone(), password))
            }
            (Some(_), None) | (None, Some(_) | None) => None,
        };
        let port = self.port.unwrap_or(match self.tls {
            MailTls::Starttls => 587,
            MailTls::Tls => 465,
            MailTls::None => 25,
        });
        Ok(Mailer {
            host: self.host.clone(),
            port,
            tls: self.tls,
            from,
            credentials,
        })
    }
}

/// What sends mail.
#[derive(Clone)]
pub struct Mailer {
    host: String,
    port: u16,
    tls: MailTls,
    from: Mailbox,
    credentials: Option<Credentials>,
}

impl fmt::Debug for Mailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailer")
            .field("host", &self.host)
            .finish_non_exhaustive()
    }
}

/// Why a mail was not taken.
#[derive(Debug, thiserror::Error)]
pub enum MailFault {
    /// The person's address is none.
    #[error("the address to write to is none")]
    Address,
    /// The mail cannot be written.
    #[error("the mail cannot be written: {0}")]
    Message(#[from] lettre::error::Error),
    /// The server refused, or is not there.
    #[error("the mail server: {0}")]
    Smtp(#[from] lettre::transport::smtp::Error),
}

impl Mailer {
    /// Sends one mail; done once the server took it.
    ///
    /// # Errors
    /// [`MailFault`].
    pub async fn send(&self, to: &str, letter: &Letter) -> Result<(), MailFault> {
        let to: Mailbox = to.parse().map_err(|_| MailFault::Address)?;
        let message = Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(letter.subject.clone())
            .header(ContentType::TEXT_PLAIN)
            .body(letter.text.clone())?;
        let mut builder = match self.tls {
            MailTls::Starttls => Smtp::starttls_relay(&self.host)?,
            MailTls::Tls => Smtp::relay(&self.host)?,
            MailTls::None => Smtp::builder_dangerous(&self.host),
        };
        builder = builder.port(self.port).timeout(Some(TIMEOUT));
        if let Some(credentials) = &self.credentials {
            builder = builder.credentials(credentials.clone());
        }
        let server: Smtp = builder.build();
        server.send(message).await?;
        Ok(())
    }
}

/// Whether a text is an address that mail can go to.
pub fn is_address(text: &str) -> bool {
    text.len() <= 254 && text.is_ascii() && text.parse::<lettre::Address>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(host: &str, tls: MailTls) -> MailConfig {
        MailConfig {
            host: host.to_owned(),
            port: None,
            tls,
            from: "Countersign <countersign@treasury.example>".to_owned(),
            username: None,
            password_file: None,
        }
    }

    #[test]
    fn mail_in_the_clear_stays_on_this_host() {
        config("localhost", MailTls::None)
            .check()
            .expect("this host");
        config("mail.example", MailTls::Starttls)
            .check()
            .expect("encrypted");
        for host in ["mail.example", "localhost.example", "10.0.0.1"] {
            let refused = config(host, MailTls::None).check();
            assert!(matches!(refused, Err(MailConfigError::Clear(_))), "{host}");
        }
        let half = MailConfig {
            username: Some("x".to_owned()),
            ..config("localhost", MailTls::None)
        };
        assert!(matches!(half.check(), Err(MailConfigError::Half)));
    }

    #[test]
    fn a_password_stands_in_no_text_about_the_mailer() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("password");
        std::fs::write(&path, "very secret\n").expect("writes");
        let mailer = MailConfig {
            username: Some("countersign".to_owned()),
            password_file: Some(path),
            ..config("mail.example", MailTls::Tls)
        };
        let told = format!("{mailer:?} {:?}", mailer.open().expect("opens"));
        assert!(!told.contains("very secret"), "{told}");
    }
}
