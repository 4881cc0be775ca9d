//! History: what the journal remembers. A withdrawal's line is paid at most once in any chain (money
//! rule M2), and change stays within reach of a restored wallet (M7).

use super::{Refusal, ReviewedChange};
use crate::journal::{History, SignedTransaction};

/// Examines the transaction against all that was signed before.
pub(super) fn examine(
    signed: &SignedTransaction,
    changes: &[ReviewedChange],
    history: &History,
    refusals: &mut Vec<Refusal>,
) {
    let max = history.index_bound();
    for change in changes.iter().filter(|change| change.index > max) {
        let output = usize::try_from(change.output).unwrap_or(usize::MAX);
        refusals.push(Refusal::ChangeIndexTooFar {
            output,
            index: change.index,
            max,
        });
    }
    // An empty transaction was refused for its structure already.
    if let Err(fault) = history.admits(signed)
        && !signed.inputs.is_empty()
    {
        refusals.push(Refusal::History(fault));
    }
}
