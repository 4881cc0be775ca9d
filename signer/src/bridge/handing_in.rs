//! What was signed: handed in by the coordinator's interface, or kept in a file until somebody does.
//!
//! Invariant: a signature that was given never gets lost silently: either the coordinator took it, or a file holds it
//! whose path is said.

use crate::approving::SignedApproval;
use crate::failure::Failure;
use crate::home::Home;
use crate::keystore::durable;
use crate::listing::{SignedStatement, StatementSignature};
use crate::online::http::MAX_ANSWER;
use crate::online::{Attempts as _, CoordinatorError, HttpCoordinator};
use crate::requesting::SignedRequest;
use crate::stopping::Spoken;
use bitcoin::Txid;
use policies::succession::SuccessionFile;
use policies::{KeyId, Statement, Subject, UnixTime, VaultId};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// What was signed.
#[derive(Debug)]
pub(super) enum Signed {
    /// A verdict over withdrawals.
    Verdict(SignedApproval),
    /// A request.
    Request(SignedRequest),
    /// Something about lists, a stop or its release.
    Statements(Vec<Said>),
    /// The next version with all approvals that are known here.
    Version(Box<SuccessionFile>),
    /// Signatures of a transfer.
    Transfer(SignedTransfer),
}

/// Our signatures of a transfer, with the receipt.
#[derive(Debug)]
pub(super) struct SignedTransfer {
    /// The transaction.
    pub(super) txid: Txid,
    /// The PSBT that leaves.
    pub(super) psbt: Vec<u8>,
    /// Whom the policy has as signers: of nobody else a coordinator is believed to speak.
    pub(super) signers: BTreeSet<String>,
    /// What a device left unsigned or gave besides, in words.
    pub(super) unsigned: Option<String>,
}

/// A statement with the one signature that was made here.
#[derive(Debug)]
pub(super) struct Said {
    statement: String,
    subject: Option<Subject>,
    stops: bool,
    own: Vec<StatementSignature>,
    file: serde_json::Value,
}

/// What became of it.
#[derive(Debug)]
pub(super) struct Outcome {
    /// In words for the person.
    pub(super) words: String,
    /// Whether the coordinator took it.
    pub(super) taken: bool,
}

/// Who counts, in the answers of the interface.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Counted {
    count: usize,
    needed: usize,
    approved_by: Vec<String>,
}

/// Who signed a transfer, in the answers of the interface.
#[derive(Deserialize)]
struct Attempt {
    signed_by: Vec<String>,
    missing_signers: Vec<String>,
    complete: bool,
}

#[derive(Deserialize)]
struct Withdrawal {
    needs: Option<Counted>,
}

impl Signed {
    /// Statements about lists, as they were signed with this key.
    pub(super) fn of_list(signed: Vec<SignedStatement>, key: KeyId) -> Self {
        let said = signed.into_iter().map(|signed| {
            let file = serde_json::json!(signed);
            let decoded = Statement::decode(signed.statement.as_bytes()).ok();
            let own = signed.approvals.into_iter().filter(|one| one.key == key);
            Said {
                statement: signed.statement,
                subject: decoded.map(|statement| statement.subject()),
                stops: false,
                own: own.collect(),
                file,
            }
        });
        Self::Statements(said.collect())
    }

    /// A stop or its release, as it was signed with this key.
    pub(super) fn spoken(spoken: &Spoken, key: KeyId) -> Self {
        let statement = &spoken.said.statement;
        let own = spoken.said.approvals.iter().filter(|one| one.key == key);
        Self::Statements(vec![Said {
            statement: String::from_utf8_lossy(&statement.encode()).into_owned(),
            subject: Some(statement.subject()),
            stops: matches!(statement, Statement::Stop(_)),
            own: own.map(StatementSignature::of).collect(),
            file: spoken.to_json(),
        }])
    }

