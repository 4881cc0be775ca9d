//! Signatures come back to the pages: dropped, pasted and chosen, several at once.

use bitcoin::base64::Engine as _;
use bitcoin::base64::prelude::BASE64_STANDARD;
use bitcoin::{Amount, Txid};
use harness::{Browser, Engine, Failure, Outcome, Purse, ScriptKind, SignerHome, Treasury};

const HAND_IN: &str = "form[data-drop] button[type=submit]";

/// Two deposits, and a batch of one withdrawal from each.
fn two_attempts(treasury: &Treasury) -> Result<[Txid; 2], Failure> {
    for reference in ["first", "second"] {
        let address = treasury.new_address(reference)?;
        treasury.pay_in(&address, Amount::from_sat(10_000_000))?;
    }
    treasury.node.mine(3)?;
    treasury.all_is_taken_in()?;
    let mut attempts = Vec::new();
    for n in 1..=2_u8 {
        let amount = Amount::from_sat(1_000_000 + u64::from(n));
        treasury.withdraw(&format!("w-{n}"), &Purse::stranger(n), amount)?;
        attempts.push(treasury.batch()?);
    }
    <[Txid; 2]>::try_from(attempts).map_err(|found| Failure::new(format!("{found:?}")))
}

/// What the page says of each file that was handed in: its name, and what became of it.
fn told(browser: &Browser) -> Result<Vec<(String, String)>, Failure> {
    browser.says("h1", "Files handed in")?;
    let mut told = Vec::new();
    for n in 1..=browser.count("ul.plain > li")? {
        let card = format!("ul.plain > li:nth-child({n})");
        let name = browser.text(&format!("{card} .strong"))?;
        told.push((name, browser.text(&format!("{card} .chip"))?));
    }
    Ok(told)
}

fn expected(files: [(&str, &str); 3]) -> Vec<(String, String)> {
    let told = files.iter();
    told.map(|(name, chip)| ((*name).to_owned(), (*chip).to_owned()))
        .collect()
}

/// 1. Two batches wait for alice and bob, who sign at home.
/// 2. The operator drops three files on the page of all attempts: what alice signed of the first, something that is no
///    PSBT, what bob signed of the first, in base64. The page shows all three before anything is sent, and says of each what
///    became of it: the bad one hurts no other. The first attempt is complete.
/// 3. On the page of the second attempt the operator pastes what alice signed, in base64, and chooses two files from
///    the disk: what bob signed, and once more what alice signed of the first, which is for another attempt and says
///    nothing new.
/// 4. Both are broadcast.
#[test]
fn signatures_of_several_signers_are_dropped_pasted_and_chosen_at_once() -> Outcome {
    let treasury = Treasury::start(ScriptKind::Wsh, Engine::Sqlite)?;
    let [first, second] = two_attempts(&treasury)?;
    let (alice, bob) = (&treasury.people.alice, &treasury.people.bob);
    // In base64, as the tool prints it.
    let signed = |signer: &SignerHome, txid| -> Result<String, Failure> {
        let said = signer.sign(&treasury.psbt(txid)?)?.done()?;
        Ok(said.text().trim().to_owned())
    };
    let alices = BASE64_STANDARD.decode(signed(alice, first)?)?;
    let bobs = signed(bob, first)?;

    let dana = treasury.join("dana", "operator")?;
    dana.open(&treasury.vault_page("/attempts"))?;
    dana.shows("[data-drop-words]:not([hidden])")?;
    dana.drop_files(&[("alice.psbt", &alices), ("holiday.jpg", &[0xff; 900])])?;
    dana.drop_files(&[("bob.psbt", bobs.as_bytes())])?;
    let chosen =
        "return [...document.querySelector('#files').files].map((file) => file.name).join()";
    assert_eq!(dana.script(chosen)?, "alice.psbt,holiday.jpg,bob.psbt");
    assert_eq!(
        treasury.attempt_becomes(first, "issued")?["complete"],
        false
    );
    dana.click(HAND_IN)?;
    assert_eq!(
        told(&dana)?,
        expected([
            ("alice.psbt", "taken"),
            ("holiday.jpg", "refused"),
            ("bob.psbt", "taken"),
        ])
    );
    dana.says("ul.plain > li:nth-child(2)", "What to do")?;
    dana.says(
        "ul.plain > li:nth-child(3)",
        "Every input has enough signatures now",
    )?;

    let again = alice.bring("again.psbt", &alices)?;
    let bobs = bob.bring("bob.psbt", signed(bob, second)?.as_bytes())?;
    let pasted = signed(alice, second)?;
    dana.open(&treasury.page(&format!("/attempts/{second}")))?;
    dana.shows("[data-drop-words]:not([hidden])")?;
    dana.bring_all("#files", &[&again, &bobs])?;
    dana.paste(&pasted)?;
    assert_eq!(dana.value("#pasted")?, pasted);
    dana.shows("form[data-drop] details[open]")?;
    dana.click(HAND_IN)?;
    assert_eq!(
        told(&dana)?,
        expected([
            ("again.psbt", "nothing new"),
            ("bob.psbt", "taken"),
            ("pasted 1", "taken"),
        ])
    );
    dana.says(
        "ul.plain > li:nth-child(1)",
        "which is not the one that you came from",
    )?;
    dana.says(
        "ul.plain > li:nth-child(3)",
        "Every input has enough signatures now",
    )?;
    treasury.reaches_mempool(first)?;
    treasury.reaches_mempool(second)?;
    Ok(())
}
