//! The search: every way in which some signers can come to their places, each judged under every chain.
//!
//! Coordinators have no state: whatever two of them that race, forget in a crash, or lie could hand over, in
//! any order and to whomever, is handed over. Neither has the chain: after each step it may be any that can be
//! made of what is completely signed, so that a reorg of any depth is within each state. Signers may be
//! exchanged, and coins and withdrawals where the world stays the same: such states are one.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use super::errors::Error;
use super::means::Means;
use super::signer::{Bounds, Key, Places, Step};
use super::stuck::Judge;
use super::universe::{Mask, Universe, numbers};

/// The most honest signers of a search.
const MOST: usize = 4;

/// Where every honest signer is, sorted; places that are not used are the first.
type State = [u32; MOST];

/// A small world, its signers, and how much they may do.
#[derive(Debug, Clone)]
pub(super) struct Scene {
    pub(super) name: &'static str,
    pub(super) universe: Universe,
    /// Signers that keep the rules.
    pub(super) honest: usize,
    /// Signers that sign everything, and whose voids mean nothing.
    pub(super) dishonest: usize,
    /// How many signatures spend.
    pub(super) threshold: usize,
    pub(super) bounds: Bounds,
    /// The withdrawal that is asked for when another cannot be paid.
    pub(super) repeat: usize,
    /// Whether every open withdrawal must be payable, in any state.
    pub(super) always_payable: bool,
    /// Steps at most.
    pub(super) steps: u32,
}

/// What a search found.
#[derive(Debug, Default)]
pub(super) struct Searched {
    pub(super) places: usize,
    pub(super) states: u64,
    /// States, each under each of its chains.
    pub(super) with_chains: u64,
    pub(super) transitions: u64,
    pub(super) depth: u32,
    /// Whether everything within the bounds was seen, and not only what the steps allow.
    pub(super) whole: bool,
    /// Open withdrawals under some chain that can be paid exclusively, and that only a repetition pays.
    pub(super) payable: u64,
    pub(super) repeated: u64,
    /// The first violation and the shortest way to it.
    pub(super) violation: Option<Vec<String>>,
}

/// How signers, coins and withdrawals combine.
struct Search<'s> {
    scene: &'s Scene,
    error: Option<Error>,
    places: Places,
    /// For each symmetry of the world, where each place goes.
    symmetries: Vec<Vec<u32>>,
    forbidden: Vec<(usize, usize, Mask)>,
    /// The sets of honest signers who complete a transaction together with the dishonest ones.
    completing: Vec<Vec<usize>>,
    /// The sets of honest signers without whom nothing can be completed.
    blocking: Vec<Vec<usize>>,
    judge: Judge,
    chains: HashMap<Mask, Vec<Mask>>,
    judged: HashSet<Mask>,
}

impl Scene {
    /// Searches all of it, or until the first violation.
    pub(super) fn search(&self, error: Option<Error>) -> Searched {
        let means = Means::of(&self.universe, self.repeat);
        let places = Places::explore(&self.universe, self.bounds, error, &means);
        let symmetries = symmetries(&self.universe, self.repeat);
        let symmetries = symmetries
            .iter()
            .filter_map(|by| moved(&places, by))
            .collect();
        let completing = subsets(self.honest, self.threshold.saturating_sub(self.dishonest));
        let left = self.honest + self.dishonest + 1 - self.threshold;
        let mut search = Search {
            scene: self,
            error,
            symmetries,
            forbidden: self.universe.forbidden(),
            completing,
            blocking: subsets(self.honest, left),
            judge: Judge::new(&self.universe, &means, subsets(self.honest, self.threshold)),
            places,
            chains: HashMap::new(),
            judged: HashSet::new(),
        };
        search.run()
    }
}

