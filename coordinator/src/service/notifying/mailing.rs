//! Mail by SMTP. The password comes from a file and stands in no log, argument or message.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use lettre::message::Mailbox;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
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
    /// The file with the certificate (PEM) of the authority that vouches for the server; the public ones if none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<std::path::PathBuf>,
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
    /// The authority's certificate cannot be read.
    #[error("[mail] ca_file {}: {cause}", .path.display())]
    AuthorityFile {
        /// The file.
        path: std::path::PathBuf,
        /// The system's answer.
        cause: std::io::Error,
    },
    /// The authority's certificate is none.
    #[error("[mail] ca_file {} holds no certificate in PEM: {cause}", .path.display())]
    Authority {
        /// The file.
        path: std::path::PathBuf,
        /// What is wrong with it.
        cause: lettre::transport::smtp::Error,
    },
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
        let authority = self.ca_file.as_ref().map(|path| authority(path));
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
            authority: authority.transpose()?,
        })
    }
}

fn authority(path: &Path) -> Result<Certificate, MailConfigError> {
    let text = std::fs::read(path).map_err(|cause| {
        let path = path.to_owned();
        MailConfigError::AuthorityFile { path, cause }
    })?;
    Certificate::from_pem(&text).map_err(|cause| {
        let path = path.to_owned();
        MailConfigError::Authority { path, cause }
    })
}

/// What sends mail.
#[derive(Clone)]
pub struct Mailer {
    host: String,
    port: u16,
    tls: MailTls,
    from: Mailbox,
    credentials: Option<Credentials>,
    authority: Option<Certificate>,
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
    /// Sends one mail; done once the server took it. What is sent again has the same `Message-ID`.
    ///
    /// # Errors
    /// [`MailFault`].
    pub async fn send(&self, to: &str, letter: &Letter) -> Result<(), MailFault> {
        let to: Mailbox = to.parse().map_err(|_| MailFault::Address)?;
        let message = Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(letter.subject.clone())
            .message_id(Some(format!("<{}@{}>", letter.id, self.from.email.domain())))
            // Nobody's program answers that its owner is on leave (RFC 3834).
            .raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".to_owned(),
            ))
            .header(ContentType::TEXT_PLAIN)
            .body(letter.text.clone())?;
        let mut builder = Smtp::builder_dangerous(&self.host)
            .port(self.port)
            .timeout(Some(TIMEOUT))
            .tls(match self.tls {
                MailTls::Starttls => Tls::Required(self.parameters()?),
                MailTls::Tls => Tls::Wrapper(self.parameters()?),
                MailTls::None => Tls::None,
            });
        if let Some(credentials) = &self.credentials {
            builder = builder.credentials(credentials.clone());
        }
        let server: Smtp = builder.build();
        server.send(message).await?;
        Ok(())
    }

    /// Whom the server must show itself to be: an authority of one's own is the only one then.
    fn parameters(&self) -> Result<TlsParameters, lettre::transport::smtp::Error> {
        let mut parameters = TlsParameters::builder(self.host.clone());
        if let Some(authority) = &self.authority {
            parameters = parameters
                .certificate_store(CertificateStore::None)
                .add_root_certificate(authority.clone());
        }
        parameters.build()
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
            ca_file: None,
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

    #[test]
    fn an_authority_that_is_no_certificate_is_refused_when_mail_is_set_up() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ca.pem");
        let with = |path: &Path| MailConfig {
            ca_file: Some(path.to_owned()),
            ..config("mail.example", MailTls::Starttls)
        };
        let refused = with(&path).open();
        assert!(matches!(
            refused,
            Err(MailConfigError::AuthorityFile { .. })
        ));
        std::fs::write(
            &path,
            "-----BEGIN CERTIFICATE-----\n%%\n-----END CERTIFICATE-----\n",
        )
        .expect("writes");
        let refused = with(&path).open();
        assert!(matches!(refused, Err(MailConfigError::Authority { .. })));
    }
}
