//! The pages of the books: what they say, that nobody's words disguise anything, and what forms keep.

use axum::http::{StatusCode, header};
use tokio::net::TcpListener;
use ureq::Agent;

use super::coin_marks::freeze;
use super::customers::{customers, overdrawn};
use super::world::World;
use crate::roles::fixture::Kind;
use crate::service::addresses::{NewAddress, issue_address};
use crate::service::people::PersonRole;
use crate::service::reconciliations::request_reconciliation;
use crate::ui::drawn_books::books;
use crate::ui::sample;

/// A reference that would be a script in HTML and a formula in a spreadsheet.
const HOSTILE: &str = "=<script>alert(1)</script>\"'";

/// A vault with deposits, one of them of a hostile reference, and a withdrawal under way.
async fn busy() -> World {
    let mut world = World::funded(Kind::Wsh, 4, 1_000_000).await;
    let new = NewAddress {
        reference: HOSTILE.to_owned(),
        ..NewAddress::default()
    };
    let issued = issue_address(&world.service, &world.operator, world.vault, &new)
        .await
        .expect("an address");
    let script = bitcoin::ScriptBuf::from_hex(&issued.script_pubkey).expect("hex");
    let paid = world.payment_to(script, 7_654_321);
    world.mine(vec![paid]).await;
    world.work().await;
    world.submit("w-1", 900_000).await;
    world.try_batch().await.expect("a batch");
    world.work().await;
    world
}

/// The pages for one visitor, on a port of their own.
struct Site {
    agent: Agent,
    url: String,
}

/// What a page answered.
struct Answer {
    status: StatusCode,
    location: String,
    text: String,
}

async fn pages(world: &World, role: PersonRole) -> Site {
    let mut visitor = sample::visitor("olga", role);
    visitor.vaults = vec![(world.vault, "treasury".to_owned())];
    let router = books(sample::ui(world.service.clone()), visitor);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    let agent = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .build()
        .new_agent();
    Site {
        agent,
        url: format!("http://{address}"),
    }
}

impl Site {
    async fn get(&self, path: &str) -> Answer {
        let (agent, url) = (self.agent.clone(), format!("{}{path}", self.url));
        let asked = tokio::task::spawn_blocking(move || read(agent.get(&url).call()));
        asked.await.expect("asks")
    }

    async fn post(&self, path: &str, form: &str) -> Answer {
        let (agent, url) = (self.agent.clone(), format!("{}{path}", self.url));
        let form = form.to_owned();
        let asked = tokio::task::spawn_blocking(move || {
            let kind = "application/x-www-form-urlencoded";
            read(agent.post(&url).header("content-type", kind).send(&form))
        });
        asked.await.expect("asks")
    }
}

fn read(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Answer {
    let mut answer = answer.expect("an answer");
    let location = answer.headers().get(header::LOCATION);
    Answer {
        status: answer.status(),
        location: location.map_or_else(String::new, |place| {
            place.to_str().expect("text").to_owned()
        }),
        text: answer.body_mut().read_to_string().expect("text"),
    }
}

/// The links of a page that begin with a path.
fn links<'a>(html: &'a str, path: &str) -> Vec<&'a str> {
    html.split("href=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .filter(|href| href.starts_with(path) && !href.contains('?'))
        .collect()
}

#[tokio::test]
async fn every_page_of_the_books_is_drawn_and_takes_nobodys_words_for_html() {
    let world = busy().await;
    let router = pages(&world, PersonRole::Operator).await;
    let root = format!("/vaults/{}", world.vault);
    let mut open = vec![
        format!("{root}/deposits"),
        format!("{root}/addresses"),
        format!("{root}/coins"),
        format!("{root}/coins?spent=any&frozen=no&least=0.01&most=1&state=settled"),
        format!("{root}/coins/calendar"),
        format!("{root}/ledger"),
        format!("{root}/statement"),
        format!("{root}/statement?from=2026-11&to=2026-11-30&all=yes"),
        format!("{root}/statement?from=%3Cscript%3Ealert(1)"),
        "/events".to_owned(),
        "/events/verification".to_owned(),
        "/search?q=1%20000%20000%20sat".to_owned(),
        "/search?q=%3Cscript%3E".to_owned(),
        "/search".to_owned(),
    ];
    for list in ["deposits", "addresses", "coins"] {
        let html = router.get(&format!("{root}/{list}")).await.text;
        let found = links(&html, &format!("{root}/{list}/"));
        assert!(!found.is_empty(), "{list}");
        open.extend(found.into_iter().map(str::to_owned));
    }
    let mut hostile = 0;
    for path in open {
        let Answer {
            status, text: html, ..
        } = router.get(&path).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        assert_eq!(html.matches("<h1>").count(), 1, "{path} has one title");
        assert!(!html.contains("<script>alert"), "{path}");
        assert!(
            !html.contains(" style=") && !html.contains(" onclick="),
            "{path}"
        );
        hostile += html.matches("&lt;script&gt;alert(1)").count();
    }
    assert!(hostile >= 4, "the words themselves are shown: {hostile}");
}

