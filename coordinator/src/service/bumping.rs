//! Attempts that are out and stuck: found, told of, and replaced within what operators said of the vault's fees.
//!
//! What is to be done is decided in [`crate::fees`]. Invariant: what was decided from a read is decided again under the
//! vault's lock, and the deed, the memory of the tip at which it was done and its event are one transaction, so that
//! neither two coordinators nor a crash between them make two rivals.

mod finding;
mod said;

use bitcoin::{Amount, BlockHash, FeeRate};
use policies::document::format_sat_per_vb;
use policies::{UnixTime, VaultId};
use serde_json::{Map, json};
use watchtower::store::chain;
use watchtower::store::database::Transaction;
use watchtower::tracker::BlockRef;

use self::finding::{
    awaited_since, beside, children, fees, is_impossible, is_of_now, newest_out, rivals,
};
use self::said::Said;
use super::ladders::{next_rung, release};
use super::paying_child::child;
use super::record::{Cause, append_event};
use super::rehearsal::Rehearsal;
use super::renewals::{Ready, replacement_in};
use super::renewing::pays;
use super::{Actor, Service, ServiceError, node_fees};
use crate::fees::{Bump, FeePolicy, Held, Out, Rest, Turn, decide, within_budget};
use crate::session::BatchId;
use crate::session::attempt::AttemptState;
use crate::store::attempts::{self, AttemptRow};
use crate::store::bumps::{self, BumpRow, Outcome};
use crate::store::fee_policies;

/// Who does it, in the events.
const ACTOR: &str = "coordinator";
/// The code of what is proposed where a rung waits.
pub(super) const RUNG: &str = "rung";

/// Whether there is anything to look at for a vault: a fee policy, and an attempt that is out.
pub(crate) async fn has_out(tx: &mut Transaction, vault: VaultId) -> Result<bool, ServiceError> {
    let policy = fee_policies::lookup(tx, vault).await?;
    let acts = policy.is_some_and(|row| row.policy.bump != Bump::Off);
    Ok(acts && !attempts::batches_out(tx, vault).await?.is_empty())
}

/// All that is decided by of one batch, as it is in one database transaction.
pub(crate) struct Look {
    batch: BatchId,
    policy: FeePolicy,
    row: AttemptRow,
    /// The next rung of its ladder.
    rung: Option<AttemptRow>,
    tip: BlockRef,
    memory: Option<BumpRow>,
    /// The tip at which something was last done or said of the batch.
    done_at: Option<BlockHash>,
    first: Amount,
    /// The fee of the dearest attempt that may be paid: the one that is out, or what waits in its place.
    dearest: Amount,
    children: Amount,
    /// Whether it is remembered that something is on its way, and since when.
    is_awaited: bool,
    /// The least that the mempool takes, and the highest feerate that is paid without asking.
    bounds: (FeeRate, FeeRate),
    turn: Turn,
    now: UnixTime,
}

