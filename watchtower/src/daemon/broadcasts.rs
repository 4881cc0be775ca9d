//! Hands our transactions to the node until the chain shows them (M5), and asks what its mempool
//! would take.

use bitcoin::Txid;
use policies::UnixTime;
use policies::planted::steps::{Moment, Step, reach};
use serde_json::{Map, json};

use super::{RoundError, Worker};
use crate::bitcoind::RpcError;
use crate::clock;
use crate::store::events::{self, NewEvent};
use crate::store::mempool_test::{self, MempoolTest};
use crate::store::outgoing::{self, Answer, Broadcast, DueBroadcast};

/// RPC_VERIFY_ALREADY_IN_UTXO_SET of Bitcoin Core's `rpc/protocol.h`.
const ALREADY_IN_UTXO_SET: i64 = -27;
/// What the node says of a transaction that it has.
const KNOWN: [&str; 3] = [
    "txn-already-in-mempool",
    "txn-already-known",
    "txn-same-nonwitness-data-in-mempool",
];
/// The longest pause between two attempts.
const LONGEST_PAUSE: u64 = 600;

impl Worker {
    /// Sends what neither chain nor mempool shows.
    pub(super) async fn send_outgoing(&mut self) -> Result<(), RoundError> {
        let due = {
            let mut tx = self.database.begin_read().await?;
            outgoing::due(&mut tx, clock::now()).await?
        };
        for due in due {
            reach(Step::Send, Moment::Before);
            let sent = self.client.send(&due.transaction).await;
            reach(Step::Send, Moment::After);
            let broadcast = classify(&due, &sent, clock::now());
            self.record(&due, &broadcast).await?;
            // Whatever else is wrong with the node is found again by the next round.
            if let Err(error @ (RpcError::Unreachable(_) | RpcError::Unauthorized)) = sent {
                return Err(error.into());
            }
        }
        Ok(())
    }

    async fn record(&self, due: &DueBroadcast, broadcast: &Broadcast) -> Result<(), RoundError> {
        let (txid, answer) = (due.txid, broadcast.answer);
        tracing::info!(%txid, answer = answer.name(), reason = broadcast.reason, "transaction sent");
        let mut tx = self.write().await?;
        tx.mark(Step::Sent);
        outgoing::record_answer(&mut tx, txid, broadcast).await?;
        if due.answer != Some(answer) {
            let mut body = Map::new();
            body.insert("attempts".to_owned(), json!(broadcast.attempts));
            body.insert("txid".to_owned(), json!(txid.to_string()));
            if let Some(code) = broadcast.code {
                body.insert("code".to_owned(), json!(code));
            }
            let event = NewEvent {
                object_kind: "transaction",
                object_id: &txid.to_string(),
                kind: match answer {
                    Answer::Accepted => "outgoing.accepted",
                    Answer::AlreadyKnown => "outgoing.known",
                    Answer::Unknown => "outgoing.unknown",
                },
                vault: Some(due.vault),
                body,
                actor: "watchtower",
                reason: &broadcast.reason,
                at: broadcast.at,
            };
            events::append(&mut tx, &event).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Answers the questions about the mempool.
    pub(super) async fn test_requested(&mut self) -> Result<(), RoundError> {
        let open = {
            let mut tx = self.database.begin_read().await?;
            mempool_test::open_requests(&mut tx).await?
        };
        for transaction in open {
            let answer = self.client.test_accept(&transaction).await?;
            let known = KNOWN.iter().any(|known| answer.reason.contains(known));
            let result = MempoolTest {
                allowed: answer.allowed || known,
                reason: answer.reason,
                at: clock::now(),
            };
            let mut tx = self.write().await?;
            mempool_test::record_result(&mut tx, transaction.compute_txid(), &result).await?;
            tx.commit().await?;
        }
        Ok(())
    }
}

/// Everything but a clear acceptance is *unknown*: the transaction may have been sent.
fn classify(due: &DueBroadcast, sent: &Result<Txid, RpcError>, at: UnixTime) -> Broadcast {
    let (answer, code, reason) = match sent {
        Ok(txid) if *txid == due.txid => (Answer::Accepted, None, String::new()),
        Ok(other) => (
            Answer::Unknown,
            None,
            format!("the node answers with another txid: {other}"),
        ),
        Err(RpcError::Refused { code, message, .. })
            if *code == ALREADY_IN_UTXO_SET
                || KNOWN.iter().any(|known| message.contains(known)) =>
        {
            (Answer::AlreadyKnown, Some(*code), message.clone())
        }
        Err(error) => (Answer::Unknown, error.code(), error.to_string()),
    };
    let attempts = due.attempts.saturating_add(1);
    let pause = match answer {
        Answer::Accepted | Answer::AlreadyKnown => 1,
        Answer::Unknown => 1_u64.checked_shl(attempts.min(16)).unwrap_or(LONGEST_PAUSE),
    };
    Broadcast {
        answer,
        code,
        reason,
        attempts,
        at,
        next_at: at.saturating_add(pause.min(LONGEST_PAUSE)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bitcoin::hashes::Hash as _;
    use bitcoin::{Transaction, absolute, transaction};
    use policies::VaultId;

    fn due(attempts: u32) -> DueBroadcast {
        let transaction = Transaction {
            version: transaction::Version::TWO,
            lock_time: absolute::LockTime::ZERO,
            input: Vec::new(),
            output: Vec::new(),
        };
        let vault = VaultId::from_bytes([1; 32]);
        DueBroadcast {
            txid: transaction.compute_txid(),
            vault,
            transaction,
            attempts,
            answer: None,
        }
    }

    fn refused(code: i64, message: &str) -> Result<Txid, RpcError> {
        let message = message.to_owned();
        Err(RpcError::Refused {
            method: "sendrawtransaction",
            code,
            message,
        })
    }

    #[test]
    fn only_a_clear_acceptance_is_accepted() {
        let (due, at) = (due(0), UnixTime::from_secs(1000));
        let answer = |sent: &Result<Txid, RpcError>| classify(&due, sent, at).answer;
        assert_eq!(answer(&Ok(due.txid)), Answer::Accepted);
        assert_eq!(answer(&Ok(Txid::all_zeros())), Answer::Unknown);
        assert_eq!(
            answer(&refused(-27, "Transaction outputs already in utxo set")),
            Answer::AlreadyKnown
        );
        assert_eq!(
            answer(&refused(-26, "txn-same-nonwitness-data-in-mempool")),
            Answer::AlreadyKnown
        );
        assert_eq!(
            answer(&refused(-26, "min relay fee not met")),
            Answer::Unknown
        );
        assert_eq!(
            answer(&refused(-25, "bad-txns-inputs-missingorspent")),
            Answer::Unknown
        );
        assert_eq!(answer(&Err(RpcError::WorkQueueFull)), Answer::Unknown);
    }

    #[test]
    fn attempts_grow_apart_and_never_stop() {
        let at = UnixTime::from_secs(1000);
        let pause = |attempts| {
            let broadcast = classify(&due(attempts), &refused(-26, "no"), at);
            assert_eq!(broadcast.attempts, attempts.saturating_add(1));
            broadcast.next_at.secs_since(at)
        };
        assert_eq!(
            [
                pause(0),
                pause(1),
                pause(2),
                pause(8),
                pause(9),
                pause(1_000_000)
            ],
            [2, 4, 8, 512, 600, 600]
        );
    }
}
