//! What the pages of withdrawals say to whom.

use axum::http::StatusCode;
use policies::document::{ApproverDraft, PinnedKeyDraft, PolicyDraft, RequesterDraft};

use super::passkey::Passkey;
use super::world::{World, rule, secret};
use crate::roles::fixture::Kind;
use crate::service::approvals::record_approvals;
use crate::service::people::PersonRole;
use crate::service::previews::Draft;
use crate::ui::sample::{self, withdrawals as pages};

/// Dana approves with her own tool, Erin in the page; "medium" counts one of each. The desk is Frank.
fn policy(draft: &mut PolicyDraft) {
    draft.approvers.push(ApproverDraft {
        name: "erin".to_owned(),
        person: "erin".to_owned(),
        groups: vec!["ops".to_owned()],
        keys: vec![Passkey::new(9).on_page()],
    });
    draft.requesters.push(RequesterDraft {
        name: "desk".to_owned(),
        person: Some("frank".to_owned()),
        keys: vec![PinnedKeyDraft::own(&secret("desk").public())],
    });
    let mut medium = rule("medium", 10_000_000, Some("ops"), 1);
    medium.approvals.page = Some(1);
    draft.rules.insert(1, medium);
}

/// Where pages are kept to be looked at, if somebody wants that.
fn kept() -> Option<std::path::PathBuf> {
    option_env!("COUNTERSIGN_KEEP_PAGES").map(Into::into)
}

fn keep(name: &str, html: &str) {
    if let Some(folder) = kept() {
        sample::keep(&folder, name, html);
    }
}

