//! Attempts that only a signer's journal knows.

use bitcoin::hashes::Hash as _;
use bitcoin::{Amount, OutPoint, ScriptBuf, Txid};
use policies::journal::{Entry, ExportStatement, SignedTransaction, SpendMode};
use policies::{Intent, Journal, UnixTime};

use super::versions;
use super::world::{World, secret};
use crate::roles::fixture::{Kind, Vault};
use crate::service::journal_imports::{ImportJournal, ImportedJournal, import_journal};
use crate::service::renewals::{Renew, replace_attempt};
use crate::service::withdrawals::{cancel_withdrawal, show_withdrawal};
use crate::store::inputs;
use crate::store::withdrawals::WithdrawalKey;

fn key(world: &World) -> WithdrawalKey {
    key_of(world, "w-1")
}

fn key_of(world: &World, id: &str) -> WithdrawalKey {
    WithdrawalKey {
        vault: world.vault,
        requester: "exchange".parse().expect("a name"),
        id: id.parse().expect("an id"),
    }
}

/// The journal of the first signer, who signed a payment of the withdrawal with a coin.
pub(super) async fn exported(world: &World, txid: Txid, coin: OutPoint) -> String {
    exported_by(world, 0, &[(txid, coin, "w-1")]).await
}

/// The journal of a signer who signed payments of withdrawals, each with a coin.
async fn exported_by(world: &World, signer: usize, all: &[(Txid, OutPoint, &str)]) -> String {
    let secret = secret(&format!("journal {signer}"));
    let (mut journal, birth) =
        Journal::begin(world.vault, secret.public(), UnixTime::ZERO).expect("begins");
    let signed = |txid: Txid, coin: OutPoint, intent: Intent| SignedTransaction {
        txid,
        mode: SpendMode::Pay,
        inputs: vec![coin],
        ancestors: Vec::new(),
        intents: vec![intent],
        rules: vec!["small".to_owned()],
        replaced: Vec::new(),
        change_indexes: vec![0],
        fee: Amount::from_sat(1_000),
        at: world.service.now(),
        given: None,
    };
    let mut lines = birth.as_bytes().to_vec();
    for (txid, coin, id) in all {
        let shown = show_withdrawal(&world.service, &world.operator, &key_of(world, id)).await;
        let intent = Intent::decode(shown.expect("is there").intent.as_bytes());
        let signed = signed(*txid, *coin, intent.expect("an intent"));
        let line = journal.append(Entry::Signed(signed)).expect("appends");
        lines.extend_from_slice(line.as_bytes());
    }
    let bytes =
        ExportStatement::of(&journal, world.service.now()).export(&lines, &secret, world.vault);
    String::from_utf8(bytes).expect("text")
}

async fn import(world: &World, journal: String) -> ImportedJournal {
    let request = ImportJournal { journal };
    import_journal(&world.service, &world.operator, world.vault, &request)
        .await
        .expect("is taken in")
}

#[tokio::test]
async fn what_only_a_journal_knows_is_excluded_by_what_is_built_next() {
    // Whichever coin it spends: one of the two would not be chosen without it.
    for place in 0..2 {
        let world = World::funded(Kind::Wsh, 2, 1_000_000).await;
        world.submit("w-1", 500_000).await;
        let fundings = world.blocks.iter().flat_map(|block| &block.transactions);
        let coin = fundings
            .map(|funding| OutPoint::new(funding.compute_txid(), 0))
            .nth(place)
            .expect("a coin");
        let txid = Txid::from_byte_array([9; 32]);
        let journal = exported(&world, txid, coin).await;
        assert_eq!(import(&world, journal.clone()).await.learnt, [txid]);
        world.work().await;
        let again = import(&world, journal).await;
        assert_eq!((again.learnt.len(), again.known), (0, 1));
        let shown = show_withdrawal(&world.service, &world.operator, &key(&world)).await;
        assert_eq!(shown.expect("is there").txid, Some(txid));
        let wanted = Renew {
            feerate_sat_vb: Some("20".to_owned()),
            preview: false,
            ..Renew::default()
        };
        replace_attempt(&world.service, &world.operator, txid, &wanted)
            .await
            .expect("its place is taken");
        let shown = show_withdrawal(&world.service, &world.operator, &key(&world)).await;
        let anew = shown.expect("is there").txid.expect("an attempt");
        assert_ne!(anew, txid);
        let mut tx = world.read().await;
        let spent = inputs::of_attempt(&mut tx, anew).await.expect("reads");
        assert!(spent.iter().any(|(spent, _)| *spent == coin), "{place}");
    }
}

