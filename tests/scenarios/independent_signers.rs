//! PSBTs that we build are signed by programs that know nothing of us, and finalize here.
//!
//! Bitcoin Core signs by private descriptors, embit (Python) by master keys, @scure/btc-signer (npm) by
//! derived keys. What they return goes through our own intake, finalizer and extractor; the node decides.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use std::io::Write as _;

use bitcoin::NetworkKind;
use bitcoin::base64::Engine as _;
use bitcoin::base64::prelude::BASE64_STANDARD;
use bitcoin::bip32::{ChildNumber, Xpriv};
use bitcoin::consensus::encode::serialize_hex;
use bitcoin::hex::DisplayHex as _;
use bitcoin::secp256k1::Secp256k1;
use coordinator::roles::extractor::extract;
use coordinator::roles::finalizer::finalize;
use coordinator::roles::issued::offer_again;
use coordinator::session::collection::Collection;
use harness::adversaries::World;
use harness::adversaries::attempt::{Attempt, Case};
use harness::adversaries::draw::Draw;
use harness::adversaries::raw::Version;
use harness::adversaries::vault::{Kind, SIGNERS, Vault, account_path, master, position};
use harness::{Failure, Outcome};
use policies::descriptor::nums_xpub;
use policies::psbt::read_intake;
use serde_json::{Value, json};

/// Two of three, as the vaults have it.
const QUORUM: [&str; 2] = ["alice", "machine"];

pub(super) fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// The Python with embit and the folder of the node modules, in that order.
pub(super) fn installed() -> Result<(PathBuf, PathBuf), Failure> {
    let found = Command::new(repository().join("tests/setup/independent.sh"))
        .arg("--find")
        .output()?;
    let said = String::from_utf8(found.stdout)?;
    match said.lines().collect::<Vec<_>>()[..] {
        [python, modules] if found.status.success() => Ok((python.into(), modules.into())),
        _ => Err(Failure::new(
            "embit or @scure/btc-signer is not installed: run `make setup`",
        )),
    }
}

/// Runs a driver with a PSBT in base64 on its standard input.
pub(super) fn driver(program: &Path, arguments: &[&str], psbt: &[u8]) -> Result<Vec<u8>, Failure> {
    told(program, arguments, BASE64_STANDARD.encode(psbt).as_bytes())
}

/// Runs a driver with these bytes on its standard input.
pub(super) fn told(program: &Path, arguments: &[&str], bytes: &[u8]) -> Result<Vec<u8>, Failure> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut input = child
        .stdin
        .take()
        .ok_or_else(|| Failure::new("a driver without standard input"))?;
    input.write_all(bytes)?;
    drop(input);
    let done = child.wait_with_output()?;
    if done.status.success() {
        Ok(done.stdout)
    } else {
        let said = String::from_utf8_lossy(&done.stderr);
        Err(Failure::new(format!("the driver failed: {said}")))
    }
}

/// The PSBT as devices want it: without the manifest.
fn psbt(attempt: &Attempt) -> Vec<u8> {
    attempt.psbt.serialize()
}

fn embit(attempt: &Attempt, who: &str) -> Result<Vec<u8>, Failure> {
    embit_signs(&psbt(attempt), &master(who))
}

/// Embit, which is given a PSBT and a master key.
pub(super) fn embit_signs(psbt: &[u8], master: &Xpriv) -> Result<Vec<u8>, Failure> {
    let (python, _) = installed()?;
    let script = repository().join("tests/independent/embit_sign.py");
    let script = script.display().to_string();
    driver(&python, &[&script, &master.to_string()], psbt)
}

