//! What a foreign device must show of a transfer, for whoever compares: from the [`Review`] alone.

use bitcoin::{Address, TxOut};

use super::layout::{Page, amount, count, destination};
use crate::document::Policy;
use crate::review::Review;

/// Returns what is to be compared on a device before it signs: every output in its order, and the fee.
pub fn device_text(review: &Review, policy: &Policy, device: &str) -> String {
    let mut page = Page(String::new());
    page.line(&format!(
        "Compare on the device ({device}), output by output:"
    ));
    for (number, output) in (0_u32..).zip(&review.transaction.output) {
        one_output(&mut page, number, output, review, policy);
    }
    page.line(&format!("  fee {}", amount(review.fee)));
    let inputs = count(review.inputs.len(), "input");
    page.line(&format!("  from {inputs}"));
    page.wrapped(
        "Sign there only if all of it is the same. The device knows no approvals and no rules.",
    );
    page.0
}

fn one_output(page: &mut Page, number: u32, output: &TxOut, review: &Review, policy: &Policy) {
    let script = &output.script_pubkey;
    let what = if review.changes.iter().any(|one| one.output == number) {
        "change, back to us"
    } else if review.recovered.iter().any(|one| one.output == number) {
        "recovered"
    } else {
        "payment"
    };
    // Devices count from 1.
    let shown = number.saturating_add(1);
    page.line(&format!("{shown:>3}. {} {what}", amount(output.value)));
    let address = Address::from_script(script, policy.network).ok();
    page.indented(&destination(address.as_ref(), script));
}
