//! `rebuild`: a database made anew from policies, the chain, papers and exported journals.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bitcoin::hashes::{Hash, HashEngine, sha256};
use clap::Args;
use policies::document::{Policy, name_of_network};
use policies::journal::Export;
use policies::succession::SuccessionFile;
use serde_json::{Value, json};
use watchtower::rescan::{Rescan, RescanError};

use super::CliError;
use super::api;
use super::daemon::{block_on, from_database, from_service, migrated, read};
use super::layout::{Lines, item, paragraph};
use super::output::{self, Output};
use super::policy::parse;
use crate::configuration::CoordinatorConfig;
use crate::jobs;
use crate::rebuilding::{Gathered, Line, Mistake, Paper, Taken, read as read_paper};
use crate::service::Service;
use crate::service::rebuilds::{self, Rebuild as Plan, RebuiltVault};
use crate::store::rebuildings::Stage;

/// The most bytes of a paper.
const MAX_PAPER: u64 = 1 << 30;
/// How often progress is told of, in parts of the whole.
const PARTS: u32 = 20;

#[derive(Debug, Args)]
#[command(
    override_usage = "countersign-coordinator rebuild --config <FILE> --policy <FILE> \\\n       --papers <FOLDER>",
    after_help = "Example:\n  countersign-coordinator rebuild --config o.toml --policy p.toml --papers kept"
)]
pub(super) struct Rebuild {
    /// The configuration file, which names a new database and the node.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The first version of a vault's policy; once for each vault. Later ones, with their approvals, are papers.
    #[arg(long = "policy", value_name = "FILE", required = true)]
    policies: Vec<PathBuf>,
    /// The folder with what people kept: signed requests, approvals, transfers, addresses, later
    /// versions of the policies, and the journals that `countersign-signer journal export` wrote.
    #[arg(long, value_name = "FOLDER")]
    papers: PathBuf,
    /// Another database URL than the file's: that of the owner's role.
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// The height below which no coin of the vaults is [default: that of the policy's head].
    #[arg(long, value_name = "HEIGHT")]
    birthday: Option<u32>,
    /// How many addresses in a row may have been given out and never paid; those of papers further on
    /// are not believed.
    #[arg(long, value_name = "NUMBER", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    gap: u32,
    /// A signer whose journal is lost; may be given again. Where such signers are enough for a
    /// payment, withdrawals that nothing pays are held in any case.
    #[arg(long, value_name = "SIGNER")]
    without: Vec<String>,
    /// Pay what the papers ask for and nothing pays yet. Without this such withdrawals are held until
    /// the same requests are submitted again: no paper tells of one that was cancelled.
    #[arg(long)]
    pay_open: bool,
    /// Only read the papers and say what they tell.
    #[arg(long)]
    check: bool,
}

pub(super) fn run(verb: &Rebuild, out: &Output) -> Result<(), CliError> {
    let config = read(&verb.config)?;
    let policies = verb
        .policies
        .iter()
        .map(|file| parse(file))
        .collect::<Result<Vec<_>, _>>()?;
    let gathered = gather(verb, &config, &policies)?;
    let held = judge_journals(verb, &gathered.vaults)?;
    if verb.check {
        return preview(&gathered, &held, out);
    }
    let birthday = policies.iter().map(|policy| policy.head.height).min();
    let birthday = verb.birthday.or(birthday).unwrap_or_default();
    let plan = Plan {
        sources: sources(verb, &policies, birthday, &gathered.hashes),
        gathered: gathered.vaults,
        gap: verb.gap,
        held,
        pay_open: verb.pay_open,
    };
    let (rebuilt, later) = (
        block_on(rebuild(verb, &config, &plan, birthday))?,
        gathered.later,
    );
    let answer = json!({ "vaults": rebuilt, "hand_in_later": later });
    out.told(&answer, || told(&rebuilt, &later))
}

