//! A vault is stopped in a hurry and released by a quorum.

use bitcoin::Amount;
use harness::{Outcome, Purse};
use serde_json::json;

use super::{Office, answer};

/// 1. A withdrawal waits to be paid; erin presses "stop" on the page, says why, and signs it with her tool.
/// 2. Everybody sees the banner with her reason; no payment is issued.
/// 3. Two persons of ops release it, each with the own tool; the vault pays again.
#[test]
fn a_vault_is_stopped_and_released_from_the_pages() -> Outcome {
    let office = Office::open()?;
    let treasury = &office.treasury;
    let dana = treasury.join("dana", "operator")?;
    let erin = treasury.join("erin", "approver")?;
    let _danas_tool = office.pair(&treasury.people.dana, &dana)?;
    let _erins_tool = office.pair(&office.erin, &erin)?;
    treasury.withdraw("w-1", &Purse::stranger(1), Amount::from_sat(100_000))?;
    let stops = treasury.vault_page("/stops");
    dana.open(&stops)?;
    dana.says("#live", "No stop is in force")?;
    assert_eq!(dana.count("main .notice-bad")?, 0);

    erin.open(&stops)?;
    erin.fill("#ask-reason", "a laptop is gone")?;
    answer(&erin, "form[action$='/ask'] button", "Handed in")?;
    dana.shows("main .notice-bad")?;
    dana.open(&stops)?;
    dana.says("main", "a laptop is gone")?;
    treasury
        .operator()
        .post(&treasury.path("/batches"), &json!({}))?
        .refused(409, "stopped")?;

    let release = "form[action$='/ask']:has([name=what][value=release])";
    for (browser, says) in [(&dana, "1 of 2"), (&erin, "2 of 2")] {
        browser.open(&stops)?;
        browser.shows(release)?;
        answer(browser, &format!("{release} button"), says)?;
    }
    dana.open(&stops)?;
    dana.says("#live", "No stop is in force")?;
    treasury.batch()?;
    Ok(())
}
