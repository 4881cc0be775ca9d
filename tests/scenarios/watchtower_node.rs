//! Nodes that are absent, come back, or follow another chain.

use bitcoin::hashes::Hash as _;
use bitcoin::{Amount, BlockHash, Network, OutPoint, ScriptBuf};
use harness::{Bitcoind, Engine, Failure, FaultProxy, LONG, Outcome, Program, Purse, wait_until};
use policies::Keychain;
use watchtower::DaemonError;
use watchtower::alarm::AlarmKind;
use watchtower::configuration::WitnessConfig;
use watchtower::store::node::{self, NodeStatus, Trouble};
use watchtower::store::{self, alarms};

use crate::watchtower_tower::{DEPTH, Tower};

fn status(tower: &Tower) -> Result<Option<NodeStatus>, Failure> {
    let all = tower.ask(async |tx| Ok(node::node_status(tx).await?))?;
    Ok(all.into_iter().next())
}

/// 1. The node is away when the watchtower starts; everyone can see it.
/// 2. It comes, with a new cookie: the watchtower follows it.
/// 3. It goes and comes again.
#[test]
fn absent_node_is_waited_for_and_shown() -> Outcome {
    let mut tower = Tower::prepare(Engine::Sqlite)?;
    tower.node.pause()?;
    tower.run();
    for round in 0..2 {
        wait_until("the trouble to be shown", LONG, || {
            let trouble = status(&tower)?.and_then(|status| status.trouble);
            Ok((trouble == Some(Trouble::Absent)).then_some(()))
        })?;
        tower.node.resume()?;
        tower.node.mine(1)?;
        tower.catches_up()?;
        wait_until("the trouble to be over", LONG, || {
            Ok(status(&tower)?
                .filter(|status| status.trouble.is_none())
                .map(drop))
        })?;
        if round == 0 {
            tower.node.pause()?;
        }
    }
    // On its way back it may be busy before it is well: another trouble, another event.
    wait_until("both troubles and both ends in the log", LONG, || {
        let mut kinds = tower.kinds("node", "main")?;
        kinds.dedup();
        Ok((kinds == ["node.trouble", "node.ok", "node.trouble", "node.ok"]).then_some(()))
    })?;
    tower.stop()
}

fn trouble_of(tower: &Tower, name: &str) -> Result<Option<Trouble>, Failure> {
    let all = tower.ask(async |tx| Ok(node::node_status(tx).await?))?;
    Ok(all
        .into_iter()
        .find(|status| status.node == name)
        .and_then(|status| status.trouble))
}

fn becomes(tower: &Tower, name: &str, expected: Option<Trouble>) -> Outcome {
    wait_until("the trouble to turn", LONG, || {
        Ok((trouble_of(tower, name)? == expected).then_some(()))
    })
}

fn witness(node: &Bitcoind) -> WitnessConfig {
    WitnessConfig {
        name: "office".to_owned(),
        url: node.url(),
        cookie_file: Some(node.cookie_file()),
        user: None,
        password_file: None,
    }
}

/// 1. A second node follows the same chain: all is well.
/// 2. They are parted, and each mines a branch of its own: that is trouble of both, and no block beyond the last
///    common one is taken in.
/// 3. They meet, the longer branch wins, and the watchtower follows it.
#[test]
fn two_nodes_that_disagree_are_followed_only_as_far_as_they_agree() -> Outcome {
    let mut tower = Tower::prepare(Engine::Sqlite)?;
    let second = Bitcoind::start_empty()?;
    second.follow(&tower.node)?;
    tower.witness = vec![witness(&second)];
    tower.run();
    tower.catches_up()?;
    becomes(&tower, "office", None)?;
    let common = tower.node.height()?;
    for node in [&tower.node, &second] {
        node.call::<serde_json::Value>("setnetworkactive", serde_json::json!([false]))?;
    }
    // To another script: the same block would be mined by both.
    let elsewhere = Purse::stranger(7).script_pubkey();
    second.mine_to(&elsewhere, 3)?;
    tower.node.mine(2)?;
    becomes(&tower, "main", Some(Trouble::Disagrees))?;
    becomes(&tower, "office", Some(Trouble::Disagrees))?;
    let tip = tower.ask(async |tx| Ok(store::chain::tip(tx).await?))?;
    let height = tip.map(|tip| tip.height);
    assert_eq!(height, Some(common));
    tower.node.mine(1)?;
    becomes(&tower, "main", Some(Trouble::Disagrees))?;
    second.mine_to(&elsewhere, 2)?;
    for node in [&tower.node, &second] {
        node.call::<serde_json::Value>("setnetworkactive", serde_json::json!([true]))?;
    }
    let still = tower.ask(async |tx| Ok(store::chain::tip(tx).await?))?;
    assert_eq!(still.map(|tip| tip.height), height);
    tower.node.follow(&second)?;
    becomes(&tower, "main", None)?;
    becomes(&tower, "office", None)?;
    tower.catches_up()?;
    assert_eq!(tower.node.best_block()?, second.best_block()?);
    let kinds = tower.kinds("node", "office")?;
    assert!(kinds.ends_with(&["node.trouble".to_owned(), "node.ok".to_owned()]));
    tower.stop()
}

