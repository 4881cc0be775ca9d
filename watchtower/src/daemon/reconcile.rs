//! Proves that ledger, tracker and node agree on every vault: on a schedule and on demand.
//!
//! Invariant: a result is of one tip for all three. Coins that the books do not have are seen by a scan of the node's
//! whole UTXO set alone: what one found stands in every result until another one finds that it is over.

use std::time::Duration;

use bitcoin::Amount;
use policies::{UnixTime, VaultId};
use serde_json::{Map, json};
use tokio::time::Instant;

use super::comparison::Comparison;
use super::{RoundError, Worker};
use crate::alarm::AlarmKind;
use crate::clock;
use crate::reconciling::{Difference, MOST_TOLD};
use crate::store::alarms::{self, NewAlarm};
use crate::store::database::Transaction;
use crate::store::events::{self, NewEvent};
use crate::store::reconciliation::{self, Reconciliation, Request, Standing};
use crate::store::{chain, coins, ledger, scans};
use crate::tracker::BlockRef;

/// Who is named in events about books.
const ACTOR: &str = "watchtower";
/// How long a round compares, before it looks at what is new.
const BUDGET: Duration = Duration::from_secs(2);

/// How a comparison stands after a step.
enum Step {
    /// There is more to do at once.
    Further,
    /// The tip moved: the next round goes on.
    Moved,
    /// It has its result, or can have none now.
    Over,
}

