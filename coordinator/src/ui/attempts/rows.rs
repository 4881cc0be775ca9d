//! The lines of the tables on the page of an attempt.

use bitcoin::Amount;

use super::{counted, purpose, short};
use crate::service::attempt_page::{AttemptPage, InputFacts, OtherAttempt, OutputKind};
use crate::ui::show::{Address, Moment, Money, Outside, State as Chip, TxidText, Unit};

/// An input.
pub(super) struct InputRow {
    pub(super) number: usize,
    pub(super) outpoint: TxidText,
    pub(super) amount: Money,
    pub(super) from: String,
    pub(super) reference: Option<Outside>,
    pub(super) confirmations: String,
    pub(super) enough: &'static str,
}

/// An output.
pub(super) struct OutputRow {
    pub(super) number: u32,
    pub(super) amount: Money,
    pub(super) address: Address,
    pub(super) kind: &'static str,
    pub(super) chip: &'static str,
    pub(super) withdrawal: Option<(String, String)>,
    pub(super) reference: Option<Outside>,
    pub(super) proof: Option<String>,
}

/// What a journal said.
pub(super) struct ReceiptRow {
    pub(super) signer: String,
    pub(super) journal: TxidText,
    pub(super) counter: u64,
    pub(super) at: Moment,
    pub(super) manifest: &'static str,
}

/// Another attempt beside it.
pub(super) struct OtherRow {
    pub(super) href: String,
    pub(super) short: String,
    pub(super) purpose: String,
    pub(super) state: Chip,
    pub(super) built: Moment,
    pub(super) fee: Money,
    pub(super) feerate: String,
    pub(super) order: &'static str,
}

pub(super) fn inputs(inputs: &[InputFacts], unit: Unit) -> Vec<InputRow> {
    let rows = inputs.iter().enumerate().map(|(number, input)| InputRow {
        number,
        outpoint: TxidText::of(&input.outpoint),
        amount: Money::new(Amount::from_sat(input.amount_sat), unit),
        from: input.coin.as_ref().map_or_else(
            || "not known here".to_owned(),
            |coin| format!("{}, {} {}", coin.from, coin.keychain, coin.index),
        ),
        reference: input
            .coin
            .as_ref()
            .and_then(|coin| coin.reference.as_deref().map(Outside::new)),
        confirmations: input.coin.as_ref().map_or_else(String::new, |coin| {
            let count = usize::try_from(coin.confirmations).unwrap_or(usize::MAX);
            counted(count, "confirmation")
        }),
        enough: if input.quorum {
            "enough"
        } else {
            "not enough yet"
        },
    });
    rows.collect()
}

pub(super) fn outputs(found: &AttemptPage, unit: Unit) -> Vec<OutputRow> {
    let vault = found.attempt.vault;
    let rows = found.outputs.iter().map(|output| {
        let (kind, chip, withdrawal, reference, proof) = match &output.kind {
            OutputKind::Payment {
                requester,
                id,
                reference,
                ..
            } => (
                "payment",
                "chip chip-busy",
                Some((
                    format!("/vaults/{vault}/withdrawals/{requester}/{id}"),
                    format!("{requester}/{id}"),
                )),
                Some(Outside::new(reference)),
                None,
            ),
            OutputKind::Change { index, version } => (
                "change",
                "chip chip-good",
                None,
                None,
                Some(format!(
                    "Change proven: derived again as internal {index} of the pinned descriptor (version {version})."
                )),
            ),
            OutputKind::Recovery => (
                "recovery",
                "chip chip-warn",
                None,
                None,
                Some("The address that the policy pins for recoveries.".to_owned()),
            ),
            OutputKind::Unknown => (
                "unknown",
                "chip chip-bad",
                None,
                None,
                Some("Nothing shows whose it is.".to_owned()),
            ),
        };
        OutputRow {
            number: output.output,
            amount: Money::new(Amount::from_sat(output.amount_sat), unit),
            address: Address::new(output.address.as_deref().unwrap_or(&output.script)),
            kind,
            chip,
            withdrawal,
            reference,
            proof,
        }
    });
    rows.collect()
}

pub(super) fn receipts(found: &AttemptPage) -> Vec<ReceiptRow> {
    let receipts = found.signing.iter().flat_map(|signing| &signing.receipts);
    let rows = receipts.map(|receipt| ReceiptRow {
        signer: receipt
            .signer
            .clone()
            .unwrap_or_else(|| "of no signer now".to_owned()),
        journal: TxidText::of(&receipt.journal),
        counter: receipt.counter,
        at: Moment::new(receipt.at),
        manifest: if receipt.same_manifest {
            "as it was issued first"
        } else {
            "as it was issued again"
        },
    });
    rows.collect()
}

pub(super) fn other_row(other: &OtherAttempt, unit: Unit) -> OtherRow {
    OtherRow {
        href: format!("/attempts/{}", other.txid),
        short: short(&other.txid),
        purpose: purpose(other.purpose).to_owned(),
        state: Chip::new(other.state),
        built: Moment::new(other.created_at),
        fee: Money::new(Amount::from_sat(other.fee_sat), unit),
        feerate: other.feerate_sat_vb.clone(),
        order: if other.is_later { "later" } else { "earlier" },
    }
}
