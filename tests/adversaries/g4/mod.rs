//! G4: a random chain on real nodes, and the books beside it. Users pay in by two hundred addresses, we pay out, and
//! the chain mines, reorganizes down to 144 blocks, spends otherwise, comes back, splits and meets, while programs and
//! nodes die and mempools are lost.
//!
//! Whatever the chain does: once it rests, the books say of every user and in sum what a count of its blocks and the
//! node's own scan say; no credit was ever given without its confirmations; every transaction of ours is mined again.

mod acts;
mod plan;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

#[cfg(feature = "planted")]
use policies::planted::Bug;

#[cfg(feature = "planted")]
use self::plan::Step;
use self::plan::plan;
use super::chain::world::{Tally, World};
use super::draw::Draw;
use super::progress::Progress;
use super::{Found, Settings};
use crate::{Bitcoind, ENGINES, Failure};

/// Steps in full, those of one life, and those of each life in the gate; a beginning and calms come to them.
const STEPS: u64 = 2_000;
const LIFE: u64 = 250;
const STEPS_OF_GATE: u64 = 60;
/// Addresses that users pay to.
const ADDRESSES: usize = 200;
/// Lives side by side in full; in the gate, tests are.
const WORKERS: usize = 2;
/// What is not seen after this is missed.
const PATIENCE: Duration = Duration::from_mins(2);
/// The same where a bug is planted, which is missed for good.
#[cfg(feature = "planted")]
const PATIENCE_WITH_A_BUG: Duration = Duration::from_secs(20);

/// What all lives came to.
#[derive(Debug, Default)]
struct Total {
    lives: u64,
    tally: Tally,
    noticed: Option<(u64, u64)>,
    slowest: Duration,
    complaints: Vec<String>,
}

pub(super) fn run(settings: &Settings) -> Result<Found, Failure> {
    let (part, parts) = settings.part;
    let steps = settings.cases.unwrap_or(STEPS);
    let (life, lives) = if settings.full {
        (LIFE.min(steps), steps.div_ceil(LIFE))
    } else {
        (STEPS_OF_GATE, u64::try_from(ENGINES.len())?)
    };
    let mine: Vec<u64> = (0..lives)
        .filter(|number| usize::try_from(*number).is_ok_and(|number| number % parts == part))
        .collect();
    let begun = Instant::now();
    let planned = plan(&mut Draw::new(0), usize::try_from(life)?).len();
    let progress = Progress::begin("G4", u64::try_from(mine.len() * planned)?);
    let (next, total) = (AtomicUsize::new(0), Mutex::new(Total::default()));
    let work = || {
        while let Some(number) = mine.get(next.fetch_add(1, Ordering::Relaxed)) {
            let mut one = Total::default();
            let begun = Instant::now();
            if let Err(failure) = live(settings.seed, *number, life, &progress, &mut one) {
                one.complaints.push(format!("life {number}: {failure:?}"));
            }
            one.lives = 1;
            one.slowest = begun.elapsed();
            if let Ok(mut total) = total.lock() {
                total.add(one);
            }
        }
    };
    let workers = if parts == 1 { WORKERS } else { 1 };
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(work);
        }
    });
    let total = total
        .into_inner()
        .map_err(|_| Failure::new("a worker panicked"))?;
    Ok(total.found(settings.seed, begun.elapsed()))
}

/// One life, from the first payment to the last calm.
fn live(
    seed: u64,
    number: u64,
    steps: u64,
    progress: &Progress,
    total: &mut Total,
) -> Result<(), Failure> {
    let mut draw = Draw::part(seed ^ 0x64, number);
    let steps = plan(&mut draw, usize::try_from(steps)?);
    let engine = ENGINES[usize::try_from(number)? % ENGINES.len()];
    let node = Bitcoind::start()?;
    let terms = (PATIENCE, &crate::Settings::default());
    let mut world = World::begin(node, engine, draw, ADDRESSES, terms)?;
    let lived = steps.iter().try_for_each(|step| {
        progress.step();
        world.act(*step)?;
        // The chain goes on while the watchtower still looks at what was, and sometimes rests.
        if world.draw.coin() {
            world.check()?;
        }
        Ok(())
    });
    total.tally = world.tally;
    lived.map_err(|failure: Failure| {
        let (steps, words) = (world.last_steps(), world.treasury.last_words());
        Failure::new(format!("on {engine}: {failure:?}\n      {steps}\n{words}"))
    })?;
    if number == 0 {
        total.noticed = Some(world.notices()?);
    }
    Ok(())
}

/// Whether the smallest storm notices a bug of the watchtower.
#[cfg(feature = "planted")]
pub(super) fn notices(planted: Option<Bug>) -> Result<bool, Failure> {
    let node = Bitcoind::start()?;
    let patience = planted.map_or(PATIENCE, |_| PATIENCE_WITH_A_BUG);
    let variable = planted.map(|bug| ("COUNTERSIGN_PLANTED".to_owned(), format!("{bug:?}")));
    let settings = crate::Settings {
        environment: variable.into_iter().collect(),
        ..crate::Settings::default()
    };
    let terms = (patience, &settings);
    let mut world = World::begin(node, ENGINES[0], Draw::new(1), 5, terms)?;
    let storm = [
        Step::Pay,
        Step::Mine,
        Step::Calm,
        Step::Withdraw,
        Step::Calm,
        // One more than what a node remembers.
        Step::Reorg(14),
        Step::Calm,
    ];
    for step in storm {
        if world.act(step).is_err() {
            return Ok(true);
        }
    }
    Ok(false)
}

impl Total {
    fn add(&mut self, other: Self) {
        self.lives += other.lives;
        self.noticed = self.noticed.or(other.noticed);
        self.slowest = self.slowest.max(other.slowest);
        self.complaints.extend(other.complaints);
        let (sum, one) = (&mut self.tally, other.tally);
        sum.steps += one.steps;
        sum.blocks += one.blocks;
        sum.reorgs += one.reorgs;
        sum.deepest = sum.deepest.max(one.deepest);
        sum.partitions += one.partitions;
        sum.kills += one.kills;
        sum.outages += one.outages;
        sum.payments += one.payments;
        sum.rivals += one.rivals;
        sum.own += one.own;
        sum.checks += one.checks;
        sum.credited += one.credited;
        sum.taken_back += one.taken_back;
        sum.refused += one.refused;
    }

    fn found(mut self, seed: u64, took: Duration) -> Found {
        let (noticed, of) = self.noticed.unwrap_or_default();
        if noticed < of {
            let complaint = format!("{noticed} of {of} wrong books are noticed");
            self.complaints.push(complaint);
        }
        let tally = self.tally;
        Found {
            line: format!(
                "G4: {} lives of {} steps on two real nodes: {} blocks mined, {} reorgs down to {} blocks, {} \
                 partitions, {} kills of ours, {} outages of the node; {} payments and {} rivals of them, {} \
                 withdrawing transactions; books compared with the chain {} times, lives with a difference={}; \
                 {} credits given, {} taken back; wrong books noticed={noticed}/{of}; seed {seed}",
                self.lives,
                tally.steps,
                tally.blocks,
                tally.reorgs,
                tally.deepest,
                tally.partitions,
                tally.kills,
                tally.outages,
                tally.payments,
                tally.rivals,
                tally.own,
                tally.checks,
                self.complaints.len(),
                tally.credited,
                tally.taken_back,
            ),
            notes: vec![format!(
                "{} s in all, the slowest life {} s; {} requests refused",
                took.as_secs(),
                self.slowest.as_secs(),
                tally.refused
            )],
            complaints: self.complaints,
        }
    }
}
