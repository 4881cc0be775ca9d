//! One signer is replaced in a vault that is there: all confirm the next version, and it goes the way of every other.

use policies::document::Policy;
use policies::succession::{Step as PolicyStep, follows};

use watchtower::store::events;

use super::super::versions::world;
use super::super::world::World;
use super::*;
use crate::service::addresses::list_superseded;
use crate::service::vaults::show_vault;
use crate::service::versions::list_versions;

struct Replacing {
    world: World,
    id: String,
    names: Vec<String>,
}

fn request(world: &World) -> NewCeremony {
    NewCeremony {
        name: "carols-successor".to_owned(),
        vault: Some(world.vault),
        seats: vec![NewSeat {
            name: "carol".to_owned(),
            person: Some("erin".to_owned()),
        }],
    }
}

async fn replacing() -> Replacing {
    let world = world(Kind::SortedMulti, 0).await;
    let begun = begin(&world.service, &world.operator, &request(&world)).await;
    let begun = begun.expect("begins");
    let names = begun.seats.iter().map(|seat| seat.name.clone()).collect();
    Replacing {
        id: begun.id,
        names,
        world,
    }
}

impl Replacing {
    async fn seated(&self, seat: &str) -> String {
        let (service, operator) = (&self.world.service, &self.world.operator);
        let link = invite(service, operator, &self.id, seat).await;
        let link = link.expect("a link").secret;
        sit(service, FROM, &link).await.expect("sits").secret
    }

    async fn written(&self) -> Result<CeremonyView, ServiceError> {
        let (service, operator) = (&self.world.service, &self.world.operator);
        set_draft(service, operator, &self.id, &SetDraft::default()).await
    }

    async fn activate(&self) -> Result<ActivatedView, ServiceError> {
        activate(&self.world.service, &self.world.operator, &self.id).await
    }
}

fn new_record() -> String {
    record(&Vault::from_seed(Kind::SortedMulti, 60), 2).replace(
        &secret("journal 2").public().to_string(),
        &secret("journal of erin").public().to_string(),
    )
}

#[tokio::test]
async fn a_replaced_signer_is_confirmed_by_all_and_then_proposed() {
    let replacing = replacing().await;
    let service = &replacing.world.service;
    assert_eq!(replacing.names, ["alice", "bob", "carol"]);
    let erin = replacing.seated("carol").await;
    hand_in(service, &erin, &of(&new_record()))
        .await
        .expect("is taken");
    let set = replacing.written().await.expect("is written");
    let draft = set.draft.expect("a document");
    let next = Policy::parse(draft.document.as_bytes()).expect("a policy");
    let before = show_vault(service, &replacing.world.operator, replacing.world.vault).await;
    let before = before.expect("a vault").document;
    let before = Policy::parse(before.as_bytes()).expect("a policy");
    assert_eq!(follows(&before, &next), Ok(PolicyStep::Keyset));
    assert_eq!(next.signer("carol").expect("carol").person, "erin");

    let mut sittings = vec![(erin, "alice")];
    for (seat, with) in [("alice", "bob"), ("bob", "carol")] {
        sittings.push((replacing.seated(seat).await, with));
    }
    for (sitting, with) in &sittings {
        assert_eq!(code(replacing.activate().await), "not_confirmed");
        compare(service, sitting, &heard(draft.policy, with))
            .await
            .expect("compares");
        let policy = draft.policy;
        ready(service, sitting, &Ready { policy })
            .await
            .expect("is ready");
    }
    let active = replacing.activate().await.expect("all have confirmed");
    assert_eq!(active.ceremony.step, Step::Proposed);
    let versions = list_versions(service, &replacing.world.operator, replacing.world.vault);
    let versions = versions.await.expect("a list");
    assert_eq!(versions.proposals.len(), 1);
    assert_eq!(versions.proposals[0].policy, draft.policy);
    assert_eq!(versions.proposals[0].step, "keyset");
}

#[tokio::test]
async fn a_key_that_stays_or_was_the_vaults_own_takes_no_seat() {
    let replacing = replacing().await;
    let service = &replacing.world.service;
    let alice = replacing.seated("alice").await;
    let keeps = hand_in(service, &alice, &of(&new_record())).await;
    assert_eq!(code(keeps), "seat_keeps_its_key");
    let erin = replacing.seated("carol").await;
    for seat in 0..3 {
        let known = hand_in(service, &erin, &of(&record(&keys(), seat))).await;
        assert_eq!(code(known), "key_known");
    }
}

#[tokio::test]
async fn one_ceremony_of_a_vault_is_open_at_a_time_and_names_signers_of_it() {
    let replacing = replacing().await;
    let (service, operator) = (&replacing.world.service, &replacing.world.operator);
    let other = begin(service, operator, &request(&replacing.world)).await;
    assert_eq!(code(other), "ceremony_open");
    crate::service::ceremonies::operating::end(service, operator, &replacing.id)
        .await
        .expect("ends");
    let mut unknown = request(&replacing.world);
    unknown.seats = seats(&["mallory"]);
    assert_eq!(
        code(begin(service, operator, &unknown).await),
        "unknown_seat"
    );
    begin(service, operator, &request(&replacing.world))
        .await
        .expect("begins");
}

#[tokio::test]
async fn a_version_that_came_in_force_meanwhile_stops_the_ceremony() {
    let replacing = replacing().await;
    let service = &replacing.world.service;
    let erin = replacing.seated("carol").await;
    hand_in(service, &erin, &of(&new_record()))
        .await
        .expect("is taken");
    let rules = super::super::versions::next(&replacing.world, &keys(), |draft| {
        draft.limits.fee_max_sat -= 1;
    })
    .await;
    super::super::versions::change_to(&replacing.world, &rules).await;
    assert_eq!(code(replacing.written().await), "ceremony_stale");
}

#[tokio::test]
async fn after_the_keys_changed_the_service_learns_which_addresses_to_reissue() {
    let world = world(Kind::SortedMulti, 1).await;
    let (service, operator) = (&world.service, &world.operator);
    let before = world.address().await;
    let none = list_superseded(service, operator, world.vault, 0, None).await;
    assert_eq!(none.expect("a list"), []);
    let keys = Vault::from_seed(Kind::SortedMulti, 60);
    let next = super::super::versions::next(&world, &keys, |draft| {
        for signer in &mut draft.signers {
            signer.journal = secret(&format!("new {}", signer.name)).public().to_string();
        }
    })
    .await;
    super::super::versions::change_to(&world, &next).await;
    let after = world.address().await;
    let all = list_superseded(service, operator, world.vault, 0, None).await;
    let all: Vec<String> = all
        .expect("a list")
        .into_iter()
        .map(|one| one.address)
        .collect();
    assert_eq!(all.len(), 2);
    assert!(all.contains(&before.address) && !all.contains(&after.address));
    let second = list_superseded(service, operator, world.vault, 1, Some(1)).await;
    assert_eq!(second.expect("a list")[0].address, all[1]);
    let mut tx = service.database().begin_read().await.expect("begins");
    let (object, kind) = (world.vault.to_string(), "vault.addresses-superseded");
    let told = events::of_object(&mut tx, "vault", &object, kind, 10).await;
    let told = told.expect("events");
    assert_eq!(
        (told.len(), &told[0].body["addresses"]),
        (1, &serde_json::json!(2))
    );
}