impl Look {
    /// Looks at a batch; none where none of its attempts is the one that is out.
    pub(crate) async fn at(
        service: &Service,
        tx: &mut Transaction,
        vault: VaultId,
        batch: BatchId,
    ) -> Result<Option<Self>, ServiceError> {
        let now = service.now();
        let Some(set) = fee_policies::lookup(tx, vault).await? else {
            return Ok(None);
        };
        let Some(tip) = chain::tip(tx).await? else {
            return Ok(None);
        };
        let all = attempts::of_batch(tx, batch).await?;
        let Some(row) = newest_out(&all) else {
            return Ok(None);
        };
        let Some(rivals) = rivals(tx, &row).await? else {
            return Ok(None);
        };
        let payments = all.iter().filter(|attempt| pays(attempt.purpose));
        let first = payments
            .min_by_key(|attempt| attempt.number)
            .map_or(row.fee, |first| first.fee);
        let memory = bumps::lookup(tx, batch).await?;
        let done_at = memory.as_ref().and_then(|memory| memory.tip);
        let memory = memory.filter(|memory| memory.attempt == row.txid);
        let estimates = node_fees::estimates(service, tx).await?;
        let (_, document) = service.vault(tx, vault).await?;
        let rung = next_rung(tx, &row, |state| *state == AttemptState::Signed).await?;
        let since = awaited_since(tx, memory.as_ref()).await?;
        let own = children(tx, std::slice::from_ref(&row)).await?;
        // What was said although a child pays is decided anew at every tip.
        let told = memory
            .as_ref()
            .filter(|memory| matches!(memory.outcome, Outcome::Held | Outcome::Proposed));
        let child_since = since.or(told.map(|memory| memory.since));
        let [waits_since, child_since] =
            [since, child_since].map(|since| since.unwrap_or(tip.height));
        let beside = beside(&row, &rivals, (waits_since, &own, child_since));
        let children = fees(&children(tx, &all).await?);
        let out = Out {
            paid: row.fee / row.weight,
            in_mempool: row.state == AttemptState::InMempool,
            since: memory.as_ref().map_or(tip.height, |memory| memory.since),
            tip: tip.height,
            // Also of another attempt of the batch: whatever goes out, the next step waits for a block.
            is_done_at_tip: done_at == Some(tip.hash),
            beside,
            estimate: estimates.for_target(set.policy.target),
            least: estimates.least(),
            cap: service.batch_settings().cap_under(&document),
            next_rung: rung.as_ref().map(|rung| rung.fee / rung.weight),
        };
        let dearest = row.fee.max(rivals.dearest);
        Ok(Some(Self {
            batch,
            turn: decide(&set.policy, &out),
            policy: set.policy,
            row,
            rung,
            tip,
            memory,
            done_at,
            first,
            dearest,
            children,
            is_awaited: since.is_some(),
            bounds: (out.least.unwrap_or(FeeRate::ZERO), out.cap),
            now,
        }))
    }

    /// What the attempt that is out is to pay, if it is to pay more.
    pub(crate) const fn raises_to(&self) -> Option<FeeRate> {
        match self.turn {
            Turn::Raise(feerate) => Some(feerate),
            Turn::Rest(_) | Turn::Hold(_) | Turn::Release(_) | Turn::Child(_) => None,
        }
    }

    /// Whether there is anything to write down or to do.
    pub(crate) fn has_news(&self) -> bool {
        let was = self.memory.as_ref().map(|memory| memory.outcome);
        match self.turn {
            Turn::Rest(Rest::DoneAtTip) => was.is_none(),
            Turn::Rest(Rest::Rivalled) => !self.is_awaited,
            Turn::Rest(_) => was != Some(Outcome::Waits),
            Turn::Hold(_) | Turn::Raise(_) | Turn::Release(_) | Turn::Child(_) => true,
        }
    }

    /// Builds what would take the place of the attempt that is out.
    pub(crate) async fn replacement(
        &self,
        service: &Service,
        tx: &mut Transaction,
        feerate: FeeRate,
        rehearsal: &mut Rehearsal,
    ) -> Result<Ready, ServiceError> {
        let feerate = format_sat_per_vb(feerate);
        let actor = Actor::jobs();
        replacement_in(service, tx, &actor, self.row.txid, &feerate, rehearsal).await
    }

