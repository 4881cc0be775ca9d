//! Attempts that only a signer's journal knows.

use bitcoin::hashes::Hash as _;
use bitcoin::{Amount, OutPoint, Txid};
use policies::journal::{Entry, ExportStatement, SignedTransaction, SpendMode};
use policies::{Intent, Journal, UnixTime};

use super::world::{World, secret};
use crate::roles::fixture::Kind;
use crate::service::journal_imports::{ImportJournal, ImportedJournal, import_journal};
use crate::service::renewals::{Renew, replace_attempt};
use crate::service::withdrawals::show_withdrawal;
use crate::store::inputs;
use crate::store::withdrawals::WithdrawalKey;

fn key(world: &World) -> WithdrawalKey {
    WithdrawalKey {
        vault: world.vault,
        requester: "exchange".parse().expect("a name"),
        id: "w-1".parse().expect("an id"),
    }
}

/// The journal of the first signer, who signed a payment of the withdrawal with a coin.
pub(super) async fn exported(world: &World, txid: Txid, coin: OutPoint) -> String {
    let shown = show_withdrawal(&world.service, &world.operator, &key(world)).await;
    let intent = Intent::decode(shown.expect("is there").intent.as_bytes()).expect("an intent");
    let secret = secret("journal 0");
    let (mut journal, birth) =
        Journal::begin(world.vault, secret.public(), UnixTime::ZERO).expect("begins");
    let signed = SignedTransaction {
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
    let line = journal.append(Entry::Signed(signed)).expect("appends");
    let lines = [birth.as_bytes(), line.as_bytes()].concat();
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
        };
        replace_attempt(&world.service, &world.operator, txid, &wanted)
            .await
            .expect("its place is taken");
        let shown = show_withdrawal(&world.service, &world.operator, &key(&world)).await;
        let anew = shown.expect("is there").txid.expect("an attempt");
        assert_ne!(anew, txid);
        let mut tx = world.service.database().begin_read().await.expect("begins");
        let spent = inputs::of_attempt(&mut tx, anew).await.expect("reads");
        assert!(spent.iter().any(|(spent, _)| *spent == coin), "{place}");
    }
}
