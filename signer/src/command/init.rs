//! `init`: pins a policy by the id that a human gives.

use super::Context;
use super::dating::{expect_time, not_before};
use super::journal::born;
use crate::clock::Clock;
use crate::enrolment::{enrol_in_line, identified};
use crate::failure::Failure;
use crate::pin::Role;
use crate::terminal::read_input;
use policies::PolicyId;
use policies::document::{WordsError, policy_id_from_text};
use std::path::PathBuf;

/// The most bytes of a policy document that are read.
pub(super) const MAX_BYTES: u64 = 1024 * 1024;

/// Pin a policy: you give its id, as another person who reviewed it reads it out
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example, with the id as another person reads it out:\n\
\x20 countersign-signer --home alice init --policy policy.toml --id \\\n\
\x20   8a4f36a5f1a2f6d4c1e0b9d87766554433221100ffeeddccbbaa998877665544")]
pub(super) struct Init {
    /// The policy document
    #[arg(long, value_name = "FILE")]
    policy: PathBuf,
    /// Its id: 64 hex digits, or its 24 words in one argument
    #[arg(long, value_name = "ID", value_parser = id)]
    id: PolicyId,
    /// For a later version: the documents before it, the oldest first
    #[arg(long, value_name = "FILE")]
    before: Vec<PathBuf>,
    /// This machine's clock is not to be trusted: from now on the date is asked
    /// for, or given with --today
    #[arg(long)]
    no_clock: bool,
}

fn id(text: &str) -> Result<PolicyId, WordsError> {
    policy_id_from_text(text)
}

impl Init {
    pub(super) fn run(self, context: &mut Context) -> Result<(), Failure> {
        let home = context.home()?;
        let document = read_input(&self.policy, MAX_BYTES)?;
        let mut before = Vec::new();
        for file in &self.before {
            before.push(read_input(file, MAX_BYTES)?);
        }
        let identified = identified(&document, self.id)?;
        if self.no_clock {
            context.have_no_clock();
        }
        let clock = context.clock()?;
        expect_time(&clock)?;
        if let Clock::Given { today, .. } = clock {
            not_before(&identified, today.at())?;
            context.confirm_birth(&identified)?;
        }
        let enrolment = enrol_in_line(&home, &before, &document, self.id, clock.now())?;
        if self.no_clock {
            home.mark_no_clock()?;
            context.terminal.talk(
                "This home has no clock: the date is asked for from now on, or given with --today.",
            );
        }
        let policy = enrolment.pinned.policy();
        let roles = enrolment.pinned.roles().iter();
        let roles: Vec<String> = roles.map(Role::to_string).collect();
        let birth = enrolment
            .birth
            .map(|birth| format!("\n  born   {}", born(birth)));
        let mut text = format!(
            "Pinned policy {} version {}\n  id     {}\n  vault  {}\n  here   {}{}",
            policy.name,
            policy.version,
            policy.id,
            policy.vault,
            roles.join(", "),
            birth.unwrap_or_default()
        );
        for version in &enrolment.without_file {
            text += &format!(
                "\n  next   {version} is held by the journal; give its file to\n         `policy follow` or \
                 `policy pin` again"
            );
        }
        let value = serde_json::json!({
            "policy": policy.id,
            "vault": policy.vault,
            "keyset": policy.keyset,
            "roles": roles,
            "birth": enrolment.birth,
            "without_file": enrolment.without_file,
        });
        context.terminal.answer(&text, &value)
    }
}
