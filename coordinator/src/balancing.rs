//! Which vault should pay which, so that each stays between its marks. Pure.
//!
//! A vault below its low mark is refilled, one above its high mark is drained, each to the middle between
//! the two. What is under way counts as there, so that nothing is proposed twice, and no vault is emptied
//! below its own low mark to help another. A proposal moves nothing: it becomes an intent of kind
//! `transfer` that a requester signs and the rules decide.
#![deny(clippy::arithmetic_side_effects)]

use bitcoin::Amount;
use policies::VaultId;

/// Between what a vault should stay, and with which vaults it balances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marks {
    /// Below this it is refilled.
    pub low: Amount,
    /// Above this it is drained.
    pub high: Amount,
    /// The vault that refills it.
    pub refill_from: Option<VaultId>,
    /// The vault that it is drained to.
    pub drain_to: Option<VaultId>,
}

/// What a vault has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    /// The vault.
    pub vault: VaultId,
    /// What it may spend: settled coins that nothing holds, less what is promised.
    pub free: Amount,
    /// What is on its way to it: deposits that are not settled, transfers that are not broadcast.
    pub coming: Amount,
    /// Its marks, if it has any.
    pub marks: Option<Marks>,
}

/// Where a vault stands between its marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Below the low one.
    Below,
    /// Between them.
    Within,
    /// Above the high one.
    Above,
}

impl Level {
    /// Its name, as in JSON and in the table.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Below => "below",
            Self::Within => "within",
            Self::Above => "above",
        }
    }
}

/// Why a transfer is proposed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The paid vault is below its low mark.
    Refill,
    /// The paying vault is above its high mark.
    Drain,
}

impl Reason {
    /// Its name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Refill => "refill",
            Self::Drain => "drain",
        }
    }
}

/// A transfer worth asking for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proposal {
    /// The vault that pays.
    pub from: VaultId,
    /// The vault that is paid.
    pub to: VaultId,
    /// How much.
    pub amount: Amount,
    /// Why.
    pub reason: Reason,
    /// What would be needed and the paying vault cannot spare.
    pub lacking: Amount,
}

impl Marks {
    /// The middle between the marks, to which a vault is refilled or drained.
    pub fn target(&self) -> Amount {
        let between = self.high.checked_sub(self.low).unwrap_or(Amount::ZERO);
        let half = between.checked_div(2).unwrap_or(Amount::ZERO);
        self.low.checked_add(half).unwrap_or(self.low)
    }
}

impl Holding {
    /// What it has and will have.
    pub fn expected(&self) -> Amount {
        self.free
            .checked_add(self.coming)
            .unwrap_or(Amount::MAX_MONEY)
    }

    /// Where it stands; within where it has no marks.
    pub fn level(&self) -> Level {
        match self.marks {
            Some(marks) if self.expected() < marks.low => Level::Below,
            Some(marks) if self.expected() > marks.high => Level::Above,
            Some(_) | None => Level::Within,
        }
    }

    /// What it can give to another without falling below its own low mark.
    fn spare(&self) -> Amount {
        let kept = self.marks.map_or(Amount::ZERO, |marks| marks.low);
        self.free.checked_sub(kept).unwrap_or(Amount::ZERO)
    }
}

/// The transfers worth asking for, refills first, in the order of the vaults. What is less than `least`, or
/// comes from a vault that is not here, is not proposed.
pub fn proposals(holdings: &[Holding], least: Amount) -> Vec<Proposal> {
    let mut proposals: Vec<Proposal> = Vec::new();
    for poor in holdings.iter().filter(|one| one.level() == Level::Below) {
        let Some(marks) = poor.marks else { continue };
        let wanted = missing(marks.target(), poor.expected());
        let from = marks.refill_from;
        propose(
            holdings,
            from,
            Some(poor.vault),
            wanted,
            Reason::Refill,
            &mut proposals,
        );
    }
    for rich in holdings.iter().filter(|one| one.level() == Level::Above) {
        let Some(marks) = rich.marks else { continue };
        // A refill of another vault may have taken it down already.
        let given = given_by(rich.vault, &proposals);
        let left = rich.expected().checked_sub(given).unwrap_or(Amount::ZERO);
        if left > marks.high {
            let wanted = missing(left, marks.target());
            let to = marks.drain_to;
            propose(
                holdings,
                Some(rich.vault),
                to,
                wanted,
                Reason::Drain,
                &mut proposals,
            );
        }
    }
    proposals.retain(|proposal| proposal.amount >= least);
    proposals
}

fn propose(
    holdings: &[Holding],
    from: Option<VaultId>,
    to: Option<VaultId>,
    wanted: Amount,
    reason: Reason,
    proposals: &mut Vec<Proposal>,
) {
    let (Some(from), Some(to)) = (from, to) else {
        return;
    };
    let is_here = holdings.iter().any(|one| one.vault == to);
    let Some(payer) = holdings.iter().find(|one| one.vault == from && is_here) else {
        return;
    };
    let spare = payer.spare().checked_sub(given_by(from, proposals));
    let amount = wanted.min(spare.unwrap_or(Amount::ZERO));
    proposals.push(Proposal {
        from,
        to,
        amount,
        reason,
        lacking: missing(wanted, amount),
    });
}

