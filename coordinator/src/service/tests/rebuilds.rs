//! What papers and journals may do to books that are made anew, and what they may not.

use bitcoin::hashes::Hash as _;
use bitcoin::{Amount, OutPoint, Txid};
use policies::document::{Policy, PolicyDraft, WindowDraft};
use policies::journal::{Entry, ExportStatement, SignedTransaction, SpendMode};
use policies::{Intent, Journal, UnixTime};
use serde_json::json;

use super::world::{World, secret};
use crate::rebuilding::{Gathered, Line, read};
use crate::roles::fixture::Kind;
use crate::service::approvals::record_approvals;
use crate::service::rebuilds::{Rebuild, RebuiltVault, fill, finish};
use crate::store::{attempts, rebuildings, withdrawals};

async fn policy_of(world: &World) -> Policy {
    let mut tx = world.read().await;
    let (_, policy) = (world.service.vault(&mut tx, world.vault).await).expect("a vault");
    Policy::parse(&policy.bytes).expect("a policy")
}

/// The request as the service keeps it.
fn request(world: &World, intent: &Intent) -> Vec<u8> {
    serde_json::to_vec(&world.signed(intent)).expect("JSON")
}

/// The request as the API shows it in a state.
fn shown(world: &World, intent: &Intent, state: &str) -> Vec<u8> {
    let signed = world.signed(intent);
    let refusal = json!({ "purpose": "reject", "key": signed.key });
    let shown = json!({
        "intent": signed.intent,
        "request_key": signed.key,
        "request_signature": signed.signature,
        "state": state,
        "approvals": [refusal],
    });
    shown.to_string().into_bytes()
}

fn coin(world: &World, place: usize) -> OutPoint {
    let fundings = world.blocks.iter().flat_map(|block| &block.transactions);
    let mut coins = fundings.map(|funding| OutPoint::new(funding.compute_txid(), 0));
    coins.nth(place).expect("a coin")
}

fn paying(world: &World, txid: u8, coin: OutPoint, intent: &Intent, fee: u64) -> SignedTransaction {
    SignedTransaction {
        txid: Txid::from_byte_array([txid; 32]),
        mode: SpendMode::Pay,
        inputs: vec![coin],
        ancestors: Vec::new(),
        intents: vec![intent.clone()],
        rules: vec!["small".to_owned()],
        replaced: Vec::new(),
        change_indexes: vec![0],
        fee: Amount::from_sat(fee),
        at: world.service.now(),
        given: None,
    }
}

fn journal(world: &World, signer: usize, signed: &[SignedTransaction]) -> Vec<u8> {
    let secret = secret(&format!("journal {signer}"));
    let (mut journal, birth) =
        Journal::begin(world.vault, secret.public(), UnixTime::ZERO).expect("begins");
    let mut lines = birth.as_bytes().to_vec();
    for one in signed {
        let line = journal.append(Entry::Signed(one.clone())).expect("appends");
        lines.extend_from_slice(line.as_bytes());
    }
    ExportStatement::of(&journal, world.service.now()).export(&lines, &secret, world.vault)
}

/// Puts papers into the books of a world whose chain is known, as the last two steps of a rebuilding do.
async fn rebuilt(world: &World, papers: &[Vec<u8>], pay_open: bool, held: bool) -> RebuiltVault {
    let policy = policy_of(world).await;
    let mut gathered = Gathered::new(Line::of(policy).expect("a first version"));
    for bytes in papers {
        for paper in read(bytes).expect("reads") {
            gathered.take(paper).expect("is taken");
        }
    }
    let mut tx = world.write().await;
    tx.execute("DELETE FROM keychain_cursor", &[])
        .await
        .expect("forgets");
    tx.execute("DELETE FROM address", &[])
        .await
        .expect("forgets");
    let now = world.service.now();
    rebuildings::begin(&mut tx, [7; 32], now)
        .await
        .expect("begins");
    tx.commit().await.expect("commits");
    let rebuild = Rebuild {
        gathered: vec![gathered],
        sources: [7; 32],
        gap: 1_000,
        held: if held { vec![world.vault] } else { Vec::new() },
        pay_open,
    };
    fill(&world.service, &rebuild).await.expect("is put in");
    world.work().await;
    let vaults = finish(&world.service, &rebuild).await.expect("is finished");
    vaults.into_iter().next().expect("a vault")
}

fn windowed(draft: &mut PolicyDraft) {
    let small = draft.rules.first_mut().expect("a rule");
    small.window = Some(WindowDraft {
        sat: 5_000_000,
        per: "24h".to_owned(),
    });
}

#[tokio::test]
async fn what_nothing_pays_is_held_until_the_same_request_is_submitted_again() {
    let world = World::funded_on(Kind::Wsh, 2, 1_000_000, windowed).await;
    let intent = world.intent("w-1", 500_000);
    let told = rebuilt(&world, &[request(&world, &intent)], false, false).await;
    assert_eq!(told.held, ["exchange/w-1"]);
    // The window's rule is looked at again with each batch.
    let refused = world.try_batch().await.expect_err("nothing is to be paid");
    assert_eq!(refused.code(), "nothing_to_batch");
    assert_eq!(world.show("w-1").await.state, "requested");
    let (_, is_new) = world.try_submit(&intent).await.expect("is taken");
    assert!(!is_new);
    assert_eq!(world.show("w-1").await.state, "approved");
    world.batch().await;
}

