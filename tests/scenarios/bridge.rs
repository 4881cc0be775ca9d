//! The loopback bridge in real browsers: what binds an answer to the browser that paired, and to a person who looked.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use bitcoin::{Amount, Txid};
use harness::{
    AUTOMATIC_MAX_SAT, Bitcoind, Browser, Coordinator, Engine, Failure, Outcome, People, Purse,
    ScriptKind, Settings, Store, Terms, Treasury, field,
};
use serde_json::Value;

use crate::passkeys::register;
use crate::wired::plugged_in;

/// How long a connection may say nothing.
const PATIENCE: Duration = Duration::from_secs(10);

/// A page of another site than the bridge's, as a coordinator's in the internet is: `127.0.0.1` is not `localhost`.
struct Elsewhere {
    listener: TcpListener,
    origin: String,
}

impl Elsewhere {
    fn open() -> Result<Self, Failure> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let origin = format!("http://{}", listener.local_addr()?);
        Ok(Self { listener, origin })
    }

    /// Serves this until the process ends.
    fn serve(self, html: String) -> String {
        thread::spawn(move || {
            for stream in self.listener.incoming().flatten() {
                drop(answer(stream, &html));
            }
        });
        self.origin
    }
}

fn answer(mut stream: TcpStream, html: &str) -> std::io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut request = Vec::new();
    let mut part = [0; 1_024];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        let read = stream.read(&mut part)?;
        if read == 0 {
            return Ok(());
        }
        request.extend_from_slice(&part[..read]);
    }
    write!(
        stream,
        "HTTP/1.1 200 OK\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n{html}",
        html.len()
    )
}

/// A withdrawal above what is automatic, and its intent's hash.
fn large(treasury: &Treasury, id: &str) -> Result<String, Failure> {
    let amount = Amount::from_sat(AUTOMATIC_MAX_SAT + 1);
    treasury.withdraw(id, &Purse::stranger(1), amount)?;
    let path = treasury.path(&format!("/withdrawals/exchange/{id}"));
    field(&treasury.auditor().get(&path)?.done()?, "intent_hash")
}

/// A person pairs the bridge with this browser, on the coordinator's page.
fn paired(browser: &Browser, treasury: &Treasury, port: u16, code: &str) -> Outcome {
    browser.open(&treasury.page("/account/bridge"))?;
    browser.fill("#port", &port.to_string())?;
    browser.click("form[action='/account/bridge'] button")?;
    browser.shows("#code")?;
    browser.fill("#code", code)?;
    browser.click("form[action$='/pair'] button")?;
    browser.says("h1", "Paired")
}

/// 1. Dana makes a passkey on the page of the own tool, and the policy pins it.
/// 2. The bridge runs at that passkey's port without any key of a file, and is paired in the same browser.
/// 3. A withdrawal waits. Dana opens the bridge from the coordinator's page, reads, and answers with the passkey.
/// 4. The page says what the coordinator counted; signers count it too, and the withdrawal is settled.
#[test]
fn an_approver_answers_on_the_bridges_page_with_a_passkey() -> Outcome {
    let browser = Browser::start()?;
    browser.plug_in_authenticator()?;
    let node = Bitcoind::start()?;
    let store = Store::start(Engine::Sqlite)?;
    let people = People::agree_with(ScriptKind::Wsh, &node, &Terms::default(), |dana| {
        register(dana, &browser, || Ok(()))
    })?;
    let coordinator = Coordinator::start(&store, &node, &Settings::default())?;
    let mut treasury = Treasury::assemble(node, store, people, coordinator)?;
    treasury.deposit(Amount::ONE_BTC)?;
    let hash = large(&treasury, "w-1")?;

    let secret = treasury.session_of("dana", "approver", None)?;
    browser.hold_cookie(&treasury.coordinator.pages(), "countersign", &secret)?;
    let token = treasury.token("tool of dana", "signer")?;
    let url = treasury.coordinator.url();
    let (_tool, port, code) = treasury.people.dana.bridge_of_passkey(url, &token)?;
    paired(&browser, &treasury, port, &code)?;

    browser.open(&treasury.vault_page(&format!("/withdrawals/approve?intent={hash}")))?;
    // The virtual authenticator belongs to this tab; a real one would answer in the new one as well.
    browser.script("document.querySelector(\"form[action$='/ask']\").removeAttribute('target')")?;
    browser.click("form[action$='/ask'] button:not(.button-danger)")?;
    browser.shows("body[data-ask=assert]")?;
    let shown = browser.text("main")?;
    for part in [
        "Approve 1 withdrawal",
        "exchange as w-1",
        "signed by its requester, verified",
    ] {
        assert!(shown.contains(part), "{part} in\n{shown}");
    }
    assert_eq!(treasury.withdrawal_state("w-1")?, "requested");
    browser.click("#act")?;
    browser.says("#said", "Handed in. 1 of 1 person has approved.")?;
    assert_eq!(treasury.withdrawal_state("w-1")?, "approved");

    let txid = treasury.batch()?;
    treasury.countersign(&treasury.people.alice, txid)?;
    treasury.countersign(&treasury.people.bob, txid)?;
    treasury.settle(txid, &["w-1"])?;
    treasury.reconcile()?;
    treasury.must_be_well()
}

