//! The agenda as the database has it: who is asked for what, and what moves by itself.

use std::collections::BTreeSet;

use bitcoin::FeeRate;
use policies::document::{ApprovalsDraft, ApproverDraft, PinnedKeyDraft, PolicyDraft, StopDraft};
use policies::intent::{StatementNonce, Stop};
use policies::{Statement, UnixTime};
use watchtower::store::fees::{self, FeeEstimate};

use super::stops::{sign, store};
use super::world::{BY_HAND, World, rule, secret};
use crate::roles::fixture::Kind;
use crate::service::agenda::{
    AgendaKind, AgendaLine, Viewer, agenda, of_attempt, of_stop, of_withdrawal,
};
use crate::service::approvals::record_approvals;
use crate::service::signers::{MarkSigner, SignerMark, mark_signer};
use crate::service::{Actor, BatchSettings, Role};
use crate::store::attempts;
use crate::store::withdrawals::WithdrawalKey;

/// Dana, erin and frank may approve what is large; frank stands behind the requests.
fn with_three_of_ops(draft: &mut PolicyDraft) {
    draft.rules[1] = rule("large", 100_000_000, Some("ops"), 1);
    for name in ["erin", "frank"] {
        draft.approvers.push(ApproverDraft {
            name: name.to_owned(),
            person: name.to_owned(),
            groups: vec!["ops".to_owned()],
            keys: vec![PinnedKeyDraft::own(&secret(name).public())],
        });
    }
    draft.requesters[0].person = Some("frank".to_owned());
    draft.stop = Some(StopDraft {
        release: ApprovalsDraft {
            group: Some("ops".to_owned()),
            count: 1,
            page: None,
        },
    });
}

async fn world() -> World {
    let world = World::funded_on(Kind::Wsh, 3, 2_000_000, with_three_of_ops).await;
    let estimate = FeeEstimate {
        target: 6,
        feerate: FeeRate::from_sat_per_vb_u32(2),
        height: 103,
        at: world.service.now(),
    };
    let mut tx = world.write().await;
    fees::replace(&mut tx, &[estimate]).await.expect("stores");
    tx.commit().await.expect("commits");
    world
}

async fn seen_by(world: &World, person: &str, absent: &[&str]) -> Vec<AgendaLine> {
    let absent: BTreeSet<String> = absent.iter().map(|name| (*name).to_owned()).collect();
    let actor = Actor {
        name: person.to_owned(),
        role: Role::Auditor,
        vault: None,
    };
    let viewer = Viewer {
        actor: &actor,
        person,
        absent: &absent,
    };
    let lines = agenda(&world.service, &viewer, Vec::new()).await;
    lines.expect("an agenda")
}

async fn only(world: &World, person: &str, absent: &[&str]) -> AgendaLine {
    let [line]: [AgendaLine; 1] = (seen_by(world, person, absent).await)
        .try_into()
        .expect("one line");
    line
}

fn key(world: &World, id: &str) -> WithdrawalKey {
    WithdrawalKey {
        vault: world.vault,
        requester: "exchange".parse().expect("a name"),
        id: id.parse().expect("an id"),
    }
}

#[tokio::test]
async fn a_large_withdrawal_waits_for_those_who_may_approve_it_and_never_for_its_requester() {
    let world = world().await;
    let view = world.submit("w-1", 1_500_000).await;
    let line = only(&world, "dana", &[]).await;
    assert!(line.mine);
    assert_eq!(line.what, "Waits for 1 approval: dana or erin.");
    assert_eq!(line.others, ["erin"]);
    let franks = only(&world, "frank", &["erin"]).await;
    assert!(!franks.mine, "the requester's person never counts");
    assert_eq!(franks.on, ["dana"]);
    assert_eq!(franks.others, ["erin"]);
    let hash = view.intent_hash;
    let approval = world.approval(&[hash], false);
    let (service, operator) = (&world.service, &world.operator);
    record_approvals(service, operator, world.vault, &approval)
        .await
        .expect("counts");
    // Approved: nobody's turn but the operator's, who makes batches by hand here.
    let line = only(&world, "dana", &[]).await;
    assert_eq!(line.kind, AgendaKind::Queue);
    assert_eq!(
        (line.mine, line.on),
        (false, vec!["an operator".to_owned()])
    );
    let absent = BTreeSet::new();
    let viewer = Viewer {
        actor: operator,
        person: "olga",
        absent: &absent,
    };
    let line = of_withdrawal(service, &viewer, &key(&world, "w-1")).await;
    let line = line.expect("reads").expect("waits");
    assert_eq!(line.what, "Waits for the next batch.");
    assert!(line.mine);
}

