//! A journal as people read it: one line an entry, at most 80 columns, times in UTC.

use bitcoin::Txid;
use policies::UnixTime;
use policies::journal::{Entry, SeenKind, SignedTransaction, SpendMode};

const HEAD: &str =
    "entry time                 what      subject              amount sat     fee sat";

/// The entries as a table.
pub(super) fn table(entries: &[(u64, Entry)]) -> String {
    let mut table = format!("{HEAD}\n");
    for (counter, entry) in entries {
        table.push_str(row(*counter, entry).trim_end());
        table.push('\n');
    }
    table
}

fn row(counter: u64, entry: &Entry) -> String {
    let (at, what, rest) = match entry {
        Entry::Birth(birth) => {
            let at = if birth.birth == UnixTime::ZERO {
                "with the vault".to_owned()
            } else {
                birth.birth.to_string()
            };
            (at, "birth", short_key(&birth.key))
        }
        Entry::Signed(signed) => (signed.at.to_string(), mode(signed.mode), paid(signed)),
        Entry::Again(again) => {
            let receipt = format!("{} receipt given again", short(&again.txid));
            (again.at.to_string(), "again", receipt)
        }
        Entry::Seen(seen) => {
            let (what, subject) = match seen.kind() {
                SeenKind::Added => ("added", seen.subject()),
                SeenKind::Stopped { .. } => ("stopped", seen.subject()),
                SeenKind::Released { stop } => ("released", stop),
                SeenKind::Removed { entry } => ("removed", entry),
                SeenKind::Confirmed { entry } => ("confirmed", entry),
            };
            let about = match seen.kind() {
                SeenKind::Stopped { .. } | SeenKind::Released { .. } => "stop",
                SeenKind::Added | SeenKind::Removed { .. } | SeenKind::Confirmed { .. } => "list",
            };
            (
                seen.at().to_string(),
                what,
                format!("{about} {}", short_hex(&subject)),
            )
        }
        Entry::Voided(voided) => (voided.at.to_string(), "voided", short(&voided.txid)),
        Entry::Proposed(version) => (version.at.to_string(), "proposed", policy(&version.policy)),
        Entry::Adopted(version) => (version.at.to_string(), "adopted", policy(&version.policy)),
        Entry::Moved(moved) => (moved.at.to_string(), "moved to", short_key(&moved.to)),
        Entry::Inherited(from) => (String::new(), "from", short_key(&from.from)),
    };
    format!("{counter:>5} {at:<20} {what:<9} {rest}")
}

const fn mode(mode: SpendMode) -> &'static str {
    match mode {
        SpendMode::Pay => "pay",
        SpendMode::SelfSpend => "self",
        SpendMode::Recovery => "recovery",
    }
}

fn paid(signed: &SignedTransaction) -> String {
    let sum = signed.intents.iter().fold(0_u64, |sum, intent| {
        sum.saturating_add(intent.amount.to_sat())
    });
    let txid = short(&signed.txid);
    let (sum, fee) = (grouped(sum), grouped(signed.fee.to_sat()));
    format!("{txid} {sum:>22} {fee:>11}")
}

fn short(txid: &Txid) -> String {
    txid.to_string().chars().take(8).collect()
}

fn policy(version: &policies::PolicyId) -> String {
    format!("policy {}", short_hex(version.as_bytes()))
}

fn short_key(key: &policies::PublicKey) -> String {
    key.to_string().chars().take(24).collect()
}

fn short_hex(bytes: &[u8]) -> String {
    use bitcoin::hex::DisplayHex;
    let hex = bytes.to_lower_hex_string();
    hex.chars().take(16).collect()
}

/// Digits in groups of three.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (position, digit) in digits.chars().enumerate() {
        let left = digits.len().saturating_sub(position);
        if position > 0 && left % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;
    use bitcoin::hashes::Hash;
    use bitcoin::{Amount, OutPoint};
    use policies::intent::SecretKey;
    use policies::journal::{Again, Birth, Given, Moved, Seen};

    #[test]
    fn every_entry_is_one_line_of_at_most_80_columns() {
        let key = SecretKey::from_bytes(&[1; 32]).public();
        let at = UnixTime::from_secs(1_795_478_500);
        let vault = policies::VaultId::from_bytes([1; 32]);
        let birth = UnixTime::ZERO;
        let signed = SignedTransaction {
            txid: Txid::from_byte_array([0xab; 32]),
            mode: SpendMode::Recovery,
            inputs: vec![OutPoint::null()],
            ancestors: Vec::new(),
            intents: Vec::new(),
            rules: Vec::new(),
            replaced: Vec::new(),
            change_indexes: Vec::new(),
            fee: Amount::from_sat(999_999_999),
            at,
            given: None,
        };
        let entry = "cd".repeat(32);
        let statement =
            format!("{{\"entry\":\"{entry}\",\"format\":\"countersign/list-confirm/1\"}}");
        let given = Given {
            manifest: [0; 32],
            nonce: None,
            event_head: None,
        };
        let again = Again {
            txid: signed.txid,
            given,
            at,
        };
        let entries = [
            Entry::Birth(Birth { vault, key, birth }),
            Entry::Signed(signed),
            Entry::Again(again),
            Entry::Seen(Seen::of(statement.as_bytes(), at).expect("a statement")),
            Entry::Moved(Moved { to: key, at }),
        ];
        let entries: Vec<(u64, Entry)> = (0..).zip(entries).collect();
        let table = table(&entries);
        assert!(table.lines().all(|line| line.len() <= 80), "{table}");
        assert_eq!(table.lines().count(), 6);
        assert!(
            table.contains("    0 with the vault       birth"),
            "{table}"
        );
        let row =
            "    1 2026-11-24T00:01:40Z recovery  abababab                      0 999,999,999";
        assert!(table.contains(row), "{table}");
        assert!(table.contains("confirmed list cdcdcdcdcdcdcdcd"), "{table}");
    }

    #[test]
    fn digits_are_grouped_by_three() {
        let shown = [0, 999, 1_000, 2_100_000_000_000_000].map(grouped);
        assert_eq!(shown, ["0", "999", "1,000", "2,100,000,000,000,000"]);
    }
}
