//! Why an entry of the books is there, with ids of transactions and outputs as short as everywhere.

use std::fmt;

use askama::filters::HtmlSafe;

use super::{Outside, escaped};

/// The fewest digits of what is taken for an id.
const ID: usize = 32;

/// The cause of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cause(String);

impl Cause {
    /// A cause as the books have it.
    pub(crate) fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// Its parts between colons, ids cut to first and last eight digits.
    fn short(&self) -> String {
        let parts = self.0.split(':').map(|part| {
            let is_id = part.len() >= ID && part.bytes().all(|byte| byte.is_ascii_hexdigit());
            match (part.get(..8), part.get(part.len().saturating_sub(8)..)) {
                (Some(first), Some(last)) if is_id => format!("{first}…{last}"),
                (Some(_) | None, Some(_) | None) => part.to_owned(),
            }
        });
        parts.collect::<Vec<_>>().join(" ")
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "<span title=\"{}\">{}</span>",
            escaped(&Outside::new(&self.0).text()),
            Outside::new(&self.short())
        )
    }
}

impl HtmlSafe for Cause {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_cut_and_nothing_else_is() {
        let cause = Cause::new(&format!("payment:{}:exchange:payout-0004:1", "ab".repeat(32)));
        assert_eq!(cause.short(), "payment abababab…abababab exchange payout-0004 1");
        let hostile = Cause::new("fee:\"><script>").to_string();
        assert!(!hostile.contains("<script>") && hostile.contains("title=\"fee:&quot;"), "{hostile}");
    }
}
