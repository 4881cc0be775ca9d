//! A signer's device is plugged in: the tool `hwi` goes between, and the money moves.
//!
//! Behind a fake `hwi` signs Python's embit, which knows nothing of us. The real `hwi` from PyPI answers all that
//! needs no device.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use bitcoin::Amount;
use bitcoin::bip32::Xpriv;
use bitcoin::secp256k1::Secp256k1;
use harness::{
    AUTOMATIC_MAX_SAT, Engine, Failure, Outcome, Purse, ScriptKind, SignerHome, Treasury,
};
use serde_json::{Value, json};

use crate::independent_signers::{installed, repository};

fn text(path: &Path) -> Result<&str, Failure> {
    path.to_str()
        .ok_or_else(|| Failure::new(format!("{} is not UTF-8", path.display())))
}

/// A program of these lines beside the home.
fn script(home: &SignerHome, name: &str, lines: &str) -> Result<PathBuf, Failure> {
    let path = home.bring(name, format!("#!/bin/sh\n{lines}\n").as_bytes())?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    Ok(path)
}

/// A Coldcard with this master key behind a fake `hwi`, in which embit signs: the program, and the folder by which it is
/// told how to behave.
pub(crate) fn plugged_in(home: &SignerHome, master: &Xpriv) -> Result<(PathBuf, PathBuf), Failure> {
    let state = home.home().with_file_name("device");
    fs::create_dir(&state)?;
    fs::write(state.join("kind"), "coldcard")?;
    fs::write(state.join("master"), master.to_string())?;
    let fingerprint = master.fingerprint(&Secp256k1::new());
    fs::write(state.join("fingerprint"), fingerprint.to_string())?;
    let (python, _) = installed()?;
    let fake = repository().join("tests/independent/fake_hwi.py");
    let run = format!(
        "exec '{}' '{}' '{}' \"$@\"",
        python.display(),
        fake.display(),
        state.display()
    );
    Ok((script(home, "hwi", &run)?, state))
}

/// 1. Alice's key lies in a Coldcard that is plugged in; a withdrawal of two coins is to be signed.
/// 2. `devices` lists it as hers; `sign --device` reviews, journals, has it sign by way of `hwi`, and answers.
/// 3. What it gives is handed in, bob signs, and it settles.
fn a_wire_goes_between(kind: ScriptKind) -> Outcome {
    let mut treasury = Treasury::start(kind, Engine::Sqlite)?;
    let alice = &treasury.people.alice;
    let master = alice.put_key_into_device("coldcard-edge")?;
    treasury.deposit(Amount::from_sat(3_000_000))?;
    treasury.deposit(Amount::from_sat(4_000_000))?;
    let payee = Purse::stranger(1);
    let amount = Amount::from_sat(AUTOMATIC_MAX_SAT + 1);
    let intent = treasury.withdraw("w-1", &payee, amount)?;
    treasury.approve(&[&intent])?;
    let txid = treasury.batch()?;

    let alice = &treasury.people.alice;
    let (hwi, state) = plugged_in(alice, &master)?;
    let tools = ["--hwi", text(&hwi)?, "--bhwi", "/nowhere/bhwi"];

    let listed = alice
        .run(&[&["devices"], &tools[..]].concat())?
        .done()?
        .json()?;
    assert_eq!(listed["devices"][0]["state"], "READY", "{listed}");
    assert_eq!(listed["devices"][0]["own"], true, "{listed}");

    let issued = alice.bring("w.psbt", &treasury.psbt(txid)?)?;
    let out = state.with_file_name("w.alice.psbt");
    let sign = [
        "sign",
        text(&issued)?,
        "--device",
        "--yes",
        "-o",
        text(&out)?,
    ];
    let signed = alice.run(&[&sign[..], &tools].concat())?.done()?;
    assert!(
        signed.stderr.contains("Compare on the device"),
        "{}",
        signed.stderr
    );
    let signed = signed.json()?;
    assert_eq!(signed["missing"], json!([]), "{signed}");
    assert_eq!(signed["refused"], json!([]), "{signed}");

    treasury.hand_in(txid, &fs::read(&out)?)?;
    assert!(treasury.node.mempool()?.is_empty());
    let people = &treasury.people;
    treasury.countersign(&people.bob, txid)?;
    treasury.settle(txid, &["w-1"])?;
    assert_eq!(treasury.received(&payee)?, amount);
    treasury.reconcile()?;
    treasury.verify_events()?;
    treasury.must_be_well()
}

