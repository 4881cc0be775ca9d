//! What a typed text may mean: several things at once, each read exactly or not at all. Pure.

use bitcoin::{Amount, Denomination, OutPoint, ScriptBuf, Txid};
use policies::{IntentHash, PolicyId, VaultId};

use crate::service::Service;
use crate::service::browsing::coins::script_of;
use crate::session::BatchId;

/// What a text may mean.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Sought {
    /// The text itself.
    pub(super) text: String,
    /// The same in lower case.
    pub(super) lower: String,
    /// A transaction.
    pub(super) txid: Option<Txid>,
    /// A coin.
    pub(super) outpoint: Option<OutPoint>,
    /// An intent.
    pub(super) intent: Option<IntentHash>,
    /// A version of a policy.
    pub(super) policy: Option<PolicyId>,
    /// A vault.
    pub(super) vault: Option<VaultId>,
    /// A batch.
    pub(super) batch: Option<BatchId>,
    /// An address of this network.
    pub(super) script: Option<ScriptBuf>,
    /// An amount.
    pub(super) amount: Option<Amount>,
}

impl Sought {
    pub(super) fn read(service: &Service, text: &str) -> Self {
        Self {
            script: script_of(service, text),
            ..Self::of_text(text)
        }
    }

    fn of_text(text: &str) -> Self {
        let outpoint: Option<OutPoint> = text.parse().ok();
        Self {
            lower: text.to_lowercase(),
            txid: text.parse().ok().or(outpoint.map(|coin| coin.txid)),
            outpoint,
            intent: text.parse().ok(),
            policy: text.parse().ok(),
            vault: text.parse().ok(),
            batch: text.parse().ok(),
            script: None,
            amount: amount(text),
            text: text.to_owned(),
        }
    }

    /// Whether the text is written as an id, so that it is no part of a name or a reference.
    pub(super) fn is_id(&self) -> bool {
        self.txid.is_some() || self.outpoint.is_some() || self.script.is_some()
    }

    /// Whether a name has the text in it, in whatever case, and whether it is all of it.
    pub(super) fn matches(&self, name: &str) -> Option<bool> {
        let name = name.to_lowercase();
        name.contains(&self.lower).then(|| name == self.lower)
    }
}

/// Bitcoin as `0.05`, or satoshi as `5000000 sat`; blanks may group digits.
fn amount(text: &str) -> Option<Amount> {
    let packed: String = text
        .chars()
        .filter(|letter| !letter.is_whitespace())
        .collect::<String>()
        .to_ascii_lowercase();
    let (digits, denomination) = match packed.strip_suffix("sat") {
        Some(digits) => (digits, Denomination::Satoshi),
        None => (
            packed.strip_suffix("btc").unwrap_or(&packed),
            Denomination::Bitcoin,
        ),
    };
    let plain = digits.starts_with(|letter: char| letter.is_ascii_digit());
    let amount = Amount::from_str_in(digits, denomination).ok()?;
    (plain && amount > Amount::ZERO && amount <= Amount::MAX_MONEY).then_some(amount)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_means_what_it_is_written_as() {
        let id = "ab".repeat(32);
        let read = Sought::of_text(&id);
        assert!(read.txid.is_some() && read.intent.is_some() && read.batch.is_none());
        assert!(read.is_id());
        let read = Sought::of_text(&format!("{id}:3"));
        assert_eq!(read.outpoint.map(|coin| coin.vout), Some(3));
        assert_eq!(read.txid.map(|txid| txid.to_string()), Some(id));
        let batch = "cd".repeat(16);
        assert!(Sought::of_text(&batch).batch.is_some());
        for (text, sat) in [
            ("0.05", Some(5_000_000)),
            ("0.05 000 000 BTC", Some(5_000_000)),
            ("5 000 000 sat", Some(5_000_000)),
            ("1", Some(100_000_000)),
            ("-1", None),
            ("0", None),
            ("0.000000001", None),
            ("1.5 sat", None),
            ("customer 4711", None),
        ] {
            assert_eq!(
                Sought::of_text(text).amount,
                sat.map(Amount::from_sat),
                "{text}"
            );
        }
        assert_eq!(Sought::of_text("Ali").matches("alice"), Some(false));
        assert_eq!(Sought::of_text("ALICE").matches("alice"), Some(true));
        assert_eq!(Sought::of_text("bob").matches("alice"), None);
    }
}