#[tokio::test]
async fn a_statement_is_shown_and_given_as_whole_files() {
    let world = busy().await;
    let router = pages(&world, PersonRole::Auditor).await;
    let root = format!("/vaults/{}/statement", world.vault);
    let html = router.get(&format!("{root}?from=2026-11")).await.text;
    assert!(
        html.contains("provisional"),
        "the month is not over: {html}"
    );
    assert!(html.contains("deposit settled"), "{html}");
    let asked = request_reconciliation(&world.service, &world.operator, world.vault, true).await;
    assert!(asked.expect("is asked for").deep);
    let ledger = router.get(&format!("/vaults/{}/ledger", world.vault)).await;
    assert!(
        ledger.text.contains("waits for the watchtower"),
        "{}",
        ledger.text
    );
    let file = async |format: &str| {
        let path = format!("{root}/file?from=2026-11&format={format}");
        router.get(&path).await.text
    };
    let csv = file("csv").await;
    let rows = csv
        .lines()
        .filter(|line| line.contains(",movement,"))
        .count();
    assert!(rows > 3, "{csv}");
    assert!(csv.contains(",closing,"), "the file is whole: {csv}");
    assert!(file("hledger").await.contains("closing balances, asserted"));
    let text = file("text").await;
    assert!(text.contains(&format!("Movements: {rows}\n")), "{text}");
    let wrong = router.get(&format!("{root}?from=october")).await.text;
    assert!(wrong.contains("neither a month"), "{wrong}");
}

#[tokio::test]
async fn letters_that_hide_are_shown_in_labels_and_reasons() {
    let world = busy().await;
    let router = pages(&world, PersonRole::Operator).await;
    let html = router
        .get(&format!("/vaults/{}/coins", world.vault))
        .await
        .text;
    let coin = links(&html, &format!("/vaults/{}/coins/", world.vault))
        .into_iter()
        .find(|href| !href.ends_with("calendar"))
        .expect("a coin")
        .to_owned();
    let labelled = router
        .post(&format!("{coin}/label"), "label=pay%E2%80%AEroll")
        .await;
    assert_eq!(labelled.status, StatusCode::SEE_OTHER);
    let frozen = router
        .post(&format!("{coin}/freeze"), "reason=odd%E2%80%8Bsender")
        .await;
    assert_eq!(frozen.status, StatusCode::SEE_OTHER);
    let html = router.get(&coin).await.text;
    assert!(html.contains("U+200B"), "{html}");
    let html = router
        .get(&format!("/vaults/{}/coins", world.vault))
        .await
        .text;
    assert!(html.contains("U+202E") && html.contains("U+200B"), "{html}");
    let thawed = router.post(&format!("{coin}/thaw"), "").await;
    assert_eq!(thawed.status, StatusCode::SEE_OTHER);
    let html = router.get(&coin).await.text;
    assert!(!html.contains("U+200B"));
}

#[tokio::test]
async fn a_form_that_is_refused_keeps_what_was_typed_and_says_why_beside_the_field() {
    let world = busy().await;
    let router = pages(&world, PersonRole::Operator).await;
    let root = format!("/vaults/{}", world.vault);
    let html = router.get(&format!("{root}/coins")).await.text;
    let coin = links(&html, &format!("{root}/coins/"))
        .into_iter()
        .find(|href| !href.ends_with("calendar"))
        .expect("a coin")
        .to_owned();
    let long = "x".repeat(300);
    for (path, form, field) in [
        (format!("{coin}/freeze"), "reason=+".to_owned(), "reason"),
        (format!("{coin}/freeze"), format!("reason={long}"), "reason"),
        (format!("{coin}/label"), format!("label={long}"), "label"),
        (
            format!("{root}/addresses"),
            "reference=gr%C3%BCn".to_owned(),
            "reference",
        ),
    ] {
        let Answer {
            status, text: html, ..
        } = router.post(&path, &form).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{form}");
        assert!(html.contains(&format!("id=\"{field}-wrong\"")), "{form}");
        let typed = form.split('=').nth(1).unwrap_or_default();
        let typed = typed.replace('+', " ").replace("%C3%BC", "ü");
        assert!(html.contains(&format!("value=\"{typed}\"")), "{form}");
    }
    let Answer {
        status, text: html, ..
    } = router
        .get(&format!("{root}/deposits?least=lots&since=soon"))
        .await;
    assert_eq!(status, StatusCode::OK);
    assert!(html.contains("id=\"least-wrong\"") && html.contains("id=\"since-wrong\""));
    assert!(html.contains("value=\"lots\""));
    for path in [
        "coins/nonsense",
        "deposits/x:1",
        "addresses/nobodys",
        "coins?after=%25",
    ] {
        let status = router.get(&format!("{root}/{path}")).await.status;
        assert!(status.is_client_error(), "{path}: {status}");
    }
}

