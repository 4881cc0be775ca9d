//! Proves that ledger, tracker and node agree on every vault: on a schedule and on demand.

use bitcoin::Amount;
use policies::VaultId;
use serde_json::{Map, json};

use super::{RoundError, Worker};
use crate::alarm::AlarmKind;
use crate::clock;
use crate::reconciling::{Difference, MOST_TOLD};
use crate::store::alarms::{self, NewAlarm};
use crate::store::database::Transaction;
use crate::store::events::{self, NewEvent};
use crate::store::reconciliation::{self, Reconciliation};
use crate::store::{chain, coins, ledger, scans};

/// Who is named in events about books.
const ACTOR: &str = "watchtower";

impl Worker {
    /// Answers requests, and compares every vault when its time has come.
    pub(super) async fn reconcile(&mut self) -> Result<(), RoundError> {
        let (requests, vaults) = {
            let mut tx = self.database.begin_read().await?;
            let requests = reconciliation::open_requests(&mut tx).await?;
            (requests, ledger::vaults(&mut tx).await?)
        };
        for request in requests.iter().filter(|request| !request.deep) {
            self.reconcile_vault(request.vault, Some(request.id), None)
                .await?;
        }
        self.scan_node(&requests).await?;
        let now = clock::now();
        if now.secs_since(self.reconciled_at) < self.config.reconcile_interval_s {
            return Ok(());
        }
        for vault in vaults {
            self.reconcile_vault(vault, None, None).await?;
        }
        self.reconciled_at = now;
        Ok(())
    }

    /// Compares one vault at one tip, and whether the result is stored; if the tip moves meanwhile, the next round
    /// does it again. `scanned` is what a scan of the node's whole UTXO set showed.
    pub(super) async fn reconcile_vault(
        &mut self,
        vault: VaultId,
        request: Option<u64>,
        scanned: Option<Vec<Difference>>,
    ) -> Result<bool, RoundError> {
        let (tip, total, held, before) = {
            let mut tx = self.database.begin_read().await?;
            let Some(tip) = chain::tip(&mut tx).await? else {
                return Ok(false);
            };
            // A spend may still be found of what a scan found: the three differ until then.
            if scans::is_unfinished(&mut tx, vault).await? {
                return Ok(false);
            }
            let total = ledger::vault_total(&mut tx, vault).await?;
            let held = coins::confirmed_unspent(&mut tx, vault).await?;
            (
                tip,
                total,
                held,
                reconciliation::latest(&mut tx, vault).await?,
            )
        };
        let mut tracker = Amount::ZERO;
        let mut node = Amount::ZERO;
        let mut detail = String::new();
        for coin in &held {
            tracker = sum(tracker, coin.amount)?;
            let found = self.client.unspent_output(coin.outpoint).await?;
            let difference = match &found {
                None => Some(format!("the node has no unspent output {}", coin.outpoint)),
                Some(output)
                    if output.amount != coin.amount
                        || output.script_pubkey != coin.script.script_pubkey =>
                {
                    Some(format!("the node has another output at {}", coin.outpoint))
                }
                Some(_) => None,
            };
            if let Some(output) = found {
                node = sum(node, output.amount)?;
            }
            if let (Some(difference), true) = (difference, detail.is_empty()) {
                detail = difference;
            }
        }
        if self.client.best_block_hash().await? != tip.hash {
            return Ok(false);
        }
        let scanned = scanned.unwrap_or_default();
        if let (Some(first), true) = (scanned.first(), detail.is_empty()) {
            detail = format!("{}: {}", first.outpoint, first.kind.words());
        }
        if detail.is_empty() && Some(total) != tracker.to_signed().ok() {
            detail = format!("the ledger holds {total}, the coins are {tracker}");
        }
        let result = Reconciliation {
            vault,
            tip,
            ledger: total,
            tracker,
            node,
            coins: u32::try_from(held.len()).unwrap_or(u32::MAX),
            agrees: detail.is_empty(),
            differences: u32::try_from(scanned.len()).unwrap_or(u32::MAX),
            detail,
            at: clock::now(),
        };
        let mut tx = self.write().await?;
        chain::expect_tip(&mut tx, Some(tip.hash)).await?;
        reconciliation::record(&mut tx, request, &result).await?;
        if let Some(request) = request {
            let told = scanned.iter().take(MOST_TOLD);
            reconciliation::record_differences(&mut tx, request, told).await?;
        }
        if before.is_none_or(|before| before.agrees != result.agrees) {
            let mut body = Map::new();
            body.insert("coins".to_owned(), json!(result.coins));
            body.insert("height".to_owned(), json!(tip.height));
            body.insert("ledger_sat".to_owned(), json!(result.ledger.to_sat()));
            body.insert("node_sat".to_owned(), json!(result.node.to_sat()));
            body.insert("tracker_sat".to_owned(), json!(result.tracker.to_sat()));
            let event = NewEvent {
                object_kind: "vault",
                object_id: &vault.to_string(),
                kind: if result.agrees {
                    "reconciliation.agrees"
                } else {
                    "reconciliation.differs"
                },
                vault: Some(vault),
                body,
                actor: ACTOR,
                reason: &result.detail,
                at: result.at,
            };
            events::append(&mut tx, &event).await?;
        }
        tell_alarm(&mut tx, &result).await?;
        tx.commit().await?;
        if !result.agrees {
            tracing::error!(%vault, detail = result.detail, "the books do not agree with the node");
        }
        Ok(true)
    }
}

/// Books that differ are an alarm until they agree again.
async fn tell_alarm(tx: &mut Transaction, result: &Reconciliation) -> Result<(), RoundError> {
    let subject = result.vault.to_string();
    if result.agrees {
        let books = (AlarmKind::BooksDiffer, subject.as_str());
        alarms::end(tx, books, ACTOR, "they agree again", result.at).await?;
    } else {
        let new = NewAlarm {
            kind: AlarmKind::BooksDiffer,
            subject: &subject,
            vault: Some(result.vault),
            detail: &result.detail,
            actor: ACTOR,
            at: result.at,
        };
        alarms::raise(tx, &new).await?;
    }
    Ok(())
}

fn sum(total: Amount, amount: Amount) -> Result<Amount, RoundError> {
    total
        .checked_add(amount)
        .filter(|sum| *sum <= Amount::MAX_MONEY)
        .ok_or_else(|| RoundError::Trouble {
            trouble: crate::store::node::Trouble::Malformed,
            detail: format!("coins add up to more than all money: {total} + {amount}"),
        })
}
