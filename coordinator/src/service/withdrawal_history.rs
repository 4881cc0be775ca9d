//! What happened to a withdrawal, in plain words: its events, its approvals, its attempts and who signed them.
//!
//! Invariant: every line rests on a stored event, approval or signature; nothing is guessed.

use bitcoin::Txid;
use policies::hash::Purpose;
use policies::{KeyId, UnixTime};
use watchtower::store::chain;
use watchtower::store::database::Transaction;
use watchtower::store::events::{self, Event};

use super::record::{ATTEMPT, WITHDRAWAL};
use super::withdrawals::existing;
use super::{Actor, Right, Service, ServiceError};
use crate::session::attempt::AttemptEvent;
use crate::session::withdrawal::WithdrawalEvent;
use crate::store::approvals::{self, ApprovalRow};
use crate::store::attempts::{self, AttemptRow};
use crate::store::payments;
use crate::store::withdrawals::{WithdrawalKey, WithdrawalRow};

/// The most events of one object that are shown.
const MOST: u32 = 500;

/// How something that happened is to be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// A step on the way.
    Step,
    /// What was hoped for.
    Good,
    /// Something to look at.
    Warning,
    /// The end of it.
    Bad,
}

impl Mood {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Step => "step",
            Self::Good => "good",
            Self::Warning => "warn",
            Self::Bad => "bad",
        }
    }
}

/// Something that happened to a withdrawal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happening {
    /// When.
    pub at: UnixTime,
    /// What, in a few words.
    pub title: &'static str,
    /// The facts in a sentence or two.
    pub says: String,
    /// Who did it; empty where the coordinator's own work did.
    pub who: String,
    /// Why, in the words of who did it; empty if nobody said.
    pub reason: String,
    /// How it is to be seen.
    pub mood: Mood,
    /// The transaction that it is about.
    pub txid: Option<Txid>,
    /// The height of the block that it is about.
    pub height: Option<u32>,
}

impl Happening {
    /// What comes first of what is written in one second.
    fn rank(&self) -> u8 {
        match self.title {
            REQUESTED => 0,
            APPROVAL | REFUSAL => 1,
            SIGNED => 3,
            COMPLETE => 4,
            BROADCAST | SEEN => 5,
            CONFIRMED => 6,
            SETTLED => 7,
            _ => 2,
        }
    }
}

const REQUESTED: &str = "Requested";
const APPROVAL: &str = "Approval signed";
const REFUSAL: &str = "Refusal signed";
const SIGNED: &str = "Signed";
const COMPLETE: &str = "Signatures complete";
const BROADCAST: &str = "Broadcast";
const SEEN: &str = "Seen by the node";
const CONFIRMED: &str = "Confirmed";
const SETTLED: &str = "Settled";

/// The history of a withdrawal, oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// What happened.
    pub happenings: Vec<Happening>,
    /// Confirmations of the transaction that pays it, by the watchtower's tip; 0 while it is in no block.
    pub confirmations: u32,
    /// How many make it settled.
    pub settled_at: u32,
    /// The transactions that were made for it, in order.
    pub attempts: Vec<Txid>,
}

/// The history of a withdrawal.
///
/// # Errors
/// `WithdrawalError::UnknownWithdrawal`.
pub async fn withdrawal_history(
    service: &Service,
    actor: &Actor,
    key: &WithdrawalKey,
) -> Result<History, ServiceError> {
    actor.require(Right::Read, key.vault)?;
    let mut tx = service.database().begin_read().await?;
    let (_, policy) = service.vault(&mut tx, key.vault).await?;
    let row = existing(&mut tx, key).await?;
    let said = approvals::of_intent(&mut tx, row.hash).await?;
    let mut happenings = own(&mut tx, &row, &said).await?;
    happenings.extend(said.iter().map(said_by));
    let made = payments::paying(&mut tx, key).await?;
    for (number, attempt) in (1_usize..).zip(&made) {
        happenings.extend(of_attempt(&mut tx, attempt, number).await?);
    }
    happenings.sort_by_key(|happening| (happening.at, happening.rank()));
    let tip = chain::tip(&mut tx).await?.map(|tip| tip.height);
    let confirmations = height(&row).zip(tip).map_or(0, |(height, tip)| {
        tip.saturating_add(1).saturating_sub(height)
    });
    Ok(History {
        happenings,
        confirmations,
        settled_at: policy.limits.confirmations_change,
        attempts: made.iter().map(|attempt| attempt.txid).collect(),
    })
}

