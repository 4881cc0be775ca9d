//! Who is away, on the page of an attempt.

use super::*;
use crate::store::people::absences::{self, AbsenceRow};
use crate::store::people::persons::{self, PersonRow};

/// Says that a person is away from now on.
async fn leaves(world: &World, person: &str) {
    let now = world.service.now();
    let row = PersonRow {
        name: person.to_owned(),
        role: "approver".to_owned(),
        vault: None,
        created_at: now,
        created_by: "olga".to_owned(),
        ended_at: None,
    };
    let absence = AbsenceRow {
        id: "00".repeat(16),
        person: person.to_owned(),
        from: now,
        until: now.saturating_add(86_400),
        reason: String::new(),
        said_at: now,
        said_by: person.to_owned(),
    };
    let database = world.service.database();
    let mut tx = database.begin_write().await.expect("begins");
    persons::insert(&mut tx, &row).await.expect("stored");
    absences::insert(&mut tx, &absence).await.expect("stored");
    tx.commit().await.expect("commits");
}

#[tokio::test]
async fn the_line_of_an_attempt_asks_those_who_are_here_and_says_who_is_away() {
    let (looking, txid, _) = with_two().await;
    let shown = async || {
        let (state, visitor) = looking.asks();
        html(detail::show(state, visitor, attempt(txid)).await)
            .await
            .1
    };
    assert!(!shown().await.contains("alice is away."));
    leaves(&looking.world, "alice").await;
    let page = shown().await;
    assert!(
        page.contains("Waits for 2 more signatures: bob and carol. alice is away."),
        "{page}"
    );
}
