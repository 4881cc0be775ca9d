//! Webhooks that call a real program: each event once and in order, signed as the page says, and nowhere that it
//! must not.

use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, ToSocketAddrs as _};
use std::path::Path;
use std::process::{Command, Stdio};

use bitcoin::Amount;
use bitcoin::base64::Engine as _;
use bitcoin::base64::engine::general_purpose::STANDARD;
use harness::{
    Call, Engine, Failure, LONG, Outcome, Purse, Receiver, SHORT, ScriptKind, Settings, Treasury,
    field, items, python_of_mail, wait_until,
};
use serde_json::{Value, json};

/// What is paid without asking.
const SMALL: Amount = Amount::from_sat(1_000_000);
/// What others put into addresses.
const OTHERS: &str = "T024-secret-of-others";

/// A treasury with funds whose webhooks may call this host.
fn treasury(engine: Engine) -> Result<Treasury, Failure> {
    let settings = Settings {
        configuration: "allow_loopback_webhooks = true\n".to_owned(),
        ..Settings::default()
    };
    let treasury = Treasury::start_with(ScriptKind::Wsh, engine, &settings)?;
    treasury.deposit(Amount::from_sat(50_000_000))?;
    Ok(treasury)
}

/// Adds a webhook by the command line: its id and its secret.
fn add(treasury: &Treasury, url: &str, shape: &str) -> Result<(String, String), Failure> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("url.txt");
    fs::write(&file, format!("{url}\n"))?;
    let file = file.to_string_lossy();
    let add = ["webhook", "add", "books", "--url-file", &file];
    let how = ["--shape", shape, "--kind", "withdrawal."];
    let made = treasury.command_line(&[&add[..], &how].concat())?.json()?;
    Ok((field(&made["webhook"], "id")?, field(&made, "secret")?))
}

fn ask(treasury: &Treasury, id: &str) -> Outcome {
    let number = id.as_bytes().last().copied().unwrap_or_default();
    treasury.withdraw(id, &Purse::stranger(number), SMALL)?;
    Ok(())
}

/// Waits until so many calls came.
#[track_caller]
fn calls(receiver: &Receiver, count: usize) -> Result<Vec<Call>, Failure> {
    wait_until(&format!("{count} calls"), LONG, || {
        let calls = receiver.calls();
        Ok((calls.len() >= count).then_some(calls))
    })
}

/// 1. A server takes the first call and does not answer.
/// 2. Meanwhile two others, who are called beside one another, have everything.
#[test]
fn a_server_that_takes_its_time_keeps_no_other_waiting() -> Outcome {
    let treasury = treasury(Engine::Sqlite)?;
    let slow = TcpListener::bind("127.0.0.1:0")?;
    let [quick, other] = [Receiver::start()?, Receiver::start()?];
    add(
        &treasury,
        &format!("http://{}/", slow.local_addr()?),
        "json",
    )?;
    let (id, _) = add(&treasury, &quick.url("/"), "json")?;
    let (other_id, _) = add(&treasury, &other.url("/"), "json")?;
    ask(&treasury, "w-1")?;
    let (mut held, _) = slow.accept()?;
    for id in ["w-2", "w-3", "w-4", "w-5", "w-6", "w-7", "w-8", "w-9"] {
        ask(&treasury, id)?;
    }
    calls(&quick, 9)?;
    calls(&other, 9)?;
    rests(&treasury, &id)?;
    rests(&treasury, &other_id)?;
    // Nobody has given the slow one up by now.
    held.set_nonblocking(true)?;
    let mut request = [0; 4_096];
    let waits = loop {
        match held.read(&mut request) {
            Ok(0) => break false,
            Ok(_) => {}
            Err(error) => break error.kind() == ErrorKind::WouldBlock,
        }
    };
    assert!(waits, "the slow one was waited for first");
    Ok(())
}

/// Waits until a webhook has taken everything.
#[track_caller]
fn rests(treasury: &Treasury, id: &str) -> Result<Value, Failure> {
    wait_until("the webhook to have everything", LONG, || {
        let shown = treasury
            .operator()
            .get(&format!("/webhooks/{id}"))?
            .done()?;
        let rests = shown["webhook"]["behind"] == 0 && shown["webhook"]["failing_since"].is_null();
        Ok(rests.then_some(shown))
    })
}