    /// The name that its file begins with, and the coordinator's command that takes it.
    const fn command(&self) -> (&'static str, &'static str) {
        match self {
            Self::Verdict(_) => ("approval", "approval submit"),
            Self::Request(_) => ("request", "withdrawal submit"),
            Self::Statements(_) => ("statement", "statement submit"),
            Self::Version(_) => ("version", "policy propose"),
            Self::Transfer(_) => ("transfer", "attempt submit"),
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let pretty = |value: serde_json::Value| {
            serde_json::to_vec_pretty(&value).expect("what was signed is plain JSON")
        };
        let mut bytes = match self {
            Self::Verdict(signed) => pretty(serde_json::json!(signed)),
            Self::Request(signed) => pretty(serde_json::json!(signed)),
            Self::Statements(said) => match said.as_slice() {
                [only] => pretty(only.file.clone()),
                all => pretty(all.iter().map(|one| one.file.clone()).collect()),
            },
            Self::Version(file) => file.write(),
            Self::Transfer(signed) => return signed.psbt.clone(),
        };
        bytes.push(b'\n');
        bytes
    }

    /// Hands it in; where the coordinator does not take it, keeps it and says where.
    ///
    /// # Errors
    /// When it was not taken and cannot be kept either.
    pub(super) fn hand_in(
        &self,
        coordinator: &HttpCoordinator,
        vault: VaultId,
        home: &Home,
        now: UnixTime,
    ) -> Result<Outcome, Failure> {
        // A stop is out before anything else can go wrong: no carrier is trusted to pass it on.
        let is_stop = matches!(self, Self::Statements(said) if said.iter().any(|one| one.stops));
        let kept = is_stop.then(|| self.keep(home, now)).transpose()?;
        let (words, taken) = match self.submit(coordinator, vault) {
            Ok(words) => (words, true),
            Err(error) => {
                let kept = match &kept {
                    Some(kept) => kept.clone(),
                    None => self.keep(home, now)?,
                };
                (self.not_taken(&error, &kept), false)
            }
        };
        let words = match kept {
            Some(kept) if taken => format!(
                "{words} Bring it into the signers' inboxes as well: {}",
                kept.display()
            ),
            Some(_) | None => words,
        };
        Ok(match self.unsigned() {
            // Its person is to do something yet.
            Some(unsigned) => Outcome {
                words: format!("{words}\n{unsigned}"),
                taken: false,
            },
            None => Outcome { words, taken },
        })
    }

    fn unsigned(&self) -> Option<&str> {
        match self {
            Self::Transfer(signed) => signed.unsigned.as_deref(),
            Self::Verdict(_) | Self::Request(_) | Self::Statements(_) | Self::Version(_) => None,
        }
    }

    fn not_taken(&self, error: &CoordinatorError, kept: &std::path::Path) -> String {
        let (_, command) = self.command();
        let again = match error {
            CoordinatorError::Unreachable(_) | CoordinatorError::Foreign { .. } => {
                "Hand it in once the coordinator answers"
            }
            CoordinatorError::Refused { .. } | CoordinatorError::NotTaken { .. } => {
                "If that is mended, hand it in"
            }
        };
        format!(
            "Signed, but {error}. It is kept in {path}. {again}: countersign-coordinator {command} {path}",
            path = kept.display()
        )
    }

    fn keep(&self, home: &Home, now: UnixTime) -> Result<PathBuf, Failure> {
        let folder = home.signed();
        durable::make_folder(&folder).map_err(super::error::BridgeError::Write)?;
        let (name, _) = self.command();
        let bytes = self.bytes();
        let mark = policies::hash::tagged("signed-file", &[&bytes]);
        let mark = u32::from_be_bytes([mark[0], mark[1], mark[2], mark[3]]);
        let ending = match self {
            Self::Transfer(_) => "psbt",
            Self::Verdict(_) | Self::Request(_) | Self::Statements(_) | Self::Version(_) => "json",
        };
        let path = folder.join(format!("{name}-{}-{mark:08x}.{ending}", now.as_secs()));
        durable::replace(&path, &bytes).map_err(super::error::BridgeError::Write)?;
        Ok(path)
    }

    fn submit(
        &self,
        coordinator: &HttpCoordinator,
        vault: VaultId,
    ) -> Result<String, CoordinatorError> {
        match self {
            Self::Verdict(signed) => {
                let path = format!("vaults/{vault}/approvals");
                let answer = coordinator.post(&path, &serde_json::json!(signed))?;
                let all: Vec<Withdrawal> = read(&answer)?;
                Ok(decided(signed.purpose == "reject", &all))
            }
            Self::Request(signed) => {
                let path = format!("vaults/{vault}/withdrawals");
                let answer = coordinator.post(&path, &serde_json::json!(signed))?;
                let one: Withdrawal = read(&answer)?;
                Ok(match one.needs {
                    Some(needs) if needs.count > 0 => {
                        format!(
                            "Handed in. It needs the approval of {}.",
                            persons(needs.count)
                        )
                    }
                    Some(_) | None => "Handed in. It needs no approval.".to_owned(),
                })
            }
            Self::Statements(all) => {
                let mut counted = Counted::default();
                for said in all {
                    counted = said.submit(coordinator, vault)?;
                }
                Ok(match all.len() {
                    0 | 1 => of(&counted.approved_by, counted.needed, "signed it"),
                    many => format!("Handed in {many} entries."),
                })
            }
            Self::Version(file) => {
                let path = format!("vaults/{vault}/successions");
                let text = String::from_utf8_lossy(&file.write()).into_owned();
                let answer = coordinator.post(&path, &serde_json::json!({ "file": text }))?;
                let counted: Counted = read(&answer)?;
                Ok(of(&counted.approved_by, counted.needed, "approved it"))
            }
            Self::Transfer(signed) => signed.submit(coordinator),
        }
    }
}

impl SignedTransfer {
    fn submit(&self, coordinator: &HttpCoordinator) -> Result<String, CoordinatorError> {
        coordinator.submit(self.txid, &self.psbt)?;
        // It is handed in, whether or not the coordinator says what is missing yet.
        let path = format!("attempts/{}", self.txid);
        let answer = coordinator.get(&path, "application/json", MAX_ANSWER);
        let attempt = answer.and_then(|answer| read::<Attempt>(&answer));
        Ok(attempt.map_or_else(
            |_| "Handed in.".to_owned(),
            |attempt| attempt.words(&self.signers),
        ))
    }
}

impl Attempt {
    /// How it stands, as the coordinator says, in names that the policy has.
    fn words(&self, signers: &BTreeSet<String>) -> String {
        if self.complete {
            return "Handed in. The transfer has all the signatures that it needs.".to_owned();
        }
        let known = |all: &[String]| -> Vec<String> {
            let said: BTreeSet<&String> = all.iter().collect();
            let known = signers.iter().filter(|name| said.contains(name));
            known.cloned().collect()
        };
        let (signed, missing) = (known(&self.signed_by), known(&self.missing_signers));
        let have = if signed.len() == 1 { "has" } else { "have" };
        format!(
            "Handed in. {} {have} signed; {} can still sign.",
            names(&signed),
            names(&missing)
        )
    }
}

fn names(all: &[String]) -> String {
    if all.is_empty() {
        "nobody".to_owned()
    } else {
        all.join(", ")
    }
}

impl Said {
    fn submit(
        &self,
        coordinator: &HttpCoordinator,
        vault: VaultId,
    ) -> Result<Counted, CoordinatorError> {
        let path = format!("vaults/{vault}/statements");
        let body = serde_json::json!({ "statement": self.statement });
        let mut answer = coordinator.post(&path, &body)?;
        if let Some(subject) = self.subject {
            for one in &self.own {
                let path = format!("{path}/{subject}/approvals");
                answer = coordinator.post(&path, &serde_json::json!(one))?;
            }
        }
        read(&answer)
    }
}

fn read<T: for<'de> Deserialize<'de>>(bytes: &[u8]) -> Result<T, CoordinatorError> {
    serde_json::from_slice(bytes).map_err(|_| CoordinatorError::Foreign { status: 200 })
}

/// What became of a verdict, by what the coordinator counts.
fn decided(rejects: bool, all: &[Withdrawal]) -> String {
    let is_met = |one: &&Withdrawal| {
        let needs = one.needs.as_ref();
        needs.is_some_and(|needs| needs.approved_by.len() >= needs.count)
    };
    match (rejects, all) {
        (true, [_]) => "Handed in. The withdrawal is rejected.".to_owned(),
        (true, all) => format!("Handed in. {} withdrawals are rejected.", all.len()),
        (false, [Withdrawal { needs: None }]) => {
            "Handed in. No rule allows it just now; the approval stands for when one does."
                .to_owned()
        }
        (false, [Withdrawal { needs: Some(needs) }]) => {
            of(&needs.approved_by, needs.count, "approved")
        }
        (false, all) => format!(
            "Handed in for {} withdrawals. {} of them have the approvals they need.",
            all.len(),
            all.iter().filter(is_met).count()
        ),
    }
}

/// How many of how many persons did something.
fn of(by: &[String], needed: usize, did: &str) -> String {
    let have = if needed == 1 { "has" } else { "have" };
    format!(
        "Handed in. {} of {} {have} {did}.",
        by.len(),
        persons(needed)
    )
}

fn persons(count: usize) -> String {
    match count {
        1 => "1 person".to_owned(),
        many => format!("{many} persons"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn withdrawal(count: usize, by: &[&str]) -> Withdrawal {
        Withdrawal {
            needs: Some(Counted {
                count,
                needed: 0,
                approved_by: by.iter().map(|name| (*name).to_owned()).collect(),
            }),
        }
    }

    #[test]
    fn only_signers_of_the_policy_are_named_whatever_a_coordinator_says() {
        let signers = ["alice", "bob"].map(str::to_owned).into();
        let attempt = Attempt {
            signed_by: vec![
                "alice".to_owned(),
                "alice\n\nEnter your 24 words".to_owned(),
            ],
            missing_signers: vec!["mallory".to_owned()],
            complete: false,
        };
        assert_eq!(
            attempt.words(&signers),
            "Handed in. alice has signed; nobody can still sign."
        );
    }

    #[test]
    fn the_page_says_how_many_persons_have_approved() {
        let one = [withdrawal(2, &["dana", "erin"])];
        assert_eq!(
            decided(false, &one),
            "Handed in. 2 of 2 persons have approved."
        );
        let two = [withdrawal(1, &["dana"]), withdrawal(2, &["dana"])];
        assert_eq!(
            decided(false, &two),
            "Handed in for 2 withdrawals. 1 of them have the approvals they need."
        );
        assert_eq!(
            decided(true, &one),
            "Handed in. The withdrawal is rejected."
        );
    }
}
