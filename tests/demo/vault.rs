//! A node, a policy that everyone pins, and a coordinator that nobody has to trust.

use bitcoin::Amount;
use harness::{
    AUTOMATIC_MAX_SAT, Bitcoind, Coordinator, Engine, Failure, Outcome, People, ScriptKind,
    Settings, Store, Treasury,
};
use policies::analysis::Analysis;
use serde_json::{Value, json};

use crate::page::{Page, btc};

/// Starts the node.
pub(crate) fn a_node_runs(page: &mut Page) -> Result<Bitcoind, Failure> {
    page.step("A real bitcoind, on a regtest chain of its own")?;
    let node = Bitcoind::start()?;
    let network: Value = node.call("getnetworkinfo", json!([]))?;
    let version = network["subversion"].as_str().unwrap_or_default();
    page.fact("node", &format!("bitcoind {}", version.trim_matches('/')))?;
    page.fact("height", &node.height()?.to_string())?;
    Ok(node)
}

/// Makes all keys and the policy over them.
pub(crate) fn people_agree(page: &mut Page, node: &Bitcoind) -> Result<People, Failure> {
    page.step("A 2-of-3 vault with a timelocked recovery path")?;
    page.say(
        "Alice, Bob and a machine each make a key and a journal with countersign-signer; \
         a fourth key lies in a safe. Dana makes an approver's key. Their public records \
         become one policy document.",
    )?;
    let people = People::agree(ScriptKind::Wsh, node)?;
    let policy = &people.policy;
    let analysis = Analysis::of(policy);
    page.fact("scripts", analysis.script_kind.name())?;
    for (paths, label) in [
        (analysis.ordinary().collect::<Vec<_>>(), "ordinary"),
        (analysis.recovery().collect(), "recovery"),
    ] {
        for path in paths {
            let weight = path.satisfaction_weight.to_wu();
            page.fact(label, &format!("{} ({weight} weight units)", path.name))?;
        }
    }
    page.fact(
        "rules",
        &format!(
            "up to {} nobody is asked; above that, one of the group ops",
            btc(Amount::from_sat(AUTOMATIC_MAX_SAT))
        ),
    )?;
    page.fact(
        "fees",
        &format!(
            "at most {} and {} % of what is paid",
            btc(policy.limits.fee_max),
            policy.limits.fee_share_max_percent
        ),
    )?;
    Ok(people)
}

/// Shows what everyone pinned, and that each journal proves itself.
pub(crate) fn everyone_pins(page: &mut Page, people: &People) -> Outcome {
    page.step("Each pins the policy by its id, read out as words")?;
    let policy = &people.policy;
    page.fact("id", &policy.id.to_string())?;
    page.fact("words", &policy.words().join(" "))?;
    for signer in [&people.alice, &people.bob, &people.machine] {
        let journal = signer.run(&["journal", "verify"])?.done()?.json()?;
        let entries = &journal["counter"];
        let key = journal["journal"].as_str().unwrap_or_default();
        let key: String = key.chars().take(24).collect();
        page.fact(
            signer.name(),
            &format!("pinned; journal {key}…, {entries} entries"),
        )?;
    }
    page.fact("dana", "pinned; she approves and signs no transactions")
}

/// Starts coordinator and watchtower, and adds the vault.
pub(crate) fn a_coordinator_serves(
    page: &mut Page,
    node: Bitcoind,
    people: People,
) -> Result<Treasury, Failure> {
    page.step("A coordinator with its watchtower, on SQLite")?;
    let store = Store::start(Engine::Sqlite)?;
    let coordinator = Coordinator::start(&store, &node, &Settings::default())?;
    page.fact("serves", coordinator.url())?;
    let treasury = Treasury::assemble(node, store, people, coordinator)?;
    page.fact("vault", &treasury.people.policy.vault.to_string())?;
    Ok(treasury)
}
