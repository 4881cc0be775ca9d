//! Receipts at intake: what is kept, and what spoils the signatures that came with it.

use bitcoin::hashes::Hash as _;
use bitcoin::hex::DisplayHex as _;
use bitcoin::psbt::raw::ProprietaryKey;
use bitcoin::{OutPoint, Psbt, Txid};
use policies::UnixTime;
use policies::ids::JournalHead;
use policies::journal::{MoveStatement, ReceiptBody};
use policies::psbt::read_strict;

use super::remembering::exported;
use super::versions;
use super::world::{World, secret};
use crate::roles::fixture::{Kind, Vault};
use crate::service::attempts::submit_signatures;
use crate::service::journal_imports::{ImportJournal, import_journal};
use crate::service::journals::{SubmitMove, list_journals, signer_of_journal, submit_move};
use crate::store::attempts;

#[tokio::test]
async fn receipts_of_pinned_journals_are_kept_and_a_flood_of_them_is_not() {
    let world = World::funded(Kind::Wsh, 1, 1_000_000).await;
    world.submit("w-1", 500_000).await;
    let txid = world.batch().await;
    let mut psbt = world.signatures_of(0, txid).await;
    for number in 0..40 {
        add_receipt(&world, txid, &mut psbt, "journal 0", number).await;
    }
    assert_eq!(world.hand_in(txid, &psbt).await.receipts, 16);
    // The same again is known, and harmless.
    assert_eq!(world.hand_in(txid, &psbt).await.receipts, 16);
}

#[tokio::test]
async fn a_foreign_receipt_spoils_what_came_with_it() {
    let world = World::funded(Kind::Wsh, 1, 1_000_000).await;
    world.submit("w-1", 500_000).await;
    let txid = world.batch().await;
    let mut psbt = world.signatures_of(0, txid).await;
    add_receipt(&world, txid, &mut psbt, "journal 0", 0).await;
    add_receipt(&world, txid, &mut psbt, "stranger", 1).await;
    let (service, operator) = (&world.service, &world.operator);
    for _ in 0..2 {
        let refused = submit_signatures(service, operator, txid, &psbt.serialize()).await;
        assert_eq!(refused.expect_err("is refused").code(), "journal_foreign");
    }
    let mut tx = service.database().begin_read().await.expect("begins");
    let stored = attempts::signatures(&mut tx, txid).await.expect("reads");
    assert!(stored.is_empty(), "no signature that came with it is taken");
    let receipts = attempts::receipts(&mut tx, txid).await.expect("reads");
    assert!(receipts.is_empty(), "nor a receipt");
}

/// Puts a receipt of a journal into what a signer returned.
async fn add_receipt(world: &World, txid: Txid, psbt: &mut Psbt, journal: &str, number: u8) {
    let body = body(world, txid, journal, number).await;
    put(world, psbt, journal, number, body);
}

async fn body(world: &World, txid: Txid, journal: &str, number: u8) -> ReceiptBody {
    let issued = read_strict(&world.stored(txid).await.psbt).expect("reads");
    ReceiptBody {
        counter: 1,
        head: JournalHead::from_bytes([1; 32]),
        journal: secret(journal).public(),
        txid,
        manifest: issued.manifest_hash(),
        nonce: Some([number; 32]),
        event_head: None,
        now: world.service.now(),
    }
}

fn put(world: &World, psbt: &mut Psbt, journal: &str, number: u8, body: ReceiptBody) {
    let receipt = body.sign(&secret(journal), world.vault);
    let key = ProprietaryKey {
        prefix: b"countersign".to_vec(),
        subtype: 0x40,
        key: vec![number],
    };
    psbt.proprietary.insert(key, receipt.encode());
}

