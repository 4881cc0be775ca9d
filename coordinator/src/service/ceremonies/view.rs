//! The board of a ceremony: where it stands, each seat's state, and what is next for whom.

use policies::document::{Policy, words_of};
use policies::{PolicyId, UnixTime, VaultId};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Standing, has_compared, has_key, is_ready};
use crate::store::vault_seats::SeatRow;

/// Where a ceremony stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Keys are missing.
    Gathering,
    /// All keys are in, and there is no document yet.
    Drafting,
    /// Persons confirm the document.
    Confirming,
    /// All have confirmed: one command makes it active.
    Confirmed,
    /// The vault was added.
    Added,
    /// The next version was proposed.
    Proposed,
    /// Nothing came of it.
    Abandoned,
}

impl Step {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gathering => "gathering",
            Self::Drafting => "drafting",
            Self::Confirming => "confirming",
            Self::Confirmed => "confirmed",
            Self::Added => "added",
            Self::Proposed => "proposed",
            Self::Abandoned => "abandoned",
        }
    }
}

/// A ceremony.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct CeremonyView {
    /// Its id.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// The vault in which signers are replaced; none where a vault is to be.
    #[schema(value_type = Option<String>)]
    pub vault: Option<VaultId>,
    /// Where it stands.
    pub step: Step,
    /// What is next, and for whom.
    pub next: String,
    /// When it began (unix seconds).
    #[schema(value_type = u64)]
    pub created_at: UnixTime,
    /// Who began it.
    pub created_by: String,
    /// The seats, in their order.
    pub seats: Vec<SeatView>,
    /// The document, once there is one.
    pub draft: Option<DraftView>,
    /// When it ended (unix seconds).
    #[schema(value_type = Option<u64>)]
    pub ended_at: Option<UnixTime>,
    /// Who ended it.
    pub ended_by: Option<String>,
}

/// The document of a ceremony.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct DraftView {
    /// Its id.
    #[schema(value_type = String)]
    pub policy: PolicyId,
    /// Its id as the words that persons read out to one another.
    #[schema(value_type = Vec<String>)]
    pub words: [&'static str; 24],
    /// The vault's first address.
    pub first_address: String,
    /// The document, byte for byte.
    pub document: String,
    /// When it was set (unix seconds).
    #[schema(value_type = u64)]
    pub set_at: UnixTime,
    /// Who set it.
    pub set_by: String,
    /// Whether it passes although devices cannot sign it as far as is known here.
    pub despite_devices: bool,
}

/// A seat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SeatView {
    /// The signer's name in the policy.
    pub name: String,
    /// Who sits on it.
    pub person: String,
    /// Whether its key stays as it is.
    pub keeps: bool,
    /// `empty`, `invited`, `sitting`, `filled`, `compared` or `ready`.
    pub state: String,
    /// When the open link stops counting (unix seconds).
    #[schema(value_type = Option<u64>)]
    pub link_until: Option<UnixTime>,
    /// Whether the link is over.
    pub link_over: bool,
    /// Since when somebody sits on it (unix seconds).
    #[schema(value_type = Option<u64>)]
    pub sat_at: Option<UnixTime>,
    /// Whether a sitting can be resumed.
    pub sits: bool,
    /// The record, as `[[signers]]` has it.
    pub record: Option<String>,
    /// When the key came in (unix seconds).
    #[schema(value_type = Option<u64>)]
    pub filled_at: Option<UnixTime>,
    /// Who handed it in.
    pub filled_by: Option<String>,
    /// The seat of the person who read the words out.
    pub compared_with: Option<String>,
    /// When the words were compared (unix seconds).
    #[schema(value_type = Option<u64>)]
    pub compared_at: Option<UnixTime>,
    /// Since when the person is ready (unix seconds).
    #[schema(value_type = Option<u64>)]
    pub ready_at: Option<UnixTime>,
}

/// The board.
pub(super) fn view(standing: &Standing, now: UnixTime) -> CeremonyView {
    let row = &standing.row;
    CeremonyView {
        id: row.id.clone(),
        name: row.name.clone(),
        vault: standing.vault(),
        step: step(standing),
        next: says(standing, now),
        created_at: row.created_at,
        created_by: row.created_by.clone(),
        seats: (standing.seats.iter())
            .map(|seat| seat_view(standing, seat, now))
            .collect(),
        draft: row.draft.as_ref().map(|draft| DraftView {
            policy: draft.id,
            words: words_of(draft.id),
            first_address: first_address(&draft.document),
            document: String::from_utf8_lossy(&draft.document).into_owned(),
            set_at: draft.at,
            set_by: draft.by.clone(),
            despite_devices: row.despite_devices,
        }),
        ended_at: row.ended.as_ref().map(|(at, _, _)| *at),
        ended_by: row.ended.as_ref().map(|(_, by, _)| by.clone()),
    }
}

/// Where a ceremony stands.
pub(super) fn step(standing: &Standing) -> Step {
    if let Some((_, _, outcome)) = &standing.row.ended {
        return match outcome.as_str() {
            "added" => Step::Added,
            "proposed" => Step::Proposed,
            _ => Step::Abandoned,
        };
    }
    if !standing.empty_seats().is_empty() {
        return Step::Gathering;
    }
    match standing.draft() {
        None => Step::Drafting,
        Some(draft) if standing.unconfirmed(draft).is_empty() => Step::Confirmed,
        Some(_) => Step::Confirming,
    }
}

