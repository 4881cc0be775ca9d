//! `maintain`: an approver lets a spend to ourselves go beyond the budget.

use super::Context;
use super::approve::duration;
use super::review::read_transfer;
use crate::failure::Failure;
use crate::home::KeyName;
use crate::keystore::Kind;
use crate::maintaining::{MaintainingError, examine, sign};
use crate::pin::Pinned;
use policies::words::review_text;
use std::path::PathBuf;

/// Approve a spend to ourselves beyond the budget, after reading it
///
/// Only for transfers that pay nobody: coins joined, or made young again. The signature is over this one
/// transaction; hand it in with `countersign-coordinator attempt approve`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:\n\
\x20 countersign-signer --home dana maintain consolidation.psbt")]
pub(super) struct Maintain {
    /// The PSBT (binary, base64 or hex), or - for standard input
    file: PathBuf,
    /// Which approval key, if this home holds several
    #[arg(long, value_name = "NAME")]
    key: Option<KeyName>,
    /// How long it counts
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = duration)]
    expires_in: u64,
    /// Do not ask: it was read before
    #[arg(long)]
    yes: bool,
}

impl Maintain {
    pub(super) fn run(self, context: &mut Context) -> Result<(), Failure> {
        let home = context.home()?;
        let pinned = Pinned::load(&home)?;
        let policy = pinned.policy();
        home.expect_person_key(Kind::Approval, self.key.as_ref())?;
        let bytes = read_transfer(&self.file)?;
        let now = context.now()?;
        let reviewed = examine(&bytes, policy, now)?;
        context.terminal.talk(&review_text(&reviewed, policy));
        if !self.yes {
            context.terminal.confirm("Approve this as maintenance?")?;
        }
        let key = context.person_key(Kind::Approval, self.key.as_ref())?;
        let expires = now
            .checked_add(self.expires_in)
            .ok_or(MaintainingError::NeverExpires)?;
        let signed = sign(&reviewed, policy, key.secret(), expires)?;
        // What the coordinator's interface takes is JSON, also for a human who pipes it on.
        let text = serde_json::to_string_pretty(&signed).expect("an approval is plain JSON");
        context.terminal.answer(&text, &signed)
    }
}
