//! The pages of batches, attempts, queue and spends to ourselves over a real service.

mod away;
mod devices;
mod fee_pages;

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest as _, Request, State};
use axum::http::{StatusCode, header};
use axum::response::Response;
use bitcoin::Txid;
use policies::psbt::Encoding;

use super::filters::ListQuery;
use super::{detail, files, list, replace};
use crate::roles::fixture::Kind;
use crate::service::people::PersonRole;
use crate::service::pulse::Pulse;
use crate::service::tests::world::World;
use crate::session::BatchId;
use crate::ui::fault::Fault;
use crate::ui::posted::{Asked, Named, Posted, Uploaded};
use crate::ui::visitor::Visitor;
use crate::ui::{Public, Ui, batches, own_spends, queue};

/// Pages over a world, and the one who looks.
struct Looking {
    world: World,
    ui: Ui,
    visitor: Visitor,
}

impl Looking {
    fn at(world: World) -> Self {
        let public = Public::parse("https://treasury.example").expect("an origin");
        let ui = Ui::new(
            world.service.clone(),
            public,
            Pulse::alone(world.service.clone()),
        );
        let mut visitor = Visitor::sample("olga", PersonRole::Operator);
        visitor.vaults = vec![(world.vault, "treasury".to_owned())];
        Self { world, ui, visitor }
    }

    fn asks(&self) -> (State<Ui>, Visitor) {
        (State(self.ui.clone()), self.visitor.clone())
    }

    fn vault(&self) -> Named {
        Named::of(&[("vault", &self.world.vault.to_string())])
    }

    fn as_a(&mut self, role: PersonRole) {
        let vaults = self.visitor.vaults.clone();
        self.visitor = Visitor {
            vaults,
            ..Visitor::sample("ada", role)
        };
    }
}

fn attempt(txid: Txid) -> Named {
    Named::of(&[("txid", &txid.to_string())])
}

fn batch(id: BatchId) -> Named {
    Named::of(&[("batch", &id.to_string())])
}

async fn html(answer: Result<Response, Fault>) -> (StatusCode, String) {
    let answer = answer.expect("a page");
    let status = answer.status();
    let bytes = to_bytes(answer.into_body(), 1 << 24).await.expect("a body");
    (status, String::from_utf8(bytes.to_vec()).expect("text"))
}

/// Where a form's answer leads.
fn to(answer: Result<Response, Fault>) -> String {
    let answer = answer.expect("an answer");
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    let to = answer.headers().get(header::LOCATION).expect("a place");
    to.to_str().expect("text").to_owned()
}

/// The mark of the preview on a page.
fn mark(page: &str) -> String {
    let (_, tail) = page
        .split_once("name=\"agreed\" value=\"")
        .expect("a preview");
    tail.split('"').next().expect("a mark").to_owned()
}

fn typed<T: serde::de::DeserializeOwned>(pairs: &[(&str, &str)]) -> Posted<T> {
    let mut form: std::collections::BTreeMap<&str, serde_json::Value> =
        std::collections::BTreeMap::new();
    for (name, value) in pairs {
        let text = serde_json::Value::from(*value);
        let many = ["withdrawal", "add", "remove", "split", "merge"].contains(name);
        let value = if many {
            serde_json::json!([text])
        } else {
            text
        };
        form.insert(name, value);
    }
    let form = serde_json::to_value(form).expect("a form");
    Posted(serde_json::from_value(form).expect("a form's type"))
}

async fn with_two() -> (Looking, Txid, BatchId) {
    let world = World::funded(Kind::Wsh, 3, 1_000_000).await;
    for (id, sat) in [("w-1", 300_000), ("w-2", 400_000)] {
        let mut intent = world.intent(id, sat);
        intent.reference = format!("<b>{id}</b>");
        world.try_submit(&intent).await.expect("is taken");
    }
    let txid = world.batch().await;
    let made = world.stored(txid).await.batch;
    (Looking::at(world), txid, made)
}

