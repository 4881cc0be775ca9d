//! What pages ask of attempts and batches: lists by their last line, all about one attempt, and files by their bytes.

use std::collections::BTreeSet;

use bitcoin::Txid;
use policies::psbt::Encoding;

use super::world::World;
use crate::roles::fixture::{Kind, NAMES};
use crate::service::agreed::Agreed;
use crate::service::attempt_lines::{AttemptLine, Filter, page_of_attempts};
use crate::service::attempt_page::{OutputKind, attempt_page};
use crate::service::batch_lines::page_of_batches;
use crate::service::batch_page::batch_page;
use crate::service::batch_preview::preview_batch;
use crate::service::batches::{CreateBatch, create_batch};
use crate::service::feerates::{feerates, feerates_above};
use crate::service::paging::{Cursor, Paged};
use crate::service::renewals::{Renew, replace_attempt};
use crate::service::uploads::{BroughtFile, Outcome, TakenFile, take_files};
use crate::service::{Actor, Role, ServiceError};

async fn lines(
    world: &World,
    filter: Filter,
    after: Option<&Cursor>,
    most: u32,
) -> Paged<AttemptLine> {
    page_of_attempts(
        &world.service,
        &world.operator,
        world.vault,
        &filter,
        after,
        most,
    )
    .await
    .expect("a page")
}

async fn two_attempts() -> (World, [Txid; 2]) {
    let world = World::funded(Kind::Wsh, 2, 1_000_000).await;
    world.submit("w-1", 300_000).await;
    let first = world.batch().await;
    world.pass(60);
    world.submit("w-2", 400_000).await;
    let second = world.batch().await;
    (world, [first, second])
}

fn upload(name: &str, bytes: Vec<u8>) -> BroughtFile {
    BroughtFile {
        name: name.to_owned(),
        bytes,
    }
}

#[tokio::test]
async fn attempts_come_newest_first_each_once_page_by_page() {
    let (world, [first, second]) = two_attempts().await;
    let page = lines(&world, Filter::default(), None, 1).await;
    assert_eq!(
        page.items.iter().map(|line| line.txid).collect::<Vec<_>>(),
        [second]
    );
    let next = page.next.expect("one more");
    let page = lines(&world, Filter::default(), Some(&next), 1).await;
    assert_eq!(
        page.items.iter().map(|line| line.txid).collect::<Vec<_>>(),
        [first]
    );
    assert_eq!(page.next, None);
    let line = &page.items[0];
    assert_eq!(
        (line.payments, line.paid_sat, line.state),
        (1, 300_000, "issued")
    );
    assert_eq!(line.missing, NAMES[..3]);
}

#[tokio::test]
async fn filters_find_by_missing_signer_state_time_and_part_of_the_txid() {
    let (world, [first, second]) = two_attempts().await;
    world.sign(0, first).await;
    let found = async |filter: Filter| -> BTreeSet<Txid> {
        let page = lines(&world, filter, None, 50).await;
        page.items.iter().map(|line| line.txid).collect()
    };
    let awaiting = Filter {
        signer: NAMES[0].to_owned(),
        ..Filter::default()
    };
    assert_eq!(found(awaiting).await, BTreeSet::from([second]));
    let named = first.to_string();
    let by_text = Filter {
        text: named[3..20].to_uppercase(),
        ..Filter::default()
    };
    assert_eq!(found(by_text).await, BTreeSet::from([first]));
    let later = Filter {
        since: Some(world.service.now()),
        ..Filter::default()
    };
    assert_eq!(found(later).await, BTreeSet::from([second]));
    let sooner = Filter {
        until: Some(world.service.now()),
        purpose: "pay".to_owned(),
        ..Filter::default()
    };
    assert_eq!(found(sooner).await, BTreeSet::from([first]));
    let settled = Filter {
        state: "settled".to_owned(),
        ..Filter::default()
    };
    assert!(found(settled).await.is_empty());
    let nonsense = Filter {
        state: "lost".to_owned(),
        ..Filter::default()
    };
    let (service, operator) = (&world.service, &world.operator);
    let refused = page_of_attempts(service, operator, world.vault, &nonsense, None, 50).await;
    assert!(matches!(refused, Err(ServiceError::UnknownState { .. })));
    let batches = Filter {
        signer: NAMES[0].to_owned(),
        ..Filter::default()
    };
    let page = page_of_batches(service, operator, world.vault, &batches, None, 50).await;
    let page = page.expect("a page");
    let current = page.items[0].current.as_ref().expect("an attempt");
    assert_eq!((page.items.len(), current.txid), (1, second));
}