/// The function that the page of webhooks shows, as whoever copies it has it.
fn shown_function(treasury: &Treasury) -> Result<String, Failure> {
    let page = treasury.visitor("ada", "auditor")?.get("/webhooks")?.text;
    let code = page
        .split("<pre")
        .nth(1)
        .and_then(|rest| rest.split_once('>'))
        .and_then(|(_, rest)| rest.split_once("</pre>"))
        .ok_or_else(|| Failure::new("the page shows no code"))?;
    let mut code = code.0.to_owned();
    for (written, meant) in [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&amp;", "&"),
    ] {
        code = code.replace(written, meant);
    }
    Ok(code)
}

/// Whether a delivery is genuine, says that function.
fn is_genuine(function: &Path, secret: &str, call: &Call, body: &[u8]) -> Result<bool, Failure> {
    let asked = json!({
        "secret": secret,
        "headers": {
            "Countersign-Signature": call.header("countersign-signature"),
            "Countersign-Event": call.header("countersign-event"),
        },
        "body": STANDARD.encode(body),
    });
    let repository = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let mut child = Command::new(python_of_mail()?)
        .arg(repository.join("tests/independent/webhook_check.py"))
        .arg(function)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(asked.to_string().as_bytes())?;
    }
    let done = child.wait_with_output()?;
    match (done.status.success(), done.stdout.as_slice()) {
        (true, b"yes\n") => Ok(true),
        (true, b"no\n") => Ok(false),
        (_, _) => Err(Failure::new(format!(
            "the function failed: {}",
            String::from_utf8_lossy(&done.stderr)
        ))),
    }
}

/// 1. A webhook is added by the command line, which shows its secret once. A test is taken.
/// 2. Payments are asked for: each event comes once, in order, and the function that the page shows finds each
///    genuine, and none with another body, another id, another time or another secret.
/// 3. The coordinator is killed and started again: what was taken does not come again, what happens next does.
/// 4. The secret, and what others put into the address, stand in no log, list, event, status or page.
#[test]
fn webhooks_are_signed_as_the_page_says_and_their_secrets_stand_nowhere() -> Outcome {
    let mut treasury = treasury(Engine::Postgres)?;
    let receiver = Receiver::start()?;
    let (id, secret) = add(&treasury, &receiver.url(&format!("/{OTHERS}")), "json")?;
    let tried = treasury.command_line(&["webhook", "test", &id])?.json()?;
    assert_eq!(
        (&tried["status"], &tried["error"]),
        (&json!(200), &json!(""))
    );
    for id in ["w-1", "w-2"] {
        ask(&treasury, id)?;
    }
    let got = calls(&receiver, 5)?;
    assert_eq!(got[0].json()?["kind"], "test");
    let kinds: Vec<Value> = got[1..]
        .iter()
        .map(|call| Ok(call.json()?["kind"].clone()))
        .collect::<Result<_, Failure>>()?;
    assert_eq!(
        kinds,
        ["requested", "approved", "requested", "approved"]
            .map(|what| json!(format!("withdrawal.{what}")))
    );
    let numbers: Vec<Option<u64>> = got[1..]
        .iter()
        .map(|call| Ok(call.json()?["number"].as_u64()))
        .collect::<Result<_, Failure>>()?;
    assert!(
        numbers.is_sorted() && numbers.iter().all(Option::is_some),
        "{numbers:?}"
    );

    let folder = tempfile::tempdir()?;
    let function = folder.path().join("genuine.py");
    fs::write(&function, shown_function(&treasury)?)?;
    for call in &got {
        assert!(
            is_genuine(&function, &secret, call, &call.body)?,
            "{call:?}"
        );
    }
    let call = &got[1];
    let with = |name: &str, value: String| {
        let mut call = call.clone();
        call.headers.retain(|(found, _)| found != name);
        call.headers.push((name.to_owned(), value));
        call
    };
    let later = call
        .header("countersign-signature")
        .replacen("t=1", "t=2", 1);
    let forged = [
        (
            call.clone(),
            [&call.body[..], b" "].concat(),
            secret.clone(),
        ),
        (
            with("countersign-event", "event-0".to_owned()),
            call.body.clone(),
            secret.clone(),
        ),
        (
            with("countersign-signature", later),
            call.body.clone(),
            secret.clone(),
        ),
        (call.clone(), call.body.clone(), "0".repeat(64)),
    ];
    for (call, body, secret) in forged {
        assert!(!is_genuine(&function, &secret, &call, &body)?, "{call:?}");
    }

    rests(&treasury, &id)?;
    treasury.coordinator.kill()?;
    treasury.coordinator.resume()?;
    ask(&treasury, "w-3")?;
    let got = calls(&receiver, 7)?;
    assert_eq!(got[5].json()?["body"]["id"], "w-3", "nothing came again");
    rests(&treasury, &id)?;
    assert_eq!(receiver.calls().len(), 7);

    let olga = treasury.visitor("olga", "operator")?;
    let said = treasury.command_line(&["webhook", "list"])?;
    let shown = treasury.command_line(&["webhook", "show", &id])?;
    let places = [
        ("log", treasury.coordinator.log()?),
        ("list", said.text()),
        ("detail", shown.text()),
        ("status", treasury.operator().get("/status")?.text()),
        ("events", json!(treasury.events()?).to_string()),
        ("page", olga.get("/webhooks")?.text),
        ("page of one", olga.get(&format!("/webhooks/{id}"))?.text),
        ("health", olga.get("/health")?.text),
    ];
    for (place, text) in places {
        assert!(!text.contains(&secret), "the {place} tells the secret");
        assert!(!text.contains(OTHERS), "the {place} tells the address");
    }
    treasury.must_be_well()
}

