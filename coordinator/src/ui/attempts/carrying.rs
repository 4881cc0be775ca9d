//! An attempt's PSBT on its way to signers without a wire: how long it takes as QR codes, and what to do where it is long.

use super::counted;
use super::money::{Fact, grouped};
use crate::service::attempt_page::AttemptPage;
use crate::service::carrying::{CarryingFacts, Round};
use policies::carrier::Carrier;
use policies::devices::carrier_of;

/// A round that takes longer than this is long.
const LONG_ROUND_S: u64 = 60;
/// Previous transactions that take more of a PSBT than this are named as what makes it large.
const LARGE_SHARE_PERCENT: usize = 50;

/// For whom the PSBT is shown at first, where it is known whose turn it is.
pub(super) struct Receiver {
    /// Whether it is a device that is not this program.
    pub(super) is_device: bool,
    /// What its maker reads.
    pub(super) carrier: &'static str,
}

impl Receiver {
    pub(super) fn of(page: &AttemptPage) -> Self {
        let signing = page.signing.iter();
        let awaited = signing.flat_map(|signing| {
            let is_awaited = |name: &String| signing.awaited.contains(name);
            let signers = signing.signers.iter();
            signers.filter(move |signer| is_awaited(&signer.name))
        });
        let kinds: Vec<&str> = awaited
            .map(|signer| signer.device.as_deref().unwrap_or("software"))
            .collect();
        Self::of_kinds(&kinds)
    }

    fn of_kinds(kinds: &[&str]) -> Self {
        let all = |of: fn(&str) -> bool| !kinds.is_empty() && kinds.iter().all(|kind| of(kind));
        Self {
            is_device: all(is_foreign),
            carrier: if all(reads_ur) { "ur" } else { "bbqr" },
        }
    }
}

/// Whether a program of others reads it, which knows nothing of our records.
fn is_foreign(kind: &str) -> bool {
    !["software", "offline"].contains(&kind)
}

/// Whether the device reads UR; our own program reads both.
fn reads_ur(kind: &str) -> bool {
    is_foreign(kind) && carrier_of(kind) == Carrier::Ur
}

/// How long it takes, as facts beside its size.
pub(super) fn facts(carrying: &CarryingFacts) -> Vec<Fact> {
    let fact = |name, round: Option<Round>| {
        let Some(round) = round else {
            return Fact {
                exceeds: true,
                ..Fact::new(name, "it does not fit".to_owned(), String::new())
            };
        };
        Fact {
            exceeds: round.seconds > LONG_ROUND_S,
            ..Fact::new(
                name,
                counted(round.codes, "code"),
                format!("{} s a round, at four a second", round.seconds),
            )
        }
    };
    let mut facts = vec![fact("As BBQr", carrying.bbqr), fact("As UR", carrying.ur)];
    if carrying.previous_bytes > 0 {
        facts.push(Fact::new(
            "Previous transactions",
            format!(
                "{} bytes",
                grouped(u64::try_from(carrying.previous_bytes).unwrap_or(u64::MAX))
            ),
            format!("{} % of the PSBT", share(carrying)),
        ));
    }
    facts
}

/// What to know before somebody begins to carry it by QR codes; nothing where that is quick.
pub(in crate::ui) fn warnings(carrying: &CarryingFacts) -> Vec<String> {
    let mut words = Vec::new();
    match (carrying.bbqr, carrying.ur) {
        (None, None) => words.push("It is too large for QR codes.".to_owned()),
        (None, Some(round)) | (Some(round), None) if round.seconds > LONG_ROUND_S => {
            words.push(slow(round));
        }
        (Some(one), Some(other)) if one.seconds.max(other.seconds) > LONG_ROUND_S => {
            let slower = if one.seconds > other.seconds {
                one
            } else {
                other
            };
            words.push(slow(slower));
        }
        (Some(_), None | Some(_)) | (None, Some(_)) => {}
    }
    if !words.is_empty() && share(carrying) > LARGE_SHARE_PERCENT {
        words.push(format!(
            "Previous transactions are {} % of it: coins of wsh scripts are signed with them, coins of taproot are not.",
            share(carrying)
        ));
    }
    words
}

fn slow(round: Round) -> String {
    format!(
        "As QR codes it takes up to {} seconds a round ({}).",
        round.seconds,
        counted(round.codes, "code")
    )
}

/// Of a hundred bytes, those of previous transactions.
fn share(carrying: &CarryingFacts) -> usize {
    let hundred = carrying.previous_bytes.saturating_mul(100);
    hundred.checked_div(carrying.psbt_bytes).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts_of(bbqr: usize, ur: usize, previous_bytes: usize) -> CarryingFacts {
        CarryingFacts {
            psbt_bytes: 1_000,
            previous_bytes,
            bbqr: Some(Round::of(bbqr)),
            ur: Some(Round::of(ur)),
        }
    }

    #[test]
    fn a_round_of_more_than_a_minute_is_warned_of_and_what_makes_it_long_is_named() {
        assert!(warnings(&facts_of(1, 240, 999)).is_empty());
        let told = warnings(&facts_of(240, 241, 500));
        assert_eq!(
            told,
            ["As QR codes it takes up to 61 seconds a round (241 codes)."]
        );
        let told = warnings(&facts_of(241, 12, 830));
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[1].starts_with("Previous transactions are 83 % of it"));
        let nowhere = CarryingFacts {
            bbqr: None,
            ur: None,
            ..facts_of(1, 1, 0)
        };
        assert_eq!(warnings(&nowhere), ["It is too large for QR codes."]);
    }

    #[test]
    fn sizes_are_told_for_both_carriers_and_what_is_beyond_is_marked() {
        let facts = facts(&CarryingFacts {
            ur: None,
            ..facts_of(12, 0, 250)
        });
        let told: Vec<(&str, &str, bool)> = facts
            .iter()
            .map(|fact| (fact.is.as_str(), fact.bound.as_str(), fact.exceeds))
            .collect();
        assert_eq!(
            told,
            [
                ("12 codes", "3 s a round, at four a second", false),
                ("it does not fit", "", true),
                ("250 bytes", "25 % of the PSBT", false),
            ]
        );
    }

    #[test]
    fn a_device_is_shown_what_it_reads_without_our_records() {
        for (kinds, is_device, carrier) in [
            (&[][..], false, "bbqr"),
            (&["software"], false, "bbqr"),
            (&["offline"], false, "bbqr"),
            (&["software", "coldcard"], false, "bbqr"),
            (&["coldcard", "coldcard-q"], true, "bbqr"),
            (&["keystone", "jade"], true, "ur"),
            (&["keystone", "coldcard"], true, "bbqr"),
        ] {
            let receiver = Receiver::of_kinds(kinds);
            assert_eq!(
                (receiver.is_device, receiver.carrier),
                (is_device, carrier),
                "{kinds:?}"
            );
        }
    }
}