#[tokio::test]
async fn an_attempt_names_the_signers_who_still_could_complete_it() {
    let world = world().await;
    world.submit("w-1", 500_000).await;
    let txid = world.batch().await;
    let line = only(&world, "olga", &[]).await;
    assert_eq!(line.kind, AgendaKind::Signatures);
    assert_eq!(
        line.what,
        "Waits for 2 more signatures: any 2 of alice, bob and carol."
    );
    world.sign(0, txid).await;
    let bobs = only(&world, "bob", &[]).await;
    assert!(bobs.mine);
    let others = only(&world, "olga", &[]).await;
    assert_eq!(
        others.todo,
        "Ask bob or carol: either signature completes it."
    );
    let gone = MarkSigner {
        mark: SignerMark::Lost,
        reason: String::new(),
    };
    let (service, operator) = (&world.service, &world.operator);
    mark_signer(service, operator, world.vault, "bob", &gone)
        .await
        .expect("marks");
    let line = only(&world, "olga", &["carol"]).await;
    assert_eq!(line.on, ["carol"]);
    assert!(
        line.what
            .ends_with("bob is lost or stolen. carol is away. Nobody who is here can complete it."),
        "{}",
        line.what
    );
    // The withdrawal shows the line of the attempt that pays it.
    let absent = BTreeSet::new();
    let viewer = Viewer {
        actor: operator,
        person: "olga",
        absent: &absent,
    };
    let of_withdrawal = of_withdrawal(service, &viewer, &key(&world, "w-1")).await;
    let of_attempt = of_attempt(service, &viewer, txid).await.expect("reads");
    assert_eq!(of_withdrawal.expect("reads"), of_attempt);
}

#[tokio::test]
async fn what_is_on_its_way_asks_nobody_until_it_is_stuck() {
    let world = world().await;
    world.submit("w-1", 500_000).await;
    let txid = world.batch().await;
    world.broadcast(txid).await;
    assert_eq!(seen_by(&world, "olga", &[]).await, []);
    let absent = BTreeSet::new();
    let viewer = Viewer {
        actor: &world.operator,
        person: "olga",
        absent: &absent,
    };
    let line = of_attempt(&world.service, &viewer, txid).await;
    let line = line.expect("reads").expect("a line");
    assert!(line.is_by_itself(), "{line:?}");
    world.pass(7 * 3_600);
    let line = only(&world, "olga", &[]).await;
    assert_eq!(
        (line.kind, line.on),
        (AgendaKind::Broadcast, vec!["an operator".to_owned()])
    );
}

#[tokio::test]
async fn a_stop_waits_for_its_release_and_holds_the_queue() {
    let mut world = world().await;
    world.set(BatchSettings {
        count: Some(10),
        ..BY_HAND
    });
    world.submit("w-1", 500_000).await;
    let stop = Statement::Stop(Stop {
        created: UnixTime::from_secs(super::world::NOW),
        nonce: StatementNonce::from_bytes([1; 16]),
        reason: "stolen laptop".to_owned(),
    });
    store(&world, &stop).await.expect("stored");
    sign(&world, &stop, &secret("journal 1"), UnixTime::ZERO)
        .await
        .expect("counts");
    let lines = seen_by(&world, "dana", &[]).await;
    let kinds: Vec<AgendaKind> = lines.iter().map(|line| line.kind).collect();
    assert_eq!(kinds, [AgendaKind::Stop, AgendaKind::Queue]);
    assert!(lines[0].mine);
    assert!(lines[0].what.contains("stolen laptop"), "{}", lines[0].what);
    assert_eq!(lines[1].what, "Waits until the stop is released.");
    let absent = BTreeSet::new();
    let viewer = Viewer {
        actor: &world.operator,
        person: "dana",
        absent: &absent,
    };
    let line = of_stop(&world.service, &viewer, world.vault, stop.subject()).await;
    assert_eq!(line.expect("reads").as_ref(), lines.first());
}

#[tokio::test]
async fn those_of_a_queue_that_wait_for_the_same_are_one_line() {
    let world = world().await;
    for number in 0..4 {
        world.submit(&format!("w-{number}"), 900_000).await;
    }
    let line = only(&world, "olga", &[]).await;
    assert_eq!(line.title, "4 approved withdrawals");
    assert_eq!(line.amount.map(bitcoin::Amount::to_sat), Some(3_600_000));
    assert_eq!(line.what, "They wait for the next batch.");
}

#[tokio::test]
async fn a_person_of_one_vault_sees_that_vault_alone() {
    let world = world().await;
    world.submit("w-1", 1_500_000).await;
    let actor = Actor {
        name: "dana".to_owned(),
        role: Role::Signer,
        vault: Some(policies::VaultId::from_bytes([9; 32])),
    };
    let absent = BTreeSet::new();
    let viewer = Viewer {
        actor: &actor,
        person: "dana",
        absent: &absent,
    };
    let lines = agenda(&world.service, &viewer, Vec::new()).await;
    assert_eq!(lines.expect("an agenda"), []);
    let line = of_withdrawal(&world.service, &viewer, &key(&world, "w-1")).await;
    assert_eq!(line.expect_err("is told nothing").code(), "unknown_vault");
}

#[tokio::test]
async fn of_very_many_attempts_the_oldest_are_read() {
    let world = World::funded(Kind::Wsh, 2, 5_000_000).await;
    world.submit("w-1", 400_000).await;
    let first = world.batch().await;
    world.pass(60);
    world.submit("w-2", 500_000).await;
    let second = world.batch().await;
    let mut tx = world.read().await;
    for (most, expected) in [(0, &[][..]), (1, &[first]), (2, &[first, second])] {
        let rows = attempts::unsettled(&mut tx, world.vault, most)
            .await
            .expect("reads");
        let read: Vec<_> = rows.iter().map(|row| row.txid).collect();
        assert_eq!(read, expected);
    }
}
