//! What a camera sees becomes a file in the form, with a quarter of the frames lost.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use bitcoin::Amount;
use bitcoin::base64::Engine as _;
use bitcoin::base64::prelude::BASE64_STANDARD;
use harness::{
    Browser, Camera, Engine, Failure, Outcome, Purse, Screen, ScriptKind, Treasury, film,
    wait_until,
};
use policies::carrier::{Carrier, Symbol};

use super::{Chance, psbt_like, symbols};

const OPEN: &str = "[data-scan=files]";
/// Enough for a film that is seen several times over.
const SCANNED: Duration = Duration::from_secs(200);
/// Rounds of a film, each with losses of its own.
const ROUNDS: usize = 2;

/// The first file of the form, in base64.
const CHOSEN: &str = r##"
    const file = document.querySelector("#files").files[0];
    return file ? file.arrayBuffer().then((bytes) => {
        let text = "";
        for (const byte of new Uint8Array(bytes)) text += String.fromCharCode(byte);
        return btoa(text);
    }) : null;
"##;

/// Writes a film in which each frame is lost by chance, one in four; after some rounds the one who shows it shows only those
/// that were never seen.
fn lossy_film(file: &Path, codes: &[Symbol], per_second: u32, seed: u64) -> Result<(), Failure> {
    let mut chance = Chance(seed);
    let mut missing: BTreeSet<usize> = (0..codes.len()).collect();
    let mut seen = Vec::new();
    for place in (0..ROUNDS).flat_map(|_| 0..codes.len()) {
        if !missing.is_empty() && !chance.loses() {
            missing.remove(&place);
            seen.push(&codes[place]);
        }
    }
    // Three times, as a person would leave them: a busy machine does not read every picture.
    let asked_for = missing.iter().map(|place| &codes[*place]);
    seen.extend(asked_for.cycle().take(missing.len() * 3));
    film(file, seen, per_second)
}

/// Waits until the form has a file, and gives its bytes.
fn chosen(browser: &Browser) -> Result<Vec<u8>, Failure> {
    let mut told = String::new();
    let text = wait_until("the whole to be scanned", SCANNED, || {
        if browser.count("dialog [data-told]")? > 0 {
            told = browser
                .script("return document.querySelector('dialog.codes')?.innerText ?? ''")?
                .to_string();
        }
        Ok(browser.script(CHOSEN)?.as_str().map(str::to_owned))
    })
    .map_err(|failure| Failure::new(format!("{failure}; the dialog said {told}")))?;
    Ok(BASE64_STANDARD.decode(text)?)
}

/// Scans what a film of these bytes shows, into the form of all attempts.
fn is_scanned(
    treasury: &Treasury,
    bytes: &[u8],
    (carrier, version): (Carrier, u8),
    fps: u32,
) -> Outcome {
    let folder = tempfile::tempdir()?;
    let seen = folder.path().join("film.y4m");
    lossy_film(&seen, &symbols(bytes, carrier, version), fps, 11)?;
    let dana = treasury.visitor_with_camera("dana", &Camera::Sees(seen))?;
    dana.open(&treasury.vault_page("/attempts"))?;
    dana.click(OPEN)?;
    assert_eq!(chosen(&dana)?, bytes, "{carrier} {version}");
    dana.says("#files-scanned", "Scanned scanned")?;
    assert_eq!(dana.count("dialog")?, 0);
    Ok(())
}

/// 1. A camera sees BBQr, then UR, of a PSBT of one kilobyte and of twenty, as a current device shows it; a quarter of the
///    frames is lost.
/// 2. Each becomes a file in the form, byte for byte, and the dialog closes.
#[test]
fn small_and_middling_files_are_scanned_by_each_carrier_with_a_quarter_of_the_frames_lost()
-> Outcome {
    let treasury = Treasury::start(ScriptKind::Wsh, Engine::Sqlite)?;
    for (length, carrier, version) in [
        (1_000, Carrier::Bbqr, 15),
        (1_000, Carrier::Ur, 15),
        (20_000, Carrier::Bbqr, 27),
        (20_000, Carrier::Ur, 27),
    ] {
        is_scanned(&treasury, &psbt_like(length, 3), (carrier, version), 8)?;
    }
    Ok(())
}

/// The same of two hundred kilobytes as BBQr of the highest density.
#[test]
fn two_hundred_kilobytes_are_scanned_as_bbqr_with_a_quarter_of_the_frames_lost() -> Outcome {
    let treasury = Treasury::start(ScriptKind::Wsh, Engine::Sqlite)?;
    is_scanned(&treasury, &psbt_like(200_000, 5), (Carrier::Bbqr, 40), 5)
}

