//! The key with which a person approves, opened the same way by every verb.

use super::Context;
use crate::failure::Failure;
use crate::home::KeyName;
use crate::keystore::{Kind, PersonKey};

/// Opens the approval key of a name, or the only one.
pub(super) fn approval_key(
    context: &mut Context,
    name: Option<&KeyName>,
) -> Result<PersonKey, Failure> {
    context.person_key(Kind::Approval, name)
}
