//! A node that is not there, or that follows another chain.

use std::fs;

use bitcoin::Amount;
use harness::{
    Bitcoind, Coordinator, Engine, Failure, Outcome, Purse, SHORT, ScriptKind, Settings, Store,
    Treasury, wait_until,
};
use serde_json::json;

/// 1. Funds are settled and a withdrawal is approved. The coordinator stops, then the node.
/// 2. The coordinator starts without its node: it serves, and its status names the trouble.
/// 3. A batch is refused by code; an address, which needs no node, is still issued.
/// 4. The node comes back: the trouble ends, and the withdrawal settles.
#[test]
fn absent_node_is_named_and_holds_batches_until_it_returns() -> Outcome {
    let mut treasury = Treasury::start(ScriptKind::Wsh, Engine::Sqlite)?;
    treasury.deposit(Amount::from_sat(10_000_000))?;
    treasury.withdraw("w-1", &Purse::stranger(1), Amount::from_sat(1_000_000))?;
    treasury.coordinator.stop()?;
    treasury.node.pause()?;
    treasury.coordinator.resume()?;
    let trouble = |treasury: &Treasury| {
        let status = treasury.operator().get("/status")?.done()?;
        Ok::<_, Failure>(status["nodes"][0]["trouble"].as_str().map(str::to_owned))
    };
    let named = wait_until("the node's trouble to be named", SHORT, || {
        trouble(&treasury)
    })?;
    assert_eq!(named, "NODE_ABSENT");
    let census = treasury.census()?;
    let problem = treasury
        .operator()
        .post(&treasury.path("/batches"), &json!({}))?
        .refused(503, "node_trouble")?;
    assert_eq!(problem["trouble"], "NODE_ABSENT", "{problem}");
    assert_eq!(treasury.census()?, census);
    treasury.new_address("while the node is away")?;

    treasury.node.resume()?;
    wait_until("the trouble to end", SHORT, || {
        Ok(trouble(&treasury)?.is_none().then_some(()))
    })?;
    let txid = treasury.batch()?;
    treasury.countersign(&treasury.people.alice, txid)?;
    treasury.countersign(&treasury.people.bob, txid)?;
    treasury.settle(txid, &["w-1"])?;
    treasury.reconcile()?;
    treasury.must_be_well()
}

/// 1. A coordinator is configured for another chain than its node follows.
/// 2. It ends by itself with a status that is not 0, and says which chain it found and expected.
/// 3. It has stored no block of that chain.
#[test]
fn node_on_another_chain_is_refused_at_the_start() -> Outcome {
    let node = Bitcoind::start()?;
    let store = Store::start(Engine::Sqlite)?;
    let genesis = "00000000000000000000000000000000000000000000000000000000000000ab";
    let settings = Settings {
        genesis: Some(genesis.to_owned()),
        ..Settings::default()
    };
    let coordinator = Coordinator::prepare(&store, &node, &settings)?;
    let folder = coordinator.token_file();
    let config = folder.with_file_name("coordinator.toml");
    let config = config
        .to_str()
        .ok_or_else(|| Failure::new("the folder is not UTF-8"))?;
    let said = coordinator
        .program()
        .run(&["run", "--config", config, "--with-watchtower"])?
        .ended_with(3)?;
    let found = "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206";
    for fact in ["wrong chain", genesis, found] {
        assert!(
            said.stderr.contains(fact),
            "no {fact:?} in: {}",
            said.stderr
        );
    }
    assert!(!said.stderr.contains("panicked"), "{}", said.stderr);
    assert_eq!(store.number("SELECT COUNT(*) FROM chain_block")?, 0);
    Ok(())
}

/// 1. Configuration files have an unknown key, a wrong type, an address nobody can listen on, a
///    database of no known kind; or there is none.
/// 2. Each ends the program at once, with a status that is not 0 and words that name the mistake.
#[test]
fn configuration_with_a_mistake_is_refused_at_the_start() -> Outcome {
    let node = Bitcoind::start()?;
    let store = Store::start(Engine::Sqlite)?;
    let coordinator = Coordinator::prepare(&store, &node, &Settings::default())?;
    let file = coordinator.token_file().with_file_name("coordinator.toml");
    let good = fs::read_to_string(&file)?;
    let listen = good
        .lines()
        .find(|line| line.starts_with("listen"))
        .ok_or_else(|| Failure::new("no listen"))?;
    let database = good
        .lines()
        .find(|line| line.starts_with("database"))
        .ok_or_else(|| Failure::new("no database"))?;
    for (mistake, named) in [
        (format!("colour = \"red\"\n{good}"), "colour"),
        (
            good.replace("batch_interval_s = 0", "batch_interval_s = -1"),
            "batch_interval_s",
        ),
        (
            good.replace("network = \"regtest\"", "network = \"moonnet\""),
            "moonnet",
        ),
        (good.replace(listen, "listen = \"nowhere\""), "listen"),
        (
            good.replace(database, "database = \"mysql://x\""),
            "database",
        ),
        (good.replace("cookie_file", "#"), "cookie_file"),
        (String::new(), "database"),
    ] {
        let path = file.with_file_name("mistaken.toml");
        fs::write(&path, &mistake)?;
        let path = path.display().to_string();
        let said = coordinator
            .program()
            .run(&["run", "--config", &path, "--with-watchtower"])?;
        let clear =
            said.code != 0 && said.stderr.contains(named) && !said.stderr.contains("panicked");
        assert!(clear, "status {} for {named}: {}", said.code, said.stderr);
    }
    let said = coordinator
        .program()
        .run(&["run", "--config", "/nowhere/coordinator.toml"])?
        .ended_with(2)?;
    assert!(
        said.stderr.contains("/nowhere/coordinator.toml"),
        "{}",
        said.stderr
    );
    Ok(())
}
