//! The words of a ladder: several feerates of one payment, of which at most one is ever in a chain.

use super::layout::{Page, count, thousands};
use crate::document::format_sat_per_vb;
use crate::review::Review;

/// Returns what a signer reads of a ladder beside the review of its dearest rung: the rungs, cheapest first.
pub fn ladder_text(rungs: &[&Review]) -> String {
    let mut page = Page(String::new());
    page.wrapped(&format!(
        "This is a ladder of {}: the same payments from the same coins at several feerates. At most one of them can \
         ever be in the chain. Above is the dearest; the others pay less to miners and leave more change.",
        count(rungs.len(), "rung")
    ));
    for (number, rung) in (1..).zip(rungs) {
        let change = rung
            .changes
            .first()
            .map_or(0, |change| change.amount.to_sat());
        page.line(&format!(
            "  rung {number}  {:>8} sat/vB  fee {:>11} sat  back {:>17} sat",
            format_sat_per_vb(rung.feerate),
            thousands(rung.fee.to_sat()),
            thousands(change)
        ));
    }
    let shown = rungs.last().map_or(&[][..], |top| top.warnings.as_slice());
    let mut further: Vec<&String> = rungs.iter().flat_map(|rung| &rung.warnings).collect();
    further.sort();
    further.dedup();
    for warning in further
        .into_iter()
        .filter(|warning| !shown.contains(warning))
    {
        page.wrapped(&format!("Another rung deserves a second look: {warning}"));
    }
    page.0
}