#[test]
fn a_withdrawal_signed_on_a_device_that_is_plugged_in_settles_from_wsh() -> Outcome {
    a_wire_goes_between(ScriptKind::Wsh)
}

#[test]
fn a_withdrawal_signed_on_a_device_that_is_plugged_in_settles_from_tr() -> Outcome {
    a_wire_goes_between(ScriptKind::Tr)
}

/// The real `hwi`.
pub(crate) fn real_hwi() -> Result<PathBuf, Failure> {
    let found = Command::new(repository().join("tests/setup/hwi.sh"))
        .arg("--find")
        .output()?;
    if found.status.success() {
        Ok(String::from_utf8(found.stdout)?.trim_end().into())
    } else {
        Err(Failure::new("hwi is not installed: run `make setup`"))
    }
}

/// What the real `hwi` says to a line on its standard input.
fn said_by_hwi(line: &str) -> Result<(Option<i32>, Value), Failure> {
    let mut child = Command::new(real_hwi()?)
        .arg("--stdin")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    if let Some(mut input) = child.stdin.take() {
        writeln!(input, "{line}")?;
    }
    let done = child.wait_with_output()?;
    Ok((done.status.code(), serde_json::from_slice(&done.stdout)?))
}

/// 1. The real `hwi` is of the version that is pinned, and finds no device here: `devices` says so and what to do.
/// 2. A signer whose device is not there is told so, before any passphrase.
/// 3. On a machine without libusb its traceback is told as what it is.
#[test]
fn the_real_hwi_is_understood_where_no_device_is_plugged_in() -> Outcome {
    let hwi = real_hwi()?;
    let alice = SignerHome::new("alice")?;
    let devices = |hwi: &Path| -> Result<harness::Said, Failure> {
        alice.run(&["devices", "--bhwi", "/nowhere/bhwi", "--hwi", text(hwi)?])
    };
    let listed = devices(&hwi)?.done()?.json()?;
    assert_eq!(listed["devices"], json!([]), "{listed}");
    assert_eq!(listed["tools"][0]["reason"]["code"], "TOOL_MISSING");
    let xpub = [
        "xpub",
        "--device",
        "ledger",
        "--network",
        "regtest",
        "--hwi",
        text(&hwi)?,
    ];
    let none = alice.run(&xpub)?.ended_with(3)?;
    assert!(
        none.stderr.contains("(DEVICE_NOT_FOUND)"),
        "{}",
        none.stderr
    );

    let hidden = repository().join("tests/independent/without_libusb");
    let lines = format!(
        "PYTHONPATH='{}' exec '{}' \"$@\"",
        hidden.display(),
        hwi.display()
    );
    let without = devices(&script(&alice, "hwi", &lines)?)?.ended_with(3)?;
    assert!(
        without.stderr.contains("(LIBUSB_MISSING)"),
        "{}",
        without.stderr
    );
    assert!(
        without.stderr.contains("libusb-1.0-0"),
        "{}",
        without.stderr
    );
    Ok(())
}

/// What our adapter rests on: quoted words by standard input, also large ones, and complaints as JSON.
#[test]
fn the_real_hwi_reads_quoted_words_from_its_input_and_complains_in_json() -> Outcome {
    let (code, listed) = said_by_hwi("'--chain=regtest' 'enumerate' ")?;
    assert_eq!((code, listed), (Some(0), json!([])));
    let (code, usage) = said_by_hwi("'--chain=regtest' 'signtx' ")?;
    assert_eq!((code, &usage["code"]), (Some(2), &json!(-2)), "{usage}");
    let large = "cHNidP8B".repeat(40_000);
    let (code, gone) = said_by_hwi(&format!(
        "'--device-type=coldcard' '--device-path=nothing here' 'signtx' '{large}' "
    ))?;
    assert_eq!((code, &gone["code"]), (Some(0), &json!(-3)), "{gone}");
    let (_, option) =
        said_by_hwi("'--device-type=coldcard' '--device-path=--help' 'getxpub' 'm/0' ")?;
    assert_eq!(option["code"], -3, "a path is never an option: {option}");
    Ok(())
}
