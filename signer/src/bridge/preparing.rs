//! From an ask to a page: the bytes fetched and checked, what is shown, and what signs once the person confirms.
//!
//! Invariant: everything that the terminal's verbs check is checked here by the same functions, and what is signed is
//! the value that was shown.

use super::asked::{Asked, What};
use super::error::BridgeError;
use super::fetching;
use super::handing_in::Signed;
use super::keys::Keys;
use super::progress::Progress;
use super::server::Clock;
use super::statements;
use super::transfers;
#[cfg(feature = "devices")]
use super::transfers::Attached;
use crate::approving::{Candidate, Prepared, Verdict, check, summary, tell};
use crate::failure::{Explained, Failure};
use crate::home::Home;
use crate::listing::said;
use crate::online::{Attempts as _, HttpCoordinator};
use crate::page::{Ask, asserted};
use crate::pin::Pinned;
use crate::requesting::{drafted, sign};
use crate::succeeding::{approve, judge};
use policies::document::Approver;
use policies::rules::{EntriesShown, is_behind, prospects};
use policies::words::{
    Matter, Told, matter_button, matter_summary, matter_title, request_told, verdict_button,
    verdict_title, version_told,
};
use policies::{IntentHash, Policy, PolicyId, Subject, UnixTime};
#[cfg(feature = "devices")]
use std::sync::Arc;

/// How long a verdict counts, as at the terminal unless said otherwise.
const VERDICT_COUNTS: u64 = 86_400;
/// How long an approval of a version counts, as at the terminal unless said otherwise.
const VERSION_COUNTS: u64 = 30 * 86_400;

/// Signs what the person confirmed, or says why the answer does not count.
pub(super) type Sign = Box<dyn FnMut(&[u8]) -> Result<Signed, String> + Send>;

/// A page that can be shown.
pub(super) struct Ready {
    pub(super) title: String,
    pub(super) summary: String,
    pub(super) told: Vec<Told>,
    /// Longer texts, each under its title, as the terminal lays them out.
    pub(super) texts: Vec<(&'static str, String)>,
    pub(super) button: String,
    pub(super) ask: Ask,
    pub(super) sign: Sign,
    /// Where signing is, where that takes a while.
    pub(super) progress: Progress,
}

/// What asks are prepared with.
pub(super) struct Desk<'a> {
    pub(super) home: &'a Home,
    pub(super) keys: &'a Keys,
    pub(super) coordinator: &'a HttpCoordinator,
    #[cfg(feature = "devices")]
    pub(super) attached: Option<&'a Arc<Attached>>,
    pub(super) port: u16,
    pub(super) now: UnixTime,
    /// The same clock, for what is signed later.
    pub(super) clock: Clock,
    /// Whether that clock is a person's word.
    pub(super) dated_by_word: bool,
}

