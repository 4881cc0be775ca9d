//! What the event log tells of persons: who did what to whom, and never a secret.

use policies::{UnixTime, VaultId};
use serde_json::{Map, json};
use watchtower::store::database::Transaction;
use watchtower::store::events::{self, NewEvent};

use super::{PersonRole, ServiceError};

/// The most changes of one person's role that are read.
const MOST_CHANGES: u32 = 1000;

/// Something that happened to a person.
#[derive(Debug, Clone, Copy)]
pub(super) enum Told<'a> {
    /// Somebody is invited.
    Invited {
        role: PersonRole,
        invitation: &'a str,
        needs_second: bool,
    },
    /// A second operator confirmed an invitation.
    InvitationConfirmed { invitation: &'a str },
    /// An invitation was taken back.
    InvitationRevoked { invitation: &'a str },
    /// The invited person made a passkey.
    Joined { role: PersonRole },
    /// A change of role, or the end, is proposed.
    RoleProposed { from: &'a str, to: &'a str },
    /// The role is another one now; with it went these tokens, by their ids.
    RoleChanged {
        from: &'a str,
        to: &'a str,
        tokens: &'a [String],
    },
    /// A proposal was rejected or taken back.
    RoleKept { to: &'a str, outcome: &'a str },
    /// The person may not sign in any more; with the person went these tokens, by their ids.
    Revoked { from: &'a str, tokens: &'a [String] },
    /// The person is away.
    Absent { since: UnixTime, until: UnixTime },
    /// The person is back, or never leaves.
    Returned,
    /// A passkey was made: `use` is `sign-in` or `page`.
    KeyRegistered { usage: &'a str, key: &'a str },
    /// A passkey counts no more.
    KeyRevoked { usage: &'a str, key: &'a str },
}

impl Told<'_> {
    const fn kind(self) -> &'static str {
        match self {
            Self::Invited { .. } => "person.invited",
            Self::InvitationConfirmed { .. } => "person.invitation-confirmed",
            Self::InvitationRevoked { .. } => "person.invitation-revoked",
            Self::Joined { .. } => "person.joined",
            Self::RoleProposed { .. } => "person.role-proposed",
            Self::RoleChanged { .. } => "person.role-changed",
            Self::RoleKept { .. } => "person.role-kept",
            Self::Revoked { .. } => "person.revoked",
            Self::Absent { .. } => "person.absent",
            Self::Returned => "person.returned",
            Self::KeyRegistered { .. } => "person.key-registered",
            Self::KeyRevoked { .. } => "person.key-revoked",
        }
    }
}

/// Logs what happened to a person.
pub(super) async fn tell(
    tx: &mut Transaction,
    person: &str,
    vault: Option<VaultId>,
    told: Told<'_>,
    (actor, reason, at): (&str, &str, UnixTime),
) -> Result<(), ServiceError> {
    let mut body = Map::new();
    body.insert("person".to_owned(), json!(person));
    match told {
        Told::Invited {
            role,
            invitation,
            needs_second,
        } => {
            body.insert("role".to_owned(), json!(role));
            body.insert("invitation".to_owned(), json!(invitation));
            body.insert("needs_second".to_owned(), json!(needs_second));
        }
        Told::InvitationConfirmed { invitation } | Told::InvitationRevoked { invitation } => {
            body.insert("invitation".to_owned(), json!(invitation));
        }
        Told::Joined { role } => {
            body.insert("role".to_owned(), json!(role));
        }
        Told::RoleProposed { from, to } => {
            body.insert("from".to_owned(), json!(from));
            body.insert("to".to_owned(), json!(to));
        }
        Told::RoleChanged { from, to, tokens } => {
            body.insert("from".to_owned(), json!(from));
            body.insert("to".to_owned(), json!(to));
            body.insert("tokens".to_owned(), json!(tokens));
        }
        Told::RoleKept { to, outcome } => {
            body.insert("to".to_owned(), json!(to));
            body.insert("outcome".to_owned(), json!(outcome));
        }
        Told::Revoked { from, tokens } => {
            body.insert("from".to_owned(), json!(from));
            body.insert("tokens".to_owned(), json!(tokens));
        }
        Told::Absent { since, until } => {
            body.insert("since".to_owned(), json!(since));
            body.insert("until".to_owned(), json!(until));
        }
        Told::Returned => {}
        Told::KeyRegistered { usage, key } | Told::KeyRevoked { usage, key } => {
            body.insert("usage".to_owned(), json!(usage));
            body.insert("key".to_owned(), json!(key));
        }
    }
    let event = NewEvent {
        object_kind: "person",
        object_id: person,
        kind: told.kind(),
        vault,
        body,
        actor,
        reason,
        at,
    };
    events::append(tx, &event).await?;
    Ok(())
}

/// The ids of the tokens that went with a role of this person, as the events tell.
pub(super) async fn tokens_gone(
    tx: &mut Transaction,
    person: &str,
) -> Result<Vec<String>, ServiceError> {
    let none: &[String] = &[];
    let (from, to) = ("", "");
    let revoked = Told::Revoked { from, tokens: none };
    let changed = Told::RoleChanged {
        from,
        to,
        tokens: none,
    };
    let mut ids = Vec::new();
    for told in [revoked, changed] {
        for event in events::of_object(tx, "person", person, told.kind(), MOST_CHANGES).await? {
            let of_event = event.body["tokens"].as_array().into_iter().flatten();
            ids.extend(of_event.filter_map(|id| id.as_str().map(str::to_owned)));
        }
    }
    Ok(ids)
}

/// Logs that a session began, or why it ended.
pub(super) async fn tell_session(
    tx: &mut Transaction,
    (session, person): (&str, &str),
    why_ended: Option<&str>,
    actor: &str,
    at: UnixTime,
) -> Result<(), ServiceError> {
    let mut body = Map::new();
    body.insert("person".to_owned(), json!(person));
    let kind = match why_ended {
        None => "session.begun",
        Some(why) => {
            body.insert("why".to_owned(), json!(why));
            "session.ended"
        }
    };
    let event = NewEvent {
        object_kind: "web-session",
        object_id: session,
        kind,
        vault: None,
        body,
        actor,
        reason: "",
        at,
    };
    events::append(tx, &event).await?;
    Ok(())
}