/// 1. A witness does not answer: that is its own trouble, an alarm that is not grave, and the watchtower goes on.
/// 2. One that is configured no more is forgotten, and its alarm is over.
#[test]
fn witness_that_does_not_answer_stops_nothing() -> Outcome {
    let mut tower = Tower::prepare(Engine::Sqlite)?;
    let mut second = Bitcoind::start_empty()?;
    second.pause()?;
    tower.witness = vec![witness(&second)];
    tower.run();
    becomes(&tower, "office", Some(Trouble::Absent))?;
    tower.node.mine(1)?;
    tower.catches_up()?;
    becomes(&tower, "main", None)?;
    assert_eq!(alarms_open(&tower)?, [AlarmKind::WitnessTrouble]);
    tower.stop()?;
    tower.witness.clear();
    tower.run();
    wait_until("the witness to be forgotten", LONG, || {
        let all = tower.ask(async |tx| Ok(node::node_status(tx).await?))?;
        Ok((all.len() == 1).then_some(()))
    })?;
    assert_eq!(alarms_open(&tower)?, []);
    tower.stop()
}

fn alarms_open(tower: &Tower) -> Result<Vec<AlarmKind>, Failure> {
    let open = tower.ask(async |tx| Ok(alarms::open(tx).await?))?;
    Ok(open.iter().map(|alarm| alarm.kind).collect())
}

/// 1. No block comes for longer than is normal: the node may be cut off.
/// 2. A block ends that.
#[test]
fn node_whose_last_block_is_too_old_is_stalled() -> Outcome {
    let mut tower = Tower::prepare(Engine::Sqlite)?;
    tower.stalled_after_s = Some(3);
    tower.run();
    becomes(&tower, "main", Some(Trouble::Stalled))?;
    tower.node.mine(1)?;
    wait_until("an end of it in the log", LONG, || {
        let kinds = tower.kinds("node", "main")?;
        let turned = ["node.trouble", "node.ok"].map(str::to_owned);
        Ok(kinds.windows(2).any(|pair| pair == turned).then_some(()))
    })?;
    tower.catches_up()?;
    tower.stop()
}

/// A node whose genesis block is not the configured one is refused.
#[test]
fn node_on_another_chain_is_refused() -> Outcome {
    let tower = Tower::prepare(Engine::Sqlite)?;
    let mut config = tower.config();
    config.genesis = Some(BlockHash::all_zeros());
    let refused = tower.runtime.block_on(watchtower::run(
        tower.database.clone(),
        config,
        std::future::pending(),
    ));
    assert!(
        matches!(refused, Err(DaemonError::WrongChain { .. })),
        "{refused:?}"
    );
    Ok(())
}

/// 1. A coin is settled. Then another node answers in the place of ours, of another chain, and takes our cookie: no call
///    fails.
/// 2. That is trouble, and nothing is taken back.
/// 3. Ours is back: all is well, without a deposit ever having been reversed.
#[test]
fn node_of_another_chain_in_the_place_of_ours_takes_nothing_back() -> Outcome {
    let mut tower = Tower::prepare(Engine::Sqlite)?;
    let folder = tempfile::tempdir()?;
    let cookie = folder.path().join("cookie");
    let stranger = Bitcoind::start_signet("51")?;
    let proxy = FaultProxy::before(&tower.node, 1)?;
    std::fs::copy(tower.node.cookie_file(), &cookie)?;
    tower.front = Some((proxy.url(), cookie.clone()));
    tower.run();
    let address = tower.address(Keychain::External, 0)?;
    let txid = tower
        .node
        .fund_all(&[(address, Amount::from_sat(50_000))])?;
    let coin = OutPoint { txid, vout: 0 }.to_string();
    tower.node.mine(DEPTH)?;
    let settled = ["deposit.seen", "deposit.confirmed", "deposit.settled"];
    // It was mined before the watchtower looked, or was not.
    wait_until("the deposit to be settled", LONG, || {
        let kinds = tower.kinds("deposit", &coin)?;
        Ok((kinds.last().map(String::as_str) == settled.last().copied()).then_some(()))
    })?;
    tower.catches_up()?;
    let tip = tower.ask(async |tx| Ok(store::chain::tip(tx).await?))?;

    std::fs::copy(stranger.cookie_file(), &cookie)?;
    proxy.turn_to(&stranger);
    becomes(&tower, "main", Some(Trouble::WrongChain))?;
    let before = proxy.calls();
    wait_until("further rounds", LONG, || {
        Ok((proxy.calls() > before + 20).then_some(()))
    })?;
    let still = tower.ask(async |tx| Ok(store::chain::tip(tx).await?))?;
    assert_eq!(still, tip);

    std::fs::copy(tower.node.cookie_file(), &cookie)?;
    proxy.turn_to(&tower.node);
    becomes(&tower, "main", None)?;
    tower.node.mine(1)?;
    tower.catches_up()?;
    let kinds = tower.kinds("deposit", &coin)?;
    assert!(
        settled.ends_with(&kinds.iter().map(String::as_str).collect::<Vec<_>>()),
        "{kinds:?}"
    );
    tower.stop()
}