/// What the folder holds.
struct Papers {
    vaults: Vec<Gathered>,
    hashes: Vec<[u8; 32]>,
    files: usize,
    known: usize,
    /// What signers returned: it is handed in once the coordinator runs.
    later: Vec<PathBuf>,
}

fn gather(
    verb: &Rebuild,
    config: &CoordinatorConfig,
    policies: &[Policy],
) -> Result<Papers, CliError> {
    for policy in policies {
        if policy.network != config.network {
            let message = format!(
                "the policy {} is of {}, the configuration of {}",
                policy.name,
                name_of_network(policy.network),
                name_of_network(config.network)
            );
            return Err(CliError::Usage { message });
        }
    }
    let mut papers = Papers {
        vaults: Vec::new(),
        hashes: Vec::new(),
        files: 0,
        known: 0,
        later: Vec::new(),
    };
    let mut refused: Vec<Value> = Vec::new();
    let mut refuse = |file: &Path, code: &str, reason: String, hint: &str| {
        let file = file.display().to_string();
        refused.push(json!({ "file": file, "code": code, "detail": reason, "hint": hint }));
    };
    let mut read = Vec::new();
    for file in files_below(&verb.papers)? {
        let bytes = contents(&file)?;
        papers.files = papers.files.saturating_add(1);
        papers
            .hashes
            .push(sha256::Hash::hash(&bytes).to_byte_array());
        match read_paper(&bytes) {
            Ok(found) => read.extend(found.into_iter().map(|paper| (file.clone(), paper))),
            Err(error) => refuse(&file, "paper_unreadable", error.to_string(), error.hint()),
        }
    }
    for policy in policies {
        let mut line = Line::of(policy.clone()).map_err(|mistake| CliError::Usage {
            message: format!(
                "--policy of {}: {mistake}; give its first version, and the later ones as papers",
                policy.name
            ),
        })?;
        if let Err(mistake) = line.follow(&versions(&read), &journals(&read)) {
            refuse(
                &verb.papers,
                mistake.code(),
                mistake.to_string(),
                mistake.hint(),
            );
        }
        papers.vaults.push(Gathered::new(line));
    }
    for (file, paper) in read {
        let of = papers.vaults.iter().position(|vault| vault.is_for(&paper));
        let Some(vault) = of.and_then(|of| papers.vaults.get_mut(of)) else {
            let mistake = Mistake::of_no_vault(&paper);
            refuse(&file, mistake.code(), mistake.to_string(), mistake.hint());
            continue;
        };
        match vault.take(paper) {
            Ok(Taken::New) => {}
            Ok(Taken::Known) => papers.known = papers.known.saturating_add(1),
            Ok(Taken::ForLater) => papers.later.push(file.clone()),
            Err(mistake) => {
                refuse(&file, mistake.code(), mistake.to_string(), mistake.hint());
            }
        }
    }
    papers.hashes.sort_unstable();
    if refused.is_empty() {
        return Ok(papers);
    }
    let mut detail = format!("{} papers cannot be used; nothing was done", refused.len());
    for one in &refused {
        let say = |key: &str| one[key].as_str().unwrap_or_default().to_owned();
        let line = format!(
            "{}: {} ({}); {}",
            say("file"),
            say("detail"),
            say("code"),
            say("hint")
        );
        detail.push_str(&format!("\n{}", item(&line).trim_end()));
    }
    Err(CliError::Refused {
        code: "papers_refused".to_owned(),
        detail: detail.clone(),
        problem: Some(json!({ "code": "papers_refused", "detail": detail, "papers": refused })),
        hint: Some("mend or move what is named, and begin again".to_owned()),
    })
}

fn versions(read: &[(PathBuf, Paper)]) -> Vec<SuccessionFile> {
    let papers = read.iter().map(|(_, paper)| paper);
    let versions = papers.filter_map(|paper| match paper {
        Paper::Version { file, .. } => Some(file.clone()),
        _ => None,
    });
    versions.collect()
}

