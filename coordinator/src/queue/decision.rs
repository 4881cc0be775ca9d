//! Decides the queue: who goes now and at which feerate, and who is held.

use std::collections::BTreeSet;

use bitcoin::FeeRate;
use policies::{RequesterName, UnixTime, WithdrawalId};

use super::{Late, Place, Queued, Speed, Wait};

/// The seconds of a block, as blocks are planned.
const BLOCK_SECONDS: u64 = 600;
/// The patience where the configuration names no age: a day.
pub const PATIENCE: u64 = 86_400;

/// How batches are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// The confirmation targets in blocks: urgent, normal, economy.
    pub targets: [u32; 3],
    /// Make a batch of this many.
    pub count: Option<u32>,
    /// Make a batch once the oldest waited so many seconds.
    pub age: Option<u64>,
    /// Make a batch so many seconds after the last.
    pub interval: Option<u64>,
}

impl Rules {
    /// Whether batches are made at all without being asked for.
    pub const fn is_automatic(&self) -> bool {
        self.count.is_some() || self.age.is_some() || self.interval.is_some()
    }

    /// The seconds after which a withdrawal goes before all younger ones.
    pub fn patience(&self) -> u64 {
        self.age.unwrap_or(PATIENCE)
    }

    fn target(&self, speed: Speed) -> u32 {
        let [urgent, normal, economy] = self.targets;
        match speed {
            Speed::Urgent => urgent,
            Speed::Normal => normal,
            Speed::Economy => economy,
        }
    }
}

/// What the node and the vault say.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances<'a> {
    /// The time.
    pub now: UnixTime,
    /// When the vault's last batch was made.
    pub last_batch: Option<UnixTime>,
    /// The node's estimates by target, nearest first.
    pub estimates: &'a [(u32, FeeRate)],
    /// Whether there are estimates which do not count, since they are too old or the node is in trouble.
    pub is_stale: bool,
    /// The highest feerate that the queue pays without asking.
    pub cap: FeeRate,
    /// The highest feerate that was allowed for one batch, if the question was answered.
    pub allowed: Option<FeeRate>,
    /// The policy's highest feerate: nobody can allow more.
    pub most: FeeRate,
}

impl Circumstances<'_> {
    /// The highest feerate at which anything may go now.
    #[must_use]
    pub fn limit(&self) -> FeeRate {
        let allowed = self.allowed.unwrap_or(self.cap);
        self.cap.max(allowed).min(self.most)
    }

    /// The highest feerate at which anything may go without asking.
    fn unasked(&self) -> FeeRate {
        self.cap.min(self.most)
    }

    /// The estimate of the nearest target at or after this, or else the farthest.
    fn estimate(&self, target: u32) -> Option<FeeRate> {
        estimate_of(self.estimates, target)
    }
}

/// Of estimates by target, nearest first, that of the nearest target at or after this, or else the farthest.
#[must_use]
pub fn estimate_of(estimates: &[(u32, FeeRate)], target: u32) -> Option<FeeRate> {
    let fitting = estimates.iter().find(|(of, _)| *of >= target);
    fitting.or(estimates.last()).map(|(_, feerate)| *feerate)
}

/// What would go at a feerate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The feerate.
    pub feerate: FeeRate,
    /// Those for which this feerate is enough and no lower one of the offers is.
    pub more: Vec<(RequesterName, WithdrawalId)>,
    /// How many go at this feerate in all.
    pub count: usize,
    /// Whether the policy allows this feerate at all.
    pub is_possible: bool,
}

/// What the queue comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Decision {
    /// All withdrawals, in the order in which they are to be paid.
    pub places: Vec<Place>,
    /// The feerate of the batch to make now; none if none is due.
    pub feerate: Option<FeeRate>,
    /// The highest feerate that one asks for above the cap, allowed or not; none if nothing does.
    pub held: Option<FeeRate>,
    /// The lowest such feerate: less lets nothing more go.
    pub least: Option<FeeRate>,
    /// What would go at which feerate, cheapest first; empty while nothing is above the cap.
    pub offers: Vec<Offer>,
    /// When something changes by itself, at the latest.
    pub next: Option<UnixTime>,
}

