//! Strangers' words on the pages: nothing of them runs, nothing of them disguises an address, and no export
//! becomes a formula (threats: scripts in references and labels, directions and letters that are not seen).

use bitcoin::{Address, Amount};
use harness::{Browser, Engine, Failure, Outcome, Purse, ScriptKind, Treasury, Web};
use policies::Intent;
use serde_json::json;

/// What would run if a page took it for anything but text.
const SCRIPTS: [&str; 16] = [
    "<script>window.hit=1</script>",
    "\"><script>window.hit=1</script>",
    "'><img src=x onerror=window.hit=1>",
    "<svg/onload=window.hit=1>",
    "</title><script>window.hit=1</script>",
    "</textarea><script>window.hit=1</script>",
    "<iframe srcdoc='<script>parent.hit=1</script>'>",
    "javascript:window.hit=1",
    "\" autofocus onfocus=\"window.hit=1",
    "' onmouseover='window.hit=1",
    "{{7*7}}{%raw%}${window.hit=1}",
    "<a href=javascript:window.hit=1>x</a>",
    "<style>main{display:none}</style>",
    "<meta http-equiv=refresh content=0;url=//evil>",
    "--><script>window.hit=1</script>",
    "&lt;script&gt;window.hit=1&lt;/script&gt;",
];

/// What turns the order of letters, is not seen, or looks like another letter.
const DISGUISES: [&str; 10] = [
    "to \u{202e}qzz1trcb",
    "\u{2066}bcrt1q\u{2069}",
    "\u{200b}\u{200d}\u{feff}",
    "\u{61c}abc\u{200f}",
    "b\u{441}rt1q",
    "a\u{300}\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}\u{307}\u{308}",
    "\u{e0041}\u{e0042}",
    "\u{3164}\u{115f}",
    "１２３４５",
    "line\u{2028}line\u{2029}line",
];

/// What spreadsheets would run.
const FORMULAS: [&str; 5] = [
    "=1+1",
    "+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(A1:A9)",
    "=HYPERLINK(\"https://evil.example\",\"x\")",
];

fn requested(treasury: &Treasury, n: usize, words: &str) -> Result<Address, Failure> {
    let to = Purse::stranger(u8::try_from(n % 250)?);
    let amount = Amount::from_sat(6_000_000 + u64::try_from(n)?);
    let intent = Intent {
        reference: words.to_owned(),
        ..treasury.intent(&format!("w-{n}"), &to, amount)?
    };
    let answer = treasury.submit(&intent)?;
    assert!(
        [200, 201].contains(&answer.status),
        "{words:?}: {}",
        answer.text()
    );
    Ok(to)
}

/// What a page became by what it shows.
fn stays_a_page(browser: &Browser, at: &str) -> Outcome {
    let hit = browser.script("return String(window.hit)")?;
    assert_eq!(hit, "undefined", "something ran on {at}");
    let foreign = browser.script(
        "return document.querySelectorAll('main script, main iframe, main img, main style, main meta, \
         [onerror], [onload], [onfocus], [onmouseover], a[href^=\"javascript\"]').length",
    )?;
    assert_eq!(foreign, 0, "{at}");
    let order = browser.script(
        "return [...document.querySelectorAll('.address')].every(a => \
         a.innerText.replaceAll(/\\s/g, '') === a.dataset.copy)",
    )?;
    assert_eq!(order, true, "an address on {at} is not what is copied");
    let wide = browser.script("return document.documentElement.scrollWidth - window.innerWidth")?;
    assert!(
        wide.as_i64().is_some_and(|wide| wide <= 0),
        "{at} is {wide} too wide"
    );
    Ok(())
}

/// 1. The service asks for withdrawals whose references are scripts, disguises and formulas; the operator
///    gives addresses, coins and signers such words too, as far as they are taken at all.
/// 2. On every list, detail, search and preview that shows them, in a real browser: nothing ran, no element
///    came of them, addresses read as they are copied, nothing sticks out.
/// 3. No cell of an export begins as a formula does.
#[test]
fn strangers_words_stay_words() -> Outcome {
    let treasury = Treasury::start(ScriptKind::Wsh, Engine::Sqlite)?;
    treasury.deposit(Amount::from_sat(300_000_000))?;
    let words: Vec<&str> = [&SCRIPTS[..], &DISGUISES, &FORMULAS].concat();
    let mut taken = Vec::new();
    for (n, words) in words.iter().enumerate() {
        let to = Purse::stranger(u8::try_from(n % 250)?);
        let intent = treasury.intent(&format!("w-{n}"), &to, Amount::from_sat(6_000_000))?;
        // What an intent cannot say (control letters, for one) never comes to a page.
        let intent = Intent {
            reference: (*words).to_owned(),
            ..intent
        };
        if treasury.submit(&intent)?.status < 300 {
            taken.push((n, *words));
        }
        let body = json!({ "reference": words });
        treasury
            .service()
            .post(&treasury.path("/addresses"), &body)?;
    }
    assert!(taken.len() >= SCRIPTS.len(), "too few are taken: {taken:?}");
    requested(&treasury, 200, "an ordinary one")?;
    let mark = treasury.path("/signers/bob/mark");
    let body = json!({ "mark": "away", "reason": SCRIPTS[1] });
    treasury.operator().put(&mark, &body)?.done()?;

    let browser = treasury.join("dana", "operator")?;
    let mut paths: Vec<String> = [
        "/withdrawals",
        "/addresses",
        "/coins",
        "/deposits",
        "/signers",
        "",
    ]
    .map(|tail| treasury.path(tail))
    .to_vec();
    paths.extend(["/", "/events", "/health", "/people"].map(str::to_owned));
    for (n, words) in &taken {
        paths.push(treasury.path(&format!("/withdrawals/exchange/w-{n}")));
        let query: String = url::form_urlencoded::byte_serialize(words.as_bytes()).collect();
        paths.push(format!("/search?q={query}"));
    }
    for path in &paths {
        browser.open(&treasury.page(path))?;
        browser.shows("h1")?;
        stays_a_page(&browser, path)?;
    }

    let dana = Web::of(&treasury, &browser)?;
    for tail in ["/withdrawals?format=csv", "/addresses?format=csv"] {
        let seen = dana.get(&treasury.path(tail))?;
        assert_eq!(
            seen.header("content-type"),
            Some("text/csv; charset=utf-8"),
            "{tail}"
        );
        for begun in ["=", "+", "-", "@"] {
            for before in ["\n", ",", "\""] {
                let cell = format!("{before}{begun}");
                assert!(!seen.text.contains(&cell), "{cell:?} in {}", seen.text);
            }
        }
        assert!(seen.text.contains("'=1+1"), "{}", seen.text);
    }
    Ok(())
}