#[tokio::test]
async fn the_pages_say_what_waits_what_counts_and_what_it_means() {
    let world = World::funded_on(Kind::Wsh, 4, 50_000_000, policy).await;
    let ui = sample::ui(world.service.clone());
    let visitor = |person: &str, role| {
        let mut visitor = crate::ui::sample::visitor(person, role);
        visitor.vaults = vec![(world.vault, "treasury".to_owned())];
        visitor
    };
    let (dana, erin) = (
        visitor("dana", PersonRole::Approver),
        visitor("erin", PersonRole::Approver),
    );
    let frank = visitor("frank", PersonRole::Requester);

    let empty = sample::read(pages::listed(&ui, &frank, world.vault, "").await).await;
    assert_eq!(empty.0, StatusCode::OK);
    assert!(empty.1.contains("There are no withdrawals yet."));

    world.submit("small-1", 400_000).await;
    let mut intent = world.intent("medium-2", 5_000_000);
    intent.reference = "<b>Invoice</b> & \"co\" 4711".to_owned();
    let medium = world.try_submit(&intent).await.expect("is taken").0;
    let large = world.submit("large-3", 60_000_000).await;
    let mut own = world.intent("desk-4", 7_000_000);
    own.requester = "desk".parse().expect("a name");
    let own = world.submit_as(&secret("desk"), &own).await;

    let (_, list) = sample::read(pages::listed(&ui, &dana, world.vault, "").await).await;
    assert!(
        list.contains("&lt;b&gt;Invoice&lt;/b&gt; &amp; &quot;co&quot; 4711")
            && !list.contains("<b>Invoice")
    );
    assert_eq!(list.matches("waits for you").count(), 3);
    keep("list.html", &list);
    let (status, filtered) =
        sample::read(pages::listed(&ui, &dana, world.vault, "from=abc&state=nope&waits=me").await)
            .await;
    assert_eq!(status, StatusCode::OK, "bad filters are told beside them");
    assert!(filtered.contains("id=\"from-wrong\"") && filtered.contains("There is no such state"));
    let (_, csv) = sample::read(pages::listed(&ui, &dana, world.vault, "format=csv").await).await;
    assert!(csv.starts_with("vault,requester,id,state"), "{csv}");
    assert_eq!(csv.lines().count(), 5);

    let asked = format!("intent={}&intent={}", medium.intent_hash, large.intent_hash);
    let (_, page) = sample::read(pages::approving(&ui, &dana, world.vault, &asked).await).await;
    assert!(
        page.contains("name=\"what\" value=\"approve\"")
            && page.contains("http://localhost:7543/ask")
    );
    assert!(page.contains("countersign-signer approve medium-2.json large-3.json"));
    assert!(!page.contains("data-passkey"), "dana has no page key");
    keep("approve-own.html", &page);
    let (_, page) = sample::read(pages::approving(&ui, &erin, world.vault, &asked).await).await;
    assert!(page.contains("This approval trusts the coordinator"));
    assert!(
        page.contains("It counts for one withdrawal here")
            && page.contains("counts no approvals in the page")
    );
    assert!(!page.contains("/ask"), "erin has no key of her own");
    keep("approve-page.html", &page);
    let asked = format!("intent={}", own.intent_hash);
    let (_, page) = sample::read(pages::approving(&ui, &frank, world.vault, &asked).await).await;
    assert!(
        page.contains("You asked for it yourself")
            && !page.contains("data-passkey")
            && !page.contains("/ask")
    );
    let (status, _) = sample::read(pages::approving(&ui, &dana, world.vault, "").await).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);

    let approval = world.approval(&[large.intent_hash], false);
    record_approvals(&world.service, &world.operator, world.vault, &approval)
        .await
        .expect("is taken");
    let txid = world.batch().await;
    world.broadcast(txid).await;
    let operator = visitor("olivia", PersonRole::Operator);
    let (status, page) =
        sample::read(pages::shown(&ui, &operator, world.vault, ("exchange", "large-3")).await)
            .await;
    assert_eq!(status, StatusCode::OK);
    for words in [
        "Approval signed",
        "Sent to the signers",
        "Broadcast",
        "receipt.json",
        "It waits for a block.",
    ] {
        assert!(page.contains(words), "{words}");
    }
    keep("detail.html", &page);
    let (_, page) =
        sample::read(pages::shown(&ui, &frank, world.vault, ("desk", "desk-4")).await).await;
    assert!(page.contains("Take it back") && !page.contains("Approve or refuse"));
    keep("detail-open.html", &page);
    let (status, page) =
        sample::read(pages::receipt(&ui, &operator, world.vault, ("exchange", "large-3")).await)
            .await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("countersign/v1/intent") && page.contains("decoderawtransaction"));
    keep("receipt.html", &page);
    let (status, _) =
        sample::read(pages::receipt(&ui, &operator, world.vault, ("desk", "desk-4")).await).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_typed_withdrawal_is_previewed_kept_and_ready_to_sign() {
    let world = World::funded_on(Kind::Wsh, 4, 50_000_000, policy).await;
    let ui = sample::ui(world.service.clone());
    let mut frank = crate::ui::sample::visitor("frank", PersonRole::Requester);
    frank.vaults = vec![(world.vault, "treasury".to_owned())];
    let address =
        bitcoin::Address::from_script(&super::world::foreign(3), bitcoin::Network::Regtest)
            .expect("an address");
    let draft = Draft {
        to: address.to_string(),
        amount: "0.05".to_owned(),
        id: "typed-1".to_owned(),
        reference: "it's <rent>".to_owned(),
        ..Draft::default()
    };
    let (_, part) =
        sample::read(pages::previewed(&ui, &frank, world.vault, draft.clone(), true).await).await;
    assert!(
        !part.contains("<html") && part.contains("<strong>medium</strong> decides"),
        "{part}"
    );
    let (_, page) =
        sample::read(pages::previewed(&ui, &frank, world.vault, draft.clone(), false).await).await;
    assert!(
        page.contains("it&#39;s &lt;rent&gt;") || page.contains("it&#x27;s &lt;rent&gt;"),
        "{page}"
    );
    keep("new.html", &page);
    let wrong = Draft {
        amount: "much".to_owned(),
        ..draft.clone()
    };
    let (status, page) = sample::read(pages::reviewed(&ui, &frank, world.vault, wrong).await).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.contains("id=\"amount-wrong\"") && page.contains("value=\"much\""));
    let (status, page) = sample::read(pages::reviewed(&ui, &frank, world.vault, draft).await).await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("name=\"what\" value=\"request\""));
    let command = "countersign-signer request --id typed-1 --to ";
    assert!(
        page.contains(command) && page.contains("--amount-sat 5000000 --expires-in 1d"),
        "{page}"
    );
    keep("sign.html", &page);
}
