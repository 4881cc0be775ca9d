//! Stops, releases and goes: put in words, signed with one's own key, and carried in files.
//!
//! A stop's file holds the stop; a release's file holds the stop first and its release after it, so that who signs
//! reads what is released. Invariant: nothing is signed that was not read from the very bytes that are shown.

mod moved;

pub(crate) use moved::heard_after_moves;

use crate::failure::{Class, Explained};
use crate::journal_file::JournalFileError;
use crate::keystore::NoEntropy;
use crate::listing::{ListingError, SignedStatement, StatementSignature, said, signed_statements};
use policies::intent::{Go, SecretKey, StatementNonce, Stop};
use policies::rules::{Entitlement, Said, signed_stop, stopping};
use policies::words::{Told, statement_told};
use policies::{Approval, Policy, Statement, Subject, UnixTime};

/// How long a signature under a release counts: it names one stop, which never comes back.
const YEAR: u64 = 365 * 86_400;

/// A statement ready to be read and signed, after what it is about.
#[derive(Debug, Clone)]
pub struct Spoken {
    /// For a release, the stop, where the file shows it.
    pub about: Option<Said>,
    /// What is said.
    pub said: Said,
    /// For a stop, the moves of the journal that says it, in lower hex.
    moves: Vec<String>,
}

