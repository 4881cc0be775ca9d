//! A signer's key lies in a device that no wire joins: files and codes go between, the money moves.
//!
//! In place of the device are programs that know nothing of us: Bitcoin Core, Python's embit, and npm's
//! @scure/btc-signer. What they are handed and what they give back goes by our own command line.

use std::fs;
use std::path::{Path, PathBuf};

use bitcoin::base64::Engine as _;
use bitcoin::base64::prelude::BASE64_STANDARD;
use bitcoin::bip32::{DerivationPath, Xpriv, Xpub};
use bitcoin::hex::DisplayHex as _;
use bitcoin::psbt::Psbt;
use bitcoin::secp256k1::Secp256k1;
use bitcoin::{Amount, Txid};
use harness::{AUTOMATIC_MAX_SAT, Engine, Failure, Outcome, Purse, ScriptKind, Treasury};
use serde_json::{Value, json};

use crate::independent_signers::{driver, embit_signs, installed, repository};

const LARGE: Amount = Amount::from_sat(AUTOMATIC_MAX_SAT + 1);

/// Embit, as a device.
pub(super) fn embit(_: &Treasury, psbt: &[u8], master: &Xpriv) -> Result<Vec<u8>, Failure> {
    embit_signs(psbt, master)
}

/// @scure/btc-signer, which is given the key of each input.
pub(super) fn scure(_: &Treasury, psbt: &[u8], master: &Xpriv) -> Result<Vec<u8>, Failure> {
    let (_, modules) = installed()?;
    let script = repository().join("tests/independent/scure_sign.mjs");
    let secp = Secp256k1::new();
    let own = master.fingerprint(&secp);
    let parsed = Psbt::deserialize(psbt)?;
    let mut arguments = vec![script.display().to_string(), modules.display().to_string()];
    for input in &parsed.inputs {
        let segwit = input.bip32_derivation.values();
        let taproot = input.tap_key_origins.values().map(|(_, origin)| origin);
        let mut paths = segwit.chain(taproot).filter(|(of, _)| *of == own);
        let (_, path): &(_, DerivationPath) = paths
            .next()
            .ok_or_else(|| Failure::new("an input of others"))?;
        let key = master.derive_priv(&secp, path)?;
        arguments.push(key.private_key.secret_bytes().to_lower_hex_string());
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    driver(Path::new("node"), &arguments, psbt)
}

/// Bitcoin Core, which is given the vault's descriptor with the device's private key in it.
fn core(treasury: &Treasury, psbt: &[u8], master: &Xpriv) -> Result<Vec<u8>, Failure> {
    let secp = Secp256k1::new();
    let signer = treasury.people.policy.signer("alice");
    let signer = signer.ok_or_else(|| Failure::new("no alice"))?;
    let account = master.derive_priv(&secp, &signer.key.path)?;
    let public = Xpub::from_priv(&secp, &account).to_string();
    let text = treasury.people.policy.descriptor.text();
    let body = text.split_once('#').map_or(text, |(body, _)| body);
    let mut descriptors = Vec::new();
    for branch in 0..2 {
        let one = body
            .replace(&public, &account.to_string())
            .replace("<0;1>", &branch.to_string());
        let info: Value = treasury.node.call("getdescriptorinfo", json!([one]))?;
        let checksum = harness::field(&info, "checksum")?;
        descriptors.push(json!({ "desc": format!("{one}#{checksum}"), "range": 20 }));
    }
    let text = BASE64_STANDARD.encode(psbt);
    let signed: Value = treasury.node.call(
        "descriptorprocesspsbt",
        json!([text, descriptors, "DEFAULT", true, false]),
    )?;
    Ok(harness::field(&signed, "psbt")?.into_bytes())
}

/// What stands in for the device.
pub(super) type Device = fn(&Treasury, &[u8], &Xpriv) -> Result<Vec<u8>, Failure>;

/// A treasury whose alice has her key in a device, and a withdrawal of two coins that is to be signed.
struct Gap {
    treasury: Treasury,
    master: Xpriv,
    txid: Txid,
    payee: bitcoin::Address,
    card: PathBuf,
}

impl Gap {
    fn start(kind: ScriptKind, device: &str) -> Result<Self, Failure> {
        let treasury = Treasury::start(kind, Engine::Sqlite)?;
        let alice = &treasury.people.alice;
        let master = alice.put_key_into_device(device)?;
        treasury.deposit(Amount::from_sat(3_000_000))?;
        treasury.deposit(Amount::from_sat(4_000_000))?;
        let payee = Purse::stranger(1);
        let intent = treasury.withdraw("w-1", &payee, LARGE)?;
        treasury.approve(&[&intent])?;
        let txid = treasury.batch()?;
        let card = alice.home().with_file_name("card");
        fs::create_dir(&card)?;
        Ok(Self {
            treasury,
            master,
            txid,
            payee,
            card,
        })
    }

    /// Hands the attempt to the device by way of the card; the file that is written for it.
    fn hand_over(&self) -> Result<PathBuf, Failure> {
        let alice = &self.treasury.people.alice;
        let issued = alice.bring("w.psbt", &self.treasury.psbt(self.txid)?)?;
        let (issued, card) = (path(&issued)?, path(&self.card)?);
        let said = alice.run(&["sign", issued])?.ended_with(2)?;
        assert!(said.stderr.contains("(KEY_ELSEWHERE)"), "{}", said.stderr);
        let said = alice.run(&["sign", issued, "--hand-to", card, "--yes"])?;
        let said = said.done()?;
        assert!(
            said.stderr.contains("Compare on the device"),
            "{}",
            said.stderr
        );
        let handed = harness::field(&said.json()?, "handed_to")?;
        let name = format!("{}-dev.psbt", &self.txid.to_string()[..8]);
        assert!(handed.ends_with(&name), "{handed}");
        Ok(PathBuf::from(handed))
    }

    /// Takes the answer over, hands it in, has bob sign, and lets it settle.
    fn settle(mut self, reply: &str) -> Outcome {
        let alice = &self.treasury.people.alice;
        let out = self.card.with_file_name("w.alice.psbt");
        let answer = ["sign", "--answer", reply, "--output", path(&out)?];
        let answered = alice.run(&answer)?.done()?.json()?;
        let answered = &answered["answered"][0];
        assert_eq!(answered["missing"], json!([]), "{answered}");
        assert_eq!(answered["refused"], json!([]), "{answered}");
        let inputs = answered["inputs"].as_u64().unwrap_or_default();
        assert!(inputs >= 2, "{answered}");
        self.treasury.hand_in(self.txid, &fs::read(&out)?)?;
        assert!(self.treasury.node.mempool()?.is_empty());
        // The same answer again says the same, and nothing is the matter with handing it in twice.
        let first = fs::read(&out)?;
        alice.run(&answer)?.done()?;
        assert_eq!(fs::read(&out)?, first);
        self.treasury.hand_in(self.txid, &first)?;
        let people = &self.treasury.people;
        self.treasury.countersign(&people.bob, self.txid)?;
        self.treasury.settle(self.txid, &["w-1"])?;
        assert_eq!(self.treasury.received(&self.payee)?, LARGE);
        self.treasury.reconcile()?;
        self.treasury.verify_events()?;
        self.treasury.must_be_well()
    }
}

pub(super) fn path(path: &Path) -> Result<&str, Failure> {
    path.to_str()
        .ok_or_else(|| Failure::new(format!("{} is not UTF-8", path.display())))
}

/// 1. Alice's home has the public half of her key alone; a withdrawal of two coins is to be signed.
/// 2. `sign` says what to do; `sign --hand-to` journals it and writes it to the card.
/// 3. The device signs, and writes its answer beside other things that lie on the card.
/// 4. `sign --answer` takes the folder; what it gives is handed in, bob signs, and it settles.
fn a_card_goes_between(kind: ScriptKind, device: Device) -> Outcome {
    let gap = Gap::start(kind, "coldcard")?;
    let handed = gap.hand_over()?;
    let signed = device(&gap.treasury, &fs::read(&handed)?, &gap.master)?;
    fs::write(gap.card.join("holiday.jpg"), b"\xff\xd8\xff no PSBT")?;
    fs::write(gap.card.join("anything-part.psbt"), signed)?;
    let card = path(&gap.card)?.to_owned();
    gap.settle(&card)
}

/// The same with codes in place of the card: one `qr show` to the device, and one back.
fn codes_go_between(kind: ScriptKind, carrier: &str, device: Device) -> Outcome {
    let gap = Gap::start(kind, "keystone")?;
    let handed = gap.hand_over()?;
    let there = carried(&gap, &handed, carrier, "there")?;
    assert_eq!(fs::read(&there)?, fs::read(&handed)?);
    let signed = device(&gap.treasury, &fs::read(&there)?, &gap.master)?;
    let reply = gap.treasury.people.alice.bring("reply", &signed)?;
    let back = carried(&gap, &reply, carrier, "back")?;
    gap.settle(path(&back)?)
}

/// A file after it was shown as codes, and those were read.
fn carried(gap: &Gap, file: &Path, carrier: &str, name: &str) -> Result<PathBuf, Failure> {
    let alice = &gap.treasury.people.alice;
    let show = ["qr", "show", path(file)?, "--carrier", carrier, "--texts"];
    let lines = alice.run_plainly(&show, &[])?.done()?.stdout;
    let out = gap.card.with_file_name(name);
    let scan = ["qr", "scan", "-", "--output", path(&out)?];
    alice.run_plainly(&scan, &lines)?.done()?;
    Ok(out)
}

#[test]
fn a_withdrawal_signed_by_embit_from_a_card_settles_from_wsh() -> Outcome {
    a_card_goes_between(ScriptKind::Wsh, embit)
}

#[test]
fn a_withdrawal_signed_by_scure_from_a_card_settles_from_tr() -> Outcome {
    a_card_goes_between(ScriptKind::Tr, scure)
}

#[test]
fn a_withdrawal_signed_by_bitcoin_core_by_codes_settles_from_wsh() -> Outcome {
    codes_go_between(ScriptKind::Wsh, "bbqr", core)
}

#[test]
fn a_withdrawal_signed_by_embit_by_codes_settles_from_tr() -> Outcome {
    codes_go_between(ScriptKind::Tr, "ur", embit)
}
