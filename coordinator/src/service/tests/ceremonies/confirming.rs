//! From empty seats to an active vault, and what takes confirmations back.

use super::*;
use crate::service::ceremonies::operating::end;
use crate::service::ceremonies::sitting::show_sitting;
use crate::service::vaults::list_vaults;

async fn vaults(board: &Board) -> usize {
    let list = list_vaults(&board.service, &board.operator).await;
    list.expect("a list").len()
}

#[tokio::test]
async fn a_vault_becomes_active_once_every_person_has_confirmed_and_not_before() {
    let (board, keys) = (Board::new().await, keys());
    assert_eq!(code(board.activate().await), "no_draft");
    let document = policy_draft(&keys).to_toml();
    assert_eq!(code(board.set(&document).await), "seats_empty");
    let sittings = board.filled(&keys).await;
    assert_eq!(board.show().await.step, Step::Drafting);
    let policy = board.drafted(&keys).await;
    // All days apart: a sitting goes on.
    board.pass(20 * 86_400);
    let last = sittings.len() - 1;
    for (place, sitting) in sittings.iter().enumerate() {
        let with = SEATS[(place + 1) % SEATS.len()];
        assert_eq!(code(board.ready(sitting, policy).await), "not_compared");
        board
            .compare(sitting, policy, with)
            .await
            .expect("compares");
        assert_eq!(code(board.activate().await), "not_confirmed");
        assert_eq!(vaults(&board).await, 0);
        let seen = board.ready(sitting, policy).await.expect("is ready");
        assert_eq!(seen.seat.state, "ready");
        assert_eq!(seen.step == Step::Confirmed, place == last);
    }
    let active = board.activate().await.expect("all have confirmed");
    assert_eq!(active.vault.to_bytes(), policy.to_bytes());
    assert_eq!(active.ceremony.step, Step::Added);
    let again = board.activate().await.expect("the same again");
    assert_eq!((again.vault, vaults(&board).await), (active.vault, 1));
    // It is over: whoever sits reads on, and changes nothing.
    let seen = show_sitting(&board.service, &sittings[0]).await;
    assert_eq!(seen.expect("reads").step, Step::Added);
    let late = board.ready(&sittings[0], policy).await;
    assert_eq!(code(late), "ceremony_ended");
}

#[tokio::test]
async fn another_document_voids_every_confirmation_and_the_same_one_none() {
    let (board, keys) = (Board::new().await, keys());
    let sittings = board.filled(&keys).await;
    let policy = board.drafted(&keys).await;
    board.confirmed(&sittings, policy).await;
    assert_eq!(board.drafted(&keys).await, policy);
    assert_eq!(board.show().await.step, Step::Confirmed);

    let mut other = policy_draft(&keys);
    other.limits.fee_max_sat -= 1;
    let set = board.set(&other.to_toml()).await.expect("is set");
    assert_eq!(set.step, Step::Confirming);
    assert!(set.seats.iter().all(|seat| seat.state == "filled"));
    assert_eq!(code(board.activate().await), "not_confirmed");
    // Who still has the one before on the screen confirms nothing.
    let stale = board.compare(&sittings[0], policy, "bob").await;
    assert_eq!(code(stale), "draft_changed");
    // Back to the first one: what was confirmed of it is void all the same.
    assert_eq!(board.drafted(&keys).await, policy);
    assert_eq!(code(board.activate().await), "not_confirmed");
}

#[tokio::test]
async fn an_emptied_seat_takes_the_document_and_all_confirmations_with_it() {
    let (board, keys) = (Board::new().await, keys());
    let sittings = board.filled(&keys).await;
    let policy = board.drafted(&keys).await;
    board.confirmed(&sittings, policy).await;
    let stands = board.hand_in(&sittings[1], &record(&keys, 1)).await;
    assert_eq!(code(stands), "draft_stands");

    let emptied = board.empty("bob").await;
    assert_eq!((emptied.step, emptied.draft), (Step::Gathering, None));
    assert_eq!(emptied.seats[1].state, "empty");
    assert_eq!(emptied.seats[0].state, "filled");
    let over = show_sitting(&board.service, &sittings[1]).await;
    assert_eq!(code(over), "sitting_over");

    let bob = board.seated("bob").await;
    board
        .hand_in(&bob, &record(&keys, 1))
        .await
        .expect("is taken");
    assert_eq!(board.drafted(&keys).await, policy);
    assert_eq!(code(board.activate().await), "not_confirmed");
}

#[tokio::test]
async fn a_key_may_be_handed_in_again_while_there_is_no_document() {
    let (board, keys) = (Board::new().await, keys());
    let sitting = board.seated("alice").await;
    let first = record(&keys, 2);
    board.hand_in(&sitting, &first).await.expect("is taken");
    let again = board.hand_in(&sitting, &record(&keys, 0)).await;
    let seat = again.expect("is taken").seat;
    let text = seat.record.expect("a record");
    assert!(
        text.contains("name = \"alice\"") && text.contains(&policy_draft(&keys).signers[0].key)
    );
}

#[tokio::test]
async fn of_an_ended_ceremony_nothing_comes() {
    let (board, keys) = (Board::new().await, keys());
    let sittings = board.filled(&keys).await;
    let policy = board.drafted(&keys).await;
    board.confirmed(&sittings, policy).await;
    let open = board.link("alice").await;
    let ended = end(&board.service, &board.operator, &board.id).await;
    assert_eq!(ended.expect("ends").step, Step::Abandoned);
    assert_eq!(code(board.activate().await), "ceremony_ended");
    assert_eq!(vaults(&board).await, 0);
    let late = sit(&board.service, FROM, &open).await;
    assert_eq!(code(late), "invitation_void");
}
