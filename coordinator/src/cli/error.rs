//! What can go wrong on the command line, by kind: the kind decides the exit status.

use std::path::PathBuf;

use thiserror::Error;

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
    /// The file for the first operator's token is there already.
    #[error("{path} exists already, so nothing was done")]
    TokenFileExists {
        /// The file.
        path: PathBuf,
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
            Self::Refused { .. } => 1,
            Self::Usage { .. }
            | Self::CommandLine { .. }
            | Self::NoToken
            | Self::TokenFileExists { .. }
            | Self::File { .. } => 2,
            Self::Connection { .. } | Self::Waited { .. } | Self::Failed { .. } => 3,
        }
    }

    /// Returns the word for this kind of error, the same as the signer's tool has.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Refused { .. } => "Refused",
            Self::Usage { .. }
            | Self::CommandLine { .. }
            | Self::NoToken
            | Self::TokenFileExists { .. }
            | Self::File { .. } => "Error",
            Self::Connection { .. } | Self::Waited { .. } | Self::Failed { .. } => "Unavailable",
        }
    }

    /// Returns the stable code.
    pub fn code(&self) -> &str {
        match self {
            Self::Refused { code, .. } => code,
            Self::Usage { .. } | Self::CommandLine { .. } => "usage",
            Self::NoToken => "no_token",
            Self::TokenFileExists { .. } => "token_file_exists",
            Self::File { .. } => "file",
            Self::Connection { .. } => "connection",
            Self::Waited { .. } => "no_answer_in_time",
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
            Self::TokenFileExists { .. } => {
                Some("if `init` wrote it, go on with `run`; else name a file that is not there yet")
            }
            Self::File { .. } => {
                Some("is the path right, and may this user read it, or write there?")
            }
            Self::Failed { .. } => None,
            Self::Connection { .. } => {
                Some("is the coordinator running? --url or COUNTERSIGN_URL names its address")
            }
            Self::Waited { hint, .. } => Some(hint),
        }
    }
}
