//! A treasury changes its rules and its people while money moves, and pays each withdrawal exactly once.

mod five;
mod rebuilt;

use std::path::{Path, PathBuf};

use bitcoin::{Address, Amount};
use harness::{
    Engine, Failure, LONG, Outcome, Purse, SHORT, ScriptKind, SignerHome, Treasury, field, items,
    wait_until,
};
use policies::Policy;
use policies::document::{ApprovalsDraft, PolicyDraft, SuccessionDraft};
use serde_json::{Value, json};

pub(crate) use self::five::come_home;
use self::five::{CREW, Five};

const COIN: Amount = Amount::from_sat(50_000_000);

fn changes(draft: &mut PolicyDraft, delay: &str) {
    draft.change = Some(SuccessionDraft {
        approvals: ApprovalsDraft {
            group: Some("ops".to_owned()),
            count: 1,
            page: None,
        },
        delay: delay.to_owned(),
    });
}

fn text(path: &Path) -> Result<&str, Failure> {
    path.to_str()
        .ok_or_else(|| Failure::new("a path that is not UTF-8"))
}

/// The draft after a version, which alters nothing yet.
fn after(draft: &PolicyDraft, previous: &Policy) -> PolicyDraft {
    PolicyDraft {
        version: previous.version + 1,
        vault: previous.vault.to_string(),
        previous: previous.id.to_string(),
        keyset: Some(previous.keyset.to_string()),
        ..draft.clone()
    }
}

fn parsed(draft: &PolicyDraft) -> Result<Policy, Failure> {
    Policy::parse(draft.to_toml().as_bytes())
        .map_err(|mistakes| Failure::new(format!("{mistakes:?}")))
}

/// Dana writes the file of a next version with her own tool, reads it and approves it.
pub(crate) fn approved(treasury: &Treasury, name: &str, next: &Policy) -> Result<PathBuf, Failure> {
    let file = proposed(treasury, name, next)?;
    let approve = ["policy", "approve", text(&file)?, "--yes"];
    treasury.people.dana.run(&approve)?.done()?;
    Ok(file)
}

/// Dana writes the file of a next version.
fn proposed(treasury: &Treasury, name: &str, next: &Policy) -> Result<PathBuf, Failure> {
    let dana = &treasury.people.dana;
    let document = dana.bring(&format!("{name}.toml"), &next.bytes)?;
    let file = dana.bring(&format!("{name}.json"), b"")?;
    let propose = [
        "policy",
        "propose",
        text(&document)?,
        "--output",
        text(&file)?,
    ];
    dana.run(&propose)?.done()?;
    Ok(file)
}

/// The version in force at the coordinator.
pub(crate) fn version(treasury: &Treasury) -> Result<Value, Failure> {
    Ok(treasury.operator().get(&treasury.path(""))?.done()?["version"].clone())
}

/// How far the newest version in force reaches, as the coordinator's `policy versions` says.
fn reach(treasury: &Treasury) -> Result<Value, Failure> {
    let all = treasury
        .command_line(&["policy", "versions"])?
        .done()?
        .json()?;
    let newest = items(&all["versions"])?.last();
    let newest = newest.ok_or_else(|| Failure::new("no version"))?;
    Ok(newest["reach"].clone())
}

/// What the first version ended is announced until enough signers said that they follow the second: the co-signer by
/// itself, Alice with the file that `policy follow` left, which `policy ack` gives again. A forged word is refused.
fn is_in_force_once_acknowledged(treasury: &Treasury, next_file: &Path) -> Outcome {
    wait_until("the co-signer's word", LONG, || {
        let reach = reach(treasury)?;
        Ok((reach["acknowledged_by"] == json!(["machine"])).then_some(()))
    })?;
    assert_eq!(reach(treasury)?["state"], "announced");
    let left = next_file.with_extension("alice.ack.json");
    let ack: Value = serde_json::from_slice(&std::fs::read(&left)?)?;
    let alice = &treasury.people.alice;
    assert_eq!(alice.run(&["policy", "ack"])?.done()?.json()?, ack);
    treasury
        .people
        .bob
        .run(&["policy", "ack"])?
        .refused("NOTHING_ADOPTED")?;
    let mut forged = ack.clone();
    forged["approvals"][0]["expires"] = json!(1);
    let forged = alice.bring("forged.json", forged.to_string().as_bytes())?;
    let submit = |file: &Path| treasury.command_line(&["statement", "submit", text(file)?]);
    submit(&forged)?.refused("ack_ends")?;
    submit(&left)?.done()?;
    let reach = reach(treasury)?;
    assert_eq!(reach["acknowledged_by"], json!(["alice", "machine"]));
    assert_eq!(reach["state"], "in force for payments", "{reach}");
    let standing = treasury
        .command_line(&["signer", "standing"])?
        .done()?
        .json()?;
    assert_eq!(standing["reach"], reach);
    Ok(())
}

