//! Policy documents with a mistake, each of every sort.

use std::collections::BTreeSet;

use harness::{Engine, Failure, Outcome, People, Program, ScriptKind, Treasury, items};
use policies::Policy;
use serde_json::{Value, json};

use super::nothing_changes;

/// A document with its mistake: the code, and the bytes.
type Mistaken = (&'static str, Vec<u8>);

/// One change of a good document.
#[track_caller]
fn changed(good: &str, from: &str, to: &str) -> Result<Vec<u8>, Failure> {
    if good.contains(from) {
        Ok(good.replacen(from, to, 1).into_bytes())
    } else {
        Err(Failure::new(format!("{from} is not in\n{good}")))
    }
}

/// The line of a document that begins so, the `nth` of them.
fn line<'a>(good: &'a str, begin: &str, nth: usize) -> Result<&'a str, Failure> {
    good.lines()
        .filter(|line| line.starts_with(begin))
        .nth(nth)
        .ok_or_else(|| Failure::new(format!("no line {nth} {begin} in\n{good}")))
}

/// A good document with each mistake in turn.
fn mistaken(good: &str) -> Result<Vec<Mistaken>, Failure> {
    let genesis = "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206";
    let main = "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f";
    let descriptor = line(good, "descriptor = ", 0)?;
    let mut not_utf8 = good.as_bytes().to_vec();
    not_utf8.insert(0, 0xff);
    // A copy of the first rule under another name matches nothing that the first does not.
    let (before, rules) = good
        .split_once("[[rules]]")
        .ok_or_else(|| Failure::new("no rules"))?;
    let first = rules.split("[[rules]]").next().unwrap_or_default();
    let copy = first.replacen("small payouts", "small payouts again", 1);
    let shadowed = format!(
        "{before}[[rules]]{first}[[rules]]{copy}{}",
        &rules[first.len()..]
    );
    let of = |from: &str, to: &str| changed(good, from, to);
    Ok(vec![
        (
            "TOO_LARGE",
            format!("{good}#{}\n", "x".repeat(4 << 20)).into_bytes(),
        ),
        ("NOT_UTF8", not_utf8),
        ("BYTE_ORDER_MARK", format!("\u{feff}{good}").into_bytes()),
        ("CARRIAGE_RETURN", good.replace('\n', "\r\n").into_bytes()),
        ("FINAL_LINE_FEED", good.trim_end().as_bytes().to_vec()),
        ("FINAL_LINE_FEED", Vec::new()),
        ("NOT_TOML", of("version = 1", "version = = 1")?),
        ("NOT_TOML", of("version = 1", "version = 1\nversion = 1")?),
        ("UNKNOWN_KEY", of("fee_max_sat", "fee_max_sats")?),
        (
            "UNKNOWN_KEY",
            of("version = 1", "version = 1\nurgent = true")?,
        ),
        ("MISSING", of("version = 1\n", "")?),
        ("WRONG_TYPE", of("version = 1", "version = \"1\"")?),
        (
            "INVALID",
            of("clock_skew = \"10m\"", "clock_skew = \"soon\"")?,
        ),
        ("OUT_OF_RANGE", of("deposit = 3", "deposit = -3")?),
        ("EMPTY", of("requester = [\"exchange\"]", "requester = []")?),
        (
            "DUPLICATE",
            of("name = \"larger payouts\"", "name = \"small payouts\"")?,
        ),
        (
            "DUPLICATE_KEY",
            of(line(good, "journal = ", 1)?, line(good, "journal = ", 0)?)?,
        ),
        (
            "UNKNOWN_NAME",
            of("requester = [\"exchange\"]", "requester = [\"exchang\"]")?,
        ),
        ("WRONG_GENESIS", of(genesis, main)?),
        (
            "WRONG_NETWORK",
            of(
                "to = \"newest\"",
                "to = \"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4\"",
            )?,
        ),
        (
            "DESCRIPTOR_CHECKSUM",
            of(descriptor, "descriptor = \"wsh(nonsense)\"")?,
        ),
        (
            "POLICY_DIFFERS",
            of("older(12960)))\"", "older(12961)))\"")?,
        ),
        ("BAD_POLICY", of("pk(recovery)", "pk(nobody)")?),
        ("KEY_ORIGIN_MISMATCH", of("48h", "49h")?),
        (
            "NEVER_VALID",
            of(
                line(good, "valid_until", 0)?,
                "valid_until = 2009-01-03T18:15:05Z",
            )?,
        ),
        ("NEVER_MATCHES", shadowed.into_bytes()),
        ("TOO_FEW_PERSONS", of("count = 1", "count = 2")?),
        ("MISSING", of("version = 1", "version = 2")?),
        ("PAGE_KEY", of("tool = \"own\"", "tool = \"page\"")?),
    ])
}

fn codes(problem: &Value) -> Result<BTreeSet<String>, Failure> {
    Ok(items(&problem["mistakes"])?
        .iter()
        .filter_map(|mistake| mistake["code"].as_str().map(str::to_owned))
        .collect())
}

/// 1. A good policy is at hand, and documents that each have one mistake of another sort.
/// 2. The coordinator's and the signer's `policy check` refuse each, with the code, before anything
///    runs.
/// 3. Adding a vault by it is refused with the same codes, and no vault is added.
/// 4. The good document passes.
#[test]
fn policy_with_a_mistake_is_refused_by_name_everywhere() -> Outcome {
    let mut treasury = Treasury::start(ScriptKind::Wsh, Engine::Sqlite)?;
    // A document that is not in use yet, so that adding it would show.
    let others = People::agree(ScriptKind::Wsh, &treasury.node)?;
    let good = String::from_utf8(others.policy.bytes.clone())?;
    let documents = mistaken(&good)?;
    nothing_changes(&mut treasury, |treasury| {
        let tools = [
            treasury.coordinator.program().clone(),
            Program::find("countersign-signer")?,
        ];
        for (code, document) in &documents {
            let file = others.alice.bring("mistaken.toml", document)?;
            let file = file.display().to_string();
            for (tool, is_signers) in tools.iter().zip([false, true]) {
                // The signer's tool says of a file without anything in it that it is empty.
                let (status, code) = if document.is_empty() && is_signers {
                    (2, "EMPTY_FILE")
                } else {
                    (1, *code)
                };
                let said = tool
                    .run(&["policy", "check", &file])?
                    .ended_with(status)
                    .map_err(|failure| Failure::new(format!("{code}: {failure}")))?;
                let named = said.stderr.contains(code) || said.text().contains(code);
                let quiet = !said.stderr.contains("panicked");
                assert!(named && quiet, "{code}: {}{}", said.text(), said.stderr);
            }
            let Ok(text) = std::str::from_utf8(document) else {
                continue;
            };
            let problem = treasury
                .operator()
                .post("/vaults", &json!({ "document": text }))?
                .refused(422, "policy_mistakes")
                .map_err(|failure| Failure::new(format!("{code}: {failure}")))?;
            assert!(codes(&problem)?.contains(*code), "{code}: {problem}");
            assert!(Policy::parse(document).is_err());
        }
        Ok(())
    })?;
    let file = others.alice.bring("good.toml", good.as_bytes())?;
    let program = treasury.coordinator.program();
    program
        .run(&["policy", "check", &file.display().to_string()])?
        .done()?;
    let added = json!({ "document": good });
    treasury.operator().post("/vaults", &added)?.done()?;
    Ok(())
}
