//! A ceremony in real browsers: the operator's board, and the page of a person's own seat.

use harness::{Browser, Engine, Failure, Outcome, SignerHome};
use policies::document::words_of;
use signer::keystore::vault_key;

use super::places::{Hall, Person, invites, policy_around};
use super::{parsed, recorded, records};

const RECORD: &str = "form[action='/seat/record'] button";
const COMPARE: &str = "form[action='/seat/comparison'] button";
const READY: &str = "form[action='/seat/readiness'] button";

/// What the page of the seat lets its person download.
fn downloaded(browser: &Browser) -> Result<String, Failure> {
    let fetched = "return fetch(document.querySelector('a[href$=\"policy.toml\"]').href).then((answer) => answer.text())";
    let text = browser.script(fetched)?;
    text.as_str()
        .map(str::to_owned)
        .ok_or_else(|| Failure::new(format!("no document: {text}")))
}

/// What somebody heard, typed into the page.
fn type_words(browser: &Browser, first: &str, last: &str) -> Outcome {
    browser.choose("#with", "bob")?;
    browser.fill("#first", first)?;
    browser.fill("#last", last)
}

/// 1. Olga begins a ceremony on the page and makes a link for alice, which opens once: a second browser sees nothing.
/// 2. Alice pastes a private key, which is refused and stands nowhere again; then the record of her own.
/// 3. Bob hands his in by command. Olga brings the document, and the board shows words and first address.
/// 4. Alice downloads the document. Her page shows no words: they come from her own tool. A wrong one confirms nothing.
/// 5. She confirms, pins and is ready; bob too. Olga adds the vault, and its page is there.
#[test]
fn two_persons_and_an_operator_set_up_a_vault_in_browsers() -> Outcome {
    let hall = Hall::open(Engine::Sqlite)?;
    let at = &hall.coordinator;
    let page = |path: &str| format!("{}{path}", at.pages());
    let (olga, alices) = (Browser::start()?, Browser::start()?);
    at.let_in(&olga, "olga", "operator")?;
    olga.open(&page("/ceremonies"))?;
    olga.fill("#name", "cold")?;
    olga.fill("#seats", "alice\nbob = robert\n")?;
    olga.click("form[action='/ceremonies'] button")?;
    olga.says("main", "Invite alice, bob.")?;
    let board = olga.address()?;
    let id = board.rsplit('/').next().unwrap_or_default().to_owned();

    olga.click("form[action$='/seats/alice/link'] button")?;
    olga.says("h1", "The seat of alice")?;
    let link = olga.text("#link")?;
    let link = format!("{}{}", at.pages(), link.trim_start_matches(&at.pages()));
    alices.open(&link)?;
    alices.click("form button")?;
    alices.says("h1", "The seat of alice")?;
    let late = Browser::start()?;
    late.open(&link)?;
    assert_eq!(
        late.count("form[action*='/seats/']")?,
        0,
        "the link opened twice"
    );

    let (alice, bob) = (Person::new("alice")?, Person::new("bob")?);
    let (key, _) = recorded(&vault_key::fresh_words()?, "a key")?;
    let private = key.account().to_string();
    alices.fill("#pasted", &private)?;
    alices.click(RECORD)?;
    alices.says("main, .card", "private key or the words of a seed")?;
    assert!(!alices.source()?.contains(&private));
    let record = String::from_utf8(alice.makes_key()?)?;
    alices.fill("#pasted", &record)?;
    alices.click(RECORD)?;
    alices.says("[role=status]", "Your key is in.")?;
    bob.joins(at, &invites(at, &id, "bob")?)?;
    bob.hands_in(at, &bob.makes_key()?, &[])?.done()?;

    let dana = SignerHome::new("dana")?.make_approver()?;
    let document = policy_around(&hall, &records(&hall, &id)?, dana)?;
    let policy = parsed(document.as_bytes())?;
    let file = bob.home.bring("draft.toml", document.as_bytes())?;
    olga.open(&board)?;
    olga.bring("#file", &file)?;
    olga.click("form[action$='/draft'] button")?;
    olga.says("ol.words", words_of(policy.id)[0])?;
    assert_eq!(olga.count("ol.words li")?, 24);
    olga.says("main", &policy.first_address())?;

    alices.open(&page("/seat"))?;
    let got = downloaded(&alices)?;
    assert_eq!(got, document);
    alice.home.bring("policy.toml", got.as_bytes())?;
    bob.fetches(at)?;
    let (words, heard) = (alice.reads_out()?, bob.reads_out()?);
    assert_eq!(words, heard);
    let shown = alices.text("body")?;
    assert!(!shown.contains(&heard[..3].join(" ")), "{shown}");
    assert!(shown.contains(&alice.first_address()?), "{shown}");
    type_words(&alices, &heard[0], "nothing")?;
    alices.click("input[name=same_address]")?;
    alices.click(COMPARE)?;
    alices.says(".notice-bad", "compare all 24 words")?;
    assert_eq!(alices.count(READY)?, 0);
    type_words(&alices, &heard[0], &heard[23])?;
    alices.click("input[name=same_address]")?;
    alices.click(COMPARE)?;
    alices.shows(READY)?;
    alice.pins(&heard, &[])?.done()?;
    alices.click(READY)?;
    alices.says("[role=status]", "You have confirmed.")?;
    olga.open(&board)?;
    assert_eq!(olga.count("form[action$='/activate']")?, 0);
    bob.confirms(at, "alice", &words)?.done()?;
    bob.pins(&words, &[])?.done()?;
    bob.is_ready(at)?.done()?;

    olga.open(&board)?;
    olga.click("form[action$='/activate'] button")?;
    olga.says("main", "The vault was added.")?;
    olga.open(&page(&format!("/vaults/{}", policy.vault)))?;
    olga.says("main", "cold")?;
    for browser in [&olga, &alices] {
        assert_eq!(browser.faults()?, [""; 0]);
    }
    Ok(())
}
