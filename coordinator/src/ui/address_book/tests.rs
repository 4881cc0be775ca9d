//! The pages of the address book over a real service: what they show, and what they refuse to hide.

use axum::body::to_bytes;
use axum::http::StatusCode;
use axum::response::Response;
use bitcoin::hex::DisplayHex;
use policies::document::{ApprovalsDraft, ListDraft, OpenDraft, PolicyDraft, TestFirstDraft};
use policies::{Approval, Statement, Subject};

use super::book::BookQuery;
use super::propose::Typed;
use super::{book, entry, import, propose};
use crate::roles::fixture::Kind;
use crate::service::lists::{
    ApproveStatement, SubmitStatement, approve_statement, submit_statement,
};
use crate::service::people::PersonRole;
use crate::service::pulse::Pulse;
use crate::service::tests::world::World;
use crate::ui::fault::Fault;
use crate::ui::visitor::Visitor;
use crate::ui::{Public, Ui};

const BANK: &str = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";

fn lists(draft: &mut PolicyDraft) {
    let group = || Some("ops".to_owned());
    draft.lists = vec![ListDraft {
        name: "partners".to_owned(),
        entries: Vec::new(),
        open: Some(OpenDraft {
            approvals: ApprovalsDraft {
                group: group(),
                count: 1,
                page: None,
            },
            delay: "24h".to_owned(),
            test_first: Some(TestFirstDraft {
                sat: 10_000,
                group: "ops".to_owned(),
            }),
        }),
    }];
}

async fn world() -> (World, Ui) {
    let world = World::funded_on(Kind::Wsh, 1, 1_000_000, lists).await;
    let public = Public::parse("https://treasury.example").expect("an origin");
    let ui = Ui::new(
        world.service.clone(),
        public,
        Pulse::alone(world.service.clone()),
    );
    (world, ui)
}

async fn html(answer: Result<Response, Fault>) -> (StatusCode, String) {
    let answer = answer.expect("a page");
    let status = answer.status();
    let bytes = to_bytes(answer.into_body(), 1 << 22).await.expect("a body");
    (status, String::from_utf8(bytes.to_vec()).expect("text"))
}

fn typed(address: &str, label: &str) -> Typed {
    Typed {
        address: address.to_owned(),
        label: label.to_owned(),
        ..Typed::default()
    }
}

/// Hands an entry in, signed by dana where that is asked for.
async fn hand_in(world: &World, text: &str, signed: bool) -> Subject {
    let (service, operator) = (&world.service, &world.operator);
    let statement = Statement::decode(text.as_bytes()).expect("canonical");
    let request = SubmitStatement {
        statement: text.to_owned(),
    };
    submit_statement(service, operator, world.vault, &request)
        .await
        .expect("stored");
    let (purpose, subject) = (statement.purpose(), statement.subject());
    if signed {
        let until = world.service.now().saturating_add(1_000_000);
        let approval = Approval::sign(&world.approver, purpose, world.vault, subject, until);
        let request = ApproveStatement {
            purpose: purpose.to_string(),
            expires: until,
            key: approval.key,
            signature: approval.signature.encode().to_lower_hex_string(),
        };
        approve_statement(service, operator, world.vault, subject, &request)
            .await
            .expect("counts");
    }
    subject
}

/// The statement that a page would have signed.
fn statement_of(page: &str) -> String {
    let begin = "name=\"statement\" value=\"";
    let rest = page.split_once(begin).expect("a statement").1;
    let text = rest.split_once('"').expect("its end").0;
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}

