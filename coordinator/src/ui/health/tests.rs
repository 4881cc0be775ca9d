//! The page of health: each alarm with what to do, and strangers' words as words.

use askama::Template as _;
use bitcoin::Txid;
use bitcoin::hashes::Hash as _;
use policies::{Subject, UnixTime, VaultId};

use super::*;
use crate::service::journals::RefusedReceiptView;
use crate::service::people::PersonRole;
use crate::service::status::{NodeView, StatusView};
use crate::service::stops::StopView;

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

fn ill() -> Health {
    Health {
        status: StatusView {
            version: "1.2".to_owned(),
            network: "mainnet".to_owned(),
            database: "SQLite".to_owned(),
            height: Some(900_000),
            tip: Some("ab".repeat(32)),
            progress: None,
            nodes: vec![NodeView {
                node: "main".to_owned(),
                chain: "main".to_owned(),
                height: 900_000,
                trouble: Some("NODE_ABSENT".to_owned()),
                detail: "connection refused".to_owned(),
                checked_at: NOW.saturating_sub(60),
            }],
            fees: vec![FeeView {
                target: 6,
                feerate_sat_vb: "12.5".to_owned(),
            }],
            fees_age_s: Some(0),
            fees_gap: None,
            fees_least_sat_vb: None,
            jobs: vec![JobView {
                kind: "webhook".to_owned(),
                key: "1".to_owned(),
                run_at: NOW,
                attempts: 3,
                parked: Some("gone <b>".to_owned()),
                last_error: None,
            }],
            journals: vec![RefusedReceiptView {
                signer: "alice".to_owned(),
                journal: "ed25519:aa".to_owned(),
                txid: Txid::from_byte_array([1; 32]),
                code: "receipt_stale".to_owned(),
                reason: "it is older".to_owned(),
                hint: "ask alice which journal is right".to_owned(),
                refused_at: NOW,
            }],
            alarms: Vec::new(),
            stuck: Vec::new(),
            stops: vec![StopView {
                vault: VaultId::from_bytes([7; 32]),
                stop: Subject::from_bytes([2; 32]),
                reason: "stolen \u{202e}laptop".to_owned(),
                created: NOW,
                by: vec!["carol".to_owned()],
                release_needed: Some(1),
                release_group: None,
            }],
            event_number: 7,
            event_hash: "cd".repeat(32),
            now: NOW,
        },
        tip_time: Some(NOW.saturating_sub(300)),
        alarms: vec![Alarm {
            grave: true,
            what: "a vault is stopped: stolen \u{202e}laptop".to_owned(),
            todo: "find out why".to_owned(),
            href: Some("/vaults/07/stops".to_owned()),
            ends: Some(7),
        }],
    }
}

#[test]
fn every_part_says_how_it_is_and_strangers_words_stay_words() {
    let visitor = Visitor::sample("olga", PersonRole::Operator);
    let page = shown(&ill(), &visitor).render().expect("draws");
    for part in [
        "notice notice-bad alarm",
        "Find out why.",
        "connection refused",
        "5 min ago",
        "12.5 sat/vB",
        "parked",
        "Ask alice which journal is right.",
        "carol",
        "/events/verification",
        "action=\"/alarms/7/end\"",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains("gone <b>") && !page.contains('\u{202e}'));
    assert_eq!(page.matches("<h1").count(), 1);
}

#[test]
fn only_who_may_is_asked_what_was_found_out() {
    let visitor = Visitor::sample("ada", PersonRole::Auditor);
    let page = shown(&ill(), &visitor).render().expect("draws");
    assert!(!page.contains("/alarms/7/end"), "{page}");
}

#[test]
fn somebody_of_one_vault_sees_no_jobs_of_others() {
    let mut visitor = Visitor::sample("dana", PersonRole::Approver);
    visitor.actor.vault = Some(VaultId::from_bytes([7; 32]));
    let page = shown(&ill(), &visitor).render().expect("draws");
    assert!(!page.contains("Jobs in trouble"), "{page}");
    assert!(!page.contains("/events/verification"));
}

#[test]
fn what_is_well_says_so_in_each_part() {
    let mut health = ill();
    health.alarms.clear();
    health.status.jobs.clear();
    health.status.journals.clear();
    health.status.stops.clear();
    health.status.nodes[0].trouble = None;
    let visitor = Visitor::sample("olga", PersonRole::Operator);
    let page = shown(&health, &visitor).render().expect("draws");
    for part in [
        "Everything is well.",
        "No job is in trouble.",
        "last receipt was accepted",
        "No stop is in force",
    ] {
        assert!(page.contains(part), "{part}");
    }
}