#[tokio::test]
async fn the_page_of_an_attempt_proves_its_change_and_says_who_is_awaited() {
    let (world, [first, _]) = two_attempts().await;
    let shown = async || {
        attempt_page(&world.service, &world.operator, first)
            .await
            .expect("shown")
    };
    let page = shown().await;
    let changes: Vec<u32> = (page.outputs.iter())
        .filter_map(|output| match output.kind {
            OutputKind::Change { index, .. } => Some(index),
            OutputKind::Payment { .. } | OutputKind::Recovery | OutputKind::Unknown => None,
        })
        .collect();
    assert_eq!(changes, [page.attempt.changes[0].index]);
    let paid = page.outputs.iter().find_map(|output| match &output.kind {
        OutputKind::Payment {
            id,
            reference,
            state,
            ..
        } => Some((
            id.to_string(),
            reference.clone(),
            state.clone(),
            output.amount_sat,
        )),
        OutputKind::Change { .. } | OutputKind::Recovery | OutputKind::Unknown => None,
    });
    let expected = (
        "w-1".to_owned(),
        "payout w-1".to_owned(),
        "signing".to_owned(),
        300_000,
    );
    let paid = paid.expect("a payment");
    assert_eq!(
        (&paid.0, &paid.1, paid.3),
        (&expected.0, &expected.1, expected.3)
    );
    let total = |sats: Vec<u64>| sats.into_iter().sum::<u64>();
    let inputs = total(page.inputs.iter().map(|input| input.amount_sat).collect());
    let outputs = total(
        page.outputs
            .iter()
            .map(|output| output.amount_sat)
            .collect(),
    );
    assert_eq!(inputs, outputs + page.fee.fee_sat);
    let coin = page.inputs[0].coin.as_ref().expect("a known coin");
    assert_eq!((coin.from, coin.confirmations), ("deposit", 3));
    let signing = page.signing.as_ref().expect("a PSBT");
    assert_eq!((signing.needs, signing.awaited.len()), (Some(2), 3));
    world.sign(0, first).await;
    let signing = shown().await.signing.expect("a PSBT");
    assert_eq!(signing.signers[0].signed, [true]);
    assert_eq!(signing.awaited, NAMES[1..3]);
    assert_eq!(page.raw, None);
    world.broadcast(first).await;
    let page = shown().await;
    assert!(page.raw.is_some() && page.broadcast.is_some());
    assert_eq!(page.seen.place, "nowhere");
}

#[tokio::test]
async fn change_that_is_not_ours_is_never_called_change() {
    let (world, [first, _]) = two_attempts().await;
    let mut row = world.stored(first).await;
    let mut tx = world.read().await;
    let policy = world
        .service
        .policy(&mut tx, row.policy)
        .await
        .expect("known");
    let session = crate::service::opened::Session::open(&world.service, &mut tx, &row)
        .await
        .expect("opens");
    let mut manifest = session.strict.manifest().clone();
    for (_, index) in manifest.changes.values_mut() {
        *index += 1;
    }
    row.psbt = Vec::new();
    let transaction = session.strict.transaction();
    let shown = crate::service::attempt_page::outputs_of(
        &world.service,
        &mut tx,
        &row,
        &policy,
        transaction,
        Some(&manifest),
    )
    .await
    .expect("shown");
    assert!(
        shown
            .iter()
            .any(|output| output.kind == OutputKind::Unknown)
    );
    assert!(
        !shown
            .iter()
            .any(|output| matches!(output.kind, OutputKind::Change { .. }))
    );
}

#[tokio::test]
async fn files_go_to_their_attempts_by_their_bytes_and_none_hurts_another() {
    let (world, [first, second]) = two_attempts().await;
    let binary = world.signatures_of(0, first).await.serialize();
    let text = Encoding::Base64.encode(&world.signatures_of(1, second).await.serialize());
    let mut foreign = world.signatures_of(2, first).await;
    foreign.unsigned_tx.lock_time = bitcoin::absolute::LockTime::ZERO;
    let files = vec![
        upload("holiday.jpg", vec![0xff, 0xd8, 0xff, 0, 1, 2]),
        upload("nothing.psbt", b"\n".to_vec()),
        upload("a.psbt", binary.clone()),
        upload("../../etc/passwd", text),
        upload("a.psbt", binary),
        upload("foreign.psbt", foreign.serialize()),
        upload("cut.psbt", b"psbt\xff\x01\x00".to_vec()),
    ];
    let (service, operator) = (&world.service, &world.operator);
    let taken = take_files(service, operator, Some(first), files)
        .await
        .expect("looked at");
    let code = |file: &TakenFile| match &file.outcome {
        Outcome::Refused { code, .. } => code.clone(),
        Outcome::Signatures { .. } | Outcome::Void { .. } => "taken".to_owned(),
    };
    let codes: Vec<String> = taken.iter().map(code).collect();
    assert_eq!(codes[1], "empty_file");
    assert_eq!(codes[2..6], ["taken", "taken", "taken", "unknown_attempt"]);
    assert!(codes[0] != "taken" && codes[6] != "taken", "{codes:?}");
    let accepted = |file: &TakenFile| match &file.outcome {
        Outcome::Signatures { accepted, .. } => accepted.clone(),
        Outcome::Refused { .. } | Outcome::Void { .. } => Vec::new(),
    };
    assert_eq!(accepted(&taken[2]), [(NAMES[0].to_owned(), 1)]);
    assert_eq!(accepted(&taken[3]), [(NAMES[1].to_owned(), 1)]);
    // The same again is taken, and nothing of it is new.
    assert!(accepted(&taken[4]).is_empty());
    let other = taken[3].attempt.expect("its own attempt");
    assert!(other.txid == second && other.is_other);
    assert_eq!(taken[3].was, "a PSBT in base64");
    let auditor = Actor {
        name: "a".to_owned(),
        role: Role::Auditor,
        vault: None,
    };
    let refused = take_files(service, &auditor, None, Vec::new()).await;
    assert!(matches!(refused, Err(ServiceError::Forbidden { .. })));
}

