//! Everywhere that one signer can get to, by the journal that ships.
//!
//! Signers know nothing of each other, so that each place is found once, by real questions to a real
//! [`History`], and a search over several signers walks over places. A place is what a journal remembers, which
//! signatures are out, and which voids were given: all that any later answer rests on.

use std::collections::HashMap;

use policies::{History, UnixTime};

use super::errors::Error;
use super::means::Means;
use super::universe::{
    LAST, LATER, Mask, REBORN, REBORN_LATER, SIGNED, SKEW, Universe, bit, numbers,
};

/// What signers of a search may do, and how much.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Transactions that a journal remembers at most.
    pub(super) attempts: u32,
    /// Voids that a signer gives at most.
    pub(super) voids: u32,
    /// Whether each may once be restored with an empty journal.
    pub(super) restores: bool,
    /// Whether each may crash between entry and signature.
    pub(super) crashes: bool,
    /// Which ancestors coordinators carry.
    pub(super) carried: Carried,
    /// Whether it makes a difference which attempt of a line was the last.
    pub(super) orders: bool,
}

/// Which ancestors coordinators carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Carried {
    /// All there are, as honest ones do.
    All,
    /// Any, as it pleases them.
    Any,
}

/// Something that happens at a signer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Some coordinator has it sign, and carries these ancestors.
    Sign(usize, Mask),
    /// The same, and it crashes between the entry and the signature.
    Crash(usize, Mask),
    /// It gives a void.
    Void(usize),
    /// It is restored with an empty journal.
    Restore,
}

/// A step and where it leads.
#[derive(Debug, Clone, Copy)]
pub(super) struct Move {
    pub(super) step: Step,
    pub(super) to: u32,
    /// What a chain must show to be dead first; nothing for a signer without that error.
    pub(super) dead: Mask,
}

/// What tells places apart.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Key {
    /// What the journal remembers, each with the ancestors that were carried; sorted.
    pub(super) remembered: Vec<(usize, Mask)>,
    /// The last one of each line, where that is to make a difference.
    pub(super) last: Mask,
    /// The signatures that are out, also from before a restore.
    pub(super) out: Mask,
    /// The voids that the journal remembers.
    pub(super) voids: Mask,
    /// The voids that others hold, also from before a restore.
    pub(super) claims: Mask,
    /// Restored after the first time (1) or after the second (2).
    pub(super) reborn: u8,
}

/// A place.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) key: Key,
    history: History,
    pub(super) moves: Vec<Move>,
    /// Which of the means of an honest coordinator this signer signs, by number.
    pub(super) grants: Vec<u64>,
}

/// All places of a signer; the first is where it begins.
#[derive(Debug)]
pub(super) struct Places {
    pub(super) all: Vec<Place>,
    pub(super) numbers: HashMap<Key, u32>,
    /// A transaction that excludes everything and is refused nevertheless.
    pub(super) needless: Option<String>,
}

impl Key {
    fn mask(&self) -> Mask {
        self.remembered
            .iter()
            .fold(0, |mask, (number, _)| mask | bit(*number))
    }
}

impl Places {
    /// Finds every place.
    pub(super) fn explore(
        universe: &Universe,
        bounds: Bounds,
        error: Option<Error>,
        means: &Means,
    ) -> Self {
        let signer = Signer {
            universe,
            bounds,
            error,
        };
        let mut places = Self {
            all: Vec::new(),
            numbers: HashMap::new(),
            needless: None,
        };
        places.reach(Key::default(), || History::begin(UnixTime::ZERO));
        let mut next = 0;
        while next < places.all.len() {
            let key = places.all[next].key.clone();
            for (step, dead, key) in signer.steps(&places.all[next]) {
                let from = &places.all[next];
                let history = signer.after(from, &key, step);
                let to = places.reach(key, || history);
                places.all[next].moves.push(Move { step, to, dead });
            }
            let place = &places.all[next];
            let refused = means
                .all
                .iter()
                .enumerate()
                .filter(|(_, one)| !signer.grants(place, one));
            let refused: Vec<usize> = refused.map(|(number, _)| number).collect();
            if places.needless.is_none() && signer.remembers_all(&key) {
                let needless = refused.iter().map(|number| &means.all[*number]);
                let mut needless =
                    needless.filter(|one| one.excludes(universe, key.mask(), key.reborn));
                places.needless = needless
                    .next()
                    .map(|one| one.refused_after(universe, key.mask()));
            }
            places.all[next].grants = means.all_but(&refused);
            next += 1;
        }
        places
    }

