//! What is refused about rebuilding a database.

use serde_json::{Value, json};

use super::{Answer, ErrorClass as Class};

/// A refusal about rebuilding a database.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// The database holds something.
    #[error("the database is not empty: {}", in_words(.found))]
    NotEmpty {
        /// What it holds, and how many.
        found: Vec<(String, u64)>,
    },
    /// A rebuilding from other papers was begun in it.
    #[error("a rebuilding from other policies, papers or options was begun in this database")]
    OtherSources,
    /// It was rebuilt.
    #[error("the database was rebuilt already")]
    Done,
    /// It is not rebuilt yet.
    #[error("the rebuilding of this database is not finished")]
    Unfinished,
}

fn in_words(found: &[(String, u64)]) -> String {
    let parts: Vec<String> = found
        .iter()
        .map(|(what, count)| format!("{count} {what}"))
        .collect();
    parts.join(", ")
}

impl RebuildError {
    /// The stable code, the class, and what to do.
    pub(super) const fn answer(&self) -> Answer {
        match self {
            Self::NotEmpty { .. } => (
                "rebuild_not_empty",
                Class::Conflict,
                "name a new database; what this one holds is better brought up to date with `journal import`",
            ),
            Self::OtherSources => (
                "rebuild_other_sources",
                Class::Conflict,
                "go on with the same policies, papers and options, or begin in a new database",
            ),
            Self::Done => (
                "rebuild_done",
                Class::Conflict,
                "start it with `run`; `journal import` and requests bring in what came since",
            ),
            Self::Unfinished => (
                "rebuild_unfinished",
                Class::Conflict,
                "run `rebuild` again with the same policies, papers and options: it goes on where it stopped",
            ),
        }
    }

    /// The facts by name, or null where the words say all.
    pub(super) fn facts(&self) -> Value {
        match self {
            Self::NotEmpty { found } => {
                let found: serde_json::Map<String, Value> = found
                    .iter()
                    .map(|(what, count)| (what.clone(), json!(count)))
                    .collect();
                json!({ "found": found })
            }
            Self::OtherSources | Self::Done | Self::Unfinished => Value::Null,
        }
    }
}