/// A vault of which one coin was spent by a payment that is settled; that coin, and the one that is left.
async fn with_a_spent_coin() -> (World, OutPoint, OutPoint) {
    let mut world = World::funded(Kind::Wsh, 2, 1_000_000).await;
    let (spent, left) = spend_one(&mut world).await;
    world.submit("w-1", 500_000).await;
    (world, spent, left)
}

async fn spend_one(world: &mut World) -> (OutPoint, OutPoint) {
    world.submit("w-0", 500_000).await;
    let spending = world.batch().await;
    let transaction = world.broadcast(spending).await;
    world.mine(vec![transaction]).await;
    for _ in 0..10 {
        world.mine(Vec::new()).await;
    }
    world.work().await;
    assert_eq!(world.show("w-0").await.state, "settled");
    let mut tx = world.read().await;
    let spent = inputs::of_attempt(&mut tx, spending).await.expect("reads");
    let spent = spent.first().expect("a coin").0;
    tx.rollback().await.expect("ends");
    let fundings = world.blocks.iter().flat_map(|block| &block.transactions);
    let mut coins = fundings.map(|funding| OutPoint::new(funding.compute_txid(), 0));
    let left = coins.find(|coin| *coin != spent && coin.txid != spending);
    (spent, left.expect("a coin"))
}

/// A quorum signed a transaction that this database forgot and the network may still get. One of its signers says that
/// it spends a coin which is gone.
#[tokio::test]
async fn a_lying_journal_that_names_a_spent_coin_fails_no_withdrawal() {
    let (world, spent, _) = with_a_spent_coin().await;
    let txid = Txid::from_byte_array([9; 32]);
    let lie = exported_by(&world, 2, &[(txid, spent, "w-1")]).await;
    assert_eq!(import(&world, lie).await.learnt, [txid]);
    world.work().await;
    assert_eq!(world.show("w-1").await.state, "signing");
    let cancelled = cancel_withdrawal(&world.service, &world.operator, &key(&world), "").await;
    assert_eq!(
        cancelled.expect_err("may be paid").code(),
        "not_cancellable"
    );
    // Who could pay together say the same: one of them is honest.
    let same = exported_by(&world, 0, &[(txid, spent, "w-1")]).await;
    assert_eq!(import(&world, same).await.known, 1);
    world.work().await;
    assert_eq!(world.show("w-1").await.state, "failed");
}

/// The watchtower has the payment in a block, and what it told of that waits, when a journal makes it known.
#[tokio::test]
async fn a_journal_that_is_taken_in_before_what_the_chain_told_holds_up_no_event() {
    let mut world = World::funded(Kind::Wsh, 2, 1_000_000).await;
    world.submit("w-1", 500_000).await;
    let shown = world.show("w-1").await;
    let intent = Intent::decode(shown.intent.as_bytes()).expect("an intent");
    let fundings = world.blocks.iter().flat_map(|block| &block.transactions);
    let coin = OutPoint::new(fundings.last().expect("a coin").compute_txid(), 0);
    let mut payment = world.payment_to(intent.script_pubkey, 500_000);
    payment.input[0].previous_output = coin;
    let txid = payment.compute_txid();
    for reorged in [true, false] {
        world.mine(vec![payment.clone()]).await;
        if reorged {
            world.unmine().await;
        }
    }
    let journal = exported(&world, txid, coin).await;
    assert_eq!(import(&world, journal).await.learnt, [txid]);
    world.work().await;
    assert_eq!(world.show("w-1").await.state, "confirmed");
    for _ in 0..10 {
        world.mine(Vec::new()).await;
    }
    world.work().await;
    assert_eq!(world.show("w-1").await.state, "settled");
}