impl Worker {
    /// Answers requests, and compares every vault when its time has come; some coins in each round.
    pub(super) async fn reconcile(&mut self) -> Result<(), RoundError> {
        let (requests, vaults) = {
            let mut tx = self.database.begin_read().await?;
            let requests = reconciliation::open_requests(&mut tx).await?;
            (requests, ledger::vaults(&mut tx).await?)
        };
        self.scan_node(&requests).await?;
        let begun = Instant::now();
        let mut answered = None;
        if let Some(comparison) = self.comparing.take() {
            answered = comparison.request;
            let is_open = |number: u64| requests.iter().any(|request| request.id == number);
            if answered.is_none_or(is_open) && !self.go_on(comparison, begun).await? {
                return Ok(());
            }
        }
        self.take_up(&vaults);
        for comparison in self.to_compare(&requests, vaults) {
            let is_answered = comparison.request.is_some() && comparison.request == answered;
            if !is_answered && !self.go_on(comparison, begun).await? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Vaults that were there before are compared at once, and what comes up meanwhile when its time has come.
    fn take_up(&mut self, vaults: &[VaultId]) {
        let is_first = !std::mem::replace(&mut self.takes_up, true);
        let since = if is_first {
            UnixTime::ZERO
        } else {
            clock::now()
        };
        for vault in vaults {
            self.compared_at.entry(*vault).or_insert(since);
        }
    }

    /// What is to be compared now: what was asked for, what a scan belongs to, and vaults whose time has come.
    fn to_compare(&self, requests: &[Request], vaults: Vec<VaultId>) -> Vec<Comparison> {
        let (now, interval) = (clock::now(), self.config.reconcile_interval_s);
        let shallow = requests.iter().filter(|request| !request.deep);
        let asked = shallow.map(|request| Comparison::new(request.vault, Some(request.id), false));
        let scanned = self.scanned();
        let scanned = scanned.map(|(request, vault)| Comparison::new(vault, Some(request), true));
        let due = vaults.into_iter().filter(|vault| {
            let last = self.compared_at.get(vault);
            last.is_none_or(|last| now.secs_since(*last) >= interval)
        });
        let due = due.map(|vault| Comparison::new(vault, None, false));
        asked.chain(scanned).chain(due).collect()
    }

    /// Works on a comparison until it is over; false where it is kept for the next round.
    async fn go_on(
        &mut self,
        mut comparison: Comparison,
        begun: Instant,
    ) -> Result<bool, RoundError> {
        loop {
            let step = match self.compare_further(&mut comparison).await {
                Ok(step) => self.renew_if_due().await.map(|()| step),
                Err(error) => Err(error),
            };
            match step {
                Ok(Step::Over) => return Ok(true),
                Ok(Step::Further) if begun.elapsed() < BUDGET => {}
                Ok(Step::Further | Step::Moved) => {
                    self.comparing = Some(comparison);
                    return Ok(false);
                }
                Err(error) => {
                    self.comparing = Some(comparison);
                    return Err(error);
                }
            }
        }
    }

    async fn compare_further(&mut self, comparison: &mut Comparison) -> Result<Step, RoundError> {
        let tip = {
            let mut tx = self.database.begin_read().await?;
            // A spend may still be found of what a scan found: the three differ until then.
            if scans::is_unfinished(&mut tx, comparison.vault).await? {
                return Ok(Step::Over);
            }
            // The node has all coins at once, also those that a scan has not come to.
            if comparison.deep && scans::oldest_open(&mut tx).await?.is_some() {
                return Ok(Step::Over);
            }
            chain::tip(&mut tx).await?
        };
        let Some(tip) = tip else {
            return Ok(Step::Over);
        };
        if comparison.tip != Some(tip) {
            self.bring_to(comparison, tip).await?;
        }
        if !comparison.left.is_empty() && !self.ask_for_some(comparison, tip).await? {
            return Ok(Step::Moved);
        }
        if comparison.left.is_empty() {
            return self.conclude(comparison, tip).await;
        }
        Ok(Step::Further)
    }

    /// Compares what was seen with the books of the same tip, and stores the result.
    async fn conclude(
        &mut self,
        comparison: &mut Comparison,
        tip: BlockRef,
    ) -> Result<Step, RoundError> {
        let vault = comparison.vault;
        let scanned = if comparison.deep {
            let Some(found) = self.found_by_scan().await? else {
                return Ok(Step::Over);
            };
            found
        } else {
            Vec::new()
        };
        let mut tx = self.database.begin_read().await?;
        let total = ledger::vault_total(&mut tx, vault).await?;
        let held = coins::confirmed_unspent(&mut tx, vault).await?;
        let before = reconciliation::latest(&mut tx, vault).await?;
        let standing = if comparison.deep {
            None
        } else {
            reconciliation::standing(&mut tx, vault).await?
        };
        drop(tx);
        let unseen = held
            .iter()
            .map(|coin| coin.outpoint)
            .filter(|outpoint| !comparison.seen.contains_key(outpoint));
        comparison.left = unseen.collect();
        // Blocks that were read again have coins of before.
        if !comparison.left.is_empty() {
            return Ok(Step::Further);
        }
        let (mut tracker, mut node) = (Amount::ZERO, Amount::ZERO);
        let mut detail = String::new();
        for coin in &held {
            tracker = sum(tracker, coin.amount)?;
            let found = comparison.seen.get(&coin.outpoint).and_then(Option::as_ref);
            let difference = match found {
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
        if let (Some(first), true) = (scanned.first(), detail.is_empty()) {
            detail = words(first);
        }
        if detail.is_empty() && Some(total) != tracker.to_signed().ok() {
            detail = format!("the ledger holds {total}, the coins are {tracker}");
        }
        if let (Some(standing), true) = (&standing, detail.is_empty()) {
            detail = still(standing);
        }
        let differences = u32::try_from(scanned.len()).unwrap_or(u32::MAX);
        let result = Reconciliation {
            vault,
            tip,
            ledger: total,
            tracker,
            node,
            coins: u32::try_from(held.len()).unwrap_or(u32::MAX),
            agrees: detail.is_empty(),
            differences: standing.map_or(differences, |standing| standing.differences),
            detail,
            at: clock::now(),
        };
        let mut tx = self.write().await?;
        chain::expect_tip(&mut tx, Some(tip.hash)).await?;
        reconciliation::record(&mut tx, comparison.request, &result).await?;
        if let Some(request) = comparison.request {
            let told = scanned.iter().take(MOST_TOLD);
            reconciliation::record_differences(&mut tx, request, told).await?;
        }
        if before.is_none_or(|before| before.agrees != result.agrees) {
            tell(&mut tx, &result).await?;
        }
        tell_alarm(&mut tx, &result).await?;
        tx.commit().await?;
        if comparison.deep {
            self.scan = None;
        }
        self.compared_at.insert(vault, result.at);
        if !result.agrees {
            tracing::error!(%vault, detail = result.detail, "the books do not agree with the node");
        }
        Ok(Step::Over)
    }
}

/// Books that turn are an event.
async fn tell(tx: &mut Transaction, result: &Reconciliation) -> Result<(), RoundError> {
    let mut body = Map::new();
    body.insert("coins".to_owned(), json!(result.coins));
    body.insert("height".to_owned(), json!(result.tip.height));
    body.insert("ledger_sat".to_owned(), json!(result.ledger.to_sat()));
    body.insert("node_sat".to_owned(), json!(result.node.to_sat()));
    body.insert("tracker_sat".to_owned(), json!(result.tracker.to_sat()));
    let event = NewEvent {
        object_kind: "vault",
        object_id: &result.vault.to_string(),
        kind: if result.agrees {
            "reconciliation.agrees"
        } else {
            "reconciliation.differs"
        },
        vault: Some(result.vault),
        body,
        actor: ACTOR,
        reason: &result.detail,
        at: result.at,
    };
    events::append(tx, &event).await?;
    Ok(())
}

fn words(one: &Difference) -> String {
    format!("{}: {}", one.outpoint, one.kind.words())
}

/// What a scan found and nothing but another one can see.
fn still(standing: &Standing) -> String {
    let Standing {
        differences,
        height,
        first,
    } = standing;
    let first = first.as_ref().map(words).unwrap_or_default();
    format!(
        "{first} ({differences} in all at block {height}; only another `reconcile --deep` sees whether that is over)"
    )
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