impl Decision {
    /// Those that go now, in their order.
    pub fn goes(&self) -> impl Iterator<Item = &Queued> {
        self.going().map(|place| &place.queued)
    }

    /// The places of those that go now, in their order.
    pub fn going(&self) -> impl Iterator<Item = &Place> {
        self.places.iter().filter(|place| place.wait.is_none())
    }
}

/// Decides the queue.
pub fn decide(queued: Vec<Queued>, rules: &Rules, world: &Circumstances<'_>) -> Decision {
    let mut places: Vec<Place> = queued
        .into_iter()
        .map(|queued| place(queued, rules, world))
        .collect();
    places.sort_by_cached_key(|place| order(place, rules));
    let unasked = world.unasked();
    let above: BTreeSet<FeeRate> = payable(&places)
        .filter_map(|place| place.feerate)
        .filter(|feerate| *feerate > unasked && rules.is_automatic())
        .collect();
    let offers = offers(&places, world);
    let due = is_due(&places, rules, world);
    let feerate = due.then(|| batch_feerate(&places, rules)).flatten();
    for place in &mut places {
        if place.wait.is_none() {
            place.wait = match feerate {
                None => Some(Wait::NotDue),
                Some(feerate) => is_too_dear(place, feerate, rules, world).then_some(Wait::Cheaper),
            };
        }
    }
    let next = next(&places, rules, world);
    Decision {
        places,
        feerate,
        held: above.last().copied(),
        least: above.first().copied(),
        offers,
        next,
    }
}

/// A withdrawal by itself: how fast it has become, and what stands against it whatever the others do.
fn place(queued: Queued, rules: &Rules, world: &Circumstances<'_>) -> Place {
    let late = queued
        .latest
        .and_then(|latest| late(latest, rules, world.now));
    let speed = late.map_or(queued.speed, |_| Speed::Urgent);
    let feerate = asked(&queued, speed, rules, world);
    let wait = match (queued.obstacle, feerate) {
        (Some(obstacle), _) => Some(obstacle.into()),
        (None, None) if world.is_stale => Some(Wait::StaleEstimate),
        (None, None) => Some(Wait::NoEstimate),
        (None, Some(feerate)) if feerate > world.limit() => Some(Wait::AboveCap),
        (None, Some(_)) => None,
    };
    Place {
        age: world.now.secs_since(queued.since),
        queued,
        speed,
        feerate,
        late,
        wait,
    }
}

/// The feerate that a withdrawal asks for. One that its latest time made urgent is not held for that where it
/// would go as it was: it goes as fast as the cap allows.
fn asked(
    queued: &Queued,
    becomes: Speed,
    rules: &Rules,
    world: &Circumstances<'_>,
) -> Option<FeeRate> {
    let asked = world.estimate(rules.target(becomes))?;
    let own = world.estimate(rules.target(queued.speed))?;
    let limit = world.limit();
    if asked > limit && own <= limit {
        return Some(own.max(world.unasked()));
    }
    Some(asked)
}

/// A time is in danger when only an urgent payment made within as long again would keep it.
fn late(latest: UnixTime, rules: &Rules, now: UnixTime) -> Option<Late> {
    if now >= latest {
        Some(Late::Passed)
    } else {
        (latest.secs_since(now) <= danger(rules)).then_some(Late::InDanger)
    }
}

fn danger(rules: &Rules) -> u64 {
    let urgent = u64::from(rules.target(Speed::Urgent)).saturating_mul(BLOCK_SECONDS);
    urgent.saturating_mul(2)
}

fn is_old(place: &Place, rules: &Rules) -> bool {
    place.age >= rules.patience()
}

