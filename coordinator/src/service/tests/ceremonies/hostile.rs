//! Stolen links, keys that are somebody else's, documents that say otherwise, and persons who are shown another one.

use super::*;
use crate::service::Role;
use crate::service::ceremonies::operating::{fill_seat, list};
use crate::service::ceremonies::sitting::{look_at_link, show_sitting};
use crate::service::devices::OfDevices;
use crate::service::vaults::{create_vault, list_vaults};
use crate::store::vault_ceremonies::{self as rows, DraftRow};

#[tokio::test]
async fn a_link_opens_once_within_two_days_and_not_after_another_was_made() {
    let board = Board::new().await;
    let link = board.link("alice").await;
    let seen = look_at_link(&board.service, FROM, &link).await;
    assert_eq!(seen.expect("looks").seat, "alice");
    sit(&board.service, FROM, &link).await.expect("sits");
    assert_eq!(
        code(sit(&board.service, FROM, &link).await),
        "invitation_void"
    );

    let expired = board.link("bob").await;
    board.pass(48 * 3600);
    let late = sit(&board.service, FROM, &expired).await;
    assert_eq!(code(late), "invitation_void");

    let replaced = board.link("bob").await;
    let newer = board.link("bob").await;
    let void = sit(&board.service, FROM, &replaced).await;
    assert_eq!(code(void), "invitation_void");
    sit(&board.service, FROM, &newer).await.expect("sits");
}

#[tokio::test]
async fn a_new_link_ends_the_sitting_of_whoever_stole_the_one_before() {
    let (board, keys) = (Board::new().await, keys());
    let thief = board.seated("alice").await;
    board
        .hand_in(&thief, &record(&keys, 1))
        .await
        .expect("is taken");
    let alice = board.seated("alice").await;
    let over = show_sitting(&board.service, &thief).await;
    assert_eq!(code(over), "sitting_over");
    // What the thief left is seen, and put right.
    let seen = show_sitting(&board.service, &alice).await.expect("reads");
    assert!(seen.seat.record.is_some());
    board
        .hand_in(&alice, &record(&keys, 0))
        .await
        .expect("is taken");
}

/// 1. A thief of bob's second link says that the document was compared, and that all is ready.
/// 2. Bob gets another link: what the thief said is gone, and the vault waits for bob.
#[tokio::test]
async fn a_new_link_takes_back_what_whoever_stole_the_one_before_confirmed() {
    let (board, keys) = (Board::new().await, keys());
    let mut sittings = board.filled(&keys).await;
    sittings[1] = board.seated("bob").await;
    let policy = board.drafted(&keys).await;
    board.confirmed(&sittings, policy).await;
    assert_eq!(board.show().await.seats[1].state, "ready");
    let bob = board.seated("bob").await;
    assert_eq!(board.show().await.seats[1].state, "filled");
    assert_eq!(code(board.activate().await), "not_confirmed");
    board
        .compare(&bob, policy, "alice")
        .await
        .expect("compares");
    board.ready(&bob, policy).await.expect("is ready");
    board.activate().await.expect("is added");
}

/// All keys of a vault show all its coins: no seat and no event gives them away, and who repeats says nothing new.
#[tokio::test]
async fn a_sitting_and_the_events_show_no_keys_of_others_and_repeat_nothing() {
    let (board, keys) = (Board::new().await, keys());
    let sittings = board.filled(&keys).await;
    let seen = show_sitting(&board.service, &sittings[0]).await;
    let seen = serde_json::to_string(&seen.expect("reads").others).expect("is JSON");
    assert!(seen.contains("carol") && !seen.contains("tpub"), "{seen}");
    let policy = board.drafted(&keys).await;
    board.confirmed(&sittings, policy).await;
    let told = board.told().await;
    assert!(!told.concat().contains("tpub"), "{told:?}");
    assert!(told.concat().contains("seat alice"), "{told:?}");
    board
        .hand_in(&sittings[0], &record(&keys, 0))
        .await
        .expect_err("a document stands");
    let document = policy_draft(&keys).to_toml();
    board.set(&document).await.expect("is the same");
    board.confirmed(&sittings, policy).await;
    assert_eq!(board.told().await.len(), told.len());
}

#[tokio::test]
async fn a_key_or_a_journal_of_another_seat_is_refused() {
    let (board, keys) = (Board::new().await, keys());
    let (alice, bob) = (board.seated("alice").await, board.seated("bob").await);
    board
        .hand_in(&alice, &record(&keys, 0))
        .await
        .expect("is taken");
    let same = board.hand_in(&bob, &record(&keys, 0)).await;
    assert_eq!(code(same), "key_taken");
    let draft = policy_draft(&keys);
    let (journal, other) = (&draft.signers[0].journal, &draft.signers[1].journal);
    let with_journal = record(&keys, 1).replace(other.as_str(), journal);
    assert_eq!(
        code(board.hand_in(&bob, &with_journal).await),
        "journal_taken"
    );
}