/// The same of two hundred kilobytes as UR.
#[test]
fn two_hundred_kilobytes_are_scanned_as_ur_with_a_quarter_of_the_frames_lost() -> Outcome {
    let treasury = Treasury::start(ScriptKind::Wsh, Engine::Sqlite)?;
    is_scanned(&treasury, &psbt_like(200_000, 7), (Carrier::Ur, 40), 8)
}

/// 1. A withdrawal waits for alice and bob, who sign at home.
/// 2. The operator's camera sees only half of the codes of what alice signed: the page names those that are missing. The
///    operator gives up; the camera is off then.
/// 3. With codes of another series in sight, the scan goes on where it was and tells the foreign ones.
/// 4. What was scanned is handed in, and counts like any file.
#[test]
fn a_scan_that_was_left_goes_on_and_what_it_read_is_handed_in_like_any_file() -> Outcome {
    let treasury = Treasury::start(ScriptKind::Wsh, Engine::Sqlite)?;
    treasury.deposit(Amount::from_sat(5_000_000))?;
    treasury.withdraw("w-1", &Purse::stranger(1), Amount::from_sat(1_000_000))?;
    let txid = treasury.batch()?;
    let signed = treasury.people.alice.sign(&treasury.psbt(txid)?)?.done()?;
    let signed = BASE64_STANDARD.decode(signed.text().trim())?;
    treasury.people.bob.sign(&treasury.psbt(txid)?)?.done()?;

    let folder = tempfile::tempdir()?;
    let seen = folder.path().join("film.y4m");
    let codes = symbols(&signed, Carrier::Bbqr, 8);
    let foreign = symbols(&psbt_like(2_000, 9), Carrier::Bbqr, 8);
    assert!(codes.len() > 4, "{}", codes.len());
    let (first, rest) = codes.split_at(codes.len() / 2);
    // First a half of them for twelve seconds, then the others, with foreign ones among them.
    let half = first.iter().cycle().take(96);
    let mixed = rest.iter().zip(foreign.iter().cycle());
    let mixed: Vec<&Symbol> = mixed.flat_map(|(own, other)| [other, own]).collect();
    let mixed = mixed.iter().copied().cycle().take(mixed.len() * 6);
    film(&seen, half.chain(mixed), 8)?;

    let dana = treasury.visitor_with_camera("dana", &Camera::Sees(seen))?;
    dana.open(&treasury.page(&format!("/attempts/{txid}")))?;
    dana.click(OPEN)?;
    let half = format!("{} of {} codes", first.len(), codes.len());
    dana.says("dialog [data-told]", &half)?;
    dana.says(
        "dialog [data-told]",
        &format!("missing {}–{}", first.len() + 1, codes.len()),
    )?;
    let track = "globalThis.seen = document.querySelector('dialog video').srcObject.getTracks()[0]; return seen.readyState";
    assert_eq!(dana.script(track)?, "live");
    assert!(dana.faults()?.is_empty(), "{:?}", dana.faults()?);
    dana.click("dialog [data-close]")?;
    assert_eq!(dana.script("return seen.readyState")?, "ended");
    assert_eq!(
        dana.script("return document.activeElement.dataset.scan")?,
        "files"
    );

    dana.click(OPEN)?;
    assert_eq!(chosen(&dana)?, signed);
    dana.says("#files-scanned", &txid.to_string()[..8])?;
    dana.click("form[data-drop] button[type=submit]")?;
    dana.says("h1", "Files handed in")?;
    dana.says("ul.plain > li .chip", "taken")?;
    Ok(())
}

/// 1. Where the person does not let the page use the camera, and where there is none, the dialog says so and what to do.
/// 2. The form is as it was, and a file can be brought.
#[test]
fn without_a_camera_the_page_says_what_to_do_and_takes_the_file() -> Outcome {
    let treasury = Treasury::start(ScriptKind::Wsh, Engine::Sqlite)?;
    for (camera, words) in [
        (Camera::Refused, "does not let this page use the camera"),
        (Camera::Absent, "There is no camera"),
    ] {
        let dana = treasury.visitor_with_camera("dana", &camera)?;
        dana.open(&treasury.vault_page("/attempts"))?;
        dana.click(OPEN)?;
        dana.says("dialog [data-wrong]", words)?;
        dana.says("dialog [data-wrong]", "bring the file")?;
        let [(_, desktop), .., (_, phone)] = Screen::ALL;
        for screen in [desktop, phone] {
            dana.picture(screen, &tempfile::tempdir()?.path().join("camera.png"))?;
            assert!(dana.faults()?.is_empty(), "{:?}", dana.faults()?);
        }
        dana.press_keys("\u{e00c}")?;
        assert_eq!(dana.count("dialog")?, 0);
        assert_eq!(dana.script(CHOSEN)?, serde_json::Value::Null);
    }
    Ok(())
}
