//! `rebuild`: a database made anew from policies, the chain, papers and exported journals.

mod gathering;
mod telling;

use std::path::PathBuf;

use bitcoin::hashes::{Hash, HashEngine, sha256};
use clap::Args;
use policies::document::Policy;
use serde_json::json;
use watchtower::rescan::{Rescan, RescanError};

use self::gathering::{gather, judge_journals};
use self::telling::{preview, told};
use super::CliError;
use super::daemon::{block_on, from_service};
use super::opening::{from_database, migrated, read, wrong};
use super::output::{self, Output};
use super::policy::parse;
use super::progress::Progress;
use crate::configuration::{ConfigError, CoordinatorConfig};
use crate::jobs;
use crate::service::Service;
use crate::service::rebuilds::{self, Rebuild as Plan, RebuiltVault};
use crate::store::rebuildings::Stage;

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
        return Err(wrong(
            &verb.config,
            ConfigError::NoWatchtower { verb: "rebuild" },
        ));
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
    let mut progress = Progress::of("scanning");
    let mut begin = None;
    while let Some(next) = rescan.next().await.map_err(from_rescan)? {
        let height = next.block().height;
        let first = *begin.get_or_insert(height);
        let tip = rescan.tip().await.map_err(from_rescan)?.max(height);
        rebuilds::take_block(service, plan, &next)
            .await
            .map_err(from_service)?;
        let all = u64::from(tip.saturating_sub(first).saturating_add(1));
        let done = u64::from(height.saturating_sub(first).saturating_add(1));
        progress.show(done, all, &format!("block {height} of {tip}"));
    }
    Ok(())
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
