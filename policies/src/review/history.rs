//! History: what the journal remembers. A withdrawal's line is paid at most once in any chain (money
//! rule M2), change stays within reach of a restored wallet, and fees keep to the budgets (M7). A journal
//! that was rolled back, cloned or moved away signs nothing.

use std::collections::BTreeSet;

use bitcoin::{Amount, Txid};

use super::refusal::{ChangeRefusal, JournalRefusal};
use super::{Refusal, ReviewedChange};
use crate::document::Policy;
use crate::ids::{KeyId, Subject};
use crate::journal::{AncestorInputs, Fault, History, SignedTransaction, SpendMode};
use crate::planted::{Bug, planted};
use crate::psbt::StrictPsbt;
use crate::rules::persons_of;

/// The most ancestors that a file may carry.
pub(super) const MAX_ANCESTORS: usize = 200;

/// The most inputs that all of them together may have: each is remembered for ever.
pub(super) const MAX_ANCESTOR_INPUTS: usize = 2_000;

/// The most that is remembered of one line, in what an input takes: two hundred attempts, more than fee bumps
/// need, and little enough that nobody fills a journal with a few withdrawals.
pub(super) const MAX_REMEMBERED: usize = 20_000;

/// Returns what the carried ancestors spend; each must be tied by txid to an input of the transaction or of
/// another carried ancestor.
pub(super) fn ancestors(psbt: &StrictPsbt, refusals: &mut Vec<Refusal>) -> Vec<AncestorInputs> {
    let carried = &psbt.manifest().ancestors;
    if carried.len() > MAX_ANCESTORS {
        refusals.push(Refusal::Journal(JournalRefusal::TooManyAncestors {
            found: carried.len(),
            max: MAX_ANCESTORS,
        }));
        return Vec::new();
    }
    let inputs = carried.values().map(|ancestor| ancestor.input.len());
    let inputs = inputs.fold(0_usize, usize::saturating_add);
    if inputs > MAX_ANCESTOR_INPUTS {
        refusals.push(Refusal::Journal(JournalRefusal::AncestorsTooLarge {
            found: inputs,
            max: MAX_ANCESTOR_INPUTS,
        }));
        return Vec::new();
    }
    let mut tied: BTreeSet<Txid> = BTreeSet::new();
    let mut waiting = vec![psbt.transaction()];
    while let Some(transaction) = waiting.pop() {
        for txin in &transaction.input {
            let txid = txin.previous_output.txid;
            if let Some(ancestor) = carried.get(&txid)
                && tied.insert(txid)
            {
                waiting.push(ancestor);
            }
        }
    }
    let unrelated =
        (carried.keys()).filter(|txid| !tied.contains(*txid) && !planted(Bug::AncestorUnrelated));
    refusals.extend(
        unrelated.map(|txid| Refusal::Journal(JournalRefusal::AncestorUnrelated { txid: *txid })),
    );
    let spends = |(txid, ancestor): (&Txid, &bitcoin::Transaction)| AncestorInputs {
        txid: *txid,
        inputs: ancestor
            .input
            .iter()
            .map(|txin| txin.previous_output)
            .collect(),
    };
    let related = carried.iter().filter(|(txid, _)| tied.contains(*txid));
    related.map(spends).collect()
}

/// Examines the transaction against all that was signed before.
pub(super) fn examine(
    signed: &SignedTransaction,
    changes: &[ReviewedChange],
    policy: &Policy,
    history: &History,
    refusals: &mut Vec<Refusal>,
) {
    let max = history.index_bound();
    let far = |change: &&ReviewedChange| change.index > max && !planted(Bug::ChangeIndex);
    for change in changes.iter().filter(far) {
        let output = usize::try_from(change.output).unwrap_or(usize::MAX);
        refusals.push(Refusal::Change(ChangeRefusal::IndexTooFar {
            output,
            index: change.index,
            max,
        }));
    }
    if let Some(budget) = policy.limits.fee_budget {
        let since = signed.at.saturating_sub(budget.window);
        let fees = history.fees_in_window(signed, since);
        if fees > budget.amount && !planted(Bug::FeeBudget) {
            refusals.push(Refusal::Journal(JournalRefusal::FeeBudget {
                fees,
                budget: budget.amount,
                window: budget.window,
            }));
        }
    }
    let found = history.remembered_of(signed);
    if found >= MAX_REMEMBERED {
        refusals.push(Refusal::Journal(JournalRefusal::TooManyAttempts {
            found,
            max: MAX_REMEMBERED,
        }));
    }
    match history.admits(signed) {
        // An empty transaction was refused for its structure already.
        Ok(()) | Err(Fault::NoInputs { .. }) => {}
        Err(fault) => refusals.push(Refusal::History(fault)),
    }
}

/// Examines a spend to ourselves: within its own budget, or approved as maintenance. Returns the persons who
/// approved it.
pub(super) fn examine_self_spend(
    signed: &SignedTransaction,
    policy: &Policy,
    maintenance: &[KeyId],
    stopped: Option<Subject>,
    history: &History,
    refusals: &mut Vec<Refusal>,
) -> Vec<String> {
    let quorum = policy.maintenance.as_ref();
    let approved = quorum.map_or_else(Vec::new, |quorum| {
        persons_of(policy, quorum.group.as_deref(), maintenance)
    });
    let granted = history.granted(signed) && stopped.is_none();
    if signed.mode != SpendMode::SelfSpend || granted {
        return approved;
    }
    let budget = policy.limits.self_spend_budget;
    let (fees, count) = match budget {
        Some(budget) => history.self_spends_in_window(signed.at.saturating_sub(budget.window)),
        None => (Amount::ZERO, 0),
    };
    let fees = fees.checked_add(signed.fee).unwrap_or(Amount::MAX_MONEY);
    let count = count.saturating_add(1);
    let within = budget.is_some_and(|budget| fees <= budget.amount && count <= budget.count);
    let maintained = quorum.is_some_and(|quorum| {
        let needed = usize::try_from(quorum.count);
        let found = if planted(Bug::Maintenance) {
            maintenance.len()
        } else {
            approved.len()
        };
        needed.is_ok_and(|needed| found >= needed)
    });
    if let Some(stop) = stopped {
        if !maintained {
            refusals.push(Refusal::Journal(JournalRefusal::StoppedSelfSpend {
                stop,
                needed: quorum.map(|quorum| quorum.count),
                approved: approved.clone(),
            }));
        }
    } else if !within && !maintained && !planted(Bug::SelfSpendBudget) {
        refusals.push(Refusal::Journal(JournalRefusal::SelfSpendBudget {
            fees,
            count,
            needed: quorum.map(|quorum| quorum.count),
            approved: approved.clone(),
        }));
    }
    approved
}

/// Examines the receipts: those of this journal must not know more of it than it knows itself.
pub(super) fn examine_receipts(
    psbt: &StrictPsbt,
    policy: &Policy,
    history: &History,
    refusals: &mut Vec<Refusal>,
) {
    // Whose journal it is says nothing here: one that moved has a key that only its own history knows.
    for (journal, receipt) in &psbt.manifest().receipts {
        if let Err(error) = receipt.verify(policy.vault, journal) {
            refusals.push(Refusal::Journal(JournalRefusal::ReceiptWrong {
                journal: *journal,
                error,
            }));
            continue;
        }
        if let Some(rollback) = history.rolled_back(&receipt.body)
            && !planted(Bug::Rollback)
        {
            refusals.push(Refusal::Journal(JournalRefusal::RolledBack { rollback }));
        }
    }
}
