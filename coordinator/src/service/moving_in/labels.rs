//! Labels of other wallets, one JSON object a line (BIP 329). Pure.
//!
//! What is said of keys and inputs is passed over: nothing here is called by them.

use bitcoin::{OutPoint, Txid};
use serde::Deserialize;

use crate::service::WatchError;
use crate::service::coin_marks::MAX_LABEL;
use crate::store::moving_in::LabelRow;

/// The most lines of a file.
const MOST: usize = 20_000;

/// A file of labels as it was understood.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Labels {
    /// What is kept.
    pub(super) rows: Vec<LabelRow>,
    /// Lines about keys, inputs, and what BIP 329 does not know.
    pub(super) passed_over: usize,
    /// Labels of more than 80 characters, of which the rest is gone.
    pub(super) shortened: usize,
}

#[derive(Deserialize)]
struct Line {
    r#type: String,
    r#ref: String,
    #[serde(default)]
    label: String,
    #[serde(default = "yes")]
    spendable: bool,
}

const fn yes() -> bool {
    true
}

/// Reads a file of labels.
///
/// # Errors
/// [`WatchError::NotALabel`] with the first line that is none; nothing of the file counts then.
pub(super) fn parse(text: &str) -> Result<Labels, WatchError> {
    let mut labels = Labels::default();
    for (number, line) in (1_usize..).zip(text.lines()) {
        if line.trim().is_empty() {
            continue;
        }
        if number > MOST {
            return Err(WatchError::TooMany {
                entries: text.lines().count(),
                most: MOST,
            });
        }
        let none = || WatchError::NotALabel { line: number };
        let line: Line = serde_json::from_str(line).map_err(|_| none())?;
        let about = match line.r#type.as_str() {
            "addr" if line.r#ref.len() <= 200 => line.r#ref.trim().to_owned(),
            "tx" => line.r#ref.parse::<Txid>().map_err(|_| none())?.to_string(),
            "output" => (line.r#ref.parse::<OutPoint>())
                .map_err(|_| none())?
                .to_string(),
            "addr" => return Err(none()),
            _ => {
                labels.passed_over = labels.passed_over.saturating_add(1);
                continue;
            }
        };
        let plain: String = line.label.chars().filter(|one| !one.is_control()).collect();
        let plain = plain.trim();
        let label: String = plain.chars().take(MAX_LABEL).collect();
        if label.chars().count() < plain.chars().count() {
            labels.shortened = labels.shortened.saturating_add(1);
        }
        if label.is_empty() && line.spendable {
            continue;
        }
        labels.rows.push(LabelRow {
            kind: line.r#type,
            about,
            label,
            spendable: line.spendable,
        });
    }
    Ok(labels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kinds_that_name_coins_are_kept_and_the_others_passed_over() {
        // The examples of BIP 329, and what wallets write beside them.
        let txid = "f91d0a8a78462bc59398f2c5d7a84fcff491c26ba54c4833478b202796c8aafd";
        let text = format!(
            r#"{{"type":"tx","ref":"{txid}","label":"Transaction","origin":"wpkh([d34db33f/84'/0'/0'])"}}
{{"type":"addr","ref":"bc1q34aq5drpuwy3wgl9lhup9892qp6svr8ldzyy7c","label":"Address"}}

{{"type":"pubkey","ref":"0283409659355b6d1cc3c32decd5d561abaac86c37a353b52895a5e6c196d6f448","label":"Public Key"}}
{{"type":"input","ref":"{txid}:0","label":"Input"}}
{{"type":"output","ref":"{txid}:1","label":"Output","spendable":false}}
{{"type":"output","ref":"{txid}:2"}}
{{"type":"xpub","ref":"xpub661","label":"Extended Public Key"}}"#
        );
        let labels = parse(&text).expect("reads");
        let kinds: Vec<(&str, &str, bool)> = labels
            .rows
            .iter()
            .map(|row| (row.kind.as_str(), row.label.as_str(), row.spendable))
            .collect();
        assert_eq!(
            kinds,
            [
                ("tx", "Transaction", true),
                ("addr", "Address", true),
                ("output", "Output", false)
            ]
        );
        assert_eq!((labels.passed_over, labels.shortened), (3, 0));
    }

    #[test]
    fn a_line_that_is_no_label_is_named_and_a_long_one_is_shortened() {
        for wrong in [
            "x",
            r#"{"type":"tx","ref":"zz","label":"x"}"#,
            r#"{"type":"output","ref":"00:1","label":"x"}"#,
            r#"{"ref":"x","label":"x"}"#,
            "[1]",
        ] {
            let text = format!("\n{wrong}\n");
            let refused = parse(&text).expect_err(wrong);
            assert!(
                matches!(refused, WatchError::NotALabel { line: 2 }),
                "{wrong}"
            );
        }
        let long = "ü".repeat(81);
        let labels = parse(&format!(r#"{{"type":"addr","ref":"a","label":"{long}"}}"#));
        let labels = labels.expect("reads");
        assert_eq!(labels.rows[0].label.chars().count(), 80);
        assert_eq!(labels.shortened, 1);
    }
}