    fn reach(&mut self, key: Key, history: impl FnOnce() -> History) -> u32 {
        if let Some(known) = self.numbers.get(&key) {
            return *known;
        }
        let number = u32::try_from(self.all.len()).expect("places fit in memory");
        self.numbers.insert(key.clone(), number);
        self.all.push(Place {
            key,
            history: history(),
            moves: Vec::new(),
            grants: Vec::new(),
        });
        number
    }
}

/// A signer of a world, with its error if it has one.
struct Signer<'u> {
    universe: &'u Universe,
    bounds: Bounds,
    error: Option<Error>,
}

impl Signer<'_> {
    /// Everything that can happen at a place: the step, what must be dead for it, and where it leads.
    fn steps(&self, place: &Place) -> Vec<(Step, Mask, Key)> {
        let key = &place.key;
        let mut steps = Vec::new();
        for number in
            numbers(!self.universe.own).take_while(|one| *one < self.universe.transactions.len())
        {
            let most = match self.bounds.carried {
                Carried::All => 1,
                Carried::Any => usize::MAX,
            };
            for carried in self.universe.carryings(number).into_iter().take(most) {
                let carried = if self.error == Some(Error::AncestorsDoNotCount) {
                    0
                } else {
                    carried
                };
                let Some(next) = self.remembering(key, number, carried) else {
                    continue;
                };
                if next == *key {
                    continue;
                }
                let Some(dead) = self.signs(place, number, carried) else {
                    continue;
                };
                if self.bounds.crashes && next.out != key.out {
                    let crashed = if self.error == Some(Error::WrittenTooLate) {
                        Key {
                            out: next.out,
                            ..key.clone()
                        }
                    } else {
                        Key {
                            out: key.out,
                            ..next.clone()
                        }
                    };
                    if crashed != *key {
                        steps.push((Step::Crash(number, carried), dead, crashed));
                    }
                }
                steps.push((Step::Sign(number, carried), dead, next));
            }
            let signed = key.mask() & bit(number) != 0;
            // A journal that was restored empty may have signed before what is older than itself.
            let may_say = self.is_young(place, &self.universe.transactions[number].pays)
                || self.error == Some(Error::VoidAfterRestore);
            if !signed
                && may_say
                && key.claims & bit(number) == 0
                && key.claims.count_ones() < self.bounds.voids
            {
                let next = Key {
                    voids: key.voids | bit(number),
                    claims: key.claims | bit(number),
                    ..key.clone()
                };
                steps.push((Step::Void(number), 0, next));
            }
        }
        if self.bounds.restores && key.reborn == 0 {
            let later = |number: usize| {
                let pays: &[usize] = &self.universe.transactions[number].pays;
                self.universe.time_of(pays) > 0
            };
            let next = Key {
                out: key.out,
                claims: key.claims,
                reborn: if numbers(key.out | key.claims).any(later) {
                    2
                } else {
                    1
                },
                ..Key::default()
            };
            steps.push((Step::Restore, 0, next));
        }
        steps
    }

    /// What is remembered after signing; nothing if that is more than there may be.
    fn remembering(&self, key: &Key, number: usize, carried: Mask) -> Option<Key> {
        let mut next = key.clone();
        match next
            .remembered
            .iter_mut()
            .find(|(known, _)| *known == number)
        {
            Some(known) => known.1 |= carried,
            None => next.remembered.push((number, carried)),
        }
        next.remembered.sort_unstable();
        next.out |= bit(number);
        if self.bounds.orders {
            let earlier =
                numbers(key.last).filter(|last| self.universe.share_a_line(*last, number));
            next.last = earlier.fold(key.last, |last, one| last & !bit(one)) | bit(number);
        }
        let count = u32::try_from(next.remembered.len()).ok()?;
        (count <= self.bounds.attempts).then_some(next)
    }

    /// Whether it signs; what must be dead for it.
    fn signs(&self, place: &Place, number: usize, carried: Mask) -> Option<Mask> {
        let key = &place.key;
        if key.voids & bit(number) != 0 && self.error != Some(Error::VoidIsForgotten) {
            return None;
        }
        let transaction = &self.universe.transactions[number];
        if self.locks(key, &transaction.inputs) || !self.is_young(place, &transaction.pays) {
            return None;
        }
        let clock = self.clock(&transaction.pays);
        let signed = self
            .universe
            .signed(number, carried, place.history.now(clock));
        let remembered = key.mask() & !bit(number);
        let forgotten = Error::forgotten(self.error, self.universe, (number, remembered), key.last);
        let admits = |forgotten: Mask| {
            if forgotten == 0 {
                place.history.admits(&signed).is_ok()
            } else {
                self.history(key, !forgotten).admits(&signed).is_ok()
            }
        };
        if admits(forgotten) {
            return Some(0);
        }
        if self.error != Some(Error::DeadIsForgotten) {
            return None;
        }
        let alone = |other: &usize| self.history(key, bit(*other)).admits(&signed).is_err();
        let dead = numbers(remembered)
            .filter(alone)
            .fold(0, |all, other| all | bit(other));
        admits(dead).then_some(dead)
    }

    /// Whether all that is paid is for a journal of its birth, as review asks it.
    fn is_young(&self, place: &Place, pays: &[usize]) -> bool {
        if self.error == Some(Error::BirthIsForgotten) {
            return true;
        }
        let now = place.history.now(self.clock(pays));
        let created = |asked: usize| self.universe.asked[asked].intent.created;
        let is_young = |asked: usize| {
            place
                .history
                .check_created(created(asked), now, SKEW, SKEW)
                .is_ok()
        };
        pays.iter().all(|paid| {
            let replaced = self.universe.asked[*paid].replaces;
            let replaced = replaced.filter(|_| self.error != Some(Error::ReplacedIsForgotten));
            is_young(*paid) && replaced.is_none_or(is_young)
        })
    }

    fn clock(&self, pays: &[usize]) -> UnixTime {
        let time = self.universe.time_of(pays);
        [SIGNED, LATER, LAST][usize::from(time)]
    }

    fn locks(&self, key: &Key, inputs: &[super::universe::Output]) -> bool {
        self.error == Some(Error::VoidLocksCoins)
            && self
                .universe
                .spent_by(key.voids)
                .iter()
                .any(|spent| inputs.contains(spent))
    }

    /// The history of what a journal remembers, as far as it is within a mask.
    fn history(&self, key: &Key, within: Mask) -> History {
        let mut history = History::begin(match key.reborn {
            0 => UnixTime::ZERO,
            1 => REBORN,
            _ => REBORN_LATER,
        });
        for (number, carried) in &key.remembered {
            if within & bit(*number) != 0 {
                history.record(self.universe.signed(*number, *carried, SIGNED));
            }
        }
        history
    }

    /// The journal after a step.
    fn after(&self, from: &Place, key: &Key, step: Step) -> History {
        match step {
            Step::Sign(number, carried) | Step::Crash(number, carried)
                if key.remembered != from.key.remembered =>
            {
                let mut history = from.history.clone();
                let clock = self.clock(&self.universe.transactions[number].pays);
                let at = history.now(clock);
                history.record(self.universe.signed(number, carried, at));
                history
            }
            Step::Sign(..) | Step::Crash(..) | Step::Void(_) => from.history.clone(),
            Step::Restore => self.history(key, 0),
        }
    }

    /// Whether it signs one of the means of an honest coordinator.
    fn grants(&self, place: &Place, one: &super::means::Mean) -> bool {
        let signed = one.signed(self.universe, self.error, place.history.now(LAST));
        !self.locks(&place.key, &one.transaction.inputs)
            && self.is_young(place, &one.transaction.pays)
            && place.history.admits(&signed).is_ok()
    }

    /// Whether the journal knows all ancestors of what it remembers.
    fn remembers_all(&self, key: &Key) -> bool {
        let mut remembered = key.remembered.iter();
        let expected = |number: usize| self.universe.closure(number) & !bit(number);
        remembered.all(|(number, carried)| {
            *carried == expected(*number) || self.error == Some(Error::AncestorsDoNotCount)
        })
    }
}
