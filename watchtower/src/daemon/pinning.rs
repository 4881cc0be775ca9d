//! Looks at what others hang on our transactions in the mempool.

use std::collections::BTreeSet;

use bitcoin::Txid;
use policies::VaultId;

use super::{RoundError, Worker};
use crate::alarm::AlarmKind;
use crate::clock;
use crate::store::alarms::{self, NewAlarm};
use crate::store::outgoing;
use crate::tracker::{Pooled, pinned};

/// Seconds between two looks.
const REFRESH: u64 = 30;
/// Transactions that are looked at in one look.
const MOST: u32 = 200;
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
                outgoing::in_mempool(&mut tx, MOST).await?,
                alarms::open_of(&mut tx, AlarmKind::Pinned).await?,
            )
        };
        let known: BTreeSet<Txid> = ours.iter().map(|(txid, _)| *txid).collect();
        let mut found: Vec<(Txid, VaultId, String)> = Vec::new();
        for (txid, vault) in ours {
            let Some((own, descendants)) = self.client.descendants(txid).await? else {
                continue;
            };
            let foreign: Vec<Pooled> = descendants
                .into_iter()
                .filter(|one| !known.contains(&one.txid))
                .collect();
            if let Some(pinned) = pinned(own, &foreign) {
                found.push((txid, vault, pinned.to_string()));
            }
        }
        let is_found = |subject: &str| found.iter().any(|(txid, ..)| txid.to_string() == subject);
        let over: Vec<&str> = open
            .iter()
            .map(|alarm| alarm.subject.as_str())
            .filter(|subject| !is_found(subject))
            .collect();
        if !found.is_empty() || !over.is_empty() {
            let mut tx = self.write().await?;
            for (txid, vault, detail) in &found {
                let alarm = NewAlarm {
                    kind: AlarmKind::Pinned,
                    subject: &txid.to_string(),
                    vault: Some(*vault),
                    detail,
                    actor: ACTOR,
                    at: now,
                };
                alarms::raise(&mut tx, &alarm).await?;
            }
            for subject in over {
                let about = (AlarmKind::Pinned, subject);
                let why = "it confirmed, or nothing hangs on it any more";
                alarms::end(&mut tx, about, ACTOR, why, now).await?;
            }
            tx.commit().await?;
        }
        self.pins_looked_at = now;
        Ok(())
    }
}
