//! Mail, webhooks, addresses that must not be called, and settings: each over real sockets and a real database.

mod addresses;
mod calling;
mod mailing;
mod settings;

use super::posting::Reach;
use crate::jobs::outward_round;
use crate::service::Actor;
use crate::service::people::PersonRole;
use crate::service::tests::world::World;
use crate::store::people::persons::{self, PersonRow};

fn loopback() -> Reach {
    Reach {
        allow_loopback: true,
        ..Reach::default()
    }
}

/// A person who approves, with an address.
async fn join(world: &World, name: &str) -> Actor {
    let mut tx = world.write().await;
    let row = PersonRow {
        name: name.to_owned(),
        role: PersonRole::Approver.name().to_owned(),
        vault: None,
        created_at: world.service.now(),
        created_by: "test".to_owned(),
        ended_at: None,
    };
    persons::insert(&mut tx, &row).await.expect("stored");
    tx.commit().await.expect("commits");
    Actor {
        name: name.to_owned(),
        role: PersonRole::Approver.role(),
        vault: None,
    }
}

/// Everything that can be done now is done, and what follows within a minute.
async fn settle(world: &World) {
    for _ in 0..3 {
        world.work().await;
        while outward_round(&world.service, "test")
            .await
            .expect("a round")
        {}
        world.pass(31);
    }
}
