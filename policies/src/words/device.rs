//! What a foreign device must show of a transfer, for whoever compares: from the [`Review`] alone.

use bitcoin::{Address, TxOut};

use super::layout::{Page, amount, count, destination};
use crate::devices::{Demand, SigningTime, findings};
use crate::document::{KeysetView, Policy, Signer};
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
    let keyset = spent(review, policy);
    let demand = Demand::of(keyset.descriptor);
    let holder = keyset.signers.iter().find(|signer| holds(signer, device));
    let time = holder.and_then(|signer| SigningTime::of(&demand, signer, review.inputs.len()));
    let time = time.map(|time| format!(": about {} there", time.takes()));
    page.line(&format!("  from {inputs}{}", time.unwrap_or_default()));
    page.wrapped(
        "Sign there only if all of it is the same. The device knows no approvals and no rules.",
    );
    for finding in findings(keyset.descriptor, keyset.signers) {
        if finding.kind == device && finding.refuses() {
            page.wrapped(&format!("As far as is known here, {finding}."));
        }
    }
    page.0
}

/// The keyset whose coins are spent.
fn spent<'p>(review: &Review, policy: &'p Policy) -> KeysetView<'p> {
    let former = review.former;
    let mut keysets = policy.keysets();
    keysets
        .find(|keyset| former.is_some_and(|former| keyset.keyset == former))
        .unwrap_or_else(|| policy.newest_keyset())
}

fn holds(signer: &Signer, device: &str) -> bool {
    signer
        .device
        .as_ref()
        .is_some_and(|found| found.kind == device)
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

#[cfg(all(test, feature = "signing"))]
mod tests {
    use super::*;
    use crate::ScriptKind;
    use crate::document::DeviceDraft;
    use crate::review::world::World;

    fn told(kind: &str) -> String {
        let world = World::with(ScriptKind::Wsh, |draft| {
            draft.signers[0].device = Some(DeviceDraft {
                kind: kind.to_owned(),
            });
        });
        let review = world.reviewed(&world.attempt());
        let text = device_text(&review, &world.policy, kind);
        assert!(
            text.lines().all(|line| line.chars().count() <= 80),
            "{text}"
        );
        text
    }

    #[test]
    fn whoever_compares_reads_how_long_a_measured_device_takes() {
        let ledger = told("ledger");
        assert!(ledger.contains(" s there\n"), "{ledger}");
        assert!(!ledger.contains("As far as"), "{ledger}");
        assert!(!told("krux").contains(" s there"));
    }

    #[test]
    fn whoever_hands_over_to_a_device_that_cannot_sign_reads_it() {
        let trezor = told("trezor");
        assert!(
            trezor.contains("As far as is known here, alice's trezor cannot sign"),
            "{trezor}"
        );
    }
}
