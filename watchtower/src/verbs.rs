//! The verbs of a watchtower in other hands: watch, expect, alarms, end, status.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use watchtower::alarm::Ending;
use watchtower::store::database::{DatabaseError, Transaction};
use watchtower::store::{self, alarms, chain, node, scans, scripts};
use watchtower::{clock, own};

use crate::terminal::{print, wrapped};
use crate::{Failure, open, read};

/// Watches a policy from a height on.
pub(crate) async fn watch(config: &Path, policy: &Path, from: u32) -> Result<(), Failure> {
    let file = read(config)?;
    let document = bytes(policy)?;
    let database = open(&file).await?;
    let begun = own::watch(&database, &file.watchtower, &document, from)
        .await
        .map_err(|source| failed(policy, source))?;
    database.close().await;
    let scan = match begun.scan {
        Some(scan) => format!(" What they had before is read by scan {scan}."),
        None => String::new(),
    };
    let said = format!(
        "{} scripts are watched from now on.{scan} `countersign-watchtower run` follows the chain.",
        begun.scripts
    );
    print(&format!("{}\n", wrapped(&said)));
    Ok(())
}

/// Says that transactions are known to the owner.
pub(crate) async fn expect(config: &Path, files: &[PathBuf]) -> Result<(), Failure> {
    let database = open(&read(config)?).await?;
    for file in files {
        let txid = own::expect(&database, &bytes(file)?)
            .await
            .map_err(|source| failed(file, source))?;
        print(&format!("{txid}\n"));
    }
    database.close().await;
    Ok(())
}

/// Lists the alarms that are not over.
pub(crate) async fn alarms(config: &Path, as_json: bool) -> Result<(), Failure> {
    let database = open(&read(config)?).await?;
    let mut tx = database.begin_read().await?;
    let open = alarms::open(&mut tx).await?;
    let blind = blind(&mut tx).await?;
    drop(tx);
    database.close().await;
    let listed: Vec<Value> = open
        .iter()
        .map(|alarm| {
            json!({
                "alarm": alarm.kind.code(),
                "detail": alarm.detail,
                "grave": alarm.kind.is_grave(),
                "id": alarm.id,
                "raised_at": alarm.raised_at.as_secs(),
                "subject": alarm.subject,
                "title": alarm.kind.title(),
                "todo": alarm.kind.hint(),
            })
        })
        .collect();
    if as_json {
        print(&format!("{:#}\n", Value::Array(listed)));
    } else if open.is_empty() && blind.is_none() {
        print("No alarm.\n");
    } else {
        for alarm in &open {
            let kind = alarm.kind;
            let (since, detail) = (alarm.raised_at, &alarm.detail);
            let grave = if kind.is_grave() { ", grave" } else { "" };
            let said = format!(
                "{}. {} ({}{grave}, since {since}): {detail}",
                alarm.id,
                kind.title(),
                kind.code()
            );
            let todo = format!("To do: {}.", kind.hint());
            print(&format!("{}\n{}\n", wrapped(&said), wrapped(&todo)));
        }
    }
    match (open.len(), blind) {
        (0, None) => Ok(()),
        (0, Some(blind)) => Err(Failure::Blind(blind)),
        (many, _) => Err(Failure::Alarmed(many)),
    }
}

/// Why no alarm means nothing, if it does.
async fn blind(tx: &mut Transaction) -> Result<Option<String>, DatabaseError> {
    if scripts::count(tx).await? == 0 {
        return Ok(Some("no script is watched".to_owned()));
    }
    let nodes = node::node_status(tx).await?;
    let main = nodes.iter().find(|node| !node.is_witness());
    let Some(main) = main else {
        return Ok(Some("nobody has looked at the node yet".to_owned()));
    };
    let is_old = clock::now().secs_since(main.checked_at) > node::SILENT_S;
    let is_busy = scans::catching_up(tx, clock::now()).await?.is_some();
    Ok((is_old && !is_busy)
        .then(|| format!("nobody has looked at the node since {}", main.checked_at)))
}