#[tokio::test]
async fn an_address_is_issued_from_the_page_and_shows_how_to_derive_it() {
    let world = busy().await;
    let router = pages(&world, PersonRole::Requester).await;
    let root = format!("/vaults/{}", world.vault);
    let issued = router
        .post(&format!("{root}/addresses"), "reference=customer+8")
        .await;
    assert_eq!(issued.status, StatusCode::SEE_OTHER);
    let place = issued.location;
    let Answer {
        status, text: html, ..
    } = router.get(&place).await;
    assert_eq!(status, StatusCode::OK);
    assert!(html.contains("customer 8") && html.contains("deriveaddresses"));
    let auditor = pages(&world, PersonRole::Auditor).await;
    let refused = auditor
        .post(&format!("{root}/addresses"), "reference=x")
        .await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let html = auditor.get(&format!("{root}/addresses")).await.text;
    assert!(!html.contains("Issue the next address"));
}

#[tokio::test]
async fn exports_hold_every_row_and_no_cell_is_a_formula() {
    let world = busy().await;
    let router = pages(&world, PersonRole::Auditor).await;
    let root = format!("/vaults/{}", world.vault);
    let Answer { status, text, .. } = router.get(&format!("{root}/deposits?format=csv")).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(text.lines().count(), 6, "{text}");
    assert!(text.contains("'=<script>") && !text.contains(",=<") && !text.contains(",\"=<"));
    for list in [
        "coins?spent=any&format=csv",
        "addresses?format=csv",
        "ledger?format=csv",
    ] {
        let Answer { status, text, .. } = router.get(&format!("{root}/{list}")).await;
        assert_eq!(status, StatusCode::OK);
        assert!(text.lines().count() > 5, "{list}: {text}");
    }
    let csv = router.get("/events?format=csv&kind=deposit").await.text;
    let lines = router.get("/events?format=jsonl&kind=deposit").await.text;
    assert_eq!(csv.lines().count(), lines.lines().count() + 1);
    for line in lines.lines() {
        let event: serde_json::Value = serde_json::from_str(line).expect("JSON");
        assert!(
            event["kind"]
                .as_str()
                .is_some_and(|kind| kind.starts_with("deposit"))
        );
    }
}

#[tokio::test]
async fn a_text_that_names_one_thing_leads_there_at_once() {
    let world = busy().await;
    let router = pages(&world, PersonRole::Auditor).await;
    let found = router.get("/search?q=w-1").await;
    assert_eq!(found.status, StatusCode::SEE_OTHER);
    let place = format!("/vaults/{}/withdrawals/exchange/w-1", world.vault);
    assert_eq!(found.location, place);
    let found = router.get("/search?q=w-1&all=1").await;
    assert_eq!(found.status, StatusCode::OK);
}

#[tokio::test]
async fn frozen_coins_and_what_the_books_hold_are_shown() {
    let world = busy().await;
    let router = pages(&world, PersonRole::Operator).await;
    let root = format!("/vaults/{}", world.vault);
    let html = router
        .get(&format!("{root}/coins?reserved=no&state=settled"))
        .await
        .text;
    let coin = links(&html, &format!("{root}/coins/"))
        .into_iter()
        .find(|href| !href.ends_with("calendar"))
        .expect("a coin")
        .to_owned();
    let name = coin.rsplit('/').next().expect("an outpoint").to_owned();
    freeze(&world, &name).await;
    let html = router.get(&format!("{root}/coins?frozen=yes")).await.text;
    assert!(html.contains("its sender is not known") && html.contains(&name));
    let html = router.get(&format!("{root}/coins?frozen=no")).await.text;
    assert!(!html.contains(&name));
    let html = router.get(&format!("{root}/coins/calendar")).await.text;
    assert!(
        html.contains("Refresh before") && html.contains("12960 blocks"),
        "{html}"
    );
}

#[tokio::test]
async fn a_customer_below_0_stands_on_the_ledgers_page_and_is_let_go_there() {
    let (world, _) = Box::pin(overdrawn(true)).await;
    let path = format!("/vaults/{}/ledger", world.vault);
    let (operator, auditor) = (
        pages(&world, PersonRole::Operator).await,
        pages(&world, PersonRole::Auditor).await,
    );
    let shown = auditor.get(&path).await.text;
    assert!(
        shown.contains("customer 7") && shown.contains(">wait<"),
        "{shown}"
    );
    assert!(!shown.contains("/customers"), "an auditor decides nothing");
    let release = format!("/vaults/{}/customers/release", world.vault);
    let silent = operator
        .post(&release, "reference=customer+7&reason=+")
        .await;
    assert_eq!(silent.status, StatusCode::BAD_REQUEST, "{}", silent.text);
    assert!(customers(&world).await.negative.iter().all(|one| one.held));
    let said = operator
        .post(&release, "reference=customer+7&reason=they+paid")
        .await;
    assert_eq!(said.status, StatusCode::SEE_OTHER, "{}", said.text);
    let shown = operator.get(&path).await.text;
    assert!(
        shown.contains(">let go<") && shown.contains("they paid"),
        "{shown}"
    );

    let labels = format!("/vaults/{}/customers", world.vault);
    operator.post(&labels, "accounts=false").await;
    let shown = operator.get(&path).await.text;
    assert!(shown.contains("Treat references as accounts"), "{shown}");
    assert!(!customers(&world).await.references_are_accounts);
}