/// The old ones first, then by speed; among equals the older goes first.
fn order(place: &Place, rules: &Rules) -> (u8, UnixTime, RequesterName, WithdrawalId) {
    let rank = if is_old(place, rules) {
        0
    } else {
        place.speed.rank()
    };
    let queued = &place.queued;
    (
        rank,
        queued.since,
        queued.requester.clone(),
        queued.id.clone(),
    )
}

/// Those in whose way nothing stands but fees.
fn payable(places: &[Place]) -> impl Iterator<Item = &Place> {
    places
        .iter()
        .filter(|place| matches!(place.wait, None | Some(Wait::AboveCap)))
}

/// What would go at each feerate that somebody asks for; nothing to say while all are within the limit.
fn offers(places: &[Place], world: &Circumstances<'_>) -> Vec<Offer> {
    if payable(places).all(|place| place.wait.is_none()) {
        return Vec::new();
    }
    let feerates: BTreeSet<FeeRate> = payable(places).filter_map(|place| place.feerate).collect();
    let mut count = 0_usize;
    let offer = |feerate: FeeRate| {
        let more: Vec<(RequesterName, WithdrawalId)> = payable(places)
            .filter(|place| place.feerate == Some(feerate))
            .map(|place| (place.queued.requester.clone(), place.queued.id.clone()))
            .collect();
        count = count.saturating_add(more.len());
        Offer {
            feerate,
            more,
            count,
            is_possible: feerate <= world.most,
        }
    };
    feerates.into_iter().map(offer).collect()
}

/// Whether a batch is due: of those that could go, one is urgent or old, or they are many, or it is time. Those
/// for which the coins do not suffice count among the many: a part of them is paid.
fn is_due(places: &[Place], rules: &Rules, world: &Circumstances<'_>) -> bool {
    let mut count = 0_u32;
    let mut able = false;
    let mut pressing = false;
    for place in places {
        if place.wait.is_none() {
            able = true;
            pressing |= place.speed == Speed::Urgent || is_old(place, rules);
        }
        if matches!(place.wait, None | Some(Wait::Coins)) {
            count = count.saturating_add(1);
        }
    }
    let many = rules.count.is_some_and(|most| count >= most);
    let timely = rules.interval.is_some_and(|interval| {
        let last = world.last_batch;
        last.is_none_or(|last| world.now.secs_since(last) >= interval)
    });
    able && rules.is_automatic() && (pressing || many || timely)
}

/// The highest feerate that those need for whom the batch is made: the fastest of those able to go, and the old.
fn batch_feerate(places: &[Place], rules: &Rules) -> Option<FeeRate> {
    let able = || places.iter().filter(|place| place.wait.is_none());
    let fastest = able()
        .map(|place| place.speed)
        .min_by_key(|speed| speed.rank());
    let made_for = able().filter(|place| Some(place.speed) == fastest || is_old(place, rules));
    made_for.filter_map(|place| place.feerate).max()
}

/// A patient withdrawal does not ride along where that is dearer than an ordinary batch, until it is old.
fn is_too_dear(place: &Place, feerate: FeeRate, rules: &Rules, world: &Circumstances<'_>) -> bool {
    let ordinary = world.estimate(rules.target(Speed::Normal));
    place.speed == Speed::Economy
        && !is_old(place, rules)
        && ordinary.is_some_and(|ordinary| feerate > ordinary)
}

fn next(places: &[Place], rules: &Rules, world: &Circumstances<'_>) -> Option<UnixTime> {
    let danger = danger(rules);
    let waiting = || places.iter().filter(|place| place.wait.is_some());
    let ages = waiting().map(|place| place.queued.since.saturating_add(rules.patience()));
    let dangers = waiting()
        .filter_map(|place| place.queued.latest)
        .flat_map(|latest| [latest.saturating_sub(danger), latest]);
    let interval = rules.interval.zip(world.last_batch);
    let interval = interval.map(|(interval, last)| last.saturating_add(interval));
    let interval = interval.filter(|_| waiting().next().is_some());
    ages.chain(dangers)
        .chain(interval)
        .filter(|moment| *moment > world.now)
        .min()
}
