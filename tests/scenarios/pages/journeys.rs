//! What people do with the pages, from beginning to end, each in a browser of their own.

use bitcoin::Amount;
use harness::{
    AUTOMATIC_MAX_SAT, Browser, Engine, Failure, Outcome, Purse, ScriptKind, SignerHome, Treasury,
    Web,
};
use policies::document::{ApprovalsDraft, ApproverDraft, PolicyDraft, RequesterDraft, StopDraft};

/// A treasury in which erin asks for withdrawals with a key of her own, and is an approver too.
struct Office {
    treasury: Treasury,
    erin: SignerHome,
}

impl Office {
    fn open(engine: Engine) -> Result<Self, Failure> {
        let erin = SignerHome::new("erin")?;
        let (requests, approves) = (erin.make_requester()?, erin.make_approver()?);
        let edit = |policy: &mut PolicyDraft| {
            policy.requesters.push(RequesterDraft {
                name: "treasurer".to_owned(),
                person: Some("erin".to_owned()),
                keys: vec![requests],
            });
            policy.approvers.push(ApproverDraft {
                name: "erin".to_owned(),
                person: "erin".to_owned(),
                groups: vec!["ops".to_owned()],
                keys: vec![approves],
            });
            policy.stop = Some(StopDraft {
                release: ApprovalsDraft {
                    group: Some("ops".to_owned()),
                    count: 2,
                    page: None,
                },
            });
        };
        let treasury = Treasury::start_edited(ScriptKind::Wsh, engine, edit)?;
        let policy = &treasury.people.policy;
        erin.pin(&policy.bytes, policy.id)?;
        treasury.deposit(Amount::ONE_BTC)?;
        Ok(Self { treasury, erin })
    }

    /// Starts a person's own tool and pairs it with the pages in the person's browser.
    fn pair(&self, home: &SignerHome, browser: &Browser) -> Result<harness::Process, Failure> {
        let token = self
            .treasury
            .token(&format!("tool of {}", home.name()), "service")?;
        let (tool, port, code) = home.bridge(self.treasury.coordinator.url(), &token)?;
        browser.open(&self.treasury.page("/account/bridge"))?;
        browser.fill("#port", &port.to_string())?;
        browser.click("form[action='/account/bridge'] button")?;
        browser.shows("#code")?;
        browser.fill("#code", &code)?;
        browser.click("form[action$='/pair'] button")?;
        browser.says("h1", "Paired")?;
        Ok(tool)
    }
}

/// Presses a button that opens the tool in another tab, answers there, and comes back.
fn answer(browser: &Browser, button: &str, says: &str) -> Outcome {
    browser.click(button)?;
    browser.turn_to_new_tab()?;
    browser.shows("#act")?;
    browser.click("#act")?;
    browser.says("#said", says)?;
    browser.close_tab()
}