fn scure(vault: &Vault, attempt: &Attempt, who: &str) -> Result<Vec<u8>, Failure> {
    let (_, modules) = installed()?;
    let script = repository().join("tests/independent/scure_sign.mjs");
    let secp = Secp256k1::new();
    let account = master(who).derive_priv(&secp, &account_path())?;
    let mut arguments = vec![script.display().to_string(), modules.display().to_string()];
    for input in &attempt.psbt.unsigned_tx.input {
        let coin = vault
            .coins
            .iter()
            .find(|coin| coin.outpoint == input.previous_output)
            .ok_or_else(|| Failure::new("a coin that the vault does not have"))?;
        let branch = u32::from(coin.keychain.branch());
        let steps = [
            ChildNumber::from_normal_idx(branch)?,
            ChildNumber::from_normal_idx(coin.index)?,
        ];
        let key = account.derive_priv(&secp, &steps)?;
        arguments.push(key.private_key.secret_bytes().to_lower_hex_string());
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    driver(Path::new("node"), &arguments, &psbt(attempt))
}

/// Bitcoin Core, which is given the vault's descriptor with one private key in it.
fn core(world: &World, vault: &Vault, attempt: &Attempt, who: &str) -> Result<Vec<u8>, Failure> {
    let secp = Secp256k1::new();
    let positions = SIGNERS.map(|name| position(name, &secp));
    let points: Vec<_> = positions.iter().map(|key| key.xpub.public_key).collect();
    let mut descriptors = Vec::new();
    for branch in 0..2 {
        let mut keys = positions.clone().map(|key| format!("{key}/{branch}/*"));
        for (key, name) in keys.iter_mut().zip(SIGNERS) {
            if name == who {
                let account = master(who).derive_priv(&secp, &account_path())?;
                let fingerprint = master(who).fingerprint(&secp);
                *key = format!("[{fingerprint}/48h/1h/0h/2h]{account}/{branch}/*");
            }
        }
        let nums = format!("{}/{branch}/*", nums_xpub(&points, NetworkKind::Test));
        let text = vault.kind.descriptor(&keys, &nums);
        let info: Value = world.node.call("getdescriptorinfo", json!([text]))?;
        let checksum = info["checksum"]
            .as_str()
            .ok_or_else(|| Failure::new(format!("no checksum in {info}")))?;
        descriptors.push(json!({ "desc": format!("{text}#{checksum}"), "range": 20 }));
    }
    let text = BASE64_STANDARD.encode(psbt(attempt));
    // "DEFAULT" is ALL for segwit version 0; nothing is finalized there.
    let signed: Value = world.node.call(
        "descriptorprocesspsbt",
        json!([text, descriptors, "DEFAULT", true, false]),
    )?;
    let signed = signed["psbt"]
        .as_str()
        .ok_or_else(|| Failure::new(format!("no PSBT in {signed}")))?;
    Ok(signed.as_bytes().to_vec())
}

/// Everyone's returned files make a transaction that the node takes.
fn finalizes(world: &World, vault: &Vault, attempt: &Attempt, returned: &[Vec<u8>]) -> Outcome {
    let issued = &attempt.issued;
    let policy = &vault.policy;
    let mut collection = Collection::begin(issued.clone(), &policy.descriptor, &policy.signers);
    for bytes in returned {
        let taken = collection.take(&read_intake(bytes)?)?;
        assert_eq!(taken.refused, []);
        assert!(
            !taken.new.is_empty(),
            "nothing was signed: {}",
            vault.kind.name()
        );
        collection = taken.collection;
    }
    assert!(collection.is_complete(), "{:?}", collection.status());
    let offered: Vec<_> = collection
        .signatures()
        .iter()
        .map(|signature| offer_again(&signature))
        .collect();
    let transaction = extract(issued, &finalize(issued, offered)?)?;
    let answer: Value = world.node.call(
        "testmempoolaccept",
        json!([[serialize_hex(&transaction)], 0]),
    )?;
    assert_eq!(answer[0]["allowed"], true, "{answer}");
    Ok(())
}

/// Runs a foreign signer over the vaults of these kinds.
fn signed_by(
    kinds: &[Kind],
    mut sign: impl FnMut(&World, &Vault, &Attempt, &str) -> Result<Vec<u8>, Failure>,
) -> Outcome {
    let world = World::start()?;
    for vault in world
        .vaults
        .iter()
        .filter(|vault| kinds.contains(&vault.kind))
    {
        for seed in 1..=2 {
            let case = Case::new(vault, Version::V0, Draw::new(seed));
            let attempt = &case.attempt;
            let returned = QUORUM
                .iter()
                .map(|who| sign(&world, vault, attempt, who))
                .collect::<Result<Vec<_>, _>>()?;
            finalizes(&world, vault, attempt, &returned)?;
        }
    }
    Ok(())
}

const MANY: [Kind; 3] = [Kind::Wsh, Kind::WshRecovery, Kind::TrMultiA];

/// 1. The coordinator's roles build attempts of wsh 2-of-3, wsh with recovery and tr with multi_a.
/// 2. Bitcoin Core signs with one private key in the descriptor, then with another.
/// 3. Our intake takes both, and what we finalize is taken by the node.
#[test]
fn psbts_signed_by_bitcoin_core_finalize() -> Outcome {
    signed_by(&MANY, core)
}

/// The same with Python's embit.
#[test]
fn psbts_signed_by_embit_finalize() -> Outcome {
    signed_by(&MANY, |_, _, attempt, who| embit(attempt, who))
}

/// The same with npm's @scure/btc-signer.
#[test]
fn psbts_signed_by_scure_finalize() -> Outcome {
    signed_by(&MANY, |_, vault, attempt, who| scure(vault, attempt, who))
}

/// Each of the three signs an attempt of the vault with a key path as `who`; Core signed as `others` before.
fn signed_by_each(seed: u64, who: &str, others: &[&str]) -> Outcome {
    let world = World::start()?;
    let vault = world
        .vaults
        .iter()
        .find(|vault| vault.kind == Kind::TrKeyLeaf)
        .ok_or_else(|| Failure::new("no vault with a key path"))?;
    let case = Case::new(vault, Version::V0, Draw::new(seed));
    let attempt = &case.attempt;
    let before = others
        .iter()
        .map(|other| core(&world, vault, attempt, other))
        .collect::<Result<Vec<_>, _>>()?;
    for returned in [
        core(&world, vault, attempt, who)?,
        embit(attempt, who)?,
        scure(vault, attempt, who)?,
    ] {
        let all = [&[returned], before.as_slice()].concat();
        finalizes(&world, vault, attempt, &all)?;
    }
    Ok(())
}

/// One key path signature suffices, made by each of the three.
#[test]
fn key_path_signed_by_each_independent_signer_finalizes() -> Outcome {
    signed_by_each(3, "alice", &[])
}

/// The leaf of two others spends without the key path: each of the three makes one of its signatures.
#[test]
fn leaf_signed_by_each_independent_signer_finalizes() -> Outcome {
    signed_by_each(4, "bob", &["machine"])
}
