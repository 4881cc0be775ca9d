//! Who stops, who releases, and when a go counts.

use super::*;
use crate::descriptor::ScriptKind;
use crate::document::samples::quorum;
use crate::document::{GoDraft, StopDraft};
use crate::intent::{Go, SecretKey, StatementNonce, Stop};
use crate::journal::Seen;
use crate::review::world::{NOW, World, secret};

fn world() -> World {
    World::with(ScriptKind::Wsh, |draft| {
        draft.stop = Some(StopDraft {
            release: quorum(Some("board"), 2),
        });
        draft.go = Some(GoDraft {
            approvals: quorum(Some("ops"), 1),
            within: "12h".to_owned(),
        });
    })
}

fn stop() -> Statement {
    Statement::Stop(Stop {
        created: NOW,
        nonce: StatementNonce::from_bytes([1; 16]),
        reason: "a laptop was stolen".to_owned(),
    })
}

fn signed(policy: &Policy, statement: &Statement, by: &SecretKey, expires: UnixTime) -> Approval {
    let (purpose, subject) = (statement.purpose(), statement.subject());
    Approval::sign(by, purpose, policy.vault, subject, expires)
}

const HOUR: u64 = 3_600;

#[test]
fn any_one_pinned_approver_stops_and_a_stranger_does_not() {
    let policy = world().policy;
    let stop = stop();
    for person in ["dana", "erin"] {
        let by = signed(&policy, &stop, &secret(person), UnixTime::ZERO);
        assert!(heard(&policy, &stop, &[by], NOW).is_some(), "{person}");
    }
    let stranger = SecretKey::from_bytes(&[0x77; 32]);
    let by = signed(&policy, &stop, &stranger, UnixTime::ZERO);
    assert_eq!(heard(&policy, &stop, &[by], NOW), None);
    assert_eq!(heard(&policy, &stop, &[], NOW), None);
}

#[test]
fn a_pinned_journal_stops_but_neither_releases_nor_says_go() {
    let mut policy = world().policy;
    let journal = SecretKey::from_bytes(&[0x55; 32]);
    policy.signers[0].journal = journal.public();
    let stop = stop();
    let by = signed(&policy, &stop, &journal, UnixTime::ZERO);
    let found = heard(&policy, &stop, std::slice::from_ref(&by), NOW).expect("counts");
    assert_eq!(found.by, [journal.public().id()]);
    let (counted, _) = stopping(&policy, &stop, &[by], NOW).expect("may be said");
    let name = format!("journal of {}", policy.signers[0].name);
    assert_eq!(counted.approved_by, [name]);
    let release = Statement::Release {
        stop: stop.subject(),
    };
    let by = signed(&policy, &release, &journal, NOW.saturating_add(HOUR));
    policy.release = None;
    policy.change.as_mut().expect("a quorum").approvals.count = 1;
    policy.change.as_mut().expect("a quorum").approvals.group = None;
    assert_eq!(heard(&policy, &release, &[by], NOW), None);
    let another = SecretKey::from_bytes(&[0x56; 32]);
    let by = signed(&policy, &stop, &another, UnixTime::ZERO);
    assert_eq!(
        heard(&policy, &stop, &[by], NOW),
        None,
        "moved to, not pinned"
    );
}

#[test]
fn a_stop_with_an_end_or_of_another_vault_does_not_count() {
    let world = world();
    let mut policy = world.policy;
    let stop = stop();
    let ends = signed(&policy, &stop, &secret("dana"), NOW.saturating_add(HOUR));
    assert_eq!(heard(&policy, &stop, &[ends], NOW), None);
    let by = signed(&policy, &stop, &secret("dana"), UnixTime::ZERO);
    policy.vault = crate::VaultId::from_bytes([9; 32]);
    assert_eq!(heard(&policy, &stop, &[by], NOW), None);
}