/// 1. A deposit is settled. The node loses the blocks that settled it: that is trouble, and nothing is taken back.
/// 2. It has them again: all is well, without a deposit ever having been reversed.
/// 3. It loses them again, and a block of another branch takes their place, lower than what was lost: that branch is
///    followed down to where the two part.
#[test]
fn node_that_lost_blocks_is_waited_for_and_a_lower_branch_is_followed() -> Outcome {
    let mut tower = Tower::prepare(Engine::Sqlite)?;
    tower.run();
    let address = tower.address(Keychain::External, 0)?;
    let txid = tower
        .node
        .fund_all(&[(address, Amount::from_sat(50_000))])?;
    let coin = OutPoint { txid, vout: 0 }.to_string();
    tower.node.mine(DEPTH)?;
    let settles = || {
        wait_until("the deposit to be settled", LONG, || {
            let kinds = tower.kinds("deposit", &coin)?;
            Ok((kinds.last().map(String::as_str) == Some("deposit.settled")).then_some(()))
        })
    };
    settles()?;
    tower.catches_up()?;
    let before = tower.kinds("deposit", &coin)?;
    let tip = tower.ask(async |tx| Ok(store::chain::tip(tx).await?))?;

    let height = tower.node.height()?;
    let first = tower.node.block_at(height + 1 - DEPTH)?;
    assert!(tower.node.invalidate(first)?);
    becomes(&tower, "main", Some(Trouble::Behind))?;
    let still = tower.ask(async |tx| Ok(store::chain::tip(tx).await?))?;
    assert_eq!(still, tip);
    assert!(tower.node.reconsider(first)?);
    becomes(&tower, "main", None)?;
    assert_eq!(tower.kinds("deposit", &coin)?, before);

    assert!(tower.node.invalidate(first)?);
    becomes(&tower, "main", Some(Trouble::Behind))?;
    tower.node.mine_nothing()?;
    tower.catches_up()?;
    becomes(&tower, "main", None)?;
    let kinds = tower.kinds("deposit", &coin)?;
    assert!(
        kinds.len() > before.len(),
        "it is not settled any more: {kinds:?}"
    );
    tower.node.mine(DEPTH)?;
    settles()?;
    tower.stop()
}

/// Every signet has one genesis block: a node whose blocks satisfy another challenge is refused all the same.
#[test]
fn node_on_another_signet_is_refused() -> Outcome {
    let tower = Tower::prepare(Engine::Sqlite)?;
    let node = Bitcoind::start_signet("51")?;
    for challenge in [None, Some(ScriptBuf::from_bytes(vec![0x52]))] {
        let mut config = tower.config();
        config.network = Network::Signet;
        config.node.url = node.url();
        config.node.cookie_file = Some(node.cookie_file());
        config.signet_challenge = challenge;
        let refused = tower.runtime.block_on(watchtower::run(
            tower.database.clone(),
            config,
            std::future::pending(),
        ));
        match refused {
            Err(DaemonError::WrongSignet { found, .. }) if found == "51" => {}
            other => return Err(Failure::new(format!("{other:?}"))),
        }
    }
    Ok(())
}

/// The program says so and ends with status 1; with a wrong configuration, with status 2.
#[test]
fn program_refuses_a_wrong_chain_and_a_wrong_configuration() -> Outcome {
    let tower = Tower::prepare(Engine::Sqlite)?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("watchtower.toml");
    let text = format!(
        "database = \"sqlite://{}\"\n[watchtower]\nnetwork = \"signet\"\n[watchtower.node]\n\
         url = \"{}\"\ncookie_file = \"{}\"\n",
        folder.path().join("other.db").display(),
        tower.node.url(),
        tower.node.cookie_file().display(),
    );
    std::fs::write(&file, &text)?;
    let program = Program::find("countersign-watchtower")?;
    let arguments = ["run".as_ref(), "--config".as_ref(), file.as_os_str()];
    program.run(&arguments)?.ended_with(1)?;
    std::fs::write(&file, text.replace("network", "netwerk"))?;
    program.run(&arguments)?.ended_with(2)?;
    Ok(())
}