/// 1. Webhooks for Slack and Matrix get messages in their shapes: what happened, and a link that opens a page.
/// 2. A redirect is not followed: nobody is called where it leads, and the event comes again until it is taken, with
///    the same id. Meanwhile the page says that it fails, and since when.
/// 3. A paused webhook gets nothing, while the other one gets what happens then and later, and its page says how far
///    behind it is; once it goes on, it gets what happened meanwhile, each event once.
/// 4. A removed one gets nothing any more, and there is none.
#[test]
fn webhooks_speak_slack_and_matrix_follow_no_redirect_and_lose_nothing() -> Outcome {
    let mut treasury = treasury(Engine::Sqlite)?;
    let [slack, matrix, elsewhere] = [Receiver::start()?, Receiver::start()?, Receiver::start()?];
    let (of_slack, _) = add(&treasury, &slack.url("/services/x"), "slack")?;
    let (of_matrix, _) = add(&treasury, &matrix.url("/hook"), "matrix")?;
    let away = elsewhere.url("/inside");
    matrix.will_answer([(302, Some(away.clone())), (307, Some(away)), (500, None)]);
    ask(&treasury, "w-1")?;

    let got = calls(&slack, 2)?;
    let page = treasury.page("");
    for call in &got {
        let body = call.json()?;
        let text = body["text"].as_str().unwrap_or_default();
        assert!(text.contains(&page), "{body}");
        assert_eq!(
            body.as_object().map(serde_json::Map::len),
            Some(1),
            "{body}"
        );
        assert_eq!(call.header("content-type"), "application/json");
    }
    let ada = treasury.visitor("ada", "auditor")?;
    wait_until("the page to say that it fails", SHORT, || {
        let shown = ada.get(&format!("/webhooks/{of_matrix}"))?.text;
        Ok(shown.contains("failing").then_some(()))
    })?;
    let got = calls(&matrix, 5)?;
    let ids: Vec<&str> = got
        .iter()
        .map(|call| call.header("countersign-event"))
        .collect();
    assert!(
        ids[..4].iter().all(|id| *id == ids[0]) && ids[4] != ids[0],
        "{ids:?}"
    );
    for call in &got {
        let body = call.json()?;
        assert_eq!(body["msgtype"], "m.text");
        assert!(
            body["body"].as_str().unwrap_or_default().contains(&page),
            "{body}"
        );
    }
    let shown = rests(&treasury, &of_matrix)?;
    let tries = shown["deliveries"].as_array().map(|all| {
        all.iter()
            .map(|one| one["tries"].clone())
            .collect::<Vec<_>>()
    });
    assert_eq!(tries, Some(vec![json!(1), json!(4)]));
    assert!(elsewhere.calls().is_empty(), "a redirect was followed");

    treasury
        .command_line(&["webhook", "pause", &of_slack])?
        .done()?;
    // The other webhook got what happened, and what happened after that: whoever gets one event after the other and
    // was not paused would have got the first by then.
    ask(&treasury, "w-2")?;
    calls(&matrix, 7)?;
    ask(&treasury, "w-3")?;
    let later = calls(&matrix, 9)?;
    rests(&treasury, &of_matrix)?;
    assert_eq!(slack.calls().len(), 2, "what is paused gets nothing");
    let path = format!("/webhooks/{of_slack}");
    let shown = treasury.operator().get(&path)?.done()?;
    assert!(shown["webhook"]["paused"].is_string(), "{shown}");
    assert!(shown["webhook"]["behind"].as_u64() >= Some(4), "{shown}");
    assert_eq!(items(&shown["deliveries"])?.len(), 2, "nothing was tried");
    treasury
        .command_line(&["webhook", "resume", &of_slack])?
        .done()?;
    calls(&slack, 6)?;
    rests(&treasury, &of_slack)?;
    let events = |calls: &[Call]| -> Vec<String> {
        let ids = calls.iter().map(|call| call.header("countersign-event"));
        ids.map(str::to_owned).collect()
    };
    assert_eq!(events(&slack.calls()[2..]), events(&later[5..]));
    treasury
        .command_line(&["webhook", "remove", &of_slack])?
        .done()?;
    ask(&treasury, "w-4")?;
    calls(&matrix, 11)?;
    ask(&treasury, "w-5")?;
    calls(&matrix, 13)?;
    rests(&treasury, &of_matrix)?;
    assert_eq!(slack.calls().len(), 6, "what is removed gets nothing");
    let gone = treasury.command_line(&["webhook", "show", &of_slack])?;
    gone.refused("unknown_webhook")?;
    treasury.must_be_well()
}

