//! Hands our transactions to the node until the chain shows them (M5), and asks what its mempool
//! would take.

use policies::UnixTime;
use policies::planted::steps::{Moment, Step, reach};
use serde_json::{Map, json};

use super::{RoundError, Worker};
use crate::answer::SendAnswer;
use crate::bitcoind::{RpcError, Sent};
use crate::clock;
use crate::store::events::{self, NewEvent};
use crate::store::mempool_test::{self, MempoolTest};
use crate::store::outgoing::{self, Answer, Broadcast, DueBroadcast};

impl Worker {
    /// Sends what neither chain nor mempool shows: parents first, and everything again after a block.
    pub(super) async fn send_outgoing(&mut self) -> Result<(), RoundError> {
        self.send_again_after_a_block().await?;
        let due = {
            let mut tx = self.database.begin_read().await?;
            outgoing::due(&mut tx, clock::now()).await?
        };
        for due in due {
            reach(Step::Send, Moment::Before);
            let answer = self.client.send(&due.transaction).await;
            reach(Step::Send, Moment::After);
            let sent = Sent::of(due.txid, &answer);
            self.record(&due, &sent).await?;
            // Whatever else is wrong with the node is found again by the next round.
            if let Err(error @ (RpcError::Unreachable(_) | RpcError::Unauthorized)) = answer {
                return Err(error.into());
            }
            // A child that is new finds its parent refused, whose own turn may be long from now.
            if matches!(
                sent.answer,
                SendAnswer::BelowMinimum | SendAnswer::InputsGone
            ) {
                self.send_as_package(&due).await?;
            }
        }
        Ok(())
    }

    async fn send_again_after_a_block(&mut self) -> Result<(), RoundError> {
        let tip = self.tip().await?.map(|tip| tip.hash);
        if self.sent_at == tip {
            return Ok(());
        }
        let mut tx = self.write().await?;
        if outgoing::send_again(&mut tx, clock::now()).await? {
            tx.commit().await?;
        }
        self.sent_at = tip;
        Ok(())
    }

    /// Sends what pays too little, or what misses its parent, together with a child of ours, whose fee counts for all.
    async fn send_as_package(&self, due: &DueBroadcast) -> Result<(), RoundError> {
        let packages = {
            let mut tx = self.database.begin_read().await?;
            outgoing::packages(&mut tx, due.txid).await?
        };
        for package in packages {
            let transactions: Vec<_> = package.iter().map(|one| one.transaction.clone()).collect();
            let answers = match self.client.send_package(&transactions).await {
                Ok(answers) => answers,
                // The package is no package to this node: each was sent alone, and is again.
                Err(RpcError::Refused { code, message, .. }) => {
                    tracing::warn!(txid = %due.txid, code, message, "the node takes no such package");
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            let mut taken = false;
            for (one, sent) in package.iter().zip(&answers) {
                self.record(one, sent).await?;
                taken = taken || (one.txid == due.txid && sent.answer.is_known());
            }
            if taken {
                break;
            }
        }
        Ok(())
    }

    async fn record(&self, due: &DueBroadcast, sent: &Sent) -> Result<(), RoundError> {
        let broadcast = &kept(due, sent, clock::now());
        let (txid, answer) = (due.txid, broadcast.answer);
        let class = sent.answer.name();
        tracing::info!(%txid, class, reason = broadcast.reason, "transaction sent");
        let mut tx = self.write().await?;
        tx.mark(Step::Sent);
        outgoing::record_answer(&mut tx, txid, broadcast).await?;
        if due.answer != Some(answer) {
            let mut body = Map::new();
            body.insert("attempts".to_owned(), json!(broadcast.attempts));
            body.insert("class".to_owned(), json!(class));
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
            let known = SendAnswer::of_words(&answer.reason).is_known();
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

/// What is kept of an answer. Everything but a clear acceptance is *unknown*: the transaction may have been sent.
fn kept(due: &DueBroadcast, sent: &Sent, at: UnixTime) -> Broadcast {
    let attempts = due.attempts.saturating_add(1);
    Broadcast {
        answer: Answer::of(sent.answer),
        class: Some(sent.answer),
        code: sent.code,
        reason: sent.words.clone(),
        attempts,
        at,
        next_at: at.saturating_add(sent.answer.pause(attempts)),
    }
}
