//! `xpub`: the public half of the signer's key, without opening its seal.

use super::Context;
use crate::failure::Failure;
use crate::keystore::Kind;

/// Show the signer's extended public key with its origin
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:\n\
\x20 countersign-signer --home alice xpub")]
pub(super) struct Xpub {}

impl Xpub {
    #[expect(clippy::unused_self, reason = "every verb runs the same way")]
    pub(super) fn run(self, context: &mut Context) -> Result<(), Failure> {
        let home = context.home()?;
        let key = home.vault_public()?;
        let journal = home.sealed(Kind::Journal, None)?.header.public;
        let value = serde_json::json!({ "key": key, "journal": journal });
        context.terminal.answer(&key, &value)
    }
}
