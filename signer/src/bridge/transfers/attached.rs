//! A transfer that the device attached to this computer signs, while the page says where it is.
//!
//! Invariant: the order is the terminal's, handed over durably, asked for, taken; the journal is open before and after,
//! not while the device works, so that other asks go on.

use super::{Signed, SignedTransfer, Transfer, names, not_signed};
use crate::bridge::progress::Progress;
use crate::device::{
    Cancel, Owner, STAYS_JOURNALLED, Wanted, Watch, Wire, ask, comparison, expect_fits, taken,
    tool_to_sign,
};
use crate::failure::Failure;
use crate::home::Home;
use policies::Policy;
use policies::review::Review;
use std::cell::Cell;
use std::time::Duration;

/// How often the page says how long it has been, in seconds.
const TELLING: u64 = 5;

/// The devices of this computer, and how long one and its owner may take.
#[derive(Debug)]
pub struct Attached {
    wire: Wire,
    deadline: Duration,
}

impl Attached {
    /// The devices on this wire.
    pub fn new(wire: Wire, deadline: Duration) -> Self {
        Self { wire, deadline }
    }

    /// What the home's device must show of a transfer, if it can sign it.
    pub(super) fn shows(
        &self,
        home: &Home,
        review: &Review,
        policy: &Policy,
        transfer: &[u8],
    ) -> Result<String, Failure> {
        let owner = Owner::of_coins(home, review.former)?;
        let kind = owner.key.kind();
        tool_to_sign(kind, owner.purpose())?;
        expect_fits(&owner, review, transfer)?;
        let seconds = self.deadline.as_secs();
        let shown = comparison(review, policy, kind.name());
        Ok(format!(
            "{shown}\nPlug it in and unlock it before you press. It is waited for {seconds} s.\n"
        ))
    }

    /// Has it sign, and takes what it gives.
    pub(super) fn sign(&self, transfer: &Transfer, progress: &Progress) -> Result<Signed, String> {
        let cancel = Cancel::default();
        let wish = cancel.clone();
        let working = progress.begin("Looking for the device…", move || wish.wish());
        let journalled = Cell::new(false);
        let signed = self.signed(transfer, progress, &cancel, &journalled);
        drop(working);
        signed.map_err(|failure| {
            let words = not_signed(&failure);
            if journalled.get() {
                format!("{words}\n{STAYS_JOURNALLED}")
            } else {
                words
            }
        })
    }

    fn signed(
        &self,
        transfer: &Transfer,
        progress: &Progress,
        cancel: &Cancel,
        journalled: &Cell<bool>,
    ) -> Result<Signed, Failure> {
        let owner = Owner::of_coins(&transfer.home.home, transfer.former)?;
        let tool = tool_to_sign(owner.key.kind(), owner.purpose())?;
        let silent = Watch {
            deadline: self.deadline,
            cancel,
            tick: &|_| (),
        };
        let key = Some(owner.key.fingerprint());
        self.wire.with(tool, &Wanted::Any, key, None, &silent, |device| {
            let (handed, examined) = transfer.open(|signer, examined| {
                let handed = signer.hand_over(&examined, (transfer.clock)())?;
                Ok((handed, examined))
            })?;
            journalled.set(true);
            let (kind, most) = (owner.key.kind(), self.deadline.as_secs());
            let tell = |since: Duration| {
                let seconds = since.as_secs();
                // Whoever has the page read aloud hears it every few seconds.
                if seconds.is_multiple_of(TELLING) {
                    progress.say(format!(
                        "Look at the device ({kind}), compare, and sign there: {seconds} of {most} s"
                    ));
                }
            };
            tell(Duration::ZERO);
            let waiting = Watch {
                tick: &tell,
                ..silent
            };
            let answer = ask(device, &handed.psbt, handed.txid, &owner, &waiting)?;
            progress.say("Looking at what the device gave…".to_owned());
            transfer.home.with(|signer| {
                signer.hear(transfer.event_head);
                let now = (transfer.clock)();
                let answered = taken(signer, &examined, answer, now)?;
                let is_whole = answered.missing.is_empty() && answered.refused.is_empty();
                Ok(Signed::Transfer(SignedTransfer {
                    txid: handed.txid,
                    psbt: answered.signed.to_bytes(),
                    signers: names(signer.policy()),
                    unsigned: (!is_whole).then(|| answered.text(&handed.txid)),
                }))
            })
        })
    }
}