/// The height of the block that confirms it.
pub(super) const fn height(row: &WithdrawalRow) -> Option<u32> {
    use crate::session::withdrawal::WithdrawalState as State;
    match &row.state {
        State::Confirmed { height, .. } | State::Settled { height, .. } => Some(*height),
        State::Requested
        | State::Approved { .. }
        | State::Rejected { .. }
        | State::Expired
        | State::Cancelled
        | State::Batched { .. }
        | State::Signing { .. }
        | State::Broadcast { .. }
        | State::Failed { .. } => None,
    }
}

/// What its own events tell.
async fn own(
    tx: &mut Transaction,
    row: &WithdrawalRow,
    said: &[ApprovalRow],
) -> Result<Vec<Happening>, ServiceError> {
    let log = events::history(tx, WITHDRAWAL, &row.key.to_string(), MOST).await?;
    let told = log.iter().map(|event| {
        if event.kind == "withdrawal.requested" {
            let says = format!("{} asked for it, and signed it.", row.key.requester);
            return Happening {
                // The reason of this event is the reference, which is shown by itself.
                reason: String::new(),
                ..base(event, REQUESTED, says, Mood::Step)
            };
        }
        match serde_json::from_value::<WithdrawalEvent>(event.body.clone()) {
            Ok(known) => of_event(event, &known, said),
            Err(_) => base(event, "Something else", event.kind.clone(), Mood::Step),
        }
    });
    Ok(told.collect())
}

fn base(event: &Event, title: &'static str, says: String, mood: Mood) -> Happening {
    let who = if event.actor == "coordinator" || event.actor == "watchtower" {
        String::new()
    } else {
        event.actor.clone()
    };
    Happening {
        at: event.at,
        title,
        says,
        who,
        reason: event.reason.clone(),
        mood,
        txid: None,
        height: None,
    }
}

fn of_event(event: &Event, known: &WithdrawalEvent, said: &[ApprovalRow]) -> Happening {
    let step = |title: &'static str, says: String| base(event, title, says, Mood::Step);
    match known {
        WithdrawalEvent::Approved { rule } => {
            let says = format!("The rule {rule} has all that it needs.");
            base(event, "Approved", says, Mood::Good)
        }
        WithdrawalEvent::Rejected { key } => {
            let who = approver_of(said, *key);
            let says = format!("{who} refused it. It is not paid.");
            base(event, "Rejected", says, Mood::Bad)
        }
        WithdrawalEvent::Expired => {
            let says = "Its time ran out before a transaction was made. It is not paid.";
            base(event, "Expired", says.to_owned(), Mood::Bad)
        }
        WithdrawalEvent::Cancelled => {
            let says = "It was taken back. It is not paid.";
            base(event, "Cancelled", says.to_owned(), Mood::Bad)
        }
        WithdrawalEvent::Batched { .. } => {
            step("Put into a batch", "Coins are reserved for it.".to_owned())
        }
        WithdrawalEvent::DraftDropped => {
            let says = "The draft was dropped; nothing had left. It waits for the next batch.";
            base(event, "Taken out of the batch", says.to_owned(), Mood::Warning)
        }
        WithdrawalEvent::Issued { txid } => Happening {
            txid: Some(*txid),
            ..step("Sent to the signers", "A transaction that pays it waits for signatures.".to_owned())
        },
        WithdrawalEvent::Reissued { txid, .. } => Happening {
            txid: Some(*txid),
            ..base(
                event,
                "Paid by another transaction",
                "This transaction pays it from now on. At most one of them can ever confirm.".to_owned(),
                Mood::Warning,
            )
        },
        WithdrawalEvent::Voided { rule } => {
            let says = format!(
                "Enough signers wrote down that they never signed its transactions and never will. It is approved \
                 again, by the rule {rule}."
            );
            base(event, "Taken out of the batch", says, Mood::Warning)
        }
        WithdrawalEvent::Broadcast => step(
            BROADCAST,
            "The final transaction was handed over, or seen by the node.".to_owned(),
        ),
        WithdrawalEvent::Confirmed { height } => Happening {
            height: Some(*height),
            ..base(event, CONFIRMED, "Its transaction is in a block.".to_owned(), Mood::Good)
        },
        WithdrawalEvent::Settled { height } => Happening {
            height: Some(*height),
            ..base(
                event,
                SETTLED,
                "Its block is as deep as the vault's policy asks.".to_owned(),
                Mood::Good,
            )
        },
        WithdrawalEvent::Reorged => base(
            event,
            "Block left the chain",
            "The block with its transaction is not in the chain any more. The same transaction is sent again until \
             it confirms."
                .to_owned(),
            Mood::Warning,
        ),
        WithdrawalEvent::Failed { by } => Happening {
            txid: Some(*by),
            ..base(
                event,
                "Failed",
                "Another settled transaction spends a coin of its transaction, which can never confirm now.".to_owned(),
                Mood::Bad,
            )
        },
        WithdrawalEvent::Revived { .. } => base(
            event,
            "May be paid again",
            "The transaction that excluded it left the chain.".to_owned(),
            Mood::Warning,
        ),
    }
}

