//! Why a page was not shown or not answered.

use crate::failure::{Class, Explained};
use std::io;

/// Why there is no answer from the page.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// The port of the page cannot be listened at.
    #[error("cannot listen at port {port} of this host: {cause}")]
    Port {
        /// The port.
        port: u16,
        /// The system's answer.
        cause: io::Error,
    },
    /// The system gives no tasks or sockets.
    #[error("the page cannot be served: {0}")]
    System(#[from] io::Error),
    /// The person pressed the other button.
    #[error("not confirmed on the page")]
    Declined,
    /// Nobody answered.
    #[error("nobody answered on the page within {minutes} minutes")]
    NobodyAnswered {
        /// How long it was open.
        minutes: u64,
    },
}

impl Explained for PageError {
    fn class(&self) -> Class {
        match self {
            Self::Port { .. } | Self::System(_) | Self::NobodyAnswered { .. } => Class::Device,
            Self::Declined => Class::Refused,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Port { .. } => "PORT_NOT_FREE",
            Self::System(_) => "PAGE_NOT_SERVED",
            Self::Declined => "NOT_CONFIRMED",
            Self::NobodyAnswered { .. } => "NOBODY_ANSWERED",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::Port { .. } => {
                "end the other program there, perhaps another bridge or page of this tool; where no passkey is \
                 used, `bridge --port N` takes another port: a passkey answers only at the port that the policy pins"
            }
            Self::NobodyAnswered { .. } => "run it again, and open the page it names",
            Self::System(_) => "end other programs, then try again; a key of a file needs no page",
            Self::Declined => "nothing was signed, and nothing is to be done",
        }
        .to_owned()
    }
}