impl Search<'_> {
    fn run(&mut self) -> Searched {
        let mut found = Searched {
            places: self.places.all.len(),
            whole: true,
            ..Searched::default()
        };
        if let Some(needless) = self.places.needless.take() {
            let line =
                format!("STUCK: a signer refuses {needless}, although it excludes all of that");
            found.violation = Some(vec![line]);
            return found;
        }
        let first: State = [0; MOST];
        let mut known: HashMap<State, u32> = HashMap::from([(first, 0)]);
        let mut states = vec![(first, 0_u32)];
        let (mut next, mut layer) = (0, 1);
        while next < states.len() {
            if next == layer {
                layer = states.len();
                found.depth += 1;
            }
            let state = states[next].0;
            if let Some(wrong) = self.judge(state, &mut found) {
                let mut way = vec![next];
                while let Some(at) = way.last().copied().filter(|at| *at > 0) {
                    way.push(index(states[at].1));
                }
                let way: Vec<State> = way.iter().rev().map(|at| states[*at].0).collect();
                found.violation = Some(self.tell(&way, wrong));
                break;
            }
            if found.depth == self.scene.steps {
                found.whole &= !self.moves(state).any(|_| true);
                next += 1;
                continue;
            }
            let moves: Vec<State> = self.moves(state).map(|(_, _, to)| to).collect();
            for to in moves {
                found.transitions += 1;
                let to = self.canonical(to);
                if let Entry::Vacant(place) = known.entry(to) {
                    place.insert(u32::try_from(states.len()).expect("states fit in memory"));
                    states.push((to, u32::try_from(next).expect("states fit in memory")));
                }
            }
            next += 1;
        }
        found.states = u64::try_from(states.len()).unwrap_or(u64::MAX);
        found
    }

    /// What can happen: which signer, which of its steps, and where that leads.
    fn moves(
        &mut self,
        state: State,
    ) -> impl Iterator<Item = (usize, (Step, Mask), State)> + use<'_> {
        let chains = if self.error == Some(Error::DeadIsForgotten) {
            self.chains_of(self.complete(state)).clone()
        } else {
            Vec::new()
        };
        let places = &self.places.all;
        let universe = &self.scene.universe;
        (0..self.scene.honest).flat_map(move |signer| {
            let chains = chains.clone();
            let moves = places[index(state[signer])].moves.iter();
            moves.filter_map(move |one| {
                let chain = if one.dead == 0 {
                    Some(0)
                } else {
                    let mut shown = chains.iter().copied();
                    let is_dead = |chain: Mask| {
                        numbers(one.dead)
                            .all(|dead| !universe.in_one_chain(universe.closure(dead) | chain))
                    };
                    shown.find(|chain| is_dead(*chain))
                }?;
                let mut to = state;
                to[signer] = one.to;
                Some((signer, (one.step, chain), to))
            })
        })
    }

    /// The same state as one of those that it is exchangeable with.
    fn canonical(&self, state: State) -> State {
        let sorted = |mut state: State| {
            state[..self.scene.honest].sort_unstable();
            state
        };
        let moved = self
            .symmetries
            .iter()
            .map(|by| sorted(state.map(|place| by[index(place)])));
        moved.min().unwrap_or_else(|| sorted(state))
    }

    /// What is signed by enough.
    fn complete(&self, state: State) -> Mask {
        let out = |signer: &usize| self.places.all[index(state[*signer])].key.out;
        self.completing.iter().fold(0, |all, set| {
            all | set.iter().map(out).fold(Mask::MAX, |both, one| both & one)
        })
    }

    fn chains_of(&mut self, complete: Mask) -> &Vec<Mask> {
        let universe = &self.scene.universe;
        self.chains
            .entry(complete)
            .or_insert_with(|| universe.chains(complete | universe.own))
    }

    /// What is wrong in a state under one of its chains.
    fn judge(&mut self, state: State, found: &mut Searched) -> Option<String> {
        let complete = self.complete(state);
        if self.judged.insert(complete) {
            let twice = self
                .forbidden
                .iter()
                .find(|(_, _, set)| complete & set == *set);
            if let Some((one, other, _)) = twice {
                return Some(format!(
                    "PAID TWICE: t{one} and t{other} can be in one chain"
                ));
            }
        }
        let claims = |signer: &usize| self.places.all[index(state[*signer])].key.claims;
        let void = self.blocking.iter().fold(0, |all, set| {
            all | set
                .iter()
                .map(claims)
                .fold(Mask::MAX, |both, one| both & one)
        });
        if let Some(broken) = numbers(void & complete).next() {
            return Some(format!(
                "VOID BROKEN: t{broken} is complete, although enough voids say that it never is"
            ));
        }
        let chains = self.chains_of(complete).clone();
        found.with_chains += u64::try_from(chains.len()).unwrap_or(u64::MAX);
        let grants: Vec<&[u64]> = (state.iter().take(self.scene.honest))
            .map(|place| self.places.all[index(*place)].grants.as_slice())
            .collect();
        for chain in chains {
            match self.judge.stuck(&self.scene.universe, chain, &grants) {
                Ok((payable, repeated)) => {
                    found.payable += payable;
                    found.repeated += repeated;
                    if self.scene.always_payable && repeated > 0 {
                        return Some(
                            "STUCK: a withdrawal cannot be paid but by a repetition".to_owned(),
                        );
                    }
                }
                Err(stuck) => return Some(format!("STUCK: {stuck}")),
            }
        }
        None
    }

    /// The way to a violation, step by step. States on it stand for those that they are exchangeable with, so
    /// each step is the first that leads to such a one.
    fn tell(&mut self, way: &[State], wrong: String) -> Vec<String> {
        let mut lines = Vec::new();
        let mut at = way[0];
        for next in &way[1..] {
            let moves: Vec<_> = self.moves(at).collect();
            let mut moves = moves.into_iter();
            let Some((signer, (step, chain), to)) =
                moves.find(|(_, _, to)| self.canonical(*to) == *next)
            else {
                lines.push("the way is lost".to_owned());
                break;
            };
            let name = |number| self.scene.universe.name(number);
            if chain != 0 {
                let chain: Vec<String> =
                    numbers(chain).map(|number| format!("t{number}")).collect();
                lines.push(format!("the chain becomes {}", chain.join(", ")));
            }
            let carrying = |mask: Mask| {
                let carried: Vec<String> =
                    numbers(mask).map(|number| format!("t{number}")).collect();
                if carried.is_empty() {
                    String::new()
                } else {
                    format!(", carrying {}", carried.join(", "))
                }
            };
            lines.push(match step {
                Step::Sign(number, carried) => {
                    format!(
                        "signer {signer} signs {}{}",
                        name(number),
                        carrying(carried)
                    )
                }
                Step::Crash(number, carried) => {
                    format!(
                        "signer {signer} is asked for {}{}, and crashes",
                        name(number),
                        carrying(carried)
                    )
                }
                Step::Void(number) => format!("signer {signer} voids {}", name(number)),
                Step::Restore => format!("signer {signer} is restored with an empty journal"),
            });
            at = to;
        }
        lines.push(wrong);
        lines
    }
}