fn approver_of(said: &[ApprovalRow], key: KeyId) -> String {
    said.iter()
        .find(|row| row.approval.key == key)
        .map_or_else(|| "An approver".to_owned(), |row| row.approver.clone())
}

fn said_by(row: &ApprovalRow) -> Happening {
    let expires = row.approval.expires;
    let approver = &row.approver;
    let together = match row.proof.leaves() {
        1 => String::new(),
        leaves => format!(" of {leaves} withdrawals together"),
    };
    let (title, says, mood) = if row.approval.purpose == Purpose::Reject {
        let says = format!("{approver} signed a refusal{together}.");
        (REFUSAL, says, Mood::Bad)
    } else {
        let says = format!("{approver} signed an approval{together}. It counts until {expires}.");
        (APPROVAL, says, Mood::Good)
    };
    Happening {
        at: row.received_at,
        title,
        says,
        who: row.approver.clone(),
        reason: String::new(),
        mood,
        txid: None,
        height: None,
    }
}

/// What an attempt's events and signatures tell beside the withdrawal's own.
async fn of_attempt(
    tx: &mut Transaction,
    attempt: &AttemptRow,
    number: usize,
) -> Result<Vec<Happening>, ServiceError> {
    let log = events::history(tx, ATTEMPT, &attempt.txid.to_string(), MOST).await?;
    let mut told: Vec<Happening> = log
        .iter()
        .filter_map(|event| {
            let known = serde_json::from_value(event.body.clone()).ok()?;
            let (title, says, mood) = of_attempt_event(&known)?;
            Some(Happening {
                txid: Some(attempt.txid),
                ..base(event, title, says.replace("{n}", &number.to_string()), mood)
            })
        })
        .collect();
    let mut signed: Vec<(String, UnixTime)> = Vec::new();
    for row in attempts::signatures(tx, attempt.txid).await? {
        match signed.iter_mut().find(|(signer, _)| *signer == row.signer) {
            Some((_, at)) => *at = row.received_at.min(*at),
            None => signed.push((row.signer, row.received_at)),
        }
    }
    told.extend(signed.into_iter().map(|(signer, at)| Happening {
        at,
        title: SIGNED,
        says: format!("{signer} signed transaction {number}."),
        who: signer,
        reason: String::new(),
        mood: Mood::Step,
        txid: Some(attempt.txid),
        height: None,
    }));
    Ok(told)
}

fn of_attempt_event(event: &AttemptEvent) -> Option<(&'static str, &'static str, Mood)> {
    match event {
        AttemptEvent::Signed => Some((
            COMPLETE,
            "Enough signers signed transaction {n}; the final transaction holds.",
            Mood::Good,
        )),
        AttemptEvent::SeenInMempool => Some((
            SEEN,
            "The node has transaction {n} and passes it on.",
            Mood::Step,
        )),
        AttemptEvent::LeftMempool => Some((
            "Left the node's mempool",
            "No block has transaction {n}, and the node forgot it. It is sent again.",
            Mood::Warning,
        )),
        AttemptEvent::Voided => Some((
            "Given up",
            "Enough signers wrote down that they never signed transaction {n} and never will.",
            Mood::Warning,
        )),
        AttemptEvent::Died { .. } => Some((
            "Excluded",
            "Another settled transaction spends a coin of transaction {n}, which can never confirm now.",
            Mood::Warning,
        )),
        AttemptEvent::Revived => Some((
            "Not excluded any more",
            "What excluded transaction {n} left the chain.",
            Mood::Warning,
        )),
        // The withdrawal's own events tell these.
        AttemptEvent::Dropped
        | AttemptEvent::Issued
        | AttemptEvent::Broadcasting
        | AttemptEvent::Confirmed { .. }
        | AttemptEvent::Settled { .. }
        | AttemptEvent::Reorged => None,
    }
}
