//! A ladder on the page of its rungs, and the form of the fee policy on the queue's.

use axum::http::StatusCode;

use super::{Looking, attempt, detail, html, queue, to, typed};
use crate::fees::Bump;
use crate::roles::fixture::Kind;
use crate::service::fee_policies::show_fees;
use crate::service::ladders::{MakeLadder, make_ladder};
use crate::service::people::PersonRole;
use crate::service::tests::world::World;
use crate::ui::attempts::ladder;
use crate::ui::fees;

#[tokio::test]
async fn a_ladder_stands_on_the_page_of_each_rung_and_only_the_one_named_is_released() {
    let world = World::funded(Kind::Wsh, 3, 2_000_000).await;
    world.submit("w-1", 300_000).await;
    let first = world.batch().await;
    let mut looking = Looking::at(world);
    let shown = async |looking: &Looking, txid| {
        let (state, visitor) = looking.asks();
        html(detail::show(state, visitor, attempt(txid)).await)
            .await
            .1
    };
    assert!(!shown(&looking, first).await.contains("<h2>Ladder</h2>"));
    let asked = MakeLadder {
        rungs_sat_vb: vec!["20".to_owned(), "30".to_owned()],
        preview: false,
    };
    let (service, operator) = (&looking.world.service, &looking.world.operator);
    let made = make_ladder(service, operator, first, &asked).await;
    let made = made.expect("is made").rungs;
    let (second, third) = (made[1].txid, made[2].txid);
    let button = |txid| format!("action=\"/attempts/{txid}/release\"");
    for txid in [first, second, third] {
        let page = shown(&looking, txid).await;
        assert!(page.contains("<h2>Ladder</h2>"), "{page}");
        assert_eq!(page.matches(">held<").count(), 2, "{page}");
        assert!(page.contains(&button(second)) && !page.contains(&button(third)));
    }
    let release = async |looking: &Looking, txid| {
        let (state, visitor) = looking.asks();
        ladder::release(state, visitor, attempt(txid)).await
    };
    assert!(to(release(&looking, second).await).starts_with(&format!("/attempts/{second}")));
    // Whoever sends the form twice releases one rung.
    let again = release(&looking, second).await;
    assert!(again.is_err_and(|fault| fault.status().is_client_error()));
    let page = shown(&looking, first).await;
    assert_eq!(page.matches(">held<").count(), 1, "{page}");
    assert!(page.contains(&button(third)), "{page}");
    looking.as_a(PersonRole::Auditor);
    assert!(!shown(&looking, first).await.contains(&button(third)));
}

#[tokio::test]
async fn the_fee_policy_is_set_shown_and_taken_away_on_the_queues_page() {
    let mut looking = Looking::at(World::new(Kind::Wsh).await);
    let form = "id=\"fee-policy\"";
    let shown = async |looking: &Looking| {
        let (state, visitor) = looking.asks();
        html(queue::show(state, visitor, looking.vault()).await)
            .await
            .1
    };
    let page = shown(&looking).await;
    assert!(
        page.contains(form) && !page.contains("/fees/clear"),
        "{page}"
    );
    let send = async |looking: &Looking, pairs: &[(&str, &str)]| {
        let (state, visitor) = looking.asks();
        fees::set(state, visitor, looking.vault(), typed(pairs)).await
    };
    let good = [
        ("target", "3"),
        ("deadline", "4"),
        ("budget", "50000 sat"),
        ("bump", "automatic"),
        ("cpfp", "yes"),
        ("below", "2.5"),
        ("rungs", "5, 10,"),
    ];
    for (wrong, value, words) in [
        ("target", "0", "A number of blocks from 1 to 1008."),
        ("deadline", "soon", "A number of blocks from 1 to 1008."),
        ("budget", "", "An amount in satoshi"),
        ("bump", "always", "Choose one."),
        ("rungs", "10, 5", "What to do:"),
        ("below", "a", "What to do:"),
    ] {
        let pairs = good.map(|(field, said)| (field, if field == wrong { value } else { said }));
        let (status, page) = html(send(&looking, &pairs).await).await;
        assert!(status.is_client_error(), "{wrong}: {status}");
        assert!(page.contains(words), "{wrong}: {page}");
        assert!(page.contains("id=\"fee-policy\" open"), "{wrong}: {page}");
        assert!(page.contains("value=\"50000 sat\"") || wrong == "budget");
    }
    assert!(to(send(&looking, &good).await).contains("/queue"));
    let (service, operator, vault) = (
        looking.world.service.clone(),
        looking.world.operator.clone(),
        looking.world.vault,
    );
    let set = show_fees(&service, &operator, vault).await.expect("shows");
    let set = set.policy.expect("is set");
    assert_eq!((set.target_blocks, set.deadline_blocks), (3, 4));
    assert_eq!(
        (set.budget_sat, set.bump, set.cpfp),
        (50_000, Bump::Automatic, true)
    );
    assert_eq!(set.rungs_sat_vb, ["5", "10"]);
    let page = shown(&looking).await;
    for words in ["value=\"50000 sat\"", "value=\"5, 10\"", "/fees/clear"] {
        assert!(page.contains(words), "{words}: {page}");
    }
    let (state, visitor) = looking.asks();
    let cleared = fees::clear(state, visitor, looking.vault()).await;
    assert_eq!(
        cleared.map(|answer| answer.status()).ok(),
        Some(StatusCode::SEE_OTHER)
    );
    assert!(!shown(&looking).await.contains("/fees/clear"));
    looking.as_a(PersonRole::Auditor);
    assert!(!shown(&looking).await.contains(form));
}