/// What a vault gives by the proposals made so far.
fn given_by(vault: VaultId, proposals: &[Proposal]) -> Amount {
    let mut given = proposals.iter().filter(|one| one.from == vault);
    given
        .try_fold(Amount::ZERO, |sum, one| sum.checked_add(one.amount))
        .unwrap_or(Amount::MAX_MONEY)
}

fn missing(target: Amount, there: Amount) -> Amount {
    target.checked_sub(there).unwrap_or(Amount::ZERO)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id(byte: u8) -> VaultId {
        VaultId::from_bytes([byte; 32])
    }

    fn sat(sat: u64) -> Amount {
        Amount::from_sat(sat)
    }

    fn marks(low: u64, high: u64, refill_from: Option<u8>, drain_to: Option<u8>) -> Marks {
        Marks {
            low: sat(low),
            high: sat(high),
            refill_from: refill_from.map(id),
            drain_to: drain_to.map(id),
        }
    }

    fn holding(vault: u8, free: u64, coming: u64, marks: impl Into<Option<Marks>>) -> Holding {
        Holding {
            vault: id(vault),
            free: sat(free),
            coming: sat(coming),
            marks: marks.into(),
        }
    }

    fn told(proposals: &[Proposal]) -> Vec<(VaultId, VaultId, u64, Reason, u64)> {
        let one = |p: &Proposal| {
            (
                p.from,
                p.to,
                p.amount.to_sat(),
                p.reason,
                p.lacking.to_sat(),
            )
        };
        proposals.iter().map(one).collect()
    }

    #[test]
    fn a_poor_vault_is_refilled_to_the_middle_and_a_rich_one_drained_to_it() {
        let hot = |free| holding(1, free, 0, marks(100, 200, Some(2), Some(2)));
        let warm = holding(2, 1_000, 0, marks(500, 5_000, None, None));
        let found = |free| told(&proposals(&[hot(free), warm.clone()], sat(1)));
        assert_eq!(found(99), [(id(2), id(1), 51, Reason::Refill, 0)]);
        assert_eq!(found(100), []);
        assert_eq!(found(200), []);
        assert_eq!(found(201), [(id(1), id(2), 51, Reason::Drain, 0)]);
    }

    #[test]
    fn what_is_under_way_is_not_proposed_again() {
        let warm = holding(2, 1_000, 0, None);
        let hot = |coming| holding(1, 40, coming, marks(100, 200, Some(2), None));
        let found = |coming| told(&proposals(&[hot(coming), warm.clone()], sat(1)));
        assert_eq!(found(50), [(id(2), id(1), 60, Reason::Refill, 0)]);
        assert_eq!(found(60), []);
    }

    #[test]
    fn no_vault_falls_below_its_own_low_mark_to_help_others() {
        let poor = |vault| holding(vault, 0, 0, marks(100, 200, Some(3), None));
        let warm = holding(3, 700, 0, marks(500, 900, None, None));
        let found = told(&proposals(&[poor(1), poor(2), warm], sat(1)));
        assert_eq!(
            found,
            [
                (id(3), id(1), 150, Reason::Refill, 0),
                (id(3), id(2), 50, Reason::Refill, 100)
            ]
        );
    }

    #[test]
    fn crumbs_strangers_and_vaults_without_marks_are_left_alone() {
        let hot = holding(1, 99, 0, marks(100, 101, Some(2), None));
        let warm = holding(2, 1_000, 0, None);
        assert_eq!(proposals(&[hot.clone(), warm.clone()], sat(2)), []);
        assert_eq!(proposals(&[hot, holding(9, 5_000, 0, None)], sat(1)), []);
        let lost = holding(1, 900, 0, marks(1, 2, None, Some(8)));
        assert_eq!(proposals(&[lost, warm], sat(1)), []);
    }

    #[test]
    fn a_refill_counts_before_the_payer_is_drained() {
        let hot = holding(1, 0, 0, marks(100, 300, Some(2), None));
        let warm = holding(2, 1_000, 0, marks(400, 800, None, Some(3)));
        let cold = holding(3, 0, 0, None);
        let found = told(&proposals(&[hot, warm, cold], sat(1)));
        assert_eq!(
            found,
            [(id(2), id(1), 200, Reason::Refill, 0)],
            "what is left is not above the high mark"
        );
    }

    proptest! {
        #[test]
        fn nothing_is_proposed_that_is_not_there_and_doing_it_ends_it(
            vaults in proptest::collection::vec((0_u64..10_000, 0_u64..2_000, 0_u64..3_000, 0_u64..3_000, any::<u8>(), any::<u8>()), 1..6),
        ) {
            let count = u8::try_from(vaults.len()).expect("few");
            let holdings: Vec<Holding> = (0_u8..)
                .zip(&vaults)
                .map(|(vault, (free, coming, low, more, from, to))| {
                    let other = |choice: u8| choice.checked_rem(count).filter(|other| *other != vault);
                    holding(vault, *free, *coming, marks(*low, low.saturating_add(*more), other(*from), other(*to)))
                })
                .collect();
            let proposed = proposals(&holdings, sat(1));
            for one in &holdings {
                let given: u64 = proposed.iter().filter(|p| p.from == one.vault).map(|p| p.amount.to_sat()).sum();
                let low = one.marks.map_or(0, |marks| marks.low.to_sat());
                prop_assert!(given == 0 || given.saturating_add(low) <= one.free.to_sat());
            }
            for proposal in &proposed {
                prop_assert!(proposal.from != proposal.to);
                prop_assert!(proposal.amount > Amount::ZERO);
            }
        }
    }
}
