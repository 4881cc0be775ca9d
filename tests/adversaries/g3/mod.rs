//! G3: `kill -9` at every step of a withdrawal's way, before and after what it makes durable, and again while
//! what died recovers; on both engines and a real node, with replacements, cancellations and reorgs in flight.
//!
//! Whatever is killed: every withdrawal is paid exactly once, nothing is held for it any more, books, chain and
//! journals agree, and the programs work again at once, started by the same command. Every kill proves itself.

mod audit;
mod cases;
mod course;
mod killer;
mod sight;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bitcoin::Amount;
use policies::ScriptKind;
use policies::document::{PolicyDraft, SelfSpendBudgetDraft};
use policies::planted::Bug;
use policies::planted::steps::Step;

use self::audit::{audit, notices};
use self::cases::{Case, InFlight};
use self::course::{Course, Wish};
use self::killer::Killer;
use super::progress::Progress;
use super::{Found, Settings as Campaign};
use crate::coordinator::{Coordinator, Settings};
use crate::treasury::People;
use crate::{Bitcoind, ENGINES, Engine, Failure, Store, Treasury};

/// What died works again within this, on a machine that does nothing else.
const PATIENCE: Duration = Duration::from_secs(10);
/// The same beside all other tests.
const PATIENCE_OF_GATE: Duration = Duration::from_secs(40);
/// Worlds side by side in full; in the gate, tests are.
const WORKERS: usize = 2;
/// Deposits of a run, and what each is.
const DEPOSITS: u32 = 3;
const DEPOSIT: Amount = Amount::from_sat(10_000_000);
/// What is withdrawn: above what is approved automatically.
const FIRST: Amount = Amount::from_sat(6_000_000);
const SECOND: Amount = Amount::from_sat(5_500_000);
/// Confirmations that settle.
const DEPTH: u32 = 3;

/// What all runs came to.
#[derive(Debug, Default)]
struct Total {
    runs: u64,
    withdrawals: u64,
    ordered: u64,
    proven: u64,
    in_recovery: u64,
    twice: u64,
    lost: u64,
    leaked: u64,
    longest: Duration,
    /// All runs together, and the slowest.
    passed: Duration,
    slowest: Duration,
    noticed: Option<(u64, u64)>,
    complaints: Vec<String>,
}

/// What one run needs and the next one can use again.
#[derive(Debug, Default)]
struct Ground {
    node: Option<Bitcoind>,
    postgres: Option<Store>,
}

pub(super) fn run(settings: &Campaign) -> Result<Found, Failure> {
    let seed = settings.seed;
    let (part, parts) = settings.part;
    let all = if settings.full {
        cases::full(seed)
    } else {
        cases::small(seed)
    };
    let runs = settings.cases.map_or(all.len(), |cases| {
        usize::try_from(cases).unwrap_or(usize::MAX)
    });
    let cases: Vec<Case> = (all.iter().copied().cycle().take(runs))
        .filter(|case| parts == 1 || case.engine == ENGINES[part % ENGINES.len()])
        .collect();
    let patience = if settings.full {
        PATIENCE
    } else {
        PATIENCE_OF_GATE
    };
    let begun = Instant::now();
    let progress = Progress::begin("G3", u64::try_from(cases.len())?);
    let (next, total) = (AtomicUsize::new(0), Mutex::new(Total::default()));
    let work = || {
        let mut ground = Ground::default();
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            let mut part = Total::default();
            let begun = Instant::now();
            // What went wrong in one world must not hurt the next.
            if let Err(failure) = attempt(&mut ground, case, seed, patience, None, &mut part) {
                part.complaints.push(format!("{failure:?}"));
                ground = Ground::default();
            }
            part.runs = 1;
            part.passed = begun.elapsed();
            part.slowest = part.passed;
            for complaint in &mut part.complaints {
                *complaint = format!("{}: {complaint}", case.name());
            }
            if let Ok(mut total) = total.lock() {
                total.add(part);
            }
            progress.step();
        }
    };
    let workers = if parts == 1 { WORKERS } else { 1 };
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(work);
        }
    });
    let mut total = total
        .into_inner()
        .map_err(|_| Failure::new("a worker panicked"))?;
    let caught = loses_something(Some(Bug::AnswerFirst))?;
    if !caught {
        let complaint = "what is answered before it is written is not missed";
        total.complaints.push(complaint.to_owned());
    }
    Ok(total.found(settings.seed, caught, begun.elapsed()))
}

