//! Tells everyone how the node is: a row that is kept up to date, an event when it turns.

use std::collections::BTreeMap;

use bitcoin::Network;
use policies::UnixTime;
use serde_json::{Map, json};

use super::{RoundError, Worker};
use crate::alarm::AlarmKind;
use crate::bitcoind::ChainInfo;
use crate::clock;
use crate::store::alarms::{self, NewAlarm};
use crate::store::database::Transaction;
use crate::store::events::{self, NewEvent};
use crate::store::node::{self, MAIN, NodeStatus, Trouble};

/// Who is named in events about nodes.
const ACTOR: &str = "watchtower";
/// Seconds after which an unchanged status is written again, to show that somebody looks.
const REFRESH: u64 = 10;
/// Headers without blocks beyond which the node is behind.
const HEADERS_AHEAD: u32 = 3;

/// What a round found out about the node.
pub(super) enum Finding {
    Fine(ChainInfo),
    Trouble(Trouble, String),
}

/// What was written last.
#[derive(Default)]
pub(super) struct Recorder {
    written: BTreeMap<String, (NodeStatus, UnixTime)>,
}

pub(super) fn fine(info: &ChainInfo) -> Finding {
    Finding::Fine(info.clone())
}

/// Why the node is behind, if it is. A regtest chain is always old enough to look unfinished.
pub(super) fn behind(info: &ChainInfo, network: Network) -> Option<String> {
    if info.initial_download && network != Network::Regtest {
        return Some(format!(
            "the node is downloading the chain and at height {}",
            info.blocks
        ));
    }
    (info.headers.saturating_sub(info.blocks) >= HEADERS_AHEAD).then(|| {
        format!(
            "the node knows {} headers and has blocks to {}",
            info.headers, info.blocks
        )
    })
}

/// How old the tip is, if that is too old.
pub(super) fn stalled(info: &ChainInfo, after: Option<u64>, now: UnixTime) -> Option<String> {
    let age = now.secs_since(UnixTime::from_secs(info.tip_time));
    let height = info.blocks;
    after.is_some_and(|after| age > after).then(|| {
        format!(
            "the node's last block, {height}, is {} minutes old",
            age / 60
        )
    })
}

impl Worker {
    /// Stores what was found of the node that is followed, if it is news or a while ago.
    pub(super) async fn record_status(&mut self, finding: Finding) -> Result<(), RoundError> {
        self.record_status_of(MAIN, finding).await
    }

    /// Stores what was found of a node, if it is news or a while ago.
    pub(super) async fn record_status_of(
        &mut self,
        name: &str,
        finding: Finding,
    ) -> Result<(), RoundError> {
        let now = clock::now();
        let written = self.status.written.get(name).cloned();
        let before = if let Some((status, _)) = &written {
            Some(status.clone())
        } else {
            let mut tx = self.database.begin_read().await?;
            node::node_status(&mut tx)
                .await?
                .into_iter()
                .find(|status| status.node == name)
        };
        let status = next(name, before.as_ref(), finding, now);
        if let Some((written, at)) = &written {
            let same = NodeStatus {
                checked_at: now,
                ..written.clone()
            } == status;
            if same && now.secs_since(*at) < REFRESH {
                return Ok(());
            }
        }
        let mut tx = self.write().await?;
        if self.status.written.is_empty() {
            let witnesses = self.config.witness.iter();
            let names = witnesses.map(|witness| witness.name.as_str());
            let names: Vec<&str> = names.chain([MAIN]).collect();
            for node in node::keep(&mut tx, &names).await? {
                let why = "the node is configured no more";
                for kind in [AlarmKind::NodeTrouble, AlarmKind::WitnessTrouble] {
                    alarms::end(&mut tx, (kind, node.as_str()), ACTOR, why, now).await?;
                }
            }
        }
        node::record(&mut tx, &status).await?;
        if before.as_ref().and_then(|before| before.trouble) != status.trouble {
            let mut body = Map::new();
            body.insert("height".to_owned(), json!(status.height));
            if let Some(trouble) = status.trouble {
                body.insert("trouble".to_owned(), json!(trouble.code()));
                tracing::warn!(
                    node = name,
                    trouble = trouble.code(),
                    detail = status.detail,
                    "node trouble"
                );
            } else {
                tracing::info!(
                    node = name,
                    height = status.height,
                    "the node is well again"
                );
            }
            let event = NewEvent {
                object_kind: "node",
                object_id: name,
                kind: if status.trouble.is_some() {
                    "node.trouble"
                } else {
                    "node.ok"
                },
                vault: None,
                body,
                actor: ACTOR,
                reason: &status.detail,
                at: now,
            };
            events::append(&mut tx, &event).await?;
        }
        tell_alarm(&mut tx, &status).await?;
        tx.commit().await?;
        let name = name.to_owned();
        self.status.written.insert(name, (status, now));
        Ok(())
    }
}

/// A node in trouble is an alarm until it is well again; a witness's own trouble is one that stops no money.
async fn tell_alarm(tx: &mut Transaction, status: &NodeStatus) -> Result<(), RoundError> {
    let (subject, at) = (status.node.as_str(), status.checked_at);
    let kind = if status.is_witness() {
        AlarmKind::WitnessTrouble
    } else {
        AlarmKind::NodeTrouble
    };
    if let Some(trouble) = status.trouble {
        let detail = format!("{}: {}", trouble.code(), status.detail);
        let new = NewAlarm {
            kind,
            subject,
            vault: None,
            detail: &detail,
            actor: ACTOR,
            at,
        };
        alarms::raise(tx, &new).await?;
    } else {
        alarms::end(tx, (kind, subject), ACTOR, "the node is well again", at).await?;
    }
    Ok(())
}

fn next(name: &str, before: Option<&NodeStatus>, finding: Finding, now: UnixTime) -> NodeStatus {
    match finding {
        Finding::Fine(info) => NodeStatus {
            node: name.to_owned(),
            chain: info.chain,
            height: info.blocks,
            hash: Some(info.tip),
            headers: info.headers,
            initial_download: info.initial_download,
            trouble: None,
            detail: String::new(),
            checked_at: now,
        },
        Finding::Trouble(trouble, detail) => {
            let last = before.cloned().unwrap_or_else(|| NodeStatus {
                node: name.to_owned(),
                chain: String::new(),
                height: 0,
                hash: None,
                headers: 0,
                initial_download: false,
                trouble: None,
                detail: String::new(),
                checked_at: now,
            });
            NodeStatus {
                trouble: Some(trouble),
                detail,
                checked_at: now,
                ..last
            }
        }
    }
}
