//! Absences warn where those who are left cannot meet a quorum.

use super::{House, code};
use crate::service::Actor;
use crate::service::people::PersonRole;
use crate::service::people::absences::{NewAbsence, end_absence, say_absent};
use crate::service::people::view::list_people;
use crate::service::signers::{MarkSigner, SignerMark, mark_signer};

const DAY: u64 = 86_400;

impl House {
    fn away(&self, person: &str, from_day: u64, days: u64) -> NewAbsence {
        let from = self.world.service.now().saturating_add(from_day * DAY);
        NewAbsence {
            person: person.to_owned(),
            from,
            until: from.saturating_add(days * DAY),
            reason: "holiday".to_owned(),
        }
    }
}

#[tokio::test]
async fn an_absence_warns_of_the_rules_that_those_who_are_left_cannot_meet() {
    let house = House::new().await;
    let (service, local) = (&house.world.service, Actor::local());
    house.person("dana", PersonRole::Approver).await;
    let told = say_absent(service, &local, &house.away("dana", 0, 7))
        .await
        .expect("is taken");
    let what: Vec<&str> = told.warnings.iter().map(|one| one.what.as_str()).collect();
    assert_eq!(what, ["rule large", "maintenance"]);
    assert_eq!(
        (told.warnings[0].needs, told.warnings[0].left.len()),
        (1, 0)
    );
    assert_eq!(
        told.warnings[0].says,
        "Vault treasury: rule large needs 1, nobody is left."
    );
    let seen = list_people(service, &local).await.expect("reads");
    assert_eq!(seen.absences, std::slice::from_ref(&told));
    assert_eq!(seen.people[0].away_until, Some(told.until));
    end_absence(service, &local, &told.id)
        .await
        .expect("is back");
    let seen = list_people(service, &local).await.expect("reads");
    assert_eq!((seen.absences.len(), seen.people[0].away_until), (0, None));
    assert_eq!(
        code(end_absence(service, &local, &told.id).await),
        "unknown_absence"
    );
}

#[tokio::test]
async fn signers_who_are_away_together_warn_and_one_after_the_other_do_not() {
    let house = House::new().await;
    let (service, local) = (&house.world.service, Actor::local());
    house.person("alice", PersonRole::Approver).await;
    house.person("bob", PersonRole::Approver).await;
    let one = say_absent(service, &local, &house.away("alice", 0, 7))
        .await
        .expect("is taken");
    assert_eq!(one.warnings, [], "two of three are left");
    let after = say_absent(service, &local, &house.away("bob", 7, 7))
        .await
        .expect("is taken");
    assert_eq!(after.warnings, [], "alice is back when bob leaves");
    end_absence(service, &local, &after.id)
        .await
        .expect("stays");
    let both = say_absent(service, &local, &house.away("bob", 6, 7))
        .await
        .expect("is taken");
    let what: Vec<&str> = both.warnings.iter().map(|one| one.what.as_str()).collect();
    assert_eq!(what, ["an ordinary spend"]);
    assert_eq!(both.warnings[0].left, ["carol"]);
    // The absence that was there before warns too now, of the day on which both are away.
    let seen = list_people(service, &local).await.expect("reads");
    assert!(
        seen.absences
            .iter()
            .all(|absence| absence.warnings.len() == 1)
    );
}

#[tokio::test]
async fn a_signer_who_is_lost_counts_beside_one_who_is_away() {
    let house = House::new().await;
    let (service, local) = (&house.world.service, Actor::local());
    house.person("alice", PersonRole::Approver).await;
    let lost = MarkSigner {
        mark: SignerMark::Lost,
        reason: String::new(),
    };
    mark_signer(service, &local, house.world.vault, "bob", &lost)
        .await
        .expect("is marked");
    let told = say_absent(service, &local, &house.away("alice", 0, 1))
        .await
        .expect("is taken");
    assert_eq!(told.warnings.len(), 1);
    assert_eq!(told.warnings[0].left, ["carol"]);
}

#[tokio::test]
async fn everybody_says_it_of_themselves_and_operators_of_all() {
    let house = House::new().await;
    let service = &house.world.service;
    let dana = house
        .actor(&house.person("dana", PersonRole::Approver).await.1)
        .await;
    let erin = house
        .actor(&house.person("erin", PersonRole::Approver).await.1)
        .await;
    assert_eq!(
        code(say_absent(service, &erin, &house.away("dana", 0, 1)).await),
        "forbidden"
    );
    let own = say_absent(service, &dana, &house.away("dana", 0, 1))
        .await
        .expect("is taken");
    assert_eq!(
        code(end_absence(service, &erin, &own.id).await),
        "forbidden"
    );
    end_absence(service, &dana, &own.id).await.expect("is back");
    let local = Actor::local();
    let mut wrong = house.away("dana", 0, 1);
    wrong.until = wrong.from;
    assert_eq!(code(say_absent(service, &local, &wrong).await), "malformed");
    wrong = house.away("dana", 0, 800);
    assert_eq!(code(say_absent(service, &local, &wrong).await), "malformed");
    wrong = house.away("dana", 0, 1);
    wrong.reason = "one\ntwo".to_owned();
    assert_eq!(code(say_absent(service, &local, &wrong).await), "malformed");
    assert_eq!(
        code(say_absent(service, &local, &house.away("nobody", 0, 1)).await),
        "unknown_person"
    );
}