#[tokio::test]
async fn the_page_of_an_attempt_shows_where_the_money_goes_and_whom_it_waits_for() {
    let (mut looking, txid, made) = with_two().await;
    let (state, visitor) = looking.asks();
    let (_, page) = html(detail::show(state, visitor, attempt(txid)).await).await;
    for words in [
        "Pays 2 withdrawals",
        "Change proven: derived again as internal",
        "any 2 of alice, bob, carol",
        "Still able to sign: alice, bob, carol.",
        "Waits for 2 more signatures",
        "Payment 0.00 300 000 BTC",
        "&lt;b&gt;w-1&lt;/b&gt;",
        "countersign-signer review countersign-",
        "enctype=\"multipart/form-data\"",
        &format!("/batches/{made}/cancel"),
        &format!("/attempts/{txid}/replace"),
        "action=\"http://localhost:7543/ask\"",
        "name=\"what\" value=\"countersign\"",
        &format!("name=\"hash\" value=\"{txid}\""),
    ] {
        assert!(page.contains(words), "{words}\n{page}");
    }
    assert!(!page.contains("<b>w-1"), "{page}");
    assert!(page.matches("<h1").count() == 1 && !page.contains("style="));
    looking.world.sign(0, txid).await;
    let (state, visitor) = looking.asks();
    let (_, page) = html(detail::show(state, visitor, attempt(txid)).await).await;
    assert!(page.contains("Still able to sign: bob, carol."), "{page}");
    assert!(page.contains("chip-good\">signed") && page.contains("chip-warn\">missing"));
    // Who only reads is offered nothing to do, and still how to check.
    looking.as_a(PersonRole::Auditor);
    let (state, visitor) = looking.asks();
    let (_, page) = html(detail::show(state, visitor, attempt(txid)).await).await;
    assert!(!page.contains("/replace\"") && !page.contains("multipart/form-data"));
    assert!(!page.contains("countersign\""), "{page}");
    assert!(page.contains("countersign-signer review countersign-"));
    looking.world.broadcast(txid).await;
    let (state, visitor) = looking.asks();
    let (_, page) = html(detail::show(state, visitor, attempt(txid)).await).await;
    assert!(
        page.contains("Final transaction") && page.contains("Handed over"),
        "{page}"
    );
}

#[tokio::test]
async fn lists_keep_their_filters_and_are_files_too() {
    let (looking, txid, made) = with_two().await;
    let query = |pairs: &[(&str, &str)]| Asked(typed::<ListQuery>(pairs).0);
    let (state, visitor) = looking.asks();
    let asked = query(&[("signer", "bob"), ("since", "nonsense")]);
    let (_, page) = html(list::list(state, visitor, looking.vault(), asked).await).await;
    assert!(
        page.contains(&format!("/attempts/{txid}"))
            && page.contains("Waits for alice, bob, carol.")
    );
    assert!(page.contains("A day such as 2026-11-26.") && page.contains("value=\"nonsense\""));
    assert!(
        page.contains("signer=bob&#38;since=nonsense&#38;format=csv"),
        "{page}"
    );
    let (state, visitor) = looking.asks();
    let asked = query(&[("state", "settled")]);
    let (_, page) = html(list::list(state, visitor, looking.vault(), asked).await).await;
    assert!(page.contains("No attempt is like that."));
    let (state, visitor) = looking.asks();
    let (_, file) =
        html(list::list(state, visitor, looking.vault(), query(&[("format", "csv")])).await).await;
    assert!(file.starts_with("txid,batch,") && file.contains(&txid.to_string()));
    let (state, visitor) = looking.asks();
    let answer = batches::list::list(state, visitor, looking.vault(), query(&[])).await;
    let (_, page) = html(answer).await;
    assert!(page.contains(&format!("/batches/{made}")) && page.contains("2 withdrawals"));
    let (state, visitor) = looking.asks();
    let answer = batches::list::list(state, visitor, looking.vault(), query(&[("format", "csv")]));
    let (_, file) = html(answer.await).await;
    assert!(file.contains(&made.to_string()), "{file}");
}

#[tokio::test]
async fn a_higher_fee_is_shown_first_and_paid_only_as_shown() {
    let (looking, txid, _) = with_two().await;
    let (state, visitor) = looking.asks();
    let (_, page) = html(replace::ask(state, visitor, attempt(txid)).await).await;
    assert!(page.matches("name=\"speed\"").count() == 3, "{page}");
    let send = async |pairs: &[(&str, &str)]| {
        let (state, visitor) = looking.asks();
        replace::replace(state, visitor, attempt(txid), typed(pairs)).await
    };
    let (status, page) = html(send(&[("feerate", "much")]).await).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.contains("A feerate in sat/vB above 0") && page.contains("value=\"much\""));
    let (status, page) = html(send(&[("feerate", "100000")]).await).await;
    assert!(
        status.is_client_error() && page.contains("What to do:"),
        "{page}"
    );
    let (status, page) = html(send(&[("feerate", "5")]).await).await;
    assert_eq!(status, StatusCode::OK);
    for words in [
        "Takes the place of",
        "is paid by it",
        "Issue the replacement",
        "more than the",
    ] {
        assert!(page.contains(words), "{words}\n{page}");
    }
    let agreed = mark(&page);
    // The same mark to something else does nothing, and shows what that would be.
    let (status, page) = html(send(&[("feerate", "9"), ("agreed", &agreed)]).await).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(page.contains("Something changed since you looked") && mark(&page) != agreed);
    let next = to(send(&[("feerate", "5"), ("agreed", &agreed)]).await);
    assert!(next.starts_with("/attempts/") && next != format!("/attempts/{txid}"));
    let (state, visitor) = looking.asks();
    let (_, page) = html(detail::show(state, visitor, attempt(txid)).await).await;
    assert!(
        page.contains("A later attempt is to take its place:"),
        "{page}"
    );
}

