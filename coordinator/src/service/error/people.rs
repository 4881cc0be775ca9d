//! What is refused about persons, their passkeys, sessions, invitations, roles and absences.

use policies::intent::RegistrationError;
use serde_json::{Value, json};

use super::{Answer, ErrorClass as Class};

/// A refusal about persons.
#[derive(Debug, thiserror::Error)]
pub enum PeopleError {
    /// No such person, or one who was revoked.
    #[error("nobody here is named {name}")]
    UnknownPerson {
        /// The name asked for.
        name: String,
    },
    /// A person, a token or this program bears the name.
    #[error("the name {name} is taken")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// An invitation of this name is open.
    #[error("{name} has an invitation that is still open")]
    AlreadyInvited {
        /// The name.
        name: String,
    },
    /// An invitation to a new passkey that would change the role too.
    #[error("{name} is {role} already: an invitation does not change that")]
    OtherRole {
        /// The name.
        name: String,
        /// The role.
        role: &'static str,
    },
    /// A link that is unknown, used, over or taken back: the answer is the same for each.
    #[error("this invitation opens nothing, or nothing any more")]
    InvitationVoid,
    /// The word of a second operator is missing.
    #[error("a second operator has not confirmed this invitation yet")]
    InvitationUnconfirmed,
    /// No open invitation has this id.
    #[error("no invitation {id} is open")]
    UnknownInvitation {
        /// The id asked for.
        id: String,
    },
    /// No open invitation is one of this name.
    #[error("no invitation of {name} is open")]
    NotInvited {
        /// The name asked for.
        name: String,
    },
    /// Nobody would be left who may manage people.
    #[error("{name} is the last operator")]
    LastOperator {
        /// The name.
        name: String,
    },
    /// The person could not sign in any more.
    #[error("this is the last passkey by which you can sign in")]
    LastPasskey,
    /// One person cannot say both words.
    #[error("{by} proposed this: another operator decides it")]
    SecondOperator {
        /// Who proposed it.
        by: String,
    },
    /// Only a signed-in operator says the second word.
    #[error("only a person who is an operator decides this, signed in to the pages")]
    NotAnOperator,
    /// Another change about the person waits.
    #[error("a change of {name} waits for a decision already")]
    ChangeOpen {
        /// The name.
        name: String,
    },
    /// No such change waits.
    #[error("no change {id} waits for a decision")]
    UnknownChange {
        /// The id asked for.
        id: String,
    },
    /// The person's role is another one meanwhile.
    #[error("{name} is not {role} any more")]
    ChangeStale {
        /// The name.
        name: String,
        /// The role when it was proposed.
        role: String,
    },
    /// There is nothing to change.
    #[error("{name} is {role} already")]
    SameRole {
        /// The name.
        name: String,
        /// The role.
        role: &'static str,
    },
    /// A sign-in that does not count: the answer is the same whatever is wrong.
    #[error("no passkey of a person here has signed this")]
    SignInRefused,
    /// The challenge is unknown, used or over.
    #[error("the time for this is over, or it was done already")]
    CeremonyOver,
    /// What the browser returned is no new passkey that counts.
    #[error("the passkey is not taken: {0}")]
    Passkey(#[from] RegistrationError),
    /// The passkey is known.
    #[error("this passkey is registered already")]
    PasskeyKnown,
    /// No such passkey of this person.
    #[error("you have no such passkey")]
    UnknownPasskey,
    /// No such session of this person.
    #[error("you have no such session")]
    UnknownSession,
    /// No such absence.
    #[error("no such absence is open")]
    UnknownAbsence,
    /// Too many tries in too short a time.
    #[error("too many tries in a short time")]
    TooManyTries,
}

impl PeopleError {
    /// The stable code, the class, and what to do.
    pub(super) fn answer(&self) -> Answer {
        match self {
            Self::UnknownPerson { .. } => (
                "unknown_person",
                Class::NotFound,
                "`person list` names the persons; invite who is missing",
            ),
            Self::NameTaken { .. } => (
                "name_taken",
                Class::Conflict,
                "choose another name: persons and tokens never share one, so that events say who did what",
            ),
            Self::AlreadyInvited { .. } => (
                "already_invited",
                Class::Conflict,
                "use that invitation, or take it back with `person revoke NAME --invitation` or on the page of people",
            ),
            Self::OtherRole { .. } => (
                "other_role",
                Class::Conflict,
                "invite with the same role for a new passkey, and propose the change of role apart",
            ),
            Self::InvitationVoid => (
                "invitation_void",
                Class::NotFound,
                "ask an operator for a new invitation: each opens once, within two days",
            ),
            Self::InvitationUnconfirmed => (
                "invitation_unconfirmed",
                Class::Refused,
                "ask another operator to confirm it on the page of people, then open the link again",
            ),
            Self::UnknownInvitation { .. } => (
                "unknown_invitation",
                Class::NotFound,
                "`person list` shows the open invitations",
            ),
            Self::NotInvited { .. } => (
                "not_invited",
                Class::NotFound,
                "`person list` shows the open invitations",
            ),
            Self::LastOperator { .. } => (
                "last_operator",
                Class::Conflict,
                "invite another operator first",
            ),
            Self::LastPasskey => ("last_passkey", Class::Conflict, "add another passkey first"),
            Self::SecondOperator { .. } => (
                "second_operator",
                Class::Forbidden,
                "ask another operator; whoever proposed it can take it back",
            ),
            Self::NotAnOperator => (
                "not_an_operator",
                Class::Forbidden,
                "sign in to the pages as an operator: a token cannot say the second word",
            ),
            Self::ChangeOpen { .. } => (
                "change_open",
                Class::Conflict,
                "decide that one first, or take it back",
            ),
            Self::UnknownChange { .. } => (
                "unknown_change",
                Class::NotFound,
                "look at the page of people again: it may be decided",
            ),
            Self::ChangeStale { .. } => (
                "change_stale",
                Class::Conflict,
                "reject it and propose it anew",
            ),
            Self::SameRole { .. } => ("same_role", Class::Conflict, "nothing is to be done"),
            Self::SignInRefused => (
                "sign_in_refused",
                Class::Unauthorized,
                "use the passkey that you made for this coordinator; if it is lost, ask an operator for an invitation",
            ),
            Self::CeremonyOver => (
                "ceremony_over",
                Class::Refused,
                "begin again: a challenge counts once, within five minutes",
            ),
            Self::Passkey(_) => (
                "passkey_refused",
                Class::Refused,
                "make it again, with a device that checks who you are by fingerprint, face or PIN",
            ),
            Self::PasskeyKnown => (
                "passkey_known",
                Class::Conflict,
                "nothing is to be done, or use another device",
            ),
            Self::UnknownPasskey => (
                "unknown_passkey",
                Class::NotFound,
                "look at your account again: it may be revoked already",
            ),
            Self::UnknownSession => (
                "unknown_session",
                Class::NotFound,
                "look at your account again: it may be over already",
            ),
            Self::UnknownAbsence => (
                "unknown_absence",
                Class::NotFound,
                "look at the page of people again: it may be over already",
            ),
            Self::TooManyTries => (
                "too_many_tries",
                Class::TooMany,
                "wait five minutes and try again",
            ),
        }
    }

    /// The facts by name, or null where the words say all.
    pub(super) fn facts(&self) -> Value {
        match self {
            Self::UnknownPerson { name }
            | Self::NameTaken { name }
            | Self::AlreadyInvited { name }
            | Self::NotInvited { name }
            | Self::LastOperator { name }
            | Self::ChangeOpen { name } => json!({ "name": name }),
            Self::OtherRole { name, role } | Self::SameRole { name, role } => {
                json!({ "name": name, "role": role })
            }
            Self::ChangeStale { name, role } => json!({ "name": name, "role": role }),
            Self::UnknownInvitation { id } | Self::UnknownChange { id } => json!({ "id": id }),
            Self::SecondOperator { by } => json!({ "proposed_by": by }),
            Self::Passkey(error) => json!({ "passkey": error.code() }),
            Self::InvitationVoid
            | Self::InvitationUnconfirmed
            | Self::LastPasskey
            | Self::NotAnOperator
            | Self::SignInRefused
            | Self::CeremonyOver
            | Self::PasskeyKnown
            | Self::UnknownPasskey
            | Self::UnknownSession
            | Self::UnknownAbsence
            | Self::TooManyTries => Value::Null,
        }
    }
}
