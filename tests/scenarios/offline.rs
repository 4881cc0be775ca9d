//! The offline signer: the static program on a machine without a network, its home on a stick.
//!
//! The program is the one that `make offline` builds. Everything that it reads and writes comes and goes
//! as files, or as pictures of QR codes of which a quarter is lost.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use bitcoin::hashes::{Hash as _, sha256};
use bitcoin::{Amount, Txid};
use harness::{
    Bitcoind, Coordinator, Engine, Failure, Outcome, People, Program, Purse, Said, ScriptKind,
    Settings, SignerHome, Stick, Store, Treasury,
};

const AMOUNT: Amount = Amount::from_sat(7_000_000);

/// How a file crosses the gap.
#[derive(Debug, Clone, Copy)]
enum Way {
    File,
    Qr(&'static str),
}

/// A treasury in which Alice's home was begun on a stick, by the offline signer.
fn with_alice_offline(kind: ScriptKind) -> Result<(Treasury, Stick), Failure> {
    let stick = Stick::new("stick")?;
    let node = Bitcoind::start()?;
    let store = Store::start(Engine::Sqlite)?;
    let alice = SignerHome::offline("alice", &stick)?;
    let people = People::agree_with_alice(alice, kind, &node)?;
    let coordinator = Coordinator::start(&store, &node, &Settings::default())?;
    let treasury = Treasury::assemble(node, store, people, coordinator)?;
    Ok((treasury, stick))
}

/// A withdrawal that Dana approved and that was batched.
fn batched(treasury: &Treasury, id: &str, payee: u8) -> Result<Txid, Failure> {
    let amount = AMOUNT + Amount::from_sat(payee.into());
    let intent = treasury.withdraw(id, &Purse::stranger(payee), amount)?;
    treasury.approve(&[&intent])?;
    treasury.batch()
}

/// Runs the tool on the machine that has a network, which needs no home.
fn online(arguments: &[&str]) -> Result<Said, Failure> {
    Program::find("countersign-signer")?.run(arguments)
}

/// Loses a quarter of the pictures, one at least where `always`, and gives the others other names, so that
/// they come in another order; which are lost follows from the seed.
fn lose_a_quarter(pictures: &Path, seed: u64, always: bool) -> Outcome {
    let mut all = BTreeSet::new();
    for entry in fs::read_dir(pictures)? {
        all.insert(entry?.path());
    }
    let mut state = seed | 1;
    let mut left = 0_u32;
    let last = all.last().cloned();
    for picture in all {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let drawn = state >> 40;
        let is_last = Some(&picture) == last.as_ref();
        if drawn.is_multiple_of(4) || (always && is_last && left > 0) {
            fs::remove_file(picture)?;
        } else {
            fs::rename(&picture, pictures.join(format!("{drawn:08x}-{left}.png")))?;
            left += 1;
        }
    }
    Ok(())
}

/// What a refused scan says that it lacks, as `--parts` takes it.
fn parts_lacking(said: &Said) -> Result<String, Failure> {
    let mut lines = said.stderr.lines().rev();
    let missing = lines.find_map(|line| Some(line.split_once("; missing ")?.1.to_owned()));
    missing.ok_or_else(|| Failure::new(format!("nothing is missing in {}", said.stderr)))
}

/// Shows bytes by one tool and reads them by the other, each time losing a quarter of the pictures, until
/// all is there.
fn by_qr(
    carrier: &str,
    bytes: &[u8],
    show: &dyn Fn(&[&str]) -> Result<Said, Failure>,
    scan: &dyn Fn(&[&str]) -> Result<Said, Failure>,
) -> Result<Vec<u8>, Failure> {
    let card = tempfile::tempdir()?;
    let path = |name: &str| card.path().join(name).to_string_lossy().into_owned();
    fs::write(path("in"), bytes)?;
    let mut parts: Option<String> = None;
    for round in 1..=8_u64 {
        let pictures = path(&format!("round-{round}"));
        let density = if carrier == "ur" { "12" } else { "9" };
        let mut words = vec!["qr", "show", "--carrier", carrier, "--qr-version", density];
        let (from, asked) = (path("in"), parts.take());
        if let Some(parts) = &asked {
            words.extend(["--parts", parts.as_str()]);
        }
        words.extend(["--images", &pictures, &from]);
        show(&words)?.done()?;
        // One picture alone is not lost twice: the round would never end.
        lose_a_quarter(Path::new(&pictures), round, round == 1)?;
        let (kept, out) = (path("kept"), path("out"));
        let said = scan(&["qr", "scan", "--keep", &kept, "--output", &out, &pictures])?;
        if said.code == 0 {
            assert!(
                round > 1 || carrier == "ur",
                "of a BBQr something was lost in the first round"
            );
            return Ok(fs::read(out)?);
        }
        let said = said.refused("QR_INCOMPLETE")?;
        if carrier == "bbqr" {
            parts = Some(parts_lacking(&said)?);
        }
    }
    Err(Failure::new("eight rounds did not suffice"))
}

/// Alice reviews and signs an attempt offline; what is handed in.
fn signed_by(alice: &SignerHome, psbt: &[u8], way: Way) -> Result<Vec<u8>, Failure> {
    let offline = |words: &[&str]| alice.run_plainly(words, b"");
    let brought = match way {
        Way::File => psbt.to_vec(),
        Way::Qr(carrier) => by_qr(carrier, psbt, &online, &offline)?,
    };
    assert_eq!(brought, psbt, "it arrives byte for byte: {way:?}");
    let file = alice.bring("to-sign.psbt", &brought)?;
    let file = file.to_string_lossy().into_owned();
    let review = alice.run_plainly(&["review", &file], b"")?.done()?.text();
    assert!(review.contains("dana"), "{review}");
    let output = file.replace("to-sign", "signed");
    // Nothing is written over what is there: the reply of the round before is taken away.
    if Path::new(&output).exists() {
        fs::remove_file(&output)?;
    }
    let sign = ["sign", &file, "--yes", "--output", &output];
    alice.run_plainly(&sign, b"")?.done()?;
    let signed = fs::read(output)?;
    match way {
        Way::File => Ok(signed),
        Way::Qr(carrier) => by_qr(carrier, &signed, &offline, &online),
    }
}

/// 1. Alice makes her key, and pins the policy, by the offline signer: each command runs on a machine whose
///    only interface is down, and her home is there for as long as the command runs.
/// 2. A withdrawal is requested, approved and batched. Its PSBT comes to her; she reviews and signs it; her
///    signatures go back and Bob's follow. It settles.
/// 3. The same by each other way.
fn whole_rounds(kind: ScriptKind, ways: &[Way]) -> Outcome {
    let (mut treasury, stick) = with_alice_offline(kind)?;
    assert!(
        !stick.home().exists(),
        "the stick is in no machine between two commands"
    );
    for (way, n) in ways.iter().zip(1_u8..) {
        let id = format!("w-{n}");
        treasury.deposit(Amount::from_sat(20_000_000))?;
        let txid = batched(&treasury, &id, n)?;
        let alice = &treasury.people.alice;
        let signed = signed_by(alice, &treasury.psbt(txid)?, *way)?;
        treasury.hand_in(txid, &signed)?;
        treasury.countersign(&treasury.people.bob, txid)?;
        treasury.settle(txid, &[&id])?;
        let paid = treasury.received(&Purse::stranger(n))?;
        assert_eq!(paid, AMOUNT + Amount::from_sat(n.into()));
    }
    treasury.reconcile()?;
    treasury.verify_events()?;
    treasury.must_be_well()
}

#[test]
fn an_offline_signer_signs_from_wsh_by_file_and_by_bbqr() -> Outcome {
    whole_rounds(ScriptKind::Wsh, &[Way::File, Way::Qr("bbqr")])
}

#[test]
fn an_offline_signer_signs_from_tr_by_file_and_by_ur() -> Outcome {
    whole_rounds(ScriptKind::Tr, &[Way::File, Way::Qr("ur")])
}

/// 1. The stick is out: the tool says that there is no home, and what to do; it makes no new keys.
/// 2. The stick's switch keeps everybody from writing: nothing is signed.
/// 3. With the stick in and its switch back, the same file is signed.
#[test]
fn an_offline_signer_says_that_its_stick_is_out_or_protected_and_signs_nothing() -> Outcome {
    let (treasury, _stick) = with_alice_offline(ScriptKind::Wsh)?;
    treasury.deposit(Amount::from_sat(20_000_000))?;
    let psbt = treasury.psbt(batched(&treasury, "w-1", 1)?)?;
    let alice = &treasury.people.alice;
    let with = |stick: &str| [("STICK".to_owned(), stick.to_owned())];

    let out = alice.sign_within(&with("out"), &psbt)?.ended_with(2)?;
    assert!(out.stderr.contains("HOME_MISSING"), "{}", out.stderr);
    assert!(out.stderr.contains("the stick"), "{}", out.stderr);
    let protected = alice
        .sign_within(&with("protected"), &psbt)?
        .ended_with(3)?;
    assert!(
        protected.stderr.contains("JOURNAL_UNREADABLE"),
        "{}",
        protected.stderr
    );
    assert!(out.stdout.is_empty() && protected.stdout.is_empty());
    alice.sign_within(&with("in"), &psbt)?.done()?;
    Ok(())
}

/// 1. Alice's stick is copied; with it she signs an attempt, which is handed in.
/// 2. The copy takes the stick's place, and signs another attempt: the coordinator refuses what it signs.
/// 3. The next attempt carries what is known of her journal: the tool on the copy refuses to sign it.
#[test]
fn a_stick_that_was_rolled_back_is_refused_by_intake_and_by_the_offline_signer() -> Outcome {
    let (mut treasury, stick) = with_alice_offline(ScriptKind::Wsh)?;
    for _ in 1..=3 {
        treasury.deposit(Amount::from_sat(8_000_000))?;
    }
    let first = batched(&treasury, "w-1", 1)?;
    let second = batched(&treasury, "w-2", 2)?;
    let alice = &treasury.people.alice;
    let copy = stick.copy()?;
    treasury.countersign(alice, first)?;
    stick.become_again(&copy)?;
    let forked = alice.sign(&treasury.psbt(second)?)?.done()?.stdout;
    treasury
        .signer()
        .post_bytes(&format!("/attempts/{second}/signatures"), &forked)?
        .refused(409, "journal_forked")?;
    let third = batched(&treasury, "w-3", 3)?;
    alice
        .sign(&treasury.psbt(third)?)?
        .refused("JOURNAL_ROLLED_BACK")?;
    treasury.must_be_well()
}

/// Libraries that a program asks for are named in its head; a static one has none, and no loader.
fn interpreter(program: &Path) -> Result<Option<u64>, Failure> {
    let bytes = fs::read(program)?;
    let number = |at: usize, length: usize| {
        let bytes = bytes.get(at..at + length).unwrap_or_default();
        bytes
            .iter()
            .rev()
            .fold(0_u64, |all, byte| (all << 8) | u64::from(*byte))
    };
    // ELF64: the program headers' place at 32, their size at 54 and count at 56; PT_INTERP is type 3.
    let (place, size, count) = (number(32, 8), number(54, 2), number(56, 2));
    assert_eq!(bytes.get(..5), Some(&b"\x7fELF\x02"[..]), "ELF, 64 bits");
    let headers = (0..count).map(|n| place + n * size);
    let found = headers.filter_map(|at| usize::try_from(at).ok());
    Ok(found.map(|at| number(at, 4)).find(|kind| *kind == 3))
}

/// 1. The program needs no loader and no library.
/// 2. It has no verb that needs a network, and knows what lies beside it by its SHA-256.
#[test]
fn the_offline_signer_is_one_static_file_without_network_verbs() -> Outcome {
    let program = Program::offline_signer()?;
    let path: PathBuf = program.path().to_owned();
    assert_eq!(interpreter(&path)?, None, "{}", path.display());
    // The same question finds the loader of a program that has one.
    let other = Program::find("countersign-signer")?;
    assert_eq!(interpreter(other.path())?, Some(3));
    for verb in ["serve", "bridge"] {
        program.run(&[verb, "--help"])?.ended_with(2)?;
    }
    program.run(&["sign", "--help"])?.done()?;
    let written = fs::read_to_string(path.with_extension("sha256"))?;
    let hash = sha256::Hash::hash(&fs::read(&path)?).to_string();
    assert_eq!(written.split_whitespace().next(), Some(hash.as_str()));
    Ok(())
}