fn journals(read: &[(PathBuf, Paper)]) -> Vec<&Export> {
    let papers = read.iter().map(|(_, paper)| paper);
    let journals = papers.filter_map(|paper| match paper {
        Paper::Journal(export) => Some(export.as_ref()),
        _ => None,
    });
    journals.collect()
}

/// All files of a folder and those below it, in the order of their names.
fn files_below(folder: &Path) -> Result<Vec<PathBuf>, CliError> {
    let mut open = vec![folder.to_owned()];
    let mut files = Vec::new();
    while let Some(path) = open.pop() {
        let failed = |source| CliError::File {
            path: path.clone(),
            source,
        };
        for entry in std::fs::read_dir(&path).map_err(failed)? {
            let entry = entry.map_err(failed)?.path();
            if entry.is_dir() {
                open.push(entry);
            } else {
                files.push(entry);
            }
        }
    }
    files.sort();
    Ok(files)
}

fn contents(file: &Path) -> Result<Vec<u8>, CliError> {
    let length = std::fs::metadata(file).map(|about| about.len());
    if length.is_ok_and(|length| length > MAX_PAPER) {
        let message = format!("{} has more than {MAX_PAPER} bytes", file.display());
        return Err(CliError::Usage { message });
    }
    api::read(file)
}

/// Refuses to go on without a journal that nobody said is lost; the vaults of which the lost ones are enough
/// for a payment.
fn judge_journals(verb: &Rebuild, vaults: &[Gathered]) -> Result<Vec<policies::VaultId>, CliError> {
    let mut missing = Vec::new();
    let mut held = Vec::new();
    for vault in vaults {
        let without = vault.without_journal();
        let unsaid = without.iter().filter(|name| !verb.without.contains(name));
        missing.extend(unsaid.map(|name| format!("{} of {}", name, vault.policy().name)));
        if vault.unseen_quorum().is_some() {
            held.push(vault.policy().vault);
        }
    }
    let known = |name: &String| {
        let mut vaults = vaults.iter();
        vaults.any(|vault| {
            vault
                .line()
                .versions()
                .any(|version| version.signer(name).is_some())
        })
    };
    if let Some(stranger) = verb.without.iter().find(|name| !known(name)) {
        let message = format!("--without {stranger}: no policy has such a signer");
        return Err(CliError::Usage { message });
    }
    if missing.is_empty() {
        return Ok(held);
    }
    Err(CliError::Refused {
        code: "journals_missing".to_owned(),
        detail: format!("the journals of these signers are missing: {}", missing.join(", ")),
        problem: None,
        hint: Some(
            "put what `countersign-signer journal export` writes into the folder; name a signer whose journal is lost with --without"
                .to_owned(),
        ),
    })
}

/// A hash over all that the books are made from.
fn sources(verb: &Rebuild, policies: &[Policy], birthday: u32, hashes: &[[u8; 32]]) -> [u8; 32] {
    let mut engine = sha256::Hash::engine();
    let mut ids: Vec<[u8; 32]> = policies.iter().map(|policy| policy.id.to_bytes()).collect();
    ids.sort_unstable();
    let mut without = verb.without.clone();
    without.sort_unstable();
    for part in ids.iter().chain(hashes) {
        engine.input(part);
    }
    engine.input(&birthday.to_le_bytes());
    engine.input(&verb.gap.to_le_bytes());
    engine.input(&[u8::from(verb.pay_open)]);
    engine.input(without.join("\n").as_bytes());
    sha256::Hash::from_engine(engine).to_byte_array()
}

