//! Ceremonies: several persons set up a vault, or fill the seat of a signer who is replaced.

mod confirming;
mod hostile;
mod replacing;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use policies::PolicyId;
use policies::document::{DeviceDraft, PolicyDraft, words_of};
use tempfile::TempDir;

use super::world::{NOW, draft, empty, secret};
use crate::roles::fixture::{Kind, Vault};
use crate::service::ceremonies::activating::{ActivatedView, activate};
use crate::service::ceremonies::drafting::{SetDraft, set_draft};
use crate::service::ceremonies::filling::HandIn;
use crate::service::ceremonies::operating::{
    NewCeremony, NewSeat, begin, empty_seat, invite, show,
};
use crate::service::ceremonies::sitting::{
    Compared, Ready, SittingView, compare, hand_in, ready, sit,
};
use crate::service::ceremonies::view::{CeremonyView, Step};
use crate::service::{Actor, Service, ServiceError};

/// Where the tests' browsers come from.
const FROM: &str = "192.0.2.7";
const SEATS: [&str; 3] = ["alice", "bob", "carol"];

/// A ceremony of three persons.
struct Board {
    folder: TempDir,
    service: Service,
    operator: Actor,
    id: String,
    time: Arc<AtomicU64>,
}

fn seats(names: &[&str]) -> Vec<NewSeat> {
    let seat = |name: &&str| NewSeat {
        name: (*name).to_owned(),
        person: None,
    };
    names.iter().map(seat).collect()
}

fn code<T: std::fmt::Debug>(refused: Result<T, ServiceError>) -> &'static str {
    refused.expect_err("is refused").code()
}

/// The policy of a vault whose keys are all in software.
pub(crate) fn policy_draft(keys: &Vault) -> PolicyDraft {
    let mut draft = draft(keys, &secret("exchange"), &secret("dana"));
    for signer in &mut draft.signers {
        signer.device = Some(DeviceDraft {
            kind: "software".to_owned(),
        });
    }
    draft
}

/// What `keygen` prints for one of a vault's keys.
pub(crate) fn record(keys: &Vault, seat: usize) -> String {
    let signer = &policy_draft(keys).signers[seat];
    format!(
        "[[signers]]\nname = \"{0}\"\nperson = \"{0}\"\ndevice = {{ kind = \"software\" }}\nkey = \"{1}\"\n\
         journal = \"{2}\"\n",
        signer.name, signer.key, signer.journal
    )
}

fn of(text: &str) -> HandIn {
    HandIn {
        record: text.to_owned(),
        ..HandIn::default()
    }
}

impl Board {
    async fn new() -> Self {
        let time = Arc::new(AtomicU64::new(NOW));
        let (folder, service) = empty(&time).await;
        let operator = Actor::local();
        let request = NewCeremony {
            name: "treasury".to_owned(),
            vault: None,
            seats: seats(&SEATS),
        };
        let begun = begin(&service, &operator, &request).await.expect("begins");
        assert_eq!(begun.step, Step::Gathering);
        Self {
            folder,
            service,
            operator,
            id: begun.id,
            time,
        }
    }

    fn pass(&self, seconds: u64) {
        self.time.fetch_add(seconds, Ordering::SeqCst);
    }

    async fn link(&self, seat: &str) -> String {
        let link = invite(&self.service, &self.operator, &self.id, seat).await;
        link.expect("a link").secret
    }

    /// Invites somebody who opens the link; gives the sitting's secret.
    async fn seated(&self, seat: &str) -> String {
        let link = self.link(seat).await;
        sit(&self.service, FROM, &link).await.expect("sits").secret
    }

    /// All sit, and have handed in the keys of this vault.
    async fn filled(&self, keys: &Vault) -> Vec<String> {
        let mut sittings = Vec::new();
        for (place, seat) in SEATS.iter().enumerate() {
            let sitting = self.seated(seat).await;
            self.hand_in(&sitting, &record(keys, place))
                .await
                .expect("is taken");
            sittings.push(sitting);
        }
        sittings
    }

    async fn hand_in(&self, sitting: &str, record: &str) -> Result<SittingView, ServiceError> {
        hand_in(&self.service, sitting, &of(record)).await
    }

    async fn show(&self) -> CeremonyView {
        let shown = show(&self.service, &self.operator, &self.id).await;
        shown.expect("is shown")
    }

    async fn set(&self, document: &str) -> Result<CeremonyView, ServiceError> {
        let request = SetDraft {
            document: Some(document.to_owned()),
            despite_devices: false,
        };
        set_draft(&self.service, &self.operator, &self.id, &request).await
    }

    /// Sets the document of this vault; gives its id.
    async fn drafted(&self, keys: &Vault) -> PolicyId {
        let set = self.set(&policy_draft(keys).to_toml()).await;
        set.expect("is set").draft.expect("a document").policy
    }

    async fn compare(
        &self,
        sitting: &str,
        policy: PolicyId,
        with: &str,
    ) -> Result<SittingView, ServiceError> {
        compare(&self.service, sitting, &heard(policy, with)).await
    }

    async fn ready(&self, sitting: &str, policy: PolicyId) -> Result<SittingView, ServiceError> {
        ready(&self.service, sitting, &Ready { policy }).await
    }

    /// All confirm; each compares with the next one.
    async fn confirmed(&self, sittings: &[String], policy: PolicyId) {
        for (place, sitting) in sittings.iter().enumerate() {
            let with = SEATS[(place + 1) % SEATS.len()];
            self.compare(sitting, policy, with).await.expect("compares");
            self.ready(sitting, policy).await.expect("is ready");
        }
    }

    /// All events, as they are written.
    async fn told(&self) -> Vec<String> {
        let mut tx = self.service.database().begin_read().await.expect("begins");
        let rows = tx.rows("SELECT actor, body FROM event", &[]).await;
        let rows = rows.expect("reads").into_iter();
        let told = rows.map(|row| {
            let part = |name| row.text(name).expect("a text");
            format!("{} {}", part("actor"), part("body"))
        });
        told.collect()
    }

    async fn activate(&self) -> Result<ActivatedView, ServiceError> {
        activate(&self.service, &self.operator, &self.id).await
    }

    async fn empty(&self, seat: &str) -> CeremonyView {
        let emptied = empty_seat(&self.service, &self.operator, &self.id, seat).await;
        emptied.expect("is emptied")
    }
}

/// What somebody types who heard the words of a document.
fn heard(policy: PolicyId, with: &str) -> Compared {
    let [first, .., last] = words_of(policy);
    Compared {
        policy,
        with: with.to_owned(),
        first_word: format!(" {} ", first.to_uppercase()),
        last_word: last.to_owned(),
        same_address: true,
    }
}

fn keys() -> Vault {
    Vault::new(Kind::SortedMulti)
}
