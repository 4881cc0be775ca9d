//! `approve` and `reject`: an approver's verdict over one or more withdrawals.

use super::Context;
use crate::approving::{
    ApprovingError, Brought, Candidate, SignedApproval, Verdict, check, read, sign, summary, tell,
};
use crate::failure::Failure;
use crate::home::{Home, KeyName};
use crate::keystore::Kind;
use crate::listing;
use crate::pin::Pinned;
use crate::terminal::read_input;
use policies::document::{DurationError, parse_duration};
use policies::psbt::MAX_BYTES;
use policies::rules::EntriesShown;
use policies::words::{Told, verdict_question};
use policies::{Policy, UnixTime};
use std::path::PathBuf;

/// Approve withdrawals after reading them: one signature over all of them
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:\n\
\x20 countersign-signer --home dana approve w1.json w2.json\n\
\x20 countersign-signer --home dana approve attempt.psbt --expires-in 2h")]
pub(super) struct Approve {
    #[command(flatten)]
    over: Over,
}

/// Reject withdrawals: one signature over all of them
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:\n\
\x20 countersign-signer --home dana reject w1.json")]
pub(super) struct Reject {
    #[command(flatten)]
    over: Over,
}

/// Over what, by whom, for how long.
#[derive(Debug, clap::Args)]
struct Over {
    /// Files that each hold an intent, a signed request, or a transfer; - for standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// What persons said of open lists, to see whether a destination is on one: a statement's file, or
    /// what the coordinator's `statement list --json` printed; may be given again
    #[arg(long, value_name = "FILE")]
    statements: Vec<PathBuf>,
    /// Which approval key, if this home holds several
    #[arg(long, value_name = "NAME")]
    key: Option<KeyName>,
    /// How long it counts
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = duration)]
    expires_in: u64,
    /// Do not ask: it was read before
    #[arg(long)]
    yes: bool,
    /// Show it on this computer's own page, and sign there, also with a passkey
    #[cfg(feature = "online")]
    #[arg(long, conflicts_with = "yes")]
    page: bool,
}

/// Seconds of a duration such as 24h.
pub(super) fn duration(text: &str) -> Result<u64, DurationError> {
    parse_duration(text)
}

impl Approve {
    pub(super) fn run(self, context: &mut Context) -> Result<(), Failure> {
        self.over.sign(Verdict::Approve, context)
    }
}

impl Reject {
    pub(super) fn run(self, context: &mut Context) -> Result<(), Failure> {
        self.over.sign(Verdict::Reject, context)
    }
}

impl Over {
    fn sign(self, verdict: Verdict, context: &mut Context) -> Result<(), Failure> {
        let home = context.home()?;
        let pinned = Pinned::load(&home)?;
        let policy = pinned.policy();
        #[cfg(feature = "online")]
        let by_page = self.page;
        #[cfg(not(feature = "online"))]
        let by_page = false;
        if !by_page {
            home.expect_person_key(Kind::Approval, self.key.as_ref())?;
        }
        let now = context.now()?;
        let most = u64::try_from(MAX_BYTES.saturating_mul(3)).unwrap_or(u64::MAX);
        let mut brought = Brought::default();
        for file in &self.files {
            brought.add(read(&read_input(file, most)?, policy)?);
        }
        for file in &self.statements {
            let bytes = read_input(file, listing::MAX_BYTES)?;
            brought.said.extend(listing::said(&bytes)?);
        }
        let Brought { candidates, said } = brought;
        let shown = EntriesShown::of(policy, &said, now);
        let told: Vec<Told> = candidates
            .iter()
            .map(|candidate| tell(candidate, policy, &shown, now))
            .collect();
        for told in &told {
            context.terminal.talk(&told.text());
        }
        check(&candidates, verdict, policy, &shown, now)?;
        let expires = now
            .checked_add(self.expires_in)
            .ok_or(ApprovingError::NeverExpires)?;
        let about = About {
            candidates: &candidates,
            #[cfg(feature = "online")]
            told: &told,
            verdict,
            policy,
            expires,
        };
        context
            .terminal
            .talk(&summary(&candidates, verdict, policy, expires));
        let signed = self.signed(&about, &home, context)?;
        // What the coordinator's interface takes is JSON, also for a human who pipes it on.
        let text = serde_json::to_string_pretty(&signed).expect("an approval is plain JSON");
        context.terminal.answer(&text, &signed)
    }

    fn signed(
        &self,
        about: &About<'_>,
        home: &Home,
        context: &mut Context,
    ) -> Result<SignedApproval, Failure> {
        #[cfg(feature = "online")]
        if self.page {
            return super::on_page::approve(about, home, self.key.as_ref(), context);
        }
        if !self.yes {
            context.terminal.confirm(verdict_question(about.verdict))?;
        }
        let passphrase = context.passphrase()?;
        let key = home.open_person_key(Kind::Approval, self.key.as_ref(), &passphrase)?;
        let About {
            candidates,
            verdict,
            policy,
            expires,
            ..
        } = about;
        Ok(sign(candidates, *verdict, policy, key.secret(), *expires)?)
    }
}

/// What is signed.
pub(super) struct About<'a> {
    pub(super) candidates: &'a [Candidate],
    #[cfg(feature = "online")]
    pub(super) told: &'a [Told],
    pub(super) verdict: Verdict,
    pub(super) policy: &'a Policy,
    pub(super) expires: UnixTime,
}