    /// Does what is decided, under the vault's lock, in a transaction that the caller commits.
    pub(crate) async fn act(
        self,
        service: &Service,
        tx: &mut Transaction,
        rehearsal: &mut Rehearsal,
    ) -> Result<(), ServiceError> {
        let feerate = match self.turn {
            Turn::Rest(Rest::DoneAtTip) if self.memory.is_some() => return Ok(()),
            Turn::Rest(Rest::Rivalled) if self.is_awaited => return Ok(()),
            // Somebody made it by hand, or the block at which it was made is no more: it waits from here on.
            Turn::Rest(Rest::Rivalled) => {
                return self.remember(tx, Outcome::Made, Said::nothing()).await;
            }
            Turn::Rest(_) => return self.remember(tx, Outcome::Waits, Said::nothing()).await,
            Turn::Hold(held) => return self.hold(tx, Said::held(held)).await,
            Turn::Release(feerate) => return self.climb(tx, feerate).await,
            Turn::Child(feerate) => {
                return Box::pin(self.pay_by_child(service, tx, feerate, None)).await;
            }
            Turn::Raise(feerate) => feerate,
        };
        let ready = match Box::pin(self.replacement(service, tx, feerate, rehearsal)).await {
            Ok(ready) => ready,
            Err(error) if is_of_now(&error) => {
                let said = Said::because(error.code(), error.to_string());
                let may_pay = self.policy.cpfp && self.policy.bump == Bump::Automatic;
                if may_pay && is_impossible(&error) {
                    return Box::pin(self.pay_by_child(service, tx, feerate, Some(said))).await;
                }
                return self.hold(tx, said).await;
            }
            Err(error) => return Err(error),
        };
        // What takes the place of dear children may have to pay more than was meant.
        if let Some(estimate) = ready.above(self.bounds.1) {
            let cap = self.bounds.1;
            return self
                .hold(tx, Said::held(Held::AboveCap { estimate, cap }))
                .await;
        }
        let fee = ready.fee();
        let left = match within_budget(&self.policy, self.first, fee, self.children) {
            Ok(left) => left,
            Err(held) => return self.hold(tx, Said::held(held)).await,
        };
        let said = Said {
            feerate,
            more: fee.checked_sub(self.row.fee).unwrap_or(Amount::ZERO),
            left,
            ..Said::nothing()
        };
        match self.policy.bump {
            Bump::Off => Ok(()),
            Bump::Propose => self.propose(tx, said, fee).await,
            Bump::Automatic => {
                let made = ready.issue(service, tx, ACTOR).await?;
                let mut body = self.body(&said);
                body.insert("fee_sat".to_owned(), json!(fee.to_sat()));
                body.insert("made".to_owned(), json!(made));
                self.tell(tx, "attempt.raised", body, "it is past its deadline")
                    .await?;
                self.remember(tx, Outcome::Made, said).await
            }
        }
    }

    /// Lets a child pay where the attempt cannot be replaced, for the reason given, or while its replacement waits.
    async fn pay_by_child(
        &self,
        service: &Service,
        tx: &mut Transaction,
        feerate: FeeRate,
        instead: Option<Said>,
    ) -> Result<(), ServiceError> {
        let meanwhile = instead.is_none();
        let built = child(service, tx, &self.row, feerate, self.bounds, self.now).await;
        let child = match built {
            Ok(child) => child,
            Err(error)
                if is_of_now(&error)
                    || matches!(error, ServiceError::Fee(_) | ServiceError::OwnSpend(_)) =>
            {
                let because = || Said::because(error.code(), error.to_string());
                let said = instead.unwrap_or_else(because);
                return self.give_up(tx, said, meanwhile).await;
            }
            Err(error) => return Err(error),
        };
        let children = (self.children.checked_add(child.fee())).unwrap_or(Amount::MAX_MONEY);
        let left = match within_budget(&self.policy, self.first, self.dearest, children) {
            Ok(left) => left,
            Err(held) => return self.give_up(tx, Said::held(held), meanwhile).await,
        };
        let said = Said {
            feerate,
            more: child.fee(),
            left,
            ..Said::nothing()
        };
        let mut body = self.body(&said);
        body.insert("fee_sat".to_owned(), json!(child.fee().to_sat()));
        let reason = if meanwhile {
            "a child pays for its parent, whose replacement waits for signatures"
        } else {
            "a child pays for its parent"
        };
        let cause = Cause {
            actor: ACTOR,
            reason,
            at: self.now,
        };
        let made = child.issue(service, tx, cause).await?;
        body.insert("made".to_owned(), json!([made]));
        self.tell(tx, "attempt.raised", body, cause.reason).await?;
        self.remember(tx, Outcome::Made, said).await
    }

