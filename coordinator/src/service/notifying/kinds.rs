//! Every kind of event, by its family: what a webhook may ask for.
//!
//! A test compares them with the golden file of all events, so that no kind is missing here.

/// The kinds of each family: an event's kind is the family, a point, and one of these.
pub const FAMILIES: &[(&str, &[&str])] = &[
    ("address", &["issued"]),
    ("alarm", &["ended", "raised"]),
    ("approval", &["recorded"]),
    (
        "attempt",
        &[
            "broadcasting",
            "confirmed",
            "died",
            "drafted",
            "dropped",
            "held",
            "issued",
            "left-mempool",
            "raised",
            "released",
            "remembered",
            "reorged",
            "revived",
            "seen-in-mempool",
            "settled",
            "signed",
            "stuck",
            "voided",
        ],
    ),
    ("batch", &["created"]),
    (
        "ceremony",
        &[
            "begun", "compared", "drafted", "emptied", "ended", "filled", "invited", "ready", "sat",
        ],
    ),
    (
        "change",
        &[
            "confirmed",
            "dropped",
            "replaced",
            "reversed",
            "seen",
            "settled",
        ],
    ),
    ("coin", &["frozen", "labelled", "thawed"]),
    ("consolidation", &["over", "proposed"]),
    ("customer", &["even", "negative", "released"]),
    (
        "deposit",
        &[
            "confirmed",
            "dropped",
            "replaced",
            "reversed",
            "seen",
            "settled",
        ],
    ),
    ("journal", &["imported", "moved", "refused"]),
    ("node", &["ok", "trouble"]),
    ("opening", &["confirmed", "reversed", "settled"]),
    ("outgoing", &["accepted", "known", "unknown"]),
    (
        "person",
        &[
            "absent",
            "invitation-confirmed",
            "invitation-revoked",
            "invited",
            "joined",
            "key-registered",
            "key-revoked",
            "notifications-set",
            "returned",
            "revoked",
            "role-changed",
            "role-kept",
            "role-proposed",
        ],
    ),
    ("policy", &["adopted", "approved", "proposed", "signed"]),
    (
        "queue",
        &[
            "allowed",
            "held",
            "latest-in-danger",
            "latest-passed",
            "released",
            "speed-set",
        ],
    ),
    ("reconciliation", &["agrees", "differs"]),
    (
        "session",
        &[
            "begun",
            "ended",
            "maintenance-approved",
            "signatures-refused",
            "signatures-taken",
            "void-taken",
            "void-wished",
        ],
    ),
    ("signer", &["gone", "present"]),
    ("small", &["confirmed", "reversed", "settled"]),
    (
        "spend",
        &[
            "confirmed",
            "dropped",
            "reorged",
            "seen",
            "settled",
            "unknown",
        ],
    ),
    ("statement", &["entitled", "signed", "stored"]),
    ("token", &["created", "revoked"]),
    (
        "vault",
        &[
            "addresses-superseded",
            "created",
            "customers-set",
            "deposits-cleared",
            "deposits-set",
            "fees-cleared",
            "fees-set",
            "mark-crossed",
            "marks-cleared",
            "marks-set",
            "moved-in",
            "moving-in",
            "rebuilt",
        ],
    ),
    ("webhook", &["added", "paused", "removed", "resumed"]),
    (
        "withdrawal",
        &[
            "approved",
            "batched",
            "broadcast",
            "cancelled",
            "confirmed",
            "draft-dropped",
            "expired",
            "failed",
            "issued",
            "reissued",
            "rejected",
            "reorged",
            "requested",
            "revived",
            "settled",
            "voided",
        ],
    ),
];

/// Whether the kind of some event begins so.
pub fn begins_some_kind(beginning: &str) -> bool {
    let mut kinds = FAMILIES.iter().flat_map(|(family, kinds)| {
        let full = move |kind: &&str| format!("{family}.{kind}");
        kinds.iter().map(full)
    });
    kinds.any(|kind| kind.starts_with(beginning))
}

/// The families as a person chooses among them: `withdrawal., deposit.`.
pub fn families() -> String {
    let families: Vec<String> = FAMILIES
        .iter()
        .map(|(family, _)| format!("{family}."))
        .collect();
    families.join(", ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    #[test]
    fn every_kind_of_event_stands_here_and_no_other() {
        let golden = include_str!("../../../../tests/vectors/events.json");
        let golden: Vec<Value> = serde_json::from_str(golden).expect("is JSON");
        let golden: BTreeSet<String> = golden
            .iter()
            .filter_map(|example| example["kind"].as_str().map(str::to_owned))
            .collect();
        let here: BTreeSet<String> = FAMILIES
            .iter()
            .flat_map(|(family, kinds)| kinds.iter().map(move |kind| format!("{family}.{kind}")))
            .collect();
        assert_eq!(here, golden);
    }

    #[test]
    fn a_beginning_is_one_of_some_kind_or_is_refused() {
        // In two parts, so that what is no kind does not stand here as one.
        for (family, rest) in [
            ("withdrawal", "."),
            ("with", ""),
            ("policy", ".adopted"),
            ("deposit", ".s"),
        ] {
            assert!(
                begins_some_kind(&format!("{family}{rest}")),
                "{family}{rest}"
            );
        }
        for (family, rest) in [
            ("nonsense", "."),
            ("withdrawals", "."),
            ("policy", ".adopts"),
            ("", "."),
        ] {
            assert!(
                !begins_some_kind(&format!("{family}{rest}")),
                "{family}{rest}"
            );
        }
        assert!(families().contains("withdrawal."));
    }
}
