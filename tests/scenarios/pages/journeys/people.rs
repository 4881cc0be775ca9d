//! People join, are away, change roles, and go.

use bitcoin::Amount;
use harness::{
    AUTOMATIC_MAX_SAT, Browser, Engine, Failure, Outcome, Purse, ScriptKind, Treasury, Web, now,
};

use super::Office;

/// A day that is over.
const OVER: &str = "2020-01-01";

/// The day a month from now, as a person writes it.
fn in_a_month() -> String {
    let then = now().saturating_add(30 * 24 * 3_600).to_string();
    then.chars().take(OVER.len()).collect()
}

/// What somebody with this secret sees: the own account, or the page of signing in.
fn is_signed_in(treasury: &Treasury, secret: &str) -> Result<bool, Failure> {
    let seen = Web::with_session(treasury, secret)?.get("/account")?;
    match (seen.status, seen.header("location")) {
        (200, None) => Ok(true),
        (303, Some(to)) if to.starts_with("/sign-in") => Ok(false),
        (status, to) => Err(Failure::new(format!("answered {status} {to:?}"))),
    }
}

/// Fills the form of somebody who is invited, on the page of people; the link that the next page shows.
fn invite(browser: &Browser, treasury: &Treasury, name: &str) -> Result<String, Failure> {
    browser.open(&treasury.page("/people"))?;
    browser.fill("#name", name)?;
    browser.click("input[name=role][value=operator]")?;
    browser.click("form[action='/invites'] button")?;
    browser.says("h1", &format!("The invitation for {name}"))?;
    browser.text("#link")
}

/// The path of a page of these.
fn path(treasury: &Treasury, link: &str) -> String {
    link.replace(&treasury.coordinator.pages(), "")
}

/// 1. An operator invites dana as an auditor; the link opens once.
/// 2. Signing out ends the session; signing in begins another one, and the one before stays over.
/// 3. A second operator, named by the first, joins by the word of the first alone. The third one's link opens only once
///    the second operator confirmed it.
/// 4. Dana's role is changed with four eyes, which ends her session.
/// 5. She is revoked: her session is over, and her passkey opens nothing.
#[test]
fn people_join_change_roles_and_go() -> Outcome {
    let treasury = Treasury::start(ScriptKind::Wsh, Engine::Sqlite)?;
    let treasury = &treasury;
    let olga = treasury.join("olga", "operator")?;
    let link = treasury.invite("dana", "auditor")?;
    let dana = Browser::start()?;
    dana.plug_in_authenticator()?;
    dana.open(&link)?;
    dana.click("#make-passkey")?;
    dana.says("header .person", "auditor")?;
    let before = dana.cookie("countersign")?;
    assert!(is_signed_in(treasury, &before)?);
    let nobody = Web::nobody(treasury);
    let again = nobody.get(&path(treasury, &link))?;
    assert_ne!(again.status, 200, "the link opened twice");

    dana.click(".sign-out button")?;
    dana.shows("#sign-in")?;
    assert!(!is_signed_in(treasury, &before)?);
    dana.click("#sign-in")?;
    dana.shows("header .person")?;
    let after = dana.cookie("countersign")?;
    assert_ne!(before, after);
    assert!(!is_signed_in(treasury, &before)? && is_signed_in(treasury, &after)?);

    let link = invite(&olga, treasury, "omar")?;
    assert_eq!(olga.count("main .notice-warn")?, 0, "omar waits");
    let omar = Browser::start()?;
    omar.plug_in_authenticator()?;
    omar.open(&link)?;
    omar.click("#make-passkey")?;
    omar.says("header .person", "operator")?;
    let link = path(treasury, &invite(&olga, treasury, "oscar")?);
    olga.says("main .notice-warn", "Another operator must confirm it")?;
    assert_ne!(nobody.get(&link)?.status, 200, "one operator was enough");
    omar.open(&treasury.page("/people"))?;
    omar.click("form[action$='/confirm'] button")?;
    omar.shows("main .notice-good")?;
    assert_eq!(nobody.get(&link)?.status, 200);

    olga.open(&treasury.page("/people/dana"))?;
    olga.choose("#role", "approver")?;
    olga.click("form[action='/people/dana/role'] button")?;
    olga.says("main", "waits for another operator")?;
    assert_eq!(olga.count("form[action$='/decide']")?, 0);
    assert!(is_signed_in(treasury, &after)?);
    omar.open(&treasury.page("/people/dana"))?;
    omar.click("form[action$='/decide']:has([value=confirm]) button")?;
    omar.shows("main .notice-good")?;
    assert!(!is_signed_in(treasury, &after)?);
    dana.open(&treasury.page("/sign-in"))?;
    dana.click("#sign-in")?;
    dana.says("header .person", "approver")?;

    let before = dana.cookie("countersign")?;
    assert!(is_signed_in(treasury, &before)?);
    omar.open(&treasury.page("/people/dana"))?;
    omar.click("form[action='/people/dana/revoke'] button")?;
    omar.shows("main .notice-good")?;
    assert!(!is_signed_in(treasury, &before)?);
    dana.open(&treasury.page("/sign-in"))?;
    dana.click("#sign-in")?;
    dana.shows("#said.notice-bad")?;
    Ok(())
}

