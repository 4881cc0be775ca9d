//! G14: a model of the protocol, searched exhaustively over the journal that ships.
//!
//! Invariants: in no chain that can be made of what enough signers signed do two transactions pay one line; what
//! enough signers voided is never complete; and in no state under no chain are funds stuck: every output can be
//! spent to ourselves, and every withdrawal that is not paid can be paid, or asked for again; it can be paid whenever
//! every ancestor was carried and no journal was lost.
//! Each error that is planted must be found.

mod errors;
mod means;
mod scenes;
mod search;
mod signer;
mod stuck;
mod universe;

use std::time::Instant;

use self::errors::Error;
use self::scenes::{attempts, of_few_chains, of_few_journals};
use self::search::{Scene, Searched};
use self::signer::Bounds;
use super::{Found, Settings};

/// Runs the searches.
pub(super) fn run(settings: &Settings) -> Found {
    let begun = Instant::now();
    let mut complaints = Vec::new();
    let mut notes = Vec::new();
    let mut total = Searched::default();
    let (mut searched, mut violations) = (0, 0);
    for scene in scenes::scenes(settings.full) {
        let start = Instant::now();
        let found = scene.search(None);
        notes.push(described(&scene, &found, start));
        searched += 1;
        total.states += found.states;
        total.with_chains += found.with_chains;
        total.transitions += found.transitions;
        total.depth = total.depth.max(found.depth);
        if let Some(way) = found.violation {
            violations += 1;
            complaints.push(format!("{}: {}", scene.name, way.join("; ")));
        }
    }
    let errors = planted();
    let planted = errors.len();
    let mut caught = 0;
    for (name, scene, error) in errors {
        match scene.search(error).violation {
            Some(way) => {
                caught += 1;
                notes.push(format!(
                    "planted: {name}: found in {} steps: {}",
                    way.len() - 1,
                    way.join("; ")
                ));
            }
            None => complaints.push(format!("planted: {name}: not found")),
        }
    }
    Found {
        line: format!(
            "G14: {searched} searches, {} states, {} with their chains, {} transitions, depth {}, violations={violations}; \
             {planted} errors planted, {caught} found; {} s",
            total.states,
            total.with_chains,
            total.transitions,
            total.depth,
            begun.elapsed().as_secs()
        ),
        complaints,
        notes,
    }
}

/// Whether a small search finds anything wrong with the journal as it is built here.
#[cfg(feature = "planted")]
pub(super) fn finds_a_violation() -> bool {
    let bounds = Bounds {
        orders: true,
        ..attempts(3)
    };
    of_few_chains(bounds).search(None).violation.is_some()
}

/// Every error, and where it is looked for; the last two are of the document, not of a signer.
fn planted() -> Vec<(&'static str, Scene, Option<Error>)> {
    let restored = Bounds {
        restores: true,
        ..attempts(1)
    };
    let ordered = Bounds {
        orders: true,
        ..attempts(3)
    };
    let crashing = Bounds {
        crashes: true,
        ..attempts(1)
    };
    let all_of_it = Bounds {
        voids: 1,
        restores: true,
        ..attempts(1)
    };
    let voiding = Bounds {
        voids: 1,
        ..attempts(1)
    };
    let mut all: Vec<(&'static str, Scene, Option<Error>)> = [
        (Error::DeadIsForgotten, of_few_chains(attempts(2))),
        (Error::LastAttemptOnly, of_few_chains(ordered)),
        (Error::DescendantExcludes, of_few_chains(attempts(2))),
        (Error::SharedAncestorExcludes, of_few_chains(attempts(2))),
        (Error::AncestorsDoNotCount, of_few_chains(attempts(2))),
        (Error::VoidIsForgotten, of_few_journals(voiding)),
        (Error::VoidAfterRestore, of_few_journals(all_of_it)),
        (Error::VoidLocksCoins, of_few_journals(voiding)),
        (Error::BirthIsForgotten, of_few_journals(restored)),
        (Error::ReplacedIsForgotten, of_few_journals(restored)),
        (Error::WrittenTooLate, of_few_journals(crashing)),
    ]
    .into_iter()
    .map(|(error, scene)| (error.name(), scene, Some(error)))
    .collect();
    all.push(("two of four sign", scenes::without_a_common_signer(), None));
    all.push((
        "three of five sign, one dishonest",
        scenes::without_a_common_honest_signer(),
        None,
    ));
    all
}

fn described(scene: &Scene, found: &Searched, start: Instant) -> String {
    format!(
        "{}: {} transactions, {} places of a signer, {} states ({}), {} with their chains, {} transitions, depth {}, \
         {} open withdrawals payable, {} only as repeats, {} s",
        scene.name,
        scene.universe.transactions.len(),
        found.places,
        found.states,
        if found.whole {
            "all there are"
        } else {
            "all within the steps"
        },
        found.with_chains,
        found.transitions,
        found.depth,
        found.payable,
        found.repeated,
        start.elapsed().as_secs()
    )
}
