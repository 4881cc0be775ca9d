//! Who takes a withdrawal back: whoever asked for it, and operators.

use policies::document::{PinnedKeyDraft, PolicyDraft, RequesterDraft};

use super::world::{World, secret};
use crate::roles::fixture::Kind;
use crate::service::withdrawals::{cancel_withdrawal, may_cancel};
use crate::service::{Actor, Role};
use crate::store::withdrawals::WithdrawalKey;

fn desk(draft: &mut PolicyDraft) {
    draft.requesters.push(RequesterDraft {
        name: "desk".to_owned(),
        person: Some("erin".to_owned()),
        keys: vec![PinnedKeyDraft::own(&secret("desk").public())],
    });
}

#[tokio::test]
async fn a_requester_takes_back_own_withdrawals_and_an_operator_any() {
    let world = World::funded_on(Kind::Wsh, 3, 50_000_000, desk).await;
    world.submit("of-exchange", 400_000).await;
    for id in ["of-desk", "of-desk-too"] {
        let mut intent = world.intent(id, 500_000);
        intent.requester = "desk".parse().expect("a name");
        world.submit_as(&secret("desk"), &intent).await;
    }
    let actor = |name: &str, role| Actor {
        name: name.to_owned(),
        role,
        vault: None,
    };
    let cancel = async |actor: &Actor, requester: &str, id: &str| {
        let key = WithdrawalKey {
            vault: world.vault,
            requester: requester.parse().expect("a name"),
            id: id.parse().expect("an id"),
        };
        let may = may_cancel(&world.service, actor, &key)
            .await
            .expect("reads");
        let done = cancel_withdrawal(&world.service, actor, &key, "").await;
        assert_eq!(may, done.is_ok(), "the page says what is so");
        done.map_err(|error| (error.code(), error.class().status()))
    };
    let not_own = Err(("not_own", 403));
    // Erin is the person behind the desk, whose program has a token of the desk's own name.
    for own in ["erin", "desk"] {
        let own = actor(own, Role::Service);
        let others = cancel(&own, "exchange", "of-exchange").await;
        assert_eq!(others.map(drop), not_own);
    }
    for stranger in ["exchange", "frank", "Desk", ""] {
        let stranger = actor(stranger, Role::Service);
        let others = cancel(&stranger, "desk", "of-desk").await;
        assert_eq!(others.map(drop), not_own);
    }
    for (own, id) in [("erin", "of-desk"), ("desk", "of-desk-too")] {
        let cancelled = cancel(&actor(own, Role::Service), "desk", id).await;
        assert_eq!(cancelled.expect("is its own").state, "cancelled");
    }
    for role in [Role::Signer, Role::Auditor] {
        let refused = cancel(&actor("erin", role), "desk", "of-desk").await;
        assert_eq!(refused.map(drop), Err(("forbidden", 403)));
    }
    let any = cancel(&actor("olga", Role::Operator), "exchange", "of-exchange").await;
    assert_eq!(any.expect("is an operator").state, "cancelled");
}