#[tokio::test]
async fn an_entry_goes_from_the_form_to_the_own_tool_and_into_the_book() {
    let (world, ui) = world().await;
    let dana = Visitor::sample("dana", PersonRole::Approver);
    let at = (world.vault, "partners");
    let (_, empty) = html(book::show(&ui, &dana, at.0, None, BookQuery::default()).await).await;
    assert!(empty.contains("No entries yet."), "says what to do");

    let (status, wrong) =
        html(propose::check(&ui, &dana, at, typed("bc1qnothing", "B\u{430}nk")).await).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.contains("id=\"address-wrong\"") && wrong.contains("id=\"label-wrong\""));
    assert!(wrong.contains("U+0430, which looks like a"));
    assert!(
        wrong.contains("value=\"bc1qnothing\""),
        "what was typed is kept"
    );

    let (status, page) =
        html(propose::check(&ui, &dana, at, typed(BANK, "Bank & Sons")).await).await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("action=\"http://localhost:7543/ask\""));
    assert!(page.contains("value=\"list-propose\""));
    assert!(
        page.contains("--label &#39;Bank &amp; Sons&#39;")
            || page.contains("--label &#39;Bank &#38; Sons&#39;"),
        "{page}"
    );
    let text = statement_of(&page);
    let subject = hand_in(&world, &text, true).await;
    let (_, page) = html(entry::draw(&ui, &dana, (at.0, at.1, subject)).await).await;
    assert!(
        page.contains("cooling") && page.contains("in 24 h"),
        "{page}"
    );
    assert!(page.contains("value=\"list-remove\""), "dana may remove it");
    assert!(page.contains(&format!("/entries/{subject}/entry.json")));
    let stranger = Visitor::sample("mallory", PersonRole::Approver);
    let (_, page) = html(entry::draw(&ui, &stranger, (at.0, at.1, subject)).await).await;
    assert!(!page.contains("value=\"list-remove\"") && page.contains("This is for dana."));
    entry::draw(&ui, &dana, (at.0, "others", subject))
        .await
        .expect_err("it is of another list");

    let query = BookQuery {
        state: "nonsense".to_owned(),
        ..BookQuery::default()
    };
    let (_, page) = html(book::show(&ui, &dana, at.0, None, query).await).await;
    assert!(page.contains("There is no such state"));
    assert!(page.contains("Bank &amp; Sons") || page.contains("Bank &#38; Sons"));
    let query = BookQuery {
        format: "csv".to_owned(),
        ..BookQuery::default()
    };
    let (_, file) =
        html(book::show(&ui, &dana, at.0, Some("partners".to_owned()), query).await).await;
    let mut lines = file.lines();
    assert!(
        lines
            .next()
            .expect("a header")
            .starts_with("list,label,address")
    );
    let line = lines.next().expect("the entry");
    assert!(
        line.starts_with("partners,Bank & Sons,") && line.contains(BANK),
        "{line}"
    );
}

#[tokio::test]
async fn labels_become_no_formula_and_no_html() {
    let (world, ui) = world().await;
    let dana = Visitor::sample("dana", PersonRole::Approver);
    let at = (world.vault, "partners");
    let label = "=1+<img src=x onerror=alert(1)>\"'";
    let (_, page) = html(propose::check(&ui, &dana, at, typed(BANK, label)).await).await;
    assert!(!page.contains("<img"));
    let subject = hand_in(&world, &statement_of(&page), true).await;
    let (_, page) = html(entry::draw(&ui, &dana, (at.0, at.1, subject)).await).await;
    assert!(!page.contains("<img"));
    let query = BookQuery {
        format: "csv".to_owned(),
        ..BookQuery::default()
    };
    let (_, file) = html(book::show(&ui, &dana, at.0, None, query).await).await;
    assert!(file.contains("\"'=1+<img"), "{file}");
}

#[tokio::test]
async fn an_import_shows_every_line_and_keeps_the_wrong_ones_to_be_mended() {
    let (world, ui) = world().await;
    let dana = Visitor::sample("dana", PersonRole::Approver);
    let at = (world.vault, "partners");
    let read = async |text: &str, file| {
        html(import::check(&ui, &dana, at, (text, text.as_bytes(), file)).await).await
    };
    let text = format!("{BANK},Bank,\nnothing,\"<b>\u{202e}x</b>\",\n");
    let (status, page) = read(&text, false).await;
    assert_eq!(status, StatusCode::OK);
    assert!(
        page.contains("1 can be signed") && page.contains("1 cannot"),
        "{page}"
    );
    assert!(
        page.contains("⟨U+202E⟩") && !page.contains('\u{202e}'),
        "nothing is hidden"
    );
    assert!(page.contains("value=\"list-propose\""));
    let (_, file) = read(&text, true).await;
    let all: serde_json::Value = serde_json::from_str(&file).expect("JSON");
    assert_eq!(all.as_array().map(Vec::len), Some(1));
    let (status, page) = read("  \n", false).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.contains("Choose a file, or paste its lines below."));
}
