//! F9: one example of every kind of event that is ever stored.
//!
//! Events of the tracker and of the state machines are made here by the code itself. The others are
//! made beside a database: their kinds and the keys of their bodies are compared with their sources.

use std::collections::{BTreeMap, BTreeSet};

use bitcoin::hashes::Hash;
use bitcoin::{Amount, BlockHash, OutPoint, ScriptBuf, Txid, WScriptHash};
use coordinator::session::attempt::AttemptEvent;
use coordinator::session::withdrawal::WithdrawalEvent;
use policies::{Keychain, Keyset, VaultId};
use serde::Deserialize;
use serde_json::{Map, Value};
use watchtower::tracker::{
    BlockRef, Change, Coin, EventDraft, Placement, Spend, SpentCoin, WatchedScript, event,
};

use crate::golden::{read, source, sources};

#[derive(Deserialize)]
struct Example {
    kind: String,
    object_kind: String,
    object_id: String,
    /// Where it is made.
    source: String,
    body: Map<String, Value>,
}

const TRACKER: &str = "watchtower/src/tracker/event.rs";
/// Adds to the events of withdrawals and attempts which one they are about.
const RECORD: &str = "coordinator/src/service/record.rs";
/// Adds to the events of ceremonies which seat they are about.
const SEATS: &str = "coordinator/src/service/ceremonies/mod.rs";

fn examples() -> BTreeMap<String, Example> {
    let examples: Vec<Example> = read("events.json");
    let count = examples.len();
    let by_kind: BTreeMap<String, Example> = examples
        .into_iter()
        .map(|example| (example.kind.clone(), example))
        .collect();
    assert_eq!(by_kind.len(), count, "one example of each kind");
    by_kind
}

fn txid(byte: u8) -> Txid {
    Txid::from_byte_array([byte; 32])
}

fn coin(change: bool) -> Coin {
    Coin {
        outpoint: OutPoint::new(txid(0x11), 1),
        script: WatchedScript {
            script_pubkey: ScriptBuf::new_p2wsh(&WScriptHash::from_byte_array([0x44; 32])),
            vault: VaultId::from_bytes([0x55; 32]),
            keyset: Keyset::from_bytes([0x77; 32]),
            keychain: if change {
                Keychain::Internal
            } else {
                Keychain::External
            },
            index: 7,
            settle_depth: 3,
            reference: (!change).then(|| "customer 4711".to_owned()),
            history_until: None,
        },
        amount: Amount::from_sat(1_000_000),
        coinbase: false,
        change,
        placement: Placement::Unconfirmed,
        settled: true,
        spent_by: None,
        spent_in: None,
        times_confirmed: 1,
        times_spent: 0,
        below_minimum: false,
    }
}

fn changes() -> Vec<Change> {
    let block = BlockRef {
        height: 102,
        hash: BlockHash::from_byte_array([0x33; 32]),
    };
    let spend = |known| Spend {
        txid: txid(0x22),
        vault: VaultId::from_bytes([0x55; 32]),
        known,
        coins: vec![SpentCoin {
            outpoint: coin(false).outpoint,
            vault: VaultId::from_bytes([0x55; 32]),
            amount: Amount::from_sat(1_000_000),
            times_spent: 1,
            history_until: None,
        }],
    };
    let (known, by) = (spend(true), txid(0x11));
    let mut changes = vec![
        Change::SpendUnknown {
            spend: spend(false),
        },
        Change::SpendSeen {
            spend: known.clone(),
        },
        Change::SpendConfirmed {
            spend: known.clone(),
            block,
        },
        Change::SpendSettled {
            spend: known.clone(),
            block,
        },
        Change::SpendReorged {
            spend: known.clone(),
            block,
            was_settled: true,
        },
        Change::SpendDropped {
            spend: known,
            by: Some(by),
        },
    ];
    for coin in [coin(false), coin(true)] {
        changes.extend([
            Change::CoinSeen { coin: coin.clone() },
            Change::CoinConfirmed {
                coin: coin.clone(),
                block,
            },
            Change::CoinSettled {
                coin: coin.clone(),
                block,
            },
            Change::CoinReversed {
                coin: coin.clone(),
                block,
            },
            Change::CoinDropped { coin: coin.clone() },
            Change::CoinReplaced {
                coin,
                by: txid(0x22),
            },
        ]);
    }
    let mut small = coin(false);
    small.below_minimum = true;
    let mut history = coin(false);
    history.script.history_until = Some(block.height);
    for coin in [history, small] {
        changes.extend([
            Change::CoinConfirmed {
                coin: coin.clone(),
                block,
            },
            Change::CoinSettled {
                coin: coin.clone(),
                block,
            },
            Change::CoinReversed { coin, block },
        ]);
    }
    changes
}

