//! Transactions handed to the node, alone or as packages, with every answer classified.

use std::collections::BTreeMap;

use bitcoin::consensus::encode;
use bitcoin::{Transaction, Txid};
use serde::Deserialize;
use serde_json::json;

use super::client::malformed;
use super::{Client, RpcError};
use crate::answer::SendAnswer;

/// What became of a transaction that was sent, as far as the node said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// What the answer means.
    pub answer: SendAnswer,
    /// The node's code, if it gave one.
    pub code: Option<i64>,
    /// The node's words.
    pub words: String,
}

impl Sent {
    fn accepted() -> Self {
        Self {
            answer: SendAnswer::Accepted,
            code: None,
            words: String::new(),
        }
    }

    /// What an answer to `sendrawtransaction` says of a transaction.
    pub fn of(txid: Txid, answer: &Result<Txid, RpcError>) -> Self {
        match answer {
            Ok(same) if *same == txid => Self::accepted(),
            Ok(other) => Self {
                answer: SendAnswer::NoAnswer,
                code: None,
                words: format!("the node answers with another txid: {other}"),
            },
            Err(error) => Self::of_error(error),
        }
    }

    fn of_error(error: &RpcError) -> Self {
        let (answer, words) = match error {
            RpcError::Refused { code, message, .. } => {
                let answer = SendAnswer::of_refusal(*code, message);
                // What is known needs no more words; for the rest they name code and method too.
                let words = if answer.is_known() {
                    message.clone()
                } else {
                    error.to_string()
                };
                (answer, words)
            }
            RpcError::WorkQueueFull => (SendAnswer::NodeBusy, error.to_string()),
            RpcError::Unreachable(_)
            | RpcError::Credentials { .. }
            | RpcError::Unauthorized
            | RpcError::Malformed { .. } => (SendAnswer::NoAnswer, error.to_string()),
        };
        Self {
            answer,
            code: error.code(),
            words,
        }
    }
}

#[derive(Deserialize)]
struct PackageAnswer {
    #[serde(rename = "tx-results", default)]
    results: BTreeMap<String, PackageResult>,
}

#[derive(Deserialize)]
struct PackageResult {
    txid: Txid,
    #[serde(default)]
    error: Option<String>,
}

impl Client {
    /// Hands parents and their child to the node at once, so that the child's fee counts for all of them; the child
    /// stands last. What became of each, in their order.
    pub async fn send_package(&self, package: &[Transaction]) -> Result<Vec<Sent>, RpcError> {
        let method = "submitpackage";
        let raw: Vec<String> = package.iter().map(encode::serialize_hex).collect();
        let answer: PackageAnswer = self.call(method, json!([raw, 0])).await?;
        let by_txid: BTreeMap<Txid, Option<String>> = answer
            .results
            .into_values()
            .map(|result| (result.txid, result.error))
            .collect();
        package
            .iter()
            .map(
                |transaction| match by_txid.get(&transaction.compute_txid()) {
                    Some(None) => Ok(Sent::accepted()),
                    Some(Some(words)) => Ok(Sent {
                        answer: SendAnswer::of_words(words),
                        code: None,
                        words: words.clone(),
                    }),
                    None => Err(malformed(method, "a transaction without a result")),
                },
            )
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use bitcoin::hashes::Hash as _;

    use super::*;

    #[test]
    fn only_a_clear_acceptance_is_accepted() {
        let txid = Txid::all_zeros();
        let other = Txid::from_byte_array([1; 32]);
        let refused = |code, message: &str| {
            Err(RpcError::Refused {
                method: "sendrawtransaction",
                code,
                message: message.to_owned(),
            })
        };
        let malformed = Err(malformed("sendrawtransaction", "cut"));
        for (answer, expected) in [
            (Ok(txid), SendAnswer::Accepted),
            (Ok(other), SendAnswer::NoAnswer),
            (refused(-27, "already in utxo set"), SendAnswer::InChain),
            (
                refused(-26, "min relay fee not met"),
                SendAnswer::BelowMinimum,
            ),
            (Err(RpcError::WorkQueueFull), SendAnswer::NodeBusy),
            (Err(RpcError::Unauthorized), SendAnswer::NoAnswer),
            (malformed, SendAnswer::NoAnswer),
        ] {
            assert_eq!(Sent::of(txid, &answer).answer, expected, "{answer:?}");
        }
    }

    #[test]
    fn a_package_answer_names_each_transaction() {
        let text = r#"{"package_msg":"transaction failed","tx-results":{
            "aa":{"txid":"1111111111111111111111111111111111111111111111111111111111111111","error":"min relay fee not met"},
            "bb":{"txid":"2222222222222222222222222222222222222222222222222222222222222222","vsize":100,
                "fees":{"base":0.00001}}},"replaced-transactions":[]}"#;
        let answer: PackageAnswer = serde_json::from_str(text).expect("an answer");
        let errors: Vec<bool> = answer
            .results
            .values()
            .map(|result| result.error.is_some())
            .collect();
        assert_eq!(errors, [true, false]);
    }
}
