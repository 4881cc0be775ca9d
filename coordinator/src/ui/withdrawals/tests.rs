//! What the pages of withdrawals say to whom, over a real service.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum_extra::extract::Query;
use policies::document::{ApproverDraft, PinnedKeyDraft, PolicyDraft, RequesterDraft};
use serde::de::DeserializeOwned;

use super::{approve, detail, files, list, new, pay_again, requesting};
use crate::roles::fixture::Kind;
use crate::service::approvals::record_approvals;
use crate::service::people::PersonRole;
use crate::service::previews::Draft;
use crate::service::tests::passkey::Passkey;
use crate::service::tests::world::{World, foreign, rule, secret};
use crate::ui::fault::Fault;
use crate::ui::posted::{Asked, Named, Posted};
use crate::ui::visitor::Visitor;
use crate::ui::{Ui, sample};

/// Pages over a world.
struct Looking<'w> {
    world: &'w World,
    ui: Ui,
}

impl<'w> Looking<'w> {
    fn at(world: &'w World) -> Self {
        let ui = sample::ui(world.service.clone());
        Self { world, ui }
    }

    fn visitor(&self, person: &str, role: PersonRole) -> Visitor {
        Visitor {
            vaults: vec![(self.world.vault, "treasury".to_owned())],
            ..Visitor::sample(person, role)
        }
    }

    fn state(&self) -> State<Ui> {
        State(self.ui.clone())
    }

    fn vault(&self) -> Named {
        Named::of(&[("vault", &self.world.vault.to_string())])
    }

    fn withdrawal(&self, (requester, id): (&str, &str)) -> Named {
        let vault = self.world.vault.to_string();
        Named::of(&[("vault", &vault), ("requester", requester), ("id", id)])
    }

    async fn listed(&self, visitor: &Visitor, asked: &str) -> (StatusCode, String) {
        read(list::list(self.state(), visitor.clone(), self.vault(), query(asked)).await).await
    }

    async fn shown(&self, visitor: &Visitor, of: (&str, &str)) -> (StatusCode, String) {
        read(detail::detail(self.state(), visitor.clone(), self.withdrawal(of)).await).await
    }

    async fn receipt(&self, visitor: &Visitor, of: (&str, &str)) -> (StatusCode, String) {
        read(files::printed(self.state(), visitor.clone(), self.withdrawal(of)).await).await
    }

    async fn approving(&self, visitor: &Visitor, asked: &str) -> (StatusCode, String) {
        read(approve::page(self.state(), visitor.clone(), self.vault(), query(asked)).await).await
    }

    async fn previewed(&self, visitor: &Visitor, draft: Draft, live: bool) -> (StatusCode, String) {
        let mut headers = HeaderMap::new();
        if live {
            headers.insert("hx-request", HeaderValue::from_static("true"));
        }
        let posted = Posted(draft);
        read(new::preview(self.state(), visitor.clone(), self.vault(), headers, posted).await).await
    }

    async fn reviewed(&self, visitor: &Visitor, draft: Draft) -> (StatusCode, String) {
        let posted = Posted(draft);
        read(requesting::review(self.state(), visitor.clone(), self.vault(), posted).await).await
    }
}

fn query<T: DeserializeOwned>(text: &str) -> Asked<T> {
    let uri = format!("/?{text}").parse().expect("an address");
    Asked(Query::<T>::try_from_uri(&uri).expect("a query").0)
}

/// The status and the text of an answer; of a fault its status alone, since the guard draws it.
async fn read(answer: Result<Response, Fault>) -> (StatusCode, String) {
    sample::read(answer.unwrap_or_else(IntoResponse::into_response)).await
}

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