/// What descends from it is no more certain, whoever tells of that.
#[tokio::test]
async fn what_descends_from_a_lie_fails_no_withdrawal() {
    let mut world = World::funded(Kind::Wsh, 2, 1_000_000).await;
    world.submit("w-0", 500_000).await;
    let spending = world.batch().await;
    let transaction = world.broadcast(spending).await;
    let spent = transaction.input[0].previous_output;
    world.submit("w-1", 500_000).await;
    world.submit("w-2", 300_000).await;
    let [parent, child] = [9, 8].map(|byte| Txid::from_byte_array([byte; 32]));
    let payments = [
        (parent, spent, "w-2"),
        (child, OutPoint::new(parent, 1), "w-1"),
    ];
    let told = import(&world, exported_by(&world, 2, &payments).await).await;
    assert_eq!(told.learnt.len(), 2, "{told:?}");
    import(&world, exported_by(&world, 0, &payments[1..]).await).await;
    world.mine(vec![transaction]).await;
    for _ in 0..10 {
        world.mine(Vec::new()).await;
    }
    world.work().await;
    let mut tx = world.read().await;
    for txid in [parent, child] {
        let row = crate::store::attempts::lookup(&mut tx, txid).await;
        assert_eq!(row.expect("reads").expect("is there").state.name(), "dead");
    }
    tx.rollback().await.expect("ends");
    assert_eq!(world.show("w-1").await.state, "signing");
}

#[tokio::test]
async fn a_journal_that_contradicts_another_in_one_attempt_still_tells_the_others() {
    let (world, spent, left) = with_a_spent_coin().await;
    let [one, two] = [9, 8].map(|byte| Txid::from_byte_array([byte; 32]));
    import(&world, exported_by(&world, 2, &[(one, spent, "w-1")]).await).await;
    let honest = exported_by(&world, 0, &[(one, left, "w-1"), (two, left, "w-1")]).await;
    let told = import(&world, honest).await;
    assert_eq!((told.contradicted, told.learnt), (vec![one], vec![two]));
    world.work().await;
    assert_eq!(world.show("w-1").await.txid, Some(two));
}

/// A signer whose journal was stolen got a new one under its name. The thief's word is not that one's.
#[tokio::test]
async fn a_former_journal_of_the_same_name_vouches_for_nothing() {
    let mut world = versions::world(Kind::Wsh, 2).await;
    let (spent, _) = spend_one(&mut world).await;
    let document = versions::next(&world, &Vault::from_seed(Kind::Wsh, 21), |draft| {
        for (number, signer) in draft.signers.iter_mut().enumerate() {
            let journal = secret(&format!("journal {}", number + 10));
            signer.journal = journal.public().to_string();
        }
    })
    .await;
    world.keyset = versions::change_to(&world, &document).await.keyset;
    let address = world.address().await.script_pubkey;
    let script = ScriptBuf::from_hex(&address).expect("a script");
    let deposit = world.payment_to(script, 1_000_000);
    world.mine(vec![deposit]).await;
    for _ in 0..10 {
        world.mine(Vec::new()).await;
    }
    world.work().await;
    world.submit("w-1", 500_000).await;
    let txid = Txid::from_byte_array([9; 32]);
    for signer in [12, 0] {
        let lie = exported_by(&world, signer, &[(txid, spent, "w-1")]).await;
        import(&world, lie).await;
        world.work().await;
        assert_eq!(world.show("w-1").await.state, "signing");
    }
    let same = exported_by(&world, 10, &[(txid, spent, "w-1")]).await;
    import(&world, same).await;
    world.work().await;
    assert_eq!(world.show("w-1").await.state, "failed");
}