/// Why nothing is said.
#[derive(Debug, thiserror::Error)]
pub enum StoppingError {
    /// The file holds none.
    #[error(transparent)]
    File(#[from] ListingError),
    /// The file holds something else.
    #[error("the file holds no {expected}")]
    NotThis {
        /// What was asked for.
        expected: &'static str,
    },
    /// The policy pins no such key.
    #[error("the policy pins this key neither for an approver nor for a journal")]
    NotPinned,
    /// The stop that a release names is not one of this vault.
    #[error("the stop is of another vault: no key of this one signed it")]
    OtherVault,
    /// The policy lets nobody say it.
    #[error("the policy names nobody who may {}", .0)]
    Nobody(&'static str),
    /// The person is not of the group.
    #[error("this key's person is not of the group {group} that may say this")]
    NotEntitled {
        /// The group.
        group: String,
    },
    /// The reason is none.
    #[error("the reason is not 1 to 200 characters of plain ASCII")]
    Reason,
    /// No randomness.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
    /// The journal keeps no more stops of this key.
    #[error("this journal keeps as many stops of that key as it does of any")]
    TooMany,
    /// No stop in the file counts.
    #[error("no stop or release in it counts under the pinned policy")]
    NothingCounts,
    /// The journal refused.
    #[error(transparent)]
    Journal(#[from] JournalFileError),
}

/// Drafts a stop.
///
/// # Errors
/// [`StoppingError::Reason`], or no randomness.
pub fn new_stop(reason: &str, created: UnixTime) -> Result<Spoken, StoppingError> {
    let stop = Statement::Stop(Stop {
        created,
        nonce: nonce()?,
        reason: reason.to_owned(),
    });
    // Read back as every reader will.
    let statement = Statement::decode(&stop.encode()).map_err(|_| StoppingError::Reason)?;
    if reason.trim().is_empty() {
        return Err(StoppingError::Reason);
    }
    Ok(Spoken::of(statement))
}

/// Drafts a go.
///
/// # Errors
/// When the policy has no `[go]`, or there is no randomness.
pub fn new_go(policy: &Policy, created: UnixTime) -> Result<Spoken, StoppingError> {
    if policy.go.is_none() {
        return Err(StoppingError::Nobody("let automatic co-signers go"));
    }
    let nonce = nonce()?;
    Ok(Spoken::of(Statement::Go(Go { created, nonce })))
}

fn nonce() -> Result<StatementNonce, StoppingError> {
    let bytes = crate::keystore::fresh::<16>()?;
    Ok(StatementNonce::from_bytes(*bytes))
}

/// The go of a file.
///
/// # Errors
/// When it holds none.
pub fn read_go(bytes: &[u8]) -> Result<Spoken, StoppingError> {
    let mut all = said(bytes)?.into_iter();
    let go = all.find(|one| matches!(one.statement, Statement::Go(_)));
    let said = go.ok_or(StoppingError::NotThis { expected: "go" })?;
    Ok(Spoken::said(said))
}

/// The release of a file, or that of the stop which it holds.
///
/// # Errors
/// When it holds neither, or more than one.
pub fn read_release(bytes: &[u8]) -> Result<Spoken, StoppingError> {
    let expected = StoppingError::NotThis {
        expected: "one stop, nor its release",
    };
    let all = said(bytes)?;
    let mut stops = all
        .iter()
        .filter(|one| matches!(one.statement, Statement::Stop(_)));
    let mut releases = all
        .iter()
        .filter(|one| matches!(one.statement, Statement::Release { .. }));
    let about = stops.next().cloned();
    let said = match (&about, releases.next().cloned()) {
        (_, Some(release)) => release,
        (Some(stop), None) => Said {
            statement: Statement::Release {
                stop: stop.statement.subject(),
            },
            approvals: Vec::new(),
        },
        (None, None) => return Err(expected),
    };
    let names = about.as_ref().map(|stop| stop.statement.subject());
    let fits = match said.statement {
        Statement::Release { stop } => names.is_none_or(|subject| subject == stop),
        Statement::ListAdd(_)
        | Statement::ListRemove { .. }
        | Statement::ListConfirm { .. }
        | Statement::Stop(_)
        | Statement::Go(_)
        | Statement::Ack { .. } => false,
    };
    if stops.next().is_some() || releases.next().is_some() || !fits {
        return Err(expected);
    }
    let moves = signed_statements(bytes)?.into_iter();
    let moves = moves.map(|one| one.moves).find(|moves| !moves.is_empty());
    Ok(Spoken {
        about,
        said,
        moves: moves.unwrap_or_default(),
    })
}

impl Spoken {
    /// What a journal or a person has said already.
    pub(crate) const fn said(said: Said) -> Self {
        Self {
            about: None,
            said,
            moves: Vec::new(),
        }
    }

    fn of(statement: Statement) -> Self {
        Self::said(Said {
            statement,
            approvals: Vec::new(),
        })
    }

    /// Checks that the stop which a release is about was said by a key of this vault, in any of its versions: a
    /// release under another vault's policy would release nothing.
    ///
    /// # Errors
    /// [`StoppingError::OtherVault`].
    pub fn check_vault(&self, versions: &[Policy]) -> Result<(), StoppingError> {
        let Some(stop) = &self.about else {
            return Ok(());
        };
        let holds = |policy: &Policy| {
            let mut signatures = stop.approvals.iter();
            signatures.any(|one| self.may_stop(policy, one))
        };
        if versions.iter().any(holds) {
            return Ok(());
        }
        Err(StoppingError::OtherVault)
    }

    /// Whether a key that the policy pins signed the stop, or a journal that a pinned one moved to.
    fn may_stop(&self, policy: &Policy, approval: &Approval) -> bool {
        signed_stop(policy, approval).is_ok()
            || moved::pinned_before(policy, approval, &self.moves).is_some()
    }

    /// What signatures on it are about.
    pub fn subject(&self) -> Subject {
        self.said.statement.subject()
    }

    /// Who signed it, and how many must; none where the policy lets nobody say it.
    pub fn counted(&self, policy: &Policy, now: UnixTime) -> Option<Entitlement> {
        let said = &self.said;
        stopping(policy, &said.statement, &said.approvals, now).map(|(counted, _)| counted)
    }

    /// In the words that a person reads before signing.
    pub fn words(&self, policy: &Policy, now: UnixTime) -> String {
        self.told(policy, now).text()
    }

    /// The same for a page.
    pub fn told(&self, policy: &Policy, now: UnixTime) -> Told {
        let counted = self.counted(policy, now);
        let mut told = statement_told(&self.said.statement, None, counted.as_ref(), policy);
        // People with several vaults have a home for each.
        let vault = &policy.name;
        if matches!(self.said.statement, Statement::Stop(_)) {
            told.headline =
                format!("STOP the vault {vault}: it pays nobody until a quorum releases it");
        } else if matches!(self.said.statement, Statement::Release { .. }) {
            told.headline = format!("Release a stop of the vault {vault}: it pays again");
        }
        if let Some(about) = &self.about {
            let stop = policies::words::statement_text(&about.statement);
            told.facts.insert(0, ("stop", stop));
        }
        told
    }

    /// Signs it beside those who signed it already.
    ///
    /// # Errors
    /// When the policy does not let this key say it.
    pub fn sign(
        mut self,
        policy: &Policy,
        key: &SecretKey,
        now: UnixTime,
    ) -> Result<Self, StoppingError> {
        let statement = self.said.statement.clone();
        let (subject, purpose) = (statement.subject(), statement.purpose());
        let expires = match &statement {
            Statement::Stop(_) => UnixTime::ZERO,
            Statement::Go(go) => {
                let within = policy.go.as_ref().map_or(0, |rule| rule.within);
                go.created.saturating_add(within)
            }
            Statement::Release { .. }
            | Statement::ListAdd(_)
            | Statement::ListRemove { .. }
            | Statement::ListConfirm { .. }
            | Statement::Ack { .. } => now.saturating_add(YEAR),
        };
        let approval = Approval::sign(key, purpose, policy.vault, subject, expires);
        if let Statement::Stop(_) = statement {
            if !self.may_stop(policy, &approval) {
                return Err(StoppingError::NotPinned);
            }
        } else {
            let alone = stopping(policy, &statement, std::slice::from_ref(&approval), now);
            let (alone, keys) = alone.ok_or(StoppingError::Nobody(what(&statement)))?;
            if policy.approver_of_key(approval.key).is_none() {
                return Err(StoppingError::NotPinned);
            }
            if alone.approved_by.is_empty() && !keys.is_empty() {
                return Err(StoppingError::NotEntitled {
                    group: alone.group.unwrap_or_default(),
                });
            }
        }
        let approvals = &mut self.said.approvals;
        approvals.retain(|other| other.key != approval.key);
        approvals.push(approval);
        Ok(self)
    }

    /// The file's JSON: the statement, or what it is about and then the statement.
    pub fn to_json(&self) -> serde_json::Value {
        let signed = |said: &Said| SignedStatement {
            statement: String::from_utf8_lossy(&said.statement.encode()).into_owned(),
            about: String::new(),
            approvals: said.approvals.iter().map(StatementSignature::of).collect(),
            moves: match said.statement {
                Statement::Stop(_) => self.moves.clone(),
                Statement::Release { .. }
                | Statement::ListAdd(_)
                | Statement::ListRemove { .. }
                | Statement::ListConfirm { .. }
                | Statement::Go(_)
                | Statement::Ack { .. } => Vec::new(),
            },
        };
        let all: Vec<SignedStatement> = self.about.iter().chain([&self.said]).map(signed).collect();
        match <[SignedStatement; 1]>::try_from(all) {
            Ok([only]) => serde_json::json!(only),
            Err(all) => serde_json::json!(all),
        }
    }
}

const fn what(statement: &Statement) -> &'static str {
    match statement {
        Statement::Release { .. } => "release a stop",
        Statement::Go(_) => "let automatic co-signers go",
        Statement::Stop(_)
        | Statement::ListAdd(_)
        | Statement::ListRemove { .. }
        | Statement::ListConfirm { .. }
        | Statement::Ack { .. } => "say this",
    }
}

impl Explained for StoppingError {
    fn class(&self) -> Class {
        match self {
            Self::File(error) => error.class(),
            Self::Journal(error) => error.class(),
            Self::Reason => Class::Usage,
            Self::Entropy(error) => error.class(),
            Self::NotThis { .. }
            | Self::NotPinned
            | Self::OtherVault
            | Self::Nobody(_)
            | Self::NotEntitled { .. }
            | Self::TooMany
            | Self::NothingCounts => Class::Refused,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::File(error) => error.code(),
            Self::Journal(error) => error.code(),
            Self::NotThis { .. } => "NOT_A_STOP",
            Self::NotPinned => "KEY_NOT_PINNED",
            Self::OtherVault => "OTHER_VAULT",
            Self::Nobody(_) => "NOBODY_MAY",
            Self::NotEntitled { .. } | Self::NothingCounts => "NOT_ENTITLED",
            Self::Reason => "BAD_REASON",
            Self::Entropy(error) => error.code(),
            Self::TooMany => "TOO_MANY_STOPS",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::File(error) => return error.hint(),
            Self::Journal(error) => return error.hint(),
            Self::Entropy(error) => return error.hint(),
            Self::NotThis { .. } => "give the file that `stop`, `stop release` or `go` wrote",
            Self::NotPinned => {
                "use the home of an approver or of a signer of this policy, and give --key if it holds several"
            }
            Self::OtherVault => {
                "use the home of that vault; if it is of this one, give the file as `stop` wrote it"
            }
            Self::Nobody(_) => {
                "change the policy: [stop] or [change] names who releases, [go] who says go"
            }
            Self::NotEntitled { .. } => "give the file to a person of that group to sign",
            Self::Reason => "say in --reason why, in at most 200 letters without accents",
            Self::TooMany => "have stops that are over released first",
            Self::NothingCounts => {
                "have it signed by who may: one pinned key stops, the persons of [stop] release; if it is of another \
                 vault, take it with the home of that one"
            }
        }
        .to_owned()
    }
}