async fn rebuild(
    verb: &Rebuild,
    config: &CoordinatorConfig,
    plan: &Plan,
    birthday: u32,
) -> Result<Vec<RebuiltVault>, CliError> {
    let Some(tower) = config.watchtower.clone() else {
        return Err(CliError::Usage {
            message: "rebuild needs [watchtower] in the configuration: it asks the node".to_owned(),
        });
    };
    let database = migrated(config, verb.database.as_deref()).await?;
    let service = Service::new(database.clone(), config.network, config.batch_settings())
        .on_signet(config.signet_challenge.clone());
    // Before anything is written: a node that cannot serve is no reason to leave half a database.
    let rescan = Rescan::begin(database.clone(), tower)
        .await
        .map_err(from_rescan)?;
    let stage = rebuilds::begin(&service, plan)
        .await
        .map_err(from_service)?;
    if stage == Stage::Scanning {
        rescan.set_birthday(birthday).await.map_err(from_rescan)?;
        scan(&service, plan, &rescan).await?;
        output::say("putting the papers in");
        rebuilds::fill(&service, plan).await.map_err(from_service)?;
    }
    output::say("taking in what the chain shows of them");
    jobs::take_in_all(&service, "rebuild")
        .await
        .map_err(from_service)?;
    let rebuilt = rebuilds::finish(&service, plan)
        .await
        .map_err(from_service)?;
    database.close().await;
    Ok(rebuilt)
}

async fn scan(service: &Service, plan: &Plan, rescan: &Rescan) -> Result<(), CliError> {
    let mut told = None;
    let mut begin = None;
    while let Some(next) = rescan.next().await.map_err(from_rescan)? {
        let height = next.block.height;
        let first = *begin.get_or_insert(height);
        let tip = rescan.tip().await.map_err(from_rescan)?.max(height);
        rebuilds::take_block(service, plan, &next)
            .await
            .map_err(from_service)?;
        let all = u64::from(tip.saturating_sub(first).saturating_add(1));
        let done = u64::from(height.saturating_sub(first).saturating_add(1));
        let part = done.saturating_mul(u64::from(PARTS)) / all.max(1);
        if told != Some(part) {
            told = Some(part);
            output::say(&bar(part, height, tip));
        }
    }
    Ok(())
}

/// How far the scan came, in one line.
fn bar(part: u64, height: u32, tip: u32) -> String {
    let full = usize::try_from(part.min(u64::from(PARTS))).unwrap_or_default();
    let empty = usize::try_from(PARTS)
        .unwrap_or_default()
        .saturating_sub(full);
    format!(
        "scanning [{}{}] block {height} of {tip}",
        "#".repeat(full),
        ".".repeat(empty)
    )
}

fn from_rescan(error: RescanError) -> CliError {
    if let RescanError::Database(error) = error {
        return from_database(error);
    }
    CliError::Failed {
        part: "the node".to_owned(),
        reason: error.to_string(),
    }
}

/// What the papers tell, before anything is done.
fn preview(papers: &Papers, held: &[policies::VaultId], out: &Output) -> Result<(), CliError> {
    let vaults: Vec<Value> = papers
        .vaults
        .iter()
        .map(|vault| {
            let journals: BTreeMap<&String, Value> = (vault.journals.iter())
                .map(|((signer, _), export)| {
                    let said = &export.statement;
                    (
                        signer,
                        json!({ "counter": said.counter, "exported_at": said.at }),
                    )
                })
                .collect();
            let requests = vault.requests.values();
            let attempts = vault.attempts.values();
            json!({
                "vault": vault.policy().vault,
                "name": vault.policy().name,
                "journals": journals,
                "without_journal": vault.without_journal(),
                "held": held.contains(&vault.policy().vault),
                "withdrawals": vault.requests.len(),
                "without_request": requests.filter(|one| one.request.is_none()).count(),
                "attempts": vault.attempts.len(),
                "without_psbt": attempts.filter(|one| one.psbt.is_none()).count(),
                "addresses": vault.addresses.len(),
            })
        })
        .collect();
    let answer = json!({
        "files": papers.files,
        "duplicates": papers.known,
        "hand_in_later": papers.later,
        "vaults": vaults,
    });
    out.told(&answer, || {
        let mut text = format!(
            "{} files can be used, {} say nothing new; nothing was done\n",
            papers.files, papers.known
        );
        for vault in &vaults {
            let say = |key: &str| vault[key].to_string();
            let lines = Lines::default()
                .with("vault", vault["name"].as_str().unwrap_or_default())
                .with("withdrawals", say("withdrawals"))
                .with("of them without request", say("without_request"))
                .with("attempts signed", say("attempts"))
                .with("of them without PSBT", say("without_psbt"))
                .with("deposit addresses", say("addresses"))
                .with("journals", say("journals"))
                .with("journals missing", say("without_journal"));
            text.push_str(&lines.text());
        }
        text
    })
}

