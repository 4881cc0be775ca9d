//! A real device's program in its emulator, where one is given: the whole way, by the real tools.
//!
//! The emulator is no part of this project, so without one nothing is tested here, and the test says so. With one,
//! whoever runs it presses the buttons, or its own interface does.

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use bitcoin::{Amount, Txid};
use harness::{
    Bitcoind, Coordinator, Emulator, Engine, Failure, LONG, Outcome, People, Pressing, Purse, Said,
    ScriptKind, Settings, SignerHome, Store, Treasury, bhwi, note, wait_until,
};
use miniscript::{Descriptor, DescriptorPublicKey};
use policies::document::PolicyDraft;
use serde_json::{Value, json};

use crate::wired::real_hwi;

/// The desk: the emulator, and the programs that speak to it.
struct Desk {
    emulator: Emulator,
    tools: [String; 6],
}

/// What stays of the desk's treasury between two sentences of its story.
struct Story<'a> {
    desk: &'a mut Desk,
    treasury: Treasury,
    name: &'static str,
}

fn text(path: PathBuf) -> Result<String, Failure> {
    let text = path.into_os_string().into_string();
    text.map_err(|path| Failure::new(format!("{} is not UTF-8", path.display())))
}

/// The code of the first reason of what was not done.
fn code(said: &Said) -> Result<String, Failure> {
    let value = said.json()?;
    let code = value["reasons"][0]["code"].as_str();
    let code = code.ok_or_else(|| Failure::new(format!("no reason: {value}{}", said.stderr)))?;
    Ok(code.to_owned())
}

impl Desk {
    fn of(emulator: Emulator) -> Result<Self, Failure> {
        let bhwi = bhwi().ok_or_else(|| {
            Failure::new("bhwi is not in PATH: set BHWI_BIN to the program of the crate bhwi-cli")
        })?;
        let tools = [
            "--hwi".to_owned(),
            text(real_hwi()?)?,
            "--bhwi".to_owned(),
            text(bhwi)?,
            "--emulator".to_owned(),
            emulator.address().to_owned(),
        ];
        Ok(Self { emulator, tools })
    }

    fn tools(&self) -> Vec<&str> {
        self.tools.iter().map(String::as_str).collect()
    }

    /// A command of a home while somebody is at the screen, and how long it took.
    fn run(&self, home: &SignerHome, pressing: Pressing, words: &[&str]) -> Result<Said, Failure> {
        let begun = Instant::now();
        let said = self
            .emulator
            .with(pressing, || home.run(&[words, &self.tools()].concat()));
        note(&format!(
            "{}: {} ms",
            words.first().copied().unwrap_or_default(),
            begun.elapsed().as_millis()
        ));
        said
    }

    /// The kind of the only device, which is ready.
    fn kind(&self) -> Result<String, Failure> {
        let nobody = SignerHome::new("nobody")?;
        let said = self.run(&nobody, Pressing::Nothing, &["devices"])?.done()?;
        let listed = said.json()?;
        note(&format!("{listed}"));
        assert_eq!(listed["tools"], json!([]), "both looked: {listed}");
        let devices = listed["devices"].as_array().map_or(0, Vec::len);
        assert_eq!(devices, 1, "{listed}");
        assert_eq!(listed["devices"][0]["state"], "READY", "{listed}");
        let kind = listed["devices"][0]["kind"].as_str();
        let kind = kind.ok_or_else(|| Failure::new(format!("no kind: {listed}")))?;
        Ok(kind.to_owned())
    }

    /// A treasury whose alice has her key in the device.
    fn treasury(
        &self,
        script: ScriptKind,
        edit: impl FnOnce(&mut PolicyDraft),
    ) -> Result<Treasury, Failure> {
        let kind = self.kind()?;
        let node = Bitcoind::start()?;
        let store = Store::start(Engine::Sqlite)?;
        let make = |home: &SignerHome| match home.name() {
            "alice" => home.make_device_signer(&kind, &self.tools()),
            _ => home.make_signer(),
        };
        let people = People::agree_made(script, &node, make, edit)?;
        let coordinator = Coordinator::start(&store, &node, &Settings::default())?;
        Treasury::assemble(node, store, people, coordinator)
    }
}

