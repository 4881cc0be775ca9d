//! What is told of spends to ourselves and of recoveries: coins, fee, where it goes, who signs.

use serde_json::Value;

use super::answer::{amount, count, list, number, persons, sentence, text};
use super::batch;
use super::layout::Lines;

/// A plan, and the batch that was made of it if it was no preview.
pub(super) fn told(answer: &Value) -> String {
    let mut lines = Lines::default().with("for", text(answer, "purpose"));
    for coin in list(answer, "coins") {
        let what = format!("{} {}", text(coin, "outpoint"), amount(coin, "amount_sat"));
        lines = lines.with("spends", what);
    }
    if let Some(to) = answer.get("to").filter(|to| !to.is_null()) {
        let place = match number(to, "index") {
            outside if outside.is_empty() => String::new(),
            index => format!(", change index {index}"),
        };
        let what = format!(
            "{} {}{place}",
            text(to, "address"),
            amount(to, "amount_sat")
        );
        let feerate = text(answer, "feerate_sat_vb");
        lines = lines.with("to", what).with(
            "fee",
            format!("{}, {feerate} sat/vB", amount(answer, "fee_sat")),
        );
    }
    if let Some(needs) = answer.get("maintenance").filter(|needs| !needs.is_null()) {
        lines = lines.with(
            "approvals",
            format!("{} must approve it as maintenance", persons(needs)),
        );
    }
    let sets: Vec<String> = list(answer, "signers")
        .iter()
        .map(|set| {
            let names: Vec<&str> = super::api::items(set)
                .iter()
                .filter_map(Value::as_str)
                .collect();
            sentence(&names)
        })
        .collect();
    lines = lines.with("signers", sets.join(", or "));
    for coin in list(answer, "waiting") {
        let from = number(coin, "from_height");
        let what = format!(
            "{} {}, from height {from} on",
            text(coin, "outpoint"),
            amount(coin, "amount_sat")
        );
        lines = lines.with("not yet", what);
    }
    for coin in list(answer, "frozen").iter().filter_map(Value::as_str) {
        lines = lines.with("frozen", format!("{coin} stays where it is"));
    }
    let begin = match list(answer, "coins").len() {
        0 => "Nothing can be spent now.".to_owned(),
        coins => format!(
            "{} would be spent; nothing is done yet.",
            count(coins, "coin")
        ),
    };
    match answer.get("batch").filter(|batch| !batch.is_null()) {
        None => format!("{begin}\n{}", lines.text()),
        Some(made) => format!(
            "Made and issued for signing.\n{}\n{}",
            lines.text(),
            batch::told("Batch", made)
        ),
    }
}
