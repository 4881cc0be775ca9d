//! An attempt as the drawing of its flow takes it.

use crate::service::attempt_page::{AttemptPage, OutputKind};
use crate::ui::drawing::flow::{Band, Flow, Kind};
use crate::ui::show::Unit;

pub(super) fn flow(found: &AttemptPage, title: &str, unit: Unit) -> Flow {
    let inputs = found.inputs.iter().map(|input| Band {
        kind: Kind::Coin,
        sat: input.amount_sat,
        words: match &input.coin {
            Some(coin) => format!("{} {}", coin.from, short_outpoint(&input.outpoint)),
            None => short_outpoint(&input.outpoint),
        },
    });
    let outputs = found.outputs.iter().map(|output| {
        let kind = match &output.kind {
            OutputKind::Payment { .. } => Kind::Payment,
            OutputKind::Change { .. } => Kind::Change,
            OutputKind::Recovery => Kind::Recovery,
            OutputKind::Unknown => Kind::Unknown,
        };
        let address = output.address.as_deref().unwrap_or(&output.script);
        let words = match &output.kind {
            OutputKind::Payment { id, .. } => format!("{id} to {}", short_address(address)),
            OutputKind::Change { index, .. } => {
                format!("internal {index}, {}", short_address(address))
            }
            OutputKind::Recovery | OutputKind::Unknown => short_address(address),
        };
        Band {
            kind,
            sat: output.amount_sat,
            words,
        }
    });
    let outputs: Vec<Band> = if found.outputs.is_empty() {
        let paid = found.attempt.payments.iter().map(|payment| Band {
            kind: Kind::Payment,
            sat: payment.amount_sat,
            words: payment.id.to_string(),
        });
        paid.collect()
    } else {
        outputs.collect()
    };
    Flow {
        title: format!("Where the money goes: {title}"),
        inputs: inputs.collect(),
        outputs,
        fee_sat: found.fee.fee_sat,
        unit,
    }
}

fn short_address(address: &str) -> String {
    match address
        .get(..8)
        .zip(address.get(address.len().saturating_sub(6)..))
    {
        Some((first, last)) if address.len() > 16 => format!("{first}…{last}"),
        Some(_) | None => address.to_owned(),
    }
}

fn short_outpoint(outpoint: &str) -> String {
    match outpoint.split_once(':') {
        Some((txid, output)) => {
            format!("{}…:{output}", txid.get(..8).unwrap_or(txid))
        }
        None => outpoint.to_owned(),
    }
}