/// Plain sorted multisig of alice, bob and the machine, without recovery.
fn sorted(draft: &mut PolicyDraft) {
    draft.signers.retain(|signer| signer.name != "recovery");
    let keys: Vec<String> = draft
        .signers
        .iter()
        .map(|signer| format!("{}/<0;1>/*", signer.key))
        .collect();
    let descriptor = format!("wsh(sortedmulti(2,{}))", keys.join(","));
    let descriptor: Descriptor<DescriptorPublicKey> =
        descriptor.parse().expect("keys of signers make a multisig");
    draft.spending.descriptor = descriptor.to_string();
    draft.spending.policy = None;
}

impl<'a> Story<'a> {
    fn begin(
        desk: &'a mut Desk,
        name: &'static str,
        script: ScriptKind,
        edit: impl FnOnce(&mut PolicyDraft),
    ) -> Result<Self, Failure> {
        note(&format!("-- {name}"));
        let treasury = desk.treasury(script, edit)?;
        treasury.deposit(Amount::from_sat(3_000_000))?;
        treasury.deposit(Amount::from_sat(4_000_000))?;
        Ok(Self {
            desk,
            treasury,
            name,
        })
    }

    fn alice(&self) -> &SignerHome {
        &self.treasury.people.alice
    }

    fn run(&self, pressing: Pressing, words: &[&str]) -> Result<Said, Failure> {
        self.desk.run(self.alice(), pressing, words)
    }

    /// A withdrawal, so small that no approval is asked for.
    fn withdrawal(&self, id: &str, sat: u64) -> Result<Txid, Failure> {
        self.treasury
            .withdraw(id, &Purse::stranger(1), Amount::from_sat(sat))?;
        self.treasury.batch()
    }

    fn files(&self, txid: Txid) -> Result<(String, String), Failure> {
        let (name, answer) = (format!("{txid}.psbt"), format!("{txid}.alice.psbt"));
        let issued = self.alice().bring(&name, &self.treasury.psbt(txid)?)?;
        let out = issued.with_file_name(answer);
        Ok((text(issued)?, text(out)?))
    }

    fn sign(&self, txid: Txid, pressing: Pressing) -> Result<Said, Failure> {
        let (issued, out) = self.files(txid)?;
        self.run(
            pressing,
            &["sign", &issued, "--device", "--yes", "-o", &out],
        )
    }

    /// Registers the policy and looks at its first address.
    fn register(&self) -> Outcome {
        let said = self.run(Pressing::Yes, &["register", "--yes"])?.done()?;
        let registered: Value = said.json()?;
        note(&format!("{}: {registered}", self.name));
        assert_eq!(registered["pending"], false, "{registered}");
        for keychain in [&["address", "0"][..], &["address", "3", "--change"]] {
            let shown = self.run(Pressing::Yes, keychain)?.done()?.json()?;
            note(&format!("{}: {shown}", self.name));
        }
        Ok(())
    }

    /// What the device signed, bob's signature with it, and the node that takes it.
    fn finish(&self, txid: Txid, id: &str, signed: Said) -> Outcome {
        let signed = signed.done()?.json()?;
        assert_eq!(signed["missing"], json!([]), "{signed}");
        assert_eq!(signed["refused"], json!([]), "{signed}");
        let (_, out) = self.files(txid)?;
        self.treasury.hand_in(txid, &fs::read(out)?)?;
        assert!(self.treasury.node.mempool()?.is_empty());
        self.treasury.countersign(&self.treasury.people.bob, txid)?;
        self.treasury.settle(txid, &[id])
    }

    fn refused(&self, txid: Txid) -> Outcome {
        let said = self.sign(txid, Pressing::No)?;
        note(&format!("{}: refused: {}", self.name, said.text().trim()));
        assert_eq!(code(&said)?, "REFUSED_ON_DEVICE", "{}", said.stderr);
        Ok(())
    }