#[tokio::test]
async fn an_approval_moves_nothing_that_is_held() {
    let world = World::funded(Kind::Wsh, 2, 4_000_000).await;
    let intent = world.intent("w-1", 5_000_000);
    let told = rebuilt(&world, &[request(&world, &intent)], false, false).await;
    assert_eq!(told.held, ["exchange/w-1"]);
    let approval = world.approval(&[intent.hash()], false);
    record_approvals(&world.service, &world.operator, world.vault, &approval)
        .await
        .expect("is taken");
    assert_eq!(world.show("w-1").await.state, "requested");
    world.try_submit(&intent).await.expect("is taken");
    assert_eq!(world.show("w-1").await.state, "approved");
}

#[tokio::test]
async fn what_nothing_pays_is_paid_where_the_operator_says_so() {
    let world = World::funded(Kind::Wsh, 2, 1_000_000).await;
    let intent = world.intent("w-1", 500_000);
    let told = rebuilt(&world, &[request(&world, &intent)], true, false).await;
    assert!(told.held.is_empty());
    assert_eq!(world.show("w-1").await.state, "approved");
    world.batch().await;
}

#[tokio::test]
async fn what_lost_journals_could_have_paid_is_held_in_any_case() {
    let world = World::funded_on(Kind::Wsh, 2, 1_000_000, windowed).await;
    let intent = world.intent("w-1", 500_000);
    let told = rebuilt(&world, &[request(&world, &intent)], true, true).await;
    assert_eq!(told.held, ["exchange/w-1"]);
    world.try_batch().await.expect_err("nothing is to be paid");
    assert_eq!(world.show("w-1").await.state, "requested");
}

#[tokio::test]
async fn what_was_over_comes_back_as_it_ended_and_is_never_paid() {
    for state in ["cancelled", "rejected", "expired"] {
        let world = World::funded(Kind::Wsh, 2, 1_000_000).await;
        let intent = world.intent("w-1", 500_000);
        // Whatever was kept before it ended.
        let papers = [request(&world, &intent), shown(&world, &intent, state)];
        let told = rebuilt(&world, &papers, true, false).await;
        assert!(told.held.is_empty());
        assert_eq!(world.show("w-1").await.state, state);
        world.try_submit(&intent).await.expect("is known");
        assert_eq!(world.show("w-1").await.state, state);
        world.try_batch().await.expect_err("nothing is to be paid");
    }
}

#[tokio::test]
async fn what_was_cancelled_after_one_signed_is_not_paid_anew() {
    let world = World::funded(Kind::Wsh, 2, 1_000_000).await;
    let intent = world.intent("w-1", 500_000);
    let signed = paying(&world, 9, coin(&world, 0), &intent, 1_000);
    let papers = [
        shown(&world, &intent, "cancelled"),
        journal(&world, 0, &[signed]),
    ];
    let told = rebuilt(&world, &papers, true, false).await;
    assert_eq!(told.without_request, ["exchange/w-1"]);
    assert_eq!(world.show("w-1").await.state, "signing");
}

/// Three lies: of a coin that nobody knows, of a fee above what its coin is worth, of a transaction in the chain.
#[tokio::test]
async fn a_journal_that_lies_about_coins_becomes_no_attempt() {
    let world = World::funded(Kind::Wsh, 2, 1_000_000).await;
    let intents: Vec<Intent> = ["w-1", "w-2", "w-3"]
        .iter()
        .map(|id| world.intent(id, 500_000))
        .collect();
    let [one, two, three] = intents.as_slice() else {
        panic!("three intents");
    };
    let nowhere = OutPoint::new(Txid::from_byte_array([5; 32]), 0);
    let mut known = paying(&world, 3, coin(&world, 0), three, 1_000);
    known.txid = coin(&world, 1).txid;
    let lies = [
        paying(&world, 1, nowhere, one, 1_000),
        paying(&world, 2, coin(&world, 0), two, 500_001),
        known.clone(),
    ];
    let mut papers = vec![journal(&world, 0, &lies)];
    papers.extend([one, two].map(|intent| request(&world, intent)));
    let told = rebuilt(&world, &papers, true, false).await;
    assert_eq!(told.doubted.len(), 3, "{told:?}");
    let mut tx = world.read().await;
    for lie in &lies {
        let found = attempts::lookup(&mut tx, lie.txid).await.expect("reads");
        assert_eq!(found, None, "{}", lie.txid);
    }
    let all = withdrawals::list(&mut tx, world.vault, None, 10)
        .await
        .expect("reads");
    let states: Vec<&str> = all.iter().map(|row| row.state.name()).collect();
    // What only the liar knows is no withdrawal; what it says was paid is held.
    assert_eq!(states, ["requested", "requested"]);
    assert_eq!(told.held.len(), 2);
}

#[tokio::test]
async fn what_spends_the_change_of_what_a_journal_holds_is_believed() {
    let world = World::funded(Kind::Wsh, 1, 1_000_000).await;
    let (one, two) = (world.intent("w-1", 300_000), world.intent("w-2", 300_000));
    let parent = paying(&world, 1, coin(&world, 0), &one, 1_000);
    let change = OutPoint::new(parent.txid, 1);
    let child = paying(&world, 2, change, &two, 1_000);
    let dear = paying(&world, 3, change, &two, 500_000);
    // Whichever journal comes first in the order.
    let papers = [
        journal(&world, 0, &[child.clone(), dear.clone()]),
        journal(&world, 1, &[parent]),
    ];
    let told = rebuilt(&world, &papers, false, false).await;
    let doubted: Vec<Txid> = told.doubted.iter().map(|one| one.txid).collect();
    assert_eq!(doubted, [dear.txid]);
    assert_eq!(world.show("w-2").await.txid, Some(child.txid));
}
