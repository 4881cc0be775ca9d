//! What signing cost: fees and spends to ourselves over a time, as budgets count them (money rule M7).

use bitcoin::Amount;

use super::{History, Recorded};
use crate::journal::entry::{SignedTransaction, SpendMode};
use crate::journal::exclusive::{Spends, fees_of_groups, sum};
use crate::time::UnixTime;

impl History {
    /// The most that fees can cost of all that was signed after `since`, `new` included: transactions
    /// each exclusive with every other of their group count as one, at the group's highest fee. What was
    /// signed before costs nothing again, unless its fee is higher than it was shown then: amounts of
    /// taproot inputs are only claimed, and a signature over false ones is worth nothing.
    pub fn fees_in_window(&self, new: &SignedTransaction, since: UnixTime) -> Amount {
        let spends = Spends::of(new);
        let known = self.recorded(&new.txid).map(|one| one.fee);
        let raised = known.is_none_or(|fee| new.fee > fee);
        let added = raised.then_some((&spends, new.fee));
        let signed = self
            .signed_after(since)
            .filter(|one| !raised || one.txid != new.txid)
            .map(|one| (&one.spends, one.fee));
        let fees = fees_of_groups(signed.chain(added));
        fees.checked_add(self.spent_elsewhere)
            .filter(|sum| *sum <= Amount::MAX_MONEY)
            .unwrap_or(Amount::MAX_MONEY)
    }

    /// Whether this very transaction was signed before in the same mode, and with no lower fee.
    pub fn granted(&self, signed: &SignedTransaction) -> bool {
        self.recorded(&signed.txid)
            .is_some_and(|known| known.mode == signed.mode && known.fee >= signed.fee)
    }

    /// As [`History::fees_in_window`], with nothing new.
    pub fn fees_since(&self, since: UnixTime) -> Amount {
        fees_of_groups(self.signed_after(since).map(|one| (&one.spends, one.fee)))
    }

    /// The fees and the number of the self-spends that were signed after `since`.
    pub fn self_spends_in_window(&self, since: UnixTime) -> (Amount, u32) {
        let fees = self
            .signed_after(since)
            .filter(|one| one.mode == SpendMode::SelfSpend)
            .map(|one| one.fee);
        let fees: Vec<Amount> = fees.collect();
        let count = u32::try_from(fees.len()).unwrap_or(u32::MAX);
        (sum(fees), count)
    }

    /// When each transaction counted after a moment was signed, in order of time; those of one mode alone
    /// where one is named.
    pub(in crate::journal) fn times_after(
        &self,
        since: UnixTime,
        mode: Option<SpendMode>,
    ) -> impl Iterator<Item = UnixTime> {
        self.signed_after(since)
            .filter(move |one| mode.is_none_or(|mode| one.mode == mode))
            .map(|one| one.at)
    }

    /// The transactions first signed after a moment, in order of time.
    fn signed_after(&self, since: UnixTime) -> impl Iterator<Item = &Recorded> {
        let place = self.times.partition_point(|(at, _)| *at <= since);
        let times = self.times.iter().skip(place);
        times.filter_map(|(_, number)| self.numbered(*number))
    }
}
