//! What happens in a life, drawn from the seed before it begins: every kind of step, every forced depth, then chance.

use super::super::draw::Draw;

/// The deepest reorg.
pub(super) const DEEPEST: u32 = 144;
/// Depths that no life is without: one, the six of habit and one more, one more than a node remembers, and the
/// depths at which coinbases ripen and bitcoind's own margin ends.
const FORCED: [u32; 6] = [1, 6, 7, 11, 100, DEEPEST];

/// One step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// A user pays in.
    Pay,
    /// Blocks with what waits.
    Mine,
    /// Blocks with nothing.
    MineNothing,
    /// A block whose reward is a deposit.
    Coinbase,
    /// A waiting payment is replaced.
    Replace,
    /// A payment is spent otherwise by a block, be it credited or not.
    DoubleSpend,
    /// The last so many blocks are replaced; what the miners of the new ones take is drawn.
    Reorg(u32),
    /// A branch that was left becomes the active chain again.
    Return,
    /// Two nodes mine apart and meet again.
    Partition,
    /// Our programs are killed, and the chain goes on without them.
    KillOurs,
    /// The node is stopped and started.
    RestartNode,
    /// The node comes back with an empty mempool: everything is evicted.
    LoseMempool,
    /// The node loses power, and its last blocks with it.
    CrashNode,
    /// We pay.
    Withdraw,
    /// Users send again what is nowhere.
    SendAgain,
    /// The storm passes.
    Calm,
}

/// Of so many steps one is a calm.
const CALM: usize = 25;

/// What chance chooses from, each as often as it stands here.
const CHANCE: &[(Step, u64)] = &[
    (Step::Pay, 24),
    (Step::Mine, 20),
    (Step::MineNothing, 4),
    (Step::Coinbase, 3),
    (Step::Replace, 9),
    (Step::DoubleSpend, 8),
    (Step::Reorg(0), 12),
    (Step::Return, 5),
    (Step::Partition, 4),
    (Step::KillOurs, 3),
    (Step::RestartNode, 1),
    (Step::LoseMempool, 2),
    (Step::CrashNode, 1),
    (Step::Withdraw, 14),
    (Step::SendAgain, 5),
];

/// The steps of a life.
pub(super) fn plan(draw: &mut Draw, count: usize) -> Vec<Step> {
    let mut forced: Vec<Step> = FORCED.map(Step::Reorg).to_vec();
    let kinds = CHANCE.iter().map(|(step, _)| *step);
    forced.extend(kinds.filter(|step| *step != Step::Reorg(0)));
    let total: u64 = CHANCE.iter().map(|(_, weight)| weight).sum();
    while forced.len() < count {
        let mut chance = draw.below(total);
        let chosen = CHANCE.iter().find(|(_, weight)| {
            let here = chance < *weight;
            chance = chance.saturating_sub(*weight);
            here
        });
        let step = chosen.map_or(Step::Pay, |(step, _)| *step);
        let is_reorg = matches!(step, Step::Reorg(_));
        forced.push(if is_reorg {
            Step::Reorg(depth(draw))
        } else {
            step
        });
    }
    shuffle(draw, &mut forced);
    // Nobody can lose or spend what never came in.
    let mut steps = vec![Step::Pay, Step::Pay, Step::Pay, Step::Mine, Step::Withdraw];
    for (place, step) in forced.into_iter().enumerate() {
        steps.push(step);
        if (place + 1) % CALM == 0 {
            steps.push(Step::Calm);
        }
    }
    steps.push(Step::Calm);
    steps
}

/// A depth `d` with a chance of 1/(d+4), as Bitcoin Core's own test of crashes draws it.
fn depth(draw: &mut Draw) -> u32 {
    const SCALE: u64 = 1_000_000;
    let weight = |depth: u32| SCALE / u64::from(depth + 4);
    let total: u64 = (1..=DEEPEST).map(weight).sum();
    let mut chance = draw.below(total);
    for depth in 1..DEEPEST {
        if chance < weight(depth) {
            return depth;
        }
        chance -= weight(depth);
    }
    DEEPEST
}

fn shuffle(draw: &mut Draw, steps: &mut [Step]) {
    for place in (1..steps.len()).rev() {
        steps.swap(place, draw.place(place + 1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_life_has_every_forced_depth_and_every_kind_of_step() {
        let steps = plan(&mut Draw::new(7), 60);
        for depth in FORCED {
            assert!(steps.contains(&Step::Reorg(depth)), "{depth}");
        }
        for (step, _) in CHANCE {
            let kind = std::mem::discriminant(step);
            assert!(
                steps
                    .iter()
                    .any(|other| std::mem::discriminant(other) == kind)
            );
        }
        assert_eq!(steps, plan(&mut Draw::new(7), 60));
        assert_ne!(steps, plan(&mut Draw::new(8), 60));
    }

    #[test]
    fn shallow_reorgs_are_more_frequent_than_deep_ones() {
        let mut draw = Draw::new(1);
        let depths: Vec<u32> = (0..4_000).map(|_| depth(&mut draw)).collect();
        let within = |from: u32, to: u32| {
            let within = depths.iter().filter(|depth| (from..=to).contains(*depth));
            within.count()
        };
        assert!(within(1, 5) > 2 * within(30, 34));
        assert!(within(100, DEEPEST) > 100);
        assert_eq!(within(1, DEEPEST), 4_000);
    }
}
