//! What a command answers when it cannot do what was asked: class, stable code, words, hint.
//!
//! Errors inside are typed; here, at the edge, each becomes a [`Reason`] by way of [`Explained`].

use policies::review::Refusal;
use serde::Serialize;
use serde_json::Value;

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
    /// What to do about it, or that nothing can be done.
    fn hint(&self) -> String;
    /// The facts for programs, by name, as far as there is more than the message.
    fn facts(&self) -> Facts {
        Facts::new()
    }
    /// Every reason, for errors that have several.
    fn reasons(&self) -> Vec<Reason>
    where
        Self: Sized,
    {
        vec![reason(self)]
    }
}

/// Facts by name.
pub type Facts = serde_json::Map<String, Value>;

/// The facts that a value has as its fields; none where it has no fields.
pub fn facts_of(value: Value) -> Facts {
    match value {
        Value::Object(facts) => facts,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Facts::new()
        }
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
    pub hint: String,
    /// The same facts for programs, beside the other fields.
    #[serde(flatten)]
    pub facts: Facts,
}

impl Reason {
    /// The reason of a review's refusal.
    pub fn of_refusal(refusal: &Refusal) -> Self {
        Self {
            code: refusal.code(),
            message: refusal.to_string(),
            hint: refusal.hint().to_owned(),
            facts: facts_of(serde_json::to_value(refusal).expect("facts are plain JSON")),
        }
    }
}

/// What a refusal without any reason would say; a review always gives one.
pub(crate) const NO_REASON: &str = "nothing can be done: report this as a mistake of the program";

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

    /// A failure for one reason; still without what to do about it.
    pub fn because(class: Class, code: &'static str, message: impl Into<String>) -> Unhinted {
        Unhinted {
            class,
            code,
            message: message.into(),
        }
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
                plain(reason.code),
                plain(&reason.message)
            ));
            lines.push(format!("Hint: {}", plain(&reason.hint)));
        }
        lines.join("\n")
    }

    /// The failure as a JSON value for programs.
    pub fn json(&self) -> serde_json::Value {
        let class = self.class.word().to_ascii_lowercase();
        serde_json::json!({ "outcome": class, "reasons": self.reasons })
    }
}

/// A text in which nothing moves the cursor, hides or turns what stands beside it: words of a coordinator may be in it.
pub(crate) fn plain(text: &str) -> String {
    let shown = |letter: char| {
        if hides(letter) && letter != '\n' {
            letter.escape_default().to_string()
        } else {
            letter.to_string()
        }
    };
    text.chars().map(shown).collect()
}

/// Words of others in one line of at most so many letters, in which nothing hides or turns.
pub fn one_line(words: &str, most: usize) -> String {
    let line = words.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars()
        .filter(|letter| !hides(*letter))
        .take(most)
        .collect()
}

/// Whether a letter is a control, has no width, or changes the direction of others (Unicode Standard Annex 9 §2).
fn hides(letter: char) -> bool {
    letter.is_control()
        || matches!(
            u32::from(letter),
            0x00AD
                | 0x034F
                | 0x061C
                | 0x115F..=0x1160
                | 0x180B..=0x180F
                | 0x200B..=0x200F
                | 0x2028..=0x202E
                | 0x2060..=0x206F
                | 0x3164
                | 0xFE00..=0xFE0F
                | 0xFEFF
                | 0xFFA0
                | 0xFFF0..=0xFFFB
                | 0xE0000..=0xE0FFF
        )
}

/// A failure that does not say yet what to do about it: nobody is shown one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a failure is told together with a hint"]
pub struct Unhinted {
    class: Class,
    code: &'static str,
    message: String,
}

impl Unhinted {
    /// The failure, with what to do about it.
    pub fn hinted(self, hint: impl Into<String>) -> Failure {
        let reason = Reason {
            code: self.code,
            message: self.message,
            hint: hint.into(),
            facts: Facts::new(),
        };
        Failure::of(self.class, vec![reason])
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
        facts: error.facts(),
    }
}

#[cfg(test)]
#[path = "failure_tests.rs"]
mod tests;
