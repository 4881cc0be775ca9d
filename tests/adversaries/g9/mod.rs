//! G9: every call between the watchtower and its node may be lost, delayed, repeated, cut off, garbled or refused as
//! busy, while withdrawals go out and blocks come and go.
//!
//! Whatever is lost: no withdrawal has a second transaction, each is paid exactly once, and all are settled in the end.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::chain::world::World;
use super::draw::Draw;
use super::progress::Progress;
use super::{Found, Settings as Campaign};
use crate::coordinator::Settings;
use crate::{Bitcoind, ENGINES, Failure, Fault, FaultProxy, wait_until};

/// Withdrawals in full and in the gate.
const WITHDRAWALS: u64 = 500;
const OF_GATE: u64 = 16;
/// Withdrawals of one life: after them another treasury begins.
const LIFE: u64 = 125;
/// Of a thousand calls so many meet a fault.
const RATE: u64 = 120;
/// Withdrawals under way at most.
const UNDER_WAY: usize = 6;
/// Addresses that were paid to, and how often each.
const ADDRESSES: usize = 10;
/// What is not seen after this is missed.
const PATIENCE: Duration = Duration::from_mins(3);
/// One round in so many a block or several leave the chain; one of these is deeper than a node's memory.
const REORG: u64 = 12;

/// What all lives came to.
#[derive(Debug, Default)]
struct Total {
    withdrawals: usize,
    transactions: usize,
    second: usize,
    unsettled: usize,
    calls: u64,
    reorgs: u64,
    met: BTreeMap<Fault, u64>,
    sends: u64,
    complaints: Vec<String>,
}

pub(super) fn run(settings: &Campaign) -> Found {
    let wanted = settings
        .cases
        .unwrap_or(if settings.full { WITHDRAWALS } else { OF_GATE });
    let begun = Instant::now();
    let progress = Progress::begin("G9", wanted);
    let mut total = Total::default();
    for life in 0..wanted.div_ceil(LIFE) {
        let withdrawals = LIFE.min(wanted - life * LIFE);
        let lived = live(settings.seed, life, withdrawals, &progress, &mut total);
        if let Err(failure) = lived {
            total.complaints.push(format!("life {life}: {failure:?}"));
        }
    }
    let faults: u64 = total.met.values().sum();
    for fault in Fault::ALL {
        if !total.met.contains_key(&fault) {
            total.complaints.push(format!("no call met {fault:?}"));
        }
    }
    let Total {
        withdrawals,
        transactions,
        second,
        unsettled,
        calls,
        reorgs,
        sends,
        ..
    } = total;
    Found {
        line: format!(
            "G9: {withdrawals} withdrawals in {transactions} transactions, {calls} calls to the node, of which {faults} \
             met one of {} faults ({sends} of them while sending), {reorgs} reorgs; second transactions={second}, not \
             settled={unsettled}; seed {}",
            Fault::ALL.len(),
            settings.seed
        ),
        notes: vec![format!(
            "{} s in all; {:?}",
            begun.elapsed().as_secs(),
            total.met
        )],
        complaints: total.complaints,
    }
}

/// One treasury behind a proxy of its own.
fn live(
    seed: u64,
    life: u64,
    withdrawals: u64,
    progress: &Progress,
    total: &mut Total,
) -> Result<(), Failure> {
    let mut draw = Draw::part(seed ^ 0x69, life);
    let node = Bitcoind::start()?;
    let proxy = FaultProxy::before(&node, draw.word())?;
    let settings = Settings {
        node_url: Some(proxy.url()),
        ..Settings::default()
    };
    let engine = ENGINES[usize::try_from(life)? % ENGINES.len()];
    let terms = (PATIENCE, &settings);
    let mut world = World::begin(node, engine, draw, ADDRESSES, terms)?;
    let lived = pay(&mut world, &proxy, withdrawals, progress, total);
    total.calls += proxy.calls();
    for ((fault, method), times) in proxy.met() {
        *total.met.entry(fault).or_insert(0) += times;
        total.sends += if method == "sendrawtransaction" {
            times
        } else {
            0
        };
    }
    lived.map_err(|failure| {
        let (steps, words) = (world.last_steps(), world.treasury.last_words());
        Failure::new(format!("on {engine}: {failure:?}\n      {steps}\n{words}"))
    })
}

fn pay(
    world: &mut World,
    proxy: &FaultProxy,
    withdrawals: u64,
    progress: &Progress,
    total: &mut Total,
) -> Result<(), Failure> {
    for _ in 0..3 {
        world.deposit_to_all()?;
    }
    world.mine_settling()?;
    world.check()?;
    proxy.set_rate(RATE);
    let withdrawals = usize::try_from(withdrawals)?;
    let mut begun = Instant::now();
    let mut settled = 0;
    while world.wanted.len() < withdrawals || settled < withdrawals {
        let states = world.states()?;
        let now = states.values().filter(|state| *state == "settled").count();
        for _ in settled..now {
            progress.step();
            begun = Instant::now();
        }
        settled = settled.max(now);
        if begun.elapsed() > PATIENCE {
            return Err(Failure::new(format!(
                "nothing settles any more: {states:?}"
            )));
        }
        if world.wanted.len() < withdrawals && world.wanted.len() < now + UNDER_WAY {
            world.withdraw()?;
        } else if states.values().any(|state| state == "approved") {
            world.pay_out()?;
        }
        if world.draw.below(REORG) == 0 {
            let depth = match world.draw.below(4) {
                0 => 12,
                _ => world.draw.from_to(1, 3),
            };
            world.treasury.node.reorg(u32::try_from(depth)?)?;
            world.send_again()?;
            total.reorgs += 1;
        }
        follows(world)?;
        let script = world.nobody();
        world.treasury.node.mine_to(&script, 1)?;
    }
    // A reorg may have taken some back that were counted.
    proxy.set_rate(0);
    world.calm()?;
    audit(world, total)
}

/// Waits until the watchtower is near the node's tip: what it does not see it cannot lose.
fn follows(world: &World) -> Result<(), Failure> {
    let height = u64::from(world.treasury.node.height()?);
    wait_until("the watchtower to follow", PATIENCE, || {
        let status = world.treasury.auditor().get("/status")?.done()?;
        let at = status["height"].as_u64().unwrap_or_default();
        Ok((at + 1 >= height).then_some(()))
    })
}

/// Counts what every withdrawal came to.
fn audit(world: &mut World, total: &mut Total) -> Result<(), Failure> {
    let truth = world.truth()?;
    for wrong in world.wrong_withdrawals(&truth)? {
        total.complaints.push(wrong);
    }
    let states = world.states()?;
    total.withdrawals += states.len();
    total.transactions += world.own.len();
    total.unsettled += states.values().filter(|state| *state != "settled").count();
    let path = world.treasury.path("/attempts?limit=1000");
    let attempts = world.treasury.auditor().get(&path)?.done()?;
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for attempt in crate::items(&attempts)? {
        for payment in crate::items(&attempt["payments"])? {
            *times.entry(payment["id"].to_string()).or_insert(0) += 1;
        }
    }
    total.second += times.values().filter(|times| **times > 1).count();
    if times.len() != states.len() {
        let (paid, wanted) = (times.len(), states.len());
        let complaint = format!("{paid} of {wanted} withdrawals have a transaction");
        total.complaints.push(complaint);
    }
    let (second, unsettled) = (total.second, total.unsettled);
    if second + unsettled > 0 {
        let complaint = format!("{second} have a second transaction, {unsettled} are not settled");
        total.complaints.push(complaint);
    }
    Ok(())
}
