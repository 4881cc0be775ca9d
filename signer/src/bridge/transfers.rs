//! Asks to countersign a transfer: fetched, reviewed as at the terminal, and signed by the key that is here or by the
//! device that is attached.
//!
//! Invariant: nothing of a page counts but which transfer it means. What is shown is this home's own review of the
//! bytes; what is signed is the same transaction, reviewed again under the version of the policy that was shown.

#[cfg(feature = "devices")]
mod attached;

#[cfg(feature = "devices")]
pub use attached::Attached;

use super::asked::Asked;
use super::error::BridgeError;
use super::fetching;
use super::handing_in::{Signed, SignedTransfer};
use super::keys::SigningHome;
use super::preparing::{Desk, Ready};
use super::progress::Progress;
use super::server::Clock;
use crate::countersign::{Countersigner, Examined};
use crate::failure::{Failure, plain};
use crate::home::HomeError;
use crate::keystore::DeviceKind;
use crate::online::Attempts as _;
use crate::page::Ask;
use bitcoin::Txid;
#[cfg(feature = "devices")]
use policies::Keyset;
use policies::journal::SpendMode;
use policies::words::{Matter, matter_button, matter_summary, matter_title, review_text};
use policies::{Policy, PolicyId};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What signs a transfer.
enum Way {
    /// The key that is here.
    Here,
    /// The device that is attached.
    #[cfg(feature = "devices")]
    Attached(Arc<Attached>),
}

/// A transfer that was reviewed and shown.
struct Transfer {
    home: Arc<SigningHome>,
    bytes: Vec<u8>,
    /// The version under which it was shown.
    policy: PolicyId,
    /// The former keyset whose coins it spends, where it does.
    #[cfg(feature = "devices")]
    former: Option<Keyset>,
    /// The head of the coordinator's event chain, which the receipt echoes.
    event_head: Option<[u8; 32]>,
    clock: Clock,
}

/// The page of a transfer.
pub(super) fn of_transfer(desk: &Desk<'_>, asked: &Asked) -> Result<Ready, Failure> {
    let home = desk.keys.signing()?;
    if desk.dated_by_word || desk.home.has_no_clock() {
        return Err(BridgeError::DatedByWord.into());
    }
    let device = desk.home.device_key()?;
    let bytes = fetching::transfer(desk.coordinator, txid_of(asked)?)?;
    let event_head = desk.coordinator.event_head()?;
    home.with(|signer| {
        let examined = examined(signer, &bytes, &desk.clock)?;
        let review = review_text(examined.review(), signer.policy());
        let mut texts = vec![("What it does", review)];
        let way = match &device {
            None => Way::Here,
            Some(key) => {
                let (way, shown) = away(desk, key.kind(), signer, &examined, &bytes)?;
                texts.push(("What the device must show", shown));
                way
            }
        };
        let (matter, ask) = match &way {
            Way::Here => (Matter::Transfer, Ask::Confirm),
            #[cfg(feature = "devices")]
            Way::Attached(_) => (Matter::TransferOnDevice, Ask::Device),
        };
        let (title, button) = (matter_title(matter), matter_button(matter));
        let summary = matter_summary(matter, signer.policy());
        let transfer = Transfer {
            home: Arc::clone(home),
            policy: signer.policy().id,
            #[cfg(feature = "devices")]
            former: examined.review().former,
            bytes: bytes.clone(),
            event_head,
            clock: Arc::clone(&desk.clock),
        };
        let progress = Progress::default();
        let working = progress.clone();
        Ok(Ready {
            title: title.to_owned(),
            summary,
            told: Vec::new(),
            texts,
            button: button.to_owned(),
            ask,
            progress,
            sign: Box::new(move |_| transfer.sign(&way, &working)),
        })
    })
}

/// The way to a device that holds the key, and what it must show.
#[cfg(feature = "devices")]
fn away(
    desk: &Desk<'_>,
    kind: &DeviceKind,
    signer: &Countersigner,
    examined: &Examined,
    bytes: &[u8],
) -> Result<(Way, String), Failure> {
    let attached = desk.attached.ok_or_else(|| elsewhere(kind))?;
    let shown = attached.shows(desk.home, examined.review(), signer.policy(), bytes)?;
    Ok((Way::Attached(Arc::clone(attached)), shown))
}

#[cfg(not(feature = "devices"))]
fn away(
    _: &Desk<'_>,
    kind: &DeviceKind,
    _: &Countersigner,
    _: &Examined,
    _: &[u8],
) -> Result<(Way, String), Failure> {
    Err(elsewhere(kind).into())
}

fn elsewhere(kind: &DeviceKind) -> HomeError {
    HomeError::KeyElsewhere {
        device: kind.clone(),
    }
}

fn txid_of(asked: &Asked) -> Result<Txid, BridgeError> {
    let hash = asked.hash()?.to_string();
    hash.parse().map_err(|_| BridgeError::Field {
        field: "hash",
        expected: "the id of a transaction",
    })
}

/// The review of a transfer that a page may have signed. What a refused one carries is remembered, as at the terminal.
fn examined(signer: &mut Countersigner, bytes: &[u8], clock: &Clock) -> Result<Examined, Failure> {
    let now = clock();
    let examined = match signer.examine(bytes, now) {
        Ok(examined) => examined,
        Err(error) => {
            signer.note_carried(bytes, now)?;
            return Err(error.into());
        }
    };
    match examined.review().mode {
        SpendMode::Recovery => Err(BridgeError::RecoveryByPage.into()),
        SpendMode::Pay | SpendMode::SelfSpend => Ok(examined),
    }
}

impl Transfer {
    #[cfg_attr(
        not(feature = "devices"),
        expect(unused_variables, reason = "a key that is here signs at once")
    )]
    fn sign(&self, way: &Way, progress: &Progress) -> Result<Signed, String> {
        match way {
            Way::Here => self.sign_here().map_err(|failure| not_signed(&failure)),
            #[cfg(feature = "devices")]
            Way::Attached(attached) => attached.sign(self, progress),
        }
    }

    fn sign_here(&self) -> Result<Signed, Failure> {
        self.open(|signer, examined| {
            let txid = examined.review().txid;
            let signed = signer.sign(examined, (self.clock)())?;
            Ok(Signed::Transfer(SignedTransfer {
                txid,
                psbt: signed.to_bytes(),
                signers: names(signer.policy()),
                unsigned: None,
            }))
        })
    }

    /// Opens the home, and reviews the same bytes again under the version that was shown.
    fn open<T>(
        &self,
        work: impl FnOnce(&mut Countersigner, Examined) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        self.home.with(|signer| {
            if signer.policy().id != self.policy {
                return Err(BridgeError::OtherVersion.into());
            }
            signer.hear(self.event_head);
            let examined = examined(signer, &self.bytes, &self.clock)?;
            work(signer, examined)
        })
    }
}

/// The signers whom a coordinator may speak of.
fn names(policy: &Policy) -> BTreeSet<String> {
    let signers = policy.signers.iter();
    signers.map(|signer| signer.name.clone()).collect()
}

/// What the page says of what was not signed: each reason with its code, and what to do.
fn not_signed(failure: &Failure) -> String {
    let reasons = failure.reasons().iter().map(|reason| {
        let (code, message, hint) = (reason.code, plain(&reason.message), plain(&reason.hint));
        format!("{message} ({code}). What to do: {hint}.")
    });
    let reasons: Vec<String> = reasons.collect();
    format!("Nothing was signed: {}", reasons.join(" "))
}