/// 1. Dana and erin join by their invitations; each pairs the own tool with the pages by its code.
/// 2. The service asks for a large withdrawal. Dana finds it waiting for her, opens her tool from the page, reads it
///    there and approves; the page, which stayed open, shows it approved by itself.
/// 3. Erin asks for one on the page: the preview says who must approve, her tool signs it and hands it in.
/// 4. The page offers her no approval of her own withdrawal, and her tool refuses it, whatever a page asks. Dana's counts.
/// 5. The automatic signer and bob sign the batch; both are settled, and the receipt has the transaction.
#[test]
fn an_approver_approves_with_the_own_tool_and_the_requester_cannot() -> Outcome {
    let mut office = Office::open(Engine::Sqlite)?;
    let dana = office.treasury.join("dana", "approver")?;
    let erin = office.treasury.join("erin", "requester")?;
    let _danas_tool = office.pair(&office.treasury.people.dana, &dana)?;
    let _erins_tool = office.pair(&office.erin, &erin)?;
    let treasury = &office.treasury;

    let large = Amount::from_sat(AUTOMATIC_MAX_SAT + 1);
    treasury.withdraw("w-1", &Purse::stranger(1), large)?;
    let detail = treasury.vault_page("/withdrawals/exchange/w-1");
    dana.open(&detail)?;
    dana.says("main", "requested")?;
    dana.click("a.button[href*='/approve?intent=']")?;
    dana.shows("form[action$='/ask']")?;
    answer(
        &dana,
        "form[action$='/ask'] button:not(.button-danger)",
        "Handed in",
    )?;
    dana.says("main", "approved")?;
    assert_eq!(treasury.withdrawal_state("w-1")?, "approved");

    let to = Purse::stranger(2).to_string();
    erin.open(&treasury.vault_page("/withdrawals/new"))?;
    erin.fill("#draft-to", &to)?;
    erin.fill("#draft-amount", "0.06")?;
    erin.fill("#draft-reference", "rent of December")?;
    erin.says("#preview", "larger payouts")?;
    erin.says("#preview", "dana")?;
    erin.click("form[hx-post] button[type=submit]:not(.button-quiet)")?;
    erin.shows("form[action$='/ask']")?;
    let id = erin.text("dl.facts dd:nth-of-type(4)")?;
    answer(&erin, "form[action$='/ask'] button", "Handed in")?;
    let own = treasury.vault_page(&format!("/withdrawals/treasurer/{id}"));
    erin.open(&own)?;
    erin.says("main", "requested")?;
    assert_eq!(erin.count("a.button[href*='/approve?intent=']")?, 0);
    let shown = treasury
        .auditor()
        .get(&treasury.path(&format!("/withdrawals/treasurer/{id}")))?
        .done()?;
    let hash = harness::field(&shown, "intent_hash")?;
    // A page of hers that asks all the same.
    erin.open(&treasury.vault_page(&format!("/withdrawals/approve?intent={hash}")))?;
    erin.says("main", "request")?;
    let port = erin.script("return document.body.dataset.none ?? ''")?;
    assert_eq!(port, "");
    dana.open(&treasury.vault_page(&format!("/withdrawals/approve?intent={hash}")))?;
    answer(
        &dana,
        "form[action$='/ask'] button:not(.button-danger)",
        "Handed in",
    )?;
    dana.says("main", "approved")?;

    office.treasury.start_cosigner()?;
    let treasury = &office.treasury;
    let txid = treasury.batch()?;
    treasury.countersign(&treasury.people.bob, txid)?;
    treasury.settle(txid, &["w-1"])?;
    dana.open(&detail)?;
    dana.says("main", "settled")?;
    dana.open(&format!("{detail}/receipt"))?;
    dana.says("main", &txid.to_string())?;
    Ok(())
}

/// 1. An operator invites dana as an auditor; the link opens once.
/// 2. A session that was known before signing in is dead after it; signing out ends it.
/// 3. A second operator, named by the first, comes in only with the word of... the first alone is enough while there is
///    one; the third needs two.
/// 4. Dana says that she is away: the people's page warns that nobody of ops is left.
/// 5. Dana's role is changed with four eyes, which ends her session; she is revoked, and her passkey opens nothing.
#[test]
fn people_join_are_away_change_roles_and_go() -> Outcome {
    let treasury = Treasury::start(ScriptKind::Wsh, Engine::Sqlite)?;
    let olga = treasury.join("olga", "operator")?;
    let link = treasury.invite("dana", "auditor")?;
    let dana = Browser::start()?;
    dana.plug_in_authenticator()?;
    dana.open(&link)?;
    dana.click("#make-passkey")?;
    dana.arrives("/")?;
    let before = dana.cookie("countersign")?;
    let again = Web::nobody(&treasury).get(&link.replace(&treasury.coordinator.pages(), ""))?;
    assert_ne!(again.status, 200, "the link opened twice");

    dana.click(".sign-out button")?;
    dana.arrives("/sign-in")?;
    assert_eq!(
        Web::with_session(&treasury, &before)?
            .get("/account")?
            .status,
        303
    );
    dana.click("#sign-in")?;
    dana.arrives("/")?;
    let after = dana.cookie("countersign")?;
    assert_ne!(before, after);
    assert_eq!(
        Web::with_session(&treasury, &before)?
            .get("/account")?
            .status,
        303
    );

    olga.open(&treasury.page("/people"))?;
    olga.fill("#name", "omar")?;
    olga.click("input[name=role][value=operator]")?;
    olga.click("form:has(#name) button")?;
    olga.says("main", "omar")?;
    let omar = treasury.session_of("omar", "operator", None)?;
    let omar_web = Web::with_session(&treasury, &omar)?;
    assert_eq!(omar_web.get("/people")?.status, 200);

    olga.open(&treasury.page("/people/dana"))?;
    olga.choose("#role", "approver")?;
    olga.click("form[action='/people/dana/role'] button")?;
    olga.says("main", "waits for another operator")?;
    assert_eq!(
        Web::with_session(&treasury, &after)?
            .get("/account")?
            .status,
        200
    );
    let shown = omar_web.get("/people/dana")?;
    let path = shown
        .text
        .split("action=\"/roles/")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .map(|rest| format!("/roles/{rest}"))
        .ok_or_else(|| Failure::new(format!("nothing to decide: {}", shown.text)))?;
    assert_eq!(omar_web.post(&path, &[("word", "confirm")])?.status, 303);
    assert_eq!(
        Web::with_session(&treasury, &after)?
            .get("/account")?
            .status,
        303
    );
    dana.open(&treasury.page("/sign-in"))?;
    dana.click("#sign-in")?;
    dana.arrives("/")?;
    dana.says("header .person", "approver")?;

    let before = dana.cookie("countersign")?;
    assert_eq!(omar_web.post("/people/dana/revoke", &[])?.status, 303);
    assert_eq!(
        Web::with_session(&treasury, &before)?
            .get("/account")?
            .status,
        303
    );
    dana.open(&treasury.page("/sign-in"))?;
    dana.click("#sign-in")?;
    dana.shows("#said.notice-bad")?;
    Ok(())
}