fn index(place: u32) -> usize {
    usize::try_from(place).expect("a usize has 32 bits")
}

/// The sets of `size` out of so many.
fn subsets(of: usize, size: usize) -> Vec<Vec<usize>> {
    (0_u32..1 << of)
        .filter(|set| usize::try_from(set.count_ones()).is_ok_and(|count| count == size))
        .map(|set| (0..of).filter(|one| set & (1 << one) != 0).collect())
        .collect()
}

/// The ways to exchange coins and withdrawals so that the world stays the same, as what becomes of transactions.
fn symmetries(universe: &Universe, repeat: usize) -> Vec<Vec<usize>> {
    let fixed = |asked: usize| {
        let replaced = universe.asked.iter().any(|one| one.replaces == Some(asked));
        asked == repeat || replaced || universe.asked[asked].replaces.is_some()
    };
    let mut found = Vec::new();
    for coins in permutations(universe.coins) {
        for asked in permutations(universe.asked.len()) {
            let keeps = |(from, to): (usize, &usize)| {
                from == *to
                    || !fixed(from)
                        && !fixed(*to)
                        && universe.asked[from].time == universe.asked[*to].time
            };
            if asked.iter().enumerate().all(keeps) {
                found.extend(universe.exchanged(&coins, &asked));
            }
        }
    }
    found
}

fn permutations(of: usize) -> Vec<Vec<usize>> {
    let mut all = vec![Vec::new()];
    for next in 0..of {
        all = (all.iter())
            .flat_map(|one: &Vec<usize>| {
                (0..=one.len()).map(move |place| {
                    let mut longer = one.clone();
                    longer.insert(place, next);
                    longer
                })
            })
            .collect();
    }
    all
}

/// Where each place goes when transactions are exchanged.
fn moved(places: &Places, by: &[usize]) -> Option<Vec<u32>> {
    let of = |mask: Mask| numbers(mask).fold(0, |all: Mask, number| all | 1 << by[number]);
    let to = |key: &Key| {
        let mut remembered: Vec<(usize, Mask)> = key
            .remembered
            .iter()
            .map(|(number, carried)| (by[*number], of(*carried)))
            .collect();
        remembered.sort_unstable();
        let key = Key {
            remembered,
            last: of(key.last),
            out: of(key.out),
            voids: of(key.voids),
            claims: of(key.claims),
            reborn: key.reborn,
        };
        places.numbers.get(&key).copied()
    };
    places.all.iter().map(|place| to(&place.key)).collect()
}
