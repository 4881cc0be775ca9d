//! Rebuilding without a node: what is open is decided as far as papers are signed, and no further.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use bitcoin::Address;
use policies::document::Policy;
use policies::{Keychain, VaultId};
use serde::Serialize;
use serde_json::{Value, json};

use super::world::{NOW, World, document, empty};
use crate::rebuilding::{Gathered, Line, read};
use crate::roles::fixture::Kind;
use crate::service::addresses::list_addresses;
use crate::service::rebuilds::{Rebuild, RebuiltVault, begin, expect_finished, fill, finish};
use crate::service::{Service, ServiceError};
use crate::store::approvals;

/// How many addresses in a row may have been given out and never paid.
const GAP: u32 = 20;

fn written(paper: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(paper).expect("JSON")
}

fn policy(world: &World) -> Policy {
    let document = document(&world.keys, &world.requester, &world.approver);
    Policy::parse(document.as_bytes()).expect("a policy")
}

fn line(policy: &Policy) -> Line {
    Line::of(policy.clone()).expect("a first version")
}

/// One that is allowed at once, one that was approved, and one that was rejected.
fn gathered(world: &World, policy: &Policy) -> Gathered {
    let (free, approved) = (world.intent("w-1", 500_000), world.intent("w-2", 5_000_000));
    let rejected = world.intent("w-3", 500_001);
    let papers = [
        written(&world.signed(&free)),
        written(&world.signed(&approved)),
        written(&world.signed(&rejected)),
        written(&world.approval(&[approved.hash()], false)),
        written(&world.approval(&[rejected.hash()], true)),
    ];
    let mut gathered = Gathered::new(line(policy));
    for paper in papers.iter().flat_map(|bytes| read(bytes).expect("reads")) {
        gathered.take(paper).expect("is taken");
    }
    gathered
}

fn rebuild(world: &World, policy: &Policy, held: Vec<VaultId>) -> Rebuild {
    Rebuild {
        pay_open: true,
        gathered: vec![gathered(world, policy)],
        sources: [1; 32],
        gap: GAP,
        held,
    }
}

async fn rebuilt(service: &Service, rebuild: &Rebuild) -> RebuiltVault {
    begin(service, rebuild).await.expect("begins");
    fill(service, rebuild).await.expect("fills");
    let mut vaults = finish(service, rebuild).await.expect("finishes");
    vaults.pop().expect("a vault")
}

fn code<T>(answer: Result<T, ServiceError>) -> &'static str {
    answer.err().map_or("", |error| error.code())
}

#[tokio::test]
async fn what_is_open_is_decided_as_far_as_papers_say_and_no_index_is_given_out_again() {
    let world = World::new(Kind::Wsh).await;
    let policy = policy(&world);
    let (_folder, service) = empty(&Arc::new(AtomicU64::new(NOW))).await;
    let vault = rebuilt(&service, &rebuild(&world, &policy, Vec::new())).await;
    let states: Vec<(&str, usize)> = (vault.withdrawals.iter())
        .map(|(state, count)| (state.as_str(), *count))
        .collect();
    assert_eq!(states, [("approved", 2), ("rejected", 1)]);
    assert!(vault.held.is_empty());
    assert_eq!(vault.next_address, GAP + 1);
}

#[tokio::test]
async fn what_lost_journals_could_have_paid_waits_for_a_human_with_its_approvals_left_out() {
    let world = World::new(Kind::Wsh).await;
    let policy = policy(&world);
    let (_folder, service) = empty(&Arc::new(AtomicU64::new(NOW))).await;
    let mut vault = rebuilt(&service, &rebuild(&world, &policy, vec![policy.vault])).await;
    assert_eq!(vault.withdrawals.get("requested"), Some(&2));
    vault.held.sort();
    assert_eq!(vault.held, ["exchange/w-1", "exchange/w-2"]);
    let mut tx = service.database().begin_read().await.expect("begins");
    let approved = world.intent("w-2", 5_000_000).hash();
    let stored = approvals::of_intent(&mut tx, approved).await;
    assert!(stored.expect("reads").is_empty());
}

#[tokio::test]
async fn nothing_is_rebuilt_over_other_books_nor_served_before_it_is_finished() {
    let world = World::new(Kind::Wsh).await;
    let policy = policy(&world);
    let plan = rebuild(&world, &policy, Vec::new());
    assert_eq!(
        code(begin(&world.service, &plan).await),
        "rebuild_not_empty"
    );
    let (_folder, service) = empty(&Arc::new(AtomicU64::new(NOW))).await;
    begin(&service, &plan).await.expect("begins");
    let other = Rebuild {
        sources: [2; 32],
        ..rebuild(&world, &policy, Vec::new())
    };
    assert_eq!(code(begin(&service, &other).await), "rebuild_other_sources");
    assert_eq!(code(expect_finished(&service).await), "rebuild_unfinished");
    rebuilt(&service, &plan).await;
    expect_finished(&service).await.expect("is served");
    assert_eq!(code(begin(&service, &plan).await), "rebuild_done");
}

#[tokio::test]
async fn a_verdict_and_an_address_are_believed_only_as_they_were_given() {
    let world = World::new(Kind::Wsh).await;
    let policy = policy(&world);
    let intent = world.intent("w-2", 5_000_000);
    let verdict = json!(world.approval(&[intent.hash()], false));
    let address = json!(world.address().await);
    let altered = |paper: &Value, place: &str, by: Value| {
        let mut paper = paper.clone();
        *paper.pointer_mut(place).expect("is there") = by;
        let mut gathered = Gathered::new(line(&policy));
        let mut papers = read(&written(&paper)).expect("reads").into_iter();
        let taken = gathered.take(papers.next().expect("a paper"));
        taken.err().map_or("", |mistake| mistake.code())
    };
    assert_eq!(altered(&verdict, "/purpose", json!("approve")), "");
    assert_eq!(altered(&address, "/index", address["index"].clone()), "");
    let reject = altered(&verdict, "/purpose", json!("reject"));
    assert_eq!(reject, "paper_not_signed");
    let other = json!(world.intent("w-9", 5_000_000).hash());
    let of_another = altered(&verdict, "/intents/0/intent", other);
    assert_eq!(of_another, "paper_not_signed");
    assert_eq!(altered(&address, "/index", json!(7)), "paper_wrong_address");
}

#[tokio::test]
async fn an_address_beyond_the_gap_is_told_and_not_listed() {
    let world = World::new(Kind::Wsh).await;
    let policy = policy(&world);
    let mut plan = rebuild(&world, &policy, Vec::new());
    let shown = json!(world.address().await);
    for index in [GAP, GAP + 1] {
        let script = policy.descriptor.script_pubkey(Keychain::External, index);
        let address = Address::from_script(&script, policy.network).expect("an address");
        let mut paper = shown.clone();
        paper["index"] = json!(index);
        paper["address"] = json!(address.to_string());
        let paper = read(&written(&paper)).expect("reads").pop();
        let gathered = plan.gathered.first_mut().expect("a vault");
        gathered.take(paper.expect("a paper")).expect("is taken");
    }
    let (_folder, service) = empty(&Arc::new(AtomicU64::new(NOW))).await;
    let vault = rebuilt(&service, &plan).await;
    assert_eq!(vault.addresses_doubted, [GAP + 1]);
    let listed = list_addresses(&service, &world.operator, world.vault, None).await;
    let listed: Vec<u32> = listed.expect("lists").iter().map(|one| one.index).collect();
    assert_eq!(listed, [GAP]);
}
