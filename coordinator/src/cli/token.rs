//! `token`: make, list and revoke API tokens.

use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::CliError;
use super::api::{self, Api, Body};
use super::output::Output;

#[derive(Debug, Subcommand)]
pub(super) enum Token {
    /// Make a token. It is shown once; only its hash is kept.
    #[command(
        after_help = "Example:\n  countersign-coordinator token create exchange --role service > exchange.token"
    )]
    Create {
        /// For whom, such as `exchange` or the signer's name in the policy.
        name: String,
        /// What it may do.
        #[arg(long, value_enum)]
        role: Role,
    },
    /// List tokens, without their secrets.
    #[command(after_help = "Example:\n  countersign-coordinator token list")]
    List,
    /// Revoke a token at once.
    #[command(after_help = "Example:\n  countersign-coordinator token revoke ID")]
    Revoke {
        /// Its id.
        id: String,
    },
}

/// What a token may do.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Role {
    /// Issue addresses, submit and cancel withdrawals, read.
    Service,
    /// Fetch PSBTs, hand in signatures and approvals, read.
    Signer,
    /// Everything.
    Operator,
    /// Read everything, change nothing.
    Auditor,
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Signer => "signer",
            Self::Operator => "operator",
            Self::Auditor => "auditor",
        }
    }
}

pub(super) fn run(verb: &Token, api: &Api, out: &Output) -> Result<(), CliError> {
    match verb {
        Token::Create { name, role } => {
            let answer = api.post(
                "/tokens",
                Body::Json(json!({ "name": name, "role": role.name() })),
            )?;
            if out.json() {
                return out.record(&answer);
            }
            // Alone on standard output, so that it can be redirected into a file.
            out.text(
                answer
                    .get("secret")
                    .and_then(Value::as_str)
                    .unwrap_or_default(),
            )
        }
        Token::List => out.table(
            &api.get("/tokens")?,
            &["id", "name", "role", "created_at", "revoked_at"],
            "No tokens.",
        ),
        Token::Revoke { id } => {
            let token = api.delete(&format!("/tokens/{}", api::segment(id)))?;
            out.told(&token, || {
                format!("Revoked the token {id}; it opens nothing any more.")
            })
        }
    }
}
