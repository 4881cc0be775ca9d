//! Addresses in groups of four with first and last marked, and transaction ids short with the whole behind.

use std::fmt;

use askama::filters::HtmlSafe;
use bitcoin::Txid;

use super::escaped;

/// An address, or the hex of a script that has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address(String);

impl Address {
    /// An address as it is written.
    pub(crate) fn new(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letters: Vec<char> = self.0.chars().collect();
        let groups: Vec<String> = letters
            .chunks(4)
            .map(|group| group.iter().collect())
            .collect();
        write!(
            f,
            "<span class=\"address\" data-copy=\"{}\" translate=\"no\">",
            escaped(&self.0)
        )?;
        let last = groups.len().saturating_sub(1);
        for (index, group) in groups.iter().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            if index == 0 || index == last {
                write!(f, "<b>{}</b>", escaped(group))?;
            } else {
                write!(f, "<span>{}</span>", escaped(group))?;
            }
        }
        f.write_str("</span>")
    }
}

impl HtmlSafe for Address {}

/// A transaction's id: first and last eight digits, the whole on hover and to copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TxidText(String);

impl TxidText {
    /// The id of a transaction.
    pub(crate) fn new(txid: Txid) -> Self {
        Self(txid.to_string())
    }

    /// Any other id in hex, such as a hash or an outpoint.
    pub(crate) fn of(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Display for TxidText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (id, tail) = match self.0.split_once(':') {
            Some((id, output)) => (id, format!(":{output}")),
            None => (self.0.as_str(), String::new()),
        };
        let ends = id.get(..8).zip(id.get(id.len().saturating_sub(8)..));
        let short = match ends.filter(|_| id.len() > 17) {
            Some((first, last)) => format!("{first}…{last}"),
            None => id.to_owned(),
        };
        let whole = escaped(&self.0);
        write!(
            f,
            "<code class=\"txid\" data-copy=\"{whole}\" title=\"{whole}\" translate=\"no\">{}</code>",
            escaped(&format!("{short}{tail}"))
        )
    }
}

impl HtmlSafe for TxidText {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_and_last_groups_are_marked() {
        let shown = Address::new("bcrt1qabcdefgh").to_string();
        let expected = "<b>bcrt</b> <span>1qab</span> <span>cdef</span> <b>gh</b></span>";
        assert!(shown.ends_with(expected), "{shown}");
        let hostile = Address::new("<b>\"x").to_string();
        assert!(
            !hostile.contains("<b><") && hostile.contains("&lt;b&gt;&quot;x"),
            "{hostile}"
        );
    }

    #[test]
    fn an_outpoint_keeps_its_output() {
        let shown = TxidText::of(&format!("{}:17", "ab".repeat(32))).to_string();
        assert!(shown.contains(">abababab…abababab:17<"), "{shown}");
    }
}