#[tokio::test]
async fn a_key_of_another_vault_and_a_private_one_are_refused_and_nothing_of_them_is_kept() {
    let (board, keys) = (Board::new().await, keys());
    let document = policy_draft(&keys).to_toml();
    create_vault(
        &board.service,
        &board.operator,
        document.as_bytes(),
        OfDevices::Pass,
    )
    .await
    .expect("a vault");
    let alice = board.seated("alice").await;
    let known = board.hand_in(&alice, &record(&keys, 0)).await;
    assert_eq!(code(known), "key_in_other_vault");
    let own = Vault::from_seed(Kind::SortedMulti, 40);
    let private = record(&own, 0).replace("tpub", "tprv");
    let given = board.hand_in(&alice, &private).await;
    assert_eq!(code(given), "private_key_given");
    assert_eq!(board.show().await.seats[0].record, None);
    let other = "[d34db33f/48h/0h/0h/2h]xpub6ERApfZwUNrhLCkDtcHTcxd75RbzS1ed54G1LkBUHQVHQKqhMkhgbmJbZRkrgZw4koxb5JaHWkY4ALHY2grBGRjaDMzQLcgJvLJuZZvRcEL";
    let foreign = HandIn {
        journal: secret("journal").public().to_string(),
        kind: "software".to_owned(),
        ..of(other)
    };
    let refused = hand_in(&board.service, &alice, &foreign).await;
    assert_eq!(code(refused), "key_of_other_network");
}

#[tokio::test]
async fn who_was_shown_another_document_hears_other_words_and_confirms_nothing() {
    let (board, keys) = (Board::new().await, keys());
    let sittings = board.filled(&keys).await;
    let policy = board.drafted(&keys).await;
    let mut other = policy_draft(&keys);
    other.limits.fee_max_sat -= 1;
    let other = policies::document::id_of(other.to_toml().as_bytes());
    // Dave reads out the words of the document that he was shown.
    let mut misled = heard(other, "bob");
    misled.policy = policy;
    let differs = compare(&board.service, &sittings[0], &misled).await;
    assert_eq!(code(differs), "words_differ");
    for (first, last) in [(true, false), (false, true)] {
        let mut half = heard(policy, "bob");
        if !first {
            half.first_word = "abandon".to_owned();
        }
        if !last {
            half.last_word = "abandon".to_owned();
        }
        let half = compare(&board.service, &sittings[0], &half).await;
        assert_eq!(code(half), "words_differ");
    }
    let mut blind = heard(policy, "bob");
    blind.same_address = false;
    let blind = compare(&board.service, &sittings[0], &blind).await;
    assert_eq!(code(blind), "address_not_compared");
    let alone = board.compare(&sittings[0], policy, "alice").await;
    assert_eq!(code(alone), "compared_alone");
    let nobody = board.compare(&sittings[0], policy, "mallory").await;
    assert_eq!(code(nobody), "unknown_seat");
    assert_eq!(board.show().await.seats[0].state, "filled");
}

/// What somebody changes in a draft.
type Edit = Box<dyn Fn(&mut PolicyDraft)>;

#[tokio::test]
async fn a_document_exchanged_behind_its_id_is_not_made_active() {
    let (board, keys) = (Board::new().await, keys());
    let sittings = board.filled(&keys).await;
    let policy = board.drafted(&keys).await;
    board.confirmed(&sittings, policy).await;
    let mut other = policy_draft(&keys);
    other.limits.fee_max_sat -= 1;
    let exchanged = DraftRow {
        document: other.to_toml().into_bytes(),
        id: policy,
        at: policies::UnixTime::from_secs(NOW),
        by: "mallory".to_owned(),
    };
    let database = board.service.database();
    let mut tx = database.begin_write().await.expect("begins");
    rows::set_draft(&mut tx, &board.id, Some(&exchanged), false)
        .await
        .expect("is written");
    tx.commit().await.expect("commits");
    assert_eq!(code(board.activate().await), "internal");
    let vaults = list_vaults(&board.service, &board.operator).await;
    assert!(vaults.expect("a list").is_empty());
}

