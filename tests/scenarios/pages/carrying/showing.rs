//! What the page shows is read by another reader from pictures of the screen, and is the file that is downloaded.

use bitcoin::{Amount, Txid};
use harness::{Browser, Engine, Failure, Outcome, Purse, Screen, ScriptKind, Treasury, Web};
use policies::carrier::{Collected, Collector, for_device};
use signer::qr::codes_in;

use super::Chance;

const OPEN: &str = "[data-show$='/attempt.psbt']";

/// An attempt with so many inputs.
fn attempt(treasury: &Treasury, inputs: u64) -> Result<Txid, Failure> {
    for number in 0..inputs {
        let address = treasury.new_address(&format!("deposit-{number}"))?;
        treasury.pay_in(&address, Amount::from_sat(1_000_000))?;
    }
    treasury.node.mine(3)?;
    treasury.all_is_taken_in()?;
    let amount = Amount::from_sat(1_000_000 * inputs - 400_000);
    let intent = treasury.withdraw("w-1", &Purse::stranger(1), amount)?;
    treasury.approve(&[&intent])?;
    treasury.batch()
}

/// The number of the code that is shown, and how many there are.
fn count(browser: &Browser) -> Result<(usize, usize), Failure> {
    let text = browser.text("dialog [data-count]")?;
    let mut numbers = text
        .split(|letter: char| !letter.is_ascii_digit())
        .filter_map(|number| number.parse().ok());
    match (numbers.next(), numbers.next()) {
        (Some(number), Some(all)) => Ok((number, all)),
        _ if text == "One code holds all" => Ok((1, 1)),
        _ => Err(Failure::new(format!("no count in {text:?}"))),
    }
}

/// The texts of all codes of a round, read from pictures of the screen, one after the other.
fn round(browser: &Browser) -> Result<Vec<String>, Failure> {
    let (_, all) = count(browser)?;
    let mut texts = Vec::new();
    for place in 0..all {
        browser.script(
            "document.querySelector('dialog [data-code]').scrollIntoView({ block: 'center' })",
        )?;
        let picture = browser.screenshot()?;
        let found = codes_in(&picture)?;
        let [text] = found.as_slice() else {
            return Err(Failure::new(format!(
                "{} codes are read at {place} of {all}",
                found.len()
            )));
        };
        texts.push(text.clone());
        if all > 1 {
            browser.script("document.querySelector('dialog [data-forward]').click()")?;
        }
    }
    Ok(texts)
}

/// What a reader has that sees these codes.
fn read(texts: impl IntoIterator<Item = String>) -> Result<Option<Vec<u8>>, Failure> {
    let mut collector = Collector::new();
    for text in texts {
        if let Collected::Whole(payload) = collector.take(&text)? {
            return Ok(Some(payload.into_bytes()));
        }
    }
    Ok(None)
}