#[tokio::test]
async fn a_receipt_older_than_what_is_known_is_refused_by_name() {
    let world = World::funded(Kind::Wsh, 1, 1_000_000).await;
    world.submit("w-1", 500_000).await;
    let txid = world.batch().await;
    let good = world.signatures_of(0, txid).await;
    let codes = [
        (3, 1, None),
        (2, 1, Some("journal_stale")),
        (3, 2, Some("journal_forked")),
        (4, 9, None),
        (3, 1, Some("journal_stale")),
    ];
    for (number, (counter, head, expected)) in (0_u8..).zip(codes) {
        world.pass(1);
        let mut psbt = good.clone();
        let body = body(&world, txid, "journal 0", number).await;
        let body = ReceiptBody {
            counter,
            head: JournalHead::from_bytes([head; 32]),
            ..body
        };
        put(&world, &mut psbt, "journal 0", number, body);
        let (service, operator) = (&world.service, &world.operator);
        let answer = submit_signatures(service, operator, txid, &psbt.serialize()).await;
        assert_eq!(answer.err().map(|error| error.code()), expected, "{number}");
        let journals = list_journals(service, operator, world.vault).await;
        let journals = journals.expect("lists");
        let refused = journals.first().and_then(|first| first.refused.as_ref());
        assert_eq!(refused.map(|refused| refused.code.as_str()), expected);
    }
}

#[tokio::test]
async fn an_export_that_shows_less_than_a_receipt_did_or_something_else_is_refused() {
    for (counter, expected) in [(7, "journal_export_old"), (1, "journal_export_forked")] {
        let world = World::funded(Kind::Wsh, 1, 1_000_000).await;
        world.submit("w-1", 500_000).await;
        let txid = world.batch().await;
        let mut psbt = world.signatures_of(0, txid).await;
        let body = body(&world, txid, "journal 0", 0).await;
        let body = ReceiptBody { counter, ..body };
        put(&world, &mut psbt, "journal 0", 0, body);
        assert_eq!(world.hand_in(txid, &psbt).await.receipts, 1);
        let forgotten = Txid::from_byte_array([9; 32]);
        let journal = exported(&world, forgotten, OutPoint::new(txid, 0)).await;
        let request = ImportJournal { journal };
        let (service, operator) = (&world.service, &world.operator);
        let answer = import_journal(service, operator, world.vault, &request).await;
        assert_eq!(answer.expect_err("is refused").code(), expected);
        let mut tx = service.database().begin_read().await.expect("begins");
        let taken = attempts::lookup(&mut tx, forgotten).await.expect("reads");
        assert!(taken.is_none(), "nothing of it is taken");
    }
}

/// The certificate of a journal's move to another key.
fn moved(world: &World, from: &str, to: &str) -> SubmitMove {
    let statement = MoveStatement {
        from: secret(from).public(),
        to: secret(to).public(),
        birth: UnixTime::ZERO,
        counter: 7,
        head: JournalHead::from_bytes([7; 32]),
    };
    let certificate = statement.sign(&secret(from), world.vault).encode();
    SubmitMove {
        certificate: certificate.to_lower_hex_string(),
    }
}

/// A signer gets a new key and a new journal under its name. Both journals moved: the one speaks for the other nowhere.
#[tokio::test]
async fn a_journal_that_moved_before_its_signer_was_replaced_is_not_the_new_ones() {
    let world = versions::world(Kind::Wsh, 2).await;
    let (service, operator) = (&world.service, &world.operator);
    let submit = async |from: &str, to: &str| {
        submit_move(service, operator, world.vault, &moved(&world, from, to)).await
    };
    submit("journal 0", "former").await.expect("is taken");
    let document = versions::next(&world, &Vault::from_seed(Kind::Wsh, 21), |draft| {
        for (number, signer) in draft.signers.iter_mut().enumerate() {
            let journal = secret(&format!("journal {}", number + 10));
            signer.journal = journal.public().to_string();
        }
    })
    .await;
    versions::change_to(&world, &document).await;
    let listed = async || {
        let listed = list_journals(service, operator, world.vault).await;
        listed.expect("lists").remove(0)
    };
    assert_eq!(
        listed().await.journal,
        secret("journal 10").public().to_string()
    );
    submit("journal 10", "new").await.expect("is taken");
    let shown = listed().await;
    assert_eq!(shown.journal, secret("new").public().to_string());
    assert_eq!(shown.moves, 1);

    let mut tx = service.database().begin_read().await.expect("begins");
    let (_, policy) = service.vault(&mut tx, world.vault).await.expect("a vault");
    let mut speaks_for = Vec::new();
    for key in ["former", "new"] {
        let journal = secret(key).public();
        let signer = signer_of_journal(&mut tx, world.vault, &policy, &journal).await;
        speaks_for.push(signer.expect("reads"));
    }
    assert_eq!(speaks_for, [None, Some("alice".to_owned())]);
}