/// 1. Where nothing else is configured, no address inside of a network is taken, and no plain HTTP.
/// 2. A name that leads inside is taken, and not called: the test says why, and nothing more.
/// 3. Where this host is allowed, everything else inside is refused all the same.
#[test]
fn webhooks_never_lead_inside() -> Outcome {
    let strict = Treasury::start(ScriptKind::Wsh, Engine::Sqlite)?;
    let receiver = Receiver::start()?;
    let new = |url: &str| json!({ "name": "x", "shape": "json", "url": url });
    let inside = [
        "http://10.0.0.1/",
        "https://10.0.0.1/",
        "https://172.16.0.1/",
        "https://192.168.1.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[fd00::1]/",
        "https://[::ffff:10.0.0.1]/",
        "http://hooks.example/",
    ];
    let here = [
        receiver.url("/"),
        receiver.url("/").replace("http:", "https:"),
        "https://localhost/".to_owned(),
        "https://[::1]/".to_owned(),
        "https://2130706433/".to_owned(),
    ];
    for url in inside.into_iter().chain(here.iter().map(String::as_str)) {
        let refused = strict.operator().post("/webhooks", &new(url))?;
        refused.refused(422, "webhook_url")?;
    }
    let own = fs::read_to_string("/etc/hostname")?;
    let leads_here = (own.trim(), 9).to_socket_addrs();
    if leads_here.is_err() {
        let words = "the name of this machine leads nowhere: write it into /etc/hosts";
        return Err(Failure::new(words));
    }
    let named = format!("https://{}:9/", own.trim());
    let made = strict.operator().post("/webhooks", &new(&named))?.done()?;
    let id = field(&made["webhook"], "id")?;
    let tried = strict
        .command_line(&["webhook", "test", &id])?
        .refused("webhook_not_taken")?
        .json()?;
    let error = tried["error"].as_str().unwrap_or_default();
    assert!(error.contains("not on the public Internet"), "{tried}");
    assert!(receiver.calls().is_empty());

    let lenient = treasury(Engine::Sqlite)?;
    for url in inside {
        let refused = lenient.operator().post("/webhooks", &new(url))?;
        refused.refused(422, "webhook_url")?;
    }
    Ok(())
}