#[test]
fn events_of_the_tracker_are_those_of_the_golden_file() {
    let mut expected: BTreeMap<String, Example> = examples()
        .into_iter()
        .filter(|(_, example)| example.source == TRACKER)
        .collect();
    for change in changes() {
        let EventDraft {
            object_kind,
            object_id,
            kind,
            body,
            ..
        } = event(&change);
        let example = expected.remove(kind).expect("a kind of the golden file");
        assert_eq!(body, example.body, "{kind}");
        assert_eq!(object_kind, example.object_kind, "{kind}");
        assert_eq!(object_id, example.object_id, "{kind}");
    }
    assert!(expected.is_empty(), "kinds that nothing makes");
}

#[test]
fn events_of_the_state_machines_are_those_of_the_golden_file() {
    for (kind, example) in examples() {
        if !example.source.starts_with("coordinator/src/session/") {
            continue;
        }
        let stored = Value::Object(example.body.clone());
        let (read_as, written) = if example.object_kind == "withdrawal" {
            let event: WithdrawalEvent = serde_json::from_value(stored).expect("an event");
            (event.kind(), serde_json::to_value(&event))
        } else {
            let event: AttemptEvent = serde_json::from_value(stored).expect("an event");
            (event.kind(), serde_json::to_value(&event))
        };
        assert_eq!(read_as, kind);
        let Value::Object(written) = written.expect("an event of texts and integers serializes")
        else {
            panic!("{kind} is no object")
        };
        for (key, value) in &written {
            assert_eq!(example.body.get(key), Some(value), "{kind}");
        }
        let added: BTreeSet<&str> = example
            .body
            .keys()
            .map(String::as_str)
            .filter(|key| !written.contains_key(*key))
            .collect();
        let which: &[&str] = if example.object_kind == "withdrawal" {
            &["id", "intent", "requester"]
        } else {
            &["batch", "txid"]
        };
        // A withdrawal that is issued names its attempt itself, one that is batched its batch.
        assert!(which.iter().all(|key| example.body.contains_key(*key)));
        assert!(added.iter().all(|key| which.contains(key)), "{kind}");
    }
}

/// The keys that a source puts into the bodies of its events.
fn inserted(path: &str) -> BTreeSet<String> {
    let text: String = source(path).split_whitespace().collect();
    let one_by_one = text.split("body.insert(\"").skip(1);
    let one_by_one = one_by_one.filter_map(|rest| rest.split('"').next());
    // Bodies that are written at once are flat.
    let at_once = text.split("letbody=json!({").skip(1);
    let at_once = at_once.filter_map(|rest| rest.split("});").next());
    let named = at_once.flat_map(|body| {
        let pieces = body
            .split("\":")
            .map(|piece| piece.rsplit('"').next().unwrap_or(piece));
        pieces.take(body.matches("\":").count())
    });
    one_by_one.chain(named).map(str::to_owned).collect()
}

#[test]
fn bodies_have_the_keys_that_their_sources_write() {
    let mut by_source: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for example in examples().into_values() {
        let keys = by_source.entry(example.source).or_default();
        keys.extend(example.body.keys().cloned());
    }
    let which = &inserted(RECORD) | &inserted(SEATS);
    for (path, keys) in by_source {
        if path == TRACKER || path.starts_with("coordinator/src/session/") {
            continue;
        }
        let written = inserted(&path);
        assert!(written.is_subset(&keys), "{path}: {written:?} and {keys:?}");
        let others: BTreeSet<&String> = keys.difference(&written).collect();
        assert!(others.iter().all(|key| which.contains(*key)), "{path}");
    }
}

#[test]
fn every_kind_of_event_has_an_example_where_it_is_made() {
    let examples = examples();
    for (kind, example) in &examples {
        let quoted = format!("\"{kind}\"");
        assert!(source(&example.source).contains(&quoted), "{kind}");
    }
    let families: BTreeSet<&str> = examples
        .keys()
        .filter_map(|kind| kind.split('.').next())
        .collect();
    let is_kind = |word: &&str| {
        word.split_once('.').is_some_and(|(family, rest)| {
            families.contains(family)
                && !rest.is_empty()
                && rest
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte == b'-')
        })
    };
    for room in ["coordinator/src", "watchtower/src"] {
        for text in sources(room) {
            for line in text.lines() {
                for kind in line.split('"').skip(1).step_by(2).filter(is_kind) {
                    assert!(examples.contains_key(kind), "{kind} has no example");
                }
            }
        }
    }
}