#[tokio::test]
async fn a_batch_is_made_planned_anew_and_cancelled_only_after_it_was_shown() {
    let looking = Looking::at(World::funded(Kind::Wsh, 3, 1_000_000).await);
    let (state, visitor) = looking.asks();
    let (_, page) = html(batches::make::ask(state, visitor, looking.vault()).await).await;
    assert!(page.contains("No approved withdrawal waits."));
    looking.world.submit("w-1", 300_000).await;
    looking.world.submit("w-2", 400_000).await;
    let make = async |pairs: &[(&str, &str)]| {
        let (state, visitor) = looking.asks();
        batches::make::make(state, visitor, looking.vault(), typed(pairs)).await
    };
    let (status, page) = html(make(&[("which", "some"), ("feerate", "2")]).await).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.contains("Choose at least one"), "{page}");
    let (_, page) = html(make(&[("feerate", "2")]).await).await;
    assert!(
        page.contains("Pays 2 withdrawals") && page.contains("Returns as change"),
        "{page}"
    );
    let agreed = mark(&page);
    let made = to(make(&[("feerate", "2"), ("agreed", &agreed)]).await);
    let id: BatchId = made
        .trim_start_matches("/batches/")
        .parse()
        .expect("a batch");
    let (state, visitor) = looking.asks();
    let (_, page) = html(batches::detail::show(state, visitor, batch(id)).await).await;
    assert!(
        page.contains("exchange/w-1") && page.contains("waits for signatures"),
        "{page}"
    );

    let plan = async |pairs: &[(&str, &str)]| {
        let (state, visitor) = looking.asks();
        batches::plan::plan(state, visitor, batch(id), typed(pairs)).await
    };
    let (state, visitor) = looking.asks();
    let (_, page) = html(batches::plan::ask(state, visitor, batch(id)).await).await;
    assert!(page.contains("Leave out exchange/w-2"), "{page}");
    let both = [("remove", "exchange/w-2"), ("split", "exchange/w-2")];
    let (status, _) = html(plan(&both).await).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let leave = [("remove", "exchange/w-2"), ("feerate", "4")];
    let (_, page) = html(plan(&leave).await).await;
    assert!(
        page.contains("is left out") && page.contains("name=\"remove\" value=\"exchange/w-2\"")
    );
    let agreed = mark(&page);
    let done = [leave[0], leave[1], ("agreed", &agreed)];
    assert_eq!(to(plan(&done).await), format!("/batches/{id}"));

    let cancel = async |pairs: &[(&str, &str)]| {
        let (state, visitor) = looking.asks();
        batches::cancel::cancel(state, visitor, batch(id), typed(pairs)).await
    };
    let (_, page) = html(cancel(&[("how", "chain"), ("feerate", "8")]).await).await;
    assert!(page.contains("fails once this is settled"), "{page}");
    let (_, page) = html(cancel(&[("how", "voids")]).await).await;
    assert!(
        page.contains("enough are any 2 of alice, bob, carol"),
        "{page}"
    );
    let agreed = mark(&page);
    assert_eq!(
        to(cancel(&[("how", "voids"), ("agreed", &agreed)]).await),
        format!("/batches/{id}")
    );
    let txid = looking.world.show("w-1").await.txid.expect("an attempt");
    let (state, visitor) = looking.asks();
    let (_, page) = html(detail::show(state, visitor, attempt(txid)).await).await;
    assert!(
        page.contains("Signers are asked to void it: nobody did yet."),
        "{page}"
    );
}