/// 1. A withdrawal waits for one of ops: dana or erin.
/// 2. Dana says on her account that she is away: she is told which quorum those who are left cannot meet, and so is
///    whoever looks at the page of people.
/// 3. The line on the withdrawal asks erin now, says that dana is away, and that she could act all the same.
/// 4. Dana is back: nothing of that stands there any more.
#[test]
fn who_is_away_is_told_wherever_somebody_waits() -> Outcome {
    let office = Office::open()?;
    let treasury = &office.treasury;
    let olga = treasury.join("olga", "operator")?;
    let dana = treasury.join("dana", "approver")?;
    let large = Amount::from_sat(AUTOMATIC_MAX_SAT + 1);
    treasury.withdraw("w-1", &Purse::stranger(1), large)?;
    let people = treasury.page("/people");
    let withdrawal = treasury.vault_page("/withdrawals/exchange/w-1");
    let warning = "the release of a stop needs 2, only erin is left";
    olga.open(&people)?;
    olga.says("#live", "Nobody is away")?;
    olga.open(&withdrawal)?;
    let line = olga.text(".waiting")?;
    assert!(line.contains("Ask dana or erin"), "{line}");
    assert!(!line.contains("away"), "{line}");

    dana.open(&treasury.page("/account"))?;
    dana.choose_day("#from", OVER)?;
    dana.choose_day("#until", OVER)?;
    dana.click("form[action='/account/away'] button")?;
    dana.says("#until-wrong", "after the first day away")?;
    assert_eq!(dana.value("#from")?, OVER, "what was typed is gone");
    dana.choose_day("#until", &in_a_month())?;
    dana.fill("#reason", "a long holiday")?;
    dana.click("form[action='/account/away'] button")?;
    dana.says("main [role=status]", warning)?;
    olga.open(&people)?;
    olga.says(".absences", "a long holiday")?;
    olga.says(".absences", warning)?;
    olga.open(&withdrawal)?;
    for words in [
        "waits for others",
        "dana is away",
        "Ask erin.",
        "Others who could act: dana",
    ] {
        olga.says(".waiting", words)?;
    }

    dana.open(&treasury.page("/account"))?;
    dana.click("form[action^='/absences/'] button")?;
    dana.says("main [role=status]", "Back again")?;
    olga.open(&people)?;
    olga.says("#live", "Nobody is away")?;
    olga.open(&withdrawal)?;
    let line = olga.text(".waiting")?;
    assert!(line.contains("Ask dana or erin"), "{line}");
    Ok(())
}