/// 1. A batch waits for signatures; erin presses "stop" on the page and signs it with her tool.
/// 2. Everybody sees the banner; no payment is issued.
/// 3. Two persons of ops release it, each with the own tool; the vault pays again.
#[test]
fn a_vault_is_stopped_and_released_from_the_pages() -> Outcome {
    let office = Office::open(Engine::Sqlite)?;
    let treasury = &office.treasury;
    let dana = treasury.join("dana", "operator")?;
    let erin = treasury.join("erin", "approver")?;
    let _danas_tool = office.pair(&treasury.people.dana, &dana)?;
    let _erins_tool = office.pair(&office.erin, &erin)?;
    treasury.withdraw("w-1", &Purse::stranger(1), Amount::from_sat(100_000))?;
    let stops = treasury.vault_page("/stops");
    dana.open(&stops)?;
    dana.says("main", "No stop is in force")?;

    erin.open(&stops)?;
    if erin.count("form[action$='/ask'] [name=reason]")? > 0 {
        erin.fill("form[action$='/ask'] [name=reason]", "a laptop is gone")?;
    }
    answer(&erin, "form[action$='/ask'] button", "Handed in")?;
    dana.shows(".notice-bad")?;
    treasury
        .operator()
        .post(&treasury.path("/batches"), &serde_json::json!({}))?
        .refused(409, "stopped")?;

    for browser in [&dana, &erin] {
        browser.open(&stops)?;
        browser.shows("form[action$='/ask'] [name=what][value=release]")?;
        answer(
            browser,
            "form[action$='/ask']:has([name=what][value=release]) button",
            "Handed in",
        )?;
    }
    dana.open(&stops)?;
    dana.says("main", "No stop is in force")?;
    treasury.batch()?;
    Ok(())
}

/// 1. A batch is signed and stuck in the mempool.
/// 2. The operator asks the page what a higher fee means: nothing is done yet. What was previewed is done; something
///    else, or the same twice, is not.
/// 3. The new attempt is signed and settled; the page of the old one says that it is dead.
#[test]
fn a_stuck_attempt_is_replaced_from_its_page_as_it_was_previewed() -> Outcome {
    let treasury = Treasury::start(ScriptKind::Wsh, Engine::Sqlite)?;
    treasury.deposit(Amount::ONE_BTC)?;
    treasury.withdraw("w-1", &Purse::stranger(1), Amount::from_sat(1_000_000))?;
    let first = treasury.batch()?;
    treasury.countersign(&treasury.people.alice, first)?;
    treasury.countersign(&treasury.people.bob, first)?;
    treasury.reaches_mempool(first)?;
    treasury.all_is_taken_in()?;

    let dana = treasury.join("dana", "operator")?;
    dana.open(&treasury.page(&format!("/attempts/{first}")))?;
    dana.click("a[href$='/replace']")?;
    dana.fill("#feerate", "1")?;
    dana.click("form[action$='/replace'] button")?;
    dana.says("main", "fee")?;
    dana.fill("#feerate", "25")?;
    dana.click("form[action$='/replace'] button")?;
    dana.shows("#preview")?;
    let attempts = |state: &str| -> Result<usize, Failure> {
        let path = treasury.path(&format!("/attempts?state={state}"));
        let all = treasury.auditor().get(&path)?.done()?;
        Ok(harness::items(&all)?.len())
    };
    assert_eq!(attempts("issued")?, 0, "a preview did something");
    dana.click("#preview form button")?;
    dana.arrives("/attempts/")?;
    assert_eq!(attempts("issued")?, 1);
    let address = dana.address()?;
    let second = address.rsplit('/').next().unwrap_or_default().parse()?;
    assert_ne!(second, first);
    treasury.countersign(&treasury.people.alice, second)?;
    treasury.countersign(&treasury.people.bob, second)?;
    treasury.reaches_mempool(second)?;
    treasury.settle(second, &["w-1"])?;
    dana.open(&treasury.page(&format!("/attempts/{first}")))?;
    dana.says("main", "dead")?;
    Ok(())
}