/// A list of what is missing, and why it matters.
fn missing(text: &mut String, list: &[String], why: &str) {
    if !list.is_empty() {
        text.push_str(&format!("{}\n", paragraph(why, 0)));
        for one in list {
            text.push_str(&item(one));
        }
    }
}

/// What was rebuilt, what is missing, and what to do next.
fn told(rebuilt: &[RebuiltVault], later: &[PathBuf]) -> String {
    let states = |counts: &BTreeMap<String, usize>| {
        let parts: Vec<String> = counts
            .iter()
            .map(|(state, count)| format!("{count} {state}"))
            .collect();
        parts.join(", ")
    };
    let mut text = "The database is rebuilt.\n".to_owned();
    for vault in rebuilt {
        let lines = Lines::default()
            .with("vault", &vault.name)
            .with("holds, in blocks", format!("{} sat", vault.held_sat))
            .with("withdrawals", states(&vault.withdrawals))
            .with("attempts", states(&vault.attempts))
            .with("next deposit address", vault.next_address.to_string());
        text.push_str(&lines.text());
        let txids =
            |list: &[bitcoin::Txid]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        missing(
            &mut text,
            &txids(&vault.without_psbt),
            "Signed by someone, and nobody kept the PSBT: wait until the chain shows it, or take its place with `attempt replace`:",
        );
        missing(
            &mut text,
            &vault.without_request,
            "An attempt pays them, and nobody kept the request: have the service submit the same requests again before they are paid anew:",
        );
        let held = format!(
            "{} withdrawals that no attempt pays are held: nothing here tells whether they were cancelled. To pay one have the service submit the same request again; cancel the others:",
            vault.held.len()
        );
        missing(&mut text, &vault.held, &held);
        if !vault.held.is_empty() && !vault.unseen_quorum.is_empty() {
            let signers = vault.unseen_quorum.join(", ");
            let text_of = format!(
                "Beware: the journals of {signers} are missing, and they could have paid what is held. Whoever submits it again may pay twice."
            );
            text.push_str(&format!("{}\n", paragraph(&text_of, 0)));
        }
        let doubted = vault.doubted.iter().map(|one| {
            let by = one.signed_by.join(", ");
            format!("{} (journals of: {by}): {}", one.txid, one.reason)
        });
        missing(
            &mut text,
            &doubted.collect::<Vec<_>>(),
            "Named by journals or transfers and not believed; nothing is known of them, apart from what these signers refuse:",
        );
        let addresses = vault.addresses_doubted.iter().map(ToString::to_string);
        missing(
            &mut text,
            &addresses.collect::<Vec<_>>(),
            "Indexes of deposit addresses beyond the gap, which are not watched: if they are genuine rebuild a new database with a larger --gap:",
        );
        missing(
            &mut text,
            &txids(&vault.unexplained),
            "Spends of the vault's coins that no paper explains:",
        );
    }
    let later: Vec<String> = later
        .iter()
        .map(|file| file.display().to_string())
        .collect();
    if !later.is_empty() {
        text.push_str("Hand in with `attempt submit` once it runs:\n");
        for file in &later {
            text.push_str(&item(file));
        }
    }
    let next = "Next: `init` makes an operator's token in this database; then `run`, `reconcile`, and new tokens for services and signers.";
    text.push_str(&paragraph(next, 0));
    text
}