#[tokio::test]
async fn a_document_that_says_otherwise_than_a_seat_is_refused() {
    let (board, keys) = (Board::new().await, keys());
    board.filled(&keys).await;
    let own = policy_draft(&keys);
    let other = Vault::from_seed(Kind::SortedMulti, 50);
    let edits: [(&str, Edit); 4] = [
        (
            "another journal",
            Box::new(|draft| draft.signers[1].journal = secret("mallory").public().to_string()),
        ),
        (
            "another person",
            Box::new(|draft| draft.signers[1].person = "mallory".to_owned()),
        ),
        (
            "another device, firmware or seed date",
            Box::new(|draft| draft.signers[1].device = None),
        ),
        (
            "another key or origin",
            Box::new(move |draft| {
                let mallory = policy_draft(&other);
                draft.spending = mallory.spending.clone();
                for (signer, other) in draft.signers.iter_mut().zip(&mallory.signers) {
                    signer.key.clone_from(&other.key);
                }
            }),
        ),
    ];
    for (part, edit) in edits {
        let mut draft = own.clone();
        edit(&mut draft);
        let refused = board.set(&draft.to_toml()).await.expect_err("is refused");
        assert_eq!(refused.code(), "draft_differs", "{part}: {refused}");
        assert_eq!(refused.facts()["part"], part);
    }
    let next = SetDraft::default();
    let unwritten = set_draft(&board.service, &board.operator, &board.id, &next).await;
    assert_eq!(code(unwritten), "draft_not_written");
}

#[tokio::test]
async fn a_signer_without_a_seat_is_refused() {
    let keys = keys();
    let board = Board::new().await;
    let request = NewCeremony {
        name: "two".to_owned(),
        vault: None,
        seats: seats(&["alice", "bob"]),
    };
    let begun = begin(&board.service, &board.operator, &request)
        .await
        .expect("begins");
    for (place, seat) in ["alice", "bob"].into_iter().enumerate() {
        let handed = of(&record(&keys, place));
        fill_seat(&board.service, &board.operator, &begun.id, seat, &handed)
            .await
            .expect("is taken");
    }
    let request = SetDraft {
        document: Some(policy_draft(&keys).to_toml()),
        despite_devices: false,
    };
    let refused = set_draft(&board.service, &board.operator, &begun.id, &request).await;
    let refused = refused.expect_err("carol has no seat");
    assert_eq!(refused.facts()["signer"], "carol");
}

#[tokio::test]
async fn only_operators_lead_a_ceremony_and_others_read() {
    let board = Board::new().await;
    let (service, id) = (&board.service, board.id.as_str());
    for role in [Role::Auditor, Role::Signer, Role::Service] {
        let actor = Actor {
            name: "somebody".to_owned(),
            role,
            vault: None,
        };
        show(service, &actor, id).await.expect("reads");
        let request = NewCeremony {
            name: "other".to_owned(),
            vault: None,
            seats: seats(&SEATS),
        };
        for refused in [
            code(begin(service, &actor, &request).await),
            code(invite(service, &actor, id, "alice").await),
            code(empty_seat(service, &actor, id, "alice").await),
            code(set_draft(service, &actor, id, &SetDraft::default()).await),
            code(activate(service, &actor, id).await),
            code(crate::service::ceremonies::operating::end(service, &actor, id).await),
            code(fill_seat(service, &actor, id, "alice", &HandIn::default()).await),
        ] {
            assert_eq!(refused, "forbidden");
        }
    }
    // Whoever is of one vault learns nothing of others that are to be.
    let elsewhere = Actor {
        name: "elsewhere".to_owned(),
        role: Role::Operator,
        vault: Some(policies::VaultId::from_bytes([7; 32])),
    };
    assert!(list(service, &elsewhere).await.expect("a list").is_empty());
    assert_eq!(
        list(service, &board.operator).await.expect("a list").len(),
        1
    );
}

#[tokio::test]
async fn seats_are_two_to_twenty_with_names_of_their_own() {
    let board = Board::new().await;
    let with = async |names: &[&str]| {
        let request = NewCeremony {
            name: "other".to_owned(),
            vault: None,
            seats: seats(names),
        };
        begin(&board.service, &board.operator, &request).await
    };
    assert_eq!(code(with(&[]).await), "seat_count");
    assert_eq!(code(with(&["alone"]).await), "seat_count");
    assert_eq!(code(with(&["a"; 21]).await), "seat_count");
    assert_eq!(code(with(&["a", "b", "a"]).await), "seat_twice");
    assert_eq!(code(with(&["Alice", "bob"]).await), "malformed");
}

#[tokio::test]
async fn of_links_and_sittings_only_hashes_are_kept() {
    let board = Board::new().await;
    let (open, sitting) = (board.link("alice").await, board.seated("bob").await);
    board.service.database().close().await;
    let mut stored = Vec::new();
    for file in std::fs::read_dir(board.folder.path()).expect("a folder") {
        stored.extend(std::fs::read(file.expect("a file").path()).expect("reads"));
    }
    for secret in [open, sitting] {
        let found = stored
            .windows(secret.len())
            .any(|part| part == secret.as_bytes());
        assert!(!found);
    }
}
