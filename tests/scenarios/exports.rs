//! What a vault is exported as describes its scripts to programs that know nothing of us.

use bitcoin::{Address, Network};
use harness::adversaries::World;
use harness::{Failure, Outcome, Program};
use policies::exchange::{Format, export, import};
use policies::{Keychain, Policy};
use serde_json::{Value, json};

use crate::independent_signers::{driver, installed, repository};

/// Addresses of each keychain that are compared.
const COMPARED: u32 = 5;

/// Our addresses of a keychain.
fn ours(policy: &Policy, keychain: Keychain) -> Vec<String> {
    (0..COMPARED)
        .map(|index| {
            let script = policy.descriptor.script_pubkey(keychain, index);
            let address = Address::from_script(&script, Network::Regtest);
            address
                .expect("a vault's script has an address")
                .to_string()
        })
        .collect()
}

/// The descriptors that stand in a text, whatever stands around them.
fn descriptors_in(text: &str) -> Vec<String> {
    text.split(|letter: char| letter.is_whitespace() || letter == '"')
        .filter(|word| {
            ["wsh(", "tr(", "wpkh("]
                .iter()
                .any(|start| word.starts_with(start))
        })
        .map(str::to_owned)
        .collect()
}

/// The addresses that the node derives of a descriptor; both keychains of a multipath one.
fn of_node(world: &World, descriptor: &str) -> Result<Vec<Vec<String>>, Failure> {
    let range = json!([descriptor, [0, COMPARED - 1]]);
    let derived: Value = world.node.call("deriveaddresses", range)?;
    let derived = if derived[0].is_string() {
        json!([derived])
    } else {
        derived
    };
    Ok(serde_json::from_value(derived)?)
}

/// A descriptor as the node reads it: templates of BIP 129 have no checksum, and their branches stand in another
/// line of the record.
fn with_branches(world: &World, descriptor: String) -> Result<String, Failure> {
    if !descriptor.contains("/**") {
        return Ok(descriptor);
    }
    let body = descriptor.replace("/**", "/<0;1>/*");
    let info: Value = world.node.call("getdescriptorinfo", json!([body]))?;
    Ok(format!(
        "{body}#{}",
        info["checksum"].as_str().unwrap_or_default()
    ))
}

/// 1. Every vault of the world is exported in every format that can say it.
/// 2. Every descriptor in such a file is one for the node: `getdescriptorinfo` gives our checksum, and
///    `deriveaddresses` gives our addresses of the keychain that it stands for.
/// 3. Every file is read back, and what was read derives our addresses at the node too.
#[test]
fn every_exported_descriptor_is_the_vaults_to_bitcoin_core() -> Outcome {
    let world = World::start()?;
    let mut compared = 0_u32;
    for vault in &world.vaults {
        let policy = &vault.policy;
        let both = Keychain::BOTH.map(|keychain| ours(policy, keychain));
        for format in Format::ALL {
            let Ok(text) = export(policy, format) else {
                assert!(!matches!(
                    format,
                    Format::Descriptor | Format::Core | Format::Bsms
                ));
                continue;
            };
            if matches!(format, Format::Sheet | Format::SheetHtml) {
                continue;
            }
            // Templates of BIP 388 have places for keys, which no node reads.
            let descriptors = descriptors_in(&text).into_iter();
            for found in descriptors.filter(|found| !found.contains('@')) {
                let found = with_branches(&world, found)?;
                let info: Value = world.node.call("getdescriptorinfo", json!([found]))?;
                assert_eq!(info["isrange"], true, "{format}: {found}");
                assert!(
                    found.ends_with(info["checksum"].as_str().unwrap_or("none")),
                    "{found}"
                );
                let derived = of_node(&world, &found)?;
                match &derived[..] {
                    [deposits, change] => assert_eq!([deposits, change], [&both[0], &both[1]]),
                    [one] => assert!(both.contains(one), "{format}: {found}"),
                    _ => return Err(Failure::new(format!("{format}: {derived:?}"))),
                }
                compared += 1;
            }
            let read = import(text.as_bytes())?;
            for (keychain, expected) in Keychain::BOTH.into_iter().zip(&both) {
                let branch = read.descriptor.branch(keychain).to_string();
                assert_eq!(
                    of_node(&world, &branch)?,
                    std::slice::from_ref(expected),
                    "{format}"
                );
            }
        }
    }
    assert!(compared > 20, "{compared}");
    Ok(())
}

/// Python's embit derives our addresses from every vault's multipath descriptor.
#[test]
fn every_exported_descriptor_is_the_vaults_to_embit() -> Outcome {
    let world = World::start()?;
    let (python, _) = installed()?;
    let script = repository().join("tests/independent/embit_derive.py");
    let script = script.display().to_string();
    for vault in &world.vaults {
        let text = export(&vault.policy, Format::Descriptor)?;
        let said = driver(&python, &[&script, "regtest"], text.as_bytes())?;
        let said = String::from_utf8(said)?;
        let expected = Keychain::BOTH
            .map(|keychain| ours(&vault.policy, keychain))
            .concat();
        assert_eq!(said.lines().collect::<Vec<_>>(), expected, "{text}");
    }
    Ok(())
}

/// Both command lines write the same file; the signer's begins a policy of it, and says what is missing.
#[test]
fn a_vault_leaves_by_both_tools_and_comes_back_as_a_draft() -> Outcome {
    let world = World::start()?;
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name).display().to_string();
    let vault = world
        .vaults
        .first()
        .ok_or_else(|| Failure::new("no vault"))?;
    std::fs::write(path("policy.toml"), &vault.policy.bytes)?;
    let signer = Program::find("countersign-signer")?;
    let coordinator = Program::find("countersign-coordinator")?;
    let (policy, record, draft) = (path("policy.toml"), path("v.bsms"), path("draft.toml"));
    signer
        .run(&["policy", "export", "bsms", &policy, "--output", &record])?
        .done()?;
    let other = coordinator
        .run(&["policy", "export", "bsms", &policy])?
        .done()?;
    assert_eq!(std::fs::read_to_string(&record)?, other.text());
    let imported = ["policy", "import", &record, "--output", &draft, "--json"];
    let told = signer.run(&imported)?.done()?.json()?;
    assert_eq!(
        (&told["format"], &told["network"]),
        (&json!("bsms"), &json!("regtest"))
    );
    assert_eq!(told["notes"], json!([]));
    let checked = signer
        .run(&["policy", "check", &draft])?
        .refused("MISSING")?;
    assert!(checked.stderr.contains("requesters"), "{}", checked.stderr);
    Ok(())
}