/// How long the button stays closed after the page lost its window, in milliseconds as the page counts them.
const HELD_FOR: &str = "const act = document.getElementById('act'); const begun = performance.now(); \
     dispatchEvent(new Event('blur')); \
     if (!act.disabled) return 0; \
     return new Promise((done) => { \
       const look = () => act.disabled ? setTimeout(look, 5) : done(Math.round(performance.now() - begun)); \
       look(); \
     });";

/// 1. A page of another site pairs the bridge in one browser, with a key of a file.
/// 2. It opens an ask in that browser. The button is closed until the page was in front for a while, also each time the
///    page comes back; a press of the script alone does nothing meanwhile.
/// 3. The same page opens the same ask in a second browser, which is not the one that paired: it may read, and its
///    answer is refused by name.
/// 4. The first browser answers, and that counts.
#[test]
fn only_the_browser_that_paired_answers_and_only_once_its_page_was_looked_at() -> Outcome {
    let treasury = Treasury::start(ScriptKind::Wsh, Engine::Sqlite)?;
    treasury.deposit(Amount::ONE_BTC)?;
    let hash = large(&treasury, "w-1")?;
    let token = treasury.token("tool of dana", "signer")?;
    let url = treasury.coordinator.url();
    let (_tool, port, code) = treasury.people.dana.bridge(url, &token)?;
    let vault = treasury.people.policy.vault;
    let elsewhere = Elsewhere::open()?.serve(format!(
        "<!doctype html><title>another site</title>\
         <form method=post action=http://localhost:{port}/pair>\
         <input name=code value={code}><button id=pair>Pair</button></form>\
         <form method=post action=http://localhost:{port}/ask>\
         <input name=vault value={vault}><input name=what value=approve><input name=hash value={hash}>\
         <button id=ask>Approve</button></form>"
    ));
    let (dana, stranger) = (Browser::start()?, Browser::start()?);
    dana.open(&elsewhere)?;
    dana.click("#pair")?;
    dana.says("h1", "Paired")?;
    for browser in [&dana, &stranger] {
        browser.open(&elsewhere)?;
        browser.click("#ask")?;
        browser.says("h1", "Approve 1 withdrawal")?;
        browser.shows("#act:enabled")?;
        let held: Value = browser.script(HELD_FOR)?;
        let held = held.as_u64().unwrap_or_default();
        assert!((800..5_000).contains(&held), "held for {held} ms");
    }
    let pressed = "dispatchEvent(new Event('blur')); document.getElementById('act').click();";
    dana.script(pressed)?;
    assert_eq!(dana.text("#said")?, "");

    stranger.click("#act")?;
    stranger.says("#said", "pair this browser again")?;
    assert_eq!(treasury.withdrawal_state("w-1")?, "requested");
    stranger.click("#decline")?;
    dana.click("#act")?;
    dana.says("#said", "Handed in. 1 of 1 person has approved.")?;
    assert_eq!(treasury.withdrawal_state("w-1")?, "approved");
    Ok(())
}