/// Whether a kill loses what was acknowledged.
pub(super) fn loses_something(planted: Option<Bug>) -> Result<bool, Failure> {
    let case = Case::of_a_request();
    let (mut ground, mut total) = (Ground::default(), Total::default());
    let ended = attempt(&mut ground, &case, 1, PATIENCE_OF_GATE, planted, &mut total);
    match ended {
        Ok(()) => Ok(!total.complaints.is_empty()),
        Err(failure) if failure.to_string().contains("lost: ") => Ok(true),
        Err(failure) => Err(failure),
    }
}

/// One run, with its audit.
fn attempt(
    ground: &mut Ground,
    case: &Case,
    seed: u64,
    patience: Duration,
    planted: Option<Bug>,
    total: &mut Total,
) -> Result<(), Failure> {
    let killer = Killer::new(planted)?;
    let treasury = ground.treasury(case.engine, &killer)?;
    let mut course = Course::begin(treasury, killer, patience);
    let ended = go(&mut course, case, seed);
    total.ordered += course.killer.ordered;
    total.proven += course.killer.proven;
    total.in_recovery += course.tally.in_recovery;
    total.longest = total.longest.max(course.tally.longest);
    total.withdrawals += u64::try_from(course.wanted.len())?;
    if let Err(failure) = ended {
        total.lost += 1;
        return Err(failure);
    }
    let verdict = audit(&mut course)?;
    total.twice += verdict.twice;
    total.lost += verdict.lost;
    total.leaked += verdict.leaked;
    let good = verdict.complaints.is_empty();
    total.complaints.extend(verdict.complaints);
    if case.number == 0 && good {
        total.noticed = Some(notices(&mut course)?);
        *ground = Ground::default();
        return Ok(());
    }
    ground.take_back(course.treasury)
}

/// The way of one run's withdrawals.
fn go(course: &mut Course, case: &Case, seed: u64) -> Result<(), Failure> {
    let mut draw = case.draw(seed);
    let order = case.order();
    course.again = case.order_again(&mut draw);
    let payees: Vec<_> = (0..DEPOSITS)
        .map(|_| Ok((course.treasury.new_address("deposit")?, DEPOSIT)))
        .collect::<Result<_, Failure>>()?;
    let txid = course.treasury.node.fund_all(&payees)?;
    course.treasury.node.mine(DEPTH)?;
    for vout in 0..DEPOSITS {
        let outpoint = bitcoin::OutPoint::new(txid, vout);
        course.treasury.deposit_becomes(outpoint, "settled")?;
    }
    match case.in_flight {
        InFlight::Nothing => {
            if case.step == Step::Number {
                // The news that matters most: that it is settled.
                course.want("w-1", FIRST)?;
                course.drive("the payment to be confirmed", |_, sight| {
                    sight.state("w-1") == Some("confirmed")
                })?;
                course.killer.order(order, None)?;
            } else {
                course.killer.order(order, None)?;
                course.want("w-1", FIRST)?;
            }
        }
        InFlight::Reorg => {
            course.want("w-1", FIRST)?;
            course.finish()?;
            course.killer.order(order, None)?;
            let depth = draw.from_to(1, u64::from(DEPTH));
            course.treasury.node.reorg(u32::try_from(depth)?)?;
            course.want("w-2", SECOND)?;
        }
        InFlight::Replacement | InFlight::Cancellation => {
            course.want("w-1", FIRST)?;
            course.mines = false;
            course.drive("the first attempt to be in the mempool", |_, sight| {
                sight.attempt_in("in_mempool").is_some()
            })?;
            let (txid, batch) = first_attempt(course)?;
            let first = course.waiting(txid)?;
            course.killer.order(order, None)?;
            course.batches = false;
            let replaces = case.in_flight == InFlight::Replacement;
            let asks = [Step::Request, Step::Promise, Step::Approve].contains(&case.step);
            if replaces || asks {
                course.want("w-2", SECOND)?;
                course.drive("the second withdrawal to be approved", |_, sight| {
                    sight.state("w-2") == Some("approved")
                })?;
            }
            let id = "w-2".to_owned();
            course.wish = Some(if replaces {
                Wish::Add { batch, id }
            } else {
                Wish::Cancel { batch }
            });
            course.drive("the first attempt to be overtaken", |course, _| {
                course.wish.is_none()
            })?;
            course.batches = true;
            // The first attempt may be mined at once, after all, or not. What only the other one has yet to pass
            // is passed before.
            let other_signs = (Step::Journal..=Step::Seen).contains(&case.step);
            let chance = draw.below(3);
            if chance > 0 || other_signs {
                course.drive("the other attempt to be in the mempool", |_, sight| {
                    let mut attempts = sight.attempts.iter();
                    attempts.any(|one| one.txid != txid && one.state == "in_mempool")
                })?;
                course.favourite = (chance == 1).then_some(first);
            }
            course.mines = true;
        }
    }
    course.finish()
}

