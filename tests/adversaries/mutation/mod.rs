//! The classes of lies, each with what must come of it.
#![expect(
    clippy::unnecessary_wraps,
    reason = "a class has nothing to lie about in some vaults, and all have one form"
)]

mod approvals;
mod bytes;
mod fields;
mod header;
mod history;
mod inputs;
mod intents;
mod outputs;
mod records;

use super::attempt::Case;

/// What must come of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// This code is among the reasons.
    Refused(&'static str),
    /// Some refusal, or exactly what was approved: the oracle decides.
    NothingWrong,
    /// It is harmless, so it is signed.
    Signed,
    /// It is signed, and the lie makes the signatures worthless on the chain.
    Worthless,
}

/// A class of lies.
#[derive(Debug, Clone, Copy)]
pub struct Class {
    /// Its name.
    pub name: &'static str,
    /// Makes the case; none where the vault has nothing to lie about so.
    pub make: fn(&mut Case<'_>) -> Option<Expected>,
}

/// A class by name and function.
const fn class(name: &'static str, make: fn(&mut Case<'_>) -> Option<Expected>) -> Class {
    Class { name, make }
}

/// Every class.
pub fn classes() -> Vec<Class> {
    [
        outputs::CLASSES,
        inputs::CLASSES,
        fields::CLASSES,
        header::CLASSES,
        records::CLASSES,
        intents::CLASSES,
        approvals::CLASSES,
        history::CLASSES,
        bytes::CLASSES,
    ]
    .concat()
}

/// Cases that are honest, in every way that honest cases differ.
pub const HONEST: Class = class("honest", |_| Some(Expected::Signed));