/// Ends an alarm by its owner's word.
pub(crate) async fn end(config: &Path, id: u64, why: &str) -> Result<(), Failure> {
    let database = open(&read(config)?).await?;
    let mut tx = database.begin_write().await?;
    let found = alarms::lookup(&mut tx, id).await?;
    let alarm = found.filter(|alarm| alarm.ended.is_none());
    let alarm = alarm.ok_or(Failure::NoAlarm(id))?;
    if let Ending::ByItself(once) = alarm.kind.ending() {
        return Err(Failure::EndsByItself { id, once });
    }
    let about = (alarm.kind, alarm.subject.as_str());
    alarms::end(&mut tx, about, own::ACTOR, why.trim(), clock::now())
        .await
        .map_err(|source| failed(config, source.into()))?;
    tx.commit().await?;
    database.close().await;
    print(&format!("Alarm {id} is over.\n"));
    Ok(())
}

/// Shows how far the chain is followed, and how the nodes are.
pub(crate) async fn status(config: &Path, as_json: bool) -> Result<(), Failure> {
    let database = open(&read(config)?).await?;
    let mut tx = database.begin_read().await?;
    let tip = chain::tip(&mut tx).await?;
    let nodes = node::node_status(&mut tx).await?;
    let scan = scans::oldest_open(&mut tx).await?;
    let open = alarms::open(&mut tx).await?.len();
    let policies = store::own::policies(&mut tx).await?.len();
    let watched = scripts::count(&mut tx).await?;
    let blind = blind(&mut tx).await?;
    drop(tx);
    database.close().await;
    let height = tip.map(|tip| tip.height);
    let progress = scan.map(|scan| scan.progress(height.unwrap_or_default()));
    if as_json {
        let nodes: Vec<Value> = nodes
            .iter()
            .map(|node| {
                json!({
                    "checked_at": node.checked_at.as_secs(),
                    "detail": node.detail,
                    "height": node.height,
                    "node": node.node,
                    "trouble": node.trouble.map(node::Trouble::code),
                })
            })
            .collect();
        let said = json!({
            "alarms": open,
            "blind": blind,
            "height": height,
            "nodes": nodes,
            "policies": policies,
            "progress": progress.map(|progress| json!({ "done": progress.done, "of": progress.of })),
            "scripts": watched,
            "tip": tip.map(|tip| tip.hash.to_string()),
        });
        print(&format!("{said:#}\n"));
        return Ok(());
    }
    let own = match policies {
        0 => "no policy of its own".to_owned(),
        1 => "1 policy of its own".to_owned(),
        many => format!("{many} policies of its own"),
    };
    print(&format!("Watched: {watched} scripts, {own}.\n"));
    match height {
        Some(height) => print(&format!("The chain is followed to block {height}.\n")),
        None => print("No block was read yet.\n"),
    }
    if let Some(progress) = progress {
        print(&format!(
            "Blocks read again: {} of {}.\n",
            progress.done, progress.of
        ));
    }
    for node in nodes {
        let at = node.checked_at;
        let said = match node.trouble {
            None => format!(
                "{}: well at height {}, looked at {at}",
                node.node, node.height
            ),
            Some(trouble) => format!(
                "{}: {} since {at}: {}",
                node.node,
                trouble.code(),
                node.detail
            ),
        };
        print(&format!("{}\n", wrapped(&said)));
    }
    print(&format!("Alarms that are not over: {open}.\n"));
    if let Some(blind) = blind {
        print(&format!(
            "{}\n",
            wrapped(&format!("That means nothing: {blind}."))
        ));
    }
    Ok(())
}

fn bytes(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|source| Failure::Read {
        path: path.to_owned(),
        source,
    })
}

fn failed(path: &Path, source: own::OwnError) -> Failure {
    Failure::Own {
        path: path.to_owned(),
        source: Box::new(source),
    }
}
