//! A watchtower in other hands: it watches the same policy with a database of its own, and asks no coordinator.

use std::path::Path;

use bitcoin::Amount;
use harness::{
    Engine, Failure, LONG, Outcome, Program, Purse, Said, ScriptKind, Treasury, wait_until,
};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use watchtower::configuration::ConfigFile;
use watchtower::store::database::Database;

const CAME_IN: Amount = Amount::from_sat(30_000_000);
const PAID: Amount = Amount::from_sat(4_000_000);

/// The owner's program with their configuration.
fn own(verb: &str, config: &Path, more: &[&str]) -> Result<Said, Failure> {
    let program = Program::find("countersign-watchtower")?;
    let config = config
        .to_str()
        .ok_or_else(|| Failure::new("the folder is not UTF-8"))?;
    program.run(&[&[verb, "--config", config], more].concat())
}

/// 1. Money came to a vault. An owner watches its policy from the first block on, with a database of their own.
/// 2. The vault pays: nobody told the owner, so that their watchtower alarms alone, and hands the alarm to their
///    command, which takes it only the second time.
/// 3. The owner is shown the transaction and says that they know of it: the alarm is over.
/// 4. The next transfer they are shown before it is signed: no alarm.
#[test]
fn spend_that_nobody_announced_alarms_its_owner_alone() -> Outcome {
    let treasury = Treasury::start(ScriptKind::Wsh, Engine::Sqlite)?;
    treasury.deposit(CAME_IN)?;
    treasury.deposit(CAME_IN)?;
    let folder = tempfile::tempdir()?;
    let at = |name: &str| folder.path().join(name);
    let told = at("told.jsonl");
    std::fs::write(at("policy.toml"), &treasury.people.policy.bytes)?;
    std::fs::write(
        at("page-me"),
        format!(
            "if [ -e {0}.tried ]; then cat >> {0}; else touch {0}.tried; exit 1; fi\n",
            told.display()
        ),
    )?;
    let config = at("own.toml");
    std::fs::write(
        &config,
        format!(
            "database = \"sqlite://{}\"\n[watchtower]\nnetwork = \"regtest\"\npoll_interval_ms = 20\n\
             alarm_command = [\"/bin/sh\", \"{}\"]\n[watchtower.node]\nurl = \"{}\"\ncookie_file = \"{}\"\n",
            at("own.db").display(),
            at("page-me").display(),
            treasury.node.url(),
            treasury.node.cookie_file().display(),
        ),
    )?;
    let policy = at("policy.toml");
    let policy = policy.to_str().ok_or_else(|| Failure::new("no UTF-8"))?;
    own("alarms", &config, &[])?.refused("not_looking")?;
    // Too late: what came in lies below.
    let late = treasury.node.height()?.to_string();
    own("watch", &config, &["--policy", policy, "--from", &late])?.done()?;
    let runtime = Runtime::new()?;
    let file = ConfigFile::parse(&std::fs::read_to_string(&config)?)?;
    let database = runtime.block_on(Database::open(&file.database))?;
    let running = runtime.spawn(watchtower::run(
        database,
        file.watchtower,
        std::future::pending(),
    ));
    let height = u64::from(treasury.node.height()?);
    wait_until("the owner's watchtower to catch up", LONG, || {
        let status = own("status", &config, &["--json"])?.done()?.json()?;
        Ok((status["height"] == height).then_some(()))
    })?;
    let beyond = ["--policy", policy, "--from", "840000"];
    own("watch", &config, &beyond)?.refused("not_watched")?;
    let earlier = ["--policy", policy, "--from", "0"];
    let said = own("watch", &config, &earlier)?.done()?.text();
    assert!(said.contains("read by scan"), "{said}");
    let again = own("watch", &config, &earlier)?.done()?.text();
    assert!(!again.contains("read by scan"), "{again}");
    wait_until("the blocks from then on to be read", LONG, || {
        let status = own("status", &config, &["--json"])?.done()?.json()?;
        Ok(status["progress"].is_null().then_some(()))
    })?;
    assert_eq!(own("alarms", &config, &[])?.done()?.text(), "No alarm.\n");

    treasury.withdraw("w-1", &Purse::stranger(1), PAID)?;
    let txid = treasury.batch()?;
    treasury.countersign(&treasury.people.alice, txid)?;
    treasury.countersign(&treasury.people.bob, txid)?;
    treasury.settle(txid, &["w-1"])?;
    let line = wait_until("the owner's command to take the alarm", LONG, || {
        Ok(std::fs::read_to_string(&told)
            .ok()
            .filter(|text| text.ends_with('\n')))
    })?;
    let alarm: Value = serde_json::from_str(&line)?;
    assert_eq!(alarm["alarm"], "UNKNOWN_SPEND", "{line}");
    assert_eq!(alarm["subject"], txid.to_string(), "{line}");
    own("alarms", &config, &[])?.refused("alarms")?;

    let attempt = treasury
        .auditor()
        .get(&format!("/attempts/{txid}"))?
        .done()?;
    let named = json!([txid, false, attempt["block"]]);
    let raw: String = treasury.node.call("getrawtransaction", named)?;
    std::fs::write(at("w-1.hex"), raw)?;
    let shown = at("w-1.hex");
    own("expect", &config, &[shown.to_str().unwrap_or_default()])?.done()?;
    assert_eq!(own("alarms", &config, &[])?.done()?.text(), "No alarm.\n");

    treasury.withdraw("w-2", &Purse::stranger(2), PAID)?;
    let txid = treasury.batch()?;
    let transfer = at("w-2.psbt");
    std::fs::write(&transfer, treasury.psbt(txid)?)?;
    let transfer = transfer.to_str().unwrap_or_default();
    own("expect", &config, &[transfer])?.done()?;
    treasury.countersign(&treasury.people.alice, txid)?;
    treasury.countersign(&treasury.people.bob, txid)?;
    treasury.settle(txid, &["w-2"])?;
    let height = u64::from(treasury.node.height()?);
    wait_until("the owner's watchtower to have seen it", LONG, || {
        let status = own("status", &config, &["--json"])?.done()?.json()?;
        Ok((status["height"] == height).then_some(()))
    })?;
    assert_eq!(own("alarms", &config, &[])?.done()?.text(), "No alarm.\n");

    treasury.withdraw("w-3", &Purse::stranger(3), PAID)?;
    let txid = treasury.batch()?;
    treasury.countersign(&treasury.people.alice, txid)?;
    treasury.countersign(&treasury.people.bob, txid)?;
    treasury.settle(txid, &["w-3"])?;
    let id = wait_until("the third alarm", LONG, || {
        let listed = own("alarms", &config, &["--json"])?.json()?;
        Ok(listed[0]["id"].as_u64())
    })?;
    let id = id.to_string();
    own("end", &config, &["999", "--why", "a gift"])?.refused("unknown_alarm")?;
    own("end", &config, &[&id, "--why", " "])?.ended_with(2)?;
    own("end", &config, &[&id, "--why", "a gift"])?.done()?;
    assert_eq!(own("alarms", &config, &[])?.done()?.text(), "No alarm.\n");
    running.abort();
    Ok(())
}