impl Desk<'_> {
    /// Prepares the page of an ask.
    pub(super) fn prepare(&self, asked: &Asked) -> Result<Ready, Failure> {
        // Read anew: a version that was pinned meanwhile counts from here on.
        let pinned = Pinned::load(self.home)?;
        let policy = pinned.policy();
        if asked.vault != policy.vault {
            return Err(BridgeError::OtherVault {
                asked: asked.vault,
                pinned: policy.vault,
            }
            .into());
        }
        match asked.what {
            What::Approve => self.verdict(policy, Verdict::Approve, &asked.hashes),
            What::Reject => self.verdict(policy, Verdict::Reject, &asked.hashes),
            What::Request => self.request(policy, asked),
            What::PolicyApprove => self.version(policy, asked.hash()?),
            What::ListPropose | What::ListApprove | What::ListRemove | What::ListConfirm => {
                statements::of_list(self, policy, asked)
            }
            What::Stop => statements::stop(self, policy, &asked.reason),
            What::Release => statements::release(self, &pinned, asked.hash()?),
            What::Countersign => transfers::of_transfer(self, asked),
            What::Maintain | What::Go => Err(BridgeError::NotYet(asked.what).into()),
        }
    }

    fn verdict(
        &self,
        policy: &Policy,
        verdict: Verdict,
        hashes: &[Subject],
    ) -> Result<Ready, Failure> {
        let mut candidates = Vec::new();
        for hash in hashes {
            let hash = IntentHash::from_bytes(hash.to_bytes());
            candidates.push(fetching::intent(self.coordinator, policy, hash)?);
        }
        let (shown, now) = (self.entries(policy)?, self.now);
        let told: Vec<Told> = candidates
            .iter()
            .map(|candidate| tell(candidate, policy, &shown, now))
            .collect();
        check(&candidates, verdict, policy, &shown, now)?;
        let expires = now.saturating_add(VERDICT_COUNTS);
        let prepared = Prepared::new(&candidates, verdict, policy, expires)?;
        let passkeys = self.keys.passkeys(self.home, policy, self.port)?;
        let (title, summary) = (
            verdict_title(verdict, candidates.len()),
            summary(&candidates, verdict, policy, expires),
        );
        let button = verdict_button(verdict, !passkeys.is_empty());
        let by_file = match passkeys.first() {
            Some(_) => None,
            None => Some(self.keys.approval()?),
        };
        let id = match (passkeys.first(), &by_file) {
            (Some(passkey), _) => Some(passkey.key.id()),
            (None, Some(key)) => Some(key.public().id()),
            (None, None) => None,
        };
        let approver = id.and_then(|id| policy.approver_of_key(id));
        if let (Verdict::Approve, Some((approver, _))) = (verdict, approver) {
            refuse_own(policy, &candidates, approver)?;
        }
        let policy = policy.clone();
        let (ask, sign): (Ask, Sign) = if let Some(key) = by_file {
            let sign = move |_: &[u8]| {
                let signed = prepared.sign(&policy, key.secret());
                signed.map(Signed::Verdict).map_err(|error| words(&error))
            };
            (Ask::Confirm, Box::new(sign))
        } else {
            let ask = Ask::Assert {
                challenge: prepared.message(),
                credentials: passkeys
                    .iter()
                    .map(|one| one.credential_id.clone())
                    .collect(),
            };
            let sign = move |body: &[u8]| {
                asserted(&prepared, &policy, &passkeys, body).map(Signed::Verdict)
            };
            (ask, Box::new(sign))
        };
        Ok(Ready {
            title,
            summary,
            told,
            texts: Vec::new(),
            button,
            ask,
            sign,
            progress: Progress::default(),
        })
    }

    fn request(&self, policy: &Policy, asked: &Asked) -> Result<Ready, Failure> {
        let key = self.keys.request()?;
        let intent = drafted(policy, &key.public(), asked.intent()?)?;
        let hash = intent.hash();
        asked.names(Subject::from_bytes(hash.to_bytes()))?;
        let (shown, now) = (self.entries(policy)?, self.now);
        let candidate = Candidate {
            intent,
            hash,
            request_verified: false,
        };
        // What no approval could help is not asked for.
        check(
            std::slice::from_ref(&candidate),
            Verdict::Approve,
            policy,
            &shown,
            now,
        )?;
        let intent = candidate.intent;
        let told = request_told(&intent, policy, &prospects(policy, &intent, &shown, now));
        Ok(ready(Matter::Request, policy, vec![told], move || {
            Ok(Signed::Request(sign(key.secret(), &intent)))
        }))
    }

    fn version(&self, policy: &Policy, id: Subject) -> Result<Ready, Failure> {
        let key = self.keys.approval()?;
        let id = PolicyId::from_bytes(id.to_bytes());
        let mut file = fetching::version(self.coordinator, policy.vault, id)?;
        let now = self.now;
        let successor = judge(policy, &file, now)?;
        let told = version_told(
            policy,
            &successor.policy,
            successor.step,
            &successor.approved,
        );
        let (home, pinned) = (self.home.clone(), policy.clone());
        Ok(ready(Matter::Version, policy, vec![told], move || {
            let times = (now, now.saturating_add(VERSION_COUNTS));
            approve(&home, &pinned, &mut file, &key, times, None).map_err(|error| words(&error))?;
            Ok(Signed::Version(Box::new(file.clone())))
        }))
    }

    /// What persons said of open lists, as far as the coordinator hands it out.
    fn entries(&self, policy: &Policy) -> Result<EntriesShown, Failure> {
        let bytes = self.coordinator.statements(policy.vault)?;
        Ok(EntriesShown::of(policy, &said(&bytes)?, self.now))
    }
}

/// A page with one matter and one button.
pub(super) fn ready(
    matter: Matter,
    policy: &Policy,
    told: Vec<Told>,
    mut sign: impl FnMut() -> Result<Signed, String> + Send + 'static,
) -> Ready {
    Ready {
        title: matter_title(matter).to_owned(),
        summary: matter_summary(matter, policy),
        told,
        texts: Vec::new(),
        button: matter_button(matter).to_owned(),
        ask: Ask::Confirm,
        sign: Box::new(move |_| sign()),
        progress: Progress::default(),
    }
}

/// The words on the page for what was not signed.
pub(super) fn words(error: &impl Explained) -> String {
    format!("Nothing was signed: {error}. What to do: {}.", error.hint())
}

/// Refuses an approval of what the person asked for: it would never count.
fn refuse_own(
    policy: &Policy,
    candidates: &[Candidate],
    approver: &Approver,
) -> Result<(), BridgeError> {
    let own = candidates.iter().find(|candidate| {
        let requester = policy.requester(candidate.intent.requester.as_str());
        requester.is_some_and(|requester| is_behind(requester, approver))
    });
    match own {
        None => Ok(()),
        Some(Candidate { intent, .. }) => Err(BridgeError::OwnRequest {
            id: intent.id.clone(),
            requester: intent.requester.clone(),
            person: approver.person.clone(),
        }),
    }
}