#[tokio::test]
async fn the_pages_say_what_waits_what_counts_and_what_it_means() {
    let world = World::funded_on(Kind::Wsh, 4, 50_000_000, policy).await;
    let pages = Looking::at(&world);
    let visitor = |person, role| pages.visitor(person, role);
    let (dana, erin) = (
        visitor("dana", PersonRole::Approver),
        visitor("erin", PersonRole::Approver),
    );
    let frank = visitor("frank", PersonRole::Requester);

    let empty = pages.listed(&frank, "").await;
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

    let (_, list) = pages.listed(&dana, "").await;
    assert!(
        list.contains("&lt;b&gt;Invoice&lt;/b&gt; &amp; &quot;co&quot; 4711")
            && !list.contains("<b>Invoice")
    );
    assert_eq!(list.matches("waits for you").count(), 3);
    let (status, filtered) = pages.listed(&dana, "from=abc&state=nope&waits=me").await;
    assert_eq!(status, StatusCode::OK, "bad filters are told beside them");
    assert!(filtered.contains("id=\"from-wrong\"") && filtered.contains("There is no such state"));
    let (_, csv) = pages.listed(&dana, "format=csv").await;
    assert!(csv.starts_with("vault,requester,id,state"), "{csv}");
    assert_eq!(csv.lines().count(), 5);

    let asked = format!("intent={}&intent={}", medium.intent_hash, large.intent_hash);
    let (_, page) = pages.approving(&dana, &asked).await;
    assert!(
        page.contains("name=\"what\" value=\"approve\"")
            && page.contains("http://localhost:7543/ask")
    );
    assert!(page.contains("countersign-signer approve medium-2.json large-3.json"));
    assert!(!page.contains("data-passkey"), "dana has no page key");
    let (_, page) = pages.approving(&erin, &asked).await;
    assert!(page.contains("This approval trusts the coordinator"));
    assert!(
        page.contains("It counts for one withdrawal here")
            && page.contains("counts no approvals in the page")
    );
    assert!(!page.contains("/ask"), "erin has no key of her own");
    let asked = format!("intent={}", own.intent_hash);
    let (_, page) = pages.approving(&frank, &asked).await;
    assert!(
        page.contains("You asked for it yourself")
            && !page.contains("data-passkey")
            && !page.contains("/ask")
    );
    let (status, _) = pages.approving(&dana, "").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);

    let approval = world.approval(&[large.intent_hash], false);
    record_approvals(&world.service, &world.operator, world.vault, &approval)
        .await
        .expect("is taken");
    let txid = world.batch().await;
    world.broadcast(txid).await;
    let operator = visitor("olivia", PersonRole::Operator);
    let (status, page) = pages.shown(&operator, ("exchange", "large-3")).await;
    assert_eq!(status, StatusCode::OK);
    for words in [
        "Approval signed",
        "Sent to the signers",
        "Broadcast",
        "receipt.json",
        "data-kind=\"broadcast\"",
    ] {
        assert!(page.contains(words), "{words}");
    }
    let again = Posted(pay_again::Typed::at("2"));
    let named = pages.withdrawal(("exchange", "large-3"));
    let answer = pay_again::pay_again(pages.state(), operator.clone(), named, again).await;
    let (status, told) = read(answer).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(
        told.contains("not failed") && !told.contains("name=\"agreed\""),
        "{told}"
    );
    let (_, page) = pages.shown(&frank, ("desk", "desk-4")).await;
    assert!(page.contains("Take it back") && !page.contains("Approve or refuse"));
    let (status, page) = pages.receipt(&operator, ("exchange", "large-3")).await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("countersign/v1/intent") && page.contains("decoderawtransaction"));
    let (status, _) = pages.receipt(&operator, ("desk", "desk-4")).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_typed_withdrawal_is_previewed_kept_and_ready_to_sign() {
    let world = World::funded_on(Kind::Wsh, 4, 50_000_000, policy).await;
    let pages = Looking::at(&world);
    let frank = pages.visitor("frank", PersonRole::Requester);
    let address =
        bitcoin::Address::from_script(&foreign(3), bitcoin::Network::Regtest).expect("an address");
    let draft = Draft {
        to: address.to_string(),
        amount: "0.05".to_owned(),
        id: "typed-1".to_owned(),
        reference: "it's <rent>".to_owned(),
        ..Draft::default()
    };
    let (_, part) = pages.previewed(&frank, draft.clone(), true).await;
    assert!(
        !part.contains("<html") && part.contains("<strong>medium</strong> decides"),
        "{part}"
    );
    let (_, page) = pages.previewed(&frank, draft.clone(), false).await;
    assert!(page.contains("it&#39;s &#60;rent&#62;"), "{page}");
    let wrong = Draft {
        amount: "much".to_owned(),
        ..draft.clone()
    };
    let (status, page) = pages.reviewed(&frank, wrong).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.contains("id=\"amount-wrong\"") && page.contains("value=\"much\""));
    let (status, page) = pages.reviewed(&frank, draft).await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("name=\"what\" value=\"request\""));
    let command = "countersign-signer request --id typed-1 --to ";
    assert!(
        page.contains(command) && page.contains("--amount-sat 5000000 --expires-in 1d"),
        "{page}"
    );
}