    /// Releases the next rung of its ladder, or proposes to.
    async fn climb(&self, tx: &mut Transaction, feerate: FeeRate) -> Result<(), ServiceError> {
        let Some(rung) = &self.rung else {
            return Ok(());
        };
        let left = match within_budget(&self.policy, self.first, rung.fee, self.children) {
            Ok(left) => left,
            Err(held) => return self.hold(tx, Said::held(held)).await,
        };
        let said = Said {
            code: RUNG,
            feerate,
            more: rung.fee.checked_sub(self.row.fee).unwrap_or(Amount::ZERO),
            left,
            ..Said::nothing()
        };
        if self.policy.bump == Bump::Propose {
            return self.propose(tx, said, rung.fee).await;
        }
        let cause = Cause {
            actor: ACTOR,
            reason: "it is past its deadline",
            at: self.now,
        };
        release(tx, rung, cause).await?;
        self.remember(tx, Outcome::Released, said).await
    }

    /// Tells what a replacement would cost, once for each price.
    async fn propose(
        &self,
        tx: &mut Transaction,
        said: Said,
        fee: Amount,
    ) -> Result<(), ServiceError> {
        let is_told = self.memory.as_ref().is_some_and(|memory| {
            memory.outcome == Outcome::Proposed
                && (memory.feerate, memory.more) == (said.feerate, said.more)
        });
        if !is_told {
            let mut body = self.body(&said);
            body.insert("fee_sat".to_owned(), json!(fee.to_sat()));
            let reason = "it is past its deadline: replace it, or let it wait";
            self.tell(tx, "attempt.stuck", body, reason).await?;
        }
        self.remember(tx, Outcome::Proposed, said).await
    }

    /// Says why no child pays. What waits in the place of the attempt waits on, and is looked at a deadline later again.
    async fn give_up(
        &self,
        tx: &mut Transaction,
        said: Said,
        meanwhile: bool,
    ) -> Result<(), ServiceError> {
        if !meanwhile {
            return self.hold(tx, said).await;
        }
        let is_told = (self.memory.as_ref()).is_some_and(|memory| memory.code == said.code);
        if !is_told {
            let mut body = self.body(&said);
            body.insert("code".to_owned(), json!(said.code));
            self.tell(tx, "attempt.held", body, &said.says).await?;
        }
        self.remember(tx, Outcome::Made, said).await
    }

    /// Says why nothing is done, once for each reason.
    async fn hold(&self, tx: &mut Transaction, said: Said) -> Result<(), ServiceError> {
        let is_told = self
            .memory
            .as_ref()
            .is_some_and(|memory| memory.outcome == Outcome::Held && memory.code == said.code);
        if !is_told {
            let mut body = self.body(&said);
            body.insert("code".to_owned(), json!(said.code));
            self.tell(tx, "attempt.held", body, &said.says).await?;
        }
        self.remember(tx, Outcome::Held, said).await
    }

    fn body(&self, said: &Said) -> Map<String, serde_json::Value> {
        let mut body = Map::new();
        body.insert("budget_left_sat".to_owned(), json!(said.left.to_sat()));
        body.insert(
            "feerate_sat_kwu".to_owned(),
            json!(said.feerate.to_sat_per_kwu()),
        );
        body.insert("more_sat".to_owned(), json!(said.more.to_sat()));
        body.insert("txid".to_owned(), json!(self.row.txid));
        body
    }

    async fn tell(
        &self,
        tx: &mut Transaction,
        kind: &str,
        body: Map<String, serde_json::Value>,
        reason: &str,
    ) -> Result<(), ServiceError> {
        let cause = Cause {
            actor: ACTOR,
            reason,
            at: self.now,
        };
        let id = self.batch.to_string();
        append_event(tx, self.row.vault, ("batch", &id), kind, body, cause).await
    }

    /// Remembers what was done or said at this tip.
    async fn remember(
        &self,
        tx: &mut Transaction,
        outcome: Outcome,
        said: Said,
    ) -> Result<(), ServiceError> {
        let since = self.memory.as_ref();
        let row = BumpRow {
            batch: self.batch,
            attempt: self.row.txid,
            since: since.map_or(self.tip.height, |memory| memory.since),
            tip: if outcome == Outcome::Waits {
                self.done_at
            } else {
                Some(self.tip.hash)
            },
            outcome,
            code: said.code.to_owned(),
            says: said.says,
            feerate: said.feerate,
            more: said.more,
            left: said.left,
            changed_at: self.now,
        };
        Ok(bumps::put(tx, &row).await?)
    }
}