/// How many unspent outputs pay an address.
pub(crate) fn payments(treasury: &Treasury, to: &Address) -> Result<usize, Failure> {
    let script = format!("raw({})", to.script_pubkey().to_hex_string());
    let found: Value = treasury
        .node
        .call("scantxoutset", json!(["start", [script]]))?;
    Ok(items(&found["unspents"])?.len())
}

/// 1. A withdrawal is allowed without a human. Dana writes and approves a version that wants one of `ops` for it,
///    and another that she keeps; the delay is three seconds.
/// 2. The coordinator takes the first in, says what is missing, and follows it by itself once the delay is over; so
///    does the automatic co-signer, which hears of it there. Alice follows it by a command. Both say so with their
///    journals: from then on what the first version allowed is over.
/// 3. The withdrawal waits now for Dana. She approves it, Alice and the co-signer sign, it settles.
/// 4. The version that she kept is refused by the coordinator and by Alice: each version has one successor.
fn rules_are_changed(kind: ScriptKind, engine: Engine) -> Outcome {
    let mut first = None;
    let mut treasury = Treasury::start_edited(kind, engine, |draft| {
        changes(draft, "3s");
        first = Some(draft.clone());
    })?;
    let first = first.ok_or_else(|| Failure::new("no draft"))?;
    treasury.deposit(Amount::ONE_BTC)?;
    let to = Purse::stranger(1);
    let intent = treasury.withdraw("w-1", &to, Amount::from_sat(4_000_000))?;
    assert_eq!(treasury.withdrawal_state("w-1")?, "approved");
    let with_most = |most| {
        let mut next = after(&first, &treasury.people.policy);
        next.rules[0].amount_max_sat = Some(most);
        parsed(&next)
    };
    let (next, other) = (with_most(1_000_000)?, with_most(2_000_000)?);
    let next_file = approved(&treasury, "next", &next)?;
    // Her tool does not let her say yes to two successors unnoticed.
    let other_file = proposed(&treasury, "other", &other)?;
    let approve = ["policy", "approve", text(&other_file)?, "--yes"];
    let dana = &treasury.people.dana;
    dana.run(&approve)?.refused("SECOND_APPROVAL")?;
    let instead = next.id.to_string();
    let knowingly = [&approve[..], &["--instead-of", &instead]].concat();
    dana.run(&knowingly)?.done()?;

    let new = json!({ "name": "hearing", "role": "signer" });
    let token = field(
        &treasury.operator().post("/tokens", &new)?.done()?,
        "secret",
    )?;
    let mut machine = treasury
        .people
        .machine
        .serve(treasury.coordinator.url(), &token)?;
    let propose = ["policy", "propose", text(&next_file)?];
    let proposed = treasury.command_line(&propose)?.done()?.json()?;
    assert_eq!(proposed["state"], "waiting", "{proposed}");
    assert_eq!(proposed["approved_by"], json!(["dana"]));
    assert_eq!(version(&treasury)?, 1);
    wait_until("the coordinator to follow", LONG, || {
        Ok((version(&treasury)? == 2).then_some(()))
    })?;
    wait_until("the co-signer to follow", LONG, || {
        Ok(machine.log()?.contains("event=adopted").then_some(()))
    })?;
    let follow = ["policy", "follow", text(&next_file)?];
    wait_until("Alice to follow", LONG, || {
        Ok(treasury.people.alice.run(&follow)?.done().ok())
    })?;
    treasury.people.dana.run(&follow)?.done()?;
    is_in_force_once_acknowledged(&treasury, &next_file)?;

    let waits = treasury
        .operator()
        .post(&treasury.path("/batches"), &json!({}))?;
    waits.refused(409, "nothing_to_batch")?;
    treasury.approve(&[&intent])?;
    let txid = treasury.batch()?;
    let shown = treasury
        .auditor()
        .get(&format!("/attempts/{txid}"))?
        .done()?;
    assert_eq!(field(&shown, "policy")?, next.id.to_string());
    treasury.countersign(&treasury.people.alice, txid)?;
    treasury.settle(txid, &["w-1"])?;
    assert_eq!(payments(&treasury, &to)?, 1);

    let file = std::fs::read_to_string(&other_file)?;
    treasury
        .operator()
        .post(&treasury.path("/successions"), &json!({ "file": file }))?
        .refused(422, "version_does_not_follow")?;
    let other = ["policy", "follow", text(&other_file)?];
    treasury
        .people
        .alice
        .run(&other)?
        .refused("DOES_NOT_FOLLOW")?;
    assert_eq!(version(&treasury)?, 2);
    machine.must_run()?;
    machine.stop()?;
    treasury.must_be_well()
}