/// The first attempt and its batch.
fn first_attempt(course: &Course) -> Result<(bitcoin::Txid, String), Failure> {
    let sight = sight::look(&course.treasury)?;
    let sight = sight.ok_or_else(|| Failure::new("the coordinator does not answer"))?;
    let first = sight.attempts.first();
    let first = first.ok_or_else(|| Failure::new("there is no attempt"))?;
    Ok((first.txid, first.batch.clone()))
}

/// Spends to ourselves without asking anybody, as far as a run needs.
fn budget(policy: &mut PolicyDraft) {
    policy.limits.self_spend_budget = Some(SelfSpendBudgetDraft {
        sat: 500_000,
        count: 10,
        window: "24h".to_owned(),
    });
}

impl Ground {
    /// A treasury with keys, vault and database of its own.
    fn treasury(&mut self, engine: Engine, killer: &Killer) -> Result<Treasury, Failure> {
        let node = match self.node.take() {
            Some(node) => node,
            None => Bitcoind::start()?,
        };
        let store = match (engine, self.postgres.take()) {
            (Engine::Postgres, Some(Store::Postgres(server))) => {
                server.begin_anew()?;
                Store::Postgres(server)
            }
            (_, kept) => {
                self.postgres = kept;
                Store::start(engine)?
            }
        };
        let people = People::agree_cheaply(ScriptKind::Wsh, &node, budget)?;
        let settings = Settings {
            environment: killer.environment(),
            ..Settings::default()
        };
        let coordinator = Coordinator::start(&store, &node, &settings)?;
        Treasury::assemble(node, store, people, coordinator)
    }

    /// Keeps what the next run can use.
    fn take_back(&mut self, mut treasury: Treasury) -> Result<(), Failure> {
        treasury.coordinator.kill()?;
        let (node, store) = treasury.dissolve();
        self.node = Some(node);
        if store.engine() == Engine::Postgres {
            self.postgres = Some(store);
        }
        Ok(())
    }
}

impl Total {
    fn add(&mut self, other: Self) {
        self.runs += other.runs;
        self.withdrawals += other.withdrawals;
        self.ordered += other.ordered;
        self.proven += other.proven;
        self.in_recovery += other.in_recovery;
        self.twice += other.twice;
        self.lost += other.lost;
        self.leaked += other.leaked;
        self.longest = self.longest.max(other.longest);
        self.passed += other.passed;
        self.slowest = self.slowest.max(other.slowest);
        self.noticed = self.noticed.or(other.noticed);
        self.complaints.extend(other.complaints);
    }

    fn found(mut self, seed: u64, caught: bool, took: Duration) -> Found {
        if self.proven != self.ordered {
            let (ordered, proven) = (self.ordered, self.proven);
            let complaint = format!("{ordered} kills were ordered, {proven} proven");
            self.complaints.push(complaint);
        }
        if let Some((noticed, of)) = self.noticed
            && noticed < of
        {
            self.complaints
                .push(format!("{noticed} of {of} wrong books are noticed"));
        }
        let (noticed, of) = self.noticed.unwrap_or_default();
        Found {
            line: format!(
                "G3: {} runs with {} withdrawals on a real node, killed at 16 steps, before and after: {} kills \
                 ordered, {} proven, {} of them in recovery; paid twice={}, lost={}, reservations leaked={}, working \
                 again within {}.{:03} s; wrong books noticed={noticed}/{of}, answers before writing caught={caught}; \
                 seed {seed}",
                self.runs,
                self.withdrawals,
                self.ordered,
                self.proven,
                self.in_recovery,
                self.twice,
                self.lost,
                self.leaked,
                self.longest.as_secs(),
                self.longest.subsec_millis(),
            ),
            notes: vec![format!(
                "{} s in all; {} ms a run, the slowest {} ms",
                took.as_secs(),
                self.passed.as_millis() / u128::from(self.runs.max(1)),
                self.slowest.as_millis()
            )],
            complaints: self.complaints,
        }
    }
}