#[tokio::test]
async fn files_of_any_bytes_are_taken_or_told_by_a_form() {
    let (looking, txid, _) = with_two().await;
    let psbt = looking.world.signatures_of(0, txid).await.serialize();
    let text = Encoding::Base64.encode(&looking.world.signatures_of(1, txid).await.serialize());
    let mut body = Vec::new();
    for (name, file, bytes) in [
        ("files", Some("<img src=x>\u{202e}.psbt"), psbt.as_slice()),
        ("files", Some("holiday.jpg"), &[0xff, 0xd8, 0, 1]),
        ("pasted", None, text.as_slice()),
    ] {
        let file = file.map_or_else(String::new, |file| format!("; filename=\"{file}\""));
        body.extend(
            format!("--x\r\ncontent-disposition: form-data; name=\"{name}\"{file}\r\n\r\n").bytes(),
        );
        body.extend(bytes);
        body.extend(b"\r\n");
    }
    body.extend(b"--x--\r\n");
    let request = Request::builder()
        .header(header::CONTENT_TYPE, "multipart/form-data; boundary=x")
        .body(Body::from(body))
        .expect("a request");
    let uploaded = Uploaded::from_request(request, &looking.ui)
        .await
        .expect("read");
    let (state, visitor) = looking.asks();
    let (_, page) = html(files::take_one(state, visitor, attempt(txid), uploaded).await).await;
    for words in [
        "alice: 1 new signature taken.",
        "bob: 1 new signature taken.",
        "Every input has enough signatures now.",
        "&lt;img src=x&gt;<b class=\"hidden-letter\">⟨U+202E⟩</b>.psbt",
        "holiday.jpg",
        "chip-bad\">refused",
        "a PSBT in base64",
    ] {
        assert!(page.contains(words), "{words}\n{page}");
    }
    let (state, visitor) = looking.asks();
    let form = typed::<files::Form>(&[("version", "2"), ("encoding", "base64")]).0;
    let answer = files::download(state, visitor, attempt(txid), Asked(form)).await;
    let answer = answer.expect("a file");
    let name = answer
        .headers()
        .get(header::CONTENT_DISPOSITION)
        .expect("a name");
    let short = &txid.to_string()[..8];
    let expected = format!("attachment; filename=\"countersign-{short}-v2.txt\"");
    assert_eq!(name.to_str().expect("text"), expected);
}

#[tokio::test]
async fn the_queue_says_who_waits_and_why_and_takes_a_speed() {
    let looking = Looking::at(World::funded(Kind::Wsh, 3, 30_000_000).await);
    let (state, visitor) = looking.asks();
    let (_, page) = html(queue::show(state, visitor, looking.vault()).await).await;
    assert!(page.contains("Nobody waits."));
    looking.world.submit("w-1", 300_000).await;
    looking.world.submit("large", 50_000_000).await;
    let send = async |pairs: &[(&str, &str)]| {
        let (state, visitor) = looking.asks();
        queue::speed(state, visitor, looking.vault(), typed(pairs)).await
    };
    let named = [
        ("requester", "exchange"),
        ("id", "w-1"),
        ("speed", "urgent"),
    ];
    assert!(to(send(&named).await).ends_with("/queue"));
    let late = [named[0], named[1], named[2], ("latest", "tomorrow")];
    let (status, page) = html(send(&late).await).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.contains("A time in UTC such as"), "{page}");
    let past = [named[0], named[1], named[2], ("latest", "2020-01-01T00:00")];
    let (status, page) = html(send(&past).await).await;
    assert!(
        status.is_client_error() && page.contains("What to do:"),
        "{page}"
    );
    for words in [
        "urgent",
        "waits for approvals",
        "Batches are made by hand here.",
    ] {
        assert!(page.contains(words), "{words}\n{page}");
    }
    let allow = [("question", "1"), ("feerate", "")];
    let (state, visitor) = looking.asks();
    let answer = queue::allow(state, visitor, looking.vault(), typed(&allow)).await;
    assert_eq!(html(answer).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    let (state, visitor) = looking.asks();
    let allow = [("question", "1"), ("feerate", "25")];
    let answer = queue::allow(state, visitor, looking.vault(), typed(&allow)).await;
    assert!(html(answer).await.0.is_client_error());
}

#[tokio::test]
async fn coins_are_joined_only_after_it_was_shown_and_none_is_recovered_early() {
    let looking = Looking::at(World::funded(Kind::Wsh, 3, 1_000_000).await);
    let send = async |pairs: &[(&str, &str)]| {
        let (state, visitor) = looking.asks();
        own_spends::self_spend(state, visitor, looking.vault(), typed(pairs)).await
    };
    let wrong = [
        ("coins", "this one"),
        ("max_inputs", "many"),
        ("feerate", "2"),
    ];
    let (status, page) = html(send(&wrong).await).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        page.contains("One coin a line") && page.contains(">this one<"),
        "{page}"
    );
    let join = [
        ("purpose", "consolidate"),
        ("max_inputs", "2"),
        ("feerate", "2"),
    ];
    let (_, page) = html(send(&join).await).await;
    assert!(
        page.contains("Joins coins into one") && page.contains("change, internal 0"),
        "{page}"
    );
    let agreed = mark(&page);
    let done = [join[0], join[1], join[2], ("agreed", &agreed)];
    assert!(to(send(&done).await).starts_with("/batches/"));
    let (state, visitor) = looking.asks();
    let typed_words = typed(&[("feerate", "2")]);
    let answer = own_spends::recover(state, visitor, looking.vault(), typed_words).await;
    let (_, page) = html(answer).await;
    assert!(page.contains("No coin is old enough yet."), "{page}");
}
