//! Approvers who approve with a passkey on their own tool's page, in a real browser.

use std::net::TcpListener;
use std::path::Path;

use bitcoin::{Address, Amount};
use harness::{
    AUTOMATIC_MAX_SAT, Bitcoind, Browser, Coordinator, Engine, Failure, Outcome, People, Purse,
    Screen, ScriptKind, Settings, SignerHome, Store, Terms, Treasury, field,
};
use policies::document::PinnedKeyDraft;
use serde_json::Value;

/// Where pictures of the pages are kept, to be looked at.
const PICTURES: &str = env!("CARGO_TARGET_TMPDIR");

fn free_port() -> Result<String, Failure> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?
        .local_addr()?
        .port()
        .to_string())
}

fn pictures(browser: &Browser, page: &str) -> Outcome {
    for (name, screen) in Screen::ALL {
        browser.picture(
            screen,
            &Path::new(PICTURES).join(format!("{page}-{name}.png")),
        )?;
    }
    Ok(())
}

/// Registers a passkey in the browser and gives it as the policy pins it; `look` sees the page before.
pub(crate) fn register(
    home: &SignerHome,
    browser: &Browser,
    look: impl FnOnce() -> Outcome,
) -> Result<PinnedKeyDraft, Failure> {
    let (name, port) = (home.name(), free_port()?);
    let made = home.on_page(&["keygen", "--passkey", name, "--port", &port], |url| {
        browser.open(url)?;
        look()?;
        browser.click("#act")?;
        browser.says("#said", "The passkey is made")
    })?;
    let pinned = &made["pinned"];
    let origin = format!("http://localhost:{port}");
    assert_eq!(pinned["origins"], serde_json::json!([origin]));
    Ok(PinnedKeyDraft {
        key: field(pinned, "key")?,
        tool: field(pinned, "tool")?,
        rp_id: Some(field(pinned, "rp_id")?),
        origins: Some(vec![origin]),
        synced: pinned["synced"].as_bool(),
    })
}

/// An address as people read it.
fn in_groups(address: &Address) -> String {
    let letters: Vec<char> = address.to_string().chars().collect();
    let groups = letters
        .chunks(4)
        .map(|group| group.iter().collect::<String>());
    groups.collect::<Vec<_>>().join(" ")
}

/// 1. Dana registers a passkey on the page of the own tool; the policy pins what the tool printed.
/// 2. Two withdrawals above what is automatic are requested.
/// 3. Dana reads both on the tool's own page, which shows the words of the terminal, and declines once:
///    nothing is signed.
/// 4. Dana approves both with one touch, without a mouse; the page and the tool say so.
/// 5. The coordinator accepts the approval, signers count it, and the withdrawals settle.
/// 6. The same approval for another expiry counts nowhere.
#[test]
fn approver_approves_with_a_passkey_on_the_tools_own_page() -> Outcome {
    let browser = Browser::start()?;
    browser.plug_in_authenticator()?;
    let node = Bitcoind::start()?;
    let store = Store::start(Engine::Sqlite)?;
    let people = People::agree_with(ScriptKind::Wsh, &node, &Terms::default(), |dana| {
        register(dana, &browser, || pictures(&browser, "register"))
    })?;
    let coordinator = Coordinator::start(&store, &node, &Settings::default())?;
    let mut treasury = Treasury::assemble(node, store, people, coordinator)?;
    treasury.deposit(Amount::ONE_BTC)?;

    let dana = &treasury.people.dana;
    let mut files = Vec::new();
    for n in 1..=2_u8 {
        let amount = Amount::from_sat(AUTOMATIC_MAX_SAT + u64::from(n));
        let intent = treasury.withdraw(&format!("w-{n}"), &Purse::stranger(n), amount)?;
        let request = treasury.signed_bytes(&intent.encode()).to_string();
        let file = dana.bring(&format!("w-{n}.json"), request.as_bytes())?;
        files.push(file.display().to_string());
    }
    let arguments = ["approve", "--page", &files[0], &files[1]];
    let declined = dana.on_page(&arguments, |url| {
        browser.open(url)?;
        pictures(&browser, "approve")?;
        browser.click("#decline")?;
        browser.says("#said", "Nothing was signed")
    });
    let words = declined.expect_err("nothing is signed").to_string();
    assert!(words.contains("NOT_CONFIRMED"), "{words}");
    assert_eq!(treasury.withdrawal_state("w-1")?, "requested");

    let approval: Value = dana.on_page(&arguments, |url| {
        browser.open(url)?;
        let shown = browser.text("main")?;
        for part in [
            "Approve 2 withdrawals",
            "0.05 000 001 BTC (5,000,001 sat)",
            &in_groups(&Purse::stranger(2)),
            "exchange as w-2",
            "\"larger payouts\": 1 person of ops must approve",
            "signed by its requester, verified",
        ] {
            assert!(shown.contains(part), "{part} in\n{shown}");
        }
        // Two articles, then the button, which waits until the page was looked at: the way of a person without a mouse.
        browser.shows("#act:enabled")?;
        browser.press_keys("\u{e004}")?;
        browser.press_keys("\u{e004}")?;
        browser.press_keys("\u{e004}")?;
        browser.press_keys("\u{e007}")?;
        browser.says("#said", "Approved. You may close this page.")?;
        pictures(&browser, "approved")
    })?;
    let path = treasury.path("/approvals");
    let mut prolonged = approval.clone();
    prolonged["expires"] = serde_json::json!(approval["expires"].as_u64().unwrap_or_default() + 1);
    treasury
        .operator()
        .post(&path, &prolonged)?
        .refused(422, "approval_signature_invalid")?;
    treasury.operator().post(&path, &approval)?.done()?;
    assert_eq!(treasury.withdrawal_state("w-1")?, "approved");
    assert_eq!(treasury.withdrawal_state("w-2")?, "approved");
    let txid = treasury.batch()?;
    treasury.countersign(&treasury.people.alice, txid)?;
    treasury.countersign(&treasury.people.bob, txid)?;
    treasury.settle(txid, &["w-1", "w-2"])?;
    treasury.reconcile()?;
    treasury.must_be_well()
}
