//! Keys, a policy that everyone pins, and a coordinator that knows no secret.

use harness::{
    Bitcoind, Coordinator, Engine, Failure, People, ScriptKind, Settings, Store, Treasury,
};
use policies::analysis::Analysis;
use serde_json::{Value, json};

use crate::stage::{Stage, short};

pub(super) fn found(stage: &mut Stage) -> Result<Treasury, Failure> {
    stage.step("A Bitcoin node of its own");
    let node = stage.wait(
        "starting bitcoind and mining the first blocks",
        Bitcoind::start,
    )?;
    let network: Value = node.call("getnetworkinfo", json!([]))?;
    stage.figure("node", network["subversion"].as_str().unwrap_or("?"));
    stage.figure("height", &node.height()?.to_string());

    stage.step("Keys: each person makes their own, with their own tool");
    let people = stage.wait("countersign-signer keygen and init, five times", || {
        People::agree(ScriptKind::Wsh, &node)
    })?;
    let policy = &people.policy;
    for signer in &policy.signers {
        let key = short(&signer.key.text);
        stage.line(&format!(
            "{:<10} {key}   journal {}",
            signer.name,
            short(&signer.journal.to_string())
        ));
    }

    stage.step("The policy: one file that people read, and pin by its id");
    stage.figure("id", &policy.id.to_string());
    stage.figure(
        "read out as",
        &format!("{} …", policy.words()[..6].join(" ")),
    );
    let analysis = Analysis::of(policy);
    let keys = |path: &policies::analysis::SpendingPath| path.keys.join(" + ");
    for path in analysis.ordinary() {
        stage.figure("two of three", &keys(path));
    }
    for path in analysis.recovery() {
        let blocks = path.older.unwrap_or_default();
        stage.figure("recovery", &format!("{} after {blocks} blocks", keys(path)));
    }
    for rule in &policy.rules {
        let most = rule.amount_max.map_or_else(
            || "any amount".to_owned(),
            |most| format!("up to {}", crate::stage::sat(most)),
        );
        let who = match rule.approvals.count {
            0 => "automatic".to_owned(),
            count => format!(
                "{count} of {}",
                rule.approvals.group.as_deref().unwrap_or("anyone")
            ),
        };
        stage.figure("rule", &format!("{}: {most}, {who}", rule.name));
    }
    stage.say("alice, bob, machine, recovery and dana each pinned this id with init; a file with another id would have been refused.");

    stage.step("The coordinator, with its watchtower, on one SQLite file");
    let store = Store::start(Engine::Sqlite)?;
    let coordinator = stage.wait("countersign-coordinator init, then run", || {
        Coordinator::start(&store, &node, &Settings::default())
    })?;
    stage.figure("serving at", coordinator.url());
    let treasury = Treasury::assemble(node, store, people, coordinator)?;
    stage.figure("vault", &treasury.people.policy.vault.to_string());
    Ok(treasury)
}
