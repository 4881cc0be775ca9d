//! What can go wrong on the command line, by kind: the kind decides the exit status.

use std::path::PathBuf;

use thiserror::Error;

use crate::configuration::ConfigError;

/// A command that did not do what was asked.
#[derive(Debug, Error)]
pub enum CliError {
    /// The coordinator, a policy check or another rule said no.
    #[error("{detail}")]
    Refused {
        /// Stable code of the refusal.
        code: String,
        /// What was refused and why.
        detail: String,
        /// The whole problem document, where the coordinator sent one.
        problem: Option<serde_json::Value>,
        /// What to do about it.
        hint: Option<String>,
    },
    /// The arguments do not fit together.
    #[error("{message}")]
    Usage {
        /// What does not fit, and what would.
        message: String,
    },
    /// The command line is not one of ours.
    #[error("{message}")]
    CommandLine {
        /// What is not understood.
        message: String,
        /// What would be.
        hint: String,
    },
    /// The command speaks to a coordinator, and no token was given.
    #[error("no token was given: --token-file FILE or COUNTERSIGN_TOKEN_FILE")]
    NoToken,
    /// The token's file is empty.
    #[error("the token file {path} is empty")]
    EmptyToken {
        /// The file.
        path: PathBuf,
    },
    /// The token's file holds something else: a token is 64 hex digits.
    #[error("{path} holds no token: a token is 64 hex digits")]
    NotAToken {
        /// The file.
        path: PathBuf,
    },
    /// The file for the first operator's token is there already.
    #[error("{path} exists already, so nothing was done")]
    TokenFileExists {
        /// The file.
        path: PathBuf,
    },
    /// The invitation of the first operator is open already.
    #[error("{name} is invited already, and the link that opens once is still good")]
    InvitedAlready {
        /// The operator.
        name: String,
    },
    /// The configuration file is not one.
    #[error("{path}: {source}")]
    Configuration {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<ConfigError>,
    },
    /// The folder in which a file is to be made is not there.
    #[error("there is no folder {folder} for {file}")]
    NoFolder {
        /// The folder.
        folder: PathBuf,
        /// What is to be made in it.
        file: PathBuf,
    },
    /// The database's address is none.
    #[error("the database url is neither sqlite:///path/file.db nor postgres://…")]
    DatabaseUrl,
    /// The database cannot be opened.
    #[error("{reason}")]
    DatabaseUnavailable {
        /// What happened.
        reason: String,
    },
    /// A file named on the command line cannot be used.
    #[error("cannot use {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// No answer, or none that makes sense.
    #[error("cannot speak to {url}: {reason}")]
    Connection {
        /// The address spoken to.
        url: String,
        /// What happened.
        reason: String,
    },
    /// The coordinator answers, but what it was asked for did not come in time.
    #[error("{detail}")]
    Waited {
        /// What did not come.
        detail: String,
        /// What to do about it.
        hint: &'static str,
    },
    /// The receiver of a webhook did not take the test.
    #[error("the test was not taken: {error}")]
    WebhookNotTaken {
        /// What went wrong.
        error: String,
        /// The delivery, as the coordinator tells of it.
        delivery: serde_json::Value,
    },
    /// A part of the running coordinator failed.
    #[error("{part}: {reason}")]
    Failed {
        /// Which part.
        part: String,
        /// What happened.
        reason: String,
    },
}

impl CliError {
    /// Returns the exit status of this kind of error.
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::Refused { .. } | Self::WebhookNotTaken { .. } => 1,
            Self::Usage { .. }
            | Self::CommandLine { .. }
            | Self::NoToken
            | Self::EmptyToken { .. }
            | Self::NotAToken { .. }
            | Self::TokenFileExists { .. }
            | Self::InvitedAlready { .. }
            | Self::Configuration { .. }
            | Self::NoFolder { .. }
            | Self::DatabaseUrl
            | Self::File { .. } => 2,
            Self::DatabaseUnavailable { .. }
            | Self::Connection { .. }
            | Self::Waited { .. }
            | Self::Failed { .. } => 3,
        }
    }

    /// Returns the word for this kind of error, the same as the signer's tool has.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Refused { .. } | Self::WebhookNotTaken { .. } => "Refused",
            Self::Usage { .. }
            | Self::CommandLine { .. }
            | Self::NoToken
            | Self::EmptyToken { .. }
            | Self::NotAToken { .. }
            | Self::TokenFileExists { .. }
            | Self::InvitedAlready { .. }
            | Self::Configuration { .. }
            | Self::NoFolder { .. }
            | Self::DatabaseUrl
            | Self::File { .. } => "Error",
            Self::DatabaseUnavailable { .. }
            | Self::Connection { .. }
            | Self::Waited { .. }
            | Self::Failed { .. } => "Unavailable",
        }
    }

    /// Returns the stable code.
    pub fn code(&self) -> &str {
        match self {
            Self::Refused { code, .. } => code,
            Self::Usage { .. } | Self::CommandLine { .. } => "usage",
            Self::NoToken => "no_token",
            Self::EmptyToken { .. } | Self::NotAToken { .. } => "token_file",
            Self::TokenFileExists { .. } => "token_file_exists",
            Self::InvitedAlready { .. } => "invited_already",
            Self::Configuration { .. } => "configuration",
            Self::NoFolder { .. } => "no_folder",
            Self::DatabaseUrl => "database_url",
            Self::DatabaseUnavailable { .. } => "database_unavailable",
            Self::File { .. } => "file",
            Self::Connection { .. } => "connection",
            Self::Waited { .. } => "no_answer_in_time",
            Self::WebhookNotTaken { .. } => "webhook_not_taken",
            Self::Failed { .. } => "failed",
        }
    }

    /// Returns what to do next, where there is something.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Refused { hint, .. } => hint.as_deref(),
            Self::Usage { .. } => Some("--help behind the verb shows what it takes"),
            Self::CommandLine { hint, .. } => Some(hint),
            Self::NoToken => {
                Some("`init` wrote the first operator's token; `token create` makes others")
            }
            Self::EmptyToken { .. } | Self::NotAToken { .. } => Some(
                "name the file that `init` or `token create` wrote; `token create` makes another token",
            ),
            Self::InvitedAlready { .. } => Some(
                "use that link; if it is lost, `init --again` makes another one, and the first opens nothing any more",
            ),
            Self::Configuration { .. } => {
                Some("`countersign-coordinator config example` shows every field")
            }
            Self::NoFolder { .. } => Some("make the folder first, or name a file elsewhere"),
            Self::DatabaseUrl => Some(
                "correct `database` of the configuration, or --database; `config example` shows both forms",
            ),
            Self::DatabaseUnavailable { .. } => {
                Some("is the database running, and is `database` of the configuration its address?")
            }
            Self::TokenFileExists { .. } => {
                Some("if `init` wrote it, go on with `run`; else name a file that is not there yet")
            }
            Self::File { .. } => {
                Some("is the path right, and may this user read it, or write there?")
            }
            Self::WebhookNotTaken { .. } => Some(
                "mend the receiver, then test it again; one with another address is added anew",
            ),
            Self::Failed { .. } => Some("mend what is said there, then start it again"),
            Self::Connection { .. } => {
                Some("is the coordinator running? --url or COUNTERSIGN_URL names its address")
            }
            Self::Waited { hint, .. } => Some(hint),
        }
    }
}