#[tokio::test]
async fn files_of_a_vault_that_is_not_the_visitors_belong_to_nothing() {
    let (world, [first, _]) = two_attempts().await;
    let stranger = Actor {
        name: "s".to_owned(),
        role: Role::Operator,
        vault: Some(policies::VaultId::from_bytes([9; 32])),
    };
    let file = upload("a.psbt", world.signatures_of(0, first).await.serialize());
    let taken = take_files(&world.service, &stranger, None, vec![file]).await;
    let taken = taken.expect("looked at");
    assert_eq!(taken[0].attempt, None);
    assert!(world.show("w-1").await.txid.is_some());
    let page = attempt_page(&world.service, &stranger, first).await;
    assert_eq!(page.expect_err("not theirs").code(), "unknown_attempt");
}

#[tokio::test]
async fn a_batch_is_made_as_its_preview_said_or_not_at_all() {
    let world = World::funded(Kind::Wsh, 3, 1_000_000).await;
    world.submit("w-1", 300_000).await;
    let (service, operator) = (&world.service, &world.operator);
    let asked = |agreed: Agreed| CreateBatch {
        feerate_sat_vb: Some("2".to_owned()),
        agreed: Some(agreed),
        ..CreateBatch::default()
    };
    let agreed = Agreed::to_nothing(service);
    let preview = preview_batch(service, operator, world.vault, &asked(agreed)).await;
    let preview = preview.expect("a preview");
    assert_eq!(preview.pays.len(), 1);
    let paid: u64 = preview.pays.iter().map(|pay| pay.amount_sat).sum();
    assert_eq!(
        preview.spent_sat,
        paid + preview.change_sat + preview.plan.fee_sat
    );
    let agreed = agreed.to(&preview);
    world.submit("w-2", 200_000).await;
    let refused = create_batch(service, operator, world.vault, &asked(agreed)).await;
    assert_eq!(
        refused.expect_err("something else").code(),
        "preview_changed"
    );
    assert_eq!(world.show("w-1").await.state, "approved");
    let again = preview_batch(service, operator, world.vault, &asked(agreed)).await;
    let agreed = agreed.to(&again.expect("a preview"));
    let made = create_batch(service, operator, world.vault, &asked(agreed)).await;
    let made = made.expect("as agreed");
    assert_eq!(made.withdrawals.len(), 2);
    let page = batch_page(service, operator, made.batch)
        .await
        .expect("shown");
    assert!(page.is_open && !page.is_signed);
    assert_eq!((page.withdrawals.len(), page.attempts.len()), (2, 1));
}

#[tokio::test]
async fn an_attempt_is_replaced_as_its_preview_said_or_not_at_all() {
    let (world, [first, _]) = two_attempts().await;
    let (service, operator) = (&world.service, &world.operator);
    let request = |preview: bool, agreed: Option<Agreed>| Renew {
        feerate_sat_vb: Some("5".to_owned()),
        preview,
        agreed,
    };
    let shown = replace_attempt(service, operator, first, &request(true, None)).await;
    let shown = shown.expect("a preview");
    let agreed = Agreed::to_nothing(service).to(&shown.plans);
    let other = Agreed::to_nothing(service).to(&"something else");
    let refused = replace_attempt(service, operator, first, &request(false, Some(other))).await;
    assert_eq!(
        refused.expect_err("something else").code(),
        "preview_changed"
    );
    let done = replace_attempt(service, operator, first, &request(false, Some(agreed))).await;
    assert_eq!(done.expect("as agreed").plans, shown.plans);
    let page = attempt_page(service, operator, first).await.expect("shown");
    assert_eq!(page.others.len(), 1);
    assert!(page.others[0].is_later);
}

#[tokio::test]
async fn three_feerates_are_offered_and_each_replaces() {
    let (world, [first, _]) = two_attempts().await;
    let (service, operator) = (&world.service, &world.operator);
    let none = feerates(service, operator, world.vault)
        .await
        .expect("asked");
    assert!(none.suggested.is_empty(), "the node has no estimate");
    let above = feerates_above(service, operator, first)
        .await
        .expect("asked");
    assert_eq!(above.suggested.len(), 3);
    let least = above.suggested.last().expect("the least");
    let request = Renew {
        feerate_sat_vb: Some(least.feerate_sat_vb.clone()),
        preview: true,
        ..Renew::default()
    };
    replace_attempt(service, operator, first, &request)
        .await
        .expect("is enough");
}
