//! Policy files with a mistake, shown to both command lines and to the API.

use harness::{Bitcoind, Engine, Outcome, People, Program, ScriptKind, Treasury};
use serde_json::{Value, json};

/// Every kind of mistake in a genuine document is refused by both tools with status 1, its code and a
/// hint; `init` pins none of them.
#[test]
fn policy_files_with_a_mistake_are_refused_by_both_tools() -> Outcome {
    let node = Bitcoind::start()?;
    let people = People::agree(ScriptKind::Wsh, &node)?;
    let genuine = String::from_utf8(people.policy.bytes.clone())?;
    let replaced = |from: &str, to: &str| {
        assert!(genuine.contains(from), "{from} is not in\n{genuine}");
        genuine.replacen(from, to, 1)
    };
    let alice = people.policy.signers[0].key.text.clone();
    let bob = people.policy.signers[1].key.text.clone();
    let mistakes = [
        (format!("{genuine}\n"), "FINAL_LINE_FEED"),
        (genuine.replace('\n', "\r\n"), "CARRIAGE_RETURN"),
        (format!("\u{feff}{genuine}"), "BYTE_ORDER_MARK"),
        (format!("{genuine}#{}\n", "x".repeat(65536)), "TOO_LARGE"),
        (replaced("version = 1", "version = = 1"), "NOT_TOML"),
        (replaced("fee_max_sat", "fee_max_sats"), "UNKNOWN_KEY"),
        (replaced("version = 1\n", ""), "MISSING"),
        (replaced("version = 1", "version = \"one\""), "WRONG_TYPE"),
        (replaced("version = 1", "version = 2"), "MISSING"),
        (
            replaced("network = \"regtest\"", "network = \"signet\""),
            "WRONG_GENESIS",
        ),
        (replaced("genesis = \"0", "genesis = \"1"), "WRONG_GENESIS"),
        (replaced(&alice, &bob), "DUPLICATE_KEY"),
        (replaced("name = \"alice\"", "name = \"bob\""), "DUPLICATE"),
        (replaced("thresh(2,", "thresh(1,"), "POLICY_DIFFERS"),
        (
            replaced("older(12960)", "older(12961)"),
            "DESCRIPTOR_CHECKSUM",
        ),
        (
            replaced("clock_skew = \"10m\"", "clock_skew = \"ten\""),
            "INVALID",
        ),
        (
            replaced("fee_share_max_percent = 2", "fee_share_max_percent = 200"),
            "OUT_OF_RANGE",
        ),
        (
            replaced("group = \"ops\"", "group = \"oops\""),
            "UNKNOWN_NAME",
        ),
    ];
    let tools = ["countersign-signer", "countersign-coordinator"].map(Program::find);
    for (text, code) in mistakes {
        let file = people.alice.bring("wrong.toml", text.as_bytes())?;
        let file = file.display().to_string();
        for tool in &tools {
            let Ok(tool) = tool else {
                return Err(harness::Failure::new("a tool is not built"));
            };
            let said = tool
                .run(&["policy", "check", file.as_str(), "--json"])?
                .ended_with(1)?;
            let answer = said.json()?;
            let listed = answer["mistakes"]
                .as_array()
                .or_else(|| answer["reasons"].as_array())
                .cloned()
                .unwrap_or_default();
            let found: Vec<&Value> = listed.iter().map(|mistake| &mistake["code"]).collect();
            assert!(found.iter().any(|found| *found == code), "{code}: {answer}");
            assert!(
                said.stderr.contains("Hint:") || said.stderr.contains("hint"),
                "{}",
                said.stderr
            );
            assert!(!said.stderr.contains("panicked"), "{}", said.stderr);
            let shown = tool.run(&["policy", "show", file.as_str()])?;
            shown.ended_with(1)?;
        }
    }
    Ok(())
}

/// 1. Alice's key is in a Trezor, which has no miniscript: both tools refuse the document, and say with what it could.
/// 2. Told that it was tried with a later firmware, both take it, and show the finding all the same.
/// 3. `policy show` and `init` ask no table: the document has no mistake.
#[test]
fn a_device_that_cannot_sign_is_refused_by_both_tools_unless_they_are_told() -> Outcome {
    let node = Bitcoind::start()?;
    let people = People::agree(ScriptKind::Wsh, &node)?;
    let genuine = String::from_utf8(people.policy.bytes.clone())?;
    let trezor = genuine.replacen("kind = \"software\"", "kind = \"trezor\"", 1);
    assert_ne!(trezor, genuine);
    let file = people.alice.bring("trezor.toml", trezor.as_bytes())?;
    let file = file.display().to_string();
    for tool in ["countersign-signer", "countersign-coordinator"] {
        let tool = Program::find(tool)?;
        let check = ["policy", "check", file.as_str()];
        let refused = tool.run(&check)?.ended_with(1)?;
        let told = refused.stderr.split_whitespace().collect::<Vec<_>>();
        let told = told.join(" ");
        for words in [
            "DEVICE_CANNOT_SIGN",
            "trezor cannot sign this policy: no miniscript in its firmware; with sortedmulti it could",
            "--despite-devices",
        ] {
            assert!(told.contains(words), "{words} is not in {told}");
        }
        let despite = [check.as_slice(), &["--despite-devices", "--json"]].concat();
        let passed = tool.run(&despite)?.ended_with(0)?.json()?;
        assert_eq!(passed["devices"][0]["code"], "DEVICE_CANNOT_SIGN");
        let shown = tool.run(&["policy", "show", &file])?.ended_with(0)?;
        let text = shown.text();
        assert!(text.contains("\nDevices\n"), "{text}");
    }
    Ok(())
}

/// A home pins only the document whose id the human gave.
#[test]
fn init_refuses_a_document_of_another_id() -> Outcome {
    let node = Bitcoind::start()?;
    let people = People::agree(ScriptKind::Wsh, &node)?;
    let fresh = harness::SignerHome::new("erin")?;
    fresh.make_signer()?;
    let file = fresh.bring("policy.toml", &people.policy.bytes)?;
    let file = file.display().to_string();
    let zeros = "00".repeat(32);
    fresh
        .run_plainly(&["init", "--policy", &file, "--id", &zeros], &[])?
        .ended_with(1)?;
    fresh
        .run_plainly(&["init", "--policy", &file, "--id", "nonsense"], &[])?
        .ended_with(2)?;
    // The right id, but erin's key is nowhere in it.
    let id = people.policy.id.to_string();
    fresh
        .run_plainly(&["init", "--policy", &file, "--id", &id], &[])?
        .ended_with(1)?;
    Ok(())
}

/// A policy of another network, with a mistake, or known already is no vault.
#[test]
fn documents_that_are_no_vault_are_refused() -> Outcome {
    let treasury = Treasury::start(ScriptKind::Wsh, Engine::Sqlite)?;
    let census = treasury.census()?;
    let document = String::from_utf8(treasury.people.policy.bytes.clone())?;
    let add = |document: &str| {
        treasury
            .operator()
            .post("/vaults", &json!({ "document": document }))
    };
    for broken in [
        String::new(),
        "nonsense".to_owned(),
        document.replace("fee_max_sat", "fee_max_sats"),
        document.trim_end().to_owned(),
    ] {
        add(&broken)?.refused(422, "policy_mistakes")?;
        assert_eq!(treasury.census()?, census);
    }
    // The same vault again is the vault that stands.
    let again = add(&document)?;
    assert!([200, 201, 409].contains(&again.status), "{}", again.text());
    assert_eq!(treasury.census()?, census);
    Ok(())
}