#[test]
fn a_release_takes_the_quorum_for_this_very_stop_unexpired() {
    let policy = world().policy;
    let release = Statement::Release {
        stop: stop().subject(),
    };
    let other = Statement::Release {
        stop: crate::Subject::from_bytes([8; 32]),
    };
    let until = NOW.saturating_add(HOUR);
    let by =
        |statement: &Statement, who: &str, until| signed(&policy, statement, &secret(who), until);
    let board: Vec<&str> = (policy.approvers.iter())
        .filter(|one| one.groups.iter().any(|group| group == "board"))
        .map(|one| one.name.as_str())
        .collect();
    let [first, second, ..] = board.as_slice() else {
        panic!("two of board");
    };
    let both = [by(&release, first, until), by(&release, second, until)];
    assert!(heard(&policy, &release, &both, NOW).is_some());
    assert_eq!(heard(&policy, &release, &both, until), None, "expired");
    assert_eq!(
        heard(&policy, &release, &both[..1], NOW),
        None,
        "one person"
    );
    assert_eq!(heard(&policy, &other, &both, NOW), None, "another stop");
    let mixed = [by(&release, first, until), by(&other, second, until)];
    assert_eq!(heard(&policy, &release, &mixed, NOW), None);
}

#[test]
fn where_the_policy_names_nobody_nobody_releases() {
    let mut policy = world().policy;
    policy.release = None;
    assert_eq!(
        policy.release_quorum(),
        policy.change.as_ref().map(|change| &change.approvals)
    );
    policy.change = None;
    assert_eq!(policy.release_quorum(), None);
    let release = Statement::Release {
        stop: stop().subject(),
    };
    assert_eq!(stopping(&policy, &release, &[], NOW), None);
}

#[test]
fn a_go_counts_for_its_time_not_from_the_future_and_not_from_before_a_stop() {
    let mut policy = world().policy;
    let said = |created: UnixTime, who: &str| {
        let statement = Statement::Go(Go {
            created,
            nonce: StatementNonce::from_bytes([2; 16]),
        });
        let until = NOW.saturating_add(1_000 * HOUR);
        let approvals = vec![signed(&policy, &statement, &secret(who), until)];
        Said {
            statement,
            approvals,
        }
    };
    let code = |said: &[Said], history: &History, now| {
        may_go(&policy, said, history, now)
            .err()
            .map(|refusal| refusal.code())
    };
    let none = History::none();
    let skew = policy.limits.clock_skew;
    let good = said(NOW, "dana");
    assert_eq!(code(&[], &none, NOW), Some("GO_MISSING"));
    assert_eq!(code(std::slice::from_ref(&good), &none, NOW), None);
    let last = NOW.saturating_add(12 * HOUR - 1);
    assert_eq!(code(std::slice::from_ref(&good), &none, last), None);
    let over = NOW.saturating_add(12 * HOUR);
    assert_eq!(
        code(std::slice::from_ref(&good), &none, over),
        Some("GO_TOO_OLD")
    );
    let early = said(NOW.saturating_add(skew), "dana");
    assert_eq!(code(&[early], &none, NOW), None);
    let future = said(NOW.saturating_add(skew + 1), "dana");
    assert_eq!(
        code(std::slice::from_ref(&future), &none, NOW),
        Some("GO_MISSING")
    );
    assert_eq!(code(&[future, good.clone()], &none, NOW), None);
    let mut stopped = History::none();
    let Statement::Stop(halt) = stop() else {
        panic!("a stop");
    };
    stopped.see(&Seen::stop(&halt, crate::KeyId::from_bytes([3; 32]), NOW));
    assert_eq!(
        code(std::slice::from_ref(&good), &stopped, NOW),
        Some("GO_TOO_OLD")
    );
    // A clock ahead by the skew may have said it before the stop.
    let before = said(NOW.saturating_add(skew), "dana");
    let later = NOW.saturating_add(skew);
    assert_eq!(code(&[before], &stopped, later), Some("GO_TOO_OLD"));
    let after = said(NOW.saturating_add(skew + 1), "dana");
    assert_eq!(code(&[after], &stopped, later), None);
    policy.go = None;
    assert_eq!(may_go(&policy, &[], &none, NOW), Ok(()));
}