    /// Somebody pulls the plug while the device asks. What came of it, once it is plugged in again.
    fn unplugged(&mut self, txid: Txid) -> Result<Said, Failure> {
        let (issued, out) = self.files(txid)?;
        let words = ["sign", &issued, "--device", "--yes", "-o", &out];
        let Self { desk, treasury, .. } = self;
        let tools = desk.tools.clone();
        let tools: Vec<&str> = tools.iter().map(String::as_str).collect();
        let words = [&words[..], &tools].concat();
        let alice = &treasury.people.alice;
        let said = std::thread::scope(|scope| {
            let signing = scope.spawn(|| alice.run(&words));
            let asked = desk.emulator.asks();
            desk.emulator.cut();
            let said = signing.join();
            let said = said.map_err(|_| Failure::new("the signing thread has panicked"))?;
            asked?;
            said
        })?;
        note(&format!("unplugged: {}", said.text().trim()));
        assert_eq!(code(&said)?, "DEVICE_GONE", "{}", said.stderr);
        let nobody = alice.run(&words)?;
        assert_eq!(code(&nobody)?, "DEVICE_NOT_FOUND", "{}", nobody.stderr);
        desk.emulator.plug_in()?;
        let busy = alice.run(&words)?;
        note(&format!("plugged in again: {}", busy.text().trim()));
        Ok(busy)
    }

    /// The money is where it belongs.
    fn ends(mut self) -> Outcome {
        self.treasury.reconcile()?;
        self.treasury.verify_events()?;
        self.treasury.must_be_well()
    }
}

/// 1. Sorted multisig is signed for by `hwi` without any registration, and registered by `bhwi`.
/// 2. A miniscript is signed for only once it was registered; somebody refuses, pulls the plug, agrees.
/// 3. A tapscript is registered, looked at, signed for.
/// 4. What the device signed settles with bob's signature, each time.
#[test]
fn where_an_emulator_is_given_the_whole_way_of_a_device_runs_on_it() -> Outcome {
    let Some(emulator) = Emulator::given()? else {
        note("nothing was tested: no COUNTERSIGN_DEVICE_EMULATOR is given");
        return Ok(());
    };
    let mut desk = Desk::of(emulator)?;

    let story = Story::begin(&mut desk, "wsh sortedmulti", ScriptKind::Wsh, sorted)?;
    let first = story.withdrawal("w-1", 2_500_000)?;
    let signed = story.sign(first, Pressing::Yes)?;
    story.finish(first, "w-1", signed)?;
    story.register()?;
    let second = story.withdrawal("w-2", 2_400_000)?;
    let signed = story.sign(second, Pressing::Yes)?;
    story.finish(second, "w-2", signed)?;
    story.ends()?;

    let mut story = Story::begin(&mut desk, "wsh miniscript", ScriptKind::Wsh, |_| {})?;
    let first = story.withdrawal("w-1", 2_500_000)?;
    let unknown = story.sign(first, Pressing::Nothing)?;
    assert_eq!(code(&unknown)?, "NOT_REGISTERED", "{}", unknown.stderr);
    story.register()?;
    story.refused(first)?;
    let busy = story.unplugged(first)?;
    assert_eq!(code(&busy)?, "DEVICE_BUSY", "{}", busy.stderr);
    story.desk.emulator.dismiss()?;
    let signed = wait_until("a device that is not busy", LONG * 3, || {
        let said = story.sign(first, Pressing::Yes)?;
        Ok((said.code == 0 || code(&said)? != "DEVICE_BUSY").then_some(said))
    })?;
    story.finish(first, "w-1", signed)?;
    story.ends()?;

    let story = Story::begin(&mut desk, "tr with tapscript", ScriptKind::Tr, |_| {})?;
    let first = story.withdrawal("w-1", 2_500_000)?;
    story.register()?;
    let signed = story.sign(first, Pressing::Yes)?;
    story.finish(first, "w-1", signed)?;
    story.ends()
}
