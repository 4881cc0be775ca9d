//! Every credit that was ever given, by the log of events: none without its confirmations, none twice.

use std::collections::{BTreeMap, BTreeSet};

use bitcoin::{BlockHash, OutPoint, ScriptBuf, Txid};
use serde_json::Value;

use super::truth::{Ours, Reader, depth_of};
use crate::{Failure, Treasury, items};

/// Where a deposit stands by its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Standing {
    block: BlockHash,
    credited: bool,
}

/// What the events said so far.
#[derive(Debug, Default)]
pub(in crate::adversaries) struct Credits {
    after: u64,
    standing: BTreeMap<OutPoint, Standing>,
    /// Credits that were given, and those that were taken back.
    pub(in crate::adversaries) given: u64,
    pub(in crate::adversaries) taken_back: u64,
    pub(in crate::adversaries) complaints: Vec<String>,
}

impl Credits {
    /// Reads what is new. The reader must know every block that the watchtower may have seen.
    pub(in crate::adversaries) fn read(
        &mut self,
        treasury: &Treasury,
        reader: &Reader,
        ours: &BTreeMap<ScriptBuf, Ours>,
    ) -> Result<(), Failure> {
        loop {
            let path = format!("/events?after={}&limit=1000", self.after);
            let page = treasury.auditor().get(&path)?.done()?;
            for event in items(&page["events"])? {
                self.take(event, reader, ours)?;
            }
            let next = page["next_after"].as_u64().unwrap_or(self.after);
            if next == self.after {
                return Ok(());
            }
            self.after = next;
        }
    }

    fn take(
        &mut self,
        event: &Value,
        reader: &Reader,
        ours: &BTreeMap<ScriptBuf, Ours>,
    ) -> Result<(), Failure> {
        let kind = event["kind"].as_str().unwrap_or_default();
        if !matches!(
            kind,
            "deposit.confirmed" | "deposit.settled" | "deposit.reversed"
        ) {
            return Ok(());
        }
        let text = |name: &str| event["body"][name].as_str().unwrap_or_default().to_owned();
        let coin: OutPoint = event["object_id"].as_str().unwrap_or_default().parse()?;
        let block: BlockHash = text("block_hash").parse()?;
        let before = self.standing.get(&coin).copied();
        let now = |credited| Standing { block, credited };
        match kind {
            "deposit.confirmed" => {
                if before.is_some() {
                    self.complain(format!("{coin} is confirmed twice, in {block} as well"));
                }
                if !reader.holds(block, coin.txid) {
                    self.complain(format!(
                        "{coin} is not in {block}, which is said to hold it"
                    ));
                }
                self.standing.insert(coin, now(false));
            }
            "deposit.settled" => {
                self.given += 1;
                if before != Some(now(false)) {
                    self.complain(format!(
                        "{coin} is credited where it was not confirmed once"
                    ));
                }
                let script = ScriptBuf::from_hex(&text("script_pubkey"))?;
                self.must_be_deep((coin.txid, block), reader, ours.get(&script));
                self.standing.insert(coin, now(true));
            }
            _ => {
                let was_credited = event["body"]["was_settled"] == true;
                if before != Some(now(was_credited)) {
                    self.complain(format!("{coin} is taken back otherwise than it was given"));
                }
                self.taken_back += u64::from(was_credited);
                self.standing.remove(&coin);
            }
        }
        Ok(())
    }

    fn must_be_deep(
        &mut self,
        (txid, block): (Txid, BlockHash),
        reader: &Reader,
        ours: Option<&Ours>,
    ) {
        let Some(ours) = ours else {
            self.complain(format!("{txid} is credited, and pays nobody"));
            return;
        };
        let depth = depth_of(ours, reader.is_coinbase(block, txid));
        let confirmations = reader.confirmations(block);
        if confirmations.is_none_or(|confirmations| confirmations < depth) {
            self.complain(format!(
                "{txid} is credited with {confirmations:?} confirmations of {depth}"
            ));
        }
    }

    fn complain(&mut self, what: String) {
        self.complaints.push(what);
    }

    /// The deposits that stand credited.
    pub(in crate::adversaries) fn credited(&self) -> BTreeSet<OutPoint> {
        let standing = self.standing.iter();
        standing
            .filter(|(_, standing)| standing.credited)
            .map(|(coin, _)| *coin)
            .collect()
    }
}
