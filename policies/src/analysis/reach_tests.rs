//! When a revocation is announced, and when it is in force.

use super::*;
use crate::descriptor::ScriptKind;
use crate::document::samples::policy;
use crate::report;

/// 2-of-3 of alice, bob and machine; the vault key alone once coins are old.
fn reached(by: &[&str]) -> Reach {
    let acknowledged = by.iter().map(|name| (*name).to_owned()).collect();
    reach(&policy(ScriptKind::Wsh), &acknowledged)
}

fn once(force: &Force) -> Vec<String> {
    match force {
        Force::InForce => vec!["in force".to_owned()],
        Force::Announced { once } => {
            let sets = once.as_ref().expect("few sets");
            sets.iter().map(|set| set.join("+")).collect()
        }
    }
}

#[test]
fn a_revocation_is_announced_until_no_path_goes_without_those_who_acknowledged() {
    let nobody = reached(&[]);
    assert_eq!(
        once(&nobody.payments),
        ["alice+bob", "alice+machine", "bob+machine"]
    );
    assert_eq!(nobody.waits_for.len(), 4);
    let one = reached(&["alice"]);
    assert_eq!(once(&one.payments), ["bob", "machine"]);
    assert_eq!(
        once(&one.everything),
        ["bob+vault-key", "machine+vault-key"]
    );
    assert!(!one.payments.is_in_force());
    // Two of three: every two signers have one of them.
    let two = reached(&["alice", "machine"]);
    assert!(two.payments.is_in_force());
    assert_eq!(once(&two.everything), ["vault-key"]);
    assert_eq!(two.waits_for, ["bob", "vault-key"]);
    let all = reached(&["alice", "machine", "vault-key"]);
    assert!(all.payments.is_in_force() && all.everything.is_in_force());
}

#[test]
fn who_holds_only_the_recovery_key_stops_no_payment() {
    let vault_key = reached(&["vault-key"]);
    assert_eq!(
        once(&vault_key.payments),
        ["alice+bob", "alice+machine", "bob+machine"]
    );
    assert_eq!(once(&vault_key.payments), once(&vault_key.everything));
    // Strangers stop nothing.
    let strangers = reached(&["mallory", "mallet"]);
    assert_eq!(strangers, reached(&[]));
}

#[test]
fn the_words_say_announced_and_in_force_in_eighty_columns() {
    let text = report::reach(&reached(&["alice"]));
    assert!(text.contains("ANNOUNCED"), "{text}");
    assert!(text.contains("bob; or machine"), "{text}");
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
    let text = report::reach(&reached(&["alice", "bob"]));
    assert!(text.contains("IN FORCE for payments"), "{text}");
    let text = report::reach(&reached(&["alice", "bob", "vault-key"]));
    assert!(text.contains("IN FORCE for everything"), "{text}");
    let json = report::reach_json(&reached(&["alice", "bob"]));
    assert_eq!(json["payments"]["state"], "in force");
    assert_eq!(json["everything"]["once"][0][0], "vault-key");
}
