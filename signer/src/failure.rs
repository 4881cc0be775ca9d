//! What a command answers when it cannot do what was asked: class, stable code, words, hint.
//!
//! Errors inside are typed; here, at the edge, each becomes a [`Reason`] by way of [`Explained`].

use serde::Serialize;

/// Whose turn it is after a failure; decides the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The tool understood and says no.
    Refused,
    /// The command line or the home folder is not what the command needs.
    Usage,
    /// A device, file, or connection did not answer.
    Device,
    /// A mistake of this program.
    Bug,
}

impl Class {
    /// The process's exit code.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Refused => 1,
            Self::Usage => 2,
            Self::Device => 3,
            Self::Bug => 255,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Refused => "Refused",
            Self::Usage => "Error",
            Self::Device => "Unavailable",
            Self::Bug => "Bug",
        }
    }
}

/// An error that can explain itself to people and programs.
pub trait Explained: std::error::Error {
    /// Whose turn it is.
    fn class(&self) -> Class;
    /// A stable name for programs, in SCREAMING_SNAKE_CASE.
    fn code(&self) -> &'static str;
    /// What to do about it, if that is known.
    fn hint(&self) -> Option<String> {
        None
    }
    /// Every reason, for errors that have several.
    fn reasons(&self) -> Vec<Reason>
    where
        Self: Sized,
    {
        vec![reason(self)]
    }
}

/// One reason of a failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// The stable name.
    pub code: &'static str,
    /// The facts, in words.
    pub message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// Why a command was not done; has at least one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    class: Class,
    reasons: Vec<Reason>,
}

impl Failure {
    /// A failure for several reasons at once.
    pub fn of(class: Class, reasons: Vec<Reason>) -> Self {
        Self { class, reasons }
    }

    /// A failure for one reason.
    pub fn because(class: Class, code: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self::of(
            class,
            vec![Reason {
                code,
                message,
                hint: None,
            }],
        )
    }

    /// The same with a hint at its first reason.
    #[must_use]
    pub fn hinted(mut self, hint: impl Into<String>) -> Self {
        if let Some(reason) = self.reasons.first_mut() {
            reason.hint = Some(hint.into());
        }
        self
    }

    /// Whose turn it is.
    pub fn class(&self) -> Class {
        self.class
    }

    /// All reasons.
    pub fn reasons(&self) -> &[Reason] {
        &self.reasons
    }

    /// The failure as lines for people.
    pub fn text(&self) -> String {
        let mut lines = Vec::new();
        for reason in &self.reasons {
            lines.push(format!(
                "{} ({}): {}",
                self.class.word(),
                reason.code,
                reason.message
            ));
            lines.extend(reason.hint.iter().map(|hint| format!("Hint: {hint}")));
        }
        lines.join("\n")
    }

    /// The failure as a JSON value for programs.
    pub fn json(&self) -> serde_json::Value {
        let class = self.class.word().to_ascii_lowercase();
        serde_json::json!({ "outcome": class, "reasons": self.reasons })
    }
}

impl<E: Explained> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::of(error.class(), error.reasons())
    }
}

/// The reason that an error explains.
pub fn reason(error: &impl Explained) -> Reason {
    Reason {
        code: error.code(),
        message: error.to_string(),
        hint: error.hint(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_has_its_exit_code() {
        let codes = [Class::Refused, Class::Usage, Class::Device, Class::Bug].map(Class::exit_code);
        assert_eq!(codes, [1, 2, 3, 255]);
    }

    #[test]
    fn a_failure_shows_code_facts_and_hint_to_people_and_programs() {
        let failure = Failure::because(
            Class::Refused,
            "FEE_TOO_HIGH",
            "the fee is 2 sat, at most 1",
        )
        .hinted("ask for a new attempt");
        assert_eq!(
            failure.text(),
            "Refused (FEE_TOO_HIGH): the fee is 2 sat, at most 1\nHint: ask for a new attempt"
        );
        assert_eq!(failure.json()["reasons"][0]["code"], "FEE_TOO_HIGH");
        assert_eq!(failure.json()["outcome"], "refused");
    }
}
