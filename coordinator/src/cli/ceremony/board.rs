//! What is told of a board.

use policies::UnixTime;
use serde_json::Value;

use super::super::CliError;
use super::super::answer::{list, text};
use super::super::layout::{Lines, paragraph};
use super::super::output::{Output, say, table};

pub(super) fn told(board: &Value, out: &Output) -> Result<(), CliError> {
    out.told(board, || words(board))
}

/// The board in words: where it stands, its seats, its document, and what is next.
fn words(board: &Value) -> String {
    let head = Lines::default()
        .with("ceremony", text(board, "id"))
        .with("step", text(board, "step"))
        .with("vault", text(board, "vault"))
        .text();
    let columns = ["name", "person", "state", "compared_with", "ready_at"];
    let seats = table(list(board, "seats"), &columns);
    let draft = board.get("draft").map(drafted).unwrap_or_default();
    let next = paragraph(text(board, "next"), 0);
    format!(
        "Ceremony {}\n{head}\n{seats}\n{draft}{next}",
        text(board, "name")
    )
}

fn drafted(draft: &Value) -> String {
    if draft.is_null() {
        return String::new();
    }
    let words: Vec<&str> = list(draft, "words")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let lines = Lines::default()
        .with("document", text(draft, "policy"))
        .with("words", words.join(" "))
        // The first one. More words do not fit beside the longest address.
        .with("address 0", text(draft, "first_address"));
    format!("{}\n", lines.text())
}

pub(super) fn invited(link: &Value, out: &Output) -> Result<(), CliError> {
    if out.json() {
        return out.record(link);
    }
    let expires = link
        .get("expires")
        .and_then(Value::as_u64)
        .unwrap_or_default();
    let until = UnixTime::from_secs(expires);
    say(&format!(
        "For {}, once, until {until}. The link before and its sitting are void.",
        text(link, "person")
    ));
    out.text(text(link, "url"))
}

pub(super) fn active(active: &Value) -> String {
    let board = active.get("ceremony").cloned().unwrap_or_default();
    format!(
        "{}\n{}",
        Lines::default().with("vault", text(active, "vault")).text(),
        paragraph(text(&board, "next"), 0)
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::cli::layout::WIDTH;

    #[test]
    fn a_board_shows_every_seat_and_what_is_next_within_eighty_columns() {
        let words: Vec<&str> = vec!["abandon"; 24];
        let board = json!({
            "id": "0a1b2c3d4e5f6071", "name": "treasury", "step": "confirming", "vault": null,
            "next": "To be confirmed by bob, carol.",
            "seats": [
                { "name": "alice", "person": "alice", "state": "ready", "compared_with": "bob", "ready_at": 1_795_400_000 },
                { "name": "bob", "person": "robert", "state": "filled", "compared_with": null, "ready_at": null },
            ],
            "draft": { "policy": "ab".repeat(32), "words": words, "first_address": "bcrt1q".to_owned() + &"a".repeat(58) },
        });
        let told = super::words(&board);
        for part in [
            "robert",
            "To be confirmed by bob, carol.",
            "abandon abandon",
            "bcrt1q",
        ] {
            assert!(told.contains(part), "{part}: {told}");
        }
        let widest = told.lines().map(|line| line.chars().count()).max();
        assert!(widest.is_some_and(|widest| widest <= WIDTH), "{told}");
    }
}
