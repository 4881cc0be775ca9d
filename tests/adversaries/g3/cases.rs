//! Which runs there are: every step, before and after, once and again in recovery, on both engines, and
//! with something else in flight.

use policies::planted::steps::{Moment, Step, any_write, point};

use super::super::draw::Draw;
use crate::{ENGINES, Engine};

/// What is in flight when a program is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InFlight {
    /// Nothing but the withdrawal.
    Nothing,
    /// An attempt in the mempool is replaced by one that pays another withdrawal as well.
    Replacement,
    /// An attempt in the mempool is cancelled on the chain.
    Cancellation,
    /// Blocks with a settled payment leave the chain.
    Reorg,
}

/// One run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Case {
    pub(super) number: u64,
    pub(super) engine: Engine,
    pub(super) step: Step,
    pub(super) moment: Moment,
    /// Whether what was started again is killed once more.
    pub(super) again: bool,
    pub(super) in_flight: InFlight,
}

/// An order to die: where, and which time it is passed.
pub(super) type Order = (String, u64);

/// Writes of a program that was started again, one of which it dies at: so many it makes without being asked.
const FIRST_WRITES: u64 = 3;

/// So many variants every step, moment and engine has in full.
const VARIANTS: u64 = 5;

/// Every run in full.
pub(super) fn full(seed: u64) -> Vec<Case> {
    let mut cases = Vec::new();
    for variant in 0..VARIANTS {
        for step in Step::ALL {
            for moment in Moment::ALL {
                for engine in ENGINES {
                    let number = u64::try_from(cases.len()).unwrap_or(u64::MAX);
                    cases.push(Case::new(number, (*step, moment), engine, variant, seed));
                }
            }
        }
    }
    cases
}

/// Every step before and after, each on one engine.
pub(super) fn small(seed: u64) -> Vec<Case> {
    let mut cases = Vec::new();
    for (place, step) in Step::ALL.iter().enumerate() {
        for (side, moment) in Moment::ALL.into_iter().enumerate() {
            let number = u64::try_from(cases.len()).unwrap_or(u64::MAX);
            let engine = ENGINES[(place + side) % ENGINES.len()];
            let variant = (number / 2 * 3 + number % 2 * 2) % VARIANTS;
            cases.push(Case::new(number, (*step, moment), engine, variant, seed));
        }
    }
    cases
}

impl Case {
    fn new(
        number: u64,
        (step, moment): (Step, Moment),
        engine: Engine,
        variant: u64,
        seed: u64,
    ) -> Self {
        let by_chance = Draw::part(seed ^ 0x93, number).coin();
        let (in_flight, again) = match variant {
            0 => (InFlight::Nothing, false),
            1 => (InFlight::Nothing, true),
            2 => (InFlight::Replacement, by_chance),
            3 => (InFlight::Cancellation, by_chance),
            _ => (InFlight::Reorg, by_chance),
        };
        Self {
            number,
            engine,
            step,
            moment,
            again,
            in_flight,
        }
    }

    /// A run that only loses what was answered before it was written.
    pub(super) fn of_a_request() -> Self {
        Self {
            number: 0,
            engine: Engine::Sqlite,
            step: Step::Request,
            moment: Moment::Before,
            again: false,
            in_flight: InFlight::Nothing,
        }
    }

    /// Everything that is left to chance in it.
    pub(super) fn draw(&self, seed: u64) -> Draw {
        Draw::part(seed ^ 0x63, self.number)
    }

    /// The first order.
    pub(super) fn order(&self) -> Order {
        (point(self.step, self.moment), 1)
    }

    /// The order for what was started again: the step that is done once more, or one of the first writes.
    pub(super) fn order_again(&self, draw: &mut Draw) -> Option<Order> {
        if !self.again {
            return None;
        }
        let signer = self.step == Step::Journal;
        let once_more = self.moment == Moment::Before && draw.coin();
        // What was sent is in the mempool, and what starts again finds it there and does not ask once more.
        let found = self.step == Step::Sent;
        if signer || once_more && !found {
            return Some(self.order());
        }
        let moment = *draw.one(&Moment::ALL);
        Some((any_write(moment), draw.from_to(1, FIRST_WRITES)))
    }

    /// What a complaint calls it.
    pub(super) fn name(&self) -> String {
        format!(
            "run {} ({}{} on {}, {:?})",
            self.number,
            point(self.step, self.moment),
            if self.again { " and again" } else { "" },
            self.engine,
            self.in_flight
        )
    }
}