/// 1. An attempt of twelve coins waits for signers.
/// 2. On a desktop and on a phone its PSBT is shown as BBQr and as UR: every code is read from a picture of the screen, and
///    together they are the bytes that the page lets one download; of UR also with a quarter of the frames lost.
/// 3. For a device that is not this program our records are left out.
/// 4. Only the codes that the reader asks for go round; the speed changes how long a round takes; nothing sticks out, and
///    axe-core finds nothing.
#[test]
fn every_code_that_the_page_shows_is_read_and_they_are_the_download() -> Outcome {
    let treasury = Treasury::start(ScriptKind::Wsh, Engine::Sqlite)?;
    let txid = attempt(&treasury, 12)?;
    let psbt = treasury.psbt(txid)?;
    let dana = treasury.visitor_in_browser("dana", "operator")?;
    let folder = tempfile::tempdir()?;
    let picture = folder.path().join("shown.png");
    let page = treasury.page(&format!("/attempts/{txid}"));
    let [(_, desktop), .., (_, phone)] = Screen::ALL;
    for screen in [desktop, phone] {
        dana.open(&page)?;
        // It also asks for little motion: the codes stand still until somebody goes on.
        dana.picture(screen, &picture)?;
        dana.click(OPEN)?;
        dana.says("dialog [data-count]", "Code 1 of")?;
        dana.picture(screen, &picture)?;
        assert!(dana.faults()?.is_empty(), "{:?}", dana.faults()?);
        let texts = round(&dana)?;
        assert!(texts.iter().all(|text| text.starts_with("B$")));
        assert_eq!(read(texts)?.as_deref(), Some(psbt.as_slice()));

        dana.choose("dialog [data-carrier]", "ur")?;
        dana.says("dialog [data-count]", "Code 1 of")?;
        harness::wait_until("the fountain's codes", harness::SHORT, || {
            let hidden =
                dana.script("return document.querySelector('dialog [data-only-row]').hidden")?;
            Ok((hidden == true).then_some(()))
        })?;
        let texts = round(&dana)?;
        assert_eq!(read(texts.clone())?.as_deref(), Some(psbt.as_slice()));
        // Two rounds, each with losses of its own.
        let mut chance = Chance(13);
        let rounds = texts.iter().chain(&texts);
        let left: Vec<String> = rounds.filter(|_| !chance.loses()).cloned().collect();
        assert_eq!(read(left)?.as_deref(), Some(psbt.as_slice()));
        dana.click("dialog [data-close]")?;
    }

    // What is not for our own signers.
    dana.click(OPEN)?;
    dana.says("dialog [data-count]", "Code 1 of")?;
    let (_, with_records) = count(&dana)?;
    dana.click("dialog [data-device]")?;
    harness::wait_until("fewer codes", harness::SHORT, || {
        Ok((count(&dana)?.1 < with_records).then_some(()))
    })?;
    let stripped = for_device(&psbt)?;
    assert!(stripped.len() < psbt.len());
    assert_eq!(read(round(&dana)?)?, Some(stripped));

    // Single codes, and the time of a round.
    dana.click("dialog [data-device]")?;
    harness::wait_until("all codes", harness::SHORT, || {
        Ok((count(&dana)?.1 == with_records).then_some(()))
    })?;
    dana.fill("dialog [data-only]", "2-3, 5")?;
    dana.says(
        "dialog [data-count]",
        &format!("Code 2 of {with_records}; one round takes 1 s"),
    )?;
    for number in [3, 5, 2] {
        dana.click("dialog [data-forward]")?;
        assert_eq!(count(&dana)?.0, number);
    }
    dana.choose("dialog [data-speed]", "1")?;
    dana.says("dialog [data-count]", "one round takes 3 s")?;
    // They go round by themselves once somebody lets them.
    dana.click("dialog [data-pause]")?;
    dana.says("dialog [data-count]", "Code 3 of")?;
    dana.says("dialog [data-count]", "Code 5 of")?;
    dana.press_keys("\u{e00c}")?;
    assert_eq!(dana.count("dialog")?, 0);
    let focused = dana.script("return document.activeElement.dataset.name")?;
    assert_eq!(
        focused,
        format!("countersign-{}.psbt", &txid.to_string()[..8])
    );
    Ok(())
}

/// 1. The policy's document is shown like an attempt, byte for byte.
/// 2. Without scripts the download stays, and the page says why there is no button.
#[test]
fn other_files_are_shown_too_and_without_scripts_the_download_stays() -> Outcome {
    let treasury = Treasury::start(ScriptKind::Wsh, Engine::Sqlite)?;
    let dana = treasury.visitor_in_browser("dana", "operator")?;
    let id = treasury.people.policy.id;
    let part = format!("/policy/versions/{id}/export/document");
    dana.open(&treasury.vault_page("/policy?tab=document"))?;
    // The codes stand still for whoever wants little motion.
    let [(_, screen), ..] = Screen::ALL;
    dana.picture(screen, &tempfile::tempdir()?.path().join("policy.png"))?;
    dana.click(&format!("[data-show$='{part}']"))?;
    dana.says("dialog [data-what]", "policy-1.toml: text")?;
    let web = Web::of(&treasury, &dana)?;
    let document = web.get(&treasury.path(&part))?;
    assert_eq!(read(round(&dana)?)?, Some(document.text.into_bytes()));
    let page = web.get(&treasury.path("/policy?tab=document"))?;
    assert!(page.text.contains("QR codes") && page.text.contains("Download the document"));
    Ok(())
}
