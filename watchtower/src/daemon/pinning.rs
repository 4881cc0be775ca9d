//! Looks at what others hang on our transactions in the mempool.

use std::collections::{BTreeMap, BTreeSet};

use bitcoin::Txid;

use super::{RoundError, Worker};
use crate::alarm::AlarmKind;
use crate::clock;
use crate::store::alarms::{self, Found, Look};
use crate::store::outgoing;
use crate::tracker::{Pooled, pinned};

/// Seconds between two looks.
const REFRESH: u64 = 30;
/// Transactions that are looked at in one look, besides those with an alarm.
const MOST: usize = 200;
/// Who is named in alarms.
const ACTOR: &str = "watchtower";

impl Worker {
    /// Raises an alarm for each of ours that is pinned, and ends those of which that is over.
    pub(super) async fn look_for_pins(&mut self) -> Result<(), RoundError> {
        let now = clock::now();
        if now.secs_since(self.pins_looked_at) < REFRESH {
            return Ok(());
        }
        let (ours, open) = {
            let mut tx = self.database.begin_read().await?;
            (
                outgoing::in_mempool(&mut tx, u32::MAX).await?,
                alarms::open_of(&mut tx, AlarmKind::Pinned).await?,
            )
        };
        let open: BTreeSet<String> = open.into_iter().map(|alarm| alarm.subject).collect();
        let known: BTreeSet<Txid> = ours.iter().map(|(txid, _)| *txid).collect();
        let mut look = Look {
            kind: AlarmKind::Pinned,
            within: None,
            found: BTreeMap::new(),
            actor: ACTOR,
            over: "it confirmed, or nothing hangs on it any more",
        };
        for (place, (txid, vault)) in ours.into_iter().enumerate() {
            // An alarm stands while its cause does, however many others are in the mempool.
            if place >= MOST && !open.contains(&txid.to_string()) {
                continue;
            }
            let Some((own, descendants)) = self.client.descendants(txid).await? else {
                continue;
            };
            let foreign: Vec<Pooled> = descendants
                .into_iter()
                .filter(|one| !known.contains(&one.txid))
                .collect();
            if let Some(pinned) = pinned(own, &foreign) {
                let found = Found {
                    vault: Some(vault),
                    detail: pinned.to_string(),
                };
                look.found.insert(txid.to_string(), found);
            }
        }
        let is_news = {
            let mut tx = self.database.begin_read().await?;
            look.is_news(&mut tx).await?
        };
        if is_news {
            let mut tx = self.write().await?;
            look.settle(&mut tx, now).await?;
            tx.commit().await?;
        }
        self.pins_looked_at = now;
        Ok(())
    }
}