/// What is next for the ceremony as a whole.
fn says(standing: &Standing, now: UnixTime) -> String {
    match step(standing) {
        Step::Gathering => {
            let empty = standing.empty_seats();
            let mut says = format!("Keys are missing: {}.", empty.join(", "));
            let waiting = |name: &&String| {
                let seat = standing.seat(name);
                seat.is_ok_and(|seat| !is_invited(seat, now) && !sits(seat, now))
            };
            let to_invite: Vec<&str> = empty.iter().filter(waiting).map(String::as_str).collect();
            if !to_invite.is_empty() {
                says += &format!(" Invite {}.", to_invite.join(", "));
            }
            says
        }
        Step::Drafting if standing.before.is_some() => {
            "All keys are in. Set the next version's document: it is written from the records.".to_owned()
        }
        Step::Drafting => {
            "All keys are in. Write the policy around the records, and set it as the document.".to_owned()
        }
        Step::Confirming => {
            let open = (standing.draft()).map_or_else(Vec::new, |draft| standing.unconfirmed(draft));
            format!("To be confirmed by {}.", open.join(", "))
        }
        Step::Confirmed if standing.before.is_some() => {
            "All have confirmed. Make it active: the version is proposed, and its approvers approve it.".to_owned()
        }
        Step::Confirmed => "All have confirmed. Make it active: the vault is added.".to_owned(),
        Step::Added => "The vault was added. Requesters and approvers pin it by the same words.".to_owned(),
        Step::Proposed => {
            "The version was proposed. Its approvers approve it; after its delay it is adopted, and the coins of the \
             keys before are drained."
                .to_owned()
        }
        Step::Abandoned => "It was ended; nothing came of it.".to_owned(),
    }
}

/// What is next for the person on a seat.
pub(super) fn says_of(standing: &Standing, seat: &SeatRow) -> String {
    let own = match step(standing) {
        Step::Gathering | Step::Drafting if !has_key(seat) => {
            "Make your key with your own tool, and hand in its record."
        }
        Step::Gathering => "Your key is in. Others are missing; come back when all are in.",
        Step::Drafting => {
            "All keys are in. The operator writes the document; come back when it is there."
        }
        Step::Confirming | Step::Confirmed => {
            let draft = standing.draft();
            if !draft.is_some_and(|draft| has_compared(seat, draft)) {
                "Download the document, look at it with your own tool, and compare its words with another person."
            } else if !draft.is_some_and(|draft| is_ready(seat, draft)) {
                "Check the document with your own tool, register it on your device where it asks for that, and say \
                 that you are ready."
            } else {
                "You have confirmed. There is nothing more to do here until all have."
            }
        }
        Step::Added => "The vault is active. Keep your tool's home folder and your backup.",
        Step::Proposed => {
            "The version is proposed. Once it is approved, pin it with your own tool by the words that you compared."
        }
        Step::Abandoned => "This ceremony was ended; nothing came of it.",
    };
    own.to_owned()
}

/// A seat as the board shows it.
pub(super) fn seat_view(standing: &Standing, seat: &SeatRow, now: UnixTime) -> SeatView {
    let draft = standing.draft();
    let compared = seat
        .compared
        .as_ref()
        .filter(|(of, _, _)| Some(*of) == draft);
    let ready = seat.ready.filter(|(of, _)| Some(*of) == draft);
    let filled = seat.filled.as_ref();
    let link_until = seat.link.map(|(_, until)| until);
    let state = if ready.is_some() {
        "ready"
    } else if compared.is_some() {
        "compared"
    } else if has_key(seat) {
        "filled"
    } else if sits(seat, now) {
        "sitting"
    } else if is_invited(seat, now) {
        "invited"
    } else {
        "empty"
    };
    SeatView {
        name: seat.name.clone(),
        person: seat.person.clone(),
        keeps: seat.keeps,
        state: state.to_owned(),
        link_until,
        link_over: link_until.is_some_and(|until| until <= now),
        sat_at: seat.sitting.map(|(_, _, since)| since),
        sits: sits(seat, now),
        record: filled.map(|filled| filled.record.clone()),
        filled_at: filled.map(|filled| filled.at),
        filled_by: filled.map(|filled| filled.by.clone()),
        compared_with: compared.map(|(_, with, _)| with.clone()),
        compared_at: compared.map(|(_, _, at)| *at),
        ready_at: ready.map(|(_, at)| at),
    }
}

fn is_invited(seat: &SeatRow, now: UnixTime) -> bool {
    seat.link.is_some_and(|(_, until)| until > now)
}

fn sits(seat: &SeatRow, now: UnixTime) -> bool {
    seat.sitting.is_some_and(|(_, until, _)| until > now)
}

/// The first address of a document that was checked before it was stored.
pub(super) fn first_address(document: &[u8]) -> String {
    Policy::parse(document).map_or_else(|_| String::new(), |policy| policy.first_address())
}