/// Opens a transfer's page and asks the bridge for it, in the same tab.
fn asks_to_sign(browser: &Browser, treasury: &Treasury, txid: Txid) -> Outcome {
    browser.open(&treasury.page(&format!("/attempts/{txid}")))?;
    browser.shows("form[action$='/ask'] button")?;
    // At once: what is live on the page would be drawn anew in between.
    let asks = "const form = document.querySelector(\"form[action$='/ask']\"); \
                form.removeAttribute('target'); form.querySelector('button').click();";
    browser.script(asks)?;
    browser.says("h1", "Countersign a transfer")
}

/// 1. Alice's key is in a device on a wire, bob's in his home; both run the bridge, paired in a browser each.
/// 2. Alice opens the transfer from its page. The bridge shows its own review and what the device must show; nothing is
///    journalled yet.
/// 3. She presses while the device never answers, reads where it is, and stops waiting; the page says so.
/// 4. She presses again, the device signs, and the page says who is missing. Bob signs with his own key.
/// 5. The withdrawal settles, paid once.
#[test]
fn signers_countersign_from_the_transfers_page_on_a_device_and_with_a_key_here() -> Outcome {
    let mut treasury = Treasury::start(ScriptKind::Wsh, Engine::Sqlite)?;
    let master = treasury.people.alice.put_key_into_device("coldcard-edge")?;
    treasury.deposit(Amount::ONE_BTC)?;
    let payee = Purse::stranger(1);
    let amount = Amount::from_sat(AUTOMATIC_MAX_SAT + 1);
    let intent = treasury.withdraw("w-1", &payee, amount)?;
    treasury.approve(&[&intent])?;
    let txid = treasury.batch()?;

    let url = treasury.coordinator.url().to_owned();
    let (alice, bob) = (Browser::start()?, Browser::start()?);
    for (browser, person) in [(&alice, "alice"), (&bob, "bob")] {
        let secret = treasury.session_of(person, "approver", None)?;
        browser.hold_cookie(&treasury.coordinator.pages(), "countersign", &secret)?;
    }
    let (hwi, state) = plugged_in(&treasury.people.alice, &master)?;
    let token = treasury.token("tool of alice", "signer")?;
    let on_device = treasury.people.alice.bridge_of_device(&url, &token, &hwi)?;
    paired(&alice, &treasury, on_device.1, &on_device.2)?;
    asks_to_sign(&alice, &treasury, txid)?;
    alice.shows("body[data-ask=device]")?;
    let shown = alice.text("main")?;
    for part in [
        "asked for by exchange as w-1",
        "What the device must show",
        "OK TO SEND?",
        "Plug it in and unlock it before you press.",
    ] {
        assert!(shown.contains(part), "{part} in\n{shown}");
    }
    assert!(!state.join("calls").exists(), "no device is asked before");

    fs::write(state.join("case"), "sign_hang")?;
    alice.click("#act")?;
    alice.says(
        "#said",
        "Look at the device (coldcard-edge), compare, and sign there",
    )?;
    alice.says("#decline", "Stop waiting")?;
    alice.click("#decline")?;
    alice.says("#said", "DEVICE_CANCELLED")?;
    fs::write(state.join("case"), "good")?;
    alice.click("#act")?;
    alice.says(
        "#said",
        "Handed in. alice has signed; bob, machine can still sign.",
    )?;
    assert!(treasury.node.mempool()?.is_empty());

    let token = treasury.token("tool of bob", "signer")?;
    let here = treasury.people.bob.bridge(&url, &token)?;
    paired(&bob, &treasury, here.1, &here.2)?;
    asks_to_sign(&bob, &treasury, txid)?;
    bob.shows("body[data-ask=confirm]")?;
    bob.click("#act")?;
    bob.says(
        "#said",
        "Handed in. The transfer has all the signatures that it needs.",
    )?;
    treasury.settle(txid, &["w-1"])?;
    assert_eq!(treasury.received(&payee)?, amount);
    treasury.reconcile()?;
    treasury.must_be_well()
}