#[test]
fn a_change_of_rules_is_followed_by_all_after_its_delay_on_sqlite() -> Outcome {
    rules_are_changed(ScriptKind::Wsh, Engine::Sqlite)
}

#[test]
fn a_change_of_rules_is_followed_by_all_after_its_delay_on_postgres() -> Outcome {
    rules_are_changed(ScriptKind::Tr, Engine::Postgres)
}

/// 1. Five signers, three of whom spend. Four deposits settle.
/// 2. One after the other each signer is replaced, key and journal, while two withdrawals are in flight: one is
///    broadcast, one signed by a single signer. The coordinator puts the version in force by command, everybody
///    pins it. What was broadcast settles; what was not signed is cancelled on the chain by signers of the former
///    keyset; all coins come to the new descriptor.
/// 3. The service asks for the cancelled withdrawal again, with an intent that repeats it; the new crew pays it.
///    Every payee has been paid exactly once.
/// 4. At the end a deposit comes to the very first address. The first crew, all replaced by now, bring it home.
fn five_signers_are_replaced(kind: ScriptKind, engine: Engine) -> Outcome {
    let mut five = Five::start(kind, engine)?;
    let old_address = five.treasury.new_address("old")?;
    for _ in 0..4 {
        five.treasury.deposit(COIN)?;
    }
    let payee = |seat: usize, n: u8| {
        let seat = u8::try_from(seat).unwrap_or_default();
        Purse::stranger(10 + 2 * seat + n)
    };
    for seat in 0..CREW.len() {
        let (sent_id, cut_id) = (format!("sent-{seat}"), format!("cut-{seat}"));
        let sent = five.batched(&sent_id, &payee(seat, 0), 1_000_000)?;
        five.sign(five.crew.iter().take(3), sent)?;
        five.treasury.reaches_mempool(sent)?;
        let cut = five.batched(&cut_id, &payee(seat, 1), 1_100_000)?;
        five.sign(five.crew.iter().take(1), cut)?;

        five.replace(seat)?;
        let former: Vec<&SignerHome> = five.three_without(seat).collect();
        five.come_home(&former)?;
        five.treasury.withdrawal_becomes(&sent_id, "settled")?;
        five.treasury.withdrawal_becomes(&cut_id, "failed")?;

        let again_id = format!("again-{seat}");
        let amount = Amount::from_sat(1_099_999);
        let mut again = five.treasury.intent(&again_id, &payee(seat, 1), amount)?;
        again.repeats = Some(cut_id.parse()?);
        five.treasury.submit(&again)?.done()?;
        five.treasury.approve(&[&again])?;
        let txid = five.treasury.batch()?;
        five.sign(five.three_without(seat), txid)?;
        five.treasury.settle(txid, &[again_id.as_str()])?;
        assert_eq!(five.treasury.withdrawal_state(&cut_id)?, "failed");
        for n in [0, 1] {
            assert_eq!(payments(&five.treasury, &payee(seat, n))?, 1);
        }
    }
    assert_eq!(version(&five.treasury)?, 6);
    let late = five.treasury.pay_in(&old_address, COIN)?;
    five.treasury.node.mine(3)?;
    wait_until("the late deposit to be settled", SHORT, || {
        let state = five.treasury.deposit_state(late)?;
        Ok((state.as_deref() == Some("settled")).then_some(()))
    })?;
    let first: Vec<&SignerHome> = five.left.iter().take(3).collect();
    five.come_home(&first)?;
    five.treasury.reconcile()?;
    five.treasury.must_be_well()
}

#[test]
fn five_signers_are_replaced_one_by_one_while_money_moves() -> Outcome {
    five_signers_are_replaced(ScriptKind::Wsh, Engine::Sqlite)
}
